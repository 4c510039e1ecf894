/* content.c - see content.h. */
// SPDX-License-Identifier: MIT
#include "config/content.h"

#include "files/caching.h"
#include "files/error_file.h"

static void *room_for(tc_config *c, size_t count, size_t size)
{
    void *at = tc_arena_alloc(&c->arena, count * size + 1);
    if (!at) c->no_memory = true;
    return at;
}

static void read_caching(tc_config *c, tc_section *s)
{
    const tc_words *list = &s->settings.cache_control;
    tc_caching_rule *rules = room_for(c, list->count, sizeof *rules);
    for (size_t i = 0; rules && i < list->count; i++) {
        const char *fault = tc_caching_read(tc_span_str(list->at[i]), &rules[i]);
        if (fault) tc_config_fault(c, s, "cache-control", list->at[i], "%s", fault);
    }
    s->content.caching = rules;
    s->content.caching_count = list->count;
}

static void read_error_files(tc_config *c, tc_section *s)
{
    const tc_words *list = &s->settings.error_page;
    tc_error_file *files = room_for(c, list->count, sizeof *files);
    for (size_t i = 0; files && i < list->count; i++) {
        files[i] = (tc_error_file){0};
        const char *fault = tc_error_file_read(tc_span_str(list->at[i]), &files[i]);
        if (fault) tc_config_fault(c, s, "error-page", list->at[i], "%s", fault);
    }
    s->content.error_files = files;
    s->content.error_file_count = list->count;
}

/* "off" takes back what the block around says. */
static void read_fallback(tc_config *c, tc_section *s)
{
    const tc_span path = tc_span_str(s->settings.fallback);
    s->content.fallback = (tc_span){0};
    if (tc_span_eq(path, TC_SPAN("off"))) return;
    if (!tc_span_starts(path, TC_SPAN("/")) || tc_span_ends(path, TC_SPAN("/")))
        tc_config_fault(c, s, "fallback", NULL,
                        "the path of a file is wanted, like /index.html, or off");
    else
        s->content.fallback = path;
}

void tc_config_content(tc_config *c, tc_section *s)
{
    s->content = s->parent ? s->parent->content : (tc_section_content){0};
    if (tc_section_has(s, "cache-control")) read_caching(c, s);
    if (tc_section_has(s, "error-page")) read_error_files(c, s);
    if (tc_section_has(s, "fallback")) read_fallback(c, s);
}
