/* again.c - see again.h. The oldest one makes room; each is used once (RFC 8446, C.4). */
// SPDX-License-Identifier: MIT
#include "client/again.h"

#include "base/alloc.h"

struct tc_again {
    struct tc_again *next;
    tc_origin origin;
    char *texts; /* of origin */
    void *memory;
    tc_span session;
};

static void drop(tc_client *c, struct tc_again **at)
{
    struct tc_again *gone = *at;
    *at = gone->next;
    c->kept_sessions--;
    tc_link_tls_memory_free(gone->memory);
    tc_free(gone->texts);
    tc_free(gone);
}

static void add(tc_client *c, struct tc_again *made)
{
    struct tc_again **at = &c->sessions;
    while (*at)
        at = &(*at)->next;
    *at = made;
    if (++c->kept_sessions <= c->limits->tls_sessions) return;
    c->reached->tls_sessions++;
    drop(c, &c->sessions);
}

void tc_again_keep(tc_client *c, tc_connection *connection)
{
    tc_span session;
    void *memory;
    if (connection->kept || connection->link.type != &tc_link_tls_type ||
        tc_link_tls_session(&connection->tls, &memory, &session) != TC_OK)
        return;
    connection->kept = true;
    struct tc_again *made = tc_alloc_zero(sizeof *made);
    if (!made || tc_origin_keep(&connection->origin, &made->texts, &made->origin) != TC_OK) {
        tc_link_tls_memory_free(memory); /* then there is a full handshake */
        tc_free(made);
        return;
    }
    made->memory = memory;
    made->session = session;
    add(c, made);
}

void tc_again_use(tc_client *c, tc_connection *connection)
{
    for (struct tc_again **at = &c->sessions; *at; at = &(*at)->next) {
        if (!tc_origin_eq(&(*at)->origin, &connection->origin)) continue;
        tc_link_tls_come_back(&connection->tls, (*at)->session);
        drop(c, at);
        return;
    }
}

void tc_again_fini(tc_client *c)
{
    while (c->sessions)
        drop(c, &c->sessions);
}
