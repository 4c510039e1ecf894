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
    (void)why; /* the exchange under way was told */
    for (tc_connection **at = &c->connections; *at; at = &(*at)->next) {
        if (*at != gone) continue;
        *at = gone->next;
        break;
    }
    tc_free(gone);
}

tc_err tc_client_init(tc_client *c, tc_loop *loop, const tc_limits *limits, tc_reached *reached)
{
    *c = (tc_client){.loop = loop, .limits = limits, .reached = reached};
    const tc_err err = tc_session_env_init(&c->env, loop, TC_CLIENT, limits, reached);
    c->env.ended = ended;
    return err;
}

void tc_client_fini(tc_client *c)
{
    while (c->connections)
        tc_session_kill(&c->connections->session, TC_OK);
    tc_session_env_fini(&c->env);
}

tc_connection *tc_client_idle(tc_client *c, const tc_origin *origin)
{
    for (tc_connection *at = c->connections; at; at = at->next)
        if (tc_origin_eq(&at->origin, origin) && tc_session_idle(&at->session)) return at;
    return NULL;
}

static bool keep(tc_span from, char *room, size_t size, tc_span *ret)
{
    if (from.len > size) return false;
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
    tc_link_tcp_init(&made->link, c->loop, fd, peer ? &peer->any : NULL, ready);
    made->next = c->connections;
    c->connections = made;
    tc_session_begin(&made->session, &c->env, &made->link.link,
                     origin->version == TC_HTTP_0_9 ? &tc_h0_type : &tc_h1_type);
    const tc_err err = tc_link_tcp_watch(&made->link);
    if (err) {
        tc_session_kill(&made->session, err);
        return err;
    }
    *ret_connection = made;
    return TC_OK;
}
