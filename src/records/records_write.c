/* records_write.c - PUT, POST, PATCH and DELETE of records. The content is gathered and read here,
 * in the worker; whether it may be, and what becomes of the record, is decided in the store's
 * transaction, from copies of what the request said. Nothing is answered before it is synced. */
// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "http/precondition.h"
#include "page/error_page.h"
#include "records/patch.h"
#include "records/records_inside.h"

enum { WRITE_ARENA = 65536 };

/* What a request asks for and what came of it; on its way to the store it outlives an exchange that
 * is gone. */
typedef struct writing {
    tc_store_ask ask; /* first */
    tc_exchange *x;
    tc_asking *asking;
    /* for the store's thread, which touches neither of those */
    const tc_collection *collection;
    tc_patch_bounds bounds;
    tc_store *store;
    uint64_t held; /* of the store's: content, document, value */
    uint64_t value_weight;
    enum { REPLACE, ADD, CHANGE, REMOVE } what;
    enum tc_patch_kind patch_kind;
    tc_arena arena;        /* copies: the key, the conditions */
    tc_message conditions; /* the request, as far as its conditions go */
    tc_buf content;        /* as it came */
    json_t *value;         /* ... and as JSON */
    tc_buf document;       /* where it is not as it came */
    bool own_key;          /* the key was put into it by us */
    bool conditional;
    bool submitted;
    /* decided in the transaction */
    unsigned status;
    tc_err err;
    tc_span now; /* the document as it is stored */
    char why[TC_PATCH_WHY];
} writing;

/* What it holds now is counted. false: it would be too much. */
static bool settle(writing *w)
{
    const uint64_t now = (uint64_t)w->content.size + w->document.size + w->value_weight;
    if (now > w->held && !tc_store_hold(w->store, now - w->held)) return false;
    if (now < w->held) tc_store_drop(w->store, w->held - now);
    w->held = now;
    return true;
}

static void let_go_of_value(writing *w)
{
    json_decref(w->value);
    w->value = NULL;
    w->value_weight = 0;
    (void)settle(w); /* it is less */
}

static void destroy(writing *w)
{
    json_decref(w->value);
    tc_store_drop(w->store, w->held);
    tc_buf_fini(&w->content);
    tc_buf_fini(&w->document);
    tc_arena_fini(&w->arena);
    tc_free(w);
}

static void release(tc_store_ask *ask)
{
    destroy((writing *)ask);
}

/* --- what the head says -------------------------------------------------------------------- */

/* The media type without parameters; charset where there is one. */
static tc_span media_type(tc_span value, tc_span *ret_charset)
{
    const size_t end = tc_span_find(value, ';');
    tc_span rest = tc_span_from(value, end + 1);
    *ret_charset = (tc_span){0};
    while (rest.len) {
        const tc_span one = tc_span_trim(tc_span_take(&rest, tc_span_find(rest, ';')));
        if (rest.len) (void)tc_span_take(&rest, 1);
        const size_t equals = tc_span_find(one, '=');
        if (!tc_span_ieq(tc_span_first(one, equals), TC_SPAN("charset"))) continue;
        *ret_charset = tc_span_from(one, equals + 1);
        if (ret_charset->len > 1 && ret_charset->at[0] == '"')
            *ret_charset = tc_span_of(ret_charset->at + 1, ret_charset->len - 2);
    }
    return tc_span_trim(tc_span_first(value, end));
}

static bool is_json(tc_span type)
{
    const tc_span suffix = TC_SPAN("+json");
    return tc_span_ieq(type, TC_SPAN("application/json")) ||
           (type.len > suffix.len &&
            tc_span_ieq(tc_span_from(type, type.len - suffix.len), suffix));
}

