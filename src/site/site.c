/* site.c - see site.h. */
// SPDX-License-Identifier: MIT
#include "site/site.h"

#include "base/alloc.h"
#include "gate/asking.h"
#include "gate/cors.h"
#include "gate/methods.h"
#include "gate/redirect.h"
#include "page/error_page.h"
#include "site/added.h"
#include "site/echo.h"
#include "site/fixed.h"

/* A worker's own. */
typedef struct state {
    const tc_site_config *config;
    tc_file_cache cache;
    tc_files *files; /* one for each of the config's */
    tc_added added;
    tc_records records;
    tc_sessions sessions;
    tc_tunnels tunnels;
    tc_sites_memo memo;
    const tc_route *last; /* that a request was for */
    tc_auth_worker auth;
    void *watch_state;
} state;

static void worker_end(void *app, tc_worker *w, void *argument)
{
    const tc_site_config *config = app;
    state *s = argument;
    (void)w;
    for (uint32_t i = 0; s->files && i < config->sites->files_count; i++)
        tc_files_fini(&s->files[i]);
    tc_free(s->files);
    tc_file_cache_fini(&s->cache);
    tc_added_fini(&s->added);
    tc_records_fini(&s->records);
    tc_sessions_fini(&s->sessions);
    tc_auth_worker_fini(&s->auth);
    if (config->unwatch && s->watch_state) config->unwatch(config->watch_self, s->watch_state);
    tc_free(s);
}

static bool begin_files(state *s, const tc_sites *sites, tc_loop *loop)
{
    s->files = tc_alloc((sites->files_count + 1) * sizeof *s->files);
    for (uint32_t i = 0; s->files && i < sites->files_count; i++)
        tc_files_init(&s->files[i], &sites->files[i], &s->cache, loop);
    tc_added_init(&s->added, sites->added, sites->added_count);
    return s->files != NULL;
}

static void begin_records(state *s, tc_worker *w)
{
    const tc_site_config *c = s->config;
    tc_loop *loop = tc_worker_loop(w);
    tc_records_init(&s->records, c->store, c->collections, c->collection_count, loop,
                    tc_worker_limits(w), tc_worker_reached(w));
    if (!c->sessions) return;
    tc_sessions_init(&s->sessions, c->store, c->collection_count, loop, tc_worker_limits(w),
                     tc_worker_reached(w), c->sessions);
    s->records.sessions = &s->sessions;
}

/* False: somebody wants to look on, and cannot. Nothing is served unseen then. */
static bool begin_watch(state *s, tc_worker *w)
{
    const tc_site_config *c = s->config;
    if (!c->watch) return true;
    tc_watch *watch = c->watch(c->watch_self, w, &s->watch_state);
    if (watch) tc_worker_watch(w, watch);
    return watch != NULL;
}

static void *worker_begin(void *app, tc_worker *w)
{
    const tc_site_config *config = app;
    state *s = tc_alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->config = config;
    tc_file_cache_init(&s->cache, tc_worker_limits(w), tc_worker_reached(w));
    s->tunnels = (tc_tunnels){tc_worker_loop(w), tc_worker_limits(w), tc_worker_reached(w), 0};
    begin_records(s, w);
    tc_auth_worker_init(&s->auth, tc_worker_loop(w), tc_worker_limits(w), tc_worker_reached(w));
    if (begin_files(s, config->sites, tc_worker_loop(w)) && begin_watch(s, w)) return s;
    worker_end(app, w, s);
    return NULL;
}

/* --- what a request is for ------------------------------------------------------------------- */

static tc_err answer_unknown(void *self, tc_exchange *x)
{
    (void)self;
    return tc_error_page(x, 501, (tc_span){0});
}

static tc_err answer_misdirected(void *self, tc_exchange *x)
{
    (void)self;
    return tc_error_page(x, 421, TC_SPAN("This server has no site of that name."));
}

static tc_err answer_bad_target(void *self, tc_exchange *x)
{
    (void)self, (void)x;
    return TC_ERR_TARGET;
}

static tc_err answer_nothing(void *self, tc_exchange *x)
{
    (void)self;
    return tc_error_page(x, 404, (tc_span){0});
}

static const tc_handler nothing = {.name = "nothing", .on_head = answer_nothing};
static const tc_handler unknown_method = {.name = "unknown method", .on_head = answer_unknown};
static const tc_handler misdirected = {.name = "misdirected", .on_head = answer_misdirected};
static const tc_handler bad_target = {.name = "bad target", .on_head = answer_bad_target};

static void handle(tc_exchange *x, const tc_handler *handler, const void *self)
{
    x->handler = handler;
    x->self = (void *)(uintptr_t)self;
}

static bool is_echo(const tc_site *site, tc_span path)
{
    const tc_span echo = site->echo;
    return echo.len && tc_span_starts(path, echo) &&
           (path.len == echo.len || path.at[echo.len] == '?');
}

