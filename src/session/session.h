/* session.h - a link, an engine, and the exchanges between them: the three phases.
 *
 * The session carries bytes from the link to the engine and back, hands the engine's events to
 * handlers, does what handlers asked for, keeps the times, and closes in one way only. It knows no
 * version: a server's session picks its engine by the first line, then never looks again. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/engine.h"
#include "http/event.h"
#include "net/link.h"
#include "net/loop.h"
#include "observe/metrics.h"

typedef struct tc_session tc_session;

/* What sessions of one worker and role share. Outlives them. */
typedef struct tc_session_env {
    tc_loop *loop;
    tc_engine_env engine; /* its limits and counters are the session's too */
    tc_watch *watch;      /* NULL: nobody looks on */
    tc_metrics *metrics;  /* server: where it counts; NULL: nowhere */
    tc_slab exchanges;
    bool http09;   /* server: a first line of only GET and a path is HTTP/0.9 */
    bool http2;    /* server: a first line may be the preface of HTTP/2 (RFC 9113, 3.3) */
    uint8_t quick; /* exchanges that took no time to speak of */
    uint64_t last_id, last_exchange;
    uint64_t windows; /* see tc_engine_env: of this env, or of all that share .numbers */
    struct tc_session_env *numbers; /* whose last_ count: its own, or those of another env of this
                                       worker, so that numbers are unique */
    void *owner;                    /* of the caller's */

    /* server: gives x a handler by x->handler and x->self; never fails */
    void (*route)(struct tc_session_env *env, tc_exchange *x);
    /* server: the final head of x is about to be sent: fields can still be added, and pushes asked
     * for; may be NULL */
    void (*answering)(struct tc_session_env *env, tc_exchange *x);
    /* client: the server promised x (its request in x->ours) with the response to of, or tried to:
     * then on_close comes at once. Gives it a handler; without one it is refused and nobody hears
     * of it. Not called unless engine.push is set; may be NULL then */
    void (*promised)(struct tc_session_env *env, tc_exchange *of, tc_exchange *x);
    /* server: fills in and sends an answer of our own for err, on an x that has begun none */
    void (*refuse)(struct tc_session_env *env, tc_exchange *x, tc_err err);
    /* the link is established, where it was not when the session began; may be NULL */
    void (*opened)(struct tc_session_env *env, tc_session *s);
    /* the session is over and its memory may be reused; the link is closed */
    void (*ended)(struct tc_session_env *env, tc_session *s, tc_err why);
    /* client: a turn is over and the session may take another exchange; may be NULL */
    void (*idle)(struct tc_session_env *env, tc_session *s);
} tc_session_env;

tc_err tc_session_env_init(tc_session_env *env, tc_loop *loop, enum tc_role role,
                           const tc_limits *limits, tc_reached *reached) TC_MUST_USE;
void tc_session_env_fini(tc_session_env *env);

enum { TC_ENGINE_BYTES = 96 };

struct tc_session {
    tc_session_env *env;
    tc_link *link;
    tc_alarm alarm;
    tc_task again;            /* another turn, after the others had theirs */
    tc_exchange *exchanges;   /* under way */
    struct tc_pushed *pushed; /* what was pushed; NULL: nothing */
    tc_buf carry;             /* came from the link, not yet taken by the engine */
    int64_t phase_began;      /* when waiting for what we wait for began */
    uint64_t sent, sent_mark; /* bytes the link took; what the peer had of them, a window ago */
    int64_t send_window;      /* begin of the window that send_ms looks at; 0: none */
    uint32_t drained;         /* bytes thrown away while lingering */
    uint32_t begun;           /* exchanges so far */
    uint16_t flags;
    uint8_t unopened; /* streams that the engine ordered, and the peer does not let us open yet */
    uint8_t half;     /* ours, of a link without streams */
    tc_err why;
    uint64_t id;
    const void *opener; /* client: for whom it was opened; only told to those who look on */
    _Alignas(8) char engine_room[TC_ENGINE_BYTES];
};

/* What a session can speak over a link that asks the peer (ALPN), the best one first; at a client,
 * for the version that was asked for (NONE: the best that both have). Returns how many. */
size_t tc_session_protocols(enum tc_role role, enum tc_version version, tc_span *ret_names,
                            size_t max);
/* Client: what speaks a version to a peer that is not asked; NULL: nothing does. */
const tc_engine_type *tc_session_engine_for(enum tc_version version);

/* Starts on a link that is connected, or opening. type NULL: chosen by what an opening link agreed
 * on with the peer, else (server) by the first line. The caller's memory, until env->ended. */
void tc_session_begin(tc_session *s, tc_session_env *env, tc_link *link,
                      const tc_engine_type *type);
/* Reads and writes what can be; called by the link's owner when the link is ready. */
void tc_session_turn(tc_session *s, unsigned ready);
/* ... somebody else takes its place: idle, it waits for one request more, for handover_ms, and goes
 * on with its opening. */
void tc_session_retire(tc_session *s);
void tc_session_drain(tc_session *s); /* finishes what runs, then ends; at once if it is opening */
void tc_session_kill(tc_session *s,
                     tc_err why); /* ends at once; from inside a handler: when it has returned */

/* The client of an exchange at a server: whom trusted proxies name, else the peer; "::" where it
 * has no address. */
tc_asker tc_session_asker(const tc_exchange *x);
tc_asker tc_session_peer(const tc_exchange *x); /* ... the peer, whomever proxies name */

/* Server: x was paused while something else was found out, and has another handler now, which
 * begins as if the head had just come. Outside the calls of a handler. */
void tc_session_hand_over(tc_exchange *x);

/* Client. x comes from tc_session_exchange, with .ours, .handler and .self filled in. */
/* Tells those who look on something that the session does not know by itself. */
void tc_session_tell(tc_session *s, enum tc_seen_kind kind, tc_span text);
tc_exchange *tc_session_exchange(tc_session_env *env); /* NULL without memory */
tc_err tc_session_start(tc_session *s, tc_exchange *x) TC_MUST_USE;
bool tc_session_opening(const tc_session *s); /* nothing can be started yet */
/* The handshake is not over, and what is sent goes out all the same, as early data. */
bool tc_session_early(const tc_session *s);
bool tc_session_has_version(const tc_session *s, enum tc_version version); /* once it is open */
bool tc_session_goes_on(const tc_session *s);   /* it is open, and not about to end */
bool tc_session_can_start(const tc_session *s); /* one more; it may still say TC_ERR_FULL */
/* Client: whether requests of that version can be given to a proxy in clear text, to forward them.
 */
bool tc_session_forwards(enum tc_version version);
/* Client: whether a connection may come to take several exchanges at a time. */
bool tc_session_shares(enum tc_version version, bool secure);