/* NULL: the content can be taken; else why not. */
static const char *judge_type(writing *w, const tc_message *m)
{
    tc_span value, charset;
    if (tc_fields_has(&m->fields, TC_FIELD_CONTENT_ENCODING))
        return "content codings are not taken here";
    if (!tc_fields_get(&m->fields, TC_FIELD_CONTENT_TYPE, &value))
        return "the content needs a Content-Type";
    const tc_span type = media_type(value, &charset);
    if (charset.len && !tc_span_ieq(charset, TC_SPAN("utf-8"))) return "JSON is UTF-8";
    if (w->what != CHANGE) return is_json(type) ? NULL : "a record's content is application/json";
    w->patch_kind = TC_PATCH_MERGE;
    if (tc_span_ieq(type, TC_SPAN("application/merge-patch+json"))) return NULL;
    w->patch_kind = TC_PATCH_OPERATIONS;
    return tc_span_ieq(type, TC_SPAN("application/json-patch+json"))
               ? NULL
               : "a patch is application/merge-patch+json or application/json-patch+json";
}

static writing *make(tc_asking *a, tc_exchange *x)
{
    writing *w = tc_alloc_zero(sizeof *w);
    if (!w) return NULL;
    const tc_limits *limits = a->records->limits;
    const size_t most = limits->record_bytes;
    w->x = x;
    w->asking = a;
    w->collection = a->collection;
    w->bounds = (tc_patch_bounds){limits->patch_operations, most, limits->json_depth};
    w->store = a->records->store;
    w->what = x->theirs.method == TC_METHOD_PUT     ? REPLACE
              : x->theirs.method == TC_METHOD_PATCH ? CHANGE
              : x->theirs.method == TC_METHOD_POST  ? ADD
                                                    : REMOVE;
    tc_arena_init(&w->arena, NULL, 0, WRITE_ARENA);
    tc_buf_init(&w->content, most);
    tc_buf_init(&w->document, most + most / 2);
    return w;
}

static void give_up(tc_asking *a)
{
    if (a->state) destroy(a->state);
    a->state = NULL;
}

/* why outlives what is written. */
static tc_err refuse(tc_asking *a, tc_exchange *x, unsigned status, const char *why)
{
    give_up(a);
    return tc_records_limit(a, x, status, tc_span_str(why), NULL);
}

static tc_err no_room(tc_asking *a, tc_exchange *x)
{
    give_up(a);
    return tc_records_fail(a, x, TC_ERR_STORE_HELD);
}

static tc_err too_large(tc_asking *a, tc_exchange *x)
{
    char why[96];
    (void)snprintf(why, sizeof why, "the content has more than %" PRIu64 " bytes (record_bytes)",
                   a->records->limits->record_bytes);
    return refuse(a, x, 413, why);
}

static tc_err on_head(void *self, tc_exchange *x)
{
    tc_asking *a = self;
    writing *w = make(a, x);
    a->state = w;
    if (!w) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_conditions_copy(&w->arena, &x->theirs, &w->conditions);
    if (err) return err;
    w->conditional = w->conditions.fields.count > 0;
    if (w->what == REMOVE) return TC_OK;
    if (w->what == REPLACE && tc_fields_has(&x->theirs.fields, TC_FIELD_CONTENT_RANGE))
        return refuse(a, x, 400, "a part of a record cannot be put (Content-Range): use PATCH");
    const char *fault = judge_type(w, &x->theirs);
    if (!fault && x->theirs.length > (int64_t)a->records->limits->record_bytes)
        return too_large(a, x);
    if (!fault) return TC_OK;
    if (w->what == CHANGE) {
        const tc_err set =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ACCEPT_PATCH,
                          TC_SPAN("application/merge-patch+json, application/json-patch+json"));
        if (set) return set;
    }
    return refuse(a, x, 415, fault);
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    tc_asking *a = self;
    writing *w = a->state;
    if (!w || w->what == REMOVE) return TC_OK; /* answered already; or nobody reads it */
    const tc_err err = tc_buf_add(&w->content, run);
    if (err == TC_ERR_FULL) return too_large(a, x);
    return err || settle(w) ? err : no_room(a, x);
}

/* --- what the content says ----------------------------------------------------------------- */

