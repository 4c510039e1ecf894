/* framing.c - see framing.h. */
// SPDX-License-Identifier: MIT
#include "h1/framing.h"

#include "h1/line.h"

void tc_h1_facts_init(tc_h1_facts *f)
{
    *f = (tc_h1_facts){.length = TC_LENGTH_UNKNOWN};
}

static tc_err note_length(tc_h1_facts *f, tc_span value)
{
    uint64_t length;
    if (f->length != TC_LENGTH_UNKNOWN || !tc_span_number(value, &length) || length > INT64_MAX)
        return TC_ERR_CONTENT_LENGTH;
    f->length = (int64_t)length;
    return TC_OK;
}

/* A member of Transfer-Encoding that is a coding, perhaps with parameters. */
static bool is_coding(tc_span member)
{
    return tc_is_token(tc_span_trim(tc_span_first(member, tc_span_find(member, ';'))));
}

/* Only "chunked" is understood. Well-formed codings before it are a 501, all else a 400. */
static tc_err note_coding(tc_h1_facts *f, tc_span value)
{
    const tc_span chunked = TC_SPAN("chunked");
    if (f->chunked || f->unclear) return TC_ERR_TRANSFER_CODING_SYNTAX;
    if (tc_span_ieq(value, chunked)) {
        f->chunked = true;
        return TC_OK;
    }
    for (bool last = false; !last;) {
        const size_t comma = tc_span_find(value, ',');
        const tc_span member = tc_span_trim(tc_span_first(value, comma));
        last = comma == value.len;
        value = tc_span_from(value, comma + 1);
        if (!is_coding(member) || tc_span_ieq(member, chunked) != last)
            return TC_ERR_TRANSFER_CODING_SYNTAX;
    }
    f->unclear = TC_ERR_TRANSFER_CODING;
    return TC_OK;
}

static tc_err note_connection(tc_h1_facts *f, const tc_limits *limits, tc_span value,
                              bool *ret_keep)
{
    for (tc_span option; tc_h1_list_take(&value, &option);) {
        if (tc_span_ieq(option, TC_SPAN("close"))) {
            f->close = true;
        } else if (tc_span_ieq(option, TC_SPAN("keep-alive"))) {
            f->keep_alive = true;
        } else {
            if (!tc_is_token(option) || ++f->options > limits->fields_count)
                return TC_ERR_CONNECTION_FIELD;
            *ret_keep = true; /* until strip */
        }
    }
    return TC_OK;
}

static void note_expect(tc_h1_facts *f, tc_span value)
{
    for (tc_span member; tc_h1_list_take(&value, &member);)
        if (tc_span_ieq(member, TC_SPAN("100-continue")))
            f->expects = true;
        else
            f->expects_other = true;
}

tc_err tc_h1_facts_note(tc_h1_facts *f, const tc_limits *limits, enum tc_role from,
                        enum tc_version version, const tc_field *field, bool *ret_keep)
{
    *ret_keep = true;
    if (field->id == TC_FIELD_OTHER) return TC_OK;
    if (field->id == TC_FIELD_HOST && from == TC_CLIENT) {
        if (f->has_host) return TC_ERR_HOST;
        f->has_host = true;
        f->host = field->value;
        *ret_keep = false;
    } else if (field->id == TC_FIELD_CONTENT_LENGTH) {
        return note_length(f, field->value);
    } else if (field->id == TC_FIELD_EXPECT) {
        if (from == TC_CLIENT && version == TC_HTTP_1_1) note_expect(f, field->value);
    } else if (tc_field_flags(field->id) & TC_FIELD_HOP) {
        *ret_keep = false;
        if (field->id == TC_FIELD_CONNECTION)
            return note_connection(f, limits, field->value, ret_keep);
        if (field->id == TC_FIELD_TRANSFER_ENCODING) {
            if (version != TC_HTTP_1_1) return TC_ERR_TRANSFER_CODING_SYNTAX;
            return note_coding(f, field->value);
        }
    }
    return TC_OK;
}

/* What both directions ask of Transfer-Encoding. */
static tc_err check_coding(const tc_h1_facts *f)
{
    if ((f->chunked || f->unclear) && f->length != TC_LENGTH_UNKNOWN)
        return TC_ERR_LENGTH_AND_CODING;
    return f->unclear;
}

/* What comes behind CONNECT is the tunnel's, if there comes to be one. A peer that states a length
 * sees content there: two opinions about what it is are how requests are smuggled. */
static tc_err tunnel_request(const tc_h1_facts *f, tc_message *m, enum tc_h1_body *ret_body)
{
    if (f->length > 0 || f->chunked || f->unclear) return TC_ERR_CONNECT_CONTENT;
    m->length = TC_LENGTH_UNKNOWN;
    *ret_body = TC_H1_TUNNEL;
    return f->expects_other ? TC_ERR_EXPECTATION : TC_OK;
}

tc_err tc_h1_facts_request(const tc_h1_facts *f, tc_message *m, enum tc_h1_body *ret_body)
{
    if (m->method == TC_METHOD_CONNECT) return tunnel_request(f, m, ret_body);
    const tc_err err = check_coding(f);
    if (err) return err;
    if (f->chunked) {
        m->length = TC_LENGTH_UNKNOWN;
        *ret_body = TC_H1_CHUNKED;
    } else {
        m->length = f->length == TC_LENGTH_UNKNOWN ? 0 : f->length;
        *ret_body = m->length ? TC_H1_LENGTH : TC_H1_NO_BODY;
    }
    m->expects_continue = f->expects && m->length != 0;
    return f->expects_other ? TC_ERR_EXPECTATION : TC_OK;
}

tc_err tc_h1_facts_response(const tc_h1_facts *f, tc_message *m, enum tc_method asked,
                            enum tc_h1_body *ret_body)
{
    if (tc_makes_tunnel(asked, m->status)) { /* whatever fields say (RFC 9110, 9.3.6) */
        m->length = TC_LENGTH_UNKNOWN;
        *ret_body = TC_H1_TUNNEL;
        return TC_OK;
    }
    if (asked == TC_METHOD_HEAD || tc_status_no_content(m->status)) {
        if (f->length != TC_LENGTH_UNKNOWN && (f->chunked || f->unclear))
            return TC_ERR_LENGTH_AND_CODING;
        m->length = 0;
        *ret_body = TC_H1_NO_BODY;
        return TC_OK;
    }
    const tc_err err = check_coding(f);
    if (err) return err;
    m->length = f->length;
    if (f->chunked)
        *ret_body = TC_H1_CHUNKED;
    else if (f->length == TC_LENGTH_UNKNOWN)
        *ret_body = TC_H1_UNTIL_CLOSE;
    else
        *ret_body = f->length ? TC_H1_LENGTH : TC_H1_NO_BODY;
    return TC_OK;
}

void tc_h1_facts_strip(const tc_h1_facts *f, tc_fields *fields)
{
    if (f->options == 0) return;
    uint32_t cursor = 0;
    for (tc_span value; tc_fields_next(fields, TC_FIELD_CONNECTION, &cursor, &value);) {
        for (tc_span option; tc_h1_list_take(&value, &option);) {
            for (uint32_t i = 0; i < fields->count; i++) {
                tc_field *field = &fields->at[i];
                if (field->id == TC_FIELD_OTHER && tc_span_ieq(field->name, option))
                    field->name.len = 0;
            }
        }
    }
    tc_fields_remove(fields, (tc_span){0});
    tc_fields_remove(fields, tc_field_name(TC_FIELD_CONNECTION));
}
