/* hpack.c - header compression of HTTP/2: the examples of RFC 7541, what a hostile peer sends, and
 * what happens without memory. */
// SPDX-License-Identifier: MIT
#include "h2/hpack.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "base/buf.h"
#include "h2/hpack_static.h"
#include "support/check.h"

enum { ARENA_MAX = 1 << 20, TEXT_MAX = 1 << 16, VALUE_MAX = 8000, BLOCK_MAX = 1 << 16 };

/* Digits in pairs; blanks are for the reader; "(...)*N" says it N times. */
static tc_span bytes_of(const char *hex)
{
    static char room[BLOCK_MAX];
    size_t len = 0, from = 0;
    for (const char *c = hex; *c; c++) {
        if (*c == '(') {
            from = len;
        } else if (*c == ')') {
            const size_t part = len - from;
            for (long n = strtol(c + 2, (char **)(uintptr_t)&c, 10) - 1; n > 0; n--, len += part)
                memcpy(room + len, room + from, part);
            c--;
        } else if (*c != ' ') {
            room[len++] = (char)(tc_ascii_hex(c[0]) << 4 | tc_ascii_hex(c[1]));
            c++;
        }
    }
    return tc_span_of(room, len);
}

/* "name: value|..." of a block, and the error at its end. */
static tc_err read_block(tc_hpack_decoder *d, tc_span block, tc_buf *text)
{
    tc_arena a;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    tc_field f;
    tc_err err;
    tc_buf_reset(text);
    tc_hpack_decoder_begin(d);
    while ((err = tc_hpack_decode(d, &block, &a, VALUE_MAX, &f)) == TC_OK) {
        assert_int_equal(f.id, tc_field_id_of(f.name));
        assert_int_equal(tc_buf_add(text, f.name), TC_OK);
        assert_int_equal(tc_buf_add(text, TC_SPAN(": ")), TC_OK);
        assert_int_equal(tc_buf_add(text, f.value), TC_OK);
        assert_int_equal(tc_buf_add_byte(text, '|'), TC_OK);
    }
    tc_arena_fini(&a);
    return err;
}

typedef struct example {
    const char *hex, *text;
    uint32_t size; /* of the table afterwards */
} example;

#define HEAD(scheme, path) ":method: GET|:scheme: " scheme "|:path: " path "|"
#define HOST ":authority: www.example.com|"
#define DATE(s) "date: Mon, 21 Oct 2013 20:13:" s " GMT|"
#define LOCATION "location: https://www.example.com|"
#define COOKIE "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1|"
static const example singles[] = {
    {"400a637573746f6d2d6b65790d637573746f6d2d686561646572", "custom-key: custom-header|", 55},
    {"040c2f73616d706c652f70617468", ":path: /sample/path|", 0},
    {"100870617373776f726406736563726574", "password: secret|", 0},
    {"82", ":method: GET|", 0},
};
static const example requests_plain[] = {
    {"828684410f7777772e6578616d706c652e636f6d", HEAD("http", "/") HOST, 57},
    {"828684be58086e6f2d6361636865", HEAD("http", "/") HOST "cache-control: no-cache|", 110},
    {"828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
     HEAD("https", "/index.html") HOST "custom-key: custom-value|", 164},
};
static const example requests_huffman[] = {
    {"828684418cf1e3c2e5f23a6ba0ab90f4ff", HEAD("http", "/") HOST, 57},
    {"828684be5886a8eb10649cbf", HEAD("http", "/") HOST "cache-control: no-cache|", 110},
    {"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
     HEAD("https", "/index.html") HOST "custom-key: custom-value|", 164},
};
static const example responses_plain[] = {
    {"4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e"
     "1768747470733a2f2f7777772e6578616d706c652e636f6d",
     ":status: 302|cache-control: private|" DATE("21") LOCATION, 222},
    {"4803333037c1c0bf", ":status: 307|cache-control: private|" DATE("21") LOCATION, 222},
    {"88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d"
     "4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572"
     "73696f6e3d31",
     ":status: 200|cache-control: private|" DATE("22") LOCATION "content-encoding: gzip|" COOKIE,
     215},
};
static const example responses_huffman[] = {
    {"488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b"
     "97c8e9ae82ae43d3",
     ":status: 302|cache-control: private|" DATE("21") LOCATION, 222},
    {"4883640effc1c0bf", ":status: 307|cache-control: private|" DATE("21") LOCATION, 222},
    {"88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf"
     "cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
     ":status: 200|cache-control: private|" DATE("22") LOCATION "content-encoding: gzip|" COOKIE,
     215},
};

