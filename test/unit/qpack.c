/* qpack.c - QPACK as it is read: the examples of RFC 9204, and what peers must not send. */
// SPDX-License-Identifier: MIT

#include "base/alloc.h"
#include "http/pack/integer.h"
#include "support/check.h"
#include "support/qpack_case.h"

static tc_err instruct(tc_qpack_decoder *d, const char *hex)
{
    tc_span in = check_edge(qpack_case_bytes_of(hex));
    const tc_err err = tc_qpack_decoder_read(d, &in);
    return !err && in.len ? TC_ERR_NOTHING : err;
}

static void check_said(tc_qpack_decoder *d, const char *hex)
{
    assert_int_equal(tc_qpack_decoder_tell(d), TC_OK);
    assert_true(tc_span_eq(tc_buf_span(&d->out), qpack_case_bytes_of(hex)));
    tc_buf_reset(&d->out);
}

/* RFC 9204, appendix B. */
static void examples_are_read(void **state)
{
    (void)state;
    tc_qpack_decoder d;
    tc_buf text;
    tc_buf_init(&text, 4096);
    tc_qpack_decoder_init(&d, 220, OUT_MAX);
    assert_int_equal(
        qpack_case_read_section(&d, qpack_case_bytes_of("0000 510b 2f69 6e64 6578 2e68 746d 6c"), 0,
                                &text),
        TC_ERR_NOTHING);
    check_span(tc_buf_span(&text), ":path: /index.html|");
    check_said(&d, "");
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0381 10 11"), 4, &text),
                     TC_ERR_FULL);
    assert_int_equal(instruct(&d, "3fbd01 c00f 7777 772e 6578 616d 706c 652e 636f 6d"
                                  "c10c 2f73 616d 706c 652f 7061 7468"),
                     TC_OK);
    assert_int_equal(d.table.size, 106);
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0381 10 11"), 4, &text),
                     TC_ERR_NOTHING);
    check_span(tc_buf_span(&text), ":authority: www.example.com|:path: /sample/path|");
    check_said(&d, "84");
    assert_int_equal(instruct(&d, "4a63 7573 746f 6d2d 6b65 790c 6375 7374 6f6d 2d76 616c 7565"),
                     TC_OK);
    assert_int_equal(d.table.size, 160);
    check_said(&d, "01");
    assert_int_equal(instruct(&d, "02"), TC_OK);
    assert_int_equal(d.table.size, 217);
    assert_int_equal(tc_qpack_decoder_cancel(&d, 8), TC_OK);
    check_said(&d, "48 01");
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0500 80 c1 81"), 8, &text),
                     TC_ERR_NOTHING);
    check_span(tc_buf_span(&text),
               ":authority: www.example.com|:path: /|custom-key: custom-value|");
    assert_int_equal(instruct(&d, "810d 6375 7374 6f6d 2d76 616c 7565 32"), TC_OK);
    assert_int_equal(d.table.size, 215);
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0600 80"), 12, &text),
                     TC_ERR_NOTHING);
    check_span(tc_buf_span(&text), "custom-key: custom-value2|");
    tc_qpack_decoder_fini(&d);
    tc_buf_fini(&text);
}

/* --- what peers must not send ---------------------------------------------------------------- */

static void wrong_instructions_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "3fe21f",                          /* capacity 4097 */
        "3fffffffffffffffff7f",            /* a capacity that is no number */
        "c0 0161",                         /* an entry in a table of nothing */
        "3fe11f ff24 0161",                /* static name 99 */
        "3fe11f 80 0161",                  /* a name that is not there */
        "3fe11f c00161 81 0161",           /* behind the only one */
        "3fe11f 00",                       /* a duplicate of nothing */
        "3fe11f c00161 01",                /* of what is behind the only one */
        "3f02 4161 0162",                  /* 34 bytes into 33 */
        "3f03 4161 026263",                /* 35 into 34 */
        "3fe11f 4161 81ff",                /* Huffman padding of eight bits */
        "3fe11f 61ff 00",                  /* the same in a name */
        "3fe11f c07fffffffffffffff3f",     /* a value longer than all */
        "3fe11f 5fffffffffffffff3f",       /* a name */
        "3fe11f c07f81808080808080808080", /* a length dragged along */
        "3fe11f c0 7f821f (61)*4097",      /* a value that is too long by itself */
        "3fe11f c00161 20 80 00",          /* of a table that was emptied */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_qpack_decoder d;
        tc_qpack_decoder_init(&d, TABLE, OUT_MAX);
        check_case(instruct(&d, rows[i]) == TC_ERR_COMPRESSION, rows[i]);
        tc_qpack_decoder_fini(&d);
    }
}

