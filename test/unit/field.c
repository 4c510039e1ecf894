/* field.c - lists of fields, and messages that share blocks of them. */
// SPDX-License-Identifier: MIT
#include "http/field.h"

#include "base/alloc.h"
#include "support/check.h"

static void tokens_are_those_of_the_rfc(void **state)
{
    (void)state;
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (int i = 0; i < 256; i++) {
        const char c = (char)i;
        const bool letter = (i | 32) >= 'a' && (i | 32) <= 'z' && i < 128;
        const bool token = letter || (i >= '0' && i <= '9') || (i && strchr(marks, i));
        assert_int_equal(tc_token_lower[i] != 0, token);
        if (token) assert_int_equal(tc_token_lower[i], letter ? i | 32 : i);
        assert_int_equal(tc_is_token((tc_span){&c, 1}), token);
        const bool blank = c == ' ' || c == '\t';
        assert_int_equal(tc_is_field_value((tc_span){&c, 1}), !blank && i >= 0x20 && i != 0x7f);
        const char inside[] = {'a', c, 'b'};
        assert_int_equal(tc_is_field_value((tc_span){inside, 3}),
                         blank || (i >= 0x20 && i != 0x7f));
    }
    assert_false(tc_is_token((tc_span){0}));
    assert_true(tc_is_field_value((tc_span){0}));
    assert_false(tc_is_field_value(TC_SPAN(" a")));
    assert_false(tc_is_field_value(TC_SPAN("a\t")));
}

/* Each byte at each place of a name and of a value, as long as several words and a bit. */
static void every_byte_counts_wherever_it_stands(void **state)
{
    (void)state;
    char text[27];
    for (size_t len = 1; len <= sizeof text; len++) {
        for (size_t place = 0; place < len; place++) {
            for (int i = 0; i < 256; i++) {
                const tc_span s = {text, len};
                const bool end = place == 0 || place == len - 1;
                memset(text, 'a', sizeof text);
                text[place] = (char)i;
                const bool lower = i && tc_token_lower[i] == (char)i;
                const bool value = i == '\t' || i == ' ' ? !end : i >= 0x20 && i != 0x7f;
                assert_int_equal(tc_is_lower_token(s), lower);
                assert_int_equal(tc_is_field_value(s), value);
            }
        }
    }
    assert_false(tc_is_lower_token((tc_span){0}));
    assert_true(tc_is_lower_token(TC_SPAN("x-0123456789-z_~")));
    assert_true(tc_is_field_value(TC_SPAN("text/html;\tcharset=\xc3\xa4utf-8, \t~")));
    assert_false(tc_is_field_value(TC_SPAN("text/html;\tcharset=\xc3\xa4utf-8,\0\t~")));
}

