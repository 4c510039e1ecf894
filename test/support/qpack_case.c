/* qpack_case.c - see qpack_case.h. */
// SPDX-License-Identifier: MIT
#include "support/qpack_case.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "support/check.h"

tc_span qpack_case_bytes_of(const char *hex)
{
    static char room[BLOCK_MAX];
    size_t len = 0, from = 0;
    for (const char *c = hex; *c; c++) {
        if (*c == '(') {
            from = len;
        } else if (*c == ')') {
            const size_t part = len - from;
            for (long n = strtol(c + 2, (char **)(uintptr_t)&c, 10) - 1; n > 0; n--, len += part)
                memcpy(room + len, room + from, part);
            c--;
        } else if (*c != ' ') {
            room[len++] = (char)(tc_ascii_hex(c[0]) << 4 | tc_ascii_hex(c[1]));
            c++;
        }
    }
    return tc_span_of(room, len);
}

tc_err qpack_case_read_section(tc_qpack_decoder *d, tc_span whole, uint64_t stream, tc_buf *text)
{
    tc_arena a;
    tc_field f;
    tc_qpack_section s;
    tc_buf_reset(text);
    tc_err err = tc_qpack_section_begin(d, whole, &s);
    if (err) return err;
    if (tc_qpack_is_blocked(d, &s)) return TC_ERR_FULL;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    while ((err = tc_qpack_decode(d, &s, &a, VALUE_MAX, &f)) == TC_OK) {
        assert_int_equal(f.id, tc_field_id_of(f.name));
        assert_int_equal(tc_buf_add(text, f.name), TC_OK);
        assert_int_equal(tc_buf_add(text, TC_SPAN(": ")), TC_OK);
        assert_int_equal(tc_buf_add(text, f.value), TC_OK);
        assert_int_equal(tc_buf_add_byte(text, '|'), TC_OK);
    }
    tc_arena_fini(&a);
    if (err == TC_ERR_NOTHING) assert_int_equal(tc_qpack_section_end(d, &s, stream), TC_OK);
    return err;
}

char texts[6000];
