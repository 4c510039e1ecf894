/* twice.h - a peer's bytes, played whole and in pieces: the engine must say and send the same. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "h0/h0.h"
#include "h1/h1.h"
#include "support/conn.h"

/* The first byte of an input. */
enum { NOTES = 1, AT_HEAD = 2, UNKNOWN = 4, PAUSE = 8, SMALL_LIMITS = 16, OLD_ENGINE = 0x80 };

static void prepare(conn *c, unsigned how, enum tc_role role, const script *scripts, size_t count)
{
    conn_init(c, how & OLD_ENGINE ? &tc_h0_type : &tc_h1_type, role);
    c->env.notes = how & NOTES;
    c->any_close = true; /* whether it lingers depends on what has come by then */
    if (how & SMALL_LIMITS) {
        c->limits.request_line = 64;
        c->limits.fields_bytes = 128;
        c->limits.fields_count = 5;
        c->limits.chunk_line = 16;
        c->limits.chunk_extensions = 32;
        c->limits.unread_body = 8;
        c->limits.informational = 2;
        c->limits.exchange_bytes = 2048;
    }
    for (size_t i = 0; i < count; i++) {
        c->scripts[i] = scripts[i];
        c->scripts[i].at_head = how & AT_HEAD;
        c->scripts[i].unknown = how & UNKNOWN;
    }
    c->script_count = count;
    if (role == TC_CLIENT) conn_feed(c, (tc_span){0}, false);
}

static void check_same(const char *what, tc_span whole, tc_span pieces)
{
    if (tc_span_eq(whole, pieces)) return;
    fprintf(stderr, "%s, whole:\n%.*s\n%s, in pieces:\n%.*s\n", what, TC_FMT(whole), what,
            TC_FMT(pieces));
    abort();
}

static void play_twice(const uint8_t *data, size_t size, enum tc_role role, const script *scripts,
                       size_t count)
{
    static conn a, b;
    if (size == 0) return;
    const unsigned how = data[0];
    tc_span in = tc_span_of((const char *)data + 1, size - 1);
    prepare(&a, how, role, scripts, count);
    conn_feed(&a, in, false);
    conn_feed(&a, (tc_span){0}, true);

    uint32_t random = 2463534242u + (uint32_t)size;
    prepare(&b, how, role, scripts, count);
    b.write_max = how & PAUSE ? 5 : 0;
    b.pause_every = how & PAUSE ? 2 : 0;
    while (in.len > 0) {
        random = random * 1664525u + 1013904223u;
        const size_t most = random >> 31 ? 3 : 40, n = random % most + 1;
        conn_feed(&b, tc_span_take(&in, n < in.len ? n : in.len), false);
    }
    conn_feed(&b, (tc_span){0}, true);
    check_same("events", tc_buf_span(&a.log), tc_buf_span(&b.log));
    check_same("output", tc_buf_span(&a.out), tc_buf_span(&b.out));
    if (memcmp(&a.reached, &b.reached, sizeof a.reached) != 0) abort();
    if (!a.ordered || !b.ordered) abort(); /* the peer has ended, so must we */
    conn_fini(&a);
    conn_fini(&b);
}
