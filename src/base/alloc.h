/* alloc.h - the only door to the heap: what goes through it can be counted, and made to fail.
 *
 * Counters are per thread. A test that sets tc_alloc_fail_after(n) makes every allocation of this
 * thread fail once n more have succeeded. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>
#include <stdint.h>

void *tc_alloc(size_t size); /* NULL when there is no memory; not zeroed */
void *tc_alloc_zero(size_t size);
void *tc_realloc(void *old, size_t size); /* old stays valid when NULL is returned */
void tc_free(void *memory);               /* NULL is fine */

uint64_t tc_alloc_count(void);       /* allocations of this thread so far */
void tc_alloc_fail_after(int64_t n); /* negative: never */
