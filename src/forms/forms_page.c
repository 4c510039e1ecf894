/* forms_page.c - see forms_page.h. */
// SPDX-License-Identifier: MIT
#include "forms/forms_page.h"

#include "base/alloc.h"
#include "forms/session_cookie.h"
#include "http/date.h"
#include "page/page.h"

enum { PAGE_MORE = 65536, SHOWN_ID = 6 };

static const char style[] =
    "main{padding-top:clamp(1.5rem,5vh,3.5rem)}"
    "form{margin:0}td{font-family:inherit}"
    ".field{margin:0 0 1.1em}"
    "label{display:block;margin:0 0 .25em;font-weight:600}"
    "input{width:100%;max-width:30rem;padding:.5em .65em;font:inherit;color:inherit;"
    "background:var(--back);border:1px solid var(--soft);border-radius:.35rem}"
    "input[aria-invalid]{border:2px solid var(--mark)}"
    ".fault{margin:.3em 0 0;color:var(--mark);font-weight:600}"
    "button{padding:.55em 1.2em;font:inherit;font-weight:600;border-radius:.35rem;cursor:pointer;"
    "border:1px solid var(--mark);background:var(--mark);color:var(--back)}"
    "button.other{background:none;color:var(--mark)}"
    ":focus-visible{outline:3px solid var(--mark);outline-offset:2px}"
    ".step{margin:0;color:var(--soft);font-weight:600}"
    ".buttons{display:flex;gap:.8em;flex-wrap:wrap;margin:1.4em 0 0}"
    ".who{display:flex;gap:.6em;align-items:end;flex-wrap:wrap;margin:1.2em 0 2em;padding:0 0 "
    "1.2em;"
    "border-bottom:1px solid var(--line)}"
    ".who>div{flex:1 1 14rem}.who p{margin:0}"
    ".travels{margin:3em 0 0;padding:1.1em 1.3em;border:1px solid var(--line);border-radius:.6rem;"
    "font-size:.93rem}"
    ".travels h2{margin:0 0 .6em}.travels h3{margin:1.2em 0 .3em;font-size:1rem}"
    ".travels p{margin:.3em 0 .6em}.travels th{white-space:nowrap;width:1%}"
    ".travels td{min-width:9rem}.travels td+td{color:var(--soft)}"
    "@media print{main{padding:0;max-width:none}.who,.buttons,.travels{display:none}"
    "input{border:0;border-bottom:1px solid #000;border-radius:0;padding:.2em 0}}";

static void raw(tc_page *p, const char *s)
{
    tc_page_raw(p, tc_span_str(s));
}

static void safe(tc_page *p, tc_span s)
{
    tc_page_safe(p, TC_REPLY_HTML, s);
}

/* --- parts --------------------------------------------------------------------------------- */

/* Opens a form of the page with its sealed state; *ret_state, if wanted, lives with x. */
static void open_form(tc_page *to, tc_form_page *p, const char *attributes, tc_span step,
                      size_t values, tc_span *ret_state)
{
    tc_buf state;
    tc_buf_init(&state, UINT32_MAX / 4);
    tc_err err = tc_form_state_write(&state, p->key, p->path, step, p->until_s, p->values, values);
    if (!err && state.len > p->asking->records->limits->form_field)
        err = TC_ERR_FORM_TOO_LARGE; /* it could not come back */
    raw(to, "<form method=\"post\" action=\"");
    safe(to, p->path);
    raw(to, "\"");
    raw(to, attributes);
    raw(to, ">\n<input type=\"hidden\" name=\"state\" value=\"");
    safe(to, tc_buf_span(&state));
    raw(to, "\">\n");
    if (!err && ret_state) {
        *ret_state = tc_buf_span(&state);
        err = tc_arena_defer(&p->x->arena, tc_free, state.memory);
    } else {
        tc_buf_fini(&state);
    }
    if (err && !to->err) to->err = err;
}

static void write_fault(tc_page *to, const char *id, const char *fault)
{
    if (!fault) return;
    raw(to, "<p class=\"fault\" id=\"");
    raw(to, id);
    raw(to, "\">");
    raw(to, fault);
    raw(to, "</p>\n");
}

