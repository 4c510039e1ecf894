/* variants.c - see variants.h. */
// SPDX-License-Identifier: MIT
#include "config/variants.h"

static void add(tc_config *c, const tc_section *s, const char *name, const tc_words *list,
                const char *(*add_one)(tc_variants_config *v, tc_span text), tc_variants_config *v)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *wrong = add_one(v, tc_span_str(list->at[i]));
        if (wrong && tc_section_has(s, name)) tc_config_fault(c, s, name, list->at[i], "%s", wrong);
    }
}

static bool says_something(const tc_section *s)
{
    static const char *const names[] = {"languages", "compress", "compress-types", "compress-min",
                                        "precompressed"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tc_section_has(s, names[i])) return true;
    return false;
}

void tc_config_variants(tc_config *c, tc_section *s)
{
    const tc_settings *t = &s->settings;
    s->variants = s->parent ? s->parent->variants : NULL;
    if (!says_something(s)) return;
    tc_variants_config *v = tc_arena_alloc(&c->arena, sizeof *v);
    if (!v) {
        c->no_memory = true;
        return;
    }
    tc_variants_config_init(v);
    v->precompressed = t->precompressed;
    v->least = t->compress_min;
    add(c, s, "languages", &t->languages, tc_variants_add_language, v);
    add(c, s, "compress", &t->compress, tc_variants_add_coding, v);
    add(c, s, "compress-types", &t->compress_types, tc_variants_add_type, v);
    s->variants = tc_variants_config_used(v) ? v : NULL;
}
