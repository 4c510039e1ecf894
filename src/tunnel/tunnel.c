/* tunnel.c - see tunnel.h. A tunnel lives in its exchange; what is needed only until it is open has
 * memory of its own. What is read of the target stands in one piece until the client's side took
 * it: then the next is read, in a turn of its own, since the loop has one room for all who read. */
// SPDX-License-Identifier: MIT
#include "tunnel/tunnel.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "http/target.h"
#include "net/connect.h"
#include "net/link_tcp.h"
#include "page/error_page.h"

#define OWNER(type, member, pointer) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Until it is open. */
typedef struct opening {
    tc_resolve resolve;
    tc_connect connect;
    tc_addresses found[TC_FAMILIES];
    struct tunnel *tunnel;
    bool waiting[TC_FAMILIES];
    bool resolving, connecting;
} opening;

typedef struct tunnel {
    tc_exchange *x; /* NULL once it is closed */
    const tc_tunnel_config *config;
    tc_tunnels *all;
    tc_span host;
    uint16_t port;
    bool counted;
    opening *opening;
    tc_alarm alarm;   /* for opening, then for rest */
    int64_t moved;    /* when a byte went last */
    tc_link_tcp link; /* to the target, once .open */
    tc_task more;     /* reads of it */
    char *room;       /* what was read, on its way to the client */
    bool open, readable, target_ended;
} tunnel;

/* --- answers that are none ------------------------------------------------------------------ */

/* error: of RFC 9209, 2.3. */
static tc_err refuse(tunnel *t, unsigned status, const char *error, const char *sentence)
{
    tc_exchange *x = t->x;
    tc_fields *f = &x->ours.fields;
    const tc_span proxy = tc_arena_printf(&x->arena, "tercet; error=%s", error);
    tc_err err =
        proxy.at ? tc_fields_add(f, &x->arena, TC_SPAN("proxy-status"), proxy) : TC_ERR_NO_MEMORY;
    if (!err && status == 503)
        err = tc_fields_add(f, &x->arena, TC_SPAN("retry-after"), TC_SPAN("5"));
    if (!err) err = tc_error_page(x, status, tc_span_str(sentence));
    if (x->paused) tc_exchange_resume(x);
    return err;
}

/* The same from outside of a call. */
static void fail(tunnel *t, unsigned status, const char *error, const char *sentence)
{
    const tc_err err = refuse(t, status, error, sentence);
    if (err) tc_exchange_abort(t->x, err);
}

/* --- from the target to the client ---------------------------------------------------------- */

static void moved(tunnel *t)
{
    t->moved = tc_loop_now(t->all->loop);
}

static void take_run(tunnel *t, tc_span in)
{
    t->room = tc_alloc(in.len);
    tc_err err = t->room ? TC_OK : TC_ERR_NO_MEMORY;
    if (!err) {
        memcpy(t->room, in.at, in.len);
        err = tc_exchange_send(t->x, tc_run_bytes(tc_span_of(t->room, in.len)), false);
    }
    if (err) tc_exchange_abort(t->x, err);
}

static void read_target(tc_task *task)
{
    tunnel *t = OWNER(tunnel, more, task);
    tc_span in = {0};
    bool fin = false, more = false;
    if (!t->readable || t->room || !t->open) return;
    const tc_err err = tc_link_tcp_type.read(&t->link.link, &in, &fin, &more);
    if (err) {
        t->readable = false;
        tc_exchange_abort(t->x, TC_ERR_TUNNEL);
        return;
    }
    if (in.len == 0) t->readable = false;
    if (in.len || (fin && !t->target_ended)) moved(t);
    if (in.len) take_run(t, in);
    if (fin && !t->target_ended) {
        t->target_ended = true;
        const tc_err ending = tc_exchange_end(t->x);
        if (ending) tc_exchange_abort(t->x, ending);
    }
}

static tc_err on_room(void *self, tc_exchange *x)
{
    tunnel *t = self;
    (void)x;
    tc_free(t->room);
    t->room = NULL;
    moved(t);
    if (t->readable) tc_loop_after(t->all->loop, &t->more);
    return TC_OK;
}

/* --- from the client to the target ---------------------------------------------------------- */

static tc_err on_data(void *self, tc_exchange *x, tc_span in)
{
    tunnel *t = self;
    const tc_run run = tc_run_bytes(in);
    size_t taken = 0;
    if (!t->open) return TC_OK; /* refused: what came was for the tunnel */
    if (tc_link_tcp_type.write(&t->link.link, &run, 1, &taken)) return TC_ERR_TUNNEL;
    if (taken) moved(t);
    if (taken < in.len) tc_exchange_pause_after(x, taken);
    return TC_OK;
}

static tc_err on_end(void *self, tc_exchange *x)
{
    tunnel *t = self;
    (void)x;
    if (!t->open) return TC_OK;
    moved(t);
    tc_link_tcp_type.end_writing(&t->link.link);
    return TC_OK;
}

