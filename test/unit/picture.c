/* The picture and --json from the same made-up events with made-up times: what stands there is what
 * the events say, aligned, bounded in width, and harmless. */
// SPDX-License-Identifier: MIT
#include "ask/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "ask/json_out.h"
#include "base/clock.h"
#include "run/units.h"

#define AT(tenths) (1000 * TC_S + (tenths)*TC_MS / 10) /* tenths of a millisecond */

typedef struct story {
    tc_record record;
    tc_picture picture;
    tc_term term;
    int ends[2];
    tc_exchange x;
    tc_session_info session;
    char text[16384];
} story;

static void begin(story *s, unsigned columns, bool color, bool wire)
{
    memset(s, 0, sizeof *s);
    assert_int_equal(pipe2(s->ends, O_NONBLOCK), 0);
    s->term = (tc_term){.fd = s->ends[1], .is_terminal = true, .color = color, .columns = columns};
    tc_record_init(&s->record, TC_JSON_BODY);
    tc_picture_init(&s->picture, &s->record, &s->term, true, wire, false);
    s->record.watch.next = &s->picture.watch;
    s->session = (tc_session_info){.id = 7, .role = TC_CLIENT, .link = "tcp"};
    tc_exchange_init(&s->x, 1, 65536);
}

static void end(story *s)
{
    tc_exchange_fini(&s->x);
    tc_picture_fini(&s->picture);
    tc_record_fini(&s->record);
    close(s->ends[0]);
    close(s->ends[1]);
}

static void happens(story *s, enum tc_seen_kind kind, int64_t at, tc_err err, tc_span text,
                    uint64_t n)
{
    const bool on_connection = kind <= TC_SEEN_TUNNELED;
    tc_show(&s->record.watch, &(tc_seen){.kind = kind,
                                         .at = at,
                                         .err = err,
                                         .text = text,
                                         .n = n,
                                         .session = on_connection ? NULL : &s->session,
                                         .x = on_connection ? NULL : &s->x});
}

static const char *printed(story *s)
{
    size_t at = strlen(s->text);
    const ssize_t n = read(s->ends[0], s->text + at, sizeof s->text - at - 1);
    if (n > 0) s->text[at + (size_t)n] = 0;
    return s->text;
}

static void connects(story *s)
{
    happens(s, TC_SEEN_RESOLVE, AT(0), TC_OK, TC_SPAN("localhost"), 0);
    happens(s, TC_SEEN_RESOLVED, AT(2), TC_OK, TC_SPAN("[::1]:8080"), 2);
    happens(s, TC_SEEN_CONNECT, AT(2), TC_OK, TC_SPAN("[::1]:8080"), 0);
    happens(s, TC_SEEN_CONNECTED, AT(3), TC_ERR_CONNECT, TC_SPAN("[::1]:8080"), ECONNREFUSED);
    happens(s, TC_SEEN_CONNECT, AT(3), TC_OK, TC_SPAN("127.0.0.1:8080"), 0);
    happens(s, TC_SEEN_CONNECTED, AT(4), TC_OK, TC_SPAN("127.0.0.1:8080"), 0);
}

static void asks(story *s, const char *path, int64_t at)
{
    tc_message *m = &s->x.ours;
    *m = (tc_message){.version = TC_HTTP_1_1, .method = TC_METHOD_GET};
    m->method_name = TC_SPAN("GET");
    m->scheme = TC_SPAN("http");
    m->authority = TC_SPAN("localhost:8080");
    m->path = tc_span_str(path);
    m->fields = (tc_fields){0};
    assert_int_equal(tc_fields_add(&m->fields, &s->x.arena, TC_SPAN("accept"), TC_SPAN("*/*")),
                     TC_OK);
    assert_int_equal(
        tc_fields_add(&m->fields, &s->x.arena, TC_SPAN("authorization"), TC_SPAN("Bearer x")),
        TC_OK);
    happens(s, TC_SEEN_BEGUN, at, TC_OK, (tc_span){0}, 0);
    s->x.wire_out = 87;
    happens(s, TC_SEEN_REQUEST_HEAD, at + TC_MS / 10, TC_OK, (tc_span){0}, 0);
    happens(s, TC_SEEN_REQUEST_END, at + TC_MS / 10, TC_OK, (tc_span){0}, 0);
}

