/* qpack_encode.c - QPACK as it is written, and both ends over streams that overtake one another
 * (RFC 9204). */
// SPDX-License-Identifier: MIT

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "h3/qpack_static.h"
#include "support/check.h"
#include "support/qpack_case.h"

/* --- encoding -------------------------------------------------------------------------------- */

static char room[BLOCK_MAX];

static tc_span encode(tc_qpack_encoder *e, uint64_t stream, const char *name, tc_span value)
{
    const tc_span n = tc_span_str(name);
    char *fields = tc_qpack_encoder_begin(e, room, stream);
    char *end = tc_qpack_encode(e, fields, n, value, tc_field_id_of(n));
    return tc_qpack_encoder_end(e, fields, end);
}

static tc_err read_acks(tc_qpack_encoder *e, const char *hex)
{
    tc_span in = qpack_case_bytes_of(hex);
    const tc_err err = tc_qpack_encoder_read(e, &in);
    assert_true(err || in.len == 0);
    return err;
}

static void begin(tc_qpack_encoder *e, uint32_t table, uint64_t blocked)
{
    tc_qpack_encoder_init(e, TABLE);
    tc_qpack_encoder_limit(e, table, blocked);
}

static void wrong_acknowledgements_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *hex;
        tc_err err;
    } rows[] = {
        {"80", TC_OK},
        {"81", TC_ERR_COMPRESSION},
        {"8080", TC_ERR_COMPRESSION},
        {"40", TC_OK},
        {"41", TC_OK},
        {"4080", TC_ERR_COMPRESSION},
        {"01", TC_OK},
        {"00", TC_ERR_COMPRESSION},
        {"02", TC_ERR_COMPRESSION},
        {"8001", TC_ERR_COMPRESSION},
        {"3fffffffffffffffffffff", TC_ERR_COMPRESSION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_qpack_encoder e;
        begin(&e, TABLE, 1);
        assert_int_equal(encode(&e, 0, "server", TC_SPAN("tercet")).at[0], 2);
        assert_int_equal(e.inserts, 1);
        check_case(read_acks(&e, rows[i].hex) == rows[i].err, rows[i].hex);
        tc_qpack_encoder_fini(&e);
    }
}

static void secrets_are_never_indexed(void **state)
{
    (void)state;
    static const char *const names[] = {"authorization", "cookie",       "set-cookie",
                                        "x-api-key",     "x-auth-token", "proxy-authorization"};
    tc_qpack_encoder e;
    begin(&e, TABLE, 100);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int again = 0; again < 3; again++) {
            const tc_span out = encode(&e, 0, names[i], TC_SPAN("a value that is long enough"));
            const uint8_t first = (uint8_t)out.at[2];
            check_case(first & 0x40 ? first & 0x20 : (first & 0xf0) == 0x30, names[i]);
        }
    assert_int_equal(e.inserts, 0);
    e.cookies = true;
    (void)encode(&e, 0, "cookie", TC_SPAN("a=nineteen bytes it"));
    assert_int_equal(e.inserts, 0);
    (void)encode(&e, 0, "cookie", TC_SPAN("a=twenty bytes it is"));
    assert_int_equal(e.inserts, 1);
    tc_qpack_encoder_fini(&e);
}

