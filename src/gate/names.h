/* names.h - the names that a file has besides its own: those of what stands beside it and is sent
 * in its place (page.de.html, page.html.gz of page.html), and those that are longer than a clean
 * address. Of names alone: nothing is looked up. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"

/* How one name is made of another. */
enum tc_name_part {
    TC_NAME_CODING = 1,   /* without ".gz" */
    TC_NAME_LANGUAGE = 2, /* without the ".de" before its ending */
    TC_NAME_PAGE = 4      /* without ".html" */
};

typedef struct tc_name {
    tc_span path;
    unsigned without; /* bits of what it lacks */
    tc_span language; /* LANGUAGE: "de" */
} tc_name;

enum { TC_NAMES_MAX = 7 };

/* Which of them a folder takes one for the other. */
typedef struct tc_naming {
    const tc_span *languages; /* lent */
    uint8_t language_count;
    bool clean_urls;
} tc_naming;

/* All that a file of this path may be a form of, the nearest first. TC_ERR_NO_MEMORY. */
tc_err tc_names_of(tc_arena *a, tc_span path, tc_name ret_names[TC_NAMES_MAX],
                   unsigned *ret_count) TC_MUST_USE;
/* A coding is one whether it is looked for or not. */
bool tc_name_counts(const tc_name *name, const tc_naming *naming);
