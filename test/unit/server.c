/* server.c - workers over the loopback: how many connections, what happens without descriptors or
 * memory, and that draining answers everyone who had asked. */
// SPDX-License-Identifier: MIT
#include "server/server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "site/site.h"
#include "support/check.h"
#include "support/folder.h"
#include "support/one_site.h"

enum { MANY = 200 };

static folder root;
static one_site one;
static tc_site_config site;
static tc_server_config config;
static tc_server *server;
static uint16_t port;
static int watches;

static void see(tc_watch *w, const tc_seen *what)
{
    (void)w;
    (void)what;
}

static tc_watch *watch(void *self, tc_worker *w, void **ret_state)
{
    tc_watch *made = tc_alloc_zero(sizeof *made);
    (void)self;
    (void)w;
    if (!made) return NULL;
    *made = (tc_watch){.mask = 1u << TC_SEEN_CLOSED, .see = see};
    watches++;
    *ret_state = made;
    return made;
}

static void unwatch(void *self, void *state)
{
    (void)self;
    watches--;
    tc_free(state);
}

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    folder_write(&root, "index.html", TC_SPAN("home"));
    site =
        (tc_site_config){.sites = one_site_make(&one, root.fd, TC_SPAN("index.html"), (tc_span){0}),
                         .watch = watch,
                         .unwatch = unwatch};
    config = (tc_server_config){.workers = 1, .limits = tc_limits_default};
    config.app = tc_site_app(&site);
    server = NULL;
    watches = 0;
    return 0;
}

static void stop(void)
{
    if (!server) return;
    tc_server_drain(server);
    tc_server_wait(server);
    tc_server_free(server);
    server = NULL;
}

static int end(void **state)
{
    (void)state;
    stop();
    assert_int_equal(watches, 0);
    folder_remove(&root);
    return 0;
}

/* On a port that is free. */
static tc_err listen_somewhere(void)
{
    char url[64];
    tc_err err = TC_ERR_ADDRESS_IN_USE;
    for (int i = 0; i < 100 && err == TC_ERR_ADDRESS_IN_USE; i++) {
        port = (uint16_t)(20000 + check_random_below(12000));
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)port);
        err = tc_server_listen(server, tc_span_str(url), NULL);
    }
    return err;
}

static void start(void)
{
    assert_int_equal(tc_server_new(&config, &server), TC_OK);
    assert_int_equal(listen_somewhere(), TC_OK);
    assert_int_equal(tc_server_start(server), TC_OK);
}

/* --- clients ------------------------------------------------------------------------------- */

static int socket_only(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static void ask_on(int fd)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(send(fd, request, sizeof request - 1, MSG_NOSIGNAL), sizeof request - 1);
}

static int ask(void)
{
    const int fd = socket_only();
    ask_on(fd);
    return fd;
}

/* Whether something comes in that time, and is the page. */
static bool answered(int fd, int ms)
{
    char room[4096];
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, ms) != 1) return false;
    const ssize_t n = recv(fd, room, sizeof room, 0);
    return n > 12 && memcmp(room, "HTTP/1.1 200", 12) == 0;
}

/* --- how many ------------------------------------------------------------------------------ */

static void one_too_many_waits(void **state)
{
    (void)state;
    config.limits.connections = 2;
    start();
    const int a = ask(), b = ask();
    assert_true(answered(a, 120000) && answered(b, 120000));
    const int c = ask();
    assert_false(answered(c, 50));
    close(a);
    assert_true(answered(c, 120000));
    close(b);
    close(c);
    tc_server_drain(server);
    tc_server_wait(server);
    tc_reached reached;
    tc_server_reached(server, &reached);
    assert_in_range(reached.connections, 1, 100);
}

static void without_descriptors_it_waits(void **state)
{
    (void)state;
    start();
    const int first = ask();
    assert_true(answered(first, 120000)); /* what it opens once is open */
    const int later = socket_only();
    struct rlimit all, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    few = all;
    few.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    ask_on(later);
    const bool early = answered(later, 50);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    assert_false(early);
    assert_true(answered(later, 120000));
    close(first);
    close(later);
}

