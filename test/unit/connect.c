/* connect.c - connections to names: which addresses are tried, in which order, and how it ends. */
// SPDX-License-Identifier: MIT

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "support/check.h"
#include "support/connecting.h"

static void add(tc_addresses *to, const char *address)
{
    tc_address *a = &to->at[to->count++];
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, address, &a->v4.sin_addr) == 1)
        a->v4.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, address, &a->v6.sin6_addr) == 1)
        a->v6.sin6_family = AF_INET6;
}

static void a_literal_connects(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int before = connecting_descriptors(), listener = listen_on("127.0.0.1", false, &port);
    connecting_run(&r, NULL, "127.0.0.1", port);
    assert_int_equal(r.err, TC_OK);
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok connected:ok ");
    int flag = 0;
    socklen_t length = sizeof flag;
    assert_int_equal(getsockopt(r.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &flag, &length), 0);
    assert_true(flag);
    assert_true(fcntl(r.fd, F_GETFL) & O_NONBLOCK);
    close(r.fd);
    close(listener);
    assert_int_equal(connecting_descriptors(), before);
}

static void a_refused_family_makes_way_at_once(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int listener = listen_on("127.0.0.1", false, &port);
    tc_clock_stop();
    connecting_run(&r, NULL, "localhost", port); /* nobody listens on ::1 */
    tc_clock_go();
    assert_int_equal(r.err, TC_OK);
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok connected:CONNECT try:ok "
                               "connected:ok ");
    close(r.fd);
    close(listener);
}

static void all_failures_are_named(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    close(listen_on("127.0.0.1", false, &port)); /* a port that nobody listens on */
    connecting_run(&r, NULL, "127.0.0.1", port);
    assert_int_equal(r.err, TC_ERR_CONNECT);
    assert_int_equal(r.fd, -1);
    char want[128];
    (void)snprintf(want, sizeof want, "127.0.0.1:%u: Connection refused", port);
    assert_string_equal(r.connect.why, want);
}

static const char *stuck_then_good(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    if (family == TC_V6) return "no IPv6 here";
    add(ret, "127.0.0.2");
    add(ret, "127.0.0.1");
    return NULL;
}

static void a_silent_address_is_overtaken(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fds[4];
    struct result r;
    const int before = connecting_descriptors();
    const int good = listen_on("127.0.0.1", false, &port);
    const int stuck = listen_on("127.0.0.2", true, &port);
    fill("127.0.0.2", port, fds, 4);
    const int64_t begun = tc_clock_now();
    connecting_run(&r, stuck_then_good, "name.example", port);
    const int64_t took = tc_clock_now() - begun;
    assert_int_equal(r.err, TC_OK);
    assert_true(took >= TC_CONNECT_DELAY_MS * TC_MS);
    assert_int_equal(strncmp(r.peer, "127.0.0.1:", 10), 0);
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok try:ok connected:ok "
                               "connected:OUTRUN ");
    close(r.fd);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(stuck);
    close(good);
    assert_int_equal(connecting_descriptors(), before);
}

static const char *only_stuck(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    if (family == TC_V4) add(ret, "127.0.0.2");
    return NULL;
}

static void the_time_limit_ends_it(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fds[4];
    struct result r;
    const int before = connecting_descriptors(), stuck = listen_on("127.0.0.2", true, &port);
    fill("127.0.0.2", port, fds, 4);
    tc_clock_stop();
    connecting_begin(&r, only_stuck, "name.example", port);
    for (int i = 0; !strstr(r.log, "try:ok") && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(connecting_loop, tc_clock_now() + TC_S), TC_OK);
    assert_false(r.over);
    tc_clock_move(LIMIT_MS * TC_MS);
    tc_loop_tick(connecting_loop);
    connecting_finish(&r);
    tc_clock_go();
    assert_int_equal(r.err, TC_ERR_CONNECT_TIME);
    char want[128];
    (void)snprintf(want, sizeof want, "127.0.0.2:%u: no answer", port);
    assert_string_equal(r.connect.why, want);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(stuck);
    assert_int_equal(connecting_descriptors(), before);
}