/* The key that a document has, as text. ret_why: NULL: fine; else what is wrong with it. */
static tc_err key_of(const json_t *document, tc_span member, tc_arena *arena, tc_span *ret,
                     const char **ret_why)
{
    const json_t *key = json_object_getn(document, member.at, member.len);
    *ret = (tc_span){0};
    *ret_why = NULL;
    if (!key) return TC_OK;
    if (json_is_integer(key))
        *ret = tc_arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(key));
    else if (json_is_string(key))
        *ret = tc_arena_copy(arena, tc_span_of(json_string_value(key), json_string_length(key)));
    else
        *ret_why = "a key is an integer or a string";
    return ret->at || *ret_why ? TC_OK : TC_ERR_NO_MEMORY;
}

/* The document with its key in it, where it came without. */
static tc_err add_key(writing *w, tc_span key)
{
    int64_t number;
    const tc_span member = w->collection->key;
    json_t *value =
        tc_store_integer(key, &number) ? json_integer(number) : json_stringn(key.at, key.len);
    if (!value || json_object_setn_new(w->value, member.at, member.len, value))
        return TC_ERR_NO_MEMORY;
    tc_buf_reset(&w->document);
    w->own_key = true;
    const tc_err err = tc_document_write(w->value, &w->document);
    w->now = tc_buf_span(&w->document);
    return err == TC_ERR_FULL ? TC_ERR_CONTENT_TOO_LARGE : err;
}

/* Where PUT leads: the key that the address or the content names, which must agree. */
static tc_err place(writing *w, unsigned *ret_status, const char **ret_why)
{
    tc_asking *a = w->asking;
    tc_span key;
    const tc_err err = key_of(w->value, a->collection->key, &w->arena, &key, ret_why);
    *ret_status = 422;
    if (err || *ret_why) return err;
    w->now = tc_buf_span(&w->content);
    if (key.len || json_object_getn(w->value, a->collection->key.at, a->collection->key.len)) {
        *ret_why = tc_records_key_fault(a, key);
    } else if (w->what == ADD) {
        w->ask.makes_key = true;
        return TC_OK;
    } else if (a->place == TC_PLACE_RECORD) {
        w->ask.key = tc_arena_copy(&w->arena, a->key);
        return w->ask.key.at ? add_key(w, a->key) : TC_ERR_NO_MEMORY;
    } else {
        *ret_why = "the record has no key";
    }
    if (a->place == TC_PLACE_RECORD && !*ret_why && !tc_span_eq(key, a->key)) {
        *ret_status = 409;
        *ret_why = "the key in the record is another one than the address has";
    }
    w->ask.key = key;
    return TC_OK;
}

/* --- in the transaction -------------------------------------------------------------------- */

static void decide_status(writing *w, unsigned status, tc_err err)
{
    w->status = status;
    w->err = err;
}

/* What a patch makes of the record. */
static void patch(writing *w, const tc_record *before)
{
    tc_document_fault fault;
    json_t *document = NULL;
    tc_span key;
    tc_err err = tc_document_read(before->document, UINT64_MAX, &document, &fault);
    if (!err) err = tc_patch_apply(&document, w->patch_kind, w->value, &w->bounds, w->why);
    if (!err) {
        const tc_span member = w->collection->key;
        const char *wrong = json_is_object(document) ? NULL : "a record is an object";
        if (!wrong) err = key_of(document, member, &w->arena, &key, &wrong);
        if (!err && !wrong && !tc_span_eq(key, w->ask.key)) wrong = "a patch cannot change the key";
        if (wrong) (void)snprintf(w->why, sizeof w->why, "%s", wrong);
        if (wrong) err = TC_ERR_PATCH;
    }
    tc_buf_reset(&w->document);
    if (!err) err = tc_document_write(document, &w->document);
    if (err == TC_ERR_FULL) {
        err = TC_ERR_CONTENT_TOO_LARGE;
        (void)snprintf(w->why, sizeof w->why, "the result is too large (record_bytes)");
    }
    if (!err && !settle(w)) err = TC_ERR_STORE_HELD;
    json_decref(document);
    decide_status(w, err ? (unsigned)tc_err_status(err) : 200, err);
    w->now = tc_buf_span(&w->document);
}

