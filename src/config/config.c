/* config.c - see config.h. */
// SPDX-License-Identifier: MIT
#include "config/config.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

enum { CONFIG_MAX = 1 << 30, FAULTS_MAX = 65536, FAULT_MAX = 1024 };

void tc_config_init(tc_config *c)
{
    *c = (tc_config){.top = {.scope = TC_SCOPE_SERVER}};
    tc_arena_init(&c->arena, NULL, 0, CONFIG_MAX);
    tc_buf_init(&c->faults, FAULTS_MAX);
    c->top.given_end = &c->top.given;
    c->top.last = &c->top.first;
}

void tc_config_fini(tc_config *c)
{
    tc_buf_fini(&c->faults);
    tc_arena_fini(&c->arena);
}

/* --- faults --------------------------------------------------------------------------------- */

static void add_fault(tc_config *c, const char *place, const char *format, va_list arguments)
{
    char text[FAULT_MAX];
    if (c->fault_count++ >= TC_CONFIG_FAULTS) return;
    (void)vsnprintf(text, sizeof text, format, arguments);
    if (tc_buf_printf(&c->faults, "%s%s\n", place, text) != TC_OK) c->no_memory = true;
}

void tc_config_fault_at(tc_config *c, const char *file, unsigned line, const char *format, ...)
{
    char place[FAULT_MAX] = "";
    va_list arguments;
    if (file && line)
        (void)snprintf(place, sizeof place, "%s:%u: ", file, line);
    else if (file)
        (void)snprintf(place, sizeof place, "%s: ", file);
    else
        c->by_option = true;
    va_start(arguments, format);
    add_fault(c, place, format, arguments);
    va_end(arguments);
}

/* The last of what was given by this name, and with this value if it matters. */
static const tc_given *find_given(const tc_section *where, const char *name, const char *value)
{
    const tc_given *found = NULL;
    for (; where && !found; where = where->parent)
        for (const tc_given *g = where->given; g; g = g->next)
            if (g->row && strcmp(g->row->name, name) == 0 &&
                (!value || (g->value && strcmp(g->value, value) == 0)))
                found = g;
    return found;
}

bool tc_section_has(const tc_section *s, const char *name)
{
    const tc_given *g = s->given;
    while (g && (!g->row || strcmp(g->row->name, name) != 0))
        g = g->next;
    if (!g) return false;
    const tc_option *o = tc_setting_option(g->row);
    return o->kind != TC_OPTION_FLAG || *(const bool *)((const char *)&s->settings + o->offset);
}

void tc_config_fault(tc_config *c, const tc_section *where, const char *name, const char *value,
                     const char *format, ...)
{
    char place[FAULT_MAX];
    va_list arguments;
    const tc_given *g = find_given(where, name, value);
    if (!g) g = find_given(where, name, NULL); /* a path that was made of what was given */
    const tc_setting_row *row = tc_setting_of(tc_span_str(name));
    const char *shown = value ? value : g && g->value ? g->value : "";
    assert(row);
    const bool flag = tc_setting_option(row)->kind == TC_OPTION_FLAG ||
                      tc_setting_option(row)->kind == TC_OPTION_OFF;
    if (g && g->file)
        (void)snprintf(place, sizeof place, "%s:%u: %s = %s: ", g->file, g->line, name, shown);
    else
        (void)snprintf(place, sizeof place, "--%s%s%s: ", tc_setting_option(row)->name,
                       flag || !*shown ? "" : " ", flag ? "" : shown);
    c->by_option |= !g || !g->file;
    va_start(arguments, format);
    add_fault(c, place, format, arguments);
    va_end(arguments);
}

/* --- blocks --------------------------------------------------------------------------------- */

tc_section *tc_section_new(tc_config *c, enum tc_scope scope, const char *title)
{
    tc_section *s = tc_arena_alloc(&c->arena, sizeof *s);
    const char *copy = tc_arena_copy(&c->arena, tc_span_str(title)).at;
    if (!s || !copy) {
        c->no_memory = true;
        return NULL;
    }
    *s = (tc_section){.scope = scope, .title = copy};
    s->given_end = &s->given;
    s->last = &s->first;
    c->sections++;
    return s;
}

void tc_section_adopt(tc_section *parent, tc_section *child)
{
    child->parent = parent;
    child->next = NULL;
    *parent->last = child;
    parent->last = &child->next;
}

bool tc_section_by_file(const tc_section *s, const char *name)
{
    bool file = false, option = false;
    for (const tc_given *g = s->given; g; g = g->next) {
        if (!g->row || strcmp(g->row->name, name) != 0) continue;
        file |= g->file != NULL;
        option |= !g->file;
    }
    return file && !option;
}

bool tc_section_served(const tc_section *s)
{
    bool sites = false, routes = false;
    for (const tc_section *in = s->first; in; in = in->next) {
        sites |= in->scope == TC_SCOPE_SITE;
        routes |= in->scope == TC_SCOPE_ROUTE;
    }
    return routes || !sites;
}

tc_section *tc_section_next(const tc_section *s)
{
    if (s->first) return s->first;
    while (s && !s->next)
        s = s->parent;
    return s ? s->next : NULL;
}

static bool is_list(const tc_setting_row *row)
{
    return tc_setting_option(row)->kind == TC_OPTION_LIST;
}

/* True: it stands there already, which is said. */
static bool given_twice(tc_config *c, const tc_section *s, const tc_given *given)
{
    if (given->row && is_list(given->row)) return false;
    for (const tc_given *g = s->given; g; g = g->next)
        if (g->row == given->row && g->limit == given->limit && g->file) {
            tc_config_fault_at(c, given->file, given->line,
                               "%s is given twice, first in line %u%s%s",
                               g->row ? g->row->name : g->limit->name, g->line,
                               strcmp(g->file, given->file) == 0 ? "" : " of ",
                               strcmp(g->file, given->file) == 0 ? "" : g->file);
            return true;
        }
    return false;
}

void tc_section_give(tc_config *c, tc_section *s, const tc_given *given)
{
    if (given->file && given_twice(c, s, given)) return;
    tc_given *copy = tc_arena_alloc(&c->arena, sizeof *copy);
    if (!copy) {
        c->no_memory = true;
        return;
    }
    *copy = *given;
    copy->next = NULL;
    *s->given_end = copy;
    s->given_end = &copy->next;
}

void tc_config_give(tc_config *c, const tc_setting_row *row, const char *value)
{
    tc_section_give(c, &c->top, &(tc_given){.row = row, .value = value});
}

void tc_config_set(tc_config *c, const char *assignment)
{
    const tc_span text = tc_span_str(assignment);
    const size_t equals = tc_span_find(text, '=');
    const tc_span name = tc_span_first(text, equals);
    const tc_setting_row *row = tc_setting_of(name);
    const char *meant = row ? NULL : tc_setting_meant(name);
    if (equals == text.len)
        tc_config_fault_at(c, NULL, 0, "--set %s: NAME=VALUE is wanted", assignment);
    else if (!row)
        tc_config_fault_at(c, NULL, 0, "--set %s: no such setting%s%s%s", assignment,
                           meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
    else
        tc_config_give(c, row, assignment + equals + 1);
}
