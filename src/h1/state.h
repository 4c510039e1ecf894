/* state.h - what the files of this engine share: a connection, and the exchange that it carries.
 *
 * "Theirs" is what we read and "ours" what we send, whichever role we play. Only h1.c gives events;
 * the others change phase, and h1.c says what the change means. */
// SPDX-License-Identifier: MIT
#pragma once
#include "h1/chunked.h"
#include "h1/framing.h"
#include "h1/h1.h"
#include "http/run_queue.h"

/* What comes next from the peer. */
enum tc_h1_phase {
    TC_H1_START,       /* the first line of a head */
    TC_H1_FIELDS,      /* field lines and the empty one */
    TC_H1_HEAD_READY,  /* the head is whole, or broken: say so */
    TC_H1_CONTENT,     /* as stream.body says */
    TC_H1_TRAILERS,    /* field lines after the last chunk */
    TC_H1_END_READY,   /* the message is whole: say so */
    TC_H1_BREAK_READY, /* it broke off after its head: say so */
    TC_H1_DONE,        /* nothing, until the exchange is closed */
    TC_H1_DEAF,        /* nothing that we would listen to, ever */
};

typedef struct tc_h1 {
    tc_engine engine;
    tc_span in;        /* lent and not yet taken */
    size_t taken;      /* of this loan */
    int64_t now;       /* of this loan */
    int64_t begun;     /* when the head that is being read began; 0: none is */
    tc_exchange *x;    /* the exchange under way */
    uint64_t last_id;  /* of exchanges that we began */
    uint32_t searched; /* bytes of the line at in.at that hold no end of it */
    uint8_t phase;     /* enum tc_h1_phase */
    bool fin;          /* the peer sends no more than what is lent */
    bool late;         /* the head's time is over */
    bool skipped;      /* the one empty line before a request */
    bool draining;
    bool closing; /* no exchange will follow; an order says so once */
    bool linger, ordered;
    int16_t failed; /* tc_err of a FAILED to give */
} tc_h1;

_Static_assert(sizeof(tc_h1) <= 96, "fits the room of a session");

/* An exchange's part: x->stream. */
typedef struct tc_h1_stream {
    /* theirs */
    tc_h1_facts facts;
    enum tc_h1_body body;
    uint64_t left;         /* TC_H1_LENGTH: bytes of content to come */
    tc_chunked chunked;    /* TC_H1_CHUNKED */
    size_t offered;        /* content in a DATA that was not taken yet */
    uint64_t swallowed;    /* content thrown away after our answer was whole */
    uint64_t fields_bytes; /* of field lines of this head, or of the trailers */
    uint32_t field_lines;
    uint32_t informational; /* 1xx responses so far */
    tc_err broken;          /* why their message, or all, ended badly */
    bool aborted;           /* by us, or a response that broke off: nothing more is sent */

    /* ours */
    bool head_sent, ended;
    bool no_content; /* what body() is given is not sent */
    bool ours_chunked, chunk_sent;
    bool continued;     /* 100 was sent */
    bool close;         /* the connection ends with this exchange */
    bool unread;        /* ... and they may still be sending */
    bool lent;          /* runs of content to RELEASE */
    bool stopped;       /* client: the answer came first, the rest is not sent */
    bool fin_sent;      /* of a tunnel: the link was told that our half ends */
    uint64_t body_left; /* of a stated length */
    char (*sizes)[24];  /* chunk-size lines, one to a place of the queue; made when needed */

    tc_span note_ours;   /* lines of ours to be given as NOTEs */
    tc_span note_theirs; /* a line of theirs; at NULL: none */
    tc_run_queue queue;
} tc_h1_stream;

_Static_assert(sizeof(tc_h1_stream) <= 1024, "leaves room for a small request in the exchange");

static inline tc_h1_stream *tc_h1_stream_of(const tc_exchange *x)
{
    return x->stream;
}

static inline const tc_limits *tc_h1_limits(const tc_h1 *h)
{
    return h->engine.env->limits;
}

static inline bool tc_h1_is_server(const tc_h1 *h)
{
    return h->engine.env->role == TC_SERVER;
}

/* Takes n bytes off the input. */
static inline void tc_h1_take(tc_h1 *h, size_t n)
{
    h->in = tc_span_from(h->in, n);
    h->taken += n;
    h->searched = 0;
    if (h->x) h->x->wire_in += n;
}

/* Gives x its stream. TC_ERR_NO_MEMORY. */
tc_err tc_h1_begin(tc_h1 *h, tc_exchange *x) TC_MUST_USE;

/* read.c: reads on. false: more input is needed, or something must be done first. */
bool tc_h1_read_head(tc_h1 *h);
bool tc_h1_read_trailers(tc_h1 *h);
/* Their message is no good for err: sets the phase that says so. */
void tc_h1_break(tc_h1 *h, tc_err err);

/* content.c. *ret_data: a run of content that stands at the front of the input. */
bool tc_h1_read_content(tc_h1 *h, tc_span *ret_data, bool *ret_end);
void tc_h1_take_content(tc_h1 *h, size_t n); /* n bytes of that run */
/* Content that nobody wants any more: false when more input is needed. */
bool tc_h1_swallow(tc_h1 *h);
/* How much of their content is still to come; UINT64_MAX where it is not known. */
uint64_t tc_h1_content_left(const tc_h1_stream *s);

/* write.c, request.c: composes and queues a head. */
tc_err tc_h1_write_response(tc_h1 *h, tc_exchange *x, bool end) TC_MUST_USE;
tc_err tc_h1_write_request(tc_h1 *h, tc_exchange *x, bool end) TC_MUST_USE;
tc_err tc_h1_write_body(const tc_h1 *h, tc_exchange *x, tc_run run, bool end) TC_MUST_USE;
