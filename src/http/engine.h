/* engine.h - the contract of every version of HTTP: bytes and a time in; events, bytes and a
 * deadline out. An engine opens nothing, reads no clock, calls nobody back, and allocates only
 * from the slab and the arenas it is given. The same engine works at both ends (env->role).
 *
 * One turn, as the session plays it:
 *
 *     type->feed(e, now, sid, in, fin);         lends bytes
 *     while (type->next(e, &ev)) apply(&ev);    events; may call start, head, body, took, abort
 *     n = type->output(e, ...); link writes; type->wrote(e, ...), type->acked(e, ...)
 *     ... and again until neither gives anything ...
 *     kept = type->fed(e);                      the loan ends: how many bytes were taken
 *
 * What was not taken is lent again, with more behind it. Spans in an event live until fed. Content
 * is given in a DATA once; until it is given back with took, inside a loan, it stays untaken at the
 * front, and no other DATA of that exchange comes. took with 0 asks for the same DATA once more.
 *
 * On a link with streams a loan is of one stream (sid), and next, took and output come without one
 * too: what is given back then counts as taken with the stream's next loan. Runs are looked at
 * until acked, until the order RESET of their stream was taken, or to the end; CLOSED comes after
 * that.
 *
 * An exchange belongs to the engine's slab. The engine refers to it from HEAD (server) or start
 * (client) until it gives CLOSED, the last event of every exchange; the session then ends it and
 * puts it back. Everything else in an event is read by the session, never kept. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "base/slab.h"
#include "base/timer.h"
#include "http/exchange.h"

enum tc_event_kind {
    TC_EV_HEAD,  /* their head is in x->theirs, a 1xx one too. err: the head is broken, answer
                    with the error's status and expect no more (server) */
    TC_EV_DATA,  /* a run of their content in data: give it back with took() */
    TC_EV_END,   /* their message is whole, trailers in x->theirs.trailers */
    TC_EV_RESET, /* their message breaks off for err, after its head. A server may still answer */
    TC_EV_PUSH,  /* client: the server promised x, whose request is x->ours, together with the
                    answer of .of. err: it may not, and CLOSED follows */
    TC_EV_RELEASED, /* every run of ours so far may be reused; there is room for more */
    TC_EV_CLOSED,   /* the engine is done with x. err: it did not end well */
    TC_EV_NOTE,     /* with TC_NOTES_WORDS: a line or frame, in words, in data; ours says whose */
    TC_EV_FRAME,    /* with TC_NOTES_FRAMES: .frame, until the next event; ours says whose */
    TC_EV_FAILED,   /* client: no exchange is open and the peer's bytes make no sense */
};

typedef struct tc_event {
    enum tc_event_kind kind;
    tc_err err;
    tc_exchange *x;
    tc_exchange *of; /* PUSH */
    tc_span data;
    bool end;  /* HEAD, DATA: their message ends with this; no END follows */
    bool ours; /* NOTE, FRAME */
    const struct tc_frame *frame;
} tc_event;

/* On a link with streams, the sid of nothing; on one without, all is stream 0. */
#define TC_NO_STREAM UINT64_MAX

/* What a link must do besides writing. A link without streams knows only CLOSE. */
typedef struct tc_order {
    enum tc_order_kind {
        TC_ORDER_OPEN_UNI, /* open a stream of ours, one way; answer with opened() */
        TC_ORDER_RESET,    /* reset our half of stream sid with code n */
        TC_ORDER_STOP,     /* ask for a reset of their half of sid with code n */
        TC_ORDER_CREDIT,   /* the peer may send n more bytes on sid */
        TC_ORDER_CLOSE,    /* after what is written: close. code n; linger: they may still send */
    } kind;
    bool linger;
    uint64_t sid, n;
} tc_order;

/* What those who look on are given of the wire. Frames are for versions that have them. */
enum tc_notes { TC_NOTES_WORDS = 1, TC_NOTES_FRAMES = 2 };

