/* proxies.h - --proxy and --no-proxy of a command line, and what the environment says. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/proxy.h"
#include "run/command.h"

#define TC_PROXY_HELP                                                                              \
    "asks through this HTTP proxy (http://user:password@host:port, port 80 if none is given, or "  \
    "https://, over TLS, port 443): http:// URLs are given to it, for https:// it makes a "        \
    "tunnel. "

/* environment: http_proxy, https_proxy, all_proxy and no_proxy count where the options are not
 * given. Not zero: a complaint was printed, and the program ends with it. For tc_proxies_fini,
 * whatever is returned. */
int tc_proxies_take(const tc_command *c, const char *proxy, const char *no_proxy, bool environment,
                    tc_proxies *ret);
