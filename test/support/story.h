/* story.h - header lists in the form of http2jp/hpack-test-case, from JSON files. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

typedef struct story_block {
    tc_span wire;        /* what an encoder made of it */
    uint32_t table_size; /* of that encoder; 0: as before */
    tc_field *fields;
    size_t count;
} story_block;

typedef struct story {
    tc_arena arena;
    char path[512];
    story_block *blocks;
    size_t count;
} story;

bool story_load(story *s, const char *path); /* false: it cannot be read */
void story_fini(story *s);

/* Calls visit for each story of each folder in test/vectors/hpack, or in $HPACK_VECTORS. Returns
 * how many there were. */
size_t story_each(const char *folder, void (*visit)(const story *s, void *argument),
                  void *argument);
const char *story_folder(void);
