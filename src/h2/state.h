/* state.h - what the files of this engine share: a connection and its streams.
 *
 * "Theirs" is what we read and "ours" what we send, whichever role we play. read.c takes frames
 * apart, head.c fields, stream.c keeps streams, send.c fills the output, guard.c counts what a peer
 * does without use; h2.c says what came of it. A stream that has something to say stands in the
 * queue "due"; its exchange lives until CLOSED was given. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/clock.h"
#include "h2/frame.h"
#include "h2/h2.h"
#include "h2/hpack.h"
#include "http/pack/guard.h"
#include "http/pack/noted.h"
#include "http/pack/receive.h"
#include "http/pack/words.h"
#include "http/priority.h"

enum {
    TC_H2_BUCKETS = 64,
    TC_H2_SPLICES = 8,       /* runs of content in the output that are not copied */
    TC_H2_COPIED_MAX = 2048, /* shorter ones are */
    TC_H2_FILL = 131072,     /* bytes that the output is filled to */
    TC_H2_KEPT = 32768,      /* room for it that a connection without streams keeps */
    TC_H2_RUNS = 4,
    TC_H2_BLOCK_MAX = INT32_MAX, /* bytes of a block of fields, whatever the limits say */
    TC_H2_REMEMBERED = 128,      /* streams that were closed last */
    TC_H2_EARLY = 16             /* priorities of streams that have not begun; the latest stay */
};

/* What the peer may send us (RFC 9113, 5.2). */
typedef struct tc_h2_window {
    int64_t left;    /* bytes it may still send */
    uint32_t size;   /* what we let it have at a time */
    uint32_t owed;   /* taken, and not told yet */
    int64_t updated; /* when last told */
} tc_h2_window;

typedef struct tc_h2_stream {
    tc_exchange *x;
    uint32_t id;
    struct tc_h2_stream *chain;          /* in its bucket */
    struct tc_h2_stream *next_due;       /* has something to say */
    struct tc_h2_stream *before, *after; /* ready to send, by urgency */
    bool due, ready;
    bool pushed; /* promised by the server (8.4) */
    bool opened; /* ... and its response has begun */

    /* theirs */
    bool theirs_ended; /* END_STREAM came */
    bool end_given, head_given;
    bool again; /* what was offered is to be given once more */
    uint32_t informational;
    uint64_t content;    /* bytes that came */
    uint64_t unreturned; /* bytes that count against both windows */
    size_t offered;      /* bytes in a DATA that were not taken yet, in lent or held */
    tc_h2_window window;
    tc_buf held; /* what a reader that paused has not taken */

    /* ours */
    bool head_sent, ended, end_sent;
    bool no_content; /* what body() is given is not sent */
    bool lent;       /* runs of content to RELEASE */
    bool closing;    /* CLOSED is to be given */
    tc_err broken;   /* ... with this */
    uint8_t run_count, splices;
    tc_priority priority;
    int64_t send_window;
    uint64_t body_left; /* of a stated length */
    uint64_t sent, sent_mark;
    int64_t stalled; /* since when it waits for a window; 0: it does not */
    bool lingers;    /* our answer went, and the rest of their request is thrown away */
    uint64_t thrown;
    int64_t linger_until;
    tc_run runs[TC_H2_RUNS];
} tc_h2_stream;

/* A run of content in the output, behind so many bytes of c->out (counted from the begin). */
typedef struct tc_h2_splice {
    uint64_t at;
    tc_run run;
    tc_h2_stream *stream;
} tc_h2_splice;

typedef struct tc_h2_again tc_h2_again; /* again.c */

