/* listing_page.h - a folder's entries for a person, a program or a terminal. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "files/listing_read.h"
#include "http/accept.h"

typedef struct tc_listing_view {
    enum tc_reply_kind kind;
    tc_span path; /* as in the address, decoded, with "/" at both ends */
    bool inmost;  /* there is nothing above it to go to */
    enum tc_listing_sort sort;
    bool falling;
} tc_listing_view;

/* "name", "size" or "time", and "asc" or "desc", from a query; what is none of it is ignored. */
void tc_listing_view_read(tc_listing_view *v, tc_span query);

/* Names are shown safely wherever they stand. One that no address can name has no link. */
tc_err tc_listing_write(tc_buf *to, const tc_listing_view *v, const tc_listing *l) TC_MUST_USE;
