/* h1_oom.c - engines without memory, and how much of it a request takes. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/alloc.h"
#include "h0/h0.h"
#include "h1/h1.h"
#include "support/check.h"
#include "support/conn.h"

enum { BIG = 6000, WARM = 10, GETS = 1000 };

static char big[BIG];

static bool says(const conn *c, const char *text)
{
    const tc_span wanted = tc_span_str(text);
    for (size_t i = 0; i < c->log.len; i++)
        if (tc_span_starts(tc_span_from(tc_buf_span(&c->log), i), wanted)) return true;
    return false;
}

static void add(tc_buf *b, const char *text)
{
    if (tc_buf_add(b, tc_span_str(text))) abort();
}

/* A message that outgrows an exchange's own room in every part. */
static void add_fields(tc_buf *b)
{
    char name[] = "X-A: ";
    for (int i = 0; i < 20; i++) {
        name[2] = (char)('A' + i);
        add(b, name);
        if (tc_buf_add(b, tc_span_of(big, BIG / 20))) abort();
        add(b, "\r\n");
    }
}

static script big_script(void)
{
    static char field[BIG + 8];
    memcpy(field, "x-big: ", 7);
    memcpy(field + 7, big, BIG - 8);
    script s = {.status = 200, .method = TC_SPAN("POST"), .path = TC_SPAN("/"), .unknown = true};
    s.host = TC_SPAN("a");
    s.fields[s.field_count++] = tc_span_of(field, BIG - 1);
    s.trailers[s.trailer_count++] = tc_span_of(field, BIG - 1);
    s.runs[s.run_count++] = TC_SPAN("content");
    return s;
}

static void test_server(void **state)
{
    (void)state;
    tc_buf in;
    tc_buf_init(&in, CONN_BUF_MAX);
    add(&in, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n");
    add_fields(&in);
    add(&in, "\r\n1\r\nx\r\n0\r\n");
    add_fields(&in);
    add(&in, "\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    bool whole = false;
    int failures = 0;
    for (int64_t n = 0; !whole; n++, failures++) {
        static conn c;
        conn_init(&c, &tc_h1_type, TC_SERVER);
        c.scripts[0] = big_script();
        c.script_count = 1;
        tc_alloc_fail_after(n);
        conn_feed(&c, tc_buf_span(&in), false);
        tc_alloc_fail_after(-1);
        whole = says(&c, "head GET /2") && says(&c, "closed\n") && !c.ordered;
        if (!whole) assert_true(c.ordered); /* it never just hangs */
        if (n == 0) assert_true(says(&c, "failed NO_MEMORY"));
        conn_fini(&c);
    }
    assert_true(failures > 4);
    tc_buf_fini(&in);
}

static void test_client(void **state)
{
    (void)state;
    tc_buf in;
    tc_buf_init(&in, CONN_BUF_MAX);
    add(&in, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n");
    add_fields(&in);
    add(&in, "\r\n1\r\nx\r\n0\r\n");
    add_fields(&in);
    add(&in, "\r\n");
    bool whole = false;
    int failures = 0;
    for (int64_t n = 0; !whole; n++, failures++) {
        static conn c;
        conn_init(&c, &tc_h1_type, TC_CLIENT);
        c.scripts[0] = big_script();
        c.script_count = 1;
        void *warm = tc_slab_get(&c.slab); /* the slab's own memory is there */
        tc_slab_put(&c.slab, warm);
        tc_alloc_fail_after(n);
        conn_feed(&c, (tc_span){0}, false);
        conn_feed(&c, tc_buf_span(&in), false);
        tc_alloc_fail_after(-1);
        whole = says(&c, "trailers") && says(&c, "closed\n");
        if (!whole) assert_true(says(&c, "NO_MEMORY"));
        conn_fini(&c);
    }
    assert_true(failures > 4);
    tc_buf_fini(&in);
}

static void test_09(void **state)
{
    (void)state;
    static conn c;
    conn_init(&c, &tc_h0_type, TC_SERVER);
    c.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("x")}};
    tc_alloc_fail_after(0);
    conn_feed(&c, TC_SPAN("GET /\r\n"), false);
    tc_alloc_fail_after(-1);
    check_span(tc_buf_span(&c.log), "failed NO_MEMORY\nclose\n");
    conn_fini(&c);
}

/* The arena's ceiling is a refusal, not a failure of the machine. */
static void test_exchange_bytes(void **state)
{
    (void)state;
    static conn c;
    conn_init(&c, &tc_h1_type, TC_SERVER);
    c.limits.exchange_bytes = 4096;
    tc_buf in;
    tc_buf_init(&in, CONN_BUF_MAX);
    add(&in, "GET / HTTP/1.1\r\nHost: a\r\n");
    add_fields(&in);
    add_fields(&in);
    conn_feed(&c, tc_buf_span(&in), false);
    assert_true(says(&c, "broken NO_MEMORY 503"));
    assert_true(c.ordered);
    conn_fini(&c);
    tc_buf_fini(&in);
}

/* A GET on a kept connection takes nothing from the heap. */
static void test_no_allocation(void **state)
{
    (void)state;
    static conn c;
    static const char get[] =
        "GET /612.html?x=y HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux "
        "x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: text/html,application/xhtml+xml,"
        "application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: "
        "gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\n"
        "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\n"
        "Priority: u=0, i\r\n\r\n";
    conn_init(&c, &tc_h1_type, TC_SERVER);
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 4096);
    tc_block block = {.length = TC_LENGTH_UNKNOWN, .arena = &a};
    assert_int_equal(tc_fields_set(&block.fields, &a, TC_FIELD_SERVER, TC_SPAN("tercet")), TC_OK);
    c.block = &block;
    c.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("content")}};
    c.script_count = 1;
    uint64_t before = 0;
    for (int i = 0; i < WARM + GETS; i++) {
        if (i == WARM) before = tc_alloc_count();
        conn_feed(&c, tc_span_of(get, sizeof get - 1), false);
        assert_true(
            tc_span_starts(tc_buf_span(&c.out), TC_SPAN("HTTP/1.1 200 OK\r\nServer: tercet\r\n"
                                                        "Content-Length: 7\r\n\r\ncontent")));
        tc_buf_reset(&c.out);
        tc_buf_reset(&c.log);
    }
    assert_int_equal(tc_alloc_count() - before, 0);
    assert_int_equal(c.closed, WARM + GETS);
    conn_fini(&c);
    tc_arena_fini(&a);
}