typedef struct tc_h2 {
    tc_engine_env *env;
    tc_span in;   /* lent and not yet taken */
    size_t taken; /* of this loan */
    int64_t now;
    int64_t begun; /* when a frame or block that is not whole began; 0: none */

    /* reading */
    bool greeted;           /* the preface was read, or none is due */
    bool settled;           /* their SETTINGS came */
    bool fin;               /* the peer sends no more than what is lent */
    bool deaf;              /* nothing is read any more */
    tc_h2_head data;        /* DATA that is being read; .length is what is left of it */
    uint32_t pad;           /* ... of which padding */
    uint32_t block_stream;  /* whose block of fields goes on; 0: none */
    uint32_t block_promise; /* ... and what it promises; 0: nothing */
    uint8_t block_flags;
    uint32_t continuations;
    tc_buf block;
    tc_hpack_decoder decoder;
    tc_h2_stream *lent; /* whose content was given from the input */
    tc_span lent_data;

    /* streams */
    tc_h2_stream *buckets[TC_H2_BUCKETS];
    tc_h2_stream *due, *due_last;
    tc_h2_stream *ready[TC_URGENCIES], *ready_last[TC_URGENCIES];
    uint32_t alive;                        /* streams with an exchange */
    uint32_t pushes;                       /* ... that were promised */
    uint32_t last_theirs;                  /* highest id that they began */
    uint32_t next_ours;                    /* id of the next request, or promise */
    uint32_t remembered[TC_H2_REMEMBERED]; /* ids << 1, lowest bit: broken off by us */
    uint32_t remembered_at;
    struct {
        uint32_t id; /* 0: none */
        tc_priority priority;
    } early[TC_H2_EARLY];
    uint32_t early_at;

    /* sending */
    tc_hpack_encoder encoder;
    tc_buf out;
    uint64_t out_done; /* bytes of out that went, ever */
    tc_h2_splice splices[TC_H2_SPLICES];
    uint32_t splice_count;
    size_t spliced; /* bytes in them */
    int64_t send_window;
    tc_h2_window window;
    uint32_t theirs[TC_H2_SETTING_END]; /* their settings */

    /* the end */
    bool draining, goaway_sent, goaway_last, closing, ordered;
    uint32_t goaway_said; /* in our last GOAWAY */
    uint32_t goaway_id;   /* theirs: streams of ours above it were not begun */
    bool gone;            /* they said GOAWAY */
    tc_err failed;        /* why the connection is over */
    bool tell_failed;     /* ... and a FAILED says so */

    /* guard.c */
    tc_guard guard;
    int64_t stall_at;
    int64_t linger_at;      /* when the first one has lingered long enough; 0: none does */
    int64_t settings_since; /* when ours became due; 0: nothing was read yet */
    bool settings_acked;

    tc_h2_again *again; /* NULL: nothing came twice so far */

    tc_event kept; /* waits until the NOTEs of its frame were given */
    bool has_kept;
    tc_buf notes;          /* lines and frames to be given to those who look on */
    size_t noted;          /* bytes of it that were */
    tc_noted noted_fields; /* of the block under way: its frame comes first */
    uint32_t packed;       /* bytes of that block, encoded */
    tc_h2_head noting;     /* theirs, whose note waits for its fields */
    tc_span noting_payload;
    bool has_noting;
} tc_h2;

static inline bool tc_h2_is_server(const tc_h2 *c)
{
    return c->env->role == TC_SERVER;
}

static inline tc_h2_stream *tc_h2_stream_of(const tc_exchange *x)
{
    return x->stream;
}

static inline void tc_h2_take(tc_h2 *c, size_t n)
{
    c->in = tc_span_from(c->in, n);
    c->taken += n;
}

/* What one step came to. */
enum tc_h2_step { TC_H2_WAIT, TC_H2_AGAIN, TC_H2_EVENT };

/* read.c */
enum tc_h2_step tc_h2_read(tc_h2 *c, tc_event *ev);

/* head.c: a block of fields becomes a message. */
/* m NULL: only decoded. What is wrong with the connection; *ret_wrong: with the message. */
tc_err tc_h2_read_fields(tc_h2 *c, tc_span block, enum tc_part part, bool end, tc_arena *a,
                         tc_message *m, tc_err *ret_wrong) TC_MUST_USE;

/* stream.c */
tc_h2_stream *tc_h2_find(const tc_h2 *c, uint32_t id);
tc_h2_stream *tc_h2_begin(tc_h2 *c, tc_exchange *x, uint32_t id); /* NULL without memory */
void tc_h2_forget(tc_h2 *c, tc_h2_stream *s);                     /* with CLOSED */
bool tc_h2_was_ours_to_break(const tc_h2 *c, uint32_t id); /* closed, and we said RST_STREAM */
void tc_h2_say(tc_h2 *c, tc_h2_stream *s);                 /* it has something to say */
/* Ends the stream for err, without a word to the peer. */
void tc_h2_close(tc_h2 *c, tc_h2_stream *s, tc_err err);
/* The same with RST_STREAM. theirs: it was the peer's fault, and is counted. */
void tc_h2_break(tc_h2 *c, tc_h2_stream *s, enum tc_h2_code code, tc_err err, bool theirs);
void tc_h2_settle(tc_h2 *c, tc_h2_stream *s); /* both ends may be over: what follows? */
/* One that they or we may speak of, but that was never begun (5.1). */
bool tc_h2_is_idle(const tc_h2 *c, uint32_t id);
/* The connection is over: GOAWAY and all that is left is broken off. */
void tc_h2_fail(tc_h2 *c, enum tc_h2_code code, tc_err err, const char *why);
void tc_h2_goaway(tc_h2 *c, uint32_t last, enum tc_h2_code code, tc_span why);
/* The peer's n bytes were used: windows open again. */
void tc_h2_return(tc_h2 *c, tc_h2_stream *s, uint64_t n);

