/* fetching.c - see fetching.h. */
// SPDX-License-Identifier: MIT
#include "support/fetching.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "support/check.h"

bool fetching_await(peer *p, int fd, const char *text)
{
    const size_t fetching_begin = p->seen_len;
    for (;;) {
        if (memmem(p->seen + fetching_begin, p->seen_len - fetching_begin, text, strlen(text)))
            return true;
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 120000) <= 0 || p->seen_len == sizeof p->seen) return false;
        const ssize_t n = recv(fd, p->seen + p->seen_len, sizeof p->seen - p->seen_len, 0);
        if (n <= 0) return false;
        p->seen_len += (size_t)n;
    }
}

bool fetching_request(peer *p, int fd)
{
    if (!fetching_await(p, fd, "\r\n\r\n")) return false;
    p->requests++;
    return true;
}

void fetching_say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static void *play(void *argument)
{
    peer *p = argument;
    for (;;) {
        const int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) return NULL;
        p->talk(p, fd, ++p->accepted);
        close(fd);
        p->ended++;
    }
}

void peer_start(peer *p, void (*talk)(peer *p, int fd, int nth))
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    memset(p, 0, sizeof *p);
    p->talk = talk;
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&at, length), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&at, &length), 0);
    p->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, play, p), 0);
}

void peer_stop(peer *p)
{
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
}

bool peer_saw(const peer *p, const char *text)
{
    return memmem(p->seen, p->seen_len, text, strlen(text)) != NULL;
}

const char fetching_hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

static tc_err on_head(void *self, tc_exchange *x)
{
    ctx *c = self;
    c->heads++;
    c->status = x->theirs.status;
    return TC_OK;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    ctx *c = self;
    (void)x;
    const tc_span part = tc_span_first(run, sizeof c->body - 1 - c->body_len);
    memcpy(c->body + c->body_len, part.at, part.len);
    c->body_len += part.len;
    c->body[c->body_len] = 0;
    return TC_OK;
}

static const tc_handler handler = {.on_head = on_head, .on_data = on_data};

static void done(tc_fetch *f, tc_err err)
{
    ctx *c = f->self;
    assert_false(c->over);
    c->over = true;
    c->err = err;
}

tc_err client_start(ctx *c)
{
    memset(c, 0, sizeof *c);
    c->limits = tc_limits_default;
    tc_err err = tc_loop_new(&c->loop);
    if (err) return err;
    return tc_client_init(&c->client, c->loop, &c->limits, &c->reached);
}

void client_stop(ctx *c)
{
    tc_client_fini(&c->client);
    tc_loop_free(c->loop);
}

void fetching_begin(ctx *c, enum tc_method method, const char *url, const tc_content *content)
{
    c->over = false;
    c->status = c->heads = 0;
    c->body_len = 0;
    c->body[0] = 0;
    tc_arena_init(&c->arena, NULL, 0, 1024 * 1024);
    const bool follow = c->fetch.follow;
    const int64_t limit = c->fetch.limit_ns;
    c->fetch = (tc_fetch){.client = &c->client,
                          .follow = follow,
                          .limit_ns = limit,
                          .handler = &handler,
                          .self = c,
                          .done = done};
    tc_request *r = &c->fetch.request;
    r->method = method;
    r->method_name = tc_method_name(method);
    r->content.fd = -1;
    if (content) r->content = *content;
    assert_int_equal(tc_url_parse(&c->arena, tc_span_str(url), &r->url), TC_OK);
}

void fetching_finish(ctx *c)
{
    for (int i = 0; !c->over && i < 100000; i++)
        assert_int_equal(tc_loop_turn(c->loop, tc_clock_now() + TC_S), TC_OK);
    assert_true(c->over);
    tc_fetch_fini(&c->fetch);
    tc_arena_fini(&c->arena);
}

void fetch(ctx *c, enum tc_method method, const peer *p, const char *path)
{
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", p->port, path);
    fetching_begin(c, method, url, NULL);
    tc_fetch_begin(&c->fetch);
    assert_false(c->over); /* never from inside */
    fetching_finish(c);
}

peer fetching_server; /* large, and one at a time */

void talk_redirecting(peer *p, int fd, int nth)
{
    (void)nth;
    while (fetching_request(p, fd)) {
        const char *fetching_begin = p->seen + p->seen_len;
        while (fetching_begin > p->seen && memcmp(fetching_begin, "GET ", 4) &&
               memcmp(fetching_begin, "POST", 4))
            fetching_begin--;
        if (strstr(fetching_begin, "/end"))
            fetching_say(fd, fetching_hello);
        else
            fetching_say(fd,
                         "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 4\r\n\r\ngone");
    }
}
