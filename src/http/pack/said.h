/* said.h - answers whose blocks of fields were encoded before, and are copied from then on. Such an
 * answer is known by the numbers of the shared blocks that it is made of, and by what was in the
 * table: while that is the same, so is what its bytes mean. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"

enum { TC_SAID_BYTES = 56, TC_SAID = 8 };

typedef struct tc_said {
    uint64_t blocks[TC_BLOCKS], mark;
    uint64_t required, least; /* QPACK: the entries that it refers to; 0: to none */
    uint16_t status;
    uint8_t len; /* 0: nothing stands here */
    char fields[TC_SAID_BYTES];
} tc_said;

/* mark: tc_ring_mark of the table. all: TC_SAID of them. NULL: it was not said before. */
const tc_said *tc_said_before(const tc_said all[], const tc_message *m, uint64_t mark);
/* Encoded like that; nothing in it may come to be said shorter as the table is. NULL: it is too
 * long, or not of shared blocks alone. */
tc_said *tc_said_keep(tc_said all[], const tc_message *m, uint64_t mark, tc_span fields);
