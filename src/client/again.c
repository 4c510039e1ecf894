/* again.c - see again.h. The oldest one makes room; each is used once (RFC 8446, C.4). */
// SPDX-License-Identifier: MIT
#include "client/again.h"

#include "base/alloc.h"

struct tc_again {
    struct tc_again *next;
    tc_origin origin;
    char *texts; /* of origin */
    void *memory;
    void (*release)(void *memory);
    tc_span session;
    tc_span token; /* its bytes follow */
};

/* The list lets go of it. */
static struct tc_again *take(tc_client *c, struct tc_again **at)
{
    struct tc_again *taken = *at;
    *at = taken->next;
    c->kept_sessions--;
    return taken;
}

void tc_again_free(struct tc_again *taken)
{
    if (!taken) return;
    taken->release(taken->memory);
    tc_free(taken->texts);
    tc_free(taken);
}

static void add(tc_client *c, struct tc_again *made)
{
    struct tc_again **at = &c->sessions;
    while (*at)
        at = &(*at)->next;
    *at = made;
    if (++c->kept_sessions <= c->limits->tls_sessions) return;
    c->reached->tls_sessions++;
    tc_again_free(take(c, &c->sessions));
}

static tc_err session_of(const tc_connection *connection, void **ret_memory, tc_span *ret_session)
{
    tc_span params; /* for early data only */
    if (connection->endpoint && connection->client->tickets)
        return TC_ERR_NOTHING; /* it is kept there, and good for one use */
    if (connection->endpoint)
        return tc_quic_ticket(&connection->quic, ret_memory, ret_session, &params);
    if (connection->link.type == &tc_link_tls_type)
        return tc_link_tls_session(&connection->tls, ret_memory, ret_session);
    return TC_ERR_NOTHING;
}

void tc_again_keep(tc_client *c, tc_connection *connection)
{
    tc_span session;
    void *memory;
    void (*release)(void *) = connection->endpoint ? tc_free : tc_link_tls_memory_free;
    if (connection->kept || session_of(connection, &memory, &session) != TC_OK) return;
    connection->kept = true;
    const tc_span token = connection->endpoint ? tc_quic_token(&connection->quic) : (tc_span){0};
    struct tc_again *made = tc_alloc_zero(sizeof *made + token.len);
    if (!made || tc_origin_keep(&connection->origin, &made->texts, &made->origin) != TC_OK) {
        release(memory); /* then there is a full handshake */
        tc_free(made);
        return;
    }
    made->memory = memory;
    made->release = release;
    made->session = session;
    if (token.len) memcpy(made + 1, token.at, token.len);
    made->token = tc_span_of((const char *)(made + 1), token.len);
    add(c, made);
}

static struct tc_again **find(tc_client *c, const tc_origin *origin)
{
    struct tc_again **at = &c->sessions;
    while (*at && !tc_origin_eq(&(*at)->origin, origin))
        at = &(*at)->next;
    return at;
}

void tc_again_use(tc_client *c, tc_connection *connection)
{
    struct tc_again **at = find(c, &connection->origin);
    if (!*at) return;
    tc_link_tls_come_back(&connection->tls, (*at)->session);
    tc_again_free(take(c, at));
}

struct tc_again *tc_again_take(tc_client *c, const tc_origin *origin, tc_span *ret_session,
                               tc_span *ret_token)
{
    struct tc_again **at = find(c, origin);
    if (!*at) return NULL;
    struct tc_again *taken = take(c, at);
    *ret_session = taken->session;
    *ret_token = taken->token;
    return taken;
}

void tc_again_fini(tc_client *c)
{
    while (c->sessions)
        tc_again_free(take(c, &c->sessions));
}
