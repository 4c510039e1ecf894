/* record.c - see record.h. */
// SPDX-License-Identifier: MIT
#include "observe/record.h"

static tc_span copy(tc_record *r, tc_span s)
{
    if (!s.at) return s;
    const tc_span kept = tc_arena_copy(&r->arena, s);
    r->incomplete |= !kept.at;
    return kept;
}

static void *alloc(tc_record *r, size_t size)
{
    void *memory = tc_arena_alloc(&r->arena, size);
    if (memory)
        memset(memory, 0, size);
    else
        r->incomplete = true;
    return memory;
}

static void copy_fields(tc_record *r, const tc_fields *from, tc_fields *to)
{
    *to = (tc_fields){0};
    for (uint32_t i = 0; i < from->count; i++) {
        const tc_field f = {copy(r, from->at[i].name), copy(r, from->at[i].value), from->at[i].id};
        if (tc_fields_push(to, &r->arena, f) != TC_OK) r->incomplete = true;
    }
}

static tc_message copy_head(tc_record *r, const tc_message *from)
{
    tc_message to = *from;
    memset(to.blocks, 0, sizeof to.blocks); /* a client's messages have none */
    to.method_name = copy(r, from->method_name);
    to.scheme = copy(r, from->scheme);
    to.authority = copy(r, from->authority);
    to.path = copy(r, from->path);
    to.target = copy(r, from->target);
    to.reason = copy(r, from->reason);
    to.trailers = (tc_fields){0};
    copy_fields(r, &from->fields, &to.fields);
    return to;
}

tc_record_connection *tc_record_connection_of(const tc_record *r, uint64_t session)
{
    for (tc_record_connection *c = r->connections; c; c = c->next)
        if (session && c->session == session) return c;
    return NULL;
}

tc_record_exchange *tc_record_of(const tc_record *r, const tc_seen *what)
{
    if (!what->x || !what->session) return NULL;
    const uint64_t session = what->session->id, id = what->x->id;
    if (r->last && r->last->session == session && r->last->id == id) return r->last;
    for (tc_record_exchange *e = r->exchanges; e; e = e->next)
        if (e->session == session && e->id == id) return e;
    return NULL;
}

/* --- the connection ------------------------------------------------------------------------ */

/* The last one that is being made for that owner. */
static tc_record_connection *connecting(const tc_record *r, const void *owner)
{
    tc_record_connection *last = NULL;
    for (tc_record_connection *c = r->connections; c; c = c->next)
        if (c->owner == owner && !c->session && !c->judged) last = c;
    return last;
}

static unsigned next_number(const tc_record *r)
{
    unsigned number = 1;
    for (const tc_record_connection *c = r->connections; c; c = c->next)
        number += c->session != 0; /* only those that came to be count */
    return number;
}

/* What its opener was making when that session began: QUIC may go on beside TCP. */
static tc_record_connection *made_for(const tc_record *r, const tc_session_info *session)
{
    const bool quic = tc_span_eq(tc_span_str(session->link), TC_SPAN("quic"));
    tc_record_connection *last = NULL;
    for (tc_record_connection *c = r->connections; c; c = c->next)
        if (c->owner == session->opener && !c->session && !c->judged && c->connected &&
            c->quic == quic)
            last = c;
    return last;
}

/* A session came of it; nothing comes of the others any more. */
static tc_record_connection *bind(tc_record *r, const tc_session_info *session)
{
    tc_record_connection *c = tc_record_connection_of(r, session->id);
    if (c) return c;
    c = made_for(r, session);
    if (!c) return NULL;
    for (tc_record_connection *o = r->connections; o; o = o->next)
        if (o != c && o->owner == c->owner && !o->session) o->judged = true;
    c->number = next_number(r);
    c->session = session->id;
    c->link = session->link;
    return c;
}

/* What was tried before in vain, and for how long, belongs to the story of what comes now. */
static void go_on_from(tc_record_connection *c, const tc_record_connection *before)
{
    c->since = before->since;
    if (before->attempt_count == 0) c->begun = before->begun; /* only the name was looked up */
    for (unsigned i = 0; i < before->attempt_count; i++) {
        tc_record_attempt a = before->attempts[i];
        if (!a.err) { /* somebody was there, or, with datagrams, nobody knows */
            a.ended = c->begun;
            a.err = before->err ? before->err : TC_ERR_OUTRUN;
        }
        c->attempts[c->attempt_count++] = a;
    }
}

