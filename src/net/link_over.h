/* link_over.h - links that stand on TLS to a proxy in place of a socket (a cover): what is said to
 * the proxy, and through it to whom it makes a tunnel to, which may be TLS again. Of the link that
 * stands there only the link_tcp at its bottom is another one: its cover is set, and its type. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/link_tls.h"

typedef struct tc_cover {
    tc_link_tls tls; /* first */
    tc_span unread;  /* what came and was not taken so far: in rooms of its own */
    bool fin, more;
    /* To be set by whoever stands on it: something came, or goes. NULL: nobody does. */
    void (*ready)(void *self, unsigned what);
    void *self;
    char why[TC_TLS_WHY];
} tc_cover;

/* Takes over a connected, non-blocking descriptor, whatever comes of it: a client's end, in the
 * loop from here on. host is copied. */
tc_err tc_cover_new(tc_loop *loop, int fd, const struct sockaddr *peer, tc_tls *tls, tc_span host,
                    tc_cover **ret_cover) TC_MUST_USE;
void tc_cover_free(tc_cover *c); /* closes it */

/* Its handshake goes on. TC_ERR_FULL: it is not over; another error: it failed, and why says
 * more. */
tc_err tc_cover_shake(tc_cover *c) TC_MUST_USE;
/* What came, until the next call; what is not taken is there again, with nothing behind it before
 * all of it was. */
tc_err tc_cover_look(tc_cover *c, tc_span *ret_in, bool *ret_fin) TC_MUST_USE;
void tc_cover_take(tc_cover *c, size_t n);
tc_err tc_cover_say(tc_cover *c, tc_span bytes, size_t *ret_taken) TC_MUST_USE;

/* An error of a cover as it is said of a proxy. */
enum { TC_COVER_WORDS = 128 };
const char *tc_cover_words(tc_err err, char room[TC_COVER_WORDS]);

/* l takes over the cover: as tc_link_tcp_init takes over a descriptor. */
void tc_link_over_init(tc_link_tcp *l, tc_cover *cover, const struct sockaddr *peer,
                       void (*on_ready)(tc_link *l, unsigned what));
tc_err tc_link_over_watch(tc_link_tcp *l) TC_MUST_USE; /* what came before is told, too */

extern const tc_link_type tc_link_over_type;
