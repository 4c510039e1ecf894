/* What may share a connection: the members of an identity, one by one and in random pairs. */
// SPDX-License-Identifier: MIT
#include "client/origin.h"

#include "base/alloc.h"
#include "client/choice.h"
#include "support/check.h"

enum { TEXT_BYTES = 6, ROUNDS = 20000, ROWS_MAX = 32 };

static unsigned any(unsigned below)
{
    return (unsigned)check_random_below(below);
}

static void *member(tc_origin *o, size_t row)
{
    return (char *)o + tc_identity_rows[row].offset;
}

/* Few letters and short texts, so that equal ones come about. */
static void set_any(tc_origin *o, size_t row, char room[TEXT_BYTES])
{
    if (tc_identity_rows[row].kind == TC_IDENTITY_NUMBER) {
        *(uint32_t *)member(o, row) = any(3);
        return;
    }
    const size_t len = any(TEXT_BYTES);
    for (size_t i = 0; i < len; i++)
        room[i] = (char)('a' + any(2));
    *(tc_span *)member(o, row) = tc_span_of(room, len);
}

static bool same_member(tc_origin *a, tc_origin *b, size_t row)
{
    if (tc_identity_rows[row].kind == TC_IDENTITY_NUMBER)
        return *(uint32_t *)member(a, row) == *(uint32_t *)member(b, row);
    const tc_span x = *(tc_span *)member(a, row), y = *(tc_span *)member(b, row);
    return x.len == y.len && (x.len == 0 || memcmp(x.at, y.at, x.len) == 0);
}

/* Every byte of the struct belongs to a row, but for padding behind a number. */
static void the_table_has_every_member(void **state)
{
    (void)state;
    size_t at = 0;
    assert_in_range(tc_identity_row_count, 11, ROWS_MAX);
    for (size_t i = 0; i < tc_identity_row_count; i++) {
        const tc_identity_row *row = &tc_identity_rows[i];
        assert_in_range(row->offset, at, at + sizeof(uint32_t));
        at = row->offset + (row->kind == TC_IDENTITY_TEXT ? sizeof(tc_span) : sizeof(uint32_t));
    }
    assert_in_range(sizeof(tc_origin), at, at + sizeof(uint32_t));
}

static void one_member_that_differs_is_enough(void **state)
{
    (void)state;
    char rooms[ROWS_MAX][TEXT_BYTES], other[TEXT_BYTES];
    tc_origin a = {0};
    for (size_t i = 0; i < tc_identity_row_count; i++)
        set_any(&a, i, rooms[i]);
    assert_true(tc_origin_eq(&a, &a));
    for (size_t i = 0; i < tc_identity_row_count; i++) {
        tc_origin b = a;
        do
            set_any(&b, i, other);
        while (same_member(&a, &b, i));
        if (tc_origin_eq(&a, &b) || tc_origin_eq(&b, &a))
            fail_msg("%s may differ", tc_identity_rows[i].name);
    }
}

/* Pairs that differ in any number of members, none too. */
static void random_pairs(void **state)
{
    (void)state;
    unsigned equal = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char rooms[ROWS_MAX][TEXT_BYTES], others[ROWS_MAX][TEXT_BYTES];
        tc_origin a = {0}, b = {0}, kept;
        bool same = true;
        for (size_t i = 0; i < tc_identity_row_count; i++) {
            set_any(&a, i, rooms[i]);
            memcpy(others[i], rooms[i], TEXT_BYTES);
            memcpy(member(&b, i), member(&a, i),
                   tc_identity_rows[i].kind == TC_IDENTITY_TEXT ? sizeof(tc_span)
                                                                : sizeof(uint32_t));
            if (tc_identity_rows[i].kind == TC_IDENTITY_TEXT)
                ((tc_span *)member(&b, i))->at = others[i]; /* equal, and not the same bytes */
            if (any(12) == 0) set_any(&b, i, others[i]);
            same &= same_member(&a, &b, i);
        }
        equal += same;
        assert_int_equal(tc_origin_eq(&a, &b), same);
        assert_int_equal(tc_origin_eq(&b, &a), same);
        char *memory;
        assert_int_equal(tc_origin_keep(&b, &memory, &kept), TC_OK);
        memset(others, 'x', sizeof others); /* a copy depends on nothing */
        assert_int_equal(tc_origin_eq(&a, &kept), same);
        tc_free(memory);
    }
    assert_in_range(equal, 100, ROUNDS - 100);
}

