/* fuzz_cookie.c - Cookie and Set-Cookie fields, their dates, a jar's file and cookies.txt.
 *
 * The first byte picks the reader. What was read must survive being written; what a jar keeps must
 * be sound, within limits, and go nowhere but where it belongs. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "client/jar.h"

#define NOW INT64_C(1790000000)
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void cookies(tc_span s)
{
    tc_span rest = s, name, value;
    while (tc_cookie_next(&rest, &name, &value))
        MUST(tc_span_find(name, '=') == name.len && tc_span_find(value, ';') == value.len &&
             tc_span_trim(value).len == value.len);
    MUST(rest.len == 0);
}

static void set_cookies(tc_span s)
{
    tc_set_cookie c, again;
    tc_buf out, twice;
    if (!tc_set_cookie_parse(s, NOW, &c)) return;
    MUST(c.name.len + c.value.len && c.max_age_s <= TC_COOKIE_LIFE_S);
    tc_buf_init(&out, 1 << 20);
    tc_buf_init(&twice, 1 << 20);
    if (tc_set_cookie_write(&c, &out) == TC_OK) {
        MUST(tc_is_field_value(tc_buf_span(&out)));
        MUST(tc_set_cookie_parse(tc_buf_span(&out), NOW, &again));
        MUST(tc_set_cookie_write(&again, &twice) == TC_OK);
        MUST(tc_span_eq(tc_buf_span(&out), tc_buf_span(&twice)));
        MUST(tc_span_eq(c.name, again.name) && tc_span_eq(c.value, again.value));
    } else {
        MUST(out.len == 0);
    }
    tc_buf_fini(&out);
    tc_buf_fini(&twice);
}

static void dates(tc_span s)
{
    int64_t seconds;
    if (tc_cookie_date(s, &seconds)) MUST(seconds >= INT64_C(-11644473600));
}

static void check_jar(const tc_jar *jar)
{
    uint64_t count = 0;
    for (const tc_cookie *c = NULL; (c = tc_jar_next(jar, c, NOW)) != NULL; count++)
        MUST(tc_jar_is_sound(jar, c));
    MUST(count <= jar->count && count <= jar->limits->cookies);
}

/* A jar's text, written and read once more. */
static void write_twice(const tc_jar *jar, const tc_limits *limits)
{
    tc_reached reached = {0};
    tc_jar again;
    tc_buf one, two;
    unsigned line = 0;
    tc_buf_init(&one, 1 << 24);
    tc_buf_init(&two, 1 << 24);
    tc_jar_init(&again, limits, &reached);
    MUST(tc_jar_write(jar, NOW, &one) == TC_OK);
    MUST(tc_jar_read(&again, tc_buf_span(&one), NOW, &line) == TC_OK && line == 0);
    MUST(tc_jar_write(&again, NOW, &two) == TC_OK);
    MUST(tc_span_eq(tc_buf_span(&one), tc_buf_span(&two)));
    tc_jar_fini(&again);
    tc_buf_fini(&one);
    tc_buf_fini(&two);
}

static const tc_limits *small_limits(void)
{
    static tc_limits limits;
    limits = tc_limits_default;
    limits.cookies = 8;
    limits.cookies_site = 4;
    limits.cookies_sent = 100;
    return &limits;
}

static void files(tc_span s)
{
    tc_reached reached = {0};
    tc_jar jar;
    unsigned line = 0;
    tc_jar_init(&jar, small_limits(), &reached);
    if (tc_jar_read(&jar, s, NOW, &line) == TC_OK) write_twice(&jar, jar.limits);
    check_jar(&jar);
    tc_jar_fini(&jar);
}

static void netscape(tc_span s)
{
    tc_reached reached = {0};
    tc_jar jar, again;
    tc_buf out;
    unsigned line;
    uint64_t left;
    tc_buf_init(&out, 1 << 24);
    tc_jar_init(&jar, small_limits(), &reached);
    tc_jar_init(&again, jar.limits, &reached);
    (void)tc_jar_import(&jar, s, NOW, &line);
    check_jar(&jar);
    write_twice(&jar, jar.limits);
    MUST(tc_jar_export(&jar, NOW, &out, &left) == TC_OK);
    MUST(tc_jar_import(&again, tc_buf_span(&out), NOW, &line) + left == jar.count && line == 0);
    tc_jar_fini(&jar);
    tc_jar_fini(&again);
    tc_buf_fini(&out);
}

/* Lines of Set-Cookie, by turns from several URLs. */
static void taken(tc_span s)
{
    static const char *const urls[] = {"https://a.s.com/p/q", "http://s.com/", "http://1.2.3.4/x",
                                       "https://s.co.uk/", "http://localhost/"};
    enum { URLS = sizeof urls / sizeof *urls };
    tc_reached reached = {0};
    tc_arena a;
    tc_jar jar;
    tc_url url[URLS];
    tc_span value;
    tc_arena_init(&a, NULL, 0, 1 << 20);
    tc_jar_init(&jar, small_limits(), &reached);
    for (size_t i = 0; i < URLS; i++)
        MUST(tc_url_parse(&a, tc_span_str(urls[i]), &url[i]) == TC_OK);
    for (size_t i = 0; s.len; i++) {
        (void)tc_jar_take(&jar, &url[i % URLS], tc_span_take(&s, tc_span_find(s, '\n')), NOW);
        if (s.len) (void)tc_span_take(&s, 1);
    }
    check_jar(&jar);
    write_twice(&jar, jar.limits);
    for (size_t i = 0; i < URLS; i++) {
        const tc_jar_request request = {.url = &url[i], .safe = true};
        MUST(tc_jar_choose(&jar, &a, &request, NOW, &value) == TC_OK);
        MUST(value.len <= 100);
    }
    tc_jar_fini(&jar);
    tc_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(tc_span) = {cookies, set_cookies, dates, files, netscape, taken};
    if (size == 0) return 0;
    readers[data[0] % (sizeof readers / sizeof *readers)](
        (tc_span){(const char *)data + 1, size - 1});
    return 0;
}
