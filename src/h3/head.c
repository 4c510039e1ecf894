/* head.c - a section of fields is decoded, and becomes a message (RFC 9114, 4.2 and 4.3). */
// SPDX-License-Identifier: MIT
#include "h3/state.h"

static void fail_decoder(tc_h3 *c, tc_err err)
{
    c->env->reached->h3_output += err == TC_ERR_FULL;
    if (err == TC_ERR_FULL)
        tc_h3_fail(c, TC_H3_EXCESSIVE_LOAD, TC_ERR_TOO_BUSY, "acknowledgements are not read");
    else if (err == TC_ERR_NO_MEMORY)
        tc_h3_fail(c, TC_H3_INTERNAL_ERROR, err, "");
    else
        tc_h3_fail(c, TC_H3_QPACK_DECOMPRESSION_FAILED, TC_ERR_FRAMES,
                   "fields could not be decoded");
}

/* The stream waits for the encoder stream, as at most so many may. */
static bool wait(tc_h3 *c, tc_h3_stream *s)
{
    if (s->waits) return true;
    if (c->waiting >= c->env->limits->h3_blocked) {
        c->env->reached->h3_blocked++;
        fail_decoder(c, TC_ERR_COMPRESSION);
        return false;
    }
    s->waits = true;
    c->waiting++;
    return true;
}

bool tc_h3_read_fields(tc_h3 *c, tc_h3_stream *s, tc_span whole, enum tc_part part, bool end,
                       tc_message *m, bool *ret_blocked, tc_err *ret_wrong)
{
    const uint64_t limit = c->env->limits->fields_bytes;
    const size_t most = limit < UINT32_MAX / 4 ? (size_t)limit : UINT32_MAX / 4;
    tc_qpack_section section;
    tc_receipt t;
    tc_err err = tc_qpack_section_begin(&c->decoder, whole, &section);
    *ret_blocked = false;
    if (err) {
        fail_decoder(c, err);
        return false;
    }
    if (tc_qpack_is_blocked(&c->decoder, &section)) {
        *ret_blocked = wait(c, s);
        return false;
    }
    c->waiting -= s->waits;
    s->waits = false;
    tc_receive_begin(&t, c->env, part, &s->x->arena, m);
    for (tc_field f; !t.wrong;) { /* the table does not mind if the rest is not read */
        err = tc_qpack_decode(&c->decoder, &section, t.a, most * 2 + 4096, &f);
        if (err) break;
        tc_h3_note_field(c, false, &f);
        tc_receive_field(&t, &f);
    }
    const bool unread = err == TC_ERR_NO_MEMORY || err == TC_ERR_FIELDS_TOO_LARGE;
    if (err == TC_ERR_COMPRESSION) {
        fail_decoder(c, err);
        return false;
    }
    c->env->reached->fields_bytes += err == TC_ERR_FIELDS_TOO_LARGE;
    *ret_wrong = unread ? err : tc_receive_end(&t, end);
    err = tc_qpack_section_end(&c->decoder, &section, s->id);
    if (err) fail_decoder(c, err);
    return !err;
}
