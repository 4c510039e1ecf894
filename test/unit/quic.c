/* quic.c - QUIC as a link with streams, under an engine that is nothing but the contract: over a
 * network that loses, doubles and reorders, and with peers that do not keep to the rules. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "base/alloc.h"
#include "h3/h3.h"
#include "net/quic_inside.h"
#include "support/check.h"
#include "support/quic_net.h"
#include "support/toy_streams.h"

static quic_net net;

static void begin(void)
{
    quic_net_begin(&net);
    if (!quic_net_run(&net, quic_net_is_open, 20 * TC_S) || !net.open)
        fail_msg("seed %llu: no handshake (%s: %s)", (unsigned long long)net.seed,
                 tc_err_name(net.why), net.reason);
}

static void check_all(void)
{
    for (unsigned i = 0; i < net.asked_count; i++) {
        const quic_net_asked *a = &net.asked[i];
        if (!a->closed || a->err || a->got != a->want || !a->ended)
            fail_msg("seed %llu, request %u: %s, %llu of %llu bytes%s",
                     (unsigned long long)net.seed, i, tc_err_name(a->err),
                     (unsigned long long)a->got, (unsigned long long)a->want,
                     a->closed ? "" : ", not closed");
    }
}

static void finish(int64_t ns)
{
    (void)quic_net_run(&net, quic_net_all_closed, ns);
    check_all();
}

static void one_request(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    begin();
    quic_net_ask(&net, 612, 0);
    finish(10 * TC_S);
    assert_int_equal(net.server_reached.quic_unvalidated, 0);
    quic_net_fini(&net);
}

static void a_hundred_at_once(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    begin();
    for (unsigned i = 0; i < 100; i++)
        quic_net_ask(&net, i * 97, i % 7 * 1000);
    finish(10 * TC_S);
    /* and others after them, on streams that those made room for */
    for (unsigned round = 0; round < 3; round++) {
        net.asked_count = 0;
        for (unsigned i = 0; i < 90; i++)
            quic_net_ask(&net, 100, 0);
        finish(10 * TC_S);
    }
    quic_net_fini(&net);
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
        quic_net_init(&net, &toy_streams_type);
        net.inside = ways[i].inside;
        net.meddle = measure;
        narrow = ways[i].narrow;
        largest = 0;
        begin();
        for (int round = 0; round < 8; round++) { /* what is lost takes its time to be missed */
            net.asked_count = 0;
            quic_net_ask(&net, 100000, 0);
            finish(60 * TC_S);
            (void)quic_net_run(&net, quic_net_is_over, TC_S);
        }
        assert_int_equal(largest, ways[i].largest);
        quic_net_fini(&net);
    }
}

static const tc_link_streams *client_streams(void)
{
    return net.link.link.type->streams;
}

static void write_some(uint64_t sid)
{
    const tc_run run = tc_run_bytes(TC_SPAN("GE"));
    size_t taken;
    bool all;
    assert_int_equal(client_streams()->write(&net.link.link, sid, &run, 1, false, &taken, &all),
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
    quic_net_init(&net, &toy_streams_type);
    begin();
    client_streams()->reset(&net.link.link, 4, 7); /* it was never written to */
    write_some(12);
    write_some(0);
    (void)net.link.link.type->flush(&net.link.link);
    assert_true(quic_net_run(&net, came, 10 * TC_S));
    assert_false(net.over);
    const tc_quic_stream *eight = tc_quic_stream_find(&net.link, 8);
    assert_non_null(eight);
    assert_false(eight->unopened || eight->out_done);
    write_some(8);
    (void)net.link.link.type->flush(&net.link.link);
    (void)quic_net_run(&net, quic_net_is_over, TC_S);
    assert_null(tc_quic_stream_find(&net.link, 4)); /* both have forgotten it */
    assert_false(net.over);
    quic_net_fini(&net);
}

static void more_than_the_windows(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        quic_net_init(&net, i / 2 ? &tc_h3_type : &toy_streams_type);
        net.from_file = i % 2;
        begin();
        quic_net_ask(&net, 5000000, 0);
        quic_net_ask(&net, 3000000, 1000000);
        finish(60 * TC_S);
        quic_net_fini(&net);
    }
}

static void handlers_that_pause(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    net.pause = true;
    net.seed = 5;
    begin();
    for (unsigned i = 0; i < 8; i++)
        quic_net_ask(&net, 300000, 300000);
    finish(300 * TC_S);
    quic_net_fini(&net);
}

