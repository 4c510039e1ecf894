/* fuzz_h3.c - what either end of HTTP/3 may be sent, on several streams, whole and in pieces. Only
 * what must not happen is looked for: every exchange comes back, nothing is taken that was not
 * lent, and what is offered may be written.
 *
 * Behind the first byte the input is records of a byte and what it says: the low bits a stream, 16:
 * it ends behind this, 32 and 64: it is reset or wants no more; else a length byte and bytes. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "h3/h3.h"
#include "support/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte of an input. */
enum { NOTES = 1, AT_HEAD = 2, UNKNOWN = 4, PAUSE = 8, SMALL_LIMITS = 16, CLIENT = 32, BARE = 64 };
enum { FLOWS = 16, FIN = 16, RESET = 32, STOP = 64, ROUNDS = 64 };

typedef struct flow {
    uint64_t sid;
    tc_buf in;
    size_t lent; /* bytes of it that the engine has seen: it is never lent less */
    bool fin, over, deaf;
} flow;

typedef struct end {
    conn c;
    flow flows[FLOWS];
    bool closed, slow;
    uint64_t next_uni;
    uint64_t unacked[FLOWS];
} end;

static bool events(end *e)
{
    tc_event ev;
    bool any = false;
    while (e->c.type->next(e->c.engine, &ev)) {
        conn_apply(&e->c, &ev);
        any = true;
    }
    return any;
}

static bool lend(end *e, flow *f, size_t most)
{
    if (f->deaf || f->over || (f->in.len == 0 && !f->fin)) return false;
    const size_t n = most && f->in.len - f->lent > most ? f->lent + most : f->in.len;
    char *exact = malloc(n ? n : 1);
    if (n) memcpy(exact, f->in.at, n);
    e->c.type->feed(e->c.engine, e->c.now, f->sid, tc_span_of(exact, n), f->fin && n == f->in.len);
    bool moved = events(e);
    const size_t taken = e->c.type->fed(e->c.engine);
    free(exact);
    if (taken > n) abort();
    tc_buf_drop(&f->in, taken);
    const bool more = n > f->lent;
    f->lent = n - taken;
    f->over = f->fin && f->in.len == 0;
    return moved || taken > 0 || f->over || more;
}

static flow *flow_of(end *e, uint64_t sid)
{
    for (int i = 0; i < FLOWS; i++)
        if (e->flows[i].sid == sid) return &e->flows[i];
    return NULL;
}

static bool orders(end *e)
{
    tc_order o;
    bool any = false;
    while (e->c.type->order(e->c.engine, &o)) {
        any = true;
        flow *f = flow_of(e, o.sid);
        if (o.kind == TC_ORDER_CLOSE) e->closed = true;
        if (o.kind == TC_ORDER_STOP && f) f->deaf = true;
        if (o.kind != TC_ORDER_OPEN_UNI) continue;
        e->c.type->opened(e->c.engine, e->next_uni);
        e->next_uni += 4;
    }
    return any;
}

static bool write_one(end *e)
{
    tc_run runs[4];
    uint64_t sid = 0;
    size_t n = 0;
    bool fin;
    const size_t count = e->c.type->output(e->c.engine, &sid, runs, 4, e->slow ? 7 : 4096, &fin);
    for (size_t i = 0; i < count; i++) {
        volatile char last = runs[i].len ? runs[i].at[runs[i].len - 1] : 0; /* it is there */
        (void)last;
        n += runs[i].len;
    }
    if (count == 0) return false;
    e->c.type->wrote(e->c.engine, sid, n);
    if (n) e->c.type->acked(e->c.engine, sid, n);
    return true;
}

static void turn(end *e, size_t most)
{
    conn_take_held(&e->c);
    bool moved = true;
    for (int i = 0; moved && i < ROUNDS && !e->closed; i++) {
        moved = false;
        for (int j = 0; j < FLOWS && !e->closed; j++) {
            while (!e->closed && lend(e, &e->flows[j], most))
                moved = true;
        }
        moved |= events(e);
        moved |= conn_ask(&e->c);
        while (write_one(e))
            moved = true;
        moved |= orders(e);
        moved |= events(e);
    }
}

