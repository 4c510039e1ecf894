/* alternatives.h - where HTTP/3 can be had, as origins said (RFC 7838, 2.2) or their HTTPS records
 * in the DNS (RFC 9460), in a bounded list, the one that was heard of last at its end. As text,
 * what origins said is a line each. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/field.h"
#include "net/service.h"

enum {
    TC_ALTERNATIVE_HOST = 256,
    TC_ALTERNATIVE_USED = TC_ALTERNATIVE_HOST + 8,
    TC_ALTERNATIVE_BROKEN_S = 300,
};

typedef struct tc_alternative {
    char host[TC_ALTERNATIVE_HOST]; /* of the origin, https:// */
    char at[TC_ALTERNATIVE_HOST];   /* where it can be had */
    uint16_t port, at_port;
    bool record;      /* an HTTPS record said so */
    bool news;        /* it is not as it was read */
    int64_t until_s;  /* wall clock: it is forgotten then; 0: it was taken back */
    int64_t broken_s; /* ... it is not tried before that */
} tc_alternative;

typedef struct tc_alternatives {
    tc_alternative *list;
    uint64_t count, most;
    uint64_t *reached; /* how often one had to go */
    bool changed;
} tc_alternatives;

tc_err tc_alternatives_init(tc_alternatives *a, uint64_t most, uint64_t *reached) TC_MUST_USE;
void tc_alternatives_fini(tc_alternatives *a);

/* A response of that origin, on a connection that was verified. */
void tc_alternatives_hear(tc_alternatives *a, tc_span host, uint16_t port, const tc_fields *fields,
                          int64_t now_s);
/* An HTTPS record of that origin. What the origin itself said stays. */
void tc_alternatives_hear_record(tc_alternatives *a, tc_span host, uint16_t port,
                                 const tc_service *service, int64_t now_s);
/* Something was heard of it, though it may not be tried now. */
bool tc_alternatives_know(const tc_alternatives *a, tc_span host, uint16_t port, int64_t now_s);
/* Where HTTP/3 shall be tried; NULL: nowhere. Until the next call. */
const tc_alternative *tc_alternatives_find(const tc_alternatives *a, tc_span host, uint16_t port,
                                           int64_t now_s);
/* It was tried in vain: for a while it is not. */
void tc_alternatives_break(tc_alternatives *a, tc_span host, uint16_t port, int64_t now_s);
/* It says itself that it is none (421): it goes (RFC 7838, 6); one by a record, for a while. */
void tc_alternatives_forget(tc_alternatives *a, tc_span host, uint16_t port, int64_t now_s);

/* "host:port" of where it is, without the usual port (RFC 7838, 5). */
void tc_alternatives_name(const tc_alternative *one, char ret_name[TC_ALTERNATIVE_USED]);

/* What is malformed or over is skipped. */
void tc_alternatives_read(tc_alternatives *a, tc_span text, int64_t now_s);
/* What is news in a is told to others, which were read meanwhile. */
void tc_alternatives_merge(const tc_alternatives *a, tc_alternatives *others);
tc_err tc_alternatives_write(const tc_alternatives *a, tc_buf *out) TC_MUST_USE;
