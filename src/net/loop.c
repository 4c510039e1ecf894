/* loop.c - the loop of loop.h over epoll(7).
 *
 * Everything is edge-triggered but listeners. One eventfd wakes the loop for posted work. */
// SPDX-License-Identifier: MIT
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    EVENTS_MAX = 512,
    READ_BYTES = 65536,
    RECORD_BYTES = 16384, /* the most that is wrapped at once */
    RECORDS = 4,          /* gathered before they are */
    WRITE_BYTES = RECORDS * (RECORD_BYTES + 256),
    FINE_MS = 2
};

struct tc_loop {
    int epoll;
    tc_io wake; /* the eventfd */
    int64_t now;
    tc_timers timers;
    tc_task *after, **after_end; /* for the end of this turn */
    tc_task *running;            /* those of them that are next, while they run */
    pthread_mutex_t lock;        /* of posted; taken only when something was posted */
    tc_task *posted, **posted_end;
    bool stopped;
    bool coarse;             /* the kernel waits in whole milliseconds only */
    int turn_count, turn_at; /* events of this turn, the one being told */
    struct epoll_event events[EVENTS_MAX];
    char read_room[READ_BYTES];
    char write_room[WRITE_BYTES];
    char plain_read_room[READ_BYTES + 2 * RECORD_BYTES]; /* a part of a record was kept before */
    char plain_write_room[RECORDS * RECORD_BYTES];
};

static void drain_wake(tc_io *io, unsigned what)
{
    (void)what;
    uint64_t n;
    if (read(io->fd, &n, sizeof n) < 0) assert(errno == EAGAIN || errno == EINTR);
}

static tc_err watch(tc_loop *loop, tc_io *io, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = io};
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, io->fd, &e) ? tc_err_from_errno(errno) : TC_OK;
}

tc_err tc_loop_new(tc_loop **ret_loop)
{
    tc_loop *loop = tc_alloc(sizeof *loop);
    if (!loop) return TC_ERR_NO_MEMORY;
    memset(loop, 0, offsetof(tc_loop, events)); /* not the rooms: untouched pages cost nothing */
    loop->after_end = &loop->after;
    loop->posted_end = &loop->posted;
    pthread_mutex_init(&loop->lock, NULL);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = (tc_io){eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), drain_wake};
    loop->now = tc_clock_now();
    tc_err err = loop->epoll < 0 || loop->wake.fd < 0 ? tc_err_from_errno(errno)
                                                      : watch(loop, &loop->wake, EPOLLIN);
    if (err) {
        tc_loop_free(loop);
        return err;
    }
    *ret_loop = loop;
    return TC_OK;
}

void tc_loop_free(tc_loop *loop)
{
    if (!loop) return;
    if (loop->epoll >= 0) close(loop->epoll);
    if (loop->wake.fd >= 0) close(loop->wake.fd);
    pthread_mutex_destroy(&loop->lock);
    tc_timers_fini(&loop->timers);
    tc_free(loop);
}

