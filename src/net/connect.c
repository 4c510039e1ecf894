/* connect.c - see connect.h. All decisions are made in one place, step(); everything that happens
 * writes down what it is and asks for a step at the end of the turn. */
// SPDX-License-Identifier: MIT
#include "net/connect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#define OWNER(type, member, pointer) ((type *)((char *)(pointer)-offsetof(type, member)))

static void show(tc_connect *c, enum tc_seen_kind kind, tc_err err, tc_span text, uint64_t n)
{
    if (!tc_watched(c->watch, kind)) return;
    tc_show(c->watch, &(tc_seen){.kind = kind,
                                 .ours = true,
                                 .err = err,
                                 .at = tc_loop_tick(c->loop),
                                 .text = text,
                                 .owner = c->owner,
                                 .n = n});
}

static void show_attempt(tc_connect *c, enum tc_seen_kind kind, tc_err err, const tc_attempt *a)
{
    char text[TC_ADDRESS_TEXT];
    if (tc_watched(c->watch, kind))
        show(c, kind, err, tc_address_text(a->address, text), (uint64_t)a->error);
}

static void close_attempt(tc_attempt *a)
{
    if (a->io.fd < 0) return;
    tc_loop_closing(a->connect->loop, &a->io);
    close(a->io.fd);
    a->io.fd = -1;
    a->connect->open--;
}

/* Sets the alarm; without memory for it, the wait is over at once. */
static void pause_for(tc_connect *c, int64_t ms)
{
    c->paused = tc_loop_set(c->loop, &c->pause, tc_loop_now(c->loop) + ms * TC_MS) == TC_OK;
    if (!c->paused) tc_loop_after(c->loop, &c->step);
}

static void add_text(tc_connect *c, size_t *at, const char *format, const char *a, const char *b)
{
    const size_t room = sizeof c->why - *at;
    const int n = snprintf(c->why + *at, room, format, a, b);
    if (n > 0) *at += (size_t)n < room ? (size_t)n : room - 1;
}

/* "[::1]:80: Connection refused; 127.0.0.1:80: no answer" */
static void explain(tc_connect *c)
{
    size_t at = 0;
    char text[TC_ADDRESS_TEXT], error[96];
    c->why[0] = 0;
    for (unsigned i = 0; i < c->tried; i++) {
        const tc_attempt *a = &c->attempts[i];
        (void)tc_address_text(a->address, text);
        const char *why = a->error ? strerror_r(a->error, error, sizeof error) : "no answer";
        add_text(c, &at, at ? "; %s: %s" : "%s: %s", text, why);
    }
    if (c->tried == 0 && c->sentence[TC_V4]) add_text(c, &at, "%s%s", c->sentence[TC_V4], "");
    if (c->tried == 0 && c->sentence[TC_V6] &&
        (!c->sentence[TC_V4] || strcmp(c->sentence[TC_V4], c->sentence[TC_V6])))
        add_text(c, &at, at ? " (IPv6: %s)%s" : "%s%s", c->sentence[TC_V6], "");
    if (at == 0) add_text(c, &at, "%s%s", "the name look-up gave no answer", "");
}

/* All but the time limit. why: what is told of attempts that are broken off */
static void let_go(tc_connect *c, tc_err why)
{
    for (unsigned i = 0; i < c->tried; i++) {
        const bool lost = c->attempts[i].io.fd >= 0;
        close_attempt(&c->attempts[i]);
        if (lost) show_attempt(c, TC_SEEN_CONNECTED, why, &c->attempts[i]);
    }
    tc_resolve_cancel(&c->resolve);
    tc_service_cancel(&c->ask);
    tc_loop_cancel(c->loop, &c->step);
    tc_loop_clear(c->loop, &c->pause);
}

static void release(tc_connect *c, tc_err why)
{
    let_go(c, why);
    tc_loop_clear(c->loop, &c->limit);
    const int fd = c->via.asking && !c->cover ? c->via.io.fd : -1;
    tc_via_cancel(&c->via);
    if (fd >= 0) close(fd);
    tc_cover_free(c->cover);
    c->cover = NULL;
}

/* Whoever asked has the connection from here on. */
static void succeed(tc_connect *c, int fd)
{
    tc_cover *cover = c->cover;
    c->cover = NULL;
    release(c, TC_ERR_OUTRUN);
    c->cover = cover;
    c->done(c, TC_OK, cover ? cover->tls.tcp.io.fd : fd, c->peer);
}

