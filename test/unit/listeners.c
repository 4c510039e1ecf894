/* listeners.c - sockets that are handed from one process to the next: none is closed while its
 * address is wanted, none is opened twice. Here both are in this process. */
// SPDX-License-Identifier: MIT
#include "net/listeners.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

static tc_listeners before, after;

static tc_err ask(tc_listeners *l, const char *url, unsigned workers, uint16_t *ret_port)
{
    const tc_listen_ask a = {.url = tc_span_str(url), .workers = workers, .quic = true};
    bool secure;
    return tc_listeners_open(l, &a, ret_port, &secure, NULL);
}

static const char *url_of(const char *scheme, const char *host, uint16_t port)
{
    static char url[64];
    (void)snprintf(url, sizeof url, "%s://%s:%u", scheme, host, (unsigned)port);
    return url;
}

/* What the next process gets: descriptors of its own for the same sockets. */
static void hand_on(void)
{
    for (size_t i = 0; i < before.count; i++) {
        const tc_listening *g = &before.at[i];
        for (unsigned j = 0; j < g->tcp_count; j++)
            assert_int_equal(
                tc_listeners_offer(&after, fcntl(g->tcp[j], F_DUPFD_CLOEXEC, 3), g->any_port),
                TC_OK);
        for (unsigned j = 0; j < g->udp_count; j++)
            assert_int_equal(
                tc_listeners_offer(&after, fcntl(g->udp[j], F_DUPFD_CLOEXEC, 3), g->any_port),
                TC_OK);
    }
    tc_listeners_settle(&after);
}

static int begin(void **state)
{
    (void)state;
    before = (tc_listeners){.shares = true};
    after = (tc_listeners){.shares = true};
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_listeners_fini(&before);
    tc_listeners_fini(&after);
    return 0;
}

/* Waits in the queue of the socket that is to be handed on. */
static int wait_at(uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(send(fd, "x", 1, 0), 1); /* accepting is put off until something came */
    return fd;
}

static tc_err accept_any(const tc_listening *g)
{
    struct sockaddr_storage peer;
    for (int turn = 0; turn < 60000; turn++) {
        for (unsigned i = 0; i < g->tcp_count; i++) {
            int fd;
            if (tc_accept(g->tcp[i], &fd, &peer) != TC_OK) continue;
            close(fd);
            return TC_OK;
        }
        usleep(1000);
    }
    return TC_ERR_NOTHING;
}

static void who_waits_is_handed_on(void **state)
{
    uint16_t port, again;
    (void)state;
    assert_int_equal(ask(&before, "http://127.0.0.1:0", 2, &port), TC_OK);
    const int fd = wait_at(port);
    hand_on();
    assert_int_equal(ask(&after, url_of("http", "127.0.0.1", port), 2, &again), TC_OK);
    tc_listeners_drop_unused(&after);
    tc_listeners_fini(&before);
    assert_int_equal(again, port);
    assert_int_equal(after.count, 1);
    assert_int_equal(after.at[0].tcp_given, 2);
    assert_int_equal(accept_any(&after.at[0]), TC_OK);
    close(fd);
}

static void there_are_never_fewer_and_may_be_more(void **state)
{
    uint16_t port, again;
    (void)state;
    assert_int_equal(ask(&before, "https://127.0.0.1:0", 1, &port), TC_OK);
    hand_on();
    assert_int_equal(ask(&after, url_of("https", "127.0.0.1", port), 4, &again), TC_OK);
    assert_int_equal(after.at[0].tcp_count, 4);
    assert_int_equal(after.at[0].udp_count, 4);
    assert_int_equal(after.at[0].tcp_given, 1);
    tc_listeners_settle(&after);
    assert_int_equal(ask(&after, url_of("https", "127.0.0.1", port), 2, &again), TC_OK);
    assert_int_equal(after.at[0].tcp_count, 4);
    assert_int_equal(after.at[0].udp_count, 4);
}

static void any_free_port_stays_the_same(void **state)
{
    uint16_t port, again;
    (void)state;
    assert_int_equal(ask(&before, "http://127.0.0.1:0", 1, &port), TC_OK);
    hand_on();
    assert_int_equal(ask(&after, "http://127.0.0.1:0", 1, &again), TC_OK);
    assert_int_equal(again, port);
    assert_int_equal(after.count, 1);
}

static void a_scheme_changes_and_the_sockets_stay(void **state)
{
    uint16_t port, again;
    (void)state;
    assert_int_equal(ask(&before, "https://127.0.0.1:0", 1, &port), TC_OK);
    hand_on();
    assert_int_equal(ask(&after, url_of("http", "127.0.0.1", port), 1, &again), TC_OK);
    tc_listeners_drop_unused(&after);
    assert_int_equal(after.at[0].tcp_given, 1);
    assert_int_equal(after.at[0].udp_count, 0); /* nobody would read it */
    assert_false(after.at[0].secure);
}

/* From all addresses to one of them, while the socket for all is still open: no fault. */
static void an_address_becomes_narrower(void **state)
{
    uint16_t port, again;
    (void)state;
    assert_int_equal(ask(&before, "https://*:0", 2, &port), TC_OK);
    hand_on();
    assert_int_equal(ask(&after, url_of("https", "127.0.0.1", port), 2, &again), TC_OK);
    tc_listeners_drop_unused(&after);
    assert_int_equal(after.count, 1);
    assert_int_equal(after.at[0].tcp_given, 0);
    const int fd = wait_at(port); /* the narrower one is asked first */
    assert_int_equal(accept_any(&after.at[0]), TC_OK);
    close(fd);
}

