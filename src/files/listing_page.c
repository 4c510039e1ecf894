/* listing_page.c - see listing_page.h. Links are relative, so that the page is right under whatever
 * prefix the folder is served. */
// SPDX-License-Identifier: MIT
#include "files/listing_page.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"
#include "http/percent.h"
#include "page/page.h"

enum { ADDRESS_BYTES = 1024, TIME_BYTES = 40 };

static const char style[] =
    "main{max-width:60rem;padding-top:clamp(1.5rem,5vh,3.5rem)}"
    "h1{font-size:clamp(1.2rem,3vw,1.6rem);font-weight:600}"
    "h1 a{text-decoration:none}h1 a:hover{text-decoration:underline}"
    "h1 i{font-style:normal;color:var(--soft);padding:0 .2em}"
    "thead th{border-top:0;font-size:.8rem;white-space:nowrap}"
    "thead a{color:var(--soft);text-decoration:none}thead a:hover{color:var(--mark)}"
    "thead a[aria-current]{color:var(--ink);font-weight:600}"
    "th{width:auto}td{font-family:inherit;color:var(--soft);white-space:nowrap;"
    "font-variant-numeric:tabular-nums}"
    "tbody th{overflow-wrap:anywhere;color:var(--ink)}"
    "tbody a{text-decoration:none}tbody a:hover{text-decoration:underline}"
    ".f a{font-weight:600}"
    ".n{text-align:right;padding-right:2em}"
    "tbody tr:hover{background:color-mix(in srgb,var(--line) 35%,transparent)}"
    ".detail{margin-top:1.4em;padding:0;border:0;font-size:.9rem}"
    "@media(max-width:36rem){.t{display:none}.n{padding-right:0}}";

static const char *const sort_words[] = {
    [TC_LISTING_NAME] = "name", [TC_LISTING_SIZE] = "size", [TC_LISTING_TIME] = "time"};
static const char *const heads[] = {
    [TC_LISTING_NAME] = "Name", [TC_LISTING_SIZE] = "Size", [TC_LISTING_TIME] = "Changed (UTC)"};
static const char *const classes[] = {
    [TC_LISTING_NAME] = "", [TC_LISTING_SIZE] = " class=\"n\"", [TC_LISTING_TIME] = " class=\"t\""};

void tc_listing_view_read(tc_listing_view *v, tc_span query)
{
    while (query.len) {
        const tc_span part = tc_span_take(&query, tc_span_find(query, '&'));
        if (query.len) (void)tc_span_take(&query, 1);
        const size_t equals = tc_span_find(part, '=');
        const tc_span name = tc_span_first(part, equals), value = tc_span_from(part, equals + 1);
        if (tc_span_eq(name, TC_SPAN("order"))) v->falling = tc_span_eq(value, TC_SPAN("desc"));
        if (!tc_span_eq(name, TC_SPAN("sort"))) continue;
        for (size_t i = 0; i < sizeof sort_words / sizeof *sort_words; i++)
            if (tc_span_eq(value, tc_span_str(sort_words[i]))) v->sort = (enum tc_listing_sort)i;
    }
}

static void raw(tc_page *p, const char *s)
{
    tc_page_raw(p, tc_span_str(s));
}

static void safe(tc_page *p, tc_span s)
{
    tc_page_safe(p, TC_REPLY_HTML, s);
}

/* Whether a path can have it: the same that tc_target_normal_path says. */
static bool has_address(tc_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if ((uint8_t)name.at[i] < 0x20 || name.at[i] == 0x7f || name.at[i] == '\\') return false;
    return true;
}

/* Relative: one with ":" in it would be taken for a scheme, so that is encoded. */
static tc_span address_of(tc_arena *a, const tc_listed *e)
{
    const tc_span to = tc_percent_encode(a, e->name, "!$()*,;=@");
    return to.at && e->folder ? tc_arena_printf(a, "%.*s/", TC_FMT(to)) : to;
}

