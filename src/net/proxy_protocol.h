/* proxy_protocol.h - the header with which a proxy begins a connection to say whose it is: the
 * PROXY protocol, versions 1 (text) and 2 (binary), of haproxy.org's proxy-protocol.txt.
 *
 * Whoever may send it may say what he likes, so it is read from trusted peers alone. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/network.h"

enum { TC_PROXY_V1_MOST = 107, TC_PROXY_V2_HEAD = 16 };

typedef struct tc_proxy_header {
    size_t length; /* of all of it, in bytes: what follows is the client's */
    bool known;    /* it names the client; else the connection is the proxy's own, or of a family
                      that has no addresses here */
    tc_ip client;
    uint16_t port;
} tc_proxy_header;

enum tc_proxy_read {
    TC_PROXY_MORE,  /* the bytes so far are the begin of one */
    TC_PROXY_DONE,  /* *ret is filled in */
    TC_PROXY_WRONG, /* it is none */
    TC_PROXY_LONG,  /* longer than most */
};

/* Reads one at the begin of bytes. most: bytes that one of version 2 may have, with all that is
 * said besides (TLVs), which is not looked at. */
enum tc_proxy_read tc_proxy_header_read(tc_span bytes, size_t most, tc_proxy_header *ret);
