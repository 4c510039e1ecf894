/* link_tcp.c - TCP as a link, over the loopback: what is gathered, what is kept when the kernel is
 * full, files, ends, and who the peer is. */
// SPDX-License-Identifier: MIT
#include "net/link_tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/check.h"

static tc_loop *loop;
static tc_link_tcp near;
static tc_link *const l = &near.link;
static int far;
static unsigned told;

static void on_ready(tc_link *link, unsigned what)
{
    assert_ptr_equal(link, l);
    told |= what;
}

/* A connection whose buffers are small. */
static void connect_pair(int *ret_near, int *ret_far)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    *ret_far = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(*ret_far, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(connect(*ret_far, (struct sockaddr *)&at, sizeof at), 0);
    *ret_near = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(*ret_near >= 0);
    assert_int_equal(setsockopt(*ret_near, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    close(listener);
}

static int begin(void **state)
{
    (void)state;
    int fd;
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    connect_pair(&fd, &far);
    told = 0;
    tc_link_tcp_init(&near, loop, fd, NULL, on_ready);
    assert_int_equal(tc_link_tcp_watch(&near), TC_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (near.io.fd >= 0) l->type->close(l, false);
    close(far);
    tc_loop_free(loop);
    return 0;
}

static size_t write_runs(const tc_run *runs, size_t count)
{
    size_t taken = 0;
    assert_int_equal(l->type->write(l, runs, count, &taken), TC_OK);
    return taken;
}

static void flush(void)
{
    assert_int_equal(l->type->flush(l), TC_OK);
}

/* What is there for the peer now. */
static size_t hear(char *room, size_t size)
{
    const ssize_t n = recv(far, room, size, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* Hears until len bytes are there, while the link is told of room and writes what it kept. */
static void hear_all(char *room, size_t len)
{
    size_t have = 0;
    const int64_t patience = tc_loop_tick(loop) + 120 * TC_S;
    while (have < len && tc_loop_now(loop) < patience) {
        have += hear(room + have, len - have);
        assert_int_equal(tc_loop_turn(loop, tc_loop_now(loop) + TC_MS), TC_OK);
        flush();
    }
    assert_int_equal(have, len);
}

static char *pattern(size_t size)
{
    char *at = malloc(size);
    assert_non_null(at);
    for (size_t i = 0; i < size; i++)
        at[i] = (char)(i * 131 + i / 251);
    return at;
}

static int file_of(const char *bytes, size_t size)
{
    const int fd = memfd_create("file", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    return fd;
}

/* --- writing ------------------------------------------------------------------------------- */

static void small_runs_leave_together(void **state)
{
    (void)state;
    char room[100];
    const tc_run runs[] = {tc_run_bytes(TC_SPAN("one ")), tc_run_bytes(TC_SPAN("two "))};
    assert_int_equal(write_runs(runs, 2), 8);
    assert_int_equal(write_runs(runs, 1), 4);
    assert_int_equal(hear(room, sizeof room), 0); /* nothing before the flush */
    flush();
    assert_false(l->type->stuck(l));
    hear_all(room, 12);
    check_span(tc_span_of(room, 12), "one two one ");
    flush(); /* nothing is left */
    assert_int_equal(hear(room, sizeof room), 0);
}

static void what_the_kernel_does_not_take_is_kept(void **state)
{
    (void)state;
    enum { RUN = 8000, RUNS = 8 };
    char *sent = pattern(RUN * RUNS), *got = malloc(RUN * RUNS);
    tc_run runs[RUNS];
    for (int i = 0; i < RUNS; i++)
        runs[i] = tc_run_bytes(tc_span_of(sent + i * RUN, RUN));
    assert_int_equal(write_runs(runs, RUNS), RUN * RUNS); /* gathered: all of it is taken */
    flush();
    assert_true(l->type->stuck(l));
    assert_true(l->type->untaken(l) >= RUN * RUNS / 2);
    const tc_run more = tc_run_bytes(TC_SPAN("more"));
    assert_int_equal(write_runs(&more, 1), 0); /* not before the rest has left */
    assert_int_equal(tc_loop_turn(loop, 0), TC_OK);
    told = 0;
    hear_all(got, RUN * RUNS);
    assert_memory_equal(got, sent, RUN * RUNS);
    assert_true(told & TC_LINK_OUT);
    assert_false(l->type->stuck(l));
    assert_int_equal(write_runs(&more, 1), 4);
    free(sent);
    free(got);
}

static void a_large_run_is_taken_in_part(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    char *sent = pattern(SIZE), *got = malloc(SIZE + 5);
    size_t at = 0, have = 0;
    const tc_run first = tc_run_bytes(TC_SPAN("small"));
    assert_int_equal(write_runs(&first, 1), 5);
    const int64_t patience = tc_loop_tick(loop) + 120 * TC_S;
    while (have < SIZE + 5 && tc_loop_now(loop) < patience) {
        const tc_run run = tc_run_bytes(tc_span_of(sent + at, SIZE - at));
        flush();
        if (!l->type->stuck(l) && at < SIZE) at += write_runs(&run, 1);
        have += hear(got + have, SIZE + 5 - have);
        assert_int_equal(tc_loop_turn(loop, tc_loop_now(loop) + TC_MS), TC_OK);
    }
    assert_int_equal(have, SIZE + 5);
    assert_memory_equal(got, "small", 5);
    assert_memory_equal(got + 5, sent, SIZE);
    free(sent);
    free(got);
}

static void a_file_goes_between_bytes(void **state)
{
    (void)state;
    char *bytes = pattern(1000), got[1000];
    const int fd = file_of(bytes, 1000);
    const tc_run runs[] = {tc_run_bytes(TC_SPAN("head")), tc_run_file(fd, 100, 500),
                           tc_run_bytes(TC_SPAN("tail"))};
    assert_int_equal(write_runs(runs, 3), 508);
    flush();
    hear_all(got, 508);
    assert_memory_equal(got, "head", 4);
    assert_memory_equal(got + 4, bytes + 100, 500);
    assert_memory_equal(got + 504, "tail", 4);
    close(fd);
    free(bytes);
}

static void a_large_file_is_taken_in_part(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    char *bytes = pattern(SIZE), *got = malloc(SIZE);
    const int fd = file_of(bytes, SIZE);
    size_t at = 0, have = 0;
    bool was_stuck = false;
    const int64_t patience = tc_loop_tick(loop) + 120 * TC_S;
    while (have < SIZE && tc_loop_now(loop) < patience) {
        const tc_run run = tc_run_file(fd, at, SIZE - at);
        if (at < SIZE) at += write_runs(&run, 1);
        was_stuck |= l->type->stuck(l);
        have += hear(got + have, SIZE - have);
    }
    assert_true(was_stuck);
    assert_int_equal(have, SIZE);
    assert_memory_equal(got, bytes, SIZE);
    close(fd);
    free(bytes);
    free(got);
}

static void a_file_that_shrank_is_told(void **state)
{
    (void)state;
    const int fd = file_of("0123456789", 10);
    const tc_run run = tc_run_file(fd, 5, 20);
    size_t taken;
    assert_int_equal(l->type->write(l, &run, 1, &taken), TC_ERR_FILE_SHRANK);
    close(fd);
}

/* The peer may have had the first run, and answered: who writes must know that it went. */
static void what_went_before_an_error_counts(void **state)
{
    (void)state;
    char heard[4];
    const tc_run runs[] = {tc_run_bytes(TC_SPAN("head")), tc_run_file(near.io.fd, 0, 100)};
    size_t taken = 0;
    assert_int_equal(write_runs(runs, 2), 4);
    assert_int_equal(recv(far, heard, sizeof heard, MSG_WAITALL), 4);
    assert_memory_equal(heard, "head", 4);
    assert_false(l->type->stuck(l));
    assert_int_equal(near.gathered, 0); /* the room is for others now */
    const tc_err err = l->type->write(l, runs, 1, &taken);
    assert_int_not_equal(err, TC_OK);
    assert_int_equal(l->type->flush(l), err);
}

static void without_memory_for_the_rest_it_is_an_error(void **state)
{
    (void)state;
    static char much[8000];
    const tc_run run = tc_run_bytes(tc_span_of(much, sizeof much));
    for (int i = 0; i < 8; i++)
        assert_int_equal(write_runs(&run, 1), sizeof much);
    tc_alloc_fail_after(0);
    const tc_err err = l->type->flush(l);
    tc_alloc_fail_after(-1);
    assert_int_equal(err, TC_ERR_NO_MEMORY);
}

static void what_was_acknowledged_is_not_untaken(void **state)
{
    (void)state;
    char room[100];
    const tc_run run = tc_run_bytes(TC_SPAN("bytes"));
    assert_int_equal(write_runs(&run, 1), 5);
    flush();
    hear_all(room, 5);
    const int64_t patience = tc_loop_tick(loop) + 120 * TC_S;
    while (l->type->untaken(l) && tc_loop_tick(loop) < patience)
        usleep(1000);
    assert_int_equal(l->type->untaken(l), 0);
}

/* --- reading and ends ---------------------------------------------------------------------- */

static void what_comes_is_read(void **state)
{
    (void)state;
    tc_span in;
    bool fin, more;
    assert_int_equal(l->type->read(l, &in, &fin, &more), TC_OK);
    assert_true(in.len == 0 && !fin && !more);
    assert_int_equal(send(far, "abc", 3, 0), 3);
    shutdown(far, SHUT_WR); /* the end comes with the bytes: GONE says that more is to be read */
    told = 0;
    while (!(told & TC_LINK_GONE))
        assert_int_equal(tc_loop_turn(loop, tc_loop_tick(loop) + TC_S), TC_OK);
    assert_true(told & TC_LINK_IN);
    assert_int_equal(l->type->read(l, &in, &fin, &more), TC_OK);
    check_span(in, "abc");
    assert_true(!fin && !more);
    assert_int_equal(l->type->read(l, &in, &fin, &more), TC_OK);
    assert_true(in.len == 0 && fin);
}

static void an_end_of_ours_is_heard(void **state)
{
    (void)state;
    char byte;
    tc_span in;
    bool fin, more;
    l->type->end_writing(l);
    assert_int_equal(recv(far, &byte, 1, 0), 0);
    assert_int_equal(send(far, "still", 5, 0), 5); /* and theirs goes on */
    while (!(told & TC_LINK_IN))
        assert_int_equal(tc_loop_turn(loop, tc_loop_tick(loop) + TC_S), TC_OK);
    assert_int_equal(l->type->read(l, &in, &fin, &more), TC_OK);
    check_span(in, "still");
}

static void a_reset_is_told(void **state)
{
    (void)state;
    const struct linger at_once = {.l_onoff = 1};
    assert_int_equal(setsockopt(far, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(far);
    far = -1;
    told = 0;
    while (!(told & TC_LINK_GONE))
        assert_int_equal(tc_loop_turn(loop, tc_loop_tick(loop) + TC_S), TC_OK);
    tc_span in;
    bool fin, more;
    assert_int_equal(l->type->read(l, &in, &fin, &more), TC_ERR_PEER_RESET);
    const tc_run run = tc_run_bytes(TC_SPAN("x"));
    assert_int_equal(write_runs(&run, 1), 1);
    assert_int_equal(l->type->flush(l), TC_ERR_PEER_RESET);
}

static void who_takes_nothing_may_be_reset(void **state)
{
    (void)state;
    char byte;
    const tc_run run = tc_run_bytes(TC_SPAN("x"));
    assert_int_equal(write_runs(&run, 1), 1); /* never flushed: thrown away */
    l->type->close(l, true);
    assert_int_equal(near.io.fd, -1);
    assert_int_equal(recv(far, &byte, 1, 0), -1);
}

static void two_links_share_the_room_of_the_loop(void **state)
{
    (void)state;
    tc_link_tcp other;
    int fd, other_far;
    char room[10];
    connect_pair(&fd, &other_far);
    tc_link_tcp_init(&other, loop, fd, NULL, on_ready);
    const tc_run run = tc_run_bytes(TC_SPAN("first"));
    assert_int_equal(write_runs(&run, 1), 5);
    l->type->close(l, false); /* broken off before its flush */
    size_t taken;
    const tc_run next = tc_run_bytes(TC_SPAN("other"));
    assert_int_equal(other.link.type->write(&other.link, &next, 1, &taken), TC_OK);
    assert_int_equal(other.link.type->flush(&other.link), TC_OK);
    assert_int_equal(recv(other_far, room, sizeof room, 0), 5);
    check_span(tc_span_of(room, 5), "other");
    other.link.type->close(&other.link, false);
    close(other_far);
}

/* --- who it is ----------------------------------------------------------------------------- */

static void check_peer(const struct sockaddr *peer, const char *wanted, uint16_t wanted_port)
{
    tc_link_tcp it;
    char text[TC_IP_TEXT];
    uint16_t port = 1;
    tc_link_tcp_init(&it, loop, -1, peer, on_ready);
    const tc_ip ip = it.link.type->address(&it.link, &port);
    assert_string_equal(tc_ip_text(&ip, text).at, wanted);
    assert_int_equal(port, wanted_port);
}

static void peers_have_names(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(1234)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(65535)};
    assert_int_equal(inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr), 1);
    check_peer((struct sockaddr *)&v4, "192.0.2.1", 1234);
    assert_int_equal(inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr), 1);
    check_peer((struct sockaddr *)&v6, "2001:db8::1", 65535);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &v6.sin6_addr), 1);
    check_peer((struct sockaddr *)&v6, "192.0.2.7", 65535); /* IPv4 on a socket of both families */
    assert_int_equal(inet_pton(AF_INET6, "2001:db8:1111:2222:3333:4444:5555:6666", &v6.sin6_addr),
                     1);
    check_peer((struct sockaddr *)&v6, "2001:db8:1111:2222:3333:4444:5555:6666", 65535);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(small_runs_leave_together),
        TEST(what_the_kernel_does_not_take_is_kept),
        TEST(a_large_run_is_taken_in_part),
        TEST(a_file_goes_between_bytes),
        TEST(a_large_file_is_taken_in_part),
        TEST(a_file_that_shrank_is_told),
        TEST(what_went_before_an_error_counts),
        TEST(without_memory_for_the_rest_it_is_an_error),
        TEST(what_was_acknowledged_is_not_untaken),
        TEST(what_comes_is_read),
        TEST(an_end_of_ours_is_heard),
        TEST(a_reset_is_told),
        TEST(who_takes_nothing_may_be_reset),
        TEST(two_links_share_the_room_of_the_loop),
        TEST(peers_have_names),
    };
    return cmocka_run_group_tests_name("link_tcp", tests, NULL, NULL);
}
