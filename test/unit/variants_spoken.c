/* variants_spoken.c - languages of files: which of them is served, and what it says of itself. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <unistd.h>

#include "http/exchange.h"
#include "support/variants_case.h"

static void speak(const char *a, const char *b, const char *c)
{
    const char *const tags[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (tags[i]) assert_null(tc_variants_add_language(&vc.variants, tc_span_str(tags[i])));
}

static void a_page_comes_in_the_language_that_is_wished(void **state)
{
    (void)state;
    speak("en", "de", "fr");
    folder_write(&vc.root, "page.en.html", TC_SPAN("english"));
    folder_write(&vc.root, "page.de.html", TC_SPAN("deutsch"));
    folder_write(&vc.root, "index.de.html", TC_SPAN("heim"));
    folder_write(&vc.root, "index.en.html", TC_SPAN("home"));
    static const struct {
        const char *path, *fields, *content, *language;
    } cases[] = {
        {"/page.html", "accept-language: de\n", "deutsch", "de"},
        {"/page.html", "accept-language: de-CH, en;q=0.5\n", "deutsch", "de"},
        {"/page.html", "accept-language: en\n", "english", "en"},
        {"/page.html", "accept-language: fr\n", "english", "en"},
        {"/page.html", "accept-language: fr, en;q=0.2, de;q=0.3\n", "deutsch", "de"},
        {"/page.html", "accept-language: en;q=0\n", "deutsch", "de"},
        {"/page.html", "", "english", "en"},
        {"/", "accept-language: de\n", "heim", "de"},
        {"/", "", "home", "en"},
    };
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            assert_int_equal(vc_get(cases[i].path, cases[i].fields), 200);
            check_span(vc_body(), cases[i].content);
            assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), cases[i].language);
            assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Language");
            assert_string_equal(vc_field(TC_FIELD_CONTENT_TYPE), "text/html; charset=utf-8");
        }
    char lines[200];
    (void)snprintf(lines, sizeof lines, "if-none-match: %s\n", vc_field(TC_FIELD_ETAG));
    assert_int_equal(vc_get("/", lines), 304);
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Language");
    assert_int_equal(vc_get("/page.html", "accept-language: de\nrange: bytes=0-3\n"), 206);
    check_span(vc_body(), "deut");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Language");
}

static void a_variant_by_its_own_name_is_itself(void **state)
{
    (void)state;
    speak("en", "de", NULL);
    vc.config.language = TC_SPAN("en");
    folder_write(&vc.root, "page.en.html", TC_SPAN("english"));
    folder_write(&vc.root, "page.de.html", TC_SPAN("deutsch"));
    folder_write(&vc.root, "page.de.de.html", TC_SPAN("no"));
    folder_write(&vc.root, ".de.html", TC_SPAN("no"));
    folder_write(&vc.root, "plain", TC_SPAN("plain"));
    folder_write(&vc.root, "plain.de", TC_SPAN("no"));
    assert_int_equal(vc_get("/page.de.html", "accept-language: en\n"), 200);
    check_span(vc_body(), "deutsch");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_string_equal(vc_field(TC_FIELD_VARY), "");
    assert_int_equal(vc_get("/plain", "accept-language: de\n"), 200);
    check_span(vc_body(), "plain");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), "en");
    assert_int_equal(vc_get("/none.html", "accept-language: de\n"), 404);
    assert_int_equal(vc_get("/.html", "accept-language: de\n"), 404);
}

static void a_page_of_no_language_is_for_all_others(void **state)
{
    (void)state;
    speak("de", "fr", NULL);
    folder_write(&vc.root, "page.html", TC_SPAN("plain"));
    folder_write(&vc.root, "page.de.html", TC_SPAN("deutsch"));
    assert_int_equal(vc_get("/page.html", "accept-language: de\n"), 200);
    check_span(vc_body(), "deutsch");
    assert_int_equal(vc_get("/page.html", "accept-language: fr\n"), 200);
    check_span(vc_body(), "plain");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), "");
    vc.config.language = TC_SPAN("fr"); /* unless it is said which one it is in */
    vc_stop();
    vc_start();
    assert_int_equal(vc_get("/page.html", "accept-language: fr;q=0.1, it\n"), 200);
    check_span(vc_body(), "plain");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), "fr");
    assert_int_equal(vc_get("/page.html", "accept-language: de;q=0.1, it\n"), 200);
    check_span(vc_body(), "deutsch");
}

