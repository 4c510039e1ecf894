/* qlog.c - events as qlog: a small connection word for word, what is left out, limits, and files
 * that fail. */
// SPDX-License-Identifier: MIT
#include "observe/qlog.h"

#include "base/clock.h"
#include "observe/transport.h"
#include "support/check.h"

enum { FILES = 4, TEXT = 1 << 20 };

typedef struct file {
    char name[TC_QLOG_NAME + 1];
    char text[TEXT];
    size_t len;
    unsigned closed;
} file;

static struct {
    tc_qlog q; /* first */
    file files[FILES];
    unsigned count;
    bool no_file, full;
} the;

static tc_limits limits;
static tc_reached reached;
static const int way, other_way;

static void *open_file(tc_qlog *q, const char *name)
{
    (void)q;
    if (the.no_file) return NULL;
    assert_true(the.count < FILES && strlen(name) <= TC_QLOG_NAME);
    file *f = &the.files[the.count++];
    *f = (file){.len = 0};
    (void)strcpy(f->name, name);
    return f;
}

static tc_err write_file(tc_qlog *q, void *self, tc_span bytes)
{
    file *f = self;
    (void)q;
    if (the.full) return TC_ERR_WRITE_FILE;
    assert_true(f->len + bytes.len < TEXT);
    memcpy(f->text + f->len, bytes.at, bytes.len);
    f->len += bytes.len;
    return TC_OK;
}

static void close_file(tc_qlog *q, void *self)
{
    (void)q;
    ((file *)self)->closed++;
}

static int64_t wall(void)
{
    return INT64_C(1795332059764) * TC_MS;
}

static int set_up(void **state)
{
    (void)state;
    limits = tc_limits_default;
    reached = (tc_reached){0};
    the.count = 0;
    the.no_file = the.full = false;
    the.q = (tc_qlog){.limits = &limits,
                      .reached = &reached,
                      .wall_ns = wall,
                      .open = open_file,
                      .write = write_file,
                      .close = close_file};
    tc_qlog_init(&the.q);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tc_qlog_fini(&the.q);
    return 0;
}

static void show(const tc_seen *what)
{
    tc_watch *w = &the.q.watch;
    assert_true(w->mask >> what->kind & 1);
    w->see(w, what);
}

static void transport(int64_t ms, tc_transport what)
{
    if (!what.way) what.way = &way;
    show(&(tc_seen){.kind = TC_SEEN_TRANSPORT, .at = ms * TC_MS, .transport = &what});
}

static void begin(const void *of)
{
    tc_transport t = {.kind = TC_TRANSPORT_BEGUN,
                      .way = of,
                      .begun = {.role = TC_CLIENT,
                                .id = {0xba, 0x4b, 0x03},
                                .id_len = 3,
                                .local = "127.0.0.1",
                                .remote = "127.0.0.1",
                                .local_port = 40000,
                                .remote_port = 8443}};
    transport(100, t);
}

static void http(int64_t ms, const void *of, enum tc_version version, bool ours, const tc_frame *f)
{
    const tc_session_info info = {
        .id = 7, .role = TC_SERVER, .version = version, .way = of, .peer_port = 5555};
    show(&(tc_seen){
        .kind = TC_SEEN_FRAME, .at = ms * TC_MS, .ours = ours, .session = &info, .frame = f});
}

static void check_text(const file *f, const char *text)
{
    check_span(tc_span_of(f->text, f->len), text);
}

#define RS "\x1e"

static const tc_frame get = {.name = "HEADERS",
                             .type = 1,
                             .sid = 0,
                             .length = 10,
                             .fields = {":method: GET\ncookie: a=b\nx: \"\\\n", 31}};

