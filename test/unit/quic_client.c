/* quic_client.c - a client's requests that go out before the handshake is over (RFC 8470), to a
 * server that may think them too early. */
// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <linux/filter.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "client/fetch.h"
#include "server/inside.h"
#include "server/server.h"
#include "support/check.h"
#include "support/quic_net.h"

static tc_server *server;
static tc_tls *client_tls;
static tc_loop *loop;
static tc_client client;
static tc_limits limits;
static tc_reached reached;
static tc_tickets tickets;
static atomic_uint asked, early, too_early; /* requests that a handler saw; of those */

/* --- the server ---------------------------------------------------------------------------- */

static tc_err on_end(void *self, tc_exchange *x)
{
    (void)self;
    atomic_fetch_add(&asked, 1);
    if (tc_exchange_early(x)) atomic_fetch_add(&early, 1);
    const bool late = tc_exchange_early(x) && tc_span_eq(x->theirs.path, TC_SPAN("/late"));
    if (late) atomic_fetch_add(&too_early, 1);
    return tc_exchange_reply(x, late ? 425 : 200, tc_run_bytes(TC_SPAN("answer")));
}

static tc_err on_head(void *self, tc_exchange *x)
{
    (void)self;
    (void)x;
    return TC_OK;
}

static const tc_handler answers = {.name = "answers", .on_head = on_head, .on_end = on_end};

static void route(tc_worker *w, tc_exchange *x)
{
    x->handler = &answers;
    x->self = w;
}

static void refuse(tc_worker *w, tc_exchange *x, tc_err err)
{
    (void)w;
    if (tc_exchange_reply(x, (unsigned)tc_err_status(err), (tc_run){0}) != TC_OK)
        tc_exchange_abort(x, err);
}

static void *worker_begin(void *app, tc_worker *w)
{
    (void)app;
    return w;
}

static void worker_end(void *app, tc_worker *w, void *state)
{
    (void)app;
    (void)w;
    (void)state;
}

/* --- the client ---------------------------------------------------------------------------- */

static const char *lookup(const char *host, enum tc_family family, tc_addresses *ret)
{
    (void)host;
    ret->count = 0;
    if (family == TC_V6) return NULL;
    ret->at[0] =
        (tc_address){.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    ret->count = 1;
    return NULL;
}

static void begin_client(void)
{
    assert_int_equal(tc_client_init(&client, loop, &limits, &reached), TC_OK);
    client.lookup = lookup;
    client.tickets = &tickets;
    client.tls[TC_HTTP_3] = client_tls;
}

static void end_client(void)
{
    tc_client_await_tickets(&client);
    client.tls[TC_HTTP_3] = NULL;
    tc_client_fini(&client);
}

typedef struct wish {
    tc_fetch fetch;
    tc_arena arena;
    unsigned status, heads;
    uint64_t got;
    bool done;
    tc_err err;
} wish;

static tc_err got_head(void *self, tc_exchange *x)
{
    wish *w = self;
    w->status = x->theirs.status;
    w->heads++;
    return TC_OK;
}

static tc_err got_data(void *self, tc_exchange *x, tc_span run)
{
    (void)x;
    ((wish *)self)->got += run.len;
    return TC_OK;
}

static const tc_handler wanted = {.name = "wanted", .on_head = got_head, .on_data = got_data};

static void done(tc_fetch *f, tc_err err)
{
    wish *w = f->self;
    w->done = true;
    w->err = err;
}

static void begin(wish *w, enum tc_method method, const char *path)
{
    char url[64];
    *w = (wish){.fetch = {.client = &client, .handler = &wanted, .self = w, .done = done}};
    tc_arena_init(&w->arena, NULL, 0, 65536);
    (void)snprintf(url, sizeof url, "https://machine.example:%u%s",
                   (unsigned)tc_server_port(server), path);
    tc_request *r = &w->fetch.request;
    r->method = method;
    r->method_name = tc_method_name(method);
    r->version = TC_HTTP_3;
    assert_int_equal(tc_url_parse(&w->arena, tc_span_str(url), &r->url), TC_OK);
    if (method == TC_METHOD_POST) {
        r->content.kind = TC_CONTENT_BYTES;
        r->content.bytes = TC_SPAN("once");
        r->content.length = 4;
    }
    w->fetch.patient = true;
    tc_fetch_begin(&w->fetch);
}

static void finish(wish *w)
{
    while (!w->done)
        assert_int_equal(tc_loop_turn(loop, TC_NEVER), TC_OK);
    tc_fetch_fini(&w->fetch);
    tc_arena_fini(&w->arena);
    assert_int_equal(w->err, TC_OK);
    assert_int_equal(w->status, 200);
    assert_int_equal(w->heads, 1);
    assert_int_equal(w->got, 6);
}

/* A client with one request, and what it leaves for the next one. */
static void visit(enum tc_method method, const char *path)
{
    wish w;
    begin_client();
    begin(&w, method, path);
    finish(&w);
    end_client();
}

/* The kernel is told to give packets for what the server chose as an id (which begins with a 0) to
 * the first socket, and those with another one, as a client's first have, to the second. */
static void lead_astray(int fd)
{
    struct sock_filter code[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 6},
                                 {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0},
                                 {BPF_RET | BPF_K, 0, 0, 0},
                                 {BPF_RET | BPF_K, 0, 0, 1}};
    const struct sock_fprog program = {sizeof code / sizeof *code, code};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program),
                     0);
}

static bool astray;

