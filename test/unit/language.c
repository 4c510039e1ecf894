/* language.c - choosing a language by Accept-Language (RFC 4647, 3.4). */
// SPDX-License-Identifier: MIT
#include "http/language.h"

#include "support/check.h"

static size_t look_up(tc_span value, const tc_span *tags, size_t count)
{
    tc_field one = {tc_field_name(TC_FIELD_ACCEPT_LANGUAGE), check_edge(value),
                    TC_FIELD_ACCEPT_LANGUAGE};
    const tc_fields f = {&one, 1, 1, UINT64_C(1) << TC_FIELD_ACCEPT_LANGUAGE};
    return tc_language_lookup(&f, tags, count);
}

static void the_best_range_finds_its_language(void **state)
{
    (void)state;
    static const tc_span tags[] = {{"en", 2}, {"de", 2}, {"de-CH", 5}, {"zh-Hant", 7}, {"", 0}};
    static const struct {
        const char *value, *tag;
    } cases[] = {
        {"de", "de"},
        {"DE", "de"},
        {"en, de", "en"},
        {"de, en", "de"},
        {"de;q=0.5, en;q=0.6", "en"},
        {"fr, de;q=0.2", "de"},
        {"de-CH", "de-CH"},
        {"de-ch", "de-CH"},
        {"de-CH-1996", "de-CH"},
        {"de-AT, en", "de"},
        {"zh-Hant-CN-x-private1-private2", "zh-Hant"}, /* the example of 3.4 */
        {"zh-Hant-x", "zh-Hant"},
        {"zh", "en"}, /* a range does not find what is more special than itself */
        {"zh-Hans, de;q=0.1", "de"},
        {"fr", "en"},
        {"*", "en"},
        {"fr, *;q=0.5", "en"},
        {"", "en"},
        {",;q=1,", "en"},
        {"en;q=0", "de"}, /* anything but that */
        {"en;q=0, de;q=0", "zh-Hant"},
        {"de-AT, de;q=0", "en"},
        {"de-CH, de;q=0", "de-CH"},
        {"*;q=0", "en"},
        {"de;q=1.5, zh-Hant;q=0.1", "zh-Hant"}, /* malformed says nothing */
        {"d", "en"},
        {"de-", "de"},
        {"-de", "en"},
        {"dede", "en"},
        {"x-de", "en"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(tc_span_eq(tags[look_up(tc_span_str(cases[i].value), tags, 5)],
                              tc_span_str(cases[i].tag)),
                   cases[i].value);
}

static void a_page_of_no_language_is_for_all_others(void **state)
{
    (void)state;
    static const tc_span tags[] = {{"", 0}, {"de", 2}};
    assert_int_equal(look_up(TC_SPAN("de"), tags, 2), 1);
    assert_int_equal(look_up(TC_SPAN("en"), tags, 2), 0);
    assert_int_equal(look_up(TC_SPAN("de;q=0"), tags, 2), 0);
    assert_int_equal(look_up(TC_SPAN(""), tags, 2), 0);
    const tc_fields none = {0};
    assert_int_equal(tc_language_lookup(&none, tags, 2), 0);
}

/* Hostile lists cost a bounded amount, and the first ones count. */
static void long_lists_are_cut(void **state)
{
    (void)state;
    static const tc_span tags[] = {{"en", 2}, {"de", 2}};
    static char text[60000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '-' : 'a';
    assert_int_equal(look_up(tc_span_of(text, sizeof text), tags, 2), 0);
    memcpy(text + sizeof text - 4, ", de", 4);
    assert_int_equal(look_up(tc_span_of(text, sizeof text), tags, 2), 1);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? ',' : 'x';
    memcpy(text + 2 * (TC_LANGUAGE_RANGES_MAX - 1), "de,", 3);
    assert_int_equal(look_up(tc_span_of(text, sizeof text), tags, 2), 1);
    memcpy(text + 2 * (TC_LANGUAGE_RANGES_MAX - 1), "x,de,", 5);
    assert_int_equal(look_up(tc_span_of(text, sizeof text), tags, 2), 0);
}

static void tags_have_a_form(void **state)
{
    (void)state;
    static const char *const good[] = {"en",      "pt-BR", "zh-Hant-CN",
                                       "de-1996", "x-a",   "sl-rozaj-biske"};
    static const char *const bad[] = {"",    "-",      "en-",       "-en", "e n",   "en_US",
                                      "1en", "en--GB", "abcdefghi", "en/", "../en", "en.de"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        check_case(tc_language_is_tag(tc_span_str(good[i])), good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_case(!tc_language_is_tag(tc_span_str(bad[i])), bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_range_finds_its_language),
        cmocka_unit_test(a_page_of_no_language_is_for_all_others),
        cmocka_unit_test(long_lists_are_cut),
        cmocka_unit_test(tags_have_a_form),
    };
    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
