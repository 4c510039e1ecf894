/* records.c - see records.h: which resource a path is, which methods it has, and what all of them
 * say of a record. */
// SPDX-License-Identifier: MIT
#include "records/records.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/clock.h"
#include "base/text.h"
#include "http/date.h"
#include "http/percent.h"
#include "page/error_page.h"
#include "records/records_inside.h"

/* --- set up -------------------------------------------------------------------------------- */

static const char *path_fault(tc_span path)
{
    if (path.len < 2 || path.at[0] != '/' || path.at[path.len - 1] == '/')
        return "the path begins with / and does not end with it";
    for (size_t i = 0; i < path.len; i++)
        if (!tc_ascii_alpha(path.at[i]) && !tc_ascii_digit(path.at[i]) &&
            !strchr("/-_.", path.at[i]))
            return "the path has letters, digits, / - _ and . alone";
    return NULL;
}

static const char *take_indexes(tc_span list, tc_collection_config *c)
{
    while (list.len) {
        const tc_span member = tc_span_take(&list, tc_span_find(list, ','));
        if (list.len) (void)tc_span_take(&list, 1);
        if (!tc_store_member(member))
            return "members have letters, digits, - and _, joined by dots";
        if (c->index_count == TC_STORE_INDEXES) return "there are more than 16 indexes";
        c->indexes[c->index_count++] = member;
    }
    return NULL;
}

const char *tc_collection_parse(tc_span text, tc_collection *c)
{
    tc_span rest = text;
    const tc_span path = tc_span_take(&rest, tc_span_find(rest, ':'));
    rest = tc_span_from(rest, 1);
    const tc_span key = tc_span_take(&rest, tc_span_find(rest, ':'));
    if (!key.len) return "it is a path and the member that is the key: /customers:CustID";
    const char *fault = path_fault(path);
    if (fault) return fault;
    if (!tc_store_member(key) || tc_span_find(key, '.') < key.len)
        return "the key's name has letters, digits, - and _ alone";
    *c = (tc_collection){
        .path = path, .key = key, .requests = TC_SPAN("requests"), .stored = {.name = path}};
    return take_indexes(tc_span_from(rest, 1), &c->stored);
}

const char *tc_collection_form(tc_span text, tc_collection *collections, unsigned count)
{
    tc_span rest = text;
    tc_collection *c = NULL;
    const tc_span path = tc_span_take(&rest, tc_span_find(rest, ':'));
    for (unsigned i = 0; i < count; i++)
        if (tc_span_eq(collections[i].path, path)) c = &collections[i];
    if (!c) return "there is no --records with this path";
    if (c->form_count) return "this collection has a form already";
    rest = tc_span_from(rest, 1);
    while (rest.len) {
        const tc_span member = tc_span_take(&rest, tc_span_find(rest, ','));
        if (rest.len) (void)tc_span_take(&rest, 1);
        if (!tc_store_member(member) || tc_span_find(member, '.') < member.len)
            return "members have letters, digits, - and _";
        if (tc_span_eq(member, c->key)) return "the key is made by the store";
        for (unsigned i = 0; i < c->form_count; i++)
            if (tc_span_eq(member, c->form[i])) return "a member stands there twice";
        if (c->form_count == TC_FORM_MEMBERS) return "there are more than 32 members";
        c->form[c->form_count++] = member;
    }
    return c->form_count ? NULL : "it is a path and members: /customers:Name,Address";
}

void tc_records_init(tc_records *r, tc_store *store, const tc_collection *collections,
                     unsigned count, tc_loop *loop, const tc_limits *limits, tc_reached *reached)
{
    *r = (tc_records){.store = store,
                      .collections = collections,
                      .count = count,
                      .loop = loop,
                      .limits = limits,
                      .reached = reached};
    tc_map_init(&r->cache, 1 << 20, tc_hash_key_random());
}

/* --- what all answers have ----------------------------------------------------------------- */

tc_span tc_record_etag(uint64_t store_number, uint64_t version, char room[TC_ETAG_BYTES])
{
    const int n = snprintf(room, TC_ETAG_BYTES, "\"%" PRIx64 "-%" PRIx64 "\"",
                           store_number & UINT32_MAX, version);
    return tc_span_of(room, (size_t)n);
}

tc_err tc_records_validators(tc_asking *a, tc_exchange *x, uint64_t version, int64_t changed_s)
{
    char room[TC_ETAG_BYTES];
    tc_fields *to = &x->ours.fields;
    const tc_span etag =
        tc_arena_copy(&x->arena, tc_record_etag(tc_store_number(a->records->store), version, room));
    char *date = tc_arena_bytes(&x->arena, TC_DATE_BYTES);
    if (!etag.at || !date) return TC_ERR_NO_MEMORY;
    const int64_t now = tc_clock_wall();
    tc_date_write(date, changed_s < now ? changed_s : now); /* RFC 9110, 8.8.2.1 */
    const tc_err err = tc_fields_set(to, &x->arena, TC_FIELD_ETAG, etag);
    return err ? err
               : tc_fields_set(to, &x->arena, TC_FIELD_LAST_MODIFIED,
                               tc_span_of(date, TC_DATE_BYTES));
}

