/* race.c - HTTP/3 where it was said that it can be had, against TCP. QUIC has a head start; then
 * both try, and whichever handshake is over first has the request. The other one is broken off. A
 * version that was asked for does not race, and nothing does through a proxy. */
// SPDX-License-Identifier: MIT
#include "base/clock.h"
#include "client/inside.h"
#include "client/pool.h"

#define OWNER(type, member, pointer) ((type *)((char *)(pointer)-offsetof(type, member)))

static const tc_url *url_of(const tc_fetch *f)
{
    return &f->request.url;
}

static void break_off(tc_fetch *f)
{
    tc_alternatives_break(f->client->alternatives, url_of(f)->host, url_of(f)->port,
                          tc_clock_wall());
}

bool tc_race_tries(const tc_fetch *f)
{
    return f->chooses && f->request.version == TC_HTTP_3;
}

void tc_race_choose(tc_fetch *f)
{
    const tc_client *c = f->client;
    if (!f->chooses) return;
    f->request.version = TC_HTTP_NONE;
    if (f->lost || f->proxy || !tc_span_eq(url_of(f)->scheme, TC_SPAN("https")) ||
        tc_pool_find(f) || tc_pool_is_coming(f))
        return;
    const tc_alternative *a =
        tc_alternatives_find(c->alternatives, url_of(f)->host, url_of(f)->port, tc_clock_wall());
    if (!a) return;
    f->alternative = *a;
    f->request.version = TC_HTTP_3;
}

/* While the host's addresses are looked up, or too late for this time. */
void tc_race_served(tc_connect *c, const tc_service *service)
{
    tc_fetch *f = OWNER(tc_fetch, connect, c);
    tc_alternatives_hear_record(f->client->alternatives, url_of(f)->host, url_of(f)->port, service,
                                tc_clock_wall());
    if (c->tried || !service->h3) return;
    tc_connect_cancel(c);
    f->connecting = false;
    f->connect.known = tc_span_ieq(tc_span_str(service->target), url_of(f)->host) &&
                       c->found[TC_V6].count + c->found[TC_V4].count;
    tc_pool_settle(f, TC_OK, (tc_span){0}); /* those who wait for it look again */
    tc_fetch_again(f);
}

bool tc_race_asks(const tc_fetch *f)
{
    return f->chooses && !f->lost && !f->proxy && !tc_race_tries(f) &&
           tc_span_eq(url_of(f)->scheme, TC_SPAN("https")) &&
           !tc_alternatives_know(f->client->alternatives, url_of(f)->host, url_of(f)->port,
                                 tc_clock_wall());
}

/* From here on over TCP. */
static void go_over(tc_fetch *f)
{
    tc_pool_settle(f, TC_OK, (tc_span){0}); /* those who wait for it look again */
    tc_loop_clear(f->client->loop, &f->head_start);
    f->lost = true;
    f->skip = 0;
    tc_fetch_again(f);
}

bool tc_race_falls_back(tc_fetch *f, tc_err why)
{
    if (!tc_race_tries(f)) return false;
    f->lost_by = why;
    break_off(f);
    go_over(f);
    return true;
}

/* QUIC's handshake, while TCP tries, too. */
static void quic_opened(tc_connection *connection, tc_err err)
{
    tc_fetch *f = connection->waiter;
    f->quic = NULL;
    connection->opened = NULL;
    if (err) {
        break_off(f);
        return;
    }
    if (f->connecting) tc_connect_cancel(&f->connect);
    f->connecting = false;
    tc_connection *loser = f->opening;
    if (loser) {
        loser->opened = NULL;
        tc_session_kill(&loser->session, TC_ERR_OUTRUN);
    }
    tc_pool_leave(f);
    tc_pool_settle(f, TC_OK, (tc_span){0});
    f->request.version = TC_HTTP_3;
    f->opening = connection;
    tc_fetch_again(f);
}

static void head_start_over(tc_alarm *alarm)
{
    tc_fetch *f = OWNER(tc_fetch, head_start, alarm);
    if (!tc_race_tries(f) || f->next == TC_FETCH_OVER) return;
    if (f->x) { /* it went out early, and perhaps nobody is there */
        const tc_session *s = f->x->session;
        if (tc_session_early(s) && f->x->wire_in == 0) tc_exchange_abort(f->x, TC_ERR_OUTRUN);
        return;
    }
    if (f->opening && !tc_session_opening(&f->opening->session)) return; /* it is up */
    if (f->connecting) tc_connect_cancel(&f->connect);
    f->connecting = false;
    f->quic = f->opening;
    f->opening = NULL;
    if (f->quic) f->quic->opened = quic_opened;
    go_over(f);
}

void tc_race_begin(tc_fetch *f, tc_connection *connection)
{
    tc_loop *loop = f->client->loop;
    connection->race = tc_race_tries(f) ? TC_RACE_WON : f->lost ? TC_RACE_LOST : TC_RACE_NONE;
    connection->lost_by = f->lost_by;
    connection->by_record = f->alternative.record;
    if (tc_race_tries(f) && !f->alternative.record)
        tc_alternatives_name(&f->alternative, connection->alt_used);
    if (!tc_race_tries(f) || f->head_start.ring) return; /* another address: the clock runs */
    f->head_start = (tc_alarm){.ring = head_start_over};
    const bool early = tc_session_early(&connection->session);
    const int64_t ms =
        (int64_t)f->client->limits->head_start_ms * (early ? TC_RACE_EARLY_TIMES : 1);
    if (tc_loop_set(loop, &f->head_start, tc_loop_now(loop) + ms * TC_MS) != TC_OK && !early)
        (void)tc_race_falls_back(f, TC_ERR_NO_MEMORY);
}

void tc_race_decided(tc_fetch *f, const tc_connection *winner)
{
    tc_connection *loser = f->quic;
    if (winner && tc_session_early(&winner->session)) return; /* it has not won yet */
    if (f->head_start.ring) tc_loop_clear(f->client->loop, &f->head_start);
    f->head_start.ring = NULL;
    f->quic = NULL;
    if (!loser) return;
    loser->opened = NULL;
    tc_session_kill(&loser->session, TC_ERR_OUTRUN);
    if (winner) break_off(f);
}

bool tc_race_misled(tc_fetch *f, const tc_session *s)
{
    const tc_connection *connection = OWNER(const tc_connection, session, s);
    if (connection->race != TC_RACE_WON) return false;
    tc_alternatives_forget(f->client->alternatives, url_of(f)->host, url_of(f)->port,
                           tc_clock_wall());
    return true;
}