static void write_made(writing *w)
{
    tc_err err = add_key(w, w->ask.key);
    if (!err && !settle(w)) err = TC_ERR_STORE_HELD;
    if (err == TC_ERR_CONTENT_TOO_LARGE)
        (void)snprintf(w->why, sizeof w->why, "the record is too large (record_bytes)");
    if (err) decide_status(w, (unsigned)tc_err_status(err), err);
}

/* The store's thread: touches nothing but w. */
static void decide(tc_store_ask *ask, const tc_record *before, tc_store_change *ret)
{
    writing *w = (writing *)ask;
    char room[TC_ETAG_BYTES];
    const tc_validators valid = {
        before ? tc_record_etag(tc_store_number(w->store), before->version, room) : (tc_span){0},
        before ? before->changed_s : -1, before};
    w->why[0] = 0;
    if (!before && (w->what == REMOVE || w->what == CHANGE)) {
        decide_status(w, 404, TC_OK);
        return;
    }
    if (tc_precondition(&w->conditions, &valid, tc_clock_wall()) != TC_GO_ON) {
        decide_status(w, 412, TC_OK);
        return;
    }
    if (before && w->collection->conditional && !w->conditional) {
        decide_status(w, 428, TC_OK);
        return;
    }
    if (before && w->what == ADD) {
        decide_status(w, 409, TC_OK);
        return;
    }
    decide_status(w, before ? 200 : 201, TC_OK);
    if (w->what == CHANGE) patch(w, before);
    if (w->what == REMOVE) w->status = 204;
    if (ask->makes_key) write_made(w);
    if (w->err) return;
    ret->what = w->what == REMOVE ? TC_STORE_DELETE : TC_STORE_PUT;
    ret->document = w->now;
}

/* --- the answer ---------------------------------------------------------------------------- */

/* The document goes with the exchange: it is borrowed until its end. */
static tc_err hand_over(writing *w, tc_exchange *x)
{
    tc_buf *from = w->now.at == w->document.at ? &w->document : &w->content;
    const uint64_t held = from->size < w->held ? from->size : w->held;
    w->held -= held;
    const tc_err err = tc_records_lend(w->asking, x, from->memory, held);
    tc_buf_init(from, 1);
    return err;
}

static tc_err set_addresses(writing *w, tc_exchange *x)
{
    const tc_span address = tc_records_address(&x->arena, w->collection, w->ask.key);
    tc_fields *to = &x->ours.fields;
    if (!address.at) return TC_ERR_NO_MEMORY;
    tc_err err = tc_fields_set(to, &x->arena, TC_FIELD_CONTENT_LOCATION, address);
    if (!err && w->status == 201 && w->asking->place != TC_PLACE_RECORD)
        err = tc_fields_set(to, &x->arena, TC_FIELD_LOCATION, address);
    return err;
}

/* Of a PUT that was not stored as it came, validators may not be told (RFC 9110, 9.3.4). */
static tc_err answer_stored(writing *w, tc_exchange *x)
{
    tc_fields *to = &x->ours.fields;
    const bool changed = w->what == REPLACE && w->own_key;
    tc_err err = set_addresses(w, x);
    if (!err && !changed)
        err = tc_records_validators(w->asking, x, w->ask.record.version, w->ask.record.changed_s);
    if (!err)
        err = tc_fields_set(to, &x->arena, TC_FIELD_CONTENT_TYPE, TC_SPAN("application/json"));
    const tc_span document = w->now;
    if (!err) err = hand_over(w, x);
    return err ? err : tc_exchange_reply(x, w->status, tc_run_bytes(document));
}

static const char *detail(const writing *w)
{
    switch (w->status) {
    case 404: return "there is no such record";
    case 409: return w->what == ADD ? "there is a record with this key already" : w->why;
    case 412:
        return w->ask.found ? "the record is another version: its ETag is with this answer"
                            : "there is no such record";
    case 428: return "changing what is there needs If-Match with its ETag";
    default: return w->why[0] ? w->why : tc_err_sentence(w->err);
    }
}

