/* cors.c - see cors.h. A preflight that is refused is answered like others, without the fields that
 * would allow something: that is how browsers are told. */
// SPDX-License-Identifier: MIT
#include "gate/cors.h"

#include "base/ascii.h"
#include "http/list.h"
#include "http/target.h"

#define ORIGIN_ANY TC_SPAN("*")

/* --- settings -------------------------------------------------------------------------------- */

/* Scheme and authority, as browsers write them: lower case, no path, no usual port. */
static const char *origin_fault(tc_span origin)
{
    tc_span rest = origin, host;
    uint16_t port;
    const bool secure = tc_span_starts(origin, TC_SPAN("https://"));
    if (tc_span_eq(origin, TC_SPAN("null")))
        return "null is the origin of whatever hides its own: it cannot be allowed";
    if (!secure && !tc_span_starts(origin, TC_SPAN("http://")))
        return "an origin as browsers write it is wanted, like https://www.example.org, or *";
    (void)tc_span_take(&rest, secure ? sizeof "https://" - 1 : sizeof "http://" - 1);
    if (tc_span_starts(rest, TC_SPAN("*."))) (void)tc_span_take(&rest, 2);
    if (memchr(rest.at, '/', rest.len)) return "an origin ends before the path: without a / behind";
    if (memchr(rest.at, '*', rest.len)) return "a * stands for whole names at the front only";
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] >= 'A' && rest.at[i] <= 'Z') return "browsers write it in lower case";
    if (tc_authority_check(rest) || tc_authority_split(rest, 0, &host, &port))
        return "an origin as browsers write it is wanted, like https://www.example.org:8443";
    if (port == (secure ? 443 : 80)) return "browsers leave out the usual port";
    return NULL;
}

static bool is_list_of_tokens(tc_span list, bool star)
{
    tc_span one;
    if (star && tc_span_eq(list, ORIGIN_ANY)) return true;
    while (tc_list_next(&list, &one))
        if (!tc_is_token(one) || tc_span_eq(one, ORIGIN_ANY)) return false;
    return true;
}

const char *tc_cors_check(tc_cors *c, const char **ret_setting, tc_span *ret_value)
{
    *ret_value = (tc_span){0};
    *ret_setting = "cors-origins";
    for (size_t i = 0; i < c->origin_count; i++) {
        *ret_value = c->origins[i];
        if (tc_span_eq(c->origins[i], ORIGIN_ANY)) {
            c->any = true;
            if (c->origin_count > 1) return "* goes with no other origin";
            continue;
        }
        const char *fault = origin_fault(c->origins[i]);
        if (fault) return fault;
    }
    *ret_setting = "cors-methods";
    *ret_value = c->methods;
    if (!is_list_of_tokens(c->methods, false)) return "methods are wanted, like GET, PUT";
    *ret_setting = "cors-headers";
    *ret_value = c->headers;
    if (!is_list_of_tokens(c->headers, true))
        return "names of fields are wanted, like X-Requested-With, or * alone";
    *ret_setting = "cors-expose";
    *ret_value = c->expose;
    if (!is_list_of_tokens(c->expose, !c->credentials))
        return "names of fields are wanted, like ETag";
    *ret_setting = "cors-credentials";
    *ret_value = (tc_span){0};
    if (c->any && c->credentials)
        return "not with cors-origins *: every page in the world could act for its reader";
    return NULL;
}

/* --- answers --------------------------------------------------------------------------------- */

static bool matches(tc_span allowed, tc_span origin)
{
    const size_t star = tc_span_find(allowed, '*');
    if (star == allowed.len) return tc_span_eq(allowed, origin);
    const tc_span before = tc_span_first(allowed, star), behind = tc_span_from(allowed, star + 1);
    return origin.len > before.len + behind.len && tc_span_starts(origin, before) &&
           tc_span_ends(origin, behind);
}

static bool allows(const tc_cors *c, tc_span origin)
{
    for (size_t i = 0; i < c->origin_count; i++)
        if (c->any || matches(c->origins[i], origin)) return true;
    return false;
}

static tc_err add(tc_exchange *x, tc_span lower_name, tc_span value)
{
    return tc_fields_push(&x->ours.fields, &x->arena,
                          (tc_field){.name = lower_name, .value = value});
}

/* What both kinds of answers have. *ret_allowed: the page may use it. */
static tc_err add_origin(const tc_cors *c, tc_exchange *x, bool *ret_allowed)
{
    tc_span origin;
    tc_err err = TC_OK;
    *ret_allowed = false;
    if (!c->any) err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, TC_SPAN("Origin"));
    if (err || tc_fields_times(&x->theirs.fields, TC_FIELD_ORIGIN) != 1 ||
        !tc_fields_get(&x->theirs.fields, TC_FIELD_ORIGIN, &origin) || !allows(c, origin))
        return err;
    *ret_allowed = true;
    err = add(x, TC_SPAN("access-control-allow-origin"), c->any ? ORIGIN_ANY : origin);
    if (!err && c->credentials)
        err = add(x, TC_SPAN("access-control-allow-credentials"), TC_SPAN("true"));
    return err;
}

tc_err tc_cors_answer(const tc_cors *c, tc_exchange *x)
{
    bool allowed;
    if (!c || !c->origin_count) return TC_OK;
    tc_span preflight;
    if (x->theirs.method == TC_METHOD_OPTIONS &&
        tc_fields_find(&x->theirs.fields, TC_SPAN("access-control-request-method"), &preflight))
        return TC_OK; /* it has them */
    const tc_err err = add_origin(c, x, &allowed);
    if (err || !allowed || !c->expose.len) return err;
    return add(x, TC_SPAN("access-control-expose-headers"), c->expose);
}

/* With credentials "*" would be a name like any other, so what was asked for is said. */
static tc_err add_headers(const tc_cors *c, tc_exchange *x)
{
    tc_span asked;
    if (!c->headers.len) return TC_OK;
    const bool any = tc_span_eq(c->headers, ORIGIN_ANY);
    if (!any) return add(x, TC_SPAN("access-control-allow-headers"), c->headers);
    if (!tc_fields_find(&x->theirs.fields, TC_SPAN("access-control-request-headers"), &asked) ||
        !is_list_of_tokens(asked, false))
        return TC_OK;
    return add(x, TC_SPAN("access-control-allow-headers"), asked);
}

static tc_err on_head(void *self, tc_exchange *x)
{
    const tc_cors *c = self;
    bool allowed;
    tc_err err =
        tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY,
                      TC_SPAN("Access-Control-Request-Method, Access-Control-Request-Headers"));
    if (!err) err = add_origin(c, x, &allowed);
    if (!err && allowed) err = add(x, TC_SPAN("access-control-allow-methods"), c->methods);
    if (!err && allowed) err = add_headers(c, x);
    if (!err && allowed && c->max_age.len)
        err = add(x, TC_SPAN("access-control-max-age"), c->max_age);
    return err ? err : tc_exchange_answer(x, 204, 0);
}

static const tc_handler handler = {.name = "cors", .on_head = on_head};

bool tc_cors_gate(const tc_cors *c, tc_exchange *x)
{
    tc_span method;
    if (!c || !c->origin_count || x->theirs.method != TC_METHOD_OPTIONS ||
        !tc_fields_has(&x->theirs.fields, TC_FIELD_ORIGIN) ||
        !tc_fields_find(&x->theirs.fields, TC_SPAN("access-control-request-method"), &method))
        return false;
    x->handler = &handler;
    x->self = (void *)(uintptr_t)c;
    return true;
}
