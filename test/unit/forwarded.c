/* forwarded.c - who asks behind proxies: what is believed, refused and removed. */
// SPDX-License-Identifier: MIT
#include "http/forwarded.h"

#include <stdio.h>

#include "support/check.h"

static tc_arena arena;
static tc_networks trusted;

static int begin(void **state)
{
    (void)state;
    char why[TC_NETWORK_WHY];
    tc_arena_init(&arena, NULL, 0, 1 << 20);
    trusted = (tc_networks){0};
    assert_int_equal(tc_networks_add(&trusted, TC_SPAN("10.0.0.0/8"), why), TC_OK);
    assert_int_equal(tc_networks_add(&trusted, TC_SPAN("fd00::/8"), why), TC_OK);
    tc_networks_seal(&trusted);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_arena_fini(&arena);
    tc_networks_fini(&trusted);
    return 0;
}

/* "192.0.2.1 80 https", "peer - -", "hidden - http", "error NUMBER". */
static const char *found(const char *lines)
{
    static char text[100];
    static const char *const kinds[] = {"peer", "", "hidden"};
    tc_fields f = {0};
    tc_asker client;
    tc_span scheme;
    check_add_fields(&f, &arena, lines);
    const tc_err err = tc_forwarded_find(&f, &arena, &trusted, 4, &client, &scheme);
    if (err) {
        (void)snprintf(text, sizeof text, "%s", tc_err_name(err));
        return text;
    }
    char ip[TC_IP_TEXT] = "";
    if (client.kind == TC_ASKER_KNOWN) (void)tc_ip_text(&client.ip, ip);
    (void)snprintf(text, sizeof text, "%s%s %u %.*s", kinds[client.kind], ip, (unsigned)client.port,
                   scheme.len ? (int)scheme.len : 1, scheme.len ? scheme.at : "-");
    return text;
}

typedef struct row {
    const char *lines, *found;
} row;

