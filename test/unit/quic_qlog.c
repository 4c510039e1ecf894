/* quic_qlog.c - real connections over a network in memory as qlog: every packet is there, with its
 * length, whatever the network does; and what was sent is what the other end saw come. */
// SPDX-License-Identifier: MIT
#include <jansson.h>
#include <stdlib.h>

#include "h3/h3.h"
#include "observe/qlog.h"
#include "support/check.h"
#include "support/quic_net.h"

enum { TEXT = 64 << 20 };

/* What one end wrote. */
typedef struct end {
    tc_qlog q; /* first */
    tc_reached reached;
    char *text;
    size_t len;
    unsigned opened, closed;
    /* what is in it */
    uint64_t sent, got, unmeasured, lost, moved_in, moved_out, data;
    uint64_t next[8]; /* packet numbers, by type: those sent only grow */
    bool started, ready, over, settings, metrics, keys;
    unsigned heads, parameters;
    uint64_t wire; /* bytes that the network had of it, before the end */
} end;

static quic_net net;
static end ends[2];

static void *open_file(tc_qlog *q, const char *name)
{
    end *e = (end *)q;
    (void)name;
    e->opened++;
    return e;
}

static tc_err write_file(tc_qlog *q, void *self, tc_span bytes)
{
    end *e = (end *)q;
    (void)self;
    if (bytes.len > TEXT - e->len) return TC_ERR_WRITE_FILE;
    memcpy(e->text + e->len, bytes.at, bytes.len);
    e->len += bytes.len;
    return TC_OK;
}

static void close_file(tc_qlog *q, void *self)
{
    (void)self;
    ((end *)q)->closed++;
}

