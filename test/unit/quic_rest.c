/* quic_rest.c - what a server keeps of a connection's TLS when the handshake is over: what was
 * agreed on, and no more; and what it says to who goes on with TLS. */
// SPDX-License-Identifier: MIT
#include <ngtcp2/ngtcp2.h>

#include "support/check.h"
#include "support/quic_net.h"
#include "support/toy_streams.h"

static quic_net net;

static bool has_one(quic_net *n)
{
    return n->asked[0].closed;
}

static void begin(void)
{
    quic_net_init(&net, &toy_streams_type);
    quic_net_begin(&net);
    assert_true(quic_net_run(&net, quic_net_is_open, 20 * TC_S));
    quic_net_ask(&net, 100, 0);
    assert_true(quic_net_run(&net, has_one, 20 * TC_S));
}

static tc_link *servers(void)
{
    return ((tc_session *)(void *)net.accepted)->link;
}

static void what_was_agreed_on_is_kept(void **state)
{
    (void)state;
    tc_protection ours, theirs;
    begin();
    const tc_link_quic *l = (const tc_link_quic *)(const void *)servers();
    assert_null(l->side.session);
    assert_non_null(net.link.side.session);
    assert_true(servers()->type->protection(servers(), &ours));
    assert_true(net.link.link.type->protection(&net.link.link, &theirs));
    assert_string_equal(ours.version, theirs.version);
    assert_string_equal(ours.cipher, theirs.cipher);
    assert_string_equal(ours.group, theirs.group);
    assert_string_equal(ours.protocol, theirs.protocol);
    assert_string_equal(ours.offered, theirs.offered);
    assert_false(ours.resumed);
    quic_net_fini(&net);
}

/* RFC 9001, 4.4 and 6: neither authentication nor keys come this way any more. */
static void more_of_tls_ends_the_connection(void **state)
{
    (void)state;
    static const uint8_t key_update[] = {24, 0, 0, 1, 0};
    begin();
    assert_int_equal(ngtcp2_conn_submit_crypto_data(net.link.conn, NGTCP2_ENCRYPTION_LEVEL_1RTT,
                                                    key_update, sizeof key_update),
                     0);
    quic_net_ask(&net, 100, 0);
    assert_true(quic_net_run(&net, quic_net_is_over, 20 * TC_S));
    assert_int_equal(net.why, TC_ERR_TLS_HANDSHAKE);
    assert_null(net.accepted);
    quic_net_fini(&net);
}

static void ask(void)
{
    net.asked_count = 0;
    quic_net_ask(&net, 100, 0);
    assert_true(quic_net_run(&net, has_one, 20 * TC_S));
    assert_int_equal(net.asked[0].err, TC_OK);
}

static void keys_are_renewed_without_it(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i < 3; i++) {
        (void)quic_net_run(&net, quic_net_is_over, 2 * TC_S); /* not too soon after another */
        ask();
        assert_int_equal(
            ngtcp2_conn_initiate_key_update(net.link.conn, (uint64_t)tc_loop_now(net.loop)), 0);
        ask();
    }
    quic_net_fini(&net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_agreed_on_is_kept),
        cmocka_unit_test(keys_are_renewed_without_it),
        cmocka_unit_test(more_of_tls_ends_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
