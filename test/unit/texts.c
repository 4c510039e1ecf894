/* texts.c - what is kept of a configuration: as it was read, for good; and what is none. */
// SPDX-License-Identifier: MIT
#include "config/texts.h"

#include <sys/mman.h>
#include <unistd.h>

#include "support/check.h"

enum { ROOM = 1 << 20, MORE = 16 };

static void as_they_were(void **state)
{
    (void)state;
    tc_arena a;
    tc_span name, text;
    off_t at = 0;
    tc_arena_init(&a, NULL, 0, ROOM);
    const int fd = tc_texts_new();
    assert_true(fd > 2);
    assert_int_equal(tc_texts_add(fd, "sites/a b.conf", TC_SPAN("workers = 1\n")), TC_OK);
    assert_int_equal(tc_texts_add(fd, "empty", TC_SPAN("")), TC_OK);
    assert_false(tc_texts_sealed(fd));
    assert_true(tc_texts_seal(fd));
    assert_true(tc_texts_seal(fd)); /* as whoever has got it may do */
    assert_true(tc_texts_sealed(fd));
    assert_int_equal(tc_texts_add(fd, "x", TC_SPAN("y")), TC_ERR_SYSTEM);
    assert_int_equal(ftruncate(fd, 0), -1);
    for (int i = 0; i < 2; i++, at = 0) {
        assert_int_equal(tc_texts_next(fd, &a, &at, MORE, &name, &text), TC_OK);
        check_span(name, "sites/a b.conf");
        assert_int_equal(name.at[name.len], 0);
        check_span(text, "workers = 1\n");
        assert_int_equal(tc_texts_next(fd, &a, &at, MORE, &name, &text), TC_OK);
        check_span(name, "empty");
        check_span(text, "");
        assert_int_equal(tc_texts_next(fd, &a, &at, MORE, &name, &text), TC_ERR_NOTHING);
    }
    close(fd);
    tc_arena_fini(&a);
}

static void no_such_file(void **state)
{
    (void)state;
    static const uint64_t lengths[][2] = {{1, 1}, {UINT64_MAX, 2}, {2, UINT64_MAX}, {0, 3}, {3, 0}};
    tc_arena a;
    tc_span name, text;
    tc_arena_init(&a, NULL, 0, ROOM);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t len = 1; len <= sizeof *lengths; len++) {
            off_t at = 0;
            const int fd = memfd_create("x", MFD_CLOEXEC);
            assert_int_equal(write(fd, lengths[i], len), len);
            if (len == sizeof *lengths) assert_int_equal(write(fd, "a", i > 0), i > 0);
            assert_false(tc_texts_sealed(fd));
            assert_int_equal(tc_texts_next(fd, &a, &at, MORE, &name, &text), TC_ERR_READ_FILE);
            close(fd);
        }
    tc_arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_they_were),
        cmocka_unit_test(no_such_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
