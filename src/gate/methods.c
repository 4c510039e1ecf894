/* methods.c - see methods.h. */
// SPDX-License-Identifier: MIT
#include "gate/methods.h"

#include "base/buf.h"
#include "http/secret.h"
#include "page/error_page.h"

enum { LINE_EXTRA = sizeof " HTTP/1.1\r\n" + sizeof "Host: \r\n" + sizeof "\r\n" };

/* --- OPTIONS of all -------------------------------------------------------------------------- */

static tc_err on_asterisk(void *self, tc_exchange *x)
{
    (void)self;
    const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ALLOW,
                                     TC_SPAN("GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS"));
    return err ? err : tc_exchange_answer(x, 204, 0);
}

static const tc_handler asterisk = {.name = "options of all", .on_head = on_asterisk};

bool tc_asterisk_gate(tc_exchange *x)
{
    if (x->theirs.method != TC_METHOD_OPTIONS || !tc_span_eq(x->theirs.path, TC_SPAN("*")))
        return false;
    x->handler = &asterisk;
    return true;
}

/* --- TRACE ----------------------------------------------------------------------------------- */

/* Besides secrets, what proxies of ours write down of a client and of each other. */
static bool is_shown(const tc_field *f)
{
    static const char *const ours[] = {"forwarded", "via", "x-real-ip", "true-client-ip"};
    static const char *const begin[] = {"x-forwarded-", "x-tercet-", "proxy-", "cf-"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (tc_span_eq(f->name, tc_span_str(ours[i]))) return false;
    for (size_t i = 0; i < sizeof begin / sizeof *begin; i++)
        if (tc_span_starts(f->name, tc_span_str(begin[i]))) return false;
    return !tc_secret_name(f->name);
}

static size_t bytes_of(const tc_message *m)
{
    size_t bytes = LINE_EXTRA + m->method_name.len + m->path.len + m->authority.len;
    for (uint32_t i = 0; i < m->fields.count; i++)
        bytes += m->fields.at[i].name.len + m->fields.at[i].value.len + sizeof ": \r\n";
    return bytes;
}

static tc_err write_field(tc_buf *b, const tc_field *f)
{
    char room[64];
    return tc_buf_printf(b, "%.*s: %.*s\r\n", TC_FMT(tc_field_spelt(f, room, sizeof room)),
                         TC_FMT(f->value));
}

static tc_err write_request(tc_buf *b, const tc_message *m)
{
    tc_err err = tc_buf_printf(b, "%.*s %.*s %.*s\r\n", TC_FMT(m->method_name), TC_FMT(m->path),
                               TC_FMT(tc_version_name(m->version)));
    if (!err && m->authority.len) err = tc_buf_printf(b, "Host: %.*s\r\n", TC_FMT(m->authority));
    for (uint32_t i = 0; i < m->fields.count && !err; i++)
        if (is_shown(&m->fields.at[i])) err = write_field(b, &m->fields.at[i]);
    return err ? err : tc_buf_add(b, TC_SPAN("\r\n"));
}

static tc_err on_trace(void *self, tc_exchange *x)
{
    (void)self;
    tc_buf b;
    if (x->theirs.length != 0)
        return tc_error_page(x, 400, TC_SPAN("a TRACE request has no content"));
    const size_t room = bytes_of(&x->theirs);
    char *at = tc_arena_bytes(&x->arena, room);
    if (!at) return TC_ERR_NO_MEMORY;
    tc_buf_init_over(&b, at, room);
    tc_err err = write_request(&b, &x->theirs);
    if (!err)
        err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CONTENT_TYPE,
                            TC_SPAN("message/http"));
    if (!err)
        err =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-store"));
    return err ? err : tc_exchange_reply(x, 200, tc_run_bytes(tc_buf_span(&b)));
}

static const tc_handler trace_handler = {.name = "trace", .on_head = on_trace};

bool tc_trace_gate(bool allowed, tc_exchange *x)
{
    if (x->theirs.method != TC_METHOD_TRACE || !allowed) return false;
    x->handler = &trace_handler;
    return true;
}

tc_err tc_trace_answer(bool allowed, tc_exchange *x)
{
    tc_fields *f = &x->ours.fields;
    if (!allowed || !tc_fields_has(f, TC_FIELD_ALLOW)) return TC_OK;
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->at[i].id != TC_FIELD_ALLOW) continue;
        const tc_span more = tc_arena_printf(&x->arena, "%.*s, TRACE", TC_FMT(f->at[i].value));
        if (!more.at) return TC_ERR_NO_MEMORY;
        f->at[i].value = more;
    }
    return TC_OK;
}