static void target_ready(tc_link *l, unsigned what)
{
    tunnel *t = OWNER(tunnel, link, l);
    if (what & TC_LINK_OUT && t->x->paused) tc_exchange_resume(t->x);
    if (!(what & (TC_LINK_IN | TC_LINK_GONE))) return;
    t->readable = true;
    tc_loop_after(t->all->loop, &t->more);
}

/* --- time ----------------------------------------------------------------------------------- */

static int64_t ms(uint64_t limit)
{
    return (int64_t)(limit < UINT32_MAX ? limit : UINT32_MAX) * TC_MS;
}

static void wait_until(tunnel *t, int64_t at)
{
    if (tc_loop_set(t->all->loop, &t->alarm, at)) tc_exchange_abort(t->x, TC_ERR_NO_MEMORY);
}

static void close_opening(tunnel *t)
{
    opening *o = t->opening;
    t->opening = NULL;
    if (!o) return;
    if (o->resolving) tc_resolve_cancel(&o->resolve);
    if (o->connecting) tc_connect_cancel(&o->connect);
    tc_free(o);
}

static void ring(tc_alarm *alarm)
{
    tunnel *t = OWNER(tunnel, alarm, alarm);
    const tc_limits *l = t->all->limits;
    const int64_t until = t->moved + ms(l->tunnel_idle_ms);
    if (t->opening) {
        const bool named = t->opening->resolving;
        t->all->reached->tunnel_connect_ms++;
        close_opening(t);
        fail(t, 504, named ? "dns_timeout" : "connection_timeout",
             named ? "Nobody said in time which addresses the host has."
                   : "The host did not answer in time.");
    } else if (!t->open) {
        return;
    } else if (tc_loop_now(t->all->loop) < until) {
        wait_until(t, until);
    } else {
        t->all->reached->tunnel_idle_ms++;
        tc_exchange_abort(t->x, TC_ERR_TUNNEL_IDLE);
    }
}

/* --- the connection ------------------------------------------------------------------------- */

static void go(tunnel *t, int fd, const tc_address *peer)
{
    tc_exchange *x = t->x;
    char text[TC_ADDRESS_TEXT];
    (void)tc_address_text(peer, text);
    tc_link_tcp_init(&t->link, t->all->loop, fd, &peer->any, target_ready);
    t->link.gather_most = 0; /* the room for that is the session's, in whose turn we write */
    t->open = t->readable = true;
    const tc_span hop = tc_arena_printf(&x->arena, "tercet; next-hop=\"%s\"", text);
    tc_err err = hop.at ? tc_fields_add(&x->ours.fields, &x->arena, TC_SPAN("proxy-status"), hop)
                        : TC_ERR_NO_MEMORY;
    if (!err) err = tc_link_tcp_watch(&t->link);
    if (!err) err = tc_exchange_answer(x, 200, TC_LENGTH_UNKNOWN);
    if (err) {
        tc_exchange_abort(x, err);
        return;
    }
    tc_exchange_resume(x);
    moved(t);
    tc_loop_after(t->all->loop, &t->more);
    wait_until(t, t->moved + ms(t->all->limits->tunnel_idle_ms));
}

static void connected(tc_connect *c, tc_err err, int fd, const tc_address *peer)
{
    opening *o = OWNER(opening, connect, c);
    tunnel *t = o->tunnel;
    tc_address to = {0};
    o->connecting = false;
    if (peer) to = *peer;
    tc_loop_clear(t->all->loop, &t->alarm);
    close_opening(t);
    if (err == TC_ERR_TOO_MANY_FILES || err == TC_ERR_NO_MEMORY)
        fail(t, 503, "proxy_internal_error", "There is no room for one more connection.");
    else if (err)
        fail(t, 502, "connection_refused", "The host could not be reached there.");
    else
        go(t, fd, &to);
}

/* Leaves what may be connected to. Returns how many; *ret_why: why the last one may not. */
static unsigned sift(const tunnel *t, tc_addresses *a, const char **ret_why)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < a->count; i++) {
        const tc_ip ip = tc_address_ip(&a->at[i]);
        const bool ours = t->config->rules.own_count && tc_address_is_ours(&a->at[i]);
        const char *why = tc_tunnel_rules_judge(&t->config->rules, &ip, t->port, ours);
        if (why)
            *ret_why = why;
        else
            a->at[kept++] = a->at[i];
    }
    return a->count = kept;
}

static void try_addresses(tunnel *t)
{
    opening *o = t->opening;
    tc_connect *c = &o->connect;
    const char *why = NULL;
    unsigned count = 0;
    for (int i = 0; i < TC_FAMILIES; i++) {
        c->found[i] = o->found[i];
        count += sift(t, &c->found[i], &why);
    }
    if (!count) {
        tc_loop_clear(t->all->loop, &t->alarm);
        close_opening(t);
        if (why) {
            const tc_span said = tc_arena_printf(
                &t->x->arena, "The host's address is %s: tunnels do not lead there.", why);
            fail(t, 403, "destination_ip_prohibited", said.at ? said.at : "");
        } else {
            fail(t, 502, "dns_error", "The host has no address that anybody knows.");
        }
        return;
    }
    c->loop = t->all->loop;
    c->host = t->host;
    c->port = t->port;
    c->known = true;
    c->done = connected;
    o->connecting = true;
    tc_connect_begin(c);
}

