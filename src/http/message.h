/* message.h - a request or a response of no version (RFC 9110, 6): control data, fields, trailers.
 *
 * The only form that anything above an engine sees. Names are lower case; what belongs to one
 * connection (Connection, Transfer-Encoding, Host beside the authority) stays in the engine. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"
#include "http/method.h"
#include "http/status.h"

enum tc_role { TC_CLIENT, TC_SERVER };

/* For display and for choosing an engine, never for meaning. */
enum tc_version { TC_HTTP_NONE, TC_HTTP_0_9, TC_HTTP_1_0, TC_HTTP_1_1, TC_HTTP_2, TC_HTTP_3 };
tc_span tc_version_name(enum tc_version version); /* "HTTP/1.1" */

#define TC_LENGTH_UNKNOWN INT64_C(-1)

/* Fields that many messages share, made once and never changed while one uses it. So an engine can
 * keep its encoding of the whole: here, where it is good on every connection, or by the number. */
typedef struct tc_block {
    uint64_t number; /* no other block has or had it (tc_block_number); 0: it has none */
    tc_fields fields;
    int64_t length;  /* content length that its fields state, or TC_LENGTH_UNKNOWN */
    tc_arena *arena; /* where h1_lines are kept: the owner's */
    tc_span h1_lines;
} tc_block;

/* Whether such an answer makes a tunnel of the exchange (RFC 9110, 9.3.6): what follows the heads
 * is no content of either, and no field says how long it is. */
static inline bool tc_makes_tunnel(enum tc_method asked, unsigned status)
{
    return asked == TC_METHOD_CONNECT && status >= 200 && status < 300;
}

uint64_t tc_block_number(void); /* the next one; from any thread */

enum { TC_BLOCK_COMMON, TC_BLOCK_CONTENT, TC_BLOCK_ADDED, TC_BLOCKS };

typedef struct tc_message {
    enum tc_version version;
    enum tc_method method; /* request; TC_METHOD_NONE: see method_name */
    uint16_t status;       /* response */
    bool expects_continue; /* request: "Expect: 100-continue" and content follows */
    bool omits_host;       /* request of ours: without Host, which a server must refuse */
    tc_span method_name;   /* request: the token as sent */
    tc_span scheme;        /* request: "http", "https" */
    tc_span authority;     /* request: host[:port] as sent, without user information */
    tc_span path;          /* request: path and query in origin form, or "*" */
    tc_span target;        /* request of ours, to a proxy: sent in place of path; else empty */
    tc_span reason;        /* response of a version that has one: as sent */
    int64_t length;        /* of the content: 0 none, or TC_LENGTH_UNKNOWN until it ends */
    tc_fields fields;
    tc_fields trailers;
    tc_block *blocks[TC_BLOCKS]; /* shared fields that go before the others; NULL: none */
} tc_message;

/* Looks in the message's own fields, then in its blocks. */
bool tc_message_get(const tc_message *m, enum tc_field_id id, tc_span *ret_value);
/* Walks all of them, blocks first: start with *cursor = 0; NULL at the end. */
const tc_field *tc_message_next(const tc_message *m, uint32_t *cursor);
