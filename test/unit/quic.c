/* quic.c - links of QUIC over a net of a test's own: requests, windows, and how connections end. */
// SPDX-License-Identifier: MIT

#include "h3/h3.h"
#include "quic/quic_inside.h"
#include "support/check.h"
#include "support/quic_case.h"
#include "support/toy_streams.h"

static void one_request(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    quic_net_ask(&the_net, 612, 0);
    quic_case_finish(10 * TC_S);
    assert_int_equal(the_net.server_reached.quic_unvalidated, 0);
    quic_net_fini(&the_net);
}

static void a_hundred_at_once(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    for (unsigned i = 0; i < 100; i++)
        quic_net_ask(&the_net, i * 97, i % 7 * 1000);
    quic_case_finish(10 * TC_S);
    /* and others after them, on streams that those made room for */
    for (unsigned round = 0; round < 3; round++) {
        the_net.asked_count = 0;
        for (unsigned i = 0; i < 90; i++)
            quic_net_ask(&the_net, 100, 0);
        quic_case_finish(10 * TC_S);
    }
    quic_net_fini(&the_net);
}

static size_t narrow, largest; /* packets, of those that arrive */

static bool measure(quic_net *n, quic_net_packet *p)
{
    (void)n;
    if (p->d.len > narrow) return false;
    if (p->d.len > largest) largest = p->d.len;
    return true;
}

/* As large as the way carries: much larger where it does not leave the machine. */
static void sizes_of_packets(void **state)
{
    (void)state;
    static const struct {
        bool inside;
        size_t narrow, largest;
    } ways[] = {
        {false, 65535, 1452}, {true, 65535, 16250}, {true, 1452, 1452}, {false, 1300, 1232}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        quic_net_init(&the_net, &toy_streams_type);
        the_net.inside = ways[i].inside;
        the_net.meddle = measure;
        narrow = ways[i].narrow;
        largest = 0;
        quic_case_begin();
        for (int round = 0; round < 8; round++) { /* what is lost takes its time to be missed */
            the_net.asked_count = 0;
            quic_net_ask(&the_net, 100000, 0);
            quic_case_finish(60 * TC_S);
            (void)quic_net_run(&the_net, quic_net_is_over, TC_S);
        }
        assert_int_equal(largest, ways[i].largest);
        quic_net_fini(&the_net);
    }
}

static const tc_link_streams *client_streams(void)
{
    return the_net.link.link.type->streams;
}

static void write_some(uint64_t sid)
{
    const tc_run run = tc_run_bytes(TC_SPAN("GE"));
    size_t taken;
    bool all;
    assert_int_equal(client_streams()->write(&the_net.link.link, sid, &run, 1, false, &taken, &all),
                     TC_OK);
    assert_true(all && taken == 2);
}

static bool came(quic_net *n)
{
    const tc_link_quic *l = (const void *)quic_net_server_link(n);
    return l && tc_quic_stream_find(l, 0) && tc_quic_stream_find(l, 12);
}

/* Streams are opened in the order of their ids, whatever the order of writing. */
static void written_in_any_order(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    client_streams()->reset(&the_net.link.link, 4, 7); /* it was never written to */
    write_some(12);
    write_some(0);
    (void)the_net.link.link.type->flush(&the_net.link.link);
    assert_true(quic_net_run(&the_net, came, 10 * TC_S));
    assert_false(the_net.over);
    const tc_quic_stream *eight = tc_quic_stream_find(&the_net.link, 8);
    assert_non_null(eight);
    assert_false(eight->unopened || eight->out_done);
    write_some(8);
    (void)the_net.link.link.type->flush(&the_net.link.link);
    (void)quic_net_run(&the_net, quic_net_is_over, TC_S);
    assert_null(tc_quic_stream_find(&the_net.link, 4)); /* both have forgotten it */
    assert_false(the_net.over);
    quic_net_fini(&the_net);
}

static void more_than_the_windows(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        quic_net_init(&the_net, i / 2 ? &tc_h3_type : &toy_streams_type);
        the_net.from_file = i % 2;
        quic_case_begin();
        quic_net_ask(&the_net, 5000000, 0);
        quic_net_ask(&the_net, 3000000, 1000000);
        quic_case_finish(60 * TC_S);
        quic_net_fini(&the_net);
    }
}

static void handlers_that_pause(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    the_net.pause = true;
    the_net.seed = 5;
    quic_case_begin();
    for (unsigned i = 0; i < 8; i++)
        quic_net_ask(&the_net, 300000, 300000);
    quic_case_finish(300 * TC_S);
    quic_net_fini(&the_net);
}