static void instructions_may_come_in_pieces(void **state)
{
    (void)state;
    const tc_span all = check_edge(qpack_case_bytes_of(
        "3fe11f c00f7777772e6578616d706c652e636f6d 4161 7f21 (62)*160 01 80 0163 02"));
    tc_qpack_decoder d;
    tc_qpack_decoder_init(&d, TABLE, OUT_MAX);
    size_t taken = 0;
    for (size_t end = 0; end <= all.len; end++) {
        tc_span in = tc_span_of(all.at + taken, end - taken);
        assert_int_equal(tc_qpack_decoder_read(&d, &in), TC_OK);
        taken = end - in.len;
    }
    assert_int_equal(taken, all.len);
    assert_int_equal(d.inserts, 5);
    assert_int_equal(d.table.size, 57 + 193 + 57 + 43 + 193);
    tc_qpack_decoder_fini(&d);
}

static void wrong_sections_are_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",               /* nothing */
        "00",             /* no base */
        "0080",           /* a base below nothing */
        "0382",           /* the same of two */
        "ff8102 00",      /* more than the count can be */
        "0700 80 ff",     /* breaks off behind an entry that is not there */
        "0000 80",        /* an entry, though none is required */
        "0000 10",        /* the same behind the base */
        "0000 40 00",     /* by name */
        "0000 00 00",     /* by name behind the base */
        "0300 82",        /* before the first */
        "0200 80 81",     /* likewise */
        "0381 12",        /* behind the last that is required */
        "0281 11",        /* likewise */
        "0203 80",        /* in the base's reach, but not required */
        "0000 ff24",      /* static 99 */
        "0000 5f5400",    /* a static name 99 */
        "0000 c1 ff",     /* breaks off in an index */
        "0000 51",        /* before a value */
        "0000 5103 6161", /* in a value */
        "0000 23 6161",   /* in a name */
        "0000 2361616181ff",
        "0000 29ff 00",
    };
    tc_buf text;
    tc_buf_init(&text, BLOCK_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_qpack_decoder d;
        tc_qpack_decoder_init(&d, TABLE, OUT_MAX);
        assert_int_equal(instruct(&d, "3fe11f c00161 c00162"), TC_OK);
        const tc_err err =
            qpack_case_read_section(&d, check_edge(qpack_case_bytes_of(rows[i])), 0, &text);
        check_case(err == (strncmp(rows[i], "0700", 4) ? TC_ERR_COMPRESSION : TC_ERR_FULL),
                   rows[i]);
        tc_qpack_decoder_fini(&d);
    }
    tc_buf_fini(&text);
}

/* An entry that has left, and one that the table of a peer without one cannot have. */
static void what_has_left_is_not_found(void **state)
{
    (void)state;
    tc_buf text;
    tc_qpack_decoder d;
    tc_buf_init(&text, 4096);
    tc_qpack_decoder_init(&d, TABLE, OUT_MAX);
    assert_int_equal(instruct(&d, "3f31 4161 0162 4163 0164 4165 0166"), TC_OK); /* two of 34 */
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0400 80 81"), 0, &text),
                     TC_ERR_NOTHING);
    check_span(tc_buf_span(&text), "e: f|c: d|");
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0400 82"), 0, &text),
                     TC_ERR_COMPRESSION);
    tc_qpack_decoder_fini(&d);
    tc_qpack_decoder_init(&d, 0, OUT_MAX);
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0100 d1"), 0, &text),
                     TC_ERR_COMPRESSION);
    assert_int_equal(qpack_case_read_section(&d, qpack_case_bytes_of("0000 d1"), 0, &text),
                     TC_ERR_NOTHING);
    assert_int_equal(tc_qpack_decoder_cancel(&d, 0), TC_OK);
    check_said(&d, "");
    tc_qpack_decoder_fini(&d);
    tc_buf_fini(&text);
}

