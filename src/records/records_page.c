/* records_page.c - see records_page.h. */
// SPDX-License-Identifier: MIT
#include "records/records_page.h"

#include "base/alloc.h"
#include "http/target.h"
#include "page/page.h"

enum { PAGE_MORE = 65536, COLUMNS = 12, VALUE_BYTES = 16384 };

static const char style[] =
    "main{padding-top:clamp(1.5rem,5vh,3.5rem)}"
    ".bar{display:flex;gap:1.2em;flex-wrap:wrap;margin:0 0 .6em}"
    ".wide{overflow-x:auto}"
    ".wide th{width:auto;white-space:nowrap}.wide td{min-width:8rem}"
    "thead th{border-top:0;font-weight:600;color:var(--ink)}"
    "td{font-family:inherit}td .n{font-variant-numeric:tabular-nums}"
    "tbody tr:hover{background:color-mix(in srgb,var(--line) 35%,transparent)}"
    "@media print{main{padding:0;max-width:none}.bar{display:none}.wide{overflow:visible}"
    ".wide th,.wide td{white-space:normal;min-width:0}thead{display:table-header-group}"
    "tr{break-inside:avoid}}";

static void free_page(void *memory)
{
    tc_free(memory);
}

static void raw(tc_page *p, const char *s)
{
    tc_page_raw(p, tc_span_str(s));
}

static void safe(tc_page *p, tc_span s)
{
    tc_page_safe(p, TC_REPLY_HTML, s);
}

static void link_to(tc_page *p, tc_span path, const char *below, const char *text)
{
    raw(p, "<a href=\"");
    safe(p, path);
    raw(p, below);
    raw(p, "\">");
    if (text)
        raw(p, text);
    else
        safe(p, path);
    raw(p, "</a>");
}

/* Where to go from here: nowhere, on paper. */
static void write_bar(tc_page *p, const tc_collection *c, bool to_list)
{
    if (!to_list && !c->form_count) return;
    raw(p, "<nav class=\"bar\">");
    if (to_list) link_to(p, c->path, "", NULL);
    if (c->form_count) link_to(p, c->path, "/form", "New record");
    raw(p, "</nav>\n");
}

/* Texts as they are, all else as JSON. */
static void write_value(tc_page *p, const json_t *v)
{
    tc_buf text;
    if (!v) return;
    if (json_is_string(v)) {
        safe(p, tc_span_of(json_string_value(v), json_string_length(v)));
        return;
    }
    tc_buf_init(&text, VALUE_BYTES);
    raw(p, json_is_number(v) ? "<span class=\"n\">" : "<code>");
    const tc_err err = tc_document_write(v, &text);
    if (err == TC_ERR_FULL)
        raw(p, "...");
    else if (err && !p->err)
        p->err = err;
    else
        safe(p, tc_buf_span(&text));
    raw(p, json_is_number(v) ? "</span>" : "</code>");
    tc_buf_fini(&text);
}

static tc_err finish(tc_exchange *x, tc_buf *page, tc_err err)
{
    const tc_span content = tc_buf_span(page);
    if (err) {
        tc_buf_fini(page);
        return err == TC_ERR_FULL ? tc_records_problem(x, 500, TC_SPAN("the page is too large"))
                                  : err;
    }
    err = tc_arena_defer(&x->arena, free_page, page->memory);
    if (!err) err = tc_page_fields(x, TC_SPAN("text/html; charset=utf-8"));
    if (!err) err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, TC_SPAN("Accept"));
    if (!err)
        err =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-cache"));
    return err ? err : tc_exchange_reply(x, 200, tc_run_bytes(content));
}

