/* connect.h - a TCP connection to a name, by whichever address answers first (RFC 8305), or through
 * a proxy to one that the proxy looks up.
 *
 * Families take turns, beginning with IPv6. An attempt gets 250 ms before the next one starts
 * beside it; one that fails makes way at once. The first to succeed wins and the others are
 * closed. IPv4 waits 50 ms for a late IPv6 look-up, and both as long for an HTTPS record. Every
 * step is an event. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/event.h"
#include "net/resolve.h"
#include "net/service.h"
#include "net/via.h"

enum {
    TC_CONNECT_DELAY_MS = 250,
    TC_RESOLVE_DELAY_MS = 50,
    TC_CONNECT_ATTEMPTS = TC_ADDRESSES * TC_FAMILIES,
    TC_CONNECT_WHY = 1024
};

struct tc_connect;

typedef struct tc_attempt {
    tc_io io; /* first; fd -1: not under way */
    struct tc_connect *connect;
    const tc_address *address;
    int error; /* errno of a failed one */
} tc_attempt;

typedef struct tc_connect {
    /* filled in by the caller */
    tc_loop *loop;
    tc_watch *watch;   /* NULL: nobody looks on */
    const void *owner; /* for whom it is; only told to those who look on */
    tc_lookup *lookup; /* NULL: the system's */
    tc_span host;      /* must live until done or cancelled */
    uint16_t port;
    bool datagrams; /* sockets for datagrams: the first address has it, as nobody answers yet */
    bool known;     /* found holds the host's addresses: they are not looked up */
    unsigned skip;  /* addresses that are not tried: they were before */
    tc_service_lookup *services; /* for HTTPS records; NULL: they are not asked for */
    /* One was found, which may be too late to wait for (tried). May cancel c and begin it anew. */
    void (*served)(struct tc_connect *c, const tc_service *service);
    int64_t limit_ns; /* for all of it; 0: none */
    tc_via via;       /* host and port are a proxy's, which may have to be asked for a tunnel */
    /* Once, in the loop's thread, unless cancelled; may free c. fd is connected and non-blocking,
     * the callee's from here on, with what c->cover is then; on error it is -1 and c->why names
     * every address tried, or says what the proxy did. peer is who is connected to: the proxy, if
     * there is one. */
    void (*done)(struct tc_connect *c, tc_err err, int fd, const tc_address *peer);
    tc_cover *cover; /* TLS to the proxy, which closes fd, too; NULL: there is none */
    char why[TC_CONNECT_WHY];

    /* its own */
    tc_resolve resolve;
    tc_service_ask ask;
    tc_service service; /* found, and to be told when there are addresses */
    bool record;
    tc_task step; /* another look at what to do, after this turn */
    tc_alarm pause, limit;
    tc_addresses found[TC_FAMILIES];
    const char *sentence[TC_FAMILIES]; /* why a look-up gave nothing */
    unsigned used[TC_FAMILIES];        /* addresses tried of each family */
    bool waiting[TC_FAMILIES];         /* for its look-up */
    bool paused;                       /* the delay of the last attempt, or for a look-up, runs */
    bool waited;                       /* it was, for a look-up */
    bool told;                         /* RESOLVED was shown */
    enum tc_family next;               /* whose turn it is */
    unsigned tried, open;              /* attempts begun, those under way */
    unsigned skipped;
    tc_err local; /* a failure of ours that no other address mends */
    tc_attempt attempts[TC_CONNECT_ATTEMPTS];
    const tc_address *peer; /* who won */
} tc_connect;

void tc_connect_begin(tc_connect *c); /* done is not called from inside */
void tc_connect_cancel(tc_connect *c);
