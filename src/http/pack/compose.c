/* compose.c - see compose.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/compose.h"

#include <assert.h>

#include "base/text.h"
#include "http/target.h"

bool tc_compose_leaves_out(const tc_field *f, bool of_block)
{
    if (f->id == TC_FIELD_CONTENT_LENGTH) return !of_block;
    return f->id == TC_FIELD_HOST ||
           (f->id != TC_FIELD_OTHER && tc_field_flags(f->id) & TC_FIELD_HOP);
}

static tc_field pseudo(tc_span name, tc_span value)
{
    return (tc_field){name, value, TC_FIELD_OTHER};
}

/* A final response: its length, and whether it has content. */
static tc_err measure(tc_exchange *x, bool end, tc_composed *with)
{
    tc_message *m = &x->ours;
    const bool tunnel = tc_makes_tunnel(x->theirs.method, m->status);
    if (tunnel)
        m->length = TC_LENGTH_UNKNOWN;
    else if (end && m->length == TC_LENGTH_UNKNOWN)
        m->length = 0;
    bool stated = (m->status == 204 && !tunnel) || m->status == 304;
    with->no_content = stated || x->theirs.method == TC_METHOD_HEAD;
    for (int i = 0; i < TC_BLOCKS; i++) {
        if (!m->blocks[i] || m->blocks[i]->length == TC_LENGTH_UNKNOWN) continue;
        if (m->blocks[i]->length != m->length) return TC_ERR_FIELD_INVALID;
        stated = true;
    }
    if (end && m->length > 0 && !with->no_content) return TC_ERR_BODY_TOO_SHORT;
    with->length = stated ? TC_LENGTH_UNKNOWN : m->length;
    x->tunnel = tunnel;
    return TC_OK;
}

tc_err tc_compose_response(tc_exchange *x, bool end, tc_composed *with)
{
    const uint16_t status = x->ours.status;
    assert(status >= 100 && status < 1000);
    if (status == 101) return TC_ERR_NOT_SUPPORTED;
    with->pseudo_count = 1;
    with->pseudo[0] =
        pseudo(TC_SPAN(":status"), tc_span_of(with->digits, tc_text_number(with->digits, status)));
    with->length = TC_LENGTH_UNKNOWN;
    with->no_content = false;
    return status < 200 ? TC_OK : measure(x, end, with);
}

static tc_err check(const tc_message *m, tc_span method)
{
    tc_target target;
    if (!tc_is_token(method)) return TC_ERR_METHOD_SYNTAX;
    if (tc_authority_check(m->authority)) return TC_ERR_HOST;
    const bool tunnel = m->method == TC_METHOD_CONNECT;
    return tc_target_parse(m->method, tunnel ? m->authority : m->path, &target);
}

static bool says_zero(enum tc_method method)
{
    return method == TC_METHOD_POST || method == TC_METHOD_PUT || method == TC_METHOD_PATCH;
}

tc_err tc_compose_request(const tc_engine_env *env, tc_message *m, bool end, tc_composed *with)
{
    const tc_span method = m->method ? tc_method_name(m->method) : m->method_name;
    const tc_err err = check(m, method);
    if (err) return err;
    if (m->method == TC_METHOD_CONNECT) { /* RFC 9113, 8.5; 9114, 4.4 */
        m->length = with->length = TC_LENGTH_UNKNOWN;
        with->pseudo_count = 2;
        with->pseudo[0] = pseudo(TC_SPAN(":method"), method);
        with->pseudo[1] = pseudo(TC_SPAN(":authority"), m->authority);
        with->no_content = false;
        return TC_OK;
    }
    if (end && m->length == TC_LENGTH_UNKNOWN) m->length = 0;
    if (end && m->length > 0) return TC_ERR_BODY_TOO_SHORT;
    with->pseudo_count = 4;
    with->pseudo[0] = pseudo(TC_SPAN(":method"), method);
    with->pseudo[1] = pseudo(TC_SPAN(":scheme"), m->scheme.len ? m->scheme : env->scheme);
    with->pseudo[2] = pseudo(TC_SPAN(":authority"), m->authority);
    with->pseudo[3] = pseudo(TC_SPAN(":path"), m->path);
    with->no_content = false;
    with->length =
        m->length > 0 || (m->length == 0 && says_zero(m->method)) ? m->length : TC_LENGTH_UNKNOWN;
    return TC_OK;
}