/* How a field is sent when it comes again depends on what the peer allows, and has said. */
static void blocking_is_up_to_the_peer(void **state)
{
    (void)state;
    tc_qpack_encoder e;
    begin(&e, TABLE, 2);
    for (uint64_t stream = 0; stream < 12; stream += 4) {
        const tc_span out = encode(&e, stream, "server", TC_SPAN("tercet"));
        assert_int_equal(out.at[0], stream < 8 ? 2 : 0); /* the third may not wait */
    }
    assert_int_equal(e.inserts, 1);
    assert_int_equal(e.blocking, 2);
    assert_int_equal(encode(&e, 4, "server", TC_SPAN("tercet")).at[0], 2); /* that waits anyway */
    assert_int_equal(read_acks(&e, "01"), TC_OK);
    assert_int_equal(e.blocking, 0);
    assert_int_equal(encode(&e, 16, "server", TC_SPAN("tercet")).at[0], 2);
    tc_qpack_encoder_fini(&e);
    begin(&e, TABLE, 0); /* no stream ever */
    assert_int_equal(encode(&e, 0, "server", TC_SPAN("tercet")).at[0], 0);
    assert_int_equal(encode(&e, 4, "server", TC_SPAN("tercet")).at[0], 0);
    assert_int_equal(e.inserts, 1);
    assert_int_equal(read_acks(&e, "01"), TC_OK);
    assert_int_equal(encode(&e, 8, "server", TC_SPAN("tercet")).len, 3);
    tc_qpack_encoder_fini(&e);
    begin(&e, 0, 100); /* no table */
    assert_int_equal(encode(&e, 0, "server", TC_SPAN("tercet")).at[0], 0);
    assert_int_equal(e.out.len, 0);
    tc_qpack_encoder_fini(&e);
    tc_qpack_encoder_init(&e, TABLE); /* no settings yet */
    assert_int_equal(encode(&e, 0, "server", TC_SPAN("tercet")).at[0], 0);
    e.held = true;
    tc_qpack_encoder_limit(&e, TABLE, 100);
    assert_int_equal(encode(&e, 0, "server", TC_SPAN("tercet")).at[0], 0); /* the stream is stuck */
    tc_qpack_encoder_fini(&e);
}

static void what_is_not_sent_is_forgotten(void **state)
{
    (void)state;
    tc_qpack_encoder e;
    begin(&e, TABLE, 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(encode(&e, 0, "server", TC_SPAN("tercet")).at[0], 2);
        assert_int_equal(e.sent_count, 1);
        tc_qpack_encoder_undo(&e);
        tc_qpack_encoder_undo(&e);
        assert_int_equal(e.sent_count, 0);
        assert_int_equal(e.blocking, 0);
        assert_int_equal(e.floor, UINT64_MAX);
    }
    assert_int_equal(read_acks(&e, "80"), TC_ERR_COMPRESSION);
    tc_qpack_encoder_fini(&e);
}

/* What a section in flight refers to stays, however much would like its place; and what a peer
 * does not acknowledge is at last not tracked any more, but sent as it is. */
static void what_is_in_use_stays(void **state)
{
    (void)state;
    char value[40];
    tc_qpack_encoder e;
    begin(&e, 200, 100);
    (void)encode(&e, 0, "server", TC_SPAN("tercet"));
    assert_int_equal(read_acks(&e, "01"), TC_OK); /* it has it, but not the section */
    for (int i = 0; i < 100; i++) {
        (void)snprintf(value, sizeof value, "a value like many others %d", i);
        (void)encode(&e, 4, "origin", tc_span_str(value));
        if (e.inserts > e.known) assert_int_equal(read_acks(&e, "01 44"), TC_OK);
    }
    assert_true(tc_ring_get(&e.table, 1) != NULL);
    assert_int_equal(read_acks(&e, "80"), TC_OK);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(value, sizeof value, "another value like others %d", i);
        (void)encode(&e, 4, "origin", tc_span_str(value));
        if (e.inserts > e.known) assert_int_equal(read_acks(&e, "01 44"), TC_OK);
    }
    assert_true(tc_ring_get(&e.table, 1) == NULL);
    tc_qpack_encoder_fini(&e);
    begin(&e, TABLE, 1000);
    for (uint64_t i = 0; i < 2 * TC_QPACK_SECTIONS; i++) {
        const tc_span out = encode(&e, i * 4, "server", TC_SPAN("tercet"));
        assert_int_equal(out.at[0], i < TC_QPACK_SECTIONS ? 2 : 0);
    }
    assert_int_equal(e.sent_count, TC_QPACK_SECTIONS);
    tc_qpack_encoder_fini(&e);
}