static void hears(story *s, unsigned status, tc_span reason, tc_span type, tc_span body, int64_t at)
{
    tc_message *m = &s->x.theirs;
    *m = (tc_message){.version = TC_HTTP_1_1, .status = (uint16_t)status, .reason = reason};
    m->length = (int64_t)body.len;
    const tc_field field = {TC_SPAN("content-type"), type, TC_FIELD_CONTENT_TYPE};
    assert_int_equal(tc_fields_push(&m->fields, &s->x.arena, field), TC_OK);
    happens(s, TC_SEEN_RESPONSE_HEAD, at, TC_OK, (tc_span){0}, 0);
    s->x.content_in = body.len;
    happens(s, TC_SEEN_RESPONSE_DATA, at, TC_OK, body, 0);
    happens(s, TC_SEEN_RESPONSE_END, at + TC_MS / 10, TC_OK, (tc_span){0}, 0);
    happens(s, TC_SEEN_CLOSED, at + TC_MS / 10, TC_OK, (tc_span){0}, 0);
}

static void three_lines_an_exchange(void **state)
{
    (void)state;
    static story s;
    begin(&s, 100, false, false);
    connects(&s);
    asks(&s, "/test.html", AT(4));
    hears(&s, 404, TC_SPAN("Not Found"), TC_SPAN("text/html"), TC_SPAN("hello"), AT(8));
    s.x.id = 2;
    asks(&s, "/again", AT(20));
    hears(&s, 200, TC_SPAN("OK"), TC_SPAN("text/plain"), TC_SPAN(""), AT(28));
    assert_string_equal(
        printed(&s),
        "  1 connect   localhost -> 127.0.0.1:8080   TCP   look-up 0.2 ms, connect 0.1 ms"
        "              0.4 ms\n"
        "              [::1]:8080   Connection refused\n"
        "  2 request   GET /test.html   HTTP/1.1   3 fields, 87 B"
        "                                      0.1 ms\n"
        "  3 response  404 Not Found (client error)   text/html   5 B   first byte 0.4 ms"
        "        total 0.9 ms\n"
        "\n"
        "  1 connect   reused connection 1 (2nd exchange)   localhost -> 127.0.0.1:8080   TCP"
        "          0.0 ms\n"
        "  2 request   GET /again   HTTP/1.1   3 fields, 87 B"
        "                                          0.1 ms\n"
        "  3 response  200 OK (success)   text/plain   no content   first byte 0.8 ms"
        "            total 0.9 ms\n");
    end(&s);
}

/* Through a tunnel, and by a proxy that forwards. */
static void a_proxy_is_shown(void **state)
{
    (void)state;
    static story s;
    begin(&s, 110, false, false);
    happens(&s, TC_SEEN_RESOLVE, AT(0), TC_OK, TC_SPAN("10.0.0.1"), 0);
    happens(&s, TC_SEEN_PROXY, AT(0), TC_OK, TC_SPAN("10.0.0.1:3128"), 0);
    happens(&s, TC_SEEN_RESOLVED, AT(2), TC_OK, TC_SPAN("10.0.0.1:3128"), 1);
    happens(&s, TC_SEEN_CONNECT, AT(2), TC_OK, TC_SPAN("10.0.0.1:3128"), 0);
    happens(&s, TC_SEEN_CONNECTED, AT(3), TC_OK, TC_SPAN("10.0.0.1:3128"), 0);
    happens(&s, TC_SEEN_TUNNEL, AT(3), TC_OK, TC_SPAN("a.example:80"), 0);
    happens(&s, TC_SEEN_TUNNELED, AT(8), TC_OK, (tc_span){0}, 200);
    asks(&s, "/", AT(8));
    assert_string_equal(
        printed(&s),
        "  1 connect   10.0.0.1:3128 (proxy) -> a.example:80   TCP   connect 0.1 ms, tunnel 0.5 ms"
        "               0.8 ms\n"
        "  2 request   GET /   HTTP/1.1   3 fields, 87 B"
        "                                                         0.1 ms\n");
    end(&s);

    begin(&s, 100, false, false);
    happens(&s, TC_SEEN_RESOLVE, AT(0), TC_OK, TC_SPAN("10.0.0.1"), 0);
    happens(&s, TC_SEEN_PROXY, AT(0), TC_OK, TC_SPAN("10.0.0.1:3128"), 0);
    happens(&s, TC_SEEN_RESOLVED, AT(0), TC_OK, TC_SPAN("10.0.0.1:3128"), 1);
    happens(&s, TC_SEEN_CONNECT, AT(0), TC_OK, TC_SPAN("10.0.0.1:3128"), 0);
    happens(&s, TC_SEEN_CONNECTED, AT(1), TC_OK, TC_SPAN("10.0.0.1:3128"), 0);
    asks(&s, "/", AT(1));
    assert_string_equal(printed(&s), "  1 connect   10.0.0.1:3128 (proxy)   TCP   connect 0.1 ms"
                                     "                                    0.1 ms\n"
                                     "  2 request   GET /   HTTP/1.1   3 fields, 87 B"
                                     "                                               0.1 ms\n");
    end(&s);
}

