/* CONNECT at a proxy that answers whatever it likes, however it is cut: what becomes of it, what is
 * said about it, and that not one byte behind the answer is taken. */
// SPDX-License-Identifier: MIT
#include "net/via.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/check.h"

static tc_loop *loop;
static tc_limits limits;
static tc_reached reached;

typedef struct asked {
    tc_via via; /* first */
    tc_watch watch;
    int ends[2]; /* ours, the proxy's */
    bool over;
    tc_err err;
    char wire[4096]; /* lines that were shown */
} asked;

static void done(tc_via *v, tc_err err)
{
    asked *a = (asked *)v;
    assert_false(a->over);
    a->over = true;
    a->err = err;
}

static void see(tc_watch *w, const tc_seen *what)
{
    asked *a = (asked *)((char *)w - offsetof(asked, watch));
    const size_t at = strlen(a->wire);
    (void)snprintf(a->wire + at, sizeof a->wire - at, "%s%.*s\n", what->ours ? "> " : "< ",
                   TC_FMT(what->text));
}

static void begin(asked *a, const char *credentials, bool quiet)
{
    memset(a, 0, sizeof *a);
    limits = tc_limits_default;
    memset(&reached, 0, sizeof reached);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, a->ends),
                     0);
    a->watch = (tc_watch){.mask = ~0u, .see = see};
    a->via = (tc_via){.name = TC_SPAN("p:1"),
                      .authority = TC_SPAN("h.example:443"),
                      .credentials = tc_span_str(credentials),
                      .quiet = quiet,
                      .limits = &limits,
                      .reached = &reached,
                      .loop = loop,
                      .watch = &a->watch,
                      .done = done};
}

static void end(asked *a)
{
    tc_via_cancel(&a->via);
    assert_null(a->via.in.memory);
    assert_null(a->via.out.memory);
    close(a->ends[0]);
    if (a->ends[1] >= 0) close(a->ends[1]);
}

static void turn(void)
{
    assert_int_equal(tc_loop_turn(loop, 0), TC_OK);
}

static void say(asked *a, const char *bytes, size_t len)
{
    assert_int_equal(send(a->ends[1], bytes, len, MSG_NOSIGNAL), (ssize_t)len);
    turn();
}

static void say_text(asked *a, const char *text)
{
    say(a, text, strlen(text));
}

static void hang_up(asked *a)
{
    close(a->ends[1]);
    a->ends[1] = -1;
    turn();
}

/* What is left on our end of the socket. */
static size_t rest(asked *a, char *into, size_t size)
{
    const ssize_t n = recv(a->ends[0], into, size, MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

static const struct row {
    const char *said;
    tc_err err;
    const char *why;  /* in it */
    const char *rest; /* behind the answer; NULL: nothing */
    bool quiet;
} rows[] = {
    {"HTTP/1.1 200 OK\r\n\r\n", TC_OK, "", NULL, true},
    {"HTTP/1.0 200 Connection established\r\n\r\n", TC_OK, "", NULL, true},
    {"HTTP/1.1 204\r\nVia: 1.1 p\r\n\r\n", TC_OK, "", NULL, true},
    {"HTTP/1.1 299 X\r\n\r\n", TC_OK, "", NULL, true},
    /* such fields mean nothing there (RFC 9110, 9.3.6) */
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", TC_OK, "", NULL, true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", TC_OK, "", NULL, true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", TC_OK,
     "", NULL, true},
    {"HTTP/1.1 200 OK\r\n\r\n\x16\x03", TC_ERR_PROXY_REPLY, "more came behind", "\x16\x03", true},
    {"HTTP/1.1 200 OK\r\n\r\nPRI settings", TC_OK, "", "PRI settings", false},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", TC_ERR_PROXY_REPLY, "more came behind",
     "hello", true},
    {"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", TC_ERR_PROXY_REFUSED,
     "p:1 (proxy) answered CONNECT h.example:443 with 403 Forbidden", "no", true},
    {"HTTP/1.1 502 Bad Gateway\r\nProxy-Status: p; error=dns_error\r\n\r\n", TC_ERR_PROXY_REFUSED,
     "502 Bad Gateway; Proxy-Status: p; error=dns_error", NULL, true},
    {"HTTP/1.1 504\r\n\r\n", TC_ERR_PROXY_REFUSED, "504 Gateway Timeout", NULL, true},
    {"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\n\r\n", TC_ERR_PROXY_REFUSED, "302 Found",
     NULL, true},
    {"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", TC_ERR_PROXY_AUTH,
     "407 Who?; it asks for: Basic realm=\"x\"", NULL, true},
    {"HTTP/1.1 101 Switching\r\n\r\n", TC_ERR_PROXY_REPLY, "switched", NULL, true},
    {"SSH-2.0-OpenSSH\r\n", TC_ERR_PROXY_REPLY, "HTTP/1", NULL, true},
    {"H T", TC_ERR_PROXY_REPLY, "HTTP/1", NULL, true},
    {"HTTP/9.9 200 OK\r\n\r\n", TC_ERR_PROXY_REPLY, "status line", NULL, true},
    {"HTTP/1.1 2x0 OK\r\n\r\n", TC_ERR_PROXY_REPLY, "status line", NULL, true},
    {"HTTP/1.1 200 OK\nA: b\r\n\r\n", TC_ERR_PROXY_REPLY, "status line", NULL, true},
    {"HTTP/1.1 200 OK\r\nA b\r\n\r\n", TC_ERR_PROXY_REPLY, "field", NULL, true},
    {"HTTP/1.1 200 OK\r\n a: b\r\n\r\n", TC_ERR_PROXY_REPLY, "field", NULL, true},
    {"HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", TC_ERR_PROXY_REPLY, "line", NULL, true},
};