/* RFC 7541, appendix C. */
static void examples_are_read(void **state)
{
    (void)state;
    static const struct {
        const example *rows;
        size_t count;
        const char *size; /* of the table, as an update */
        bool fresh;       /* each row is a connection */
    } lists[] = {
        {singles, 4, NULL, true},
        {requests_plain, 3, NULL, false},
        {requests_huffman, 3, NULL, false},
        {responses_plain, 3, "3fe101", false},
        {responses_huffman, 3, "3fe101", false},
    };
    tc_buf text;
    tc_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        tc_hpack_decoder d;
        tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
        if (lists[i].size)
            assert_int_equal(read_block(&d, bytes_of(lists[i].size), &text), TC_ERR_NOTHING);
        for (size_t j = 0; j < lists[i].count; j++) {
            const example *row = &lists[i].rows[j];
            assert_int_equal(read_block(&d, check_edge(bytes_of(row->hex)), &text), TC_ERR_NOTHING);
            check_span(tc_buf_span(&text), row->text);
            assert_int_equal(d.table.size, row->size);
            if (!lists[i].fresh) continue;
            tc_hpack_decoder_fini(&d);
            tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
        }
        tc_hpack_decoder_fini(&d);
    }
    tc_buf_fini(&text);
}

/* --- what peers must not send --- */

static void wrong_blocks_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "80",                                 /* index 0 */
        "be",                                 /* nothing in the table yet */
        "ffffffffff0f",                       /* an index of 2^32 and more */
        "ff8080808080808080808080",           /* an index dragged along */
        "7fffffffffff7f00",                   /* name index out of range */
        "0fffffffff0f00",                     /* the same, not indexed */
        "7f8080808000",                       /* name index 63 */
        "40016101620fc200",                   /* name index 63 when the table has one */
        "400161016282c0",                     /* index 64 likewise */
        "4001610162 20 be",                   /* size update behind a field */
        "82 20",                              /* the same at the end */
        "20 20 20",                           /* three updates */
        "3fe21f",                             /* an update to 4097 */
        "3fffffffff0f",                       /* to more than 2^32 */
        "40",                                 /* breaks off: no name */
        "4001",                               /* in the name */
        "400161",                             /* before the value */
        "40016105",                           /* in the value */
        "400161ff",                           /* in a length */
        "00ffffffffff0f",                     /* a length over 2^32 */
        "007fffffffff07",                     /* a length of 2^31 */
        "3f",                                 /* in a size */
        "ff",                                 /* in an index */
        "000161 81ff",                        /* padding of eight bits */
        "000161 8118",                        /* padding of zeros */
        "000161 84ffffffff",                  /* the end of the string */
        "000161 851fffffffff",                /* behind a letter */
        "0081ff 00",                          /* padding in a name */
        "4001610162 be bf",                   /* the second entry of one */
        "3f00 4001610162 c0",                 /* a table of 31 holds nothing */
        "3f03 4001610162 4001630164 bf",      /* one of 34 has let the first go */
        "3f03 4001610162 4001630364656 6 be", /* what is too large empties it */
    };
    tc_buf text;
    tc_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_hpack_decoder d;
        tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
        const tc_err err = read_block(&d, check_edge(bytes_of(rows[i])), &text);
        check_case(err == TC_ERR_COMPRESSION, rows[i]);
        tc_hpack_decoder_fini(&d);
    }
    assert_int_equal(tc_err_reach(TC_ERR_COMPRESSION), TC_REACH_CONNECTION);
    tc_buf_fini(&text);
}