static void a_quic_connection(void **state)
{
    (void)state;
    static tc_packet p = {.type = TC_PACKET_INITIAL,
                          .numbered = true,
                          .number = 0,
                          .version = 1,
                          .length = 1200,
                          .scid = {"00", 2},
                          .dcid = {"ba4b03", 6},
                          .frame_count = 3,
                          .range_count = 2,
                          .ranges = {{5, 9}, {1, 1}}};
    p.frames[0] = (tc_packet_frame){.type = 6, .offset = 1, .length = 350};
    p.frames[1] = (tc_packet_frame){.type = 2, .delay = 1500, .range_count = 2};
    p.frames[2] = (tc_packet_frame){.type = 9, .id = 4, .length = 3};
    begin(&way);
    transport(101, (tc_transport){.kind = TC_TRANSPORT_SENT, .packet = &p});
    transport(102, (tc_transport){.kind = TC_TRANSPORT_METRICS,
                                  .metrics = {.least_rtt_ns = 1,
                                              .rtt_ns = 2 * TC_MS,
                                              .latest_rtt_ns = 3 * TC_MS,
                                              .deviation_ns = 4 * TC_MS,
                                              .window = 12000,
                                              .in_flight = 1200,
                                              .threshold = UINT64_MAX}});
    const tc_packet lost = {.type = TC_PACKET_1RTT, .numbered = true, .number = 3};
    transport(103, (tc_transport){.kind = TC_TRANSPORT_LOST, .packet = &lost});
    transport(103, (tc_transport){.kind = TC_TRANSPORT_DROPPED, .why = "duplicate"});
    transport(103, (tc_transport){.kind = TC_TRANSPORT_KEYS,
                                  .keys = {.level = "1rtt", .role = TC_SERVER}});
    transport(103, (tc_transport){.kind = TC_TRANSPORT_MOVED, .moved = {4, 17, true}});
    http(104, &way, TC_HTTP_3, true, &get);
    http(104, &way, TC_HTTP_3, true, &(tc_frame){.pipe = "control", .sid = 2});
    const tc_frame_number numbers[] = {{"QPACK_BLOCKED_STREAMS", 7, 100}, {NULL, 0xbc, 1}};
    http(105, &way, TC_HTTP_3, false,
         &(tc_frame){.name = "SETTINGS",
                     .type = 4,
                     .sid = 3,
                     .length = 6,
                     .numbers = numbers,
                     .number_count = 2});
    http(105, &way, TC_HTTP_3, false, &(tc_frame){.type = 0x21, .sid = 3});
    transport(110, (tc_transport){
                       .kind = TC_TRANSPORT_CLOSED, .ours = true, .closed = {true, 256, "clean"}});
    assert_int_equal(the.files[0].closed, 1);
    assert_string_equal(the.files[0].name, "20261122T072059.764Z-client-ba4b03.sqlog");
    check_text(
        &the.files[0], RS
        "{\"qlog_version\":\"0.3\",\"qlog_format\":\"JSON-SEQ\",\"title\":\"HTTP/3 over QUIC\","
        "\"trace\":{\"vantage_point\":{\"name\":\"tercet " TERCET_VERSION
        "\",\"type\":\"client\"},\"common_fields\":{\"ODCID\":\"ba4b03\",\"protocol_type\":"
        "[\"QUIC\",\"HTTP3\"],\"time_format\":\"relative\","
        "\"reference_time\":1795332059764.000000}}}\n" RS
        "{\"time\":0.000000,\"name\":\"connectivity:connection_started\",\"data\":{"
        "\"ip_version\":\"v4\",\"src_ip\":\"127.0.0.1\",\"dst_ip\":\"127.0.0.1\",\"protocol\":"
        "\"QUIC\",\"src_port\":40000,\"dst_port\":8443}}\n" RS
        "{\"time\":0.000000,\"name\":\"connectivity:connection_state_updated\",\"data\":{"
        "\"new\":\"attempted\"}}\n" RS
        "{\"time\":1.000000,\"name\":\"transport:packet_sent\",\"data\":{\"header\":{"
        "\"packet_type\":\"initial\",\"packet_number\":0,\"version\":\"1\",\"scil\":1,"
        "\"scid\":\"00\",\"dcil\":3,\"dcid\":\"ba4b03\"},\"frames\":[{\"frame_type\":\"crypto\","
        "\"offset\":1,\"length\":350},{\"frame_type\":\"ack\",\"ack_delay\":1.500000,"
        "\"acked_ranges\":[[1,1],[5,9]]},{\"frame_type\":\"stream\",\"stream_id\":4,"
        "\"offset\":0,\"length\":3,\"fin\":true}],\"raw\":{\"length\":1200}}}\n" RS
        "{\"time\":2.000000,\"name\":\"recovery:metrics_updated\",\"data\":{\"min_rtt\":0.000001,"
        "\"smoothed_rtt\":2.000000,\"latest_rtt\":3.000000,\"rtt_variance\":4.000000,"
        "\"congestion_window\":12000,\"bytes_in_flight\":1200}}\n" RS
        "{\"time\":3.000000,\"name\":\"recovery:packet_lost\",\"data\":{\"header\":{"
        "\"packet_type\":\"1RTT\",\"packet_number\":3}}}\n" RS
        "{\"time\":3.000000,\"name\":\"transport:packet_dropped\",\"data\":{\"trigger\":"
        "\"duplicate\"}}\n" RS
        "{\"time\":3.000000,\"name\":\"security:key_updated\",\"data\":{\"key_type\":"
        "\"server_1rtt_secret\",\"trigger\":\"tls\"}}\n" RS
        "{\"time\":3.000000,\"name\":\"transport:data_moved\",\"data\":{\"stream_id\":4,"
        "\"length\":17,\"from\":\"application\",\"to\":\"transport\"}}\n" RS
        "{\"time\":4.000000,\"name\":\"http:frame_created\",\"data\":{\"stream_id\":0,"
        "\"length\":10,\"byte_length\":10,\"frame\":{\"frame_type\":\"headers\",\"headers\":["
        "{\"name\":\":method\",\"value\":\"GET\"},{\"name\":\"cookie\",\"value\":\"......\"},"
        "{\"name\":\"x\",\"value\":\"\\\"\\\\\"}]}}}\n" RS
        "{\"time\":4.000000,\"name\":\"http:stream_type_set\",\"data\":{\"owner\":\"local\","
        "\"stream_id\":2,\"new\":\"control\"}}\n" RS
        "{\"time\":5.000000,\"name\":\"http:parameters_set\",\"data\":{\"owner\":\"remote\","
        "\"blocked_streams_count\":100}}\n" RS
        "{\"time\":5.000000,\"name\":\"http:frame_parsed\",\"data\":{\"stream_id\":3,"
        "\"length\":6,\"byte_length\":6,\"frame\":{\"frame_type\":\"settings\",\"settings\":["
        "{\"name\":\"SETTINGS_QPACK_BLOCKED_STREAMS\",\"value\":100},{\"name\":\"0xbc\","
        "\"value\":1}]}}}\n" RS
        "{\"time\":5.000000,\"name\":\"http:frame_parsed\",\"data\":{\"stream_id\":3,"
        "\"length\":0,\"byte_length\":0,\"frame\":{\"frame_type\":\"reserved\"}}}\n" RS
        "{\"time\":10.000000,\"name\":\"connectivity:connection_closed\",\"data\":{\"owner\":"
        "\"local\",\"application_code\":256,\"trigger\":\"clean\"}}\n" RS
        "{\"time\":10.000000,\"name\":\"connectivity:connection_state_updated\",\"data\":{"
        "\"new\":\"closed\"}}\n");
    http(111, &way, TC_HTTP_3, true, &get); /* after its end there is nothing */
    assert_int_equal(the.count, 1);
}

