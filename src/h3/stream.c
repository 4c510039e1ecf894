/* stream.c - streams: found by id, with something to say, broken off, over (RFC 9114, 4.1). */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

static unsigned bucket_of(uint64_t id)
{
    return (id >> 2) % TC_H3_BUCKETS;
}

tc_h3_stream *tc_h3_find(const tc_h3 *c, uint64_t id)
{
    tc_h3_stream *s = c->buckets[bucket_of(id)];
    while (s && s->id != id)
        s = s->chain;
    return s;
}

tc_h3_stream *tc_h3_begin(tc_h3 *c, tc_exchange *x, uint64_t id)
{
    tc_h3_stream *s = tc_exchange_alloc(x, sizeof *s);
    if (!s) return NULL;
    memset(s, 0, offsetof(tc_h3_stream, out));
    tc_run_queue_init(&s->out);
    s->x = x;
    s->id = id;
    s->priority.urgency = TC_URGENCY;
    for (int i = 0; i < TC_H3_EARLY; i++)
        if (c->early[i].id == id) {
            s->priority = c->early[i].priority;
            s->updated = true;
        }
    x->stream = s;
    x->theirs.version = TC_HTTP_3;
    s->chain = c->buckets[bucket_of(id)];
    c->buckets[bucket_of(id)] = s;
    c->alive++;
    return s;
}

static void wait_no_more(tc_h3 *c, tc_h3_stream *s)
{
    c->waiting -= s->waits;
    s->waits = false;
}

void tc_h3_forget(tc_h3 *c, tc_h3_stream *s)
{
    tc_h3_stream **at = &c->buckets[bucket_of(s->id)];
    while (*at != s)
        at = &(*at)->chain;
    *at = s->chain;
    c->alive--;
    if (c->lent == s) {
        c->lent = NULL;
        tc_h3_take(c, c->in.len);
    }
    if (!s->theirs_ended || s->offered > 0 || s->took > 0) tc_h3_remember(c, s->id);
    tc_h3_rest(c);
}

void tc_h3_await_head(tc_h3 *c, tc_h3_stream *s)
{
    s->after = c->headless;
    if (s->after) s->after->before = s;
    c->headless = s;
}

void tc_h3_has_head(tc_h3 *c, tc_h3_stream *s)
{
    *(s->before ? &s->before->after : &c->headless) = s->after;
    if (s->after) s->after->before = s->before;
    s->before = s->after = NULL;
    s->begun = 0;
    s->head_given = true;
}

void tc_h3_drop(tc_h3 *c, tc_h3_stream *s)
{
    tc_exchange *x = s->x;
    tc_h3_stream **at = &c->due, *last = NULL;
    while (*at && *at != s) {
        last = *at;
        at = &last->next_due;
    }
    if (*at) {
        *at = s->next_due;
        if (c->due_last == s) c->due_last = last;
    }
    wait_no_more(c, s);
    tc_h3_has_head(c, s);
    tc_h3_forget(c, s);
    tc_exchange_fini(x);
    tc_slab_put(c->env->exchanges, x);
}

void tc_h3_remember(tc_h3 *c, uint64_t id)
{
    if (!tc_h3_is_remembered(c, id)) c->remembered[c->remembered_at++ % TC_H3_REMEMBERED] = id;
}

bool tc_h3_is_remembered(const tc_h3 *c, uint64_t id)
{
    for (int i = 0; i < TC_H3_REMEMBERED; i++)
        if (c->remembered[i] == id) return true;
    return false;
}

void tc_h3_say(tc_h3 *c, tc_h3_stream *s)
{
    if (s->due) return;
    s->due = true;
    s->next_due = NULL;
    *(c->due ? &c->due_last->next_due : &c->due) = s;
    c->due_last = s;
}

void tc_h3_order(tc_h3 *c, tc_h3_stream *s, enum tc_order_kind kind, uint64_t sid, uint64_t n)
{
    const tc_order order = {.kind = kind, .sid = sid, .n = n};
    if (c->deaf) return; /* all of it ends with the connection */
    if (tc_buf_add(&c->orders, tc_span_of((const char *)&order, sizeof order)) != TC_OK) {
        tc_h3_fail(c, TC_H3_INTERNAL_ERROR, TC_ERR_NO_MEMORY, "");
        return;
    }
    if (s) s->orders++;
}

