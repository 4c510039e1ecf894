/* vectors.c - the test vectors of llhttp, a parser of HTTP/1.x with other habits: what it refuses
 * when it is strict, we refuse too. What it takes we may refuse: other protocols, fragments,
 * codings that we do not have, responses that nobody asked for.
 *
 * A case is a block of a Markdown file in test/vectors/llhttp: the line ends of the block are CRLF,
 * and a backslash at one joins two lines. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>

#include "h1/h1.h"
#include "support/check.h"
#include "support/conn.h"

enum { TEXT_MAX = 1 << 18, REFUSED_LEAST = 70, TAKEN_LEAST = 80, STRICTER_MOST = 30 };

static const char *const files[] = {
    "request/connection.md",  "request/content-length.md", "request/finish.md",
    "request/invalid.md",     "request/method.md",         "request/pausing.md",
    "request/pipelining.md",  "request/sample.md",         "request/transfer-encoding.md",
    "request/uri.md",         "response/connection.md",    "response/content-length.md",
    "response/finish.md",     "response/invalid.md",       "response/pausing.md",
    "response/pipelining.md", "response/sample.md",        "response/transfer-encoding.md",
};

static tc_span read_file(const char *name)
{
    static char text[TEXT_MAX];
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/vectors/llhttp/%s", TEST_DIR, name);
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s", path);
    const size_t len = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    return tc_span_of(text, len);
}

static size_t find(tc_span s, const char *text)
{
    const tc_span wanted = tc_span_str(text);
    for (size_t i = 0; i + wanted.len <= s.len; i++)
        if (tc_span_starts(tc_span_from(s, i), wanted)) return i;
    return s.len;
}

static bool has(tc_span s, const char *text)
{
    return find(s, text) < s.len;
}

/* What stands between two marks; moves *s behind the second. */
static bool between(tc_span *s, const char *from, const char *to, tc_span *ret_text)
{
    tc_span rest = tc_span_from(*s, find(*s, from));
    if (rest.len == 0) return false;
    rest = tc_span_from(rest, tc_span_str(from).len);
    const size_t end = find(rest, to);
    *ret_text = tc_span_first(rest, end);
    *s = tc_span_from(rest, end + tc_span_str(to).len);
    return true;
}

static tc_span unescape(tc_span s, char *out)
{
    size_t n = 0;
    if (s.len && s.at[s.len - 1] == '\n') s.len--; /* the block's, not the message's */
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.at[i], next = i + 1 < s.len ? s.at[i + 1] : '\0';
        if (c == '\n') {
            out[n++] = '\r';
            out[n++] = '\n';
        } else if (c == '\\' &&
                   (next == '\n' || next == 'r' || next == 'n' || next == 't' || next == 'f')) {
            i++;
            if (next != '\n')
                out[n++] = next == 'r' ? '\r' : next == 'n' ? '\n' : next == 't' ? '\t' : '\f';
        } else if (c == '\\' && next == 'x' && i + 3 < s.len) {
            char hex[3] = {s.at[i + 2], s.at[i + 3], '\0'};
            out[n++] = (char)strtoul(hex, NULL, 16);
            i += 3;
        } else {
            out[n++] = c;
        }
    }
    return tc_span_of(out, n);
}

/* Whether our engine finds fault with those bytes, and an end of head behind them if ended. */
static bool refuses(tc_span in, bool request, bool ended)
{
    static conn c;
    conn_init(&c, &tc_h1_type, request ? TC_SERVER : TC_CLIENT);
    c.scripts[0] = (script){
        .status = 200, .method = TC_SPAN("GET"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
    c.script_count = 1;
    if (!request) conn_feed(&c, (tc_span){0}, false);
    conn_feed(&c, in, false);
    if (ended) conn_feed(&c, TC_SPAN("\r\n\r\n"), false);
    const tc_span log = tc_buf_span(&c.log);
    const bool refused = has(log, "broken ") || has(log, "reset ") || has(log, "failed ");
    conn_fini(&c);
    return refused;
}

/* Theirs is a parser alone: pausing, methods and what follows a connection's end are no syntax. */
static bool ours_to_judge(tc_span log)
{
    return has(log, "error code=22") || has(log, "error code=5 ") || has(log, "Invalid method");
}

/* A request of 1.1 without a Host is nothing to them, so most of theirs have none. */
static tc_span with_host(tc_span in, char *bytes)
{
    static const char host[] = "Host: a\r\n";
    const size_t len = sizeof host - 1, line = find(in, "HTTP/1.1\r\n");
    if (line == in.len || line == 0 || has(in, "Host:") || has(in, "HOST:")) return in;
    const size_t at = line + sizeof "HTTP/1.1\r\n" - 1;
    memmove(bytes + at + len, bytes + at, in.len - at);
    memcpy(bytes + at, host, len);
    return tc_span_of(bytes, in.len + len);
}

static void test_vectors(void **state)
{
    (void)state;
    unsigned refused = 0, taken = 0, stricter = 0, wrong = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        tc_span rest = read_file(files[i]), meta, input, log;
        const bool request = files[i][2] == 'q';
        while (between(&rest, "<!-- meta=", "-->", &meta) &&
               between(&rest, "```http\n", "```", &input) &&
               between(&rest, "```log\n", "```", &log)) {
            static char bytes[16384];
            if (has(meta, "lenient") || has(meta, "finish") || has(meta, "pause") ||
                has(log, "pause"))
                continue;
            const tc_span in = unescape(input, bytes);
            const bool theirs = has(log, "error code=") && !ours_to_judge(log);
            const bool ours = refuses(with_host(in, bytes), request, theirs);
            refused += theirs && ours;
            taken += !theirs && !ours;
            stricter += !theirs && ours;
            if (theirs && !ours) {
                wrong++;
                printf("taken: %s: %.*s\n%.*s\n", files[i], TC_FMT(input), TC_FMT(log));
            }
        }
    }
    printf("refused by both: %u, taken by both: %u, refused by us alone: %u\n", refused, taken,
           stricter);
    assert_int_equal(wrong, 0);
    assert_true(refused >= REFUSED_LEAST && taken >= TAKEN_LEAST); /* they were read at all */
    assert_true(stricter <= STRICTER_MOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_vectors)};
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
