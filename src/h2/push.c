/* push.c - promises: requests that a server makes in its client's name (RFC 9113, 6.6 and 8.4).
 *
 * A promised stream is reserved until its response begins. Both ends bound how many there are by
 * one limit, whatever their state: a reserved stream counts against no setting of the protocol. */
// SPDX-License-Identifier: MIT
#include "h2/read.h"
#include "http/target.h"

static tc_h2_stream *begin(tc_h2 *c, tc_exchange *x, uint32_t id)
{
    tc_h2_stream *s = tc_h2_begin(c, x, id);
    if (!s) return NULL;
    s->pushed = true;
    c->pushes++;
    x->pushed = true;
    return s;
}

/* Of a path, and safe and cacheable. */
static bool may_be_pushed(const tc_message *m)
{
    return (m->method == TC_METHOD_GET || m->method == TC_METHOD_HEAD) &&
           tc_span_starts(m->path, TC_SPAN("/"));
}

static tc_span scheme_of(const tc_h2 *c, const tc_message *m)
{
    return m->scheme.len ? m->scheme : c->env->scheme;
}

static bool same_origin(const tc_h2 *c, const tc_message *a, const tc_message *b)
{
    const uint16_t port = tc_span_eq(scheme_of(c, a), TC_SPAN("https")) ? 443 : 80;
    tc_span host_a, host_b;
    uint16_t port_a, port_b;
    return tc_span_eq(scheme_of(c, a), scheme_of(c, b)) &&
           tc_authority_split(a->authority, port, &host_a, &port_a) == TC_OK &&
           tc_authority_split(b->authority, port, &host_b, &port_b) == TC_OK && port_a == port_b &&
           tc_span_ieq(host_a, host_b);
}

/* --- server ---------------------------------------------------------------------------------- */

static tc_err send_promise(tc_h2 *c, tc_h2_stream *of, uint32_t promised, const tc_message *m)
{
    const tc_field fields[] = {
        {TC_SPAN(":method"), tc_method_name(m->method), TC_FIELD_OTHER},
        {TC_SPAN(":scheme"), scheme_of(c, m), TC_FIELD_OTHER},
        {TC_SPAN(":authority"), m->authority, TC_FIELD_OTHER},
        {TC_SPAN(":path"), m->path, TC_FIELD_OTHER},
    };
    return tc_h2_send_block(c, of, NULL, &m->fields, fields, sizeof fields / sizeof *fields,
                            TC_LENGTH_UNKNOWN, false, promised);
}

tc_err tc_h2_push(tc_h2 *c, tc_exchange *x, tc_exchange *p)
{
    tc_h2_stream *of = tc_h2_stream_of(x);
    tc_message *m = &p->theirs;
    tc_target target;
    if (!c->theirs[TC_H2_ENABLE_PUSH] || of->pushed || !may_be_pushed(m) ||
        tc_target_parse(m->method, m->path, &target) != TC_OK || !same_origin(c, &x->theirs, m))
        return TC_ERR_NOT_SUPPORTED;
    if (of->closing || of->end_sent || c->draining || c->gone || c->deaf ||
        c->next_ours > INT32_MAX)
        return TC_ERR_SESSION_ENDED;
    const bool full = c->pushes >= c->env->limits->h2_pushes;
    c->env->reached->h2_pushes += full;
    if (full || c->pushes >= c->theirs[TC_H2_MAX_CONCURRENT_STREAMS]) return TC_ERR_FULL;
    tc_h2_stream *s = begin(c, p, c->next_ours);
    if (!s) return TC_ERR_NO_MEMORY;
    const tc_err err = send_promise(c, of, s->id, m);
    if (err) {
        tc_h2_forget(c, s);
        p->stream = NULL;
        return err;
    }
    c->next_ours += 2;
    p->id = s->id;
    m->length = 0;
    s->theirs_ended = s->end_given = s->head_given = true;
    s->priority.urgency = of->priority.urgency; /* and behind it, unless the client says else */
    if (s->priority.urgency < TC_URGENCIES - 1) s->priority.urgency++;
    return TC_OK;
}

bool tc_h2_is_one_too_many(const tc_h2 *c, const tc_h2_stream *s)
{
    return s->pushed && !s->opened && c->pushes > c->theirs[TC_H2_MAX_CONCURRENT_STREAMS];
}

/* --- client ---------------------------------------------------------------------------------- */

const char *tc_h2_promise_is_wrong(const tc_h2 *c, uint32_t of, uint32_t promised)
{
    const tc_h2_stream *s = tc_h2_find(c, of);
    if (!c->env->push) return "PUSH_PROMISE was forbidden";
    if (of % 2 == 0 || tc_h2_is_idle(c, of)) return "PUSH_PROMISE on no request";
    if (promised % 2 == 1 || promised <= c->last_theirs) return "PUSH_PROMISE of a wrong stream";
    if (s && !s->closing ? s->theirs_ended : !tc_h2_was_ours_to_break(c, of))
        return "PUSH_PROMISE on a stream that is over";
    return NULL;
}

static tc_err judge(const tc_h2 *c, const tc_message *asked, const tc_message *m)
{
    if (!may_be_pushed(m)) return TC_ERR_PUSH_METHOD;
    return same_origin(c, asked, m) ? TC_OK : TC_ERR_PUSH_ORIGIN;
}

/* The request is whole, so only a response is awaited. */
static void ask_nothing(tc_h2_stream *s)
{
    tc_exchange *x = s->x;
    s->head_sent = s->ended = s->end_sent = true;
    x->began = x->ended = true;
}

enum tc_h2_step tc_h2_give_promise(tc_h2 *c, uint32_t of, uint32_t promised, tc_span block,
                                   tc_event *ev)
{
    const tc_h2_stream *asked = tc_h2_find(c, of);
    const bool wanted = asked && !asked->closing && !c->draining;
    const bool full = wanted && c->pushes >= c->env->limits->h2_pushes;
    tc_exchange *x = wanted && !full ? tc_slab_get(c->env->exchanges) : NULL;
    tc_h2_stream *s = NULL;
    tc_err wrong = TC_OK;
    if (x) {
        tc_exchange_init(x, promised, c->env->limits->exchange_bytes);
        s = begin(c, x, promised);
    }
    const tc_err err = tc_h2_read_fields(c, block, TC_PART_REQUEST, true, s ? &x->arena : NULL,
                                         s ? &x->ours : NULL, &wrong);
    if (err && s) {
        tc_h2_drop(c, s);
    } else if (x && !s) {
        tc_exchange_fini(x);
        tc_slab_put(c->env->exchanges, x);
    }
    if (err) return tc_h2_block_failed(c, err);
    if (!s) {
        c->env->reached->h2_pushes += full;
        tc_h2_refuse(c, promised, wanted ? TC_H2_REFUSED_STREAM : TC_H2_CANCEL);
        return TC_H2_AGAIN;
    }
    ask_nothing(s);
    if (!wrong) wrong = judge(c, &asked->x->ours, &x->ours);
    *ev = (tc_event){.kind = TC_EV_PUSH, .x = x, .of = asked->x, .err = wrong};
    if (wrong)
        tc_h2_break(c, s, wrong == TC_ERR_NO_MEMORY ? TC_H2_REFUSED_STREAM : TC_H2_PROTOCOL_ERROR,
                    wrong, wrong != TC_ERR_NO_MEMORY);
    return TC_H2_EVENT;
}
