/* receive.c - see receive.h. */
// SPDX-License-Identifier: MIT
#include "http/pack/receive.h"

#include "http/target.h"

enum { CRUMBS_MAX = 256, OVERHEAD = 32 /* of a field, by RFC 9113, 10.5.1, and RFC 9114, 4.2.2 */ };

enum pseudo { METHOD = 1, SCHEME = 2, AUTHORITY = 4, PATH = 8, STATUS = 16 };

static enum pseudo pseudo_of(tc_span name)
{
    static const struct {
        tc_span name;
        enum pseudo is;
    } names[] = {
        {{":method", 7}, METHOD},        {{":scheme", 7}, SCHEME}, {{":path", 5}, PATH},
        {{":authority", 10}, AUTHORITY}, {{":status", 7}, STATUS},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tc_span_eq(name, names[i].name)) return names[i].is;
    return 0;
}

static tc_err read_status(tc_span value, tc_message *m)
{
    uint64_t status;
    if (value.len != 3 || !tc_span_number(value, &status) || status < 100 || status > 599 ||
        status == 101)
        return TC_ERR_STREAM_RULES;
    m->status = (uint16_t)status;
    return TC_OK;
}

static tc_err note_pseudo(tc_receipt *t, const tc_field *f)
{
    const enum pseudo is = pseudo_of(f->name);
    const unsigned allowed = t->part == TC_PART_REQUEST    ? METHOD | SCHEME | AUTHORITY | PATH
                             : t->part == TC_PART_RESPONSE ? STATUS
                                                           : 0;
    if (!(is & allowed) || t->pseudo & is || t->ordinary) return TC_ERR_STREAM_RULES;
    if (!tc_is_field_value(f->value)) return TC_ERR_STREAM_RULES;
    t->pseudo |= is;
    switch (is) {
    case METHOD:
        t->m->method_name = f->value;
        t->m->method = tc_method_of(f->value);
        break;
    case SCHEME: t->m->scheme = f->value; break;
    case AUTHORITY: t->m->authority = f->value; break;
    case PATH: t->m->path = f->value; break;
    case STATUS: return read_status(f->value, t->m);
    }
    return TC_OK;
}

static tc_err note_expect(tc_receipt *t, tc_span value)
{
    if (t->part != TC_PART_REQUEST) return TC_OK;
    if (tc_span_ieq(value, TC_SPAN("100-continue")))
        t->m->expects_continue = true;
    else
        t->other_expectation = true;
    return TC_OK;
}

/* What an ordinary field means to the engine. *ret_keep: it is also for the message. */
static tc_err note_field(tc_receipt *t, const tc_field *f, bool *ret_keep)
{
    uint64_t length;
    *ret_keep = true;
    t->ordinary = true;
    if (!tc_is_lower_token(f->name) || !tc_is_field_value(f->value)) return TC_ERR_STREAM_RULES;
    if (f->id == TC_FIELD_OTHER) return TC_OK;
    if (t->part == TC_PART_TRAILERS && tc_field_flags(f->id) & TC_FIELD_NO_TRAIL)
        return TC_ERR_STREAM_RULES;
    if (f->id == TC_FIELD_TE) {
        *ret_keep = false;
        return tc_span_ieq(f->value, TC_SPAN("trailers")) ? TC_OK : TC_ERR_STREAM_RULES;
    }
    if (tc_field_flags(f->id) & TC_FIELD_HOP) {
        *ret_keep = false;
        return f->id == TC_FIELD_HTTP2_SETTINGS ? TC_OK : TC_ERR_STREAM_RULES;
    }
    if (f->id == TC_FIELD_HOST && t->part == TC_PART_REQUEST) {
        if (t->host.at) return TC_ERR_STREAM_RULES;
        t->host = f->value;
        *ret_keep = false;
    } else if (f->id == TC_FIELD_CONTENT_LENGTH) {
        if (t->length != TC_LENGTH_UNKNOWN || !tc_span_number(f->value, &length) ||
            length > INT64_MAX)
            return TC_ERR_STREAM_RULES;
        t->length = (int64_t)length;
    } else if (f->id == TC_FIELD_EXPECT) {
        return note_expect(t, f->value);
    }
    return TC_OK;
}

/* The error of the message; the first one counts. */
static tc_err note(tc_receipt *t, const tc_field *f)
{
    const tc_limits *l = t->env->limits;
    bool keep = false;
    tc_err err;
    t->bytes += f->name.len + f->value.len + OVERHEAD;
    if (f->name.len > 0 && f->name.at[0] == ':') {
        err = note_pseudo(t, f);
        if (!err && f->value.len > l->request_line) {
            t->env->reached->request_line++;
            err = TC_ERR_LINE_TOO_LONG;
        }
    } else {
        err = note_field(t, f, &keep);
    }
    const bool crumb = f->id == TC_FIELD_COOKIE;
    if (!err && t->bytes > l->fields_bytes) {
        t->env->reached->fields_bytes++;
        err = TC_ERR_FIELDS_TOO_LARGE;
    }
    if (!err && keep) {
        t->crumbs += crumb;
        t->crumb_bytes += crumb ? f->value.len + 2 : 0;
        if (t->into->count - t->crumbs + 1 > l->fields_count || t->crumbs > CRUMBS_MAX) {
            t->env->reached->fields_count++;
            err = TC_ERR_FIELDS_TOO_MANY;
        }
    }
    if (!err && keep) err = tc_fields_push(t->into, t->a, *f);
    return err;
}

