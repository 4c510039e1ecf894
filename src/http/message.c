/* message.c - see message.h. */
// SPDX-License-Identifier: MIT
#include "http/message.h"

#include <stdatomic.h>

tc_span tc_version_name(enum tc_version version)
{
    switch (version) {
    case TC_HTTP_NONE: break;
    case TC_HTTP_0_9: return TC_SPAN("HTTP/0.9");
    case TC_HTTP_1_0: return TC_SPAN("HTTP/1.0");
    case TC_HTTP_1_1: return TC_SPAN("HTTP/1.1");
    case TC_HTTP_2: return TC_SPAN("HTTP/2");
    case TC_HTTP_3: return TC_SPAN("HTTP/3");
    }
    return TC_SPAN("HTTP");
}

bool tc_message_get(const tc_message *m, enum tc_field_id id, tc_span *ret_value)
{
    if (tc_fields_get(&m->fields, id, ret_value)) return true;
    for (int i = 0; i < TC_BLOCKS; i++)
        if (m->blocks[i] && tc_fields_get(&m->blocks[i]->fields, id, ret_value)) return true;
    return false;
}

const tc_field *tc_message_next(const tc_message *m, uint32_t *cursor)
{
    uint32_t skip = *cursor;
    for (int i = 0; i <= TC_BLOCKS; i++) {
        const tc_fields *f = i == TC_BLOCKS ? &m->fields
                             : m->blocks[i] ? &m->blocks[i]->fields
                                            : NULL;
        if (!f) continue;
        if (skip < f->count) {
            (*cursor)++;
            return &f->at[skip];
        }
        skip -= f->count;
    }
    return NULL;
}

uint64_t tc_block_number(void)
{
    static atomic_uint_fast64_t last;
    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}
