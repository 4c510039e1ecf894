/* items.c - see items.h. jansson checks a JSON value, but what is sent are the bytes as they were
 * written: 1.10 stays 1.10. */
// SPDX-License-Identifier: MIT
#include "ask/items.h"

#include <jansson.h>

#include "base/ascii.h"
#include "base/text.h"

#define COMPLAIN(to, ...) complained(tc_buf_printf(to, __VA_ARGS__))

static tc_err complained(tc_err err)
{
    return err ? err : TC_ERR_USAGE;
}

struct reading {
    tc_items *it;
    tc_arena *arena;
    tc_buf *complaint;
    tc_span word;
};

bool tc_items_is_url(tc_span word)
{
    if (word.len && word.at[0] == '/') return true;
    if (word.len > 1 && word.at[0] == ':') return tc_ascii_digit(word.at[1]);
    size_t n = 0;
    while (n < word.len && (tc_ascii_alpha(word.at[n]) ||
                            (n > 0 && (tc_ascii_digit(word.at[n]) || word.at[n] == '+' ||
                                       word.at[n] == '-' || word.at[n] == '.'))))
        n++;
    return n > 0 && tc_span_starts(tc_span_from(word, n), TC_SPAN("://"));
}

static tc_span lower(tc_arena *a, tc_span s)
{
    char *at = tc_arena_bytes(a, s.len + 1);
    for (size_t i = 0; at && i < s.len; i++)
        at[i] = tc_ascii_lower(s.at[i]);
    return tc_span_of(at, at ? s.len : 0);
}

/* What tercet must say itself, because it says where a message ends. */
static bool is_framing(enum tc_field_id id)
{
    return id == TC_FIELD_CONTENT_LENGTH ||
           (id != TC_FIELD_OTHER && tc_field_flags(id) & TC_FIELD_HOP);
}

static tc_err add_field(struct reading *r, tc_span name, tc_span value, bool remove)
{
    tc_items *it = r->it;
    const tc_span low = lower(r->arena, name);
    if (!low.at) return TC_ERR_NO_MEMORY;
    if (!tc_is_token(low))
        return COMPLAIN(r->complaint, "\"%.*s\": \"%.*s\" can be no field name", TC_FMT(r->word),
                        TC_FMT(name));
    const enum tc_field_id id = tc_field_id_of(low);
    if (is_framing(id))
        return COMPLAIN(r->complaint,
                        "%.*s belongs to the connection or the framing; tercet sends it itself",
                        TC_FMT(name));
    if (remove) return tc_fields_push(&it->removed, r->arena, (tc_field){low, {0}, id});
    if (id == TC_FIELD_HOST) {
        if (it->host.at) return COMPLAIN(r->complaint, "Host is given twice");
        it->host = value;
        return TC_OK;
    }
    const tc_err err = tc_fields_add(&it->fields, r->arena, low, value);
    if (err == TC_ERR_FIELD_INVALID)
        return COMPLAIN(r->complaint, "the value of %.*s has a character that no field may have",
                        TC_FMT(name));
    return err;
}

/* --- JSON ---------------------------------------------------------------------------------- */

