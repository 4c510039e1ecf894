/* tunnel.c - CONNECT to real sockets of this machine: which are refused before anybody is
 * connected to, and bytes both ways, held back by whoever does not take them. */
// SPDX-License-Identifier: MIT
#include "tunnel/tunnel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "h1/h1.h"
#include "support/served.h"

enum { ROOM = 65536, PATIENCE = 60000, BIG = 3 << 20 };

static served world;
static tc_tunnel_config config;
static tc_tunnels tunnels;
static int listener, target;
static uint16_t port;
static atomic_int asked; /* look-ups of names */
static sem_t slow;       /* one of them goes on, of a name that is slow */

static tc_err on_head(void *self, tc_exchange *x)
{
    (void)self;
    assert_true(tc_tunnel_gate(&config, &tunnels, x));
    return x->handler->on_head(x->self, x);
}

static const tc_handler shim = {.name = "shim", .on_head = on_head};

/* "rebind.test" is a public address when it is asked for first, and this machine after that. */
static const char *lookup(const char *host, enum tc_family family, tc_addresses *ret)
{
    const int before = family == TC_V4 ? atomic_fetch_add(&asked, 1) : 0;
    if (strcmp(host, "slow.test") == 0) sem_wait(&slow);
    if (family == TC_V6 || strcmp(host, "none.test") == 0) return "no such name";
    uint32_t at = INADDR_LOOPBACK;
    if (strcmp(host, "rebind.test") == 0 && !before) at = 0x0a000001;
    ret->at[0].v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(at)};
    ret->count = 1;
    return NULL;
}

static void listen_here(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    port = ntohs(at.sin_port);
}