/* The server sees the client at another port, and again, while nothing is under way. */
static void a_nat_that_forgets(void **state)
{
    (void)state;
    quic_net_init(&net, &tc_h3_type);
    begin();
    for (int i = 0; i < 4; i++) {
        net.asked_count = 0;
        quic_net_ask(&net, 50000, 20000);
        finish(60 * TC_S);
        (void)quic_net_run(&net, quic_net_is_over, TC_S);
        net.rebind = true;
    }
    assert_in_range(net.bindings, 3, 4);
    assert_int_equal(net.server_ended, 0);
    quic_net_fini(&net);
}

static void an_end_that_both_hear(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    net.seed = 3;
    net.lost = 100;
    begin();
    quic_net_ask(&net, 200000, 0);
    tc_session_drain(&net.session);
    assert_true(quic_net_run(&net, quic_net_is_over, 60 * TC_S));
    check_all();
    assert_int_equal(net.why, TC_OK);
    (void)quic_net_run(&net, quic_net_all_closed, TC_S);
    quic_net_fini(&net);
}

static bool server_is_empty(quic_net *n)
{
    return n->server_ended > 0;
}

static void a_peer_that_vanishes(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    net.limits.idle_ms = 5000;
    begin();
    quic_net_ask(&net, 1000, 0);
    finish(10 * TC_S);
    net.lost = 1000;
    tc_session_kill(&net.session, TC_OK);
    assert_true(quic_net_run(&net, server_is_empty, 20 * TC_S));
    assert_int_equal(tc_quic_count(net.server), 0);
    quic_net_fini(&net);
}

static bool to_the_server_only(quic_net *n, quic_net_packet *p)
{
    (void)n;
    return p->to_server;
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
        quic_net_init(&net, &tc_h3_type);
        net.limits.idle_ms = 120000;
        begin();
        quic_net_ask(&net, i == 2 ? 5000000 : 1000, 0);
        if (i == 1) net.meddle = to_the_server_only;
        if (i != 1) assert_true(quic_net_run(&net, i ? some_came : quic_net_all_closed, 10 * TC_S));
        if (i != 2) (void)quic_net_run(&net, quic_net_is_over, TC_S);
        net.lost = 1000;
        tc_session_kill(&net.session, TC_OK);
        (void)quic_net_run(&net, server_is_empty, TC_S);
        assert_int_equal(net.server_ended, 0);
        tc_session_drain((tc_session *)(void *)net.accepted);
        /* what is under way may take as long as ever: send_ms without any of it */
        const int64_t patience = (i == 2 ? 35 : 5) * TC_S;
        if (!quic_net_run(&net, server_is_empty, patience)) fail_msg("case %d waits", i);
        assert_int_equal(tc_quic_count(net.server), 0);
        quic_net_fini(&net);
    }
}

static void a_certificate_for_another_name(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    net.host = "other.example";
    quic_net_begin(&net);
    assert_true(quic_net_run(&net, quic_net_is_open, 20 * TC_S));
    assert_true(net.over);
    assert_int_equal(net.why, TC_ERR_CERT_NAME);
    assert_non_null(strstr(net.reason, "machine.example, not for other.example"));
    assert_true(quic_net_run(&net, server_is_empty, 20 * TC_S)); /* it was told */
    quic_net_fini(&net);
}

/* --- those who have no connection ---------------------------------------------------------- */

static void an_address_to_be_proved(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    net.limits.quic_unvalidated = 0;
    begin();
    quic_net_ask(&net, 612, 0);
    finish(10 * TC_S);
    assert_int_equal(net.server_reached.quic_unvalidated, 1);
    quic_net_fini(&net);
}

static bool too_late(quic_net *n, quic_net_packet *p)
{
    if (p->to_server && n->sent[1] > 1) p->due += 11 * TC_S;
    return true;
}

/* A token is good for as long as a handshake may last. */
static void a_token_that_is_old(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        quic_net_init(&net, &toy_streams_type);
        net.limits.quic_unvalidated = 0;
        net.limits.handshake_ms = 40000;
        if (late) net.meddle = too_late;
        quic_net_begin(&net);
        tc_limits limits = net.limits; /* the server's */
        limits.handshake_ms = 10000;
        tc_quic_config_of(net.server)->limits = &limits;
        assert_true(quic_net_run(&net, quic_net_is_open, 40 * TC_S));
        assert_int_equal(net.over, late);
        assert_int_equal(net.server_reached.quic_unvalidated, 1);
        assert_int_equal(tc_quic_count(net.server), !late);
        tc_quic_config_of(net.server)->limits = &net.limits;
        quic_net_fini(&net);
    }
}

static unsigned answers[256]; /* by the first byte */
static size_t largest;

static bool count_answers(quic_net *n, quic_net_packet *p)
{
    (void)n;
    if (p->to_server) return true;
    answers[(uint8_t)*p->d.at]++;
    if (p->d.len > largest) largest = p->d.len;
    return false;
}