static void size_updates_after_settings(void **state)
{
    (void)state;
    static const struct {
        uint32_t limits[2];
        const char *hex;
        tc_err err;
    } rows[] = {
        {{4096, 4096}, "82", TC_ERR_NOTHING},
        {{100, 100}, "82", TC_ERR_COMPRESSION}, /* it must be said */
        {{100, 100}, "", TC_ERR_COMPRESSION},
        {{100, 100}, "3f45 82", TC_ERR_NOTHING},
        {{100, 100}, "20 3f45 82", TC_ERR_NOTHING},
        {{100, 100}, "3f46 82", TC_ERR_COMPRESSION},      /* 101 */
        {{100, 100}, "3f45 3f46 82", TC_ERR_COMPRESSION}, /* then 101 */
        {{100, 4096}, "82", TC_ERR_COMPRESSION},          /* the smallest on the way too */
        {{100, 4096}, "3fe11f 82", TC_ERR_COMPRESSION},
        {{100, 4096}, "3f45 3fe11f 82", TC_ERR_NOTHING},
        {{4096, 8192}, "82", TC_ERR_NOTHING},
        {{4096, 8192}, "3fe13f 82", TC_ERR_NOTHING},
        {{4096, 8192}, "3fe23f 82", TC_ERR_COMPRESSION},
    };
    tc_buf text;
    tc_buf_init(&text, TEXT_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_hpack_decoder d;
        tc_hpack_decoder_init(&d, rows[i].limits[1]);
        assert_int_equal(read_block(&d, bytes_of("400161 0162"), &text), TC_ERR_NOTHING);
        tc_hpack_decoder_limit(&d, rows[i].limits[0]);
        tc_hpack_decoder_limit(&d, rows[i].limits[1]);
        check_case(read_block(&d, bytes_of(rows[i].hex), &text) == rows[i].err, rows[i].hex);
        tc_hpack_decoder_fini(&d);
    }
    tc_hpack_decoder d; /* blocks without fields are blocks too */
    tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
    tc_hpack_decoder_limit(&d, 0);
    assert_int_equal(read_block(&d, bytes_of("20"), &text), TC_ERR_NOTHING);
    tc_hpack_decoder_limit(&d, 3000);
    assert_int_equal(read_block(&d, bytes_of("3f45"), &text), TC_ERR_NOTHING);
    tc_hpack_decoder_limit(&d, 4000);
    assert_int_equal(read_block(&d, bytes_of("82"), &text), TC_ERR_NOTHING);
    tc_hpack_decoder_fini(&d);
    tc_buf_fini(&text);
}

/* Small blocks that ask for much: what is taken from the arena and the heap stays small. */
static void bombs_cost_little(void **state)
{
    (void)state;
    static const struct {
        const char *first, *bomb;
        size_t fields, arena_max;
    } rows[] = {
        /* 4000 bytes, then a reference to them, again and again */
        {"4001617fa11e (61)*4000", "(be)*9000", 9000, 8192},
        /* the same as a name, with an empty value */
        {"40 7fa11e (61)*4000 00", "(0f2f00)*9000", 9000, 8192},
        /* cookies of no length */
        {"6000", "(be)*9000", 9000, 4096},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_hpack_decoder d;
        tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
        tc_arena a;
        for (int part = 0; part < 2; part++) {
            tc_span block = bytes_of(part ? rows[i].bomb : rows[i].first);
            tc_field f;
            size_t count = 0;
            tc_arena_init(&a, NULL, 0, ARENA_MAX);
            tc_hpack_decoder_begin(&d);
            while (tc_hpack_decode(&d, &block, &a, VALUE_MAX, &f) == TC_OK)
                count++;
            assert_int_equal(block.len, 0);
            assert_int_equal(count, part ? rows[i].fields : 1);
            assert_true(a.held <= rows[i].arena_max);
            tc_arena_fini(&a);
        }
        tc_hpack_decoder_fini(&d);
    }
}

