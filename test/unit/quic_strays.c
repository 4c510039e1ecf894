/* quic_strays.c - packets that come to the wrong worker are handed to the one they are for. Here
 * the kernel is told to give all of them to the first. */
// SPDX-License-Identifier: MIT
#include <linux/filter.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/inside.h"
#include "site/site.h"
#include "support/check.h"
#include "support/folder.h"
#include "support/one_site.h"
#include "support/quic_net.h"

enum { PACKETS = 20 };

static void all_to_the_first(int fd)
{
    struct sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, 0}};
    const struct sock_fprog program = {1, code};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program),
                     0);
}

/* A version that nobody speaks: the first worker answers it, and has read by then what came before.
 */
static void until_all_are_read(int fd)
{
    char hello[1200] = {(char)0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8,   'a',
                        'b',        'c',  'd',  'e',  'f',  'g', 'h'};
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    assert_int_equal(send(fd, hello, sizeof hello, 0), sizeof hello);
    assert_int_equal(poll(&ready, 1, 120000), 1);
}

/* How many packets for the second worker, of a connection that it does not know, are answered. */
static unsigned answered(uint64_t limit, tc_reached *ret_reached)
{
    static const char packet[60] = {0x40, 0, 1, 0, 'u', 'n', 'k', 'n', 'o', 'w', 'n'};
    static quic_net net;
    folder root;
    tc_server *server;
    tc_address at = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}}, us;
    int fd;
    unsigned count = 0;
    quic_net_make_tls(&net);
    folder_make(&root);
    one_site one;
    const tc_site_config site = {
        .sites = one_site_make(&one, root.fd, TC_SPAN("index.html"), (tc_span){0})};
    tc_server_config config = {
        .workers = 2, .quic = true, .tls = net.tls[1], .limits = tc_limits_default};
    config.limits.quic_strays = limit;
    config.app = tc_site_app(&site);
    assert_int_equal(tc_server_new(&config, &server), TC_OK);
    assert_int_equal(tc_server_listen(server, TC_SPAN("https://127.0.0.1:0"), NULL), TC_OK);
    assert_true(tc_server_quic(server));
    all_to_the_first(server->listeners.at[0].udp[0]);
    assert_int_equal(tc_server_start(server), TC_OK);
    at.v4.sin_port = htons(tc_server_port(server));
    assert_int_equal(tc_udp_connect(&at, &fd, &us), TC_OK);
    for (int i = 0; i < PACKETS; i++) {
        char answer[1500];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        assert_int_equal(send(fd, packet, sizeof packet, 0), sizeof packet);
        if (poll(&ready, 1, limit ? 120000 : 20) > 0) count += recv(fd, answer, 1500, 0) > 20;
    }
    until_all_are_read(fd);
    close(fd);
    tc_server_drain(server);
    tc_server_wait(server);
    tc_server_reached(server, ret_reached);
    tc_server_free(server);
    folder_remove(&root);
    for (int i = 0; i < 2; i++)
        tc_tls_free(net.tls[i]);
    return count;
}

static void they_are_handed_on(void **state)
{
    tc_reached reached;
    (void)state;
    assert_int_equal(answered(1024, &reached), PACKETS);
    assert_int_equal(reached.quic_strays, 0);
}

static void no_more_than_may_be_on_their_way(void **state)
{
    tc_reached reached;
    (void)state;
    assert_int_equal(answered(0, &reached), 0);
    assert_int_equal(reached.quic_strays, PACKETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_handed_on),
        cmocka_unit_test(no_more_than_may_be_on_their_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
