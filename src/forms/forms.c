/* forms.c - a form for a collection: what is asked of the session, what of the store, and which
 * page comes next. A form that was sent is checked in the session's transaction (sessions.c); only
 * then is anything done. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "forms/form_body.h"
#include "forms/forms_page.h"
#include "forms/forms_write.h"
#include "forms/same_origin.h"
#include "forms/sessions.h"
#include "page/acceptable.h"
#include "page/error_page.h"

/* An exchange with a form, in its arena. */
typedef struct forming {
    tc_asking *asking;
    tc_exchange *x;
    tc_session_ask *session; /* on its way to the store; NULL: none */
    tc_form_write *write;    /* the same */
    tc_form_body sent;       /* by the browser */
    tc_form_body carried;    /* in the sealed state */
    uint64_t held;           /* of the store's, for what was sent */
    tc_form_page page;
    bool over; /* answered, or about to be broken off */
} forming;

static tc_err refuse(forming *f, unsigned status, const char *why)
{
    f->over = true;
    return tc_error_page(f->x, status, tc_span_str(why));
}

/* For what a function says that returns a limit or a fault of theirs. */
static tc_err fail(forming *f, tc_err err, const char *why)
{
    const int status = tc_err_status(err);
    if (err == TC_ERR_NO_MEMORY || !status) return err;
    f->over = true;
    if (err == TC_ERR_STORE_BUSY || err == TC_ERR_STORE_HELD)
        return tc_records_fail(f->asking, f->x, err);
    return refuse(f, (unsigned)status, why ? why : tc_err_sentence(err));
}

static tc_err retry_later(forming *f, const char *why)
{
    const tc_err err =
        tc_fields_set(&f->x->ours.fields, &f->x->arena, TC_FIELD_RETRY_AFTER, TC_SPAN("60"));
    return err ? err : refuse(f, 503, why);
}

static forming *make(tc_asking *a, tc_exchange *x)
{
    forming *f = tc_exchange_alloc(x, sizeof *f);
    if (!f) return NULL;
    *f = (forming){.asking = a, .x = x};
    const tc_collection *c = a->collection;
    f->page = (tc_form_page){.asking = a, .x = x};
    f->page.path = tc_records_address(&x->arena, c, TC_FORM_PLACE);
    for (unsigned i = 0; i < c->form_count; i++)
        f->page.values[i].name = c->form[i];
    a->state = f;
    return f->page.path.at ? f : NULL;
}

/* Many forms that come at once hold no more together than store_held. */
static tc_err settle(forming *f)
{
    const uint64_t now = tc_form_body_bytes(&f->sent);
    if (now <= f->held) return TC_OK;
    if (!tc_store_hold(f->asking->records->store, now - f->held)) return TC_ERR_STORE_HELD;
    f->held = now;
    return TC_OK;
}

static void let_go(forming *f)
{
    tc_form_body_fini(&f->sent);
    tc_store_drop(f->asking->records->store, f->held);
    f->held = 0;
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    tc_asking *a = self;
    forming *f = a->state;
    (void)x;
    (void)why;
    if (!f) return;
    if (f->session) tc_session_ask_forget(f->session);
    if (f->write) tc_form_write_forget(a->records->store, f->write);
    let_go(f);
    tc_form_body_fini(&f->carried);
}

/* --- asking for the session ---------------------------------------------------------------- */

static tc_err go_on(forming *f, tc_session_ask *a);

/* In the loop, when the store has answered. */
static void session_done(tc_session_ask *a)
{
    forming *f = a->self;
    f->session = NULL;
    tc_err err = a->ask.err;
    err = err ? tc_records_fail(f->asking, f->x, err) : go_on(f, a);
    if (err == TC_ERR_STORE_HELD) err = fail(f, err, NULL); /* no room for the page */
    if (err) tc_exchange_abort(f->x, err);
}

static tc_err ask_session(forming *f, tc_session_ask *a, tc_span id)
{
    a->done = session_done;
    a->self = f;
    a->path = f->page.path;
    const tc_err err = tc_session_ask_begin(a, id);
    if (!err) {
        f->session = a;
        return TC_OK;
    }
    tc_session_ask_free(a);
    if (err == TC_ERR_FULL) return retry_later(f, "there are too many sessions now (sessions)");
    return fail(f, err, NULL);
}

static tc_err begin_session(forming *f, tc_span name)
{
    /* A new session is written: not for what may be a replay (RFC 8470). */
    if (tc_exchange_early(f->x)) return refuse(f, 425, tc_err_sentence(TC_ERR_TOO_EARLY));
    tc_session_ask *a = tc_session_ask_new(f->asking->records->sessions, TC_SESSION_MAKE);
    if (!a) return TC_ERR_NO_MEMORY;
    memcpy(a->name, name.at ? name.at : "", name.len);
    return ask_session(f, a, (tc_span){0});
}