/* "2026-11-22 10:15", or as RFC 3339 has it. */
static tc_span time_of(char at[TIME_BYTES], int64_t seconds, bool exact)
{
    struct tm t;
    const time_t when = (time_t)seconds;
    if (!gmtime_r(&when, &t)) return TC_SPAN("");
    return tc_span_of(
        at, strftime(at, TIME_BYTES, exact ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M", &t));
}

/* "17 B", "1.2 kB", "340 MB": powers of ten. */
static tc_span size_of(char at[TIME_BYTES], uint64_t size)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    uint64_t tenths = size * 10; /* past 64 bits only where no file is */
    if (size < 1000)
        return tc_span_of(at, (size_t)snprintf(at, TIME_BYTES, "%u B", (unsigned)size));
    for (; tenths >= 9995 && unit < 6; unit++)
        tenths = (tenths + 500) / 1000;
    const unsigned whole = (unsigned)(tenths / 10), rest = (unsigned)(tenths % 10);
    const int n = whole < 10 ? snprintf(at, TIME_BYTES, "%u.%u %s", whole, rest, units[unit])
                             : snprintf(at, TIME_BYTES, "%u %s", whole + (rest > 4), units[unit]);
    return tc_span_of(at, (size_t)n);
}

/* --- HTML ---------------------------------------------------------------------------------- */

static size_t depth_of(tc_span path)
{
    size_t depth = 0;
    for (size_t i = 1; i < path.len; i++)
        depth += path.at[i] == '/';
    return depth;
}

static void go_up(tc_page *p, size_t levels)
{
    raw(p, "<a href=\"");
    for (size_t i = 0; i < levels; i++)
        raw(p, "../");
    raw(p, "\">");
}

/* The way from the top to here; no link to here. */
static void write_way(tc_page *p, const tc_listing_view *v)
{
    tc_span rest = tc_span_from(v->path, 1);
    size_t up = depth_of(v->path);
    raw(p, "<h1>");
    if (up) go_up(p, up);
    raw(p, up ? "/</a>" : "/");
    while (up > 0) {
        const tc_span name = tc_span_take(&rest, tc_span_find(rest, '/'));
        (void)tc_span_take(&rest, 1);
        if (--up) go_up(p, up);
        safe(p, name);
        raw(p, up ? "</a><i>/</i>" : "<i>/</i>");
    }
    raw(p, "</h1>\n");
}

static void write_head(tc_page *p, const tc_listing_view *v)
{
    raw(p, "<table>\n<thead><tr>");
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        const bool chosen = v->sort == i;
        raw(p, "<th scope=\"col\"");
        raw(p, classes[i]);
        if (chosen) raw(p, v->falling ? " aria-sort=\"descending\"" : " aria-sort=\"ascending\"");
        raw(p, "><a href=\"?sort=");
        raw(p, sort_words[i]);
        raw(p, "&amp;order=");
        raw(p, chosen && !v->falling ? "desc\"" : "asc\"");
        raw(p, chosen ? " aria-current=\"true\">" : ">");
        raw(p, heads[i]);
        if (chosen) raw(p, v->falling ? " \xe2\x86\x93" : " \xe2\x86\x91");
        raw(p, "</a></th>");
    }
    raw(p, "</tr></thead>\n<tbody>\n");
}

static void write_row(tc_page *p, const tc_listed *e)
{
    char room[ADDRESS_BYTES], text[TIME_BYTES];
    tc_arena a;
    tc_arena_init(&a, room, sizeof room, 2 * ADDRESS_BYTES);
    raw(p, e->folder ? "<tr class=\"f\"><th scope=\"row\">" : "<tr><th scope=\"row\">");
    const bool linked = has_address(e->name);
    if (linked) {
        const tc_span address = address_of(&a, e);
        if (!address.at && !p->err) p->err = TC_ERR_NO_MEMORY;
        raw(p, "<a href=\"");
        safe(p, address);
        raw(p, "\">");
    }
    safe(p, e->name);
    raw(p, e->folder ? "/" : "");
    raw(p, linked ? "</a></th><td class=\"n\"" : "</th><td class=\"n\"");
    if (!e->folder) {
        raw(p, " title=\"");
        tc_page_number(p, e->size);
        raw(p, " bytes\">");
        tc_page_raw(p, size_of(text, e->size));
    } else {
        raw(p, ">");
    }
    raw(p, "</td><td class=\"t\"><time datetime=\"");
    tc_page_raw(p, time_of(text, e->modified, true));
    raw(p, "\">");
    tc_page_raw(p, time_of(text, e->modified, false));
    raw(p, "</time></td></tr>\n");
    tc_arena_fini(&a);
}

