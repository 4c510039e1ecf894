/* access_log.c - one line an exchange, in three formats; nothing a peer sends gets out of its
 * place. */
// SPDX-License-Identifier: MIT
#include "observe/access_log.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "support/check.h"

static tc_exchange x;
static tc_session_info session;
static tc_seen seen;
static char room[8192];
static tc_buf out;

static int begin(void **state)
{
    (void)state;
    tc_exchange_init(&x, 7, 65536);
    x.theirs = check_request(&x.arena, TC_METHOD_GET, "user-agent: test/1.0\nreferer: http://r/\n");
    x.theirs.path = TC_SPAN("/a?b=c");
    x.times.begun = 1000000;
    x.times.ours_head = 2000000;
    x.times.ours_end = 3500000;
    x.ours.status = 200;
    x.content_out = 612;
    session = (tc_session_info){.id = 3, .peer = "192.0.2.1", .peer_port = 4711};
    seen = (tc_seen){.kind = TC_SEEN_CLOSED, .at = 4000000, .session = &session, .x = &x};
    tc_buf_init_over(&out, room, sizeof room);
    return setenv("TZ", "UTC", 1);
}

static int end(void **state)
{
    (void)state;
    tc_exchange_fini(&x);
    return 0;
}

static const char *line_of(enum tc_log_format format, bool color)
{
    static char text[sizeof room];
    tc_buf_reset(&out);
    tzset();
    tc_log_date date = {0};
    tc_log_date_set(&date, format, 1700000000);
    assert_int_equal(tc_log_line(&out, format, color, &seen, &date), TC_OK);
    memcpy(text, out.at, out.len);
    text[out.len] = 0;
    return text;
}

static const char *text(void)
{
    return line_of(TC_LOG_TEXT, false);
}

static const char *combined(void)
{
    return line_of(TC_LOG_COMBINED, false);
}

static const char *json(void)
{
    return line_of(TC_LOG_JSON, false);
}

static void a_plain_request(void **state)
{
    (void)state;
    assert_string_equal(text(), "22:13:20  192.0.2.1        200     612 B       2.5 ms  "
                                "GET /a?b=c  HTTP/1.1\n");
    assert_string_equal(combined(), "192.0.2.1 - - [14/Nov/2023:22:13:20 +0000] "
                                    "\"GET /a?b=c HTTP/1.1\" 200 612 \"http://r/\" \"test/1.0\"\n");
    assert_string_equal(
        json(), "{\"time\":\"2023-11-14T22:13:20Z\",\"client\":\"192.0.2.1\",\"port\":4711,"
                "\"session\":3,\"exchange\":7,\"method\":\"GET\",\"target\":\"/a?b=c\","
                "\"authority\":\"localhost\",\"version\":\"HTTP/1.1\",\"status\":200,\"bytes\":612,"
                "\"content_in\":0,\"ms\":2.500,\"user_agent\":\"test/1.0\","
                "\"referer\":\"http://r/\"}\n");
}

static void what_was_pushed(void **state)
{
    (void)state;
    x.pushed = true;
    assert_non_null(strstr(text(), "  GET /a?b=c  HTTP/1.1  pushed\n"));
    assert_non_null(strstr(json(), ",\"pushed\":true"));
    x.pushed = false;
    assert_null(strstr(json(), "pushed"));
}

static void colours_are_for_terminals(void **state)
{
    (void)state;
    assert_string_equal(line_of(TC_LOG_TEXT, true),
                        "\033[2m22:13:20  192.0.2.1      \033[0m  \033[32m200\033[0m     612 B "
                        "      2.5 ms  GET /a?b=c  \033[2mHTTP/1.1\033[0m\n");
}

static void sizes_are_short(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        const char *shown;
    } cases[] = {{0, "     0 B "},
                 {9999, "  9999 B "},
                 {10000, "  10.0 kB"},
                 {1500000, "   1.5 MB"},
                 {2000000000, "   2.0 GB"},
                 {999960, "1000.0 kB"},
                 {UINT64_MAX, "18446744.1 TB"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        x.content_out = cases[i].bytes;
        check_case(strstr(text(), cases[i].shown), cases[i].shown);
    }
}