static const char *late_six(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    if (family == TC_V6) nanosleep(&(struct timespec){.tv_nsec = TC_MS}, NULL);
    add(ret, family == TC_V6 ? "::1" : "127.0.0.1");
    return NULL;
}

static void ipv4_waits_a_moment_for_ipv6(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int listener = listen_on("127.0.0.1", false, &port);
    tc_clock_stop();
    connecting_run(&r, late_six, "name.example", port);
    tc_clock_go();
    assert_int_equal(r.err, TC_OK); /* ::1 was tried first although 127.0.0.1 came first */
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok connected:CONNECT try:ok "
                               "connected:ok ");
    close(r.fd);
    close(listener);
}

static const char *very_late_six(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    if (family == TC_V6) sem_wait(&connecting_six);
    add(ret, family == TC_V6 ? "::1" : "127.0.0.1");
    return NULL;
}

static void but_not_for_long(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int listener = listen_on("127.0.0.1", false, &port);
    const int64_t begun = tc_clock_now();
    connecting_run(&r, very_late_six, "name.example", port);
    const int64_t took = tc_clock_now() - begun;
    assert_int_equal(r.err, TC_OK);
    assert_true(took >= TC_RESOLVE_DELAY_MS * TC_MS);
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok connected:ok ");
    close(r.fd);
    close(listener);
    sem_post(&connecting_six);
}

/* --- HTTPS records --------------------------------------------------------------------------- */

static unsigned served_times;

static void only_count(tc_connect *c, const tc_service *service)
{
    (void)c;
    served_times += service->h3;
}

/* What was found so far is used by the one that is begun anew. */
static void begin_anew(tc_connect *c, const tc_service *service)
{
    served_times++;
    assert_int_equal(c->tried, 0);
    tc_connect_cancel(c);
    c->services = NULL;
    c->known = c->found[TC_V4].count > 0;
    c->port = service->port;
    tc_connect_begin(c);
}

static uint16_t real_port;

static bool a_moment_later(const char *host, uint16_t port, tc_service *ret_service)
{
    (void)host, (void)port;
    nanosleep(&(struct timespec){.tv_nsec = TC_MS}, NULL);
    *ret_service = (tc_service){.h3 = true, .port = real_port};
    return true;
}

static bool much_later(const char *host, uint16_t port, tc_service *ret_service)
{
    (void)host, (void)port;
    sem_wait(&connecting_record);
    *ret_service = (tc_service){.h3 = true};
    return true;
}

static const char *counted(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    if (family == TC_V6) return "no IPv6 here";
    add(ret, "127.0.0.1");
    return NULL;
}

static void ask_for_record(struct result *r, tc_service_lookup *services,
                           void (*served)(tc_connect *, const tc_service *), uint16_t port)
{
    served_times = 0;
    connecting_begin(r, counted, "name.example", port);
    tc_connect_cancel(&r->connect);
    r->log[0] = 0;
    r->connect.services = services;
    r->connect.served = served;
    tc_connect_begin(&r->connect);
    connecting_finish(r);
}

static void a_record_is_waited_for(void **state)
{
    (void)state;
    struct result r;
    const int listener = listen_on("127.0.0.1", false, &real_port);
    tc_clock_stop();
    ask_for_record(&r, a_moment_later, begin_anew, 1);
    tc_clock_go();
    assert_int_equal(r.err, TC_OK);
    assert_int_equal(served_times, 1);
    assert_non_null(strstr(r.log, "try:ok connected:ok ")); /* nothing was tried on port 1 */
    close(r.fd);
    close(listener);
}

static void but_not_for_long_either(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int listener = listen_on("127.0.0.1", false, &port);
    const int64_t begun = tc_clock_now();
    ask_for_record(&r, much_later, only_count, port);
    assert_true(tc_clock_now() - begun >= TC_RESOLVE_DELAY_MS * TC_MS);
    assert_int_equal(r.err, TC_OK);
    assert_int_equal(served_times, 0);
    sem_post(&connecting_record);
    close(r.fd);
    close(listener);
}