static void fields_are_checked_lowered_and_copied(void **state)
{
    (void)state;
    tc_arena a;
    tc_fields f = {0};
    char name[] = "X-Name", value[] = "Value";
    tc_span got;
    tc_arena_init(&a, NULL, 0, 65536);
    assert_int_equal(tc_fields_add(&f, &a, tc_span_str(name), tc_span_str(value)), TC_OK);
    name[0] = value[0] = '?';
    assert_true(tc_fields_find(&f, TC_SPAN("x-name"), &got));
    check_span(got, "Value");
    assert_false(tc_fields_find(&f, TC_SPAN("X-Name"), &got));
    assert_int_equal(tc_fields_add(&f, &a, TC_SPAN("ETag"), TC_SPAN("\"a\"")), TC_OK);
    assert_true(tc_fields_has(&f, TC_FIELD_ETAG));
    static const char *const bad[][2] = {
        {"", "x"},     {"a b", "x"}, {"a:", "x"}, {"a\r", "x"},      {"a", "x\r\ny"}, {"a", "x\ny"},
        {"a", "\x01"}, {"a", " x"},  {"a", "x "}, {"\xc3\xa4", "x"}, {"(a)", "x"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_case(tc_fields_add(&f, &a, tc_span_str(bad[i][0]), tc_span_str(bad[i][1])) ==
                       TC_ERR_FIELD_INVALID,
                   bad[i][1]);
    assert_int_equal(tc_fields_add(&f, &a, TC_SPAN("a"), TC_SPAN("b\0c")), TC_ERR_FIELD_INVALID);
    assert_int_equal(f.count, 2);
    tc_arena_fini(&a);
}

static void presence_follows_adding_and_removing(void **state)
{
    (void)state;
    tc_arena a;
    tc_fields f = {0};
    tc_span got = TC_SPAN("untouched");
    tc_arena_init(&a, NULL, 0, 65536);
    assert_false(tc_fields_get(&f, TC_FIELD_VARY, &got));
    check_span(got, "untouched");
    check_add_fields(&f, &a, "Vary: a\nx: 1\nVary: b\nX: 2\nAllow: GET\nvary: c");
    assert_int_equal(tc_fields_times(&f, TC_FIELD_VARY), 3);
    uint32_t cursor = 0;
    for (const char *wanted = "abc"; *wanted; wanted++) {
        assert_true(tc_fields_next(&f, TC_FIELD_VARY, &cursor, &got));
        assert_int_equal(got.at[0], *wanted);
    }
    assert_false(tc_fields_next(&f, TC_FIELD_VARY, &cursor, &got));
    tc_fields_remove(&f, TC_SPAN("vary"));
    assert_false(tc_fields_has(&f, TC_FIELD_VARY));
    assert_true(tc_fields_has(&f, TC_FIELD_ALLOW));
    assert_int_equal(f.count, 3);
    tc_fields_remove(&f, TC_SPAN("x"));
    assert_int_equal(f.count, 1);
    check_span(f.at[0].value, "GET");
    tc_fields_remove(&f, TC_SPAN("absent"));
    assert_int_equal(f.count, 1);
    /* the last bit too */
    assert_int_equal(tc_fields_set(&f, &a, TC_FIELD_COUNT - 1, TC_SPAN("1")), TC_OK);
    assert_true(tc_fields_has(&f, TC_FIELD_COUNT - 1));
    tc_arena_fini(&a);
}

static void without_memory_the_list_stays(void **state)
{
    (void)state;
    tc_arena a;
    tc_fields f = {0};
    tc_arena_init(&a, NULL, 0, 600);
    uint32_t added = 0;
    while (tc_fields_add(&f, &a, TC_SPAN("x"), TC_SPAN("y")) == TC_OK)
        added++;
    assert_true(added >= 8 && f.count == added);
    for (uint32_t i = 0; i < added; i++)
        check_span(f.at[i].value, "y");
    tc_arena_fini(&a);

    tc_fields g = {0};
    tc_arena_init(&a, NULL, 0, 20); /* room for the name, not for the value */
    assert_int_equal(
        tc_fields_add(&g, &a, TC_SPAN("name"), TC_SPAN("a value of thirty characters..")),
        TC_ERR_NO_MEMORY);
    assert_int_equal(g.count, 0);
    tc_arena_fini(&a);
}

static void messages_show_their_blocks_first(void **state)
{
    (void)state;
    tc_arena a;
    tc_block one = {0}, two = {0};
    tc_span got;
    tc_arena_init(&a, NULL, 0, 65536);
    tc_message m = check_request(&a, TC_METHOD_GET, "c: 3\nETag: own");
    check_add_fields(&one.fields, &a, "a: 1\nETag: shared\nServer: s");
    check_add_fields(&two.fields, &a, "b: 2");
    for (int with = 0; with < 4; with++) {
        m.blocks[0] = with & 1 ? &one : NULL;
        m.blocks[1] = with & 2 ? &two : NULL;
        char seen[64] = "";
        uint32_t cursor = 0;
        for (const tc_field *f; (f = tc_message_next(&m, &cursor));)
            (void)strncat(seen, f->value.at, 1);
        assert_string_equal(seen, with == 0   ? "3o"
                                  : with == 1 ? "1ss3o"
                                  : with == 2 ? "23o"
                                              : "1ss23o");
        assert_null(tc_message_next(&m, &cursor));
        assert_true(tc_message_get(&m, TC_FIELD_ETAG, &got));
        check_span(got, "own");
        assert_int_equal(tc_message_get(&m, TC_FIELD_SERVER, &got), with & 1);
    }
    for (int v = TC_HTTP_NONE; v <= TC_HTTP_3; v++)
        assert_true(tc_span_starts(tc_version_name((enum tc_version)v), TC_SPAN("HTTP")));
    tc_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_those_of_the_rfc),
        cmocka_unit_test(every_byte_counts_wherever_it_stands),
        cmocka_unit_test(fields_are_checked_lowered_and_copied),
        cmocka_unit_test(presence_follows_adding_and_removing),
        cmocka_unit_test(without_memory_the_list_stays),
        cmocka_unit_test(messages_show_their_blocks_first),
    };
    return cmocka_run_group_tests_name("field", tests, NULL, NULL);
}
