/* fetch.c - see fetch.h. What comes next is written down in f->next and done by step(), at the end
 * of the loop's turn, so that nothing here runs inside a session's turn. */
// SPDX-License-Identifier: MIT
#include "client/fetch.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "client/again.h"
#include "client/inside.h"
#include "client/pool.h"
#include "client/way.h"

enum { CONTINUE_MS = 1000, QUIET_LOOKS = 4, EXPECTATION = 417, MISDIRECTED = 421, TOO_EARLY = 425 };

#define OWNER(type, member, pointer) ((type *)((char *)(pointer)-offsetof(type, member)))

static void go_on(tc_fetch *f, enum tc_fetch_next next)
{
    f->next = next;
    tc_loop_after(f->client->loop, &f->step);
}

static void say(tc_fetch *f, tc_span why)
{
    const size_t n = why.len < sizeof f->why_room ? why.len : sizeof f->why_room;
    if (n) memcpy(f->why_room, why.at, n);
    f->why = tc_span_of(f->why_room, n);
}

/* The first reason given stays. */
void tc_fetch_over(tc_fetch *f, tc_err err, tc_span why)
{
    if (!f->err) {
        f->err = err;
        if (why.len) say(f, why);
    }
    go_on(f, TC_FETCH_OVER);
}

void tc_fetch_again(tc_fetch *f)
{
    go_on(f, TC_FETCH_GO);
}

/* --- the exchange, as a handler ------------------------------------------------------------ */

static void quiet_set(tc_fetch *f, int64_t ms)
{
    f->quiet_in = f->x->wire_in;
    f->quiet_out = f->x->wire_out;
    f->quiet_since = tc_loop_now(f->client->loop);
    if (ms && tc_loop_set(f->client->loop, &f->quiet, f->quiet_since + ms * TC_MS) != TC_OK)
        tc_fetch_abort(f, TC_ERR_NO_MEMORY);
}

static int64_t quiet_step_ms(const tc_fetch *f)
{
    return (int64_t)f->client->limits->response_ms / QUIET_LOOKS;
}

/* Nothing came for a while: on with the content that waits for 100, or enough is enough. */
static void quiet_rings(tc_alarm *alarm)
{
    tc_fetch *f = OWNER(tc_fetch, quiet, alarm);
    tc_exchange *x = f->x;
    if (f->lingers) tc_fetch_lingered(f);
    if (!x) return;
    if (f->waits_100) {
        f->waits_100 = false;
        tc_fetch_send(f);
    }
    const int64_t now = tc_loop_now(f->client->loop);
    if (x->paused || f->quiet_in != x->wire_in || f->quiet_out != x->wire_out) {
        quiet_set(f, quiet_step_ms(f));
    } else if (now - f->quiet_since >= (int64_t)f->client->limits->response_ms * TC_MS) {
        f->client->reached->response_ms++;
        tc_fetch_abort(f, TC_ERR_RESPONSE_TIME);
    } else if (tc_loop_set(f->client->loop, &f->quiet, now + quiet_step_ms(f) * TC_MS) != TC_OK) {
        tc_fetch_abort(f, TC_ERR_NO_MEMORY);
    }
}

static tc_err on_head(void *self, tc_exchange *x)
{
    tc_fetch *f = self;
    if (x->theirs.status < 200) {
        if (x->theirs.status == 100 && f->waits_100) {
            f->waits_100 = false;
            quiet_set(f, quiet_step_ms(f));
            tc_fetch_send(f);
        }
        return TC_OK;
    }
    f->waits_100 = false; /* the answer came first: the content is not sent */
    const tc_url *url = &f->request.url;
    tc_fetch_hear_cookies(f, x);
    if (x->theirs.status == EXPECTATION && f->request.expects_continue && !f->read) {
        tc_request_expect_nothing(&f->request); /* somebody on the way knows no expectations */
        f->once_more = true;
        return TC_OK;
    }
    if (x->theirs.status == TOO_EARLY && x->early && !f->retried) {
        f->once_more = true; /* once more, now that the handshake is over (RFC 8470, 5.2) */
        return TC_OK;
    }
    if (x->theirs.status == MISDIRECTED && tc_race_misled(f, x->session) && !f->retried &&
        !f->read) {
        f->once_more = true;
        return TC_OK;
    }
    if (f->client->alternatives && tc_span_eq(url->scheme, TC_SPAN("https")) &&
        x->theirs.status != MISDIRECTED) /* its Alt-Svc does not count (RFC 7838, 6) */
        tc_alternatives_hear(f->client->alternatives, url->host, url->port, &x->theirs.fields,
                             tc_clock_wall());
    tc_span location;
    if (f->follow && tc_redirect_status(x->theirs.status) &&
        tc_message_get(&x->theirs, TC_FIELD_LOCATION, &location)) {
        f->following = true;
        f->status = x->theirs.status;
        f->location = tc_arena_copy(&f->arena, location);
        return f->location.at ? TC_OK : TC_ERR_NO_MEMORY;
    }
    return f->handler->on_head(f->self, x);
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    tc_fetch *f = self;
    if (!f->following && !f->once_more)
        return f->handler->on_data ? f->handler->on_data(f->self, x, run) : TC_OK;
    /* Nobody reads it; a little of it is a fair price for keeping the connection. */
    return x->content_in > f->client->limits->unread_body ? TC_ERR_SESSION_ENDED : TC_OK;
}

