/* exchange.h - one request and its response, from either end, and what an application does with it.
 *
 * "Theirs" is the request at a server and the response at a client; "ours" is the other one. Calls
 * never nest: what a handler asks for is written down here and done after the handler returns.
 * A run's bytes are borrowed until on_room says they were released, or until on_close. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/forwarded.h"
#include "http/message.h"

/* A run of content: bytes, or a range of a file. */
typedef struct tc_run {
    enum tc_run_kind { TC_RUN_BYTES, TC_RUN_FILE } kind;
    int fd;         /* FILE */
    const char *at; /* BYTES */
    uint64_t off;   /* FILE: where the rest begins */
    size_t len;
} tc_run;

static inline tc_run tc_run_bytes(tc_span s)
{
    return (tc_run){.kind = TC_RUN_BYTES, .fd = -1, .at = s.at, .len = s.len};
}

static inline tc_run tc_run_file(int fd, uint64_t off, size_t len)
{
    return (tc_run){.kind = TC_RUN_FILE, .fd = fd, .off = off, .len = len};
}

typedef struct tc_exchange tc_exchange;

/* What an application is. All but on_head may be NULL. An error returned ends the exchange: with
 * the error's status if the response has not begun, else by breaking it off. */
typedef struct tc_handler {
    const char *name;
    tc_err (*on_head)(void *self, tc_exchange *x);              /* their head is here, 1xx too */
    tc_err (*on_data)(void *self, tc_exchange *x, tc_span run); /* valid during the call */
    tc_err (*on_end)(void *self, tc_exchange *x);               /* their message is whole */
    tc_err (*on_room)(void *self, tc_exchange *x);              /* all runs so far are released */
    void (*on_close)(void *self, tc_exchange *x, tc_err why);   /* always, once, last */
} tc_handler;

enum { TC_RUNS = 4, TC_EXCHANGE_ROOM = 3072 };

/* What a handler asked for, until the session has done it. */
enum tc_want {
    TC_WANT_INFORM = 1,  /* a 1xx head in .informational */
    TC_WANT_HEAD = 2,    /* send .ours */
    TC_WANT_BODY = 4,    /* runs wait in .runs */
    TC_WANT_END = 8,     /* ours ends after the runs, with .ours.trailers if it has any */
    TC_WANT_ABORT = 16,  /* break off for .abort_reason */
    TC_WANT_RESUME = 32, /* read their content again */
    TC_WANT_PUSH = 64,   /* make the .promises */
};

/* A path of the same origin that the client is to be given unasked. */
typedef struct tc_promise {
    tc_span path;
    struct tc_promise *next;
} tc_promise;

/* When things happened: monotonic ns, 0 until they do. */
typedef struct tc_exchange_times {
    int64_t begun; /* server: first byte of the request; client: start */
    int64_t theirs_head, theirs_end;
    int64_t ours_head, ours_end; /* handed to the link */
} tc_exchange_times;

struct tc_exchange {
    uint64_t id; /* never reused within a session */
    tc_message theirs, ours;
    tc_arena arena; /* both messages and all of the handler's memory */
    tc_exchange_times times;
    uint64_t content_in, content_out; /* bytes of content */
    uint64_t
        content_most; /* server: of theirs; the limit body_bytes, if routing sets nothing else */
    uint64_t wire_in, wire_out; /* bytes on the wire, heads and framing too */

    /* the handler and what it asked for */
    const tc_handler *handler;
    void *self;
    const void *place; /* server: of the application, what it found the target to be in */
    unsigned want;     /* enum tc_want */
    bool paused;       /* the handler takes no content now */
    bool unseen;       /* content came meanwhile, which the engine is to give again */
    bool partly;       /* of the run in on_data only .used bytes were used */
    size_t used;
    bool tunnel;      /* the engine: CONNECT was answered with 2xx. Each side ends its own half */
    bool began;       /* our final head was asked for */
    bool ended;       /* our end was asked for */
    bool theirs_done; /* their end came */
    bool whole;       /* the engine: our message was given out, to its end */
    bool pushed;      /* nobody asked for it: the server promised it */
    bool early;       /* it came, or (client) left, in early data */
    bool quick;       /* the handler: its answer was in memory, and took no time to speak of */
    tc_span proven;   /* server: who the client proved to be; empty: nobody. Lives with the link */
    tc_asker asker;   /* server: who asks, as trusted proxies say */
    tc_span user;     /* server: who that is, by a password; empty: nobody. Lives with x */
    uint8_t run_count;
    tc_run runs[TC_RUNS];
    uint16_t informational;
    uint32_t informed;      /* 1xx responses sent */
    const tc_fields *hints; /* of the 1xx response; NULL: none */
    tc_promise *promises;
    tc_err abort_reason; /* why it is broken off; also the fault of a request that came broken */

    /* the session and the engine below */
    void (*wake)(tc_exchange *x); /* tells the session that want changed outside a handler call */
    void *session;
    void *stream;            /* the engine's, in the arena */
    tc_exchange *next, **at; /* the session's list, and what points here in it */
    uint64_t held;           /* bytes of content not given back to the engine while paused */
    int64_t rate_mark;       /* since when their content has to come on; 0: it need not */
    uint64_t rate_bytes;     /* .wire_in then */
    _Alignas(16) char room[TC_EXCHANGE_ROOM]; /* the arena's first block */
};

/* The request came in early data, here or at a proxy before us (RFC 8470, 5.1): it may be a replay.
 * If its method is not safe, no handler sees it; one that is safe may still be answered with 425.
 */
bool tc_exchange_early(const tc_exchange *x);

/* For whoever owns the memory (an engine takes it from a slab). */
void tc_exchange_init(tc_exchange *x, uint64_t id, size_t arena_max);
void tc_exchange_fini(tc_exchange *x);

/* --- what a handler may call, inside its calls or at any later time before on_close --- */

/* Server: sends a 1xx response with these fields (NULL: none), which live as long as x. */
tc_err tc_exchange_inform(tc_exchange *x, unsigned status, const tc_fields *fields) TC_MUST_USE;
/* Server: gives the client this path (and query) of the same origin too, where the version can and
 * the client lets it, promised before the final head. path lives as long as x. No more than a hint:
 * there is no telling whether it was done. Nothing follows from a push. */
tc_err tc_exchange_push(tc_exchange *x, tc_span path) TC_MUST_USE;
/* Server: fills in the status and sends the head of .ours; content of .ours.length follows (0:
 * none). Once. */
tc_err tc_exchange_answer(tc_exchange *x, unsigned status, int64_t length) TC_MUST_USE;
/* Queues a run of content; last ends our message. TC_ERR_FULL: wait for on_room. */
tc_err tc_exchange_send(tc_exchange *x, tc_run run, bool last) TC_MUST_USE;
/* Ends our message, with .ours.trailers if there are any. */
tc_err tc_exchange_end(tc_exchange *x) TC_MUST_USE;
/* Head, one run and end at once: the whole of a plain answer. */
tc_err tc_exchange_reply(tc_exchange *x, unsigned status, tc_run content) TC_MUST_USE;
/* After pause, on_data is not called until resume; the peer feels it (back-pressure). */
void tc_exchange_pause(tc_exchange *x);
/* In on_data: the same, and of this run only the first n bytes were used. The rest comes again. */
void tc_exchange_pause_after(tc_exchange *x, size_t n);
void tc_exchange_resume(tc_exchange *x);
void tc_exchange_abort(tc_exchange *x, tc_err why);

static inline void *tc_exchange_alloc(tc_exchange *x, size_t size)
{
    return tc_arena_alloc(&x->arena, size);
}
