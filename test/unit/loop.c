/* loop.c - one thread's sockets, alarms and tasks: who is called, when, and who is not any more. */
// SPDX-License-Identifier: MIT
#include "net/loop.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/check.h"

static tc_loop *loop;

static int begin(void **state)
{
    (void)state;
    return tc_loop_new(&loop);
}

static int end(void **state)
{
    (void)state;
    tc_loop_free(loop);
    return 0;
}

static void turn(void)
{
    assert_int_equal(tc_loop_turn(loop, 0), TC_OK);
}

/* --- tasks --------------------------------------------------------------------------------- */

typedef struct job {
    tc_task task; /* first */
    char letter;
    struct job *then, *cancels;
} job;

static char told[64];

static void note(char letter)
{
    const size_t n = strlen(told);
    assert_true(n + 1 < sizeof told);
    told[n] = letter;
    told[n + 1] = 0;
}

static void run(tc_task *task)
{
    job *j = (job *)task;
    note(j->letter);
    if (j->then) tc_loop_after(loop, &j->then->task);
    if (j->cancels) tc_loop_cancel(loop, &j->cancels->task);
}

static job job_of(char letter)
{
    told[0] = 0;
    return (job){.task = {.run = run}, .letter = letter};
}

static void tasks_run_in_order_once_a_turn(void **state)
{
    (void)state;
    job a = job_of('a'), b = job_of('b');
    a.then = &a; /* again, in the next turn */
    tc_loop_after(loop, &a.task);
    tc_loop_after(loop, &b.task);
    tc_loop_after(loop, &a.task);
    turn();
    assert_string_equal(told, "ab");
    turn();
    assert_string_equal(told, "aba");
    tc_loop_cancel(loop, &a.task);
    turn();
    assert_string_equal(told, "aba");
}

static void a_cancelled_task_does_not_run(void **state)
{
    (void)state;
    job a = job_of('a'), b = job_of('b'), c = job_of('c'), d = job_of('d');
    tc_loop_after(loop, &a.task);
    tc_loop_after(loop, &b.task);
    tc_loop_after(loop, &c.task);
    tc_loop_cancel(loop, &c.task); /* the last of the list: the next one follows b */
    tc_loop_cancel(loop, &c.task);
    tc_loop_after(loop, &d.task);
    a.cancels = &b; /* one that is to run in this very turn */
    turn();
    assert_string_equal(told, "ad");
    tc_loop_after(loop, &b.task);
    turn();
    assert_string_equal(told, "adb");
}

static void a_task_may_cancel_one_of_the_next_turn(void **state)
{
    (void)state;
    job a = job_of('a'), b = job_of('b'), c = job_of('c');
    a.then = &b;
    c.cancels = &b;
    tc_loop_after(loop, &a.task);
    tc_loop_after(loop, &c.task);
    turn();
    turn();
    assert_string_equal(told, "ac");
}

/* --- posting ------------------------------------------------------------------------------- */

enum { POSTS = 1000 };

static job posts[POSTS];
static int ran;

static void count(tc_task *task)
{
    (void)task;
    if (++ran == POSTS) tc_loop_stop(loop);
}

static void *post_all(void *argument)
{
    (void)argument;
    for (int i = 0; i < POSTS; i++) {
        posts[i].task.run = count;
        tc_loop_post(loop, &posts[i].task);
    }
    return NULL;
}

static void another_thread_posts(void **state)
{
    (void)state;
    pthread_t thread;
    ran = 0;
    assert_int_equal(pthread_create(&thread, NULL, post_all, NULL), 0);
    assert_int_equal(tc_loop_run(loop), TC_OK); /* sleeps until it is woken */
    assert_int_equal(ran, POSTS);
    pthread_join(thread, NULL);
}

/* --- alarms -------------------------------------------------------------------------------- */

typedef struct clock_job {
    tc_alarm alarm; /* first */
    struct clock_job *clears;
    int64_t again_ms;
    int rung;
} clock_job;

