/* methods.c - see methods.h. */
// SPDX-License-Identifier: MIT
#include "config/methods.h"

#include "config/uploads.h"
#include "gate/cors.h"

/* The first of these that was given in the very block; NULL: none. */
static const char *given_of(const tc_section *s, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tc_section_has(s, names[i])) return names[i];
    return NULL;
}

/* A list of names as it stands in a field; without any: otherwise. */
static tc_span joined(tc_config *c, const tc_words *list, tc_span otherwise)
{
    tc_span all = {0};
    for (size_t i = 0; i < list->count && !c->no_memory; i++) {
        const tc_span one = tc_span_str(list->at[i]);
        all = i ? tc_arena_printf(&c->arena, "%.*s, %.*s", TC_FMT(all), TC_FMT(one)) : one;
        if (!all.at) c->no_memory = true;
    }
    return list->count ? all : otherwise;
}

static const tc_cors *make_cors(tc_config *c, const tc_section *s)
{
    const tc_settings *v = &s->settings;
    const char *setting, *fault;
    tc_span value;
    tc_cors *cors = tc_arena_alloc(&c->arena, sizeof *cors);
    tc_span *origins = tc_arena_alloc(&c->arena, (v->cors_origins.count + 1) * sizeof *origins);
    if (!cors || !origins) {
        c->no_memory = true;
        return NULL;
    }
    for (size_t i = 0; i < v->cors_origins.count; i++)
        origins[i] = tc_span_str(v->cors_origins.at[i]);
    *cors = (tc_cors){.origins = origins,
                      .origin_count = v->cors_origins.count,
                      .methods = joined(c, &v->cors_methods, TC_SPAN("GET, HEAD, POST")),
                      .headers = joined(c, &v->cors_headers, (tc_span){0}),
                      .expose = joined(c, &v->cors_expose, (tc_span){0}),
                      .credentials = v->cors_credentials};
    if (v->cors_max_age)
        cors->max_age = tc_arena_printf(&c->arena, "%llu", (unsigned long long)v->cors_max_age);
    if (c->no_memory) return NULL;
    fault = tc_cors_check(cors, &setting, &value);
    if (!fault) return cors;
    const tc_span text = tc_arena_copy(&c->arena, value);
    tc_config_fault(c, s, setting, value.len ? text.at : NULL, "%s", fault);
    return NULL;
}

void tc_config_methods(tc_config *c, tc_section *s)
{
    static const char *const of_uploads[] = {"upload-bytes", "quota"};
    static const char *const of_cors[] = {"cors-origins", "cors-methods",     "cors-headers",
                                          "cors-expose",  "cors-credentials", "cors-max-age"};
    const tc_settings *v = &s->settings;
    const char *name = given_of(s, of_uploads, 2);
    if (name && !v->writable)
        tc_config_fault(c, s, name, NULL, "it is for files that are writable");
    s->uploads = v->writable ? tc_config_uploads(c, s) : NULL;
    name = given_of(s, of_cors, sizeof of_cors / sizeof *of_cors);
    s->cors = s->parent ? s->parent->cors : NULL;
    if (!name) return;
    s->cors = NULL;
    if (v->cors_origins.count)
        s->cors = make_cors(c, s);
    else if (strcmp(name, "cors-origins") != 0)
        tc_config_fault(c, s, name, NULL, "it needs cors-origins");
}
