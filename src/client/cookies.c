/* cookies.c - what a fetch does with the client's jar: each request, after a redirect too, gets
 * those that are for it and no others. */
// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "client/inside.h"

/* Cookies that were given by hand are sent as they are, and alone. TRACE would show them to all. */
static bool wants(const tc_fetch *f)
{
    const tc_request *r = &f->request;
    return f->client->jar && r->version != TC_HTTP_0_9 && r->method != TC_METHOD_TRACE &&
           !tc_fields_has(&r->fields, TC_FIELD_COOKIE);
}

tc_err tc_fetch_cookies(tc_fetch *f, tc_exchange *x)
{
    const tc_jar_request request = {.url = &f->request.url,
                                    .led_by_others = f->led_by_others,
                                    .safe = tc_method_flags(f->request.method) & TC_METHOD_SAFE};
    tc_span value;
    if (!wants(f)) return TC_OK;
    const tc_err err = tc_jar_choose(f->client->jar, &x->arena, &request, tc_clock_wall(), &value);
    if (err || !value.len) return err;
    return tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_COOKIE, value);
}

void tc_fetch_hear_cookies(tc_fetch *f, const tc_exchange *x)
{
    if (f->client->jar)
        tc_jar_hear(f->client->jar, &f->request.url, &x->theirs.fields, tc_clock_wall());
}

void tc_fetch_led(tc_fetch *f, const tc_url *from)
{
    if (f->client->jar && !tc_jar_same_site(f->client->jar, from, &f->request.url))
        f->led_by_others = true;
}
