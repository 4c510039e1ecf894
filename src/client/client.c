/* client.c - see client.h. A connection is freed where its session ends, and nowhere else. */
// SPDX-License-Identifier: MIT
#include "client/client.h"

#include <unistd.h>

#include "base/alloc.h"
#include "h0/h0.h"
#include "h1/h1.h"

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
    if (gone->opened) gone->opened(gone, why ? why : TC_ERR_SESSION_ENDED);
    tc_free(gone);
}

static void opened(tc_session_env *env, tc_session *s)
{
    tc_connection *connection = (tc_connection *)((char *)s - offsetof(tc_connection, session));
    (void)env;
    if (connection->opened) connection->opened(connection, TC_OK);
}

tc_err tc_client_init(tc_client *c, tc_loop *loop, const tc_limits *limits, tc_reached *reached)
{
    *c = (tc_client){.loop = loop, .limits = limits, .reached = reached};
    const tc_err err = tc_session_env_init(&c->env, loop, TC_CLIENT, limits, reached);
    c->env.ended = ended;
    c->env.opened = opened;
    c->tls_config.protocol_count = tc_session_protocols(c->protocols, TC_TLS_PROTOCOLS);
    return err;
}

void tc_client_fini(tc_client *c)
{
    while (c->connections)
        tc_session_kill(&c->connections->session, TC_OK);
    tc_session_env_fini(&c->env);
    tc_tls_free(c->tls);
}

tc_err tc_client_secure(tc_client *c, char why[TC_TLS_WHY])
{
    why[0] = 0;
    if (c->tls) return TC_OK;
    c->tls_config.protocols = c->protocols;
    return tc_tls_client_new(&c->tls_config, &c->tls, why);
}

tc_connection *tc_client_idle(tc_client *c, const tc_origin *origin)
{
    for (tc_connection *at = c->connections; at; at = at->next)
        if (tc_origin_eq(&at->origin, origin) && tc_session_idle(&at->session)) return at;
    return NULL;
}

static bool keep(tc_span from, char *room, size_t size, tc_span *ret)
{
    if (from.len >= size) return false; /* a NUL stands behind it */
    memcpy(room, from.at, from.len);
    *ret = tc_span_of(room, from.len);
    return true;
}

tc_err tc_client_adopt(tc_client *c, int fd, const tc_address *peer, const tc_origin *origin,
                       tc_connection **ret_connection)
{
    tc_connection *made = tc_alloc_zero(sizeof *made);
    if (!made) {
        close(fd);
        return TC_ERR_NO_MEMORY;
    }
    made->client = c;
    made->origin = *origin;
    if (!keep(origin->host, made->host, sizeof made->host, &made->origin.host) ||
        !keep(origin->scheme, made->scheme, sizeof made->scheme, &made->origin.scheme)) {
        close(fd);
        tc_free(made);
        return TC_ERR_URL_SYNTAX;
    }
    const struct sockaddr *address = peer ? &peer->any : NULL;
    tc_err err = TC_OK;
    if (!origin->tls)
        tc_link_tcp_init(&made->tcp, c->loop, fd, address, ready);
    else
        err = tc_link_tls_init(&made->tls, c->loop, fd, address, c->tls, made->host, made->why,
                               ready);
    if (err) {
        tc_free(made);
        return err;
    }
    made->next = c->connections;
    c->connections = made;
    const tc_engine_type *type = origin->version == TC_HTTP_0_9 ? &tc_h0_type : &tc_h1_type;
    tc_session_begin(&made->session, &c->env, &made->link, origin->tls ? NULL : type);
    err = tc_link_tcp_watch(&made->tcp);
    if (err) {
        tc_session_kill(&made->session, err);
        return err;
    }
    *ret_connection = made;
    return TC_OK;
}
