/* connecting.h - one attempt to connect, and listeners that answer or do not. */
// SPDX-License-Identifier: MIT
#pragma once
#include <semaphore.h>

#include "net/connect.h"

extern tc_loop *connecting_loop;

struct result {
    tc_connect connect; /* first */
    bool over;
    tc_err err;
    int fd;
    char peer[TC_ADDRESS_TEXT];
    tc_watch watch;
    char log[2048]; /* what was seen, a word each */
};

void connecting_is_over(tc_connect *c, tc_err err, int fd, const tc_address *peer);
int connecting_descriptors(void);

/* A listener on 127.0.0.N. With full, its queue is filled: further attempts hang. */
int listen_on(const char *address, bool full, uint16_t *ret_port);
void fill(const char *address, uint16_t port, int *fds, int count);

enum { TURNS = 1000, LIMIT_MS = 20000 };

void connecting_begin(struct result *r, tc_lookup *lookup, const char *host, uint16_t port);

/* The clock may be stopped: turns are counted. */
void connecting_finish(struct result *r);
void connecting_run(struct result *r, tc_lookup *lookup, const char *host, uint16_t port);
extern sem_t connecting_six;
extern sem_t connecting_record;
const char *connecting_unknown(const char *host, enum tc_family family, tc_addresses *ret);
int connecting_set_up(void **state);
int connecting_tear_down(void **state);
