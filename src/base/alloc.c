/* alloc.c - see alloc.h. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"

#include <stdbool.h>
#include <stdlib.h>

static _Thread_local uint64_t count;
static _Thread_local int64_t left = -1;

static bool must_fail(void)
{
    count++;
    if (left < 0) return false;
    if (left == 0) return true;
    left--;
    return false;
}

void *tc_alloc(size_t size)
{
    return must_fail() ? NULL : malloc(size ? size : 1);
}

void *tc_alloc_zero(size_t size)
{
    return must_fail() ? NULL : calloc(1, size ? size : 1);
}

void *tc_realloc(void *old, size_t size)
{
    return must_fail() ? NULL : realloc(old, size ? size : 1);
}

void tc_free(void *memory)
{
    free(memory);
}

uint64_t tc_alloc_count(void)
{
    return count;
}

void tc_alloc_fail_after(int64_t n)
{
    left = n;
}
