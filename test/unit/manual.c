/* The manuals and the program say the same: options, limits with their defaults, exit codes. A
 * command whose page is its own has its options there, the others are in tercet.1. */
// SPDX-License-Identifier: MIT
#include "cmd/commands.h"
#include "serve/serve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "config/settings.h"

typedef struct page {
    const char *file, *command; /* NULL: of all commands without a page of their own */
    char text[256 * 1024];
} page;

static page pages[] = {{.file = "tercet.1"}, {.file = "tercet-bench.1", .command = "bench"}};
static page settings = {.file = "tercet.conf.5"};

enum { PAGES = sizeof pages / sizeof *pages };

static bool load(page *p)
{
    char name[256];
    (void)snprintf(name, sizeof name, "%s/../doc/man/%s", TEST_DIR, p->file);
    FILE *f = fopen(name, "r");
    if (!f) return false;
    const size_t n = fread(p->text, 1, sizeof p->text - 1, f);
    fclose(f);
    return n >= 1000 && n < sizeof p->text - 1;
}

static int set_up(void **state)
{
    (void)state;
    bool good = load(&settings);
    for (page *p = pages; p < pages + PAGES; p++)
        good &= load(p);
    return good ? 0 : -1;
}

static const page *page_of(const char *command)
{
    for (const page *p = pages + 1; p < pages + PAGES; p++)
        if (strcmp(p->command, command) == 0) return p;
    return pages;
}

static void has(const page *p, const char *text)
{
    if (!strstr(p->text, text)) fail_msg("%s lacks: %s", p->file, text);
}

/* As roff has it: every dash with a backslash. */
static void has_option(const page *p, const tc_option *o)
{
    char text[128] = "\\-\\-", *at = text + 4;
    for (const char *c = o->name; *c; c++) {
        if (*c == '-') *at++ = '\\';
        *at++ = *c;
    }
    *at = 0;
    has(p, text);
    if (!o->short_name) return;
    (void)snprintf(text, sizeof text, "\\-%c, \\-\\-", o->short_name);
    has(p, text);
}

/* What is a setting is explained where all settings are (settings.c holds that page to the table).
 */
static bool is_setting(const tc_command *c, const tc_option *o)
{
    char name[128];
    if (c != &tc_command_serve) return false;
    (void)snprintf(name, sizeof name, "%s", o->name);
    return tc_setting_of(tc_span_str(name)) ||
           (strncmp(name, "no-", 3) == 0 && tc_setting_of(tc_span_str(name + 3)));
}

static void every_option_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; tc_commands[i]; i++) {
        const page *p = page_of(tc_commands[i]->name);
        has(pages, tc_commands[i]->name);
        for (size_t j = 0; j < tc_commands[i]->option_count; j++)
            if (tc_commands[i]->options[j].kind != TC_OPTION_HEADING &&
                !is_setting(tc_commands[i], &tc_commands[i]->options[j]))
                has_option(p, &tc_commands[i]->options[j]);
    }
}

static bool is_option(const char *name)
{
    for (size_t i = 0; tc_commands[i]; i++)
        for (size_t j = 0; j < tc_commands[i]->option_count; j++)
            if (tc_commands[i]->options[j].name &&
                strcmp(tc_commands[i]->options[j].name, name) == 0)
                return true;
    return strcmp(name, "version") == 0 || strcmp(name, "help") == 0;
}

/* "\-\-no\-keep\-alive" is a name, a lone "\-\-" is none. */
static void every_option_that_is_there_exists(void **state)
{
    (void)state;
    for (const page *p = pages; p < pages + PAGES; p++) {
        for (const char *at = p->text; (at = strstr(at, "\\-\\-"));) {
            char name[64];
            size_t n = 0;
            for (at += 4; n < sizeof name - 1; at++) {
                if (at[0] == '\\' && at[1] == '-') at++;
                if (*at != '-' && !(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9')) break;
                name[n++] = *at;
            }
            name[n] = 0;
            if (n && !is_option(name)) fail_msg("%s has --%s, which is no option", p->file, name);
        }
    }
}

static void pages_name_one_another(void **state)
{
    (void)state;
    has(pages, ".BR tercet\\-bench (1)");
    has(pages, ".BR tercet.conf (5)");
    has(&settings, ".BR tercet (1)");
    has(pages + 1, ".BR tercet (1)");
}

static void every_limit_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        const tc_limit_row *row = &tc_limit_rows[i];
        char text[128];
        (void)snprintf(text, sizeof text, ".BR %s \" = %llu \" (%s)\n", row->name,
                       (unsigned long long)row->default_value, row->unit);
        has(pages, text);
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
        has(pages, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_is_there),
        cmocka_unit_test(every_option_that_is_there_exists),
        cmocka_unit_test(pages_name_one_another),
        cmocka_unit_test(every_limit_is_there),
        cmocka_unit_test(every_exit_code_is_there),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
