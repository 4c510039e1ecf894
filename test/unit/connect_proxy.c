/* connect_proxy.c - connections through a proxy: the tunnel, who answers and who does not. */
// SPDX-License-Identifier: MIT

#include <fcntl.h>
#include <unistd.h>

#include "support/check.h"
#include "support/connecting.h"

static tc_reached reached;

static void begin_through(struct result *r, tc_lookup *lookup, const char *proxy, uint16_t port,
                          tc_span authority)
{
    connecting_begin(r, lookup, proxy, port);
    tc_connect_cancel(&r->connect);
    r->log[0] = 0;
    r->connect.via = (tc_via){.name = TC_SPAN("proxy:1"),
                              .authority = authority,
                              .limits = &tc_limits_default,
                              .reached = &reached};
    tc_connect_begin(&r->connect);
}

/* Whoever waits in the listener's queue is answered; the other end, to be closed. */
static int answer(struct result *r, int listener, const char *said)
{
    int fd = -1;
    for (int i = 0; fd < 0 && i < TURNS; i++) {
        assert_int_equal(tc_loop_turn(connecting_loop, tc_clock_now() + TC_MS), TC_OK);
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    for (int i = 0; !strstr(r->log, "tunnel:ok") && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(connecting_loop, tc_clock_now() + TC_MS), TC_OK);
    assert_int_equal(send(fd, said, strlen(said), MSG_NOSIGNAL), (ssize_t)strlen(said));
    return fd;
}

static void a_tunnel_is_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *said;
        tc_err err;
    } rows[] = {{"HTTP/1.1 200 OK\r\n\r\n", TC_OK},
                {"HTTP/1.1 403 No\r\n\r\n", TC_ERR_PROXY_REFUSED},
                {"HTTP/1.1 407 Who\r\n\r\n", TC_ERR_PROXY_AUTH},
                {"what?", TC_ERR_PROXY_REPLY}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint16_t port = 0;
        struct result r;
        const int before = connecting_descriptors(),
                  listener = listen_on("127.0.0.1", false, &port);
        fcntl(listener, F_SETFL, O_NONBLOCK);
        begin_through(&r, NULL, "127.0.0.1", port, TC_SPAN("h.example:443"));
        const int peer = answer(&r, listener, rows[i].said);
        connecting_finish(&r);
        assert_int_equal(r.err, rows[i].err);
        assert_int_equal(r.fd >= 0, rows[i].err == TC_OK);
        assert_non_null(
            strstr(r.log, "proxy:ok resolved:ok try:ok connected:ok tunnel:ok line:ok"));
        assert_non_null(strstr(r.log, rows[i].err ? "tunneled:PROXY_" : "tunneled:ok"));
        if (rows[i].err) assert_non_null(strstr(r.connect.why, "proxy:1"));
        assert_int_equal(r.peer[0], rows[i].err ? 0 : '1');
        if (r.fd >= 0) close(r.fd);
        close(peer);
        close(listener);
        assert_int_equal(connecting_descriptors(), before);
    }
}

/* Requests that it forwards need no answer before. */
static void a_proxy_that_forwards_is_there_at_once(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int listener = listen_on("127.0.0.1", false, &port);
    begin_through(&r, NULL, "127.0.0.1", port, (tc_span){0});
    connecting_finish(&r);
    assert_int_equal(r.err, TC_OK);
    assert_string_equal(r.log, "resolve:ok proxy:ok resolved:ok try:ok connected:ok ");
    close(r.fd);
    close(listener);
}

static void nobody_there_is_the_proxys_fault(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    close(listen_on("127.0.0.1", false, &port));
    begin_through(&r, NULL, "127.0.0.1", port, TC_SPAN("h.example:443"));
    connecting_finish(&r);
    assert_int_equal(r.err, TC_ERR_PROXY_CONNECT);
    begin_through(&r, connecting_unknown, "name.example", 80, TC_SPAN("h.example:443"));
    connecting_finish(&r);
    assert_int_equal(r.err, TC_ERR_PROXY_RESOLVE);
}

/* The time limit is for all of it; so is an end at any time. */
static void a_proxy_that_says_nothing(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int before = connecting_descriptors(), listener = listen_on("127.0.0.1", false, &port);
    tc_clock_stop();
    begin_through(&r, NULL, "127.0.0.1", port, TC_SPAN("h.example:443"));
    for (int i = 0; !strstr(r.log, "tunnel:ok") && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(connecting_loop, tc_clock_now() + TC_S), TC_OK);
    assert_false(r.over);
    tc_clock_move(LIMIT_MS * TC_MS);
    tc_loop_tick(connecting_loop);
    connecting_finish(&r);
    tc_clock_go();
    assert_int_equal(r.err, TC_ERR_CONNECT_TIME);
    assert_string_equal(r.connect.why, "proxy:1 (proxy) did not answer CONNECT in time");
    for (int turns = 0; turns < 6; turns++) {
        begin_through(&r, NULL, "127.0.0.1", port, TC_SPAN("h.example:443"));
        for (int i = 0; i < turns; i++)
            assert_int_equal(tc_loop_turn(connecting_loop, tc_clock_now() + TC_MS), TC_OK);
        tc_connect_cancel(&r.connect);
        tc_connect_cancel(&r.connect);
        assert_false(r.over);
    }
    close(listener);
    assert_int_equal(connecting_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tunnel_is_asked_for),
        cmocka_unit_test(a_proxy_that_forwards_is_there_at_once),
        cmocka_unit_test(nobody_there_is_the_proxys_fault),
        cmocka_unit_test(a_proxy_that_says_nothing),
    };
    return cmocka_run_group_tests(tests, connecting_set_up, connecting_tear_down);
}
