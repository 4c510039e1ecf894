/* error_page.c - see error_page.h. */
// SPDX-License-Identifier: MIT
#include "page/error_page.h"

#include <assert.h>

#include "base/text.h"
#include "page/page.h"

enum { FRAME_BYTES = 4096, DETAIL_BYTES = 512, LINK_BYTES = 1024 };
enum { ESCAPED = 6 }; /* bytes for one, at most */

struct words {
    uint16_t status;
    tc_span title, sentence;
};

static const struct words table[] = {
#define TC_ERROR_PAGE(status, title, sentence)                                                     \
    {status, {title, sizeof title - 1}, {sentence, sizeof sentence - 1}},
#include "error_page.def"
#undef TC_ERROR_PAGE
};

static struct words words_of(unsigned status)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status) return table[i];
    const tc_span sentence = status < 400   ? TC_SPAN("What you asked for is somewhere else.")
                             : status < 500 ? TC_SPAN("The server cannot answer this request.")
                                            : TC_SPAN("The server failed to answer this request.");
    return (struct words){(uint16_t)status, tc_status_reason(status), sentence};
}

/* The address to link to: only one that leads to a page, so no script. */
static tc_span link_of(const tc_exchange *x, unsigned status)
{
    static const char *const beginnings[] = {"/", ".", "?", "http://", "https://"};
    tc_span link;
    if (status >= 400 || !tc_message_get(&x->ours, TC_FIELD_LOCATION, &link) ||
        link.len > LINK_BYTES)
        return (tc_span){0};
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (tc_span_starts(link, tc_span_str(beginnings[i]))) return link;
    return (tc_span){0};
}

static void write_html(tc_page *p, const struct words *w, tc_span detail, tc_span link)
{
    tc_page_open(p, w->title);
    tc_page_raw(p, TC_SPAN("<p class=\"number\">"));
    tc_page_number(p, w->status);
    tc_page_raw(p, TC_SPAN("</p>\n<h1>"));
    tc_page_safe(p, TC_REPLY_HTML, w->title);
    tc_page_raw(p, TC_SPAN("</h1>\n<p>"));
    tc_page_safe(p, TC_REPLY_HTML, w->sentence);
    tc_page_raw(p, TC_SPAN("</p>\n"));
    if (link.len) {
        tc_page_raw(p, TC_SPAN("<p><a href=\""));
        tc_page_safe(p, TC_REPLY_HTML, link);
        tc_page_raw(p, TC_SPAN("\">"));
        tc_page_safe(p, TC_REPLY_HTML, link);
        tc_page_raw(p, TC_SPAN("</a></p>\n"));
    }
    if (detail.len) {
        tc_page_raw(p, TC_SPAN("<p class=\"detail\">"));
        tc_page_safe(p, TC_REPLY_HTML, detail);
        tc_page_raw(p, TC_SPAN("</p>\n"));
    }
    tc_page_close(p);
}

/* No type member means "about:blank", whose title is the reason phrase (RFC 9457, 4.2.1). */
static void write_json(tc_page *p, const struct words *w, tc_span detail, tc_span link,
                       const tc_error_facts *facts)
{
    tc_page_raw(p, TC_SPAN("{\"status\":"));
    tc_page_number(p, w->status);
    tc_page_raw(p, TC_SPAN(",\"title\":"));
    tc_page_safe(p, TC_REPLY_JSON, tc_status_reason(w->status));
    tc_page_raw(p, TC_SPAN(",\"detail\":"));
    tc_page_safe(p, TC_REPLY_JSON, detail.len ? detail : w->sentence);
    if (link.len) {
        tc_page_raw(p, TC_SPAN(",\"location\":"));
        tc_page_safe(p, TC_REPLY_JSON, link);
    }
    if (facts && facts->line) {
        tc_page_raw(p, TC_SPAN(",\"line\":"));
        tc_page_number(p, facts->line);
        tc_page_raw(p, TC_SPAN(",\"column\":"));
        tc_page_number(p, facts->column);
    }
    if (facts && facts->limit) {
        tc_page_raw(p, TC_SPAN(",\"limit\":"));
        tc_page_safe(p, TC_REPLY_JSON, tc_span_str(facts->limit));
    }
    tc_page_raw(p, TC_SPAN("}\n"));
}

