/* proxy_protocol.c - headers of the PROXY protocol, and workers that wait for them. */
// SPDX-License-Identifier: MIT
#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/server.h"
#include "site/site.h"
#include "support/check.h"
#include "support/folder.h"
#include "support/one_site.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

enum { MOST = 4096 };

/* --- headers ------------------------------------------------------------------------------- */

/* "client port length", "none length", or what is wrong. A shorter begin always wants more, and
 * what stands behind changes nothing. */
static const char *read_bytes(tc_span bytes)
{
    static char text[100];
    static const char *const words[] = {
        [TC_PROXY_MORE] = "more", [TC_PROXY_WRONG] = "wrong", [TC_PROXY_LONG] = "long"};
    tc_proxy_header h;
    const enum tc_proxy_read read = tc_proxy_header_read(check_edge(bytes), MOST, &h);
    if (read != TC_PROXY_DONE) return words[read];
    char ip[TC_IP_TEXT] = "none";
    if (h.known) (void)tc_ip_text(&h.client, ip);
    (void)snprintf(text, sizeof text, "%s %u %zu", ip, (unsigned)h.port, h.length);
    for (size_t n = 0; n < h.length; n++)
        assert_int_equal(tc_proxy_header_read(check_edge(tc_span_first(bytes, n)), MOST, &h),
                         TC_PROXY_MORE);
    return text;
}

static void lines_of_text(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", "192.0.2.1 4711 40"},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 0 65535\r\nGET /", "192.0.2.1 0 40"},
        {"PROXY TCP6 2001:db8::1 ::1 4711 80\r\n", "2001:db8::1 4711 36"},
        {"PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 80\r\n", "192.0.2.1 4711 41"},
        {"PROXY UNKNOWN\r\n", "none 0 15"},
        {"PROXY UNKNOWN ffff::1 junk\r\n", "none 0 28"},
        {"", "more"},
        {"P", "more"},
        {"PROXY", "more"},
        {"PROXY TCP4", "more"},
        {"PROXX", "wrong"},
        {"GET / HTTP/1.1\r\n", "wrong"},
        {"\x16\x03\x01", "wrong"},
        {"proxy TCP4 192.0.2.1 192.0.2.2 4711 80\r\n", "wrong"},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\n", "wrong"},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 4711\r\n", "wrong"},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80 \r\n", "wrong"},
        {"PROXY TCP4  192.0.2.1 192.0.2.2 4711 80\r\n", "wrong"},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 04711 80\r\n", "wrong"},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 65536 80\r\n", "wrong"},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 -1 80\r\n", "wrong"},
        {"PROXY TCP4 ::1 ::1 4711 80\r\n", "wrong"},
        {"PROXY TCP6 192.0.2.1 192.0.2.2 4711 80\r\n", "wrong"},
        {"PROXY TCP5 192.0.2.1 192.0.2.2 4711 80\r\n", "wrong"},
        {"PROXY \r\n", "wrong"},
        {"PROXY \n", "wrong"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = read_bytes(tc_span_str(rows[i][0]));
        if (strcmp(got, rows[i][1]) != 0) fail_msg("%s: %s", rows[i][0], got);
    }
    char line[200];
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    assert_string_equal(read_bytes(tc_span_of(line, 106)), "more");
    assert_string_equal(read_bytes(tc_span_of(line, 107)), "long");
    memcpy(line + 105, "\r\n", 2);
    assert_string_equal(read_bytes(tc_span_of(line, 200)), "none 0 107");
}

/* A header of version 2 with so many bytes behind the addresses. */
static tc_span v2(unsigned command, unsigned family, size_t length)
{
    static char at[8192];
    static const char addresses[] = "\xc0\0\2\1\xc0\0\2\2\x12\x67\0\x50";
    static const char six[] = "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7"
                              "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x12\x67\0\x50";
    memset(at, 0x5a, sizeof at);
    memcpy(at, SIGNATURE, 12);
    at[12] = (char)command;
    at[13] = (char)family;
    at[14] = (char)(length >> 8);
    at[15] = (char)length;
    if (family >> 4 == 1) memcpy(at + 16, addresses, sizeof addresses - 1);
    if (family >> 4 == 2) memcpy(at + 16, six, sizeof six - 1);
    return tc_span_of(at, 16 + length);
}