static void popular_entries_are_put_in_again(void **state)
{
    (void)state;
    char value[40];
    tc_qpack_encoder e;
    tc_qpack_decoder d;
    tc_buf text;
    tc_buf_init(&text, 4096);
    begin(&e, 1024, 100);
    tc_qpack_decoder_init(&d, 1024, OUT_MAX);
    size_t popular = 0;
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(value, sizeof value, "https://%u.example", i / 2);
        const bool often = i % 2;
        const tc_span section = often ? encode(&e, i, "server", TC_SPAN("popular"))
                                      : encode(&e, i, "origin", tc_span_str(value));
        popular += often ? section.len + e.out.len : 0;
        tc_span in = tc_buf_span(&e.out);
        assert_int_equal(tc_qpack_decoder_read(&d, &in), TC_OK);
        tc_buf_reset(&e.out);
        assert_int_equal(qpack_case_read_section(&d, section, i, &text), TC_ERR_NOTHING);
        in = tc_buf_span(&d.out);
        assert_int_equal(tc_qpack_encoder_read(&e, &in), TC_OK);
        tc_buf_reset(&d.out);
    }
    assert_true(popular < 300 * 5); /* it would be 9 as a literal */
    tc_qpack_encoder_fini(&e);
    tc_qpack_decoder_fini(&d);
    tc_buf_fini(&text);
}

/* --- both ends, over streams that overtake one another --------------------------------------- */

enum { SECTIONS = 40, FIELDS = 12 };

typedef struct flight {
    bool used, lost;
    uint64_t stream;
    tc_field fields[FIELDS];
    size_t count, len;
    char bytes[8192];
} flight;

typedef struct net {
    tc_qpack_encoder e;
    tc_qpack_decoder d;
    tc_buf instructions, acks; /* on their way */
    flight flights[SECTIONS];
    uint64_t next_stream, blocked_max;
    uint64_t waits[SECTIONS]; /* what sections that came and could not be read require */
    bool over;                /* there was no memory */
} net;

static const char *const names[] = {
    ":path",  ":status", "etag",    "x-a",    "x-b",
    "cookie", "server",  "x-token", "origin", "a-name-that-takes-up-some-room-of-it"};

/* A copy that ends where its memory ends, until the next one. */
static tc_span exact(const char *at, size_t len)
{
    static char *copy;
    free(copy);
    copy = malloc(len ? len : 1);
    if (len) memcpy(copy, at, len);
    return tc_span_of(copy, len);
}

static void send_section(net *n, flight *f)
{
    char *fields = tc_qpack_encoder_begin(&n->e, f->bytes, n->next_stream), *end = fields;
    f->used = true;
    f->lost = false;
    f->count = check_random_below(FIELDS);
    f->stream = n->next_stream;
    if (check_random_below(4)) n->next_stream += 4; /* else trailers follow on the same */
    for (size_t i = 0; i < f->count; i++) {
        const tc_span name = tc_span_str(names[check_random_below(10)]);
        const size_t len = check_random_below(check_random_below(30) ? 40 : 500);
        const tc_span value = tc_span_of(texts + check_random_below(8), len);
        f->fields[i] = (tc_field){name, value, tc_field_id_of(name)};
        end = check_random_below(6) ? tc_qpack_encode(&n->e, end, name, value, f->fields[i].id)
                                    : tc_qpack_encode_fixed(end, name, value, f->fields[i].id);
    }
    const tc_span whole = tc_qpack_encoder_end(&n->e, fields, end);
    memmove(f->bytes, whole.at, whole.len);
    f->len = whole.len;
    assert_int_equal(tc_buf_add(&n->instructions, tc_buf_span(&n->e.out)), TC_OK);
    tc_buf_reset(&n->e.out);
}

/* Only the first of a stream can be read: sections of one stream are in order. */
static flight *oldest_of(net *n, uint64_t stream, const flight *than)
{
    for (int i = 0; i < SECTIONS; i++)
        if (n->flights[i].used && n->flights[i].stream == stream && &n->flights[i] < than)
            return &n->flights[i];
    return NULL;
}

