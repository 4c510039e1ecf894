/* again.c - blocks of fields that come or go once more, and are not decoded or encoded again.
 *
 * A block that left its table as it was means the same for as long as the table stays so. Clients
 * repeat their requests, servers their answers: the second time such a block is kept, from the
 * third on it is copied. A kept request is shared by the exchanges that it became; answers are
 * kept as in HTTP/3 (http/pack/said.h). */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h2/state.h"
#include "http/pack/said.h"

enum {
    ASKED_BLOCK = 256, /* bytes of a request that is worth it, encoded */
    ASKED_ROOM = 2048, /* ... and decoded */
    ASKED_MOST = 64,
    SIZE_UPDATE = 0x20,
    SIZE_UPDATE_MASK = 0xe0
};

typedef struct asked {
    uint32_t refs;
    uint32_t len;
    bool end;
    tc_priority priority;
    tc_message m;
    tc_arena arena;
    char block[ASKED_BLOCK];
    char room[ASKED_ROOM];
} asked;

/* kept NULL: what has this hash came once. */
typedef struct place {
    uint64_t hash, mark;
    asked *kept;
} place;

struct tc_h2_again {
    tc_said said[TC_SAID];
    uint32_t places;
    place asked[];
};

/* --- requests -------------------------------------------------------------------------------- */

static void unref(void *argument)
{
    asked *a = argument;
    if (--a->refs) return;
    tc_arena_fini(&a->arena);
    tc_free(a);
}

/* Which place to look in; nothing depends on it but speed. */
static uint64_t hash_of(tc_span block, bool end)
{
    uint64_t h = block.len * 2 + end, word = 0;
    for (; block.len > 8; block = tc_span_from(block, 8)) {
        memcpy(&word, block.at, 8);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    word = 0;
    memcpy(&word, block.at, block.len);
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

/* One that changes the size of the table changes more than its mark. */
static bool is_worth_it(tc_span block)
{
    return block.len > 0 && block.len <= ASKED_BLOCK &&
           ((uint8_t)block.at[0] & SIZE_UPDATE_MASK) != SIZE_UPDATE;
}

bool tc_h2_asked_before(tc_h2 *c, tc_h2_stream *s, tc_span block, bool end)
{
    tc_h2_again *again = c->again;
    if (!again || !again->places || !is_worth_it(block)) return false;
    const uint64_t hash = hash_of(block, end);
    const place *p = &again->asked[hash % again->places];
    asked *a = p->kept;
    if (!a || p->hash != hash || a->end != end || !tc_span_eq(tc_span_of(a->block, a->len), block))
        return false;
    if (!tc_hpack_decoder_stays(&c->decoder, p->mark)) return false;
    a->refs++;
    if (tc_arena_defer(&s->x->arena, unref, a) != TC_OK) return false;
    s->x->theirs = a->m;
    s->priority = a->priority;
    return true;
}

/* Decodes the block once more, into memory of its own; the table does not notice. */
static asked *keep(tc_h2 *c, const tc_h2_stream *s, tc_span block, bool end)
{
    asked *a = tc_alloc(sizeof *a);
    tc_err wrong = TC_OK;
    if (!a) return NULL;
    *a = (asked){.refs = 1, .len = (uint32_t)block.len, .end = end, .priority = s->priority};
    memcpy(a->block, block.at, block.len);
    tc_arena_init(&a->arena, a->room, sizeof a->room, 0);
    const tc_err err = tc_h2_read_fields(c, block, TC_PART_REQUEST, end, &a->arena, &a->m, &wrong);
    if (err || wrong) { /* it is too large */
        unref(a);
        return NULL;
    }
    a->m.version = TC_HTTP_2;
    a->m.fields.room = a->m.fields.count; /* who adds to them has to copy them */
    return a;
}

static tc_h2_again *again_of(tc_h2 *c, uint32_t id)
{
    if (c->again || id < 3) return c->again; /* a first request may be the only one */
    if (c->env->notes) return NULL;          /* whoever looks on is shown each field */
    const uint64_t limit = c->env->limits->h2_again;
    const uint32_t places = limit < ASKED_MOST ? (uint32_t)limit : ASKED_MOST;
    c->again = tc_alloc_zero(sizeof *c->again + places * sizeof(place));
    if (c->again) c->again->places = places;
    return c->again;
}

void tc_h2_remember_asked(tc_h2 *c, const tc_h2_stream *s, tc_span block, bool end, uint64_t mark)
{
    tc_h2_again *again = again_of(c, s->id);
    if (!again || !again->places || !is_worth_it(block) ||
        !tc_hpack_decoder_stays(&c->decoder, mark))
        return;
    const uint64_t hash = hash_of(block, end);
    place *p = &again->asked[hash % again->places];
    const bool twice = p->hash == hash && p->mark == mark && !p->kept;
    if (p->kept) {
        c->env->reached->h2_again += p->hash != hash;
        unref(p->kept);
    }
    *p = (place){.hash = hash, .mark = mark, .kept = twice ? keep(c, s, block, end) : NULL};
}

/* --- answers --------------------------------------------------------------------------------- */

tc_span tc_h2_said_before(tc_h2 *c, const tc_message *m)
{
    const uint64_t mark = tc_ring_mark(&c->encoder.table);
    if (!c->again || !tc_hpack_encoder_stays(&c->encoder, mark)) return (tc_span){0};
    const tc_said *a = tc_said_before(c->again->said, m, mark);
    return a ? tc_span_of(a->fields, a->len) : (tc_span){0};
}

void tc_h2_remember_said(tc_h2 *c, const tc_message *m, tc_span block, uint64_t mark)
{
    if (c->again && !c->encoder.unsettled && tc_hpack_encoder_stays(&c->encoder, mark))
        (void)tc_said_keep(c->again->said, m, mark, block); /* or it is encoded again */
}

void tc_h2_forget_again(tc_h2 *c)
{
    for (uint32_t i = 0; c->again && i < c->again->places; i++)
        if (c->again->asked[i].kept) unref(c->again->asked[i].kept);
    tc_free(c->again);
    c->again = NULL;
}