static tc_err on_end(void *self, tc_exchange *x)
{
    tc_fetch *f = self;
    return !f->following && !f->once_more && f->handler->on_end ? f->handler->on_end(f->self, x)
                                                                : TC_OK;
}

static tc_err on_room(void *self, tc_exchange *x)
{
    (void)x;
    tc_fetch_room(self);
    return TC_OK;
}

/* Streams that a server refused, or that are above the last one it will look at, were certainly not
 * acted on, whatever the method (RFC 9113, 6.8 and 8.7). */
static bool was_refused(const tc_fetch *f, const tc_exchange *x, tc_err why)
{
    return why == TC_ERR_REFUSED && !f->err && x->theirs.status < 200;
}

/* Once, on a connection that is made from here on. */
static void retry(tc_fetch *f)
{
    f->retried = true;
    f->after = f->client->made;
    go_on(f, TC_FETCH_GO);
}

/* The server may close a kept connection at any time: that is nobody's failure. */
static bool died_unanswered(const tc_fetch *f, const tc_exchange *x, tc_err why)
{
    const bool gone = why == TC_ERR_EMPTY_REPLY || why == TC_ERR_PEER_CLOSED ||
                      why == TC_ERR_PEER_RESET || why == TC_ERR_SESSION_ENDED;
    return gone && !f->err && f->reused && !f->retried && x->wire_in == 0;
}

/* It went out early, and the handshake came to nothing. */
static bool never_opened(const tc_exchange *x)
{
    return !OWNER(tc_connection, session, x->session)->shaken;
}

static bool nobody_there(tc_err err)
{
    return err == TC_ERR_CONNECT || err == TC_ERR_TLS_TIME;
}

/* There is an address left. With datagrams only the handshake shows whether somebody is there. */
static bool another(const tc_fetch *f)
{
    const tc_connect *c = &f->connect;
    return f->skip + 1 < c->found[TC_V6].count + c->found[TC_V4].count;
}

/* What the link has to say about its end. */
static tc_span link_why(const tc_exchange *x)
{
    const tc_session *s = x->session;
    return s && s->link->type->why ? s->link->type->why(s->link) : (tc_span){0};
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    tc_fetch *f = self;
    tc_fetch_stop_sending(f);
    tc_loop_clear(f->client->loop, &f->quiet);
    tc_again_keep(f->client,
                  OWNER(tc_connection, session, x->session)); /* it may be about to end */
    f->phase = never_opened(x)              ? TC_PHASE_CONNECT
               : x->wire_in > 0 || x->ended ? TC_PHASE_RESPONSE
                                            : TC_PHASE_REQUEST;
    f->x = NULL;
    if (f->following && !f->err && why != TC_ERR_NO_MEMORY) {
        go_on(f, TC_FETCH_GO);
    } else if (f->once_more && !f->err && why != TC_ERR_NO_MEMORY) {
        f->once_more = false;
        f->retried = true;
        go_on(f, TC_FETCH_GO);
    } else if (why && !f->err && never_opened(x) && nobody_there(why) && another(f)) {
        f->skip++;
        go_on(f, TC_FETCH_GO);
    } else if (why && !f->err && x->wire_in == 0 && tc_request_repeatable(&f->request) &&
               tc_race_falls_back(f, why)) {
        f->retried = true;
    } else if (died_unanswered(f, x, why)) {
        if (tc_request_repeatable(&f->request)) {
            retry(f);
        } else {
            tc_fetch_over(
                f, why,
                TC_SPAN("the kept connection was closed before an answer; the request may have "
                        "been acted on, so it is not sent again by itself"));
        }
    } else if (was_refused(f, x, why) && !f->retried && !f->read) {
        retry(f);
    } else if (was_refused(f, x, why)) {
        tc_fetch_over(f, why,
                      f->retried
                          ? TC_SPAN("the server refused it a second time, on a new connection")
                          : TC_SPAN("its content came from a stream that cannot be read twice"));
    } else {
        tc_fetch_over(f, why, link_why(x));
    }
}

