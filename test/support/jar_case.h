/* jar_case.h - a jar, and what it takes and gives: for the suites of cookies. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/jar.h"

#define NOW INT64_C(1790000000)

enum { ARENA = 1 << 20 };

typedef struct world {
    tc_jar jar;
    tc_limits limits;
    tc_reached reached;
    tc_arena arena;
    const char *why; /* of the last one refused */
    unsigned refused;
} world;

void refused(void *self, tc_span name, const char *why);
void jar_begin(world *w);
void jar_end(world *w);
tc_url jar_url_of(world *w, const char *text);
bool jar_take(world *w, const char *url, const char *cookie);
tc_span jar_chosen_at(world *w, const char *text, bool led, bool safe, int64_t now_s);
tc_span jar_chosen(world *w, const char *url);
