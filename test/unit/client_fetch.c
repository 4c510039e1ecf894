/* A fetch against a server that a thread plays, over loopback: reuse, retries, redirects, content,
 * time limits; aborted at every step and without memory at every allocation. */
// SPDX-License-Identifier: MIT
#include "client/fetch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

/* --- the server ---------------------------------------------------------------------------- */

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
static bool await(peer *p, int fd, const char *text)
{
    const size_t begin = p->seen_len;
    for (;;) {
        if (memmem(p->seen + begin, p->seen_len - begin, text, strlen(text))) return true;
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        if (poll(&ready, 1, 120000) <= 0 || p->seen_len == sizeof p->seen) return false;
        const ssize_t n = recv(fd, p->seen + p->seen_len, sizeof p->seen - p->seen_len, 0);
        if (n <= 0) return false;
        p->seen_len += (size_t)n;
    }
}

static bool request(peer *p, int fd)
{
    if (!await(p, fd, "\r\n\r\n")) return false;
    p->requests++;
    return true;
}

static void say(int fd, const char *text)
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

static void peer_start(peer *p, void (*talk)(peer *p, int fd, int nth))
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

static void peer_stop(peer *p)
{
    shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listener);
}

static bool peer_saw(const peer *p, const char *text)
{
    return memmem(p->seen, p->seen_len, text, strlen(text)) != NULL;
}

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/* --- the client ---------------------------------------------------------------------------- */

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

static tc_err client_start(ctx *c)
{
    memset(c, 0, sizeof *c);
    c->limits = tc_limits_default;
    tc_err err = tc_loop_new(&c->loop);
    if (err) return err;
    return tc_client_init(&c->client, c->loop, &c->limits, &c->reached);
}

static void client_stop(ctx *c)
{
    tc_client_fini(&c->client);
    tc_loop_free(c->loop);
}

static void begin(ctx *c, enum tc_method method, const char *url, const tc_content *content)
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

/* The clock may be stopped: turns are counted. */
static void finish(ctx *c)
{
    for (int i = 0; !c->over && i < 100000; i++)
        assert_int_equal(tc_loop_turn(c->loop, tc_clock_now() + TC_S), TC_OK);
    assert_true(c->over);
    tc_fetch_fini(&c->fetch);
    tc_arena_fini(&c->arena);
}

static void fetch(ctx *c, enum tc_method method, const peer *p, const char *path)
{
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", p->port, path);
    begin(c, method, url, NULL);
    tc_fetch_begin(&c->fetch);
    assert_false(c->over); /* never from inside */
    finish(c);
}

static peer server; /* large, and one at a time */

/* --- reuse and retries --------------------------------------------------------------------- */

static void talk_keeping(peer *p, int fd, int nth)
{
    (void)nth;
    while (request(p, fd))
        say(fd, hello);
}

static void a_connection_serves_one_fetch_after_another(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_keeping);
    assert_int_equal(client_start(&c), TC_OK);
    for (int i = 0; i < 5; i++) {
        fetch(&c, TC_METHOD_GET, &server, "/x");
        assert_int_equal(c.err, TC_OK);
        assert_int_equal(c.status, 200);
        assert_string_equal(c.body, "hello");
    }
    client_stop(&c);
    peer_stop(&server);
    assert_int_equal(server.accepted, 1);
    assert_int_equal(server.requests, 5);
}

static void talk_dying(peer *p, int fd, int nth)
{
    if (!request(p, fd)) return;
    say(fd, hello);
    if (nth > 1) return;
    (void)request(p, fd); /* and never answers it */
}

static void a_dead_connection_is_replaced_once(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_dying);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &server, "/1");
    assert_int_equal(c.err, TC_OK);
    fetch(&c, TC_METHOD_GET, &server, "/2");
    assert_int_equal(c.err, TC_OK);
    assert_string_equal(c.body, "hello");
    assert_true(c.fetch.retried);
    client_stop(&c);
    peer_stop(&server);
    assert_int_equal(server.accepted, 2);
    assert_int_equal(server.requests, 3);
}

