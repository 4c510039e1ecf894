/* metrics.c - what is counted is what was done, at a server with its admin beside it; and the page
 * is one that Prometheus reads. */
// SPDX-License-Identifier: MIT
#include "observe/metrics.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "site/admin.h"
#include "site/site.h"
#include "support/check.h"
#include "support/folder.h"
#include "support/one_site.h"

enum { PAGE = 1 << 20, WORKERS = 2 };

static folder root;
static one_site one;
static tc_site_config site;
static tc_server *server, *admin_server;
static tc_admin admin;
static uint16_t port, admin_port;
static char page[PAGE];
static pthread_mutex_t stuck = PTHREAD_MUTEX_INITIALIZER;
static void (*site_route)(tc_worker *w, tc_exchange *x);

/* /stuck holds its worker for as long as the test holds the lock. */
static void route(tc_worker *w, tc_exchange *x)
{
    if (tc_span_eq(x->theirs.path, TC_SPAN("/stuck"))) {
        pthread_mutex_lock(&stuck);
        pthread_mutex_unlock(&stuck);
    }
    site_route(w, x);
}

static uint16_t listen_somewhere(tc_server *s)
{
    const tc_err err = tc_server_listen(s, TC_SPAN("http://127.0.0.1:0"), NULL);
    assert_int_equal(err, TC_OK);
    return tc_server_port(s);
}

static size_t more(void *self, tc_metrics_fact *room, size_t most)
{
    assert_ptr_equal(self, &admin);
    assert_true(most >= 1);
    room[0] = (tc_metrics_fact){"tercet_test_total", "Of this test.", 12};
    return 1;
}

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    folder_write(&root, "index.html", TC_SPAN("home"));
    site = (tc_site_config){.sites =
                                one_site_make(&one, root.fd, TC_SPAN("index.html"), (tc_span){0})};
    tc_server_config config = {.workers = WORKERS, .counts = true, .limits = tc_limits_default};
    config.limits.request_line = 200;
    config.app = tc_site_app(&site);
    site_route = config.app.route;
    config.app.route = route;
    assert_int_equal(tc_server_new(&config, &server), TC_OK);
    port = listen_somewhere(server);
    admin = (tc_admin){.server = server,
                       .facts = {.limits = &config.limits, .version = "9.9", .quic = "no"},
                       .begun = tc_clock_now(),
                       .generation = 3,
                       .more = more,
                       .more_self = &admin};
    static tc_limits limits;
    limits = config.limits;
    admin.facts.limits = &limits;
    tc_server_config second = {.workers = 1, .limits = tc_limits_default};
    second.app = tc_admin_app(&admin);
    assert_int_equal(tc_server_new(&second, &admin_server), TC_OK);
    admin_port = listen_somewhere(admin_server);
    assert_int_equal(tc_server_start(server), TC_OK);
    assert_int_equal(tc_server_start(admin_server), TC_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_server_drain(server);
    tc_server_wait(server);
    tc_server_drain(admin_server);
    tc_server_wait(admin_server);
    tc_server_free(server);
    tc_server_free(admin_server);
    folder_remove(&root);
    return 0;
}

/* --- clients ------------------------------------------------------------------------------- */

static int dial(uint16_t to)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(to), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    const size_t len = strlen(text);
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* Everything until the server's end, into page; how much. */
static size_t hear(int fd)
{
    size_t have = 0;
    for (ssize_t n; (n = recv(fd, page + have, PAGE - 1 - have, 0)) > 0;)
        have += (size_t)n;
    page[have] = '\0';
    close(fd);
    return have;
}

static size_t ask(uint16_t to, const char *text)
{
    const int fd = dial(to);
    say(fd, text);
    return hear(fd);
}

