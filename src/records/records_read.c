/* records_read.c - GET and HEAD of one record: from the worker's cache, or asked of the store. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "base/clock.h"
#include "http/accept.h"
#include "http/precondition.h"
#include "page/acceptable.h"
#include "records/records_inside.h"
#include "records/records_page.h"

/* On its way to the store; outlives an exchange that is gone. */
typedef struct reading {
    tc_store_ask ask; /* first */
    tc_exchange *x;
    tc_asking *asking;
    uint64_t generation;
    char key[]; /* a copy */
} reading;

static tc_err serve(tc_asking *a, tc_exchange *x, tc_entry *e)
{
    tc_err err = tc_arena_defer(&x->arena, tc_entry_unref, e);
    if (err) return err;
    if (tc_wants_coded(x)) return tc_not_acceptable(x, (tc_span){0}, 0, TC_REPLY_JSON);
    if (tc_fields_has(&x->theirs.fields, TC_FIELD_ACCEPT) &&
        tc_accept_kind(&x->theirs, TC_REPLY_JSON) == TC_REPLY_HTML) {
        err = tc_records_hold_page(a, x, e->document);
        if (err) return tc_records_fail(a, x, err);
        return tc_record_page(a, x, e); /* another representation: it has no validators */
    }
    if (tc_conditional(&x->theirs.fields)) {
        const tc_validators valid = {e->etag, e->changed_s, true};
        const enum tc_verdict verdict = tc_precondition(&x->theirs, &valid, tc_clock_wall());
        if (verdict != TC_GO_ON) err = tc_records_validators(a, x, e->version, e->changed_s);
        if (err) return err;
        if (verdict == TC_NOT_MODIFIED) {
            err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, TC_SPAN("Accept"));
            if (!err)
                err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CACHE_CONTROL,
                                    TC_SPAN("no-cache"));
            return err ? err : tc_exchange_answer(x, 304, 0);
        }
        if (verdict == TC_PRECONDITION_FAILED)
            return tc_records_problem(x, 412, TC_SPAN("the record is another version (ETag)"));
    }
    x->ours.blocks[TC_BLOCK_CONTENT] = &e->block;
    return tc_exchange_reply(x, 200, tc_run_bytes(e->document));
}

static void done(tc_store_ask *ask)
{
    reading *r = (reading *)ask;
    tc_exchange *x = r->x;
    tc_asking *a = r->asking;
    tc_err err = ask->err;
    a->state = NULL;
    if (err) {
        err = tc_records_fail(a, x, err);
    } else if (!ask->found) {
        err = tc_records_problem(x, 404, TC_SPAN("there is no such record"));
    } else {
        tc_entry *e;
        err = tc_entry_make(a->records, a->number, &ask->record, r->generation, &e);
        err = err ? tc_records_fail(a, x, err) : serve(a, x, e);
    }
    if (err) tc_exchange_abort(x, err);
}

static void release(tc_store_ask *ask)
{
    tc_free(ask);
}

static tc_err ask_store(tc_asking *a, tc_exchange *x)
{
    reading *r = tc_alloc(sizeof *r + a->key.len);
    if (!r) return TC_ERR_NO_MEMORY;
    memcpy(r->key, a->key.at, a->key.len);
    r->x = x;
    r->asking = a;
    r->generation = tc_store_generation(a->records->store, a->number, a->key);
    r->ask = (tc_store_ask){.kind = TC_STORE_GET,
                            .collection = a->number,
                            .key = tc_span_of(r->key, a->key.len),
                            .weight = sizeof *r + a->key.len,
                            .done = done,
                            .release = release};
    const tc_err err = tc_store_begin(a->records->store, a->records->loop, &r->ask);
    if (!err) {
        a->state = r;
        return TC_OK;
    }
    tc_free(r);
    return tc_records_fail(a, x, err);
}

static tc_err on_head(void *self, tc_exchange *x)
{
    tc_asking *a = self;
    tc_entry *e = tc_entry_get(a->records, a->number, a->key);
    return e ? serve(a, x, e) : ask_store(a, x);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    tc_asking *a = self;
    (void)x;
    (void)why;
    reading *r = a->state;
    if (r) tc_store_forget(a->records->store, &r->ask);
}

const tc_handler tc_record_read_handler = {
    .name = "records", .on_head = on_head, .on_close = on_close};
