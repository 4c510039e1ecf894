/* build_route.c - what the settings of a block mean for its route: one function for each
 * capability. A route begins as that of the block around it, so what a block does not set is
 * shared. */
// SPDX-License-Identifier: MIT
#include "config/build_inside.h"
#include "files/variants.h"
#include "site/added.h"
#include "site/fixed.h"

/* The same texts give the same folder to all routes that say no more of it. */
static bool same_files(const tc_files_config *a, const tc_files_config *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void build_files(tc_built *b, tc_config *c, const tc_section *s, tc_route *route)
{
    tc_files_config *all = (tc_files_config *)(uintptr_t)b->sites.files;
    tc_files_config *f = &all[b->sites.files_count];
    const tc_settings *v = &s->settings;
    route->no_files = !v->root && c->file; /* the current folder is for who stands in it */
    route->naming = (tc_naming){.clean_urls = v->clean_urls};
    if (route->no_files) return;
    memset(f, 0, sizeof *f); /* padding, too: they are compared */
    const struct tc_built_root *root = tc_build_root(b, c, s);
    f->root = root->fd;
    f->root_path = root->path;
    f->written = root->written;
    if (v->strip_prefix) f->strip = route->prefix;
    f->index = tc_span_str(v->index);
    f->language = tc_span_str(v->language);
    f->dotfiles = v->dotfiles;
    f->uploads = s->uploads;
    f->variants = s->variants;
    f->listing = v->listing;
    f->clean_urls = v->clean_urls;
    f->fallback = s->content.fallback;
    f->caching = s->content.caching;
    f->caching_count = s->content.caching_count;
    f->error_files = s->content.error_files;
    f->error_file_count = s->content.error_file_count;
    b->sites.dressed |= f->error_file_count > 0;
    if (!b->sites.files_count || !same_files(f, &all[route->files]))
        route->files = b->sites.files_count++;
    if (!f->variants) return;
    route->naming.languages = f->variants->languages;
    route->naming.language_count = f->variants->language_count;
}

static void build_added(tc_built *b, tc_config *c, const tc_section *s, tc_route *route)
{
    const tc_words *list = &s->settings.add_field;
    if (!tc_section_has(s, "add-field") && s->parent && s->scope == TC_SCOPE_ROUTE) return;
    tc_fields *to = (tc_fields *)(uintptr_t)&b->sites.added[b->sites.added_count];
    for (size_t i = 0; i < list->count; i++) {
        const char *fault = tc_added_parse(tc_span_str(list->at[i]), &c->arena, to);
        if (fault) tc_config_fault(c, s, "add-field", list->at[i], "%s", fault);
    }
    route->added = list->count ? ++b->sites.added_count : 0;
}

/* "off" takes back what the block around says. */
static void build_fixed(tc_config *c, const tc_section *s, tc_route *route)
{
    const tc_settings *v = &s->settings;
    const char *to = v->redirect && strcmp(v->redirect, "off") != 0 ? v->redirect : NULL;
    const char *answer = v->answer && strcmp(v->answer, "off") != 0 ? v->answer : NULL;
    route->fixed = NULL;
    if (!to && !answer) return;
    tc_fixed *fixed = tc_build_alloc(c, sizeof *fixed);
    if (!fixed) return;
    const char *fault = to && answer ? "redirect and answer do not go together"
                        : to         ? tc_fixed_redirect(tc_span_str(to), route->prefix, fixed)
                                     : tc_fixed_answer(tc_span_str(answer), fixed);
    if (fault) tc_config_fault(c, s, to ? "redirect" : "answer", NULL, "%s", fault);
    route->fixed = fixed;
}

void tc_build_route(tc_built *b, tc_config *c, const tc_section *s, tc_route *route)
{
    build_files(b, c, s, route);
    build_added(b, c, s, route);
    build_fixed(c, s, route);
    route->cors = s->cors;
    route->asking = s->asking;
    route->trace = s->settings.trace;
    b->sites.dressed |= route->cors || route->trace;
    route->body_bytes = s->limits->body_bytes;
}