static void but_not_for_what_may_not_be_repeated(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_dying);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &server, "/1");
    fetch(&c, TC_METHOD_POST, &server, "/2");
    assert_int_equal(c.err, TC_ERR_EMPTY_REPLY);
    assert_false(c.fetch.retried);
    assert_true(c.fetch.why.len > 0);
    assert_int_equal(c.fetch.phase, TC_PHASE_RESPONSE);
    client_stop(&c);
    peer_stop(&server);
    assert_int_equal(server.accepted, 1);
}

static void talk_silent_end(peer *p, int fd, int nth)
{
    (void)nth;
    (void)request(p, fd);
}

static void a_fresh_connection_that_dies_is_a_failure(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_silent_end);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &server, "/");
    assert_int_equal(c.err, TC_ERR_EMPTY_REPLY);
    assert_int_equal(c.heads, 0);
    client_stop(&c);
    peer_stop(&server);
    assert_int_equal(server.accepted, 1);
}

/* --- redirects ----------------------------------------------------------------------------- */

static void talk_redirecting(peer *p, int fd, int nth)
{
    (void)nth;
    while (request(p, fd)) {
        const char *begin = p->seen + p->seen_len;
        while (begin > p->seen && memcmp(begin, "GET ", 4) && memcmp(begin, "POST", 4))
            begin--;
        if (strstr(begin, "/end"))
            say(fd, hello);
        else
            say(fd, "HTTP/1.1 302 Found\r\nLocation: /end\r\nContent-Length: 4\r\n\r\ngone");
    }
}

static void redirects_are_followed_unseen(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_redirecting);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &server, "/begin");
    assert_int_equal(c.status, 302); /* not asked to follow */
    c.fetch.follow = true;
    fetch(&c, TC_METHOD_GET, &server, "/begin");
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.heads, 1);
    assert_string_equal(c.body, "hello");
    assert_int_equal(c.fetch.redirects, 1);
    client_stop(&c);
    peer_stop(&server);
    assert_int_equal(server.accepted, 1);
}

static void talk_circle(peer *p, int fd, int nth)
{
    (void)nth;
    while (request(p, fd))
        say(fd, "HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
}

static void redirects_are_bounded(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_circle);
    assert_int_equal(client_start(&c), TC_OK);
    c.limits.redirects = 3;
    c.fetch.follow = true;
    fetch(&c, TC_METHOD_GET, &server, "/");
    assert_int_equal(c.err, TC_ERR_TOO_MANY_REDIRECTS);
    assert_int_equal(c.reached.redirects, 1);
    client_stop(&c);
    peer_stop(&server);
    assert_int_equal(server.requests, 4);
}

static void talk_redirect_flood(peer *p, int fd, int nth)
{
    if (!request(p, fd)) return;
    if (nth > 1) {
        say(fd, hello);
        return;
    }
    char filler[4096];
    memset(filler, 'x', sizeof filler);
    say(fd, "HTTP/1.1 302 Found\r\nLocation: /end\r\n\r\n");
    for (int i = 0; i < 100000; i++) /* without end, nearly */
        if (send(fd, filler, sizeof filler, MSG_NOSIGNAL) < 0) return;
}

static void content_of_a_redirect_is_not_read_for_long(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_redirect_flood);
    assert_int_equal(client_start(&c), TC_OK);
    c.fetch.follow = true;
    fetch(&c, TC_METHOD_GET, &server, "/begin");
    assert_int_equal(c.err, TC_OK);
    assert_string_equal(c.body, "hello");
    client_stop(&c);
    peer_stop(&server);
    assert_int_equal(server.accepted, 2);
}

/* --- content ------------------------------------------------------------------------------- */

