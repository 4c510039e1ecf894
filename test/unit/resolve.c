/* Name look-up: literals and localhost without a thread, names with one, cancelling at any time. */
// SPDX-License-Identifier: MIT
#include "net/resolve.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static tc_loop *loop;

struct heard {
    tc_resolve resolve; /* first */
    unsigned times[TC_FAMILIES], counts[TC_FAMILIES];
    const char *sentences[TC_FAMILIES];
    bool cancel_in_callback;
};

static void heard_of(tc_resolve *r, enum tc_family family, const tc_addresses *addresses,
                     const char *sentence)
{
    struct heard *h = (struct heard *)r;
    h->times[family]++;
    h->counts[family] = addresses->count;
    h->sentences[family] = sentence;
    if (h->cancel_in_callback) tc_resolve_cancel(r);
}

static sem_t six; /* who looks for IPv6 waits for it */

static const char *slow_six(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    if (family == TC_V6) {
        sem_wait(&six);
        return "no such luck";
    }
    ret->at[0].v4 = (struct sockaddr_in){.sin_family = AF_INET};
    ret->count = 1;
    return NULL;
}

static void turn_for(int64_t ms)
{
    const int64_t until = tc_clock_now() + ms * TC_MS;
    while (tc_clock_now() < until)
        assert_int_equal(tc_loop_turn(loop, until), TC_OK);
}

static void until(const unsigned *times)
{
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while (*times == 0 && tc_clock_now() < patience)
        assert_int_equal(tc_loop_turn(loop, patience), TC_OK);
    assert_int_equal(*times, 1);
}

static void literals_need_no_lookup(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool literal;
        unsigned v6, v4;
        const char *text;
    } cases[] = {
        {"127.0.0.1", true, 0, 1, "127.0.0.1:0"},
        {"::1", true, 1, 0, "[::1]:0"},
        {"2001:db8::7", true, 1, 0, "[2001:db8::7]:0"},
        {"localhost", true, 1, 1, "[::1]:0"},
        {"LocalHost", true, 1, 1, "[::1]:0"},
        {"localhost.", true, 1, 1, "[::1]:0"},
        {"shop.localhost", true, 1, 1, "[::1]:0"},
        {"notlocalhost", false, 0, 0, ""},
        {"localhost.example", false, 0, 0, ""},
        {"example.com", false, 0, 0, ""},
        {"127.0.0.1.example", false, 0, 0, ""},
        {"", false, 0, 0, ""},
        {"[::1]", false, 0, 0, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_addresses found[TC_FAMILIES] = {0};
        char text[TC_ADDRESS_TEXT];
        assert_int_equal(tc_resolve_literal(tc_span_str(cases[i].host), found), cases[i].literal);
        assert_int_equal(found[TC_V6].count, cases[i].v6);
        assert_int_equal(found[TC_V4].count, cases[i].v4);
        if (!cases[i].literal) continue;
        (void)tc_address_text(&found[cases[i].v6 ? TC_V6 : TC_V4].at[0], text);
        assert_string_equal(text, cases[i].text);
    }
    tc_addresses found[TC_FAMILIES];
    assert_false(tc_resolve_literal(tc_span_of("127.0.0.1\0x", 11), found));
}

static void both_families_answer(void **state)
{
    (void)state;
    struct heard h = {.resolve = {.lookup = slow_six, .found = heard_of}};
    assert_int_equal(tc_resolve_begin(&h.resolve, loop, TC_SPAN("name.example")), TC_OK);
    assert_int_equal(h.times[TC_V4], 0); /* never from inside */
    until(&h.times[TC_V4]);
    assert_int_equal(h.times[TC_V6], 0);
    sem_post(&six);
    until(&h.times[TC_V6]);
    assert_int_equal(h.times[TC_V4], 1);
    assert_int_equal(h.times[TC_V6], 1);
    assert_int_equal(h.counts[TC_V4], 1);
    assert_int_equal(h.counts[TC_V6], 0);
    assert_string_equal(h.sentences[TC_V6], "no such luck");
}

static void cancelling_leaks_and_tells_nothing(void **state)
{
    (void)state;
    for (int64_t wait_ms = 0; wait_ms < 50; wait_ms += 5) {
        struct heard h = {.resolve = {.lookup = slow_six, .found = heard_of}};
        assert_int_equal(tc_resolve_begin(&h.resolve, loop, TC_SPAN("name.example")), TC_OK);
        if (wait_ms) turn_for(wait_ms);
        const unsigned before = h.times[TC_V4] + h.times[TC_V6];
        tc_resolve_cancel(&h.resolve);
        tc_resolve_cancel(&h.resolve);
        sem_post(&six);
        turn_for(20); /* the thread ends; LeakSanitizer counts */
        assert_int_equal(h.times[TC_V4] + h.times[TC_V6], before);
    }
}

static void the_callback_may_cancel(void **state)
{
    (void)state;
    struct heard h = {.resolve = {.lookup = slow_six, .found = heard_of},
                      .cancel_in_callback = true};
    assert_int_equal(tc_resolve_begin(&h.resolve, loop, TC_SPAN("name.example")), TC_OK);
    until(&h.times[TC_V4]);
    sem_post(&six);
    turn_for(20);
    assert_int_equal(h.times[TC_V6], 0);
}

static void what_can_be_no_name_is_refused(void **state)
{
    (void)state;
    char host[300];
    memset(host, 'a', sizeof host);
    struct heard h = {.resolve = {.lookup = slow_six, .found = heard_of}};
    assert_int_equal(tc_resolve_begin(&h.resolve, loop, (tc_span){0}), TC_ERR_RESOLVE);
    assert_int_equal(tc_resolve_begin(&h.resolve, loop, tc_span_of(host, 256)), TC_ERR_RESOLVE);
    assert_int_equal(tc_resolve_begin(&h.resolve, loop, tc_span_of("a\0b", 3)), TC_ERR_RESOLVE);
}

static void the_system_answers_too(void **state)
{
    (void)state;
    tc_addresses found = {0};
    assert_null(tc_lookup_system("127.0.0.1", TC_V4, &found));
    assert_int_equal(found.count, 1);
    tc_addresses none = {0};
    assert_non_null(tc_lookup_system("127.0.0.1", TC_V6, &none)); /* a family it has not */
    assert_int_equal(none.count, 0);
}

static int set_up(void **state)
{
    (void)state;
    return sem_init(&six, 0, 0) || tc_loop_new(&loop) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    tc_loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_need_no_lookup),
        cmocka_unit_test(both_families_answer),
        cmocka_unit_test(cancelling_leaks_and_tells_nothing),
        cmocka_unit_test(the_callback_may_cancel),
        cmocka_unit_test(what_can_be_no_name_is_refused),
        cmocka_unit_test(the_system_answers_too),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