/* A block says its lines once; one that states another length than the message is a mistake. */
static void test_blocks(void **state)
{
    (void)state;
    static conn c;
    tc_arena a;
    tc_arena_init(&a, NULL, 0, 4096);
    for (int with_arena = 0; with_arena < 2; with_arena++) {
        conn_init(&c, &tc_h1_type, TC_SERVER);
        tc_block block = {.length = 2, .arena = with_arena ? &a : NULL};
        assert_int_equal(tc_fields_set(&block.fields, &a, TC_FIELD_ETAG, TC_SPAN("\"x\"")), TC_OK);
        assert_int_equal(tc_fields_set(&block.fields, &a, TC_FIELD_CONTENT_LENGTH, TC_SPAN("2")),
                         TC_OK);
        c.block = &block;
        c.scripts[0] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("hi")}};
        c.scripts[1] = (script){.status = 200, .run_count = 1, .runs = {TC_SPAN("long")}};
        c.script_count = 2;
        conn_feed(&c, TC_SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), false);
        check_span(tc_buf_span(&c.out),
                   "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nhi");
        assert_true((block.h1_lines.at != NULL) == (with_arena != 0));
        conn_feed(&c, TC_SPAN("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), false);
        assert_true(says(&c, "refused FIELD_INVALID"));
        assert_true(c.ordered && !c.linger);
        conn_fini(&c);
    }
    tc_arena_fini(&a);
}

int main(void)
{
    memset(big, 'b', sizeof big);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server),
        cmocka_unit_test(test_client),
        cmocka_unit_test(test_09),
        cmocka_unit_test(test_exchange_bytes),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_blocks),
    };
    return cmocka_run_group_tests_name("h1_oom", tests, NULL, NULL);
}