/* As people are told where the one who is looked for is a proxy. */
static tc_err of_proxy(const tc_connect *c, tc_err err)
{
    if (!c->via.name.len) return err;
    return err == TC_ERR_RESOLVE   ? TC_ERR_PROXY_RESOLVE
           : err == TC_ERR_CONNECT ? TC_ERR_PROXY_CONNECT
                                   : err;
}

static void fail(tc_connect *c, tc_err err)
{
    explain(c);
    err = of_proxy(c, err);
    release(c, err);
    if (!c->told) show(c, TC_SEEN_RESOLVED, err, c->host, 0);
    c->done(c, err, -1, NULL);
}

/* --- a proxy is asked for a tunnel --------------------------------------------------------- */

static void answered_via(tc_via *v, tc_err err)
{
    tc_connect *c = OWNER(tc_connect, via, v);
    (void)tc_loop_tick(c->loop);
    if (err) (void)snprintf(c->why, sizeof c->why, "%s", v->why);
    show(c, TC_SEEN_TUNNELED, err, tc_span_str(c->why), v->status);
    if (!err) {
        succeed(c, v->io.fd);
        return;
    }
    if (!c->cover) close(v->io.fd);
    release(c, err);
    c->done(c, err, -1, NULL);
}

static void ask_via(tc_connect *c, int fd)
{
    tc_via *v = &c->via;
    v->loop = c->loop;
    v->watch = c->watch;
    v->owner = c->owner;
    v->done = answered_via;
    show(c, TC_SEEN_TUNNEL, TC_OK, v->authority, 0);
    if (c->cover)
        tc_via_ask_over(v, c->cover);
    else
        tc_via_ask(v, fd);
}

/* --- TLS to a proxy ------------------------------------------------------------------------ */

static void cover_failed(tc_connect *c, tc_err err)
{
    show(c, TC_SEEN_PROXY_PROTECTED, err, tc_span_str(c->why), 0);
    release(c, err);
    c->done(c, err, -1, NULL);
}

static void explain_cover(tc_connect *c, tc_err err)
{
    char words[TC_COVER_WORDS];
    const char *why = c->cover ? c->cover->why : "";
    (void)snprintf(c->why, sizeof c->why, "%.*s (proxy): %s%s%s", TC_FMT(c->via.name),
                   tc_cover_words(err, words), *why ? ": " : "", why);
}

static void show_cover(tc_connect *c)
{
    tc_protection p;
    if (!tc_watched(c->watch, TC_SEEN_PROXY_PROTECTED) ||
        !tc_link_tls_type.protection(&c->cover->tls.tcp.link, &p))
        return;
    tc_show(c->watch, &(tc_seen){.kind = TC_SEEN_PROXY_PROTECTED,
                                 .ours = true,
                                 .at = tc_loop_tick(c->loop),
                                 .protection = &p,
                                 .owner = c->owner});
}

static void shake(void *self, unsigned what)
{
    tc_connect *c = self;
    const tc_err err = tc_cover_shake(c->cover);
    (void)what;
    if (err == TC_ERR_FULL) return;
    if (err) {
        explain_cover(c, err);
        cover_failed(c, tc_err_exit(err) == tc_err_exit(TC_ERR_PROXY_CERT) ? TC_ERR_PROXY_CERT
                                                                           : TC_ERR_PROXY_TLS);
        return;
    }
    c->cover->ready = NULL;
    show_cover(c);
    if (c->via.authority.len)
        ask_via(c, -1);
    else
        succeed(c, -1);
}

static void cover(tc_connect *c, int fd)
{
    const tc_err err = tc_cover_new(c->loop, fd, &c->peer->any, c->via.tls, c->via.host, &c->cover);
    if (err) {
        explain_cover(c, err);
        cover_failed(c, err);
        return;
    }
    c->cover->ready = shake;
    c->cover->self = c;
    shake(c, 0);
}

/* It had its time. */
static void give_up_via(tc_connect *c)
{
    const bool asking = c->via.asking;
    (void)snprintf(c->why, sizeof c->why, "%.*s (proxy) did not %s in time", TC_FMT(c->via.name),
                   asking ? "answer CONNECT" : "answer the TLS handshake");
    if (!asking) {
        cover_failed(c, TC_ERR_CONNECT_TIME);
        return;
    }
    show(c, TC_SEEN_TUNNELED, TC_ERR_CONNECT_TIME, tc_span_str(c->why), 0);
    release(c, TC_ERR_CONNECT_TIME);
    c->done(c, TC_ERR_CONNECT_TIME, -1, NULL);
}