static void resize_storms_cost_no_memory(void **state)
{
    (void)state;
    tc_buf text;
    tc_buf_init(&text, TEXT_MAX);
    tc_hpack_decoder d;
    tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
    assert_int_equal(read_block(&d, bytes_of("(4001610162)*120"), &text), TC_ERR_NOTHING);
    const uint64_t before = tc_alloc_count();
    for (int i = 0; i < 1000; i++) {
        tc_hpack_decoder_begin(&d);
        tc_arena a;
        tc_arena_init(&a, NULL, 0, 0);
        tc_span block = bytes_of("20 3fe11f (6000)*30");
        tc_field f;
        while (tc_hpack_decode(&d, &block, &a, VALUE_MAX, &f) == TC_OK)
            assert_true(d.table.size <= TC_HPACK_TABLE);
        assert_int_equal(block.len, 0);
    }
    assert_int_equal(tc_alloc_count(), before);
    tc_hpack_decoder_fini(&d);
    tc_buf_fini(&text);
}

static void values_are_bounded(void **state)
{
    (void)state;
    tc_buf text;
    tc_buf_init(&text, TEXT_MAX);
    static const char *const rows[] = {"0001617fc23d (61)*8001", "00 7fc23d (61)*8001 00",
                                       "000161ff8a26 (00)*5001"};
    for (size_t i = 0; i < 3; i++) {
        tc_hpack_decoder d;
        tc_hpack_decoder_init(&d, TC_HPACK_TABLE);
        const tc_err err = read_block(&d, bytes_of(rows[i]), &text);
        if (err != TC_ERR_FIELDS_TOO_LARGE) fail_msg("%s: %s", rows[i], tc_err_name(err));
        tc_hpack_decoder_fini(&d);
    }
    tc_buf_fini(&text);
}

/* --- encoding --- */

typedef struct pair {
    tc_hpack_encoder e;
    tc_hpack_decoder d;
} pair;

static char room[BLOCK_MAX];

static tc_span encode(tc_hpack_encoder *e, const char *name, tc_span value)
{
    const tc_span n = tc_span_str(name);
    assert_true(tc_hpack_encode_bound(n.len, value.len) <= sizeof room);
    const char *end = tc_hpack_encode(e, room, n, value, tc_field_id_of(n));
    return tc_span_of(room, (size_t)(end - room));
}

static void secrets_are_never_indexed(void **state)
{
    (void)state;
    static const char *const names[] = {"authorization", "cookie",       "set-cookie",
                                        "x-api-key",     "x-auth-token", "proxy-authorization"};
    tc_hpack_encoder e;
    tc_hpack_encoder_init(&e, TC_HPACK_TABLE);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int again = 0; again < 3; again++) {
            const tc_span out = encode(&e, names[i], TC_SPAN("a value that is long enough"));
            check_case((out.at[0] & 0xf0) == 0x10, names[i]);
            char fixed[200];
            const tc_span name = tc_span_str(names[i]);
            (void)tc_hpack_encode_fixed(fixed, name, TC_SPAN("v"), tc_field_id_of(name));
            check_case((fixed[0] & 0xf0) == 0x10, names[i]);
        }
    assert_int_equal(e.table.inserted, 0);
    e.cookies = true;
    for (int again = 0; again < 3; again++) {
        assert_int_equal(encode(&e, "cookie", TC_SPAN("a=nineteen bytes it")).at[0] & 0xf0, 0x10);
        const tc_span out = encode(&e, "cookie", TC_SPAN("a=twenty bytes it is"));
        assert_int_equal(out.at[0] & 0xc0, again ? 0x80 : 0x40);
    }
    tc_hpack_encoder_fini(&e);
}

