/* versions.c - one body of exchanges on every version, client's engine against server's, cut at
 * random places: both ends must be told the same messages, but for what a version cannot carry. A
 * new version is one more row of `versions`. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>

#include "h1/h1.h"
#include "h2/h2.h"
#include "support/check.h"
#include "support/conn.h"
#include "support/h3_end.h"

enum { LARGE = 300000, ROUNDS = 12 };

static char large[LARGE];

/* --- the exchanges ----------------------------------------------------------------------------
 */

#define LINE(text)                                                                                 \
    {                                                                                              \
        sizeof text - 1, text                                                                      \
    }
typedef struct line {
    size_t len;
    const char *at;
} line;

typedef struct exchange {
    const char *what, *method, *path;
    line fields[SCRIPT_PARTS], content[3], trailers[2]; /* of the request */
    bool unknown;                                       /* its length is not stated */
    unsigned interim, status;
    line with[SCRIPT_PARTS], body[3], ends[2]; /* of the response */
    bool streamed;                             /* its length is not stated */
} exchange;

static const exchange exchanges[] = {
    {.what = "a GET", .method = "GET", .path = "/", .status = 200, .body = {LINE("hello")}},
    {.what = "nothing", .method = "GET", .path = "/", .status = 200},
    {.what = "a query", .method = "GET", .path = "/a%20b/?q=1&r=%2f", .status = 200},
    {.what = "a HEAD", .method = "HEAD", .path = "/", .status = 200, .body = {LINE("hello")}},
    {.what = "a HEAD of what is streamed",
     .method = "HEAD",
     .path = "/",
     .status = 200,
     .body = {LINE("hello")},
     .streamed = true},
    {.what = "OPTIONS of all", .method = "OPTIONS", .path = "*", .status = 204},
    {.what = "a DELETE", .method = "DELETE", .path = "/x", .status = 204},
    {.what = "a method of its own", .method = "FROB", .path = "/", .status = 501},
    {.what = "content of stated length",
     .method = "PUT",
     .path = "/x",
     .content = {LINE("one"), LINE("two")},
     .status = 201,
     .with = {LINE("location: /x")}},
    {.what = "empty content", .method = "POST", .path = "/", .status = 200, .body = {LINE("x")}},
    {.what = "content of unknown length",
     .method = "POST",
     .path = "/",
     .content = {LINE("one"), LINE("two")},
     .unknown = true,
     .status = 200,
     .body = {LINE("three"), LINE("four")},
     .streamed = true},
    {.what = "trailers of a request",
     .method = "POST",
     .path = "/",
     .content = {LINE("one")},
     .trailers = {LINE("x-sum: 1"), LINE("x-other: two words")},
     .unknown = true,
     .status = 200},
    {.what = "trailers of a response",
     .method = "GET",
     .path = "/",
     .status = 200,
     .body = {LINE("one")},
     .ends = {LINE("x-sum: 1"), LINE("x-empty:")},
     .streamed = true},
    {.what = "trailers without content",
     .method = "GET",
     .path = "/",
     .status = 200,
     .ends = {LINE("x-sum: 1")},
     .streamed = true},
    {.what = "a hint", .method = "GET", .path = "/", .interim = 103, .status = 200},
    {.what = "not modified",
     .method = "GET",
     .path = "/",
     .fields = {LINE("if-none-match: \"a\""),
                LINE("if-modified-since: Thu, 01 Jan 2026 00:00:00 GMT")},
     .status = 304,
     .with = {LINE("etag: \"a\"")}},
    {.what = "a precondition failed",
     .method = "PUT",
     .path = "/",
     .fields = {LINE("if-match: \"b\"")},
     .content = {LINE("x")},
     .status = 412},
    {.what = "a range",
     .method = "GET",
     .path = "/",
     .fields = {LINE("range: bytes=1-3")},
     .status = 206,
     .with = {LINE("content-range: bytes 1-3/5")},
     .body = {LINE("ell")}},
    {.what = "a range of nothing",
     .method = "GET",
     .path = "/",
     .fields = {LINE("range: bytes=9-")},
     .status = 416,
     .with = {LINE("content-range: bytes */5")}},
    {.what = "many fields, some twice, some empty, some not ASCII",
     .method = "GET",
     .path = "/",
     .fields = {LINE("accept: text/html"), LINE("x-empty:"), LINE("x-twice: 1"), LINE("x-twice: 2"),
                LINE("x-high: \xc3\xa4\xe4"), LINE("x-tab: a\tb"), LINE("priority: u=1, i")},
     .status = 200,
     .with = {LINE("vary: accept"), LINE("set-cookie: a=1"), LINE("set-cookie: b=2"),
              LINE("x-empty:"), LINE("cache-control: max-age=1")}},
    {.what = "cookies",
     .method = "GET",
     .path = "/",
     .fields = {LINE("cookie: a=1; b=2; c=3")},
     .status = 200},
    {.what = "secrets",
     .method = "GET",
     .path = "/",
     .fields = {LINE("authorization: Basic eA==")},
     .status = 200},
    {.what = "much, both ways",
     .method = "PUT",
     .path = "/",
     .content = {{LARGE, large}},
     .status = 200,
     .body = {{LARGE, large}, {LARGE - 1, large}}},
    {.what = "much, of unknown length",
     .method = "PUT",
     .path = "/",
     .content = {{LARGE, large}},
     .unknown = true,
     .status = 200,
     .body = {{LARGE, large}},
     .streamed = true},
};
enum { EXCHANGES = sizeof exchanges / sizeof *exchanges };

