/* quic_ways.c - ways that change under a connection: from some moment on they carry less, or are
 * crowded and say so (RFC 9000, 13.4 and 14.4; RFC 9002, 7; RFC 9438, 4.6). */
// SPDX-License-Identifier: MIT
#include "support/check.h"
#include "support/quic_net.h"
#include "support/toy_streams.h"

enum { LEAST = 1200, MUCH = 3000000 };

static quic_net net;

static void begin(void)
{
    net.delay_ns = 5 * TC_MS;
    quic_net_begin(&net);
    assert_true(quic_net_run(&net, quic_net_is_open, 20 * TC_S));
    assert_true(net.open);
}

static bool has_half(quic_net *n)
{
    return n->asked[0].got >= MUCH / 2;
}

/* --- a black hole -------------------------------------------------------------------------- */

static size_t largest;
static bool narrow;

/* What is sent of a long answer is as large as may be, but for its end. */
static bool measure(quic_net *n, quic_net_packet *p)
{
    if (p->to_server || !narrow || p->d.len > n->largest) return true;
    if (p->d.len > largest) largest = p->d.len;
    return true;
}

/* Nothing above some size arrives any more, and nobody says so: what is lost goes out again in
 * smaller packets, and never in smaller ones than every way carries. */
static void less_is_carried(void **state)
{
    (void)state;
    static const struct {
        bool inside;
        size_t carried;
    } ways[] = {{false, 1300}, {true, 1452}, {false, LEAST}, {true, LEAST}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        quic_net_init(&net, &toy_streams_type);
        net.inside = ways[i].inside;
        net.meddle = measure;
        narrow = false;
        largest = 0;
        begin();
        quic_net_ask(&net, MUCH, 0);
        assert_true(quic_net_run(&net, has_half, 60 * TC_S));
        assert_false(net.asked[0].closed);
        net.largest = ways[i].carried;
        narrow = true;
        if (!quic_net_run(&net, quic_net_all_closed, 60 * TC_S))
            fail_msg("over a way of %zu bytes it stands still", ways[i].carried);
        assert_int_equal(net.asked[0].err, TC_OK);
        assert_int_equal(net.asked[0].got, MUCH);
        assert_in_range(largest, LEAST, ways[i].carried);
        assert_int_equal(net.server_ended, 0);
        quic_net_fini(&net);
    }
}

/* --- congestion ---------------------------------------------------------------------------- */

enum { ECT0 = 2, CE = 3 };

static unsigned capable, others, to_mark;
static uint64_t most;    /* window of the server's congestion control, before */
static uint64_t fell_to; /* and after it became smaller */

static bool mark(quic_net *n, quic_net_packet *p)
{
    (void)n;
    if (p->d.ecn == ECT0)
        capable++;
    else
        others++;
    if (!p->to_server && to_mark && p->d.ecn == ECT0 && --to_mark == 0) p->d.ecn = CE;
    return true;
}

static bool falls(quic_net *n)
{
    tc_quic_facts facts;
    const tc_link_quic *l = (const void *)quic_net_server_link(n);
    if (quic_net_all_closed(n)) return true;
    tc_quic_describe(l, &facts);
    if (facts.window < most) fell_to = facts.window;
    if (facts.window > most) most = facts.window;
    return fell_to != 0;
}

/* One mark of a crowded way, nothing lost: the window is seven tenths of what it was, which is
 * CUBIC's step (NewReno's is five). Both ends say that they understand marks. */
static void a_mark_is_heeded(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    net.meddle = mark;
    capable = others = to_mark = 0;
    most = fell_to = 0;
    begin();
    quic_net_ask(&net, MUCH, 0);
    to_mark = 100;
    assert_true(quic_net_run(&net, falls, 60 * TC_S));
    assert_int_equal(to_mark, 0);
    assert_in_range(fell_to * 100 / most, 66, 74);
    assert_true(quic_net_run(&net, quic_net_all_closed, 60 * TC_S));
    assert_int_equal(net.asked[0].got, MUCH);
    assert_true(capable > 10 * others);
    quic_net_fini(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(less_is_carried),
        cmocka_unit_test(a_mark_is_heeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
