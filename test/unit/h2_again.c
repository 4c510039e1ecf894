/* h2_again.c - blocks of fields that come or go once more: they are copied only while they mean
 * what they meant. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "h2/hpack.h"
#include "support/h2_peer.h"

enum { ALL = TC_H2_END_STREAM | TC_H2_END_HEADERS, OPEN = TC_H2_END_HEADERS };

static h2_peer peer;
static conn c;
static uint32_t stream;

static void begin(void)
{
    conn_init(&c, &tc_h2_type, TC_SERVER);
    c.any_close = true;
    c.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("hello")}};
    c.script_count = 1;
    h2_peer_init(&peer);
    h2_peer_preface(&peer);
    stream = 1;
}

static void end(void)
{
    conn_fini(&c);
    h2_peer_fini(&peer);
}

/* Ends the message with the block, unless it is to be open; checks what the application saw. */
static void ask(unsigned flags, tc_span block, const char *seen)
{
    h2_peer_frame(&peer, TC_H2_HEADERS, flags, stream, block);
    if (!(flags & TC_H2_END_STREAM))
        h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, stream, TC_SPAN("abc"));
    h2_peer_tell(&peer, &c, 0);
    check_span(tc_buf_span(&c.log), seen);
    tc_buf_reset(&c.log);
    stream += 2;
}

/* GET http / and :authority a as a literal: the table has no part in it. */
#define PLAIN                                                                                      \
    "\x82\x86\x84\x01\x01"                                                                         \
    "a"
#define PLAIN_SEEN "head GET / 2 host=a\nclosed\n"
/* The newest field of the table behind it. */
#define NEWEST TC_SPAN(PLAIN "\xbe")
/* A new one, x: value of three bytes. */
#define NEW(value)                                                                                 \
    TC_SPAN(PLAIN "\x40\x01"                                                                       \
                  "x"                                                                              \
                  "\x03" value)

static void test_requests(void **state)
{
    (void)state;
    begin();
    c.limits.h2_again = 64;
    ask(ALL, NEW("one"), "head GET / 2 host=a [x: one]\nclosed\n");
    for (int i = 0; i < 5; i++)
        ask(ALL, NEWEST, "head GET / 2 host=a [x: one]\nclosed\n");
    for (int i = 0; i < 4; i++) /* the same bytes, but content follows */
        ask(OPEN, NEWEST, "head GET / 2 host=a length=-1 [x: one]\ndata \"abc\"\nclosed\n");
    for (int i = 0; i < 3; i++)
        ask(ALL, NEWEST, "head GET / 2 host=a [x: one]\nclosed\n");
    ask(ALL, NEW("two"), "head GET / 2 host=a [x: two]\nclosed\n");
    for (int i = 0; i < 4; i++) /* the same bytes mean something else now */
        ask(ALL, NEWEST, "head GET / 2 host=a [x: two]\nclosed\n");
    for (int i = 0; i < 4; i++) /* and each of these changes what the next ones mean */
        ask(ALL, NEW("six"), "head GET / 2 host=a [x: six]\nclosed\n");
    ask(ALL, TC_SPAN("\x20" PLAIN), PLAIN_SEEN); /* the table is emptied */
    h2_peer_frame(&peer, TC_H2_HEADERS, ALL, stream, NEWEST);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_goaway(&c), TC_H2_COMPRESSION_ERROR);
    end();
}

/* A block that sets the size of the table does so each time. */
static void test_sizes(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 3; i++) {
        ask(ALL, TC_SPAN("\x20" PLAIN), PLAIN_SEEN);
        ask(ALL, TC_SPAN("\x20" PLAIN), PLAIN_SEEN);
        ask(ALL, TC_SPAN("\x20\x3f\xe1\x1f" PLAIN), PLAIN_SEEN); /* 4096 again */
    }
    ask(ALL, TC_SPAN("\x20" PLAIN), PLAIN_SEEN);
    ask(ALL, NEW("one"), "head GET / 2 host=a [x: one]\nclosed\n"); /* there is no table */
    h2_peer_frame(&peer, TC_H2_HEADERS, ALL, stream, NEWEST);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_goaway(&c), TC_H2_COMPRESSION_ERROR);
    end();
}

