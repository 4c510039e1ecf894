/* quic_net.c - see quic_net.h. */
// SPDX-License-Identifier: MIT
#include "support/quic_net.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "net/tls_authority.h"
#include "support/check.h"

enum { PATTERN = 1 << 20, PERIOD = 251, PIECE = 40000, STEP_MS = 10 };

typedef struct quic_net_connection {
    tc_session session; /* first */
    tc_link_quic link;
    struct quic_net_connection *next;
} quic_net_connection;

/* What the server knows of an exchange; in its arena. */
typedef struct answer {
    quic_net *net;
    tc_exchange *x;
    uint64_t want, sent, got;
    bool answered;
    unsigned pieces;
} answer;

static char pattern[PATTERN + PERIOD];

static uint64_t chance(quic_net *net)
{
    uint64_t z = net->chance += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool happens(quic_net *net, unsigned of_a_thousand)
{
    return chance(net) % 1000 < of_a_thousand;
}

static bool matches(tc_span s, uint64_t at)
{
    for (size_t done = 0; done < s.len;) {
        const size_t n = s.len - done < PATTERN ? s.len - done : PATTERN;
        if (memcmp(s.at + done, pattern + (at + done) % PERIOD, n)) return false;
        done += n;
    }
    return true;
}

/* --- the network --------------------------------------------------------------------------- */

/* What a NAT does that forgot: the server sees another port, and what it sends to the one before is
 * lost. */
static bool translate(quic_net *net, quic_net_packet *p)
{
    if (p->to_server && net->rebind) {
        net->bindings++;
        net->rebind = false;
    }
    const in_port_t port = htons((uint16_t)(ntohs(net->client_at.v4.sin_port) + net->bindings));
    const bool known = p->to_server || p->d.local.v4.sin_port == port;
    if (p->to_server)
        p->d.remote.v4.sin_port = port;
    else
        p->d.local = net->client_at;
    return known;
}

static void put(quic_net *net, const tc_datagrams *d, bool to_server, char *at, size_t len)
{
    if (net->packet_count == QUIC_NET_PACKETS) return; /* a queue that is full loses, too */
    quic_net_packet p = {.due = tc_loop_now(net->loop) + net->delay_ns,
                         .order = net->order++,
                         .to_server = to_server,
                         .d = *d};
    if (happens(net, net->late)) p.due += (int64_t)(chance(net) % 50) * TC_MS;
    p.d.local = d->remote;
    p.d.remote = d->local;
    bool comes = translate(net, &p) && !(net->largest && len > net->largest);
    p.d.at = malloc(len);
    if (!p.d.at) abort();
    memcpy(p.d.at, at, len);
    p.d.len = p.d.segment = len;
    net->sent[to_server]++;
    net->bytes[to_server] += len;
    if (happens(net, net->lost) || (net->meddle && !net->meddle(net, &p))) comes = false;
    if (!comes) {
        free(p.d.at);
        return;
    }
    net->packets[net->packet_count++] = p;
}

static tc_err send_to(quic_net *net, const tc_datagrams *d, bool to_server)
{
    for (size_t off = 0; off < d->len; off += d->segment) {
        const size_t left = d->len - off, n = left < d->segment ? left : d->segment;
        put(net, d, to_server, d->at + off, n);
        if (happens(net, net->doubled)) put(net, d, to_server, d->at + off, n);
    }
    return TC_OK;
}

static tc_err from_client(tc_quic *q, const tc_datagrams *d)
{
    return send_to(tc_quic_config_of(q)->owner, d, true);
}

static tc_err from_server(tc_quic *q, const tc_datagrams *d)
{
    return send_to(tc_quic_config_of(q)->owner, d, false);
}

/* The first datagram that is due. */
static bool deliver_one(quic_net *net)
{
    size_t first = net->packet_count;
    for (size_t i = 0; i < net->packet_count; i++) {
        const quic_net_packet *p = &net->packets[i];
        if (p->due > tc_loop_now(net->loop)) continue;
        if (first == net->packet_count || p->due < net->packets[first].due ||
            (p->due == net->packets[first].due && p->order < net->packets[first].order))
            first = i;
    }
    if (first == net->packet_count) return false;
    quic_net_packet p = net->packets[first];
    net->packets[first] = net->packets[--net->packet_count];
    tc_quic_input(p.to_server ? net->server : net->client, &p.d);
    free(p.d.at);
    return true;
}

/* A step of the clock: to the next datagram, if none is due before; timers are late by that. */
static int64_t until_the_next(const quic_net *net)
{
    const int64_t now = tc_loop_now(net->loop);
    int64_t step = STEP_MS * TC_MS;
    for (size_t i = 0; i < net->packet_count; i++)
        if (net->packets[i].due - now < step) step = net->packets[i].due - now;
    return step > TC_MS ? step : TC_MS;
}

bool quic_net_run(quic_net *net, bool (*until)(quic_net *net), int64_t ns)
{
    const int64_t end = tc_loop_now(net->loop) + ns;
    while (!until(net)) {
        if (tc_loop_now(net->loop) >= end) return false;
        assert_int_equal(tc_loop_turn(net->loop, net->sockets ? TC_MS : 0), TC_OK);
        if (net->sockets) tc_loop_tick(net->loop);
        if (net->sockets) continue;
        if (deliver_one(net)) continue;
        tc_clock_move(until_the_next(net));
        tc_loop_tick(net->loop);
    }
    return true;
}

/* --- the server's handler ------------------------------------------------------------------ */

static tc_err send_more(answer *a)
{
    tc_exchange *x = a->x;
    tc_err err = TC_OK;
    if (a->sent == a->want && !x->ended) return tc_exchange_end(x);
    while (!err && a->sent < a->want && x->run_count < TC_RUNS) {
        const uint64_t left = a->want - a->sent;
        const size_t most = a->net->from_file ? PATTERN : 1 + a->sent % PIECE;
        const size_t n = left < most ? (size_t)left : most;
        const tc_run run = a->net->from_file
                               ? tc_run_file(a->net->file, a->sent % PERIOD, n)
                               : tc_run_bytes(tc_span_of(pattern + a->sent % PERIOD, n));
        err = tc_exchange_send(x, run, left == n);
        if (!err) a->sent += n;
    }
    return err == TC_ERR_FULL ? TC_OK : err;
}

static tc_err on_head(void *self, tc_exchange *x)
{
    answer *a = self;
    a->x = x;
    return tc_span_number(tc_span_from(x->theirs.path, 1), &a->want) ? TC_OK : TC_ERR_TARGET;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    answer *a = self;
    if (!matches(run, a->got)) return TC_ERR_BODY_CUT;
    a->got += run.len;
    if (a->net->pause && ++a->pieces % 3 == 0) tc_exchange_pause(x);
    return TC_OK;
}

static tc_err on_end(void *self, tc_exchange *x)
{
    answer *a = self;
    a->answered = true;
    const tc_err err = tc_exchange_answer(x, a->got ? 201 : 200, TC_LENGTH_UNKNOWN);
    return err ? err : send_more(a);
}

static tc_err on_room(void *self, tc_exchange *x)
{
    answer *a = self;
    (void)x;
    return a->answered && !a->x->ended ? send_more(a) : TC_OK;
}

static const tc_handler handler = {"pattern", on_head, on_data, on_end, on_room, NULL};

static void route(tc_session_env *env, tc_exchange *x)
{
    answer *a = tc_exchange_alloc(x, sizeof *a);
    if (!a) {
        tc_exchange_abort(x, TC_ERR_NO_MEMORY);
        return;
    }
    *a = (answer){.net = env->owner};
    a->net->routed++;
    a->net->early += x->early;
    x->handler = &handler;
    x->self = a;
}

static void refuse(tc_session_env *env, tc_exchange *x, tc_err err)
{
    (void)env;
    if (tc_exchange_reply(x, (unsigned)tc_err_status(err), (tc_run){0}) != TC_OK)
        tc_exchange_abort(x, err);
}

/* --- the server's connections -------------------------------------------------------------- */

static tc_link_quic *room(tc_quic *q, const tc_address *peer, bool proven, bool *ret_prove)
{
    (void)peer, (void)proven, (void)ret_prove;
    quic_net *net = tc_quic_config_of(q)->owner;
    quic_net_connection *c = tc_slab_get(&net->connections);
    if (!c) return NULL;
    c->next = net->accepted;
    net->accepted = c;
    return &c->link;
}

static void forget(quic_net *net, quic_net_connection *c)
{
    quic_net_connection **at = &net->accepted;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    tc_slab_put(&net->connections, c);
}

static quic_net_connection *of_link(tc_link *l)
{
    return (quic_net_connection *)(void *)((char *)l - offsetof(quic_net_connection, link));
}

static void server_ready(tc_link *l, unsigned what)
{
    tc_session_turn(&of_link(l)->session, what);
}

static void begin(tc_quic *q, tc_link_quic *l)
{
    quic_net *net = tc_quic_config_of(q)->owner;
    l->link.on_ready = server_ready;
    tc_session_begin(&of_link(&l->link)->session, &net->server_env, &l->link, net->engine);
}

static void unused(tc_quic *q, tc_link_quic *l)
{
    forget(tc_quic_config_of(q)->owner, of_link(&l->link));
}

static void server_ended(tc_session_env *env, tc_session *s, tc_err why)
{
    quic_net *net = env->owner;
    net->server_why = why;
    net->server_ended++;
    forget(net, (quic_net_connection *)(void *)s);
}

/* --- the client ---------------------------------------------------------------------------- */

static void client_ready(tc_link *l, unsigned what)
{
    quic_net *net = (quic_net *)(void *)((char *)l - offsetof(quic_net, link));
    tc_session_turn(&net->session, what);
}

static void client_ended(tc_session_env *env, tc_session *s, tc_err why)
{
    quic_net *net = env->owner;
    (void)s;
    net->over = true;
    net->open = false;
    net->why = why;
}

static void client_opened(tc_session_env *env, tc_session *s)
{
    (void)s;
    ((quic_net *)env->owner)->open = true;
}

static tc_err got_head(void *self, tc_exchange *x)
{
    (void)self;
    return x->theirs.status == 200 || x->theirs.status == 201 ? TC_OK : TC_ERR_ERROR_STATUS;
}

static tc_err got_data(void *self, tc_exchange *x, tc_span run)
{
    quic_net_asked *a = self;
    if (!matches(run, a->got)) return TC_ERR_BODY_CUT;
    a->got += run.len;
    if (a->net->pause && chance(a->net) % 4 == 0) tc_exchange_pause(x);
    return TC_OK;
}

static tc_err got_end(void *self, tc_exchange *x)
{
    (void)x;
    ((quic_net_asked *)self)->ended = true;
    return TC_OK;
}

static void got_close(void *self, tc_exchange *x, tc_err why)
{
    quic_net_asked *a = self;
    (void)x;
    a->closed = true;
    a->err = why;
    a->x = NULL;
}

static const tc_handler asker = {"asker", got_head, got_data, got_end, NULL, got_close};

quic_net_asked *quic_net_ask(quic_net *net, uint64_t want, uint64_t content)
{
    assert_true(net->asked_count < QUIC_NET_ASKED && content <= PATTERN);
    quic_net_asked *a = &net->asked[net->asked_count++];
    *a = (quic_net_asked){.net = net, .want = want, .sent = content};
    tc_exchange *x = tc_session_exchange(&net->client_env);
    assert_non_null(x);
    a->x = x;
    x->ours.method = content ? TC_METHOD_POST : TC_METHOD_GET;
    x->ours.method_name = tc_method_name(x->ours.method);
    x->ours.scheme = TC_SPAN("https");
    x->ours.authority = TC_SPAN("machine.example");
    x->ours.path = tc_arena_printf(&x->arena, "/%llu", (unsigned long long)want);
    x->ours.length = (int64_t)content;
    x->handler = &asker;
    x->self = a;
    x->ended = content == 0;
    assert_int_equal(tc_session_start(&net->session, x), TC_OK);
    if (content)
        assert_int_equal(
            tc_exchange_send(x, tc_run_bytes(tc_span_of(pattern, (size_t)content)), true), TC_OK);
    return a;
}

/* Handlers that paused go on. */
static void resume_all(quic_net *net)
{
    for (unsigned i = 0; i < net->asked_count; i++)
        if (net->asked[i].x && net->asked[i].x->paused) tc_exchange_resume(net->asked[i].x);
    for (quic_net_connection *c = net->accepted; c; c = c->next)
        for (tc_exchange *x = c->session.exchanges; x; x = x->next)
            if (x->paused) tc_exchange_resume(x);
}

bool quic_net_all_closed(quic_net *net)
{
    if (net->pause && chance(net) % 8 == 0) resume_all(net);
    for (unsigned i = 0; i < net->asked_count; i++)
        if (!net->asked[i].closed) return false;
    return true;
}

bool quic_net_is_open(quic_net *net)
{
    return net->open || net->over;
}

bool quic_net_is_over(quic_net *net)
{
    return net->over;
}

tc_link *quic_net_server_link(quic_net *net)
{
    return net->accepted ? &net->accepted->link.link : NULL;
}

/* --- both ---------------------------------------------------------------------------------- */

static const char *temporary(char name[32], const tc_buf *text)
{
    (void)strcpy(name, "/tmp/tercet-quic.XXXXXX");
    const int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text->at, text->len), (ssize_t)text->len);
    close(fd);
    return name;
}