static void write_who(tc_page *to, tc_form_page *p)
{
    if (p->name.len) {
        open_form(to, p, " class=\"who\"", TC_FORM_SIGN_OUT, 0, NULL);
        raw(to, "<div><p>Signed in as <strong>");
        safe(to, p->name);
        raw(to, "</strong></p></div>\n<button class=\"other\">Sign out</button>\n</form>\n");
        return;
    }
    open_form(to, p, " class=\"who\"", TC_FORM_SIGN_IN, 0, NULL);
    raw(to, "<div><label for=\"who\">Who are you?</label>\n"
            "<input id=\"who\" name=\"who\" maxlength=\"64\" autocomplete=\"username\"");
    if (p->who_fault) raw(to, " aria-invalid=\"true\" aria-describedby=\"who-fault\"");
    raw(to, ">\n");
    write_fault(to, "who-fault", p->who_fault);
    raw(to, "</div>\n<button class=\"other\">Sign in</button>\n</form>\n");
}

static void write_field(tc_page *to, const tc_form_page *p, unsigned i)
{
    const tc_span member = p->asking->collection->form[i];
    char id[32];
    (void)snprintf(id, sizeof id, "fault-%u", i);
    raw(to, "<div class=\"field\"><label for=\"field-");
    tc_page_number(to, i);
    raw(to, "\">");
    safe(to, member);
    raw(to, "</label>\n<input id=\"field-");
    tc_page_number(to, i);
    raw(to, "\" name=\"");
    safe(to, member);
    raw(to, "\" value=\"");
    safe(to, p->values[i].value);
    raw(to, "\" required");
    if (p->faults[i]) {
        raw(to, " aria-invalid=\"true\" aria-describedby=\"");
        raw(to, id);
        raw(to, "\"");
    }
    raw(to, ">\n");
    write_fault(to, id, p->faults[i]);
    raw(to, "</div>\n");
}

static void row(tc_page *to, tc_span name, tc_span value)
{
    raw(to, "<tr><th scope=\"row\">");
    safe(to, name);
    raw(to, "</th><td>");
    safe(to, value);
    raw(to, "</td></tr>\n");
}

/* --- what travels -------------------------------------------------------------------------- */

/* Not the whole id: what a script must not read does not stand on the page. */
static void write_cookie(tc_page *to, const tc_form_page *p)
{
    const bool secure = tc_span_eq(p->x->theirs.scheme, TC_SPAN("https"));
    raw(to, "<h3>In the cookie: who you are</h3>\n<p><code>");
    safe(to, tc_session_cookie_name(p->x));
    raw(to, "=");
    safe(to, tc_span_first(p->id, SHOWN_ID));
    raw(to, "\u2026</code></p>\n<p>An id by chance, and nothing else: what belongs to it (");
    if (p->name.len) {
        raw(to, "that you are <strong>");
        safe(to, p->name);
        raw(to, "</strong>");
    } else {
        raw(to, "that nobody signed in yet");
    }
    raw(to, ", which forms you sent) stays on the server. ");
    raw(to, p->new_cookie ? "It came with this page, as <code>Set-Cookie</code> with "
                          : "Your browser brought it with this request. It was set with ");
    raw(to, secure ? "<code>Secure; HttpOnly; SameSite=Lax; Path=/</code>.</p>\n"
                   : "<code>HttpOnly; SameSite=Lax; Path=/</code>; over https it would be "
                     "<code>Secure</code> and begin with <code>__Host-</code>.</p>\n");
}

static void write_meaning(tc_page *to, const tc_form_page *p, tc_span name)
{
    char date[TC_DATE_BYTES];
    if (tc_span_eq(name, TC_SPAN("step"))) {
        raw(to, "which step this page is");
    } else if (tc_span_eq(name, TC_SPAN("until"))) {
        tc_date_write(date, p->until_s);
        raw(to, "until when it can be sent: ");
        safe(to, tc_span_of(date, sizeof date));
    } else if (tc_span_eq(name, TC_SPAN("once"))) {
        raw(to, "a number by chance: it can be sent once");
    } else if (tc_span_eq(name, TC_SPAN("mac"))) {
        raw(to, "the seal over all of it");
    } else {
        raw(to, "what you filled in");
    }
}

