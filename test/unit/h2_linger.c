/* h2_linger.c - a request that is answered before all of it came: its rest is thrown away for a
 * while, then the stream is broken off without fault (RFC 9113, 8.1). Each case whole and byte by
 * byte. */
// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "support/h2_peer.h"

enum { OPEN = TC_H2_END_HEADERS, LAST = TC_H2_END_HEADERS | TC_H2_END_STREAM };

static const uint32_t none = UINT32_MAX;
static h2_peer peer;
static conn c;
static const tc_span nothing = {0};
static char piece[16384];

/* A request with content is answered at its head. */
static void begin(size_t step)
{
    conn_init(&c, &tc_h2_type, TC_SERVER);
    c.any_close = true;
    c.scripts[0] = (script){.status = 405, .at_head = true};
    c.script_count = 1;
    h2_peer_init(&peer);
    h2_peer_preface(&peer);
    h2_peer_fields(&peer, OPEN, 1, H2_POST);
    h2_peer_tell(&peer, &c, step);
    assert_true(h2_peer_find(&c, TC_H2_HEADERS, 0, NULL).flags & TC_H2_END_STREAM);
}

static void end(void)
{
    conn_fini(&c);
    h2_peer_fini(&peer);
}

static void is_over(uint32_t reset)
{
    assert_true(h2_peer_logged(&c, "closed\n"));
    assert_int_equal(h2_peer_reset(&c), reset);
    assert_int_equal(h2_peer_goaway(&c), none);
    assert_false(h2_peer_logged(&c, "data"));
}

static void test_rest_is_read(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        begin(step);
        assert_int_equal(c.closed, 0);
        h2_peer_frame(&peer, TC_H2_DATA, 0, 1, TC_SPAN("nobody reads this"));
        h2_peer_frame(&peer, TC_H2_DATA, TC_H2_PADDED | TC_H2_END_STREAM, 1,
                      TC_SPAN("\2or this.."));
        h2_peer_tell(&peer, &c, step);
        is_over(none);
        end();
        begin(step);
        h2_peer_frame(&peer, TC_H2_DATA, 0, 1, TC_SPAN("content"));
        h2_peer_fields(&peer, LAST, 1, "x-after: all\n");
        h2_peer_tell(&peer, &c, step);
        is_over(none);
        assert_false(h2_peer_logged(&c, "trailers"));
        end();
    }
}

/* The answer is whole in the midst of a frame: what is left of it counts as content. */
static void test_within_a_frame(void **state)
{
    (void)state;
    for (size_t cut = 1; cut < 12; cut++) {
        begin(0);
        c.scripts[0].run_count = 1; /* goes when all that came has been looked at */
        c.scripts[0].runs[0] = TC_SPAN("no");
        h2_peer_fields(&peer, OPEN, 3, H2_POST "content-length: 12\n");
        const size_t before = tc_buf_span(&peer.say).len + TC_H2_FRAME_HEAD;
        h2_peer_frame(&peer, TC_H2_DATA, TC_H2_PADDED, 3, TC_SPAN("\3twelve bytes\0\0\0"));
        h2_peer_fields(&peer, LAST, 3, "x-after: all\n");
        tc_span all = tc_buf_span(&peer.say);
        conn_feed(&c, tc_span_take(&all, before + cut), false);
        conn_feed(&c, all, false);
        assert_int_equal(h2_peer_reset(&c), none);
        assert_int_equal(c.closed, 1);
        end();
    }
}

/* Two at a time, and the connection's window is given back. */
static void test_two(void **state)
{
    (void)state;
    begin(0);
    h2_peer_fields(&peer, OPEN, 3, H2_POST);
    h2_peer_frame(&peer, TC_H2_DATA, 0, 3, tc_span_of(piece, sizeof piece));
    for (int i = 0; i < 3; i++)
        h2_peer_frame(&peer, TC_H2_DATA, i == 2 ? TC_H2_END_STREAM : 0, 1,
                      tc_span_of(piece, sizeof piece - 1000));
    h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 3, nothing);
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(c.closed, 2);
    is_over(none);
    assert_true(h2_peer_find(&c, TC_H2_WINDOW_UPDATE, 0, NULL).length == 4);
    end();
}

static void test_too_much(void **state)
{
    (void)state;
    for (size_t step = 0; step < 2; step++) {
        begin(step);
        for (size_t sent = 0; sent <= c.limits.unread_body; sent += sizeof piece) {
            assert_int_equal(h2_peer_reset(&c), none);
            h2_peer_frame(&peer, TC_H2_DATA, 0, 1, tc_span_of(piece, sizeof piece));
            h2_peer_tell(&peer, &c, step ? 1000 : 0);
        }
        is_over(TC_H2_NO_ERROR);
        assert_int_equal(c.reached.unread_body, 1);
        h2_peer_frame(&peer, TC_H2_DATA, TC_H2_END_STREAM, 1, TC_SPAN("was on its way"));
        h2_peer_tell(&peer, &c, step);
        assert_int_equal(h2_peer_goaway(&c), none);
        end();
    }
}

static void test_too_long(void **state)
{
    (void)state;
    begin(0);
    c.now += TC_S;
    h2_peer_fields(&peer, OPEN, 3, H2_POST); /* a second later than the first */
    h2_peer_tell(&peer, &c, 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(c.closed, i);
        c.now = c.type->deadline(c.engine);
        c.type->tick(c.engine, c.now);
        conn_feed(&c, nothing, false);
    }
    assert_int_equal(c.now, 1000 + TC_S + (int64_t)c.limits.linger_ms * TC_MS);
    assert_int_equal(c.closed, 2);
    assert_int_equal(c.reached.linger_ms, 2);
    assert_int_equal(h2_peer_find(&c, TC_H2_RST_STREAM, 1, NULL).stream, 3);
    assert_true(c.type->deadline(c.engine) == TC_NEVER || c.type->deadline(c.engine) > c.now);
    is_over(TC_H2_NO_ERROR);
    end();
}

/* The window counts on, and who ends or breaks off has had its answer. */
static void test_other_ends(void **state)
{
    (void)state;
    begin(0);
    h2_peer_u32(&peer, TC_H2_RST_STREAM, 1, TC_H2_CANCEL);
    h2_peer_tell(&peer, &c, 0);
    is_over(none);
    end();
    begin(0);
    conn_feed(&c, nothing, true);
    is_over(none);
    assert_true(c.ordered);
    end();
    begin(0);
    c.limits.unread_body = 1 << 20;
    for (size_t sent = 0; sent < 60000; sent += sizeof piece)
        h2_peer_frame(&peer, TC_H2_DATA, 0, 1, tc_span_of(piece, sizeof piece));
    h2_peer_tell(&peer, &c, 0);
    assert_int_equal(h2_peer_reset(&c), none); /* what was thrown away was given back */
    end();
}

static void test_not_at_all(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        conn_init(&c, &tc_h2_type, TC_SERVER);
        c.any_close = true;
        c.scripts[0] = (script){.status = 405, .at_head = true};
        c.script_count = 1;
        *(i ? &c.limits.unread_body : &c.limits.linger_ms) = 0;
        h2_peer_init(&peer);
        h2_peer_preface(&peer);
        h2_peer_fields(&peer, OPEN, 1, H2_POST);
        h2_peer_tell(&peer, &c, 0);
        is_over(TC_H2_NO_ERROR);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rest_is_read), cmocka_unit_test(test_within_a_frame),
        cmocka_unit_test(test_two),          cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_too_long),     cmocka_unit_test(test_other_ends),
        cmocka_unit_test(test_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
