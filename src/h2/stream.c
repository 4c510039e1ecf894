/* stream.c - streams: found by id, with something to say, broken off, over (RFC 9113, 5). */
// SPDX-License-Identifier: MIT
#include "h2/read.h"

static unsigned bucket_of(uint32_t id)
{
    return (id >> 1) % TC_H2_BUCKETS;
}

tc_h2_stream *tc_h2_find(const tc_h2 *c, uint32_t id)
{
    tc_h2_stream *s = c->buckets[bucket_of(id)];
    while (s && s->id != id)
        s = s->chain;
    return s;
}

bool tc_h2_is_idle(const tc_h2 *c, uint32_t id)
{
    const bool theirs = tc_h2_is_server(c) == (id % 2 == 1);
    return theirs ? id > c->last_theirs : id >= c->next_ours;
}

static void free_held(void *stream)
{
    tc_buf_fini(&((tc_h2_stream *)stream)->held);
}

tc_h2_stream *tc_h2_begin(tc_h2 *c, tc_exchange *x, uint32_t id)
{
    tc_h2_stream *s = tc_exchange_alloc(x, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, sizeof *s);
    s->x = x;
    s->id = id;
    s->window.left = s->window.size = TC_H2_WINDOW_FIRST;
    s->send_window = c->theirs[TC_H2_INITIAL_WINDOW_SIZE];
    s->priority.urgency = TC_URGENCY;
    tc_buf_init(&s->held, (size_t)c->env->limits->h2_stream_window + TC_H2_WINDOW_FIRST);
    if (tc_arena_defer(&x->arena, free_held, s) != TC_OK) return NULL;
    x->stream = s;
    x->theirs.version = TC_HTTP_2;
    if (!tc_h2_is_server(c)) x->ours.version = TC_HTTP_2;
    s->chain = c->buckets[bucket_of(id)];
    c->buckets[bucket_of(id)] = s;
    c->alive++;
    return s;
}

void tc_h2_forget(tc_h2 *c, tc_h2_stream *s)
{
    tc_h2_stream **at = &c->buckets[bucket_of(s->id)];
    while (*at != s)
        at = &(*at)->chain;
    *at = s->chain;
    c->alive--;
    c->pushes -= s->pushed;
    if (c->lent == s) c->lent = NULL;
}

static void remember(tc_h2 *c, uint32_t id, bool broken)
{
    c->remembered[c->remembered_at++ % TC_H2_REMEMBERED] = id << 1 | broken;
}

bool tc_h2_was_ours_to_break(const tc_h2 *c, uint32_t id)
{
    for (int i = 0; i < TC_H2_REMEMBERED; i++)
        if (c->remembered[i] == (id << 1 | 1)) return true;
    return false;
}

void tc_h2_say(tc_h2 *c, tc_h2_stream *s)
{
    if (s->due) return;
    s->due = true;
    s->next_due = NULL;
    *(c->due ? &c->due_last->next_due : &c->due) = s;
    c->due_last = s;
}

void tc_h2_close(tc_h2 *c, tc_h2_stream *s, tc_err err)
{
    if (s->closing) return;
    s->closing = true;
    s->broken = err;
    s->run_count = 0;
    tc_h2_unready(c, s);
    tc_h2_return(c, NULL, s->unreturned);
    s->unreturned = 0;
    s->offered = 0;
    if (c->lent == s) c->lent = NULL;
    tc_buf_fini(&s->held);
    tc_h2_say(c, s);
}

static void send_reset(tc_h2 *c, uint32_t id, enum tc_h2_code code)
{
    char *at = tc_h2_frame(c, (tc_h2_head){.length = 4, .type = TC_H2_RST_STREAM, .stream = id});
    if (!at) return;
    tc_h2_put_u32(at, code);
    tc_h2_note(c, true, &(tc_h2_head){4, id, TC_H2_RST_STREAM, 0}, tc_span_of(at, 4));
    remember(c, id, true);
}

void tc_h2_break(tc_h2 *c, tc_h2_stream *s, enum tc_h2_code code, tc_err err, bool theirs)
{
    if (s->closing) return;
    tc_h2_close(c, s, err);
    send_reset(c, s->id, code);
    if (theirs) (void)tc_h2_count_reset(c); /* what it failed is seen by whoever reads on */
}

/* Nothing more will come of theirs, and all of it was taken. */
static bool theirs_are_over(const tc_h2_stream *s)
{
    return s->theirs_ended && s->end_given && s->offered == 0 && s->held.len == 0;
}

/* An answer that is whole ends the exchange, even if not all of the request came (8.1): its rest is
 * not waited for long. A client that has its answer does not send the rest of its request. Of a
 * tunnel each side ends its own half (8.5). */
void tc_h2_settle(tc_h2 *c, tc_h2_stream *s)
{
    if (s->closing) return;
    const bool theirs = theirs_are_over(s);
    const bool server = tc_h2_is_server(c);
    if (s->x->tunnel) {
        if (theirs && s->ended && s->end_sent) tc_h2_close(c, s, TC_OK);
        return;
    }
    if (server ? !(s->ended && s->end_sent) : !theirs) return;
    if (server && !s->theirs_ended) {
        if (!tc_h2_linger(c, s)) tc_h2_break(c, s, TC_H2_NO_ERROR, TC_OK, false);
    } else if (!server && !s->end_sent)
        tc_h2_break(c, s, TC_H2_CANCEL, TC_OK, false);
    else
        tc_h2_close(c, s, TC_OK);
}

