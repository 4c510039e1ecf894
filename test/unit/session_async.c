/* session_async.c - handlers that answer when they like: later, from a task; after a pause, in
 * which nothing is read; not at all. Over HTTP/1.1 in memory. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/clock.h"
#include "h1/h1.h"
#include "support/served.h"

enum { ROOM = 65536 };

/* What the handler below is to do, and what happened to it. */
static struct plan {
    bool pause_first, pause_each, answer_at_head, answer_at_end, quick;
    unsigned inform;
    tc_err fail_head, fail_data;
    bool kill, late_wishes;
    char abort_in; /* 'h'ead, 'd'ata, 'e'nd */
    /* seen */
    tc_exchange *x;
    int heads, datas, ends, closes;
    tc_err why;
    tc_buf content;
} plan;

static tc_err reply(tc_exchange *x)
{
    return tc_exchange_reply(x, 200, tc_run_bytes(TC_SPAN("done")));
}

static tc_err on_head(void *self, tc_exchange *x)
{
    served *w = self;
    plan.x = x;
    x->quick = plan.quick;
    tc_clock_move(TC_MS / 1000); /* it stands still otherwise */
    plan.heads++;
    if (plan.kill) tc_session_kill(x->session, TC_ERR_INTERRUPTED);
    if (plan.pause_first) tc_exchange_pause(x);
    if (plan.abort_in == 'h') tc_exchange_abort(x, TC_ERR_INTERRUPTED);
    if (plan.inform) assert_int_equal(tc_exchange_inform(x, plan.inform, NULL), TC_OK);
    if (plan.answer_at_head) assert_int_equal(reply(x), TC_OK);
    (void)w;
    return plan.fail_head;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    (void)self;
    assert_false(x->paused);
    plan.datas++;
    assert_int_equal(tc_buf_add(&plan.content, run), TC_OK);
    if (plan.pause_each) tc_exchange_pause(x);
    if (plan.abort_in == 'd') tc_exchange_abort(x, TC_ERR_INTERRUPTED);
    return plan.fail_data;
}

static tc_err on_end(void *self, tc_exchange *x)
{
    (void)self;
    plan.ends++;
    if (plan.abort_in == 'e') tc_exchange_abort(x, TC_ERR_INTERRUPTED);
    return plan.answer_at_end ? reply(x) : TC_OK;
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    (void)self;
    plan.closes++;
    plan.why = why;
    plan.x = NULL;
    if (!plan.late_wishes) return;
    tc_exchange_pause(x);
    tc_exchange_resume(x);
    tc_exchange_abort(x, TC_ERR_INTERRUPTED);
    (void)!reply(x);
    tc_session_kill(x->session, TC_ERR_INTERRUPTED);
}

static const tc_handler handler = {
    .name = "plan", .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_close = on_close};

static served world;
static served_peer *peer;

static int begin(void **state)
{
    (void)state;
    plan = (struct plan){0};
    tc_buf_init(&plan.content, 1 << 20);
    served_init(&world, &handler);
    peer = served_connect(&world, 0, &tc_h1_type, ROOM);
    return 0;
}

static int end(void **state)
{
    (void)state;
    served_fini(&world);
    tc_buf_fini(&plan.content);
    return 0;
}

static void say(const char *text)
{
    served_say(peer, tc_span_str(text));
    served_turns(&world, 3);
}

/* --- later --------------------------------------------------------------------------------- */

static void answer_now(tc_task *task)
{
    (void)task;
    assert_int_equal(reply(plan.x), TC_OK);
}

static void an_answer_comes_from_a_task(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(plan.heads, 1);
    assert_int_equal(peer->heard.len, 0);
    tc_task task = {.run = answer_now};
    tc_loop_after(world.loop, &task);
    served_until_heard(peer, "\r\n\r\ndone");
    assert_int_equal(plan.closes, 1);
    assert_int_equal(plan.why, TC_OK);
    say("GET /again HTTP/1.1\r\nHost: a\r\n\r\n"); /* the connection is kept */
    assert_int_equal(plan.heads, 2);
}