/* Sections that the peer sent there are not read, or not to the end. */
void tc_h3_cancel_sections(tc_h3 *c, uint64_t id)
{
    const tc_err err = tc_qpack_decoder_cancel(&c->decoder, id);
    if (err == TC_OK || c->deaf) return;
    c->env->reached->h3_output += err == TC_ERR_FULL;
    tc_h3_fail(c, err == TC_ERR_FULL ? TC_H3_EXCESSIVE_LOAD : TC_H3_INTERNAL_ERROR,
               err == TC_ERR_FULL ? TC_ERR_TOO_BUSY : err, "acknowledgements are not read");
}

void tc_h3_stop(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code)
{
    if (s->theirs_ended || s->their_stop) return;
    s->their_stop = true;
    tc_h3_cancel_sections(c, s->id);
    tc_h3_order(c, s, TC_ORDER_STOP, s->id, code);
}

static void reset_ours(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code)
{
    if (s->our_reset || (s->fin_sent && s->out.acked == s->out.queued)) return;
    s->our_reset = true;
    tc_h3_order(c, s, TC_ORDER_RESET, s->id, code);
}

static void close(tc_h3 *c, tc_h3_stream *s, tc_err err)
{
    s->closing = true;
    s->broken = err;
    wait_no_more(c, s);
    tc_h3_unready(c, s);
    if (c->lent == s) tc_h3_take(c, c->in.len);
    tc_h3_say(c, s);
}

void tc_h3_break(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code, tc_err err)
{
    if (s->closing) return;
    close(c, s, err);
    reset_ours(c, s, code);
    tc_h3_stop(c, s, code);
}

void tc_h3_fault(tc_h3 *c, tc_h3_stream *s, enum tc_h3_code code, tc_err err)
{
    if (s->closing) return;
    tc_h3_break(c, s, code, err);
    (void)tc_h3_count_reset(c); /* what it failed is seen by whoever reads on */
}

void tc_h3_refuse(tc_h3 *c, uint64_t id, enum tc_h3_code code)
{
    tc_h3_remember(c, id);
    tc_h3_cancel_sections(c, id);
    tc_h3_order(c, NULL, TC_ORDER_RESET, id, code);
    tc_h3_order(c, NULL, TC_ORDER_STOP, id, code);
    (void)tc_h3_count_reset(c); /* where it failed, nothing more is read */
}

/* An answer that is whole ends the exchange, even if not all of the request came (4.1). A client
 * that has its answer does not send the rest of its request. */
void tc_h3_settle(tc_h3 *c, tc_h3_stream *s)
{
    if (s->closing) return;
    const bool arrived = s->out.acked == s->out.queued;
    if (s->x->tunnel) { /* each side ends its own half (4.4) */
        if (s->fin_sent && arrived && s->theirs_ended && s->end_given && s->offered == 0)
            close(c, s, TC_OK);
        return;
    }
    if (tc_h3_is_server(c)) {
        if (!s->ended || !s->fin_sent) return;
        if (!tc_h3_linger(c, s)) tc_h3_stop(c, s, TC_H3_NO_ERROR);
        s->deaf |= s->their_stop;
        if (arrived && (s->theirs_ended || s->their_stop)) close(c, s, TC_OK);
        return;
    }
    if (!s->theirs_ended || !s->end_given || s->offered > 0) return;
    if (!s->fin_sent) reset_ours(c, s, TC_H3_REQUEST_CANCELLED);
    if (arrived || s->our_reset) close(c, s, TC_OK);
}

void tc_h3_fail(tc_h3 *c, enum tc_h3_code code, tc_err err, const char *why)
{
    if (c->deaf) return;
    c->deaf = true;
    c->failed = err;
    c->code = code;
    c->tell_failed = !tc_h3_is_server(c) && c->alive == 0;
    tc_buf_fini(&c->orders);
    c->ordered = 0;
    tc_h3_take(c, c->in.len);
    for (int i = 0; i < TC_H3_BUCKETS; i++)
        for (tc_h3_stream *s = c->buckets[i]; s; s = s->chain) {
            s->orders = 0;
            if (!s->closing) close(c, s, err);
            tc_h3_say(c, s);
        }
    tc_h3_note(c, true, TC_NO_STREAM, (tc_h3_head){.type = code}, tc_span_str(why));
    c->closing = true;
}

void tc_h3_goaway(tc_h3 *c, uint64_t id)
{
    char payload[TC_H3_VARINT];
    const char *end = tc_h3_varint_put(payload, id);
    tc_h3_control_frame(c, TC_H3_GOAWAY, tc_span_of(payload, (size_t)(end - payload)));
}