static tc_err answer(writing *w, tc_exchange *x)
{
    tc_asking *a = w->asking;
    if (w->status == 204) return tc_exchange_answer(x, 204, 0);
    if (w->status < 300) return answer_stored(w, x);
    if (w->err == TC_ERR_NO_MEMORY) return w->err;
    if (w->err == TC_ERR_STORE_HELD) return tc_records_fail(a, x, w->err);
    if (w->err == TC_ERR_CONTENT_TOO_LARGE)
        return tc_records_limit(a, x, w->status, tc_span_str(w->why), NULL);
    const tc_err err =
        w->status == 412 && w->ask.found
            ? tc_records_validators(a, x, w->ask.record.version, w->ask.record.changed_s)
            : TC_OK;
    return err ? err : tc_records_problem(x, w->status, tc_span_str(detail(w)));
}

static void done(tc_store_ask *ask)
{
    writing *w = (writing *)ask;
    tc_exchange *x = w->x;
    w->asking->state = NULL;
    const tc_err err = ask->err ? tc_records_fail(w->asking, x, ask->err) : answer(w, x);
    if (err) tc_exchange_abort(x, err);
}

static tc_err submit(tc_asking *a, tc_exchange *x, writing *w)
{
    w->ask.kind = TC_STORE_CHANGING;
    w->ask.collection = a->number;
    w->ask.weight = sizeof *w + w->content.size + w->document.size;
    w->ask.decide = decide;
    w->ask.done = done;
    w->ask.release = release;
    const tc_err err = tc_store_begin(a->records->store, a->records->loop, &w->ask);
    w->submitted = !err;
    if (!err) return TC_OK;
    a->state = NULL;
    destroy(w);
    return tc_records_fail(a, x, err);
}

/* A record from a PUT or POST. */
static tc_err take_document(tc_asking *a, tc_exchange *x, writing *w)
{
    unsigned status;
    const char *why;
    if (!json_is_object(w->value)) return refuse(a, x, 422, "a record is an object: {...}");
    const tc_err err = place(w, &status, &why);
    if (err == TC_ERR_CONTENT_TOO_LARGE) return too_large(a, x);
    if (err) return err;
    if (why) return refuse(a, x, status, why);
    if (!w->ask.makes_key) let_go_of_value(w);
    return settle(w) ? submit(a, x, w) : no_room(a, x);
}

static tc_err refuse_json(tc_asking *a, tc_exchange *x, const tc_document_fault *fault)
{
    const tc_error_facts facts = {.line = fault->line, .column = fault->column};
    const tc_span why = tc_span_str(fault->text);
    give_up(a);
    return fault->deep ? tc_records_limit(a, x, 400, why, fault)
                       : tc_error_page_as(x, 400, why, TC_REPLY_JSON, &facts);
}

static tc_err on_end(void *self, tc_exchange *x)
{
    tc_asking *a = self;
    writing *w = a->state;
    tc_document_fault fault;
    if (!w) return TC_OK; /* answered already */
    if (w->what != REMOVE) {
        const tc_span content = tc_buf_span(&w->content);
        w->value_weight = tc_document_weight(content);
        if (!settle(w)) return no_room(a, x);
        const tc_err err =
            tc_document_read(content, a->records->limits->json_depth, &w->value, &fault);
        if (err == TC_ERR_JSON) return refuse_json(a, x, &fault);
        if (err) return err;
        if (w->what != CHANGE) return take_document(a, x, w);
    }
    w->ask.key = tc_arena_copy(&w->arena, a->key);
    return w->ask.key.at ? submit(a, x, w) : TC_ERR_NO_MEMORY;
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    tc_asking *a = self;
    (void)x;
    (void)why;
    writing *w = a->state;
    if (w && w->submitted)
        tc_store_forget(a->records->store, &w->ask);
    else if (w)
        destroy(w);
}

const tc_handler tc_record_write_handler = {.name = "records",
                                            .on_head = on_head,
                                            .on_data = on_data,
                                            .on_end = on_end,
                                            .on_close = on_close};