static void begin(unsigned lost, unsigned late, uint64_t seed)
{
    quic_net_init(&net, &tc_h3_type);
    net.seed = seed;
    net.lost = lost;
    net.late = late;
    for (int i = 0; i < 2; i++) {
        char *text = ends[i].text ? ends[i].text : malloc(TEXT);
        assert_non_null(text);
        ends[i] = (end){.text = text};
        ends[i].q = (tc_qlog){.limits = &tc_limits_default,
                              .reached = &ends[i].reached,
                              .open = open_file,
                              .write = write_file,
                              .close = close_file};
        tc_qlog_init(&ends[i].q);
        net.watch[i] = &ends[i].q.watch;
    }
    quic_net_begin(&net);
    if (!quic_net_run(&net, quic_net_is_open, 20 * TC_S) || !net.open)
        fail_msg("seed %llu: no handshake", (unsigned long long)seed);
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static uint64_t number_of(const json_t *object, const char *name)
{
    return (uint64_t)json_integer_value(json_object_get(object, name));
}

static void take_packet(end *e, const json_t *data, bool sent)
{
    static const char *const types[] = {"initial", "handshake", "1RTT"};
    const json_t *header = json_object_get(data, "header");
    const uint64_t length = number_of(json_object_get(data, "raw"), "length");
    *(sent ? &e->sent : &e->got) += length;
    e->unmeasured += length == 0;
    assert_true(json_array_size(json_object_get(data, "frames")) > 0);
    for (int i = 0; i < 3; i++) {
        if (strcmp(types[i], text_of(header, "packet_type"))) continue;
        const uint64_t number = number_of(header, "packet_number");
        if (sent) assert_true(number >= e->next[i]);
        e->next[i] = sent ? number + 1 : e->next[i];
        return;
    }
    fail_msg("a packet of type %s", text_of(header, "packet_type"));
}

static void take(end *e, const json_t *record)
{
    const char *name = text_of(record, "name");
    const json_t *data = json_object_get(record, "data"), *frame = json_object_get(data, "frame");
    const bool parsed = strcmp(name, "http:frame_parsed") == 0;
    const bool in = strcmp(text_of(data, "to"), "application") == 0;
    if (strcmp(name, "transport:packet_sent") == 0) take_packet(e, data, true);
    if (strcmp(name, "transport:packet_received") == 0) take_packet(e, data, false);
    if (strcmp(name, "transport:data_moved") == 0)
        *(in ? &e->moved_in : &e->moved_out) += number_of(data, "length");
    if (parsed && strcmp(text_of(frame, "frame_type"), "data") == 0)
        e->data += number_of(data, "length");
    e->heads += frame && strcmp(text_of(frame, "frame_type"), "headers") == 0;
    e->settings |= parsed && strcmp(text_of(frame, "frame_type"), "settings") == 0;
    e->lost += strcmp(name, "recovery:packet_lost") == 0;
    e->metrics |= strcmp(name, "recovery:metrics_updated") == 0;
    e->keys |= strcmp(name, "security:key_updated") == 0;
    e->parameters += strcmp(name, "transport:parameters_set") == 0;
    e->started |= strcmp(name, "connectivity:connection_started") == 0;
    e->over |= strcmp(name, "connectivity:connection_closed") == 0;
    e->ready |= strcmp(text_of(data, "new"), "handshake_complete") == 0;
}

static void take_all(end *e)
{
    double last = 0;
    tc_span rest = tc_span_of(e->text, e->len);
    for (unsigned i = 0; rest.len; i++) {
        json_error_t why;
        assert_int_equal(rest.at[0], 0x1e);
        const size_t n = tc_span_find(rest, '\n');
        json_t *record = json_loadb(rest.at + 1, n - 1, JSON_REJECT_DUPLICATES, &why);
        if (!record) fail_msg("record %u: %s in %.*s", i, why.text, (int)n, rest.at);
        if (i) {
            const double at = json_number_value(json_object_get(record, "time"));
            assert_true(at >= last);
            last = at;
            take(e, record);
        }
        json_decref(record);
        rest = tc_span_from(rest, n + 1);
    }
}

static void finish(void)
{
    (void)quic_net_run(&net, quic_net_all_closed, 120 * TC_S);
    for (unsigned i = 0; i < net.asked_count; i++)
        assert_true(net.asked[i].closed && !net.asked[i].err);
    (void)quic_net_run(&net, quic_net_is_over, TC_S); /* acknowledgements arrive */
    ends[0].wire = net.bytes[1];
    ends[1].wire = net.bytes[0];
    tc_session_kill(&net.session, TC_OK);
    const uint64_t last = net.bytes[1] - ends[0].wire;
    quic_net_fini(&net);
    for (int i = 0; i < 2; i++) {
        tc_qlog_fini(&ends[i].q);
        take_all(&ends[i]);
        const end *e = &ends[i];
        assert_int_equal(e->opened, 1);
        assert_int_equal(e->closed, 1);
        assert_true(e->started && e->ready && e->over && e->settings && e->metrics && e->keys);
        assert_int_equal(e->parameters, 2);
        assert_int_equal(e->heads, 2 * net.asked_count);
        assert_in_range(e->sent, e->wire + (i ? 0 : last),
                        e->wire + 1500); /* it says that it closes */
    }
    assert_int_equal(ends[0].moved_in, ends[1].moved_out);
}

static void a_good_network(void **state)
{
    (void)state;
    begin(0, 0, 1);
    quic_net_ask(&net, 300000, 0);
    quic_net_ask(&net, 10, 5000);
    finish();
    assert_int_equal(ends[0].data, 300010);
    assert_int_equal(ends[1].data, 5000);
    assert_int_equal(ends[0].lost + ends[1].lost, 0);
    assert_int_equal(ends[0].unmeasured + ends[1].unmeasured, 0);
    assert_int_equal(ends[0].got, ends[1].wire);
    assert_int_equal(ends[1].got, ends[0].wire);
}

static void bad_networks(void **state)
{
    (void)state;
    uint64_t lost = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin(50, seed % 2 ? 100 : 0, seed);
        quic_net_ask(&net, 200000, 0);
        quic_net_ask(&net, 10, 100000);
        finish();
        lost += ends[1].lost;
    }
    assert_true(lost > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_good_network),
                                       cmocka_unit_test(bad_networks)};
    const int failed = cmocka_run_group_tests_name("quic_qlog", tests, NULL, NULL);
    for (int i = 0; i < 2; i++)
        free(ends[i].text);
    return failed;
}