static void lines_fit_the_terminal(void **state)
{
    (void)state;
    for (unsigned columns = 40; columns < 130; columns++) {
        static story s;
        char path[200];
        memset(path, 'a', sizeof path - 1);
        path[0] = '/';
        path[sizeof path - 1] = 0;
        begin(&s, columns, columns % 2, false);
        connects(&s);
        asks(&s, path, AT(4));
        hears(&s, 200, TC_SPAN("Ok \xc3\xa9\xc3\xa9\xc3\xa9"),
              TC_SPAN("application/something-very-long; with=parameters"), TC_SPAN("x"), AT(8));
        size_t width = 0;
        for (const char *at = printed(&s); *at; at++) {
            if (*at == '\033') {
                while (*at != 'm')
                    at++;
            } else if (*at == '\n') {
                assert_true(width <= columns);
                width = 0;
            } else {
                width += (*at & 0xc0) != 0x80;
            }
        }
        end(&s);
    }
}

/* 80 columns: what can be missed goes, numbers and the path stay. */
static void numbers_are_never_cut(void **state)
{
    (void)state;
    static story s;
    begin(&s, 80, false, false);
    connects(&s);
    asks(&s, "/style.css", AT(4));
    tc_message *m = &s.x.theirs;
    *m = (tc_message){.version = TC_HTTP_1_1, .status = 200, .length = 3221225472};
    const tc_field field = {TC_SPAN("content-type"), TC_SPAN("application/octet-stream; v=1"),
                            TC_FIELD_CONTENT_TYPE};
    assert_int_equal(tc_fields_push(&m->fields, &s.x.arena, field), TC_OK);
    happens(&s, TC_SEEN_RESPONSE_HEAD, AT(8), TC_OK, (tc_span){0}, 0);
    s.x.content_in = 464289736;
    happens(&s, TC_SEEN_CLOSED, AT(9), TC_ERR_INTERRUPTED, (tc_span){0}, 0);
    assert_non_null(strstr(printed(&s), "200 OK   appli...   464,289,736 B of 3,221,225,472 B  "));
    s.x.id = 2;
    s.x.pushed = true;
    asks(&s, "/style.css", AT(10));
    hears(&s, 200, TC_SPAN("OK"), TC_SPAN("text/css"), tc_span_of("", 0), AT(12));
    s.x.id = 3;
    s.x.theirs.length = 0;
    asks(&s, "/a/longer/style-of/sheet.css", AT(10));
    s.x.content_in = 13173;
    happens(&s, TC_SEEN_RESPONSE_HEAD, AT(12), TC_OK, (tc_span){0}, 0);
    happens(&s, TC_SEEN_CLOSED, AT(13), TC_OK, (tc_span){0}, 0);
    assert_non_null(strstr(printed(&s), "GET /a/longer/style-of/sheet.css   200 OK   "
                                        "13,173 B  total"));
    end(&s);
}

static void who_is_not_verified_is_still_protected(void **state)
{
    (void)state;
    static story s;
    begin(&s, 80, false, false);
    connects(&s);
    const tc_protection p = {"TLS 1.3", "AES-128-GCM",  "X25519",
                             "h2",      "h2, http/1.1", .unverified = true};
    tc_show(&s.record.watch,
            &(tc_seen){
                .kind = TC_SEEN_PROTECTED, .at = AT(5), .session = &s.session, .protection = &p});
    asks(&s, "/", AT(6));
    assert_non_null(strstr(printed(&s), "localhost   TCP   unverified   TLS 1.3 AES-128-GCM h2  "));
    end(&s);
}

static void the_link_is_never_left_out(void **state)
{
    (void)state;
    static story s;
    begin(&s, 80, false, false);
    happens(&s, TC_SEEN_RESOLVE, AT(1), TC_OK,
            TC_SPAN("a-name-that-is-longer-than-most.and-so-is-its-domain.example.org"), 0);
    happens(&s, TC_SEEN_RESOLVED, AT(2), TC_OK, TC_SPAN("127.0.0.1:8080"), 1);
    happens(&s, TC_SEEN_CONNECT, AT(2), TC_OK, TC_SPAN("127.0.0.1:8080"), 0);
    happens(&s, TC_SEEN_CONNECTED, AT(4), TC_OK, TC_SPAN("127.0.0.1:8080"), 0);
    asks(&s, "/", AT(6));
    assert_non_null(strstr(printed(&s), "...   TCP  "));
    end(&s);
}

