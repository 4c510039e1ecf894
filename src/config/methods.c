/* methods.c - see methods.h. */
// SPDX-License-Identifier: MIT
#include "config/methods.h"

#include "site/cors.h"
#include "site/upload.h"

/* The first of these that was given in the very block; NULL: none. */
static const char *given_of(const tc_section *s, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tc_section_has(s, names[i])) return names[i];
    return NULL;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void unref_root(void *root)
{
    tc_upload_root_unref(root);
}

/* What an earlier block that writes into the same folder within the same quota has: they count
 * together. NULL: none does. */
static const tc_upload_config *same_folder(tc_config *c, const tc_section *s)
{
    const tc_settings *v = &s->settings;
    if (s->parent && s->parent->uploads && same_text(v->root, s->parent->settings.root) &&
        v->quota == s->parent->settings.quota)
        return s->parent->uploads; /* one of many, perhaps */
    for (tc_section *other = &c->top; other != s; other = tc_section_next(other))
        if (other->uploads && same_text(v->root, other->settings.root) &&
            v->quota == other->settings.quota)
            return other->uploads;
    return NULL;
}

static const tc_upload_config *make_uploads(tc_config *c, const tc_section *s)
{
    const tc_settings *v = &s->settings;
    const tc_upload_config *shared = same_folder(c, s);
    if (shared && v->upload_bytes == shared->most) return shared;
    tc_upload_config *u = tc_arena_alloc(&c->arena, sizeof *u);
    if (u) {
        *u = (tc_upload_config){.most = v->upload_bytes};
        u->root = shared ? shared->root : tc_upload_root_new(v->quota);
        if (u->root && (shared || tc_arena_defer(&c->arena, unref_root, u->root) == TC_OK))
            return u;
    }
    c->no_memory = true;
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
    s->uploads = NULL;
    if (v->writable) s->uploads = make_uploads(c, s);
    name = given_of(s, of_cors, sizeof of_cors / sizeof *of_cors);
    s->cors = s->parent ? s->parent->cors : NULL;
    if (!name) return;
    s->cors = NULL;
    if (v->cors_origins.count)
        s->cors = make_cors(c, s);
    else if (strcmp(name, "cors-origins") != 0)
        tc_config_fault(c, s, name, NULL, "it needs cors-origins");
}