static void fetch_with(ctx *c, const peer *p, const tc_content *content, bool expect)
{
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/up", p->port);
    begin(c, TC_METHOD_PUT, url, content);
    c->fetch.request.expects_continue = expect;
    tc_fetch_begin(&c->fetch);
    finish(c);
}

static const tc_content some_bytes = {.kind = TC_CONTENT_BYTES, .bytes = {"CONTENT", 7}, .fd = -1};

static void talk_upload(peer *p, int fd, int nth)
{
    (void)nth;
    if (await(p, fd, "CONTENT") || await(p, fd, "0\r\n\r\n")) say(fd, hello);
}

static void bytes_and_files_are_sent(void **state)
{
    (void)state;
    ctx c;
    FILE *file = tmpfile();
    assert_int_equal(fwrite("..CONTENT", 1, 9, file), 9);
    assert_int_equal(fflush(file), 0);
    const tc_content of_file = {.kind = TC_CONTENT_FILE, .fd = fileno(file), .off = 2, .length = 7};
    peer_start(&server, talk_upload);
    assert_int_equal(client_start(&c), TC_OK);
    fetch_with(&c, &server, &some_bytes, false);
    assert_int_equal(c.err, TC_OK);
    fetch_with(&c, &server, &of_file, false);
    assert_int_equal(c.err, TC_OK);
    client_stop(&c);
    peer_stop(&server);
    assert_true(peer_saw(&server, "Content-Length: 7\r\n"));
    assert_false(peer_saw(&server, "..CONTENT"));
    fclose(file);
}

static atomic_int pieces; /* that the server saw */

static void *write_slowly(void *argument)
{
    const int fd = *(int *)argument;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write(fd, "piece", 5), 5);
        while (pieces == i)
            usleep(1000);
    }
    assert_int_equal(write(fd, "CONTENT", 7), 7);
    close(fd);
    return NULL;
}

static void talk_pieces(peer *p, int fd, int nth)
{
    (void)nth;
    for (pieces = 0; pieces < 3; pieces++) /* nobody waits for one that does not come */
        (void)await(p, fd, "piece");
    if (await(p, fd, "0\r\n\r\n")) say(fd, hello);
}

static void streams_are_sent_as_they_come(void **state)
{
    (void)state;
    ctx c;
    int ends[2];
    pthread_t writer;
    assert_int_equal(pipe(ends), 0);
    const tc_content stream = {.kind = TC_CONTENT_STREAM, .fd = ends[0]};
    peer_start(&server, talk_pieces);
    assert_int_equal(client_start(&c), TC_OK);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
    fetch_with(&c, &server, &stream, false);
    assert_int_equal(c.err, TC_OK);
    pthread_join(writer, NULL);
    client_stop(&c);
    peer_stop(&server);
    assert_true(peer_saw(&server, "Transfer-Encoding: chunked\r\n"));
    assert_true(peer_saw(&server, "\r\n5\r\npiece\r\n"));
    close(ends[0]);
}

static void talk_refusing(peer *p, int fd, int nth)
{
    (void)nth;
    if (!await(p, fd, "\r\n\r\n")) return;
    say(fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
} /* more is on its way: closing resets */

static void an_early_answer_is_heard(void **state)
{
    (void)state;
    enum { MUCH = 64 * 1024 * 1024 };
    static char much[MUCH];
    ctx c;
    const tc_content content = {.kind = TC_CONTENT_BYTES, .bytes = {much, MUCH}, .fd = -1};
    char url[64];
    peer_start(&server, talk_refusing);
    assert_int_equal(client_start(&c), TC_OK);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/up", server.port);
    begin(&c, TC_METHOD_PUT, url, &content);
    tc_fetch_begin(&c.fetch);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
    for (int i = 0; i < 120000 && !server.ended; i++)
        usleep(1000); /* answer and reset are both here before the next write */
    finish(&c);
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.status, 413);
    assert_string_equal(c.body, "no");
    client_stop(&c);
    peer_stop(&server);
}

