/* quic_early.c - early data (RFC 8446, 8; RFC 9001, 4.6; RFC 8470): taken once, of safe requests
 * alone, and sent again where it was not taken. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "h3/h3.h"
#include "support/check.h"
#include "support/quic_net.h"

enum { CAPTURED = 64 };

static quic_net net;
static quic_net_packet captured[CAPTURED];
static unsigned captured_count;

static bool capture(quic_net *n, quic_net_packet *p)
{
    (void)n;
    if (!p->to_server || captured_count == CAPTURED) return true;
    quic_net_packet *c = &captured[captured_count++];
    *c = *p;
    c->d.at = malloc(p->d.len);
    assert_non_null(c->d.at);
    memcpy(c->d.at, p->d.at, p->d.len);
    return true;
}

static void release(void)
{
    while (captured_count)
        free(captured[--captured_count].d.at);
}

static bool never(quic_net *n)
{
    (void)n;
    return false;
}

static bool has_ticket(quic_net *n)
{
    return n->over || quic_net_keep(n);
}

static bool server_has_none(quic_net *n)
{
    return !n->accepted;
}

static void answered(void)
{
    (void)quic_net_run(&net, quic_net_all_closed, 200 * TC_S);
    for (unsigned i = 0; i < net.asked_count; i++) {
        const quic_net_asked *a = &net.asked[i];
        if (!a->closed || a->err || a->got != a->want)
            fail_msg("seed %llu, request %u: %s, %llu of %llu bytes%s",
                     (unsigned long long)net.seed, i, tc_err_name(a->err),
                     (unsigned long long)a->got, (unsigned long long)a->want,
                     a->closed ? "" : ", not closed");
    }
}

static void leave(void)
{
    if (!net.over) tc_session_kill(&net.session, TC_OK);
    assert_true(quic_net_run(&net, server_has_none, 200 * TC_S));
}

/* A first visit, of which a ticket is kept. */
static void visit(uint64_t seed)
{
    quic_net_init(&net, &tc_h3_type);
    net.seed = seed;
    net.once = 8;
    net.keep_tls = true;
    if (seed) {
        net.lost = (unsigned)(seed % 4) * 30;
        net.doubled = (unsigned)(seed % 3) * 40;
        net.late = (unsigned)(seed % 5) * 50;
        net.delay_ns = (int64_t)(1 + seed % 30) * TC_MS;
    }
    quic_net_begin(&net);
    assert_true(quic_net_run(&net, quic_net_is_open, 100 * TC_S));
    quic_net_ask(&net, 100, 0);
    answered();
    assert_true(quic_net_run(&net, has_ticket, 100 * TC_S));
    assert_false(net.over);
    assert_int_equal(net.early, 0);
    leave();
    net.routed = 0;
}

static void come_back(void)
{
    quic_net_connect(&net);
    assert_true(tc_session_early(&net.session));
}

static enum tc_early_was what_became(void)
{
    tc_protection p;
    return net.link.link.type->protection(&net.link.link, &p) ? p.early : TC_EARLY_NONE;
}

static void safe_requests(void **state)
{
    (void)state;
    visit(0);
    come_back();
    quic_net_ask(&net, 100, 0);
    quic_net_ask(&net, 300000, 0);
    answered();
    assert_int_equal(net.early, 2);
    assert_int_equal(what_became(), TC_EARLY_TAKEN);
    quic_net_ask(&net, 100, 5000); /* the handshake is over: it is no replay */
    answered();
    assert_int_equal(net.routed, 3);
    assert_int_equal(net.early, 2);
    leave();
    quic_net_fini(&net);
}

static void unsafe_requests(void **state)
{
    (void)state;
    visit(0);
    come_back();
    const quic_net_asked *a = quic_net_ask(&net, 100, 1000);
    const quic_net_asked *b = quic_net_ask(&net, 100, 0);
    assert_true(quic_net_run(&net, quic_net_all_closed, 60 * TC_S));
    assert_int_equal(a->err, TC_ERR_ERROR_STATUS); /* 425 */
    assert_int_equal(b->err, TC_OK);
    assert_int_equal(net.routed, 1); /* no handler saw it */
    leave();
    quic_net_fini(&net);
}

static void bad_networks(void **state)
{
    (void)state;
    unsigned taken = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        visit(seed);
        for (int round = 0; round < 2; round++) { /* the second time the ticket is spent */
            come_back();
            for (unsigned i = 0; i < 5; i++)
                quic_net_ask(&net, seed * 131 * i % 50000, 0);
            answered();
            const enum tc_early_was was = what_became();
            if (round && was == TC_EARLY_TAKEN) fail_msg("seed %llu", (unsigned long long)seed);
            taken += was == TC_EARLY_TAKEN;
            leave();
        }
        assert_true(net.early <= 5);
        quic_net_fini(&net);
    }
    assert_true(taken >= 40);
}

/* What the client said is said once more by somebody who heard it. */
static void replay(void)
{
    for (unsigned i = 0; i < captured_count; i++) {
        tc_datagrams d = captured[i].d;
        char *copy = malloc(d.len);
        assert_non_null(copy);
        memcpy(copy, d.at, d.len);
        d.at = copy;
        tc_quic_input(net.server, &d);
        free(copy);
    }
    (void)quic_net_run(&net, never, TC_S);
}