/* What engines of one worker and role share. Outlives them. */
typedef struct tc_engine_env {
    enum tc_role role;
    uint8_t notes;      /* enum tc_notes: give NOTE events, FRAME events */
    bool push;          /* client: take pushes */
    tc_span scheme;     /* "http", or "https" over TLS */
    tc_slab *exchanges; /* of tc_exchange */
    uint64_t *windows;  /* bytes that peers may send beyond the first windows, all in all */
    uint64_t chance;    /* from where engines draw numbers that nobody should rely on */
    const tc_limits *limits;
    tc_reached *reached;
} tc_engine_env;

typedef struct tc_engine_type tc_engine_type;

/* The head of every engine. The engine's own state follows in the same memory. */
typedef struct tc_engine {
    const tc_engine_type *type;
    tc_engine_env *env;
} tc_engine;

struct tc_engine_type {
    const char *name;
    enum tc_version version;
    bool many_streams; /* several exchanges at a time */
    bool whole_target; /* client: sends message.target, so that a proxy can forward the request */
    size_t size;       /* bytes of an engine */

    void (*init)(tc_engine *e, tc_engine_env *env);
    void (*fini)(tc_engine *e); /* puts back an exchange whose HEAD it has not given yet; touches
                                   no other: those are the session's, and gone by now */

    void (*feed)(tc_engine *e, int64_t now, uint64_t sid, tc_span in, bool fin);
    bool (*next)(tc_engine *e, tc_event *ret_event);
    size_t (*fed)(tc_engine *e);

    /* Client: sends x->ours as a request on an exchange from env->exchanges. TC_ERR_FULL: not now.
     * end: no content follows. */
    tc_err (*start)(tc_engine *e, tc_exchange *x, bool end);
    /* Server: sends x->ours as a 1xx or final head. end: no content follows. */
    tc_err (*head)(tc_engine *e, tc_exchange *x, bool end);
    /* Server: promises the client the request in promised->theirs, with the answer of x, which is
     * not over; promised is a server's exchange from then on. Nothing was sent where it is refused:
     * the peer takes none, or no more now, the method is none that may be pushed. NULL: a version
     * without pushes. */
    tc_err (*push)(tc_engine *e, tc_exchange *x, tc_exchange *promised);
    /* Content of ours, borrowed until RELEASED. len 0 with end: only ends. TC_ERR_FULL: not now.
     * At the end x->ours.trailers are sent. */
    tc_err (*body)(tc_engine *e, tc_exchange *x, tc_run run, bool end);
    void (*took)(tc_engine *e, tc_exchange *x, size_t n); /* content was consumed: read on */
    void (*abort)(tc_engine *e, tc_exchange *x, tc_err why);

    /* Up to max runs to write on *ret_sid, about budget bytes in all; the same again until wrote.
     * *ret_fin: our half of the stream ends with them; one empty run: that is all. It has ended
     * when all of them were written. */
    size_t (*output)(tc_engine *e, uint64_t *ret_sid, tc_run *ret_runs, size_t max, size_t budget,
                     bool *ret_fin);
    void (*wrote)(tc_engine *e, uint64_t sid, size_t n); /* the link took n of them */
    void (*acked)(tc_engine *e, uint64_t sid, size_t n); /* n of those need not be kept longer */
    bool (*order)(tc_engine *e, tc_order *ret_order);

    /* links with streams only; NULL where many_streams are carried on one */
    void (*opened)(tc_engine *e, uint64_t sid);
    /* The peer broke its half off with code; ours: it wants no more of our half. */
    void (*stopped)(tc_engine *e, uint64_t sid, uint64_t code, bool ours);
    void (*blocked)(tc_engine *e, uint64_t sid, bool yes);

    int64_t (*deadline)(const tc_engine *e); /* TC_NEVER: none of its own */
    void (*tick)(tc_engine *e, int64_t now);
    void (*drain)(tc_engine *e);      /* finish what runs, take no more */
    bool (*idle)(const tc_engine *e); /* nothing is under way; may be kept or closed */
    /* The peer can be asked for more (client), or more may be read of it (server). */
    bool (*wants_input)(const tc_engine *e);
};
