/* quic_stateless.c - those who have no connection: Retry, versions, resets, packets of others,
 * junk. */
// SPDX-License-Identifier: MIT

#include "base/alloc.h"
#include "h3/h3.h"
#include "support/check.h"
#include "support/quic_case.h"
#include "support/toy_streams.h"

static void an_address_to_be_proved(void **state)
{
    (void)state;
    quic_net_init(&the_net, &toy_streams_type);
    the_net.limits.quic_unvalidated = 0;
    quic_case_begin();
    quic_net_ask(&the_net, 612, 0);
    quic_case_finish(10 * TC_S);
    assert_int_equal(the_net.server_reached.quic_unvalidated, 1);
    quic_net_fini(&the_net);
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
        quic_net_init(&the_net, &toy_streams_type);
        the_net.limits.quic_unvalidated = 0;
        the_net.limits.handshake_ms = 40000;
        if (late) the_net.meddle = too_late;
        quic_net_begin(&the_net);
        tc_limits limits = the_net.limits; /* the server's */
        limits.handshake_ms = 10000;
        tc_quic_config_of(the_net.server)->limits = &limits;
        assert_true(quic_net_run(&the_net, quic_net_is_open, 40 * TC_S));
        assert_int_equal(the_net.over, late);
        assert_int_equal(the_net.server_reached.quic_unvalidated, 1);
        assert_int_equal(tc_quic_count(the_net.server), !late);
        tc_quic_config_of(the_net.server)->limits = &the_net.limits;
        quic_net_fini(&the_net);
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
    const tc_datagrams d = {.local = the_net.server_at,
                            .remote = the_net.client_at,
                            .at = room,
                            .len = len,
                            .segment = len};
    tc_quic_input(the_net.server, &d);
}

static void versions_nobody_speaks(void **state)
{
    (void)state;
    char packet[1200] = {(char)0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0};
    quic_net_init(&the_net, &toy_streams_type);
    the_net.limits.quic_answers = 20;
    quic_case_begin();
    the_net.meddle = count_answers;
    memset(answers, 0, sizeof answers);
    largest = 0;
    strange(packet, 1199); /* too short to be answered */
    assert_int_equal(all_answers(), 0);
    for (int i = 0; i < 50; i++)
        strange(packet, sizeof packet);
    assert_int_equal(all_answers(), 20);
    assert_int_equal(the_net.server_reached.quic_answers, 30);
    assert_true(largest > 0 && largest < 100);
    quic_net_fini(&the_net);
}