/* The server sees the client at another port, and again, while nothing is under way. */
static void a_nat_that_forgets(void **state)
{
    (void)state;
    quic_net_init(&the_net, &tc_h3_type);
    quic_case_begin();
    for (int i = 0; i < 4; i++) {
        the_net.asked_count = 0;
        quic_net_ask(&the_net, 50000, 20000);
        quic_case_finish(60 * TC_S);
        (void)quic_net_run(&the_net, quic_net_is_over, TC_S);
        the_net.rebind = true;
    }
    assert_in_range(the_net.bindings, 3, 4);
    assert_int_equal(the_net.server_ended, 0);
    quic_net_fini(&the_net);
}

static void an_end_that_both_hear(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    the_net.seed = 3;
    the_net.lost = 100;
    quic_case_begin();
    quic_net_ask(&the_net, 200000, 0);
    tc_session_drain(&the_net.session);
    assert_true(quic_net_run(&the_net, quic_net_is_over, 60 * TC_S));
    check_all();
    assert_int_equal(the_net.why, TC_OK);
    (void)quic_net_run(&the_net, quic_net_all_closed, TC_S);
    quic_net_fini(&the_net);
}

static bool server_is_empty(quic_net *n)
{
    return n->server_ended > 0;
}

static void a_peer_that_vanishes(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    the_net.limits.idle_ms = 5000;
    quic_case_begin();
    quic_net_ask(&the_net, 1000, 0);
    quic_case_finish(10 * TC_S);
    the_net.lost = 1000;
    tc_session_kill(&the_net.session, TC_OK);
    assert_true(quic_net_run(&the_net, server_is_empty, 20 * TC_S));
    assert_int_equal(tc_quic_count(the_net.server), 0);
    quic_net_fini(&the_net);
}

static bool some_came(quic_net *n)
{
    return n->asked[0].got > 100000;
}

/* A server that ends does not wait for those who are gone: when they have nothing under way, when
 * an answer is on its way, and in the middle of a large one. */
static void an_end_without_the_peer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        quic_net_init(&the_net, &tc_h3_type);
        the_net.limits.idle_ms = 120000;
        quic_case_begin();
        quic_net_ask(&the_net, i == 2 ? 5000000 : 1000, 0);
        if (i == 1) the_net.meddle = to_the_server_only;
        if (i != 1)
            assert_true(quic_net_run(&the_net, i ? some_came : quic_net_all_closed, 10 * TC_S));
        if (i != 2) (void)quic_net_run(&the_net, quic_net_is_over, TC_S);
        the_net.lost = 1000;
        tc_session_kill(&the_net.session, TC_OK);
        (void)quic_net_run(&the_net, server_is_empty, TC_S);
        assert_int_equal(the_net.server_ended, 0);
        tc_session_drain((tc_session *)(void *)the_net.accepted);
        /* what is under way may take as long as ever: send_ms without any of it */
        const int64_t patience = (i == 2 ? 35 : 5) * TC_S;
        if (!quic_net_run(&the_net, server_is_empty, patience)) fail_msg("case %d waits", i);
        assert_int_equal(tc_quic_count(the_net.server), 0);
        quic_net_fini(&the_net);
    }
}

static void a_certificate_for_another_name(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    the_net.host = "other.example";
    quic_net_begin(&the_net);
    assert_true(quic_net_run(&the_net, quic_net_is_open, 20 * TC_S));
    assert_true(the_net.over);
    assert_int_equal(the_net.why, TC_ERR_CERT_NAME);
    assert_non_null(strstr(the_net.reason, "machine.example, not for other.example"));
    assert_true(quic_net_run(&the_net, server_is_empty, 20 * TC_S)); /* it was told */
    quic_net_fini(&the_net);
}

/* --- those who have no connection ------------------------------------------------------------ */

static size_t largest;

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request),
        cmocka_unit_test(a_hundred_at_once),
        cmocka_unit_test(sizes_of_packets),
        cmocka_unit_test(written_in_any_order),
        cmocka_unit_test(more_than_the_windows),
        cmocka_unit_test(handlers_that_pause),
        cmocka_unit_test(a_nat_that_forgets),
        cmocka_unit_test(an_end_that_both_hear),
        cmocka_unit_test(a_peer_that_vanishes),
        cmocka_unit_test(an_end_without_the_peer),
        cmocka_unit_test(a_certificate_for_another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