static void ring(tc_alarm *alarm)
{
    clock_job *j = (clock_job *)alarm;
    j->rung++;
    if (j->clears) tc_loop_clear(loop, &j->clears->alarm);
    if (j->again_ms && j->rung < 3)
        assert_int_equal(tc_loop_set(loop, alarm, tc_loop_now(loop) + j->again_ms * TC_MS), TC_OK);
}

static void until(const int *rung, int wanted)
{
    const int64_t patience = tc_loop_tick(loop) + 120 * TC_S;
    while (*rung < wanted && tc_loop_now(loop) < patience)
        assert_int_equal(tc_loop_turn(loop, patience), TC_OK);
    assert_int_equal(*rung, wanted);
}

static void alarms_ring_in_time(void **state)
{
    (void)state;
    clock_job soon = {.alarm.ring = ring, .again_ms = 5}, late = {.alarm.ring = ring};
    tc_clock_stop();
    const int64_t now = tc_loop_tick(loop);
    assert_int_equal(tc_loop_set(loop, &late.alarm, now + 120 * TC_S), TC_OK);
    assert_int_equal(tc_loop_set(loop, &soon.alarm, now + 20 * TC_MS), TC_OK);
    tc_clock_move(19 * TC_MS);
    turn();
    assert_int_equal(soon.rung, 0);
    tc_clock_go();
    until(&soon.rung, 3);
    assert_true(tc_loop_now(loop) - now >= 30 * TC_MS);
    assert_int_equal(late.rung, 0);
    assert_int_equal(tc_loop_set(loop, &late.alarm, now), TC_OK); /* brought forward: overdue */
    turn();
    assert_int_equal(late.rung, 1);
}

static void an_alarm_may_clear_another_that_is_due(void **state)
{
    (void)state;
    clock_job a = {.alarm.ring = ring}, b = {.alarm.ring = ring};
    a.clears = &b;
    b.clears = &a;
    const int64_t now = tc_loop_tick(loop);
    assert_int_equal(tc_loop_set(loop, &a.alarm, now), TC_OK);
    assert_int_equal(tc_loop_set(loop, &b.alarm, now), TC_OK);
    turn();
    turn();
    assert_int_equal(a.rung + b.rung, 1);
}

static void an_alarm_put_off_rings_once(void **state)
{
    (void)state;
    clock_job a = {.alarm.ring = ring};
    tc_clock_stop();
    for (int i = 0; i < 5; i++) {
        assert_int_equal(tc_loop_set(loop, &a.alarm, tc_loop_tick(loop) + 30 * TC_MS), TC_OK);
        tc_clock_move(29 * TC_MS);
        turn();
    }
    assert_int_equal(tc_loop_set(loop, &a.alarm, TC_NEVER), TC_OK);
    tc_clock_move(60 * TC_MS);
    turn();
    turn();
    assert_int_equal(a.rung, 0);
    tc_clock_go();
    assert_int_equal(tc_loop_set(loop, &a.alarm, tc_loop_now(loop) + TC_MS), TC_OK);
    until(&a.rung, 1);
}

/* --- descriptors --------------------------------------------------------------------------- */

typedef struct end_of_pair {
    tc_io io; /* first */
    int far;
    unsigned what;
    int times;
    struct end_of_pair *closes;
    bool removes;
} end_of_pair;

static void ready(tc_io *io, unsigned what)
{
    end_of_pair *p = (end_of_pair *)io;
    p->what |= what;
    p->times++;
    if (p->removes) tc_loop_remove(loop, io);
    if (p->closes) {
        tc_loop_closing(loop, &p->closes->io);
        close(p->closes->io.fd);
        p->closes->io.fd = -1;
        memset(&p->closes->io, 0xee, sizeof p->closes->io); /* its memory is someone else's now */
    }
}

static void pair_up(end_of_pair *p)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    *p = (end_of_pair){.io = {fds[0], ready}, .far = fds[1]};
}

