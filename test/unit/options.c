/* The option parser: every kind, both spellings, complaints in words, help text. */
// SPDX-License-Identifier: MIT
#include "config/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

struct set {
    bool quiet, verbose, dots;
    const char *output;
    uint64_t workers;
    int64_t limit;
    int color;
    tc_option_list listen;
};

static const tc_option table[] = {
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "general:", 0, 0},
    {"quiet", 'q', TC_OPTION_FLAG, offsetof(struct set, quiet), NULL, "says nothing", 0, 0},
    {"verbose", 'v', TC_OPTION_FLAG, offsetof(struct set, verbose), NULL, "says more", 0, 0},
    {"no-dots", 0, TC_OPTION_OFF, offsetof(struct set, dots), NULL, "without dots", 0, 0},
    {"output", 'o', TC_OPTION_TEXT, offsetof(struct set, output), "FILE", "writes to FILE", 0, 0},
    {"workers", 0, TC_OPTION_NUMBER, offsetof(struct set, workers), "N", "how many", 1, 1024},
    {"max-time", 'm', TC_OPTION_SECONDS, offsetof(struct set, limit), "SECONDS", "at most", 0, 0},
    {"color", 0, TC_OPTION_CHOICE, offsetof(struct set, color), "auto|always|never", "colours", 0,
     0},
    {"listen", 0, TC_OPTION_LIST, offsetof(struct set, listen), "URL", "where", 0, 0},
};
enum { COUNT = sizeof table / sizeof *table };

struct result {
    struct set set;
    tc_err err;
    int operands;
    char *argv[80];
    char complaint[400];
};

static struct result parse_line(const char *line)
{
    static char words[1024];
    struct result r = {.set = {.dots = true}};
    int argc = 0;
    memcpy(words, line, strlen(line) + 1);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        r.argv[argc++] = word;
    tc_buf complaint;
    tc_buf_init(&complaint, sizeof r.complaint - 1);
    r.err = tc_options_parse(table, COUNT, argc, r.argv, &r.set, &complaint, &r.operands);
    if (complaint.len) memcpy(r.complaint, complaint.at, complaint.len);
    tc_buf_fini(&complaint);
    return r;
}

static void every_kind_is_read(void **state)
{
    (void)state;
    const struct result r =
        parse_line("-qv a --no-dots -o f --workers=8 b --max-time 0.25 --color always "
                   "--listen one --listen=two -- -c --quiet");
    assert_int_equal(r.err, TC_OK);
    assert_true(r.set.quiet && r.set.verbose && !r.set.dots);
    assert_string_equal(r.set.output, "f");
    assert_int_equal(r.set.workers, 8);
    assert_int_equal(r.set.limit, 250 * TC_MS);
    assert_int_equal(r.set.color, 1);
    assert_int_equal(r.set.listen.count, 2);
    assert_string_equal(r.set.listen.at[1], "two");
    assert_int_equal(r.operands, 4);
    assert_string_equal(r.argv[0], "a");
    assert_string_equal(r.argv[3], "--quiet");
}

static void values_may_touch_short_names(void **state)
{
    (void)state;
    const struct result r = parse_line("-qofile -m5 -");
    assert_int_equal(r.err, TC_OK);
    assert_true(r.set.quiet);
    assert_string_equal(r.set.output, "file");
    assert_int_equal(r.set.limit, 5 * TC_S);
    assert_int_equal(r.operands, 1);
}

static void complaints_are_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *line, *complaint;
    } cases[] = {
        {"--outptu x", "unknown option --outptu; did you mean --output?"},
        {"--verb", "unknown option --verb; did you mean --verbose?"},
        {"--elephant", "unknown option --elephant"},
        {"-x", "unknown option -x"},
        {"-qx", "unknown option -x"},
        {"-=", "unknown option -= (write -- before words that begin with -)"},
        {"--quiet=yes", "--quiet takes no value"},
        {"--output", "--output needs a value: FILE"},
        {"-o", "-o needs a value: FILE"},
        {"--workers x", "--workers takes a whole number, not \"x\""},
        {"--workers 0", "--workers takes a number from 1 to 1024, not 0"},
        {"--workers 1025", "--workers takes a number from 1 to 1024, not 1025"},
        {"--max-time 1e3", "--max-time takes seconds such as 5 or 0.5, not \"1e3\""},
        {"--max-time .", "--max-time takes seconds such as 5 or 0.5, not \".\""},
        {"--max-time=", "--max-time takes seconds such as 5 or 0.5, not \"\""},
        {"--max-time -1", "--max-time takes seconds such as 5 or 0.5, not \"-1\""},
        {"--color red", "--color takes one of auto|always|never, not \"red\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct result r = parse_line(cases[i].line);
        assert_int_equal(r.err, TC_ERR_USAGE);
        assert_string_equal(r.complaint, cases[i].complaint);
    }
}

static void lists_are_bounded(void **state)
{
    (void)state;
    char line[1024] = "";
    for (int i = 0; i <= TC_OPTION_LIST_MAX; i++)
        strcat(line, "--listen x ");
    const struct result r = parse_line(line);
    assert_int_equal(r.err, TC_ERR_USAGE);
    assert_string_equal(r.complaint, "--listen may be given 32 times at most");
}

static void help_comes_from_the_table(void **state)
{
    (void)state;
    tc_buf out;
    tc_buf_init(&out, 4096);
    assert_int_equal(tc_options_help(table, 5, 80, &out), TC_OK);
    const char *want = "general:\n"
                       "  -q, --quiet        says nothing\n"
                       "  -v, --verbose      says more\n"
                       "      --no-dots      without dots\n"
                       "  -o, --output FILE  writes to FILE\n";
    assert_true(tc_span_eq(tc_buf_span(&out), tc_span_str(want)));
    tc_buf_fini(&out);
}

static void text_is_wrapped(void **state)
{
    (void)state;
    tc_buf out;
    tc_buf_init(&out, 4096);
    const tc_span text = TC_SPAN("one two three\n\nfour extraordinarily long");
    assert_int_equal(tc_options_wrap(&out, text, 2, 2, 10), TC_OK);
    const char *want = "one two\n  three\n\n  four\n  extraordinarily\n  long";
    assert_true(tc_span_eq(tc_buf_span(&out), tc_span_str(want)));
    tc_buf_reset(&out);
    const tc_span table_text =
        TC_SPAN("a table:\n\n  one    two    three\n  four   five   six\nend of it");
    assert_int_equal(tc_options_wrap(&out, table_text, 0, 0, 10), TC_OK);
    want = "a table:\n\n  one    two    three\n  four   five   six\nend of it";
    assert_true(tc_span_eq(tc_buf_span(&out), tc_span_str(want)));
    tc_buf_fini(&out);
}

static void typing_mistakes_are_counted(void **state)
{
    (void)state;
    assert_int_equal(tc_typos(TC_SPAN("serve"), TC_SPAN("serve")), 0);
    assert_int_equal(tc_typos(TC_SPAN("srve"), TC_SPAN("serve")), 1);
    assert_int_equal(tc_typos(TC_SPAN("sevre"), TC_SPAN("serve")), 1);
    assert_int_equal(tc_typos(TC_SPAN("got"), TC_SPAN("get")), 1);
    assert_int_equal(tc_typos(TC_SPAN(""), TC_SPAN("get")), 3);
    assert_int_equal(tc_typos(TC_SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), TC_SPAN("")),
                     1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(values_may_touch_short_names),
        cmocka_unit_test(complaints_are_sentences),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(help_comes_from_the_table),
        cmocka_unit_test(text_is_wrapped),
        cmocka_unit_test(typing_mistakes_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
