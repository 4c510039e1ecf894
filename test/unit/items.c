/* What the words of a command line become: URLs, fields, JSON, files; and what is refused. */
// SPDX-License-Identifier: MIT
#include "ask/items.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask/prepare.h"

struct result {
    tc_err err;
    tc_arena arena;
    tc_items items;
    tc_buf complaint;
};

/* What main is given may be written to, and is not. */
static char *const *argv_of(const char *const *words)
{
    return (char *const *)(uintptr_t)words;
}

static void read_words(struct result *r, const char *const *words)
{
    int count = 0;
    while (words[count])
        count++;
    tc_arena_init(&r->arena, NULL, 0, 1024 * 1024);
    tc_buf_init(&r->complaint, 4096);
    r->err = tc_items_read(&r->items, &r->arena, count, argv_of(words), &r->complaint);
}

static void drop(struct result *r)
{
    tc_items_fini(&r->items);
    tc_arena_fini(&r->arena);
    tc_buf_fini(&r->complaint);
}

#define READ(r, ...) read_words(r, (const char *const[]){__VA_ARGS__, NULL})

static bool is(tc_span s, const char *text)
{
    return tc_span_eq(s, tc_span_str(text));
}

static void urls_are_told_from_items(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool url;
    } cases[] = {
        {"http://h/", true},
        {"HTTPS://h", true},
        {"ftp://h/", true},
        {"a+b-c.d://x", true},
        {"/path", true},
        {"/", true},
        {":8080", true},
        {":80/x?y=z", true},
        {":x", false},
        {":", false},
        {"", false},
        {"Referer:http://h/", false},
        {"url=http://h/", false},
        {"url:=\"http://h/\"", false},
        {"CustID:=100", false},
        {"Name:value", false},
        {"@/etc/hosts", false},
        {"1a://x", false},
        {"://x", false},
        {"localhost:8080/x", false}, /* a URL only as the first word */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (tc_items_is_url(tc_span_str(cases[i].word)) != cases[i].url)
            fail_msg("%s", cases[i].word);
}

static void every_kind_is_read(void **state)
{
    (void)state;
    struct result r;
    READ(&r, "localhost:8080/x", "X-One:1", "http://h/2", "CustID:=100", "Name=David Smith",
         "Accept:", "X-Empty;", "Host:other.example", "X-Colon:a:b=c", "eq=a=b:=c", ":81");
    assert_int_equal(r.err, TC_OK);
    assert_int_equal(r.items.url_count, 3);
    assert_true(is(r.items.urls[0], "localhost:8080/x"));
    assert_true(is(r.items.urls[2], ":81"));
    assert_int_equal(r.items.fields.count, 3);
    assert_true(is(r.items.fields.at[0].name, "x-one"));
    assert_true(is(r.items.fields.at[0].value, "1"));
    assert_true(is(r.items.fields.at[1].name, "x-empty"));
    assert_int_equal(r.items.fields.at[1].value.len, 0);
    assert_true(is(r.items.fields.at[2].value, "a:b=c"));
    assert_true(is(r.items.host, "other.example"));
    assert_int_equal(r.items.removed.count, 1);
    assert_int_equal(r.items.removed.at[0].id, TC_FIELD_ACCEPT);
    assert_true(is(tc_buf_span(&r.items.json),
                   "{\"CustID\":100,\"Name\":\"David Smith\",\"eq\":\"a=b:=c\"}"));
    drop(&r);
}

static void json_is_sent_as_it_was_written(void **state)
{
    (void)state;
    struct result r;
    READ(&r, "/", "a:= 1.10 ", "b:=[1, {\"x\":null}]", "c:=12345678901234567", "d:=\"\\u00e9\"",
         "quote\"d=x\"y\\z");
    assert_int_equal(r.err, TC_OK);
    assert_true(is(tc_buf_span(&r.items.json),
                   "{\"a\":1.10,\"b\":[1, {\"x\":null}],\"c\":12345678901234567,\"d\":\"\\u00e9\","
                   "\"quote\\\"d\":\"x\\\"y\\\\z\"}"));
    drop(&r);
}