static void choose(state *s, const tc_route *r, tc_exchange *x)
{
    if (r->fixed)
        handle(x, &tc_fixed_handler, r->fixed);
    else if (s->records.count && r->site->collections &&
             tc_records_route(&s->records, r->site->collections, x))
        return;
    else if (!(tc_method_flags(x->theirs.method) & TC_METHOD_SERVED))
        handle(x, &unknown_method, NULL);
    else if (is_echo(r->site, x->theirs.path))
        handle(x, &tc_echo_handler, NULL);
    else if (r->no_files)
        handle(x, &nothing, NULL);
    else
        tc_files_route(&s->files[r->files], x);
}

/* CONNECT names somebody else and no path: what holds for whoever asks for it holds in the default
 * site. */
static const tc_site *site_of(state *s, const tc_exchange *x)
{
    const tc_sites *sites = s->config->sites;
    if (x->theirs.method == TC_METHOD_CONNECT) return sites->fallback;
    return tc_sites_find_again(sites, x->theirs.authority, &s->memo);
}

static tc_err route_of(state *s, const tc_site *site, tc_exchange *x, const tc_route **ret_route)
{
    *ret_route = site->whole;
    if (x->theirs.method == TC_METHOD_CONNECT) return TC_OK;
    const tc_err err = tc_site_route(site, x, s->last, ret_route);
    s->last = *ret_route;
    return err;
}

/* What the route says before it is known who asks by his password; true: x has a handler. */
static bool gates(tc_worker *w, const tc_route *r, tc_exchange *x)
{
    const state *s = tc_worker_state(w);
    if (r->asking && tc_asking_before(r->asking, x, tc_worker_reached(w))) return true;
    if (r->site->to_https && s->config->secure_port && tc_to_https_wanted(x)) {
        handle(x, &tc_to_https_handler, &s->config->secure_port);
        return true;
    }
    return tc_cors_gate(r->cors, x);
}

/* ... and once it is. */
static void let_in(void *self, tc_exchange *x)
{
    state *s = self;
    const tc_route *r = x->place;
    x->content_most = r->body_bytes;
    if (r->site->preloads) (void)!tc_preloads_begin(r->site->preloads, x);
    if (!tc_tunnel_gate(s->config->tunnels, &s->tunnels, x) && !tc_asterisk_gate(x) &&
        !tc_trace_gate(r->trace, x))
        choose(s, r, x);
}

/* What whoever is let in may send at most: who asks for a password has not chosen a handler yet. */
static uint64_t most_of(const state *s, const tc_route *r)
{
    const tc_upload_config *uploads = r->no_files ? NULL : s->files[r->files].config->uploads;
    return uploads && uploads->most > r->body_bytes ? uploads->most : r->body_bytes;
}

static void route(tc_worker *w, tc_exchange *x)
{
    state *s = tc_worker_state(w);
    const tc_site *site = site_of(s, x);
    const tc_route *r;
    if (!site) {
        handle(x, &misdirected, NULL);
        return;
    }
    const tc_err err = route_of(s, site, x, &r);
    x->place = r;
    x->content_most = most_of(s, r);
    if (gates(w, r, x)) return;
    if (err)
        handle(x, &bad_target, NULL);
    else if (!r->asking || !tc_asking_gate(r->asking, &s->auth, x, (tc_auth_next){let_in, s}))
        let_in(s, x);
}

/* What the server says by itself where it speaks TLS (RFC 6797, 7.2). */
static tc_err add_hsts(const state *s, const tc_route *r, tc_exchange *x)
{
    const enum tc_field_id id = TC_FIELD_STRICT_TRANSPORT_SECURITY;
    const tc_block *common = x->ours.blocks[TC_BLOCK_COMMON];
    tc_span said;
    if (!s->config->hsts.len || !r->asking || !tc_access_is_secure(&r->asking->access, x) ||
        (common && tc_fields_get(&common->fields, id, &said)))
        return TC_OK;
    return tc_fields_set(&x->ours.fields, &x->arena, id, s->config->hsts);
}

/* Fields that are added. Hints and pushes are for speed: without memory for them the answer goes on
 * alone. */
static void answering(tc_worker *w, tc_exchange *x)
{
    state *s = tc_worker_state(w);
    const tc_route *r = x->place;
    if (!r) return;
    if (!r->no_files) tc_error_file_answer(&s->files[r->files], x);
    if (r->added) x->ours.blocks[TC_BLOCK_ADDED] = tc_added_use(&s->added, r->added - 1);
    if (r->site->preloads) (void)!tc_preloads_answer(r->site->preloads, x);
    (void)!add_hsts(s, r, x);
    (void)!tc_cors_answer(r->cors, x); /* nor may a page of another origin use it then */
    (void)!tc_trace_answer(r->trace, x);
}

static void refuse(tc_worker *w, tc_exchange *x, tc_err err)
{
    (void)w;
    const int status = tc_err_status(err);
    if (tc_error_page(x, status ? (unsigned)status : 400, tc_span_str(tc_err_sentence(err))) !=
        TC_OK)
        tc_exchange_abort(x, err);
}

tc_app tc_site_app(const tc_site_config *config)
{
    return (tc_app){.worker_begin = worker_begin,
                    .worker_end = worker_end,
                    .route = route,
                    .refuse = refuse,
                    .answering = config->sites->dressed || config->hsts.len ? answering : NULL,
                    .self = (void *)(uintptr_t)config};
}
