/* site.c - see site.h. */
// SPDX-License-Identifier: MIT
#include "site/site.h"

#include "base/alloc.h"
#include "site/echo.h"
#include "site/error_page.h"
#include "site/files.h"
#include "site/methods.h"
#include "site/redirect.h"

/* A worker's own. */
typedef struct state {
    const tc_site_config *config;
    tc_file_cache cache;
    tc_files_config files_config;
    tc_files files;
    tc_records records;
    tc_sessions sessions;
    void *watch_state;
} state;

static void worker_end(void *app, tc_worker *w, void *argument)
{
    const tc_site_config *config = app;
    state *s = argument;
    (void)w;
    tc_files_fini(&s->files);
    tc_records_fini(&s->records);
    tc_sessions_fini(&s->sessions);
    if (config->unwatch && s->watch_state) config->unwatch(config->watch_self, s->watch_state);
    tc_free(s);
}

static void *worker_begin(void *app, tc_worker *w)
{
    const tc_site_config *config = app;
    state *s = tc_alloc_zero(sizeof *s);
    if (!s) return NULL;
    s->config = config;
    s->files_config = (tc_files_config){.root = config->root,
                                        .root_path = config->root_path,
                                        .index = config->index,
                                        .language = config->language,
                                        .dotfiles = config->dotfiles,
                                        .uploads = config->uploads};
    tc_file_cache_init(&s->cache, tc_worker_limits(w), tc_worker_reached(w));
    tc_files_init(&s->files, &s->files_config, &s->cache, tc_worker_loop(w));
    tc_records_init(&s->records, config->store, config->collections, config->collection_count,
                    s->files.loop, tc_worker_limits(w), tc_worker_reached(w));
    if (config->sessions) {
        tc_sessions_init(&s->sessions, config->store, config->collection_count, s->files.loop,
                         tc_worker_limits(w), tc_worker_reached(w), config->sessions);
        s->records.sessions = &s->sessions;
    }
    if (!config->watch) return s;
    tc_watch *watch = config->watch(config->watch_self, w, &s->watch_state);
    if (watch) {
        tc_worker_watch(w, watch);
        return s;
    }
    worker_end(app, w, s); /* no serving unseen where somebody wants to look on */
    return NULL;
}

static tc_err answer_unknown(void *self, tc_exchange *x)
{
    (void)self;
    return tc_error_page(x, 501, (tc_span){0});
}

static const tc_handler unknown_method = {.name = "unknown method", .on_head = answer_unknown};

static bool is_echo(const state *s, tc_span path)
{
    const tc_span echo = s->config->echo;
    return echo.len && tc_span_starts(path, echo) &&
           (path.len == echo.len || path.at[echo.len] == '?');
}

/* Hints and pushes are for speed: without memory for them the answer goes on alone. */
static void answering(tc_worker *w, tc_exchange *x)
{
    const state *s = tc_worker_state(w);
    if (s->config->preloads) (void)!tc_preloads_answer(s->config->preloads, x);
    (void)!tc_cors_answer(s->config->cors, x); /* nor may a page of another origin use it then */
    (void)!tc_trace_answer(s->config->trace, x);
}

static void route(tc_worker *w, tc_exchange *x)
{
    state *s = tc_worker_state(w);
    if (s->config->preloads) (void)!tc_preloads_begin(s->config->preloads, x);
    if (s->config->secure_port && tc_to_https_wanted(x)) {
        x->handler = &tc_to_https_handler;
        x->self = (void *)(uintptr_t)&s->config->secure_port;
        return;
    }
    if (tc_cors_gate(s->config->cors, x) || tc_asterisk_gate(x) ||
        tc_trace_gate(s->config->trace, x))
        return;
    if (s->records.count && tc_records_route(&s->records, x)) return;
    if (x->theirs.method == TC_METHOD_GET && !s->config->echo.len) {
        tc_files_route(&s->files, x);
        return;
    }
    x->self = NULL;
    if (!(tc_method_flags(x->theirs.method) & TC_METHOD_SERVED))
        x->handler = &unknown_method;
    else if (is_echo(s, x->theirs.path))
        x->handler = &tc_echo_handler;
    else
        tc_files_route(&s->files, x);
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
                    .answering =
                        config->preloads || config->cors || config->trace ? answering : NULL,
                    .self = (void *)(uintptr_t)config};
}
