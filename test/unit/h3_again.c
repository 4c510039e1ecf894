/* h3_again.c - answers that are copied instead of encoded: they say what they are meant to,
 * whatever became of the table meanwhile, and never make more streams wait than the peer allows. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "h3/qpack.h"
#include "support/h3_case.h"

enum { KINDS = 4, REQUESTS = 80, ROUNDS = 300, ENCODED = 7 };

/* They have nothing in common, so that one drives out what another one needs. */
static const char *const servers[KINDS] = {"tercet", "another", "a third", "the last of them"};
static tc_arena arena;
static tc_block blocks[KINDS];
static tc_field fields[KINDS][3];
static char etags[KINDS][32];
static unsigned made;

/* What this kind of answer says from now on. */
static void renew(unsigned kind)
{
    const int len = snprintf(etags[kind], sizeof etags[kind], "\"of kind %u, %u\"", kind, made++);
    fields[kind][0] = (tc_field){TC_SPAN("server"), tc_span_str(servers[kind]), TC_FIELD_SERVER};
    fields[kind][1] = (tc_field){TC_SPAN("x-of-kind"), tc_span_str(servers[kind]), TC_FIELD_OTHER};
    fields[kind][2] =
        (tc_field){TC_SPAN("etag"), tc_span_of(etags[kind], (size_t)len), TC_FIELD_ETAG};
    blocks[kind] = (tc_block){.number = tc_block_number(),
                              .length = TC_LENGTH_UNKNOWN,
                              .fields = {.at = fields[kind], .count = 3, .room = 3}};
}

/* --- a client that reads late ----------------------------------------------------------------- */

static tc_qpack_decoder decoder;
static struct {
    uint64_t sid;
    char etag[32], status[8];
} waiting[REQUESTS];
static unsigned waiting_count;
static size_t told; /* bytes of the encoder stream that it has read */
static uint64_t most_blocked;

static void greet(uint32_t table, uint64_t blocked)
{
    h3_raw settings = {.len = 0};
    h3_raw_varint(&settings, 1);
    h3_raw_varint(&settings, table);
    h3_raw_varint(&settings, 7);
    h3_raw_varint(&settings, blocked);
    h3_case_put("\0", 1);
    h3_raw_frame(&h3_said, 4, tc_span_of(settings.at, settings.len));
    h3_case_tell(CONTROL, false, 0);
    tc_qpack_decoder_init(&decoder, table, 1 << 16);
    most_blocked = blocked;
    waiting_count = 0;
    told = 0;
    h3_case_put("\3", 1); /* the decoder stream */
    h3_case_tell(DECODER, false, 0);
}

/* Some of what is there, or all. */
static void read_table(bool all)
{
    tc_span in = tc_buf_span(&h3_flow_of(&h3_side, ENCODED)->out);
    if (told == 0) told = in.len > 0; /* its type */
    in = tc_span_from(in, told);
    if (!all) in = tc_span_first(in, (size_t)check_random_below(in.len + 1));
    const size_t len = in.len;
    assert_int_equal(tc_qpack_decoder_read(&decoder, &in), TC_OK);
    told += len - in.len;
}

/* False: it has to wait. */
static bool read_answer(unsigned i)
{
    tc_span whole = {0}, etag = {0}, status = {0};
    tc_qpack_section section;
    tc_field f;
    tc_err err;
    assert_true(h3_sent(&h3_side, waiting[i].sid, TC_H3_HEADERS, 0, &whole));
    assert_int_equal(tc_qpack_section_begin(&decoder, whole, &section), TC_OK);
    if (tc_qpack_is_blocked(&decoder, &section)) return false;
    while (!(err = tc_qpack_decode(&decoder, &section, &arena, 4096, &f)))
        if (f.id == TC_FIELD_ETAG)
            etag = f.value;
        else if (tc_span_eq(f.name, TC_SPAN(":status")))
            status = f.value;
    assert_int_equal(err, TC_ERR_NOTHING);
    check_span(etag, waiting[i].etag);
    check_span(status, waiting[i].status);
    assert_int_equal(tc_qpack_section_end(&decoder, &section, waiting[i].sid), TC_OK);
    waiting[i] = waiting[--waiting_count];
    return true;
}

