/* fuzz_target.c - targets, authorities, paths and URLs: what they promise of each other. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "http/target.h"

enum { ARENA_MAX = 1 << 20 };
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A plain path begins with "/", has nothing to climb with, and is made plain only once. */
static void paths(tc_arena *a, tc_span text)
{
    tc_span path, query, again;
    if (tc_target_normal_path(a, text, &path, &query)) return;
    MUST(path.len > 0 && path.at[0] == '/');
    for (size_t i = 0; i < path.len; i++) {
        const tc_span rest = tc_span_from(path, i);
        MUST((uint8_t)path.at[i] >= 0x20 && path.at[i] != '\\' && path.at[i] != 0x7f);
        MUST(!tc_span_starts(rest, TC_SPAN("//")) && !tc_span_starts(rest, TC_SPAN("/../")));
        MUST(!tc_span_eq(rest, TC_SPAN("/..")) && !tc_span_starts(rest, TC_SPAN("/./")));
    }
    if (tc_span_find(path, '%') < path.len || tc_span_find(path, '?') < path.len) return;
    MUST(tc_target_normal_path(a, path, &again, &query) == TC_OK && tc_span_eq(path, again));
}

static void targets(tc_arena *a, tc_span text)
{
    static const enum tc_method methods[] = {TC_METHOD_GET, TC_METHOD_OPTIONS, TC_METHOD_CONNECT};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        tc_target t;
        if (tc_target_parse(methods[i], text, &t)) continue;
        if (t.form == TC_ORIGIN_FORM || t.form == TC_ABSOLUTE_FORM) paths(a, t.path);
        if (t.authority.len > 0) MUST(tc_authority_check(t.authority) == TC_OK);
        for (size_t k = 0; k < text.len; k++)
            MUST((uint8_t)text.at[k] > ' ' && (uint8_t)text.at[k] < 0x7f);
    }
}

/* What a URL was made into can be sent, and means the same when it is read again. */
static void urls(tc_arena *a, tc_span text)
{
    tc_url base, u, again;
    tc_target t;
    MUST(tc_url_parse(a, TC_SPAN("http://host.example/a/b?c"), &base) == TC_OK);
    for (int i = 0; i < 2; i++) {
        if (i == 0 ? tc_url_parse(a, text, &u) : tc_url_resolve(a, &base, text, &u)) continue;
        MUST(tc_target_parse(TC_METHOD_GET, u.path, &t) == TC_OK && t.form == TC_ORIGIN_FORM);
        MUST(tc_authority_check(u.authority) == TC_OK);
        const tc_span whole = tc_url_text(a, &u);
        MUST(tc_url_parse(a, whole, &again) == TC_OK);
        MUST(tc_span_eq(u.path, again.path) && tc_span_eq(u.authority, again.authority));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const tc_span text = tc_span_of((const char *)data, size);
    tc_arena a;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    targets(&a, text);
    paths(&a, text);
    urls(&a, text);
    tc_arena_fini(&a);
    return 0;
}
