/* Happy Eyeballs (RFC 8305): which address wins, who waits for whom, what failures say, and that
 * no step leaks a descriptor. */
// SPDX-License-Identifier: MIT
#include "net/connect.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

static tc_loop *loop;

struct result {
    tc_connect connect; /* first */
    bool over;
    tc_err err;
    int fd;
    char peer[TC_ADDRESS_TEXT];
    tc_watch watch;
    char log[2048]; /* what was seen, a word each */
};

static void over(tc_connect *c, tc_err err, int fd, const tc_address *peer)
{
    struct result *r = (struct result *)c;
    assert_false(r->over);
    r->over = true;
    r->err = err;
    r->fd = fd;
    if (peer) (void)tc_address_text(peer, r->peer);
}

static void see(tc_watch *w, const tc_seen *what)
{
    struct result *r = (struct result *)((char *)w - offsetof(struct result, watch));
    const size_t at = strlen(r->log);
    static const char *const names[] = {
        [TC_SEEN_RESOLVE] = "resolve",   [TC_SEEN_RESOLVED] = "resolved",
        [TC_SEEN_CONNECT] = "try",       [TC_SEEN_CONNECTED] = "connected",
        [TC_SEEN_PROXY] = "proxy",       [TC_SEEN_TUNNEL] = "tunnel",
        [TC_SEEN_TUNNELED] = "tunneled", [TC_SEEN_NOTE] = "line"};
    (void)snprintf(r->log + at, sizeof r->log - at, "%s:%s ", names[what->kind],
                   what->err ? tc_err_name(what->err) : "ok");
}

static int descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

/* A listener on 127.0.0.N. With full, its queue is filled: further attempts hang. */
static int listen_on(const char *address, bool full, uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;
    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    at.sin_port = htons(*ret_port);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, length), 0);
    assert_int_equal(listen(fd, full ? 0 : 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &length), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void fill(const char *address, uint16_t port, int *fds, int count)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
    for (int i = 0; i < count; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fds[i], (struct sockaddr *)&at, sizeof at);
    }
}

enum { TURNS = 1000, LIMIT_MS = 20000 };

static void begin(struct result *r, tc_lookup *lookup, const char *host, uint16_t port)
{
    *r = (struct result){.fd = -1};
    r->watch = (tc_watch){.mask = ~0u, .see = see};
    r->connect.loop = loop;
    r->connect.watch = &r->watch;
    r->connect.lookup = lookup;
    r->connect.host = tc_span_str(host);
    r->connect.port = port;
    r->connect.limit_ns = LIMIT_MS * TC_MS;
    r->connect.done = over;
    tc_connect_begin(&r->connect);
    assert_false(r->over);
}

/* The clock may be stopped: turns are counted. */
static void finish(struct result *r)
{
    for (int i = 0; !r->over && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_S), TC_OK);
    assert_true(r->over);
}

static void run(struct result *r, tc_lookup *lookup, const char *host, uint16_t port)
{
    begin(r, lookup, host, port);
    finish(r);
}

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
    const int before = descriptors(), listener = listen_on("127.0.0.1", false, &port);
    run(&r, NULL, "127.0.0.1", port);
    assert_int_equal(r.err, TC_OK);
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok connected:ok ");
    int flag = 0;
    socklen_t length = sizeof flag;
    assert_int_equal(getsockopt(r.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &flag, &length), 0);
    assert_true(flag);
    assert_true(fcntl(r.fd, F_GETFL) & O_NONBLOCK);
    close(r.fd);
    close(listener);
    assert_int_equal(descriptors(), before);
}

