/* inside.h - what the files of this folder share. */
// SPDX-License-Identifier: MIT
#pragma once
#include "session/session.h"

enum session_flag {
    HAS_ENGINE = 1,   /* chosen and started */
    READABLE = 2,     /* the link may have something */
    GONE = 4,         /* the link told of an end or an error, not yet read */
    FIN = 8,          /* their end was read */
    BLOCKED = 16,     /* the link takes no more now */
    CLOSING = 32,     /* the engine wants the link closed once all is written */
    LINGER = 64,      /* ... and drained first */
    LINGERING = 128,  /* our end is written; draining theirs */
    DEAD = 256,       /* broken for .why: ends with this turn */
    IN_TURN = 512,    /* a handler's wish is noticed without waking */
    OPENING = 2048,   /* the link is not established yet */
    MUTE = 1024,      /* client: the link takes no more, but an answer may be there to read */
    STREAMS = 4096,   /* the link has streams */
    RESUMED = 8192,   /* ... and what was left on them is to be lent once more */
    DRAINING = 16384, /* asked to end */
    EARLY = 32768,    /* the link is in use, and not established yet */
};

/* Our half of the link where it may end before theirs does. */
enum session_half {
    OPEN,
    ENDING, /* once the link has all of it */
    ENDED,
    BROKEN, /* the peer is to see that it is: with a reset */
};

static inline tc_engine *tc_session_engine(tc_session *s)
{
    return (tc_engine *)(void *)s->engine_room;
}

/* session.c */
void tc_session_use_h1(tc_session *s); /* for a first line that is overdue; fed as of its begin */
/* The link was not established: it may be by what was just read or written, or good for early
 * data. */
void tc_session_look_whether_open(tc_session *s);

/* streams.c: a turn on a link that has streams */
void tc_session_turn_streams(tc_session *s);

/* apply.c: events to handlers, handlers' wishes to the engine */
void tc_session_apply(tc_session *s, const tc_event *ev);
void tc_session_do_wants(tc_session *s, tc_exchange *x);
void tc_session_break(tc_session *s, tc_exchange *x, tc_err err); /* answers with err, or aborts */
void tc_session_adopt(tc_session *s, tc_exchange *x);
void tc_session_close_exchange(tc_session *s, tc_exchange *x, tc_err why);

/* push.c */
void tc_session_push(tc_session *s, tc_exchange *x); /* server: makes the promises of x */
void tc_session_take_promise(tc_session *s, const tc_event *ev); /* client */

/* life.c: timers and the end */
void tc_session_settle(tc_session *s); /* after a turn: sets the alarm, or ends the session */
void tc_session_linger(tc_session *s);
void tc_session_ring(tc_alarm *alarm);

/* look.c: what is counted, if anything is */
enum tc_transport_way tc_session_way(const tc_session *s);
void tc_session_count_handshake(tc_session *s); /* it succeeded */
void tc_session_count_end(tc_session *s);

/* look.c: events for those who look on */
void tc_session_show(tc_session *s, enum tc_seen_kind kind, const tc_exchange *x, tc_err err,
                     tc_span text, bool ours);
void tc_session_show_frame(tc_session *s, const tc_frame *frame, bool ours);
void tc_session_show_bytes(tc_session *s, const tc_run *runs, size_t n); /* the first n of them */
/* Client: what of the requests is on its way. all: the engine has nothing more to write. */
void tc_session_show_requests(tc_session *s, bool all);
static inline void tc_session_seen(tc_session *s, enum tc_seen_kind kind, const tc_exchange *x)
{
    if (tc_watched(s->env->watch, kind)) tc_session_show(s, kind, x, TC_OK, (tc_span){0}, false);
}
