/* Where content goes: a file takes its name when it is whole, a terminal gets nothing that acts. */
// SPDX-License-Identifier: MIT
#include "ask/output.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], name[96], part[112];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/tercet-output-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    (void)snprintf(name, sizeof name, "%s/out", folder);
    (void)snprintf(part, sizeof part, "%s/out.part", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(name);
    (void)unlink(part);
    return rmdir(folder);
}

static bool holds(const char *file, const char *text)
{
    char room[64] = "";
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const ssize_t n = read(fd, room, sizeof room - 1);
    close(fd);
    return n >= 0 && strcmp(room, text) == 0;
}

static void write_file(const char *text, bool whole)
{
    tc_output o;
    assert_int_equal(tc_output_open(&o, name), TC_OK);
    if (*text) assert_int_equal(tc_output_write(&o, tc_span_str(text)), TC_OK);
    assert_int_equal(tc_output_close(&o, whole), TC_OK);
}

static void a_whole_file_takes_its_name(void **state)
{
    (void)state;
    write_file("one", true);
    assert_true(holds(name, "one"));
    assert_int_equal(access(part, F_OK), -1);
    write_file("two", true);
    assert_true(holds(name, "two"));
}

static void a_cut_one_does_not(void **state)
{
    (void)state;
    write_file("old", true);
    write_file("new, but", false);
    assert_true(holds(name, "old"));
    assert_true(holds(part, "new, but"));
    write_file("", false); /* nothing came: nothing is left */
    assert_int_equal(access(part, F_OK), -1);
    assert_true(holds(name, "old"));
}

static void links_and_modes_stay(void **state)
{
    (void)state;
    char real[112];
    struct stat st;
    (void)snprintf(real, sizeof real, "%s/real", folder);
    write_file("x", true);
    assert_int_equal(rename(name, real), 0);
    assert_int_equal(chmod(real, 0600), 0);
    assert_int_equal(symlink("real", name), 0);
    write_file("through", true);
    assert_int_equal(lstat(name, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_true(holds(real, "through"));
    assert_int_equal(stat(real, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    unlink(real);
}

static void what_cannot_be_written_says_why(void **state)
{
    (void)state;
    tc_output o;
    assert_int_equal(tc_output_open(&o, "/nowhere/at/all"), TC_ERR_WRITE_FILE);
    assert_true(o.error != 0);
    assert_int_equal(tc_output_close(&o, false), TC_OK);
    assert_int_equal(tc_output_open(&o, "/dev/full"), TC_OK);
    assert_int_equal(tc_output_write(&o, TC_SPAN("x")), TC_ERR_WRITE_FILE);
    assert_int_equal(tc_output_close(&o, false), TC_OK);
    assert_int_equal(access("/dev/full", F_OK), 0);
}

/* Pieces of any size, and what must be on the screen in the end. */
static void on_terminal(const char *text, size_t length, size_t piece, const char *want)
{
    char screen[512] = "";
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    tc_output o = {.fd = ends[1], .terminal = true};
    for (size_t i = 0; i < length; i += piece) {
        const size_t n = length - i < piece ? length - i : piece;
        assert_int_equal(tc_output_write(&o, tc_span_of(text + i, n)), TC_OK);
    }
    assert_int_equal(tc_output_close(&o, true), TC_OK);
    assert_true(read(ends[0], screen, sizeof screen - 1) >= 0);
    assert_string_equal(screen, want);
    close(ends[0]);
    close(ends[1]);
}

static void a_terminal_is_not_made_to_act(void **state)
{
    (void)state;
    static const char text[] = "a\033[2J\tb\r\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc2\x9b\x9b"
                               "\xe2\x82|\x7f";
    static const char want[] = "a\\x1b[2J\tb\\x0d\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"
                               "\\xc2\\x9b\\x9b\\xe2\\x82|\\x7f\n";
    for (size_t piece = 1; piece < sizeof text; piece++)
        on_terminal(text, sizeof text - 1, piece, want);
    on_terminal("whole line\n", 11, 3, "whole line\n");
    on_terminal("cut \xe2\x82", 6, 6, "cut \\xe2\\x82\n");
}

static void binary_content_is_refused(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    tc_output o = {.fd = ends[1], .terminal = true};
    assert_int_equal(tc_output_write(&o, tc_span_of("a\0b", 3)), TC_ERR_BINARY);
    assert_int_equal(tc_output_write(&o, TC_SPAN("more")), TC_ERR_BINARY);
    assert_int_equal(tc_output_close(&o, false), TC_OK);
    char none[8];
    assert_int_equal(read(ends[0], none, sizeof none), -1);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_file_takes_its_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_one_does_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_and_modes_stay, set_up, tear_down),
        cmocka_unit_test(what_cannot_be_written_says_why),
        cmocka_unit_test(a_terminal_is_not_made_to_act),
        cmocka_unit_test(binary_content_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