/* Several cookie fields are one, cut for the sake of compression (RFC 9113, 8.2.3; RFC
 * 9114, 4.2.1). */
static tc_err join_crumbs(tc_receipt *t)
{
    char *all = tc_arena_bytes(t->a, t->crumb_bytes), *at = all;
    uint32_t kept = 0, first = UINT32_MAX;
    if (!all) return TC_ERR_NO_MEMORY;
    tc_fields *f = t->into;
    for (uint32_t i = 0; i < f->count; i++) {
        const tc_field field = f->at[i];
        if (field.id != TC_FIELD_COOKIE) {
            f->at[kept++] = field;
            continue;
        }
        if (first == UINT32_MAX)
            f->at[first = kept++] = field;
        else
            at = (char *)memcpy(at, "; ", 2) + 2;
        if (field.value.len)
            at = (char *)memcpy(at, field.value.at, field.value.len) + field.value.len;
    }
    f->at[first].value = tc_span_of(all, (size_t)(at - all));
    f->count = kept;
    return TC_OK;
}

/* What begins like a path or an authority and has a wrong byte in it is the mistake of whoever
 * wrote the URL, and he is told so (400); all else that cannot stand there breaks the protocol. */
static tc_err check_path(const tc_message *m)
{
    tc_target target;
    const bool is_path = tc_span_starts(m->path, TC_SPAN("/"));
    if (tc_target_parse(m->method, m->path, &target) != TC_OK)
        return is_path ? TC_ERR_TARGET : TC_ERR_STREAM_RULES;
    return is_path || target.form == TC_ASTERISK_FORM ? TC_OK : TC_ERR_STREAM_RULES;
}

static tc_err check_authority(tc_span authority)
{
    if (tc_authority_check(authority) == TC_OK) return TC_OK;
    const bool user = tc_span_find(authority, '@') < authority.len;
    return authority.len == 0 || user ? TC_ERR_STREAM_RULES : TC_ERR_HOST;
}

static tc_err request_is_whole(tc_receipt *t)
{
    tc_message *m = t->m;
    const unsigned all = METHOD | SCHEME | PATH;
    tc_err path = TC_OK;
    if (!(t->pseudo & METHOD) || !tc_is_token(m->method_name)) return TC_ERR_STREAM_RULES;
    if (m->method == TC_METHOD_CONNECT) {
        if (t->pseudo & (SCHEME | PATH) || !(t->pseudo & AUTHORITY)) return TC_ERR_STREAM_RULES;
        m->scheme = t->env->scheme;
    } else {
        if ((t->pseudo & all) != all) return TC_ERR_STREAM_RULES;
        path = check_path(m);
        if (path == TC_ERR_STREAM_RULES) return path;
        if (!tc_span_eq(m->scheme, TC_SPAN("http")) && !tc_span_eq(m->scheme, TC_SPAN("https")))
            return TC_ERR_STREAM_RULES;
    }
    if (!(t->pseudo & AUTHORITY))
        m->authority = t->host;
    else if (t->host.at && !tc_span_ieq(t->host, m->authority))
        return TC_ERR_STREAM_RULES;
    const tc_err authority = check_authority(m->authority);
    if (authority == TC_ERR_STREAM_RULES) return authority;
    if (path || authority) return path ? path : authority;
    if (m->method == TC_METHOD_CONNECT) {
        tc_target target;
        if (t->length > 0) return TC_ERR_CONNECT_CONTENT;
        if (tc_target_parse(m->method, m->authority, &target)) return TC_ERR_TARGET;
    }
    return t->other_expectation ? TC_ERR_EXPECTATION : TC_OK;
}

/* The head is whole: what it must have, and how long its content is. */
static tc_err is_whole(tc_receipt *t, bool end)
{
    tc_message *m = t->m;
    tc_err err = TC_OK;
    if (t->part == TC_PART_REQUEST) err = request_is_whole(t);
    if (t->part == TC_PART_RESPONSE && !(t->pseudo & STATUS)) err = TC_ERR_STREAM_RULES;
    if (t->crumbs > 1 && err != TC_ERR_STREAM_RULES) {
        const tc_err joined = join_crumbs(t);
        if (joined) err = joined;
    }
    if (t->part == TC_PART_TRAILERS) return err;
    if (end && t->length > 0 && t->part == TC_PART_REQUEST) return TC_ERR_STREAM_RULES;
    m->length = end && t->length == TC_LENGTH_UNKNOWN ? 0 : t->length;
    if (t->part == TC_PART_REQUEST && m->method == TC_METHOD_CONNECT && !end)
        m->length = TC_LENGTH_UNKNOWN; /* until they end */
    m->expects_continue = m->expects_continue && !end;
    return err;
}

void tc_receive_begin(tc_receipt *t, const tc_engine_env *env, enum tc_part part, tc_arena *a,
                      tc_message *m)
{
    *t = (tc_receipt){.env = env, .part = part, .a = a, .m = m, .length = TC_LENGTH_UNKNOWN};
    t->into = part == TC_PART_TRAILERS ? &m->trailers : &m->fields;
}

void tc_receive_field(tc_receipt *t, const tc_field *f)
{
    if (!t->wrong) t->wrong = note(t, f);
}

tc_err tc_receive_end(tc_receipt *t, bool end)
{
    if (!t->wrong) t->wrong = is_whole(t, end);
    return t->wrong;
}
