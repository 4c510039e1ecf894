/* link_pipe.c - see link_pipe.h. */
// SPDX-License-Identifier: MIT
#include "support/link_pipe.h"

#include <unistd.h>

#include "support/check.h"

static void tell(tc_task *task)
{
    link_pipe *p = (link_pipe *)((char *)task - offsetof(link_pipe, tell));
    const unsigned pending = p->pending;
    p->pending = 0;
    p->link.on_ready(&p->link, pending);
}

static void notify(link_pipe *p, unsigned what)
{
    p->pending |= what;
    tc_loop_after(p->loop, &p->tell);
}

static tc_err pipe_read(tc_link *l, tc_span *ret_in, bool *ret_fin, bool *ret_more)
{
    link_pipe *p = (link_pipe *)l;
    size_t size;
    char *room = tc_loop_read_room(p->loop, &size);
    size_t n = p->inbox.len < p->step ? p->inbox.len : p->step;
    n = n < size ? n : size;
    if (n) memcpy(room, p->inbox.at, n);
    tc_buf_drop(&p->inbox, n);
    if (n && p->other && p->other->full) {
        p->other->full = false;
        notify(p->other, TC_LINK_OUT);
    }
    *ret_in = (tc_span){room, n};
    *ret_fin = n == 0 && p->ended;
    *ret_more = n > 0;
    return n == 0 && p->reset ? TC_ERR_PEER_RESET : TC_OK;
}

static tc_err put(link_pipe *to, const tc_run *run, size_t n)
{
    char *at;
    const tc_err err = tc_buf_reserve(&to->inbox, n, &at);
    if (err) return err;
    if (run->kind == TC_RUN_BYTES)
        memcpy(at, run->at, n);
    else if (pread(run->fd, at, n, (off_t)run->off) != (ssize_t)n)
        return TC_ERR_FILE_SHRANK;
    to->inbox.len += n;
    return TC_OK;
}

static tc_err pipe_write(tc_link *l, const tc_run *runs, size_t count, size_t *ret_taken)
{
    link_pipe *p = (link_pipe *)l;
    size_t taken = 0;
    if (!p->other) return TC_ERR_PEER_RESET;
    for (size_t i = 0; i < count && !p->full; i++) {
        const size_t left = p->room - p->other->inbox.len;
        const size_t n = runs[i].len < left ? runs[i].len : left;
        const tc_err err = put(p->other, &runs[i], n);
        if (err) return err;
        taken += n;
        p->full = n < runs[i].len;
    }
    if (taken) {
        p->writes++;
        notify(p->other, TC_LINK_IN);
    }
    *ret_taken = taken;
    return TC_OK;
}

static tc_err pipe_flush(tc_link *l)
{
    (void)l;
    return TC_OK;
}

static bool pipe_stuck(const tc_link *l)
{
    return ((const link_pipe *)l)->full;
}

static uint64_t pipe_untaken(const tc_link *l)
{
    const link_pipe *p = (const link_pipe *)l;
    return p->other ? p->other->inbox.len : 0;
}

static tc_ip pipe_address(const tc_link *l, uint16_t *ret_port)
{
    *ret_port = 4711;
    return ((const link_pipe *)l)->from;
}

static void pipe_end_writing(tc_link *l)
{
    link_pipe *p = (link_pipe *)l;
    if (!p->other || p->other->ended) return;
    p->other->ended = true;
    notify(p->other, TC_LINK_IN | TC_LINK_GONE);
}

static void pipe_close(tc_link *l, bool reset)
{
    link_pipe *p = (link_pipe *)l;
    if (p->other && reset) {
        p->other->reset = true;
        notify(p->other, TC_LINK_IN | TC_LINK_GONE);
    }
    pipe_end_writing(l);
    if (p->other) p->other->other = NULL;
    p->other = NULL;
    tc_loop_cancel(p->loop, &p->tell);
    tc_buf_fini(&p->inbox);
}

static const tc_link_type pipe_type = {
    .name = "pipe",
    .read = pipe_read,
    .write = pipe_write,
    .flush = pipe_flush,
    .stuck = pipe_stuck,
    .untaken = pipe_untaken,
    .address = pipe_address,
    .end_writing = pipe_end_writing,
    .close = pipe_close,
};

/* All its memory at once, so that whoever counts allocations or lets them fail sees none of ours.
 */
static void warm(tc_buf *b, size_t room)
{
    char *at;
    assert_int_equal(tc_buf_reserve(b, room, &at), TC_OK);
}

void link_pipe_init(link_pipe *a, link_pipe *b, tc_loop *loop, size_t room, size_t step,
                    void (*on_ready_a)(tc_link *, unsigned),
                    void (*on_ready_b)(tc_link *, unsigned))
{
    *a = (link_pipe){.link = {&pipe_type, on_ready_a}, .loop = loop, .other = b};
    *b = (link_pipe){.link = {&pipe_type, on_ready_b}, .loop = loop, .other = a};
    a->tell.run = b->tell.run = tell;
    a->room = b->room = room;
    a->step = b->step = step;
    tc_buf_init(&a->inbox, room);
    tc_buf_init(&b->inbox, room);
    warm(&a->inbox, room);
    warm(&b->inbox, room);
}