static void write_text(tc_page *p, const struct words *w, tc_span detail, tc_span link)
{
    tc_page_number(p, w->status);
    tc_page_raw(p, TC_SPAN(" "));
    tc_page_raw(p, w->title);
    tc_page_raw(p, TC_SPAN("\n"));
    tc_page_raw(p, w->sentence);
    tc_page_raw(p, TC_SPAN("\n"));
    const tc_span more[] = {link, detail};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        if (more[i].len == 0) continue;
        tc_page_safe(p, TC_REPLY_TEXT, more[i]);
        tc_page_raw(p, TC_SPAN("\n"));
    }
}

static tc_err set_fields(tc_exchange *x, enum tc_reply_kind kind, unsigned status)
{
    static const char *const types[] = {
        [TC_REPLY_HTML] = "text/html; charset=utf-8",
        [TC_REPLY_JSON] = "application/problem+json",
        [TC_REPLY_TEXT] = "text/plain; charset=utf-8",
    };
    tc_fields *f = &x->ours.fields;
    tc_span caching, etag;
    /* Of 412 it says what is there now, not what the page is. */
    const bool tells = status == 412 && tc_fields_get(f, TC_FIELD_ETAG, &etag);
    tc_err err = tc_page_fields(x, tc_span_str(types[kind]));
    if (!err && tells) err = tc_fields_set(f, &x->arena, TC_FIELD_ETAG, etag);
    if (!err) err = tc_fields_set(f, &x->arena, TC_FIELD_CONTENT_LANGUAGE, TC_SPAN("en"));
    if (err) return err;
    if (status < 400 || tc_message_get(&x->ours, TC_FIELD_CACHE_CONTROL, &caching))
        return tc_fields_set(f, &x->arena, TC_FIELD_VARY, TC_SPAN("Accept"));
    return tc_fields_set(f, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-store"));
}

tc_err tc_error_page(tc_exchange *x, unsigned status, tc_span detail)
{
    return tc_error_page_as(x, status, detail, TC_REPLY_HTML, NULL);
}

tc_err tc_error_page_as(tc_exchange *x, unsigned status, tc_span detail, enum tc_reply_kind usual,
                        const tc_error_facts *facts)
{
    assert(status >= 300 && status < 1000);
    if (x->began) return TC_ERR_HEAD_TWICE;
    if (tc_status_no_content(status)) return tc_exchange_answer(x, status, 0);

    const struct words w = words_of(status);
    const enum tc_reply_kind kind = tc_accept_kind(&x->theirs, usual);
    const tc_span line = tc_span_first(detail, DETAIL_BYTES), link = link_of(x, status);
    const size_t bytes = FRAME_BYTES + ESCAPED * (line.len + 2 * link.len);
    tc_buf room;
    tc_page page = {&room, set_fields(x, kind, status)};
    x->ours.trailers = (tc_fields){0};
    char *memory = page.err ? NULL : tc_arena_bytes(&x->arena, bytes);
    if (!memory) return tc_exchange_answer(x, status, 0);
    tc_buf_init_over(&room, memory, bytes);
    switch (kind) {
    case TC_REPLY_HTML: write_html(&page, &w, line, link); break;
    case TC_REPLY_JSON: write_json(&page, &w, line, link, facts); break;
    case TC_REPLY_TEXT: write_text(&page, &w, line, link); break;
    }
    assert(!page.err); /* there is room for all of it, escaped at its longest */
    return tc_exchange_reply(x, status, tc_run_bytes(tc_buf_span(&room)));
}
