/* client_content.c - content of a client's requests: sent from memory, files and streams; 100 and
 * early answers. */
// SPDX-License-Identifier: MIT

#include <stdio.h>
#include <unistd.h>

#include "support/check.h"
#include "support/fetching.h"

static void fetch_with(ctx *c, const peer *p, const tc_content *content, bool expect)
{
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/up", p->port);
    fetching_begin(c, TC_METHOD_PUT, url, content);
    c->fetch.request.expects_continue = expect;
    tc_fetch_begin(&c->fetch);
    fetching_finish(c);
}

static const tc_content some_bytes = {.kind = TC_CONTENT_BYTES, .bytes = {"CONTENT", 7}, .fd = -1};

static void talk_upload(peer *p, int fd, int nth)
{
    (void)nth;
    if (fetching_await(p, fd, "CONTENT") || fetching_await(p, fd, "0\r\n\r\n"))
        fetching_say(fd, fetching_hello);
}

static void bytes_and_files_are_sent(void **state)
{
    (void)state;
    ctx c;
    FILE *file = tmpfile();
    assert_int_equal(fwrite("..CONTENT", 1, 9, file), 9);
    assert_int_equal(fflush(file), 0);
    const tc_content of_file = {.kind = TC_CONTENT_FILE, .fd = fileno(file), .off = 2, .length = 7};
    peer_start(&fetching_server, talk_upload);
    assert_int_equal(client_start(&c), TC_OK);
    fetch_with(&c, &fetching_server, &some_bytes, false);
    assert_int_equal(c.err, TC_OK);
    fetch_with(&c, &fetching_server, &of_file, false);
    assert_int_equal(c.err, TC_OK);
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_true(peer_saw(&fetching_server, "Content-Length: 7\r\n"));
    assert_false(peer_saw(&fetching_server, "..CONTENT"));
    fclose(file);
}

static atomic_int pieces; /* that the server saw */

static void *write_slowly(void *argument)
{
    const int fd = *(int *)argument;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write(fd, "piece", 5), 5);
        while (pieces == i)
            usleep(1000);
    }
    assert_int_equal(write(fd, "CONTENT", 7), 7);
    close(fd);
    return NULL;
}

static void talk_pieces(peer *p, int fd, int nth)
{
    (void)nth;
    for (pieces = 0; pieces < 3; pieces++) /* nobody waits for one that does not come */
        (void)fetching_await(p, fd, "piece");
    if (fetching_await(p, fd, "0\r\n\r\n")) fetching_say(fd, fetching_hello);
}

static void streams_are_sent_as_they_come(void **state)
{
    (void)state;
    ctx c;
    int ends[2];
    pthread_t writer;
    assert_int_equal(pipe(ends), 0);
    const tc_content stream = {.kind = TC_CONTENT_STREAM, .fd = ends[0]};
    peer_start(&fetching_server, talk_pieces);
    assert_int_equal(client_start(&c), TC_OK);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
    fetch_with(&c, &fetching_server, &stream, false);
    assert_int_equal(c.err, TC_OK);
    pthread_join(writer, NULL);
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_true(peer_saw(&fetching_server, "Transfer-Encoding: chunked\r\n"));
    assert_true(peer_saw(&fetching_server, "\r\n5\r\npiece\r\n"));
    close(ends[0]);
}

static void talk_refusing(peer *p, int fd, int nth)
{
    (void)nth;
    if (!fetching_await(p, fd, "\r\n\r\n")) return;
    fetching_say(
        fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
} /* more is on its way: closing resets */

static void an_early_answer_is_heard(void **state)
{
    (void)state;
    enum { MUCH = 64 * 1024 * 1024 };
    static char much[MUCH];
    ctx c;
    const tc_content content = {.kind = TC_CONTENT_BYTES, .bytes = {much, MUCH}, .fd = -1};
    char url[64];
    peer_start(&fetching_server, talk_refusing);
    assert_int_equal(client_start(&c), TC_OK);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/up", fetching_server.port);
    fetching_begin(&c, TC_METHOD_PUT, url, &content);
    tc_fetch_begin(&c.fetch);
    for (int i = 0; i < 4; i++)
        assert_int_equal(tc_loop_turn(c.loop, tc_clock_now() + TC_MS), TC_OK);
    for (int i = 0; i < 120000 && !fetching_server.ended; i++)
        usleep(1000); /* answer and reset are both here before the next write */
    fetching_finish(&c);
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.status, 413);
    assert_string_equal(c.body, "no");
    client_stop(&c);
    peer_stop(&fetching_server);
}

static void talk_continue(peer *p, int fd, int nth)
{
    (void)nth;
    if (!fetching_await(p, fd, "\r\n\r\n")) return;
    if (peer_saw(p, "CONTENT")) return; /* too early: the answer is missed */
    fetching_say(fd, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
    if (fetching_await(p, fd, "CONTENT")) fetching_say(fd, fetching_hello);
}

static void talk_silent_continue(peer *p, int fd, int nth)
{
    (void)nth;
    if (fetching_await(p, fd, "CONTENT")) fetching_say(fd, fetching_hello);
}

static void talk_unwanted(peer *p, int fd, int nth)
{
    (void)nth;
    if (!fetching_await(p, fd, "\r\n\r\n")) return;
    fetching_say(fd, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
    (void)fetching_await(p, fd, "CONTENT");
}

static void content_waits_for_100(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_continue);
    assert_int_equal(client_start(&c), TC_OK);
    tc_clock_stop(); /* it would wait for ever */
    fetch_with(&c, &fetching_server, &some_bytes, true);
    tc_clock_go();
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.heads, 1); /* 1xx are not for the handler */
    client_stop(&c);
    peer_stop(&fetching_server);
}

static void but_not_for_ever(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_silent_continue);
    assert_int_equal(client_start(&c), TC_OK);
    const int64_t begun = tc_clock_now();
    fetch_with(&c, &fetching_server, &some_bytes, true);
    assert_int_equal(c.err, TC_OK);
    assert_true(tc_clock_now() - begun >= TC_S);
    client_stop(&c);
    peer_stop(&fetching_server);
}

static void a_final_answer_spares_the_content(void **state)
{
    (void)state;
    ctx c;
    peer_start(&fetching_server, talk_unwanted);
    assert_int_equal(client_start(&c), TC_OK);
    fetch_with(&c, &fetching_server, &some_bytes, true);
    assert_int_equal(c.err, TC_OK);
    assert_int_equal(c.status, 413);
    assert_null(c.client.connections); /* half a request is on it: it is not used again */
    client_stop(&c);
    peer_stop(&fetching_server);
    assert_false(peer_saw(&fetching_server, "CONTENT"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_and_files_are_sent),
        cmocka_unit_test(streams_are_sent_as_they_come),
        cmocka_unit_test(an_early_answer_is_heard),
        cmocka_unit_test(content_waits_for_100),
        cmocka_unit_test(but_not_for_ever),
        cmocka_unit_test(a_final_answer_spares_the_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
