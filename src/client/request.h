/* request.h - what a client asks for, and what becomes of it when a response says to ask elsewhere
 * (RFC 9110, 15.4). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"
#include "http/target.h"

/* Content of a request. */
typedef struct tc_content {
    enum tc_content_kind {
        TC_CONTENT_NONE,
        TC_CONTENT_BYTES,
        TC_CONTENT_FILE,  /* a regular file from off on: length bytes */
        TC_CONTENT_STREAM /* read until its end; cannot be sent a second time */
    } kind;
    tc_span bytes;
    int fd; /* FILE, STREAM; the caller's to close */
    uint64_t off, length;
} tc_content;

typedef struct tc_request {
    enum tc_method method;
    tc_span method_name;
    tc_url url;
    enum tc_version version; /* NONE: the best that both ends have */
    tc_fields fields;        /* all but Host */
    tc_span host;            /* Host where it is not the URL's; at NULL: the URL's */
    bool no_host;            /* sends none */
    bool asterisk;           /* OPTIONS of the server as a whole: the target is "*" */
    bool expects_continue;
    tc_content content;
} tc_request;

/* As a message of no version yet, which borrows all of it; its length may be TC_LENGTH_UNKNOWN. */
void tc_request_message(const tc_request *r, tc_message *message);

/* Whether a status says to ask elsewhere in a way that can be followed: 301 302 303 307 308. */
bool tc_redirect_status(unsigned status);

/* Rewrites a request as the response says: the URL; the method and content where the status asks
 * for GET; and, where the origin changes, without anything that is meant for the old one. All new
 * memory is from a. TC_ERR_URL_SYNTAX, TC_ERR_SCHEME, TC_ERR_NO_MEMORY; TC_ERR_READ_FILE: the
 * content would have to be sent again and cannot. *r is then unchanged. */
tc_err tc_redirect_apply(tc_arena *a, tc_request *r, unsigned status, tc_span location) TC_MUST_USE;

/* Whether it may be sent again by itself after a connection died before any answer (RFC 9110,
 * 9.2.2): idempotent, and its content can be had again. */
bool tc_request_repeatable(const tc_request *r);
/* Without its 100-continue expectation (RFC 9110, 10.1.1). */
void tc_request_expect_nothing(tc_request *r);
/* Whether it may go out as early data, which somebody could send once more (RFC 8470, 4): safe, and
 * without content. */
bool tc_request_may_be_early(const tc_request *r);