static unsigned all_answers(void)
{
    unsigned all = 0;
    for (int i = 0; i < 256; i++)
        all += answers[i];
    return all;
}

static void strange(const char *at, size_t len)
{
    char room[1500];
    memcpy(room, at, len);
    const tc_datagrams d = {
        .local = net.server_at, .remote = net.client_at, .at = room, .len = len, .segment = len};
    tc_quic_input(net.server, &d);
}

static void versions_nobody_speaks(void **state)
{
    (void)state;
    char packet[1200] = {(char)0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0};
    quic_net_init(&net, &toy_streams_type);
    net.limits.quic_answers = 20;
    begin();
    net.meddle = count_answers;
    memset(answers, 0, sizeof answers);
    largest = 0;
    strange(packet, 1199); /* too short to be answered */
    assert_int_equal(all_answers(), 0);
    for (int i = 0; i < 50; i++)
        strange(packet, sizeof packet);
    assert_int_equal(all_answers(), 20);
    assert_int_equal(net.server_reached.quic_answers, 30);
    assert_true(largest > 0 && largest < 100);
    quic_net_fini(&net);
}

static void connections_nobody_knows(void **state)
{
    (void)state;
    char packet[200] = {0x40, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    quic_net_init(&net, &toy_streams_type);
    begin();
    net.meddle = count_answers;
    memset(answers, 0, sizeof answers);
    largest = 0;
    strange(packet, 42);
    assert_int_equal(all_answers(), 0); /* or two who have forgotten each other never end */
    strange(packet, 43);
    assert_int_equal(all_answers(), 1);
    assert_true(largest < 43);
    strange(packet, sizeof packet);
    assert_int_equal(all_answers(), 2);
    assert_true(largest >= 21 && largest < 100);
    quic_net_fini(&net);
}

static bool silence(quic_net *n, quic_net_packet *p)
{
    (void)n;
    return !p->to_server;
}

/* A server that forgot everything says so in a way that its peers believe. */
static void a_server_that_was_restarted(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    begin();
    quic_net_ask(&net, 100, 0);
    finish(10 * TC_S);
    net.meddle = silence; /* the client does not hear of the end */
    net.lost = 1000;
    tc_quic *old = net.server;
    while (net.accepted)
        tc_session_kill((tc_session *)(void *)net.accepted, TC_OK);
    tc_quic_free(old);
    net.lost = 0;
    net.meddle = NULL;
    tc_quic_secret_make(net.tls[1], &net.server_config.secret);
    assert_int_equal(tc_quic_new(&net.server_config, -1, &net.server_at, &net.server), TC_OK);
    net.asked_count = 0;
    quic_net_ask(&net, 100, 100); /* an answer to it is shorter */
    assert_true(quic_net_run(&net, quic_net_is_over, 10 * TC_S));
    assert_int_equal(net.why, TC_ERR_PEER_RESET);
    quic_net_fini(&net);
}

/* A connection that the server has closed still says so, if the peer did not hear of it. */
static void an_end_that_was_lost(void **state)
{
    (void)state;
    for (uint64_t tombs = 0; tombs < 2; tombs++) {
        quic_net_init(&net, &toy_streams_type);
        net.limits.quic_tombs = tombs;
        begin();
        quic_net_ask(&net, 100, 0);
        finish(10 * TC_S);
        net.meddle = to_the_server_only;
        while (net.accepted)
            tc_session_kill((tc_session *)(void *)net.accepted, TC_OK);
        net.meddle = NULL;
        assert_int_equal(tc_quic_count(net.server), 0);
        assert_int_equal(net.server_reached.quic_tombs, !tombs);
        net.asked_count = 0;
        quic_net_ask(&net, 100, 100);
        assert_true(quic_net_run(&net, quic_net_is_over, 10 * TC_S));
        assert_int_equal(net.why, tombs ? TC_ERR_PEER_CLOSED : TC_ERR_PEER_RESET);
        quic_net_fini(&net);
    }
}

static unsigned strays, stray_worker;

static void note_stray(tc_quic *q, unsigned worker, const tc_datagrams *d)
{
    (void)q;
    strays += d->len > 0;
    stray_worker = worker;
}

static void packets_of_another_worker(void **state)
{
    (void)state;
    const char packet[60] = {0x40, 0, 3, 0, 2, 3, 4};
    quic_net_init(&net, &toy_streams_type);
    begin();
    tc_quic_config_of(net.server)->sockets = 4;
    tc_quic_config_of(net.server)->stray = note_stray;
    net.meddle = count_answers;
    memset(answers, 0, sizeof answers);
    strays = 0;
    strange(packet, sizeof packet);
    assert_int_equal(strays, 1);
    assert_int_equal(stray_worker, 3);
    assert_int_equal(all_answers(), 0); /* that is for the other one to say */
    tc_quic_config_of(net.server)->sockets = 3;
    strange(packet, sizeof packet); /* nobody's */
    assert_int_equal(strays, 1);
    assert_int_equal(all_answers(), 1);
    quic_net_fini(&net);
}

static bool note_foreign(tc_quic *q, uint8_t generation, const tc_datagrams *d)
{
    (void)q;
    strays += d->len > 0;
    return generation == 7;
}

/* It goes to those who are there; of those who are gone, the peer is told. */
static void packets_of_another_generation(void **state)
{
    (void)state;
    const char living[60] = {0x40, 0, 0, 7, 2, 3, 4}, gone[60] = {0x40, 0, 0, 6, 2, 3, 4},
               ours[60] = {0x40, 0, 0, 5, 2, 3, 4}, large[60] = {0x40, 0, 1, 7, 2, 3, 4};
    quic_net_init(&net, &toy_streams_type);
    begin();
    tc_quic_config_of(net.server)->generation = 5;
    tc_quic_config_of(net.server)->foreign = note_foreign;
    net.meddle = count_answers;
    memset(answers, 0, sizeof answers);
    strays = 0;
    strange(living, sizeof living);
    assert_int_equal(strays, 1);
    assert_int_equal(all_answers(), 0);
    strange(gone, sizeof gone);
    assert_int_equal(strays, 2);
    assert_int_equal(all_answers(), 1);
    strange(ours, sizeof ours);
    strange(large, sizeof large); /* no socket of any generation has this number */
    assert_int_equal(strays, 2);
    assert_int_equal(all_answers(), 3);
    quic_net_fini(&net);
}

/* Memory may end at any moment: then a connection does, too, and nothing else. */
static void without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 60; n++) {
        quic_net_init(&net, n % 2 ? &tc_h3_type : &toy_streams_type);
        net.keep_tls = n < 59;
        net.from_file = n % 4 / 2;
        net.seed = n;
        net.lost = 50;
        begin();
        quic_net_ask(&net, 200000, 0);
        quic_net_ask(&net, 100, 100000);
        tc_alloc_fail_after((int64_t)n);
        (void)quic_net_run(&net, quic_net_all_closed, 5 * TC_S);
        tc_alloc_fail_after(-1);
        (void)quic_net_run(&net, quic_net_all_closed, 60 * TC_S);
        for (unsigned i = 0; i < net.asked_count; i++)
            assert_true(net.asked[i].closed);
        quic_net_fini(&net);
    }
}

