/* arena.c - see arena.h. */
// SPDX-License-Identifier: MIT
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/alloc.h"

enum { ALIGN = alignof(max_align_t), BLOCK_BYTES = 4096 };

struct tc_arena_block {
    struct tc_arena_block *next;
    alignas(max_align_t) char room[];
};

struct tc_arena_cleanup {
    struct tc_arena_cleanup *next;
    void (*fn)(void *);
    void *argument;
};

void tc_arena_init(tc_arena *a, void *memory, size_t size, size_t max)
{
    *a = (tc_arena){.at = memory, .end = memory ? (char *)memory + size : NULL, .max = max};
}

void tc_arena_fini(tc_arena *a)
{
    while (a->cleanups) {
        struct tc_arena_cleanup *c = a->cleanups;
        a->cleanups = c->next;
        c->fn(c->argument);
    }
    while (a->blocks) {
        struct tc_arena_block *b = a->blocks;
        a->blocks = b->next;
        tc_free(b);
    }
    *a = (tc_arena){0};
}

static bool grow(tc_arena *a, size_t size)
{
    const size_t left = a->max - a->held; /* held never passes max */
    size_t room = BLOCK_BYTES - sizeof(struct tc_arena_block);
    if (left == 0 || size > left) {
        a->refused = true;
        return false;
    }
    if (room < size) room = size;
    if (room > left) room = left;
    struct tc_arena_block *b = tc_alloc(sizeof *b + room);
    if (!b) return false;
    b->next = a->blocks;
    a->blocks = b;
    a->held += room;
    a->at = b->room;
    a->end = b->room + room;
    return true;
}

static bool has_room(const tc_arena *a, size_t pad, size_t size)
{
    if (!a->at) return false;
    const size_t room = (size_t)(a->end - a->at);
    return room >= pad && room - pad >= size;
}

char *tc_arena_bytes(tc_arena *a, size_t size)
{
    if (!has_room(a, 0, size) && !grow(a, size)) return NULL;
    char *bytes = a->at;
    if (size) a->at += size;
    return bytes;
}

void *tc_arena_alloc(tc_arena *a, size_t size)
{
    const size_t pad = -(uintptr_t)a->at & (ALIGN - 1);
    if (has_room(a, pad, size))
        a->at += pad;
    else if (!grow(a, size)) /* a block begins aligned */
        return NULL;
    return tc_arena_bytes(a, size);
}

tc_span tc_arena_copy(tc_arena *a, tc_span bytes)
{
    char *copy = tc_arena_bytes(a, bytes.len + 1);
    if (!copy) return (tc_span){0};
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    copy[bytes.len] = '\0';
    return (tc_span){copy, bytes.len};
}

tc_span tc_arena_printf(tc_arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = n < 0 ? NULL : tc_arena_bytes(a, (size_t)n + 1);
    if (text) (void)vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text ? (tc_span){text, (size_t)n} : (tc_span){0};
}

tc_err tc_arena_defer(tc_arena *a, void (*fn)(void *), void *argument)
{
    struct tc_arena_cleanup *c = tc_arena_alloc(a, sizeof *c);
    if (!c) {
        fn(argument);
        return TC_ERR_NO_MEMORY;
    }
    *c = (struct tc_arena_cleanup){a->cleanups, fn, argument};
    a->cleanups = c;
    return TC_OK;
}
