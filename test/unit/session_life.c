/* session_life.c - how long a connection may wait for what, whose turn it is, and how it ends. The
 * clock is the test's (support/served.h). */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h1/h1.h"
#include "support/served.h"

enum { ROOM = 65536 };

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct seen {
    tc_exchange *last;
    int heads, closes;
    bool wait;   /* answers later */
    bool stream; /* answers without end */
    tc_err why;
} seen;

static char zeros[100000];

static tc_err on_room(void *self, tc_exchange *x)
{
    (void)self;
    tc_err err = TC_OK;
    while (!err)
        err = tc_exchange_send(x, tc_run_bytes((tc_span){zeros, sizeof zeros}), false);
    return err == TC_ERR_FULL ? TC_OK : err;
}

static tc_err on_head(void *self, tc_exchange *x)
{
    seen.heads++;
    seen.last = x;
    if (seen.wait) return TC_OK;
    if (!seen.stream) return tc_exchange_reply(x, 200, tc_run_bytes(TC_SPAN("done")));
    const tc_err err = tc_exchange_answer(x, 200, TC_LENGTH_UNKNOWN);
    return err ? err : on_room(self, x);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    (void)self;
    (void)x;
    seen.closes++;
    seen.why = why;
    seen.last = NULL;
}

static tc_err on_room_if_streaming(void *self, tc_exchange *x)
{
    return seen.stream ? on_room(self, x) : TC_OK;
}

static const tc_handler handler = {
    .name = "life", .on_head = on_head, .on_room = on_room_if_streaming, .on_close = on_close};

static served world;

static int begin(void **state)
{
    (void)state;
    seen = (struct seen){0};
    served_init(&world, &handler);
    return 0;
}

static int end(void **state)
{
    (void)state;
    served_fini(&world);
    return 0;
}

static served_peer *connect_one(void)
{
    return served_connect(&world, 0, NULL, ROOM);
}

static void say(served_peer *p, const char *text)
{
    served_say(p, tc_span_str(text));
    served_turns(&world, 3);
}

/* --- waiting for a request ----------------------------------------------------------------- */

static void who_says_nothing_is_idle(void **state)
{
    (void)state;
    world.limits.idle_ms = 50;
    served_peer *p = connect_one();
    tc_session_turn(&p->session, TC_LINK_IN); /* as who accepts does */
    served_until_ended(p);
    assert_int_equal(world.reached.idle_ms, 1);
    assert_int_equal(p->heard.len, 0);
    assert_int_equal(p->why, TC_OK);
}

static void a_kept_connection_is_idle_from_its_last_answer(void **state)
{
    (void)state;
    world.limits.idle_ms = 100;
    served_peer *p = connect_one();
    for (int i = 0; i < 4; i++) {
        say(p, GET);
        served_for(&world, 40);
        assert_false(p->ended);
    }
    assert_int_equal(world.reached.idle_ms, 0);
    served_until_ended(p);
    assert_int_equal(world.reached.idle_ms, 1);
    assert_int_equal(served_times(p, "200 OK"), 4);
}

static void half_a_head_is_overdue(void **state)
{
    (void)state;
    world.limits.header_ms = 50;
    served_peer *p = connect_one();
    say(p, "GET / HTTP/1.1\r\nHost:");
    served_until_heard(p, "HTTP/1.1 408 ");
    assert_int_equal(world.reached.header_ms, 1);
    assert_int_equal(seen.heads, 0);
    served_end(p);
    served_until_ended(p);
}

static void half_a_first_line_is_overdue(void **state)
{
    (void)state;
    world.limits.header_ms = 50;
    served_peer *p = connect_one();
    say(p, "GE");
    served_until_heard(p, "HTTP/1.1 408 ");
    assert_int_equal(world.reached.header_ms, 1);
}

static void the_head_has_time_from_its_first_byte(void **state)
{
    (void)state;
    world.limits.header_ms = 1000;
    served_peer *p = connect_one();
    tc_session_turn(&p->session, TC_LINK_IN);
    p->session.phase_began -= 10 * TC_S; /* connected long ago */
    say(p, "GE");
    served_for(&world, 30);
    assert_int_equal(p->heard.len, 0);
    say(p, "T / HTTP/1.1\r\nHost: a\r\n\r\n");
    served_until_heard(p, "done");
}

/* --- waiting for content ------------------------------------------------------------------- */