static void an_answer_without_content(void **state)
{
    (void)state;
    x.theirs.method = TC_METHOD_HEAD;
    x.theirs.method_name = TC_SPAN("HEAD");
    x.theirs.fields = (tc_fields){0};
    assert_string_equal(combined(), "192.0.2.1 - - [14/Nov/2023:22:13:20 +0000] "
                                    "\"HEAD /a?b=c HTTP/1.1\" 200 - \"-\" \"-\"\n");
}

static void a_request_that_was_never_one(void **state)
{
    (void)state;
    x.theirs = (tc_message){0};
    x.times.ours_head = x.times.ours_end = 0;
    x.content_out = 0;
    session.peer[0] = 0;
    seen.err = TC_ERR_REQUEST_LINE;
    assert_string_equal(text(), "22:13:20  -                ---       0 B       3.0 ms  "
                                "- -  HTTP  request line is malformed\n");
    assert_string_equal(combined(), "- - - [14/Nov/2023:22:13:20 +0000] \"- - HTTP\" 0 - \"-\" "
                                    "\"-\"\n");
    assert_non_null(strstr(json(), "\"status\":0,"));
    assert_non_null(strstr(json(), ",\"error\":\"request line is malformed\"}\n"));
}

static void an_answer_that_was_cut_off(void **state)
{
    (void)state;
    seen.err = TC_ERR_PEER_RESET;
    x.wire_out = 100;
    assert_non_null(strstr(combined(), " 200 100 "));
    assert_non_null(strstr(text(), "  the peer reset the connection\n"));
}

static void the_first_version_names_none(void **state)
{
    (void)state;
    x.theirs.version = TC_HTTP_0_9;
    assert_non_null(strstr(combined(), "\"GET /a?b=c\" 200"));
}

static void a_tunnel_names_its_authority(void **state)
{
    (void)state;
    x.theirs.method = TC_METHOD_CONNECT;
    x.theirs.method_name = TC_SPAN("CONNECT");
    x.theirs.authority = TC_SPAN("example.com:443");
    assert_non_null(strstr(combined(), "\"CONNECT example.com:443 HTTP/1.1\""));
}

/* Bytes that would end a line or a string, colour a terminal or break a decoder. */
static const char evil[] = "a\"b\\c\r\nd\033[31me\x7f\x80\xff\xe2\x80\xae<>\0f\t";

static void make_evil(void)
{
    const tc_span all = {evil, sizeof evil - 1};
    x.theirs.path = all;
    x.theirs.method_name = all;
    x.theirs.authority = all;
    x.theirs.fields = (tc_fields){0};
    assert_int_equal(tc_fields_push(&x.theirs.fields, &x.arena,
                                    (tc_field){TC_SPAN("user-agent"), all, TC_FIELD_USER_AGENT}),
                     TC_OK);
    assert_int_equal(tc_fields_push(&x.theirs.fields, &x.arena,
                                    (tc_field){TC_SPAN("referer"), all, TC_FIELD_REFERER}),
                     TC_OK);
}

static void check_harmless(const char *line)
{
    const size_t len = strlen(line);
    assert_int_equal(len, out.len); /* no NUL inside */
    for (size_t i = 0; i + 1 < len; i++)
        assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
    assert_int_equal(line[len - 1], '\n');
}

