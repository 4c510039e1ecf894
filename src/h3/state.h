/* state.h - what the files of this engine share: a connection and its streams.
 *
 * "Theirs" is what we read and "ours" what we send, whichever role we play. read.c takes request
 * streams apart, control.c the others, stream.c keeps streams, send.c offers what is to be written,
 * guard.c counts what a peer does without use; h3.c says what came of it. What was lent and not
 * taken is lent again, so nothing of the input is kept here. A stream that has something to say
 * stands in the queue "due"; its exchange lives until CLOSED was given. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "h3/frame.h"
#include "h3/h3.h"
#include "h3/qpack.h"
#include "http/pack/guard.h"
#include "http/pack/noted.h"
#include "http/pack/receive.h"
#include "http/pack/said.h"
#include "http/pack/words.h"
#include "http/priority.h"
#include "http/run_queue.h"

enum {
    TC_H3_BUCKETS = 64,
    TC_H3_REMEMBERED = 128, /* streams that are over and may still be lent */
    TC_H3_EARLY = 16,       /* priorities of streams that have not begun */
    TC_H3_TURN = 16384      /* bytes of a stream that sends in turns */
};

/* Our unidirectional streams, in the order in which they are opened; also the peer's. */
enum tc_h3_pipe_kind { TC_H3_CONTROL, TC_H3_ENCODER, TC_H3_DECODER, TC_H3_PIPES };

/* What we send on one: bytes that stay where they are until they are acknowledged. */
typedef struct tc_h3_pipe {
    uint64_t sid;
    bool open, blocked;
    char *ring; /* TC_H3_RING bytes, with the first one */
    uint64_t end, sent, acked;
    tc_buf *from; /* where more comes from */
} tc_h3_pipe;

enum { TC_H3_RING = 2048 };

typedef struct tc_h3_stream {
    tc_exchange *x;
    uint64_t id;
    struct tc_h3_stream *chain;          /* in its bucket */
    struct tc_h3_stream *next_due;       /* has something to say */
    struct tc_h3_stream *before, *after; /* ready to send, by urgency; or without a head */
    bool due, ready;

    /* theirs */
    bool theirs_ended; /* the end of the stream was read */
    bool head_given, end_given, trailed;
    bool again;           /* what was offered is to be given once more */
    bool waits;           /* for the encoder stream */
    bool deaf;            /* the rest of theirs means nothing: it is thrown away */
    int64_t linger_until; /* ... until then, since our answer is whole; 0: it is not */
    uint64_t thrown;
    bool in_data; /* .left is content, or nobody's */
    bool updated; /* its priority, by a frame: that counts before what its fields say */
    uint32_t informational;
    uint64_t left;    /* bytes of a frame that are still to come */
    uint64_t content; /* bytes that came */
    size_t offered;   /* bytes of a DATA that were not given back */
    size_t took;      /* given back while they were not lent */
    int64_t begun;    /* since when its head is awaited; 0: it is not */

    /* ours */
    bool head_sent, ended, fin_sent;
    bool no_content;            /* what body() is given is not sent */
    bool lent;                  /* runs of content to RELEASE */
    bool blocked;               /* the link takes nothing of it now */
    bool our_reset, their_stop; /* ordered, one way or the other */
    bool closing;               /* CLOSED is to be given */
    tc_err broken;              /* ... with this */
    uint8_t orders;             /* that were not taken */
    tc_priority priority;
    uint64_t body_left; /* of a stated length */
    uint64_t sent_mark; /* what was sent when it came to wait for a window */
    int64_t stalled;    /* since when it waits; 0: it does not */
    tc_run_queue out;
    char heads[TC_RUN_QUEUE][1 + TC_H3_VARINT]; /* of the DATA frames in it */
} tc_h3_stream;