static const tc_handler fetch_handler = {.name = "fetch",
                                         .on_head = on_head,
                                         .on_data = on_data,
                                         .on_end = on_end,
                                         .on_room = on_room,
                                         .on_close = on_close};

/* --- on the way to it ---------------------------------------------------------------------- */

static void fill(tc_fetch *f, tc_exchange *x)
{
    tc_request_message(&f->request, &x->ours);
    x->ended = x->ours.length == 0;
    x->handler = &fetch_handler;
    x->self = f;
}

/* Whoever answers in place of the origin is told as whom it was asked (RFC 7838, 5). */
static tc_err name_alternative(const tc_connection *connection, tc_exchange *x)
{
    tc_span value;
    if (!connection->alt_used[0] || tc_fields_find(&x->ours.fields, TC_SPAN("alt-used"), &value))
        return TC_OK;
    return tc_fields_add(&x->ours.fields, &x->arena, TC_SPAN("Alt-Used"),
                         tc_span_str(connection->alt_used));
}

static void launch(tc_fetch *f, tc_connection *connection)
{
    if (tc_session_early(&connection->session) && !tc_request_may_be_early(&f->request)) {
        tc_pool_wait(f); /* until the handshake is over */
        return;
    }
    tc_race_decided(f, connection);
    tc_exchange *x = tc_session_exchange(&f->client->env);
    if (!x) {
        tc_fetch_over(f, TC_ERR_NO_MEMORY, (tc_span){0});
        return;
    }
    fill(f, x);
    f->phase = TC_PHASE_REQUEST;
    f->reused = connection->used;
    tc_err err = name_alternative(connection, x);
    if (!err) err = tc_way_dress(&f->request.url, f->proxy, f->request.version, x);
    if (!err) err = tc_fetch_cookies(f, x);
    if (!err) err = tc_session_start(&connection->session, x);
    if (err) {
        tc_exchange_fini(x);
        tc_slab_put(&f->client->env.exchanges, x);
        if (err == TC_ERR_SESSION_ENDED && f->reused) { /* it had just ended: nothing was sent */
            connection->spent = true;
            go_on(f, TC_FETCH_GO);
        } else if (err == TC_ERR_FULL && connection->session.exchanges) {
            tc_pool_wait(f);
        } else if (err == TC_ERR_FULL) {
            tc_fetch_over(f, TC_ERR_REFUSED, TC_SPAN("it lets no request begin"));
        } else {
            tc_fetch_over(f, err, (tc_span){0});
        }
        return;
    }
    connection->used = true;
    f->x = x;
    tc_pool_wake(f->client, &connection->origin, 1); /* there may be room for the next one, too */
    f->waits_100 = f->request.expects_continue && !x->ended;
    quiet_set(f, f->waits_100 ? CONTINUE_MS : quiet_step_ms(f));
    if (!f->waits_100 && !x->ended) tc_fetch_send(f);
}

/* What nobody else can say: that a handshake got no answer, and by which way it was asked. */
static void explain(tc_connection *connection, tc_err err)
{
    char at[TC_ADDRESS_TEXT];
    if (connection->why[0] || (!nobody_there(err) && err != TC_ERR_CONNECT_TIME)) return;
    if (connection->endpoint)
        (void)snprintf(connection->why, sizeof connection->why, "%.*s over QUIC (UDP): %s",
                       TC_FMT(tc_address_text(&connection->quic.peer, at)),
                       err == TC_ERR_CONNECT ? "Connection refused" : "no answer");
    else
        (void)snprintf(connection->why, sizeof connection->why,
                       "connected, but the TLS handshake "
                       "was not answered");
}

/* The connection's handshake is over. If it failed, the connection goes. */
static void opened(tc_connection *connection, tc_err err)
{
    tc_fetch *f = connection->waiter;
    if (!err) {
        go_on(f, TC_FETCH_GO);
        return;
    }
    f->opening = NULL;
    connection->opened = NULL;
    if (connection->endpoint && nobody_there(err) && another(f)) {
        f->skip++;
        tc_pool_settle(f, TC_OK, (tc_span){0}); /* those who wait for it look again */
        go_on(f, TC_FETCH_GO);
        return;
    }
    if (tc_race_falls_back(f, err)) return;
    explain(connection, err);
    tc_pool_settle(f, err, tc_span_str(connection->why));
    tc_fetch_over(f, err, tc_span_str(connection->why));
}