static void a_refusal_leaves_all_as_it_was(void **state)
{
    uint16_t port, other, again;
    tc_listeners somebody = {.count = 0};
    (void)state;
    assert_int_equal(ask(&before, "http://127.0.0.1:0", 1, &port), TC_OK);
    assert_int_equal(ask(&somebody, "http://127.0.0.1:0", 1, &other), TC_OK);
    hand_on();
    assert_int_equal(ask(&after, url_of("http", "127.0.0.1", port), 3, &again), TC_OK);
    assert_int_equal(ask(&after, url_of("http", "127.0.0.1", other), 3, &again),
                     TC_ERR_ADDRESS_IN_USE);
    assert_int_equal(after.count, 1);
    tc_listeners_take_back(&after);
    assert_int_equal(after.count, 1);
    assert_int_equal(after.at[0].tcp_count, 1);
    assert_false(after.at[0].used);
    tc_listeners_fini(&somebody);
}

static void what_listens_to_nothing_is_not_taken(void **state)
{
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const int idle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(tc_listeners_offer(&after, pair[0], false), TC_ERR_NOT_SUPPORTED);
    assert_int_equal(tc_listeners_offer(&after, idle, false), TC_ERR_NOT_SUPPORTED);
    assert_int_equal(after.count, 0);
    close(pair[0]);
    close(pair[1]);
    close(idle);
}

/* As a master that becomes a new build leaves them to itself: what they are is believed, whatever
 * the kernel would say. What an older build wrote, which says less, is asked for. */
static void lines_say_what_was_opened(void **state)
{
    uint16_t port;
    char *text = NULL;
    size_t size;
    (void)state;
    assert_int_equal(ask(&before, "http://[::]:0", 2, &port), TC_OK);
    assert_int_equal(ask(&before, "http://127.0.0.1:0", 1, &port), TC_OK);
    FILE *to = open_memstream(&text, &size);
    tc_listeners_write(&before, to);
    assert_int_equal(fclose(to), 0);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(tc_listeners_read(&after, line) > 2);
    free(text);
    assert_int_equal(after.count, before.count);
    for (size_t i = 0; i < before.count; i++) {
        const tc_listening *was = &before.at[i], *is = &after.at[i];
        assert_true(tc_address_equal(&is->at, &was->at));
        assert_int_equal(is->both, was->both);
        assert_int_equal(is->any_port, was->any_port);
        assert_int_equal(is->tcp_count, was->tcp_count);
        assert_memory_equal(is->tcp, was->tcp, was->tcp_count * sizeof *was->tcp);
    }
    char line[32];
    const int old = fcntl(before.at[0].tcp[0], F_DUPFD_CLOEXEC, 3),
              none = open("/dev/null", O_RDONLY);
    (void)snprintf(line, sizeof line, "socket %d 1", old);
    assert_int_equal(tc_listeners_read(&after, line), old);
    assert_int_equal(after.at[0].tcp_count, before.at[0].tcp_count + 1);
    (void)snprintf(line, sizeof line, "socket %d 1", none);
    assert_int_equal(tc_listeners_read(&after, line), -1);
    assert_int_equal(fcntl(none, F_GETFD), -1); /* closed */
    assert_int_equal(tc_listeners_read(&after, "kept 61"), -1);
    close(old);
    for (size_t i = 0; i < after.count; i++) /* they are before's */
        after.at[i].tcp_count = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

/* As systemd opens one: nobody else may share its port. Each worker has the same one; QUIC is one
 * worker's. */
static void one_socket_is_enough_for_all_workers(void **state)
{
    uint16_t port, first;
    (void)state;
    before.shares = false;
    assert_int_equal(ask(&before, "https://127.0.0.1:0", 1, &port), TC_OK);
    hand_on();
    assert_int_equal(ask(&after, url_of("https", "127.0.0.1", port), 3, &first), TC_OK);
    assert_int_equal(after.count, 1);
    assert_int_equal(after.at[0].tcp_count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct stat a, b;
        assert_int_equal(fstat(after.at[0].tcp[0], &a), 0);
        assert_int_equal(fstat(after.at[0].tcp[i], &b), 0);
        assert_int_equal(a.st_ino, b.st_ino);
        assert_int_equal(fcntl(after.at[0].tcp[i], F_GETFD), FD_CLOEXEC);
    }
    assert_int_equal(after.at[0].udp_count, 1); /* a connection's packets must find one worker */
    assert_true(after.at[0].udp_used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_socket_is_enough_for_all_workers, begin, end),
        TEST(who_waits_is_handed_on),
        TEST(there_are_never_fewer_and_may_be_more),
        TEST(any_free_port_stays_the_same),
        TEST(a_scheme_changes_and_the_sockets_stay),
        TEST(an_address_becomes_narrower),
        TEST(a_refusal_leaves_all_as_it_was),
        TEST(what_listens_to_nothing_is_not_taken),
        TEST(lines_say_what_was_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