static void http_2(void **state)
{
    (void)state;
    the.q.secrets = true;
    http(50, &way, TC_HTTP_2, false,
         &(tc_frame){.name = "HEADERS",
                     .type = 1,
                     .sid = 1,
                     .length = 9,
                     .flags = 5,
                     .fields = {"cookie: a=b\n", 12}});
    const tc_frame_number gone[] = {{"last_stream_id", 0, 1}, {"error_code", 0, 2}};
    http(51, &way, TC_HTTP_2, true,
         &(tc_frame){.name = "GOAWAY", .type = 7, .length = 8, .numbers = gone, .number_count = 2});
    http(51, &way, TC_HTTP_2, true, &(tc_frame){.type = 0xf0, .length = 1});
    const tc_session_info info = {.way = &way};
    show(&(tc_seen){.kind = TC_SEEN_ENDED, .at = 52 * TC_MS, .session = &info});
    assert_int_equal(the.files[0].closed, 1);
    assert_string_equal(the.files[0].name, "20261122T072059.764Z-server-tcp-5555-7.sqlog");
    check_text(
        &the.files[0],
        RS "{\"qlog_version\":\"0.3\",\"qlog_format\":\"JSON-SEQ\",\"title\":\"HTTP/2 over TCP\","
           "\"trace\":{\"vantage_point\":{\"name\":\"tercet " TERCET_VERSION
           "\",\"type\":\"server\"},\"common_fields\":{\"protocol_type\":\"TCP_HTTP2\","
           "\"time_format\":\"relative\",\"reference_time\":1795332059764.000000}}}\n" RS
           "{\"time\":0.000000,\"name\":\"http2:frame_parsed\",\"data\":{\"stream_id\":1,"
           "\"header_length\":9,\"payload_length\":9,\"frame\":{\"frame_type\":\"headers\","
           "\"byte_length\":9,\"stream_end\":true,\"headers\":[{\"name\":\"cookie\",\"value\":"
           "\"a=b\"}]}}}\n" RS
           "{\"time\":1.000000,\"name\":\"http2:frame_created\",\"data\":{\"stream_id\":0,"
           "\"header_length\":9,\"payload_length\":8,\"frame\":{\"frame_type\":\"go_away\","
           "\"byte_length\":8,\"last_stream_id\":1,\"error_code\":2}}}\n" RS
           "{\"time\":1.000000,\"name\":\"http2:frame_created\",\"data\":{\"stream_id\":0,"
           "\"header_length\":9,\"payload_length\":1,\"frame\":{\"frame_type\":\"unknown\","
           "\"raw_frame_type\":240,\"byte_length\":1}}}\n");
}

