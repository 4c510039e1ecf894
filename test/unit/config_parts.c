/* config_parts.c - what a configuration is made of before it is one: comments that become blanks,
 * fields that are added to answers, options taken one by one. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "config/comments.h"
#include "config/options.h"
#include "site/added.h"
#include "support/check.h"

static void comments_become_blanks(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a # b\nc", "a    \nc"},
        {"a // b\nc", "a     \nc"},
        {"// b", "    "},
        {"a/* b\nc */d", "a/* b\nc */d"}, /* in a word, as in a URL or a pattern */
        {"a /* b\nc */d", "a     \n    d"},
        {"/**/a", "    a"},
        {"/*/a*/b", "      b"},
        {"/* a", "    "},
        {"/", "/"},
        {"/*", "  "},
        {"u = http://h/a", "u = http://h/a"},
        {"u = {http://h,//x\n}", "u = {http://h,   \n}"},
        {"\"# // /* */\"# c", "\"# // /* */\"   "},
        {"'#\\'#'#c", "'#\\'#'  "},
        {"\"\\\"#\"#c", "\"\\\"#\"  "},
        {"\"\\\\\"#c", "\"\\\\\"  "},
        {"\"'\"#'\n'", "\"'\"  \n'"},
        {"\"# unended", "\"# unended"},
        {"\"a\\", "\"a\\"},
        {"# \" '\n\"#\"", "     \n\"#\""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const tc_span text = check_edge(tc_span_str(cases[i][0]));
        tc_comments_blank((char *)(uintptr_t)text.at, text.len);
        check_span(text, cases[i][1]);
    }
}

static void blanks_are_all_that_changes(void **state)
{
    (void)state;
    static const char bytes[] = "/*#\"'\\ \na=";
    for (int turn = 0; turn < 50000; turn++) {
        char before[24], after[sizeof before], twice[sizeof before];
        const size_t len = check_random_below(sizeof before + 1);
        for (size_t i = 0; i < len; i++)
            before[i] = bytes[check_random_below(sizeof bytes - 1)];
        memcpy(after, before, sizeof before);
        tc_comments_blank(after, len);
        for (size_t i = 0; i < len; i++)
            assert_true(after[i] == before[i] || (after[i] == ' ' && before[i] != '\n'));
        memcpy(twice, after, sizeof after);
        tc_comments_blank(twice, len);
        if (len) assert_memory_equal(twice, after, len);
    }
}

static void fields_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name, *value; /* NULL: refused */
    } cases[] = {
        {"X-A: b", "x-a", "b"},
        {"X-A:\t b c \t", "x-a", "b c"},
        {"X-A:", "x-a", ""},
        {"X-A: a: b", "x-a", "a: b"},
        {"Cache-Control: no-store", "cache-control", "no-store"},
        {"", NULL, NULL},
        {":", NULL, NULL},
        {": b", NULL, NULL},
        {"X-A", NULL, NULL},
        {"X A: b", NULL, NULL},
        {"X-A : b", NULL, NULL},
        {"X-A: b\r\nX-B: c", NULL, NULL},
        {"X-A: b\nc", NULL, NULL},
        {"X-\xc3\xbc: b", NULL, NULL},
        {":status: 200", NULL, NULL},
        {"Content-Length: 5", NULL, NULL},
        {"TRANSFER-ENCODING: chunked", NULL, NULL},
        {"connection: close", NULL, NULL},
        {"Keep-Alive: 5", NULL, NULL},
        {"Date: now", NULL, NULL},
        {"Upgrade: h2c", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_fields fields = {0};
        tc_arena_init(&a, NULL, 0, 65536);
        const char *fault = tc_added_parse(check_edge(tc_span_str(cases[i].text)), &a, &fields);
        check_case(!fault == (cases[i].name != NULL), cases[i].text);
        check_case(fields.count == (cases[i].name ? 1 : 0), cases[i].text);
        if (fields.count) check_span(fields.at[0].value, cases[i].value);
        if (fields.count) assert_true(tc_span_ieq(fields.at[0].name, tc_span_str(cases[i].name)));
        tc_arena_fini(&a);
    }
}

static void a_block_is_made_once(void **state)
{
    (void)state;
    tc_arena a;
    tc_fields fields[2] = {{0}, {0}};
    tc_added added;
    tc_arena_init(&a, NULL, 0, 65536);
    assert_null(tc_added_parse(TC_SPAN("X-A: b"), &a, &fields[0]));
    assert_null(tc_added_parse(TC_SPAN("X-B: c"), &a, &fields[1]));
    tc_added_init(&added, fields, 2);
    tc_added_fini(&added); /* none was needed */
    tc_added_init(&added, fields, 2);
    tc_block *second = tc_added_use(&added, 1), *first = tc_added_use(&added, 0);
    assert_true(first && second && first != second);
    assert_int_not_equal(first->number, second->number);
    assert_ptr_equal(tc_added_use(&added, 1), second);
    check_span(first->fields.at[0].value, "b");
    check_span(second->fields.at[0].value, "c");
    tc_added_fini(&added);
    tc_added_fini(&added);
    tc_arena_fini(&a);
}

