/* prepare.h - from the words of a command line to the request that is sent for each URL. */
// SPDX-License-Identifier: MIT
#pragma once
#include "ask/items.h"
#include "client/request.h"

typedef struct tc_prepared {
    tc_items items;
    tc_request request; /* all but the URL */
    tc_arena arena;
    tc_buf data; /* content that had to be read first */
    int fd;      /* of the content's file; -1: none */
} tc_prepared;

/* method: its token; at NULL: GET, or POST where there is content. version: as asked for. data: of
 * --data, or NULL. TC_ERR_USAGE, TC_ERR_READ_FILE, ...: a sentence is in complaint. */
tc_err tc_prepare(tc_prepared *p, tc_span method, enum tc_version version, const char *data,
                  int count, char *const *words, tc_buf *complaint) TC_MUST_USE;
void tc_prepared_fini(tc_prepared *p);

/* The request for one URL, with fields of its own in a (redirects change them). TC_ERR_URL_SYNTAX,
 * TC_ERR_SCHEME, TC_ERR_NO_MEMORY. */
tc_err tc_prepared_request(const tc_prepared *p, tc_arena *a, tc_span url,
                           tc_request *ret_request) TC_MUST_USE;

/* Why the request cannot be sent by that version, over a scheme that is secure or is not, whoever
 * the server is; NULL: it can. */
const char *tc_prepared_why_not(const tc_prepared *p, enum tc_version version, bool secure);
/* Makes it one of that version. */
void tc_prepared_as(enum tc_version version, tc_request *r);