static void complaints_are_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        const char *complaint;
    } cases[] = {
        {"a:={", "a is no JSON: "}, /* jansson's words follow */
        {"a:=", "a is no JSON: "},
        {"a:={\"x\":1,\"x\":2}", "a is no JSON: duplicate object key"},
        {"a=\xff", "the member \"a\" is no UTF-8, which JSON must be"},
        {"X Y:z", "\"X Y:z\": \"X Y\" can be no field name"},
        {"X:a\r\nY: b", "the value of X has a character that no field may have"},
        {"N\xc3\xa4me:x", "\"N\xc3\xa4me:x\": \"N\xc3\xa4me\" can be no field name"},
        {"Content-Length:5",
         "Content-Length belongs to the connection or the framing; tercet sends it itself"},
        {"connection:close",
         "connection belongs to the connection or the framing; tercet sends it itself"},
        {"@", "@ needs the name of a file behind it"},
        {"word", "\"word\" is no URL, Name:value, key=value, key:=json or @file"},
        {"example.com/x",
         "\"example.com/x\" is no Name:value, key=value, key:=json or @file; if it "
         "is a URL, write http:// before it"},
        {"example.com:80/x", "\"example.com:80/x\" looks like a URL: write http:// before it"},
        {":=1", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct result r;
        READ(&r, "/", cases[i].word);
        if (!cases[i].complaint) { /* an empty key is a key */
            assert_int_equal(r.err, TC_OK);
        } else {
            assert_int_equal(r.err, TC_ERR_USAGE);
            if (!tc_span_starts(tc_buf_span(&r.complaint), tc_span_str(cases[i].complaint)))
                fail_msg("%.*s", TC_FMT(tc_buf_span(&r.complaint)));
        }
        drop(&r);
    }
}

static void nothing_may_be_given_twice(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"a=1", "a:=2"}, {"@x", "@y"}, {"Host:a", "Host:b"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct result r;
        READ(&r, "/", pairs[i][0], pairs[i][1]);
        assert_int_equal(r.err, TC_ERR_USAGE);
        drop(&r);
    }
}

static void urls_are_bounded(void **state)
{
    (void)state;
    const char *words[TC_ITEMS_URLS + 2];
    for (size_t i = 0; i <= TC_ITEMS_URLS; i++)
        words[i] = "/";
    words[TC_ITEMS_URLS + 1] = NULL;
    struct result r;
    read_words(&r, words);
    assert_int_equal(r.err, TC_ERR_USAGE);
    drop(&r);
}

/* --- the request that comes of it ---------------------------------------------------------- */

struct prepared {
    tc_prepared p;
    tc_err err;
    char complaint[256];
};

static void prepare(struct prepared *r, const char *method, enum tc_version version,
                    const char *data, const char *const *words)
{
    int count = 0;
    while (words[count])
        count++;
    tc_buf complaint;
    tc_buf_init(&complaint, sizeof r->complaint - 1);
    memset(r->complaint, 0, sizeof r->complaint);
    r->err =
        tc_prepare(&r->p, tc_span_str(method), version, data, count, argv_of(words), &complaint);
    if (complaint.len) memcpy(r->complaint, complaint.at, complaint.len);
    tc_buf_fini(&complaint);
}

#define PREPARE(r, method, version, data, ...)                                                     \
    prepare(r, method, version, data, (const char *const[]){__VA_ARGS__, NULL})

static const char *value_of(const struct prepared *r, enum tc_field_id id, char room[128])
{
    tc_span value;
    if (!tc_fields_get(&r->p.request.fields, id, &value)) return NULL;
    (void)snprintf(room, 128, "%.*s", TC_FMT(value));
    return room;
}

static void defaults_are_replaced_and_removed(void **state)
{
    (void)state;
    struct prepared r;
    char room[128];
    PREPARE(&r, "GET", TC_HTTP_1_1, NULL, "/");
    assert_int_equal(r.err, TC_OK);
    assert_string_equal(value_of(&r, TC_FIELD_USER_AGENT, room), "tercet/" TERCET_VERSION);
    assert_string_equal(value_of(&r, TC_FIELD_ACCEPT, room), "*/*");
    assert_null(value_of(&r, TC_FIELD_CONTENT_TYPE, room));
    tc_prepared_fini(&r.p);
    PREPARE(&r, "POST", TC_HTTP_1_1, NULL, "/", "a=b", "Accept:x/y", "user-agent:", "Host:");
    assert_int_equal(r.err, TC_OK);
    assert_null(value_of(&r, TC_FIELD_USER_AGENT, room));
    assert_string_equal(value_of(&r, TC_FIELD_ACCEPT, room), "x/y");
    assert_string_equal(value_of(&r, TC_FIELD_CONTENT_TYPE, room), "application/json");
    assert_int_equal(r.p.request.fields.count, 2);
    assert_true(r.p.request.no_host);
    tc_prepared_fini(&r.p);
    PREPARE(&r, "POST", TC_HTTP_1_1, NULL, "/", "a=b", "Content-Type:x/y");
    assert_string_equal(value_of(&r, TC_FIELD_CONTENT_TYPE, room), "x/y");
    tc_prepared_fini(&r.p);
}

