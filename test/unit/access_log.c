/* access_log.c - one line an exchange, in three formats; nothing a peer sends gets out of its
 * place. */
// SPDX-License-Identifier: MIT
#include "observe/access_log.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"
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
    session = (tc_session_info){.id = 3, .peer_port = 4711};
    assert_true(tc_ip_parse(TC_SPAN("192.0.2.1"), &session.peer));
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
    session.peer = (tc_ip){0};
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
    x.theirs.method = TC_METHOD_NONE;
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

/* --- against a line that is made of printf and escapes alone -----------------------------------
 */

static char wanted_room[sizeof room];
static tc_buf wanted;

static void say(tc_err err)
{
    assert_int_equal(err, TC_OK);
}

static void say_quoted(tc_span s, bool blanks)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.at[i];
        if (c == '"' || c == '\\')
            say(tc_buf_printf(&wanted, "\\%c", c));
        else if (c < 0x20 || c >= 0x7f || (blanks && c == ' '))
            say(tc_buf_printf(&wanted, "\\x%02x", (unsigned)c));
        else
            say(tc_buf_add_byte(&wanted, (char)c));
    }
    if (!s.len) say(tc_buf_add_byte(&wanted, '-'));
}

static tc_span field(enum tc_field_id id)
{
    tc_span value = {0};
    (void)tc_fields_get(&x.theirs.fields, id, &value);
    return value;
}

#define NUMBER(n) (unsigned long long)(n)

static void say_combined(const char *client)
{
    say(tc_buf_printf(&wanted, "%s - ", client));
    say_quoted(x.user, true);
    say(tc_buf_printf(&wanted, " [14/Nov/2023:22:13:20 +0000] \""));
    say_quoted(x.theirs.method_name, false);
    say(tc_buf_add_byte(&wanted, ' '));
    say_quoted(x.theirs.path, false);
    say(tc_buf_printf(&wanted, " HTTP/1.1\" %u ", x.ours.status));
    say(x.content_out ? tc_buf_printf(&wanted, "%llu \"", NUMBER(x.content_out))
                      : tc_buf_add(&wanted, TC_SPAN("- \"")));
    say_quoted(field(TC_FIELD_REFERER), false);
    say(tc_buf_add(&wanted, TC_SPAN("\" \"")));
    say_quoted(field(TC_FIELD_USER_AGENT), false);
    say(tc_buf_add(&wanted, TC_SPAN("\"\n")));
}

static void say_text(const char *client, uint64_t ns)
{
    const unsigned long long tenths = NUMBER((ns + 50000) / 100000);
    say(tc_buf_printf(&wanted, "22:13:20  %-15s  %u  %6llu B  %6llu.%llu ms  ", client,
                      x.ours.status, NUMBER(x.content_out), tenths / 10, tenths % 10));
    const tc_span dash = TC_SPAN("-");
    say(tc_text_terminal(&wanted, x.theirs.method_name.len ? x.theirs.method_name : dash, false));
    say(tc_buf_add_byte(&wanted, ' '));
    say(tc_text_terminal(&wanted, x.theirs.path.len ? x.theirs.path : dash, false));
    say(tc_buf_add(&wanted, TC_SPAN("  HTTP/1.1")));
    if (x.tunnel) say(tc_buf_printf(&wanted, "  %llu B sent", NUMBER(x.content_in)));
    if (x.pushed) say(tc_buf_add(&wanted, TC_SPAN("  pushed")));
    if (x.proven.len) say(tc_buf_add(&wanted, TC_SPAN("  ")));
    say(tc_text_terminal(&wanted, x.proven, false));
    if (x.user.len) say(tc_buf_add(&wanted, TC_SPAN("  ")));
    say(tc_text_terminal(&wanted, x.user, false));
    if (seen.err) say(tc_buf_printf(&wanted, "  %s", tc_err_sentence(seen.err)));
    say(tc_buf_add_byte(&wanted, '\n'));
}

static void say_member(const char *name, tc_span value)
{
    say(tc_buf_printf(&wanted, ",\"%s\":", name));
    say(tc_text_json(&wanted, value));
}

static void say_json(const char *client, uint64_t ns)
{
    const unsigned long long us = NUMBER((ns + 500) / 1000);
    const tc_span dash = TC_SPAN("-");
    say(tc_buf_printf(&wanted, "{\"time\":\"2023-11-14T22:13:20Z\",\"client\":\"%s\",\"port\":%u",
                      client, session.peer_port));
    if (x.user.len) say_member("user", x.user);
    say(tc_buf_printf(&wanted, ",\"session\":%llu,\"exchange\":%llu", NUMBER(session.id),
                      NUMBER(x.id)));
    say_member("method", x.theirs.method_name.len ? x.theirs.method_name : dash);
    say_member("target", x.theirs.path.len ? x.theirs.path : dash);
    say_member("authority", x.theirs.authority);
    say(tc_buf_printf(&wanted,
                      ",\"version\":\"HTTP/1.1\",\"status\":%u,\"bytes\":%llu,"
                      "\"content_in\":%llu,\"ms\":%llu.%03llu",
                      x.ours.status, NUMBER(x.content_out), NUMBER(x.content_in), us / 1000,
                      us % 1000));
    say_member("user_agent", field(TC_FIELD_USER_AGENT));
    say_member("referer", field(TC_FIELD_REFERER));
    if (x.pushed) say(tc_buf_add(&wanted, TC_SPAN(",\"pushed\":true")));
    if (x.proven.len) say_member("certificate", x.proven);
    if (seen.err) say_member("error", tc_span_str(tc_err_sentence(seen.err)));
    say(tc_buf_add(&wanted, TC_SPAN("}\n")));
}