static const char *scrape(void)
{
    (void)ask(admin_port, "GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_memory_equal(page, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(page, "text/plain; version=0.0.4; charset=utf-8\r\n"));
    return strstr(page, "\r\n\r\n") + 4;
}

/* Of a series; -1: it is not there. */
static double value(const char *series)
{
    char line[256];
    const int n = snprintf(line, sizeof line, "\n%s ", series);
    const char *at = strstr(page, line);
    return at ? strtod(at + n, NULL) : -1;
}

/* The connections are over once the workers said so. */
static void until(const char *series, double wanted)
{
    for (int i = 0; i < 24000; i++) {
        (void)scrape();
        if (value(series) == wanted) return;
        usleep(5000);
    }
    fail_msg("%s is %g, not %g", series, value(series), wanted);
}

static void is(const char *series, double wanted)
{
    if (value(series) != wanted) fail_msg("%s is %g, not %g", series, value(series), wanted);
}

/* --- tests --------------------------------------------------------------------------------- */

#define GET_CLOSE(path) "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

static void what_was_done_is_counted(void **state)
{
    static const char get[] = GET_CLOSE("/"), missing[] = GET_CLOSE("/no"),
                      old[] = "HEAD / HTTP/1.0\r\n\r\n",
                      odd[] = "BREW / HTTP/1.1\r\nHost: a\r\n"
                              "Connection: close\r\n\r\n";
    size_t out = 0, in = 0;
    (void)state;
    for (int i = 0; i < 20; i++, in += sizeof get - 1)
        out += ask(port, get);
    for (int i = 0; i < 5; i++, in += sizeof missing - 1)
        out += ask(port, missing);
    out += ask(port, old) + ask(port, odd);
    in += sizeof old - 1 + sizeof odd - 1;
    const int open = dial(port);
    say(open, "P");
    until("tercet_connections_open{transport=\"tcp\"}", 1);
    is("tercet_connections_total{transport=\"tcp\"}", 28);
    is("tercet_connections_total{transport=\"tls\"}", 0);
    is("tercet_connections_version_total{version=\"1.1\"}", 27); /* one has not said enough */
    is("tercet_exchanges_total{version=\"1.1\",method=\"GET\",status=\"200\",class=\"2xx\"}", 20);
    is("tercet_exchanges_total{version=\"1.1\",method=\"GET\",status=\"404\",class=\"4xx\"}", 5);
    is("tercet_exchanges_total{version=\"1.0\",method=\"HEAD\",status=\"200\",class=\"2xx\"}", 1);
    is("tercet_exchanges_total{version=\"1.1\",method=\"other\",status=\"501\",class=\"5xx\"}", 1);
    is("tercet_exchanges_open", 0);
    is("tercet_received_bytes_total", (double)in + 1);
    is("tercet_sent_bytes_total", (double)out);
    is("tercet_exchange_seconds_count{version=\"1.1\"}", 26);
    is("tercet_exchange_seconds_bucket{version=\"1.1\",le=\"+Inf\"}", 26);
    is("tercet_first_byte_seconds_count{version=\"1.0\"}", 1);
    is("tercet_generation", 3);
    is("tercet_workers", WORKERS);
    is("tercet_workers_silent", 0);
    is("tercet_draining", 0);
    is("tercet_test_total", 12);
    is("tercet_limit{limit=\"request_line\",unit=\"bytes\"}", 200);
    is("tercet_build_info{version=\"9.9\",quic=\"no\"}", 1);
    assert_true(value("tercet_uptime_seconds") > 0);
    close(open);
    until("tercet_connections_open{transport=\"tcp\"}", 0);
}

static void limits_and_failures_are_counted(void **state)
{
    char request[400] = "GET /";
    (void)state;
    memset(request + 5, 'a', 300);
    (void)snprintf(request + 305, 40, " HTTP/1.1\r\nHost: a\r\n\r\n");
    (void)ask(port, request);
    until("tercet_limit_reached_total{limit=\"request_line\"}", 1);
    is("tercet_exchanges_total{version=\"1.1\",method=\"GET\",status=\"414\",class=\"4xx\"}", -1);
    is("tercet_limit_reached_total{limit=\"fields_count\"}", 0);
    is("tercet_refused_total{reason=\"rate\"}", 0);
    assert_non_null(strstr(page, "status=\"414\",class=\"4xx\"} 1\n"));
    assert_non_null(strstr(page, "\ntercet_exchange_failures_total{reason=\""));
}

/* A name, its HELP and TYPE once, then all of its samples; histograms rise to their count. */
static void check_form(const char *text)
{
    char family[128] = "", type[32] = "", name[128], key[512];
    double before = 0;
    size_t samples = 0;
    while (*text) {
        const char *eol = strchr(text, '\n');
        assert_non_null(eol);
        char line[1024];
        assert_true((size_t)(eol - text) < sizeof line);
        (void)snprintf(line, sizeof line, "%.*s", (int)(eol - text), text);
        text = eol + 1;
        int used = 0;
        if (sscanf(line, "# HELP %127[a-z0-9_] %n", name, &used) == 1 && used) {
            assert_true(line[used] != '\0');
            (void)snprintf(key, sizeof key, "\n# HELP %s ", name);
            assert_null(strstr(text, key));
            (void)snprintf(family, sizeof family, "%s", name);
            type[0] = '\0';
            continue;
        }
        if (sscanf(line, "# TYPE %127[a-z0-9_] %31[a-z]%n", name, type, &used) == 2) {
            assert_string_equal(name, family);
            assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
                        strcmp(type, "histogram") == 0);
            assert_true(strcmp(type, "counter") != 0 || strstr(name, "_total"));
            continue;
        }
        assert_int_equal(sscanf(line, "%127[a-z0-9_]%n", name, &used), 1);
        assert_memory_equal(name, family, strlen(family));
        assert_true(strcmp(name, family) == 0 || strcmp(type, "histogram") == 0);
        if (line[used] == '{') used = (int)(strchr(line, '}') - line) + 1;
        assert_int_equal(line[used], ' ');
        char *after;
        const double number = strtod(line + used + 1, &after);
        assert_true(after > line + used + 1 && *after == '\0' && number >= 0);
        if (strstr(name, "_bucket")) {
            const bool first = strstr(line, "le=\"0.0001\"") != NULL;
            assert_true(first || number >= before);
            before = number;
        }
        samples++;
    }
    assert_true(samples > 200);
}