static void talk_continue(peer *p, int fd, int nth)
{
    (void)nth;
    if (!await(p, fd, "\r\n\r\n")) return;
    if (peer_saw(p, "CONTENT")) return; /* too early: the answer is missed */
    say(fd, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    if (await(p, fd, "CONTENT")) say(fd, hello);
}

static void talk_silent_continue(peer *p, int fd, int nth)
{
    (void)nth;
    if (await(p, fd, "CONTENT")) say(fd, hello);
}

static void talk_unwanted(peer *p, int fd, int nth)
{
    (void)nth;
    if (!await(p, fd, "\r\n\r\n")) return;
    say(fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    (void)await(p, fd, "CONTENT");
}

static void content_waits_for_100(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_continue);
    assert_int_equal(client_start(&c), TC_OK);
    tc_clock_stop(); /* it would wait for ever */
    fetch_with(&c, &server, &some_bytes, true);
    tc_clock_go();
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.heads, 1); /* 1xx are not for the handler */
    client_stop(&c);
    peer_stop(&server);
}

static void but_not_for_ever(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_silent_continue);
    assert_int_equal(client_start(&c), TC_OK);
    const int64_t begun = tc_clock_now();
    fetch_with(&c, &server, &some_bytes, true);
    assert_int_equal(c.err, TC_OK);
    assert_true(tc_clock_now() - begun >= TC_S);
    client_stop(&c);
    peer_stop(&server);
}

static void a_final_answer_spares_the_content(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_unwanted);
    assert_int_equal(client_start(&c), TC_OK);
    fetch_with(&c, &server, &some_bytes, true);
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.status, 413);
    assert_null(c.client.connections); /* half a request is on it: it is not used again */
    client_stop(&c);
    peer_stop(&server);
    assert_false(peer_saw(&server, "CONTENT"));
}

/* --- time ---------------------------------------------------------------------------------- */

static void talk_mute(peer *p, int fd, int nth)
{
    (void)nth;
    (void)request(p, fd);
    (void)await(p, fd, "never"); /* until the client closes */
}

static void time_limits_end_it(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_mute);
    assert_int_equal(client_start(&c), TC_OK);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server.port);
    c.fetch.limit_ns = 5 * TC_S;
    tc_clock_stop();
    begin(&c, TC_METHOD_GET, url, NULL);
    tc_fetch_begin(&c.fetch);
    for (int i = 0; i < 120000 && !server.requests; i++)
        assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
    assert_false(c.over);
    tc_clock_move(5 * TC_S);
    tc_loop_tick(c.loop);
    finish(&c);
    tc_clock_go();
    assert_int_equal(c.err, TC_ERR_RESPONSE_TIME);
    assert_int_equal(c.fetch.phase, TC_PHASE_RESPONSE);
    c.fetch.limit_ns = 0;
    c.limits.response_ms = 80;
    const int64_t begun = tc_clock_now();
    fetch(&c, TC_METHOD_GET, &server, "/");
    assert_int_equal(c.err, TC_ERR_RESPONSE_TIME);
    assert_true(tc_clock_now() - begun >= 80 * TC_MS);
    assert_int_equal(c.reached.response_ms, 1);
    client_stop(&c);
    peer_stop(&server);
}

static sem_t drip; /* let one more byte go */
static atomic_int dripped;

static void talk_drip(peer *p, int fd, int nth)
{
    (void)nth;
    if (!request(p, fd)) return;
    for (const char *at = hello; *at; at++) {
        sem_wait(&drip);
        (void)!send(fd, at, 1, MSG_NOSIGNAL);
        dripped++;
    }
}

