/* push.c - what a server pushes with the answer to a fetch: taken, shown to those who look on, and
 * waited for, as long as something comes. Nobody asked for its content, so nobody is given it. */
// SPDX-License-Identifier: MIT
#include "client/inside.h"

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    tc_fetch *f = self;
    unsigned i = 0;
    (void)why; /* those who look on are told */
    while (f->pushes[i] != x)
        i++;
    f->pushes[i] = f->pushes[--f->push_count];
    if (f->lingers && f->push_count == 0) tc_fetch_over(f, TC_OK, (tc_span){0});
}

static tc_err on_head(void *self, tc_exchange *x)
{
    (void)self;
    (void)x;
    return TC_OK;
}

static const tc_handler pushed_handler = {
    .name = "pushed", .on_head = on_head, .on_close = on_close};

void tc_fetch_promised(tc_session_env *env, tc_exchange *of, tc_exchange *x)
{
    tc_fetch *f = of->self;
    const bool full = f->promised >= f->client->limits->pushes;
    (void)env;
    f->client->reached->pushes += full;
    if (full || f->push_count == TC_FETCH_PUSHES || f->err) return;
    f->promised++;
    f->pushes[f->push_count++] = x;
    x->handler = &pushed_handler;
    x->self = f;
}

static uint64_t came(const tc_fetch *f)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < f->push_count; i++)
        bytes += f->pushes[i]->wire_in;
    return bytes;
}

static void break_off(tc_fetch *f, tc_err why)
{
    for (unsigned i = 0; i < f->push_count; i++)
        tc_exchange_abort(f->pushes[i], why);
}

void tc_fetch_linger(tc_fetch *f)
{
    tc_loop *loop = f->client->loop;
    const int64_t ms = (int64_t)f->client->limits->response_ms;
    f->lingers = true;
    f->quiet_in = came(f);
    if (f->err)
        break_off(f, f->err);
    else if (tc_loop_set(loop, &f->quiet, tc_loop_now(loop) + ms * TC_MS) != TC_OK)
        break_off(f, TC_ERR_NO_MEMORY);
}

void tc_fetch_lingered(tc_fetch *f)
{
    if (came(f) != f->quiet_in) {
        tc_fetch_linger(f);
        return;
    }
    f->client->reached->response_ms++; /* that is no fault of the answer's */
    break_off(f, TC_ERR_RESPONSE_TIME);
}
