/* text.c - bytes made safe: UTF-8, JSON, HTML, terminals, base64, numbers. */
// SPDX-License-Identifier: MIT
#include "base/text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "support/check.h"

enum how { JSON, HTML, LINE, LINES, BASE64 };

static const char *made(enum how how, tc_span s)
{
    static char memory[65536];
    tc_buf b;
    tc_buf_init_over(&b, memory, sizeof memory);
    const tc_err err = how == JSON     ? tc_text_json(&b, s)
                       : how == HTML   ? tc_text_html(&b, s)
                       : how == BASE64 ? tc_text_base64(&b, s)
                                       : tc_text_terminal(&b, s, how == LINES);
    assert_int_equal(err, TC_OK);
    assert_ptr_equal(b.at, memory);
    memory[b.len] = '\0';
    return memory;
}

/* As RFC 3629, 4 has it: by the value and the shortest form of it. */
static size_t plain_length(const uint8_t *b, size_t len)
{
    if (b[0] < 0x80) return 1;
    const size_t n = b[0] >> 5 == 6 ? 2 : b[0] >> 4 == 14 ? 3 : b[0] >> 3 == 30 ? 4 : 0;
    if (n == 0 || n > len) return 0;
    uint32_t value = b[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if (b[i] >> 6 != 2) return 0;
        value = value << 6 | (b[i] & 63u);
    }
    const uint32_t least = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
    return value < least || value > 0x10ffff || value >> 11 == 27 ? 0 : n;
}

static void utf8_is_told_from_what_looks_like_it(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1u << 24; i++) {
        const uint8_t b[4] = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 0x80};
        if (b[0] < 0x80 && (b[1] || b[2])) continue;
        for (size_t len = b[0] < 0xf0 ? 1 : 2; len <= 4; len++)
            if (tc_text_utf8_length((tc_span){(const char *)b, len}) != plain_length(b, len))
                fail_msg("%06x of %zu", i, len);
    }
    assert_int_equal(tc_text_utf8_length((tc_span){0}), 0);
    assert_true(tc_text_is_utf8((tc_span){0}));
    assert_true(tc_text_is_utf8(TC_SPAN("a\0\xc3\xa4\xf0\x9f\x98\x80")));
    assert_false(tc_text_is_utf8(TC_SPAN("a\xc3\xa4\xf0\x9f\x98")));
    const tc_span cut = check_edge(TC_SPAN("\xf0\x9f\x98"));
    for (size_t n = 1; n <= 3; n++)
        assert_int_equal(tc_text_utf8_length(tc_span_from(cut, 3 - n)), 0);
}

static void plain_bytes_are_told_wherever_they_stand(void **state)
{
    (void)state;
    char text[21];
    for (int byte = 0; byte < 256; byte++) {
        const bool plain = byte >= 0x20 && byte < 0x7f, bare = byte != '"' && byte != '\\';
        for (size_t at = 0; at < sizeof text; at++) {
            memset(text, 'a' + (int)at, sizeof text);
            text[at] = (char)byte;
            const tc_span s = tc_span_of(text, sizeof text);
            assert_int_equal(tc_text_plain(s, false), plain ? sizeof text : at);
            assert_int_equal(tc_text_plain(s, true), plain && bare ? sizeof text : at);
        }
    }
    assert_int_equal(tc_text_plain((tc_span){0}, true), 0);
}

/* As looking at one byte after the other does. */
static size_t plain_bytes(tc_span s, bool quoted)
{
    size_t i = 0;
    while (i < s.len && s.at[i] >= 0x20 && s.at[i] < 0x7f &&
           !(quoted && (s.at[i] == '"' || s.at[i] == '\\')))
        i++;
    return i;
}