/* send.c */
/* Room for a frame at the end of the output, its head written. NULL: the connection was failed. */
char *tc_h2_frame(tc_h2 *c, tc_h2_head head);
/* A block of fields in HEADERS, or a PUSH_PROMISE of that stream (0: none), and CONTINUATION. */
tc_err tc_h2_send_block(tc_h2 *c, tc_h2_stream *s, const tc_message *m, const tc_fields *own,
                        const tc_field *pseudo, size_t pseudo_count, int64_t length, bool end,
                        uint32_t promised) TC_MUST_USE;
tc_err tc_h2_send_response(tc_h2 *c, tc_exchange *x, bool end) TC_MUST_USE;
tc_err tc_h2_send_request(tc_h2 *c, tc_exchange *x, bool end) TC_MUST_USE;
void tc_h2_ready(tc_h2 *c, tc_h2_stream *s);   /* look whether it can send now */
void tc_h2_unready(tc_h2 *c, tc_h2_stream *s); /* take it off the list */
void tc_h2_fill(tc_h2 *c);

/* again.c: what came or went before. mark: tc_ring_mark of the table before the block. */
/* Makes the message and its priority, as when the block came last. False: it has to be decoded. */
bool tc_h2_asked_before(tc_h2 *c, tc_h2_stream *s, tc_span block, bool end);
void tc_h2_remember_asked(tc_h2 *c, const tc_h2_stream *s, tc_span block, bool end, uint64_t mark);
/* The block of such a head; empty: it has to be encoded. */
tc_span tc_h2_said_before(tc_h2 *c, const tc_message *m);
void tc_h2_remember_said(tc_h2 *c, const tc_message *m, tc_span block, uint64_t mark);
void tc_h2_forget_again(tc_h2 *c);

/* push.c */
/* Server: promises p on x's stream. */
tc_err tc_h2_push(tc_h2 *c, tc_exchange *x, tc_exchange *p) TC_MUST_USE;
/* Server: the peer has lowered its limit below what was promised, and s is not begun. */
bool tc_h2_is_one_too_many(const tc_h2 *c, const tc_h2_stream *s);
/* Client: why a promise of that stream may not stand on stream of; NULL: it may. */
const char *tc_h2_promise_is_wrong(const tc_h2 *c, uint32_t of, uint32_t promised);
/* Client: its block of fields is whole. */
enum tc_h2_step tc_h2_give_promise(tc_h2 *c, uint32_t of, uint32_t promised, tc_span block,
                                   tc_event *ev);

/* guard.c: false: too much, and the connection was failed. */
bool tc_h2_count_reset(tc_h2 *c);
bool tc_h2_count_frame(tc_h2 *c);
void tc_h2_credit(tc_h2 *c, uint64_t frames); /* what was sent may be acknowledged */
int64_t tc_h2_guard_deadline(const tc_h2 *c);
void tc_h2_guard_tick(tc_h2 *c);

/* linger.c */
bool tc_h2_linger(tc_h2 *c, tc_h2_stream *s);                     /* false: not at all */
void tc_h2_throw_away(tc_h2 *c, tc_h2_stream *s, uint32_t bytes); /* of a DATA frame */
int64_t tc_h2_linger_deadline(const tc_h2 *c);
void tc_h2_linger_tick(tc_h2 *c);

/* note.c */
void tc_h2_note(tc_h2 *c, bool ours, const tc_h2_head *head, tc_span payload);
static inline bool tc_h2_has_fields(unsigned type)
{
    return type == TC_H2_HEADERS || type == TC_H2_CONTINUATION || type == TC_H2_PUSH_PROMISE;
}
/* A field of the block whose last frame is noted next. */
static inline void tc_h2_note_field(tc_h2 *c, bool ours, tc_span name, tc_span value)
{
    if (c->env->notes) tc_noted_add(&c->noted_fields, ours, name, value);
}
void tc_h2_note_theirs(tc_h2 *c); /* the frame that waited */