static void the_page_is_one_that_prometheus_reads(void **state)
{
    (void)state;
    (void)ask(port, GET_CLOSE("/"));
    (void)ask(port, GET_CLOSE("/no"));
    until("tercet_connections_open{transport=\"tcp\"}", 0);
    check_form(scrape());
}

static void a_worker_that_hangs_is_told_of(void **state)
{
    (void)state;
    (void)ask(port, GET_CLOSE("/"));
    until("tercet_connections_open{transport=\"tcp\"}", 0);
    pthread_mutex_lock(&stuck);
    const int fd = dial(port);
    say(fd, GET_CLOSE("/stuck"));
    until("tercet_workers_silent", 1);
    is("tercet_exchanges_total{version=\"1.1\",method=\"GET\",status=\"200\",class=\"2xx\"}", 1);
    pthread_mutex_unlock(&stuck);
    (void)hear(fd);
    until("tercet_workers_silent", 0);
    is("tercet_exchanges_total{version=\"1.1\",method=\"GET\",status=\"404\",class=\"4xx\"}", 1);
}

static void health_says_when_it_drains(void **state)
{
    (void)state;
    (void)ask(admin_port, GET_CLOSE("/health"));
    assert_memory_equal(page, "HTTP/1.1 200 OK\r\n", 17);
    (void)ask(port, GET_CLOSE("/"));
    atomic_store(&admin.draining, true);
    tc_server_drain(server);
    tc_server_wait(server);
    (void)ask(admin_port, GET_CLOSE("/health"));
    assert_memory_equal(page, "HTTP/1.1 503 ", 13);
    (void)scrape(); /* of threads that are over */
    is("tercet_draining", 1);
    is("tercet_workers_silent", 0);
    is("tercet_exchanges_total{version=\"1.1\",method=\"GET\",status=\"200\",class=\"2xx\"}", 1);
}

static void the_rest_is_refused(void **state)
{
    (void)state;
    (void)ask(admin_port, GET_CLOSE("/"));
    assert_memory_equal(page, "HTTP/1.1 404 ", 13);
    (void)ask(admin_port, "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
                          "Connection: close\r\n\r\n");
    assert_memory_equal(page, "HTTP/1.1 405 ", 13);
    const size_t head = ask(admin_port, "HEAD /metrics HTTP/1.1\r\nHost: a\r\n"
                                        "Connection: close\r\n\r\n");
    assert_memory_equal(page, "HTTP/1.1 200 ", 13);
    assert_memory_equal(page + head - 4, "\r\n\r\n", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_done_is_counted, begin, end),
        cmocka_unit_test_setup_teardown(limits_and_failures_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(the_page_is_one_that_prometheus_reads, begin, end),
        cmocka_unit_test_setup_teardown(a_worker_that_hangs_is_told_of, begin, end),
        cmocka_unit_test_setup_teardown(health_says_when_it_drains, begin, end),
        cmocka_unit_test_setup_teardown(the_rest_is_refused, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