static void headers_of_version_two(void **state)
{
    (void)state;
    static const struct {
        unsigned command, family;
        size_t length;
        const char *found;
    } rows[] = {{0x21, 0x11, 12, "192.0.2.1 4711 28"},
                {0x21, 0x11, 400, "192.0.2.1 4711 416"},
                {0x21, 0x11, 4080, "192.0.2.1 4711 4096"},
                {0x21, 0x11, 4081, "long"},
                {0x21, 0x11, 11, "wrong"},
                {0x21, 0x21, 36, "2001:db8::7 4711 52"},
                {0x21, 0x21, 35, "wrong"},
                {0x21, 0x12, 12, "none 0 28"}, /* datagrams */
                {0x21, 0x31, 216, "none 0 232"},
                {0x21, 0x31, 215, "wrong"},
                {0x21, 0x00, 0, "none 0 16"},
                {0x21, 0x00, 20, "none 0 36"},
                {0x20, 0x00, 0, "none 0 16"},
                {0x20, 0x11, 12, "none 0 28"}, /* LOCAL: whatever stands there */
                {0x20, 0x11, 3, "none 0 19"},
                {0x22, 0x11, 12, "wrong"},
                {0x11, 0x11, 12, "wrong"},
                {0x31, 0x11, 12, "wrong"},
                {0x21, 0x41, 12, "wrong"},
                {0x21, 0x13, 12, "wrong"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *got = read_bytes(v2(rows[i].command, rows[i].family, rows[i].length));
        if (strcmp(got, rows[i].found) != 0)
            fail_msg("%x %x %zu: %s", rows[i].command, rows[i].family, rows[i].length, got);
    }
    assert_string_equal(read_bytes(TC_SPAN("\r\n\r\n\0\r\nQUIX")), "wrong");
    assert_string_equal(read_bytes(TC_SPAN("\r\n\r\n\0\r\nQUI")), "more");
}

/* --- workers ------------------------------------------------------------------------------- */

static folder root;
static one_site one;
static tc_site_config site;
static tc_networks trust;
static tc_server *server;
static uint16_t port;

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    site = (tc_site_config){.sites = one_site_make(&one, root.fd, TC_SPAN("i"), TC_SPAN("/e"))};
    trust = (tc_networks){0};
    server = NULL;
    return 0;
}

static void start(const char *trusted, uint64_t ms)
{
    tc_server_config config = {
        .workers = 1, .limits = tc_limits_default, .app = tc_site_app(&site), .trust = &trust};
    char why[TC_NETWORK_WHY];
    const char *detail;
    config.limits.proxy_ms = ms;
    config.limits.proxy_header = 200;
    assert_int_equal(tc_networks_add(&trust, tc_span_str(trusted), why), TC_OK);
    tc_networks_seal(&trust);
    assert_int_equal(tc_server_new(&config, &server), TC_OK);
    assert_int_equal(
        tc_server_listen(server, TC_SPAN("http://127.0.0.1:0 proxy-protocol"), &detail), TC_OK);
    port = tc_server_port(server);
    assert_int_equal(tc_server_start(server), TC_OK);
}

static tc_reached stop(void)
{
    tc_reached reached;
    tc_server_drain(server);
    tc_server_wait(server);
    tc_server_reached(server, &reached);
    tc_server_free(server);
    server = NULL;
    return reached;
}

static int end(void **state)
{
    (void)state;
    if (server) (void)stop();
    tc_networks_fini(&trust);
    folder_remove(&root);
    return 0;
}

static int connect_to(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
    return fd;
}

static void say(int fd, tc_span bytes)
{
    assert_int_equal(send(fd, bytes.at, bytes.len, MSG_NOSIGNAL), bytes.len);
}

/* All that comes until the end, which the server makes. */
static const char *hear(int fd)
{
    static char text[16384];
    size_t len = 0;
    for (;;) {
        struct pollfd p = {fd, POLLIN, 0};
        assert_int_equal(poll(&p, 1, 120000), 1);
        const ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);
        if (n <= 0) break;
        len += (size_t)n;
    }
    text[len] = 0;
    close(fd);
    return text;
}

#define REQUEST "GET /e HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

