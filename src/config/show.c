/* show.c - see show.h. */
// SPDX-License-Identifier: MIT
#include "config/show.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { COMMENT_AT = 44 };

static tc_err indent(tc_buf *out, unsigned depth)
{
    return tc_buf_printf(out, "%*s", (int)(4 * depth), "");
}

/* In quotation marks, as the reader takes them apart again. */
static tc_err add_text(tc_buf *out, const char *text)
{
    tc_err err = tc_buf_add_byte(out, '"');
    for (; *text && !err; text++) {
        if (*text == '"' || *text == '\\' || *text == '$') err = tc_buf_add_byte(out, '\\');
        if (!err)
            err = *text == '\n' ? tc_buf_add(out, TC_SPAN("\\n")) : tc_buf_add_byte(out, *text);
    }
    return err ? err : tc_buf_add_byte(out, '"');
}

/* A path as it is from anywhere: so that what is shown may be read in any folder. */
static tc_err add_path(tc_buf *out, const tc_setting_row *row, const char *text)
{
    char path[2 * PATH_MAX], here[PATH_MAX];
    tc_span scheme, value;
    if (!tc_setting_is_relative(row, text, &scheme, &value) || !getcwd(here, sizeof here))
        return add_text(out, text);
    const int n = snprintf(path, sizeof path, "%.*s%s/%.*s", TC_FMT(scheme), here, TC_FMT(value));
    return add_text(out, n > 0 && (size_t)n < sizeof path ? path : text);
}

static tc_err add_list(tc_buf *out, const tc_setting_row *row, const tc_words *list)
{
    tc_err err = tc_buf_add_byte(out, '{');
    for (size_t i = 0; i < list->count && !err; i++) {
        if (i) err = tc_buf_add(out, TC_SPAN(", "));
        if (!err) err = add_path(out, row, list->at[i]);
    }
    return err ? err : tc_buf_add_byte(out, '}');
}

static tc_err add_choice(tc_buf *out, const tc_option *o, int place)
{
    tc_span words = tc_span_str(o->metavar), word = {0};
    for (int i = 0; i <= place; i++) {
        word = tc_span_take(&words, tc_span_find(words, '|'));
        if (words.len) (void)tc_span_take(&words, 1);
    }
    return tc_buf_add(out, word);
}

static tc_err add_seconds(tc_buf *out, int64_t ns)
{
    return tc_buf_printf(out, "%lld.%03lld", (long long)(ns / TC_S),
                         (long long)(ns % TC_S / TC_MS));
}

/* False: there is no value, neither given nor by default. */
static bool has_value(const tc_option *o, const void *member)
{
    switch (o->kind) {
    case TC_OPTION_TEXT: return *(const char *const *)member != NULL;
    case TC_OPTION_NUMBER: return *(const uint64_t *)member >= o->min;
    case TC_OPTION_CHOICE: return *(const int *)member >= 0;
    case TC_OPTION_LIST: return ((const tc_words *)member)->count > 0;
    case TC_OPTION_HEADING:
    case TC_OPTION_FLAG:
    case TC_OPTION_COUNT:
    case TC_OPTION_OFF:
    case TC_OPTION_SECONDS: break;
    }
    return true;
}

static tc_err add_value(tc_buf *out, const tc_setting_row *row, const void *member)
{
    const tc_option *o = tc_setting_option(row);
    switch (o->kind) {
    case TC_OPTION_FLAG:
    case TC_OPTION_OFF: return tc_buf_add(out, tc_span_str(*(const bool *)member ? "on" : "off"));
    case TC_OPTION_TEXT: return add_path(out, row, *(const char *const *)member);
    case TC_OPTION_NUMBER:
        return tc_buf_printf(out, "%llu", (unsigned long long)*(const uint64_t *)member);
    case TC_OPTION_SECONDS: return add_seconds(out, *(const int64_t *)member);
    case TC_OPTION_CHOICE: return add_choice(out, o, *(const int *)member);
    case TC_OPTION_LIST: return add_list(out, row, member);
    case TC_OPTION_HEADING:
    case TC_OPTION_COUNT: break;
    }
    return TC_OK;
}

