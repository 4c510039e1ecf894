/* form.c - see form.h. */
// SPDX-License-Identifier: MIT
#include "http/form.h"

#include "base/ascii.h"
#include "http/list.h"
#include "http/multipart.h"

/* --- what it is ---------------------------------------------------------------------------- */

enum tc_form_kind tc_form_kind_of(tc_span content_type, tc_span *ret_boundary, const char **ret_why)
{
    tc_span rest = content_type, name, value, boundary = {0};
    const tc_span type = tc_list_item(&rest);
    const bool plain = tc_span_ieq(type, TC_SPAN("application/x-www-form-urlencoded"));
    *ret_why = "a form is application/x-www-form-urlencoded or multipart/form-data";
    if (!plain && !tc_span_ieq(type, TC_SPAN("multipart/form-data"))) return TC_FORM_NONE;
    while (tc_parameter_next(&rest, &name, &value)) {
        if (tc_span_ieq(name, TC_SPAN("charset")) && !tc_span_ieq(value, TC_SPAN("utf-8"))) {
            *ret_why = "forms are UTF-8 here";
            return TC_FORM_NONE;
        }
        if (!tc_span_ieq(name, TC_SPAN("boundary"))) continue;
        *ret_why = "a boundary stands there once";
        if (boundary.at) return TC_FORM_NONE;
        boundary = value;
    }
    *ret_why = "the parameters of the Content-Type are malformed";
    if (rest.len) return TC_FORM_NONE;
    if (plain) return TC_FORM_URLENCODED;
    *ret_why = "a multipart form has a boundary of 1 to 70 letters, digits and '()+_,-./:=? signs";
    if (!tc_multipart_boundary(boundary)) return TC_FORM_NONE;
    *ret_boundary = boundary;
    return TC_FORM_MULTIPART;
}

/* --- the way out --------------------------------------------------------------------------- */

void tc_form_out_init(tc_form_out *out, const tc_form_taker *to, const tc_limits *limits,
                      tc_reached *reached)
{
    *out = (tc_form_out){.to = *to, .limits = limits, .reached = reached};
}

tc_err tc_form_out_fail(tc_form_out *out, const char *why)
{
    out->why = why;
    return TC_ERR_FORM;
}

static tc_err too_large(tc_form_out *out, uint64_t *reached, const char *why)
{
    out->why = why;
    ++*reached;
    return TC_ERR_FORM_TOO_LARGE;
}

tc_err tc_form_out_count(tc_form_out *out, size_t bytes)
{
    out->bytes += bytes;
    return out->bytes <= out->limits->form_bytes
               ? TC_OK
               : too_large(out, &out->reached->form_bytes, "the form is too long (form_bytes)");
}

tc_err tc_form_out_head_full(tc_form_out *out)
{
    return too_large(out, &out->reached->form_head,
                     "a field's name, or the head of a part, is too long (form_head)");
}

tc_err tc_form_out_begin(tc_form_out *out, const tc_form_field *field)
{
    if (++out->fields > out->limits->form_fields)
        return too_large(out, &out->reached->form_fields, "too many fields (form_fields)");
    out->field_bytes = 0;
    out->in_file = field->is_file;
    return out->to.begin(out->to.self, field);
}

tc_err tc_form_out_value(tc_form_out *out, tc_span run)
{
    const uint64_t left = out->limits->form_field - out->field_bytes;
    if (!run.len) return TC_OK;
    if (out->in_file) return out->to.value(out->to.self, run);
    /* What comes first counts, however it was cut. */
    if (memchr(run.at, 0, run.len < left ? run.len : (size_t)left))
        return tc_form_out_fail(out, "a field has a NUL in it");
    if (run.len > left)
        return too_large(out, &out->reached->form_field, "a field is too long (form_field)");
    out->field_bytes += run.len;
    return out->to.value(out->to.self, run);
}

/* --- the plain encoding -------------------------------------------------------------------- */