static int begin(void **state)
{
    char why[TC_TUNNEL_WHY];
    static char here[32];
    (void)state;
    listen_here();
    served_init(&world, &shim);
    config = (tc_tunnel_config){.lookup = lookup};
    tunnels = (tc_tunnels){world.loop, &world.limits, &world.reached, 0};
    (void)snprintf(here, sizeof here, "127.0.0.1:%u", port);
    target = -1;
    atomic_store(&asked, 0);
    assert_int_equal(sem_init(&slow, 0, 0), 0);
    assert_int_equal(tc_tunnel_rules_add(&config.rules, tc_span_str(here), why), TC_OK);
    assert_int_equal(tc_tunnel_rules_add(&config.rules, TC_SPAN("*.test:*"), why), TC_OK);
    assert_int_equal(tc_tunnel_rules_add(&config.rules, TC_SPAN("*:443"), why), TC_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    served_fini(&world);
    assert_int_equal(tunnels.open, 0);
    tc_tunnel_rules_fini(&config.rules);
    close(listener);
    if (target >= 0) close(target);
    return 0;
}

/* Real time goes by, too: threads look names up, and the kernel connects. */
static void turn(void)
{
    served_for(&world, 1);
    usleep(1000);
}

static served_peer *ask_for(int which, const char *authority)
{
    char text[256];
    served_peer *p = served_connect(&world, which, &tc_h1_type, ROOM);
    (void)snprintf(text, sizeof text, "CONNECT %s HTTP/1.1\r\nHost: a\r\n\r\n", authority);
    served_say(p, tc_span_str(text));
    return p;
}

static void hear(served_peer *p, const char *text)
{
    for (int i = 0; i < PATIENCE && !served_has(p, text); i++)
        turn();
    if (!served_has(p, text)) fail_msg("no \"%s\" in %.*s", text, TC_FMT(tc_buf_span(&p->heard)));
}

static served_peer *open_tunnel(void)
{
    char authority[64];
    (void)snprintf(authority, sizeof authority, "127.0.0.1:%u", port);
    served_peer *p = ask_for(0, authority);
    hear(p, "HTTP/1.1 200 OK\r\n");
    hear(p, "Proxy-Status: tercet; next-hop=\"127.0.0.1:");
    assert_false(served_has(p, "Content-Length") || served_has(p, "Transfer-Encoding"));
    target = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(target >= 0);
    tc_buf_reset(&p->heard);
    return p;
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *authority, *status, *why;
    } cases[] = {
        {"127.0.0.1:1", "403", "error=http_request_denied"},
        {"localhost:443", "403", "error=destination_ip_prohibited"},
        {"127.0.0.1:443", "403", "loopback"},
        {"2130706433:443", "403", "loopback"},
        {"0x7f.1:443", "403", "loopback"},
        {"017700000001:443", "403", "loopback"},
        {"127.1:443", "403", "loopback"},
        {"[::ffff:127.0.0.1]:443", "403", "loopback"},
        {"[::1]:443", "403", "loopback"},
        {"0.0.0.0:443", "403", "unspecified"},
        {"169.254.169.254:443", "403", "metadata"},
        {"[fd00:ec2::254]:443", "403", "metadata"},
        {"10.0.0.1:443", "403", "private"},
        {"[64:ff9b::a00:1]:443", "403", "private"},
        {"[fe80::1]:443", "403", "link-local"},
        {"a.test:1", "403", "loopback"},
        {"none.test:1", "502", "error=dns_error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        served_peer *p = ask_for(0, cases[i].authority);
        hear(p, cases[i].status);
        hear(p, cases[i].why);
        assert_true(accept4(listener, NULL, NULL, SOCK_NONBLOCK) < 0 && errno == EAGAIN);
        end(state);
        begin(state);
    }
}

/* What is judged is what is connected to: nobody asks a second time. */
static void test_rebinding(void **state)
{
    (void)state;
    char authority[64];
    (void)snprintf(authority, sizeof authority, "rebind.test:%u", port);
    served_peer *p = ask_for(0, authority);
    hear(p, "error=destination_ip_prohibited");
    assert_int_equal(atomic_load(&asked), 1);
    assert_true(accept4(listener, NULL, NULL, SOCK_NONBLOCK) < 0 && errno == EAGAIN);
    p = ask_for(1, authority); /* now it is this very address, which is listed */
    hear(p, "HTTP/1.1 200 OK\r\n");
    assert_int_equal(atomic_load(&asked), 2);
}

static void test_off(void **state)
{
    (void)state;
    tc_tunnel_rules_fini(&config.rules);
    served_peer *p = ask_for(0, "a.test:1");
    hear(p, "405 Method Not Allowed\r\n");
    hear(p, "Allow: ");
}

static void test_limits(void **state)
{
    (void)state;
    world.limits.tunnels = 1;
    (void)open_tunnel();
    hear(ask_for(1, "a.test:1"), "503 Service Unavailable");
    assert_int_equal(world.reached.tunnels, 1);
}

static void test_nobody_there(void **state)
{
    (void)state;
    char authority[64];
    (void)snprintf(authority, sizeof authority, "127.0.0.1:%u", port);
    close(listener);
    served_peer *p = ask_for(0, authority);
    hear(p, "502 Bad Gateway");
    hear(p, "error=connection_refused");
    listen_here();
}

static void test_slow_name(void **state)
{
    (void)state;
    world.limits.tunnel_connect_ms = 20;
    served_peer *p = ask_for(0, "slow.test:1");
    hear(p, "504 Gateway Timeout");
    hear(p, "error=dns_timeout");
    assert_int_equal(world.reached.tunnel_connect_ms, 1);
    sem_post(&slow); /* what the threads say now is heard by nobody */
    sem_post(&slow);
    for (int i = 0; i < 100; i++)
        turn();
}

static void test_idle(void **state)
{
    (void)state;
    world.limits.tunnel_idle_ms = 100;
    served_peer *p = open_tunnel();
    served_for(&world, 90);
    served_say(p, TC_SPAN("x"));
    served_for(&world, 90);
    assert_false(p->ended);
    served_for(&world, 30);
    assert_true(p->ended);
    assert_int_equal(world.reached.tunnel_idle_ms, 1);
    char c[2];
    assert_int_equal(recv(target, c, sizeof c, 0), 1);
    for (int i = 0; i < PATIENCE && recv(target, c, sizeof c, 0) < 0 && errno == EAGAIN; i++)
        usleep(1000);
    assert_int_equal(errno, ECONNRESET); /* no proper end */
}

/* Either half ends alone. */
static void test_half(void **state)
{
    (void)state;
    char c[16];
    served_peer *p = open_tunnel();
    served_say(p, TC_SPAN("hello"));
    served_end(p);
    ssize_t n = -1;
    for (int i = 0; i < PATIENCE && n < 0; i++, turn())
        n = recv(target, c, sizeof c, 0);
    assert_int_equal(n, 5);
    for (int i = 0; i < PATIENCE && n != 0; i++, turn())
        n = recv(target, c, sizeof c, 0);
    assert_int_equal(n, 0);
    assert_int_equal(send(target, "there", 5, MSG_NOSIGNAL), 5);
    hear(p, "there");
    assert_false(p->over);
    shutdown(target, SHUT_WR);
    for (int i = 0; i < PATIENCE && !(p->ended && p->over); i++)
        turn();
    assert_true(p->ended && p->over);
    assert_int_equal(p->why, TC_OK);
}

static void test_half_of_target(void **state)
{
    (void)state;
    char c[16];
    served_peer *p = open_tunnel();
    assert_int_equal(send(target, "there", 5, MSG_NOSIGNAL), 5);
    shutdown(target, SHUT_WR);
    hear(p, "there");
    for (int i = 0; i < PATIENCE && !p->over; i++)
        turn();
    assert_true(p->over && !p->ended);
    served_say(p, TC_SPAN("hello"));
    ssize_t n = -1;
    for (int i = 0; i < PATIENCE && n < 0; i++, turn())
        n = recv(target, c, sizeof c, 0);
    assert_int_equal(n, 5);
    served_end(p);
    for (int i = 0; i < PATIENCE && !p->ended; i++)
        turn();
    assert_true(p->ended);
    assert_int_equal(p->why, TC_OK);
}

static void test_target_resets(void **state)
{
    (void)state;
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    served_peer *p = open_tunnel();
    assert_int_equal(setsockopt(target, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(target);
    target = -1;
    for (int i = 0; i < PATIENCE && !p->ended; i++)
        turn();
    assert_true(p->ended && p->far.reset);
}

static void test_client_goes(void **state)
{
    (void)state;
    char c;
    served_peer *p = open_tunnel();
    tc_session_kill(&p->session, TC_ERR_PEER_RESET);
    ssize_t n = -1;
    for (int i = 0; i < PATIENCE && n < 0 && (errno == EAGAIN || i == 0); i++, turn())
        n = recv(target, &c, 1, 0);
    assert_true(n < 0 && errno == ECONNRESET);
}

/* Nobody takes anything for a while; then all of it arrives. */
static void test_held_back(void **state)
{
    (void)state;
    static char out[BIG], in[BIG];
    served_peer *p = open_tunnel();
    for (size_t i = 0; i < BIG; i++)
        out[i] = (char)(i * 7 + i / 255);
    /* to the target, which does not read */
    size_t said = 0, got = 0;
    for (int quiet = 0; quiet < 50 && said < BIG; quiet++) {
        const tc_run run = tc_run_bytes(tc_span_of(out + said, BIG - said));
        size_t taken = 0;
        assert_int_equal(p->far.link.type->write(&p->far.link, &run, 1, &taken), TC_OK);
        said += taken;
        if (taken) quiet = 0;
        turn();
    }
    assert_true(p->session.carry.len <= 2 * ROOM);
    while (got < BIG) {
        const ssize_t n = recv(target, in + got, BIG - got, 0);
        if (n > 0) got += (size_t)n;
        const tc_run run = tc_run_bytes(tc_span_of(out + said, BIG - said));
        size_t taken = 0;
        if (said < BIG)
            assert_int_equal(p->far.link.type->write(&p->far.link, &run, 1, &taken), TC_OK);
        said += taken;
        served_turns(&world, 1);
    }
    assert_memory_equal(in, out, BIG);
    /* to the client, which does not read */
    p->deaf = true;
    said = 0;
    for (int quiet = 0; quiet < 50 && said < BIG; quiet++) {
        const ssize_t n = send(target, out + said, BIG - said, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            said += (size_t)n;
            quiet = 0;
        }
        turn();
    }
    p->deaf = false;
    while (p->heard.len < BIG) {
        served_hear(p);
        const ssize_t n =
            said < BIG ? send(target, out + said, BIG - said, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;
        if (n > 0) said += (size_t)n;
        served_turns(&world, 1);
    }
    assert_memory_equal(p->heard.at, out, BIG);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_refused),       TEST(test_rebinding),    TEST(test_off),
        TEST(test_limits),        TEST(test_nobody_there), TEST(test_slow_name),
        TEST(test_idle),          TEST(test_half),         TEST(test_half_of_target),
        TEST(test_target_resets), TEST(test_client_goes),  TEST(test_held_back),
    };
    return cmocka_run_group_tests_name("tunnel", tests, NULL, NULL);
}