static tc_err check_json(struct reading *r, tc_span key, tc_span text)
{
    json_error_t error;
    json_t *value = json_loadb(text.at, text.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (value) {
        json_decref(value);
        return TC_OK;
    }
    return COMPLAIN(r->complaint, "%.*s is no JSON: %s (line %d, column %d)", TC_FMT(key),
                    error.text, error.line, error.column);
}

static tc_err add_member(struct reading *r, tc_span key, tc_span value, bool raw)
{
    tc_items *it = r->it;
    if (!tc_text_is_utf8(key) || !tc_text_is_utf8(value))
        return COMPLAIN(r->complaint, "the member \"%.*s\" is no UTF-8, which JSON must be",
                        TC_FMT(key));
    if (tc_fields_find(&it->members, key, &(tc_span){0}))
        return COMPLAIN(r->complaint, "the member \"%.*s\" is given twice", TC_FMT(key));
    tc_err err = raw ? check_json(r, key, value) : TC_OK;
    if (!err) err = tc_fields_push(&it->members, r->arena, (tc_field){.name = key});
    if (!err) err = tc_buf_add(&it->json, it->json.len ? TC_SPAN(",") : TC_SPAN("{"));
    if (!err) err = tc_text_json(&it->json, key);
    if (!err) err = tc_buf_add_byte(&it->json, ':');
    if (!err)
        err = raw ? tc_buf_add(&it->json, tc_span_trim(value)) : tc_text_json(&it->json, value);
    if (err == TC_ERR_FULL) return COMPLAIN(r->complaint, "the JSON object is too large");
    return err;
}

/* --- words --------------------------------------------------------------------------------- */

static tc_err add_url(struct reading *r)
{
    if (r->it->url_count == TC_ITEMS_URLS)
        return COMPLAIN(r->complaint, "%d URLs at a time at most", TC_ITEMS_URLS);
    r->it->urls[r->it->url_count++] = r->word;
    return TC_OK;
}

static tc_err add_file(struct reading *r)
{
    if (r->word.len == 1) return COMPLAIN(r->complaint, "@ needs the name of a file behind it");
    if (r->it->file)
        return COMPLAIN(r->complaint, "content is given twice: @%s and %.*s", r->it->file,
                        TC_FMT(r->word));
    r->it->file = r->word.at + 1; /* a word of argv: NUL-terminated */
    return TC_OK;
}

static tc_err no_item(struct reading *r)
{
    const tc_span w = r->word;
    if (tc_span_ends(w, TC_SPAN(";")) && w.len > 1)
        return add_field(r, tc_span_first(w, w.len - 1), TC_SPAN(""), false);
    const bool maybe_url = tc_span_find(w, '.') < w.len || tc_span_find(w, '/') < w.len;
    return COMPLAIN(r->complaint,
                    maybe_url ? "\"%.*s\" is no Name:value, key=value, key:=json or @file; if it "
                                "is a URL, write http:// before it"
                              : "\"%.*s\" is no URL, Name:value, key=value, key:=json or @file",
                    TC_FMT(w));
}

static tc_err add_item(struct reading *r)
{
    const tc_span w = r->word;
    if (w.len && w.at[0] == '@') return add_file(r);
    size_t n = 0;
    while (n < w.len && w.at[n] != ':' && w.at[n] != '=')
        n++;
    if (n == w.len) return no_item(r);
    const tc_span key = tc_span_first(w, n);
    if (w.at[n] == '=') return add_member(r, key, tc_span_from(w, n + 1), false);
    if (n + 1 < w.len && w.at[n + 1] == '=')
        return add_member(r, key, tc_span_from(w, n + 2), true);
    const tc_span value = tc_span_trim(tc_span_from(w, n + 1));
    /* "example.com:8080/x" would be a field of a strange name */
    if (tc_span_find(key, '.') < key.len && value.len && tc_ascii_digit(value.at[0]))
        return COMPLAIN(r->complaint, "\"%.*s\" looks like a URL: write http:// before it",
                        TC_FMT(w));
    return add_field(r, key, value, value.len == 0);
}

tc_err tc_items_read(tc_items *it, tc_arena *a, int count, char *const *words, tc_buf *complaint)
{
    const int most = count < TC_ITEMS_URLS ? count : TC_ITEMS_URLS;
    *it = (tc_items){.urls = tc_arena_alloc(a, (size_t)most * sizeof(tc_span))};
    tc_buf_init(&it->json, TC_ITEMS_JSON);
    tc_err err = it->urls ? TC_OK : TC_ERR_NO_MEMORY;
    for (int i = 0; i < count && !err; i++) {
        struct reading r = {it, a, complaint, tc_span_str(words[i])};
        err = i == 0 || tc_items_is_url(r.word) ? add_url(&r) : add_item(&r);
    }
    if (!err && it->json.len) err = tc_buf_add_byte(&it->json, '}');
    return err;
}

void tc_items_fini(tc_items *it)
{
    tc_buf_fini(&it->json);
}