static void languages_come_and_go(void **state)
{
    (void)state;
    speak("en", "de", NULL);
    vc.limits.cache_ms = 0;
    vc_write_old("page.de.html", TC_SPAN("deutsch"));
    assert_int_equal(vc_get("/page.html", "accept-language: en\n"), 200);
    check_span(vc_body(), "deutsch");
    assert_string_equal(vc_field(TC_FIELD_VARY), "");
    vc_write_old("page.en.html", TC_SPAN("english"));
    assert_int_equal(vc_get("/page.html", "accept-language: en\n"), 200);
    check_span(vc_body(), "english");
    assert_int_equal(vc_get("/page.html", "accept-language: de\n"), 200);
    check_span(vc_body(), "deutsch");
    vc_write_old("page.html", TC_SPAN("plain"));
    assert_int_equal(vc_get("/page.html", ""), 200);
    check_span(vc_body(), "plain");
    vc_let_settle();
    assert_int_equal(vc_get("/page.html", ""), 200);
    const tc_file *entry = vc.cache.entries.newest;
    assert_int_equal(vc_get("/page.html", "accept-language: de\n"), 200);
    assert_ptr_equal(vc.cache.entries.newest, entry); /* all is as it was */
    folder_replace(&vc.root, "page.de.html", TC_SPAN("anders"));
    assert_int_equal(vc_get("/page.html", "accept-language: de\n"), 200);
    check_span(vc_body(), "anders");
    assert_int_equal(unlinkat(vc.root.fd, "page.de.html", 0), 0);
    assert_int_equal(unlinkat(vc.root.fd, "page.html", 0), 0);
    assert_int_equal(vc_get("/page.html", "accept-language: de\n"), 200);
    check_span(vc_body(), "english");
}

static void each_language_has_its_codings(void **state)
{
    (void)state;
    speak("en", "de", NULL);
    vc_add_codings("zstd", NULL, NULL);
    vc.variants.precompressed = true;
    vc_write_old("page.en.html", tc_span_of(vc.text, SMALL));
    vc_write_old("page.de.html", tc_span_of(vc.text, SMALL / 2));
    vc_write_old("page.de.html.br", TC_SPAN("beside"));
    assert_int_equal(vc_get("/page.html", "accept-language: en\naccept-encoding: br, zstd\n"), 200);
    vc_check_text("zstd", SMALL);
    assert_string_equal(vc_field(TC_FIELD_VARY), "Accept-Encoding, Accept-Language");
    assert_int_equal(vc_get("/page.html", "accept-language: de\naccept-encoding: zstd\n"), 200);
    vc_check_text("zstd", SMALL / 2);
    assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_int_equal(vc_get("/page.html", "accept-language: de\naccept-encoding: br\n"), 200);
    check_span(vc_body(), "beside");
    assert_string_equal(vc_field(TC_FIELD_CONTENT_LANGUAGE), "de");
    assert_int_equal(vc_get("/page.html", ""), 200);
    vc_check_text("", SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_page_comes_in_the_language_that_is_wished),
        TEST(a_variant_by_its_own_name_is_itself),
        TEST(a_page_of_no_language_is_for_all_others),
        TEST(languages_come_and_go),
        TEST(each_language_has_its_codings),
    };
    return cmocka_run_group_tests_name("variants_spoken", tests, NULL, NULL);
}
