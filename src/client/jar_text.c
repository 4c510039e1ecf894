/* jar_text.c - a jar's own file: a line a cookie, its parts between tabs; a tab or a backslash
 * within one has a backslash before it. See jar.h. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "client/jar.h"

enum { PARTS = 11 };

const char tc_jar_head[] = "# tercet cookies 1";

static const char *const sites[] = {"-", "none", "lax", "strict"};

/* --- writing ------------------------------------------------------------------------------- */

static tc_err put_text(tc_buf *out, tc_span text)
{
    tc_err err = TC_OK;
    for (size_t i = 0; i < text.len && !err; i++) {
        const char c = text.at[i];
        if (c == '\t')
            err = tc_buf_add(out, TC_SPAN("\\t"));
        else if (c == '\\')
            err = tc_buf_add(out, TC_SPAN("\\\\"));
        else
            err = tc_buf_add_byte(out, c);
    }
    return err;
}

static tc_err put_line(tc_buf *out, const tc_cookie *c)
{
    tc_err err = tc_buf_printf(out, "%.*s\t%s\t", TC_FMT(c->domain), c->host_only ? "host" : "all");
    if (!err) err = put_text(out, c->path);
    if (!err)
        err = tc_buf_printf(out, "\t%s%s\t%s\t%lld\t%lld\t%lld\t", c->secure ? "s" : "-",
                            c->http_only ? "h" : "-", sites[c->same_site], (long long)c->created_s,
                            (long long)c->set_s, (long long)c->used_s);
    if (!err && c->lasts) err = tc_buf_printf(out, "%lld", (long long)c->until_s);
    if (!err && !c->lasts) err = tc_buf_add(out, TC_SPAN("session"));
    if (!err) err = tc_buf_add_byte(out, '\t');
    if (!err) err = put_text(out, c->name);
    if (!err) err = tc_buf_add_byte(out, '\t');
    if (!err) err = put_text(out, c->value);
    if (!err) err = tc_buf_add_byte(out, '\n');
    return err;
}

/* The newest one stands first in the list, and last in the file. */
tc_err tc_jar_write(const tc_jar *jar, int64_t now_s, tc_buf *out)
{
    size_t count = 0;
    tc_err err = tc_buf_printf(out, "%s\n", tc_jar_head);
    const tc_cookie **all = tc_alloc((jar->count + 1) * sizeof(tc_cookie *));
    if (!all) return TC_ERR_NO_MEMORY;
    for (const tc_cookie *c = NULL; (c = tc_jar_next(jar, c, now_s)) != NULL;)
        all[count++] = c;
    while (count && !err)
        err = put_line(out, all[--count]);
    tc_free(all);
    return err;
}

/* --- reading ------------------------------------------------------------------------------- */

static tc_span take_until(tc_span *rest, char end)
{
    const tc_span part = tc_span_take(rest, tc_span_find(*rest, end));
    if (rest->len) (void)tc_span_take(rest, 1);
    return part;
}

/* In place: text is never longer than what it was written as. */
static bool get_text(char **room, tc_span written, tc_span *ret_text)
{
    char *to = *room;
    for (size_t i = 0; i < written.len; i++) {
        char c = written.at[i];
        if (c == '\\') {
            if (++i == written.len || (written.at[i] != 't' && written.at[i] != '\\')) return false;
            c = written.at[i] == 't' ? '\t' : '\\';
        }
        *to++ = c;
    }
    *ret_text = tc_span_of(*room, (size_t)(to - *room));
    *room = to;
    return true;
}

/* Times before 1970 are none. */
static bool get_time(tc_span written, int64_t *ret_s)
{
    uint64_t value;
    if (!tc_span_number(written, &value) || value > INT64_MAX) return false;
    *ret_s = (int64_t)value;
    return true;
}

static bool get_word(tc_span written, const char *const *words, size_t count, size_t *ret)
{
    for (size_t i = 0; i < count; i++)
        if (tc_span_eq(written, tc_span_str(words[i]))) {
            *ret = i;
            return true;
        }
    return false;
}

static bool get_line(tc_span line, char *room, tc_cookie *ret)
{
    static const char *const scopes[] = {"all", "host"};
    static const char *const flags[] = {"--", "s-", "-h", "sh"};
    tc_span parts[PARTS];
    size_t scope, flag, site;
    tc_cookie c = {.was_read = true};
    for (size_t i = 0; i < PARTS; i++) {
        const bool last = tc_span_find(line, '\t') == line.len;
        if (last != (i == PARTS - 1)) return false;
        parts[i] = take_until(&line, '\t');
    }
    c.domain = parts[0];
    c.lasts = !tc_span_eq(parts[8], TC_SPAN("session"));
    if (!get_word(parts[1], scopes, 2, &scope) || !get_text(&room, parts[2], &c.path) ||
        !get_word(parts[3], flags, 4, &flag) || !get_word(parts[4], sites, 4, &site) ||
        !get_time(parts[5], &c.created_s) || !get_time(parts[6], &c.set_s) ||
        !get_time(parts[7], &c.used_s) || (c.lasts && !get_time(parts[8], &c.until_s)) ||
        !get_text(&room, parts[9], &c.name) || !get_text(&room, parts[10], &c.value))
        return false;
    c.host_only = scope == 1;
    c.secure = flag & 1;
    c.http_only = flag & 2;
    c.same_site = (enum tc_same_site)site;
    *ret = c;
    return true;
}

/* What is no longer allowed (a suffix became public, a limit smaller) is left out. */
tc_err tc_jar_read(tc_jar *jar, tc_span text, int64_t now_s, unsigned *ret_line)
{
    unsigned number = 1;
    tc_err err = TC_OK;
    if (!text.len) return TC_OK;
    const bool whole = tc_span_ends(text, TC_SPAN("\n"));
    if (!whole || !tc_span_eq(take_until(&text, '\n'), tc_span_str(tc_jar_head))) {
        *ret_line = number;
        return TC_ERR_JAR_FILE;
    }
    while (text.len && !err) {
        const tc_span line = take_until(&text, '\n');
        tc_cookie c;
        char *room = tc_alloc(line.len + 1);
        number++;
        if (!room) return TC_ERR_NO_MEMORY;
        if (!get_line(line, room, &c))
            err = TC_ERR_JAR_FILE;
        else if (tc_jar_is_sound(jar, &c) && !(c.lasts && c.until_s <= now_s))
            err = tc_jar_put(jar, &c, now_s);
        tc_free(room);
    }
    if (err == TC_ERR_JAR_FILE) *ret_line = number;
    return err;
}
