/* resolve.c - what was given becomes what is in force. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "config/config.h"

static const char *place_of(enum tc_scope scope)
{
    return scope == TC_SCOPE_SITE ? "a site" : "a route";
}

/* A relative path is one beside the file that names it. */
static const char *path_of(tc_config *c, const tc_given *g)
{
    tc_span scheme, value;
    const char *slash = g->file ? strrchr(g->file, '/') : NULL;
    if (!slash || !tc_setting_is_relative(g->row, g->value, &scheme, &value)) return g->value;
    const char *path = tc_arena_printf(&c->arena, "%.*s%.*s/%.*s", TC_FMT(scheme),
                                       (int)(slash - g->file), g->file, TC_FMT(value))
                           .at;
    if (!path) c->no_memory = true;
    return path ? path : g->value;
}

/* Lists grow by doubling; what a block around this one gave is replaced, not added to. */
static void add_to_list(tc_config *c, tc_words *to, const char *value)
{
    const size_t n = to->count;
    if ((n & (n - 1)) == 0) { /* 0, 1, 2, 4 ... */
        const char **at = tc_arena_alloc(&c->arena, (n ? 2 * n : 1) * sizeof *at);
        if (!at) {
            c->no_memory = true;
            return;
        }
        if (n) memcpy(at, to->at, n * sizeof *at);
        to->at = at;
    }
    to->at[to->count++] = value;
}

static void set_limit(tc_config *c, tc_section *s, const tc_given *g, tc_limits *limits)
{
    char text[128];
    const char *assignment = g->value;
    if (g->limit) {
        (void)snprintf(text, sizeof text, "%s=%s", g->limit->name, g->value);
        assignment = text;
    }
    const char *dashes = g->file ? "" : "--limit ";
    if (tc_limits_set(limits, tc_span_str(assignment)) != TC_OK) {
        tc_config_fault_at(c, g->file, g->line,
                           "%s%s: no such limit, or no number; tercet(1) lists them", dashes,
                           assignment);
        return;
    }
    const tc_limit_row *small = tc_limits_too_small(limits);
    if (small) {
        tc_config_fault_at(c, g->file, g->line, "%s%s: %llu is the least that makes sense (%s)",
                           dashes, small->name, (unsigned long long)small->least, small->sentence);
        *tc_limit_at(limits, small) = small->least; /* said once */
    }
    if (s->scope == TC_SCOPE_SERVER ||
        tc_span_starts(tc_span_str(assignment), TC_SPAN("body_bytes=")))
        return;
    tc_config_fault_at(c, g->file, g->line,
                       "limit %s: of a site or route only body_bytes can be set", assignment);
}

static void resolve_given(tc_config *c, tc_section *s, const tc_given *g, tc_limits *limits)
{
    char memory[512];
    tc_buf complaint;
    if (!g->row || strcmp(g->row->name, "limit") == 0) {
        if (g->value) set_limit(c, s, g, limits);
        return;
    }
    if (s->scope > g->row->scope) {
        tc_config_fault_at(c, g->file, g->line, "%s cannot stand in %s: it is for %s", g->row->name,
                           place_of(s->scope),
                           g->row->scope == TC_SCOPE_SERVER ? "the whole server" : "a whole site");
        return;
    }
    if (tc_setting_option(g->row)->kind == TC_OPTION_LIST) {
        if (g->value) add_to_list(c, tc_setting_list(g->row, &s->settings), path_of(c, g));
        return;
    }
    tc_buf_init_over(&complaint, memory, sizeof memory);
    if (tc_setting_set(g->row, path_of(c, g), g->file ? "" : "--", &s->settings, &complaint) ==
        TC_OK)
        return;
    tc_config_fault_at(c, g->file, g->line, "%.*s", TC_FMT(tc_buf_span(&complaint)));
}

static bool sets_limits(const tc_section *s)
{
    for (const tc_given *g = s->given; g; g = g->next)
        if (!g->row || strcmp(g->row->name, "limit") == 0) return true;
    return false;
}

/* What the command line says goes before what a file says at its top; limits are set one by one. */
static bool overruled(const tc_section *s, const tc_given *by_file)
{
    if (s->parent || !by_file->row || strcmp(by_file->row->name, "limit") == 0) return false;
    for (const tc_given *g = s->given; g; g = g->next)
        if (!g->file && g->row == by_file->row) return true;
    return false;
}

static void resolve(tc_config *c, tc_section *s)
{
    tc_limits *limits = NULL;
    s->settings = s->parent ? s->parent->settings : tc_settings_initial();
    s->limits = s->parent ? s->parent->limits : &tc_limits_default;
    if (sets_limits(s)) {
        limits = tc_arena_alloc(&c->arena, sizeof *limits);
        if (!limits) {
            c->no_memory = true;
            return;
        }
        *limits = *s->limits;
        s->limits = limits;
    }
    for (const tc_given *g = s->given; g; g = g->next) /* lists begin anew */
        if (g->row && tc_setting_option(g->row)->kind == TC_OPTION_LIST)
            *tc_setting_list(g->row, &s->settings) = (tc_words){0};
    for (const tc_given *g = s->given; g; g = g->next)
        if (g->file && !overruled(s, g)) resolve_given(c, s, g, limits);
    for (const tc_given *g = s->given; g; g = g->next)
        if (!g->file) resolve_given(c, s, g, limits);
}

void tc_config_resolve(tc_config *c)
{
    for (tc_section *s = &c->top; s && !c->no_memory; s = tc_section_next(s))
        resolve(c, s);
}
