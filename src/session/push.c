/* push.c - requests that nobody sent: promises of a server's handlers, and those a client is made.
 *
 * A promised exchange is like any other from then on. What one connection was pushed is remembered,
 * a little of it, so that it is not pushed again with the next answer. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/hash.h"
#include "session/inside.h"

enum { REMEMBERED = 64 };

struct tc_pushed {
    uint32_t count;
    uint64_t at[REMEMBERED];
};

/* --- server ---------------------------------------------------------------------------------- */

/* Whoever finds names that collide is given less. */
static uint64_t hash_of(const tc_message *m)
{
    static const tc_hash_key key = {0};
    return tc_hash(&key, m->authority) * 31 + tc_hash(&key, m->path);
}

/* Without memory to remember it, nothing is pushed. */
static bool is_new(tc_session *s, const tc_message *m)
{
    if (!s->pushed) s->pushed = tc_alloc_zero(sizeof *s->pushed);
    if (!s->pushed) return false;
    const uint64_t hash = hash_of(m);
    for (uint32_t i = 0; i < s->pushed->count && i < REMEMBERED; i++)
        if (s->pushed->at[i] == hash) return false;
    return true;
}

static void remember(tc_session *s, const tc_message *m)
{
    s->pushed->at[s->pushed->count++ % REMEMBERED] = hash_of(m);
}

/* The request that this client would have sent: what it said about content goes for this too. */
static tc_err make_request(tc_exchange *p, const tc_exchange *x, tc_span path)
{
    static const enum tc_field_id kept[] = {TC_FIELD_ACCEPT_ENCODING, TC_FIELD_ACCEPT_LANGUAGE,
                                            TC_FIELD_AUTHORIZATION};
    tc_message *m = &p->theirs;
    p->asker = x->asker;
    m->method = TC_METHOD_GET;
    m->method_name = tc_method_name(TC_METHOD_GET);
    m->scheme = tc_arena_copy(&p->arena, x->theirs.scheme);
    m->authority = tc_arena_copy(&p->arena, x->theirs.authority);
    m->path = tc_arena_copy(&p->arena, path);
    if (!m->scheme.at || !m->authority.at || !m->path.at) return TC_ERR_NO_MEMORY;
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        tc_span value;
        if (!tc_fields_get(&x->theirs.fields, kept[i], &value)) continue;
        const tc_err err = tc_fields_add(&m->fields, &p->arena, tc_field_name(kept[i]), value);
        if (err) return err;
    }
    return TC_OK;
}

static tc_err push_one(tc_session *s, tc_exchange *x, tc_span path)
{
    tc_engine *e = tc_session_engine(s);
    tc_exchange *p = tc_slab_get(&s->env->exchanges);
    if (!p) return TC_ERR_NO_MEMORY;
    tc_exchange_init(p, 0, s->env->engine.limits->exchange_bytes);
    tc_err err = make_request(p, x, path);
    const bool fresh = !err && is_new(s, &p->theirs);
    if (fresh) err = e->type->push(e, x, p);
    if (err || !fresh) {
        tc_exchange_fini(p);
        tc_slab_put(&s->env->exchanges, p);
        return err;
    }
    remember(s, &p->theirs);
    p->times.begun = tc_loop_now(s->env->loop);
    tc_session_apply(s, &(tc_event){.kind = TC_EV_HEAD, .x = p, .end = true});
    return TC_OK;
}

void tc_session_push(tc_session *s, tc_exchange *x)
{
    const tc_promise *p = x->promises;
    x->want &= ~(unsigned)TC_WANT_PUSH;
    x->promises = NULL;
    if (!tc_session_engine(s)->type->push) return;
    for (; p && !push_one(s, x, p->path); p = p->next)
        ;
}

/* --- client ---------------------------------------------------------------------------------- */

void tc_session_take_promise(tc_session *s, const tc_event *ev)
{
    tc_exchange *x = ev->x;
    tc_session_env *env = s->env;
    tc_engine *e = tc_session_engine(s);
    x->id = ++env->numbers->last_exchange;
    x->times.begun = x->times.ours_head = x->times.ours_end = tc_loop_now(env->loop);
    if (env->promised) env->promised(env, ev->of, x);
    if (x->handler) {
        tc_session_adopt(s, x);
    } else if (!ev->err) {
        e->type->abort(e, x, TC_ERR_REFUSED);
    }
}
