/* alt_svc.c - Alt-Svc (RFC 7838, 3). */
// SPDX-License-Identifier: MIT
#include "http/alt_svc.h"

#include "support/check.h"

static void alternatives_come_one_by_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct {
            const char *protocol, *host;
            unsigned port;
            uint64_t fresh_s;
        } wanted[3];
    } cases[] = {
        /* RFC 7838, 3 and 3.1 */
        {"h2=\":8000\"", {{"h2", "", 8000, 86400}}},
        {"h2=\"new.example.org:80\"", {{"h2", "new.example.org", 80, 86400}}},
        {"h2=\"alt.example.com:8000\", h2=\":443\"",
         {{"h2", "alt.example.com", 8000, 86400}, {"h2", "", 443, 86400}}},
        {"h2=\":443\"; ma=3600", {{"h2", "", 443, 3600}}},
        {"h2=\":443\"; ma=2592000; persist=1", {{"h2", "", 443, 2592000}}},
        {"w%3Dx%3Ay#z=\":1\"", {{"w%3Dx%3Ay#z", "", 1, 86400}}},
        {"clear", {{0}}},

        {"", {{0}}},
        {"h3=\":443\";ma=0", {{"h3", "", 443, 0}}},
        {"h3=\"[::1]:443\"", {{"h3", "[::1]", 443, 86400}}},
        {"h3=\":443\"; what=\"a, b; c\" ;ma=\"7\" , h2=\":1\"",
         {{"h3", "", 443, 7}, {"h2", "", 1, 86400}}},
        /* what is malformed costs only itself */
        {"h3=443, h3=:443, h3=\"443\", h3=\":0\", h3=\":65536\", h3=\":\", h3=\":4x\", h3=\"\"",
         {{0}}},
        {"h3=\":1\"; ma=x, h3=\":2\"; ma=-1, h3=\":3\"; ma, h3=\":4\" ma=1, h2=\":5\"",
         {{"h2", "", 5, 86400}}},
        {"h3=\"a b:443\", h3=\"\\:443\", h2=\":6\"", {{"h2", "", 6, 86400}}},
        {"h3=\":443", {{0}}},
        {"h3=\":1\"; ma=99999999999999999999, h2=\":2\"", {{"h2", "", 2, 86400}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_span rest = check_edge(tc_span_str(cases[i].text));
        tc_alt_svc s;
        for (size_t j = 0; j < 3 && cases[i].wanted[j].protocol; j++) {
            check_case(tc_alt_svc_next(&rest, &s), cases[i].text);
            check_span(s.protocol, cases[i].wanted[j].protocol);
            check_span(s.host, cases[i].wanted[j].host);
            assert_int_equal(s.port, cases[i].wanted[j].port);
            assert_int_equal(s.fresh_s, cases[i].wanted[j].fresh_s);
        }
        check_case(!tc_alt_svc_next(&rest, &s), cases[i].text);
    }
}

static void a_response_says_one_thing(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        enum tc_alt_svc_news news;
        unsigned port;
    } cases[] = {
        {"A: b\n", TC_ALT_SVC_SILENT, 0},
        {"Alt-Svc: clear\n", TC_ALT_SVC_NONE, 0},
        {"Alt-Svc: h2=\":443\"\n", TC_ALT_SVC_NONE, 0},
        {"Alt-Svc: h3-29=\":443\"\n", TC_ALT_SVC_NONE, 0},
        {"Alt-Svc: h3=\":443\"; ma=0\n", TC_ALT_SVC_NONE, 0},
        {"Alt-Svc: nonsense\n", TC_ALT_SVC_NONE, 0},
        {"Alt-Svc: h2=\":1\", h3=\":2\", h3=\":3\"\n", TC_ALT_SVC_H3, 2},
        {"Alt-Svc: h2=\":1\"\nAlt-Svc: h3=\":4\"\n", TC_ALT_SVC_H3, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_alt_svc s;
        tc_arena_init(&a, NULL, 0, 1 << 16);
        const tc_message m = check_request(&a, TC_METHOD_GET, cases[i].fields);
        check_case(tc_alt_svc_read(&m.fields, &s) == cases[i].news, cases[i].fields);
        if (cases[i].port) assert_int_equal(s.port, cases[i].port);
        tc_arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alternatives_come_one_by_one),
        cmocka_unit_test(a_response_says_one_thing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
