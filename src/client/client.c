/* client.c - see client.h. A connection is freed where its session ends, and nowhere else. */
// SPDX-License-Identifier: MIT
#include "client/client.h"

#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "client/again.h"
#include "client/choice.h"
#include "client/inside.h"
#include "client/pool.h"

static void ready(tc_link *l, unsigned what)
{
    tc_connection *connection = (tc_connection *)(void *)l;
    tc_session_turn(&connection->session, what);
}

static void ended(tc_session_env *env, tc_session *s, tc_err why)
{
    tc_client *c = (tc_client *)env;
    tc_connection *gone = (tc_connection *)((char *)s - offsetof(tc_connection, session));
    /* an exchange under way was told */
    for (tc_connection **at = &c->connections; *at; at = &(*at)->next) {
        if (*at != gone) continue;
        *at = gone->next;
        break;
    }
    if (gone->came_back && !gone->shaken && why == TC_ERR_CONNECT) /* nobody has heard of it */
        tc_tickets_put_back(c->tickets, &gone->origin);
    if (gone->opened) gone->opened(gone, why ? why : TC_ERR_SESSION_ENDED);
    tc_pool_wake(c, &gone->origin, UINT32_MAX);
    tc_quic_free(gone->endpoint);
    tc_free(gone->memory);
    tc_free(gone);
}

/* Those who look on hear which version it is, and why. */
static void tell_choice(tc_connection *connection)
{
    tc_protection p;
    const tc_link *link = &connection->link;
    char text[TC_CHOICE_BYTES], raced[TC_CHOICE_BYTES];
    const bool secure = link->type->protection && link->type->protection(link, &p);
    tc_span why = tc_choice_text(connection->origin.version, secure ? &p : NULL, text);
    if (connection->race)
        why = connection->race == TC_RACE_WON
                  ? tc_choice_won(connection->by_record, raced)
                  : tc_choice_lost(connection->by_record, connection->lost_by, why, raced);
    tc_session_tell(&connection->session, TC_SEEN_CHOSEN, why);
}

/* What the server gave to come back with, once. */
static void keep_ticket(tc_connection *connection)
{
    tc_client *c = connection->client;
    void *memory;
    tc_span session, params;
    if (!c->tickets || !connection->endpoint || connection->kept ||
        tc_quic_ticket(&connection->quic, &memory, &session, &params) != TC_OK)
        return;
    connection->kept = true;
    tc_tickets_keep(c->tickets, &connection->origin, session, params, tc_clock_wall());
    tc_free(memory);
}

static bool awaits_ticket(const tc_connection *connection)
{
    return connection->endpoint && !connection->kept && connection->shaken &&
           tc_session_goes_on(&connection->session);
}

void tc_client_await_tickets(tc_client *c)
{
    enum { WAIT_MS = 50, ROUND_TRIPS = 3 };
    if (!c->tickets) return;
    const int64_t begun = tc_loop_tick(c->loop);
    for (bool more = true; more;) {
        int64_t until = begun;
        more = false;
        for (const tc_connection *at = c->connections; at; at = at->next) {
            tc_quic_facts facts;
            if (!awaits_ticket(at)) continue;
            tc_quic_describe(&at->quic, &facts);
            const int64_t end = begun + WAIT_MS * TC_MS + ROUND_TRIPS * facts.rtt_ns;
            if (end > until) until = end;
        }
        more = until > tc_loop_tick(c->loop) && tc_loop_turn(c->loop, until) == TC_OK;
    }
}

/* A session that had its turn may take one more. */
static void idle(tc_session_env *env, tc_session *s)
{
    tc_client *c = (tc_client *)env;
    tc_connection *connection = (tc_connection *)((char *)s - offsetof(tc_connection, session));
    keep_ticket(connection);
    if (c->waiting && !connection->opened) tc_pool_wake(c, &connection->origin, 1);
}

static void opened(tc_session_env *env, tc_session *s)
{
    tc_connection *connection = (tc_connection *)((char *)s - offsetof(tc_connection, session));
    (void)env;
    connection->shaken = true;
    if (!tc_session_has_version(s, connection->origin.version)) {
        (void)snprintf(connection->why, sizeof connection->why, "it was offered %.*s only",
                       TC_FMT(tc_version_name(connection->origin.version)));
        tc_session_kill(s, TC_ERR_NOT_AGREED);
        return;
    }
    tell_choice(connection);
    if (connection->opened) connection->opened(connection, TC_OK);
}

tc_err tc_client_init(tc_client *c, tc_loop *loop, const tc_limits *limits, tc_reached *reached)
{
    *c = (tc_client){.loop = loop, .limits = limits, .reached = reached};
    const tc_err err = tc_session_env_init(&c->env, loop, TC_CLIENT, limits, reached);
    c->env.ended = ended;
    c->env.opened = opened;
    c->env.idle = idle;
    c->env.promised = tc_fetch_promised;
    return err;
}

void tc_client_fini(tc_client *c)
{
    while (c->connections)
        tc_session_kill(&c->connections->session, TC_OK);
    tc_session_env_fini(&c->env);
    tc_again_fini(c);
    for (int i = 0; i <= TC_HTTP_3; i++)
        tc_tls_free(c->tls[i]);
    tc_tls_free(c->proxy_tls);
}

