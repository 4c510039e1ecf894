/* h3_nghttp3.c - our engine and libnghttp3's, each at either end, in memory: many requests with
 * content both ways, on one connection, carried in pieces. */
// SPDX-License-Identifier: MIT
#include <nghttp3/nghttp3.h>

#include "support/h3_end.h"

enum { REQUESTS = 60, CONTENT = 30000, VECS = 8 };

static conn c;
static h3_end e;
static nghttp3_conn *peer;
static char letters[CONTENT];
static size_t peer_content, peer_fields, peer_ends;

/* --- what the peer says and hears ------------------------------------------------------------- */

static int on_data(nghttp3_conn *conn_, int64_t id, const uint8_t *data, size_t len, void *u,
                   void *s)
{
    (void)conn_, (void)id, (void)data, (void)u, (void)s;
    peer_content += len;
    return 0;
}

static int on_header(nghttp3_conn *conn_, int64_t id, int32_t token, nghttp3_rcbuf *name,
                     nghttp3_rcbuf *value, uint8_t flags, void *u, void *s)
{
    (void)conn_, (void)id, (void)token, (void)name, (void)value, (void)flags, (void)u, (void)s;
    peer_fields++;
    return 0;
}

/* Content of a request or response, once. */
static nghttp3_ssize give_content(nghttp3_conn *conn_, int64_t id, nghttp3_vec *vec, size_t count,
                                  uint32_t *flags, void *u, void *s)
{
    (void)conn_, (void)id, (void)count, (void)u, (void)s;
    vec[0] = (nghttp3_vec){(uint8_t *)letters, CONTENT};
    *flags |= NGHTTP3_DATA_FLAG_EOF;
    return 1;
}

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), sizeof name - 1,              \
            sizeof value - 1, NGHTTP3_NV_FLAG_NONE                                                 \
    }

static int on_end(nghttp3_conn *conn_, int64_t id, void *u, void *s)
{
    static const nghttp3_nv fields[] = {FIELD(":status", "200"), FIELD("server", "nghttp3"),
                                        FIELD("x-of-theirs", "the same in each response")};
    static const nghttp3_data_reader reader = {give_content};
    (void)u, (void)s;
    peer_ends++;
    return e.c->env.role == TC_CLIENT ? nghttp3_conn_submit_response(conn_, id, fields, 3, &reader)
                                      : 0;
}

static void begin(enum tc_role ours)
{
    const nghttp3_callbacks calls = {
        .recv_data = on_data, .recv_header = on_header, .end_stream = on_end};
    nghttp3_settings settings;
    nghttp3_settings_default(&settings);
    settings.qpack_max_dtable_capacity = 4096;
    settings.qpack_blocked_streams = 20;
    peer_content = peer_fields = peer_ends = 0;
    h3_end_init(&e, &c, ours);
    const nghttp3_mem *mem = nghttp3_mem_default();
    assert_int_equal(ours == TC_SERVER
                         ? nghttp3_conn_client_new(&peer, &calls, &settings, mem, NULL)
                         : nghttp3_conn_server_new(&peer, &calls, &settings, mem, NULL),
                     0);
    const int64_t uni = ours == TC_SERVER ? 2 : 3;
    assert_int_equal(nghttp3_conn_bind_control_stream(peer, uni), 0);
    assert_int_equal(nghttp3_conn_bind_qpack_streams(peer, uni + 4, uni + 8), 0);
    if (ours == TC_CLIENT) nghttp3_conn_set_max_client_streams_bidi(peer, REQUESTS);
}

/* One write of the peer's reaches us. */
static bool peer_writes(void)
{
    nghttp3_vec vecs[VECS];
    int64_t id = -1;
    int fin = 0;
    const nghttp3_ssize count = nghttp3_conn_writev_stream(peer, &id, &fin, vecs, VECS);
    assert_true(count >= 0);
    if (id < 0) return false;
    size_t total = 0;
    for (nghttp3_ssize i = 0; i < count; i++) {
        h3_came(&e, (uint64_t)id, tc_span_of((char *)vecs[i].base, vecs[i].len), false);
        total += vecs[i].len;
    }
    if (fin) h3_came(&e, (uint64_t)id, (tc_span){0}, true);
    assert_int_equal(nghttp3_conn_add_write_offset(peer, id, total), 0);
    assert_int_equal(nghttp3_conn_add_ack_offset(peer, id, total), 0);
    return count > 0 || fin;
}

