/* alternatives.c - where HTTP/3 can be had: heard, replaced, forgotten, broken, bounded, as text.
 */
// SPDX-License-Identifier: MIT
#include "client/alternatives.h"

#include "support/check.h"

#define A TC_SPAN("a.example")

static uint64_t reached;

static void hear(tc_alternatives *a, tc_span host, const char *value, int64_t now_s)
{
    tc_arena arena;
    tc_fields fields = {0};
    tc_arena_init(&arena, NULL, 0, 1 << 16);
    if (value)
        assert_int_equal(tc_fields_add(&fields, &arena, TC_SPAN("alt-svc"), tc_span_str(value)),
                         TC_OK);
    tc_alternatives_hear(a, host, 443, &fields, now_s);
    tc_arena_fini(&arena);
}

static void the_last_word_counts(void **state)
{
    (void)state;
    tc_alternatives a;
    assert_int_equal(tc_alternatives_init(&a, 8, &reached), TC_OK);
    hear(&a, A, NULL, 1000);
    assert_null(tc_alternatives_find(&a, A, 443, 1000));
    assert_false(a.changed);
    hear(&a, A, "h3=\":444\"; ma=100", 1000);
    const tc_alternative *one = tc_alternatives_find(&a, A, 443, 1099);
    assert_non_null(one);
    assert_string_equal(one->at, "a.example");
    assert_int_equal(one->at_port, 444);
    assert_null(tc_alternatives_find(&a, A, 443, 1100));
    assert_null(tc_alternatives_find(&a, A, 444, 1000));
    assert_null(tc_alternatives_find(&a, TC_SPAN("b.example"), 443, 1000));
    hear(&a, A, NULL, 1000); /* says nothing */
    assert_non_null(tc_alternatives_find(&a, A, 443, 1000));
    a.changed = false;
    hear(&a, A, "h3=\":444\"; ma=100", 1001); /* the same a moment later */
    assert_false(a.changed);
    hear(&a, A, "h3=\"[::1]:445\"; ma=100", 1001);
    assert_true(a.changed);
    assert_string_equal(tc_alternatives_find(&a, A, 443, 1001)->at, "::1");
    assert_int_equal(a.count, 1);
    hear(&a, A, "clear", 1001);
    assert_null(tc_alternatives_find(&a, A, 443, 1001));
    assert_false(tc_alternatives_know(&a, A, 443, 1001));
    tc_alternatives_fini(&a);
}

static void what_failed_is_left_alone_for_a_while(void **state)
{
    (void)state;
    tc_alternatives a;
    const int64_t later = 1000 + TC_ALTERNATIVE_BROKEN_S;
    assert_int_equal(tc_alternatives_init(&a, 8, &reached), TC_OK);
    hear(&a, A, "h3=\":443\"", 1000);
    tc_alternatives_break(&a, A, 443, 1000);
    hear(&a, A, "h3=\":443\"; ma=200000", 1001); /* no news: it stays broken */
    assert_null(tc_alternatives_find(&a, A, 443, later - 1));
    assert_non_null(tc_alternatives_find(&a, A, 443, later));
    tc_alternatives_fini(&a);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    tc_alternatives a;
    reached = 0;
    assert_int_equal(tc_alternatives_init(&a, 2, &reached), TC_OK);
    hear(&a, TC_SPAN("1"), "h3=\":443\"; ma=9", 1000);
    hear(&a, TC_SPAN("2"), "h3=\":443\"; ma=9", 1000);
    hear(&a, TC_SPAN("1"), "h3=\":444\"; ma=9", 1000);
    hear(&a, TC_SPAN("3"), "h3=\":443\"; ma=9", 1000);
    assert_int_equal(reached, 1);
    assert_int_equal(a.count, 2);
    assert_null(tc_alternatives_find(&a, TC_SPAN("2"), 443, 1000));
    assert_non_null(tc_alternatives_find(&a, TC_SPAN("1"), 443, 1000));
    tc_alternatives_fini(&a);
}

static void as_text_and_back(void **state)
{
    (void)state;
    static const char text[] = "1 443 1 444 2000 0\n"
                               "x 443\n"
                               "2 443 other 443 2000 1100 more\n"
                               "2 443 other 443 2000 1100\n"
                               "2 443 again 443 2000 1100\n"
                               "3 443 3 443 1000 0\n"
                               "4 99999 4 443 2000 0\n"
                               "5 443 5 443 -1 0\n";
    tc_alternatives a;
    tc_buf out;
    assert_int_equal(tc_alternatives_init(&a, 8, &reached), TC_OK);
    tc_alternatives_read(&a, check_edge(tc_span_str(text)), 1000);
    assert_false(a.changed);
    tc_buf_init(&out, 4096);
    assert_int_equal(tc_alternatives_write(&a, &out), TC_OK);
    check_span(tc_buf_span(&out), "1 443 1 444 2000 0\n2 443 other 443 2000 1100\n");
    tc_buf_fini(&out);
    tc_alternatives_fini(&a);
}