static void what_pays_is_indexed(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value;
        size_t becomes; /* bytes when it comes often; 0: never an index */
    } rows[] = {
        {":method", "GET", 1},
        {":status", "200", 1},
        {":status", "301", 1},
        {":authority", "www.example.com", 1},
        {"user-agent", "tercet", 1},
        {"server", "tercet/0.1.0", 1},
        {"x-request", "abc", 1},
        {"etag", "\"abc\"", 1},
        {":path", "/some/path", 0},
        {"content-length", "612", 0},
        {"content-range", "a-b/c", 0},
        {"date", "Mon, 21 Oct 2013 20:13:21 GMT", 1},
        {"accept-encoding", "gzip, deflate", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_hpack_encoder e;
        tc_hpack_encoder_init(&e, TC_HPACK_TABLE);
        tc_span out = {0};
        for (int again = 0; again < 3; again++)
            out = encode(&e, rows[i].name, tc_span_str(rows[i].value));
        if (rows[i].becomes)
            check_case(out.len == rows[i].becomes && out.at[0] & 0x80, rows[i].name);
        else
            check_case(!(out.at[0] & 0xf0), rows[i].name);
        tc_hpack_encoder_fini(&e);
    }
}

/* Whatever is said to either end, and whatever memory there is, the other reads what was meant. */
static void play(pair *p, int blocks, uint64_t *ret_allocations)
{
    static const char *const names[] = {
        ":path",  ":status", "etag",    "x-a",    "x-b",
        "cookie", "server",  "x-token", "origin", "a-name-that-takes-up-some-room-of-it"};
    static char bytes[6000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(check_random_below(4) ? 'a' + i % 26 : check_random());
    const uint64_t before = tc_alloc_count();
    for (int i = 0; i < blocks; i++) {
        if (check_random_below(6) == 0) {
            const uint32_t size = (uint32_t)check_random_below(check_random_below(2) ? 200 : 8000);
            tc_hpack_decoder_limit(&p->d, size);
            tc_hpack_encoder_limit(&p->e, size);
        }
        char *out = room;
        tc_field sent[20];
        const size_t count = check_random_below(20);
        for (size_t j = 0; j < count; j++) {
            const tc_span name = tc_span_str(names[check_random_below(10)]);
            const size_t len = check_random_below(check_random_below(30) ? 40 : 2000);
            const tc_span value = tc_span_of(bytes + check_random_below(8), len);
            sent[j] = (tc_field){name, value, tc_field_id_of(name)};
            if (j == 0) out = tc_hpack_encoder_begin(&p->e, out);
            out = check_random_below(5) ? tc_hpack_encode(&p->e, out, name, value, sent[j].id)
                                        : tc_hpack_encode_fixed(out, name, value, sent[j].id);
        }
        if (count == 0) out = tc_hpack_encoder_begin(&p->e, out);
        tc_span block = tc_span_of(room, (size_t)(out - room));
        tc_arena a;
        tc_arena_init(&a, NULL, 0, ARENA_MAX);
        tc_hpack_decoder_begin(&p->d);
        for (size_t j = 0; j <= count; j++) {
            tc_field f;
            const tc_err err = tc_hpack_decode(&p->d, &block, &a, VALUE_MAX, &f);
            if (err == TC_ERR_NO_MEMORY) i = blocks; /* the connection is over */
            if (err == TC_ERR_NO_MEMORY) break;
            assert_int_equal(err, j < count ? TC_OK : TC_ERR_NOTHING);
            if (j == count) break;
            assert_true(tc_span_eq(f.name, sent[j].name) && tc_span_eq(f.value, sent[j].value));
            assert_int_equal(f.id, sent[j].id);
        }
        tc_arena_fini(&a);
    }
    *ret_allocations = tc_alloc_count() - before;
}

/* As if the connection were very old: all that counts up is about to begin again at 0. */
static void age(pair *p)
{
    p->d.block = UINT32_MAX - 40;
    p->d.table.inserted = UINT32_MAX - 60;
    p->e.table.inserted = UINT32_MAX - 50;
    p->d.table.begin = p->d.table.end = UINT32_MAX - 1000;
    p->e.table.begin = p->e.table.end = UINT32_MAX - 3000;
}

static void round_trips(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        pair p;
        uint64_t allocations;
        tc_hpack_encoder_init(&p.e, (uint32_t)check_random_below(8192));
        tc_hpack_decoder_init(&p.d, 8192);
        if (i % 2) age(&p);
        play(&p, 300, &allocations);
        tc_hpack_encoder_fini(&p.e);
        tc_hpack_decoder_fini(&p.d);
    }
}

