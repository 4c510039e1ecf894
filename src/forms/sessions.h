/* sessions.h - what the server remembers of who comes back with a cookie (http/cookie.h): in the
 * store, in a collection of its own whose name is no path, so that no request leads there.
 *
 * A session ends when nothing was asked in it for session_idle_ms, and session_ms after it began in
 * any case. Its record stands under a hash of the id: whoever reads the database cannot become
 * somebody else. An id that the server did not make is never taken: a new one is. Ended ones are
 * swept, and there are no more than the limit "sessions". */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>

#include "forms/form_state.h"
#include "forms/session_cookie.h"
#include "store/store.h"

enum { TC_SESSION_NAME = 64, TC_SESSION_KEY = 64, TC_SWEEP_ROWS = 128 };

/* What is kept of the collection of sessions. */
extern const tc_collection_config tc_sessions_collection;

/* Of a server: all its workers share it. Zero is ready. */
typedef struct tc_session_count {
    atomic_uint_fast64_t open; /* as of the last sweep, and what was made and ended since */
    atomic_uint_fast64_t made; /* since a sweep began */
    atomic_bool swept;         /* a worker does it */
} tc_session_count;

struct tc_sweep;

/* A worker's own. */
typedef struct tc_sessions {
    tc_store *store;
    unsigned collection;
    tc_loop *loop;
    const tc_limits *limits;
    tc_reached *reached;
    tc_session_count *count;
    struct tc_sweep *sweep; /* sessions_sweep.c; NULL: another worker sweeps */
} tc_sessions;

void tc_sessions_init(tc_sessions *s, tc_store *store, unsigned collection, tc_loop *loop,
                      const tc_limits *limits, tc_reached *reached, tc_session_count *count);
void tc_sessions_fini(tc_sessions *s);

/* One question about a session. Whoever asks allocates it, zeroed; it outlives an exchange. */
typedef struct tc_session_ask {
    tc_store_ask ask; /* first */
    enum tc_session_what {
        TC_SESSION_LOOK, /* the session with this id */
        TC_SESSION_USE,  /* ... with a form of it, which is good once */
        TC_SESSION_MAKE  /* a new one, with a new id and this name */
    } what;
    bool looks_only; /* LOOK: nothing is written, so it ends no later (early data) */
    bool removes;    /* USE: it ends if the form is good */
    tc_span path;    /* USE: of the form; outlives the store's answer */
    tc_buf state;    /* USE: what came in the hidden field */
    void (*done)(struct tc_session_ask *a);
    void *self;

    /* When it is done, and ask.err is OK. */
    enum tc_session_verdict {
        TC_SESSION_GOOD,
        TC_SESSION_NONE,   /* there is no such session, or it is over */
        TC_SESSION_FORGED, /* USE: not sealed by us for this form in this session */
        TC_SESSION_LATE,   /* USE: the page is too old */
        TC_SESSION_USED    /* USE: it was sent before */
    } verdict;
    char id[TC_SESSION_ID];
    char key[TC_STATE_KEY];         /* seals the session's forms */
    char name[TC_SESSION_NAME + 1]; /* who signed in; empty: nobody */
    tc_form_state opened;           /* USE: points into state */

    /* its own */
    tc_sessions *sessions;
    int64_t idle_s, absolute_s;
    uint64_t uses;
    bool forgot;                 /* that a form was sent: form_uses */
    bool was_idle, was_long;     /* how the session ended, if it did */
    char stored[TC_SESSION_KEY]; /* the hash of the id */
    tc_buf document;
} tc_session_ask;

tc_session_ask *tc_session_ask_new(tc_sessions *s, enum tc_session_what what);
void tc_session_ask_free(tc_session_ask *a); /* one that was not begun */
/* id: of LOOK and USE; not of MAKE. TC_ERR_STORE_BUSY; TC_ERR_FULL: there are too many sessions,
 * counted. After an error a is still the caller's; else it frees itself after done. */
tc_err tc_session_ask_begin(tc_session_ask *a, tc_span id) TC_MUST_USE;
void tc_session_ask_forget(tc_session_ask *a); /* done is not called any more */