void quic_net_make_tls(quic_net *net)
{
    static tc_tls *kept[2];
    if (net->keep_tls && kept[0]) {
        net->tls[0] = kept[0];
        net->tls[1] = kept[1];
        return;
    }
    static const tc_span protocols[] = {{"h3", 2}};
    tc_buf texts[4];
    static char names[3][32]; /* lent, as the pair is */
    static tc_tls_pair pair;
    for (int i = 0; i < 4; i++)
        tc_buf_init(&texts[i], TC_AUTHORITY_PEM);
    const int64_t now = tc_clock_wall();
    const tc_span host[] = {TC_SPAN("machine.example")};
    assert_int_equal(tc_authority_make("test", now, &texts[0], &texts[1]), TC_OK);
    assert_int_equal(tc_authority_certify(tc_buf_span(&texts[0]), tc_buf_span(&texts[1]), host, 1,
                                          now, &texts[2], &texts[3]),
                     TC_OK);
    pair = (tc_tls_pair){temporary(names[0], &texts[2]), temporary(names[1], &texts[3])};
    const tc_tls_server_config server = {
        .pairs = &pair, .pair_count = 1, .protocols = protocols, .protocol_count = 1};
    const tc_tls_client_config client = {.authorities = {temporary(names[2], &texts[0])},
                                         .protocols = protocols,
                                         .protocol_count = 1};
    char why[TC_TLS_WHY];
    assert_int_equal(tc_tls_server_new(&server, &net->tls[1], why), TC_OK);
    assert_int_equal(tc_tls_client_new(&client, &net->tls[0], why), TC_OK);
    for (int i = 0; i < 3; i++)
        unlink(names[i]);
    for (int i = 0; i < 4; i++)
        tc_buf_fini(&texts[i]);
    if (net->keep_tls) {
        kept[0] = net->tls[0];
        kept[1] = net->tls[1];
    }
}