static void slow_content_is_refused_once(void **state)
{
    (void)state;
    world.limits.body_grace_ms = 50;
    seen.wait = true;
    served_peer *p = connect_one();
    say(p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    served_until_heard(p, "HTTP/1.1 408 ");
    assert_int_equal(seen.why, TC_ERR_BODY_TIME);
    assert_int_equal(seen.closes, 1);
    served_for(&world, 30);
    assert_false(p->ended); /* it lingers, or a reset would eat the answer */
    assert_true(p->over);
    assert_int_equal(world.reached.body_rate, 1);
    say(p, "defg");
    served_end(p);
    served_until_ended(p);
    assert_int_equal(p->why, TC_OK);
}

static void a_refusal_that_cannot_leave_yet_is_kept(void **state)
{
    (void)state;
    world.limits.body_grace_ms = 50;
    seen.wait = true;
    served_peer *p = connect_one();
    p->near.room = 20; /* less than the answer */
    p->deaf = true;
    say(p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    served_for(&world, 150);
    assert_false(p->ended);
    assert_int_equal(world.reached.body_rate, 1);
    served_hear(p);
    served_until_heard(p, "Connection: close\r\n\r\n");
}

static void content_at_the_rate_is_welcome(void **state)
{
    (void)state;
    world.limits.body_grace_ms = 40;
    world.limits.body_rate = 10;
    seen.wait = true;
    served_peer *p = connect_one();
    say(p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\n"
           "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij");
    served_for(&world, 150); /* 50 bytes are good for five seconds */
    assert_int_equal(seen.closes, 0);
    assert_int_equal(world.reached.body_rate, 0);
}

static void what_is_thrown_away_has_a_rate_too(void **state)
{
    (void)state;
    world.limits.body_grace_ms = 60;
    world.limits.body_rate = 1;
    served_peer *p = connect_one();
    say(p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    served_until_heard(p, "done"); /* before the content came */
    for (int i = 0; i < 10; i++) {
        say(p, "0123456789");
        served_for(&world, 15);
    }
    assert_int_equal(world.reached.body_rate, 0);
    assert_false(p->ended);
    say(p, GET);
    assert_int_equal(served_times(p, "done"), 2);
}

static void a_paused_handler_is_not_the_peers_fault(void **state)
{
    (void)state;
    world.limits.body_grace_ms = 30;
    seen.wait = true;
    served_peer *p = connect_one();
    say(p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    tc_exchange_pause(seen.last);
    served_for(&world, 100);
    assert_int_equal(seen.closes, 0);
    tc_exchange_resume(seen.last);
    served_until_heard(p, "408");
}

static void too_much_content_is_refused(void **state)
{
    (void)state;
    world.limits.body_bytes = 10;
    seen.wait = true;
    served_peer *p = connect_one();
    say(p, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n");
    served_until_heard(p, "HTTP/1.1 413 ");
    assert_int_equal(world.reached.body_bytes, 1);
    assert_int_equal(seen.heads, 0);
    p = served_connect(&world, 1, NULL, ROOM);
    say(p, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n");
    served_until_heard(p, "HTTP/1.1 413 ");
    assert_int_equal(world.reached.body_bytes, 2);
    assert_int_equal(seen.why, TC_ERR_CONTENT_TOO_LARGE);
}

/* --- waiting for the peer to take ---------------------------------------------------------- */

static void who_takes_nothing_is_cut_off(void **state)
{
    (void)state;
    world.limits.send_ms = 60;
    seen.stream = true;
    served_peer *p = connect_one();
    p->deaf = true;
    say(p, GET);
    served_until_ended(p);
    assert_int_equal(p->why, TC_ERR_SEND_TIME);
    assert_int_equal(world.reached.send_ms, 1);
    assert_int_equal(seen.closes, 1);
    assert_int_equal(seen.why, TC_ERR_SEND_TIME);
}

static void who_takes_slowly_is_served(void **state)
{
    (void)state;
    world.limits.send_ms = 60;
    world.limits.body_rate = 1000; /* 60 bytes in each window */
    seen.stream = true;
    served_peer *p = connect_one();
    p->deaf = true;
    say(p, GET);
    const int64_t until = tc_loop_now(world.loop) + 300 * TC_MS;
    while (tc_loop_now(world.loop) < until && !p->ended) {
        p->far.step = 3000;
        tc_span in;
        bool fin, more;
        assert_int_equal(p->far.link.type->read(&p->far.link, &in, &fin, &more), TC_OK);
        served_for(&world, 1);
    }
    assert_false(p->ended);
    served_until_ended(p); /* now it has stopped */
    assert_int_equal(world.reached.send_ms, 1);
}

/* --- the end ------------------------------------------------------------------------------- */

static void an_end_before_any_request_is_the_end(void **state)
{
    (void)state;
    served_peer *p = connect_one();
    served_end(p);
    served_until_ended(p);
    assert_int_equal(p->heard.len, 0);
    assert_int_equal(p->why, TC_OK);
}

static void an_end_behind_requests_waits_for_their_answers(void **state)
{
    (void)state;
    world.limits.pipeline = 2;
    served_peer *p = connect_one();
    served_say(p, TC_SPAN(GET GET GET GET GET));
    served_end(p);
    served_until_over(p);
    assert_int_equal(served_times(p, "done"), 5);
    assert_true(p->ended);
}

static void an_end_inside_a_head_is_answered(void **state)
{
    (void)state;
    served_peer *p = connect_one();
    say(p, "GET / HTTP/1.1\r\nHo");
    served_end(p);
    served_until_over(p);
    assert_true(served_has(p, "HTTP/1.1 400 "));
    assert_true(p->ended);
}

static void after_an_error_the_rest_is_drained(void **state)
{
    (void)state;
    served_peer *p = connect_one();
    say(p, "NONSENSE\r\n\r\n");
    served_until_heard(p, "HTTP/1.1 400 ");
    assert_true(p->over);
    assert_false(p->ended);
    for (int i = 0; i < 10; i++)
        say(p, "more of it, and more of it, and more of it");
    assert_false(p->ended);
    served_end(p);
    served_until_ended(p);
    assert_int_equal(world.reached.linger_ms, 0);
    assert_int_equal(world.reached.linger_bytes, 0);
}

static void draining_has_an_end_in_time(void **state)
{
    (void)state;
    world.limits.linger_ms = 40;
    served_peer *p = connect_one();
    say(p, "NONSENSE\r\n\r\n");
    served_until_ended(p);
    assert_int_equal(world.reached.linger_ms, 1);
}

static void draining_has_an_end_in_bytes(void **state)
{
    (void)state;
    world.limits.linger_bytes = 1000;
    served_peer *p = connect_one();
    say(p, "NONSENSE\r\n\r\n");
    for (int i = 0; i < 100 && !p->ended; i++)
        say(p,
            "a hundred bytes are more than ten and fewer than a thousand, as everybody knows, eh");
    served_until_ended(p);
    assert_int_equal(world.reached.linger_bytes, 1);
}

/* --- draining the server ------------------------------------------------------------------- */

static void a_drained_session_finishes(void **state)
{
    (void)state;
    seen.wait = true;
    served_peer *busy = connect_one();
    say(busy, GET);
    served_peer *idle = served_connect(&world, 1, NULL, ROOM);
    tc_session_turn(&idle->session, TC_LINK_IN);
    tc_session_drain(&busy->session);
    tc_session_drain(&idle->session);
    served_turns(&world, 3);
    assert_true(idle->ended);
    assert_false(busy->ended);
    assert_int_equal(tc_exchange_reply(seen.last, 200, tc_run_bytes(TC_SPAN("done"))), TC_OK);
    served_until_heard(busy, "Connection: close\r\n\r\ndone");
    served_end(busy);
    served_until_ended(busy);
}

static void a_kept_session_is_drained_at_once(void **state)
{
    (void)state;
    served_peer *p = connect_one();
    say(p, GET);
    tc_session_drain(&p->session);
    tc_session_drain(&p->session);
    served_turns(&world, 3);
    assert_true(p->ended && p->over);
}

/* A request that comes between the order to drain and the turn that follows it. */
static void a_request_that_comes_too_late(void **state)
{
    (void)state;
    served_peer *p = connect_one();
    say(p, GET);
    tc_session_drain(&p->session);
    served_say(p, tc_span_str(GET));
    tc_session_turn(&p->session, TC_LINK_IN);
    served_turns(&world, 3);
    assert_true(p->ended && p->over);
}

static void a_head_under_way_is_still_answered(void **state)
{
    (void)state;
    served_peer *p = connect_one();
    say(p, "GET / HTTP/1.1\r\nHost:");
    tc_session_drain(&p->session);
    served_turns(&world, 3);
    assert_false(p->ended);
    say(p, " a\r\n\r\n");
    served_until_heard(p, "Connection: close\r\n\r\ndone");
}

/* --- turns --------------------------------------------------------------------------------- */

static tc_buf many(int count)
{
    tc_buf b;
    tc_buf_init(&b, 1 << 20);
    while (count-- > 0)
        assert_int_equal(tc_buf_add(&b, TC_SPAN(GET)), TC_OK);
    return b;
}

static void a_thousand_requests_do_not_delay_one(void **state)
{
    (void)state;
    tc_buf requests = many(1000);
    served_peer *greedy = connect_one(), *modest = served_connect(&world, 1, NULL, ROOM);
    served_say(greedy, tc_buf_span(&requests));
    served_say(modest, TC_SPAN(GET));
    served_until_heard(modest, "done");
    assert_in_range(served_times(greedy, "done"), 0, 200);
    const int64_t patience = tc_loop_now(world.loop) + 10 * TC_S;
    while (served_times(greedy, "done") < 1000 && tc_loop_now(world.loop) < patience)
        served_turns(&world, 1);
    assert_int_equal(served_times(greedy, "done"), 1000);
    assert_in_range(world.reached.pipeline, 1000 / 32, 1000 / 16);
    tc_buf_fini(&requests);
}

static void exactly_as_many_as_allowed_is_not_too_many(void **state)
{
    (void)state;
    world.limits.pipeline = 3;
    served_peer *p = connect_one();
    say(p, GET GET GET);
    served_turns(&world, 5);
    assert_int_equal(served_times(p, "done"), 3);
    assert_int_equal(world.reached.pipeline, 0);
    say(p, GET GET GET GET);
    served_turns(&world, 5);
    assert_int_equal(served_times(p, "done"), 7);
    assert_int_equal(world.reached.pipeline, 1);
}

static void an_endless_answer_gives_others_their_turn(void **state)
{
    (void)state;
    seen.stream = true;
    served_peer *p = served_connect(&world, 0, NULL, 48 << 20); /* takes it as fast as it comes */
    p->deaf = true;
    served_say(p, TC_SPAN(GET));
    served_turns(&world, 2);
    assert_in_range(p->far.inbox.len, 1, 20 << 20);
    served_turns(&world, 20);
    assert_in_range(p->far.inbox.len, 40 << 20, 48 << 20);
}

/* --- limits that mean none ----------------------------------------------------------------- */

static void limits_may_be_as_large_as_can_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < tc_limit_row_count; i++)
        *tc_limit_at(&world.limits, &tc_limit_rows[i]) = UINT64_MAX;
    served_peer *p = connect_one();
    tc_session_turn(&p->session, TC_LINK_IN);
    served_turns(&world, 3);
    assert_false(p->ended);
    say(p, "GET / HT");
    assert_int_equal(p->heard.len, 0);
    say(p, "TP/1.1\r\nHost: a\r\n\r\n" GET "NONSENSE\r\n\r\n");
    assert_int_equal(served_times(p, "done"), 2);
    assert_true(served_has(p, " 400 "));
    served_turns(&world, 3);
    assert_false(p->ended);
}

static void a_pipeline_of_none_is_one(void **state)
{
    (void)state;
    world.limits.pipeline = 0;
    served_peer *p = connect_one();
    say(p, GET GET);
    served_until_heard(p, "done");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_says_nothing_is_idle),
        TEST(a_kept_connection_is_idle_from_its_last_answer),
        TEST(half_a_head_is_overdue),
        TEST(half_a_first_line_is_overdue),
        TEST(the_head_has_time_from_its_first_byte),
        TEST(slow_content_is_refused_once),
        TEST(a_refusal_that_cannot_leave_yet_is_kept),
        TEST(content_at_the_rate_is_welcome),
        TEST(what_is_thrown_away_has_a_rate_too),
        TEST(a_paused_handler_is_not_the_peers_fault),
        TEST(too_much_content_is_refused),
        TEST(who_takes_nothing_is_cut_off),
        TEST(who_takes_slowly_is_served),
        TEST(an_end_before_any_request_is_the_end),
        TEST(an_end_behind_requests_waits_for_their_answers),
        TEST(an_end_inside_a_head_is_answered),
        TEST(after_an_error_the_rest_is_drained),
        TEST(draining_has_an_end_in_time),
        TEST(draining_has_an_end_in_bytes),
        TEST(a_drained_session_finishes),
        TEST(a_kept_session_is_drained_at_once),
        TEST(a_request_that_comes_too_late),
        TEST(a_head_under_way_is_still_answered),
        TEST(a_thousand_requests_do_not_delay_one),
        TEST(exactly_as_many_as_allowed_is_not_too_many),
        TEST(an_endless_answer_gives_others_their_turn),
        TEST(limits_may_be_as_large_as_can_be),
        TEST(a_pipeline_of_none_is_one),
    };
    return cmocka_run_group_tests_name("session_life", tests, NULL, NULL);
}
