/* proxy.h - which proxy a URL is asked for through: by option, or by http_proxy, https_proxy,
 * all_proxy and no_proxy. Nothing here asks the DNS, nor anybody else.
 *
 * HTTP_PROXY in capitals is not heeded: where programs are run by a web server, it is what a client
 * said in a field "Proxy". */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "http/target.h"

typedef struct tc_proxy {
    tc_span host; /* lower case, without brackets; empty: there is no proxy */
    uint16_t port;
    bool secure;         /* spoken to over TLS */
    tc_span name;        /* "host:port", as people are told */
    tc_span credentials; /* for Proxy-Authorization; empty: none */
    tc_span identity;    /* all of it: equal for equal proxies */
    const char *from;    /* the name of whatever named it: "http_proxy" */
    const char *wrong;   /* it cannot be used, since; NULL: it can */
} tc_proxy;

typedef struct tc_proxies {
    tc_proxy http, https; /* for URLs of each scheme */
    tc_span except;       /* as in no_proxy */
    tc_arena arena;       /* what they point at */
} tc_proxies;

/* option: of --proxy; "": none at all; NULL: what the environment says. except: of --no-proxy;
 * NULL: what the environment says. get: getenv(3), or NULL: there is no environment.
 * TC_ERR_NO_MEMORY. */
tc_err tc_proxies_init(tc_proxies *p, const char *option, const char *except,
                       const char *(*get)(const char *name)) TC_MUST_USE;
void tc_proxies_fini(tc_proxies *p);

/* NULL: the URL's own server is asked. What is found may be wrong: then nobody may be asked. */
const tc_proxy *tc_proxies_find(const tc_proxies *p, const tc_url *url);

/* "http://user:password@host:port", where scheme and port (80) may be left out, or https:// (port
 * 443). A proxy that is wrong says why. TC_ERR_NO_MEMORY. */
tc_err tc_proxy_parse(tc_arena *a, tc_span text, tc_proxy *ret_proxy) TC_MUST_USE;

/* Whether a list has the URL's host: names (and all below them), addresses and networks, each
 * perhaps with a port; "*" is every host. Commas or blanks stand between. */
bool tc_proxy_list_has(tc_span list, const tc_url *url);