static int begin_test(void **state)
{
    (void)state;
    static quic_net net;
    memset(&net, 0, sizeof net);
    quic_net_make_tls(&net);
    client_tls = net.tls[0];
    limits = tc_limits_default;
    tc_server_config config = {.workers = 2,
                               .quic = true,
                               .early = true,
                               .tls = net.tls[1],
                               .limits = tc_limits_default,
                               .app = {.worker_begin = worker_begin,
                                       .worker_end = worker_end,
                                       .route = route,
                                       .refuse = refuse}};
    assert_int_equal(tc_server_new(&config, &server), TC_OK);
    assert_int_equal(tc_server_listen(server, TC_SPAN("https://127.0.0.1:0"), NULL), TC_OK);
    if (astray) lead_astray(server->listeners.at[0].udp[0]);
    assert_int_equal(tc_server_start(server), TC_OK);
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    tc_tickets_init(&tickets, limits.tls_sessions, &reached.tls_sessions, TC_SPAN("/"));
    atomic_store(&asked, 0);
    atomic_store(&early, 0);
    atomic_store(&too_early, 0);
    visit(TC_METHOD_GET, "/");
    assert_int_equal(tickets.count, 1);
    assert_int_equal(atomic_load(&early), 0);
    *state = net.tls[1];
    return 0;
}

static int begin_astray(void **state)
{
    astray = true;
    return begin_test(state);
}

static int end_test(void **state)
{
    astray = false;
    tc_tickets_fini(&tickets);
    tc_loop_free(loop);
    tc_server_drain(server);
    tc_server_wait(server);
    tc_server_free(server);
    tc_tls_free(client_tls);
    tc_tls_free(*state);
    return 0;
}

/* --- tests --------------------------------------------------------------------------------- */

static void comes_back(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++) { /* each visit leaves something for the next one */
        visit(i % 2 ? TC_METHOD_GET : TC_METHOD_OPTIONS, "/");
        assert_int_equal(atomic_load(&early), i);
    }
    assert_int_equal(atomic_load(&asked), 6);
}

/* As below a master, where the first worker of an older generation gets what is passed on. */
static void a_handshake_comes_to_another_worker(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++) {
        tc_tickets_fini(&tickets); /* a full one each time */
        tc_tickets_init(&tickets, limits.tls_sessions, &reached.tls_sessions, TC_SPAN("/"));
        visit(TC_METHOD_GET, "/");
    }
    assert_int_equal(atomic_load(&asked), 6);
}

static void too_early_is_asked_again(void **state)
{
    (void)state;
    visit(TC_METHOD_GET, "/late");
    assert_int_equal(atomic_load(&too_early), 1);
    assert_int_equal(atomic_load(&asked), 3);
}

static void what_is_not_safe_waits(void **state)
{
    (void)state;
    visit(TC_METHOD_POST, "/");
    assert_int_equal(atomic_load(&early), 0);
    begin_client(); /* also behind one that went out */
    wish get, post;
    begin(&get, TC_METHOD_GET, "/");
    begin(&post, TC_METHOD_POST, "/");
    finish(&get);
    finish(&post);
    assert_int_equal(client.made, 1);
    end_client();
    assert_int_equal(atomic_load(&early), 1);
    assert_int_equal(atomic_load(&asked), 4);
}

/* Refused, since the ticket was used: the same connection asks again, and nobody notices. */
static void a_ticket_twice(void **state)
{
    (void)state;
    tc_buf text;
    tc_buf_init(&text, 1 << 20);
    assert_int_equal(tc_tickets_write(&tickets, (tc_span){0}, tc_clock_wall(), &text), TC_OK);
    for (unsigned i = 0; i < 3; i++) {
        tc_tickets_fini(&tickets);
        tc_tickets_init(&tickets, limits.tls_sessions, &reached.tls_sessions, TC_SPAN("/"));
        tc_tickets_read(&tickets, tc_buf_span(&text), tc_clock_wall());
        wish w;
        begin_client();
        begin(&w, TC_METHOD_GET, "/");
        finish(&w);
        assert_int_equal(client.made, 1);
        end_client();
        assert_int_equal(atomic_load(&early), 1);
        assert_int_equal(atomic_load(&asked), 2 + i);
    }
    tc_buf_fini(&text);
}

/* Without early data the next connection resumes all the same, once (RFC 8446, C.4). */
static void the_next_connection_resumes(void **state)
{
    (void)state;
    begin_client();
    client.tickets = NULL;
    for (unsigned i = 0; i < 3; i++) {
        wish w;
        tc_protection p;
        begin(&w, TC_METHOD_POST, "/");
        finish(&w);
        assert_int_equal(client.made, i + 1);
        assert_int_equal(client.kept_sessions, 1);
        const tc_link *link = &client.connections->link;
        assert_true(link->type->protection(link, &p));
        assert_int_equal(p.resumed, i > 0);
        assert_int_equal(p.early, TC_EARLY_NONE);
        tc_session_kill(&client.connections->session, TC_OK);
    }
    end_client();
    assert_int_equal(atomic_load(&early), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_back, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_handshake_comes_to_another_worker, begin_astray,
                                        end_test),
        cmocka_unit_test_setup_teardown(too_early_is_asked_again, begin_test, end_test),
        cmocka_unit_test_setup_teardown(what_is_not_safe_waits, begin_test, end_test),
        cmocka_unit_test_setup_teardown(a_ticket_twice, begin_test, end_test),
        cmocka_unit_test_setup_teardown(the_next_connection_resumes, begin_test, end_test),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