tc_err tc_records_problem(tc_exchange *x, unsigned status, tc_span detail)
{
    return tc_error_page_as(x, status, detail, TC_REPLY_JSON, NULL);
}

/* "... (record_bytes)" */
static const tc_limit_row *limit_in(tc_span why)
{
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        const tc_span name = tc_span_str(tc_limit_rows[i].name);
        if (why.len < name.len + 2 || why.at[why.len - 1] != ')') continue;
        const tc_span end = tc_span_from(why, why.len - name.len - 2);
        if (end.at[0] == '(' && tc_span_eq(tc_span_first(tc_span_from(end, 1), name.len), name))
            return &tc_limit_rows[i];
    }
    return NULL;
}

tc_err tc_records_limit(const tc_asking *a, tc_exchange *x, unsigned status, tc_span why,
                        const tc_document_fault *fault)
{
    const tc_limit_row *row = limit_in(why);
    tc_error_facts facts = {.limit = row ? row->name : NULL};
    if (row) ++*tc_reached_at(a->records->reached, row);
    if (fault) {
        facts.line = fault->line;
        facts.column = fault->column;
    }
    return tc_error_page_as(x, status, why, TC_REPLY_JSON, &facts);
}

/* --- memory -------------------------------------------------------------------------------- */

typedef struct lent {
    tc_store *store;
    void *memory;
    uint64_t held;
} lent;

static void take_back(void *self)
{
    const lent *l = self;
    tc_free(l->memory);
    tc_store_drop(l->store, l->held);
}

tc_err tc_records_lend(const tc_asking *a, tc_exchange *x, void *memory, uint64_t held)
{
    lent now = {a->records->store, memory, held};
    lent *l = tc_exchange_alloc(x, sizeof *l);
    if (!l) {
        take_back(&now);
        return TC_ERR_NO_MEMORY;
    }
    *l = now;
    return tc_arena_defer(&x->arena, take_back, l);
}

tc_err tc_records_hold_page(const tc_asking *a, tc_exchange *x, tc_span document)
{
    const uint64_t bytes = tc_document_weight(document) + 2 * document.len;
    if (!tc_store_hold(a->records->store, bytes)) return TC_ERR_STORE_HELD;
    return tc_records_lend(a, x, NULL, bytes);
}

tc_err tc_records_fail(tc_asking *a, tc_exchange *x, tc_err err)
{
    const unsigned status = (unsigned)tc_err_status(err);
    if (err == TC_ERR_NO_MEMORY || !status) return err;
    const char *limit = err == TC_ERR_STORE_BUSY   ? " (store_waiting)"
                        : err == TC_ERR_STORE_HELD ? " (store_held)"
                        : err == TC_ERR_STORE_TIME ? " (list_ms)"
                                                   : "";
    if (err == TC_ERR_STORE_BUSY || err == TC_ERR_STORE_HELD) {
        const tc_err set =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_RETRY_AFTER, TC_SPAN("1"));
        if (set) return set;
    }
    const tc_span why = tc_arena_printf(&x->arena, "%s%s", tc_err_sentence(err), limit);
    if (!why.at) return TC_ERR_NO_MEMORY;
    return tc_records_limit(a, x, status, why, NULL);
}

const char *tc_records_key_fault(const tc_asking *a, tc_span key)
{
    if (!key.len) return "a key is not empty";
    if (key.len > a->records->limits->record_key) return "the key is too long (record_key)";
    if (tc_span_eq(key, TC_SPAN(".")) || tc_span_eq(key, TC_SPAN("..")))
        return "\".\" and \"..\" cannot be keys";
    if (tc_span_eq(key, a->collection->requests)) return "this name is the resource of requests";
    if (a->collection->form_count && tc_span_eq(key, TC_FORM_PLACE))
        return "this name is the collection's form";
    for (size_t i = 0; i < key.len; i++)
        if ((uint8_t)key.at[i] < ' ' || key.at[i] == 0x7f) return "a key has no control characters";
    return tc_text_is_utf8(key) ? NULL : "a key is UTF-8";
}

tc_span tc_records_address(tc_arena *arena, const tc_collection *c, tc_span key)
{
    const tc_span segment = tc_percent_encode(arena, key, "");
    return segment.at ? tc_arena_printf(arena, "%.*s/%.*s", TC_FMT(c->path), TC_FMT(segment))
                      : segment;
}

/* --- which resource it is ------------------------------------------------------------------ */

static tc_err answer_wrong_key(void *self, tc_exchange *x)
{
    const tc_asking *a = self;
    return tc_records_limit(a, x, 404, tc_span_str(a->state), NULL);
}

