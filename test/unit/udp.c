/* udp.c - datagrams over sockets of the loopback: in batches both ways, marked, from the address
 * that they came to, and steered to workers that share a port. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/udp.h"
#include "support/check.h"

static tc_address loopback(bool v6)
{
    if (v6)
        return (tc_address){.v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT}};
    return (tc_address){.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
}

static tc_address any(bool v6)
{
    if (v6) return (tc_address){.v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT}};
    return (tc_address){.v4 = {.sin_family = AF_INET}};
}

static void copy_port(tc_address *to, const tc_address *from)
{
    to->v4.sin_port = from->v4.sin_port; /* at the same place in both families */
}

/* Waits for up to so many bytes; they come in order over the loopback. */
static size_t receive(int fd, const tc_address *local, tc_udp_room *room, char *into, size_t most,
                      tc_datagrams *ret_last, unsigned *ret_pieces)
{
    tc_datagrams d[TC_UDP_BATCH];
    size_t have = 0;
    unsigned count;
    *ret_pieces = 0;
    for (const int64_t end = tc_clock_now() + 120 * TC_S; have < most && tc_clock_now() < end;) {
        assert_int_equal(tc_udp_receive(fd, local, room, d, &count), TC_OK);
        for (unsigned i = 0; i < count; i++) {
            assert_true(have + d[i].len <= most);
            memcpy(into + have, d[i].at, d[i].len);
            have += d[i].len;
            *ret_pieces += (unsigned)((d[i].len + d[i].segment - 1) / d[i].segment);
            *ret_last = d[i];
        }
    }
    return have;
}

static void batches_both_ways(void **state)
{
    (void)state;
    static char sent[20000], got[20000];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7);
    for (int v6 = 0; v6 < 2; v6++) {
        for (int cuts = 0; cuts < 2; cuts++) {
            int server, client;
            tc_address at = any(v6), server_at, client_at;
            bool segments = cuts;
            unsigned pieces;
            tc_datagrams last;
            tc_udp_room *room = tc_udp_room_new();
            if (tc_udp_listen(&at, &(tc_udp_how){.count = 1}, &server) != TC_OK) {
                assert_true(v6); /* a machine without IPv6 */
                tc_udp_room_free(room);
                continue;
            }
            assert_int_equal(tc_udp_prepare(server, &server_at), TC_OK);
            at = loopback(v6);
            copy_port(&at, &server_at);
            assert_int_equal(tc_udp_connect(&at, &client, &client_at), TC_OK);
            tc_datagrams d = {.local = client_at,
                              .remote = at,
                              .ecn = 2,
                              .at = sent,
                              .len = sizeof sent,
                              .segment = 1300};
            assert_int_equal(tc_udp_send(client, &d, false, &segments), TC_OK);
            assert_int_equal(receive(server, &server_at, room, got, sizeof got, &last, &pieces),
                             sizeof sent);
            assert_memory_equal(sent, got, sizeof sent);
            assert_int_equal(pieces, 16); /* 15 of 1300 and the rest */
            assert_int_equal(last.ecn, 2);
            /* it came to the loopback's address, though the socket listens on all: so is answered
             */
            assert_int_equal(memcmp(&last.remote.v4.sin_port, &client_at.v4.sin_port, 2), 0);
            if (v6)
                assert_true(IN6_IS_ADDR_LOOPBACK(&last.local.v6.sin6_addr));
            else
                assert_int_equal(last.local.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
            tc_datagrams back = {.local = last.local,
                                 .remote = last.remote,
                                 .ecn = 1,
                                 .at = sent,
                                 .len = 5000,
                                 .segment = 1250};
            assert_int_equal(tc_udp_send(server, &back, true, &segments), TC_OK);
            assert_int_equal(receive(client, &client_at, room, got, 5000, &last, &pieces), 5000);
            assert_memory_equal(sent, got, 5000);
            assert_int_equal(last.ecn, 1);
            close(server);
            close(client);
            tc_udp_room_free(room);
        }
    }
}

static void a_port_that_is_taken(void **state)
{
    (void)state;
    int first[2], second[2];
    tc_address at = loopback(false), bound;
    assert_int_equal(tc_udp_listen(&at, &(tc_udp_how){.count = 2}, first), TC_OK);
    assert_int_equal(tc_udp_prepare(first[0], &bound), TC_OK);
    assert_int_equal(tc_udp_listen(&bound, &(tc_udp_how){.count = 2}, second),
                     TC_ERR_ADDRESS_IN_USE);
    close(first[0]);
    close(first[1]);
}

/* Packets with a short header go to the worker that their connection id names. */
static void steered_by_id(void **state)
{
    (void)state;
    enum { WORKERS = 4, EACH = 16 };
    int fds[WORKERS], clients[EACH];
    tc_address at = loopback(false), bound, ours;
    tc_udp_room *room = tc_udp_room_new();
    unsigned right = 0, all = 0;
    assert_int_equal(tc_udp_listen(&at, &(tc_udp_how){.count = WORKERS}, fds), TC_OK);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(tc_udp_prepare(fds[i], &bound), TC_OK);
    for (int i = 0; i < EACH; i++) {
        assert_int_equal(tc_udp_connect(&bound, &clients[i], &ours), TC_OK);
        for (int worker = 0; worker < WORKERS; worker++) {
            const char packet[40] = {0x40, 0, (char)worker, 'x'};
            assert_int_equal(send(clients[i], packet, sizeof packet, 0), sizeof packet);
        }
    }
    for (const int64_t end = tc_clock_now() + 120 * TC_S;
         all < EACH * WORKERS && tc_clock_now() < end;)
        for (int i = 0; i < WORKERS; i++) {
            tc_datagrams d[TC_UDP_BATCH];
            unsigned count;
            assert_int_equal(tc_udp_receive(fds[i], &bound, room, d, &count), TC_OK);
            for (unsigned j = 0; j < count; j++)
                for (size_t off = 0; off < d[j].len; off += d[j].segment, all++)
                    right += d[j].at[off + 2] == i;
        }
    assert_int_equal(all, EACH * WORKERS);
    assert_int_equal(right, all);
    for (int i = 0; i < WORKERS; i++)
        close(fds[i]);
    for (int i = 0; i < EACH; i++)
        close(clients[i]);
    tc_udp_room_free(room);
}

static void nobody_there(void **state)
{
    (void)state;
    int server, client;
    tc_address at = loopback(false), bound, ours;
    tc_udp_room *room = tc_udp_room_new();
    tc_datagrams d[TC_UDP_BATCH];
    unsigned count;
    tc_err err = TC_OK;
    assert_int_equal(tc_udp_listen(&at, &(tc_udp_how){.count = 1}, &server), TC_OK);
    assert_int_equal(tc_udp_prepare(server, &bound), TC_OK);
    close(server);
    assert_int_equal(tc_udp_connect(&bound, &client, &ours), TC_OK);
    assert_int_equal(send(client, "x", 1, 0), 1);
    for (const int64_t end = tc_clock_now() + 120 * TC_S; !err && tc_clock_now() < end;)
        err = tc_udp_receive(client, &ours, room, d, &count);
    assert_int_equal(err, TC_ERR_CONNECT);
    close(client);
    tc_udp_room_free(room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_both_ways),
        cmocka_unit_test(a_port_that_is_taken),
        cmocka_unit_test(steered_by_id),
        cmocka_unit_test(nobody_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
