/* h3_end.c - see h3_end.h. */
// SPDX-License-Identifier: MIT
#include "support/h3_end.h"

#include <stdlib.h>

enum { UNI = 2 };

void h3_end_init(h3_end *e, conn *c, enum tc_role role)
{
    memset(e, 0, sizeof *e);
    e->c = c;
    e->next_uni = role == TC_CLIENT ? 2 : 3;
    conn_init(c, &tc_h3_type, role);
}

void h3_end_fini(h3_end *e)
{
    conn_cut(e->c);
    for (size_t i = 0; i < e->count; i++) {
        tc_buf_fini(&e->flows[i].in);
        tc_buf_fini(&e->flows[i].out);
    }
}

h3_flow *h3_flow_of(h3_end *e, uint64_t sid)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->flows[i].sid == sid) return &e->flows[i];
    if (e->count == H3_FLOWS) abort();
    h3_flow *f = &e->flows[e->count++];
    *f = (h3_flow){.sid = sid, .used = true, .may_send = e->window ? e->window : UINT64_MAX};
    tc_buf_init(&f->in, CONN_BUF_MAX);
    tc_buf_init(&f->out, CONN_BUF_MAX);
    return f;
}

void h3_came(h3_end *e, uint64_t sid, tc_span bytes, bool fin)
{
    h3_flow *f = h3_flow_of(e, sid);
    if (tc_buf_add(&f->in, bytes)) abort();
    f->fin |= fin;
}

/* --- a turn --- */

static bool events(h3_end *e)
{
    tc_event ev;
    bool any = false;
    while (e->c->type->next(e->c->engine, &ev)) {
        conn_apply(e->c, &ev);
        any = true;
    }
    return any;
}

/* One loan, of memory of just its size. */
static bool lend(h3_end *e, h3_flow *f)
{
    if (f->deaf || f->fin_taken || (f->in.len == 0 && !f->fin)) return false;
    char *exact = malloc(f->in.len ? f->in.len : 1);
    if (!exact) abort();
    if (f->in.len) memcpy(exact, f->in.at, f->in.len);
    const tc_engine_type *type = e->c->type;
    type->feed(e->c->engine, e->c->now, f->sid, tc_span_of(exact, f->in.len), f->fin);
    bool moved = events(e);
    const size_t taken = type->fed(e->c->engine);
    free(exact);
    if (taken > f->in.len) abort();
    tc_buf_drop(&f->in, taken);
    if (f->fin && f->in.len == 0) {
        f->fin_taken = true;
        moved = true;
    }
    return moved || taken > 0;
}

static void do_order(h3_end *e, const tc_order *o)
{
    h3_flow *f =
        o->kind == TC_ORDER_RESET || o->kind == TC_ORDER_STOP ? h3_flow_of(e, o->sid) : NULL;
    switch (o->kind) {
    case TC_ORDER_OPEN_UNI:
        if (e->no_uni) return;
        (void)h3_flow_of(e, e->next_uni);
        e->c->type->opened(e->c->engine, e->next_uni);
        e->next_uni += 4;
        break;
    case TC_ORDER_RESET:
        f->was_reset = true;
        f->reset_code = o->n;
        tc_buf_reset(&f->out);
        break;
    case TC_ORDER_STOP:
        f->was_stopped = f->deaf = true;
        f->stop_code = o->n;
        break;
    case TC_ORDER_CREDIT: abort(); /* the link gives it for what is taken */
    case TC_ORDER_CLOSE:
        e->closed = true;
        e->close_code = o->n;
        break;
    }
}

static bool orders(h3_end *e)
{
    tc_order o;
    bool any = false;
    while (e->c->type->order(e->c->engine, &o)) {
        do_order(e, &o);
        any = true;
    }
    return any;
}

void h3_ack(h3_end *e, h3_flow *f, uint64_t n)
{
    if (f->was_reset || n == 0) return;
    f->acked += n;
    if (e->window) f->may_send = f->acked + e->window;
    e->c->type->acked(e->c->engine, f->sid, (size_t)n);
    if (!f->blocked || f->out_all >= f->may_send) return;
    f->blocked = false;
    e->c->type->blocked(e->c->engine, f->sid, false);
}

static bool write_one(h3_end *e)
{
    tc_run runs[8];
    uint64_t sid = 0;
    bool fin = false;
    const size_t budget = e->c->write_max ? e->c->write_max : SIZE_MAX;
    const size_t count = e->c->type->output(e->c->engine, &sid, runs, 8, budget, &fin);
    if (count == 0) return false;
    h3_flow *f = h3_flow_of(e, sid);
    uint64_t total = 0, wrote = 0, room = f->may_send - f->out_all;
    if (f->blocked || f->was_reset || f->out_fin) abort(); /* it was not to be offered */
    for (size_t i = 0; i < count; i++) {
        const uint64_t n = runs[i].len < room ? runs[i].len : room;
        if (tc_buf_add(&f->out, tc_span_of(runs[i].at, (size_t)n))) abort();
        total += runs[i].len;
        wrote += n;
        room -= n;
    }
    f->out_all += wrote;
    if (wrote == total) f->out_fin = fin;
    if (wrote == total || wrote > 0) e->c->type->wrote(e->c->engine, sid, (size_t)wrote);
    if (wrote < total) {
        f->blocked = true;
        e->c->type->blocked(e->c->engine, sid, true);
    }
    if (!e->acks_by_hand) h3_ack(e, f, wrote);
    return true;
}

