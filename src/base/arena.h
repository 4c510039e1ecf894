/* arena.h - memory that belongs to one thing and goes with it, all at once.
 *
 * The first block is the caller's own memory, so a small thing allocates nothing. Cleanups run in
 * reverse order when the arena ends, so a file descriptor or a reference can belong to it too. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

struct tc_arena_block;
struct tc_arena_cleanup;

typedef struct tc_arena {
    char *at, *end;                    /* free room of the block in use */
    struct tc_arena_block *blocks;     /* from the heap, newest first */
    struct tc_arena_cleanup *cleanups; /* newest first */
    size_t held, max;                  /* bytes from the heap, ceiling for them */
    bool refused;                      /* the ceiling was reached */
} tc_arena;

/* memory may be NULL with size 0. max: bytes that may come from the heap. */
void tc_arena_init(tc_arena *a, void *memory, size_t size, size_t max);
void tc_arena_fini(tc_arena *a); /* runs the cleanups, frees; safe twice */

/* Aligned for any type, not zeroed. NULL at the ceiling or without memory. */
void *tc_arena_alloc(tc_arena *a, size_t size);
/* Not aligned: for bytes. */
char *tc_arena_bytes(tc_arena *a, size_t size);
/* Of the newest tc_arena_bytes, before any other call: gives back what is behind end. */
static inline void tc_arena_trim(tc_arena *a, char *end)
{
    a->at = end;
}
/* A copy, with a NUL behind it that is not counted. at is NULL on failure. */
tc_span tc_arena_copy(tc_arena *a, tc_span bytes);
/* As printf; at is NULL on failure. */
tc_span tc_arena_printf(tc_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* fn(argument) runs when the arena ends, or at once if there is no memory to remember it. */
tc_err tc_arena_defer(tc_arena *a, void (*fn)(void *), void *argument) TC_MUST_USE;