static void begin(end *e, unsigned how, size_t most)
{
    const bool client = how & CLIENT;
    memset(e->flows, 0, sizeof e->flows);
    e->closed = false;
    e->slow = most;
    e->next_uni = client ? 2 : 3;
    conn_init(&e->c, &tc_h3_type, client ? TC_CLIENT : TC_SERVER);
    e->c.env.notes = how & NOTES ? TC_NOTES_WORDS | TC_NOTES_FRAMES : 0;
    e->c.pause_every = how & PAUSE ? 2 : 0;
    if (how & SMALL_LIMITS) {
        e->c.limits.fields_bytes = 300;
        e->c.limits.fields_count = 5;
        e->c.limits.h3_streams = 3;
        e->c.limits.h3_frames = 16;
        e->c.limits.h3_resets = 3;
        e->c.limits.h3_blocked = 1;
        e->c.limits.exchange_bytes = 4096;
    }
    e->c.scripts[0] = (script){.status = 200,
                               .method = TC_SPAN("POST"),
                               .path = TC_SPAN("/"),
                               .host = TC_SPAN("a"),
                               .at_head = how & AT_HEAD,
                               .unknown = how & UNKNOWN,
                               .field_count = 1,
                               .fields = {TC_SPAN("server: tercet")},
                               .run_count = 2,
                               .runs = {TC_SPAN("one"), TC_SPAN("two")}};
    e->c.scripts[1] = (script){.status = 204, .method = TC_SPAN("GET"), .path = TC_SPAN("/2")};
    e->c.scripts[1].host = TC_SPAN("a");
    e->c.script_count = 2;
    for (uint64_t i = 0; i < FLOWS; i++) {
        e->flows[i].sid = i < 8 ? 4 * i : 4 * (i - 8) + (client ? 3 : 2);
        tc_buf_init(&e->flows[i].in, 1 << 20);
    }
    e->flows[15].sid = 1;
    turn(e, 0);
    if (how & BARE) return;
    if (tc_buf_add(&e->flows[8].in, TC_SPAN("\0\x04\x06\x01\x50\0\x07\x40\x64")) ||
        tc_buf_add(&e->flows[9].in, TC_SPAN("\x02\x3f\xe1\x1f\xc0\x01"
                                            "a")) ||
        tc_buf_add(&e->flows[10].in, TC_SPAN("\x03")))
        abort();
    turn(e, 0);
}

static void play(unsigned how, tc_span in, size_t most)
{
    static end e;
    begin(&e, how, most);
    while (in.len >= 2 && !e.closed) {
        const unsigned word = (uint8_t)tc_span_take(&in, 1).at[0];
        flow *f = &e.flows[word % FLOWS];
        if (word & (RESET | STOP)) {
            e.c.type->stopped(e.c.engine, f->sid, 0x10c, word & STOP);
            f->deaf |= word & RESET;
        } else {
            const size_t n = (uint8_t)tc_span_take(&in, 1).at[0];
            const tc_span bytes = tc_span_take(&in, n < in.len ? n : in.len);
            if (!f->fin && tc_buf_add(&f->in, bytes)) break;
            f->fin |= word & FIN;
        }
        turn(&e, most);
        e.c.now += 1000000;
    }
    for (int i = 0; i < 3 && !e.closed; i++) {
        const int64_t when = e.c.type->deadline(e.c.engine);
        if (when == TC_NEVER) break;
        e.c.now = when;
        e.c.type->tick(e.c.engine, when);
        turn(&e, most);
    }
    e.c.type->drain(e.c.engine);
    turn(&e, most);
    conn_cut(&e.c);
    for (int i = 0; i < FLOWS; i++)
        tc_buf_fini(&e.flows[i].in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const tc_span in = tc_span_of((const char *)data + 1, size - 1);
    play(data[0], in, 0);
    play(data[0], in, 1 + size % 13);
    return 0;
}
