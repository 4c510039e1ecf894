/* exchange.c - see exchange.h. */
// SPDX-License-Identifier: MIT
#include "http/exchange.h"

#include <assert.h>

void tc_exchange_init(tc_exchange *x, uint64_t id, size_t arena_max)
{
    memset(x, 0, offsetof(tc_exchange, room));
    x->id = id;
    tc_arena_init(&x->arena, x->room, sizeof x->room, arena_max);
}

void tc_exchange_fini(tc_exchange *x)
{
    tc_arena_fini(&x->arena);
}

bool tc_exchange_early(const tc_exchange *x)
{
    return x->early || tc_fields_has(&x->theirs.fields, TC_FIELD_EARLY_DATA);
}

static void ask(tc_exchange *x, unsigned want)
{
    x->want |= want;
    if (x->wake) x->wake(x);
}

tc_err tc_exchange_inform(tc_exchange *x, unsigned status, const tc_fields *fields)
{
    assert(status >= 100 && status < 200);
    if (x->began || x->want & TC_WANT_INFORM) return TC_ERR_HEAD_TWICE;
    x->informational = (uint16_t)status;
    x->hints = fields;
    ask(x, TC_WANT_INFORM);
    return TC_OK;
}

tc_err tc_exchange_push(tc_exchange *x, tc_span path)
{
    tc_promise **at = &x->promises;
    if (x->pushed) return TC_OK;
    tc_promise *p = tc_exchange_alloc(x, sizeof *p);
    if (!p) return TC_ERR_NO_MEMORY;
    *p = (tc_promise){.path = path};
    while (*at)
        at = &(*at)->next;
    *at = p;
    ask(x, TC_WANT_PUSH);
    return TC_OK;
}

tc_err tc_exchange_answer(tc_exchange *x, unsigned status, int64_t length)
{
    assert(status >= 200 && status < 1000);
    if (x->began) return TC_ERR_HEAD_TWICE;
    x->began = true;
    x->ours.status = (uint16_t)status;
    x->ours.length = length;
    x->ended = length == 0;
    ask(x, x->ended ? TC_WANT_HEAD | TC_WANT_END : TC_WANT_HEAD);
    return TC_OK;
}

tc_err tc_exchange_send(tc_exchange *x, tc_run run, bool last)
{
    if (!x->began) return TC_ERR_HEAD_MISSING;
    if (x->ended) return run.len == 0 ? TC_OK : TC_ERR_BODY_TOO_LONG;
    if (run.len > 0) {
        if (x->run_count == TC_RUNS) return TC_ERR_FULL;
        x->runs[x->run_count++] = run;
    }
    x->ended = last;
    ask(x, (run.len ? TC_WANT_BODY : 0) | (last ? TC_WANT_END : 0));
    return TC_OK;
}

tc_err tc_exchange_end(tc_exchange *x)
{
    return tc_exchange_send(x, (tc_run){0}, true);
}

tc_err tc_exchange_reply(tc_exchange *x, unsigned status, tc_run content)
{
    const tc_err err = tc_exchange_answer(x, status, (int64_t)content.len);
    return err ? err : tc_exchange_send(x, content, true);
}

void tc_exchange_pause(tc_exchange *x)
{
    x->paused = true;
}

void tc_exchange_pause_after(tc_exchange *x, size_t n)
{
    x->paused = x->partly = true;
    x->used = n;
}

void tc_exchange_resume(tc_exchange *x)
{
    if (!x->paused) return;
    x->paused = false;
    ask(x, TC_WANT_RESUME);
}

void tc_exchange_abort(tc_exchange *x, tc_err why)
{
    if (x->want & TC_WANT_ABORT) return;
    x->abort_reason = why;
    ask(x, TC_WANT_ABORT);
}
