/* text.c - see text.h. */
// SPDX-License-Identifier: MIT
#include "base/text.h"

#include "base/word.h"

#define TEN(tens)                                                                                  \
    {tens, '0'}, {tens, '1'}, {tens, '2'}, {tens, '3'}, {tens, '4'}, {tens, '5'}, {tens, '6'},     \
        {tens, '7'}, {tens, '8'},                                                                  \
    {                                                                                              \
        tens, '9'                                                                                  \
    }
const char tc_text_pairs[100][2] = {TEN('0'), TEN('1'), TEN('2'), TEN('3'), TEN('4'),
                                    TEN('5'), TEN('6'), TEN('7'), TEN('8'), TEN('9')};

size_t tc_text_number(char *at, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++)
        at[i] = digits[n - 1 - i];
    return n;
}

/* What is not plain: >= 0x80, 0x7f, < 0x20; the first one is exact. */
static uint64_t not_plain(uint64_t word, bool quoted)
{
    const uint64_t not = word | (word + TC_WORD_EACH(1)) | (word - TC_WORD_EACH(' '));
    return quoted ? not | tc_word_are(word, '"') | tc_word_are(word, '\\') : not ;
}

size_t tc_text_plain(tc_span s, bool quoted)
{
    size_t i = 0;
    for (; s.len - i >= TC_WORD; i += TC_WORD) {
        const size_t n = tc_word_first(not_plain(tc_word_at(s.at + i), quoted));
        if (n < TC_WORD) return i + n;
    }
    if (i) { /* the last ones together with some that are known */
        const size_t last = s.len - TC_WORD;
        return last + tc_word_first(not_plain(tc_word_at(s.at + last), quoted));
    }
    for (; i < s.len; i++) {
        const char c = s.at[i];
        if (c < ' ' || c > '~' || (quoted && (c == '"' || c == '\\'))) break;
    }
    return i;
}

size_t tc_text_utf8_length(tc_span s)
{
    if (s.len == 0) return 0;
    const uint8_t *b = (const uint8_t *)s.at;
    if (b[0] < 0x80) return 1;
    const size_t n = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
    if (b[0] < 0xc2 || b[0] > 0xf4 || s.len < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((b[i] & 0xc0) != 0x80) return 0;
    if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
        (b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
        return 0; /* overlong, surrogate, past U+10FFFF */
    return n;
}

bool tc_text_is_utf8(tc_span s)
{
    while (s.len) {
        const size_t n = tc_text_utf8_length(s);
        if (n == 0) return false;
        s = tc_span_from(s, n);
    }
    return true;
}

/* C0, DEL and C1 (which some terminals obey too): s is one character of valid UTF-8. */
static bool is_control(tc_span s)
{
    const uint8_t c = (uint8_t)s.at[0];
    return s.len == 1 ? c < 0x20 || c == 0x7f : s.len == 2 && c == 0xc2 && (uint8_t)s.at[1] < 0xa0;
}

/* Takes one character, or one byte that belongs to none, off *s and adds what stands for it. */
static tc_err json_one(tc_buf *b, tc_span *s)
{
    const char c = s->at[0];
    const size_t n = tc_text_utf8_length(*s);
    if (n == 0) {
        (void)tc_span_take(s, 1);
        return tc_buf_add(b, TC_SPAN("\xef\xbf\xbd"));
    }
    const tc_span one = tc_span_take(s, n);
    switch (c) {
    case '"': return tc_buf_add(b, TC_SPAN("\\\""));
    case '\\': return tc_buf_add(b, TC_SPAN("\\\\"));
    case '\n': return tc_buf_add(b, TC_SPAN("\\n"));
    case '\r': return tc_buf_add(b, TC_SPAN("\\r"));
    case '\t': return tc_buf_add(b, TC_SPAN("\\t"));
    default: break;
    }
    if ((uint8_t)c < 0x20 || c == 0x7f) return tc_buf_printf(b, "\\u%04x", (unsigned)(uint8_t)c);
    return tc_buf_add(b, one);
}

tc_err tc_text_json(tc_buf *b, tc_span s)
{
    tc_err err = tc_buf_add_byte(b, '"');
    while (s.len && !err) {
        err = tc_buf_add(b, tc_span_take(&s, tc_text_plain(s, true)));
        if (s.len && !err) err = json_one(b, &s);
    }
    return err ? err : tc_buf_add_byte(b, '"');
}

/* What stands for the character, or nothing where it stands for itself. */
static tc_span html_instead(tc_span character)
{
    switch (character.at[0]) {
    case '&': return TC_SPAN("&amp;");
    case '<': return TC_SPAN("&lt;");
    case '>': return TC_SPAN("&gt;");
    case '"': return TC_SPAN("&quot;");
    case '\'': return TC_SPAN("&#39;");
    case '\n':
    case '\t': return (tc_span){0};
    default: return is_control(character) ? TC_SPAN(" ") : (tc_span){0};
    }
}

tc_err tc_text_html(tc_buf *b, tc_span s)
{
    tc_err err = TC_OK;
    while (s.len && !err) {
        const size_t n = tc_text_utf8_length(s);
        const tc_span one = tc_span_take(&s, n ? n : 1);
        const tc_span instead = n ? html_instead(one) : TC_SPAN("\xef\xbf\xbd");
        err = tc_buf_add(b, instead.len ? instead : one);
    }
    return err;
}

/* Line separators and what turns the direction of text: it can make a name look like another. */
static bool misleads(tc_span s)
{
    if (s.len != 3 || (uint8_t)s.at[0] != 0xe2) return false;
    const uint8_t b = (uint8_t)s.at[1], c = (uint8_t)s.at[2];
    return (b == 0x80 && c >= 0xa8 && c <= 0xae) || (b == 0x81 && c >= 0xa6 && c <= 0xa9);
}

tc_err tc_text_terminal(tc_buf *b, tc_span s, bool lines)
{
    tc_err err = tc_buf_add(b, tc_span_take(&s, tc_text_plain(s, false)));
    while (s.len && !err) {
        const size_t n = tc_text_utf8_length(s);
        const tc_span one = tc_span_take(&s, n ? n : 1);
        const bool line = lines && (one.at[0] == '\n' || one.at[0] == '\t');
        if (n && (line || !(is_control(one) || misleads(one)))) {
            err = tc_buf_add(b, one);
            continue;
        }
        for (size_t i = 0; i < one.len && !err; i++)
            err = tc_buf_printf(b, "\\x%02x", (unsigned)(uint8_t)one.at[i]);
    }
    return err;
}

tc_err tc_text_base64(tc_buf *b, tc_span s)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to;
    const size_t size = (s.len + 2) / 3 * 4;
    const tc_err err = tc_buf_reserve(b, size, &to);
    if (err) return err;
    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = (uint32_t)(uint8_t)s.at[i] << 16;
        v |= i + 1 < s.len ? (uint32_t)(uint8_t)s.at[i + 1] << 8 : 0;
        v |= i + 2 < s.len ? (uint32_t)(uint8_t)s.at[i + 2] : 0;
        *to++ = letters[v >> 18];
        *to++ = letters[v >> 12 & 63];
        *to++ = i + 1 < s.len ? letters[v >> 6 & 63] : '=';
        *to++ = i + 2 < s.len ? letters[v & 63] : '=';
    }
    b->len += size;
    return TC_OK;
}

tc_err tc_text_thousands(tc_buf *b, uint64_t value)
{
    char digits[20], text[27];
    const size_t n = tc_text_number(digits, value);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0) text[len++] = ',';
        text[len++] = digits[i];
    }
    return tc_buf_add(b, (tc_span){text, len});
}
