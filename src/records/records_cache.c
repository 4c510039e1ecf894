/* records_cache.c - records that a worker has read, with the fields of their answer, each good for
 * as long as the store's generation of it is the one from before it was read. So no look at the
 * database, no lock and no copy is on the path of a GET. */
// SPDX-License-Identifier: MIT
#include <assert.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/date.h"
#include "records/records_inside.h"

enum { ID_BYTES = 1024, ARENA_BYTES = 4096 };

static void unlink_entry(tc_entry *e)
{
    tc_records *r = e->records;
    *(e->newer ? &e->newer->older : &r->newest) = e->older;
    *(e->older ? &e->older->newer : &r->oldest) = e->newer;
}

static void link_newest(tc_entry *e)
{
    tc_records *r = e->records;
    e->newer = NULL;
    e->older = r->newest;
    *(r->newest ? &r->newest->newer : &r->oldest) = e;
    r->newest = e;
}

static size_t weight(const tc_entry *e)
{
    return sizeof *e + e->document.len + e->id.len + e->arena.held;
}

void tc_entry_unref(void *entry)
{
    tc_entry *e = entry;
    if (--e->refs) return;
    assert(!e->cached);
    tc_store_drop(e->store, e->held);
    tc_arena_fini(&e->arena);
    tc_free((void *)(uintptr_t)e->document.at);
    tc_free(e);
}

static void forget(tc_entry *e)
{
    tc_records *r = e->records;
    (void)tc_map_remove(&r->cache, e->id);
    unlink_entry(e);
    r->cached -= weight(e);
    e->cached = false;
    if (e->refs > 1) { /* there is an answer of it that is still under way */
        e->held = weight(e);
        tc_store_hold_more(e->store, e->held);
    }
    tc_entry_unref(e);
}

void tc_records_fini(tc_records *r)
{
    while (r->oldest)
        forget(r->oldest);
    tc_map_fini(&r->cache);
}

static void remember(tc_entry *e)
{
    tc_records *r = e->records;
    tc_entry *before = tc_map_get(&r->cache, e->id);
    if (before) forget(before);
    if (weight(e) > r->limits->record_cache / 8) return; /* one would turn all others out */
    while (r->cached + weight(e) > r->limits->record_cache && r->oldest) {
        r->reached->record_cache++;
        forget(r->oldest);
    }
    if (tc_map_put(&r->cache, e->id, e) != TC_OK) return;
    e->cached = true;
    e->refs++;
    r->cached += weight(e);
    link_newest(e);
}

static size_t write_id(char room[ID_BYTES], unsigned collection, tc_span key)
{
    if (key.len >= ID_BYTES) return 0;
    room[0] = (char)collection;
    memcpy(room + 1, key.at, key.len);
    return key.len + 1;
}

tc_entry *tc_entry_get(tc_records *r, unsigned collection, tc_span key)
{
    char id[ID_BYTES];
    const size_t n = write_id(id, collection, key);
    tc_entry *e = n ? tc_map_get(&r->cache, tc_span_of(id, n)) : NULL;
    if (!e) return NULL;
    if (e->generation != tc_store_generation(r->store, collection, key)) {
        forget(e);
        return NULL;
    }
    if (e != r->newest) {
        unlink_entry(e);
        link_newest(e);
    }
    e->refs++;
    return e;
}

static tc_err describe(tc_entry *e)
{
    tc_arena *a = &e->arena;
    tc_fields *to = &e->block.fields;
    char room[TC_ETAG_BYTES];
    char *date = tc_arena_bytes(a, TC_DATE_BYTES);
    e->etag =
        tc_arena_copy(a, tc_record_etag(tc_store_number(e->records->store), e->version, room));
    const tc_span length = tc_arena_printf(a, "%zu", e->document.len);
    if (!date || !e->etag.at || !length.at) return TC_ERR_NO_MEMORY;
    const int64_t now = tc_clock_wall();
    tc_date_write(date, e->changed_s < now ? e->changed_s : now); /* RFC 9110, 8.8.2.1 */
    e->block.number = tc_block_number();
    e->block.length = (int64_t)e->document.len;
    e->block.arena = a;
    tc_err err = tc_fields_set(to, a, TC_FIELD_CONTENT_TYPE, TC_SPAN("application/json"));
    if (!err) err = tc_fields_set(to, a, TC_FIELD_CONTENT_LENGTH, length);
    if (!err) err = tc_fields_set(to, a, TC_FIELD_LAST_MODIFIED, tc_span_of(date, TC_DATE_BYTES));
    if (!err) err = tc_fields_set(to, a, TC_FIELD_ETAG, e->etag);
    if (!err) err = tc_fields_set(to, a, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-cache"));
    if (!err) err = tc_fields_set(to, a, TC_FIELD_VARY, TC_SPAN("Accept"));
    return err;
}

static tc_err fill(tc_entry *e, unsigned collection, tc_span key)
{
    char id[ID_BYTES];
    const size_t n = write_id(id, collection, key);
    const tc_err err = describe(e);
    if (err || !n) return err;
    e->id = tc_arena_copy(&e->arena, tc_span_of(id, n));
    return e->id.at ? TC_OK : TC_ERR_NO_MEMORY;
}

tc_err tc_entry_make(tc_records *r, unsigned collection, const tc_record *found,
                     uint64_t generation, tc_entry **ret_entry)
{
    tc_entry *e = tc_alloc_zero(sizeof *e);
    char *document = tc_alloc(found->document.len + 1);
    if (!e || !document) {
        tc_free(document);
        tc_free(e);
        return TC_ERR_NO_MEMORY;
    }
    memcpy(document, found->document.at, found->document.len);
    *e = (tc_entry){.records = r,
                    .store = r->store,
                    .refs = 1,
                    .generation = generation,
                    .version = found->version,
                    .changed_s = found->changed_s,
                    .document = tc_span_of(document, found->document.len)};
    tc_arena_init(&e->arena, NULL, 0, ARENA_BYTES);
    tc_err err = fill(e, collection, found->key);
    if (!err && e->id.len) remember(e);
    if (!err && !e->cached) {
        if (tc_store_hold(e->store, weight(e)))
            e->held = weight(e);
        else
            err = TC_ERR_STORE_HELD;
    }
    if (err)
        tc_entry_unref(e);
    else
        *ret_entry = e;
    return err;
}