static void several_that_are_not_plain(void **state)
{
    (void)state;
    static const uint8_t odd[] = {0,    0x1b, 0x1f, ' ',  '!',  '"',  '#', '[',
                                  '\\', ']',  '~',  0x7f, 0x80, 0xa0, 0xff};
    uint8_t text[40];
    for (int turn = 0; turn < 200000; turn++) {
        const size_t len = check_random_below(sizeof text + 1);
        const tc_span s = tc_span_of((const char *)text + sizeof text - len, len);
        for (size_t i = 0; i < sizeof text; i++)
            text[i] = check_random_below(6) ? 'a' : odd[check_random_below(sizeof odd)];
        assert_int_equal(tc_text_plain(s, false), plain_bytes(s, false));
        assert_int_equal(tc_text_plain(s, true), plain_bytes(s, true));
    }
}

static void json_is_quoted(void **state)
{
    (void)state;
    assert_string_equal(made(JSON, TC_SPAN("")), "\"\"");
    assert_string_equal(made(JSON, (tc_span){0}), "\"\"");
    assert_string_equal(made(JSON, TC_SPAN("a\"b\\c/")), "\"a\\\"b\\\\c/\"");
    assert_string_equal(made(JSON, TC_SPAN("\n\r\t\b\0\x1f\x7f")),
                        "\"\\n\\r\\t\\u0008\\u0000\\u001f\\u007f\"");
    assert_string_equal(made(JSON, TC_SPAN("\xc3\xa4 \xff\xc3")),
                        "\"\xc3\xa4 \xef\xbf\xbd\xef\xbf\xbd\"");
    for (int round = 0; round < 5000; round++) {
        char bytes[40];
        const size_t n = check_random_below(sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)check_random_below(check_random_below(2) ? 128 : 256);
        json_t *root =
            json_loads(made(JSON, (tc_span){bytes, n}), JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(root);
        if (tc_text_is_utf8((tc_span){bytes, n})) {
            assert_int_equal(json_string_length(root), n);
            if (n) assert_memory_equal(json_string_value(root), bytes, n);
        }
        json_decref(root);
    }
}

static void html_is_escaped(void **state)
{
    (void)state;
    assert_string_equal(made(HTML, TC_SPAN("<a href=\"x\">'&'</a>")),
                        "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    assert_string_equal(made(HTML, TC_SPAN("a\nb\tc\r\0\x1b\x7f\xc2\x85z")), "a\nb\tc     z");
    assert_string_equal(made(HTML, TC_SPAN("\xc3\xa4\xff\xc0\xaf")),
                        "\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    for (int round = 0; round < 5000; round++) {
        char bytes[40];
        const size_t n = check_random_below(sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)check_random();
        const char *text = made(HTML, (tc_span){bytes, n});
        assert_null(strpbrk(text, "<>\"'\x1b\r"));
        assert_true(tc_text_is_utf8(tc_span_str(text)));
    }
}

static void terminals_see_no_controls(void **state)
{
    (void)state;
    assert_string_equal(made(LINE, TC_SPAN("a\x1b[31mb\r\n\t\x07\x7f")),
                        "a\\x1b[31mb\\x0d\\x0a\\x09\\x07\\x7f");
    assert_string_equal(made(LINES, TC_SPAN("a\tb\r\n")), "a\tb\\x0d\n");
    assert_string_equal(made(LINE, TC_SPAN("\xc3\xa4 \xc2\x9b"
                                           "31m \xff")),
                        "\xc3\xa4 \\xc2\\x9b"
                        "31m \\xff");
    assert_string_equal(made(LINE, TC_SPAN("\xe2\x80\xae"
                                           "abc")),
                        "\\xe2\\x80\\xae"
                        "abc"); /* right-to-left override */
    for (int round = 0; round < 5000; round++) {
        char bytes[40];
        const size_t n = check_random_below(sizeof bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)check_random();
        const tc_span text = tc_span_str(made(LINE, (tc_span){bytes, n}));
        assert_true(tc_text_is_utf8(text));
        for (size_t i = 0; i < text.len; i++)
            assert_true((uint8_t)text.at[i] >= 0x20 && text.at[i] != 0x7f);
    }
}

/* Every character of two and three bytes: which ones are shown as bytes. */
static void what_misleads_a_reader_is_shown_as_bytes(void **state)
{
    (void)state;
    for (uint32_t c = 0x80; c < 0x10000; c++) {
        const char two[] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 63))};
        const char three[] = {(char)(0xe0 | c >> 12), (char)(0x80 | (c >> 6 & 63)),
                              (char)(0x80 | (c & 63))};
        const tc_span s = c < 0x800 ? (tc_span){two, 2} : (tc_span){three, 3};
        if (!tc_text_is_utf8(s)) continue; /* surrogates */
        const bool shown =
            !(c < 0xa0 || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
        const tc_span got = tc_span_str(made(LINE, s));
        if (tc_span_eq(got, s) != shown) fail_msg("U+%04X", c);
        const tc_span html = tc_span_str(made(HTML, s));
        if (tc_span_eq(html, s) != (c >= 0xa0)) fail_msg("U+%04X in HTML", c);
    }
}

