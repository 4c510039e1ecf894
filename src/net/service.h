/* service.h - HTTPS records of the DNS (RFC 9460): whether HTTP/3 can be had of an origin, and
 * where, known before the first connection. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"
#include "net/errand.h"

enum { TC_SERVICE_NAME = 256, TC_SERVICE_ALIASES = 4 };

/* What the best record says that we understand. */
typedef struct tc_service {
    char target[TC_SERVICE_NAME]; /* whose addresses are meant, without a dot at its end */
    uint16_t port;
    bool h3;
    uint32_t fresh_s; /* for how long that may be remembered */
} tc_service;

enum tc_service_news {
    TC_SERVICE_NONE,   /* nothing that we can use */
    TC_SERVICE_FOUND,  /* ret_service is filled in */
    TC_SERVICE_ALIASED /* only target is: ask for that name (2.4.2) */
};

/* Reads a DNS message that answers tc_service_question. */
enum tc_service_news tc_service_read(tc_span message, uint16_t port, tc_service *ret_service);
/* The name to be asked for: host, or with another port than 443 "_8443._https.host" (9.1). false:
 * it is too long for a name. */
bool tc_service_question(tc_span host, uint16_t port, char ret_name[TC_SERVICE_NAME]);

/* What a thread calls; may block. false: there is none. Tests put theirs here. */
typedef bool tc_service_lookup(const char *host, uint16_t port, tc_service *ret_service);
bool tc_service_lookup_system(const char *host, uint16_t port, tc_service *ret_service);

struct tc_service_job;

typedef struct tc_service_ask {
    tc_service_lookup *lookup;
    /* In the loop's thread, once. NULL: there is none. May cancel and may free a. */
    void (*found)(struct tc_service_ask *a, const tc_service *service);
    struct tc_service_job *job; /* NULL: not under way */
} tc_service_ask;

/* Names of one label and what is longer than a name are not asked for: found never comes, as where
 * no thread can be started. false: so it is. */
bool tc_service_begin(tc_service_ask *a, tc_loop *loop, tc_span host, uint16_t port);
void tc_service_cancel(tc_service_ask *a); /* fine at any time; see tc_errand_cancel */