/* RFC 9204, 4.5.1.1: sent modulo 2 * floor(capacity / 32), however many there were. */
static void required_count_wraps(void **state)
{
    (void)state;
    static const uint32_t tables[] = {32, 64, 100, 4096};
    tc_qpack_section s;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const uint64_t entries = tables[i] / 32, range = 2 * entries;
        tc_qpack_decoder d;
        tc_qpack_decoder_init(&d, tables[i], OUT_MAX);
        for (uint64_t inserts = 0; inserts < 3 * range + 2; inserts++) {
            d.inserts = inserts;
            const uint64_t first = inserts > entries ? inserts - entries + 1 : 1;
            for (uint64_t n = first; n <= inserts + entries; n++) {
                char at[16], *end = tc_pack_integer_put(at, 0, 8, n % range + 1);
                *end++ = 0;
                assert_int_equal(tc_qpack_section_begin(&d, tc_span_of(at, (size_t)(end - at)), &s),
                                 TC_OK);
                assert_int_equal(s.required, n);
            }
        }
        char at[16], *end = tc_pack_integer_put(at, 0, 8, range + 1);
        *end++ = 0;
        assert_int_equal(tc_qpack_section_begin(&d, tc_span_of(at, (size_t)(end - at)), &s),
                         TC_ERR_COMPRESSION);
        tc_qpack_decoder_fini(&d);
    }
}

/* Small sections that ask for much: what is taken from the arena stays small. */
static void bombs_cost_little(void **state)
{
    (void)state;
    tc_qpack_decoder d;
    tc_qpack_decoder_init(&d, TABLE, OUT_MAX);
    assert_int_equal(instruct(&d, "3fe11f 4161 7fa11e (62)*4000"), TC_OK);
    tc_qpack_section s;
    assert_int_equal(tc_qpack_section_begin(&d, qpack_case_bytes_of("0200 (80)*9000"), &s), TC_OK);
    tc_arena a;
    tc_field f;
    size_t count = 0;
    tc_arena_init(&a, NULL, 0, ARENA_MAX);
    while (tc_qpack_decode(&d, &s, &a, VALUE_MAX, &f) == TC_OK)
        count++;
    assert_int_equal(count, 9000);
    assert_true(a.held <= 8192);
    tc_arena_fini(&a);
    const uint64_t before = tc_alloc_count(); /* entries that come and go take no more memory */
    for (int i = 0; i < 1000; i++)
        assert_int_equal(instruct(&d, "20 3fe11f 4161 7fa11e (62)*4000 00"), TC_OK);
    assert_true(tc_alloc_count() - before <= 2);
    tc_qpack_decoder_fini(&d);
}

static void values_are_bounded(void **state)
{
    (void)state;
    static const char *const rows[] = {"0000 517fc23d (61)*8001", "0000 27 ba3e (61)*8001 00",
                                       "0000 51ff8a26 (00)*5001"};
    tc_buf text;
    tc_buf_init(&text, BLOCK_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        tc_qpack_decoder d;
        tc_qpack_decoder_init(&d, TABLE, OUT_MAX);
        check_case(qpack_case_read_section(&d, qpack_case_bytes_of(rows[i]), 0, &text) ==
                       TC_ERR_FIELDS_TOO_LARGE,
                   rows[i]);
        tc_qpack_decoder_fini(&d);
    }
    tc_buf_fini(&text);
}

static void the_decoder_stream_is_bounded(void **state)
{
    (void)state;
    tc_qpack_decoder d;
    tc_qpack_decoder_init(&d, TABLE, 64);
    tc_err err = TC_OK;
    for (int i = 0; !err; i++) {
        assert_true(i < 100);
        err = tc_qpack_decoder_cancel(&d, 4);
    }
    assert_int_equal(err, TC_ERR_FULL);
    tc_qpack_decoder_fini(&d);
}

int main(void)
{
    for (size_t i = 0; i < sizeof texts; i++)
        texts[i] = (char)(i % 5 ? 'a' + i % 26 : i);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_are_read),
        cmocka_unit_test(wrong_instructions_are_refused),
        cmocka_unit_test(instructions_may_come_in_pieces),
        cmocka_unit_test(wrong_sections_are_refused),
        cmocka_unit_test(what_has_left_is_not_found),
        cmocka_unit_test(required_count_wraps),
        cmocka_unit_test(bombs_cost_little),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(the_decoder_stream_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