/* Ends the line that began at start; given NULL: by default. */
static tc_err end_line(tc_buf *out, size_t start, const tc_given *given)
{
    const size_t len = out->len - start;
    const tc_err err =
        tc_buf_printf(out, "%*s# ", len < COMMENT_AT ? (int)(COMMENT_AT - len) : 2, "");
    if (err) return err;
    if (!given) return tc_buf_add(out, TC_SPAN("default\n"));
    if (!given->file) return tc_buf_add(out, TC_SPAN("command line\n"));
    return tc_buf_printf(out, "%s:%u\n", given->file, given->line);
}

/* The last one counts, and the command line before the file. */
static const tc_given *given_of(const tc_section *s, const tc_setting_row *row)
{
    const tc_given *found = NULL;
    for (const tc_given *g = s->given; g; g = g->next)
        if (g->row == row && (!found || found->file)) found = g;
    return found;
}

static tc_err add_setting(tc_buf *out, const tc_section *s, const tc_setting_row *row,
                          unsigned depth)
{
    const tc_given *given = given_of(s, row);
    const tc_option *o = tc_setting_option(row);
    const void *member = (const char *)&s->settings + o->offset;
    const size_t start = out->len;
    if (strcmp(row->name, "limit") == 0 || (!given && s->parent)) return TC_OK;
    tc_err err = indent(out, depth);
    if (!given && !has_value(o, member))
        return err ? err : tc_buf_printf(out, "# %s is not set\n", row->name);
    if (!err) err = tc_buf_printf(out, "%s = ", row->name);
    if (!err) err = add_value(out, row, member);
    return err ? err : end_line(out, start, given);
}

static const tc_given *given_limit(const tc_section *s, const tc_limit_row *row)
{
    const tc_given *found = NULL;
    const tc_span name = tc_span_str(row->name);
    for (const tc_given *g = s->given; g; g = g->next) {
        if (g->limit == row) found = g;
        if (!g->row || strcmp(g->row->name, "limit") != 0 || !g->value) continue;
        const tc_span text = tc_span_str(g->value);
        if (tc_span_eq(tc_span_first(text, tc_span_find(text, '=')), name)) found = g;
    }
    return found;
}

static tc_err add_limits(tc_buf *out, const tc_section *s, unsigned depth)
{
    tc_err err = TC_OK;
    bool any = false;
    for (size_t i = 0; i < tc_limit_row_count && !err; i++) {
        const tc_limit_row *row = &tc_limit_rows[i];
        const tc_given *given = given_limit(s, row);
        uint64_t value;
        if (!given && s->parent) continue;
        memcpy(&value, (const char *)s->limits + row->offset, sizeof value);
        if (!any) err = indent(out, depth);
        if (!err && !any) err = tc_buf_add(out, TC_SPAN("limits {\n"));
        any = true;
        const size_t start = out->len;
        if (!err) err = indent(out, depth + 1);
        if (!err) err = tc_buf_printf(out, "%s = %llu", row->name, (unsigned long long)value);
        if (!err) err = end_line(out, start, given);
    }
    if (!err && any) err = indent(out, depth);
    return err || !any ? err : tc_buf_add(out, TC_SPAN("}\n"));
}

static tc_err add_block(tc_buf *out, const tc_section *s, unsigned depth)
{
    tc_err err = TC_OK;
    if (s->parent) {
        err = tc_buf_add_byte(out, '\n');
        if (!err) err = indent(out, depth - 1);
        if (!err) err = tc_buf_printf(out, "%s ", s->scope == TC_SCOPE_SITE ? "site" : "route");
        if (!err) err = add_text(out, s->title);
        if (!err) err = tc_buf_add(out, TC_SPAN(" {\n"));
    }
    for (size_t i = 0; i < tc_setting_count && !err; i++)
        err = add_setting(out, s, &tc_setting_rows[i], depth);
    return err ? err : add_limits(out, s, depth);
}

tc_err tc_config_show(const tc_config *c, tc_buf *out)
{
    tc_err err = TC_OK;
    unsigned depth = 0;
    for (const tc_section *s = &c->top, *next; s && !err; s = next) {
        err = add_block(out, s, depth);
        next = tc_section_next(s);
        if (s->first) {
            depth++;
            continue;
        }
        /* the ends of this block and of those that end with it */
        for (const tc_section *e = s; e->parent && !err; e = e->parent) {
            err = indent(out, depth - 1);
            if (!err) err = tc_buf_add(out, TC_SPAN("}\n"));
            if (e->next) break;
            depth--;
        }
    }
    return err;
}
