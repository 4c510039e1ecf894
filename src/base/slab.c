/* slab.c - see slab.h. */
// SPDX-License-Identifier: MIT
#include "base/slab.h"

#include <assert.h>
#include <stdalign.h>

#include "base/alloc.h"

#if defined(__SANITIZE_ADDRESS__)
#define POISONING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONING 1
#endif
#endif
#ifdef POISONING
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#endif

enum { CHUNK_BYTES = 65536 };

struct chunk {
    struct chunk *next;
    alignas(max_align_t) char room[];
};

void tc_slab_init(tc_slab *s, size_t size, uint32_t max)
{
    const size_t align = alignof(max_align_t);
    size = (size + align - 1) & ~(align - 1);
    assert(size >= sizeof(void *) && size <= UINT32_MAX / 2);
    *s = (tc_slab){.size = (uint32_t)size, .max = max};
}

void tc_slab_fini(tc_slab *s)
{
    assert(s->count == 0);
    while (s->chunks) {
        struct chunk *c = s->chunks;
        s->chunks = c->next;
        tc_free(c);
    }
    *s = (tc_slab){.size = s->size, .max = s->max};
}

void *tc_slab_get(tc_slab *s)
{
    if (s->count >= s->max) return NULL;
    void *object = s->free;
    if (object) {
        ASAN_UNPOISON_MEMORY_REGION(object, s->size);
        s->free = *(void **)object;
    } else {
        if (s->left == 0) {
            const uint32_t per_chunk = CHUNK_BYTES / s->size ? CHUNK_BYTES / s->size : 1;
            struct chunk *c = tc_alloc(sizeof *c + (size_t)per_chunk * s->size);
            if (!c) return NULL;
            c->next = s->chunks;
            s->chunks = c;
            s->fresh = c->room;
            s->left = per_chunk;
        }
        object = s->fresh;
        s->fresh += s->size;
        s->left--;
    }
    s->count++;
    return object;
}

void tc_slab_put(tc_slab *s, void *object)
{
    assert(object && s->count > 0);
    *(void **)object = s->free;
    s->free = object;
    s->count--;
    ASAN_POISON_MEMORY_REGION(object, s->size);
}