static const unsigned errors[] = {400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415,
                                  417, 421, 422, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505};

/* --- the versions, and what they cannot carry --------------------------------------------------
 */

typedef struct version {
    const char *name;
    const tc_engine_type *type;
    bool old; /* no trailers, no interim answers, no content of unknown length in a request */
} version;

static const version versions[] = {
    {"1.1", &tc_h1_type, false}, /* what the others are held against */
    {"1.0", &tc_h1_type, true},
    {"2", &tc_h2_type, false},
    {"3", &tc_h3_type, false},
};
enum { VERSIONS = sizeof versions / sizeof *versions };

static size_t put(tc_span *to, const line *lines, size_t most)
{
    size_t n = 0;
    for (; n < most && lines[n].len; n++)
        to[n] = tc_span_of(lines[n].at, lines[n].len);
    return n;
}

static script request_of(const exchange *e, bool old)
{
    script s = {.method = tc_span_str(e->method), .path = tc_span_str(e->path)};
    s.host = TC_SPAN("h:81");
    s.old = old;
    s.unknown = e->unknown && !old;
    s.field_count = put(s.fields, e->fields, SCRIPT_PARTS);
    s.run_count = put(s.runs, e->content, 3);
    if (!old) s.trailer_count = put(s.trailers, e->trailers, 2);
    return s;
}

/* A server's engine itself leaves out what its client cannot be told. */
static script answer_of(const exchange *e)
{
    script s = {.status = e->status, .inform = e->interim, .unknown = e->streamed};
    s.field_count = put(s.fields, e->with, SCRIPT_PARTS);
    s.run_count = put(s.runs, e->body, 3);
    s.trailer_count = put(s.trailers, e->ends, 2);
    return s;
}

/* --- playing ---------------------------------------------------------------------------------- */

static conn client, server;
static h3_end client_end, server_end; /* their streams, if the version's link has such */
static bool streams;

static void carry(conn *from, conn *to)
{
    const size_t most = check_random_below(2) ? 60 : 60000;
    size_t n = 1 + (size_t)check_random_below(most);
    if (n > from->out.len) n = from->out.len;
    char *copy = malloc(n + 1);
    assert_non_null(copy);
    if (n) memcpy(copy, from->out.at, n);
    tc_buf_drop(&from->out, n);
    conn_feed(to, tc_span_of(copy, n), from->ordered && from->out.len == 0);
    free(copy);
}

static void step(conn *from, conn *to)
{
    if (streams)
        from == &client ? h3_step(&client_end, &server_end) : h3_step(&server_end, &client_end);
    else
        carry(from, to);
}

/* What an end was told, line by line, without the version, its reason phrase, the end of the
 * connection and, bare, what 1.0 cannot carry. */
