/* tally.c - see tally.h. A lock is for a part of the table, and held for a look at one set. */
// SPDX-License-Identifier: MIT
#include "base/tally.h"

#include <pthread.h>

#include "base/alloc.h"

enum { WAYS = 8, LOCKS = 64 };

typedef struct place {
    uint64_t key;
    uint32_t count; /* 0: nobody's */
} place;

struct tc_tally {
    pthread_mutex_t locks[LOCKS];
    uint32_t sets; /* a power of two */
    place at[];
};

tc_err tc_tally_new(uint64_t keys, tc_tally **ret_tally)
{
    uint32_t sets = 1;
    while ((uint64_t)sets * WAYS < keys && sets < UINT32_C(1) << 24)
        sets *= 2;
    tc_tally *t = tc_alloc_zero(sizeof *t + (size_t)sets * WAYS * sizeof(place));
    if (!t) return TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&t->locks[i], NULL); /* cannot fail here */
    t->sets = sets;
    *ret_tally = t;
    return TC_OK;
}

void tc_tally_free(tc_tally *t)
{
    if (!t) return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&t->locks[i]);
    tc_free(t);
}

/* Its place, or else a free one; NULL: neither is there. */
static place *find(place *set, uint64_t key)
{
    place *free = NULL;
    for (int i = 0; i < WAYS; i++) {
        if (set[i].count && set[i].key == key) return &set[i];
        if (!set[i].count) free = &set[i];
    }
    return free;
}

tc_err tc_tally_take(tc_tally *t, uint64_t key, uint32_t most, uint32_t *ret_place)
{
    const uint32_t set = (uint32_t)(key >> 8) & (t->sets - 1);
    pthread_mutex_t *lock = &t->locks[set % LOCKS];
    tc_err err = TC_OK;
    pthread_mutex_lock(lock);
    place *p = find(&t->at[(size_t)set * WAYS], key);
    if (p && p->count >= most)
        err = TC_ERR_FULL;
    else if (p)
        *p = (place){key, p->count + 1};
    pthread_mutex_unlock(lock);
    if (!err) *ret_place = p ? (uint32_t)(p - t->at) + 1 : 0;
    return err;
}

void tc_tally_drop(tc_tally *t, uint32_t number)
{
    if (!number) return;
    pthread_mutex_t *lock = &t->locks[(number - 1) / WAYS % LOCKS];
    pthread_mutex_lock(lock);
    t->at[number - 1].count--;
    pthread_mutex_unlock(lock);
}