static void what_was_tried_before_is_part_of_it(void **state)
{
    (void)state;
    static story s;
    begin(&s, 80, false, false);
    for (uint64_t quic = 2; quic-- > 0;) { /* nobody answers for 25 ms, then TCP */
        const int64_t at = quic ? AT(0) : AT(250);
        const tc_span address = quic ? TC_SPAN("127.0.0.1:8443") : TC_SPAN("127.0.0.1:443");
        happens(&s, TC_SEEN_RESOLVE, at, TC_OK, TC_SPAN("127.0.0.1"), quic);
        happens(&s, TC_SEEN_RESOLVED, at, TC_OK, address, 1);
        happens(&s, TC_SEEN_CONNECT, at, TC_OK, address, 0);
        happens(&s, TC_SEEN_CONNECTED, at + TC_MS, TC_OK, address, 0);
    }
    asks(&s, "/", AT(270));
    const char *said = printed(&s);
    assert_non_null(strstr(said, "   TCP   connect 1.0 ms   "));
    assert_non_null(strstr(said, " 26 ms\n"));
    assert_non_null(strstr(said, "127.0.0.1:8443   QUIC   no answer yet, overtaken after 25 ms\n"));
    end(&s);
}

static void an_upload_says_what_was_sent(void **state)
{
    (void)state;
    static story s;
    begin(&s, 100, false, false);
    connects(&s);
    s.x.ours = (tc_message){.version = TC_HTTP_1_1, .method = TC_METHOD_PUT};
    s.x.ours.method_name = TC_SPAN("PUT");
    s.x.ours.path = TC_SPAN("/x");
    happens(&s, TC_SEEN_BEGUN, AT(4), TC_OK, (tc_span){0}, 0);
    s.x.content_out = 50000000;
    s.x.wire_out = 65637;
    happens(&s, TC_SEEN_REQUEST_HEAD, AT(5), TC_OK, (tc_span){0}, 0);
    assert_null(strstr(printed(&s), "2 request"));
    hears(&s, 413, TC_SPAN(""), TC_SPAN("text/html"), TC_SPAN("no"), AT(8));
    assert_non_null(
        strstr(printed(&s), "HTTP/1.1   65,637 B of 50,000,000 B sent when the answer came\n"));
    end(&s);
}

static void what_a_server_says_is_harmless(void **state)
{
    (void)state;
    static story s;
    begin(&s, 100, false, true);
    connects(&s);
    asks(&s, "/\033[2J", AT(4));
    happens(&s, TC_SEEN_NOTE, AT(5), TC_OK, TC_SPAN("X: \033]0;title\007 \xc2\x9b"), 0);
    hears(&s, 200, TC_SPAN("\033[31mred"), TC_SPAN("a/b\r\n\033[1m"), TC_SPAN("x"), AT(8));
    const char *text = printed(&s);
    for (const char *at = text; *at; at++)
        assert_true(*at == '\n' || (unsigned char)*at >= 0x20);
    assert_null(strstr(text, "\xc2\x9b"));
    assert_non_null(strstr(text, "\\x1b[31mred"));
    end(&s);
}

static void the_wire_is_shown_without_secrets(void **state)
{
    (void)state;
    static story s;
    begin(&s, 100, false, true);
    connects(&s);
    asks(&s, "/", AT(4));
    happens(&s, TC_SEEN_NOTE, AT(5), TC_OK, TC_SPAN("Set-Cookie: id=TOP"), 0);
    happens(&s, TC_SEEN_NOTE, AT(5), TC_OK, TC_SPAN("X-API-Key:TOP"), 0);
    happens(&s, TC_SEEN_NOTE, AT(5), TC_OK, TC_SPAN("Accept: all\r\nCookie: TOP\r\n"), 0);
    const char *text = printed(&s);
    assert_null(strstr(text, "TOP"));
    assert_non_null(strstr(text, "< Set-Cookie: ......\n< X-API-Key: ......\n< Accept: all\n"
                                 "< Cookie: ......\n"));
    end(&s);
}

/* --- JSON ---------------------------------------------------------------------------------- */

