/* inside.h - what the files of this folder share. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/fetch.h"

/* fetch.c */
void tc_fetch_over(tc_fetch *f, tc_err err, tc_span why); /* the first reason given stays */
void tc_fetch_again(tc_fetch *f);                         /* looks for a connection again */

/* race.c */
/* The head start of QUIC (RFC 8305, 5), head_start_ms, is so many times as long for a request that
 * went out early, which must be given up. */
enum { TC_RACE_EARLY_TIMES = 4 };
void tc_race_choose(tc_fetch *f);     /* by which version, where that is left to us */
bool tc_race_asks(const tc_fetch *f); /* whether HTTPS records are asked for */
void tc_race_served(tc_connect *c, const tc_service *service); /* ... and what they said */
bool tc_race_tries(const tc_fetch *f);            /* HTTP/3 is under way, and need not be */
bool tc_race_falls_back(tc_fetch *f, tc_err why); /* ... and failed: true, and TCP is next */
void tc_race_begin(tc_fetch *f, tc_connection *connection);     /* ... is opening */
void tc_race_decided(tc_fetch *f, const tc_connection *winner); /* NULL: nobody won */
/* Whoever answers there is no alternative after all, as he says himself; false: he is none. */
bool tc_race_misled(tc_fetch *f, const tc_session *s);

/* proxied.c */
tc_err tc_proxied_aim(tc_fetch *f) TC_MUST_USE; /* whom to connect to: the proxy, if there is one */
bool tc_proxied_may_go(tc_fetch *f);            /* through it; else f is over */

/* push.c: tc_session_env.promised, and the wait for what was pushed when all else is over */
void tc_fetch_promised(tc_session_env *env, tc_exchange *of, tc_exchange *x);
void tc_fetch_linger(tc_fetch *f);   /* until nothing is left, or (err) breaks it off */
void tc_fetch_lingered(tc_fetch *f); /* for response_ms: whether something came */

/* cookies.c */
tc_err tc_fetch_cookies(tc_fetch *f, tc_exchange *x) TC_MUST_USE; /* adds them to a request */
void tc_fetch_hear_cookies(tc_fetch *f, const tc_exchange *x);    /* a final head is here */
void tc_fetch_led(tc_fetch *f, const tc_url *from); /* a redirect led from there to the request */

/* content.c: the request's content on its way */
void tc_fetch_send(tc_fetch *f);         /* the exchange's head is on its way */
void tc_fetch_room(tc_fetch *f);         /* all that was sent so far is released */
void tc_fetch_stop_sending(tc_fetch *f); /* the exchange is over */