static void a_refused_family_makes_way_at_once(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int listener = listen_on("127.0.0.1", false, &port);
    tc_clock_stop();
    run(&r, NULL, "localhost", port); /* nobody listens on ::1 */
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
    run(&r, NULL, "127.0.0.1", port);
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
    const int before = descriptors();
    const int good = listen_on("127.0.0.1", false, &port);
    const int stuck = listen_on("127.0.0.2", true, &port);
    fill("127.0.0.2", port, fds, 4);
    const int64_t begun = tc_clock_now();
    run(&r, stuck_then_good, "name.example", port);
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
    assert_int_equal(descriptors(), before);
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
    const int before = descriptors(), stuck = listen_on("127.0.0.2", true, &port);
    fill("127.0.0.2", port, fds, 4);
    tc_clock_stop();
    begin(&r, only_stuck, "name.example", port);
    for (int i = 0; !strstr(r.log, "try:ok") && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_S), TC_OK);
    assert_false(r.over);
    tc_clock_move(LIMIT_MS * TC_MS);
    tc_loop_tick(loop);
    finish(&r);
    tc_clock_go();
    assert_int_equal(r.err, TC_ERR_CONNECT_TIME);
    char want[128];
    (void)snprintf(want, sizeof want, "127.0.0.2:%u: no answer", port);
    assert_string_equal(r.connect.why, want);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(stuck);
    assert_int_equal(descriptors(), before);
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
    run(&r, late_six, "name.example", port);
    tc_clock_go();
    assert_int_equal(r.err, TC_OK); /* ::1 was tried first although 127.0.0.1 came first */
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok connected:CONNECT try:ok "
                               "connected:ok ");
    close(r.fd);
    close(listener);
}

static sem_t six;

static const char *very_late_six(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    if (family == TC_V6) sem_wait(&six);
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
    run(&r, very_late_six, "name.example", port);
    const int64_t took = tc_clock_now() - begun;
    assert_int_equal(r.err, TC_OK);
    assert_true(took >= TC_RESOLVE_DELAY_MS * TC_MS);
    assert_string_equal(r.log, "resolve:ok resolved:ok try:ok connected:ok ");
    close(r.fd);
    close(listener);
    sem_post(&six);
}

/* --- HTTPS records -------------------------------------------------------------------------- */

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
static sem_t record;

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
    sem_wait(&record);
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
    begin(r, counted, "name.example", port);
    tc_connect_cancel(&r->connect);
    r->log[0] = 0;
    r->connect.services = services;
    r->connect.served = served;
    tc_connect_begin(&r->connect);
    finish(r);
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
    sem_post(&record);
    close(r.fd);
    close(listener);
}

static const char *unknown(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host, (void)family, (void)ret;
    return "Name or service not known";
}

static void an_unknown_name_says_so(void **state)
{
    (void)state;
    struct result r;
    run(&r, unknown, "name.example", 80);
    assert_int_equal(r.err, TC_ERR_RESOLVE);
    assert_string_equal(r.connect.why, "Name or service not known");
    assert_string_equal(r.log, "resolve:ok resolved:RESOLVE ");
}

/* --- a proxy -------------------------------------------------------------------------------- */

static tc_reached reached;

static void begin_through(struct result *r, tc_lookup *lookup, const char *proxy, uint16_t port,
                          tc_span authority)
{
    begin(r, lookup, proxy, port);
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
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_MS), TC_OK);
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    for (int i = 0; !strstr(r->log, "tunnel:ok") && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_MS), TC_OK);
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
        const int before = descriptors(), listener = listen_on("127.0.0.1", false, &port);
        fcntl(listener, F_SETFL, O_NONBLOCK);
        begin_through(&r, NULL, "127.0.0.1", port, TC_SPAN("h.example:443"));
        const int peer = answer(&r, listener, rows[i].said);
        finish(&r);
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
        assert_int_equal(descriptors(), before);
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
    finish(&r);
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
    finish(&r);
    assert_int_equal(r.err, TC_ERR_PROXY_CONNECT);
    begin_through(&r, unknown, "name.example", 80, TC_SPAN("h.example:443"));
    finish(&r);
    assert_int_equal(r.err, TC_ERR_PROXY_RESOLVE);
}

