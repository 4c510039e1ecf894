/* head.c - a block of fields is decoded, and becomes a message (RFC 9113, 8.2 and 8.3).
 *
 * A block is always decoded to its end, whatever is wrong with it: the table must stay in step with
 * the peer's. */
// SPDX-License-Identifier: MIT
#include "h2/state.h"

tc_err tc_h2_read_fields(tc_h2 *c, tc_span block, enum tc_part part, bool end, tc_arena *a,
                         tc_message *m, tc_err *ret_wrong)
{
    tc_arena scratch;
    tc_message unwanted = {0};
    tc_receipt t;
    const tc_limits *l = c->env->limits;
    const uint64_t most = l->fields_bytes < UINT32_MAX / 4 ? l->fields_bytes : UINT32_MAX / 4;
    tc_arena_init(&scratch, NULL, 0, (size_t)most * 4 + 65536);
    tc_receive_begin(&t, c->env, part, m ? a : &scratch, m ? m : &unwanted);
    tc_hpack_decoder_begin(&c->decoder);
    tc_err err;
    c->packed = (uint32_t)block.len;
    for (tc_field f;;) {
        err = tc_hpack_decode(&c->decoder, &block, t.wrong ? &scratch : t.a,
                              (size_t)most * 2 + 4096, &f);
        if (err) break;
        if (m) tc_receive_field(&t, &f);
        if (!t.wrong) tc_h2_note_field(c, false, f.name, f.value);
    }
    tc_h2_note_theirs(c);
    tc_arena_fini(&scratch);
    if (err != TC_ERR_NOTHING) return err;
    *ret_wrong = m ? tc_receive_end(&t, end) : TC_OK;
    return TC_OK;
}
