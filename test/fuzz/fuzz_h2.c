/* fuzz_h2.c - what either end of HTTP/2 may be sent, whole and in pieces. Pieces change when frames
 * are answered, so only what must not happen is looked for: every exchange comes back, and a peer
 * that has ended is left. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "h2/h2.h"
#include "support/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte of an input. */
enum {
    NOTES = 1,
    AT_HEAD = 2,
    UNKNOWN = 4,
    PAUSE = 8,
    SMALL_LIMITS = 16,
    CLIENT = 32,
    BARE = 64, /* server: without a preface */
    PUSH = 128
};

static void play(unsigned how, tc_span in, size_t step)
{
    static conn c;
    const bool client = how & CLIENT;
    if (client && how & PUSH)
        conn_init_taking(&c, &tc_h2_type);
    else
        conn_init(&c, &tc_h2_type, client ? TC_CLIENT : TC_SERVER);
    c.env.notes = how & NOTES ? TC_NOTES_WORDS | TC_NOTES_FRAMES : 0;
    c.pause_every = how & PAUSE ? 2 : 0;
    c.write_max = step ? 7 : 0;
    if (how & SMALL_LIMITS) {
        c.limits.fields_bytes = 300;
        c.limits.fields_count = 5;
        c.limits.h2_streams = 3;
        c.limits.h2_frames = 10;
        c.limits.h2_resets = 3;
        c.limits.h2_pushes = 2;
        c.limits.exchange_bytes = 4096;
    }
    c.scripts[0] = (script){.status = 200,
                            .method = TC_SPAN("POST"),
                            .path = TC_SPAN("/"),
                            .host = TC_SPAN("a"),
                            .at_head = how & AT_HEAD,
                            .unknown = how & UNKNOWN,
                            .run_count = 2,
                            .runs = {TC_SPAN("one"), TC_SPAN("two")},
                            .push_count = how & PUSH ? 3 : 0,
                            .push_late = how & AT_HEAD,
                            .pushes = {TC_SPAN("/1"), TC_SPAN("/2"), TC_SPAN("/3")}};
    c.promised = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("three")}};
    c.wants_none = how & UNKNOWN;
    c.scripts[1] = (script){.status = 204, .method = TC_SPAN("GET"), .path = TC_SPAN("/2")};
    c.scripts[1].host = TC_SPAN("a");
    c.script_count = 2;
    if (client)
        conn_feed(&c, (tc_span){0}, false);
    else if (!(how & BARE))
        conn_feed(&c, TC_SPAN(TC_H2_PREFACE "\0\0\0\4\0\0\0\0\0"), false);
    while (in.len > 0)
        conn_feed(&c, tc_span_take(&in, step && step < in.len ? step : in.len), false);
    conn_feed(&c, (tc_span){0}, true);
    if (!c.ordered) abort(); /* the peer has ended, so must we */
    conn_fini(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const tc_span in = tc_span_of((const char *)data + 1, size - 1);
    play(data[0], in, 0);
    play(data[0], in, 1 + size % 13);
    return 0;
}