static void write_hidden(tc_page *to, const tc_form_page *p, tc_span state)
{
    raw(to, "<h3>In the hidden field: what this page knows</h3>\n"
            "<p>The server keeps no copy of it. It is to be read, not to be changed: with one byte "
            "of it changed, sent twice, too late or in another session, the answer is 403.</p>\n"
            "<table>\n");
    while (state.len) {
        tc_span one = tc_span_take(&state, tc_span_find(state, '&'));
        if (state.len) (void)tc_span_take(&state, 1);
        const tc_span name = tc_span_take(&one, tc_span_find(one, '='));
        raw(to, "<tr><th scope=\"row\">");
        safe(to, name);
        raw(to, "</th><td>");
        raw(to, "<code>");
        safe(to, tc_span_from(one, 1));
        raw(to, "</code></td><td>");
        write_meaning(to, p, name);
        raw(to, "</td></tr>\n");
    }
    raw(to, "</table>\n");
}

static void write_travels(tc_page *to, const tc_form_page *p, tc_span state)
{
    raw(to, "<section class=\"travels\" aria-labelledby=\"travels\">\n"
            "<h2 id=\"travels\">What travels</h2>\n"
            "<p>HTTP itself remembers nothing from one request to the next. These two do.</p>\n");
    write_cookie(to, p);
    write_hidden(to, p, state);
    raw(to, "</section>\n");
}

/* --- the pages ----------------------------------------------------------------------------- */

static void open_page(tc_page *to, tc_form_page *p, const char *step, const char *title)
{
    tc_page_open_styled(to, tc_span_str(title), tc_span_str(style));
    raw(to, "<p><a href=\"");
    safe(to, p->asking->collection->path);
    raw(to, "\">");
    safe(to, p->asking->collection->path);
    raw(to, "</a></p>\n<p class=\"step\">");
    raw(to, step);
    raw(to, "</p>\n<h1>");
    raw(to, title);
    raw(to, "</h1>\n");
}

static tc_err finish(tc_form_page *p, tc_buf *page, tc_err err, unsigned status)
{
    tc_exchange *x = p->x;
    const tc_span content = tc_buf_span(page);
    if (err) {
        tc_buf_fini(page);
        return err == TC_ERR_FULL ? TC_ERR_FORM_TOO_LARGE : err;
    }
    if (!tc_store_hold(p->asking->records->store, page->size)) {
        tc_buf_fini(page);
        return TC_ERR_STORE_HELD;
    }
    err = tc_records_lend(p->asking, x, page->memory, page->size);
    if (!err) err = tc_page_form_fields(x);
    if (!err)
        err =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-store"));
    return err ? err : tc_exchange_reply(x, status, tc_run_bytes(content));
}

/* Escaped it is at most six times as long, and it stands there thrice. */
static void init_page(tc_buf *page, const tc_form_page *p)
{
    size_t bytes = PAGE_MORE;
    for (unsigned i = 0; i < p->asking->collection->form_count; i++)
        bytes += 1024 + 24 * p->values[i].value.len;
    tc_buf_init(page, bytes);
}

tc_err tc_form_fill_page(tc_form_page *p, unsigned status)
{
    tc_buf page;
    tc_page to = {&page, TC_OK};
    tc_span state = {0};
    init_page(&page, p);
    open_page(&to, p, "Step 1 of 2", "A new record");
    write_who(&to, p);
    open_form(&to, p, "", TC_FORM_FILL, 0, &state);
    for (unsigned i = 0; i < p->asking->collection->form_count; i++)
        write_field(&to, p, i);
    raw(&to, "<div class=\"buttons\"><button>Next: look at it</button></div>\n</form>\n");
    write_travels(&to, p, state);
    tc_page_close(&to);
    return finish(p, &page, to.err, status);
}

tc_err tc_form_review_page(tc_form_page *p)
{
    tc_buf page;
    tc_page to = {&page, TC_OK};
    tc_span state = {0};
    const unsigned count = p->asking->collection->form_count;
    init_page(&page, p);
    open_page(&to, p, "Step 2 of 2", "Is this right?");
    raw(&to, "<table>\n");
    for (unsigned i = 0; i < count; i++)
        row(&to, p->values[i].name, p->values[i].value);
    raw(&to, "</table>\n");
    open_form(&to, p, "", TC_FORM_REVIEW, count, &state);
    raw(&to, "<div class=\"buttons\"><button name=\"go\" value=\"save\">Yes, save it</button>\n"
             "<button class=\"other\" name=\"go\" value=\"back\">No, change it</button></div>\n"
             "</form>\n");
    write_travels(&to, p, state);
    tc_page_close(&to);
    return finish(p, &page, to.err, 200);
}