typedef struct page {
    char text[4 * 1024 * 1024];
    size_t len;
} page;

static tc_err keep(void *self, tc_span bytes)
{
    page *p = self;
    if (bytes.len > sizeof p->text - p->len) return TC_ERR_FULL;
    memcpy(p->text + p->len, bytes.at, bytes.len);
    p->len += bytes.len;
    return TC_OK;
}

static json_t *written(const story *s, bool secrets)
{
    static page p;
    json_error_t error;
    p.len = 0;
    assert_int_equal(tc_json_write(&s->record, secrets, keep, &p), TC_OK);
    json_t *value = json_loadb(p.text, p.len, JSON_REJECT_DUPLICATES, &error);
    if (!value) fail_msg("%s at %d: %.*s", error.text, error.position, (int)p.len, p.text);
    return value;
}

/* "exchanges/0/response/status" */
static json_t *at(json_t *value, const char *path)
{
    char word[64];
    while (*path && value) {
        size_t n = 0;
        while (path[n] && path[n] != '/')
            n++;
        (void)snprintf(word, sizeof word, "%.*s", (int)n, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)(word[0] - '0'))
                                     : json_object_get(value, word);
        path += n + (path[n] == '/');
    }
    return value;
}

static void json_has_everything(void **state)
{
    (void)state;
    static story s;
    begin(&s, 100, false, false);
    connects(&s);
    asks(&s, "/a?b", AT(4));
    hears(&s, 200, TC_SPAN("Fine"), TC_SPAN("text/plain"), TC_SPAN("h\xc3\xa9llo\n"), AT(8));
    s.x.id = 2;
    asks(&s, "/bin", AT(20));
    hears(&s, 200, TC_SPAN("O\xff"), TC_SPAN("a/\xfe\"\\"), TC_SPAN("\x00\xff"), AT(28));
    tc_record_outcome(&s.record, NULL, TC_SPAN("http://h/"), TC_ERR_BODY_CUT, "response",
                      TC_SPAN("why"));
    json_t *v = written(&s, false);
    assert_int_equal(json_integer_value(at(v, "version")), 1);
    assert_int_equal(json_array_size(at(v, "exchanges")), 2);
    assert_string_equal(json_string_value(at(v, "exchanges/0/url")), "http://localhost:8080/a?b");
    assert_string_equal(json_string_value(at(v, "exchanges/0/connection/address")),
                        "127.0.0.1:8080");
    assert_string_equal(json_string_value(at(v, "exchanges/0/connection/attempts/0/error")),
                        "Connection refused");
    assert_true(json_is_null(at(v, "exchanges/0/connection/attempts/1/error")));
    assert_true(json_real_value(at(v, "exchanges/0/phases/connect/ms")) > 0.39);
    assert_true(json_real_value(at(v, "exchanges/0/phases/total_ms")) > 0.89);
    assert_string_equal(json_string_value(at(v, "exchanges/0/request/fields/0/name")), "host");
    assert_string_equal(json_string_value(at(v, "exchanges/0/request/fields/2/value")), "......");
    assert_string_equal(json_string_value(at(v, "exchanges/0/response/reason")), "Fine");
    assert_string_equal(json_string_value(at(v, "exchanges/0/response/class")), "success");
    assert_string_equal(json_string_value(at(v, "exchanges/0/response/body/data")),
                        "h\xc3\xa9llo\n");
    assert_true(json_is_null(at(v, "exchanges/0/error")));
    assert_true(json_is_true(at(v, "exchanges/1/connection/reused")));
    assert_string_equal(json_string_value(at(v, "exchanges/1/response/body/encoding")), "base64");
    assert_string_equal(json_string_value(at(v, "exchanges/1/response/body/data")), "AP8=");
    assert_string_equal(json_string_value(at(v, "exchanges/1/error/name")), "BODY_CUT");
    assert_int_equal(json_integer_value(at(v, "exchanges/1/error/exit_code")), 18);
    json_decref(v);
    v = written(&s, true);
    assert_string_equal(json_string_value(at(v, "exchanges/0/request/fields/2/value")), "Bearer x");
    json_decref(v);
    end(&s);
}

