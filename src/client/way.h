/* way.h - how a URL's server is reached through a proxy: requests to http:// are the proxy's to
 * forward (RFC 9112, 3.2.2), everything else goes through a tunnel (RFC 9110, 9.3.6). */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/origin.h"
#include "http/exchange.h"
#include "net/connect.h"

/* What connect.h has to know of the proxy; texts are of the proxy and of a. TC_ERR_NO_MEMORY. */
tc_err tc_way_via(tc_arena *a, const tc_url *url, const tc_proxy *proxy, enum tc_version version,
                  tc_via *ret_via) TC_MUST_USE;

/* What a request that is forwarded says besides: all of the URL, and who asks. Before it is
 * started; proxy may be NULL. */
tc_err tc_way_dress(const tc_url *url, const tc_proxy *proxy, enum tc_version version,
                    tc_exchange *x) TC_MUST_USE;