static bool three_times(quic_net *n, quic_net_packet *p)
{
    (void)n;
    return !p->to_server || n->sent[1] <= 1; /* the server hears the first datagram only */
}

/* Whoever has not proved its address gets three times what it sent, at most (RFC 9000, 8.1). */
static void no_more_than_three_times(void **state)
{
    (void)state;
    quic_net_init(&net, &toy_streams_type);
    net.meddle = three_times;
    net.limits.handshake_ms = 20000;
    quic_net_begin(&net);
    (void)quic_net_run(&net, quic_net_is_over, 15 * TC_S);
    assert_true(net.bytes[0] > 0);
    assert_true(net.bytes[0] <= 3 * 1200);
    quic_net_fini(&net);
}

static void junk(void **state)
{
    (void)state;
    char packet[1400];
    uint64_t z = 7;
    quic_net_init(&net, &toy_streams_type);
    begin();
    for (int i = 0; i < 20000; i++) {
        size_t len =
            1 + (size_t)((z = z * 6364136223846793005u + 1442695040888963407u) >> 33) % 1400;
        for (size_t j = 0; j < len; j++)
            packet[j] = (char)((z = z * 6364136223846793005u + 1442695040888963407u) >> 56);
        if (i % 3 == 0) memcpy(packet, "\xc3\0\0\0\1\x08", 6), len = 1200 + len % 200;
        strange(packet, len);
    }
    quic_net_ask(&net, 70000, 0);
    finish(20 * TC_S);
    quic_net_fini(&net);
}

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
        cmocka_unit_test(an_address_to_be_proved),
        cmocka_unit_test(a_token_that_is_old),
        cmocka_unit_test(versions_nobody_speaks),
        cmocka_unit_test(connections_nobody_knows),
        cmocka_unit_test(a_server_that_was_restarted),
        cmocka_unit_test(an_end_that_was_lost),
        cmocka_unit_test(packets_of_another_worker),
        cmocka_unit_test(packets_of_another_generation),
        cmocka_unit_test(no_more_than_three_times),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(junk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
