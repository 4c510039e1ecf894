/* buf.c - see buf.h. One byte more than size is allocated: a place for the NUL of printf. */
// SPDX-License-Identifier: MIT
#include "base/buf.h"

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"

enum { FIRST_BYTES = 256 };

void tc_buf_init(tc_buf *b, size_t max)
{
    assert(max > 0 && max < UINT32_MAX);
    *b = (tc_buf){.max = (uint32_t)max};
}

void tc_buf_init_over(tc_buf *b, char *memory, size_t size)
{
    assert(size > 1 && size <= UINT32_MAX);
    const uint32_t room = (uint32_t)size - 1;
    *b = (tc_buf){.at = memory, .memory = memory, .size = room, .max = room};
}

void tc_buf_fini(tc_buf *b)
{
    tc_free(b->memory);
    *b = (tc_buf){.max = b->max};
}

void tc_buf_reset(tc_buf *b)
{
    b->at = b->memory;
    b->len = 0;
}

tc_err tc_buf_reserve_more(tc_buf *b, size_t n, char **ret_room)
{
    if (n > b->max || b->len > b->max - n) return TC_ERR_FULL;
    if (b->memory && b->len + n <= b->size) {
        memmove(b->memory, b->at, b->len);
    } else {
        size_t size = b->size ? b->size : FIRST_BYTES;
        while (size < b->len + n)
            size *= 2;
        if (size > b->max) size = b->max;
        char *memory = tc_alloc(size + 1);
        if (!memory) return TC_ERR_NO_MEMORY;
        if (b->len) memcpy(memory, b->at, b->len);
        tc_free(b->memory);
        b->memory = memory;
        b->size = (uint32_t)size;
    }
    b->at = b->memory;
    *ret_room = b->at + b->len;
    return TC_OK;
}

tc_err tc_buf_add(tc_buf *b, tc_span bytes)
{
    if (bytes.len == 0) return TC_OK;
    char *room;
    const tc_err err = tc_buf_reserve(b, bytes.len, &room);
    if (err) return err;
    memcpy(room, bytes.at, bytes.len);
    b->len += bytes.len;
    return TC_OK;
}

tc_err tc_buf_add_byte(tc_buf *b, char byte)
{
    return tc_buf_add(b, (tc_span){&byte, 1});
}

tc_err tc_buf_printf(tc_buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    const int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *room;
    tc_err err = n < 0 ? TC_ERR_SYSTEM : tc_buf_reserve(b, (size_t)n, &room);
    if (!err) {
        (void)vsnprintf(room, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
    return err;
}

void tc_buf_drop(tc_buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    b->at = b->len ? b->at + n : b->memory;
}
