/* fuzz_forwarded.c - what proxies say of a client: any fields are read or refused, and what stands
 * before the last line, which a trusted proxy wrote, changes nothing. The input: lines, each ended
 * by LF, as Forwarded and as X-Forwarded-For. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "http/forwarded.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(tc_span all, enum tc_field_id id, const tc_networks *trusted, tc_span last)
{
    tc_arena a;
    tc_fields f = {0};
    tc_asker client;
    tc_span scheme;
    tc_arena_init(&a, NULL, 0, 1 << 22);
    while (all.len) {
        const tc_span line = tc_span_trim(tc_span_take(&all, tc_span_find(all, '\n')));
        all = tc_span_from(all, 1);
        if (tc_is_field_value(line)) MUST(tc_fields_set(&f, &a, id, line) == TC_OK);
    }
    (void)!tc_forwarded_find(&f, &a, trusted, 8, &client, &scheme);
    MUST(tc_fields_set(&f, &a, id, last) == TC_OK);
    const tc_err err = tc_forwarded_find(&f, &a, trusted, 8, &client, &scheme);
    MUST(err == TC_OK || (err == TC_ERR_FORWARDED && id == TC_FIELD_FORWARDED));
    MUST(err || (client.kind == TC_ASKER_KNOWN && client.ip.at[15] == 7));
    tc_forwarded_remove(&f, false);
    MUST(f.count == 0);
    tc_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tc_networks trusted;
    char why[TC_NETWORK_WHY];
    const tc_span all = tc_span_of((const char *)data, size);
    if (!trusted.count) {
        MUST(tc_networks_add(&trusted, TC_SPAN("10.0.0.0/8"), why) == TC_OK);
        tc_networks_seal(&trusted);
    }
    check(all, TC_FIELD_FORWARDED, &trusted, TC_SPAN("for=192.0.2.7"));
    check(all, TC_FIELD_X_FORWARDED_FOR, &trusted, TC_SPAN("192.0.2.7"));
    return 0;
}
