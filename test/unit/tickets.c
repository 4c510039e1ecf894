/* tickets.c - what a client may come back with: for one use, for the same identity, within bounds.
 */
// SPDX-License-Identifier: MIT
#include "client/tickets.h"

#include <stdio.h>

#include "support/check.h"

enum { NOW = 1000000 };

static uint64_t reached;
static tc_tickets t;

static tc_origin origin(const char *host)
{
    return (tc_origin){
        .scheme = TC_SPAN("https"), .host = tc_span_str(host), .port = 443, .version = TC_HTTP_3};
}

static void begin(uint64_t most)
{
    reached = 0;
    tc_tickets_init(&t, most, &reached, TC_SPAN("/home/a b"));
}

static void keep(const tc_origin *o, const char *session)
{
    tc_tickets_keep(&t, o, tc_span_str(session), TC_SPAN("\0\xffp"), NOW);
}

static bool takes(const tc_origin *o, const char *session)
{
    const tc_ticket *k = tc_tickets_take(&t, o, NOW);
    return k && tc_span_eq(k->session, tc_span_str(session));
}

static void one_use(void **state)
{
    (void)state;
    const tc_origin a = origin("a.example"), b = origin("b.example");
    begin(10);
    keep(&a, "one");
    keep(&a, "two");
    assert_false(takes(&b, "one"));
    assert_true(takes(&a, "two")); /* the newest one */
    assert_true(takes(&a, "one"));
    assert_null(tc_tickets_take(&t, &a, NOW));
    tc_tickets_put_back(&t, &a);
    assert_non_null(tc_tickets_take(&t, &a, NOW));
    tc_tickets_fini(&t);
}

static void bounds(void **state)
{
    (void)state;
    static const char large[TC_TICKET_BYTES] = {0};
    char name[32];
    begin(3);
    for (int i = 0; i < 5; i++) {
        (void)snprintf(name, sizeof name, "%d.example", i);
        const tc_origin o = origin(name);
        keep(&o, "s");
    }
    assert_int_equal(t.count, 3);
    assert_int_equal(reached, 2);
    const tc_origin gone = origin("1.example"), last = origin("4.example"), new = origin("new");
    assert_null(tc_tickets_take(&t, &gone, NOW));
    assert_null(tc_tickets_take(&t, &last, NOW + TC_TICKET_S)); /* too old */
    assert_non_null(tc_tickets_take(&t, &last, NOW + TC_TICKET_S - 1));
    tc_tickets_keep(&t, &new, tc_span_of(large, sizeof large), TC_SPAN("p"), NOW);
    assert_null(tc_tickets_take(&t, &new, NOW));
    tc_tickets_fini(&t);
    begin(0);
    keep(&last, "s");
    assert_int_equal(t.count, 0);
    tc_tickets_fini(&t);
}

static void every_member_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < tc_identity_row_count; i++) {
        const tc_identity_row *row = &tc_identity_rows[i];
        tc_origin a = origin("a.example"), b = a;
        char *at = (char *)&b + row->offset;
        begin(10);
        keep(&a, "s");
        if (row->kind == TC_IDENTITY_TEXT)
            *(tc_span *)(void *)at = TC_SPAN("other");
        else
            ++*(uint32_t *)(void *)at;
        check_case(!tc_tickets_take(&t, &b, NOW), row->name);
        check_case(tc_tickets_take(&t, &a, NOW) != NULL, row->name);
        tc_tickets_fini(&t);
    }
    tc_origin secret = origin("a.example");
    secret.credentials = TC_SPAN("Basic eA==");
    begin(10);
    keep(&secret, "s");
    assert_int_equal(t.count, 0); /* they are written nowhere */
    tc_tickets_fini(&t);
}

static void names_of_files_are_meant_somewhere(void **state)
{
    (void)state;
    tc_origin a = origin("a.example");
    a.authorities = TC_SPAN("ca.pem");
    begin(10);
    keep(&a, "s");
    t.folder = TC_SPAN("/elsewhere");
    assert_null(tc_tickets_take(&t, &a, NOW));
    a.authorities = TC_SPAN("/etc/ca.pem");
    keep(&a, "s");
    t.folder = TC_SPAN("/home");
    assert_non_null(tc_tickets_take(&t, &a, NOW));
    tc_tickets_fini(&t);
}

