/* qif.h - header lists in the form of qpackers/qifs, and what encoders made of them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

typedef struct qif_list {
    tc_field *fields;
    size_t count;
} qif_list;

typedef struct qif {
    tc_arena arena;
    char path[512];
    qif_list *lists;
    size_t count;
    size_t field_count, bytes; /* names and values of all */
} qif;

/* What an encoder made: bytes for the encoder stream (stream 0), and sections. */
typedef struct qif_record {
    uint64_t stream;
    tc_span bytes;
} qif_record;

typedef struct qif_made {
    tc_arena arena;
    char path[512];
    uint32_t table, blocked; /* the decoder's settings */
    qif_record *records;
    size_t count;
} qif_made;

void qif_fini(qif *q);
/* Calls visit for each list in test/vectors/qpack/qifs, or below $QPACK_VECTORS. Returns how many
 * there were. */
size_t qif_each(void (*visit)(const qif *q, void *argument), void *argument);
/* The same with each encoding of it by nghttp3. */
size_t qif_each_made(void (*visit)(const qif *q, const qif_made *made));
