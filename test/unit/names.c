/* names.c - which other names a file has that stands beside another. */
// SPDX-License-Identifier: MIT
#include "gate/names.h"

#include <stdio.h>

#include "support/check.h"

static void names_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *path, *names;
    } cases[] = {
        {"/a", ""},
        {"/", ""},
        {"/a.html", "/a "},
        {"/a.css", ""},
        {"/a.html.gz", "/a.html /a "},
        {"/a.css.br", "/a.css "},
        {"/a.zst", "/a "},
        {"/b/.gz", ""},
        {"/b/.html", ""},
        {"/b/.html.gz", "/b/.html "},
        {"/b/.de.html", "/b/.de "},
        {"/b/a.de.html", "/b/a.de /b/a.html:de /b/a:de "},
        {"/b/a.de.html.gz", "/b/a.de.html /b/a.de /b/a.html:de /b/a:de "},
        {"/b/a.de.txt.br", "/b/a.de.txt /b/a.txt:de "},
        {"/b/a.b.de.txt", "/b/a.b.txt:de "},
        {"/b.de.html/c", ""},
        {"/b.de.html/", ""},
        {"/a..html", "/a. "},
        {"/a.de.", "/a.:de "},
        {"/a.html.html", "/a.html /a.html:html /a:html "},
        {"/a.gz.br", "/a.gz "},
        {"/a.de.gz", "/a.de "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_name names[TC_NAMES_MAX];
        unsigned count;
        char all[256] = "";
        size_t len = 0;
        tc_arena_init(&a, NULL, 0, 4096);
        const tc_span path = check_edge(tc_span_str(cases[i].path));
        assert_int_equal(tc_names_of(&a, path, names, &count), TC_OK);
        assert_true(count <= TC_NAMES_MAX);
        for (unsigned n = 0; n < count; n++)
            len +=
                (size_t)snprintf(all + len, sizeof all - len, "%.*s%s%.*s ", TC_FMT(names[n].path),
                                 names[n].language.len ? ":" : "", TC_FMT(names[n].language));
        check_case(strcmp(all, cases[i].names) == 0, cases[i].path);
        tc_arena_fini(&a);
    }
}

static bool counts(unsigned without, const char *language, const tc_naming *naming)
{
    const tc_name name = {TC_SPAN("/x"), without, tc_span_str(language)};
    return tc_name_counts(&name, naming);
}

static void a_folder_says_what_counts(void **state)
{
    (void)state;
    const tc_span german = TC_SPAN("de");
    const tc_naming none = {.languages = NULL}, all = {&german, 1, true};
    assert_true(counts(TC_NAME_CODING, "", &none));
    assert_false(counts(TC_NAME_PAGE, "", &none));
    assert_false(counts(TC_NAME_LANGUAGE, "de", &none));
    assert_true(counts(TC_NAME_PAGE | TC_NAME_CODING, "", &all));
    assert_true(counts(TC_NAME_LANGUAGE, "de", &all));
    assert_false(counts(TC_NAME_LANGUAGE, "en", &all));
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    tc_arena a;
    tc_name names[TC_NAMES_MAX];
    unsigned count;
    tc_arena_init(&a, NULL, 0, 4);
    assert_int_equal(tc_names_of(&a, TC_SPAN("/secret.de.html"), names, &count), TC_ERR_NO_MEMORY);
    tc_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(a_folder_says_what_counts),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
