/* qif.c - see qif.h. */
// SPDX-License-Identifier: MIT
#include "support/qif.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { ARENA_MAX = 1 << 27, LISTS_MAX = 1 << 14, FIELDS_MAX = 256, RECORDS_MAX = 1 << 15 };

static const char *root(void)
{
    const char *given = getenv("QPACK_VECTORS");
    return given ? given : QIF_FOLDER;
}

/* The whole file, in a. */
static bool read_file(tc_arena *a, const char *path, tc_span *ret_bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    (void)fseek(f, 0, SEEK_END);
    const long size = ftell(f);
    rewind(f);
    char *at = size >= 0 ? tc_arena_bytes(a, (size_t)size + 1) : NULL;
    const bool read = at && fread(at, 1, (size_t)size, f) == (size_t)size;
    (void)fclose(f);
    *ret_bytes = tc_span_of(at, read ? (size_t)size : 0);
    return read;
}

static void keep_list(qif *q, const tc_field *fields, size_t count)
{
    if (count == 0) return;
    if (q->count == LISTS_MAX) abort();
    qif_list *list = &q->lists[q->count++];
    list->count = count;
    list->fields = tc_arena_alloc(&q->arena, count * sizeof *fields);
    if (!list->fields) abort();
    memcpy(list->fields, fields, count * sizeof *fields);
    q->field_count += count;
}

static bool load(qif *q, const char *path)
{
    tc_field fields[FIELDS_MAX];
    size_t count = 0;
    tc_span rest;
    *q = (qif){.count = 0};
    tc_arena_init(&q->arena, NULL, 0, ARENA_MAX);
    (void)snprintf(q->path, sizeof q->path, "%s", path);
    q->lists = tc_arena_alloc(&q->arena, LISTS_MAX * sizeof *q->lists);
    if (!q->lists || !read_file(&q->arena, path, &rest)) return false;
    while (rest.len > 0) {
        const size_t end = tc_span_find(rest, '\n');
        const tc_span line = tc_span_first(rest, end);
        rest = tc_span_from(rest, end + 1);
        if (line.len == 0) {
            keep_list(q, fields, count);
            count = 0;
        } else if (line.at[0] != '#') {
            const size_t tab = tc_span_find(line, '\t');
            const tc_span name = tc_span_first(line, tab), value = tc_span_from(line, tab + 1);
            if (count == FIELDS_MAX) abort();
            fields[count++] = (tc_field){name, value, tc_field_id_of(name)};
            q->bytes += name.len + value.len;
        }
    }
    keep_list(q, fields, count);
    return true;
}

void qif_fini(qif *q)
{
    tc_arena_fini(&q->arena);
}

static uint64_t number(const char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | (uint8_t)at[i];
    return value;
}

static bool load_made(qif_made *m, const char *path)
{
    tc_span rest;
    *m = (qif_made){.count = 0};
    tc_arena_init(&m->arena, NULL, 0, ARENA_MAX);
    (void)snprintf(m->path, sizeof m->path, "%s", path);
    m->records = tc_arena_alloc(&m->arena, RECORDS_MAX * sizeof *m->records);
    if (!m->records || !read_file(&m->arena, path, &rest)) return false;
    while (rest.len >= 12 && m->count < RECORDS_MAX) {
        const uint64_t stream = number(rest.at, 8);
        const size_t len = (size_t)number(rest.at + 8, 4);
        rest = tc_span_from(rest, 12);
        if (len > rest.len) return false;
        m->records[m->count++] = (qif_record){stream, tc_span_take(&rest, len)};
    }
    return rest.len == 0;
}

static int is_list(const struct dirent *entry)
{
    return tc_span_ends(tc_span_str(entry->d_name), TC_SPAN(".qif"));
}

size_t qif_each(void (*visit)(const qif *q, void *argument), void *argument)
{
    char path[512];
    struct dirent **names;
    (void)snprintf(path, sizeof path, "%s/qifs", root());
    const int count = scandir(path, &names, is_list, alphasort);
    size_t read = 0;
    for (int i = 0; i < count; i++) {
        qif q;
        (void)snprintf(path, sizeof path, "%s/qifs/%s", root(), names[i]->d_name);
        if (load(&q, path)) {
            visit(&q, argument);
            read++;
        }
        qif_fini(&q);
        free(names[i]);
    }
    if (count >= 0) free(names);
    return read;
}

typedef struct made_visit {
    void (*visit)(const qif *q, const qif_made *made);
    size_t read;
} made_visit;

static void each_made(const qif *q, void *argument)
{
    made_visit *v = argument;
    char path[512];
    struct dirent **names;
    const char *slash = strrchr(q->path, '/');
    const tc_span list = tc_span_str(slash ? slash + 1 : q->path);
    (void)snprintf(path, sizeof path, "%s/nghttp3", root());
    const int count = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        qif_made m;
        const char *name = names[i]->d_name, *settings = strstr(name, ".out.");
        if (settings && tc_span_eq(tc_span_of(name, (size_t)(settings - name)),
                                   tc_span_first(list, list.len - 4))) {
            (void)snprintf(path, sizeof path, "%s/nghttp3/%s", root(), name);
            if (!load_made(&m, path)) abort();
            char *end;
            m.table = (uint32_t)strtoul(settings + 5, &end, 10);
            m.blocked = (uint32_t)strtoul(end + 1, NULL, 10);
            v->visit(q, &m);
            v->read++;
            tc_arena_fini(&m.arena);
        }
        free(names[i]);
    }
    if (count >= 0) free(names);
}

size_t qif_each_made(void (*visit)(const qif *q, const qif_made *made))
{
    made_visit v = {.visit = visit};
    (void)qif_each(each_made, &v);
    return v.read;
}