static void judge(asked *a, const struct row *row, const char *how)
{
    char left[64];
    if (!a->over) fail_msg("%s (%s): not over", row->said, how);
    if (a->err != row->err)
        fail_msg("%s (%s): %s, %s", row->said, how, tc_err_name(a->err), a->via.why);
    if (!strstr(a->via.why, row->why)) fail_msg("%s (%s): %s", row->said, how, a->via.why);
    const size_t n = rest(a, left, sizeof left);
    const char *want = row->rest ? row->rest : "";
    if (a->err != TC_ERR_PROXY_REPLY || row->rest) {
        assert_int_equal(n, strlen(want));
        assert_memory_equal(left, want, n);
    }
    assert_true(a->via.in.memory == NULL);
}

static void answers_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        asked a;
        begin(&a, "", rows[i].quiet);
        tc_via_ask(&a.via, a.ends[0]);
        assert_false(a.over);
        say(&a, rows[i].said, strlen(rows[i].said));
        judge(&a, &rows[i], "at once");
        end(&a);
    }
}

/* It is there before anything was asked: with a real one that happens where the loop is late. */
static void answers_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        asked a;
        begin(&a, "", rows[i].quiet);
        assert_true(send(a.ends[1], rows[i].said, strlen(rows[i].said), 0) > 0);
        tc_via_ask(&a.via, a.ends[0]);
        judge(&a, &rows[i], "before");
        end(&a);
    }
}

/* Byte by byte: what comes behind the answer is not there yet when it ends. */
static void answers_in_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        const size_t len = strlen(row->said) - (row->rest ? strlen(row->rest) : 0);
        const bool early = strstr(row->why, "more came");
        asked a;
        begin(&a, "", row->quiet);
        tc_via_ask(&a.via, a.ends[0]);
        for (size_t at = 0; at < len && !a.over; at++)
            say(&a, row->said + at, 1);
        assert_true(a.over);
        assert_int_equal(a.err, early ? TC_OK : row->err);
        end(&a);
    }
}

/* Cut off at every byte: never taken for an answer. */
static void cut_everywhere(void **state)
{
    (void)state;
    const char said[] =
        "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 Connection established\r\nA: b\r\n\r\n";
    for (size_t n = 0; n < sizeof said - 1; n++) {
        asked a;
        begin(&a, "", true);
        tc_via_ask(&a.via, a.ends[0]);
        char asked_for[512];
        assert_true(recv(a.ends[1], asked_for, sizeof asked_for, 0) > 0);
        if (n) say(&a, said, n);
        assert_false(a.over);
        hang_up(&a);
        assert_true(a.over);
        const bool between = n == 0 || n == strlen("HTTP/1.1 100 Go\r\n\r\n");
        assert_int_equal(a.err, between ? TC_ERR_PROXY_CUT : TC_ERR_PROXY_REPLY);
        end(&a);
    }
}