tc_err tc_record_page(tc_asking *a, tc_exchange *x, const tc_entry *e)
{
    tc_buf page;
    tc_page p = {&page, TC_OK};
    tc_document_fault fault;
    json_t *document = NULL;
    const char *name;
    json_t *value;
    const tc_err err = tc_document_read(e->document, UINT64_MAX, &document, &fault);
    if (err) return err;
    tc_buf_init(&page, PAGE_MORE + 8 * e->document.len);
    tc_page_open_styled(&p, a->key, tc_span_str(style));
    write_bar(&p, a->collection, true);
    raw(&p, "<h1>");
    safe(&p, a->collection->key);
    raw(&p, " ");
    safe(&p, a->key);
    raw(&p, "</h1>\n<table>\n");
    json_object_foreach(document, name, value)
    {
        raw(&p, "<tr><th scope=\"row\">");
        safe(&p, tc_span_str(name));
        raw(&p, "</th><td>");
        write_value(&p, value);
        raw(&p, "</td></tr>\n");
    }
    raw(&p, "</table>\n<p class=\"detail\">ETag ");
    safe(&p, e->etag);
    raw(&p, "</p>\n");
    tc_page_close(&p);
    json_decref(document);
    return finish(x, &page, p.err);
}

/* --- a collection -------------------------------------------------------------------------- */

/* The members that records have, the key first, up to a number that still fits a page. */
static unsigned columns_of(const json_t *rows, tc_span key, const char *columns[COLUMNS])
{
    unsigned count = 1;
    size_t i;
    json_t *row, *value;
    const char *name;
    columns[0] = NULL;
    json_array_foreach((json_t *)rows, i, row) json_object_foreach(row, name, value)
    {
        bool known = false;
        if (tc_span_eq(tc_span_str(name), key)) {
            columns[0] = name;
            continue;
        }
        for (unsigned at = 1; at < count && !known; at++)
            known = strcmp(columns[at], name) == 0;
        if (!known && count < COLUMNS) columns[count++] = name;
    }
    return count;
}

static void write_row(tc_page *p, tc_asking *a, tc_exchange *x, const json_t *row,
                      const char *const columns[COLUMNS], unsigned count)
{
    char number[32];
    const json_t *key = json_object_getn(row, a->collection->key.at, a->collection->key.len);
    tc_span text = tc_span_of(json_string_value(key), json_string_length(key));
    if (json_is_integer(key)) {
        (void)snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(key));
        text = tc_span_str(number);
    }
    const tc_span address = tc_records_address(&x->arena, a->collection, text);
    if (!address.at && !p->err) p->err = TC_ERR_NO_MEMORY;
    raw(p, "<tr><th scope=\"row\"><a href=\"");
    safe(p, address);
    raw(p, "\">");
    safe(p, text);
    raw(p, "</a></th>");
    for (unsigned i = 1; i < count; i++) {
        raw(p, "<td>");
        write_value(p, json_object_get(row, columns[i]));
        raw(p, "</td>");
    }
    raw(p, "</tr>\n");
}

tc_err tc_record_list_page(tc_asking *a, tc_exchange *x, tc_span rows, tc_span next)
{
    tc_buf page;
    tc_page p = {&page, TC_OK};
    tc_document_fault fault;
    json_t *all = NULL, *row;
    size_t i;
    const char *columns[COLUMNS];
    const tc_err err = tc_document_read(rows, UINT64_MAX, &all, &fault);
    if (err) return err;
    const unsigned count = columns_of(all, a->collection->key, columns);
    tc_buf_init(&page, PAGE_MORE + 16 * rows.len);
    tc_page_open_styled(&p, a->collection->path, tc_span_str(style));
    write_bar(&p, a->collection, false);
    raw(&p, "<h1>");
    safe(&p, a->collection->path);
    raw(&p, "</h1>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">");
    safe(&p, a->collection->key);
    raw(&p, "</th>");
    for (unsigned at = 1; at < count; at++) {
        raw(&p, "<th scope=\"col\">");
        safe(&p, tc_span_str(columns[at]));
        raw(&p, "</th>");
    }
    raw(&p, "</tr></thead>\n<tbody>\n");
    json_array_foreach(all, i, row) write_row(&p, a, x, row, columns, count);
    raw(&p, "</tbody></table></div>\n");
    if (!json_array_size(all)) raw(&p, "<p>There are no records here.</p>\n");
    if (next.len) {
        raw(&p, "<p><a rel=\"next\" href=\"");
        safe(&p, next);
        raw(&p, "\">Next page</a></p>\n");
    }
    tc_page_close(&p);
    json_decref(all);
    return finish(x, &page, p.err);
}