static tc_err answer_method(void *self, tc_exchange *x)
{
    static const char *const allowed[] = {
        [TC_PLACE_COLLECTION] = "GET, HEAD, POST, OPTIONS",
        [TC_PLACE_REQUESTS] = "PUT, OPTIONS",
        [TC_PLACE_RECORD] = "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
        [TC_PLACE_FORM] = "GET, HEAD, POST, OPTIONS",
    };
    static const char patches[] = "application/merge-patch+json, application/json-patch+json";
    const tc_asking *a = self;
    tc_fields *to = &x->ours.fields;
    tc_err err = tc_fields_set(to, &x->arena, TC_FIELD_ALLOW, tc_span_str(allowed[a->place]));
    if (!err && a->place == TC_PLACE_RECORD)
        err = tc_fields_set(to, &x->arena, TC_FIELD_ACCEPT_PATCH, tc_span_str(patches));
    if (err) return err;
    if (x->theirs.method == TC_METHOD_OPTIONS) return tc_exchange_answer(x, 204, 0);
    return tc_records_problem(x, 405, (tc_span){0});
}

static const tc_handler wrong_key_handler = {.name = "records", .on_head = answer_wrong_key};
static const tc_handler method_handler = {.name = "records", .on_head = answer_method};

static const tc_handler *handler_for(enum tc_place place, enum tc_method method)
{
    const bool reads = method == TC_METHOD_GET || method == TC_METHOD_HEAD;
    switch (place) {
    case TC_PLACE_COLLECTION:
        if (reads) return &tc_record_list_handler;
        return method == TC_METHOD_POST ? &tc_record_write_handler : &method_handler;
    case TC_PLACE_REQUESTS:
        return method == TC_METHOD_PUT ? &tc_record_write_handler : &method_handler;
    case TC_PLACE_FORM:
        if (reads) return &tc_form_page_handler;
        return method == TC_METHOD_POST ? &tc_form_sent_handler : &method_handler;
    case TC_PLACE_RECORD: break;
    }
    if (reads) return &tc_record_read_handler;
    return method == TC_METHOD_PUT || method == TC_METHOD_PATCH || method == TC_METHOD_DELETE
               ? &tc_record_write_handler
               : &method_handler;
}

/* rest: what stands behind the collection's path: "", "/key", with a query perhaps. */
static void choose(tc_asking *a, tc_exchange *x, tc_span rest)
{
    const size_t mark = tc_span_find(rest, '?');
    a->query = tc_span_from(rest, mark + 1);
    rest = tc_span_first(rest, mark);
    x->self = a;
    a->place = rest.len > 1 ? TC_PLACE_RECORD : TC_PLACE_COLLECTION;
    if (rest.len > 1) {
        const tc_span segment = tc_span_from(rest, 1);
        a->key = tc_percent_decode(&x->arena, segment, false);
        const bool good = tc_span_find(segment, '/') == segment.len && a->key.at;
        if (good && tc_span_eq(a->key, a->collection->requests)) a->place = TC_PLACE_REQUESTS;
        if (good && a->collection->form_count && tc_span_eq(a->key, TC_FORM_PLACE))
            a->place = TC_PLACE_FORM;
        const char *fault = !good                         ? "no such record"
                            : a->place != TC_PLACE_RECORD ? NULL
                                                          : tc_records_key_fault(a, a->key);
        if (fault) {
            a->state = (void *)(uintptr_t)fault;
            x->handler = &wrong_key_handler;
            return;
        }
    }
    x->handler = handler_for(a->place, x->theirs.method);
}

static tc_err answer_no_memory(void *self, tc_exchange *x)
{
    (void)self;
    (void)x;
    return TC_ERR_NO_MEMORY;
}

static const tc_handler no_memory_handler = {.name = "records", .on_head = answer_no_memory};

/* A segment of dots, encoded or not, means another path than the one that is written: what is
 * allowed there is not known here. */
static bool has_dot_segment(tc_span path)
{
    path = tc_span_first(path, tc_span_find(path, '?'));
    while (path.len) {
        tc_span segment = tc_span_take(&path, tc_span_find(path, '/'));
        if (path.len) (void)tc_span_take(&path, 1);
        const bool any = segment.len > 0;
        while (tc_span_starts(segment, TC_SPAN(".")) || tc_span_starts(segment, TC_SPAN("%2e")) ||
               tc_span_starts(segment, TC_SPAN("%2E")))
            (void)tc_span_take(&segment, segment.at[0] == '.' ? 1 : 3);
        if (any && !segment.len) return true;
    }
    return false;
}

bool tc_records_route(tc_records *r, uint64_t collections, tc_exchange *x)
{
    const tc_span path = x->theirs.path;
    for (unsigned i = 0; i < r->count; i++) {
        const tc_collection *c = &r->collections[i];
        if (!(collections >> i & 1) || !tc_span_starts(path, c->path)) continue;
        const tc_span rest = tc_span_from(path, c->path.len);
        if (rest.len && rest.at[0] != '/' && rest.at[0] != '?') continue;
        if (has_dot_segment(rest)) return false;
        tc_asking *a = tc_exchange_alloc(x, sizeof *a);
        x->handler = &no_memory_handler;
        if (!a) return true;
        *a = (tc_asking){.records = r, .collection = c, .number = i};
        choose(a, x, rest);
        return true;
    }
    return false;
}
