/* chunked.c - the chunked decoder against a second one that is written as one would say it, whole
 * lines at a time, on random input that is mostly right. */
// SPDX-License-Identifier: MIT
#include "h1/chunked.h"

#include <stdio.h>

#include "base/ascii.h"
#include "http/field.h"
#include "support/check.h"

enum { ROUNDS = 60000, BYTES_MAX = 512 };

typedef struct outcome {
    tc_err err; /* only whether there is one is compared */
    bool done;
    char data[BYTES_MAX];
    size_t len, rest; /* bytes of content; bytes behind the last chunk */
} outcome;

/* --- the other decoder --- */

static void skip_blanks(tc_span *s)
{
    while (s->len && (s->at[0] == ' ' || s->at[0] == '\t'))
        *s = tc_span_from(*s, 1);
}

static bool skip_token(tc_span *s)
{
    size_t n = 0;
    while (n < s->len && tc_token_lower[(uint8_t)s->at[n]])
        n++;
    *s = tc_span_from(*s, n);
    return n > 0;
}

static bool skip_quoted(tc_span *s)
{
    for (size_t i = 1; i < s->len; i++) {
        if (s->at[i] == '"') {
            *s = tc_span_from(*s, i + 1);
            return true;
        }
        if (s->at[i] == '\\') i++;
    }
    return false;
}

/* "5 ;a=b" */
static bool parse_line(tc_span s, uint64_t *ret_size)
{
    size_t digits = 0;
    *ret_size = 0;
    for (; digits < s.len && tc_ascii_hex(s.at[digits]) >= 0; digits++)
        *ret_size = *ret_size << 4 | (uint64_t)tc_ascii_hex(s.at[digits]);
    if (digits == 0 || digits > 15) return digits == 16 && *ret_size <= INT64_MAX && s.len == 16;
    s = tc_span_from(s, digits);
    while (s.len > 0) {
        skip_blanks(&s);
        if (s.len == 0 || s.at[0] != ';') return false;
        s = tc_span_from(s, 1);
        skip_blanks(&s);
        if (!skip_token(&s)) return false;
        tc_span after = s;
        skip_blanks(&after);
        if (after.len && after.at[0] == '=') {
            s = tc_span_from(after, 1);
            skip_blanks(&s);
            if (s.len && s.at[0] == '"' ? !skip_quoted(&s) : !skip_token(&s)) return false;
        }
    }
    return true;
}

static outcome whole(tc_span in)
{
    outcome o = {0};
    for (;;) {
        size_t end = 0;
        while (end < in.len &&
               (((uint8_t)in.at[end] >= 0x20 && in.at[end] != 0x7f) || in.at[end] == '\t'))
            end++;
        uint64_t size;
        if (end + 1 >= in.len) { /* cut; but what is there may be wrong already */
            o.err = TC_ERR_CHUNKS_CUT;
            return o;
        }
        if (in.at[end] != '\r' || in.at[end + 1] != '\n' ||
            !parse_line(tc_span_first(in, end), &size)) {
            o.err = TC_ERR_CHUNK_SYNTAX;
            return o;
        }
        in = tc_span_from(in, end + 2);
        if (size == 0) {
            o.done = true;
            o.rest = in.len;
            return o;
        }
        const size_t n = in.len < size ? in.len : (size_t)size;
        memcpy(o.data + o.len, in.at, n);
        o.len += n;
        in = tc_span_from(in, n);
        if (in.len < 2) {
            o.err = n < size || in.len == 0 || in.at[0] == '\r' ? TC_ERR_CHUNKS_CUT
                                                                : TC_ERR_CHUNK_SYNTAX;
            return o;
        }
        if (in.at[0] != '\r' || in.at[1] != '\n') {
            o.err = TC_ERR_CHUNK_SYNTAX;
            return o;
        }
        in = tc_span_from(in, 2);
    }
}

/* --- ours, in random pieces --- */

