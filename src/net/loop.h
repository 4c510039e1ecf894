/* loop.h - one thread's sockets, timers and posted work. Backed by epoll, edge-triggered; nothing
 * of that shows here, so that another backend can stand in its place.
 *
 * A callback may remove any io, its own too: a removed one is not called again and its memory may
 * go at once. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/clock.h"
#include "base/timer.h"
#include <stdbool.h>

typedef struct tc_loop tc_loop;

enum {
    TC_READY_IN = 1,
    TC_READY_OUT = 2,
    TC_READY_GONE = 4
}; /* GONE: the peer's end, or an error */

/* Something with a descriptor. The callback is told what became ready since the last time. */
typedef struct tc_io {
    int fd;
    void (*ready)(struct tc_io *io, unsigned what);
} tc_io;

/* A timer with someone to call. Zero all of it before first use. */
typedef struct tc_alarm {
    tc_timer timer; /* first: the heap knows this one */
    void (*ring)(struct tc_alarm *alarm);
} tc_alarm;

/* Work for the end of the turn, or from another thread. */
typedef struct tc_task {
    struct tc_task *next;
    void (*run)(struct tc_task *task);
    bool queued;
} tc_task;

tc_err tc_loop_new(tc_loop **ret_loop) TC_MUST_USE;
void tc_loop_free(tc_loop *loop);

tc_err tc_loop_add(tc_loop *loop, tc_io *io) TC_MUST_USE;          /* edges, both ways */
tc_err tc_loop_add_listener(tc_loop *loop, tc_io *io) TC_MUST_USE; /* level, reading */
void tc_loop_remove(tc_loop *loop, tc_io *io);                     /* it may be added again */
void tc_loop_closing(tc_loop *loop, tc_io *io); /* instead, where close(io->fd) comes next */

tc_err tc_loop_set(tc_loop *loop, tc_alarm *alarm, int64_t deadline) TC_MUST_USE;
void tc_loop_clear(tc_loop *loop, tc_alarm *alarm);

void tc_loop_after(tc_loop *loop, tc_task *task); /* at the end of this turn; once, however often */
void tc_loop_cancel(tc_loop *loop,
                    tc_task *task);              /* one given to tc_loop_after, if it still waits */
void tc_loop_post(tc_loop *loop, tc_task *task); /* from any thread; the task must not be queued */

/* Monotonic ns: read when the loop woke, and again by tc_loop_tick. */
int64_t tc_loop_now(const tc_loop *loop);
int64_t tc_loop_tick(tc_loop *loop);
/* Memory for one read of a link, shared by all of them. */
char *tc_loop_read_room(tc_loop *loop, size_t *ret_size);
/* Memory in which a link gathers small runs before it writes; empty between two sessions' turns. */
char *tc_loop_write_room(tc_loop *loop, size_t *ret_size);

/* The same two for a link that wraps another one: what it unwrapped, and what it is to wrap. */
char *tc_loop_plain_read_room(tc_loop *loop, size_t *ret_size);
char *tc_loop_plain_write_room(tc_loop *loop, size_t *ret_size);

tc_err tc_loop_run(tc_loop *loop) TC_MUST_USE;                 /* until tc_loop_stop */
tc_err tc_loop_turn(tc_loop *loop, int64_t until) TC_MUST_USE; /* waits at most until then, once */
void tc_loop_stop(tc_loop *loop);