static void an_unknown_name_says_so(void **state)
{
    (void)state;
    struct result r;
    connecting_run(&r, connecting_unknown, "name.example", 80);
    assert_int_equal(r.err, TC_ERR_RESOLVE);
    assert_string_equal(r.connect.why, "Name or service not known");
    assert_string_equal(r.log, "resolve:ok resolved:RESOLVE ");
}

/* --- a proxy --------------------------------------------------------------------------------- */

static void cancelling_leaks_nothing(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fds[4];
    const int before = connecting_descriptors(), stuck = listen_on("127.0.0.2", true, &port);
    fill("127.0.0.2", port, fds, 4);
    for (int turns = 0; turns < 8; turns++) {
        struct result r = {.fd = -1};
        r.connect = (tc_connect){.loop = connecting_loop,
                                 .lookup = only_stuck,
                                 .host = TC_SPAN("name.example"),
                                 .port = port,
                                 .done = connecting_is_over};
        tc_connect_begin(&r.connect);
        for (int i = 0; i < turns; i++)
            assert_int_equal(tc_loop_turn(connecting_loop, tc_clock_now() + 2 * TC_MS), TC_OK);
        tc_connect_cancel(&r.connect);
        assert_false(r.over);
    }
    nanosleep(&(struct timespec){.tv_nsec = TC_MS}, NULL);
    assert_int_equal(tc_loop_turn(connecting_loop, 0), TC_OK);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(stuck);
    assert_int_equal(connecting_descriptors(), before);
}

static void out_of_descriptors_is_said(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    struct rlimit before, few;
    const int listener = listen_on("127.0.0.1", false, &port);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = (rlim_t)listener + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    connecting_run(&r, NULL, "localhost", port);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(r.err, TC_ERR_TOO_MANY_FILES);
    close(listener);
}

static void no_memory_is_an_error_and_no_more(void **state)
{
    (void)state;
    uint16_t port = 0;
    bool succeeded = false;
    const int before = connecting_descriptors(), listener = listen_on("127.0.0.1", false, &port);
    for (int n = 0; n < 100 && !succeeded; n++) {
        struct result r;
        tc_loop *shared = connecting_loop;
        assert_int_equal(tc_loop_new(&connecting_loop),
                         TC_OK); /* one whose timers have no memory yet */
        tc_alloc_fail_after(n);
        connecting_run(&r, late_six, "name.example", port);
        tc_alloc_fail_after(-1);
        succeeded = r.err == TC_OK;
        if (r.fd >= 0) close(r.fd);
        nanosleep(&(struct timespec){.tv_nsec = 30 * TC_MS}, NULL); /* threads end */
        assert_int_equal(tc_loop_turn(connecting_loop, 0), TC_OK);
        tc_loop_free(connecting_loop);
        connecting_loop = shared;
    }
    assert_true(succeeded);
    close(listener);
    assert_int_equal(connecting_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_literal_connects),
        cmocka_unit_test(a_refused_family_makes_way_at_once),
        cmocka_unit_test(all_failures_are_named),
        cmocka_unit_test(a_silent_address_is_overtaken),
        cmocka_unit_test(the_time_limit_ends_it),
        cmocka_unit_test(ipv4_waits_a_moment_for_ipv6),
        cmocka_unit_test(but_not_for_long),
        cmocka_unit_test(a_record_is_waited_for),
        cmocka_unit_test(but_not_for_long_either),
        cmocka_unit_test(an_unknown_name_says_so),
        cmocka_unit_test(cancelling_leaks_nothing),
        cmocka_unit_test(out_of_descriptors_is_said),
        cmocka_unit_test(no_memory_is_an_error_and_no_more),
    };
    return cmocka_run_group_tests(tests, connecting_set_up, connecting_tear_down);
}