/* --- attempts ------------------------------------------------------------------------------ */

static void win(tc_attempt *a)
{
    tc_connect *c = a->connect;
    const int fd = a->io.fd;
    tc_loop_remove(c->loop, &a->io);
    a->io.fd = -1;
    c->open--;
    show_attempt(c, TC_SEEN_CONNECTED, TC_OK, a);
    c->peer = a->address;
    let_go(c, TC_ERR_OUTRUN);
    if (c->via.tls)
        cover(c, fd);
    else if (c->via.authority.len)
        ask_via(c, fd);
    else
        succeed(c, fd);
}

static void lose(tc_attempt *a, int error)
{
    tc_connect *c = a->connect;
    a->error = error;
    close_attempt(a);
    show_attempt(c, TC_SEEN_CONNECTED, TC_ERR_CONNECT, a);
    c->paused = false; /* the next one need not wait */
    tc_loop_after(c->loop, &c->step);
}

static void attempt_ready(tc_io *io, unsigned what)
{
    tc_attempt *a = (tc_attempt *)io;
    if (!(what & (TC_READY_OUT | TC_READY_GONE))) return;
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &error, &length)) error = errno;
    if (error)
        lose(a, error);
    else
        win(a);
}

static void attempt_begin(tc_connect *c, const tc_address *address)
{
    tc_attempt *a = &c->attempts[c->tried++];
    *a = (tc_attempt){.io = {-1, attempt_ready}, .connect = c, .address = address};
    show_attempt(c, TC_SEEN_CONNECT, TC_OK, a);
    const int kind = c->datagrams ? SOCK_DGRAM : SOCK_STREAM;
    a->io.fd = socket(address->any.sa_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->io.fd < 0) {
        if (errno == EMFILE || errno == ENFILE) c->local = TC_ERR_TOO_MANY_FILES;
        lose(a, errno);
        return;
    }
    c->open++;
    const int yes = 1;
    if (!c->datagrams)
        (void)setsockopt(a->io.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); /* works without */
    int rc;
    do
        rc = connect(a->io.fd, &address->any, tc_address_length(address));
    while (rc && errno == EINTR);
    if (rc && errno != EINPROGRESS && errno != EALREADY) {
        lose(a, errno);
        return;
    }
    const tc_err err = tc_loop_add(c->loop, &a->io); /* connected already: told at once */
    if (err) {
        c->local = err;
        lose(a, ENOMEM);
    }
}

/* The next address: families take turns while both have some. NULL: none is left. */
static const tc_address *take_address(tc_connect *c)
{
    for (int i = 0; i < TC_FAMILIES; i++) {
        const enum tc_family family = c->next;
        c->next = family == TC_V6 ? TC_V4 : TC_V6;
        if (c->used[family] < c->found[family].count)
            return &c->found[family].at[c->used[family]++];
    }
    return NULL;
}

/* The next one that was not tried before. */
static const tc_address *take_fresh_address(tc_connect *c)
{
    const tc_address *address = take_address(c);
    while (address && c->skipped < c->skip) {
        c->skipped++;
        address = take_address(c);
    }
    return address;
}

static void step(tc_task *task)
{
    tc_connect *c = OWNER(tc_connect, step, task);
    const bool any = c->found[TC_V6].count || c->found[TC_V4].count;
    const bool waiting = c->waiting[TC_V6] || c->waiting[TC_V4];
    if (c->local && c->open == 0) {
        fail(c, c->local);
        return;
    }
    if (c->record && !c->paused && (any || !waiting)) {
        c->record = false;
        tc_loop_after(c->loop, &c->step); /* it may change nothing */
        c->served(c, &c->service);        /* c may be begun anew, or be gone */
        return;
    }
    if (!any && !waiting) {
        fail(c, TC_ERR_RESOLVE);
        return;
    }
    if (c->paused || !any) return;
    const tc_address *address = take_fresh_address(c);
    if (address) {
        attempt_begin(c, address);
        if (c->attempts[c->tried - 1].io.fd >= 0) pause_for(c, TC_CONNECT_DELAY_MS);
    } else if (c->open == 0 && !waiting) {
        fail(c, TC_ERR_CONNECT);
    }
}

static void pause_over(tc_alarm *alarm)
{
    tc_connect *c = OWNER(tc_connect, pause, alarm);
    c->paused = false;
    tc_loop_after(c->loop, &c->step);
}