static const char *say_line(enum tc_log_format format, const char *client, uint64_t ns)
{
    tc_buf_init_over(&wanted, wanted_room, sizeof wanted_room);
    switch (format) {
    case TC_LOG_TEXT: say_text(client, ns); break;
    case TC_LOG_COMBINED: say_combined(client); break;
    case TC_LOG_JSON: say_json(client, ns); break;
    }
    wanted.at[wanted.len] = 0;
    return wanted.at;
}

/* Bytes that mean something here or there, in all lengths; mostly there are none of them. */
static tc_span any_text(size_t most)
{
    static const char odd[] = "\"\\\r\n\033\t \x7f\x80\xc2\x9b\xe2\x80\xae\xff\xc3\xbc";
    const size_t len = check_random_below(most + 1);
    const uint64_t one_in = check_random_below(3) ? 1000 : 4;
    char *at = tc_arena_alloc(&x.arena, len + 1);
    assert_non_null(at);
    for (size_t i = 0; i < len; i++)
        at[i] = check_random_below(one_in) ? (char)('a' + check_random_below(26))
                                           : odd[check_random_below(sizeof odd)];
    return tc_span_of(at, len);
}

static void make_any(uint64_t *ret_ns)
{
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 1000000, 1000000000, UINT64_MAX};
    const tc_err errors[] = {TC_OK, TC_OK, TC_ERR_PEER_RESET, TC_ERR_CLIENT_CERT};
    static const enum tc_field_id ids[] = {TC_FIELD_REFERER, TC_FIELD_USER_AGENT};
    x.theirs.method = TC_METHOD_NONE;
    x.theirs.method_name = any_text(12);
    if (check_random_below(2)) {
        x.theirs.method = TC_METHOD_POST;
        x.theirs.method_name = TC_SPAN("POST");
    }
    x.theirs.path = any_text(60);
    x.theirs.authority = any_text(20);
    x.theirs.fields = (tc_fields){0};
    for (size_t i = 0; i < 2; i++)
        if (check_random_below(3))
            say(tc_fields_push(&x.theirs.fields, &x.arena,
                               (tc_field){tc_field_name(ids[i]), any_text(70), ids[i]}));
    x.user = check_random_below(3) ? (tc_span){0} : any_text(9);
    x.proven = check_random_below(3) ? (tc_span){0} : any_text(30);
    x.pushed = !check_random_below(3);
    x.ours.status = (uint16_t)(100 + check_random_below(900));
    x.content_out = x.wire_out = check_random_below(powers[check_random_below(4)] + 1);
    x.content_in = check_random_below(powers[check_random_below(8)]);
    x.id = check_random_below(powers[check_random_below(8)]);
    session.id = check_random_below(powers[check_random_below(8)]);
    session.peer_port = (uint16_t)check_random_below(65536);
    seen.err = errors[check_random_below(4)];
    *ret_ns = check_random_below(powers[check_random_below(7)]) * 1000;
    x.times.ours_end = x.times.begun + (int64_t)*ret_ns;
}

static void as_printf_and_escapes_write_it(void **state)
{
    (void)state;
    for (int turn = 0; turn < 20000; turn++) {
        uint8_t bytes[16];
        char client[TC_IP_TEXT];
        uint64_t ns;
        (void)end(NULL);
        (void)begin(NULL);
        make_any(&ns);
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)check_random_below(256);
        session.peer = tc_ip_of(bytes, turn % 2 ? 4 : 16);
        assert_non_null(inet_ntop(turn % 2 ? AF_INET : AF_INET6, bytes, client, sizeof client));
        const enum tc_log_format format = (enum tc_log_format)(turn % 3);
        assert_string_equal(line_of(format, false), say_line(format, client, ns));
    }
}

/* Everything at its longest: the room that is reserved is enough (asserted where it is put). */
static void no_line_is_longer_than_its_room(void **state)
{
    (void)state;
    const tc_span ip = TC_SPAN("2001:1111:2222:3333:4444:5555:6666:7777");
    assert_true(tc_ip_parse(ip, &session.peer) && tc_ip_parse(ip, &x.asker.ip));
    x.asker.kind = TC_ASKER_KNOWN;
    x.asker.port = session.peer_port = 65535;
    x.id = session.id = x.content_in = x.content_out = x.wire_out = UINT64_MAX;
    x.times.begun = 0;
    x.times.ours_end = seen.at = INT64_MAX;
    x.tunnel = x.pushed = x.early = true;
    x.ours.status = 65535;
    x.user = x.proven = TC_SPAN("u");
    for (int err = 0; err < 512; err++) {
        seen.err = (tc_err)-err;
        for (int format = TC_LOG_TEXT; format <= TC_LOG_JSON; format++)
            assert_non_null(strchr(line_of((enum tc_log_format)format, true), '\n'));
    }
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
        TEST(who_asks_behind_a_proxy),
        TEST(who_asks_by_a_password),
        TEST(as_printf_and_escapes_write_it),
        TEST(no_line_is_longer_than_its_room),
    };
    return cmocka_run_group_tests_name("access_log", tests, NULL, NULL);
}
