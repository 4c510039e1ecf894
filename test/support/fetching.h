/* fetching.h - a server in a thread that does what a test says, and a client of it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/fetch.h"

typedef struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    void (*talk)(struct peer *p, int fd, int nth); /* of a connection, from 1 */
    atomic_int accepted, requests, ended;
    char seen[262144]; /* all that came; read it when the thread is joined */
    size_t seen_len;
} peer;

/* Reads until the text is among what came since the begin of this call; false at an end. */
bool fetching_await(peer *p, int fd, const char *text);
bool fetching_request(peer *p, int fd);
void fetching_say(int fd, const char *text);
void peer_start(peer *p, void (*talk)(peer *p, int fd, int nth));
void peer_stop(peer *p);
bool peer_saw(const peer *p, const char *text);
extern const char fetching_hello[];

typedef struct ctx {
    tc_loop *loop;
    tc_client client;
    tc_limits limits;
    tc_reached reached;
    tc_arena arena;
    tc_fetch fetch;
    bool over;
    tc_err err;
    unsigned status, heads;
    char body[1024];
    size_t body_len;
} ctx;

tc_err client_start(ctx *c);
void client_stop(ctx *c);
void fetching_begin(ctx *c, enum tc_method method, const char *url, const tc_content *content);

/* The clock may be stopped: turns are counted. */
void fetching_finish(ctx *c);
void fetch(ctx *c, enum tc_method method, const peer *p, const char *path);
extern peer fetching_server;
void talk_redirecting(peer *p, int fd, int nth);