static void receive_section(net *n, flight *f)
{
    tc_qpack_section s;
    tc_arena a;
    if (oldest_of(n, f->stream, f)) return;
    assert_int_equal(tc_qpack_section_begin(&n->d, exact(f->bytes, f->len), &s), TC_OK);
    if (tc_qpack_is_blocked(&n->d, &s)) {
        n->waits[f - n->flights] = s.required;
        uint64_t streams = 0; /* only the first of each can have come */
        for (int i = 0; i < SECTIONS; i++)
            streams += n->waits[i] > n->d.inserts;
        assert_true(streams <= n->blocked_max);
        return;
    }
    n->waits[f - n->flights] = 0;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    tc_err err = TC_OK;
    for (size_t i = 0; i < f->count && !err; i++) {
        tc_field field;
        err = tc_qpack_decode(&n->d, &s, &a, VALUE_MAX, &field);
        if (err) break;
        assert_true(tc_span_eq(field.name, f->fields[i].name));
        assert_true(tc_span_eq(field.value, f->fields[i].value));
        assert_int_equal(field.id, f->fields[i].id);
    }
    if (!err) {
        tc_field field;
        assert_int_equal(tc_qpack_decode(&n->d, &s, &a, VALUE_MAX, &field), TC_ERR_NOTHING);
        err = tc_qpack_section_end(&n->d, &s, f->stream);
    }
    tc_arena_fini(&a);
    f->used = false;
    if (!err) return;
    assert_int_equal(err, TC_ERR_NO_MEMORY);
    n->over = true;
}

/* The stream was reset: none of its sections comes any more. */
static void lose_stream(net *n, uint64_t stream)
{
    for (int i = 0; i < SECTIONS; i++)
        if (n->flights[i].used && n->flights[i].stream == stream) {
            n->flights[i].used = false;
            n->waits[i] = 0;
        }
    if (stream == n->next_stream) n->next_stream += 4;
    if (tc_qpack_decoder_cancel(&n->d, stream)) n->over = true;
}

static void move_instructions(net *n, size_t most)
{
    const size_t len = n->instructions.len < most ? n->instructions.len : most;
    tc_span in = exact(n->instructions.at, len);
    const tc_err err = tc_qpack_decoder_read(&n->d, &in);
    if (err) {
        assert_int_equal(err, TC_ERR_NO_MEMORY);
        n->over = true;
        return;
    }
    tc_buf_drop(&n->instructions, len - in.len);
}

static void move_acks(net *n, size_t most)
{
    if (check_random_below(2) && tc_qpack_decoder_tell(&n->d)) n->over = true;
    assert_int_equal(tc_buf_add(&n->acks, tc_buf_span(&n->d.out)), TC_OK);
    tc_buf_reset(&n->d.out);
    const size_t len = n->acks.len < most ? n->acks.len : most;
    tc_span in = exact(n->acks.at, len);
    assert_int_equal(tc_qpack_encoder_read(&n->e, &in), TC_OK);
    tc_buf_drop(&n->acks, len - in.len);
}

static void net_init(net *n, uint32_t table, uint64_t blocked)
{
    char *made;
    memset(n, 0, sizeof *n);
    n->blocked_max = blocked;
    tc_buf_init(&n->instructions, 1 << 24);
    tc_buf_init(&n->acks, 1 << 20);
    assert_int_equal(tc_buf_reserve(&n->instructions, 1 << 20, &made), TC_OK); /* never fails us */
    assert_int_equal(tc_buf_reserve(&n->acks, 1 << 16, &made), TC_OK);
    tc_qpack_encoder_init(&n->e, 4096);
    tc_qpack_decoder_init(&n->d, table, OUT_MAX);
}

static void net_fini(net *n)
{
    tc_qpack_encoder_fini(&n->e);
    tc_qpack_decoder_fini(&n->d);
    tc_buf_fini(&n->instructions);
    tc_buf_fini(&n->acks);
}

