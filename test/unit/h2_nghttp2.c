/* h2_nghttp2.c - our engines against libnghttp2's sessions in memory, both ways: what either end
 * says must arrive, however the bytes are cut, with padding, trailers, blocks longer than a frame,
 * interim answers and settings that change under way. */
// SPDX-License-Identifier: MIT
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/h2_peer.h"

enum { EXCHANGES = 20, ROUNDS = 20, BODY = 120000, LONG = 30000, PIECES = 4000000 };

static char letters[BODY];
static char long_field[LONG + 9] = "x-long: ";
#define LONG_VALUE ((uint8_t *)long_field + 8)

/* One exchange as the peer sees it: what it sends, and what came. */
typedef struct talk {
    int32_t stream;
    size_t send, sent; /* bytes of content */
    bool trailers;     /* behind it */
    size_t heads, got, got_trailers;
    unsigned status, interim;
    bool over, wrong;
    uint32_t code;
} talk;

static struct {
    nghttp2_session *session;
    bool server;
    uint32_t window; /* what it lets us have at first on a stream */
    talk talks[EXCHANGES];
    size_t count;
    tc_buf out;
} peer;

static conn ours;

static talk *talk_of(int32_t stream)
{
    const size_t n = (size_t)(stream - 1) / 2;
    assert_true(n < EXCHANGES);
    return &peer.talks[n];
}

/* --- what libnghttp2 asks for and tells -------------------------------------------------------
 */

static ssize_t read_content(nghttp2_session *session, int32_t stream, uint8_t *room, size_t size,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)source, (void)user;
    talk *t = talk_of(stream);
    size_t n = t->send - t->sent < size ? t->send - t->sent : size;
    if (n > 1 && check_random_below(2)) n = 1 + (size_t)check_random_below(n - 1);
    memcpy(room, letters + t->sent, n);
    t->sent += n;
    if (t->sent < t->send) return (ssize_t)n;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (t->trailers) {
        nghttp2_nv sum = {(uint8_t *)"x-sum", (uint8_t *)"7", 5, 1, NGHTTP2_NV_FLAG_NONE};
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        assert_int_equal(nghttp2_submit_trailer(session, stream, &sum, 1), 0);
    }
    return (ssize_t)n;
}

static ssize_t choose_padding(nghttp2_session *session, const nghttp2_frame *frame, size_t most,
                              void *user)
{
    (void)session, (void)user;
    size_t n = frame->hd.length + (size_t)check_random_below(40);
    return (ssize_t)(n < most ? n : most);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)session, (void)flags, (void)user;
    talk *t = talk_of(frame->hd.stream_id);
    const tc_span n = tc_span_of((const char *)name, name_len),
                  v = tc_span_of((const char *)value, value_len);
    if (tc_span_eq(n, TC_SPAN(":status"))) {
        const unsigned status = (unsigned)strtoul((const char *)value, NULL, 10);
        *(status < 200 ? &t->interim : &t->status) = status;
    }
    if (tc_span_eq(n, TC_SPAN("x-sum"))) t->got_trailers++;
    if (tc_span_eq(n, TC_SPAN("x-long"))) t->wrong |= v.len != LONG;
    t->heads++;
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *data,
                   size_t len, void *user)
{
    (void)session, (void)flags, (void)user;
    talk *t = talk_of(stream);
    t->wrong |= t->got + len > BODY || memcmp(letters + t->got, data, len) != 0;
    t->got += len;
    return 0;
}

static const char *const statuses[] = {"200", "404", "204"};

static void answer(nghttp2_session *session, talk *t)
{
    const size_t which = (size_t)check_random_below(3);
    const char *status = statuses[which];
    const nghttp2_nv fields[] = {
        {(uint8_t *)":status", (uint8_t *)status, 7, 3, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)"x-long", LONG_VALUE, 6, LONG, NGHTTP2_NV_FLAG_NONE},
    };
    const nghttp2_nv hint = {(uint8_t *)":status", (uint8_t *)"103", 7, 3, NGHTTP2_NV_FLAG_NONE};
    const nghttp2_data_provider content = {.read_callback = read_content};
    t->status = which == 0 ? 200 : which == 1 ? 404 : 204;
    t->send = t->status == 204 ? 0 : (size_t)check_random_below(BODY);
    t->trailers = t->status != 204 && check_random_below(2);
    if (check_random_below(3) == 0) {
        t->interim = 103;
        assert_int_equal(
            nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, t->stream, NULL, &hint, 1, NULL), 0);
    }
    assert_int_equal(nghttp2_submit_response(session, t->stream, fields,
                                             1 + (check_random_below(3) == 0),
                                             t->status == 204 ? NULL : &content),
                     0);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)user;
    const bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (peer.server && ends) answer(session, talk_of(frame->hd.stream_id));
    return 0;
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    (void)session, (void)user;
    talk_of(frame->hd.stream_id)->stream = frame->hd.stream_id;
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *user)
{
    (void)session, (void)user;
    talk_of(stream)->over = true;
    talk_of(stream)->code = code;
    return 0;
}

