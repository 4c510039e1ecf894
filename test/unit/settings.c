/* The table of settings, and the manual that is made of it: `test_settings --write` makes it anew.
 */
// SPDX-License-Identifier: MIT
#include "config/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PAGE_MAX = 1 << 20 };

static const char begin[] =
    ".\\\" settings begin: made by tools/settings from tables/setting.def\n";
static const char end[] = ".\\\" settings end\n";

static void page_name(char name[512])
{
    (void)snprintf(name, 512, "%s/../doc/man/tercet.conf.5", TEST_DIR);
}

static char *read_page(void)
{
    char name[512], *text = calloc(1, PAGE_MAX);
    page_name(name);
    FILE *f = fopen(name, "r");
    assert_non_null(f);
    assert_true(fread(text, 1, PAGE_MAX - 1, f) > 0);
    fclose(f);
    return text;
}

/* Text as roff has it. */
static void add_text(tc_buf *to, const char *text)
{
    for (const char *c = text; *c; c++)
        assert_int_equal(*c == '-'    ? tc_buf_add(to, TC_SPAN("\\-"))
                         : *c == '\\' ? tc_buf_add(to, TC_SPAN("\\e"))
                                      : tc_buf_add_byte(to, *c),
                         TC_OK);
}

static void add(tc_buf *to, const char *text)
{
    assert_int_equal(tc_buf_add(to, tc_span_str(text)), TC_OK);
}

static void add_value(tc_buf *to, const tc_setting_row *row)
{
    const tc_option *o = tc_setting_option(row);
    const bool flag = o->kind == TC_OPTION_FLAG || o->kind == TC_OPTION_OFF;
    add(to, " = ");
    if (o->kind == TC_OPTION_LIST) add(to, "{");
    add(to, "\\fI");
    add_text(to, flag ? "on|off" : o->metavar);
    add(to, "\\fR");
    if (o->kind == TC_OPTION_LIST) add(to, ", ...}");
}

static void add_row(tc_buf *to, const tc_setting_row *row)
{
    static const char *const scopes[] = {"server", "site", "route"};
    const tc_option *o = tc_setting_option(row);
    add(to, ".TP\n\\fB");
    add_text(to, row->name);
    add(to, "\\fR");
    add_value(to, row);
    add(to, " \\ (\\fI");
    add(to, scopes[row->scope]);
    add(to, "\\fR)\n");
    if (o->kind == TC_OPTION_OFF) add(to, "off: ");
    if (o->kind == TC_OPTION_FLAG) add(to, "on: ");
    add_text(to, o->help);
    if (o->kind == TC_OPTION_OFF) add(to, " On by default.");
    add(to, "\n");
}

static tc_buf table(void)
{
    tc_buf text;
    tc_buf_init(&text, PAGE_MAX);
    for (size_t i = 0; i < tc_setting_count; i++)
        add_row(&text, &tc_setting_rows[i]);
    assert_int_equal(tc_buf_add_byte(&text, 0), TC_OK);
    return text;
}

static void the_manual_is_the_table(void **state)
{
    (void)state;
    tc_buf made = table();
    char *page = read_page(), *from = strstr(page, begin), *to = strstr(page, end);
    assert_true(from && to);
    *to = 0;
    if (strcmp(from + sizeof begin - 1, made.at) != 0)
        fail_msg("doc/man/tercet.conf.5 is not what tables/setting.def says: run tools/settings");
    free(page);
    tc_buf_fini(&made);
}

static int write_page(void)
{
    char name[512];
    tc_buf made = table();
    char *page = read_page(), *from = strstr(page, begin), *to = strstr(page, end);
    assert_true(from && to);
    page_name(name);
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fwrite(page, 1, (size_t)(from - page) + sizeof begin - 1, f);
    fputs(made.at, f);
    fputs(to, f);
    fclose(f);
    free(page);
    tc_buf_fini(&made);
    return 0;
}

static void names_are_in_kebab_case_and_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < tc_setting_count; i++) {
        for (const char *c = tc_setting_rows[i].name; *c; c++)
            assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-');
        assert_ptr_equal(tc_setting_of(tc_span_str(tc_setting_rows[i].name)), &tc_setting_rows[i]);
    }
}

static void initial_values_are_good(void **state)
{
    (void)state;
    const tc_settings s = tc_settings_initial(); /* asserts */
    assert_true(s.http09 && s.quic && !s.dotfiles);
    assert_string_equal(s.index, "index.html");
    assert_int_equal(s.client_cert, -1);
    assert_int_equal(s.log_format, 0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--write") == 0) return write_page();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manual_is_the_table),
        cmocka_unit_test(names_are_in_kebab_case_and_once),
        cmocka_unit_test(initial_values_are_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
