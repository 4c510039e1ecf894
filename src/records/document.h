/* document.h - JSON as records have it (RFC 8259): read strictly and within bounds, with the place
 * of what is wrong; written so that numbers stay what they were. */
// SPDX-License-Identifier: MIT
#pragma once
#include <jansson.h>

#include "base/buf.h"

typedef struct tc_document_fault {
    unsigned line, column; /* from 1; 0: it has no place */
    bool deep;             /* json_depth was passed */
    char text[192];        /* "line 2, column 7: ..." */
} tc_document_fault;

/* Once, before the first of all: memory from tc_alloc, hashes keyed by chance. */
void tc_document_init(void);

/* An object or an array, alone. Duplicate members, numbers that are too large, lone surrogates, NUL
 * and nesting deeper than depth are refused. TC_ERR_JSON with ret_fault filled in; NO_MEMORY. */
tc_err tc_document_read(tc_span text, uint64_t depth, json_t **ret_value,
                        tc_document_fault *ret_fault) TC_MUST_USE;
/* The memory that it takes when it is read, about, and not less: a hundred times its bytes where
 * it is made for that. */
uint64_t tc_document_weight(tc_span text);
/* Compact. Reals are the shortest that read as the same. */
tc_err tc_document_write(const json_t *value, tc_buf *out) TC_MUST_USE;
