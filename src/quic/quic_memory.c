/* quic_memory.c - what the library takes for a connection is counted, and bounded. A window bounds
 * the bytes of streams, not what it costs to remember which of them are missing: a peer that sends
 * every other byte makes the library hold a hundred bytes for each. */
// SPDX-License-Identifier: MIT
#include <malloc.h>

#include "base/alloc.h"
#include "quic/quic_inside.h"

/* False: so much more is too much. */
static bool may_take(tc_quic_memory *m, size_t size)
{
    if (m->unbounded || (size <= m->most && m->held <= m->most - size)) return true;
    if (!m->reached) ++*m->counter;
    m->reached = true;
    return false;
}

static void *taken(tc_quic_memory *m, void *at)
{
    m->held += malloc_usable_size(at); /* 0 of NULL */
    return at;
}

static void *take(size_t size, void *memory)
{
    return may_take(memory, size) ? taken(memory, tc_alloc(size)) : NULL;
}

static void *take_zero(size_t count, size_t size, void *memory)
{
    if (size && count > SIZE_MAX / size) return NULL;
    return may_take(memory, count * size) ? taken(memory, tc_alloc_zero(count * size)) : NULL;
}

static void put_back(void *at, void *memory)
{
    ((tc_quic_memory *)memory)->held -= malloc_usable_size(at);
    tc_free(at);
}

static void *take_anew(void *old, size_t size, void *memory)
{
    tc_quic_memory *m = memory;
    const size_t before = malloc_usable_size(old);
    if (size > before && !may_take(m, size - before)) return NULL;
    void *at = tc_realloc(old, size);
    if (at) m->held -= before;
    return at ? taken(m, at) : NULL;
}

tc_quic_memory *tc_quic_memory_new(const tc_quic *q)
{
    const uint64_t most = q->config.limits->quic_memory;
    tc_quic_memory *m = tc_alloc_zero(sizeof *m);
    if (!m) return NULL;
    *m = (tc_quic_memory){.library = {m, take, put_back, take_zero, take_anew},
                          .most = most < SIZE_MAX ? (size_t)most : SIZE_MAX,
                          .counter = &q->config.reached->quic_memory};
    return m;
}