static void no_trace(void **state)
{
    (void)state;
    const tc_session_info info = {.way = &way, .version = TC_HTTP_1_1};
    show(&(tc_seen){.kind = TC_SEEN_ENDED, .session = &info}); /* HTTP/1 has no frames */
    transport(1, (tc_transport){.kind = TC_TRANSPORT_READY});  /* it began before we looked on */
    assert_int_equal(the.count, 0);
}

static void as_many_files_as_allowed(void **state)
{
    (void)state;
    limits.qlogs = 1;
    begin(&way);
    begin(&other_way);
    assert_int_equal(the.count, 1);
    assert_int_equal(reached.qlogs, 1);
}

static void as_many_bytes_as_allowed(void **state)
{
    (void)state;
    limits.qlog_bytes = 100000;
    begin(&way);
    for (int i = 0; i < 5000; i++)
        transport(i, (tc_transport){.kind = TC_TRANSPORT_READY});
    transport(9999, (tc_transport){.kind = TC_TRANSPORT_CLOSED, .closed.trigger = "clean"});
    assert_in_range(the.files[0].len, 50000, 100000);
    assert_int_equal(the.files[0].text[the.files[0].len - 1], '\n'); /* records are whole */
    assert_int_equal(reached.qlog_bytes, 1);
    assert_int_equal(the.files[0].closed, 1);
}

/* One event that is larger than what is kept before it is written. */
static void too_large_an_event(void **state)
{
    (void)state;
    static char fields[400000];
    memset(fields, 'a', sizeof fields);
    memcpy(fields, "x: ", 3);
    fields[sizeof fields - 1] = '\n';
    begin(&way);
    http(101, &way, TC_HTTP_3, true,
         &(tc_frame){.name = "HEADERS", .type = 1, .fields = {fields, sizeof fields}});
    transport(102, (tc_transport){.kind = TC_TRANSPORT_READY});
    transport(103, (tc_transport){.kind = TC_TRANSPORT_CLOSED, .closed.trigger = "clean"});
    const file *f = &the.files[0];
    assert_in_range(f->len, 500, 2000);
    assert_null(memmem(f->text, f->len, "http:", 5));
    assert_non_null(memmem(f->text, f->len, "handshake_complete", 18));
}

static void files_that_fail(void **state)
{
    (void)state;
    the.no_file = true;
    begin(&way);
    transport(102, (tc_transport){.kind = TC_TRANSPORT_READY});
    the.no_file = false;
    the.full = true;
    begin(&other_way);
    for (int i = 0; i < 5000; i++)
        transport(i, (tc_transport){.kind = TC_TRANSPORT_READY, .way = &other_way});
    the.full = false; /* what has a gap stays as it is */
    transport(9999, (tc_transport){
                        .kind = TC_TRANSPORT_CLOSED, .way = &other_way, .closed.trigger = "clean"});
    assert_int_equal(the.count, 1);
    assert_int_equal(the.files[0].len, 0);
    assert_int_equal(the.files[0].closed, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(a_quic_connection),
                                       TEST(http_2),
                                       TEST(no_trace),
                                       TEST(as_many_files_as_allowed),
                                       TEST(as_many_bytes_as_allowed),
                                       TEST(too_large_an_event),
                                       TEST(files_that_fail)};
    return cmocka_run_group_tests_name("qlog", tests, NULL, NULL);
}
