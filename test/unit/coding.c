/* coding.c - choosing a content coding by Accept-Encoding (RFC 9110, 12.5.3). */
// SPDX-License-Identifier: MIT
#include "http/coding.h"

#include "support/check.h"

enum { G = 1 << TC_CODING_GZIP, Z = 1 << TC_CODING_ZSTD, B = 1 << TC_CODING_BR };

static const uint8_t order[] = {TC_CODING_BR, TC_CODING_ZSTD, TC_CODING_GZIP};

static tc_fields fields_of(tc_arena *a, const char *lines)
{
    return check_request(a, TC_METHOD_GET, lines).fields;
}

static void the_best_that_is_there_is_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        unsigned available;
        enum tc_coding coding;
    } cases[] = {
        {"gzip, deflate, br, zstd", G | Z | B, TC_CODING_BR},
        {"gzip, deflate, br, zstd", G | Z, TC_CODING_ZSTD},
        {"gzip, deflate, br, zstd", G, TC_CODING_GZIP},
        {"gzip, deflate, br, zstd", 0, TC_CODING_IDENTITY},
        {"gzip", G | Z | B, TC_CODING_GZIP},
        {"GZip", G, TC_CODING_GZIP},
        {"x-gzip", G, TC_CODING_GZIP},
        {"deflate, compress", G | Z | B, TC_CODING_IDENTITY},
        {"gzip;q=1, br;q=0.9", G | B, TC_CODING_GZIP},
        {"br;q=0.5, gzip;q=0.501", G | B, TC_CODING_GZIP},
        {"br;q=0, gzip", G | B, TC_CODING_GZIP},
        {"br;q=0", B, TC_CODING_IDENTITY},
        {"br;q=0.001", B, TC_CODING_BR},
        {"br, gzip;q=0", G, TC_CODING_IDENTITY},
        {"identity", G | B, TC_CODING_IDENTITY},
        {"identity, gzip", G, TC_CODING_GZIP},
        {"identity;q=1, gzip;q=0.5", G, TC_CODING_IDENTITY},
        {"identity;q=0.5, gzip;q=0.5", G, TC_CODING_GZIP},
        {"identity;q=0, gzip", G, TC_CODING_GZIP},
        {"identity;q=0, gzip", B, TC_CODING_NONE},
        {"identity;q=0", G | Z | B, TC_CODING_NONE},
        {"*", G | Z | B, TC_CODING_BR},
        {"*", 0, TC_CODING_IDENTITY},
        {"*;q=0", G | B, TC_CODING_NONE},
        {"*;q=0, gzip", G | B, TC_CODING_GZIP},
        {"*;q=0, gzip", B, TC_CODING_NONE},
        {"*;q=0, identity;q=0.1", B, TC_CODING_IDENTITY},
        {"identity;q=0, *", G, TC_CODING_GZIP},
        {"identity;q=0, *", 0, TC_CODING_NONE},
        {"gzip, *;q=0.5", G | B, TC_CODING_GZIP},
        {"br;q=0, *", B | Z, TC_CODING_ZSTD},
        {"gzip;q=0, gzip", G, TC_CODING_IDENTITY}, /* said twice: the first one counts */
        {"", G | B, TC_CODING_IDENTITY},
        {" , ,", G | B, TC_CODING_IDENTITY},
        {"gzip;q=2, br;q=x", G | B, TC_CODING_IDENTITY}, /* malformed */
        {"gzip;q=0.1234", G, TC_CODING_IDENTITY},
        {"gzip;q", G, TC_CODING_IDENTITY},
        {"gzip;a=b;q=0", G, TC_CODING_IDENTITY},
        {"br;;q=0.5 , gzip ; q=0.7", G | B, TC_CODING_GZIP},
        {"gzip br", G | B, TC_CODING_IDENTITY},
        {"gzi", G, TC_CODING_IDENTITY},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_field one = {tc_field_name(TC_FIELD_ACCEPT_ENCODING),
                        check_edge(tc_span_str(cases[i].value)), TC_FIELD_ACCEPT_ENCODING};
        const tc_fields f = {&one, 1, 1, UINT64_C(1) << TC_FIELD_ACCEPT_ENCODING};
        tc_coding_wish wish = tc_coding_wish_of(&f);
        check_case(tc_coding_choose(&wish, cases[i].available, order) == cases[i].coding,
                   cases[i].value);
        tc_coding_memo memo = {0};
        for (int j = 0; j < 2; j++) {
            wish = tc_coding_recall(&memo, &f);
            check_case(tc_coding_choose(&wish, cases[i].available, order) == cases[i].coding,
                       cases[i].value);
        }
        check_case(tc_coding_excludes_identity(&f) == (wish.q[TC_CODING_IDENTITY] == 0),
                   cases[i].value);
    }
}