static unsigned blocked(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < waiting_count; i++) {
        tc_span whole = {0};
        tc_qpack_section section;
        assert_true(h3_sent(&h3_side, waiting[i].sid, TC_H3_HEADERS, 0, &whole));
        assert_int_equal(tc_qpack_section_begin(&decoder, whole, &section), TC_OK);
        n += tc_qpack_is_blocked(&decoder, &section);
    }
    return n;
}

static void acknowledge(void)
{
    assert_int_equal(tc_qpack_decoder_tell(&decoder), TC_OK);
    h3_came(&h3_side, DECODER, tc_buf_span(&decoder.out), false);
    tc_buf_reset(&decoder.out);
    h3_turn(&h3_side);
}

static tc_span ask(unsigned nth, unsigned kind, uint16_t status)
{
    tc_span whole = {0};
    h3_conn.block = &blocks[kind];
    h3_conn.scripts[0].status = status;
    h3_raw_fields(&h3_said, H3_GET);
    h3_case_tell(UINT64_C(4) * nth, true, 0);
    assert_true(h3_sent(&h3_side, UINT64_C(4) * nth, TC_H3_HEADERS, 0, &whole));
    waiting[waiting_count].sid = UINT64_C(4) * nth;
    (void)snprintf(waiting[waiting_count].status, sizeof waiting->status, "%u", status);
    memcpy(waiting[waiting_count++].etag, etags[kind], sizeof etags[kind]);
    return whole;
}

static void begin_answers(uint32_t table, uint64_t may_wait)
{
    h3_case_begin();
    h3_conn.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("hello")}};
    h3_conn.scripts[0].unknown = true;
    tc_arena_init(&arena, NULL, 0, 1 << 20);
    for (unsigned kind = 0; kind < KINDS; kind++)
        renew(kind);
    greet(table, may_wait);
}

static void end_answers(void)
{
    assert_false(h3_side.closed);
    tc_qpack_decoder_fini(&decoder);
    tc_arena_fini(&arena);
    h3_case_end();
}

/* --- tests ------------------------------------------------------------------------------------ */

static void they_say_what_is_meant(void **state)
{
    static const uint32_t tables[] = {0, 160, 220, 4096}, waits[] = {0, 1, 3, 100};
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        begin_answers(tables[check_random_below(4)], waits[check_random_below(4)]);
        const unsigned kinds = 1 + (unsigned)check_random_below(KINDS);
        unsigned kind = 0;
        for (unsigned i = 0; i < REQUESTS; i++) {
            if (check_random_below(4) == 0) kind = (unsigned)check_random_below(kinds);
            if (check_random_below(12) == 0) renew(kind);
            (void)ask(i, kind, check_random_below(5) ? 200 : 400);
            if (check_random_below(3) == 0) read_table(false);
            assert_true(blocked() <= most_blocked);
            for (uint64_t n = check_random_below(4); n && waiting_count; n--)
                (void)read_answer((unsigned)check_random_below(waiting_count));
            if (check_random_below(3) == 0) acknowledge();
        }
        read_table(true);
        while (waiting_count)
            assert_true(read_answer(waiting_count - 1));
        end_answers();
    }
}

/* Told once, all of an answer is in the table. */
static void they_are_as_short_as_can_be(void **state)
{
    tc_span before, whole = {0};
    (void)state;
    begin_answers(4096, 100);
    for (unsigned i = 0; i < REQUESTS; i++) {
        before = whole;
        whole = ask(i, i / 10 % 2, 200);
        if (i % 10 > 4 && i < 20) assert_true(tc_span_eq(whole, before));
        if (i % 10 > 4) assert_int_equal(whole.len, 2 + 4); /* the prefix, and a byte a field */
        read_table(true);
        assert_true(read_answer(0));
        acknowledge();
    }
    end_answers();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_say_what_is_meant),
        cmocka_unit_test(they_are_as_short_as_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