static tc_address address(const char *ip, uint16_t port)
{
    tc_address a = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    assert_int_equal(inet_pton(AF_INET, ip, &a.v4.sin_addr), 1);
    return a;
}

void quic_net_init(quic_net *net, const tc_engine_type *engine)
{
    memset(net, 0, sizeof *net);
    net->limits = tc_limits_default;
    net->limits.idle_ms = 30000;
    net->engine = engine;
    net->delay_ns = TC_MS;
    net->file = -1;
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i % PERIOD);
}

static void make_env(quic_net *net, tc_session_env *env, enum tc_role role, tc_reached *reached)
{
    assert_int_equal(tc_session_env_init(env, net->loop, role, &net->limits, reached), TC_OK);
    env->owner = net;
    env->engine.scheme = TC_SPAN("https");
}

static void open_sockets(quic_net *net, int fds[2], tc_quic_config *client, tc_quic_config *server)
{
    tc_address at = address("127.0.0.1", 0);
    client->send = server->send = NULL;
    assert_int_equal(tc_udp_listen(&at, &(tc_udp_how){.count = 1}, &fds[1]), TC_OK);
    assert_int_equal(tc_udp_prepare(fds[1], &net->server_at), TC_OK);
    assert_int_equal(tc_udp_connect(&net->server_at, &fds[0], &net->client_at), TC_OK);
}