static void json_of_no_connection_is_whole(void **state)
{
    (void)state;
    static story s;
    begin(&s, 100, false, false);
    json_t *v = written(&s, false);
    assert_int_equal(json_array_size(at(v, "exchanges")), 0);
    json_decref(v);
    happens(&s, TC_SEEN_RESOLVE, AT(0), TC_OK, TC_SPAN("nowhere.example"), 0);
    happens(&s, TC_SEEN_RESOLVED, AT(2), TC_ERR_RESOLVE, TC_SPAN("nowhere.example"), 0);
    const tc_span url = TC_SPAN("http://nowhere.example/");
    tc_record_outcome(&s.record, NULL, url, TC_ERR_RESOLVE, "connect", TC_SPAN("no such name"));
    v = written(&s, false);
    assert_string_equal(json_string_value(at(v, "exchanges/0/url")), "http://nowhere.example/");
    assert_true(json_is_null(at(v, "exchanges/0/request")));
    assert_true(json_is_null(at(v, "exchanges/0/response")));
    assert_string_equal(json_string_value(at(v, "exchanges/0/error/why")), "no such name");
    json_decref(v);
    end(&s);
}

static void json_keeps_a_mebibyte_of_a_body(void **state)
{
    (void)state;
    static story s;
    static char piece[300000];
    begin(&s, 100, false, false);
    connects(&s);
    asks(&s, "/", AT(4));
    memset(piece, 'x', sizeof piece);
    s.x.theirs = (tc_message){.version = TC_HTTP_1_1, .status = 200};
    happens(&s, TC_SEEN_RESPONSE_HEAD, AT(8), TC_OK, (tc_span){0}, 0);
    for (int i = 0; i < 10; i++) {
        s.x.content_in += sizeof piece;
        happens(&s, TC_SEEN_RESPONSE_DATA, AT(9), TC_OK, tc_span_of(piece, sizeof piece), 0);
    }
    json_t *v = written(&s, false);
    assert_int_equal(json_string_length(at(v, "exchanges/0/response/body/data")), TC_JSON_BODY);
    assert_int_equal(json_integer_value(at(v, "exchanges/0/response/body/length")), 3000000);
    assert_true(json_is_true(at(v, "exchanges/0/response/body/truncated")));
    assert_true(json_is_false(at(v, "exchanges/0/response/complete")));
    json_decref(v);
    end(&s);
}

static void quantities_read_well(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } times[] = {{-1, "0.0 ms"},       {49999, "0.0 ms"},        {50001, "0.1 ms"},
                 {9949999, "9.9 ms"},  {9950001, "10 ms"},       {999 * TC_MS, "999 ms"},
                 {TC_S - 1, "1.00 s"}, {2414 * TC_MS, "2.41 s"}, {7200 * TC_S, "7200 s"}};
    static const struct {
        unsigned n;
        const char *text;
    } places[] = {{1, "1st"},   {2, "2nd"},     {3, "3rd"},   {4, "4th"},
                  {11, "11th"}, {112, "112th"}, {21, "21st"}, {102, "102nd"}};
    tc_buf b;
    tc_buf_init(&b, 64);
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        tc_buf_reset(&b);
        assert_int_equal(tc_units_time(&b, times[i].ns), TC_OK);
        assert_true(tc_span_eq(tc_buf_span(&b), tc_span_str(times[i].text)));
    }
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        tc_buf_reset(&b);
        assert_int_equal(tc_units_place(&b, places[i].n), TC_OK);
        assert_true(tc_span_eq(tc_buf_span(&b), tc_span_str(places[i].text)));
    }
    tc_buf_reset(&b);
    assert_int_equal(tc_units_rounded(&b, 999949), TC_OK);
    assert_int_equal(tc_units_rounded(&b, 999950), TC_OK);
    assert_int_equal(tc_units_rounded(&b, 12), TC_OK);
    assert_true(tc_span_eq(tc_buf_span(&b), TC_SPAN("999.9 kB1.0 MB12 B")));
    tc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_lines_an_exchange),
        cmocka_unit_test(a_proxy_is_shown),
        cmocka_unit_test(lines_fit_the_terminal),
        cmocka_unit_test(numbers_are_never_cut),
        cmocka_unit_test(who_is_not_verified_is_still_protected),
        cmocka_unit_test(the_link_is_never_left_out),
        cmocka_unit_test(what_was_tried_before_is_part_of_it),
        cmocka_unit_test(an_upload_says_what_was_sent),
        cmocka_unit_test(what_a_server_says_is_harmless),
        cmocka_unit_test(the_wire_is_shown_without_secrets),
        cmocka_unit_test(json_has_everything),
        cmocka_unit_test(json_of_no_connection_is_whole),
        cmocka_unit_test(json_keeps_a_mebibyte_of_a_body),
        cmocka_unit_test(quantities_read_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