static void slow_is_not_silent(void **state)
{
    (void)state;
    ctx c;
    peer_start(&server, talk_drip);
    assert_int_equal(client_start(&c), TC_OK);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", server.port);
    c.limits.response_ms = 800; /* all of it takes longer */
    sem_init(&drip, 0, 0);
    dripped = 0;
    tc_clock_stop();
    begin(&c, TC_METHOD_GET, url, NULL);
    tc_fetch_begin(&c.fetch);
    for (int byte = 0; hello[byte]; byte++) {
        tc_clock_move(30 * TC_MS);
        tc_loop_tick(c.loop);
        sem_post(&drip);
        while (dripped == byte)
            assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
        assert_int_equal(tc_loop_turn(c.loop, 0), TC_OK); /* it is here */
    }
    finish(&c);
    tc_clock_go();
    assert_int_equal(c.err, TC_OK);
    client_stop(&c);
    peer_stop(&server);
}

static void https_without_its_authorities_is_refused_in_words(void **state)
{
    (void)state;
    ctx c;
    assert_int_equal(client_start(&c), TC_OK);
    c.client.tls_config.authorities[0] = "/nowhere.pem";
    begin(&c, TC_METHOD_GET, "https://localhost/", NULL);
    tc_fetch_begin(&c.fetch);
    finish(&c);
    assert_int_equal(c.err, TC_ERR_CA_FILE);
    assert_true(memmem(c.fetch.why.at, c.fetch.why.len, "nowhere", 7) != NULL);
    client_stop(&c);
}

/* --- torture ------------------------------------------------------------------------------- */

static void aborting_at_any_step_is_clean(void **state)
{
    (void)state;
    peer_start(&server, talk_redirecting);
    for (int steps = 0; steps < 24; steps++) {
        ctx c;
        char url[64];
        assert_int_equal(client_start(&c), TC_OK);
        (void)snprintf(url, sizeof url, "http://localhost:%u/begin", server.port);
        c.fetch.follow = true;
        begin(&c, TC_METHOD_GET, url, NULL);
        tc_fetch_begin(&c.fetch);
        for (int i = 0; i < steps && !c.over; i++)
            assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
        if (!c.over) tc_fetch_abort(&c.fetch, TC_ERR_INTERRUPTED);
        finish(&c);
        assert_true(c.err == TC_ERR_INTERRUPTED || c.err == TC_OK);
        client_stop(&c);
    }
    peer_stop(&server);
}

static void no_memory_is_an_error_and_no_more(void **state)
{
    (void)state;
    bool succeeded = false;
    peer_start(&server, talk_redirecting);
    for (int n = 0; n < 200 && !succeeded; n++) {
        ctx c;
        char url[64];
        assert_int_equal(client_start(&c), TC_OK);
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/begin", server.port);
        c.fetch.follow = true;
        begin(&c, TC_METHOD_GET, url, NULL);
        tc_alloc_fail_after(n);
        tc_fetch_begin(&c.fetch);
        finish(&c);
        tc_alloc_fail_after(-1);
        succeeded = c.err == TC_OK;
        client_stop(&c);
    }
    assert_true(succeeded);
    peer_stop(&server);
}

/* --- through a proxy ----------------------------------------------------------------------- */

/* Makes a tunnel and answers in it in HTTP/0.9, or forwards. */
static void talk_proxy(peer *p, int fd, int nth)
{
    (void)nth;
    const size_t begin = p->seen_len;
    while (request(p, fd)) {
        if (memcmp(p->seen + begin, "CONNECT ", 8) == 0) {
            say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
            if (await(p, fd, "GET /path\r\n")) say(fd, "hello");
            return;
        }
        say(fd, hello);
    }
}

static void begin_proxied(ctx *c, tc_proxies *proxies, bool tunnel)
{
    char text[64];
    (void)snprintf(text, sizeof text, "me:secret@127.0.0.1:%u", server.port);
    assert_int_equal(client_start(c), TC_OK);
    assert_int_equal(tc_proxies_init(proxies, text, NULL, NULL), TC_OK);
    c->client.proxies = proxies;
    begin(c, TC_METHOD_GET, "http://origin.invalid/path", NULL);
    if (tunnel) c->fetch.request.version = TC_HTTP_0_9;
}