static void what_is_asked(void **state)
{
    (void)state;
    asked a;
    char came[512];
    begin(&a, "Basic YTpi", true);
    tc_via_ask(&a.via, a.ends[0]);
    const ssize_t n = recv(a.ends[1], came, sizeof came, 0);
    check_span(tc_span_of(came, (size_t)n), "CONNECT h.example:443 HTTP/1.1\r\n"
                                            "Host: h.example:443\r\n"
                                            "Proxy-Authorization: Basic YTpi\r\n"
                                            "\r\n");
    say_text(&a, "HTTP/1.1 200 OK\r\nVia: x\r\n\r\n");
    assert_int_equal(a.err, TC_OK);
    assert_int_equal(a.via.status, 200);
    assert_string_equal(a.wire, "> CONNECT h.example:443 HTTP/1.1\r\nHost: h.example:443\r\n"
                                "Proxy-Authorization: Basic YTpi\r\n\r\n"
                                "< HTTP/1.1 200 OK\n< Via: x\n< \n");
    assert_null(strstr(a.via.why, "YTpi"));
    end(&a);
}

/* Heads without an end: memory stays within the limits, and the peak is what they say. */
static void bounded(void **state)
{
    static char piece[4096];
    (void)state;
    memset(piece, 'a', sizeof piece);
    asked a;
    begin(&a, "", true);
    tc_via_ask(&a.via, a.ends[0]);
    say_text(&a, "HTTP/1.1 200 OK\r\nA: ");
    for (int i = 0; i < 256 && !a.over; i++) {
        say(&a, piece, sizeof piece);
        assert_true(a.via.in.size <= limits.request_line + limits.fields_bytes + 4096);
    }
    assert_true(a.over);
    assert_int_equal(a.err, TC_ERR_PROXY_REPLY);
    assert_non_null(strstr(a.via.why, "fields_bytes"));
    assert_int_equal(reached.fields_bytes, 1);
    end(&a);

    begin(&a, "", true); /* fields without number */
    limits.fields_count = 3;
    tc_via_ask(&a.via, a.ends[0]);
    say_text(&a, "HTTP/1.1 200 OK\r\nA:\r\nB:\r\nC:\r\n\r\n");
    assert_int_equal(a.err, TC_OK);
    end(&a);
    begin(&a, "", true);
    limits.fields_count = 3;
    tc_via_ask(&a.via, a.ends[0]);
    say_text(&a, "HTTP/1.1 200 OK\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n");
    assert_int_equal(a.err, TC_ERR_PROXY_REPLY);
    assert_int_equal(reached.fields_count, 1);
    end(&a);

    begin(&a, "", true); /* 1xx without number */
    limits.informational = 2;
    tc_via_ask(&a.via, a.ends[0]);
    for (int i = 0; i < 3; i++)
        say_text(&a, "HTTP/1.1 103 X\r\n\r\n");
    assert_int_equal(a.err, TC_ERR_PROXY_REPLY);
    assert_int_equal(reached.informational, 1);
    end(&a);

    begin(&a, "", true);
    limits.request_line = 20;
    tc_via_ask(&a.via, a.ends[0]);
    say_text(&a, "HTTP/1.1 200 Connection established\r\n\r\n");
    assert_int_equal(a.err, TC_ERR_PROXY_REPLY);
    assert_int_equal(reached.request_line, 1);
    end(&a);
}

/* Its words are cut, not ours. */
static void long_words(void **state)
{
    (void)state;
    asked a;
    char said[3000];
    memset(said, 'w', sizeof said);
    memcpy(said, "HTTP/1.1 403 ", 13);
    memcpy(said + sizeof said - 4, "\r\n\r\n", 4);
    begin(&a, "", true);
    tc_via_ask(&a.via, a.ends[0]);
    say(&a, said, sizeof said);
    assert_int_equal(a.err, TC_ERR_PROXY_REFUSED);
    assert_true(strlen(a.via.why) < 300);
    assert_non_null(strstr(a.via.why, "www..."));
    end(&a);
}

static void cancelled(void **state)
{
    (void)state;
    asked a;
    begin(&a, "", true);
    tc_via_ask(&a.via, a.ends[0]);
    say_text(&a, "HTTP/1.1 200");
    tc_via_cancel(&a.via);
    say_text(&a, " OK\r\n\r\n");
    assert_false(a.over);
    end(&a);
}

static int group_begin(void **state)
{
    (void)state;
    return tc_loop_new(&loop);
}

static int group_end(void **state)
{
    (void)state;
    tc_loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_at_once),  cmocka_unit_test(answers_before),
        cmocka_unit_test(answers_in_bytes), cmocka_unit_test(cut_everywhere),
        cmocka_unit_test(what_is_asked),    cmocka_unit_test(bounded),
        cmocka_unit_test(long_words),       cmocka_unit_test(cancelled),
    };
    return cmocka_run_group_tests(tests, group_begin, group_end);
}
