/* HTTPS records: what messages of the DNS say, also broken ones, and how it is asked for. */
// SPDX-License-Identifier: MIT
#include "net/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

enum { MESSAGE_ROOM = 2048 };

typedef struct message {
    char at[MESSAGE_ROOM];
    size_t len;
} message;

static void put(message *m, const char *bytes, size_t n)
{
    assert_true(m->len + n <= sizeof m->at);
    memcpy(m->at + m->len, bytes, n);
    m->len += n;
}

#define PUT(m, bytes) put(m, bytes, sizeof bytes - 1)

/* The answer to a question for a.example, type 65, so far without records. */
static void begin(message *m)
{
    m->len = 0;
    PUT(m, "\x12\x34\x81\x80\0\1\0\0\0\0\0\0"
           "\1a\7example\0\0\x41\0\1");
}

/* One more: of a.example by compression, for 300 seconds. */
static void record(message *m, const char *data, size_t n)
{
    m->at[7]++;
    PUT(m, "\xc0\x0c\0\x41\0\1\0\0\x01\x2c");
    put(m, (const char[]){(char)(n >> 8), (char)n}, 2);
    put(m, data, n);
}

#define RECORD(m, data) record(m, data, sizeof data - 1)

static enum tc_service_news read(const message *m, tc_service *s)
{
    return tc_service_read(tc_span_of(m->at, m->len), 443, s);
}

static void what_records_say(void **state)
{
    (void)state;
#define CASE(news, h3, port, target, data)                                                         \
    {                                                                                              \
        data, sizeof data - 1, news, h3, port, target                                              \
    }
    static const struct {
        const char *data;
        size_t len;
        enum tc_service_news news;
        bool h3;
        uint16_t port;
        const char *target;
    } cases[] = {
        CASE(TC_SERVICE_FOUND, true, 443, "a.example", "\0\1\0\0\1\0\6\2h3\2h2"),
        CASE(TC_SERVICE_FOUND, false, 443, "a.example", "\0\1\0\0\1\0\3\2h2"),
        CASE(TC_SERVICE_FOUND, false, 443, "a.example", "\0\1\0\0\1\0\6\5h3-29"),
        CASE(TC_SERVICE_FOUND, false, 443, "a.example", "\0\1\0"),
        CASE(TC_SERVICE_FOUND, true, 8443, "b.example",
             "\0\x10\1b\7example\0\0\1\0\3\2h3\0\3\0\2\x20\xfb"),
        /* mandatory, no-default-alpn, hints, ech and what nobody knows yet */
        CASE(TC_SERVICE_FOUND, true, 443, "a.example",
             "\0\1\0\0\0\0\4\0\1\0\4\0\1\0\3\2h3\0\2\0\0\0\4\0\4\x7f\0\0\1\0\5\0\1x\x02\x9b\0\5hell"
             "o"),
        CASE(TC_SERVICE_ALIASED, false, 443, "b.example", "\0\0\1b\7example\0"),
        CASE(TC_SERVICE_ALIASED, false, 443, "b.example", "\0\0\1b\7example\0\0\1\0\7"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\0\0"), /* there is no such service */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\0\0\2\0\3\0\1\0\3\2h3"),     /* not there */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\0\0\2\x02\x9b\x02\x9b\0\0"), /* not ours */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\0\0\2\0\0"), /* itself mandatory */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\0\0\0"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\0\0\3\0\1\0\0\1\0\3\2h3"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\1\0\0"),                   /* no version */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\1\0\3\3h3"),               /* too long */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\1\0\4\2h3\0"),             /* an empty one */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\1\0\3\2h3\0\1\0\0"),       /* twice */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\3\0\2\1\xbb\0\1\0\3\2h3"), /* keys fall */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\3\0\1\1"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\3\0\3\1\xbb\0"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\3\0\2\0\0"), /* port 0 */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\1\0\x7f\2h3"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\0\0\1"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\1b"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\2b\n\0"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1\xc0\x0c\0\1\0\3\2h3"), /* compressed */
        CASE(TC_SERVICE_NONE, false, 0, "", "\0\1"),
        CASE(TC_SERVICE_NONE, false, 0, "", "\0"),
        CASE(TC_SERVICE_NONE, false, 0, "", ""),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        message m;
        tc_service s = {.port = 0};
        begin(&m);
        record(&m, cases[i].data, cases[i].len);
        if (read(&m, &s) != cases[i].news) fail_msg("case %zu: %d", i, (int)read(&m, &s));
        if (cases[i].news == TC_SERVICE_NONE) continue;
        assert_int_equal(s.h3, cases[i].h3);
        assert_int_equal(s.port, cases[i].port);
        assert_string_equal(s.target, cases[i].target);
        assert_int_equal(s.fresh_s, 300);
    }
}