void quic_net_begin(quic_net *net)
{
    net->chance = net->seed;
    net->packets = malloc(QUIC_NET_PACKETS * sizeof *net->packets);
    assert_non_null(net->packets);
    if (net->from_file) {
        net->file = memfd_create("pattern", MFD_CLOEXEC);
        assert_int_equal(write(net->file, pattern, sizeof pattern), (ssize_t)sizeof pattern);
    }
    if (!net->own_tls) quic_net_make_tls(net);
    if (!net->sockets) tc_clock_stop();
    assert_int_equal(tc_loop_new(&net->loop), TC_OK);
    tc_slab_init(&net->connections, sizeof(quic_net_connection), 256);
    make_env(net, &net->client_env, TC_CLIENT, &net->client_reached);
    make_env(net, &net->server_env, TC_SERVER, &net->server_reached);
    net->client_env.ended = client_ended;
    net->client_env.opened = client_opened;
    net->server_env.ended = server_ended;
    net->server_env.route = route;
    net->server_env.refuse = refuse;
    net->client_at = address("10.0.0.1", 40000);
    net->server_at = address(net->inside ? "127.0.0.1" : "10.0.0.2", 443);
    tc_quic_config c = {.loop = net->loop,
                        .limits = &net->limits,
                        .protocol = TC_SPAN("h3"),
                        .streams = 100,
                        .uni_streams = 8,
                        .stream_window = 262144,
                        .window = 1048576,
                        .idle_ns = (int64_t)net->limits.idle_ms * TC_MS,
                        .sockets = 1,
                        .owner = net};
    tc_quic_config client = c;
    client.tls = net->tls[0];
    client.reached = &net->client_reached;
    client.send = from_client;
    client.tickets = net->once > 0;
    if (net->once) assert_int_equal(tc_quic_once_new(net->once, &net->tickets), TC_OK);
    c.once = net->tickets;
    client.watch = net->client_env.watch = net->watch[0];
    c.watch = net->server_env.watch = net->watch[1];
    if (net->watch[0]) net->client_env.engine.notes = TC_NOTES_FRAMES;
    if (net->watch[1]) net->server_env.engine.notes = TC_NOTES_FRAMES;
    c.tls = net->tls[1];
    c.reached = &net->server_reached;
    c.send = from_server;
    c.why = net->server_reason;
    c.room = room;
    c.begin = begin;
    c.unused = unused;
    tc_quic_secret_make(net->tls[1], &c.secret);
    net->server_config = c;
    int fds[2] = {-1, -1};
    if (net->sockets) open_sockets(net, fds, &client, &c);
    assert_int_equal(tc_quic_new(&c, fds[1], &net->server_at, &net->server), TC_OK);
    assert_int_equal(tc_quic_new(&client, fds[0], &net->client_at, &net->client), TC_OK);
    quic_net_connect(net);
}