/* --- edges --------------------------------------------------------------------------------- */

/* All that comes until the peer's end. */
static size_t hear_all(int fd, char *room, size_t size, size_t step)
{
    size_t have = 0;
    for (ssize_t n; have < size; have += (size_t)n) {
        n = recv(fd, room + have, size - have < step ? size - have : step, 0);
        if (n <= 0) break;
    }
    return have;
}

static void an_end_that_comes_with_the_request_is_seen(void **state)
{
    (void)state;
    start();
    char room[4096];
    for (int i = 0; i < 300; i++) {
        const int fd = ask();
        shutdown(fd, SHUT_WR);
        const size_t n = hear_all(fd, room, sizeof room, sizeof room);
        assert_true(n > 100 && memcmp(room + n - 4, "home", 4) == 0);
        close(fd);
    }
}

static void a_slow_reader_gets_all_of_it(void **state)
{
    (void)state;
    enum { SIZE = 3000000 };
    static char content[SIZE], room[SIZE + 10000];
    for (size_t i = 0; i < SIZE; i++)
        content[i] = (char)(i * 131 + i / 251);
    folder_write(&root, "index.html", (tc_span){content, SIZE});
    start();
    const int fd = socket_only(), small = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    ask_on(fd);
    shutdown(fd, SHUT_WR);
    const size_t n = hear_all(fd, room, sizeof room, 1000);
    assert_true(n > SIZE);
    assert_memory_equal(room + n - SIZE, content, SIZE);
    close(fd);
}

/* --- draining ------------------------------------------------------------------------------ */

static void who_has_asked_is_answered(void **state)
{
    (void)state;
    start();
    int fds[MANY], served = 0;
    const int first = ask();
    assert_true(answered(first, 120000));
    for (int i = 0; i < MANY; i++)
        fds[i] = socket_only();
    struct rlimit all, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
    few = all;
    few.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < MANY; i++)
        ask_on(fds[i]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
    tc_server_drain(server);
    for (int i = 0; i < MANY; i++) {
        served += answered(fds[i], 120000);
        close(fds[i]);
    }
    assert_int_equal(served, MANY);
    close(first);
    stop();
}

static void *drain(void *argument)
{
    (void)argument;
    for (int i = 0; i < 100; i++)
        tc_server_drain(server);
    return NULL;
}

static void anyone_may_drain_at_any_time(void **state)
{
    (void)state;
    config.workers = 4;
    start();
    const int fd = ask();
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, drain, NULL), 0);
    tc_server_wait(server);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    close(fd);
    tc_server_free(server);
    server = NULL;
}

/* --- without memory ------------------------------------------------------------------------ */

static int open_descriptors(void)
{
    int count = 0;
    DIR *d = opendir("/proc/self/fd");
    assert_non_null(d);
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

static tc_err all_of_it(void)
{
    tc_err err = tc_server_new(&config, &server);
    if (!err) err = listen_somewhere();
    if (!err) err = tc_server_start(server);
    return err;
}

static void without_memory_it_does_not_start(void **state)
{
    (void)state;
    config.workers = 3;
    const int before = open_descriptors();
    bool failed = true;
    for (int64_t n = 0; failed; n++) {
        assert_in_range(n, 0, 1000);
        const uint64_t count = tc_alloc_count();
        tc_alloc_fail_after(n);
        const tc_err err = all_of_it();
        failed = (int64_t)(tc_alloc_count() - count) > n;
        tc_alloc_fail_after(-1);
        assert_int_equal(err, failed ? TC_ERR_NO_MEMORY : TC_OK);
        stop();
        assert_int_equal(watches, 0);
        assert_int_equal(open_descriptors(), before);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_too_many_waits),
        TEST(without_descriptors_it_waits),
        TEST(an_end_that_comes_with_the_request_is_seen),
        TEST(a_slow_reader_gets_all_of_it),
        TEST(who_has_asked_is_answered),
        TEST(anyone_may_drain_at_any_time),
        TEST(without_memory_it_does_not_start),
    };
    return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