static void without_memory(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 120; n++) {
        pair p;
        uint64_t allocations = 0;
        tc_hpack_encoder_init(&p.e, TC_HPACK_TABLE);
        tc_hpack_decoder_init(&p.d, TC_HPACK_TABLE);
        tc_alloc_fail_after(n);
        play(&p, 60, &allocations);
        tc_alloc_fail_after(-1);
        tc_hpack_encoder_fini(&p.e);
        tc_hpack_decoder_fini(&p.d);
    }
    tc_hpack_encoder e; /* an encoder alone goes on with literals */
    tc_hpack_encoder_init(&e, TC_HPACK_TABLE);
    tc_alloc_fail_after(0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(encode(&e, "server", TC_SPAN("a")).at[0] & 0xf0, 0);
    tc_alloc_fail_after(-1);
    assert_int_equal(encode(&e, "server", TC_SPAN("a")).at[0] & 0xc0, 0x40);
    tc_hpack_encoder_fini(&e);
}

static void steady_state_takes_no_memory(void **state)
{
    (void)state;
    pair p;
    tc_hpack_encoder_init(&p.e, TC_HPACK_TABLE);
    tc_hpack_decoder_init(&p.d, TC_HPACK_TABLE);
    static char arena_room[4096];
    uint64_t before = 0;
    for (int i = 0; i < 2000; i++) {
        if (i == 1000) before = tc_alloc_count();
        char value[32];
        (void)snprintf(value, sizeof value, "value %d", i % 100);
        tc_span block = encode(&p.e, "x-request", tc_span_str(value));
        tc_arena a;
        tc_arena_init(&a, arena_room, sizeof arena_room, 0);
        tc_field f;
        tc_hpack_decoder_begin(&p.d);
        assert_int_equal(tc_hpack_decode(&p.d, &block, &a, VALUE_MAX, &f), TC_OK);
        check_span(f.value, value);
    }
    assert_int_equal(tc_alloc_count(), before);
    tc_hpack_encoder_fini(&p.e);
    tc_hpack_decoder_fini(&p.d);
}

static void static_table_agrees_with_field_table(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= TC_HPACK_STATIC; i++) {
        const tc_field *f = &tc_hpack_static[i];
        assert_int_equal(f->id, tc_field_id_of(f->name));
        const uint32_t tag = tc_pack_tag_of(&tc_hpack_names, f->name, f->id);
        assert_true(tag && tag <= i);
        assert_int_equal(tc_pack_row_of(&tc_hpack_names, tag, f->value), i);
        enum tc_field_id id;
        assert_true(tc_span_eq(tc_pack_tag_name(&tc_hpack_names, tag, &id), f->name));
        assert_int_equal(id, f->id);
    }
    assert_int_equal(tc_pack_tag_of(&tc_hpack_names, TC_SPAN(":"), TC_FIELD_OTHER), 0);
    assert_int_equal(tc_pack_tag_of(&tc_hpack_names, TC_SPAN(""), TC_FIELD_OTHER), 0);
    assert_int_equal(tc_pack_tag_of(&tc_hpack_names, TC_SPAN("x-none"), TC_FIELD_OTHER), 0);
    assert_int_equal(tc_pack_tag_of(&tc_hpack_names, TC_SPAN(":protocol"), TC_FIELD_OTHER), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_read),
        cmocka_unit_test(wrong_blocks_are_refused),
        cmocka_unit_test(size_updates_after_settings),
        cmocka_unit_test(bombs_cost_little),
        cmocka_unit_test(resize_storms_cost_no_memory),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(secrets_are_never_indexed),
        cmocka_unit_test(what_pays_is_indexed),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(without_memory),
        cmocka_unit_test(steady_state_takes_no_memory),
        cmocka_unit_test(static_table_agrees_with_field_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