void quic_net_connect(quic_net *net)
{
    net->open = net->over = false;
    net->asked_count = 0;
    assert_int_equal(tc_quic_connect(net->client, &net->link, &net->server_at,
                                     net->host ? net->host : "machine.example", net->reason,
                                     client_ready),
                     TC_OK);
    tc_session_begin(&net->session, &net->client_env, &net->link.link, net->engine);
}

bool quic_net_keep(quic_net *net)
{
    tc_quic_config *c = tc_quic_config_of(net->client);
    tc_free(net->back_memory);
    net->back_memory = NULL;
    return tc_quic_ticket(&net->link, &net->back_memory, &c->back_session, &c->back_params) ==
           TC_OK;
}

void quic_net_restart(quic_net *net)
{
    while (net->accepted)
        tc_session_kill(&net->accepted->session, TC_OK);
    tc_quic_free(net->server);
    assert_int_equal(tc_quic_new(&net->server_config, -1, &net->server_at, &net->server), TC_OK);
}

void quic_net_fini(quic_net *net)
{
    if (!net->over) tc_session_kill(&net->session, TC_OK);
    while (net->accepted)
        tc_session_kill(&net->accepted->session, TC_OK);
    for (size_t i = 0; i < net->packet_count; i++)
        free(net->packets[i].d.at);
    free(net->packets);
    tc_quic_free(net->client);
    tc_quic_free(net->server);
    tc_quic_once_free(net->tickets);
    tc_free(net->back_memory);
    tc_session_env_fini(&net->client_env);
    tc_session_env_fini(&net->server_env);
    tc_slab_fini(&net->connections);
    for (int i = 0; i < 2 && !net->keep_tls && !net->own_tls; i++)
        tc_tls_free(net->tls[i]);
    tc_loop_free(net->loop);
    if (net->file >= 0) close(net->file);
    if (!net->sockets) tc_clock_go();
}