tc_err tc_loop_add(tc_loop *loop, tc_io *io)
{
    return watch(loop, io, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

tc_err tc_loop_add_listener(tc_loop *loop, tc_io *io)
{
    return watch(loop, io, EPOLLIN);
}

void tc_loop_closing(tc_loop *loop, tc_io *io)
{
    for (int i = loop->turn_at; i < loop->turn_count; i++)
        if (loop->events[i].data.ptr == io) loop->events[i].data.ptr = NULL;
}

void tc_loop_remove(tc_loop *loop, tc_io *io)
{
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, io->fd, NULL); /* it may not have been added yet */
    tc_loop_closing(loop, io);
}

tc_err tc_loop_set(tc_loop *loop, tc_alarm *alarm, int64_t deadline)
{
    return tc_timer_set(&loop->timers, &alarm->timer, deadline);
}

void tc_loop_clear(tc_loop *loop, tc_alarm *alarm)
{
    tc_timer_clear(&loop->timers, &alarm->timer);
}

void tc_loop_after(tc_loop *loop, tc_task *task)
{
    if (task->queued) return;
    task->queued = true;
    task->next = NULL;
    *loop->after_end = task;
    loop->after_end = &task->next;
}

void tc_loop_post(tc_loop *loop, tc_task *task)
{
    pthread_mutex_lock(&loop->lock);
    task->next = NULL;
    *loop->posted_end = task;
    loop->posted_end = &task->next;
    pthread_mutex_unlock(&loop->lock);
    const uint64_t one = 1;
    ssize_t n;
    do {
        n = write(loop->wake.fd, &one, sizeof one);
    } while (n < 0 && errno == EINTR);
    if (n < 0) assert(errno == EAGAIN); /* the counter is full: it is awake anyway */
}

int64_t tc_loop_now(const tc_loop *loop)
{
    return loop->now;
}

int64_t tc_loop_tick(tc_loop *loop)
{
    return loop->now = tc_clock_now();
}

char *tc_loop_read_room(tc_loop *loop, size_t *ret_size)
{
    *ret_size = sizeof loop->read_room;
    return loop->read_room;
}

char *tc_loop_write_room(tc_loop *loop, size_t *ret_size)
{
    *ret_size = sizeof loop->write_room;
    return loop->write_room;
}

char *tc_loop_plain_read_room(tc_loop *loop, size_t *ret_size)
{
    *ret_size = sizeof loop->plain_read_room;
    return loop->plain_read_room;
}

char *tc_loop_plain_write_room(tc_loop *loop, size_t *ret_size)
{
    *ret_size = sizeof loop->plain_write_room;
    return loop->plain_write_room;
}

static bool unlink_task(tc_task **list, tc_task *task, tc_task ***end)
{
    for (tc_task **at = list; *at; at = &(*at)->next) {
        if (*at != task) continue;
        *at = task->next;
        if (end && !*at) *end = at;
        return true;
    }
    return false;
}

void tc_loop_cancel(tc_loop *loop, tc_task *task)
{
    if (!task->queued) return;
    task->queued = false;
    if (!unlink_task(&loop->running, task, NULL))
        (void)unlink_task(&loop->after, task, &loop->after_end);
}

static void run_after(tc_loop *loop)
{
    loop->running = loop->after;
    loop->after = NULL;
    loop->after_end = &loop->after;
    while (loop->running) {
        tc_task *task = loop->running;
        loop->running = task->next;
        task->queued = false;
        task->run(task);
    }
}

static void run_posted(tc_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    tc_task *tasks = loop->posted;
    loop->posted = NULL;
    loop->posted_end = &loop->posted;
    pthread_mutex_unlock(&loop->lock);
    while (tasks) {
        tc_task *next = tasks->next;
        tasks->run(tasks);
        tasks = next;
    }
}

static int wait_ms(const tc_loop *loop, int64_t until)
{
    const int64_t timer = tc_timers_next(&loop->timers);
    if (timer < until) until = timer;
    if (loop->after) return 0;
    if (until == TC_NEVER) return -1;
    if (until <= loop->now) return 0;
    const int64_t ms = (until - loop->now + TC_MS - 1) / TC_MS;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* Whole milliseconds are enough for time limits. What is due sooner than those can tell, as packets
 * are that leave at a pace, is waited for to the point where the kernel can. */
static int wait_for_events(tc_loop *loop, int64_t until)
{
    const int ms = wait_ms(loop, until);
    if (ms > 0 && ms <= FINE_MS && !loop->coarse) {
        const int64_t timer = tc_timers_next(&loop->timers), due = timer < until ? timer : until;
        const int64_t left = due - tc_clock_now();
        const struct timespec time = {.tv_nsec = left > 0 ? (long)left : 0};
        const int n = epoll_pwait2(loop->epoll, loop->events, EVENTS_MAX, &time, NULL);
        if (n >= 0 || errno != ENOSYS) return n;
        loop->coarse = true;
    }
    return epoll_wait(loop->epoll, loop->events, EVENTS_MAX, ms);
}

static unsigned ready_of(uint32_t events)
{
    unsigned what = 0;
    if (events & EPOLLIN) what |= TC_READY_IN;
    if (events & EPOLLOUT) what |= TC_READY_OUT;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) what |= TC_READY_GONE;
    return what;
}

static void ring_alarms(tc_loop *loop)
{
    tc_timer *timer;
    while ((timer = tc_timers_due(&loop->timers, loop->now))) {
        tc_alarm *alarm = (tc_alarm *)timer;
        alarm->ring(alarm);
    }
}

tc_err tc_loop_turn(tc_loop *loop, int64_t until)
{
    const int n = wait_for_events(loop, until);
    if (n < 0 && errno != EINTR) return tc_err_from_errno(errno);
    tc_loop_tick(loop);
    bool woken = false;
    loop->turn_count = n < 0 ? 0 : n;
    for (loop->turn_at = 0; loop->turn_at < loop->turn_count;) {
        const struct epoll_event *e = &loop->events[loop->turn_at++];
        tc_io *io = e->data.ptr;
        if (!io) continue;
        woken |= io == &loop->wake;
        io->ready(io, ready_of(e->events));
    }
    loop->turn_at = loop->turn_count = 0;
    if (woken) run_posted(loop);
    if (tc_timers_next(&loop->timers) <= loop->now) ring_alarms(loop);
    run_after(loop);
    return TC_OK;
}

tc_err tc_loop_run(tc_loop *loop)
{
    tc_err err = TC_OK;
    loop->stopped = false;
    while (!loop->stopped && !err)
        err = tc_loop_turn(loop, TC_NEVER);
    return err;
}

void tc_loop_stop(tc_loop *loop)
{
    loop->stopped = true;
}