static void base64_follows_the_rfc(void **state)
{
    (void)state;
    /* RFC 4648, 10 */
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xfe\xfd", "//79"},
                                           {"\xfb\xff", "+/8="}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(made(BASE64, check_edge(tc_span_str(cases[i][0]))), cases[i][1]);
    assert_string_equal(made(BASE64, (tc_span){0}), "");
    tc_buf b;
    tc_buf_init(&b, 7);
    assert_int_equal(tc_text_base64(&b, TC_SPAN("")), TC_OK);
    assert_int_equal(tc_text_base64(&b, TC_SPAN("foob")), TC_ERR_FULL);
    assert_int_equal(b.len, 0);
    tc_buf_fini(&b);
}

static void numbers_are_written(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        const uint64_t value =
            i < 2 ? (i ? UINT64_MAX : 0) : check_random() >> check_random_below(64);
        char wanted[32], at[20];
        (void)snprintf(wanted, sizeof wanted, "%" PRIu64, value);
        check_span((tc_span_of(at, tc_text_number(at, value))), wanted);
    }
    static const struct {
        uint64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {999, "999"},
                 {1000, "1,000"},
                 {123456, "123,456"},
                 {1234567, "1,234,567"},
                 {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char memory[64];
        tc_buf b;
        tc_buf_init_over(&b, memory, sizeof memory);
        assert_int_equal(tc_text_thousands(&b, cases[i].value), TC_OK);
        check_span(tc_buf_span(&b), cases[i].text);
    }
}

static void a_full_buffer_is_said_so(void **state)
{
    (void)state;
    const tc_span s = TC_SPAN("a<\"\x1b\xff\n");
    for (size_t max = 1; max < 64; max++) {
        tc_buf b;
        tc_buf_init(&b, max);
        const tc_err json = tc_text_json(&b, s);
        assert_int_equal(json, max < 17 ? TC_ERR_FULL : TC_OK);
        assert_true(b.len <= max);
        tc_buf_reset(&b);
        assert_int_equal(tc_text_html(&b, s), max < 16 ? TC_ERR_FULL : TC_OK);
        tc_buf_reset(&b);
        assert_int_equal(tc_text_terminal(&b, s, false), max < 15 ? TC_ERR_FULL : TC_OK);
        tc_buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_what_looks_like_it),
        cmocka_unit_test(plain_bytes_are_told_wherever_they_stand),
        cmocka_unit_test(several_that_are_not_plain),
        cmocka_unit_test(json_is_quoted),
        cmocka_unit_test(html_is_escaped),
        cmocka_unit_test(terminals_see_no_controls),
        cmocka_unit_test(what_misleads_a_reader_is_shown_as_bytes),
        cmocka_unit_test(base64_follows_the_rfc),
        cmocka_unit_test(numbers_are_written),
        cmocka_unit_test(a_full_buffer_is_said_so),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
