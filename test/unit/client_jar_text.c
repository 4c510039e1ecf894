/* client_jar_text.c - a jar of cookies as text: read as it was written, refused where it is none,
 * put together. */
// SPDX-License-Identifier: MIT

#include "base/alloc.h"
#include "support/check.h"
#include "support/jar_case.h"

static void fill(world *w)
{
    assert_true(
        jar_take(w, "https://s.com/x/", "a=1; Secure; HttpOnly; SameSite=Strict; Max-Age=99"));
    assert_true(jar_take(w, "https://s.com/", "tab=x\ty\\z; Domain=s.com; Path=/\tp\\"));
    assert_true(jar_take(w, "http://[::1]/", "alone"));
    assert_true(jar_take(w, "http://1.2.3.4/", "empty="));
}

static void a_file_is_read_as_it_was_written(void **state)
{
    (void)state;
    world w, again;
    tc_buf one, two;
    unsigned line = 0;
    jar_begin(&w);
    jar_begin(&again);
    fill(&w);
    tc_buf_init(&one, ARENA);
    tc_buf_init(&two, ARENA);
    assert_int_equal(tc_jar_write(&w.jar, NOW, &one), TC_OK);
    assert_int_equal(tc_jar_read(&again.jar, check_edge(tc_buf_span(&one)), NOW, &line), TC_OK);
    assert_int_equal(again.jar.count, 4);
    assert_false(again.jar.changed);
    assert_int_equal(tc_jar_write(&again.jar, NOW, &two), TC_OK);
    assert_true(tc_span_eq(tc_buf_span(&one), tc_buf_span(&two)));
    check_span(jar_chosen(&again, "https://s.com/x/"), "a=1");
    check_span(jar_chosen(&again, "http://sub.s.com/%09p%5C"), "");
    check_span(jar_chosen(&again, "http://[::1]/"), "alone");
    tc_buf_fini(&one);
    tc_buf_fini(&two);
    jar_end(&w);
    jar_end(&again);
}