void h3_turn(h3_end *e)
{
    conn_take_held(e->c);
    for (bool moved = true; moved && !e->closed;) {
        moved = false;
        for (size_t i = 0; i < e->count && !e->closed; i++)
            moved |= lend(e, &e->flows[i]);
        moved |= events(e);
        moved |= conn_ask(e->c);
        while (write_one(e))
            moved = true;
        moved |= orders(e);
        moved |= events(e);
    }
}

/* --- the network --- */

void h3_carry(h3_end *from, h3_flow *f, h3_end *to)
{
    const size_t most = check_random_below(2) ? 50 : 70000;
    size_t n = 1 + (size_t)check_random_below(most);
    if (n > f->out.len) n = f->out.len;
    const bool stopped = f->was_stopped && !f->stop_told, reset = f->was_reset && !f->reset_told;
    const bool fin = f->out_fin && n == f->out.len && !f->was_reset;
    if (stopped) {
        f->stop_told = true;
        if (!h3_flow_of(to, f->sid)->was_reset && !h3_flow_of(to, f->sid)->out_fin)
            to->c->type->stopped(to->c->engine, f->sid, f->stop_code, true);
    }
    if (reset) {
        f->reset_told = true;
        if (!h3_flow_of(to, f->sid)->fin_taken && !h3_flow_of(to, f->sid)->deaf)
            to->c->type->stopped(to->c->engine, f->sid, f->reset_code, false);
        return;
    }
    if (n == 0 && !fin) return;
    const tc_span bytes = tc_span_of(f->out.at, n);
    if (!h3_flow_of(to, f->sid)->fin) h3_came(to, f->sid, bytes, fin);
    tc_buf_drop(&f->out, n);
    if (from->acks_by_hand && check_random_below(3)) return;
    h3_ack(from, f, f->out_all - f->acked - f->out.len);
}

void h3_step(h3_end *from, h3_end *to)
{
    if (from->count) {
        h3_flow *f = &from->flows[check_random_below(from->count)];
        h3_carry(from, f, to);
        if (from->acks_by_hand && check_random_below(4) == 0)
            h3_ack(from, f, f->out_all - f->acked - f->out.len);
    }
    if (check_random_below(3)) h3_turn(to);
    if (check_random_below(8) == 0) h3_turn(from);
}

/* --- a peer by hand --- */

static void put(h3_raw *r, tc_span s)
{
    if (s.len > sizeof r->at - r->len) abort();
    if (s.len) memcpy(r->at + r->len, s.at, s.len);
    r->len += s.len;
}

void h3_raw_varint(h3_raw *r, uint64_t value)
{
    char at[TC_H3_VARINT];
    put(r, tc_span_of(at, (size_t)(tc_h3_varint_put(at, value) - at)));
}

void h3_raw_frame(h3_raw *r, uint64_t type, tc_span payload)
{
    h3_raw_varint(r, type);
    h3_raw_varint(r, payload.len);
    put(r, payload);
}

void h3_raw_fields(h3_raw *r, const char *lines)
{
    static h3_raw section;
    section.len = 0;
    put(&section, TC_SPAN("\0\0"));
    for (tc_span rest = tc_span_str(lines); rest.len > 0;) {
        const size_t end = tc_span_find(rest, '\n');
        const tc_span line = tc_span_first(rest, end);
        rest = tc_span_from(rest, end + 1);
        const size_t first = line.at[0] == ':' ? 1 : 0;
        const size_t colon = first + tc_span_find(tc_span_from(line, first), ':');
        const tc_span value = tc_span_from(line, colon + 2);
        if (colon >= 7 + 128 || value.len >= 127) abort();
        const char head[2] = {(char)(colon < 7 ? 0x20 | colon : 0x27), (char)(colon - 7)};
        put(&section, tc_span_of(head, colon < 7 ? 1 : 2));
        put(&section, tc_span_first(line, colon));
        const char len = (char)value.len;
        put(&section, tc_span_of(&len, 1));
        put(&section, value);
    }
    h3_raw_frame(r, TC_H3_HEADERS, tc_span_of(section.at, section.len));
}

void h3_tell(h3_end *e, uint64_t sid, h3_raw *r, bool fin, size_t step)
{
    tc_span rest = tc_span_of(r->at, r->len);
    while (step && rest.len > step) {
        h3_came(e, sid, tc_span_take(&rest, step), false);
        h3_turn(e);
    }
    h3_came(e, sid, rest, fin);
    h3_turn(e);
    r->len = 0;
}

void h3_greet(h3_end *e)
{
    h3_came(e, e->c->env.role == TC_SERVER ? UNI : UNI + 1, TC_SPAN("\0\4\0"), false);
    h3_turn(e);
}

bool h3_logged(const h3_end *e, const char *text)
{
    const tc_span wanted = tc_span_str(text);
    for (size_t i = 0; i < e->c->log.len; i++)
        if (tc_span_starts(tc_span_from(tc_buf_span(&e->c->log), i), wanted)) return true;
    return false;
}

bool h3_sent(h3_end *e, uint64_t sid, uint64_t type, unsigned nth, tc_span *ret_payload)
{
    tc_span rest = tc_buf_span(&h3_flow_of(e, sid)->out);
    tc_h3_head head;
    uint64_t kind;
    if (sid & UNI) (void)tc_h3_varint_take(&rest, &kind);
    while (tc_h3_head_take(&rest, &head)) {
        const tc_span payload = tc_span_first(rest, (size_t)head.length);
        rest = tc_span_from(rest, (size_t)head.length);
        if (head.type != type || nth-- > 0) continue;
        if (ret_payload) *ret_payload = payload;
        return true;
    }
    return false;
}