/* The connection is there, and its handshake goes on for too long. */
static void opening_over(tc_alarm *alarm)
{
    tc_fetch *f = OWNER(tc_fetch, opening_limit, alarm);
    if (!f->opening || !tc_session_opening(&f->opening->session)) return;
    f->client->reached->connect_ms++;
    tc_session_kill(&f->opening->session, TC_ERR_CONNECT_TIME); /* opened hears of it */
}

/* connect_ms is for both. Without memory for an alarm, handshake_ms ends it. */
static void begin_opening(tc_fetch *f, tc_connection *connection)
{
    const uint64_t ms = f->client->limits->connect_ms;
    f->opening = connection;
    connection->waiter = f;
    connection->opened = opened;
    if (ms)
        (void)!tc_loop_set(f->client->loop, &f->opening_limit,
                           f->connect_begun + (int64_t)ms * TC_MS);
    tc_race_begin(f, connection);
}

static void launch_opened(tc_fetch *f)
{
    tc_connection *connection = f->opening;
    tc_loop_clear(f->client->loop, &f->opening_limit);
    f->opening = NULL;
    connection->opened = NULL;
    launch(f, connection);
    tc_pool_settle(f, TC_OK, (tc_span){0});
}

static void connected(tc_connect *c, tc_err err, int fd, const tc_address *peer)
{
    tc_fetch *f = OWNER(tc_fetch, connect, c);
    const tc_origin origin = tc_fetch_origin(f);
    tc_connection *connection;
    tc_cover *cover = c->cover;
    c->cover = NULL; /* it is the connection's */
    f->connecting = false;
    if (err == TC_ERR_CONNECT_TIME) f->client->reached->connect_ms++;
    const bool early = !f->retried && tc_request_may_be_early(&f->request);
    if (!err) err = tc_client_adopt(f->client, fd, cover, peer, &origin, early, f, &connection);
    if (err && tc_race_falls_back(f, err)) return;
    if (err) {
        tc_pool_settle(f, err, tc_span_str(c->why));
        tc_fetch_over(f, err, tc_span_str(c->why));
    } else if (!tc_session_opening(&connection->session)) {
        tc_race_begin(f, connection);
        launch(f, connection);
        tc_pool_settle(f, TC_OK, (tc_span){0});
    } else {
        begin_opening(f, connection);
    }
}

static bool start_clock(tc_fetch *f)
{
    tc_loop *loop = f->client->loop;
    if (!f->limit_ns || f->timed) return true;
    f->timed = tc_loop_set(loop, &f->limit, tc_loop_tick(loop) + f->limit_ns) == TC_OK;
    if (!f->timed) tc_fetch_over(f, TC_ERR_NO_MEMORY, (tc_span){0});
    return f->timed;
}

static void dispatch(tc_fetch *f)
{
    const tc_request *r = &f->request;
    f->phase = TC_PHASE_CONNECT;
    f->proxy = f->client->proxies ? tc_proxies_find(f->client->proxies, &r->url) : NULL;
    tc_race_choose(f);
    if (tc_span_eq(r->url.scheme, TC_SPAN("https"))) {
        char why[TC_TLS_WHY];
        const tc_err err = tc_client_secure(f->client, r->version, why);
        if (err) {
            tc_fetch_over(f, err, tc_span_str(why));
            return;
        }
    } else if (!tc_span_eq(r->url.scheme, TC_SPAN("http"))) {
        tc_fetch_over(f, TC_ERR_SCHEME, TC_SPAN("only http:// and https:// can be fetched"));
        return;
    } else if (tc_client_needs_quic(r->version)) {
        tc_fetch_over(f, TC_ERR_NOT_SUPPORTED, TC_SPAN("HTTP/3 is for https:// alone"));
        return;
    }
    if (!tc_proxied_may_go(f)) return;
    tc_connection *found = tc_pool_find(f);
    if (!found && tc_pool_is_coming(f)) {
        tc_pool_wait(f);
        return;
    }
    if (!start_clock(f)) return;
    if (found) {
        launch(f, found);
        return;
    }
    const tc_err err = tc_proxied_aim(f);
    if (err) {
        tc_fetch_over(f, err, (tc_span){0});
        return;
    }
    tc_pool_open(f);
    f->connecting = true;
    f->connect_begun = tc_loop_tick(f->client->loop);
    f->connect.owner = f;
    f->connect.loop = f->client->loop;
    f->connect.watch = f->client->env.watch;
    f->connect.lookup = f->client->lookup;
    f->connect.limit_ns = (int64_t)f->client->limits->connect_ms * TC_MS;
    f->connect.datagrams = tc_client_needs_quic(r->version);
    f->connect.skip = f->skip;
    f->connect.done = connected;
    f->connect.services = NULL;
    if (tc_race_asks(f))
        f->connect.services = f->client->services ? f->client->services : tc_service_lookup_system;
    f->connect.served = tc_race_served;
    tc_connect_begin(&f->connect);
    f->connect.known = false;
}