static void begin_connection(tc_record *r, const tc_seen *what)
{
    const tc_record_connection *before = NULL;
    for (const tc_record_connection *o = r->connections; o; o = o->next)
        if (o->owner == what->owner) before = o;
    tc_record_connection *c = alloc(r, sizeof *c);
    if (!c) return;
    c->owner = what->owner;
    c->number = next_number(r);
    c->host = copy(r, what->text);
    c->begun = c->since = what->at;
    c->quic = what->n;
    if (before && !before->session && !before->judged) go_on_from(c, before);
    *r->connections_end = c;
    r->connections_end = &c->next;
}

static void begin_attempt(tc_record *r, tc_record_connection *c, const tc_seen *what)
{
    if (c->attempt_count == TC_RECORD_ATTEMPTS) return;
    c->attempts[c->attempt_count++] =
        (tc_record_attempt){.address = copy(r, what->text), .begun = what->at, .quic = c->quic};
}

static void end_attempt(tc_record_connection *c, const tc_seen *what)
{
    for (unsigned i = 0; i < c->attempt_count; i++) {
        tc_record_attempt *a = &c->attempts[i];
        if (a->ended || !tc_span_eq(a->address, what->text)) continue;
        a->ended = what->at;
        a->err = what->err;
        a->error = (int)what->n;
        if (what->err) break;
        c->address = a->address;
        c->connected = c->ready = what->at;
        break;
    }
}

static void see_connection(tc_record *r, const tc_seen *what)
{
    tc_record_connection *c = connecting(r, what->owner);
    if (what->kind == TC_SEEN_RESOLVE) {
        begin_connection(r, what);
        return;
    }
    if (!c) return;
    switch ((int)what->kind) {
    case TC_SEEN_RESOLVED:
        c->resolved = what->at;
        c->err = what->err;
        /* "127.0.0.1" became "127.0.0.1:80": there was nothing to look up */
        c->looked_up = what->err ||
                       (!tc_span_starts(what->text, c->host) &&
                        !(what->text.len && tc_span_starts(tc_span_from(what->text, 1), c->host)));
        break;
    case TC_SEEN_CONNECT: begin_attempt(r, c, what); break;
    case TC_SEEN_CONNECTED: end_attempt(c, what); break;
    case TC_SEEN_PROXY: c->proxy = copy(r, what->text); break;
    case TC_SEEN_PROXY_PROTECTED:
        c->err = what->err;
        c->ready = what->at;
        if (!what->protection) break;
        c->proxy_protected = what->at;
        c->proxy_protection = *what->protection;
        break;
    case TC_SEEN_TUNNEL: c->tunnel = copy(r, what->text); break;
    case TC_SEEN_TUNNELED:
        c->tunnel_status = (unsigned)what->n;
        c->err = what->err;
        c->tunneled = c->ready = what->at;
        break;
    default: break;
    }
}

/* --- the exchange -------------------------------------------------------------------------- */

static tc_record_exchange *add_exchange(tc_record *r)
{
    tc_record_exchange *e = alloc(r, sizeof *e);
    if (!e) return NULL;
    tc_buf_init(&e->body, r->body_max + 1);
    *r->exchanges_end = e;
    r->exchanges_end = &e->next;
    return r->last = e;
}

static void begin_exchange(tc_record *r, const tc_seen *what)
{
    tc_record_exchange *e = add_exchange(r);
    if (!e) return;
    tc_record_connection *c = bind(r, what->session);
    if (c) e->place = ++c->exchanges;
    e->owner = what->x->self;
    e->connection = c;
    e->session = what->session->id;
    e->id = what->x->id;
    e->begun = what->at;
    e->pushed = what->x->pushed;
    e->request = copy_head(r, &what->x->ours);
}

static void see_head(tc_record *r, tc_record_exchange *e, const tc_seen *what)
{
    if (what->x->theirs.status >= 200) {
        e->response_head = what->at;
        e->response = copy_head(r, &what->x->theirs);
        return;
    }
    tc_record_interim *one = alloc(r, sizeof *one), **at = &e->interims;
    if (!one) return;
    while (*at)
        at = &(*at)->next;
    *at = one;
    one->at = what->at;
    one->head = copy_head(r, &what->x->theirs);
}

static void see_data(tc_record *r, tc_record_exchange *e, tc_span run)
{
    const size_t room = e->pushed ? 0 : r->body_max - e->body.len;
    if (room && tc_buf_add(&e->body, tc_span_first(run, room)) != TC_OK) r->incomplete = true;
}

