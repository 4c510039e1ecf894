/* story.c - see story.h. */
// SPDX-License-Identifier: MIT
#include "support/story.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/ascii.h"

enum { ARENA_MAX = 1 << 26 };

static tc_span from_hex(tc_arena *a, tc_span hex)
{
    char *at = tc_arena_bytes(a, hex.len / 2 + 1);
    if (!at) abort();
    for (size_t i = 0; i + 1 < hex.len; i += 2)
        at[i / 2] = (char)(tc_ascii_hex(hex.at[i]) << 4 | tc_ascii_hex(hex.at[i + 1]));
    return tc_span_of(at, hex.len / 2);
}

static tc_span text_of(tc_arena *a, const json_t *string)
{
    return tc_arena_copy(a, tc_span_of(json_string_value(string), json_string_length(string)));
}

static void load_block(story *s, story_block *b, const json_t *json)
{
    const json_t *fields = json_object_get(json, "headers");
    const json_t *wire = json_object_get(json, "wire");
    b->table_size = (uint32_t)json_integer_value(json_object_get(json, "header_table_size"));
    b->wire = from_hex(&s->arena, tc_span_str(json_string_value(wire)));
    b->fields = tc_arena_alloc(&s->arena, (json_array_size(fields) + 1) * sizeof *b->fields);
    b->count = json_array_size(fields);
    if (!b->fields) abort();
    for (size_t i = 0; i < b->count; i++) {
        json_t *pair = json_array_get(fields, i);
        void *at = json_object_iter(pair);
        const tc_span name = tc_arena_copy(&s->arena, tc_span_str(json_object_iter_key(at)));
        b->fields[i] =
            (tc_field){name, text_of(&s->arena, json_object_iter_value(at)), tc_field_id_of(name)};
    }
}

bool story_load(story *s, const char *path)
{
    json_t *json = json_load_file(path, 0, NULL);
    if (!json) return false;
    const json_t *cases = json_object_get(json, "cases");
    tc_arena_init(&s->arena, NULL, 0, ARENA_MAX);
    (void)snprintf(s->path, sizeof s->path, "%s", path);
    s->count = json_array_size(cases);
    s->blocks = tc_arena_alloc(&s->arena, (s->count + 1) * sizeof *s->blocks);
    if (!s->blocks) abort();
    for (size_t i = 0; i < s->count; i++)
        load_block(s, &s->blocks[i], json_array_get(cases, i));
    json_decref(json);
    return true;
}

void story_fini(story *s)
{
    tc_arena_fini(&s->arena);
}

const char *story_folder(void)
{
    const char *given = getenv("HPACK_VECTORS");
    return given ? given : STORY_FOLDER;
}

static int is_story(const struct dirent *entry)
{
    return tc_span_starts(tc_span_str(entry->d_name), TC_SPAN("story_"));
}

size_t story_each(const char *folder, void (*visit)(const story *s, void *argument), void *argument)
{
    char path[512];
    struct dirent **names;
    (void)snprintf(path, sizeof path, "%s/%s", story_folder(), folder);
    const int count = scandir(path, &names, is_story, alphasort);
    if (count < 0) return 0;
    size_t read = 0;
    for (int i = 0; i < count; i++) {
        story s;
        (void)snprintf(path, sizeof path, "%s/%s/%s", story_folder(), folder, names[i]->d_name);
        if (story_load(&s, path)) {
            visit(&s, argument);
            story_fini(&s);
            read++;
        }
        free(names[i]);
    }
    free(names);
    return read;
}