/* --- names ---------------------------------------------------------------------------------- */

static atomic_uint looking; /* threads that look up names, of all workers */

static const char *look_up(tc_lookup *lookup, const char *host, enum tc_family family,
                           tc_addresses *ret)
{
    atomic_fetch_add(&looking, 1);
    const char *sentence = lookup(host, family, ret);
    atomic_fetch_sub(&looking, 1);
    return sentence;
}

static const char *system_lookup(const char *host, enum tc_family family, tc_addresses *ret)
{
    return look_up(tc_lookup_system, host, family, ret);
}

static void found(tc_resolve *r, enum tc_family family, const tc_addresses *addresses,
                  const char *sentence)
{
    opening *o = OWNER(opening, resolve, r);
    (void)sentence;
    o->found[family] = *addresses;
    o->waiting[family] = false;
    if (o->waiting[TC_V4] || o->waiting[TC_V6]) return;
    o->resolving = false;
    try_addresses(o->tunnel);
}

static tc_err resolve(tunnel *t)
{
    opening *o = t->opening;
    if (atomic_load(&looking) >= t->all->limits->tunnel_lookups) {
        t->all->reached->tunnel_lookups++;
        return refuse(t, 503, "connection_limit_reached", "Too many names are being looked up.");
    }
    o->resolve = (tc_resolve){.lookup = t->config->lookup ? t->config->lookup : system_lookup,
                              .found = found};
    o->waiting[TC_V4] = o->waiting[TC_V6] = true;
    const tc_err err = tc_resolve_begin(&o->resolve, t->all->loop, t->host);
    o->resolving = !err;
    if (err == TC_ERR_RESOLVE)
        return refuse(t, 502, "dns_error", "The host has no address that anybody knows.");
    return err;
}

static tc_err begin(tunnel *t)
{
    opening *o = t->opening = tc_alloc_zero(sizeof *o);
    if (!o) return TC_ERR_NO_MEMORY;
    o->tunnel = t;
    tc_exchange_pause(t->x);
    wait_until(t, tc_loop_now(t->all->loop) + ms(t->all->limits->tunnel_connect_ms));
    if (!tc_resolve_literal(t->host, o->found)) return resolve(t);
    try_addresses(t);
    return TC_OK;
}

/* --- a request ------------------------------------------------------------------------------ */

static tc_err on_head(void *self, tc_exchange *x)
{
    tunnel *t = self;
    t->x = x;
    if (tc_authority_split(x->theirs.authority, 0, &t->host, &t->port) || t->port == 0)
        return refuse(t, 400, "http_request_error", "CONNECT names a host and a port.");
    if (!tc_tunnel_rules_ask(&t->config->rules, t->host, t->port))
        return refuse(t, 403, "http_request_denied",
                      "Tunnels to that host and port are not allowed.");
    if (t->all->open >= t->all->limits->tunnels) {
        t->all->reached->tunnels++;
        return refuse(t, 503, "connection_limit_reached", "There are too many tunnels.");
    }
    t->counted = true;
    t->all->open++;
    return begin(t);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    tunnel *t = self;
    (void)x;
    tc_loop_clear(t->all->loop, &t->alarm);
    tc_loop_cancel(t->all->loop, &t->more);
    close_opening(t);
    if (t->open) tc_link_tcp_type.close(&t->link.link, why != TC_OK);
    t->open = false;
    tc_free(t->room);
    t->room = NULL;
    t->all->open -= t->counted;
    t->counted = false;
}

static const tc_handler tunnel_handler = {.name = "tunnel",
                                          .on_head = on_head,
                                          .on_data = on_data,
                                          .on_end = on_end,
                                          .on_room = on_room,
                                          .on_close = on_close};

static tc_err no_tunnels(void *self, tc_exchange *x)
{
    (void)self;
    const tc_err err =
        tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ALLOW, TC_SPAN("GET, HEAD, OPTIONS"));
    return err ? err : tc_error_page(x, 405, TC_SPAN("This server makes no tunnels."));
}

static const tc_handler no_tunnels_handler = {.name = "no tunnel", .on_head = no_tunnels};

static tc_err no_memory(void *self, tc_exchange *x)
{
    (void)self;
    (void)x;
    return TC_ERR_NO_MEMORY;
}

static const tc_handler no_memory_handler = {.name = "no tunnel", .on_head = no_memory};

bool tc_tunnel_gate(const tc_tunnel_config *config, tc_tunnels *tunnels, tc_exchange *x)
{
    if (x->theirs.method != TC_METHOD_CONNECT) return false;
    x->self = NULL;
    x->handler = &no_tunnels_handler;
    if (!config || !config->rules.count) return true;
    tunnel *t = tc_exchange_alloc(x, sizeof *t);
    x->handler = &no_memory_handler;
    if (!t) return true;
    memset(t, 0, sizeof *t);
    t->config = config;
    t->all = tunnels;
    t->alarm.ring = ring;
    t->alarm.timer.deadline = TC_NEVER;
    t->more.run = read_target;
    x->self = t;
    x->handler = &tunnel_handler;
    return true;
}