typedef struct tc_h3 {
    tc_engine_env *env;
    int64_t now;

    /* the loan */
    uint64_t sid; /* TC_NO_STREAM: none */
    tc_span in;   /* not yet taken */
    size_t taken;
    bool fin;
    tc_h3_stream *lent; /* whose loan it is, if it is a request's */
    bool new_stream;    /* it may begin one */

    /* the peer's unidirectional streams */
    uint64_t theirs_sid[TC_H3_PIPES]; /* TC_NO_STREAM: not begun */
    bool settled;                     /* its SETTINGS came */
    uint64_t control_left;            /* bytes of a frame that nobody reads */
    uint64_t theirs[TC_H3_SETTINGS_KNOWN];
    uint64_t max_push_id; /* its; never used, but may only grow. TC_NO_STREAM: none */
    struct {
        uint64_t id;
        tc_priority priority;
    } early[TC_H3_EARLY];
    uint32_t early_at;

    /* streams */
    tc_h3_stream *buckets[TC_H3_BUCKETS];
    tc_h3_stream *due, *due_last;
    tc_h3_stream *headless; /* server: nobody above knows of them yet */
    tc_h3_stream *ready[TC_URGENCIES], *ready_last[TC_URGENCIES];
    uint32_t alive, waiting; /* streams with an exchange; of them, those that wait for fields */
    uint64_t after_theirs;   /* the lowest request that they have not begun */
    uint64_t next_ours;      /* client: the next request */
    uint64_t remembered[TC_H3_REMEMBERED];
    uint32_t remembered_at;

    /* sending */
    tc_qpack_decoder decoder;
    tc_qpack_encoder encoder;
    tc_buf control;
    tc_buf scratch; /* where a section is encoded */
    tc_said *said;  /* TC_SAID of them; NULL: nothing came twice so far */
    tc_h3_pipe pipes[TC_H3_PIPES];
    uint8_t asked, opened; /* pipes that were asked for, and are open */
    uint64_t offered_sid;  /* what output() gave last */
    size_t offered;
    bool offered_fin;
    tc_buf orders; /* tc_order, to be taken in this order */
    size_t ordered;

    /* the end */
    bool draining, goaway_last, gone, closing, close_taken;
    uint64_t goaway_at;   /* the first GOAWAY is over when so much of the control stream is acked */
    uint64_t gone_from;   /* theirs: requests of ours from here on were not begun */
    tc_err failed;        /* why the connection is over */
    enum tc_h3_code code; /* ... and what is said of it */
    bool deaf, tell_failed;

    tc_guard guard;
    int64_t guard_at; /* when to look at streams again; 0: never */

    tc_event kept; /* waits until the NOTEs of its frame were given */
    bool has_kept;
    tc_buf notes; /* lines and frames to be given to those who look on */
    size_t noted; /* bytes of it that were */
    tc_noted noted_fields;
} tc_h3;

static inline bool tc_h3_is_server(const tc_h3 *c)
{
    return c->env->role == TC_SERVER;
}

static inline tc_h3_stream *tc_h3_stream_of(const tc_exchange *x)
{
    return x->stream;
}

static inline void tc_h3_take(tc_h3 *c, size_t n)
{
    c->in = tc_span_from(c->in, n);
    c->taken += n;
}

/* What one step came to. */
enum tc_h3_step { TC_H3_WAIT, TC_H3_AGAIN, TC_H3_EVENT };

/* read.c: the loan of a request stream. */
enum tc_h3_step tc_h3_read(tc_h3 *c, tc_event *ev);
/* control.c: that of a unidirectional one. */
enum tc_h3_step tc_h3_read_uni(tc_h3 *c);

/* head.c: a section that is whole becomes a message. *ret_wrong: what is wrong with it. The
 * connection is failed for what cannot be decoded. False: nothing came of it, or (*ret_blocked) it
 * must wait. */
bool tc_h3_read_fields(tc_h3 *c, tc_h3_stream *s, tc_span whole, enum tc_part part, bool end,
                       tc_message *m, bool *ret_blocked, tc_err *ret_wrong) TC_MUST_USE;