static void net_play(net *n, uint32_t table, int steps)
{
    tc_qpack_encoder_limit(&n->e, table, n->blocked_max);
    for (int i = 0; i < steps && !n->over; i++) {
        flight *f = &n->flights[check_random_below(SECTIONS)];
        switch (check_random_below(8)) {
        case 0:
        case 1:
        case 2:
            if (!f->used && !oldest_of(n, n->next_stream, n->flights + SECTIONS))
                send_section(n, f);
            break;
        case 3:
        case 4:
        case 5:
            if (f->used) receive_section(n, f);
            break;
        case 6: move_instructions(n, 1 + check_random_below(300)); break;
        default:
            if (check_random_below(20) == 0 && f->used)
                lose_stream(n, f->stream);
            else
                move_acks(n, 1 + check_random_below(20));
        }
    }
    move_instructions(n, SIZE_MAX / 2);
    for (int round = 0; round < SECTIONS && !n->over; round++)
        for (int i = 0; i < SECTIONS && !n->over; i++)
            if (n->flights[i].used) receive_section(n, &n->flights[i]);
    for (int i = 0; i < SECTIONS && !n->over; i++)
        assert_false(n->flights[i].used);
}

static void overtaking_streams(void **state)
{
    (void)state;
    static const uint32_t tables[] = {4096, 220, 64, 32, 0, 700, 9000};
    static const uint64_t blocked[] = {100, 0, 1, 3};
    static net n;
    for (int i = 0; i < 56; i++) {
        const uint32_t table = tables[i % 7];
        net_init(&n, table, blocked[i % 4]);
        if (i >= 28) { /* as if the connection were very old */
            n.e.inserts = n.e.known = n.d.inserts = n.d.told = UINT32_MAX - UINT64_C(50);
            n.e.table.inserted = UINT32_MAX - 40;
            n.d.table.inserted = UINT32_MAX - 60;
            n.d.block = UINT32_MAX - 30;
        }
        net_play(&n, table, 3000);
        assert_false(n.over);
        move_acks(&n, SIZE_MAX / 2);
        assert_int_equal(n.e.sent_count, 0); /* nothing is held for streams that are over */
        assert_int_equal(n.e.floor, UINT64_MAX);
        net_fini(&n);
    }
}

static void without_memory(void **state)
{
    (void)state;
    static net n;
    bool whole = false;
    for (int64_t after = 0; after < 60; after++) {
        net_init(&n, TABLE, 100);
        tc_alloc_fail_after(after);
        net_play(&n, TABLE, 600);
        tc_alloc_fail_after(-1);
        whole |= !n.over;
        net_fini(&n);
    }
    assert_true(whole);
    tc_qpack_encoder e; /* an encoder alone goes on with literals */
    begin(&e, TABLE, 10);
    tc_alloc_fail_after(0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(encode(&e, 0, "server", TC_SPAN("a")).at[0], 0);
    tc_alloc_fail_after(-1);
    assert_int_equal(encode(&e, 0, "server", TC_SPAN("a")).at[0], 2);
    tc_qpack_encoder_fini(&e);
}

static void static_table_agrees_with_field_table(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= TC_QPACK_STATIC; i++) {
        const tc_field *f = &tc_qpack_static[i];
        assert_int_equal(f->id, tc_field_id_of(f->name));
        const uint32_t tag = tc_pack_tag_of(&tc_qpack_names, f->name, f->id);
        assert_true(tag && tag <= i);
        assert_int_equal(tc_pack_row_of(&tc_qpack_names, tag, f->value), i);
        enum tc_field_id id;
        assert_true(tc_span_eq(tc_pack_tag_name(&tc_qpack_names, tag, &id), f->name));
        assert_int_equal(id, f->id);
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof texts; i++)
        texts[i] = (char)(i % 5 ? 'a' + i % 26 : i);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_acknowledgements_are_refused),
        cmocka_unit_test(secrets_are_never_indexed),
        cmocka_unit_test(blocking_is_up_to_the_peer),
        cmocka_unit_test(what_is_not_sent_is_forgotten),
        cmocka_unit_test(what_is_in_use_stays),
        cmocka_unit_test(popular_entries_are_put_in_again),
        cmocka_unit_test(overtaking_streams),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(static_table_agrees_with_field_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
