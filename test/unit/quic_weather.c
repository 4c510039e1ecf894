/* quic_weather.c - thousands of sessions, handshake and requests, each over a network of its own
 * that loses, doubles, delays and reorders, cuts off what is large and changes addresses on the
 * way.
 *
 * Every session has a seed; the one that fails says how it is seen again, as the first of a run. */
// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "h3/h3.h"
#include "support/check.h"
#include "support/quic_net.h"
#include "support/toy_streams.h"

enum { SESSIONS = 2000, REQUESTS = 12, LARGE = 60000 };

static quic_net net;
static uint64_t seed, chance;

static uint64_t below(uint64_t n)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (chance >> 33) % n;
}

/* Mostly little, now and then much. */
static uint64_t some_bytes(void)
{
    const uint64_t most = (uint64_t)1 << below(17);
    return below(most < LARGE ? most + 1 : LARGE);
}

static void fail_here(const char *what)
{
    print_message("lost %u, doubled %u, late %u of 1000, %lld ms, largest %zu\n", net.lost,
                  net.doubled, net.late, (long long)(net.delay_ns / TC_MS), net.largest);
    fail_msg("%s (%s: %s); TERCET_SEED=%" PRIu64 " has it first", what, tc_err_name(net.why),
             net.reason, seed);
}

static void forecast(void)
{
    static const unsigned lost[] = {0, 0, 10, 30, 100, 200}, other[] = {0, 10, 50, 200};
    quic_net_init(&net, below(4) ? &tc_h3_type : &toy_streams_type);
    net.keep_tls = true;
    net.seed = seed;
    net.lost = lost[below(6)];
    net.doubled = other[below(4)];
    net.late = other[below(4)];
    net.delay_ns = (int64_t)(below(2) ? 1 : 1 + below(150)) * TC_MS;
    net.largest = below(3) ? 0 : 1200 + (size_t)below(300);
    net.from_file = below(2);
    net.pause = below(5) == 0;
    /* At 20 of 100 lost a Retry can miss eleven times, and each wait doubles. */
    net.limits.handshake_ms = 4000000;
    net.limits.idle_ms = 8000000;
    net.limits.linger_ms = net.limits.send_ms = 120000; /* what is lost at the end, too, arrives */
    net.limits.header_ms = net.limits.body_grace_ms = net.limits.h3_stall_ms = 1000000; /* no 408 */
    net.limits.quic_unvalidated = below(8) ? 256 : 0; /* with a Retry */
}

static void one_session(void)
{
    forecast();
    quic_net_begin(&net);
    if (!quic_net_run(&net, quic_net_is_open, 5000 * TC_S) || !net.open) fail_here("no handshake");
    const unsigned requests = 1 + (unsigned)below(REQUESTS);
    for (unsigned i = 0; i < requests; i++) {
        const uint64_t want = some_bytes(), content = below(3) ? 0 : some_bytes();
        quic_net_ask(&net, want, content);
    }
    if (!quic_net_run(&net, quic_net_all_closed, 1000 * TC_S)) fail_here("a request is not over");
    for (unsigned i = 0; i < requests; i++) {
        const quic_net_asked *a = &net.asked[i];
        if (a->err || a->got != a->want || !a->ended) fail_here(tc_err_name(a->err));
    }
    tc_session_drain(&net.session);
    if (!quic_net_run(&net, quic_net_is_over, 1000 * TC_S) || net.why) fail_here("no end");
    quic_net_fini(&net);
}

static void thousands_of_sessions(void **state)
{
    (void)state;
    const uint64_t first = check_seed();
    for (unsigned n = 0; n < SESSIONS; n++) {
        seed = chance = first + n;
        one_session();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