static void hostile_bytes_are_escaped(void **state)
{
    (void)state;
    make_evil();
    check_harmless(text());
    assert_null(strstr(text(), "\xe2\x80\xae")); /* nor is the direction of text turned round */
    check_harmless(combined());
    assert_non_null(strstr(combined(), "\"a\\\"b\\\\c\\x0d\\x0ad\\x1b[31me\\x7f\\x80\\xff\\xe2\\x80"
                                       "\\xae<>\\x00f\\x09\"\n"));
    check_harmless(json());
    json_t *object = json_loads(json(), JSON_ALLOW_NUL, NULL);
    assert_non_null(object);
    assert_int_equal(json_object_size(object), 15);
    assert_non_null(strstr(json_string_value(json_object_get(object, "target")), "a\"b\\c\r\nd"));
    json_decref(object);
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    make_evil();
    for (int format = TC_LOG_TEXT; format <= TC_LOG_JSON; format++) {
        tc_log_date date = {0};
        tc_log_date_set(&date, (enum tc_log_format)format, 1700000000);
        const size_t whole = strlen(line_of((enum tc_log_format)format, true));
        for (size_t size = 2; size < whole; size += 3) {
            tc_buf small;
            tc_buf_init_over(&small, room, size + 1);
            assert_int_equal(tc_buf_add(&small, TC_SPAN("x\n")), TC_OK);
            assert_int_equal(tc_log_line(&small, (enum tc_log_format)format, true, &seen, &date),
                             TC_ERR_FULL);
            check_span(tc_buf_span(&small), "x\n");
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

static void a_handshake_that_failed_has_a_line(void **state)
{
    (void)state;
    seen.kind = TC_SEEN_PROTECTED;
    seen.x = NULL;
    assert_false(tc_log_wants(TC_LOG_TEXT, &seen));
    seen.err = TC_ERR_PEER_CLOSED;
    assert_false(tc_log_wants(TC_LOG_TEXT, &seen));
    seen.err = TC_ERR_CLIENT_CERT;
    seen.text = TC_SPAN("made by CN=\x1b[31m\"x\"");
    assert_false(tc_log_wants(TC_LOG_COMBINED, &seen));
    assert_true(tc_log_wants(TC_LOG_TEXT, &seen));
    assert_non_null(strstr(text(), "---  the client's certificate is refused: made by CN="));
    assert_null(strchr(text(), 0x1b));
    assert_true(tc_log_wants(TC_LOG_JSON, &seen));
    json_t *line = json_loads(line_of(TC_LOG_JSON, false), 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "why")),
                        "made by CN=\x1b[31m\"x\"");
    json_decref(line);
}

static void who_has_proved_it_is_named(void **state)
{
    (void)state;
    x.proven = TC_SPAN("CN=me,O=\"a\x1b");
    assert_non_null(strstr(text(), "  CN=me,O=\"a"));
    assert_null(strchr(text(), 0x1b));
    json_t *line = json_loads(line_of(TC_LOG_JSON, false), 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "certificate")), "CN=me,O=\"a\x1b");
    json_decref(line);
}

static void who_asks_behind_a_proxy(void **state)
{
    (void)state;
    x.asker.kind = TC_ASKER_KNOWN;
    assert_true(tc_ip_parse(TC_SPAN("2001:db8::7"), &x.asker.ip));
    assert_non_null(strstr(text(), "22:13:20  2001:db8::7  "));
    assert_non_null(strstr(combined(), "2001:db8::7 - - ["));
    assert_non_null(strstr(json(), "\"client\":\"2001:db8::7\",\"proxy\":\"192.0.2.1\","
                                   "\"session\":3"));
    x.asker.port = 99;
    assert_non_null(strstr(json(), "\"client\":\"2001:db8::7\",\"port\":99,\"proxy\""));
    x.asker.kind = TC_ASKER_HIDDEN;
    assert_non_null(strstr(combined(), "unknown - - ["));
}

static void who_asks_by_a_password(void **state)
{
    (void)state;
    x.user = TC_SPAN("al \"\033b");
    assert_non_null(strstr(text(), "  al \"\\x1bb\n"));
    assert_non_null(strstr(combined(), "192.0.2.1 - al\\x20\\\"\\x1bb [14/"));
    assert_non_null(strstr(json(), "\"user\":\"al \\\"\\u001bb\","));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plain_request),
        TEST(what_was_pushed),
        TEST(colours_are_for_terminals),
        TEST(sizes_are_short),
        TEST(an_answer_without_content),
        TEST(a_request_that_was_never_one),
        TEST(an_answer_that_was_cut_off),
        TEST(the_first_version_names_none),
        TEST(a_tunnel_names_its_authority),
        TEST(hostile_bytes_are_escaped),
        TEST(what_does_not_fit_is_left_out_whole),
        TEST(a_handshake_that_failed_has_a_line),
        TEST(who_has_proved_it_is_named),
        cmocka_unit_test_setup_teardown(who_asks_behind_a_proxy, begin, end),
        cmocka_unit_test_setup_teardown(who_asks_by_a_password, begin, end),
    };
    return cmocka_run_group_tests_name("access_log", tests, NULL, NULL);
}
