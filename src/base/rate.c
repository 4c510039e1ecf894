/* rate.c - see rate.h. Two threads that meet in a place may count one too few, never hold up one
 * that is within its rate for long. */
// SPDX-License-Identifier: MIT
#include "base/rate.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/clock.h"

enum { WAYS = 4 };

typedef struct place {
    _Atomic uint64_t key; /* 0: nobody's */
    _Atomic int64_t due;  /* when all that was taken would have come */
} place;

struct tc_rate_table {
    uint64_t sets; /* a power of two */
    place at[];
};

static tc_span take_number(tc_span *s, uint64_t *ret)
{
    size_t n = 0;
    while (n < s->len && s->at[n] >= '0' && s->at[n] <= '9')
        n++;
    const tc_span digits = tc_span_take(s, n);
    if (n > 9 || !tc_span_number(digits, ret)) *ret = 0;
    return digits;
}

tc_rate tc_rate_of(uint64_t number, int64_t ns, uint64_t burst)
{
    const int64_t each = ns / (int64_t)number > 0 ? ns / (int64_t)number : 1;
    const int64_t most = INT64_MAX / 4 / each;
    const int64_t more = burst - 1 < (uint64_t)most ? (int64_t)burst - 1 : most;
    return (tc_rate){each, each * more};
}

bool tc_rate_parse(tc_span text, tc_rate *ret_rate)
{
    static const struct {
        tc_span name;
        int64_t ns;
    } units[] = {{{"/s", 2}, TC_S}, {{"/m", 2}, 60 * TC_S}, {{"/h", 2}, 3600 * TC_S}};
    const tc_span word = TC_SPAN("burst");
    uint64_t number, burst;
    (void)take_number(&text, &number);
    const tc_span unit = tc_span_take(&text, tc_span_find(text, ' '));
    tc_span rest = tc_span_trim(text);
    burst = number;
    if (rest.len) {
        if (!tc_span_starts(rest, word)) return false;
        rest = tc_span_from(rest, word.len);
        if (!rest.len || rest.at[0] != ' ') return false;
        rest = tc_span_trim(rest);
        (void)take_number(&rest, &burst);
        if (rest.len) return false;
    }
    if (!number || !burst) return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (!tc_span_eq(unit, units[i].name)) continue;
        *ret_rate = tc_rate_of(number, units[i].ns, burst);
        return true;
    }
    return false;
}

tc_err tc_rate_table_new(uint64_t keys, tc_rate_table **ret_table)
{
    uint64_t sets = 1;
    while (sets * WAYS < keys && sets < UINT64_C(1) << 32)
        sets *= 2;
    tc_rate_table *t = tc_alloc_zero(sizeof *t + sets * WAYS * sizeof(place));
    if (!t) return TC_ERR_NO_MEMORY;
    t->sets = sets;
    *ret_table = t;
    return TC_OK;
}

void tc_rate_table_free(tc_rate_table *t)
{
    tc_free(t);
}

/* NULL: it has none. */
static place *find(tc_rate_table *t, uint64_t key)
{
    place *set = &t->at[(key >> 8 & (t->sets - 1)) * WAYS];
    for (int i = 0; i < WAYS; i++)
        if (atomic_load_explicit(&set[i].key, memory_order_relaxed) == key) return &set[i];
    return NULL;
}

/* The place that is free, or soonest would be. */
static place *make_room(tc_rate_table *t, uint64_t key, int64_t now, uint64_t *pushed)
{
    place *set = &t->at[(key >> 8 & (t->sets - 1)) * WAYS], *best = set;
    int64_t least = INT64_MAX;
    for (int i = 0; i < WAYS; i++) {
        const bool free = !atomic_load_explicit(&set[i].key, memory_order_relaxed);
        const int64_t due =
            free ? INT64_MIN : atomic_load_explicit(&set[i].due, memory_order_relaxed);
        if (due >= least) continue;
        least = due;
        best = &set[i];
    }
    *pushed += least > now;
    atomic_store_explicit(&best->due, now, memory_order_relaxed);
    atomic_store_explicit(&best->key, key, memory_order_relaxed);
    return best;
}

/* What is due, as far as it can be: not before now, and not after what a whole burst makes. */
static int64_t within(const tc_rate *rate, int64_t due, int64_t now)
{
    const int64_t most = now + rate->ahead_ns + rate->each_ns;
    return due < now ? now : due > most ? most : due;
}

static int64_t wait_of(const tc_rate *rate, int64_t due, int64_t now)
{
    const int64_t wait = due - now - rate->ahead_ns;
    return wait > 0 ? wait : 0;
}

int64_t tc_rate_look(tc_rate_table *t, const tc_rate *rate, uint64_t key, int64_t now)
{
    place *p = find(t, key ? key : 1);
    if (!p) return 0;
    const int64_t due = atomic_load_explicit(&p->due, memory_order_relaxed);
    return wait_of(rate, within(rate, due, now), now);
}

int64_t tc_rate_take(tc_rate_table *t, const tc_rate *rate, uint64_t key, int64_t now,
                     uint64_t *pushed)
{
    if (!key) key = 1;
    place *p = find(t, key);
    if (!p) p = make_room(t, key, now, pushed);
    int64_t old = atomic_load_explicit(&p->due, memory_order_relaxed);
    for (;;) {
        const int64_t due = within(rate, old, now), wait = wait_of(rate, due, now);
        if (wait) return wait;
        if (atomic_compare_exchange_weak_explicit(&p->due, &old, due + rate->each_ns,
                                                  memory_order_relaxed, memory_order_relaxed))
            return 0;
    }
}