/* The page stands for this session from now on; copies, since the ask goes. */
static tc_err enter(forming *f, const tc_session_ask *a)
{
    tc_arena *arena = &f->x->arena;
    tc_form_page *p = &f->page;
    p->id = tc_arena_copy(arena, tc_span_of(a->id, sizeof a->id));
    p->key = tc_arena_copy(arena, tc_span_of(a->key, sizeof a->key));
    p->name = tc_arena_copy(arena, tc_span_str(a->name));
    p->until_s = tc_clock_wall() + (int64_t)(f->asking->records->limits->form_ms / 1000);
    p->new_cookie = a->what == TC_SESSION_MAKE;
    if (!p->id.at || !p->key.at || !p->name.at) return TC_ERR_NO_MEMORY;
    return p->new_cookie ? tc_session_cookie_set(f->x, p->id) : TC_OK;
}

/* --- GET ----------------------------------------------------------------------------------- */

static tc_err on_page_head(void *self, tc_exchange *x)
{
    tc_span id;
    if (tc_wants_coded(x)) return tc_only_identity(x);
    forming *f = make(self, x);
    if (!f) return TC_ERR_NO_MEMORY;
    if (!tc_session_cookie_get(x, &id)) return begin_session(f, (tc_span){0});
    tc_session_ask *a = tc_session_ask_new(f->asking->records->sessions, TC_SESSION_LOOK);
    if (!a) return TC_ERR_NO_MEMORY;
    a->looks_only = tc_exchange_early(x);
    return ask_session(f, a, id);
}

/* --- POST: what was sent ------------------------------------------------------------------- */

static tc_err on_sent_head(void *self, tc_exchange *x)
{
    tc_span id;
    const char *why;
    forming *f = make(self, x);
    if (!f) return TC_ERR_NO_MEMORY;
    why = tc_cross_site(&x->theirs);
    if (why) return refuse(f, 403, why);
    if (!tc_session_cookie_get(x, &id))
        return refuse(f, 403, "there is no session: cookies are needed; open the form again");
    const tc_records *r = f->asking->records;
    const tc_err err = tc_form_body_begin(&f->sent, &x->theirs, r->limits, r->reached, &why);
    return err ? fail(f, err, why) : TC_OK;
}

static tc_err on_sent_data(void *self, tc_exchange *x, tc_span run)
{
    tc_asking *a = self;
    forming *f = a->state;
    const char *why;
    (void)x;
    if (f->over) return TC_OK;
    tc_err err = tc_form_body_feed(&f->sent, run, &why);
    if (!err) err = settle(f);
    if (!err) return TC_OK;
    let_go(f);
    return fail(f, err, why);
}

/* NULL: it can be a name. */
static const char *who_fault(tc_span who)
{
    if (!who.len) return "A name is missing.";
    if (who.len > TC_SESSION_NAME) return "The name has more than 64 bytes.";
    for (size_t i = 0; i < who.len; i++)
        if ((uint8_t)who.at[i] < ' ' || who.at[i] == 0x7f)
            return "The name has a control character.";
    return NULL;
}

static tc_err on_sent_end(void *self, tc_exchange *x)
{
    tc_asking *asking = self;
    forming *f = asking->state;
    const char *why;
    tc_span id;
    tc_form_state claimed;
    if (f->over) return TC_OK;
    tc_err err = tc_form_body_end(&f->sent, &why);
    if (err) return fail(f, err, why);
    const tc_span state = tc_form_body_get(&f->sent, TC_FORM_STATE);
    if (!tc_form_state_read(state, &claimed) || !tc_session_cookie_get(x, &id))
        return refuse(f, 403, "the form's hidden field is missing or was changed");
    f->page.who_fault = who_fault(tc_span_trim(tc_form_body_get(&f->sent, TC_FORM_WHO)));
    tc_session_ask *a = tc_session_ask_new(asking->records->sessions, TC_SESSION_USE);
    if (!a) return TC_ERR_NO_MEMORY;
    a->removes = tc_span_eq(claimed.step, TC_FORM_SIGN_OUT) ||
                 (tc_span_eq(claimed.step, TC_FORM_SIGN_IN) && !f->page.who_fault);
    err = tc_buf_add(&a->state, state);
    if (!err) return ask_session(f, a, id);
    tc_session_ask_free(a);
    return err;
}

/* --- POST: the steps ----------------------------------------------------------------------- */