static void content_has_a_type(void **state)
{
    (void)state;
    struct prepared r;
    char room[128], name[] = "/tmp/tercet-items-XXXXXX.css", word[64];
    const int fd = mkstemps(name, 4);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "body{}", 6), 6);
    close(fd);
    static const struct {
        const char *data, *type;
    } cases[] = {{"plain", "text/plain; charset=utf-8"},
                 {"{\"a\":1}", "application/json"},
                 {"[1]", "application/json"},
                 {"{nearly}", "text/plain; charset=utf-8"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        PREPARE(&r, "POST", TC_HTTP_1_1, cases[i].data, "/");
        assert_string_equal(value_of(&r, TC_FIELD_CONTENT_TYPE, room), cases[i].type);
        assert_int_equal(r.p.request.content.kind, TC_CONTENT_BYTES);
        tc_prepared_fini(&r.p);
    }
    (void)snprintf(word, sizeof word, "@%s", name);
    for (int way = 0; way < 2; way++) {
        if (way)
            PREPARE(&r, "PUT", TC_HTTP_1_1, word, "/");
        else
            PREPARE(&r, "PUT", TC_HTTP_1_1, NULL, "/", word);
        assert_int_equal(r.err, TC_OK);
        assert_int_equal(r.p.request.content.kind, TC_CONTENT_FILE);
        assert_int_equal(r.p.request.content.length, 6);
        assert_string_equal(value_of(&r, TC_FIELD_CONTENT_TYPE, room), "text/css; charset=utf-8");
        tc_prepared_fini(&r.p);
    }
    unlink(name);
}

static void rules_of_methods_and_versions(void **state)
{
    (void)state;
    struct prepared r;
    static const struct {
        const char *method;
        enum tc_version version;
        const char *data;
        const char *word;
        tc_err err;
    } cases[] = {
        {"TRACE", TC_HTTP_1_1, "x", "X:y", TC_ERR_USAGE},
        {"TRACE", TC_HTTP_1_1, NULL, "Authorization:x", TC_ERR_USAGE},
        {"TRACE", TC_HTTP_1_1, NULL, "X-Api-Key:x", TC_ERR_USAGE},
        {"TRACE", TC_HTTP_1_1, NULL, "X:y", TC_OK},
        {"CONNECT", TC_HTTP_1_1, NULL, "X:y", TC_ERR_USAGE},
        {"B@D", TC_HTTP_1_1, NULL, "X:y", TC_ERR_USAGE},
        {"PROPFIND", TC_HTTP_1_1, "x", "X:y", TC_OK},
        {"GET", TC_HTTP_0_9, NULL, "X:y", TC_ERR_USAGE},
        {"GET", TC_HTTP_0_9, NULL, "a=b", TC_ERR_USAGE},
        {"HEAD", TC_HTTP_0_9, NULL, "/2", TC_ERR_USAGE},
        {"GET", TC_HTTP_0_9, NULL, "/2", TC_OK},
        {"POST", TC_HTTP_1_1, "x", "a=b", TC_ERR_USAGE},
        {"POST", TC_HTTP_1_1, "x", "@f", TC_ERR_USAGE},
        {"POST", TC_HTTP_1_1, NULL, "@/nowhere/at/all", TC_ERR_READ_FILE},
        {"POST", TC_HTTP_1_1, NULL, "@/", TC_ERR_READ_FILE},
        {"GET", TC_HTTP_1_1, NULL, "Host:a b", TC_ERR_USAGE},
        {"GET", TC_HTTP_1_1, NULL, "Cookie:", TC_ERR_USAGE},
        {"GET", TC_HTTP_1_1, NULL, "Content-Type:", TC_ERR_USAGE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        PREPARE(&r, cases[i].method, cases[i].version, cases[i].data, "/", cases[i].word);
        if (r.err != cases[i].err || (r.err != TC_OK) != (r.complaint[0] != 0))
            fail_msg("%s %s: %s %s", cases[i].method, cases[i].word, tc_err_name(r.err),
                     r.complaint);
        tc_prepared_fini(&r.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_told_from_items),
        cmocka_unit_test(every_kind_is_read),
        cmocka_unit_test(json_is_sent_as_it_was_written),
        cmocka_unit_test(complaints_are_sentences),
        cmocka_unit_test(nothing_may_be_given_twice),
        cmocka_unit_test(urls_are_bounded),
        cmocka_unit_test(defaults_are_replaced_and_removed),
        cmocka_unit_test(content_has_a_type),
        cmocka_unit_test(rules_of_methods_and_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
