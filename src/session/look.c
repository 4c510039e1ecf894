/* look.c - tells those who look on what happens, and counts it. Reached only if somebody does, but
 * for the question who the client is. */
// SPDX-License-Identifier: MIT
#include "session/inside.h"

/* The rest of what is the same for all that a session has to show. */
static inline void show(tc_session *s, tc_seen *what)
{
    const tc_link *l = s->link;
    uint16_t port = 0;
    tc_ip peer = {0};
    if (l->type->address) peer = l->type->address(l, &port);
    const tc_session_info info = {
        .id = s->id,
        .role = s->env->engine.role,
        .version = s->flags & HAS_ENGINE ? tc_session_engine(s)->type->version : TC_HTTP_NONE,
        .link = l->type->name,
        .way = l,
        .peer = peer,
        .peer_port = port,
        .exchanges = s->begun,
        .opener = s->opener};
    what->at = tc_loop_now(s->env->loop);
    what->session = &info;
    tc_show(s->env->watch, what);
}

tc_asker tc_session_peer(const tc_exchange *x)
{
    const tc_session *s = x->session;
    tc_asker c = {0};
    if (s && s->link->type->address) c.ip = s->link->type->address(s->link, &c.port);
    return c;
}

tc_asker tc_session_asker(const tc_exchange *x)
{
    return x->asker.kind == TC_ASKER_PEER ? tc_session_peer(x) : x->asker;
}

void tc_session_show(tc_session *s, enum tc_seen_kind kind, const tc_exchange *x, tc_err err,
                     tc_span text, bool ours)
{
    tc_protection protection;
    const bool protected = kind == TC_SEEN_PROTECTED && s->link->type->protection &&
                           s->link->type->protection(s->link, &protection);
    show(s, &(tc_seen){.kind = kind,
                       .ours = ours,
                       .err = err,
                       .x = x,
                       .text = text,
                       .protection = protected ? &protection : NULL});
}

void tc_session_show_frame(tc_session *s, const tc_frame *frame, bool ours)
{
    show(s, &(tc_seen){.kind = TC_SEEN_FRAME, .ours = ours, .frame = frame});
}

void tc_session_tell(tc_session *s, enum tc_seen_kind kind, tc_span text)
{
    if (tc_watched(s->env->watch, kind)) tc_session_show(s, kind, NULL, TC_OK, text, false);
}

void tc_session_show_bytes(tc_session *s, const tc_run *runs, size_t n)
{
    for (size_t len; n > 0; n -= len, runs++) {
        len = n < runs->len ? n : runs->len;
        const tc_span bytes = tc_span_of(runs->at, len); /* those of a file are on disk */
        if (runs->kind == TC_RUN_BYTES) tc_session_show(s, TC_SEEN_BYTES, NULL, TC_OK, bytes, true);
    }
}

static void reached(tc_session *s, tc_exchange *x, int64_t *when, enum tc_seen_kind kind)
{
    if (*when) return;
    *when = tc_loop_now(s->env->loop);
    tc_session_seen(s, kind, x);
}

void tc_session_show_requests(tc_session *s, bool all)
{
    for (tc_exchange *x = s->exchanges; x; x = x->next) {
        if (x->wire_out == 0) continue;
        reached(s, x, &x->times.ours_head, TC_SEEN_REQUEST_HEAD);
        if (all && x->whole) reached(s, x, &x->times.ours_end, TC_SEEN_REQUEST_END);
    }
}

enum tc_transport_way tc_session_way(const tc_session *s)
{
    if (s->flags & STREAMS) return TC_WAY_QUIC;
    return s->link->type->opening ? TC_WAY_TLS : TC_WAY_TCP;
}

void tc_session_count_handshake(tc_session *s)
{
    tc_protection p;
    s->env->metrics->handshakes++;
    if (s->link->type->protection && s->link->type->protection(s->link, &p))
        s->env->metrics->resumed += p.resumed;
}

void tc_session_count_end(tc_session *s)
{
    s->env->metrics->closed[tc_session_way(s)]++;
    if (s->why) tc_metrics_failed(s->env->metrics->connection_failures, s->why);
}