static void another_file_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line; /* 0: fine */
        unsigned count;
    } cases[] = {
        {"", 0, 0},
        {"# tercet cookies 1\n", 0, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t1\n", 0, 1},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\t5\ta\t1\n", 0, 0}, /* over */
        {"# tercet cookies 1\ncom\tall\t/\t--\t-\t1\t1\t1\tsession\ta\t1\n", 0, 0},
        {"# tercet cookies 1\ns.com\tall\t/\t--\t-\t1\t1\t1\tsession\t__Host-a\t1\n", 0, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\tx;y\n", 0, 0},
        {"# tercet cookies 1", 1, 0}, /* cut off */
        {"# tercet cookies 2\n", 1, 0},
        {"# Netscape HTTP Cookie File\n", 1, 0},
        {"\n", 1, 0},
        {"# tercet cookies 1\n\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t1", 1, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t1\t2\n", 2, 0},
        {"# tercet cookies 1\ns.com\tboth\t/\t--\t-\t1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\txx\t-\t1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\tsoft\t1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t-1\t1\t1\tsession\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsoon\ta\t1\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t\\x\n", 2, 0},
        {"# tercet cookies 1\ns.com\thost\t/\t--\t-\t1\t1\t1\tsession\ta\t\\\n", 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w;
        unsigned line = 0;
        jar_begin(&w);
        const tc_err err = tc_jar_read(&w.jar, check_edge(tc_span_str(cases[i].text)), NOW, &line);
        check_case(err == (cases[i].line ? TC_ERR_JAR_FILE : TC_OK), cases[i].text);
        check_case(line == cases[i].line, cases[i].text);
        check_case(cases[i].line || w.jar.count == cases[i].count, cases[i].text);
        jar_end(&w);
    }
}

static void two_who_change_it_both_count(void **state)
{
    (void)state;
    world one, two;
    tc_buf text;
    unsigned line;
    jar_begin(&one);
    jar_begin(&two);
    tc_buf_init(&text, ARENA);
    fill(&one);
    assert_int_equal(tc_jar_write(&one.jar, NOW, &text), TC_OK);
    jar_end(&one);
    jar_begin(&one);
    assert_int_equal(tc_jar_read(&one.jar, tc_buf_span(&text), NOW, &line), TC_OK);
    assert_int_equal(tc_jar_read(&two.jar, tc_buf_span(&text), NOW, &line), TC_OK);
    assert_true(jar_take(&one, "http://1.2.3.4/", "empty=; Max-Age=0"));
    assert_true(jar_take(&one, "http://new.com/", "n=1"));
    assert_true(
        jar_take(&two, "http://[::1]/", "second=1")); /* two is what is in the file by now */
    assert_int_equal(tc_jar_merge(&one.jar, &two.jar, NOW), TC_OK);
    check_span(jar_chosen(&two, "http://1.2.3.4/"), "");
    check_span(jar_chosen(&two, "http://new.com/"), "n=1");
    check_span(jar_chosen(&two, "http://[::1]/"), "alone; second=1");
    check_span(jar_chosen(&two, "https://s.com/x/"), "a=1");
    /* the later one counts */
    const tc_url url = jar_url_of(&one, "http://new.com/");
    assert_true(tc_jar_take(&two.jar, &url, TC_SPAN("n=3"), NOW + 3));
    assert_true(tc_jar_take(&one.jar, &url, TC_SPAN("n=2"), NOW + 2));
    assert_int_equal(tc_jar_merge(&one.jar, &two.jar, NOW), TC_OK);
    check_span(jar_chosen(&two, "http://new.com/"), "n=3");
    tc_buf_fini(&text);
    jar_end(&one);
    jar_end(&two);
}

static void cookies_txt_in_and_out(void **state)
{
    (void)state;
    static const char text[] = "# Netscape HTTP Cookie File\n"
                               "\n"
                               ".s.com\tTRUE\t/\tFALSE\t0\ta\t1\r\n"
                               "#HttpOnly_S.com\tFALSE\t/x\tTRUE\t1790000100\tb\t2\n"
                               "com\tTRUE\t/\tFALSE\t0\tevil\t1\n" /* line 5 */
                               "s.com\tFALSE\t/\tFALSE\t5\tover\t1\n"
                               "s.com\tFALSE\t/\tFALSE\tsoon\tno\t1\n"
                               "s.com\tFALSE\t/\n"
                               "s.com\tFALSE\t/\tFALSE\t0\ttoo\tmany\tparts\n"
                               "1.2.3.4\tFALSE\t/\tFALSE\t0\tempty";
    world w;
    tc_buf out;
    unsigned line = 0;
    uint64_t left = 9;
    jar_begin(&w);
    tc_buf_init(&out, ARENA);
    assert_int_equal(tc_jar_import(&w.jar, check_edge(tc_span_str(text)), NOW, &line), 3);
    assert_int_equal(line, 5);
    check_span(jar_chosen(&w, "http://sub.s.com/"), "a=1");
    check_span(jar_chosen(&w, "https://s.com/x"), "b=2; a=1");
    check_span(jar_chosen(&w, "http://1.2.3.4/"), "empty=");
    assert_true(jar_take(&w, "http://s.com/", "nameless"));
    assert_int_equal(tc_jar_export(&w.jar, NOW, &out, &left), TC_OK);
    assert_int_equal(left, 1);
    check_span(tc_buf_span(&out), "# Netscape HTTP Cookie File\n"
                                  "1.2.3.4\tFALSE\t/\tFALSE\t0\tempty\t\n"
                                  "#HttpOnly_s.com\tFALSE\t/x\tTRUE\t1790000100\tb\t2\n"
                                  ".s.com\tTRUE\t/\tFALSE\t0\ta\t1\n");
    tc_buf_fini(&out);
    jar_end(&w);
}

static void without_memory_nothing_breaks(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 12; n++) {
        world w;
        tc_buf text;
        jar_begin(&w);
        tc_buf_init(&text, ARENA);
        const tc_url url = jar_url_of(&w, "http://s.com/");
        const tc_jar_request request = {.url = &url, .safe = true};
        tc_span value;
        assert_true(tc_jar_take(&w.jar, &url, TC_SPAN("a=1"), NOW));
        tc_alloc_fail_after(n);
        const bool kept = tc_jar_take(&w.jar, &url, TC_SPAN("b=2"), NOW);
        const tc_err err = tc_jar_choose(&w.jar, &w.arena, &request, NOW, &value);
        const tc_err written = tc_jar_write(&w.jar, NOW, &text);
        tc_alloc_fail_after(-1);
        assert_true(!err || err == TC_ERR_NO_MEMORY);
        assert_true(!written || written == TC_ERR_NO_MEMORY);
        check_span(jar_chosen(&w, "http://s.com/"), kept ? "a=1; b=2" : "a=1");
        tc_buf_fini(&text);
        jar_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_as_it_was_written),
        cmocka_unit_test(another_file_is_refused),
        cmocka_unit_test(two_who_change_it_both_count),
        cmocka_unit_test(cookies_txt_in_and_out),
        cmocka_unit_test(without_memory_nothing_breaks),
    };
    return cmocka_run_group_tests_name("client_jar_text", tests, NULL, NULL);
}
