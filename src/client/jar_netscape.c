/* jar_netscape.c - cookies.txt: domain, whether hosts below it are meant, path, whether it is for
 * https:// alone, when it is over (0: with the session), name, value, between tabs. See jar.h. */
// SPDX-License-Identifier: MIT
#include "base/ascii.h"
#include "client/jar.h"

enum { PARTS = 7 };

static const char http_only[] = "#HttpOnly_"; /* before the domain, as curl has it */

static tc_span take_until(tc_span *rest, char end)
{
    const tc_span part = tc_span_take(rest, tc_span_find(*rest, end));
    if (rest->len) (void)tc_span_take(rest, 1);
    return part;
}

static bool get_flag(tc_span text, bool *ret)
{
    *ret = tc_span_ieq(text, TC_SPAN("TRUE"));
    return *ret || tc_span_ieq(text, TC_SPAN("FALSE"));
}

/* An empty value may have lost the tab before it. */
static bool get_line(tc_span line, int64_t now_s, char room[TC_HOST_BYTES], tc_cookie *ret)
{
    tc_span parts[PARTS] = {{0}};
    size_t count = 0;
    bool wide;
    uint64_t until;
    tc_cookie c = {.created_s = now_s, .set_s = now_s, .used_s = now_s, .news = true};
    c.http_only = tc_span_starts(line, tc_span_str(http_only));
    if (c.http_only) (void)tc_span_take(&line, sizeof http_only - 1);
    for (bool more = true; more && count < PARTS; count++) {
        more = tc_span_find(line, '\t') < line.len;
        parts[count] = take_until(&line, '\t');
    }
    if (count < PARTS - 1 || line.len || !get_flag(parts[1], &wide) ||
        !get_flag(parts[3], &c.secure) || !tc_span_number(parts[4], &until))
        return false;
    c.domain = tc_span_from(parts[0], tc_span_starts(parts[0], TC_SPAN(".")));
    if (!c.domain.len || c.domain.at[0] == '.' || c.domain.len > TC_HOST_BYTES) return false;
    for (size_t i = 0; i < c.domain.len; i++)
        room[i] = tc_ascii_lower(c.domain.at[i]);
    c.domain.at = room;
    c.host_only = !wide;
    c.path = parts[2];
    c.lasts = until != 0;
    if (c.lasts) {
        const int64_t most = now_s + TC_COOKIE_LIFE_S;
        c.until_s = until > (uint64_t)most ? most : (int64_t)until;
    }
    c.name = parts[5];
    c.value = parts[6];
    *ret = c;
    return true;
}

uint64_t tc_jar_import(tc_jar *jar, tc_span text, int64_t now_s, unsigned *ret_line)
{
    uint64_t count = 0;
    unsigned number = 0, first = 0;
    while (text.len) {
        char room[TC_HOST_BYTES];
        tc_cookie c;
        tc_span line = take_until(&text, '\n');
        number++;
        if (tc_span_ends(line, TC_SPAN("\r"))) line.len--;
        const bool comment =
            tc_span_starts(line, TC_SPAN("#")) && !tc_span_starts(line, tc_span_str(http_only));
        if (comment || !tc_span_trim(line).len) continue;
        const bool good = get_line(line, now_s, room, &c) && tc_jar_is_sound(jar, &c) &&
                          !(c.lasts && c.until_s <= now_s) && tc_jar_put(jar, &c, now_s) == TC_OK;
        count += good;
        if (!good && !first) first = number;
    }
    *ret_line = first;
    return count;
}

static bool can_be_said(const tc_cookie *c)
{
    const tc_span texts[] = {c->name, c->value, c->path};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (tc_span_find(texts[i], '\t') < texts[i].len) return false;
    return c->name.len > 0;
}

tc_err tc_jar_export(const tc_jar *jar, int64_t now_s, tc_buf *out, uint64_t *ret_left)
{
    uint64_t left = 0;
    tc_err err = tc_buf_printf(out, "# Netscape HTTP Cookie File\n");
    for (const tc_cookie *c = NULL; !err && (c = tc_jar_next(jar, c, now_s)) != NULL;) {
        if (!can_be_said(c)) {
            left++;
            continue;
        }
        err = tc_buf_printf(out, "%s%s%.*s\t%s\t%.*s\t%s\t%lld\t%.*s\t%.*s\n",
                            c->http_only ? http_only : "", c->host_only ? "" : ".",
                            TC_FMT(c->domain), c->host_only ? "FALSE" : "TRUE", TC_FMT(c->path),
                            c->secure ? "TRUE" : "FALSE", c->lasts ? (long long)c->until_s : 0LL,
                            TC_FMT(c->name), TC_FMT(c->value));
    }
    if (!err) *ret_left = left;
    return err;
}