static void count(tc_record_exchange *e, const tc_exchange *x)
{
    e->content_in = x->content_in;
    e->content_out = x->content_out;
    e->wire_in = x->wire_in;
    e->wire_out = x->wire_out;
}

static void see_exchange(tc_record *r, const tc_seen *what)
{
    tc_record_exchange *e = tc_record_of(r, what);
    if (!e) return;
    count(e, what->x);
    switch ((int)what->kind) {
    case TC_SEEN_REQUEST_HEAD: e->request_head = what->at; break;
    case TC_SEEN_REQUEST_END: e->request_end = what->at; break;
    case TC_SEEN_RESPONSE_HEAD: see_head(r, e, what); break;
    case TC_SEEN_RESPONSE_DATA: see_data(r, e, what->text); break;
    case TC_SEEN_RESPONSE_END:
        e->response_end = what->at;
        copy_fields(r, &what->x->theirs.trailers, &e->response.trailers);
        break;
    case TC_SEEN_CLOSED:
        e->closed = true;
        e->over = what->at;
        e->err = what->err;
        if (e->pushed && e->err) e->phase = "response";
        break;
    default: break;
    }
}

static void see_protected(tc_record *r, const tc_seen *what)
{
    tc_record_connection *c = what->err ? made_for(r, what->session) : bind(r, what->session);
    if (!c) return;
    c->ready = what->at;
    c->err = what->err;
    if (!what->protection) return;
    c->secure = true;
    c->protection = *what->protection;
}

static void see_chosen(tc_record *r, const tc_seen *what)
{
    tc_record_connection *c = bind(r, what->session);
    if (!c) return;
    c->version = what->session->version;
    c->choice = copy(r, what->text);
}

static void see(tc_watch *w, const tc_seen *what)
{
    tc_record *r = (tc_record *)w;
    if (what->kind == TC_SEEN_PROTECTED) {
        see_protected(r, what);
    } else if (what->kind == TC_SEEN_CHOSEN) {
        see_chosen(r, what);
    } else if (what->kind == TC_SEEN_ENDED) {
        tc_record_connection *c =
            what->session ? tc_record_connection_of(r, what->session->id) : NULL;
        if (c) c->ended = what->at;
    } else if (!what->session) {
        see_connection(r, what);
    } else if (what->kind == TC_SEEN_BEGUN) {
        begin_exchange(r, what);
    } else {
        see_exchange(r, what);
    }
}

void tc_record_init(tc_record *r, size_t body_max)
{
    *r = (tc_record){.watch = {.mask = ~(1u << TC_SEEN_NOTE | 1u << TC_SEEN_BYTES), .see = see},
                     .body_max = body_max};
    tc_arena_init(&r->arena, NULL, 0, TC_RECORD_BYTES);
    r->connections_end = &r->connections;
    r->exchanges_end = r->judged_end = &r->exchanges;
}

void tc_record_fini(tc_record *r)
{
    for (tc_record_exchange *e = r->exchanges; e; e = e->next)
        tc_buf_fini(&e->body);
    tc_arena_fini(&r->arena);
}

/* All exchanges of that owner that were not moved before, to the end of those that were judged. */
static void move_judged(tc_record *r, const void *owner)
{
    for (tc_record_exchange **at = r->judged_end; *at;) {
        tc_record_exchange *e = *at;
        if (e->owner != owner) {
            at = &e->next;
            continue;
        }
        const bool in_place = at == r->judged_end;
        if (!in_place) {
            *at = e->next;
            if (!*at) r->exchanges_end = at;
            e->next = *r->judged_end;
            *r->judged_end = e;
        }
        r->judged_end = &e->next;
        if (in_place) at = r->judged_end;
    }
}

void tc_record_outcome(tc_record *r, const void *owner, tc_span url, tc_err err, const char *phase,
                       tc_span why)
{
    tc_record_connection *c = connecting(r, owner);
    tc_record_exchange *e = NULL;
    for (tc_record_exchange *at = *r->judged_end; at; at = at->next)
        if (at->owner == owner && !at->pushed) e = at;
    if ((c && err) || !e) { /* it did not come to an exchange */
        e = add_exchange(r);
        if (!e) return;
        e->owner = owner;
        e->connection = c;
        if (c) e->begun = c->since;
    }
    if (c) c->judged = true; /* it was not needed, if all is well */
    e->url = copy(r, url);
    e->why = copy(r, why);
    e->phase = phase;
    if (err) e->err = err;
    move_judged(r, owner);
}
