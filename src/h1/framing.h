/* framing.h - where a message ends and whether its connection goes on (RFC 9112, 6 and 9).
 *
 * Every field that says so passes here, and none of them twice: a second opinion about a length is
 * how requests are smuggled. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "http/message.h"

typedef struct tc_h1_facts {
    int64_t length; /* Content-Length, or TC_LENGTH_UNKNOWN where there is none */
    tc_span host;   /* request */
    uint32_t options;
    bool has_host, chunked, close, keep_alive, expects, expects_other;
    tc_err unclear; /* the transfer coding is well-formed, but none that we know */
} tc_h1_facts;

/* TUNNEL: until they end, and nothing before CONNECT was answered with 2xx. */
enum tc_h1_body { TC_H1_NO_BODY, TC_H1_LENGTH, TC_H1_CHUNKED, TC_H1_UNTIL_CLOSE, TC_H1_TUNNEL };

void tc_h1_facts_init(tc_h1_facts *f);

/* Notes what a field of a head says. *ret_keep: the field is also for the message. */
tc_err tc_h1_facts_note(tc_h1_facts *f, const tc_limits *limits, enum tc_role from,
                        enum tc_version version, const tc_field *field, bool *ret_keep) TC_MUST_USE;

/* The head is whole: how long is its content, by RFC 9112, 6.3? Fills in m->length. */
tc_err tc_h1_facts_request(const tc_h1_facts *f, tc_message *m,
                           enum tc_h1_body *ret_body) TC_MUST_USE;
tc_err tc_h1_facts_response(const tc_h1_facts *f, tc_message *m, enum tc_method asked,
                            enum tc_h1_body *ret_body) TC_MUST_USE;

/* Takes away the fields that Connection names, and Connection. Fields that the table knows to be
 * for the far end stay: a peer must not undo a condition, a credential or a length that way. */
void tc_h1_facts_strip(const tc_h1_facts *f, tc_fields *fields);

/* Does the sender let the connection go on after this message (RFC 9112, 9.3)? */
static inline bool tc_h1_facts_persist(const tc_h1_facts *f, enum tc_version version)
{
    return !f->close && (version == TC_HTTP_1_1 || f->keep_alive);
}