void tc_h2_goaway(tc_h2 *c, uint32_t last, enum tc_h2_code code, tc_span why)
{
    if (c->goaway_sent && last > c->goaway_said) last = c->goaway_said; /* it only falls (6.8) */
    const tc_h2_head head = {(uint32_t)(8 + why.len), 0, TC_H2_GOAWAY, 0};
    char *at = tc_h2_frame(c, head);
    if (!at) return;
    tc_h2_put_u32(at, last);
    tc_h2_put_u32(at + 4, code);
    if (why.len) memcpy(at + 8, why.at, why.len);
    tc_h2_note(c, true, &head, tc_span_of(at, head.length));
    c->goaway_sent = true;
    c->goaway_said = last;
}

static void close_all(tc_h2 *c, uint32_t above, tc_err err)
{
    for (int i = 0; i < TC_H2_BUCKETS; i++)
        for (tc_h2_stream *s = c->buckets[i]; s; s = s->chain)
            if (s->id > above) tc_h2_close(c, s, err);
}

void tc_h2_fail(tc_h2 *c, enum tc_h2_code code, tc_err err, const char *why)
{
    if (c->deaf) return;
    c->deaf = true;
    c->failed = err;
    c->tell_failed = !tc_h2_is_server(c) && c->alive == 0;
    tc_h2_goaway(c, c->last_theirs, code, tc_span_str(why));
    close_all(c, 0, err);
    c->closing = true;
}

/* Whether a window is told to the peer, and how much it grows: half of it was used. One whose
 * reader keeps up with a peer that uses it fast is doubled. */
static uint32_t owed(tc_h2_window *w, uint64_t n, int64_t now, uint64_t most, bool keeps_up)
{
    uint64_t increment = w->owed + n;
    w->owed = (uint32_t)increment;
    if (increment < w->size / 2) return 0;
    if (keeps_up && w->updated && now - w->updated < TC_S / 4 && w->size < most) {
        const uint64_t size = (uint64_t)w->size * 2 < most ? (uint64_t)w->size * 2 : most;
        increment += size - w->size;
        w->size = (uint32_t)size;
    }
    w->updated = now;
    w->owed = 0;
    w->left += (int64_t)increment;
    return (uint32_t)increment;
}

static void send_window(tc_h2 *c, uint32_t id, uint32_t increment)
{
    const tc_h2_head head = {4, id, TC_H2_WINDOW_UPDATE, 0};
    char *at = increment ? tc_h2_frame(c, head) : NULL;
    if (!at) return;
    tc_h2_put_u32(at, increment);
    tc_h2_note(c, true, &head, tc_span_of(at, 4));
}

static uint64_t most(uint64_t limit)
{
    return limit < INT32_MAX ? limit : INT32_MAX;
}

/* The connection's window bounds those of its streams; all connections share what it grows by. */
static void return_connection(tc_h2 *c, uint64_t n)
{
    const tc_limits *l = c->env->limits;
    const uint64_t before = c->window.size, used = *c->env->windows;
    const uint64_t left = used < l->h2_windows ? l->h2_windows - used : 0;
    uint64_t top = most(l->h2_window);
    const bool bounded = before < top && left < top - before;
    if (bounded) top = before + left;
    const uint32_t increment = owed(&c->window, n, c->now, top, true);
    *c->env->windows += c->window.size - before;
    c->env->reached->h2_windows += bounded && increment && c->window.size == top;
    send_window(c, 0, increment);
}

void tc_h2_return(tc_h2 *c, tc_h2_stream *s, uint64_t n)
{
    const tc_limits *l = c->env->limits;
    if (n == 0 || c->deaf) return;
    return_connection(c, n);
    if (!s) return;
    s->unreturned -= n;
    if (!s->theirs_ended && !s->closing)
        send_window(c, s->id,
                    owed(&s->window, n, c->now, most(l->h2_stream_window), s->held.len == 0));
}

void tc_h2_drop(tc_h2 *c, tc_h2_stream *s)
{
    tc_exchange *x = s->x;
    tc_h2_stream **at = &c->due, *last = NULL;
    while (*at && *at != s) {
        last = *at;
        at = &last->next_due;
    }
    if (*at) {
        *at = s->next_due;
        if (c->due_last == s) c->due_last = last;
    }
    tc_h2_forget(c, s);
    tc_exchange_fini(x);
    tc_slab_put(c->env->exchanges, x);
}

void tc_h2_refuse(tc_h2 *c, uint32_t id, enum tc_h2_code code)
{
    send_reset(c, id, code);
    (void)tc_h2_count_reset(c); /* where it failed, nothing more is read */
}

enum tc_h2_step tc_h2_block_failed(tc_h2 *c, tc_err err)
{
    if (err == TC_ERR_NO_MEMORY)
        tc_h2_fail(c, TC_H2_INTERNAL_ERROR, err, "");
    else if (err == TC_ERR_FIELDS_TOO_LARGE)
        tc_h2_fail(c, TC_H2_ENHANCE_YOUR_CALM, err, "fields are too large");
    else
        tc_h2_fail(c, TC_H2_COMPRESSION_ERROR, TC_ERR_FRAMES, "fields could not be decoded");
    return TC_H2_AGAIN;
}

void tc_h2_last_goaway(tc_h2 *c)
{
    c->goaway_last = true;
    tc_h2_goaway(c, c->last_theirs, TC_H2_NO_ERROR, (tc_span){0});
}