/* What a response that says to ask elsewhere makes of the request. */
static tc_err redirect(tc_fetch *f)
{
    f->following = false;
    tc_race_decided(f, NULL); /* early data: the clock may still run */
    f->retried = f->lost = false;
    f->lost_by = TC_OK;
    f->skip = 0;
    f->connect.known = false;
    f->after = 0;
    if (f->redirects == f->client->limits->redirects) {
        f->client->reached->redirects++;
        return TC_ERR_TOO_MANY_REDIRECTS;
    }
    f->redirects++;
    const tc_url from = f->request.url;
    const tc_err err = tc_redirect_apply(&f->arena, &f->request, f->status, f->location);
    if (!err) tc_fetch_led(f, &from);
    return err;
}

static tc_span redirect_why(tc_err err)
{
    switch ((int)err) {
    case TC_ERR_TOO_MANY_REDIRECTS: return TC_SPAN("the limit is --limit redirects=N");
    case TC_ERR_READ_FILE:
        return TC_SPAN("the redirect asks for the content again, and it came from a stream that "
                       "cannot be read twice");
    case TC_ERR_SCHEME: return TC_SPAN("the server redirected to a URL of another scheme");
    case TC_ERR_URL_SYNTAX: return TC_SPAN("the server redirected to a URL that is malformed");
    default: return (tc_span){0};
    }
}

static void finish(tc_fetch *f)
{
    tc_race_decided(f, NULL);
    if (f->push_count) {
        tc_fetch_linger(f);
        return;
    }
    tc_loop_clear(f->client->loop, &f->limit);
    tc_loop_clear(f->client->loop, &f->opening_limit);
    tc_loop_clear(f->client->loop, &f->quiet);
    tc_free(f->piece);
    f->piece = NULL;
    f->done(f, f->err);
}

static void step(tc_task *task)
{
    tc_fetch *f = OWNER(tc_fetch, step, task);
    if (f->next == TC_FETCH_OVER) {
        finish(f);
        return;
    }
    if (f->opening) {
        launch_opened(f);
        return;
    }
    const tc_err err = f->following ? redirect(f) : TC_OK;
    if (err)
        tc_fetch_over(f, err, redirect_why(err));
    else
        dispatch(f);
}

static void limit_rings(tc_alarm *alarm)
{
    tc_fetch_abort(OWNER(tc_fetch, limit, alarm), TC_ERR_RESPONSE_TIME);
}

void tc_fetch_begin(tc_fetch *f)
{
    f->step = (tc_task){.run = step};
    f->limit = (tc_alarm){.ring = limit_rings};
    f->opening_limit = (tc_alarm){.ring = opening_over};
    f->quiet = (tc_alarm){.ring = quiet_rings};
    f->number = ++f->client->fetches;
    f->chooses = f->client->alternatives && f->request.version == TC_HTTP_NONE;
    tc_arena_init(&f->arena, NULL, 0, TC_FETCH_ARENA);
    go_on(f, TC_FETCH_GO);
    if (!f->patient) (void)start_clock(f); /* without memory it is over */
}

void tc_fetch_fini(tc_fetch *f)
{
    tc_arena_fini(&f->arena);
}

void tc_fetch_abort(tc_fetch *f, tc_err why)
{
    if (f->lingers && !f->err) {
        f->err = why;
        tc_fetch_linger(f);
    }
    if (f->err || f->next == TC_FETCH_OVER) return;
    if (f->x) {
        f->err = why;
        tc_exchange_abort(f->x, why);
        return;
    }
    if (f->connecting) {
        f->connecting = false;
        tc_connect_cancel(&f->connect);
        if (why == TC_ERR_RESPONSE_TIME) why = TC_ERR_CONNECT_TIME;
    }
    if (f->opening) {
        tc_connection *connection = f->opening;
        f->opening = NULL;
        connection->opened = NULL;
        tc_session_kill(&connection->session, why);
        if (why == TC_ERR_RESPONSE_TIME) why = TC_ERR_TLS_TIME;
    }
    tc_pool_leave(f);
    tc_pool_settle(f, TC_OK, (tc_span){0}); /* the next one tries */
    tc_fetch_over(f, why, (tc_span){0});
}
