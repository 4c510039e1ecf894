/* origin.h - what must be equal for two exchanges to share a connection. One struct and one
 * comparison: whatever is added to the one must be added to the other, and a test notices. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"
#include "http/target.h"

typedef struct tc_origin {
    tc_span scheme;          /* lower case */
    tc_span host;            /* lower case, without brackets */
    const void *tls;         /* the settings that secure it; NULL: in clear text */
    uint16_t port;           /* never left to a default */
    enum tc_version version; /* that was asked for: another one may behave otherwise */
} tc_origin;

/* Borrows from url. tls: the settings in use, where the scheme is https. */
tc_origin tc_origin_of(const tc_url *url, enum tc_version version, const void *tls);
bool tc_origin_eq(const tc_origin *a, const tc_origin *b);