static void our_order_decides_between_equals(void **state)
{
    (void)state;
    static const uint8_t other[] = {TC_CODING_ZSTD, TC_CODING_GZIP, TC_CODING_BR};
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 4096);
    const tc_fields f = fields_of(&a, "accept-encoding: gzip, br, zstd\n");
    const tc_coding_wish wish = tc_coding_wish_of(&f);
    assert_int_equal(tc_coding_choose(&wish, G | Z | B, other), TC_CODING_ZSTD);
    assert_int_equal(tc_coding_choose(&wish, G | B, other), TC_CODING_GZIP);
    tc_arena_fini(&a);
}

static void no_field_and_several_lines(void **state)
{
    (void)state;
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 4096);
    tc_coding_memo memo = {0};
    tc_fields f = fields_of(&a, "");
    tc_coding_wish wish = tc_coding_recall(&memo, &f);
    assert_int_equal(tc_coding_choose(&wish, G | Z | B, order), TC_CODING_IDENTITY);
    f = fields_of(&a, "accept-encoding: gzip\naccept-encoding: br\n");
    wish = tc_coding_recall(&memo, &f);
    assert_int_equal(tc_coding_choose(&wish, G | Z | B, order), TC_CODING_BR);
    f = fields_of(&a, "accept-encoding: gzip\n");
    wish = tc_coding_recall(&memo, &f);
    assert_int_equal(tc_coding_choose(&wish, G | Z | B, order), TC_CODING_GZIP);
    tc_arena_fini(&a);
}

/* More values than it has places for, long ones too, in an order by chance. */
static void the_memo_says_what_the_field_says(void **state)
{
    (void)state;
    static const char *const values[] = {
        "accept-encoding: gzip\n",
        "accept-encoding: br\n",
        "accept-encoding: zstd\n",
        "accept-encoding: gzip, br\n",
        "accept-encoding: *\n",
        "accept-encoding: gziq\n",
        "accept-encoding: br;q=0, *\n",
        "",
        "accept-encoding: identity;q=0.000, gzip;q=0.000, br;q=0.000, zstd;q=0.001, zzzz\n"};
    tc_coding_memo memo = {0};
    for (int i = 0; i < 2000; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, 4096);
        const tc_fields f =
            fields_of(&a, values[check_random_below(sizeof values / sizeof *values)]);
        const tc_coding_wish wish = tc_coding_wish_of(&f), recalled = tc_coding_recall(&memo, &f);
        assert_memory_equal(&wish, &recalled, sizeof wish);
        tc_arena_fini(&a);
    }
}

static void names_are_known(void **state)
{
    (void)state;
    for (unsigned i = 0; i < TC_CODINGS; i++)
        assert_int_equal(tc_coding_of(tc_coding_name((enum tc_coding)i)), i);
    assert_int_equal(tc_coding_of(TC_SPAN("X-GZIP")), TC_CODING_GZIP);
    assert_int_equal(tc_coding_of(TC_SPAN("")), TC_CODING_NONE);
    assert_int_equal(tc_coding_of(TC_SPAN("deflate")), TC_CODING_NONE);
    check_span(tc_coding_ending(TC_CODING_ZSTD), ".zst");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_that_is_there_is_chosen),
        cmocka_unit_test(our_order_decides_between_equals),
        cmocka_unit_test(no_field_and_several_lines),
        cmocka_unit_test(the_memo_says_what_the_field_says),
        cmocka_unit_test(names_are_known),
    };
    return cmocka_run_group_tests_name("coding", tests, NULL, NULL);
}
