/* compare.h - one request by each version of HTTP, side by side: what `--http all` prints. All of
 * it is read from the record of what happened. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/service.h"
#include "observe/record.h"

enum { TC_COMPARE_VERSIONS = 5 };
extern const enum tc_version tc_compare_versions[TC_COMPARE_VERSIONS];

typedef struct tc_compared {
    enum tc_version version;
    const void *owner;   /* whose exchange it is in the record */
    const char *why_not; /* it was not sent; NULL: it was */
} tc_compared;

/* The table, and what a browser would choose, within so many columns; service: what the origin's
 * HTTPS record says, or NULL. */
tc_err tc_compare_text(tc_span url, const tc_record *record,
                       const tc_compared rows[TC_COMPARE_VERSIONS], const tc_service *service,
                       unsigned columns, tc_buf *out) TC_MUST_USE;