static void an_answer_comes_from_an_alarm(tc_alarm *alarm)
{
    (void)alarm;
    assert_int_equal(reply(plan.x), TC_OK);
}

static void an_answer_comes_after_a_while(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tc_alarm alarm = {.ring = an_answer_comes_from_an_alarm};
    assert_int_equal(tc_loop_set(world.loop, &alarm, tc_loop_now(world.loop) + 20 * TC_MS), TC_OK);
    served_until_heard(peer, "done");
}

static void piece_by_piece(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(tc_exchange_answer(plan.x, 200, TC_LENGTH_UNKNOWN), TC_OK);
    served_until_heard(peer, "chunked");
    assert_int_equal(tc_exchange_send(plan.x, tc_run_bytes(TC_SPAN("one")), false), TC_OK);
    served_until_heard(peer, "one");
    assert_int_equal(tc_exchange_send(plan.x, tc_run_bytes(TC_SPAN("two")), false), TC_OK);
    served_until_heard(peer, "two");
    assert_int_equal(plan.closes, 0);
    assert_int_equal(tc_exchange_end(plan.x), TC_OK);
    served_until_heard(peer, "\r\n0\r\n\r\n");
    assert_int_equal(plan.closes, 1);
}

static void an_end_waits_for_room(void **state)
{
    for (int i = 0; i < 15 * 10; i++) { /* one of them fills the engine's last place */
        const int runs = 1 + i % 10;
        peer->deaf = true;
        peer->near.room = 40 + (size_t)i / 10;
        say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(tc_exchange_answer(plan.x, 200, TC_LENGTH_UNKNOWN), TC_OK);
        for (int n = 0; n < runs; n++) {
            assert_int_equal(tc_exchange_send(plan.x, tc_run_bytes(TC_SPAN("run")), false), TC_OK);
            served_turns(&world, 2);
        }
        assert_int_equal(tc_exchange_end(plan.x), TC_OK);
        served_turns(&world, 2);
        assert_int_equal(plan.closes, 0);
        served_hear(peer);
        served_until_heard(peer, "\r\n0\r\n\r\n");
        assert_int_equal(served_times(peer, "3\r\nrun\r\n"), runs);
        assert_int_equal(plan.why, TC_OK);
        end(state);
        begin(state);
    }
}

static void the_peer_may_be_half_closed_by_then(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    served_end(peer);
    served_turns(&world, 3);
    assert_false(peer->ended);
    assert_int_equal(reply(plan.x), TC_OK);
    served_until_over(peer);
    assert_true(served_has(peer, "\r\n\r\ndone"));
    served_until_ended(peer);
}

static void an_abort_from_outside_ends_the_connection(void **state)
{
    (void)state;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tc_exchange_abort(plan.x, TC_ERR_INTERRUPTED);
    served_turns(&world, 3);
    assert_int_equal(plan.closes, 1);
    assert_int_equal(plan.why, TC_ERR_INTERRUPTED);
    assert_true(peer->ended && peer->over);
    assert_int_equal(peer->heard.len, 0);
}

static void a_session_is_killed_by_a_handler(void **state)
{
    (void)state;
    plan.kill = true;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(plan.closes, 1);
    assert_int_equal(plan.why, TC_ERR_INTERRUPTED);
    assert_true(peer->ended);
    assert_int_equal(peer->why, TC_ERR_INTERRUPTED);
}

