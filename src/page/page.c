/* page.c - see page.h. */
// SPDX-License-Identifier: MIT
#include "page/page.h"

#include "base/text.h"

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1c2024;--soft:#5d6670;--line:#dcdfe3;--back:#fbfaf8;"
    "--mark:#b0432a}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e9e6e0;--soft:#a3a9b1;--line:#34393f;"
    "--back:#16181b;--mark:#f2906c}}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--back);color:var(--ink);"
    "font:1.0625rem/1.6 system-ui,-apple-system,\"Segoe UI\",Roboto,sans-serif}"
    "main{max-width:46rem;margin:0 auto;padding:clamp(2rem,12vh,8rem) 1.5rem 4rem}"
    ".number{margin:0;font-size:clamp(4.5rem,18vw,8.5rem);font-weight:800;line-height:1;"
    "letter-spacing:-.04em;font-variant-numeric:tabular-nums;color:var(--mark)}"
    "h1{margin:.4em 0 .3em;font-size:clamp(1.5rem,4vw,2.1rem);line-height:1.2;"
    "overflow-wrap:anywhere}"
    "h2{margin:2em 0 .5em;font-size:.8rem;letter-spacing:.08em;text-transform:uppercase;"
    "color:var(--soft)}"
    "p{margin:0 0 1em}"
    "a{color:var(--mark);overflow-wrap:anywhere}"
    ".detail{padding-left:.9em;border-left:3px solid var(--line);color:var(--soft);"
    "overflow-wrap:anywhere}"
    "table{width:100%;border-collapse:collapse;font-size:.95rem}"
    "th,td{padding:.4em 1em .4em 0;border-top:1px solid var(--line);text-align:left;"
    "vertical-align:top;font-weight:400}"
    "th{width:30%;color:var(--soft)}"
    "td{font-family:ui-monospace,\"SF Mono\",Menlo,Consolas,monospace;overflow-wrap:anywhere}";

void tc_page_raw(tc_page *p, tc_span s)
{
    if (!p->err) p->err = tc_buf_add(p->to, s);
}

void tc_page_number(tc_page *p, uint64_t value)
{
    char digits[20];
    tc_page_raw(p, (tc_span){digits, tc_text_number(digits, value)});
}

void tc_page_safe(tc_page *p, enum tc_reply_kind kind, tc_span s)
{
    if (p->err) return;
    switch (kind) {
    case TC_REPLY_HTML: p->err = tc_text_html(p->to, s); break;
    case TC_REPLY_JSON: p->err = tc_text_json(p->to, s); break;
    case TC_REPLY_TEXT: p->err = tc_text_terminal(p->to, s, false); break;
    }
}

void tc_page_open(tc_page *p, tc_span title)
{
    tc_page_open_styled(p, title, (tc_span){0});
}

void tc_page_open_styled(tc_page *p, tc_span title, tc_span more_style)
{
    tc_page_raw(p, TC_SPAN("<!doctype html>\n<html lang=\"en\">\n<head>\n"
                           "<meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width, "
                           "initial-scale=1\">\n<title>"));
    tc_page_safe(p, TC_REPLY_HTML, title);
    tc_page_raw(p, TC_SPAN("</title>\n<style>"));
    tc_page_raw(p, (tc_span){style, sizeof style - 1});
    tc_page_raw(p, more_style);
    tc_page_raw(p, TC_SPAN("</style>\n</head>\n<body>\n<main>\n"));
}

void tc_page_close(tc_page *p)
{
    tc_page_raw(p, TC_SPAN("</main>\n</body>\n</html>\n"));
}

/* Fields that describe content which is not sent after all. */
static const enum tc_field_id about_content[] = {
    TC_FIELD_CONTENT_TYPE,     TC_FIELD_CONTENT_LANGUAGE,    TC_FIELD_CONTENT_ENCODING,
    TC_FIELD_CONTENT_LENGTH,   TC_FIELD_CONTENT_DISPOSITION, TC_FIELD_ETAG,
    TC_FIELD_CONTENT_LOCATION, TC_FIELD_LAST_MODIFIED,
};

static void forget_other_content(tc_exchange *x)
{
    for (size_t i = 0; i < sizeof about_content / sizeof *about_content; i++) {
        const enum tc_field_id id = about_content[i];
        if (tc_fields_has(&x->ours.fields, id))
            tc_fields_remove(&x->ours.fields, tc_field_name(id));
        for (int j = 0; j < TC_BLOCKS; j++)
            if (x->ours.blocks[j] && tc_fields_has(&x->ours.blocks[j]->fields, id))
                x->ours.blocks[j] = NULL;
    }
}

static tc_err push(tc_exchange *x, tc_span name, tc_span value)
{
    return tc_fields_push(&x->ours.fields, &x->arena, (tc_field){name, value, TC_FIELD_OTHER});
}

static tc_err set_fields(tc_exchange *x, tc_span content_type, tc_span policy)
{
    forget_other_content(x);
    tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CONTENT_TYPE, content_type);
    if (!err) err = push(x, TC_SPAN("x-content-type-options"), TC_SPAN("nosniff"));
    if (!err && policy.len) err = push(x, TC_SPAN("content-security-policy"), policy);
    return err;
}

#define POLICY                                                                                     \
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'; "     \
    "form-action "

tc_err tc_page_fields(tc_exchange *x, tc_span content_type)
{
    const bool html = tc_span_starts(content_type, TC_SPAN("text/html"));
    return set_fields(x, content_type, html ? TC_SPAN(POLICY "'none'") : (tc_span){0});
}

tc_err tc_page_form_fields(tc_exchange *x)
{
    return set_fields(x, TC_SPAN("text/html; charset=utf-8"), TC_SPAN(POLICY "'self'"));
}
