/* slab.h - objects of one size, given out and taken back without the heap.
 *
 * The last one put back is the next one given out, so a busy worker stays in its cache. Memory is
 * returned to the system only by fini. Under AddressSanitizer, objects at rest are poisoned. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct tc_slab {
    void *free;     /* objects at rest, linked through their first word */
    void *chunks;   /* what came from the heap */
    char *fresh;    /* never given out yet, in the newest chunk */
    uint32_t left;  /* how many of those */
    uint32_t size;  /* bytes of an object */
    uint32_t count; /* given out now */
    uint32_t max;   /* most that may be */
} tc_slab;

void tc_slab_init(tc_slab *s, size_t size, uint32_t max);
void tc_slab_fini(tc_slab *s); /* every object must have been put back */

void *tc_slab_get(tc_slab *s); /* not zeroed; NULL at max or without memory */
void tc_slab_put(tc_slab *s, void *object);