static void check_rows(const row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = found(rows[i].lines);
        if (strcmp(got, rows[i].found) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", rows[i].lines, got, rows[i].found);
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

static void nobody_says_anything(void **state)
{
    (void)state;
    static const row rows[] = {{"", "peer 0 -"},
                               {"accept: */*\n", "peer 0 -"},
                               {"x-forwarded-for: \n", "peer 0 -"},
                               {"x-forwarded-for: , ,\n", "peer 0 -"},
                               {"forwarded: \n", "peer 0 -"},
                               {"x-forwarded-host: evil\nx-real-ip: 192.0.2.1\n", "peer 0 -"},
                               {"x_forwarded_for: 192.0.2.1\n", "peer 0 -"},
                               {"x-forwarded-proto: https\n", "peer 0 https"},
                               {"x-forwarded-proto: ftp\n", "peer 0 -"}};
    CHECK_ROWS(rows);
}

static void addresses_from_the_end(void **state)
{
    (void)state;
    static const row rows[] = {
        {"x-forwarded-for: 192.0.2.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: 198.51.100.7, 192.0.2.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: 192.0.2.1, 10.0.0.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: 198.51.100.7, 192.0.2.1, 10.0.0.1,10.0.0.2\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: 192.0.2.1\nx-forwarded-for: 10.0.0.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: junk \" junk, 192.0.2.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: junk, 10.0.0.1\n", "FORWARDED"},
        {"x-forwarded-for: 10.0.0.3, 10.0.0.1\n", "10.0.0.3 0 -"},
        {"x-forwarded-for: 192.0.2.1:4711\n", "192.0.2.1 4711 -"},
        {"x-forwarded-for: 192.0.2.1:0x1\n", "FORWARDED"},
        {"x-forwarded-for: 192.0.2.1:65536\n", "FORWARDED"},
        {"x-forwarded-for: 192.0.2.1:\n", "FORWARDED"},
        {"x-forwarded-for: 2001:db8::1\n", "2001:db8::1 0 -"},
        {"x-forwarded-for: [2001:db8::1]\n", "2001:db8::1 0 -"},
        {"x-forwarded-for: [2001:db8::1]:80, fd00::1\n", "2001:db8::1 80 -"},
        {"x-forwarded-for: ::ffff:192.0.2.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: 192.0.2.1, ::ffff:10.0.0.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: [192.0.2.1]\n", "FORWARDED"},
        {"x-forwarded-for: [::1\n", "FORWARDED"},
        {"x-forwarded-for: [::1]x\n", "FORWARDED"},
        {"x-forwarded-for: ]\n", "FORWARDED"},
        {"x-forwarded-for: [\n", "FORWARDED"},
        {"x-forwarded-for: localhost\n", "FORWARDED"},
        {"x-forwarded-for: 192.0.2.1, unknown\n", "hidden 0 -"},
        {"x-forwarded-for: 192.0.2.1, unknown, 10.0.0.1\n", "hidden 0 -"},
        {"x-forwarded-for: 10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1\n", "10.0.0.1 0 -"},
        {"x-forwarded-for: 192.0.2.1,10.0.0.1,10.0.0.1,10.0.0.1\n", "192.0.2.1 0 -"},
        {"x-forwarded-for: 192.0.2.1,10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1\n", "FORWARDED_HOPS"},
        {"x-forwarded-for: 1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,192.0.2.1\n", "192.0.2.1 0 -"},
    };
    CHECK_ROWS(rows);
}

static void schemes_beside_addresses(void **state)
{
    (void)state;
    static const row rows[] = {
        {"x-forwarded-for: 192.0.2.1\nx-forwarded-proto: https\n", "192.0.2.1 0 https"},
        {"x-forwarded-for: 192.0.2.1\nx-forwarded-proto: HTTP\n", "192.0.2.1 0 http"},
        {"x-forwarded-for: 192.0.2.1, 10.0.0.1\nx-forwarded-proto: https\n", "192.0.2.1 0 https"},
        {"x-forwarded-for: 192.0.2.1, 10.0.0.1\nx-forwarded-proto: https, http\n",
         "192.0.2.1 0 https"},
        {"x-forwarded-for: 192.0.2.1, 10.0.0.1\nx-forwarded-proto: https\nx-forwarded-proto: "
         "http\n",
         "192.0.2.1 0 https"},
        {"x-forwarded-for: 9.9.9.9, 192.0.2.1\nx-forwarded-proto: https, http\n",
         "192.0.2.1 0 http"},
        {"x-forwarded-for: 192.0.2.1\nx-forwarded-proto: https, http\n", "192.0.2.1 0 http"},
    };
    CHECK_ROWS(rows);
}

static void elements_of_forwarded(void **state)
{
    (void)state;
    static const row rows[] = {
        {"forwarded: for=192.0.2.43\n", "192.0.2.43 0 -"},
        {"forwarded: FOR=192.0.2.43;PROTO=HTTPS;by=203.0.113.43;Host=h\n", "192.0.2.43 0 https"},
        {"forwarded: for=\"[2001:db8:cafe::17]:4711\"\n", "2001:db8:cafe::17 4711 -"},
        {"forwarded: for=\"192.0.2.43:47011\"\n", "192.0.2.43 47011 -"},
        {"forwarded: for=\"192.0.2.\\43\"\n", "192.0.2.43 0 -"},
        {"forwarded: for=\"[2001:db8::1]:_x\"\n", "2001:db8::1 0 -"},
        {"forwarded: for=_gazonk\n", "hidden 0 -"},
        {"forwarded: for=\"_SEVKISEK:80\"\n", "hidden 0 -"},
        {"forwarded: for=unknown;proto=https\n", "hidden 0 https"},
        {"forwarded: proto=https\n", "hidden 0 https"},
        {"forwarded: for=192.0.2.43, for=\"[fd00::1]\";proto=http\n", "192.0.2.43 0 -"},
        {"forwarded: for=192.0.2.43;proto=https\nforwarded: for=10.0.0.1;proto=http\n",
         "192.0.2.43 0 https"},
        {"forwarded: for=9.9.9.9;proto=https, for=192.0.2.43;proto=http\n", "192.0.2.43 0 http"},
        {"forwarded: for=\"a,b\";by=x, for=192.0.2.43\n", "192.0.2.43 0 -"},
        {"forwarded: for=192.0.2.43;secret=\"a;b\\\"\"\n", "192.0.2.43 0 -"},
        {"forwarded: for=192.0.2.43; proto=https\n", "192.0.2.43 0 https"},
        {"forwarded: for=192.0.2.43:80\n", "FORWARDED"},
        {"forwarded: for=2001:db8::1\n", "FORWARDED"},
        {"forwarded: for=\"2001:db8::1\"\n", "FORWARDED"},
        {"forwarded: for=\"[192.0.2.1]\"\n", "FORWARDED"},
        {"forwarded: for=\"_\"\n", "FORWARDED"},
        {"forwarded: for=\"_a b\"\n", "FORWARDED"},
        {"forwarded: for=1.2.3.4;for=192.0.2.1\n", "FORWARDED"},
        {"forwarded: for=\"192.0.2.1\n", "FORWARDED"},
        {"forwarded: for=\"x, for=192.0.2.1\n", "FORWARDED"},
        {"forwarded: for=\"x, for=\"[2001:db8::1]\"\n", "FORWARDED"},
        {"forwarded: for\n", "FORWARDED"},
        {"forwarded: 192.0.2.1\n", "FORWARDED"},
        {"forwarded: for=1.2.3.4 proto=https\n", "FORWARDED"},
        {"forwarded: for=1.1.1.1,for=10.0.0.1,for=10.0.0.1,for=10.0.0.1,for=10.0.0.1\n",
         "FORWARDED_HOPS"},
    };
    CHECK_ROWS(rows);
}

static void both_kinds_must_agree(void **state)
{
    (void)state;
    static const row rows[] = {
        {"forwarded: for=192.0.2.1\nx-forwarded-for: 192.0.2.1\n", "192.0.2.1 0 -"},
        {"forwarded: for=192.0.2.1\nx-forwarded-for: 9.9.9.9, 192.0.2.1, 10.1.1.1\n",
         "192.0.2.1 0 -"},
        {"forwarded: for=9.9.9.9\nx-forwarded-for: 192.0.2.1\n", "FORWARDED"},
        {"forwarded: for=unknown\nx-forwarded-for: 192.0.2.1\n", "FORWARDED"},
        {"forwarded: for=192.0.2.1;proto=https\nx-forwarded-for: 192.0.2.1\n", "192.0.2.1 0 -"},
        {"forwarded: for=192.0.2.1\nx-forwarded-proto: https\n", "192.0.2.1 0 -"},
        {"forwarded: for=192.0.2.1;proto=https\nx-forwarded-proto: https\n", "192.0.2.1 0 https"},
        {"forwarded: for=192.0.2.1;proto=https\nx-forwarded-proto: http\n", "FORWARDED"},
    };
    CHECK_ROWS(rows);
}

static void what_looks_like_it_goes(void **state)
{
    (void)state;
    static const char lines[] = "accept: a\nx-forwarded-for: b\nforwarded: for=c\nx_forwarded_for: "
                                "d\nx-forwarded_for: e\nx-forwarded-for: f\nx-real_ip: "
                                "g\nx-forwarded-proto: https\nx-forwarded-fox: h\n";
    tc_fields f = {0};
    tc_span value;
    check_add_fields(&f, &arena, lines);
    tc_forwarded_remove(&f, true);
    assert_int_equal(f.count, 6);
    assert_true(tc_fields_find(&f, TC_SPAN("x-forwarded-for"), &value));
    assert_false(tc_fields_find(&f, TC_SPAN("x_forwarded_for"), &value));
    tc_forwarded_remove(&f, false);
    assert_int_equal(f.count, 2);
    assert_false(tc_fields_has(&f, TC_FIELD_X_FORWARDED_FOR) ||
                 tc_fields_has(&f, TC_FIELD_FORWARDED));
    check_span(f.at[0].value, "a");
    check_span(f.at[1].value, "h");
}

/* However it begins, what the client said itself never names anybody: behind it stands what the
 * proxy found out. */
static void nobody_speaks_for_others(void **state)
{
    (void)state;
    static const char bytes[] = "for=, ;\"\\[]:192.0._x\t10unk";
    for (int round = 0; round < 20000; round++) {
        char said[40], lines[2][160];
        const size_t len = check_random_below(sizeof said - 1);
        for (size_t i = 0; i < len; i++)
            said[i] = bytes[check_random_below(sizeof bytes - 1)];
        while (len && (said[0] == ' ' || said[0] == '\t'))
            said[0] = 'x';
        said[len] = 0;
        (void)snprintf(lines[0], sizeof *lines, "forwarded: %s, for=203.0.113.9\n", said);
        (void)snprintf(lines[1], sizeof *lines, "x-forwarded-for: %s, 203.0.113.9\n", said);
        for (int i = 0; i < 2; i++) {
            const char *got = found(lines[i]);
            if (strcmp(got, "203.0.113.9 0 -") != 0 && strcmp(got, "FORWARDED") != 0)
                fail_msg("%s: %s", lines[i], got);
            check_case(i == 0 || got[0] == '2', lines[i]);
        }
        tc_arena_fini(&arena);
        tc_arena_init(&arena, NULL, 0, 1 << 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nobody_says_anything, begin, end),
        cmocka_unit_test_setup_teardown(addresses_from_the_end, begin, end),
        cmocka_unit_test_setup_teardown(schemes_beside_addresses, begin, end),
        cmocka_unit_test_setup_teardown(elements_of_forwarded, begin, end),
        cmocka_unit_test_setup_teardown(both_kinds_must_agree, begin, end),
        cmocka_unit_test_setup_teardown(what_looks_like_it_goes, begin, end),
        cmocka_unit_test_setup_teardown(nobody_speaks_for_others, begin, end),
    };
    return cmocka_run_group_tests_name("forwarded", tests, NULL, NULL);
}