/* A piece of what we said on a stream reaches the peer. */
static bool we_write(h3_flow *f)
{
    size_t n = 1 + (size_t)check_random_below(check_random_below(2) ? 20 : 20000);
    if (n > f->out.len) n = f->out.len;
    const bool fin = f->out_fin && n == f->out.len;
    if (n == 0 && !(fin && !f->reset_told)) return false;
    const nghttp3_ssize taken =
        nghttp3_conn_read_stream(peer, (int64_t)f->sid, (const uint8_t *)f->out.at, n, fin);
    if (taken < 0) fail_msg("stream %d: %s", (int)f->sid, nghttp3_strerror((int)taken));
    tc_buf_drop(&f->out, n);
    f->reset_told = fin; /* its end was told */
    return true;
}

static void play(void)
{
    for (bool moved = true; moved;) {
        moved = false;
        h3_turn(&e);
        for (size_t i = 0; i < e.count; i++)
            moved |= we_write(&e.flows[i]);
        while (peer_writes())
            moved = true;
    }
    assert_false(e.closed);
}

static void end(void)
{
    nghttp3_conn_del(peer);
    h3_end_fini(&e);
}

static void our_server(void **state)
{
    (void)state;
    static const nghttp3_nv fields[] = {FIELD(":method", "POST"),
                                        FIELD(":scheme", "http"),
                                        FIELD(":authority", "a"),
                                        FIELD(":path", "/"),
                                        FIELD("user-agent", "nghttp3"),
                                        FIELD("cookie", "a=b"),
                                        FIELD("x-of-theirs", "the same in each request")};
    static const nghttp3_data_reader reader = {give_content};
    begin(TC_SERVER);
    c.scripts[0] =
        (script){.status = 200,
                 .field_count = 2,
                 .fields = {TC_SPAN("server: tercet"), TC_SPAN("x-ours: the same again")},
                 .run_count = 2,
                 .runs = {TC_SPAN("hello"), tc_span_of(letters, 5000)}};
    c.scripts[0].trailers[c.scripts[0].trailer_count++] = TC_SPAN("x-sum: 1");
    c.script_count = 1;
    for (int64_t i = 0; i < REQUESTS; i++) {
        assert_int_equal(nghttp3_conn_submit_request(peer, 4 * i, fields, 7, &reader, NULL), 0);
        if (i % 3 == 0) play();
    }
    play();
    assert_int_equal(c.closed, REQUESTS);
    assert_int_equal(c.content, (uint64_t)REQUESTS * CONTENT);
    assert_int_equal(peer_content, REQUESTS * 5005);
    assert_int_equal(peer_ends, REQUESTS);
    assert_int_equal(peer_fields, REQUESTS * 4); /* status, length, both of ours */
    assert_false(h3_logged(&e, "broken") || h3_logged(&e, "reset"));
    end();
}

static void our_client(void **state)
{
    (void)state;
    begin(TC_CLIENT);
    for (size_t i = 0; i < REQUESTS; i++)
        c.scripts[i] = (script){.method = i % 2 ? TC_SPAN("POST") : TC_SPAN("GET"),
                                .path = TC_SPAN("/some/path"),
                                .host = TC_SPAN("www.example.com"),
                                .field_count = 2,
                                .fields = {TC_SPAN("user-agent: tercet"), TC_SPAN("cookie: a=b")},
                                .run_count = i % 2,
                                .runs = {tc_span_of(letters, 7000)}};
    for (c.script_count = 1; c.script_count < REQUESTS; c.script_count++)
        if (c.script_count % 7 == 0) play();
    play();
    assert_int_equal(c.closed, REQUESTS);
    assert_int_equal(c.content, (uint64_t)REQUESTS * CONTENT);
    assert_int_equal(peer_content, REQUESTS / 2 * 7000);
    assert_int_equal(peer_ends, REQUESTS);
    assert_true(h3_flow_of(&e, 6)->out_all > 10); /* the table was used */
    end();
}

int main(void)
{
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = (char)('a' + i % 26);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_server),
        cmocka_unit_test(our_client),
    };
    return cmocka_run_group_tests_name("h3_nghttp3", tests, NULL, NULL);
}
