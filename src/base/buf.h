/* buf.h - a growing run of bytes with a ceiling that must be named when it is made.
 *
 * Bytes are added at the end and dropped from the front. A full buffer answers TC_ERR_FULL, which
 * is back-pressure, not a failure. Adding is all or nothing. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdarg.h>

#include "base/err.h"
#include "base/span.h"

typedef struct tc_buf {
    char *at;           /* first byte in use */
    size_t len;         /* bytes in use */
    char *memory;       /* what was allocated; NULL when nothing is */
    uint32_t size, max; /* allocated, ceiling: bytes */
} tc_buf;

void tc_buf_init(tc_buf *b, size_t max); /* allocates nothing; max at most 4 GiB - 2 */
/* Over the caller's memory, of which one byte is kept for printf: never grows, needs no fini (which
 * would free the memory). size is 2 at least. */
void tc_buf_init_over(tc_buf *b, char *memory, size_t size);
void tc_buf_fini(tc_buf *b);  /* keeps max: the buffer is empty and ready */
void tc_buf_reset(tc_buf *b); /* empty, memory kept */

tc_err tc_buf_add(tc_buf *b, tc_span bytes) TC_MUST_USE;
tc_err tc_buf_add_byte(tc_buf *b, char byte) TC_MUST_USE;
tc_err tc_buf_printf(tc_buf *b, const char *format, ...) TC_MUST_USE
    __attribute__((format(printf, 2, 3)));

/* Room for n bytes at the end; after writing there, add n to b->len. */
static inline tc_err tc_buf_reserve(tc_buf *b, size_t n, char **ret_room) TC_MUST_USE;
tc_err tc_buf_reserve_more(tc_buf *b, size_t n, char **ret_room) TC_MUST_USE; /* where it is not */
void tc_buf_drop(tc_buf *b, size_t n); /* from the front; n at most b->len */

static inline tc_span tc_buf_span(const tc_buf *b)
{
    return (tc_span){b->at, b->len};
}

static inline tc_err tc_buf_reserve(tc_buf *b, size_t n, char **ret_room)
{
    if (!b->memory || n > (size_t)(b->memory + b->size - b->at) - b->len)
        return tc_buf_reserve_more(b, n, ret_room);
    *ret_room = b->at + b->len;
    return TC_OK;
}