/* --- the wire --------------------------------------------------------------------------------- */

static void peer_begin(bool server)
{
    nghttp2_session_callbacks *calls;
    memset(&peer, 0, sizeof peer);
    peer.server = server;
    peer.window = server ? 65535 : 0;
    tc_buf_init(&peer.out, CONN_BUF_MAX);
    assert_int_equal(nghttp2_session_callbacks_new(&calls), 0);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, on_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(calls, on_begin);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_callbacks_set_select_padding_callback(calls, choose_padding);
    assert_int_equal((server ? nghttp2_session_server_new
                             : nghttp2_session_client_new)(&peer.session, calls, NULL),
                     0);
    nghttp2_session_callbacks_del(calls);
}

/* Windows only grow: libnghttp2 resets a stream with FLOW_CONTROL_ERROR when one is made smaller
 * than what is on its way, which its sender cannot know of (RFC 9113, 6.9.3). */
static void peer_settings(void)
{
    peer.window += (uint32_t)check_random_below(30000);
    const nghttp2_settings_entry entries[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, peer.window},
        {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, (uint32_t)check_random_below(3) * 4000},
        {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16384 + (uint32_t)check_random_below(2) * 70000},
    };
    assert_int_equal(nghttp2_submit_settings(peer.session, NGHTTP2_FLAG_NONE, entries,
                                             1 + (size_t)check_random_below(3)),
                     0);
}

static void peer_talks(void)
{
    const uint8_t *at;
    for (ssize_t n; (n = nghttp2_session_mem_send(peer.session, &at)) != 0;) {
        assert_true(n > 0);
        assert_int_equal(tc_buf_add(&peer.out, tc_span_of((const char *)at, (size_t)n)), TC_OK);
    }
}

static size_t piece(const tc_buf *b)
{
    const size_t most = check_random_below(2) ? 60 : 50000;
    const size_t n = 1 + (size_t)check_random_below(most);
    return n < b->len ? n : b->len;
}

/* Some bytes go one way or the other. */
static void carry(void)
{
    peer_talks();
    if (check_random_below(2)) {
        const size_t n = piece(&peer.out);
        char *copy = malloc(n + 1);
        assert_non_null(copy);
        if (n) memcpy(copy, peer.out.at, n);
        tc_buf_drop(&peer.out, n);
        conn_feed(&ours, tc_span_of(copy, n), false);
        free(copy);
    } else {
        const size_t n = piece(&ours.out);
        const ssize_t took =
            nghttp2_session_mem_recv(peer.session, (const uint8_t *)ours.out.at, n);
        if (took != (ssize_t)n) fail_msg("nghttp2: %s", nghttp2_strerror((int)took));
        tc_buf_drop(&ours.out, n);
    }
}

static void end(void)
{
    nghttp2_session_del(peer.session);
    tc_buf_fini(&peer.out);
    conn_fini(&ours);
}

static bool all_over(void)
{
    for (size_t i = 0; i < EXCHANGES; i++)
        if (!peer.talks[i].over) return false;
    return true;
}

static void carry_all(void)
{
    for (int i = 0; i < PIECES && !(all_over() && ours.closed >= EXCHANGES); i++) {
        if (check_random_below(2000) == 0) peer_settings();
        carry();
    }
    if (!all_over() || ours.closed < EXCHANGES)
        fail_msg("not over; we said:\n%.*s", TC_FMT(tc_span_first(tc_buf_span(&ours.log), 20000)));
}

/* --- our server ------------------------------------------------------------------------------- */

static script make_answer(void)
{
    script s = {.status = check_random_below(5) ? 200 : 204};
    s.at_head = check_random_below(5) == 0;
    if (check_random_below(4) == 0) s.inform = 103;
    if (s.status == 204) return s;
    s.run_count = 1;
    s.runs[0] = tc_span_of(letters, 1 + (size_t)check_random_below(BODY - 1));
    s.unknown = check_random_below(2);
    if (check_random_below(2)) s.trailers[s.trailer_count++] = TC_SPAN("x-sum: 7");
    if (check_random_below(3) == 0) s.fields[s.field_count++] = tc_span_str(long_field);
    return s;
}

