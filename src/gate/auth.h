/* auth.h - Basic authentication (RFC 7617): who asks says a name and a password with each request;
 * who asks for a tunnel (CONNECT), as one says it to a proxy: 407, Proxy-Authorization.
 *
 * Passwords are hashed so that trying many is slow, so it is done in threads, one at a time for
 * each worker, while others wait (limit auth_waiting). Who was right is remembered for a while by a
 * keyed hash, so that only the first request is slow. Who is wrong too often has to wait. */
// SPDX-License-Identifier: MIT
#pragma once
#include "gate/passwords.h"
#include "gate/rate.h"
#include "net/loop.h"

/* "auth" and "auth-users" of a place. */
typedef struct tc_auth {
    char *challenge; /* the value of WWW- or Proxy-Authenticate */
    tc_passwords *passwords;
    tc_rate_home *home; /* counts who is wrong */
    tc_rate failures;
    uint32_t number; /* of this place */
} tc_auth;

/* realm: shown to people; printable. TC_ERR_USAGE, TC_ERR_READ_FILE: ret_why says more. */
tc_err tc_auth_new(const char *realm, const char *file, tc_rate_home *home, const tc_limits *limits,
                   tc_auth **ret_auth, char ret_why[TC_PASSWORDS_WHY]) TC_MUST_USE;
void tc_auth_free(tc_auth *a);

/* A worker's own. */
typedef struct tc_auth_worker {
    tc_loop *loop;
    const tc_limits *limits;
    tc_reached *reached;
    struct tc_auth_known *known; /* who was right: limits->auth_known of them; NULL: none yet */
    uint8_t key[32];
    struct tc_auth_wait *first, **last; /* wait for their turn */
    uint64_t waiting;
    struct tc_auth_check *check; /* under way; NULL: none is */
} tc_auth_worker;

void tc_auth_worker_init(tc_auth_worker *w, tc_loop *loop, const tc_limits *limits,
                         tc_reached *reached);
void tc_auth_worker_fini(tc_auth_worker *w); /* no exchange is left */

/* What goes on with x once it is known who asks: gives it a handler. */
typedef struct tc_auth_next {
    void (*route)(void *self, tc_exchange *x);
    void *self;
} tc_auth_next;

/* False: it is known who asks (x->user). True: x has a handler, which asks for a name and a
 * password, or finds out whether they are right and then lets next.route give x another one. */
bool tc_auth_gate(const tc_auth *a, tc_auth_worker *w, tc_exchange *x, tc_auth_next next);
