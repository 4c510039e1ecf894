/* form_body.c - see form_body.h. */
// SPDX-License-Identifier: MIT
#include "forms/form_body.h"

#include "base/alloc.h"
#include "base/text.h"

static tc_err take_begin(void *self, const tc_form_field *f)
{
    tc_form_body *b = self;
    b->in_file = f->is_file;
    if (b->in_file) return TC_OK;
    if (b->count == b->room) {
        const size_t room = b->room ? 2 * b->room : 8;
        void *more = tc_realloc(b->fields, room * sizeof *b->fields);
        if (!more) return TC_ERR_NO_MEMORY;
        b->fields = more;
        b->room = room;
    }
    b->fields[b->count].name = b->memory.len;
    b->fields[b->count].value = b->memory.len + f->name.len;
    b->fields[b->count].end = b->memory.len + f->name.len;
    b->count++;
    return f->name.len ? tc_buf_add(&b->memory, f->name) : TC_OK;
}

static tc_err take_value(void *self, tc_span run)
{
    tc_form_body *b = self;
    if (b->in_file) return TC_OK;
    b->fields[b->count - 1].end += run.len;
    return tc_buf_add(&b->memory, run);
}

static tc_err take_end(void *self)
{
    (void)self;
    return TC_OK;
}

static void begin(tc_form_body *b, enum tc_form_kind kind, tc_span boundary,
                  const tc_limits *limits, tc_reached *reached)
{
    const tc_form_taker to = {take_begin, take_value, take_end, b};
    *b = (tc_form_body){.kind = kind};
    tc_buf_init(&b->memory,
                limits->form_bytes < UINT32_MAX / 2 ? limits->form_bytes + 1 : UINT32_MAX / 2);
    if (kind == TC_FORM_MULTIPART)
        tc_multipart_init(&b->parser.parts, boundary, &to, limits, reached);
    else
        tc_urlencoded_init(&b->parser.plain, &to, limits, reached);
}

static const char *why(const tc_form_body *b)
{
    return b->kind == TC_FORM_MULTIPART ? b->parser.parts.out.why : b->parser.plain.out.why;
}

tc_err tc_form_body_begin(tc_form_body *b, const tc_message *m, const tc_limits *limits,
                          tc_reached *reached, const char **ret_why)
{
    tc_span type = {0}, boundary = {0};
    *b = (tc_form_body){.kind = TC_FORM_NONE};
    *ret_why = "content codings are not taken here";
    if (tc_fields_has(&m->fields, TC_FIELD_CONTENT_ENCODING)) return TC_ERR_FORM_TYPE;
    (void)tc_fields_get(&m->fields, TC_FIELD_CONTENT_TYPE, &type);
    const enum tc_form_kind kind = tc_form_kind_of(type, &boundary, ret_why);
    if (kind == TC_FORM_NONE) return TC_ERR_FORM_TYPE;
    *ret_why = "the form is too long (form_bytes)";
    if (m->length > 0 && (uint64_t)m->length > limits->form_bytes) {
        reached->form_bytes++;
        return TC_ERR_FORM_TOO_LARGE;
    }
    begin(b, kind, boundary, limits, reached);
    return TC_OK;
}

tc_err tc_form_body_feed(tc_form_body *b, tc_span run, const char **ret_why)
{
    const tc_err err = b->kind == TC_FORM_MULTIPART ? tc_multipart_feed(&b->parser.parts, run)
                                                    : tc_urlencoded_feed(&b->parser.plain, run);
    *ret_why = why(b);
    return err;
}

static tc_span name_of(const tc_form_body *b, size_t i)
{
    return tc_span_of(b->memory.at + b->fields[i].name, b->fields[i].value - b->fields[i].name);
}

static tc_span value_of(const tc_form_body *b, size_t i)
{
    return tc_span_of(b->memory.at + b->fields[i].value, b->fields[i].end - b->fields[i].value);
}

static const char *fault_of(const tc_form_body *b)
{
    for (size_t i = 0; i < b->count; i++) {
        if (!tc_text_is_utf8(name_of(b, i)) || !tc_text_is_utf8(value_of(b, i)))
            return "a field is not UTF-8";
        for (size_t j = 0; j < i; j++) /* at most form_fields */
            if (tc_span_eq(name_of(b, i), name_of(b, j))) return "a field comes twice";
    }
    return NULL;
}

tc_err tc_form_body_end(tc_form_body *b, const char **ret_why)
{
    const tc_err err = b->kind == TC_FORM_MULTIPART ? tc_multipart_end(&b->parser.parts)
                                                    : tc_urlencoded_end(&b->parser.plain);
    *ret_why = err ? why(b) : fault_of(b);
    return *ret_why && !err ? TC_ERR_FORM : err;
}

tc_err tc_form_body_read(tc_form_body *b, tc_span text, const tc_limits *limits,
                         tc_reached *reached)
{
    const char *fault;
    begin(b, TC_FORM_URLENCODED, (tc_span){0}, limits, reached);
    const tc_err err = tc_form_body_feed(b, text, &fault);
    return err ? err : tc_form_body_end(b, &fault);
}

uint64_t tc_form_body_bytes(const tc_form_body *b)
{
    return b->memory.size + b->room * sizeof *b->fields;
}

void tc_form_body_fini(tc_form_body *b)
{
    if (b->kind == TC_FORM_MULTIPART) tc_multipart_fini(&b->parser.parts);
    if (b->kind == TC_FORM_URLENCODED) tc_urlencoded_fini(&b->parser.plain);
    tc_buf_fini(&b->memory);
    tc_free(b->fields);
    *b = (tc_form_body){.kind = TC_FORM_NONE};
}

tc_span tc_form_body_get(const tc_form_body *b, tc_span name)
{
    for (size_t i = 0; i < b->count; i++)
        if (tc_span_eq(name_of(b, i), name)) return value_of(b, i);
    return (tc_span){0};
}