static void capture_one(void)
{
    visit(0);
    net.meddle = capture;
    come_back();
    quic_net_ask(&net, 100, 0);
    answered();
    net.meddle = NULL;
    assert_int_equal(net.early, 1);
    leave();
    (void)quic_net_run(&net, never, 10 * TC_S); /* nothing of the connection is left */
}

static void replays(void **state)
{
    (void)state;
    capture_one();
    const uint64_t before = net.sent[0];
    replay();
    assert_int_equal(net.routed, 1);
    assert_non_null(net.accepted);     /* it began a handshake that ends nowhere, */
    assert_true(net.sent[0] > before); /* and was told nothing but that */
    leave();
    (void)quic_net_run(&net, never, 10 * TC_S);
    /* it is the memory of tickets that says no: without it the replay would be taken */
    tc_quic_once *forgetful;
    assert_int_equal(tc_quic_once_new(8, &forgetful), TC_OK);
    tc_quic_config_of(net.server)->once = forgetful;
    replay();
    assert_int_equal(net.routed, 2);
    leave();
    quic_net_fini(&net);
    tc_quic_once_free(forgetful);
    release();
}

/* A server that began later remembers nothing, and takes no ticket from before. */
static void replays_after_a_restart(void **state)
{
    (void)state;
    capture_one();
    tc_quic_once *empty;
    assert_int_equal(tc_quic_once_new(8, &empty), TC_OK);
    net.server_config.once = empty;
    quic_net_restart(&net);
    replay();
    assert_int_equal(net.routed, 1);
    assert_non_null(net.accepted);
    leave();
    quic_net_fini(&net);
    tc_quic_once_free(empty);
    release();
}

static void no_room_to_remember(void **state)
{
    (void)state;
    visit(0);
    tc_quic_once *full;
    assert_int_equal(tc_quic_once_new(0, &full), TC_OK);
    tc_quic_config_of(net.server)->once = full;
    come_back();
    quic_net_ask(&net, 1000, 0);
    answered();
    assert_int_equal(net.early, 0);
    assert_int_equal(what_became(), TC_EARLY_REFUSED);
    assert_int_equal(net.server_reached.quic_early, 1);
    leave();
    quic_net_fini(&net);
    tc_quic_once_free(full);
}

/* The server takes fewer streams than it did, and no early data. */
static void less_than_before(void **state)
{
    (void)state;
    visit(0);
    net.server_config.once = NULL;
    net.server_config.streams = 2;
    quic_net_restart(&net);
    come_back();
    for (unsigned i = 0; i < 3; i++)
        quic_net_ask(&net, 100, 0);
    assert_true(quic_net_run(&net, quic_net_is_over, 60 * TC_S));
    for (unsigned i = 0; i < 3; i++) /* it certainly did nothing: they may be sent again */
        assert_int_equal(net.asked[i].err, TC_ERR_REFUSED);
    assert_int_equal(net.routed, 0);
    quic_net_connect(&net);
    quic_net_ask(&net, 100, 0); /* what fits is sent again by itself */
    answered();
    leave();
    quic_net_fini(&net);
}

/* What was proved on the first visit is judged again, for the name that is asked for now. */
static void another_name(void **state)
{
    (void)state;
    visit(0);
    net.host = "other.example";
    quic_net_connect(&net);
    quic_net_ask(&net, 100, 0);
    assert_true(quic_net_run(&net, quic_net_is_over, 60 * TC_S));
    assert_int_equal(net.asked[0].err, TC_ERR_CERT_INVALID);
    assert_int_equal(net.asked[0].got, 0);
    quic_net_fini(&net);
}

static void once(void **state)
{
    (void)state;
    tc_quic_once *o;
    uint8_t t[5][TC_QUIC_TICKET] = {{1}, {2}, {3}, {4}, {5}};
    assert_int_equal(tc_quic_once_new(3, &o), TC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tc_quic_once_take(o, t[i], i, 10), TC_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(tc_quic_once_take(o, t[i], 9, 10), TC_ERR_REFUSED);
    assert_int_equal(tc_quic_once_take(o, t[3], 9, 10), TC_ERR_FULL);
    assert_int_equal(tc_quic_once_take(o, t[3], 10, 10), TC_OK); /* the first one is over */
    assert_int_equal(tc_quic_once_take(o, t[4], 10, 10), TC_ERR_FULL);
    assert_int_equal(tc_quic_once_take(o, t[1], 30, 10), TC_ERR_REFUSED); /* while there is room */
    for (int64_t i = 0; i < 100; i++) {
        const uint8_t more[TC_QUIC_TICKET] = {9, (uint8_t)i};
        assert_int_equal(tc_quic_once_take(o, more, 100 + i * 10, 10), TC_OK);
        assert_int_equal(tc_quic_once_take(o, more, 100 + i * 10, 10), TC_ERR_REFUSED);
    }
    tc_quic_once_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once),
        cmocka_unit_test(safe_requests),
        cmocka_unit_test(unsafe_requests),
        cmocka_unit_test(bad_networks),
        cmocka_unit_test(replays),
        cmocka_unit_test(replays_after_a_restart),
        cmocka_unit_test(no_room_to_remember),
        cmocka_unit_test(less_than_before),
        cmocka_unit_test(another_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
