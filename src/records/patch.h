/* patch.h - changes to a JSON document: merge patch (RFC 7396) and JSON Patch (RFC 6902). All or
 * nothing: after an error the document must be thrown away. */
// SPDX-License-Identifier: MIT
#pragma once
#include "records/document.h"

enum tc_patch_kind { TC_PATCH_MERGE, TC_PATCH_OPERATIONS };
enum { TC_PATCH_WHY = 256 };

typedef struct tc_patch_bounds {
    uint64_t operations; /* most, of a JSON Patch */
    uint64_t bytes;      /* about as many may the result have */
    uint64_t depth;
} tc_patch_bounds;

/* *document is replaced where the whole is. TC_ERR_PATCH_SYNTAX: patch is none; TC_ERR_PATCH: it
 * does not fit the document (a member that is not there, a test that fails); CONTENT_TOO_LARGE;
 * NO_MEMORY. ret_why names the operation, counted from 0 as its index. */
tc_err tc_patch_apply(json_t **document, enum tc_patch_kind kind, const json_t *patch,
                      const tc_patch_bounds *bounds, char ret_why[TC_PATCH_WHY]) TC_MUST_USE;
