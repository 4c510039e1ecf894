/* aside.h - content that came before its turn: a little of it in memory, the rest in a file that
 * has no name. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"

enum { TC_ASIDE_MEMORY = 65536 };

typedef struct tc_aside {
    tc_buf memory;
    int fd;         /* -1: memory was enough */
    uint64_t bytes; /* kept */
    uint64_t *left; /* how much may be kept in all, together with others */
} tc_aside;

void tc_aside_init(tc_aside *a, uint64_t *left);
void tc_aside_fini(tc_aside *a); /* what was kept is gone; safe twice */
/* TC_ERR_FULL: more than is left; TC_ERR_WRITE_FILE, TC_ERR_NO_MEMORY. */
tc_err tc_aside_add(tc_aside *a, tc_span bytes) TC_MUST_USE;
/* Hands everything on, piece by piece in order, until put fails. */
tc_err tc_aside_give(tc_aside *a, tc_err (*put)(void *self, tc_span bytes), void *self) TC_MUST_USE;
