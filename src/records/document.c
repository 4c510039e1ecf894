/* document.c - see document.h. The library reads; nesting is measured before, as it has no limit
 * that could be set. */
// SPDX-License-Identifier: MIT
#include "records/document.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"

enum { REAL_BYTES = 32 };

void tc_document_init(void)
{
    json_set_alloc_funcs(tc_alloc, tc_free);
    json_object_seed(0);
}

/* --- reading ------------------------------------------------------------------------------- */

static tc_err fault(tc_document_fault *f, unsigned line, unsigned column, const char *what)
{
    f->line = line;
    f->column = column;
    f->deep = false;
    (void)snprintf(f->text, sizeof f->text, "line %u, column %u: %s", line, column, what);
    return TC_ERR_JSON;
}

static void place(tc_span text, size_t at, unsigned *ret_line, unsigned *ret_column)
{
    *ret_line = *ret_column = 1;
    for (size_t i = 0; i < at; i++) {
        const bool new_line = text.at[i] == '\n';
        if (new_line) {
            ++*ret_line;
            *ret_column = 1;
        } else if ((text.at[i] & 0xc0) != 0x80) { /* one for each character */
            ++*ret_column;
        }
    }
}

/* The first place where it is nested deeper, or text.len. */
static size_t too_deep(tc_span text, uint64_t most)
{
    uint64_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '"': quoted = !quoted; break;
        case '\\': i += quoted; break;
        case '{':
        case '[':
            if (!quoted && ++depth > most) return i;
            break;
        case '}':
        case ']': depth -= !quoted && depth; break;
        default: break;
        }
    }
    return text.len;
}

/* What the library takes for each: the value itself, its place in a table, the table. */
uint64_t tc_document_weight(tc_span text)
{
    enum { OBJECT = 288, ARRAY = 160, VALUE = 96, MEMBER = 128 };
    uint64_t bytes = VALUE + 2 * text.len;
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++) {
        switch (text.at[i]) {
        case '"': quoted = !quoted; break;
        case '\\': i += quoted; break;
        case '{': bytes += quoted ? 0 : OBJECT; break;
        case '[': bytes += quoted ? 0 : ARRAY; break;
        case ',': bytes += quoted ? 0 : VALUE; break;
        case ':': bytes += quoted ? 0 : MEMBER; break;
        default: break;
        }
    }
    return bytes;
}

/* Word processors make quotation marks of three bytes: U+201C to U+201F. */
static bool begins_curly(tc_span text, tc_span near)
{
    for (int back = 0; back < 4 && near.at - back >= text.at; back++) {
        const tc_span s = tc_span_of(near.at - back, near.len + (size_t)back);
        if (tc_span_starts(s, TC_SPAN("\xe2\x80")) && s.len > 2 && (uint8_t)s.at[2] >= 0x9c &&
            (uint8_t)s.at[2] <= 0x9f)
            return true;
    }
    return false;
}

/* What people run into, in words that help. */
static const char *hint(tc_span text, const json_error_t *e)
{
    const size_t at = e->position > 0 ? (size_t)e->position - 1 : 0;
    const tc_span near = tc_span_from(text, at < text.len ? at : text.len);
    size_t begins = 0;
    while (begins < text.len && strchr(" \t\r\n", text.at[begins]) && text.at[begins])
        begins++;
    const tc_span rest = tc_span_from(text, begins);
    if (!rest.len) return "there is no content; a record is an object: {...}";
    if (begins_curly(text, near)) return "JSON has straight quotes (\"), not curly ones";
    if (tc_span_starts(rest, TC_SPAN("\xef\xbb\xbf"))) return "a byte order mark is not allowed";
    if (rest.at[0] != '{' && rest.at[0] != '[') return "it must begin with { or [";
    return NULL;
}

tc_err tc_document_read(tc_span text, uint64_t depth, json_t **ret_value, tc_document_fault *f)
{
    json_error_t e;
    unsigned line, column;
    const size_t deep = too_deep(text, depth);
    if (deep < text.len) {
        char what[64];
        (void)snprintf(what, sizeof what, "nested deeper than %" PRIu64 " (json_depth)", depth);
        place(text, deep, &line, &column);
        const tc_err err = fault(f, line, column, what);
        f->deep = true;
        return err;
    }
    const size_t nul = tc_span_find(text, 0);
    if (nul < text.len) { /* the library passes over some */
        place(text, nul, &line, &column);
        return fault(f, line, column, "a NUL byte");
    }
    *ret_value = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &e);
    if (*ret_value) return TC_OK;
    if (json_error_code(&e) == json_error_out_of_memory) return TC_ERR_NO_MEMORY;
    const char *said = hint(text, &e);
    return fault(f, e.line > 0 ? (unsigned)e.line : 1, e.column > 0 ? (unsigned)e.column : 1,
                 said ? said : e.text);
}

/* --- writing ------------------------------------------------------------------------------- */

static tc_err write_real(double value, tc_buf *out)
{
    char text[REAL_BYTES];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    /* A real stays one when it is read again. */
    const char *more = strpbrk(text, ".eE") ? "" : ".0";
    return tc_buf_printf(out, "%s%s", text, more);
}

static tc_err write_string(const json_t *s, tc_buf *out)
{
    return tc_text_json(out, tc_span_of(json_string_value(s), json_string_length(s)));
}

static tc_err write_array(const json_t *value, tc_buf *out)
{
    tc_err err = tc_buf_add_byte(out, '[');
    for (size_t i = 0; i < json_array_size(value) && !err; i++) {
        if (i) err = tc_buf_add_byte(out, ',');
        if (!err) err = tc_document_write(json_array_get(value, i), out);
    }
    return err ? err : tc_buf_add_byte(out, ']');
}

static tc_err write_object(json_t *value, tc_buf *out)
{
    tc_err err = tc_buf_add_byte(out, '{');
    void *first = json_object_iter(value);
    for (void *i = first; i && !err; i = json_object_iter_next(value, i)) {
        const char *name = json_object_iter_key(i);
        if (i != first) err = tc_buf_add_byte(out, ',');
        if (!err) err = tc_text_json(out, tc_span_str(name));
        if (!err) err = tc_buf_add_byte(out, ':');
        if (!err) err = tc_document_write(json_object_iter_value(i), out);
    }
    return err ? err : tc_buf_add_byte(out, '}');
}

tc_err tc_document_write(const json_t *value, tc_buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: return write_object((json_t *)value, out);
    case JSON_ARRAY: return write_array(value, out);
    case JSON_STRING: return write_string(value, out);
    case JSON_INTEGER:
        return tc_buf_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL: return write_real(json_real_value(value), out);
    case JSON_TRUE: return tc_buf_add(out, TC_SPAN("true"));
    case JSON_FALSE: return tc_buf_add(out, TC_SPAN("false"));
    case JSON_NULL: break;
    }
    return tc_buf_add(out, TC_SPAN("null"));
}
