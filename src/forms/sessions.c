/* sessions.c - see sessions.h. What becomes of a session is decided in the store's transaction: of
 * two requests that bring the same form, one is the first. */
// SPDX-License-Identifier: MIT
#include "forms/sessions.h"

#include <nettle/sha2.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "forms/sessions_sweep.h"
#include "records/document.h"

enum { DOCUMENT_BYTES = 1 << 20, STATE_BYTES = 1 << 21, DEPTH = 8 };

const tc_collection_config tc_sessions_collection = {.name = {".sessions", 9}};

void tc_sessions_init(tc_sessions *s, tc_store *store, unsigned collection, tc_loop *loop,
                      const tc_limits *limits, tc_reached *reached, tc_session_count *count)
{
    *s = (tc_sessions){store, collection, loop, limits, reached, count, NULL};
    if (!atomic_exchange(&count->swept, true)) s->sweep = tc_sweep_new(s);
}

void tc_sessions_fini(tc_sessions *s)
{
    tc_sweep_free(s->sweep);
    s->sweep = NULL;
}

tc_session_ask *tc_session_ask_new(tc_sessions *s, enum tc_session_what what)
{
    tc_session_ask *a = tc_alloc_zero(sizeof *a);
    if (!a) return NULL;
    a->sessions = s;
    a->what = what;
    a->idle_s = (int64_t)(s->limits->session_idle_ms / 1000);
    a->absolute_s = (int64_t)(s->limits->session_ms / 1000);
    a->uses = s->limits->form_uses;
    tc_buf_init(&a->state, STATE_BYTES);
    tc_buf_init(&a->document, DOCUMENT_BYTES);
    return a;
}

void tc_session_ask_free(tc_session_ask *a)
{
    if (!a) return;
    tc_buf_fini(&a->state);
    tc_buf_fini(&a->document);
    tc_free(a);
}

/* --- in the transaction -------------------------------------------------------------------- */

static int64_t ends(const tc_session_ask *a, int64_t made_s, int64_t now)
{
    const int64_t idle = now + a->idle_s, absolute = made_s + a->absolute_s;
    return idle < absolute ? idle : absolute;
}

static int64_t number_of(const json_t *session, const char *name)
{
    return json_integer_value(json_object_get(session, name));
}

static void copy_text(const json_t *session, const char *name, char *to, size_t size)
{
    const json_t *v = json_object_get(session, name);
    const size_t n = json_string_length(v);
    if (n && n <= size) memcpy(to, json_string_value(v), n);
}

/* Remembers that a form was sent. Those that are late anyway are forgotten; beyond the limit the
 * oldest is, and with it all pages that are as old. */
static bool remember(tc_session_ask *a, json_t *session, int64_t now)
{
    json_t *used = json_object_get(session, "used"), *value, *oldest = NULL;
    const char *once;
    void *next;
    json_object_foreach_safe(used, next, once, value) if (json_integer_value(value) < now)
        json_object_del(used, once);
    while (json_object_size(used) >= a->uses) {
        const char *first = NULL;
        json_object_foreach(used, once, value) if (!first || json_integer_value(value) <
                                                                 json_integer_value(oldest))
        {
            first = once;
            oldest = value;
        }
        if (json_object_set_new(session, "floor", json_integer(json_integer_value(oldest))))
            return false;
        json_object_del(used, first);
        a->forgot = true;
    }
    return !json_object_setn_new(used, a->opened.once.at, a->opened.once.len,
                                 json_integer(a->opened.until_s));
}

static enum tc_session_verdict judge_form(tc_session_ask *a, const json_t *session, int64_t now)
{
    const tc_span key = tc_span_of(a->key, sizeof a->key);
    const json_t *used = json_object_get(session, "used");
    if (!tc_form_state_open(tc_buf_span(&a->state), key, a->path, &a->opened))
        return TC_SESSION_FORGED;
    if (json_object_getn(used, a->opened.once.at, a->opened.once.len)) return TC_SESSION_USED;
    return a->opened.until_s < now || a->opened.until_s <= number_of(session, "floor")
               ? TC_SESSION_LATE
               : TC_SESSION_GOOD;
}

static void put(tc_session_ask *a, const json_t *session, tc_store_change *ret)
{
    tc_buf_reset(&a->document);
    if (tc_document_write(session, &a->document)) {
        a->verdict = TC_SESSION_NONE; /* no memory: as if it were over */
        return;
    }
    ret->what = TC_STORE_PUT;
    ret->document = tc_buf_span(&a->document);
}

