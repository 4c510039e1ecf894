/* client_fetch.c - requests of a client against a server of the test's own: connections used again,
 * redirects, time. */
// SPDX-License-Identifier: MIT

#include <semaphore.h>
#include <stdio.h>

#include "base/alloc.h"
#include "support/check.h"
#include "support/fetching.h"

/* --- reuse and retries ----------------------------------------------------------------------- */

static void talk_keeping(peer *p, int fd, int nth)
{
    (void)nth;
    while (fetching_request(p, fd))
        fetching_say(fd, fetching_hello);
}

static void a_connection_serves_one_fetch_after_another(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_keeping);
    assert_int_equal(client_start(&c), TC_OK);
    for (int i = 0; i < 5; i++) {
        fetch(&c, TC_METHOD_GET, &fetching_server, "/x");
        assert_int_equal(c.err, TC_OK);
        assert_int_equal(c.status, 200);
        assert_string_equal(c.body, "hello");
    }
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_int_equal(fetching_server.accepted, 1);
    assert_int_equal(fetching_server.requests, 5);
}

static void talk_dying(peer *p, int fd, int nth)
{
    if (!fetching_request(p, fd)) return;
    fetching_say(fd, fetching_hello);
    if (nth > 1) return;
    (void)fetching_request(p, fd); /* and never answers it */
}

static void a_dead_connection_is_replaced_once(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_dying);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &fetching_server, "/1");
    assert_int_equal(c.err, TC_OK);
    fetch(&c, TC_METHOD_GET, &fetching_server, "/2");
    assert_int_equal(c.err, TC_OK);
    assert_string_equal(c.body, "hello");
    assert_true(c.fetch.retried);
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_int_equal(fetching_server.accepted, 2);
    assert_int_equal(fetching_server.requests, 3);
}

static void but_not_for_what_may_not_be_repeated(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_dying);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &fetching_server, "/1");
    fetch(&c, TC_METHOD_POST, &fetching_server, "/2");
    assert_int_equal(c.err, TC_ERR_EMPTY_REPLY);
    assert_false(c.fetch.retried);
    assert_true(c.fetch.why.len > 0);
    assert_int_equal(c.fetch.phase, TC_PHASE_RESPONSE);
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_int_equal(fetching_server.accepted, 1);
}

static void talk_silent_end(peer *p, int fd, int nth)
{
    (void)nth;
    (void)fetching_request(p, fd);
}

static void a_fresh_connection_that_dies_is_a_failure(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_silent_end);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &fetching_server, "/");
    assert_int_equal(c.err, TC_ERR_EMPTY_REPLY);
    assert_int_equal(c.heads, 0);
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_int_equal(fetching_server.accepted, 1);
}

/* --- redirects ------------------------------------------------------------------------------- */

static void redirects_are_followed_unseen(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_redirecting);
    assert_int_equal(client_start(&c), TC_OK);
    fetch(&c, TC_METHOD_GET, &fetching_server, "/begin");
    assert_int_equal(c.status, 302); /* not asked to follow */
    c.fetch.follow = true;
    fetch(&c, TC_METHOD_GET, &fetching_server, "/begin");
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.status, 200);
    assert_int_equal(c.heads, 1);
    assert_string_equal(c.body, "hello");
    assert_int_equal(c.fetch.redirects, 1);
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_int_equal(fetching_server.accepted, 1);
}

static void talk_circle(peer *p, int fd, int nth)
{
    (void)nth;
    while (fetching_request(p, fd))
        fetching_say(fd, "HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
}

static void redirects_are_bounded(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_circle);
    assert_int_equal(client_start(&c), TC_OK);
    c.limits.redirects = 3;
    c.fetch.follow = true;
    fetch(&c, TC_METHOD_GET, &fetching_server, "/");
    assert_int_equal(c.err, TC_ERR_TOO_MANY_REDIRECTS);
    assert_int_equal(c.reached.redirects, 1);
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_int_equal(fetching_server.requests, 4);
}

static void talk_redirect_flood(peer *p, int fd, int nth)
{
    if (!fetching_request(p, fd)) return;
    if (nth > 1) {
        fetching_say(fd, fetching_hello);
        return;
    }
    char filler[4096];
    memset(filler, 'x', sizeof filler);
    fetching_say(fd, "HTTP/1.1 302 Found\r\nLocation: /end\r\n\r\n");
    for (int i = 0; i < 100000; i++) /* without end, nearly */
        if (send(fd, filler, sizeof filler, MSG_NOSIGNAL) < 0) return;
}

static void content_of_a_redirect_is_not_read_for_long(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_redirect_flood);
    assert_int_equal(client_start(&c), TC_OK);
    c.fetch.follow = true;
    fetch(&c, TC_METHOD_GET, &fetching_server, "/begin");
    assert_int_equal(c.err, TC_OK);
    assert_string_equal(c.body, "hello");
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_int_equal(fetching_server.accepted, 2);
}

/* --- time ------------------------------------------------------------------------------------ */

static void talk_mute(peer *p, int fd, int nth)
{
    (void)nth;
    (void)fetching_request(p, fd);
    (void)fetching_await(p, fd, "never"); /* until the client closes */
}