static void the_best_of_several(void **state)
{
    (void)state;
    message m;
    tc_service s;
    begin(&m);
    assert_int_equal(read(&m, &s), TC_SERVICE_NONE); /* an answer without records */
    RECORD(&m, "\0\3\1c\7example\0\0\1\0\3\2h3");
    RECORD(&m, "\0\1\1x\7example\0\0\0\0\2\0\x63"); /* better, not understood */
    RECORD(&m, "\0\2\1b\7example\0\0\1\0\3\2h2");
    RECORD(&m, "\0\4\1d\7example\0\0\1\0\3\2h3");
    assert_int_equal(read(&m, &s), TC_SERVICE_FOUND);
    assert_string_equal(s.target, "b.example");
    assert_false(s.h3);
    RECORD(&m, "\0\0\1e\7example\0"); /* an alias goes before all else */
    assert_int_equal(read(&m, &s), TC_SERVICE_ALIASED);
    assert_string_equal(s.target, "e.example");
}

static void a_long_time_is_a_day(void **state)
{
    (void)state;
    message m;
    tc_service s;
    begin(&m);
    RECORD(&m, "\0\1\0");
    memcpy(m.at + m.len - 3 - 2 - 4, "\x7f\xff\xff\xff", 4);
    assert_int_equal(read(&m, &s), TC_SERVICE_FOUND);
    assert_int_equal(s.fresh_s, 24 * 60 * 60);
}

static void other_records_and_cut_messages(void **state)
{
    (void)state;
    message m;
    tc_service s;
    begin(&m);
    m.at[7]++;
    PUT(&m, "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1b\xc0\x0e"); /* a.example is b.example (CNAME) */
    m.at[7]++;
    PUT(&m, "\xc0\x27\0\x41\0\1\0\0\0\x3c\0\x0a\0\1\0\0\1\0\3\2h3");
    assert_int_equal(read(&m, &s), TC_SERVICE_FOUND);
    assert_string_equal(s.target, "b.example");
    assert_true(s.h3);
    for (; m.len > 0; m.len--) /* the counts say more than there is */
        assert_true(read(&m, &s) == TC_SERVICE_NONE || m.at[7] == 2);
    m.len = 12;
    assert_int_equal(read(&m, &s), TC_SERVICE_NONE);
}

static void what_is_asked_for(void **state)
{
    (void)state;
    char name[TC_SERVICE_NAME], host[TC_SERVICE_NAME];
    assert_true(tc_service_question(TC_SPAN("a.example"), 443, name));
    assert_string_equal(name, "a.example");
    assert_true(tc_service_question(TC_SPAN("a.example"), 8443, name));
    assert_string_equal(name, "_8443._https.a.example");
    memset(host, 'a', sizeof host);
    assert_false(tc_service_question(tc_span_of(host, sizeof host), 443, name));
    assert_false(tc_service_question(tc_span_of(host, sizeof host - 8), 8443, name));
    assert_false(tc_service_question((tc_span){0}, 443, name));
}

/* --- asking -------------------------------------------------------------------------------- */

static tc_loop *loop;

struct heard {
    tc_service_ask ask; /* first */
    unsigned times;
    bool any;
    tc_service service;
};

static void heard_of(tc_service_ask *a, const tc_service *service)
{
    struct heard *h = (struct heard *)a;
    h->times++;
    h->any = service;
    if (service) h->service = *service;
}

static bool says(const char *host, uint16_t port, tc_service *ret_service)
{
    *ret_service = (tc_service){.port = port, .h3 = true};
    memcpy(ret_service->target, "b.example", 10);
    return strcmp(host, "a.example") == 0;
}

static bool hear(const char *host, struct heard *h)
{
    *h = (struct heard){.ask = {.lookup = says, .found = heard_of}};
    const bool begun = tc_service_begin(&h->ask, loop, tc_span_str(host), 8443);
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while (begun && !h->times && tc_clock_now() < patience)
        assert_int_equal(tc_loop_turn(loop, patience), TC_OK);
    return begun;
}

static void a_thread_asks(void **state)
{
    (void)state;
    struct heard h;
    assert_true(hear("a.example", &h));
    assert_int_equal(h.times, 1);
    assert_true(h.any);
    assert_int_equal(h.service.port, 8443);
    assert_true(hear("x.example", &h));
    assert_int_equal(h.times, 1);
    assert_false(h.any);
    assert_false(hear("machine", &h)); /* of the local network, or of /etc/hosts */
    assert_false(hear("", &h));
    for (int i = 0; i < 20; i++) {
        h = (struct heard){.ask = {.lookup = says, .found = heard_of}};
        assert_true(tc_service_begin(&h.ask, loop, TC_SPAN("a.example"), 443));
        tc_service_cancel(&h.ask);
        tc_service_cancel(&h.ask);
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + 2 * TC_MS), TC_OK);
        assert_int_equal(h.times, 0);
    }
}

static int set_up(void **state)
{
    (void)state;
    return tc_loop_new(&loop) ? -1 : 0;
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
        cmocka_unit_test(what_records_say),     cmocka_unit_test(the_best_of_several),
        cmocka_unit_test(a_long_time_is_a_day), cmocka_unit_test(other_records_and_cut_messages),
        cmocka_unit_test(what_is_asked_for),    cmocka_unit_test(a_thread_asks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
