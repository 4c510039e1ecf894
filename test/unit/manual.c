/* The manual and the program say the same: options, limits with their defaults, exit codes. */
// SPDX-License-Identifier: MIT
#include "cmd/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"

static char page[256 * 1024];

static int set_up(void **state)
{
    (void)state;
    FILE *f = fopen(TEST_DIR "/../doc/man/tercet.1", "r");
    if (!f) return -1;
    const size_t n = fread(page, 1, sizeof page - 1, f);
    fclose(f);
    return n > 1000 ? 0 : -1;
}

static void has(const char *text)
{
    if (!strstr(page, text)) fail_msg("the manual lacks: %s", text);
}

/* As roff has it: every dash with a backslash. */
static void has_option(const tc_option *o)
{
    char text[128] = "\\-\\-", *at = text + 4;
    for (const char *c = o->name; *c; c++) {
        if (*c == '-') *at++ = '\\';
        *at++ = *c;
    }
    *at = 0;
    has(text);
    if (!o->short_name) return;
    (void)snprintf(text, sizeof text, "\\-%c, \\-\\-", o->short_name);
    has(text);
}

static void every_option_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; tc_commands[i]; i++) {
        has(tc_commands[i]->name);
        for (size_t j = 0; j < tc_commands[i]->option_count; j++)
            if (tc_commands[i]->options[j].kind != TC_OPTION_HEADING)
                has_option(&tc_commands[i]->options[j]);
    }
}

static void every_limit_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        const tc_limit_row *row = &tc_limit_rows[i];
        char text[128];
        (void)snprintf(text, sizeof text, ".BR %s \" = %llu \" (%s)\n", row->name,
                       (unsigned long long)row->default_value, row->unit);
        has(text);
    }
}

static void every_exit_code_is_there(void **state)
{
    (void)state;
    static const tc_err all[] = {
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence) TC_ERR_##name,
#include "err.def"
#undef TC_ERR
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, ".TP\n.B %d\n", tc_err_exit(all[i]));
        has(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_there),
        cmocka_unit_test(every_limit_is_there),
        cmocka_unit_test(every_exit_code_is_there),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
