/* exchange.c - what a handler asks for is written down, once, and in a sensible order. */
// SPDX-License-Identifier: MIT
#include "http/exchange.h"

#include "support/check.h"

static int woken;

static void wake(tc_exchange *x)
{
    (void)x;
    woken++;
}

static tc_exchange x;

static int begin(void **state)
{
    (void)state;
    memset(&x, 0xee, sizeof x);
    tc_exchange_init(&x, 7, 65536);
    x.wake = wake;
    woken = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_exchange_fini(&x);
    return 0;
}

static tc_run bytes(const char *text)
{
    return tc_run_bytes(tc_span_str(text));
}

static void a_fresh_one_wants_nothing(void **state)
{
    (void)state;
    assert_int_equal(x.id, 7);
    assert_int_equal(x.want, 0);
    assert_false(x.began || x.ended || x.paused || x.theirs_done);
    assert_null(x.handler);
    assert_int_equal(x.ours.fields.count, 0);
    const char *memory = tc_exchange_alloc(&x, 100);
    assert_true(memory >= x.room && memory < x.room + sizeof x.room); /* no heap for little */
}

static void a_reply_is_head_body_and_end(void **state)
{
    (void)state;
    assert_int_equal(tc_exchange_reply(&x, 200, bytes("hello")), TC_OK);
    assert_int_equal(x.want, TC_WANT_HEAD | TC_WANT_BODY | TC_WANT_END);
    assert_int_equal(x.ours.status, 200);
    assert_int_equal(x.ours.length, 5);
    assert_int_equal(x.run_count, 1);
    assert_true(x.began && x.ended && woken > 0);
    assert_int_equal(tc_exchange_reply(&x, 500, bytes("again")), TC_ERR_HEAD_TWICE);
    assert_int_equal(tc_exchange_answer(&x, 500, 0), TC_ERR_HEAD_TWICE);
    assert_int_equal(tc_exchange_send(&x, bytes("more"), false), TC_ERR_BODY_TOO_LONG);
    assert_int_equal(x.ours.status, 200);
    assert_int_equal(x.run_count, 1);
}

static void an_empty_reply_has_no_runs(void **state)
{
    (void)state;
    assert_int_equal(tc_exchange_reply(&x, 200, bytes("")), TC_OK);
    assert_int_equal(x.want, TC_WANT_HEAD | TC_WANT_END);
    assert_int_equal(x.run_count, 0);
    assert_int_equal(x.ours.length, 0);
    assert_int_equal(tc_exchange_end(&x), TC_OK); /* it had ended: no harm */
}

static void content_of_unknown_length_ends_when_told(void **state)
{
    (void)state;
    assert_int_equal(tc_exchange_send(&x, bytes("x"), false), TC_ERR_HEAD_MISSING);
    assert_int_equal(tc_exchange_end(&x), TC_ERR_HEAD_MISSING);
    assert_int_equal(x.want, 0);
    assert_int_equal(tc_exchange_answer(&x, 200, TC_LENGTH_UNKNOWN), TC_OK);
    assert_int_equal(x.want, TC_WANT_HEAD);
    for (int i = 0; i < TC_RUNS; i++)
        assert_int_equal(tc_exchange_send(&x, bytes("abc"), false), TC_OK);
    assert_int_equal(tc_exchange_send(&x, bytes("abc"), false), TC_ERR_FULL);
    assert_int_equal(tc_exchange_send(&x, bytes("abc"), true), TC_ERR_FULL);
    assert_false(x.ended); /* what was refused did not happen */
    assert_int_equal(x.want, TC_WANT_HEAD | TC_WANT_BODY);
    assert_int_equal(tc_exchange_end(&x), TC_OK);
    assert_int_equal(x.want, TC_WANT_HEAD | TC_WANT_BODY | TC_WANT_END);
    assert_int_equal(x.run_count, TC_RUNS);
}

static void files_are_runs_too(void **state)
{
    (void)state;
    assert_int_equal(tc_exchange_reply(&x, 206, tc_run_file(5, 100, 50)), TC_OK);
    assert_int_equal(x.runs[0].kind, TC_RUN_FILE);
    assert_int_equal(x.runs[0].fd, 5);
    assert_int_equal(x.runs[0].off, 100);
    assert_int_equal(x.ours.length, 50);
}

static void information_comes_before_the_answer(void **state)
{
    (void)state;
    assert_int_equal(tc_exchange_inform(&x, 103, NULL), TC_OK);
    assert_int_equal(x.want, TC_WANT_INFORM);
    assert_int_equal(x.informational, 103);
    assert_int_equal(tc_exchange_inform(&x, 103, NULL), TC_ERR_HEAD_TWICE); /* not sent yet */
    x.want = 0;
    assert_int_equal(tc_exchange_inform(&x, 103, NULL), TC_OK);
    assert_int_equal(tc_exchange_reply(&x, 200, bytes("a")), TC_OK);
    assert_int_equal(x.want, TC_WANT_INFORM | TC_WANT_HEAD | TC_WANT_BODY | TC_WANT_END);
    x.want = 0;
    assert_int_equal(tc_exchange_inform(&x, 103, NULL), TC_ERR_HEAD_TWICE);
}

static void pausing_and_resuming(void **state)
{
    (void)state;
    tc_exchange_resume(&x);
    assert_int_equal(x.want, 0);
    tc_exchange_pause(&x);
    assert_true(x.paused);
    assert_int_equal(woken, 0);
    tc_exchange_resume(&x);
    assert_false(x.paused);
    assert_int_equal(x.want, TC_WANT_RESUME);
    assert_int_equal(woken, 1);
}

static void the_first_reason_to_abort_stays(void **state)
{
    (void)state;
    tc_exchange_abort(&x, TC_ERR_FILE_SHRANK);
    tc_exchange_abort(&x, TC_ERR_NO_MEMORY);
    assert_int_equal(x.abort_reason, TC_ERR_FILE_SHRANK);
    assert_int_equal(x.want, TC_WANT_ABORT);
    assert_int_equal(woken, 1);
}

static void nobody_need_be_woken(void **state)
{
    (void)state;
    x.wake = NULL;
    assert_int_equal(tc_exchange_reply(&x, 200, bytes("a")), TC_OK);
    tc_exchange_abort(&x, TC_ERR_NO_MEMORY);
    tc_exchange_fini(&x);
    tc_exchange_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fresh_one_wants_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_reply_is_head_body_and_end, begin, end),
        cmocka_unit_test_setup_teardown(an_empty_reply_has_no_runs, begin, end),
        cmocka_unit_test_setup_teardown(content_of_unknown_length_ends_when_told, begin, end),
        cmocka_unit_test_setup_teardown(files_are_runs_too, begin, end),
        cmocka_unit_test_setup_teardown(information_comes_before_the_answer, begin, end),
        cmocka_unit_test_setup_teardown(pausing_and_resuming, begin, end),
        cmocka_unit_test_setup_teardown(the_first_reason_to_abort_stays, begin, end),
        cmocka_unit_test_setup_teardown(nobody_need_be_woken, begin, end),
    };
    return cmocka_run_group_tests_name("exchange", tests, NULL, NULL);
}