/* What a request and the settings make of it. */
static void settings_and_credentials_count(void **state)
{
    (void)state;
    tc_arena a;
    tc_url http, https;
    tc_fields none = {0}, one = {0}, two = {0};
    tc_arena_init(&a, NULL, 0, 1 << 16);
    assert_int_equal(tc_url_parse(&a, TC_SPAN("http://h/"), &http), TC_OK);
    assert_int_equal(tc_url_parse(&a, TC_SPAN("https://h/"), &https), TC_OK);
    assert_int_equal(tc_fields_set(&one, &a, TC_FIELD_AUTHORIZATION, TC_SPAN("Basic YTox")), TC_OK);
    assert_int_equal(tc_fields_set(&two, &a, TC_FIELD_AUTHORIZATION, TC_SPAN("Basic YToy")), TC_OK);
    const tc_tls_client_config plain = {0}, others[] = {{.authorities = {"ca.pem"}},
                                                        {.revoked = "crl.pem"},
                                                        {.insecure = true},
                                                        {.certificate = "me.pem"},
                                                        {.certificate = "me.pem", .key = "k"}};
    const tc_origin x = tc_origin_of(&https, NULL, TC_HTTP_NONE, &plain, &none);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const tc_origin y = tc_origin_of(&https, NULL, TC_HTTP_NONE, &others[i], &none);
        assert_false(tc_origin_eq(&x, &y));
        const tc_origin clear = tc_origin_of(&http, NULL, TC_HTTP_NONE, &plain, &none);
        const tc_origin same = tc_origin_of(&http, NULL, TC_HTTP_NONE, &others[i], &none);
        assert_true(tc_origin_eq(&clear, &same)); /* in clear text they are not used */
    }
    const tc_origin p = tc_origin_of(&https, NULL, TC_HTTP_NONE, &plain, &one);
    const tc_origin q = tc_origin_of(&https, NULL, TC_HTTP_NONE, &plain, &two);
    const tc_origin r = tc_origin_of(&https, NULL, TC_HTTP_2, &plain, &none);
    assert_false(tc_origin_eq(&x, &p));
    assert_false(tc_origin_eq(&p, &q));
    assert_false(tc_origin_eq(&x, &r));
    tc_arena_fini(&a);
}

/* A tunnel is to one server; what a proxy forwards may be to any, and is the proxy's alone. */
static void a_proxy_counts(void **state)
{
    (void)state;
    tc_arena a;
    tc_url urls[4];
    tc_proxy proxies[3];
    static const char *const texts[] = {"http://h/", "http://other:81/", "https://h/",
                                        "https://i/"};
    static const char *const names[] = {"p:1", "q:1", "me:secret@p:1"};
    const tc_tls_client_config tls = {0};
    const tc_fields none = {0};
    tc_arena_init(&a, NULL, 0, 1 << 16);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tc_url_parse(&a, tc_span_str(texts[i]), &urls[i]), TC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tc_proxy_parse(&a, tc_span_str(names[i]), &proxies[i]), TC_OK);
    static const enum tc_version versions[] = {TC_HTTP_NONE, TC_HTTP_0_9, TC_HTTP_1_0, TC_HTTP_1_1,
                                               TC_HTTP_2};
    for (int v = 0; v < 5; v++) {
        const enum tc_version version = versions[v];
        const bool forwards = version != TC_HTTP_0_9 && version != TC_HTTP_2;
        for (int i = 0; i < 4; i++) {
            assert_false(tc_origin_is_forwarded(&urls[i], NULL, version));
            assert_int_equal(tc_origin_is_forwarded(&urls[i], &proxies[0], version),
                             i < 2 && forwards);
            const tc_origin direct = tc_origin_of(&urls[i], NULL, version, &tls, &none);
            for (int p = 0; p < 3; p++) {
                const tc_origin x = tc_origin_of(&urls[i], &proxies[p], version, &tls, &none);
                assert_false(tc_origin_eq(&x, &direct));
                for (int j = 0; j < 4; j++)
                    for (int q = 0; q < 3; q++) {
                        const tc_origin y =
                            tc_origin_of(&urls[j], &proxies[q], version, &tls, &none);
                        const bool same = p == q && (i == j || (i < 2 && j < 2 && forwards));
                        assert_int_equal(tc_origin_eq(&x, &y), same);
                    }
            }
        }
    }
    tc_arena_fini(&a);
}

static void why_a_version_is_spoken(void **state)
{
    (void)state;
    char room[TC_CHOICE_BYTES];
    const tc_protection agreed = {.protocol = "h2", .offered = "h2, http/1.1"};
    const tc_protection silent = {.offered = "h2, http/1.1"};
    check_span(tc_choice_text(TC_HTTP_NONE, &agreed, room),
               "chosen by the server from h2, http/1.1 (ALPN)");
    check_span(tc_choice_text(TC_HTTP_NONE, &silent, room),
               "since the server agreed to none of h2, http/1.1 (ALPN)");
    check_span(tc_choice_text(TC_HTTP_2, &agreed, room),
               "as asked for; the server agreed to h2 (ALPN)");
    check_span(tc_choice_text(TC_HTTP_1_1, &silent, room),
               "as asked for; the server named no version (ALPN)");
    check_span(tc_choice_text(TC_HTTP_2, NULL, room),
               "as asked for; in clear text the server has no say");
    check_span(tc_choice_text(TC_HTTP_NONE, NULL, room),
               "as always in clear text, unless --http asks for another");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_every_member),
        cmocka_unit_test(one_member_that_differs_is_enough),
        cmocka_unit_test(random_pairs),
        cmocka_unit_test(settings_and_credentials_count),
        cmocka_unit_test(a_proxy_counts),
        cmocka_unit_test(why_a_version_is_spoken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