static void time_limits_end_it(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_mute);
    assert_int_equal(client_start(&c), TC_OK);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", fetching_server.port);
    c.fetch.limit_ns = 5 * TC_S;
    tc_clock_stop();
    fetching_begin(&c, TC_METHOD_GET, url, NULL);
    tc_fetch_begin(&c.fetch);
    for (int i = 0; i < 120000 && !fetching_server.requests; i++)
        assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
    assert_false(c.over);
    tc_clock_move(5 * TC_S);
    tc_loop_tick(c.loop);
    fetching_finish(&c);
    tc_clock_go();
    assert_int_equal(c.err, TC_ERR_RESPONSE_TIME);
    assert_int_equal(c.fetch.phase, TC_PHASE_RESPONSE);
    c.fetch.limit_ns = 0;
    c.limits.response_ms = 80;
    const int64_t begun = tc_clock_now();
    fetch(&c, TC_METHOD_GET, &fetching_server, "/");
    assert_int_equal(c.err, TC_ERR_RESPONSE_TIME);
    assert_true(tc_clock_now() - begun >= 80 * TC_MS);
    assert_int_equal(c.reached.response_ms, 1);
    client_stop(&c);
    peer_stop(&fetching_server);
}

static sem_t drip; /* let one more byte go */

static atomic_int dripped;

static void talk_drip(peer *p, int fd, int nth)
{
    (void)nth;
    if (!fetching_request(p, fd)) return;
    for (const char *at = fetching_hello; *at; at++) {
        sem_wait(&drip);
        (void)!send(fd, at, 1, MSG_NOSIGNAL);
        dripped++;
    }
}

static void slow_is_not_silent(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_drip);
    assert_int_equal(client_start(&c), TC_OK);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", fetching_server.port);
    c.limits.response_ms = 800; /* all of it takes longer */
    sem_init(&drip, 0, 0);
    dripped = 0;
    tc_clock_stop();
    fetching_begin(&c, TC_METHOD_GET, url, NULL);
    tc_fetch_begin(&c.fetch);
    for (int byte = 0; fetching_hello[byte]; byte++) {
        tc_clock_move(30 * TC_MS);
        tc_loop_tick(c.loop);
        sem_post(&drip);
        while (dripped == byte)
            assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
        assert_int_equal(tc_loop_turn(c.loop, 0), TC_OK); /* it is here */
    }
    fetching_finish(&c);
    tc_clock_go();
    assert_int_equal(c.err, TC_OK);
    client_stop(&c);
    peer_stop(&fetching_server);
}

static void https_without_its_authorities_is_refused_in_words(void **state)
{
    (void)state;
    ctx c;
    assert_int_equal(client_start(&c), TC_OK);
    c.client.tls_config.authorities[0] = "/nowhere.pem";
    fetching_begin(&c, TC_METHOD_GET, "https://localhost/", NULL);
    tc_fetch_begin(&c.fetch);
    fetching_finish(&c);
    assert_int_equal(c.err, TC_ERR_CA_FILE);
    assert_true(memmem(c.fetch.why.at, c.fetch.why.len, "nowhere", 7) != NULL);
    client_stop(&c);
}

/* --- torture --------------------------------------------------------------------------------- */

static void aborting_at_any_step_is_clean(void **state)
{
    (void)state;
    peer_start(&fetching_server, talk_redirecting);
    for (int steps = 0; steps < 24; steps++) {
        ctx c;
        char url[64];
        assert_int_equal(client_start(&c), TC_OK);
        (void)snprintf(url, sizeof url, "http://localhost:%u/begin", fetching_server.port);
        c.fetch.follow = true;
        fetching_begin(&c, TC_METHOD_GET, url, NULL);
        tc_fetch_begin(&c.fetch);
        for (int i = 0; i < steps && !c.over; i++)
            assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
        if (!c.over) tc_fetch_abort(&c.fetch, TC_ERR_INTERRUPTED);
        fetching_finish(&c);
        assert_true(c.err == TC_ERR_INTERRUPTED || c.err == TC_OK);
        client_stop(&c);
    }
    peer_stop(&fetching_server);
}

static void no_memory_is_an_error_and_no_more(void **state)
{
    (void)state;
    bool succeeded = false;
    peer_start(&fetching_server, talk_redirecting);
    for (int n = 0; n < 200 && !succeeded; n++) {
        ctx c;
        char url[64];
        assert_int_equal(client_start(&c), TC_OK);
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/begin", fetching_server.port);
        c.fetch.follow = true;
        fetching_begin(&c, TC_METHOD_GET, url, NULL);
        tc_alloc_fail_after(n);
        tc_fetch_begin(&c.fetch);
        fetching_finish(&c);
        tc_alloc_fail_after(-1);
        succeeded = c.err == TC_OK;
        client_stop(&c);
    }
    assert_true(succeeded);
    peer_stop(&fetching_server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_serves_one_fetch_after_another),
        cmocka_unit_test(a_dead_connection_is_replaced_once),
        cmocka_unit_test(but_not_for_what_may_not_be_repeated),
        cmocka_unit_test(a_fresh_connection_that_dies_is_a_failure),
        cmocka_unit_test(redirects_are_followed_unseen),
        cmocka_unit_test(redirects_are_bounded),
        cmocka_unit_test(content_of_a_redirect_is_not_read_for_long),
        cmocka_unit_test(time_limits_end_it),
        cmocka_unit_test(slow_is_not_silent),
        cmocka_unit_test(https_without_its_authorities_is_refused_in_words),
        cmocka_unit_test(aborting_at_any_step_is_clean),
        cmocka_unit_test(no_memory_is_an_error_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
