/* proxied.c - what a fetch does where its URL is asked for through a proxy. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "client/inside.h"
#include "client/way.h"

tc_err tc_proxied_aim(tc_fetch *f)
{
    const tc_url *url = &f->request.url;
    tc_connect *c = &f->connect;
    const bool races = tc_race_tries(f);
    c->via = (tc_via){.limits = NULL};
    c->host = races ? tc_span_str(f->alternative.at) : f->proxy ? f->proxy->host : url->host;
    c->port = races ? f->alternative.at_port : f->proxy ? f->proxy->port : url->port;
    if (!f->proxy) return TC_OK;
    const tc_err err = tc_way_via(&f->arena, url, f->proxy, f->request.version, &c->via);
    c->via.limits = f->client->limits;
    c->via.reached = f->client->reached;
    if (f->proxy->secure) c->via.tls = f->client->proxy_tls;
    return err;
}

bool tc_proxied_may_go(tc_fetch *f)
{
    const tc_request *r = &f->request;
    char why[TC_CONNECT_WHY];
    if (!f->proxy) return true;
    if (f->proxy->wrong) {
        (void)snprintf(why, sizeof why, "%s: %s", f->proxy->from, f->proxy->wrong);
        tc_fetch_over(f, TC_ERR_PROXY_URL, tc_span_str(why));
    } else if (tc_client_needs_quic(r->version)) {
        (void)snprintf(why, sizeof why,
                       "HTTP/3 is over QUIC (UDP), and %.*s is a proxy for TCP (%s); --no-proxy "
                       "'*' asks the server at once",
                       TC_FMT(f->proxy->name), f->proxy->from);
        tc_fetch_over(f, TC_ERR_NOT_SUPPORTED, tc_span_str(why));
    } else if (tc_fields_has(&r->fields, TC_FIELD_PROXY_AUTHORIZATION) &&
               !tc_origin_is_forwarded(&r->url, f->proxy, r->version)) {
        tc_fetch_over(f, TC_ERR_PROXY_URL,
                      TC_SPAN("Proxy-Authorization would go to the server, through the tunnel: "
                              "give credentials as in --proxy http://user:password@host"));
    } else {
        const tc_err err = f->proxy->secure ? tc_client_secure_proxy(f->client, why) : TC_OK;
        if (err) tc_fetch_over(f, err, tc_span_str(why));
        return !err;
    }
    return false;
}
