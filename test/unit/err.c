/* err.c - the table of errors. */
// SPDX-License-Identifier: MIT
#include "base/err.h"

#include <errno.h>

#include "support/check.h"

static const struct {
    const char *name, *sentence;
    tc_err err;
    int number, status, exit_code;
    enum tc_fault fault;
    enum tc_reach reach;
} rows[] = {
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence)                            \
    {#name, sentence, TC_ERR_##name, number, status, exit_code, TC_FAULT_##fault, TC_REACH_##reach},
#include "err.def"
#undef TC_ERR
};

static void rows_are_unique_and_sensible(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(rows[i].number > 0);
        assert_true(rows[i].status == 0 || (rows[i].status >= 400 && rows[i].status < 600));
        assert_true(rows[i].exit_code > 0 && rows[i].exit_code < 256);
        assert_true(rows[i].sentence[strlen(rows[i].sentence) - 1] != '.');
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(rows[i].number, rows[j].number);
            assert_string_not_equal(rows[i].name, rows[j].name);
            assert_string_not_equal(rows[i].sentence, rows[j].sentence);
        }
        if (rows[i].status) assert_true(tc_status_line((unsigned)rows[i].status).len > 0);
    }
}

static void questions_are_answered_from_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const tc_err err = rows[i].err;
        assert_int_equal(err, -rows[i].number);
        assert_string_equal(tc_err_name(err), rows[i].name);
        assert_string_equal(tc_err_sentence(err), rows[i].sentence);
        assert_int_equal(tc_err_status(err), rows[i].status);
        assert_int_equal(tc_err_exit(err), rows[i].exit_code);
        assert_int_equal(tc_err_fault(err), rows[i].fault);
        assert_int_equal(tc_err_reach(err), rows[i].reach);
    }
    assert_string_equal(tc_err_name(TC_OK), "OK");
    assert_int_equal(tc_err_exit(TC_OK), 0);
    assert_int_equal(tc_err_fault(TC_OK), TC_FAULT_NONE);
}

static void errno_has_errors(void **state)
{
    (void)state;
    assert_int_equal(tc_err_from_errno(0), TC_OK);
    assert_int_equal(tc_err_from_errno(ENOMEM), TC_ERR_NO_MEMORY);
    assert_int_equal(tc_err_from_errno(EMFILE), TC_ERR_TOO_MANY_FILES);
    assert_int_equal(tc_err_from_errno(EADDRINUSE), TC_ERR_ADDRESS_IN_USE);
    assert_int_equal(tc_err_from_errno(EPIPE), TC_ERR_PEER_RESET);
    assert_int_equal(tc_err_from_errno(ECONNREFUSED), TC_ERR_CONNECT);
    assert_int_equal(tc_err_from_errno(EACCES), TC_ERR_NO_PERMISSION);
    for (int e = 1; e < 200; e++)
        assert_int_not_equal(tc_err_from_errno(e), TC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_unique_and_sensible),
        cmocka_unit_test(questions_are_answered_from_the_table),
        cmocka_unit_test(errno_has_errors),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
