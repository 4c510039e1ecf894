/* client_forward.c - a client's requests through a proxy that answers by itself. */
// SPDX-License-Identifier: MIT

#include <stdio.h>

#include "base/alloc.h"
#include "support/check.h"
#include "support/fetching.h"

/* Makes a tunnel and answers in it in HTTP/0.9, or forwards. */
static void talk_proxy(peer *p, int fd, int nth)
{
    (void)nth;
    const size_t fetching_begin = p->seen_len;
    while (fetching_request(p, fd)) {
        if (memcmp(p->seen + fetching_begin, "CONNECT ", 8) == 0) {
            fetching_say(fd, "HTTP/1.1 200 Connection established\r\n\r\n");
            if (fetching_await(p, fd, "GET /path\r\n")) fetching_say(fd, "hello");
            return;
        }
        fetching_say(fd, fetching_hello);
    }
}

static void begin_proxied(ctx *c, tc_proxies *proxies, bool tunnel)
{
    char text[64];
    (void)snprintf(text, sizeof text, "me:secret@127.0.0.1:%u", fetching_server.port);
    assert_int_equal(client_start(c), TC_OK);
    assert_int_equal(tc_proxies_init(proxies, text, NULL, NULL), TC_OK);
    c->client.proxies = proxies;
    fetching_begin(c, TC_METHOD_GET, "http://origin.invalid/path", NULL);
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
        peer_start(&fetching_server, talk_proxy);
        begin_proxied(&c, &proxies, tunnel);
        tc_fetch_begin(&c.fetch);
        fetching_finish(&c);
        assert_int_equal(c.err, TC_OK);
        assert_string_equal(c.body, "hello");
        end_proxied(&c, &proxies);
        peer_stop(&fetching_server);
        assert_true(peer_saw(&fetching_server, "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
        assert_true(
            peer_saw(&fetching_server, tunnel ? "CONNECT origin.invalid:80 HTTP/1.1\r\n"
                                              : "GET http://origin.invalid/path HTTP/1.1\r\n"));
    }
}

static void aborting_through_a_proxy_is_clean(void **state)
{
    (void)state;
    peer_start(&fetching_server, talk_proxy);
    for (int steps = 0; steps < 32; steps++) {
        ctx c;
        tc_proxies proxies;
        begin_proxied(&c, &proxies, steps % 2);
        tc_fetch_begin(&c.fetch);
        for (int i = 0; i < steps / 2 && !c.over; i++)
            assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
        if (!c.over) tc_fetch_abort(&c.fetch, TC_ERR_INTERRUPTED);
        fetching_finish(&c);
        assert_true(c.err == TC_ERR_INTERRUPTED || c.err == TC_OK);
        end_proxied(&c, &proxies);
    }
    peer_stop(&fetching_server);
}

static void no_memory_through_a_proxy(void **state)
{
    (void)state;
    for (int tunnel = 0; tunnel < 2; tunnel++) {
        bool succeeded = false;
        peer_start(&fetching_server, talk_proxy);
        for (int n = 0; n < 200 && !succeeded; n++) {
            ctx c;
            tc_proxies proxies;
            begin_proxied(&c, &proxies, tunnel);
            tc_alloc_fail_after(n);
            tc_fetch_begin(&c.fetch);
            fetching_finish(&c);
            tc_alloc_fail_after(-1);
            succeeded = c.err == TC_OK;
            if (n == 0) assert_false(succeeded);
            end_proxied(&c, &proxies);
        }
        assert_true(succeeded);
        peer_stop(&fetching_server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_proxy_is_asked),
        cmocka_unit_test(aborting_through_a_proxy_is_clean),
        cmocka_unit_test(no_memory_through_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
