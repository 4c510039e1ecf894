/* session_oom.c - memory ends at each allocation of a conversation in turn: the session answers or
 * ends, nothing is lost or used after it is gone, and when there is memory again the next
 * connection is served. Over the toy engine, HTTP/1.1 and HTTP/2. */
// SPDX-License-Identifier: MIT
#include "base/alloc.h"
#include "h1/h1.h"
#include "h2/h2.h"
#include "page/error_page.h"
#include "site/echo.h"
#include "support/served.h"
#include "support/toy_engine.h"

enum { ROOM = 65536 };

static char content[20000];
static int begun, closed;

/* Takes more memory than an exchange brings, and says its content back. */
static tc_err on_head(void *self, tc_exchange *x)
{
    (void)self;
    begun++;
    x->self = NULL;
    char *much = tc_exchange_alloc(x, 9000);
    if (!much) return TC_ERR_NO_MEMORY;
    memset(much, 'm', 9000);
    tc_err err =
        tc_fields_add(&x->ours.fields, &x->arena, TC_SPAN("x-much"), (tc_span){much, 5000});
    if (!err && x->theirs.method == TC_METHOD_POST) err = tc_exchange_inform(x, 103, NULL);
    if (!err) err = tc_exchange_push(x, TC_SPAN("/pushed"));
    if (!err) err = tc_exchange_answer(x, 200, TC_LENGTH_UNKNOWN);
    return err;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    (void)self;
    const tc_span copy = tc_arena_copy(&x->arena, run);
    if (!copy.at) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_exchange_send(x, tc_run_bytes(copy), false);
    return err == TC_ERR_FULL ? TC_OK : err; /* what finds no room is left out */
}

static tc_err on_end(void *self, tc_exchange *x)
{
    (void)self;
    const tc_err err = tc_fields_add(&x->ours.trailers, &x->arena, TC_SPAN("x-end"), TC_SPAN("1"));
    return err ? err : tc_exchange_end(x);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    (void)self;
    (void)x;
    (void)why;
    closed++;
}

static const tc_handler handler = {
    .name = "much", .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_close = on_close};

static void refuse(tc_session_env *env, tc_exchange *x, tc_err err)
{
    (void)env;
    if (tc_error_page(x, (unsigned)tc_err_status(err), tc_span_str(tc_err_sentence(err))) != TC_OK)
        tc_exchange_abort(x, err);
}

/* --- what the peer says -------------------------------------------------------------------- */

static tc_buf script;

static void add(tc_span bytes)
{
    assert_int_equal(tc_buf_add(&script, bytes), TC_OK);
}

static void add_frame(char sid, char kind, tc_span payload)
{
    const char head[4] = {sid, kind, (char)(payload.len >> 8), (char)payload.len};
    add((tc_span){head, sizeof head});
    add(payload);
}

static void script_toy(void)
{
    add_frame(0, 'H', TC_SPAN("POST /a"));
    add_frame(1, 'H', TC_SPAN("GET /b"));
    add_frame(0, 'D', (tc_span){content, sizeof content});
    add_frame(1, 'E', (tc_span){0});
    add_frame(0, 'D', (tc_span){content, 100});
    add_frame(0, 'E', (tc_span){0});
}

static void script_h1(void)
{
    add(TC_SPAN("GET /a HTTP/1.1\r\nHost: a\r\nX-Long: "));
    add((tc_span){content, 6000});
    add(TC_SPAN("\r\n\r\nPOST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                "Expect: 100-continue\r\n\r\n4e20\r\n"));
    add((tc_span){content, sizeof content});
    add(TC_SPAN("\r\n0\r\nX-Trailer: 1\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n"));
}

static void add_h2(char type, char flags, char id, tc_span payload)
{
    const char head[9] = {0, (char)(payload.len >> 8), (char)payload.len, type, flags, 0, 0, 0, id};
    add((tc_span){head, sizeof head});
    add(payload);
}

/* A GET and a POST at a time: HEADERS of literals, DATA, a PING between. */
static void script_h2(void)
{
    add(TC_SPAN(TC_H2_PREFACE));
    add_h2(4, 0, 0, (tc_span){0});
    add_h2(1, 4, 1,
           TC_SPAN("\x83\x86\x84\x41\x01"
                   "a"
                   "\x40\x06x-long\x05value"));
    add_h2(1, 5, 3,
           TC_SPAN("\x82\x86\x84\x41\x01"
                   "a"));
    add_h2(6, 0, 0, TC_SPAN("12345678"));
    for (int i = 0; i < 4; i++)
        add_h2(0, i == 3, 1, (tc_span){content, 5000});
    add_h2(1, 5, 5,
           TC_SPAN("\x82\x86\x84\x41\x01"
                   "a"));
}

/* --- the torture --------------------------------------------------------------------------- */

/* Splits what is said, so that some of it is carried over. */
static void converse(served *w, served_peer *p)
{
    for (tc_span rest = tc_buf_span(&script); rest.len && !p->ended;) {
        served_say(p, tc_span_take(&rest, rest.len < 3001 ? rest.len : 3001));
        served_turns(w, 2);
    }
    served_turns(w, 10);
}

/* True if an allocation failed. */
static bool torture(const tc_engine_type *type, const tc_handler *handle, int64_t after)
{
    served w;
    begun = closed = 0;
    served_init(&w, handle);
    w.env.refuse = refuse;
    served_peer *p = served_connect(&w, 0, type, ROOM), *next;
    const uint64_t before = tc_alloc_count();
    tc_alloc_fail_after(after);
    converse(&w, p);
    tc_alloc_fail_after(-1);
    const bool failed = (int64_t)(tc_alloc_count() - before) > after;
    served_end(p);
    served_until_ended(p);
    assert_int_equal(closed, begun);
    if (!failed) assert_int_equal(p->why, TC_OK);
    next = served_connect(&w, 1, type, ROOM);
    converse(&w, next);
    assert_true(next->heard.len > 1000);
    assert_true(!failed || next->heard.len >= p->heard.len);
    served_end(next);
    served_until_ended(next);
    assert_int_equal(closed, begun);
    served_fini(&w);
    return failed;
}

static void torture_all(const tc_engine_type *type, const tc_handler *handle, void (*write)(void))
{
    tc_buf_init(&script, 1 << 20);
    write();
    int64_t after = 0;
    while (torture(type, handle, after))
        after++;
    assert_in_range(after, 3, 1000); /* it did allocate, and it did end */
    tc_buf_fini(&script);
}

static void over_the_toy(void **state)
{
    (void)state;
    torture_all(&toy_engine_type, &handler, script_toy);
}

static void over_h1(void **state)
{
    (void)state;
    torture_all(&tc_h1_type, &handler, script_h1);
}

static void over_h2(void **state)
{
    (void)state;
    torture_all(&tc_h2_type, &handler, script_h2);
}

static void over_whatever_the_first_line_says(void **state)
{
    (void)state;
    torture_all(NULL, &handler, script_h1);
}

static void with_the_echo(void **state)
{
    (void)state;
    torture_all(NULL, &tc_echo_handler, script_h1);
}

int main(void)
{
    memset(content, 'c', sizeof content);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_the_toy),  cmocka_unit_test(over_h1),
        cmocka_unit_test(over_h2),       cmocka_unit_test(over_whatever_the_first_line_says),
        cmocka_unit_test(with_the_echo),
    };
    return cmocka_run_group_tests_name("session_oom", tests, NULL, NULL);
}