static void count_word(tc_page *p, size_t n, const char *one, const char *many)
{
    tc_page_number(p, n);
    raw(p, n == 1 ? one : many);
}

static void write_sum(tc_page *p, const tc_listing *l)
{
    char text[TIME_BYTES];
    size_t folders = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < l->count; i++) {
        folders += l->at[i].folder;
        bytes += l->at[i].size;
    }
    raw(p, "<p class=\"detail\">");
    if (l->count == 0) {
        raw(p, "There is nothing here to show.");
    } else {
        count_word(p, folders, " folder, ", " folders, ");
        count_word(p, l->count - folders, " file, ", " files, ");
        tc_page_raw(p, size_of(text, bytes));
        raw(p, ".");
    }
    if (l->cut) raw(p, " There is more in this folder than a page shows.");
    raw(p, "</p>\n");
}

static void write_html(tc_page *p, const tc_listing_view *v, const tc_listing *l)
{
    tc_page_open_styled(p, v->path, tc_span_str(style));
    write_way(p, v);
    write_head(p, v);
    if (!v->inmost)
        raw(p, "<tr class=\"f\"><th scope=\"row\"><a href=\"../\">../</a></th><td "
               "class=\"n\"></td><td class=\"t\"></td></tr>\n");
    for (size_t i = 0; i < l->count; i++)
        write_row(p, &l->at[i]);
    raw(p, "</tbody></table>\n");
    write_sum(p, l);
    tc_page_close(p);
}

/* --- for programs -------------------------------------------------------------------------- */

/* A name that is no UTF-8 cannot stand in JSON as it is; "href" is exact. */
static void write_json_entry(tc_page *p, const tc_listed *e)
{
    char room[ADDRESS_BYTES], text[TIME_BYTES];
    tc_arena a;
    tc_arena_init(&a, room, sizeof room, 2 * ADDRESS_BYTES);
    raw(p, "{\"name\":");
    tc_page_safe(p, TC_REPLY_JSON, e->name);
    raw(p, e->folder ? ",\"type\":\"folder\"" : ",\"type\":\"file\",\"size\":");
    if (!e->folder) tc_page_number(p, e->size);
    raw(p, ",\"modified\":\"");
    tc_page_raw(p, time_of(text, e->modified, true));
    raw(p, "\"");
    if (has_address(e->name)) {
        const tc_span address = address_of(&a, e);
        if (!address.at && !p->err) p->err = TC_ERR_NO_MEMORY;
        raw(p, ",\"href\":");
        tc_page_safe(p, TC_REPLY_JSON, address);
    }
    raw(p, "}");
    tc_arena_fini(&a);
}

static void write_json(tc_page *p, const tc_listing_view *v, const tc_listing *l)
{
    raw(p, "{\"path\":");
    tc_page_safe(p, TC_REPLY_JSON, v->path);
    raw(p, l->cut ? ",\"cut\":true,\"entries\":[" : ",\"cut\":false,\"entries\":[");
    for (size_t i = 0; i < l->count; i++) {
        raw(p, i ? ",\n" : "\n");
        write_json_entry(p, &l->at[i]);
    }
    raw(p, "\n]}\n");
}

static void write_text(tc_page *p, const tc_listing *l)
{
    for (size_t i = 0; i < l->count; i++) {
        tc_page_safe(p, TC_REPLY_TEXT, l->at[i].name);
        raw(p, l->at[i].folder ? "/\n" : "\n");
    }
    if (l->cut) raw(p, "...\n");
}

tc_err tc_listing_write(tc_buf *to, const tc_listing_view *v, const tc_listing *l)
{
    tc_page p = {to, TC_OK};
    switch (v->kind) {
    case TC_REPLY_HTML: write_html(&p, v, l); break;
    case TC_REPLY_JSON: write_json(&p, v, l); break;
    case TC_REPLY_TEXT: write_text(&p, l); break;
    }
    return p.err;
}