static void told(const conn *c, const exchange *e, bool bare, tc_buf *ret)
{
    tc_span rest = tc_buf_span(&c->log);
    tc_buf_init(ret, CONN_BUF_MAX);
    while (rest.len > 0) {
        const size_t end = tc_span_find(rest, '\n');
        tc_span text = tc_span_first(rest, end);
        rest = tc_span_from(rest, end + 1);
        if (tc_span_starts(text, TC_SPAN("close")) && !tc_span_starts(text, TC_SPAN("closed")))
            continue;
        if (bare && (tc_span_starts(text, TC_SPAN("trailers")) ||
                     tc_span_starts(text, TC_SPAN("head 103"))))
            continue;
        while (text.len > 0) {
            const size_t space = tc_span_find(text, ' ');
            tc_span word = tc_span_first(text, space);
            text = tc_span_from(text, space + 1);
            bool skip = false;
            for (size_t i = 0; i < VERSIONS; i++)
                skip |= tc_span_eq(word, tc_span_str(versions[i].name));
            if (word.len && word.at[0] == '\'') { /* 'Not Modified' */
                while (word.at[word.len - 1] != '\'') {
                    word = tc_span_first(text, tc_span_find(text, ' '));
                    text = tc_span_from(text, word.len + 1);
                }
                skip = true;
            }
            if (bare && e->unknown && c == &server)
                skip |= tc_span_starts(word, TC_SPAN("length=")) ||
                        tc_span_eq(word, TC_SPAN("[content-length:")) ||
                        (word.len && word.at[word.len - 1] == ']');
            if (skip) continue;
            assert_int_equal(tc_buf_add(ret, word), TC_OK);
            assert_int_equal(tc_buf_add_byte(ret, ' '), TC_OK);
        }
        assert_int_equal(tc_buf_add_byte(ret, '\n'), TC_OK);
    }
}

static void play(const exchange *e, const version *v)
{
    streams = v->type == &tc_h3_type;
    if (streams) {
        h3_end_init(&client_end, &client, TC_CLIENT);
        h3_end_init(&server_end, &server, TC_SERVER);
        client_end.acks_by_hand = server_end.acks_by_hand = true;
    } else {
        conn_init(&client, v->type, TC_CLIENT);
        conn_init(&server, v->type, TC_SERVER);
    }
    client.scripts[0] = request_of(e, v->old);
    server.scripts[0] = answer_of(e);
    client.script_count = server.script_count = 1;
    client.write_max = (size_t)check_random_below(2) * 700;
    client.pause_every = (size_t)check_random_below(3);
    server.pause_every = (size_t)check_random_below(3);
    streams ? h3_turn(&client_end) : conn_feed(&client, (tc_span){0}, false);
    for (int i = 0; i < 10000000 && (!client.closed || !server.closed); i++)
        check_random_below(2) ? step(&client, &server) : step(&server, &client);
}

static void stop(void)
{
    if (streams) {
        h3_end_fini(&client_end);
        h3_end_fini(&server_end);
        return;
    }
    conn_fini(&client);
    conn_fini(&server);
}

static void compare(const tc_buf *wanted, const tc_buf *got, const exchange *e, const version *v,
                    const char *end)
{
    if (!tc_span_eq(tc_buf_span(wanted), tc_buf_span(got)))
        fail_msg("%s, %s, %s: was told\n%.*s\nbut with %s\n%.*s", e->what, v->name, end,
                 TC_FMT(tc_span_first(tc_buf_span(got), 2000)), versions[0].name,
                 TC_FMT(tc_span_first(tc_buf_span(wanted), 2000)));
}

static void check(const exchange *e)
{
    for (size_t i = 1; i < VERSIONS; i++) {
        const version *v = &versions[i];
        tc_buf wanted[2], got[2];
        play(e, &versions[0]);
        check_case(client.closed == 1 && server.closed == 1, e->what);
        told(&client, e, v->old, &wanted[0]);
        told(&server, e, v->old, &wanted[1]);
        stop();
        play(e, v);
        told(&client, e, v->old, &got[0]);
        told(&server, e, v->old, &got[1]);
        stop();
        compare(&wanted[1], &got[1], e, v, "the server");
        compare(&wanted[0], &got[0], e, v, "the client");
        for (int n = 0; n < 2; n++) {
            tc_buf_fini(&wanted[n]);
            tc_buf_fini(&got[n]);
        }
    }
}

static void test_exchanges(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < EXCHANGES; i++)
            check(&exchanges[i]);
}

static void test_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        exchange e = {.what = "an error", .method = "GET", .path = "/"};
        e.status = errors[i];
        e.body[0] = (line)LINE("what is wrong");
        check(&e);
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exchanges),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests_name("versions", tests, NULL, NULL);
}