static void go_on(tc_session_ask *a, json_t *session, int64_t now, tc_store_change *ret)
{
    const int64_t until = ends(a, number_of(session, "made"), now);
    a->verdict = TC_SESSION_GOOD;
    copy_text(session, "key", a->key, sizeof a->key);
    memset(a->name, 0, sizeof a->name);
    copy_text(session, "name", a->name, TC_SESSION_NAME);
    if (a->what == TC_SESSION_LOOK) {
        const bool worth = until - number_of(session, "ends") > a->idle_s / 8;
        if (a->looks_only || !worth) return;
    } else {
        a->verdict = judge_form(a, session, now);
        if (a->verdict != TC_SESSION_GOOD) return;
        if (a->removes) {
            ret->what = TC_STORE_DELETE;
            return;
        }
        if (!remember(a, session, now)) a->verdict = TC_SESSION_LATE;
    }
    if (json_object_set_new(session, "ends", json_integer(until))) return;
    put(a, session, ret);
}

static void make(tc_session_ask *a, int64_t now, tc_store_change *ret)
{
    tc_json j = {.out = a->document};
    tc_buf_reset(&j.out);
    tc_json_open(&j, NULL, '{');
    tc_json_number(&j, "made", (uint64_t)now);
    tc_json_number(&j, "ends", (uint64_t)ends(a, now, now));
    tc_json_number(&j, "floor", 0);
    tc_json_text(&j, "key", tc_span_of(a->key, sizeof a->key));
    tc_json_text(&j, "name", tc_span_str(a->name));
    tc_json_open(&j, "used", '{');
    tc_json_close(&j, '}');
    tc_json_close(&j, '}');
    a->document = j.out;
    a->verdict = j.err ? TC_SESSION_NONE : TC_SESSION_GOOD;
    if (j.err) return;
    ret->what = TC_STORE_PUT;
    ret->document = tc_buf_span(&a->document);
}

/* The store's thread. */
static void decide(tc_store_ask *ask, const tc_record *before, tc_store_change *ret)
{
    tc_session_ask *a = (tc_session_ask *)ask;
    tc_document_fault fault;
    json_t *session = NULL;
    const int64_t now = tc_clock_wall();
    a->verdict = TC_SESSION_NONE;
    a->forgot = a->was_idle = a->was_long = false;
    if (a->what == TC_SESSION_MAKE) {
        if (!before) make(a, now, ret); /* 160 bits by chance: there never is one */
        return;
    }
    if (!before || tc_document_read(before->document, DEPTH, &session, &fault)) return;
    a->was_long = number_of(session, "made") + a->absolute_s <= now;
    a->was_idle = !a->was_long && number_of(session, "ends") <= now;
    if (!a->was_long && !a->was_idle) go_on(a, session, now, ret);
    json_decref(session);
}

/* --- asking -------------------------------------------------------------------------------- */

static void release(tc_store_ask *ask)
{
    tc_session_ask_free((tc_session_ask *)ask);
}

static void done(tc_store_ask *ask)
{
    tc_session_ask *a = (tc_session_ask *)ask;
    tc_reached *reached = a->sessions->reached;
    reached->form_uses += a->forgot;
    reached->session_idle_ms += a->was_idle;
    reached->session_ms += a->was_long;
    if (a->what == TC_SESSION_USE && a->removes && !ask->err && a->verdict == TC_SESSION_GOOD)
        tc_session_count_down(a->sessions->count);
    a->done(a);
}

/* The place is taken before it is asked for, so that many at once are no more than allowed. */
static tc_err count_up(tc_sessions *s)
{
    tc_session_count *c = s->count;
    if (atomic_fetch_add(&c->open, 1) >= s->limits->sessions) {
        atomic_fetch_sub(&c->open, 1);
        s->reached->sessions++;
        return TC_ERR_FULL;
    }
    atomic_fetch_add(&c->made, 1);
    return TC_OK;
}

tc_err tc_session_ask_begin(tc_session_ask *a, tc_span id)
{
    tc_sessions *s = a->sessions;
    uint8_t hash[SHA256_DIGEST_SIZE];
    struct sha256_ctx ctx;
    const bool makes = a->what == TC_SESSION_MAKE;
    if (makes) {
        const tc_err err = count_up(s);
        if (err) return err;
        tc_hex_random(a->id, sizeof a->id);
        tc_hex_random(a->key, sizeof a->key);
    } else {
        memcpy(a->id, id.at, sizeof a->id);
    }
    sha256_init(&ctx);
    sha256_update(&ctx, sizeof a->id, (const uint8_t *)a->id);
    sha256_digest(&ctx, sizeof hash, hash);
    tc_hex_write(a->stored, hash, sizeof hash);
    a->ask.kind = TC_STORE_CHANGING;
    a->ask.collection = s->collection;
    a->ask.key = tc_span_of(a->stored, sizeof a->stored);
    a->ask.weight = sizeof *a + a->state.size;
    a->ask.decide = decide;
    a->ask.done = done;
    a->ask.release = release;
    const tc_err err = tc_store_begin(s->store, s->loop, &a->ask);
    if (err && makes) tc_session_count_down(s->count);
    return err;
}

void tc_session_ask_forget(tc_session_ask *a)
{
    tc_store_forget(a->sessions->store, &a->ask);
}