/* --- options, one by one --------------------------------------------------------------------- */

static const tc_option table[] = {
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "all:", 0, 0},
    {"flag", 'f', TC_OPTION_FLAG, 0, NULL, "", 0, 0},
    {"no-dots", 0, TC_OPTION_OFF, 0, NULL, "", 0, 0},
    {"text", 't', TC_OPTION_TEXT, 0, "TEXT", "", 0, 0},
    {"list", 'l', TC_OPTION_LIST, 0, "WORD", "", 0, 0},
};

struct seen {
    char text[400];
    unsigned left; /* after so many, the taker complains */
};

static tc_err note(void *self, const tc_option *o, const char *value, tc_buf *complaint)
{
    struct seen *s = self;
    const size_t n = strlen(s->text);
    if (!s->left--) {
        assert_int_equal(tc_buf_printf(complaint, "enough"), TC_OK);
        return TC_ERR_USAGE;
    }
    assert_in_range(
        snprintf(s->text + n, sizeof s->text - n, "%s=%s;", o->name, value ? value : "NULL"), 1,
        (int)(sizeof s->text - n - 1));
    return TC_OK;
}

static tc_err walk(const char *line, unsigned most, struct seen *s, char said[100],
                   char operands[100])
{
    static char words[400];
    char *argv[40];
    int argc = 0, count = 0;
    tc_buf complaint;
    *s = (struct seen){.left = most};
    said[0] = operands[0] = '\0';
    memcpy(words, line, strlen(line) + 1);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    tc_buf_init(&complaint, 1000);
    const tc_err err = tc_options_walk(table, 5, argc, argv, note, s, &complaint, &count);
    if (complaint.len) (void)snprintf(said, 100, "%.*s", (int)complaint.len, complaint.at);
    for (int i = 0; !err && i < count; i++)
        (void)snprintf(operands + strlen(operands), 100 - strlen(operands), "%s;", argv[i]);
    tc_buf_fini(&complaint);
    return err;
}

static void options_come_in_their_order(void **state)
{
    (void)state;
    static const struct {
        const char *line, *taken, *operands;
    } cases[] = {
        {"", "", ""},
        {"a -l x b --list=y --text z c", "list=x;list=y;text=z;", "a;b;c;"},
        {"-ft x --no-dots", "flag=NULL;text=x;no-dots=NULL;", ""},
        {"-ftx -lfl", "flag=NULL;text=x;list=fl;", ""},
        {"--text= --list -- -l --", "text=;list=--;list=--;", ""},
        {"-f -- -f --text", "flag=NULL;", "-f;--text;"},
        {"- -f -", "flag=NULL;", "-;-;"},
    };
    struct seen s;
    char said[100], operands[100];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(walk(cases[i].line, 100, &s, said, operands), TC_OK);
        assert_string_equal(s.text, cases[i].taken);
        assert_string_equal(operands, cases[i].operands);
    }
}

static void what_is_wrong_with_options_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *line, *taken, *said;
    } cases[] = {
        {"-f --tex x", "flag=NULL;", "unknown option --tex; did you mean --text?"},
        {"--everything", "", "unknown option --everything"},
        {"-f -x", "flag=NULL;", "unknown option -x"},
        {"-f -l", "flag=NULL;", "-l needs a value: WORD"},
        {"--flag=yes", "", "--flag takes no value"},
    };
    struct seen s;
    char said[100], operands[100];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(walk(cases[i].line, 100, &s, said, operands), TC_ERR_USAGE);
        assert_string_equal(s.text, cases[i].taken);
        assert_string_equal(said, cases[i].said);
    }
    assert_int_equal(walk("-f a -f -f", 2, &s, said, operands), TC_ERR_USAGE);
    assert_string_equal(s.text, "flag=NULL;flag=NULL;");
    assert_string_equal(said, "enough");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_become_blanks),
        cmocka_unit_test(blanks_are_all_that_changes),
        cmocka_unit_test(fields_are_judged),
        cmocka_unit_test(a_block_is_made_once),
        cmocka_unit_test(options_come_in_their_order),
        cmocka_unit_test(what_is_wrong_with_options_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