static outcome pieces(tc_span in)
{
    outcome o = {0};
    tc_chunked c = {0};
    tc_reached reached = {0};
    while (in.len > 0 && !o.done && !o.err) {
        const size_t take = (size_t)check_random_below(in.len) + 1;
        tc_span piece = tc_span_first(in, take);
        const size_t before = piece.len;
        size_t n = 0;
        o.err = tc_chunked_next(&c, &tc_limits_default, &reached, &piece, &n, &o.done);
        if (o.err) break;
        if (n > 0) {
            const size_t some = (size_t)check_random_below(n) + 1;
            memcpy(o.data + o.len, piece.at, some);
            o.len += some;
            tc_chunked_took(&c, some);
            piece = tc_span_from(piece, some);
        }
        in = tc_span_from(in, before - piece.len);
    }
    o.rest = o.done ? in.len : 0;
    if (!o.done && !o.err) o.err = TC_ERR_CHUNKS_CUT;
    return o;
}

/* Chunks as they should be, then perhaps a few bytes changed. */
static size_t make_input(char *at)
{
    static const char *const extensions[] = {
        "", "", "", ";a", " ; a=b", ";a=\"q \\\" ;\"", ";a ;b=c", ";", " ", ";a=", ";a=\"", " x"};
    static const char *const hex = "0123456789abcdefABCDEF";
    size_t n = 0;
    const uint64_t chunks = check_random_below(4);
    for (uint64_t i = 0; i < chunks; i++) {
        const size_t size = (size_t)check_random_below(20) + 1;
        const char *extension = extensions[check_random_below(check_random_below(3) ? 7 : 12)];
        n += (size_t)sprintf(at + n, "%s%zx%s\r\n", check_random_below(5) ? "" : "00", size,
                             extension);
        for (size_t k = 0; k < size; k++)
            at[n++] = hex[check_random_below(22)];
        n += (size_t)sprintf(at + n, "\r\n");
    }
    n += (size_t)sprintf(at + n, "0\r\n\r\n");
    for (uint64_t i = check_random_below(4) ? 0 : check_random_below(3) + 1; i > 0; i--)
        at[check_random_below(n)] = "\r\n 0;\"a\tx\x01"[check_random_below(10)];
    return n - (check_random_below(4) ? 0 : (size_t)check_random_below(n));
}

static void test_two_decoders(void **state)
{
    (void)state;
    int good = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char input[BYTES_MAX];
        const tc_span in = tc_span_of(input, make_input(input));
        const outcome a = whole(in), b = pieces(in);
        const bool same = a.done == b.done && a.rest == b.rest &&
                          (a.err == TC_OK) == (b.err == TC_OK) &&
                          (a.err || (a.len == b.len && memcmp(a.data, b.data, a.len) == 0));
        if (!same) fail_msg("round %d: %d %d: %.*s", round, a.err, b.err, TC_FMT(in));
        good += a.done;
    }
    assert_true(good > ROUNDS / 4 && good < ROUNDS);
}

static void test_limits(void **state)
{
    (void)state;
    tc_limits limits = tc_limits_default;
    limits.chunk_line = 10;
    limits.chunk_extensions = 14;
    tc_reached reached = {0};
    size_t n;
    bool done;
    tc_chunked c = {0};
    tc_span line = TC_SPAN("1;abcdefgh\r\n");
    assert_int_equal(tc_chunked_next(&c, &limits, &reached, &line, &n, &done), TC_OK);
    c = (tc_chunked){0};
    line = TC_SPAN("1;abcdefghi\r\n");
    assert_int_equal(tc_chunked_next(&c, &limits, &reached, &line, &n, &done),
                     TC_ERR_CHUNK_EXTENSION);
    assert_int_equal(reached.chunk_line, 1);
    c = (tc_chunked){0};
    line = TC_SPAN("1;abcdef\r\nx\r\n1;abcdefg\r\nx");
    assert_int_equal(tc_chunked_next(&c, &limits, &reached, &line, &n, &done), TC_OK);
    assert_int_equal(n, 1);
    tc_chunked_took(&c, 1);
    line = tc_span_from(line, 1);
    assert_int_equal(tc_chunked_next(&c, &limits, &reached, &line, &n, &done),
                     TC_ERR_CHUNK_EXTENSION);
    assert_int_equal(reached.chunk_extensions, 1);
    /* an error is final */
    line = TC_SPAN("0\r\n\r\n");
    assert_int_not_equal(tc_chunked_next(&c, &limits, &reached, &line, &n, &done), TC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_decoders),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests_name("chunked", tests, NULL, NULL);
}