static void limit_over(tc_alarm *alarm)
{
    tc_connect *c = OWNER(tc_connect, limit, alarm);
    if (c->via.asking || c->cover)
        give_up_via(c);
    else
        fail(c, TC_ERR_CONNECT_TIME);
}

/* Before the first attempt: for a look-up that is late, a while from the first address on. */
static void wait_for_others(tc_connect *c)
{
    const bool any = c->found[TC_V6].count || c->found[TC_V4].count;
    const bool late = (c->waiting[TC_V6] && c->found[TC_V4].count) || c->ask.job;
    if (c->tried == 0 && !late)
        c->paused = false; /* whoever was waited for is here */
    else if (c->tried == 0 && any && !c->waited)
        pause_for(c, TC_RESOLVE_DELAY_MS);
    c->waited |= any;
    tc_loop_after(c->loop, &c->step);
}

static void take_family(tc_connect *c, enum tc_family family, const tc_addresses *addresses)
{
    const enum tc_family other = family == TC_V6 ? TC_V4 : TC_V6;
    c->waiting[family] = false;
    c->found[family] = *addresses;
    for (unsigned i = 0; i < addresses->count; i++) {
        if (family == TC_V6)
            c->found[family].at[i].v6.sin6_port = htons(c->port);
        else
            c->found[family].at[i].v4.sin_port = htons(c->port);
    }
    if (addresses->count && !c->told) {
        char text[TC_ADDRESS_TEXT];
        c->told = true;
        show(c, TC_SEEN_RESOLVED, TC_OK, tc_address_text(&c->found[family].at[0], text),
             addresses->count + c->found[other].count);
    }
    wait_for_others(c);
}

static void found(tc_resolve *r, enum tc_family family, const tc_addresses *addresses,
                  const char *sentence)
{
    tc_connect *c = OWNER(tc_connect, resolve, r);
    c->sentence[family] = sentence;
    take_family(c, family, addresses);
}

static void answered(tc_service_ask *a, const tc_service *service)
{
    tc_connect *c = OWNER(tc_connect, ask, a);
    wait_for_others(c);
    if (!service) return;
    if (tc_span_ieq(tc_span_str(service->target), c->host)) { /* its addresses are on the way */
        c->service = *service;
        c->record = true;
    } else {
        c->served(c, service); /* c may be begun anew, or be gone */
    }
}

void tc_connect_begin(tc_connect *c)
{
    tc_addresses literal[TC_FAMILIES];
    c->why[0] = 0;
    c->resolve = (tc_resolve){.lookup = c->lookup, .found = found};
    c->step = (tc_task){.run = step};
    c->pause = (tc_alarm){.ring = pause_over};
    c->limit = (tc_alarm){.ring = limit_over};
    c->next = TC_V6;
    c->tried = c->open = c->skipped = 0;
    c->local = TC_OK;
    c->peer = NULL;
    c->cover = NULL;
    c->paused = c->told = c->waited = c->record = false;
    c->ask = (tc_service_ask){.lookup = c->services, .found = answered};
    for (int i = 0; i < TC_FAMILIES; i++) {
        if (c->known) literal[i] = c->found[i];
        c->found[i].count = c->used[i] = 0;
        c->sentence[i] = NULL;
        c->waiting[i] = true;
    }
    (void)tc_loop_tick(c->loop);
    show(c, TC_SEEN_RESOLVE, TC_OK, c->host, c->datagrams);
    if (c->via.name.len) show(c, TC_SEEN_PROXY, TC_OK, c->via.name, 0);
    if (c->known || tc_resolve_literal(c->host, literal)) {
        c->found[TC_V4] = literal[TC_V4]; /* so that both are counted when the first is told */
        take_family(c, TC_V6, &literal[TC_V6]);
        take_family(c, TC_V4, &literal[TC_V4]);
    } else {
        c->local = tc_resolve_begin(&c->resolve, c->loop, c->host);
        if (c->local)
            tc_loop_after(c->loop, &c->step);
        else if (c->services)
            (void)tc_service_begin(&c->ask, c->loop, c->host, c->port); /* works without */
    }
    if (c->limit_ns &&
        tc_loop_set(c->loop, &c->limit, tc_loop_now(c->loop) + c->limit_ns) != TC_OK) {
        c->local = TC_ERR_NO_MEMORY;
        tc_loop_after(c->loop, &c->step);
    }
}

void tc_connect_cancel(tc_connect *c)
{
    release(c, TC_ERR_INTERRUPTED);
}
