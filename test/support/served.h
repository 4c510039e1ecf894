/* served.h - a server's sessions in memory, with peers that say bytes and keep what they hear: for
 * tests of what happens on a connection, and when. The clock stands still, but for a millisecond in
 * each turn of a function that waits: nothing depends on the speed of the machine. */
// SPDX-License-Identifier: MIT
#pragma once
#include "session/session.h"
#include "support/check.h"
#include "support/link_pipe.h"

enum { SERVED_PEERS = 2 };

typedef struct served_peer {
    tc_session session;
    link_pipe near, far; /* the session's end and the peer's */
    struct served *served;
    tc_buf heard;
    bool deaf;  /* reads nothing */
    bool over;  /* their end was heard */
    bool ended; /* the session is over, for why */
    tc_err why;
} served_peer;

typedef struct served {
    tc_session_env env; /* first */
    tc_loop *loop;
    tc_limits limits; /* may be changed until the first peer begins */
    tc_reached reached;
    const tc_handler *handler; /* of every request; self is the served */
    served_peer peers[SERVED_PEERS];
    void *user;
} served;

/* Refused requests get their status and no content. */
void served_init(served *w, const tc_handler *handler);
/* Ends what is left and checks that no exchange stays. */
void served_fini(served *w);

/* Peer 0 or 1 connects; room: bytes that the link holds each way. type NULL: by the first line. */
served_peer *served_connect(served *w, int which, const tc_engine_type *type, size_t room);
void served_say(served_peer *p, tc_span bytes);
void served_end(served_peer *p);  /* the peer's half is over */
void served_hear(served_peer *p); /* one that was deaf reads again */

/* Turns the loop until p heard the text, its end, or the session's end; fails after ten
 * seconds of that clock. */
void served_until_heard(served_peer *p, const char *text);
void served_until_over(served_peer *p);
void served_until_ended(served_peer *p);
void served_for(served *w, int64_t ms);
void served_turns(served *w, int count); /* without waiting */
bool served_has(const served_peer *p, const char *text);
size_t served_times(const served_peer *p, const char *text);