/* stream.c */
tc_h3_stream *tc_h3_find(const tc_h3 *c, uint64_t id);
tc_h3_stream *tc_h3_begin(tc_h3 *c, tc_exchange *x, uint64_t id); /* NULL without memory */
void tc_h3_forget(tc_h3 *c, tc_h3_stream *s);                     /* with CLOSED */
void tc_h3_await_head(tc_h3 *c, tc_h3_stream *s); /* server: nobody above knows of it until ... */
void tc_h3_has_head(tc_h3 *c, tc_h3_stream *s);   /* ... its HEAD is given */
void tc_h3_drop(tc_h3 *c, tc_h3_stream *s); /* one of which nobody above knows, with its exchange */
bool tc_h3_is_remembered(const tc_h3 *c, uint64_t id);
void tc_h3_remember(tc_h3 *c, uint64_t id); /* what is still lent of it is thrown away */
void tc_h3_say(tc_h3 *c, tc_h3_stream *s);  /* it has something to say */
/* Gives the link an order. s: it has to be taken before CLOSED; may be NULL. */
void tc_h3_order(tc_h3 *c, tc_h3_stream *s, enum tc_order_kind kind, uint64_t sid, uint64_t n);
/* Ends the stream for err: what of it is open, either way, is ordered to be broken off. */
void tc_h3_break(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code, tc_err err);
/* The same for a fault of the peer's, which is counted. */
void tc_h3_fault(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code, tc_err err);
/* Nothing more of theirs is wanted, nor was all of it read. */
void tc_h3_stop(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code);
/* Ends one that is not kept. */
void tc_h3_refuse(tc_h3 *c, uint64_t id, enum tc_h3_code code);
void tc_h3_settle(tc_h3 *c, tc_h3_stream *s); /* both ends may be over: what follows? */
/* The connection is over, and all that is left is broken off. */
void tc_h3_fail(tc_h3 *c, enum tc_h3_code code, tc_err err, const char *why);
void tc_h3_goaway(tc_h3 *c, uint64_t id);

/* send.c */
void tc_h3_pipe_init(tc_h3_pipe *p, tc_buf *from);
void tc_h3_pipe_fini(tc_h3_pipe *p);
void tc_h3_rest(tc_h3 *c); /* if nothing is under way, memory that is soon made again goes */
bool tc_h3_is_quiet(const tc_h3 *c); /* all that was said on the control stream has arrived */
/* A frame of ours on the control stream. */
void tc_h3_control_frame(tc_h3 *c, uint64_t type, tc_span payload);
void tc_h3_ready(tc_h3 *c, tc_h3_stream *s);   /* look whether it can send now */
void tc_h3_unready(tc_h3 *c, tc_h3_stream *s); /* take it off the list */
size_t tc_h3_output(tc_h3 *c, uint64_t *ret_sid, tc_run *runs, size_t max, size_t budget,
                    bool *ret_fin);
void tc_h3_wrote(tc_h3 *c, uint64_t sid, size_t n);
void tc_h3_acked(tc_h3 *c, uint64_t sid, size_t n);

/* compose.c */
tc_err tc_h3_send_response(tc_h3 *c, tc_exchange *x, bool end) TC_MUST_USE;
tc_err tc_h3_send_request(tc_h3 *c, tc_exchange *x, bool end) TC_MUST_USE;
tc_err tc_h3_send_trailers(tc_h3 *c, tc_h3_stream *s) TC_MUST_USE;

void tc_h3_cancel_sections(tc_h3 *c, uint64_t id);

/* linger.c */
bool tc_h3_linger(tc_h3 *c, tc_h3_stream *s); /* false: not at all */
void tc_h3_linger_over(tc_h3 *c, tc_h3_stream *s);
/* What is lent of a stream of which nothing is read any more. */
void tc_h3_throw_away(tc_h3 *c, tc_h3_stream *s);

/* guard.c: false: too much, and the connection was failed. */
bool tc_h3_count_reset(tc_h3 *c);
bool tc_h3_count_frames(tc_h3 *c, uint64_t n);
void tc_h3_credit(tc_h3 *c, uint64_t frames); /* what was done for the peer */
int64_t tc_h3_watch(tc_h3 *c, uint64_t ms);   /* look at the streams in so long: when */
void tc_h3_guard_tick(tc_h3 *c);

/* note.c */
void tc_h3_note(tc_h3 *c, bool ours, uint64_t sid, tc_h3_head head, tc_span payload);
void tc_h3_note_stream(tc_h3 *c, bool ours, uint64_t sid, enum tc_h3_pipe_kind kind);
/* A field of the HEADERS that are noted next. */
static inline void tc_h3_note_field(tc_h3 *c, bool ours, const tc_field *f)
{
    if (c->env->notes) tc_noted_add(&c->noted_fields, ours, f->name, f->value);
}