static void connections_nobody_knows(void **state)
{
    (void)state;
    char packet[200] = {0x40, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    the_net.meddle = count_answers;
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
    quic_net_fini(&the_net);
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
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    quic_net_ask(&the_net, 100, 0);
    quic_case_finish(10 * TC_S);
    the_net.meddle = silence; /* the client does not hear of the end */
    the_net.lost = 1000;
    tc_quic *old = the_net.server;
    while (the_net.accepted)
        tc_session_kill((tc_session *)(void *)the_net.accepted, TC_OK);
    tc_quic_free(old);
    the_net.lost = 0;
    the_net.meddle = NULL;
    tc_quic_secret_make(the_net.tls[1], &the_net.server_config.secret);
    assert_int_equal(tc_quic_new(&the_net.server_config, -1, &the_net.server_at, &the_net.server),
                     TC_OK);
    the_net.asked_count = 0;
    quic_net_ask(&the_net, 100, 100); /* an answer to it is shorter */
    assert_true(quic_net_run(&the_net, quic_net_is_over, 10 * TC_S));
    assert_int_equal(the_net.why, TC_ERR_PEER_RESET);
    quic_net_fini(&the_net);
}

/* A connection that the server has closed still says so, if the peer did not hear of it. */
static void an_end_that_was_lost(void **state)
{
    (void)state;
    for (uint64_t tombs = 0; tombs < 2; tombs++) {
        quic_net_init(&the_net, &toy_streams_type);
        the_net.limits.quic_tombs = tombs;
        quic_case_begin();
        quic_net_ask(&the_net, 100, 0);
        quic_case_finish(10 * TC_S);
        the_net.meddle = to_the_server_only;
        while (the_net.accepted)
            tc_session_kill((tc_session *)(void *)the_net.accepted, TC_OK);
        the_net.meddle = NULL;
        assert_int_equal(tc_quic_count(the_net.server), 0);
        assert_int_equal(the_net.server_reached.quic_tombs, !tombs);
        the_net.asked_count = 0;
        quic_net_ask(&the_net, 100, 100);
        assert_true(quic_net_run(&the_net, quic_net_is_over, 10 * TC_S));
        assert_int_equal(the_net.why, tombs ? TC_ERR_PEER_CLOSED : TC_ERR_PEER_RESET);
        quic_net_fini(&the_net);
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
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    tc_quic_config_of(the_net.server)->sockets = 4;
    tc_quic_config_of(the_net.server)->stray = note_stray;
    the_net.meddle = count_answers;
    memset(answers, 0, sizeof answers);
    strays = 0;
    strange(packet, sizeof packet);
    assert_int_equal(strays, 1);
    assert_int_equal(stray_worker, 3);
    assert_int_equal(all_answers(), 0); /* that is for the other one to say */
    tc_quic_config_of(the_net.server)->sockets = 3;
    strange(packet, sizeof packet); /* nobody's */
    assert_int_equal(strays, 1);
    assert_int_equal(all_answers(), 1);
    quic_net_fini(&the_net);
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
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    tc_quic_config_of(the_net.server)->generation = 5;
    tc_quic_config_of(the_net.server)->foreign = note_foreign;
    the_net.meddle = count_answers;
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
    quic_net_fini(&the_net);
}

/* Memory may end at any moment: then a connection does, too, and nothing else. */
static void without_memory(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 60; n++) {
        quic_net_init(&the_net, n % 2 ? &tc_h3_type : &toy_streams_type);
        the_net.keep_tls = n < 59;
        the_net.from_file = n % 4 / 2;
        the_net.seed = n;
        the_net.lost = 50;
        quic_case_begin();
        quic_net_ask(&the_net, 200000, 0);
        quic_net_ask(&the_net, 100, 100000);
        tc_alloc_fail_after((int64_t)n);
        (void)quic_net_run(&the_net, quic_net_all_closed, 5 * TC_S);
        tc_alloc_fail_after(-1);
        (void)quic_net_run(&the_net, quic_net_all_closed, 60 * TC_S);
        for (unsigned i = 0; i < the_net.asked_count; i++)
            assert_true(the_net.asked[i].closed);
        quic_net_fini(&the_net);
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
    quic_net_init(&the_net, &toy_streams_type);
    the_net.meddle = three_times;
    the_net.limits.handshake_ms = 20000;
    quic_net_begin(&the_net);
    (void)quic_net_run(&the_net, quic_net_is_over, 15 * TC_S);
    assert_true(the_net.bytes[0] > 0);
    assert_true(the_net.bytes[0] <= 3 * 1200);
    quic_net_fini(&the_net);
}

static void junk(void **state)
{
    (void)state;
    char packet[1400];
    uint64_t z = 7;
    quic_net_init(&the_net, &toy_streams_type);
    quic_case_begin();
    for (int i = 0; i < 20000; i++) {
        size_t len =
            1 + (size_t)((z = z * 6364136223846793005u + 1442695040888963407u) >> 33) % 1400;
        for (size_t j = 0; j < len; j++)
            packet[j] = (char)((z = z * 6364136223846793005u + 1442695040888963407u) >> 56);
        if (i % 3 == 0) memcpy(packet, "\xc3\0\0\0\1\x08", 6), len = 1200 + len % 200;
        strange(packet, len);
    }
    quic_net_ask(&the_net, 70000, 0);
    quic_case_finish(20 * TC_S);
    quic_net_fini(&the_net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