tc_err tc_client_secure(tc_client *c, enum tc_version version, char why[TC_TLS_WHY])
{
    tc_span protocols[TC_TLS_PROTOCOLS];
    tc_tls_client_config config = c->tls_config;
    why[0] = 0;
    if (c->tls[version]) return TC_OK;
    config.protocols = protocols;
    config.protocol_count = tc_session_protocols(TC_CLIENT, version, protocols, TC_TLS_PROTOCOLS);
    if (!config.protocol_count) {
        (void)snprintf(why, TC_TLS_WHY, "%.*s is for clear text", TC_FMT(tc_version_name(version)));
        return TC_ERR_NOT_SUPPORTED;
    }
    return tc_tls_client_new(&config, &c->tls[version], why);
}

tc_err tc_client_secure_proxy(tc_client *c, char why[TC_TLS_WHY])
{
    const tc_tls_client_config *servers = &c->tls_config;
    const char *own = c->proxy_authorities;
    const tc_span protocol = TC_SPAN("http/1.1");
    const tc_tls_client_config config = {
        .authorities = {own ? own : servers->authorities[0], own ? NULL : servers->authorities[1]},
        .revoked = servers->revoked,
        .protocols = &protocol,
        .protocol_count = 1};
    why[0] = 0;
    return c->proxy_tls ? TC_OK : tc_tls_client_new(&config, &c->proxy_tls, why);
}

/* An endpoint for one connection, and the connection. */
static tc_err begin_quic(tc_connection *made, int fd, const tc_address *peer, bool early)
{
    enum { UNI_STREAMS = 16 }; /* HTTP/3 needs three, and one for each push */
    tc_client *c = made->client;
    const tc_limits *l = c->limits;
    const uint64_t least = l->fields_bytes + 64; /* a head is read as a whole */
    tc_address local;
    tc_err err = tc_udp_prepare(fd, &local);
    const tc_ticket *back = NULL;
    if (c->tickets && early) back = tc_tickets_take(c->tickets, &made->origin, tc_clock_wall());
    made->came_back = back != NULL;
    tc_span session = back ? back->session : (tc_span){0};
    tc_span token = {0};
    struct tc_again *again = back ? NULL : tc_again_take(c, &made->origin, &session, &token);
    const tc_quic_config config = {
        .loop = c->loop,
        .tls = c->tls[made->origin.version],
        .limits = l,
        .reached = c->reached,
        .protocol = TC_SPAN("h3"),
        .uni_streams = UNI_STREAMS,
        .stream_window = l->h3_stream_window > least ? l->h3_stream_window : least,
        .window = l->h3_window > least ? l->h3_window : least,
        .idle_ns = (int64_t)(l->idle_ms < UINT32_MAX ? l->idle_ms : UINT32_MAX) * TC_MS,
        .tickets = true,
        .back_session = session,
        .back_token = token,
        .back_params = back ? back->params : (tc_span){0},
        .sockets = 1,
        .watch = c->env.watch};
    if (!err) err = tc_quic_new(&config, fd, &local, &made->endpoint);
    if (err)
        close(fd);
    else
        err = tc_quic_connect(made->endpoint, &made->quic, peer, made->origin.host.at, made->why,
                              ready);
    if (err) tc_quic_free(made->endpoint);
    tc_again_free(again);
    return err;
}

/* The link, by the scheme and the version asked for. The descriptor is its own from here on. */
static tc_err begin_link(tc_connection *made, int fd, tc_cover *cover, const tc_address *peer,
                         bool early)
{
    tc_client *c = made->client;
    const tc_origin *origin = &made->origin;
    const struct sockaddr *address = peer ? &peer->any : NULL;
    const bool secure = tc_span_eq(origin->scheme, TC_SPAN("https"));
    if (tc_client_needs_quic(origin->version)) return begin_quic(made, fd, peer, early);
    if (cover)
        tc_link_over_init(&made->tcp, cover, address, ready);
    else if (!secure)
        tc_link_tcp_init(&made->tcp, c->loop, fd, address, ready);
    if (!secure) return TC_OK;
    tc_tls *tls = c->tls[origin->version];
    return cover
               ? tc_link_tls_begin(&made->tls, &tc_link_over_type, tls, origin->host.at, made->why)
               : tc_link_tls_init(&made->tls, c->loop, fd, address, tls, origin->host.at, made->why,
                                  ready);
}

bool tc_client_needs_quic(enum tc_version version)
{
    return version == TC_HTTP_3;
}

tc_err tc_client_adopt(tc_client *c, int fd, tc_cover *cover, const tc_address *peer,
                       const tc_origin *origin, bool early, const void *opener,
                       tc_connection **ret_connection)
{
    tc_connection *made = tc_alloc_zero(sizeof *made);
    tc_err err = made ? tc_origin_keep(origin, &made->memory, &made->origin) : TC_ERR_NO_MEMORY;
    if (err) {
        if (cover)
            tc_cover_free(cover);
        else
            close(fd);
        tc_free(made);
        return err;
    }
    made->client = c;
    made->number = ++c->made;
    const bool secure = tc_span_eq(origin->scheme, TC_SPAN("https"));
    made->shaken = !secure;
    err = begin_link(made, fd, cover, peer, early);
    if (err) {
        tc_free(made->memory);
        tc_free(made);
        return err;
    }
    if (secure && !made->endpoint) tc_again_use(c, made);
    made->next = c->connections;
    c->connections = made;
    const bool known = !secure || (made->endpoint && tc_link_is_early(&made->link));
    tc_session_begin(&made->session, &c->env, &made->link,
                     known ? tc_session_engine_for(origin->version) : NULL);
    made->session.opener = opener;
    if (!made->endpoint)
        err = cover ? tc_link_over_watch(&made->tcp) : tc_link_tcp_watch(&made->tcp);
    if (err) {
        tc_session_kill(&made->session, err);
        return err;
    }
    if (!secure) tell_choice(made);
    *ret_connection = made;
    return TC_OK;
}