void tc_urlencoded_init(tc_urlencoded *u, const tc_form_taker *to, const tc_limits *limits,
                        tc_reached *reached)
{
    *u = (tc_urlencoded){.where = TC_URLENCODED_START};
    tc_form_out_init(&u->out, to, limits, reached);
    tc_buf_init(&u->name, limits->form_head);
}

void tc_urlencoded_fini(tc_urlencoded *u)
{
    tc_buf_fini(&u->name);
}

static tc_err end_name(tc_urlencoded *u)
{
    const tc_form_field field = {.name = tc_buf_span(&u->name)};
    if (field.name.len && memchr(field.name.at, 0, field.name.len))
        return tc_form_out_fail(&u->out, "a field's name has a NUL in it");
    u->where = TC_URLENCODED_VALUE;
    return tc_form_out_begin(&u->out, &field);
}

/* "&", or the end of all. */
static tc_err end_field(tc_urlencoded *u)
{
    tc_err err = TC_OK;
    if (u->escape) return tc_form_out_fail(&u->out, "\"%\" without two hexadecimal digits");
    if (u->where == TC_URLENCODED_NAME) err = end_name(u);
    const bool any = u->where == TC_URLENCODED_VALUE;
    u->where = TC_URLENCODED_START;
    tc_buf_reset(&u->name);
    return err || !any ? err : u->out.to.end(u->out.to.self);
}

/* The byte that b ends, if it ends one: its escapes are taken. */
static tc_err decode(tc_urlencoded *u, char b, bool *ret_whole, char *ret_byte)
{
    *ret_whole = !u->escape && b != '%';
    *ret_byte = b == '+' ? ' ' : b;
    if (!u->escape) {
        u->escape = b == '%';
        return TC_OK;
    }
    const int digit = tc_ascii_hex(b);
    if (digit < 0) return tc_form_out_fail(&u->out, "\"%\" without two hexadecimal digits");
    *ret_whole = u->escape == 2;
    *ret_byte = (char)(u->high << 4 | digit);
    u->high = (uint8_t)digit;
    u->escape = *ret_whole ? 0 : 2;
    return TC_OK;
}

/* What of run belongs to the field under way, decoded; *ret_taken of it were taken. */
static tc_err take_part(tc_urlencoded *u, tc_span run, size_t *ret_taken)
{
    char room[512];
    size_t n = 0, i = 0;
    tc_err wrong = TC_OK, err;
    const char stop = u->where == TC_URLENCODED_NAME ? '=' : '&';
    for (; i < run.len && n < sizeof room && !wrong; i++) {
        bool whole;
        const char b = run.at[i];
        if (b == '&' || b == stop) break;
        wrong = decode(u, b, &whole, &room[n]);
        n += whole && !wrong;
    }
    *ret_taken = i;
    if (u->where == TC_URLENCODED_VALUE) {
        err = tc_form_out_value(&u->out, tc_span_of(room, n));
    } else {
        err = tc_buf_add(&u->name, tc_span_of(room, n));
        if (err == TC_ERR_FULL) err = tc_form_out_head_full(&u->out);
    }
    return err ? err : wrong;
}

/* One of the two signs, which is the first byte of run. */
static tc_err take_sign(tc_urlencoded *u, char sign)
{
    if (u->escape) return tc_form_out_fail(&u->out, "\"%\" without two hexadecimal digits");
    return sign == '&' ? end_field(u) : end_name(u);
}

tc_err tc_urlencoded_feed(tc_urlencoded *u, tc_span run)
{
    tc_err err = tc_form_out_count(&u->out, run.len);
    while (run.len && !err) {
        size_t taken = 0;
        if (run.at[0] != '&' && u->where == TC_URLENCODED_START) u->where = TC_URLENCODED_NAME;
        err = take_part(u, run, &taken);
        if (err) break;
        if (taken) {
            (void)tc_span_take(&run, taken);
            continue;
        }
        err = take_sign(u, tc_span_take(&run, 1).at[0]);
    }
    return err;
}

tc_err tc_urlencoded_end(tc_urlencoded *u)
{
    return end_field(u);
}