static void ask_twice(const char *path)
{
    char lines[128], seen[128];
    snprintf(lines, sizeof lines, ":method: GET\n:scheme: http\n:authority: a\n:path: %s\n", path);
    snprintf(seen, sizeof seen, "head GET %s 2 host=a\nclosed\n", path);
    for (int i = 0; i < 2; i++, stream += 2) {
        h2_peer_fields(&peer, ALL, stream, lines);
        h2_peer_tell(&peer, &c, 0);
        check_span(tc_buf_span(&c.log), seen);
        tc_buf_reset(&c.log);
    }
}

static void test_limit(void **state)
{
    (void)state;
    begin();
    c.limits.h2_again = 1;
    for (int i = 0; i < 5; i++) {
        ask_twice("/first");
        ask_twice("/second");
    }
    assert_true(c.reached.h2_again >= 8);
    end();
    begin();
    c.limits.h2_again = 0;
    for (int i = 0; i < 3; i++)
        ask_twice("/first");
    assert_int_equal(c.reached.h2_again, 0);
    end();
}

/* The nth answer's block, and the value of etag in it. */
static tc_span answer(tc_hpack_decoder *d, tc_arena *a, unsigned nth, tc_span *ret_etag)
{
    tc_span block = {0};
    tc_field f;
    assert_int_not_equal(h2_peer_find(&c, TC_H2_HEADERS, nth, &block).length, UINT32_MAX);
    tc_span rest = block;
    tc_err err;
    tc_hpack_decoder_begin(d);
    while (!(err = tc_hpack_decode(d, &rest, a, 4096, &f)))
        if (f.id == TC_FIELD_ETAG) *ret_etag = f.value;
    assert_int_equal(err, TC_ERR_NOTHING);
    return block;
}

static void test_answers(void **state)
{
    (void)state;
    tc_hpack_decoder d;
    tc_arena a;
    tc_block blocks[2] = {{.number = tc_block_number(), .length = TC_LENGTH_UNKNOWN},
                          {.number = tc_block_number(), .length = TC_LENGTH_UNKNOWN}};
    tc_span etag = {0}, block = {0}, before;
    unsigned nth = 0;
    begin();
    c.scripts[0] = (script){.status = 304};
    tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
    tc_arena_init(&a, NULL, 0, 1 << 20);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tc_fields_set(&blocks[i].fields, &a, TC_FIELD_ETAG,
                                       i ? TC_SPAN("\"two\"") : TC_SPAN("\"one\"")),
                         TC_OK);
    for (int i = 0; i < 20; i++) {
        const bool two = i / 5 % 2;
        c.block = &blocks[two];
        if (i == 12) h2_peer_setting(&peer, 1, 0); /* the peer has no table any more */
        if (i == 16) h2_peer_setting(&peer, 1, 4096);
        ask(ALL, TC_SPAN(PLAIN), PLAIN_SEEN);
        before = block;
        block = answer(&d, &a, nth++, &etag);
        check_span(etag, two ? "\"two\"" : "\"one\"");
        if (i % 5 == 4 && i < 10) assert_true(tc_span_eq(block, before));
        if (i == 4 || i == 9) assert_int_equal(block.len, 2); /* told once, it is in the table */
        if (i == 12) assert_int_equal((uint8_t)block.at[0], 0x20);
    }
    tc_hpack_decoder_fini(&d);
    tc_arena_fini(&a);
    end();
}

/* An answer that needs no table still has to tell of its new size. */
static void test_answers_of_constants(void **state)
{
    (void)state;
    tc_field field = {TC_SPAN("accept-encoding"), TC_SPAN("gzip, deflate"),
                      TC_FIELD_ACCEPT_ENCODING};
    tc_block constants = {.number = tc_block_number(),
                          .length = TC_LENGTH_UNKNOWN,
                          .fields = {&field, 1, 1, UINT64_C(1) << TC_FIELD_ACCEPT_ENCODING}};
    tc_span block = {0};
    begin();
    c.scripts[0] = (script){.status = 304};
    c.block = &constants;
    for (unsigned i = 0; i < 6; i++) {
        if (i == 4) h2_peer_setting(&peer, 1, 0);
        ask(ALL, TC_SPAN(PLAIN), PLAIN_SEEN);
        assert_int_not_equal(h2_peer_find(&c, TC_H2_HEADERS, i, &block).length, UINT32_MAX);
        check_span(block, i == 4 ? "\x20\x8b\x90" : "\x8b\x90");
    }
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answers_of_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