static void a_handler_aborts_wherever_it_is(void **state)
{
    static const char request[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    for (const char *where = "hde"; *where; where++)
        for (int answered = 0; answered < 2; answered++) {
            plan.abort_in = *where;
            plan.answer_at_head = answered;
            say(request);
            const bool asked = !answered || *where == 'h'; /* else it was over by then */
            assert_int_equal(plan.closes, 1);
            assert_int_equal(plan.why, asked ? TC_ERR_INTERRUPTED : TC_OK);
            assert_true(peer->ended == asked);
            end(state);
            begin(state);
        }
}

static void wishes_at_the_end_come_too_late(void **state)
{
    (void)state;
    plan.late_wishes = true;
    plan.answer_at_head = true;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_int_equal(plan.closes, 1);
    assert_true(peer->ended);
    peer = served_connect(&world, 1, &tc_h1_type, ROOM);
    plan.answer_at_head = false;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tc_session_kill(&peer->session, TC_ERR_SYSTEM);
    assert_int_equal(plan.closes, 2);
    assert_true(peer->ended);
    served_turns(&world, 3);
}

/* --- those who look on --------------------------------------------------------------------- */

static char seen[64];

static void see(tc_watch *w, const tc_seen *what)
{
    static const char letters[TC_SEEN_COUNT] = {
        [TC_SEEN_BEGUN] = 'b',         [TC_SEEN_REQUEST_HEAD] = 'q', [TC_SEEN_REQUEST_END] = 'Q',
        [TC_SEEN_RESPONSE_HEAD] = 's', [TC_SEEN_RESPONSE_END] = 'S', [TC_SEEN_CLOSED] = 'c',
        [TC_SEEN_ENDED] = 'e'};
    const size_t n = strlen(seen);
    (void)w;
    assert_true(n + 1 < sizeof seen);
    seen[n] = letters[what->kind] ? letters[what->kind] : '?';
}

static void every_phase_is_seen_once(void **state)
{
    (void)state;
    tc_watch watch = {.mask = ~(1u << TC_SEEN_BYTES), .see = see}; /* those come as they like */
    world.env.watch = &watch;
    plan.answer_at_end = true;
    memset(seen, 0, sizeof seen);
    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
    assert_string_equal(seen, "bqQsSc");
    memset(seen, 0, sizeof seen);
    plan.answer_at_end = false;
    plan.inform = 103;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_string_equal(seen, "bqQs");
    assert_int_equal(tc_exchange_answer(plan.x, 200, TC_LENGTH_UNKNOWN), TC_OK);
    assert_int_equal(tc_exchange_send(plan.x, tc_run_bytes(TC_SPAN("one")), false), TC_OK);
    served_turns(&world, 3);
    assert_string_equal(seen, "bqQss");
    assert_int_equal(tc_exchange_end(plan.x), TC_OK);
    served_turns(&world, 3);
    assert_string_equal(seen, "bqQssSc");
    served_end(peer);
    served_turns(&world, 3);
    assert_string_equal(seen, "bqQssSce");
    world.env.watch = NULL;
}

static int64_t read_at[64];
static unsigned closed_count, readings;

static void note_time(tc_watch *w, const tc_seen *what)
{
    (void)w;
    readings += closed_count == 0 || what->at != read_at[closed_count - 1];
    read_at[closed_count++] = what->at;
}

/* Of quick ones that come together the clock is read now and then, if nobody wants it closer. */
static void quick_exchanges_share_the_time(void **state)
{
    (void)state;
    tc_watch watch = {.mask = 1u << TC_SEEN_CLOSED, .see = note_time};
    world.env.watch = &watch;
    plan.answer_at_head = true;
    for (int turn = 0; turn < 3; turn++) { /* rough and quick, rough, quick */
        watch.rough = turn < 2;
        plan.quick = turn != 1;
        closed_count = readings = 0;
        char all[48 * 40];
        size_t len = 0;
        for (int i = 0; i < 48; i++)
            len +=
                (size_t)snprintf(all + len, sizeof all - len, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        say(all);
        served_turns(&world, 100);
        assert_int_equal(closed_count, 48);
        if (watch.rough && plan.quick)
            assert_in_range(readings, 3, 8); /* turns of the loop have times of their own */
        else
            assert_int_equal(readings, 48);
    }
    world.env.watch = NULL;
}

/* --- pauses -------------------------------------------------------------------------------- */

static void nothing_is_given_during_a_pause(void **state)
{
    (void)state;
    plan.pause_first = true;
    plan.answer_at_end = true;
    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    say("56789");
    assert_int_equal(plan.heads, 1);
    assert_int_equal(plan.datas, 0);
    tc_exchange_resume(plan.x);
    served_until_heard(peer, "done");
    check_span(tc_buf_span(&plan.content), "0123456789");
    assert_int_equal(plan.closes, 1);
    assert_int_equal(plan.ends, 1);
}

static void chunks_wait_too(void **state)
{
    (void)state;
    plan.pause_first = plan.pause_each = true;
    plan.answer_at_end = true;
    say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    assert_int_equal(plan.datas, 0);
    for (int i = 1; i <= 2; i++) {
        tc_exchange_resume(plan.x);
        served_turns(&world, 3);
        assert_int_equal(plan.datas, i);
        assert_int_equal(plan.ends, 0);
    }
    tc_exchange_resume(plan.x); /* the end is behind what was held */
    served_until_heard(peer, "done");
    check_span(tc_buf_span(&plan.content), "abcdefg");
    assert_int_equal(plan.ends, 1);
}

static void content_counts_once(void **state)
{
    (void)state;
    world.limits.body_bytes = 10;
    plan.pause_first = true;
    plan.answer_at_end = true;
    say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "a\r\n0123456789\r\n0\r\n\r\n");
    tc_exchange_resume(plan.x);
    served_until_heard(peer, "HTTP/1.1 200");
    assert_int_equal(world.reached.body_bytes, 0);
}

static void the_peer_feels_a_pause(void **state)
{
    (void)state;
    static char much[400000];
    memset(much, 'x', sizeof much);
    tc_buf_fini(&plan.content);
    plan.pause_first = true;
    plan.answer_at_end = true;
    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n");
    size_t said = 0;
    for (int i = 0; i < 200; i++) {
        const tc_run run = tc_run_bytes((tc_span){much, sizeof much - said});
        size_t taken = 0;
        assert_int_equal(peer->far.link.type->write(&peer->far.link, &run, 1, &taken), TC_OK);
        said += taken;
        served_turns(&world, 1);
    }
    assert_in_range(said, 1, 3 * ROOM); /* the link, and one read */
    tc_exchange_resume(plan.x);
    served_say(peer, (tc_span){much, sizeof much - said});
    served_until_heard(peer, "done");
    assert_int_equal(plan.content.len, 400000);
}

static void a_pause_ends_with_an_error(void **state)
{
    (void)state;
    plan.pause_first = true;
    plan.fail_head = TC_ERR_METHOD_UNKNOWN;
    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n01234"
        "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    served_until_heard(peer, "HTTP/1.1 501");
    assert_int_equal(plan.closes, 2);
    assert_int_equal(plan.datas, 0);
    assert_int_equal(plan.heads, 2); /* the rest was read: the next one came */
}

/* --- information --------------------------------------------------------------------------- */

static void information_does_not_stand_for_continue(void **state)
{
    (void)state;
    plan.inform = 103;
    plan.answer_at_end = true;
    say("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    served_until_heard(peer, "HTTP/1.1 103 Early Hints\r\n");
    served_until_heard(peer, "HTTP/1.1 100 Continue\r\n");
    say("ab");
    served_until_heard(peer, "done");
}

static void information_leaves_before_an_answer_of_the_same_call(void **state)
{
    (void)state;
    plan.inform = 103;
    plan.answer_at_head = true;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    served_until_heard(peer, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n");
    served_until_heard(peer, "done");
}

static void continue_waits_for_the_pause_to_end(void **state)
{
    (void)state;
    plan.pause_first = true;
    plan.answer_at_end = true;
    say("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    assert_int_equal(peer->heard.len, 0);
    tc_exchange_resume(plan.x);
    served_until_heard(peer, "HTTP/1.1 100 Continue\r\n\r\n");
    say("ab");
    served_until_heard(peer, "done");
}

static void much_information_waits_for_room(void **state)
{
    (void)state;
    peer->deaf = true;
    peer->near.room = 100;
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    unsigned asked = 0;
    for (int i = 0; i < 100; i++) {
        asked += tc_exchange_inform(plan.x, 103, NULL) == TC_OK;
        served_turns(&world, 2);
    }
    assert_int_equal(plan.closes, 0);
    assert_in_range(asked, 8, 99);
    assert_int_equal(reply(plan.x), TC_OK);
    served_turns(&world, 2);
    served_hear(peer);
    served_until_heard(peer, "\r\n\r\ndone");
    assert_int_equal(served_times(peer, "HTTP/1.1 103 Early Hints\r\n\r\n"), asked);
}

/* A client takes only so many; the answer still comes. */
static void information_is_bounded(void **state)
{
    (void)state;
    static tc_field field = {{"link", 4}, {"</a>", 4}, TC_FIELD_LINK};
    static const tc_fields hints = {.at = &field, .count = 1, .room = 1};
    say("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for (int i = 0; i < 40; i++) {
        assert_int_equal(tc_exchange_inform(plan.x, 103, &hints), TC_OK);
        served_turns(&world, 2);
    }
    assert_int_equal(reply(plan.x), TC_OK);
    served_until_heard(peer, "\r\n\r\ndone");
    assert_int_equal(served_times(peer, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), 32);
    assert_int_equal(served_times(peer, "Link: "), 32); /* they are no fields of the answer */
    assert_int_equal(world.reached.informational, 8);
}

/* --- errors -------------------------------------------------------------------------------- */

static void an_error_in_content_is_no_end(void **state)
{
    (void)state;
    plan.answer_at_head = true;
    plan.fail_data = TC_ERR_WRITE_FILE;
    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n");
    say("ab");
    assert_int_equal(plan.ends, 0);
    assert_int_equal(plan.closes, 1);
}

static void an_error_before_the_answer_is_the_answer(void **state)
{
    (void)state;
    plan.fail_data = TC_ERR_CONTENT_TOO_LARGE;
    say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab");
    served_until_heard(peer, "HTTP/1.1 413 ");
    assert_int_equal(plan.ends, 0);
    assert_int_equal(plan.closes, 1);
    assert_int_equal(plan.why, TC_ERR_CONTENT_TOO_LARGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_comes_from_a_task),
        TEST(an_answer_comes_after_a_while),
        TEST(piece_by_piece),
        TEST(an_end_waits_for_room),
        TEST(the_peer_may_be_half_closed_by_then),
        TEST(an_abort_from_outside_ends_the_connection),
        TEST(a_session_is_killed_by_a_handler),
        TEST(a_handler_aborts_wherever_it_is),
        TEST(wishes_at_the_end_come_too_late),
        TEST(every_phase_is_seen_once),
        TEST(quick_exchanges_share_the_time),
        TEST(nothing_is_given_during_a_pause),
        TEST(chunks_wait_too),
        TEST(content_counts_once),
        TEST(the_peer_feels_a_pause),
        TEST(a_pause_ends_with_an_error),
        TEST(information_does_not_stand_for_continue),
        TEST(information_leaves_before_an_answer_of_the_same_call),
        TEST(continue_waits_for_the_pause_to_end),
        TEST(much_information_waits_for_room),
        TEST(information_is_bounded),
        TEST(an_error_in_content_is_no_end),
        TEST(an_error_before_the_answer_is_the_answer),
    };
    return cmocka_run_group_tests_name("session_async", tests, NULL, NULL);
}