static tc_span written(tc_span before, tc_buf *out)
{
    tc_buf_init(out, 1 << 20);
    assert_int_equal(tc_tickets_write(&t, before, NOW, out), TC_OK);
    return tc_buf_span(out);
}

/* Without sums, and without who made it. */
static void check_lines(tc_span text, const char *expected)
{
    char tail[32], room[4096] = "";
    (void)snprintf(tail, sizeof tail, " =%s", tc_tls_library());
    size_t at = 0;
    while (text.len) {
        const tc_span line = tc_span_take(&text, tc_span_find(text, '\n'));
        (void)tc_span_take(&text, 1);
        assert_true(line.len > 17 && tc_span_ends(line, tc_span_str(tail)));
        at += (size_t)snprintf(room + at, sizeof room - at, "%.*s\n",
                               (int)(line.len - 17 - strlen(tail)), line.at + 17);
    }
    assert_string_equal(room, expected);
}

static void as_text(void **state)
{
    (void)state;
    tc_buf first, second, third;
    tc_origin a = origin("a.example"), b = origin("b b%\n");
    b.authorities = TC_SPAN("ca.pem");
    begin(10);
    keep(&a, "one\n");
    keep(&b, "two");
    const tc_span text = written((tc_span){0}, &first);
    tc_tickets_fini(&t);
    check_lines(
        text,
        "1086400 6f6e650a 00ff70  =https =a.example 443 = 5 = = 0 = = = =\n"
        "1086400 74776f 00ff70  =https =b%20b%25%0a 443 = 5 =ca.pem = 0 = = = =/home/a%20b\n");
    begin(10); /* another run takes one and keeps one, while others write */
    tc_tickets_read(&t, text, NOW);
    assert_false(t.changed);
    assert_true(takes(&a, "one\n"));
    keep(&a, "three");
    const tc_span after = written(text, &second);
    tc_tickets_fini(&t);
    check_lines(
        after, "1086400 74776f 00ff70  =https =b%20b%25%0a 443 = 5 =ca.pem = 0 = = = =/home/a%20b\n"
               "1086400 7468726565 00ff70  =https =a.example 443 = 5 = = 0 = = = =\n");
    begin(1); /* the bound is the file's, too */
    tc_tickets_read(&t, after, NOW);
    assert_int_equal(t.count, 1);
    check_lines(written(after, &third),
                "1086400 7468726565 00ff70  =https =a.example 443 = 5 = = 0 = = = =\n");
    tc_tickets_fini(&t);
    tc_buf_fini(&first);
    tc_buf_fini(&second);
    tc_buf_fini(&third);
}

static void nonsense(void **state)
{
    (void)state;
    static const char *const lines[] = {"",
                                        "\n\n",
                                        "x",
                                        "0123456789abcdef",
                                        "0123456789abcdef ",
                                        "0123456789abcdef 1086400 6f 70  =x"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        begin(10);
        tc_tickets_read(&t, tc_span_str(lines[i]), NOW);
        check_case(t.count == 0, lines[i]);
        tc_tickets_fini(&t);
    }
    tc_buf good;
    const tc_origin a = origin("a.example");
    begin(10);
    keep(&a, "one");
    const tc_span text = written((tc_span){0}, &good);
    tc_tickets_fini(&t);
    for (size_t i = 0; i + 1 < text.len; i++) { /* no byte of it can change, nor be missing */
        begin(10);
        good.at[i] ^= 1;
        tc_tickets_read(&t, text, NOW);
        if (t.count) fail_msg("byte %zu", i);
        good.at[i] ^= 1;
        tc_tickets_read(&t, tc_span_first(text, i), NOW);
        if (t.count) fail_msg("the first %zu bytes", i);
        tc_tickets_fini(&t);
    }
    begin(10);
    tc_tickets_read(&t, text, NOW + TC_TICKET_S); /* over */
    tc_tickets_read(&t, text, NOW - 1);           /* from the future */
    assert_int_equal(t.count, 0);
    tc_tickets_read(&t, TC_SPAN("rubbish\n"), NOW);
    tc_tickets_read(&t, tc_span_first(text, text.len - 1), NOW); /* without the last '\n' */
    assert_int_equal(t.count, 1);
    tc_tickets_fini(&t);
    tc_buf_fini(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_use),
        cmocka_unit_test(bounds),
        cmocka_unit_test(every_member_counts),
        cmocka_unit_test(names_of_files_are_meant_somewhere),
        cmocka_unit_test(as_text),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