static void end_proxied(ctx *c, tc_proxies *proxies)
{
    client_stop(c);
    tc_proxies_fini(proxies);
}

static void a_proxy_is_asked(void **state)
{
    (void)state;
    for (int tunnel = 0; tunnel < 2; tunnel++) {
        ctx c;
        tc_proxies proxies;
        peer_start(&server, talk_proxy);
        begin_proxied(&c, &proxies, tunnel);
        tc_fetch_begin(&c.fetch);
        finish(&c);
        assert_int_equal(c.err, TC_OK);
        assert_string_equal(c.body, "hello");
        end_proxied(&c, &proxies);
        peer_stop(&server);
        assert_true(peer_saw(&server, "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
        assert_true(peer_saw(&server, tunnel ? "CONNECT origin.invalid:80 HTTP/1.1\r\n"
                                             : "GET http://origin.invalid/path HTTP/1.1\r\n"));
    }
}

static void aborting_through_a_proxy_is_clean(void **state)
{
    (void)state;
    peer_start(&server, talk_proxy);
    for (int steps = 0; steps < 32; steps++) {
        ctx c;
        tc_proxies proxies;
        begin_proxied(&c, &proxies, steps % 2);
        tc_fetch_begin(&c.fetch);
        for (int i = 0; i < steps / 2 && !c.over; i++)
            assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
        if (!c.over) tc_fetch_abort(&c.fetch, TC_ERR_INTERRUPTED);
        finish(&c);
        assert_true(c.err == TC_ERR_INTERRUPTED || c.err == TC_OK);
        end_proxied(&c, &proxies);
    }
    peer_stop(&server);
}

static void no_memory_through_a_proxy(void **state)
{
    (void)state;
    for (int tunnel = 0; tunnel < 2; tunnel++) {
        bool succeeded = false;
        peer_start(&server, talk_proxy);
        for (int n = 0; n < 200 && !succeeded; n++) {
            ctx c;
            tc_proxies proxies;
            begin_proxied(&c, &proxies, tunnel);
            tc_alloc_fail_after(n);
            tc_fetch_begin(&c.fetch);
            finish(&c);
            tc_alloc_fail_after(-1);
            succeeded = c.err == TC_OK;
            if (n == 0) assert_false(succeeded);
            end_proxied(&c, &proxies);
        }
        assert_true(succeeded);
        peer_stop(&server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_one_fetch_after_another),
        cmocka_unit_test(a_dead_connection_is_replaced_once),
        cmocka_unit_test(but_not_for_what_may_not_be_repeated),
        cmocka_unit_test(a_fresh_connection_that_dies_is_a_failure),
        cmocka_unit_test(redirects_are_followed_unseen),
        cmocka_unit_test(redirects_are_bounded),
        cmocka_unit_test(content_of_a_redirect_is_not_read_for_long),
        cmocka_unit_test(bytes_and_files_are_sent),
        cmocka_unit_test(streams_are_sent_as_they_come),
        cmocka_unit_test(an_early_answer_is_heard),
        cmocka_unit_test(content_waits_for_100),
        cmocka_unit_test(but_not_for_ever),
        cmocka_unit_test(a_final_answer_spares_the_content),
        cmocka_unit_test(time_limits_end_it),
        cmocka_unit_test(slow_is_not_silent),
        cmocka_unit_test(https_without_its_authorities_is_refused_in_words),
        cmocka_unit_test(aborting_at_any_step_is_clean),
        cmocka_unit_test(no_memory_is_an_error_and_no_more),
        cmocka_unit_test(a_proxy_is_asked),
        cmocka_unit_test(aborting_through_a_proxy_is_clean),
        cmocka_unit_test(no_memory_through_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