static void ask(talk *t)
{
    const nghttp2_nv fields[] = {
        {(uint8_t *)":method", (uint8_t *)"POST", 7, 4, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)":scheme", (uint8_t *)"http", 7, 4, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)":authority", (uint8_t *)"a", 10, 1, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)":path", (uint8_t *)"/", 5, 1, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)"cookie", (uint8_t *)"a=1", 6, 3, NGHTTP2_NV_FLAG_NONE},
        {(uint8_t *)"cookie", (uint8_t *)"b=2", 6, 3, NGHTTP2_NV_FLAG_NO_INDEX},
        {(uint8_t *)"x-long", LONG_VALUE, 6, LONG, NGHTTP2_NV_FLAG_NONE},
    };
    const nghttp2_data_provider content = {.read_callback = read_content};
    t->send = check_random_below(3) ? (size_t)check_random_below(BODY) : 0;
    t->trailers = t->send && check_random_below(2);
    t->stream = nghttp2_submit_request(peer.session, NULL, fields, 6 + (check_random_below(4) == 0),
                                       t->send ? &content : NULL, NULL);
    assert_int_equal(t->stream, 1 + 2 * (t - peer.talks));
}

static size_t times(const char *text)
{
    size_t n = 0;
    for (size_t i = 0; i < ours.log.len; i++)
        n += tc_span_starts(tc_span_from(tc_buf_span(&ours.log), i), tc_span_str(text));
    return n;
}

static void our_server(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        conn_init(&ours, &tc_h2_type, TC_SERVER);
        const script one = make_answer();
        ours.scripts[0] = one;
        ours.script_count = 1;
        ours.pause_every = (size_t)check_random_below(3);
        peer_begin(false);
        peer_settings();
        for (size_t i = 0; i < EXCHANGES; i++)
            ask(&peer.talks[i]);
        carry_all();
        for (size_t i = 0; i < EXCHANGES; i++) {
            const talk *t = &peer.talks[i];
            assert_false(t->wrong);
            assert_int_equal(t->code, NGHTTP2_NO_ERROR);
            assert_int_equal(t->status, one.status);
            assert_int_equal(t->interim, one.inform);
            assert_int_equal(t->got, one.runs[0].len);
            assert_int_equal(t->got_trailers, one.trailer_count);
        }
        assert_int_equal(times("cookie: a=1; b=2"), EXCHANGES);
        assert_int_equal(times("closed "), 0);
        end();
    }
}

/* --- our client ------------------------------------------------------------------------------- */

static void our_client(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        conn_init(&ours, &tc_h2_type, TC_CLIENT);
        for (size_t i = 0; i < EXCHANGES; i++) {
            script s = {.method = TC_SPAN("POST"), .path = TC_SPAN("/"), .host = TC_SPAN("a")};
            if (check_random_below(2)) {
                s.runs[s.run_count++] =
                    tc_span_of(letters, 1 + (size_t)check_random_below(BODY - 1));
                s.unknown = check_random_below(2);
                if (check_random_below(2)) s.trailers[s.trailer_count++] = TC_SPAN("x-sum: 7");
            }
            ours.scripts[i] = s;
        }
        ours.script_count = EXCHANGES;
        ours.pause_every = (size_t)check_random_below(3);
        peer_begin(true);
        peer_settings();
        conn_feed(&ours, (tc_span){0}, false);
        carry_all();
        size_t heads = 0, trailers = 0;
        for (size_t i = 0; i < EXCHANGES; i++) {
            const talk *t = &peer.talks[i];
            assert_false(t->wrong);
            assert_int_equal(t->code, NGHTTP2_NO_ERROR);
            assert_int_equal(t->got, ours.scripts[i].runs[0].len);
            assert_int_equal(t->got_trailers, ours.scripts[i].trailer_count);
            assert_int_equal(t->sent, t->send);
            heads += t->interim ? 2 : 1;
            trailers += t->trailers;
        }
        assert_int_equal(times("head "), heads);
        assert_int_equal(times("trailers [x-sum: 7]"), trailers);
        assert_int_equal(times("closed\n"), EXCHANGES);
        end();
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    memset(LONG_VALUE, 'v', LONG);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_server),
        cmocka_unit_test(our_client),
    };
    return cmocka_run_group_tests_name("h2_nghttp2", tests, NULL, NULL);
}