static tc_err see_other(forming *f, tc_span address)
{
    tc_fields *to = &f->x->ours.fields;
    f->over = true;
    tc_err err = tc_fields_set(to, &f->x->arena, TC_FIELD_LOCATION, address);
    if (!err) err = tc_fields_set(to, &f->x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-store"));
    return err ? err : tc_exchange_answer(f->x, 303, 0);
}

static const char *value_fault(tc_span value)
{
    if (!value.len) return "This is missing.";
    for (size_t i = 0; i < value.len; i++)
        if ((uint8_t)value.at[i] < ' ' || value.at[i] == 0x7f)
            return "This has a control character.";
    return NULL;
}

/* Step 1 was sent. */
static tc_err filled_in(forming *f)
{
    bool good = true;
    for (unsigned i = 0; i < f->asking->collection->form_count; i++) {
        tc_form_value *v = &f->page.values[i];
        v->value = tc_span_trim(tc_form_body_get(&f->sent, v->name));
        f->page.faults[i] = value_fault(v->value);
        good &= !f->page.faults[i];
    }
    f->page.who_fault = NULL;
    if (!good) return tc_form_fill_page(&f->page, 422);
    const tc_err err = tc_form_review_page(&f->page);
    if (err != TC_ERR_FORM_TOO_LARGE) return err;
    f->asking->records->reached->form_field++;
    return refuse(f, 413, "what was filled in is too long for a hidden field (form_field)");
}

static void written(tc_form_write *w, tc_err err, tc_span key, void *self)
{
    forming *f = self;
    (void)w;
    f->write = NULL;
    const tc_span address =
        err ? (tc_span){0} : tc_records_address(&f->x->arena, f->asking->collection, key);
    if (err == TC_ERR_CONTENT_TOO_LARGE)
        err = refuse(f, 413, "the record would be too large (record_bytes)");
    else if (err)
        err = tc_records_fail(f->asking, f->x, err);
    else
        err = address.at ? see_other(f, address) : TC_ERR_NO_MEMORY;
    if (err) tc_exchange_abort(f->x, err);
}

/* Step 2 was sent: what counts is what was looked at, which the sealed state carries. */
static tc_err reviewed(forming *f, const tc_form_state *state)
{
    const tc_records *r = f->asking->records;
    tc_err err = tc_form_body_read(&f->carried, state->values, r->limits, r->reached);
    if (err) return fail(f, err, NULL);
    for (unsigned i = 0; i < f->asking->collection->form_count; i++) {
        tc_form_value *v = &f->page.values[i];
        v->value = tc_form_body_get(&f->carried, v->name);
    }
    f->page.who_fault = NULL;
    if (tc_span_eq(tc_form_body_get(&f->sent, TC_FORM_GO), TC_FORM_BACK))
        return tc_form_fill_page(&f->page, 200);
    err = tc_form_write_begin(f->asking, f->page.values, written, f, &f->write);
    return err ? fail(f, err, NULL) : TC_OK;
}

static tc_err take_step(forming *f, tc_session_ask *a)
{
    const tc_form_state *s = &a->opened;
    if (tc_span_eq(s->step, TC_FORM_FILL)) return filled_in(f);
    if (tc_span_eq(s->step, TC_FORM_REVIEW)) return reviewed(f, s);
    if (tc_span_eq(s->step, TC_FORM_SIGN_IN)) {
        if (!a->removes) return tc_form_fill_page(&f->page, 422);
        return begin_session(f, tc_span_trim(tc_form_body_get(&f->sent, TC_FORM_WHO)));
    }
    const tc_err err = tc_session_cookie_set(f->x, (tc_span){0}); /* signed out */
    return err ? err : see_other(f, f->page.path);
}

static const char *reason(enum tc_session_verdict verdict)
{
    switch (verdict) {
    case TC_SESSION_GOOD: break;
    case TC_SESSION_NONE: return "the session is over; open the form again";
    case TC_SESSION_FORGED: return "the form was changed, or is another session's";
    case TC_SESSION_LATE: return "the page is too old (form_ms); open the form again";
    case TC_SESSION_USED: return "this page was sent before, and is good once";
    }
    return "";
}

static tc_err go_on(forming *f, tc_session_ask *a)
{
    tc_err err;
    if (a->what == TC_SESSION_LOOK && a->verdict == TC_SESSION_NONE)
        return begin_session(f, (tc_span){0});
    if (a->verdict != TC_SESSION_GOOD) {
        f->asking->records->reached->form_ms += a->verdict == TC_SESSION_LATE;
        return refuse(f, 403, reason(a->verdict));
    }
    err = enter(f, a);
    if (err) return err;
    if (a->what == TC_SESSION_USE) return take_step(f, a);
    f->over = true;
    return f->x->theirs.method == TC_METHOD_POST ? see_other(f, f->page.path)
                                                 : tc_form_fill_page(&f->page, 200);
}

const tc_handler tc_form_page_handler = {
    .name = "form", .on_head = on_page_head, .on_close = on_close};
const tc_handler tc_form_sent_handler = {.name = "form",
                                         .on_head = on_sent_head,
                                         .on_data = on_sent_data,
                                         .on_end = on_sent_end,
                                         .on_close = on_close};
