/* parts.c - see parts.h. */
// SPDX-License-Identifier: MIT
#include "files/parts.h"

#include "base/hex.h"

enum { BOUNDARY = 24 };

typedef struct parts {
    tc_run whole;
    const tc_range *ranges;
    tc_span *heads; /* one before each range, and the last delimiter */
    size_t count;
    size_t next; /* run: a head, its range, a head, ... */
} parts;

static tc_run range_of(const parts *p, const tc_range *range)
{
    tc_run run = p->whole;
    run.len = (size_t)(range->last - range->first + 1);
    if (run.kind == TC_RUN_FILE)
        run.off += range->first;
    else
        run.at += range->first;
    return run;
}

static tc_err on_room(void *self, tc_exchange *x)
{
    parts *p = self;
    while (p->next <= 2 * p->count) {
        const size_t i = p->next / 2;
        const tc_run run = p->next % 2 ? range_of(p, &p->ranges[i]) : tc_run_bytes(p->heads[i]);
        const tc_err err = tc_exchange_send(x, run, p->next == 2 * p->count);
        if (err) return err == TC_ERR_FULL ? TC_OK : err;
        p->next++;
    }
    return TC_OK;
}

static const tc_handler handler = {.name = "files", .on_room = on_room};

/* The delimiter and the fields before range i; behind the last one what ends it all. */
static tc_span head_of(tc_exchange *x, const parts *p, size_t i, tc_span boundary, tc_span type)
{
    char range[TC_CONTENT_RANGE_BYTES];
    const char *line_end = i ? "\r\n" : "";
    if (i == p->count)
        return tc_arena_printf(&x->arena, "%s--%.*s--\r\n", line_end, TC_FMT(boundary));
    const tc_span content_range =
        tc_span_of(range, tc_content_range_write(range, &p->ranges[i], p->whole.len));
    return tc_arena_printf(&x->arena,
                           "%s--%.*s\r\nContent-Type: %.*s\r\nContent-Range: %.*s\r\n\r\n",
                           line_end, TC_FMT(boundary), TC_FMT(type), TC_FMT(content_range));
}

tc_err tc_parts_reply(tc_exchange *x, tc_run whole, tc_span type, const tc_range_set *set)
{
    char boundary[BOUNDARY];
    uint64_t length = 0;
    parts *p = tc_exchange_alloc(x, sizeof *p);
    tc_span *heads = tc_exchange_alloc(x, (set->count + 1) * sizeof *heads);
    tc_hex_random(boundary, sizeof boundary); /* 96 bits: nothing in a file is it by chance */
    const tc_span content_type =
        tc_arena_printf(&x->arena, "multipart/byteranges; boundary=%.*s", BOUNDARY, boundary);
    if (!p || !heads || !content_type.at) return TC_ERR_NO_MEMORY;
    *p = (parts){.whole = whole, .ranges = set->at, .heads = heads, .count = set->count};
    for (size_t i = 0; i <= p->count; i++) {
        heads[i] = head_of(x, p, i, tc_span_of(boundary, BOUNDARY), type);
        if (!heads[i].at) return TC_ERR_NO_MEMORY;
        length += heads[i].len;
        if (i < p->count) length += p->ranges[i].last - p->ranges[i].first + 1;
    }
    tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CONTENT_TYPE, content_type);
    if (!err) err = tc_exchange_answer(x, 206, (int64_t)length);
    if (err) return err;
    x->handler = &handler;
    x->self = p;
    return on_room(p, x);
}
