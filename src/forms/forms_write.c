/* forms_write.c - see forms_write.h. */
// SPDX-License-Identifier: MIT
#include "forms/forms_write.h"

#include "base/alloc.h"
#include "base/text.h"

struct tc_form_write {
    tc_store_ask ask; /* first */
    const tc_collection *collection;
    tc_buf members;  /* ,"Name":"David Smith","Address":"..."} */
    tc_buf document; /* with its key */
    tc_err err;
    void (*done)(tc_form_write *w, tc_err err, tc_span key, void *self);
    void *self;
};

static void destroy(tc_form_write *w)
{
    tc_buf_fini(&w->members);
    tc_buf_fini(&w->document);
    tc_free(w);
}

static void release(tc_store_ask *ask)
{
    destroy((tc_form_write *)ask);
}

static void done(tc_store_ask *ask)
{
    tc_form_write *w = (tc_form_write *)ask;
    w->done(w, ask->err ? ask->err : w->err, ask->key, w->self);
}

/* The store's thread. */
static void decide(tc_store_ask *ask, const tc_record *before, tc_store_change *ret)
{
    tc_form_write *w = (tc_form_write *)ask;
    tc_buf_reset(&w->document);
    w->err = before ? TC_ERR_STORE : TC_OK; /* a key that was made is new */
    if (!w->err) w->err = tc_buf_add_byte(&w->document, '{');
    if (!w->err) w->err = tc_text_json(&w->document, w->collection->key);
    if (!w->err) w->err = tc_buf_add_byte(&w->document, ':');
    if (!w->err) w->err = tc_buf_add(&w->document, ask->key); /* an integer */
    if (!w->err) w->err = tc_buf_add(&w->document, tc_buf_span(&w->members));
    if (w->err == TC_ERR_FULL) w->err = TC_ERR_CONTENT_TOO_LARGE;
    if (w->err) return;
    ret->what = TC_STORE_PUT;
    ret->document = tc_buf_span(&w->document);
}

static tc_err write_members(tc_form_write *w, const tc_form_value *values, unsigned count)
{
    tc_err err = TC_OK;
    for (unsigned i = 0; i < count && !err; i++) {
        err = tc_buf_add_byte(&w->members, ',');
        if (!err) err = tc_text_json(&w->members, values[i].name);
        if (!err) err = tc_buf_add_byte(&w->members, ':');
        if (!err) err = tc_text_json(&w->members, values[i].value);
    }
    if (!err) err = tc_buf_add_byte(&w->members, '}');
    return err == TC_ERR_FULL ? TC_ERR_CONTENT_TOO_LARGE : err;
}

tc_err tc_form_write_begin(const tc_asking *a, const tc_form_value *values,
                           void (*when_done)(tc_form_write *w, tc_err err, tc_span key, void *self),
                           void *self, tc_form_write **ret_write)
{
    tc_form_write *w = tc_alloc_zero(sizeof *w);
    if (!w) return TC_ERR_NO_MEMORY;
    w->collection = a->collection;
    w->done = when_done;
    w->self = self;
    tc_buf_init(&w->members, a->records->limits->record_bytes);
    tc_buf_init(&w->document, a->records->limits->record_bytes);
    tc_err err = write_members(w, values, a->collection->form_count);
    if (err == TC_ERR_CONTENT_TOO_LARGE) a->records->reached->record_bytes++;
    w->ask = (tc_store_ask){.kind = TC_STORE_CHANGING,
                            .collection = a->number,
                            .makes_key = true,
                            .weight = sizeof *w + 2 * w->members.size,
                            .decide = decide,
                            .done = done,
                            .release = release};
    if (!err) err = tc_store_begin(a->records->store, a->records->loop, &w->ask);
    if (err)
        destroy(w);
    else
        *ret_write = w;
    return err;
}

void tc_form_write_forget(tc_store *store, tc_form_write *w)
{
    tc_store_forget(store, &w->ask);
}