static void the_client_is_whom_the_header_names(void **state)
{
    (void)state;
    start("127.0.0.1", 3600000);
    int fd = connect_to();
    say(fd, TC_SPAN("PROXY TCP6 2001:db8::7 ::1 4711 80\r\n" REQUEST));
    assert_non_null(strstr(hear(fd), "Client     2001:db8::7\n"));
    fd = connect_to();
    const tc_span all = v2(0x21, 0x11, 60);
    for (size_t i = 0; i < all.len; i++)
        say(fd, tc_span_of(all.at + i, 1)); /* in pieces */
    say(fd, TC_SPAN(REQUEST));
    assert_non_null(strstr(hear(fd), "Client     192.0.2.1\n"));
    fd = connect_to();
    say(fd, v2(0x20, 0, 0));
    say(fd, TC_SPAN(REQUEST));
    assert_non_null(strstr(hear(fd), "Client     127.0.0.1\n"));
    assert_int_equal(stop().proxy_header, 0);
}

static void without_a_header_there_is_nothing(void **state)
{
    (void)state;
    static const char wrong[] = "PROXY TCP4 x\r\n" REQUEST;
    static const char *const bytes[] = {REQUEST, wrong, "\x16\x03\x01\x02"};
    start("127.0.0.1", 3600000);
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        const int fd = connect_to();
        say(fd, tc_span_str(bytes[i]));
        assert_string_equal(hear(fd), "");
    }
    int fd = connect_to();
    say(fd, v2(0x21, 0x11, 300)); /* more than the limit, 200 */
    assert_string_equal(hear(fd), "");
    fd = connect_to(); /* who goes amidst it did nothing wrong */
    say(fd, TC_SPAN("PROXY TC"));
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    assert_string_equal(hear(fd), "");
    const tc_reached reached = stop();
    assert_int_equal(reached.proxy_header, 4);
    assert_int_equal(reached.proxy_ms, 0);
}

static void it_comes_in_time(void **state)
{
    (void)state;
    start("127.0.0.1", 50);
    const int fd = connect_to();
    say(fd, TC_SPAN("PROXY TCP4 192.0.2.1"));
    assert_string_equal(hear(fd), "");
    assert_int_equal(stop().proxy_ms, 1);
}

static void only_trusted_peers_say_it(void **state)
{
    (void)state;
    start("10.0.0.0/8", 3600000);
    const int fd = connect_to();
    say(fd, TC_SPAN("PROXY TCP4 10.0.0.1 127.0.0.1 4711 80\r\n" REQUEST));
    assert_string_equal(hear(fd), "");
    assert_int_equal(stop().proxy_header, 1);
}

static void whoever_has_not_said_it_does_not_hold_up_the_end(void **state)
{
    (void)state;
    start("127.0.0.1", 3600000);
    const int fd = connect_to(), other = connect_to();
    say(fd, TC_SPAN("PROXY TCP4 192.0.2.1"));
    say(other, TC_SPAN("PROXY UNKNOWN\r\n" REQUEST));
    assert_non_null(strstr(hear(other), "HTTP/1.1 200"));
    (void)stop();
    assert_string_equal(hear(fd), "");
}

static void words_behind_urls(void **state)
{
    (void)state;
    tc_server_config config = {
        .workers = 1, .limits = tc_limits_default, .app = tc_site_app(&site)};
    const char *detail = NULL;
    assert_int_equal(tc_server_new(&config, &server), TC_OK);
    assert_int_equal(
        tc_server_listen(server, TC_SPAN("http://127.0.0.1:0 proxy-protocol"), &detail),
        TC_ERR_USAGE);
    assert_non_null(strstr(detail, "wants \"trust\""));
    assert_int_equal(tc_server_listen(server, TC_SPAN("http://127.0.0.1:0 proxy"), &detail),
                     TC_ERR_USAGE);
    assert_string_equal(detail, "behind a URL, only \"proxy-protocol\" may stand");
    tc_server_free(server);
    server = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_text),
        cmocka_unit_test(headers_of_version_two),
        cmocka_unit_test_setup_teardown(the_client_is_whom_the_header_names, begin, end),
        cmocka_unit_test_setup_teardown(without_a_header_there_is_nothing, begin, end),
        cmocka_unit_test_setup_teardown(it_comes_in_time, begin, end),
        cmocka_unit_test_setup_teardown(only_trusted_peers_say_it, begin, end),
        cmocka_unit_test_setup_teardown(whoever_has_not_said_it_does_not_hold_up_the_end, begin,
                                        end),
        cmocka_unit_test_setup_teardown(words_behind_urls, begin, end),
    };
    return cmocka_run_group_tests_name("proxy_protocol", tests, NULL, NULL);
}