/* What an origin says itself counts more, and what the DNS says is not kept. */
static void records_are_for_a_while(void **state)
{
    (void)state;
    const tc_service h3 = {.target = "other.example", .port = 444, .h3 = true, .fresh_s = 60};
    const tc_service none = {.target = "other.example", .port = 444, .fresh_s = 60};
    tc_alternatives a;
    tc_buf out;
    assert_int_equal(tc_alternatives_init(&a, 8, &reached), TC_OK);
    tc_alternatives_hear_record(&a, A, 443, &none, 1000);
    assert_false(tc_alternatives_know(&a, A, 443, 1000));
    tc_alternatives_hear_record(&a, A, 443, &h3, 1000);
    const tc_alternative *one = tc_alternatives_find(&a, A, 443, 1060);
    assert_non_null(one);
    assert_true(one->record);
    assert_string_equal(one->at, "other.example");
    assert_int_equal(one->at_port, 444);
    assert_null(tc_alternatives_find(&a, A, 443, 1061));
    assert_false(tc_alternatives_know(&a, A, 443, 1061));
    tc_alternatives_break(&a, A, 443, 1000);
    tc_alternatives_hear_record(&a, A, 443, &h3, 1010);
    assert_null(tc_alternatives_find(&a, A, 443, 1010)); /* it stays broken */
    assert_true(tc_alternatives_know(&a, A, 443, 1010));
    tc_buf_init(&out, 4096);
    assert_int_equal(tc_alternatives_write(&a, &out), TC_OK);
    assert_int_equal(out.len, 0);
    hear(&a, A, "h3=\":443\"", 1010);
    tc_alternatives_hear_record(&a, A, 443, &h3, 1011);
    one = tc_alternatives_find(&a, A, 443, 1011);
    assert_non_null(one);
    assert_false(one->record);
    assert_int_equal(one->at_port, 443);
    tc_buf_fini(&out);
    tc_alternatives_fini(&a);
}

/* Two processes read the same; the second to end keeps what the first one wrote. */
static void what_others_wrote_is_kept(void **state)
{
    (void)state;
    static const char before[] = "1 443 1 443 2000 0\n2 443 2 443 2000 0\n3 443 3 443 2000 0\n",
                      since[] = "2 443 2 443 2000 0\n3 443 3 444 2000 0\n4 443 4 443 2000 0\n";
    const tc_service h3 = {.target = "5", .port = 443, .h3 = true, .fresh_s = 60};
    tc_alternatives a, others;
    tc_buf out;
    assert_int_equal(tc_alternatives_init(&a, 8, &reached), TC_OK);
    assert_int_equal(tc_alternatives_init(&others, 8, &reached), TC_OK);
    tc_alternatives_read(&a, tc_span_str(before), 1000);
    hear(&a, TC_SPAN("2"), "clear", 1000);
    hear(&a, TC_SPAN("6"), "h3=\":446\"; ma=500", 1000);
    hear(&a, TC_SPAN("7"), "clear", 1000);
    tc_alternatives_hear_record(&a, TC_SPAN("5"), 443, &h3, 1000);
    tc_alternatives_break(&a, TC_SPAN("4"), 443, 1000); /* we do not know it */
    tc_alternatives_read(&others, tc_span_str(since), 1000);
    tc_alternatives_merge(&a, &others);
    tc_buf_init(&out, 4096);
    assert_int_equal(tc_alternatives_write(&others, &out), TC_OK);
    check_span(tc_buf_span(&out), "3 443 3 444 2000 0\n4 443 4 443 2000 0\n6 443 6 446 1500 0\n");
    tc_alternatives_break(&a, TC_SPAN("3"), 443, 1000);
    tc_alternatives_merge(&a, &others);
    assert_null(tc_alternatives_find(&others, TC_SPAN("3"), 443, 1000));
    tc_buf_fini(&out);
    tc_alternatives_fini(&others);
    tc_alternatives_fini(&a);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *at, *name;
        uint16_t port;
    } rows[] = {{"a.example", "a.example", 443},
                {"a.example", "a.example:444", 444},
                {"::1", "[::1]", 443},
                {"::1", "[::1]:65535", 65535}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_alternative one = {.at_port = rows[i].port};
        char name[TC_ALTERNATIVE_USED];
        (void)strcpy(one.at, rows[i].at);
        tc_alternatives_name(&one, name);
        assert_string_equal(name, rows[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_word_counts),
        cmocka_unit_test(what_failed_is_left_alone_for_a_while),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(as_text_and_back),
        cmocka_unit_test(records_are_for_a_while),
        cmocka_unit_test(what_others_wrote_is_kept),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests_name("alternatives", tests, NULL, NULL);
}