/* The time limit is for all of it; so is an end at any time. */
static void a_proxy_that_says_nothing(void **state)
{
    (void)state;
    uint16_t port = 0;
    struct result r;
    const int before = descriptors(), listener = listen_on("127.0.0.1", false, &port);
    tc_clock_stop();
    begin_through(&r, NULL, "127.0.0.1", port, TC_SPAN("h.example:443"));
    for (int i = 0; !strstr(r.log, "tunnel:ok") && i < TURNS; i++)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_S), TC_OK);
    assert_false(r.over);
    tc_clock_move(LIMIT_MS * TC_MS);
    tc_loop_tick(loop);
    finish(&r);
    tc_clock_go();
    assert_int_equal(r.err, TC_ERR_CONNECT_TIME);
    assert_string_equal(r.connect.why, "proxy:1 (proxy) did not answer CONNECT in time");
    for (int turns = 0; turns < 6; turns++) {
        begin_through(&r, NULL, "127.0.0.1", port, TC_SPAN("h.example:443"));
        for (int i = 0; i < turns; i++)
            assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_MS), TC_OK);
        tc_connect_cancel(&r.connect);
        tc_connect_cancel(&r.connect);
        assert_false(r.over);
    }
    close(listener);
    assert_int_equal(descriptors(), before);
}

static void cancelling_leaks_nothing(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fds[4];
    const int before = descriptors(), stuck = listen_on("127.0.0.2", true, &port);
    fill("127.0.0.2", port, fds, 4);
    for (int turns = 0; turns < 8; turns++) {
        struct result r = {.fd = -1};
        r.connect = (tc_connect){.loop = loop,
                                 .lookup = only_stuck,
                                 .host = TC_SPAN("name.example"),
                                 .port = port,
                                 .done = over};
        tc_connect_begin(&r.connect);
        for (int i = 0; i < turns; i++)
            assert_int_equal(tc_loop_turn(loop, tc_clock_now() + 2 * TC_MS), TC_OK);
        tc_connect_cancel(&r.connect);
        assert_false(r.over);
    }
    nanosleep(&(struct timespec){.tv_nsec = TC_MS}, NULL);
    assert_int_equal(tc_loop_turn(loop, 0), TC_OK);
    for (int i = 0; i < 4; i++)
        close(fds[i]);
    close(stuck);
    assert_int_equal(descriptors(), before);
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
    run(&r, NULL, "localhost", port);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(r.err, TC_ERR_TOO_MANY_FILES);
    close(listener);
}

static void no_memory_is_an_error_and_no_more(void **state)
{
    (void)state;
    uint16_t port = 0;
    bool succeeded = false;
    const int before = descriptors(), listener = listen_on("127.0.0.1", false, &port);
    for (int n = 0; n < 100 && !succeeded; n++) {
        struct result r;
        tc_loop *shared = loop;
        assert_int_equal(tc_loop_new(&loop), TC_OK); /* one whose timers have no memory yet */
        tc_alloc_fail_after(n);
        run(&r, late_six, "name.example", port);
        tc_alloc_fail_after(-1);
        succeeded = r.err == TC_OK;
        if (r.fd >= 0) close(r.fd);
        nanosleep(&(struct timespec){.tv_nsec = 30 * TC_MS}, NULL); /* threads end */
        assert_int_equal(tc_loop_turn(loop, 0), TC_OK);
        tc_loop_free(loop);
        loop = shared;
    }
    assert_true(succeeded);
    close(listener);
    assert_int_equal(descriptors(), before);
}

static int set_up(void **state)
{
    (void)state;
    return sem_init(&six, 0, 0) || sem_init(&record, 0, 0) || tc_loop_new(&loop) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    tc_loop_free(loop);
    return 0;
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
        cmocka_unit_test(a_tunnel_is_asked_for),
        cmocka_unit_test(a_proxy_that_forwards_is_there_at_once),
        cmocka_unit_test(nobody_there_is_the_proxys_fault),
        cmocka_unit_test(a_proxy_that_says_nothing),
        cmocka_unit_test(cancelling_leaks_nothing),
        cmocka_unit_test(out_of_descriptors_is_said),
        cmocka_unit_test(no_memory_is_an_error_and_no_more),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