static void part(end_of_pair *p)
{
    if (p->closes || p->io.fd >= 0) close(p->io.fd);
    close(p->far);
}

static void edges_are_told_once(void **state)
{
    (void)state;
    end_of_pair p;
    pair_up(&p);
    assert_int_equal(tc_loop_add(loop, &p.io), TC_OK);
    turn();
    assert_int_equal(p.what, TC_READY_OUT);
    turn();
    assert_int_equal(p.times, 1);
    assert_int_equal(write(p.far, "x", 1), 1);
    turn();
    turn();
    assert_int_equal(p.times, 2);
    assert_true(p.what & TC_READY_IN);
    assert_int_equal(write(p.far, "x", 1), 1); /* more of it is an edge again, unread or not */
    turn();
    assert_int_equal(p.times, 3);
    shutdown(p.far, SHUT_WR);
    turn();
    assert_true(p.what & TC_READY_GONE);
    part(&p);
}

static void a_listener_is_told_until_it_is_served(void **state)
{
    (void)state;
    end_of_pair p;
    pair_up(&p);
    assert_int_equal(write(p.far, "x", 1), 1);
    assert_int_equal(tc_loop_add_listener(loop, &p.io), TC_OK);
    turn();
    turn();
    assert_int_equal(p.times, 2);
    tc_loop_remove(loop, &p.io);
    turn();
    assert_int_equal(p.times, 2);
    assert_int_equal(tc_loop_add_listener(loop, &p.io), TC_OK);
    p.removes = true;
    turn();
    turn();
    assert_int_equal(p.times, 3);
    part(&p);
}

static void one_closed_in_the_same_turn_is_not_told(void **state)
{
    (void)state;
    end_of_pair a, b;
    pair_up(&a);
    pair_up(&b);
    a.closes = &b;
    assert_int_equal(tc_loop_add(loop, &a.io), TC_OK);
    assert_int_equal(tc_loop_add(loop, &b.io), TC_OK);
    turn();
    assert_int_equal(a.times, 1);
    assert_int_equal(b.times, 0);
    turn();
    close(b.far);
    part(&a);
}

/* --- trouble ------------------------------------------------------------------------------- */

static void without_memory_there_is_none(void **state)
{
    (void)state;
    tc_loop *none = NULL;
    tc_alloc_fail_after(0);
    const tc_err err = tc_loop_new(&none);
    clock_job a = {.alarm.ring = ring};
    const tc_err set = tc_loop_set(loop, &a.alarm, tc_loop_now(loop));
    tc_alloc_fail_after(-1);
    assert_int_equal(err, TC_ERR_NO_MEMORY);
    assert_int_equal(set, TC_ERR_NO_MEMORY);
    turn();
    assert_int_equal(a.rung, 0);
}

static void without_descriptors_there_is_none(void **state)
{
    (void)state;
    struct rlimit all, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    const int next = dup(0);
    close(next);
    for (int extra = 0; extra < 2; extra++) {
        few = all;
        few.rlim_cur = (rlim_t)(next + extra);
        tc_loop *none = NULL;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        const tc_err err = tc_loop_new(&none);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
        assert_int_equal(err, TC_ERR_TOO_MANY_FILES);
    }
    const int again = dup(0);
    close(again);
    assert_int_equal(again, next); /* nothing was left open */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tasks_run_in_order_once_a_turn),
        TEST(a_cancelled_task_does_not_run),
        TEST(a_task_may_cancel_one_of_the_next_turn),
        TEST(another_thread_posts),
        TEST(alarms_ring_in_time),
        TEST(an_alarm_may_clear_another_that_is_due),
        TEST(an_alarm_put_off_rings_once),
        TEST(edges_are_told_once),
        TEST(a_listener_is_told_until_it_is_served),
        TEST(one_closed_in_the_same_turn_is_not_told),
        TEST(without_memory_there_is_none),
        TEST(without_descriptors_there_is_none),
    };
    return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
