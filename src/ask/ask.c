/* ask.c - see ask.h. What is shown comes from events: the record gathers them first, the picture
 * and the bar look behind it.
 *
 * Each URL has its turn, in which its content goes out and its picture is shown. Where connections
 * take many exchanges at a time, those behind it are asked for already, and kept aside. */
// SPDX-License-Identifier: MIT
#include "ask/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ask/aside.h"
#include "ask/compare.h"
#include "ask/jar_file.h"
#include "ask/json_out.h"
#include "ask/output.h"
#include "ask/picture.h"
#include "ask/progress.h"
#include "ask/remember.h"
#include "base/alloc.h"
#include "base/text.h"
#include "client/fetch.h"
#include "run/authority.h"
#include "run/failure.h"
#include "run/interrupt.h"
#include "run/qlog.h"
#include "run/secure.h"

enum { PROXY_AUTH = 407, INQUIRY_MS = 50, MESSAGE_MAX = 256 * 1024, URL_ARENA = 1024 * 1024 };

struct asking;

/* One URL; of --http all one version of it. */
typedef struct job {
    struct asking *asking;
    tc_fetch fetch;
    tc_arena arena; /* of the request */
    tc_aside aside; /* what came before its turn */
    tc_span url;
    enum tc_version version;
    tc_err err; /* why there is no whole response */
    unsigned status;
    bool begun, prepared, over;
    bool asked; /* a request was made of it */
} job;

typedef struct asking {
    const tc_ask *ask;
    tc_loop *loop;
    tc_client client;
    tc_reached reached;
    tc_term term; /* stderr */
    tc_authority_files own;
    tc_alternatives alternatives;
    tc_tickets tickets;
    tc_jar_kept cookies;
    char folder[PATH_MAX]; /* where we are */
    tc_record record;
    tc_picture picture;
    tc_progress progress;
    tc_qlog_folder qlog_folder;
    tc_qlog_files qlog;
    tc_output output;
    tc_io interrupt;
    job *jobs, *turn; /* whose turn it is */
    size_t job_count;
    uint64_t aside_left;
    bool interrupted;
    int exit_code;
} asking;

/* --- what comes back ----------------------------------------------------------------------- */

static tc_err put_out(void *self, tc_span bytes)
{
    return tc_output_write(self, bytes);
}

/* Out, or aside until it is its turn. */
static tc_err put(job *j, tc_span bytes)
{
    asking *k = j->asking;
    if (j == k->turn) return put_out(&k->output, bytes);
    const tc_err err = tc_aside_add(&j->aside, bytes);
    if (err != TC_ERR_FULL) return err;
    k->reached.aside_bytes++;
    return TC_ERR_CONTENT_TOO_LARGE;
}

/* The answer to HEAD is its head: on stdout, as it would be for a person to read. */
static tc_err put_head(job *j, const tc_message *m)
{
    tc_buf head;
    tc_buf_init(&head, MESSAGE_MAX);
    uint32_t cursor = 0;
    const tc_span reason = m->reason.at ? m->reason : tc_status_reason(m->status);
    tc_err err = tc_buf_printf(&head, "%.*s %u %.*s\n", TC_FMT(tc_version_name(m->version)),
                               m->status, TC_FMT(reason));
    for (const tc_field *f; !err && (f = tc_message_next(m, &cursor));) {
        char room[128];
        const tc_span name = tc_field_spelt(f, room, sizeof room);
        err = tc_buf_printf(&head, "%.*s: %.*s\n", TC_FMT(name), TC_FMT(f->value));
    }
    if (!err) err = put(j, tc_buf_span(&head));
    tc_buf_fini(&head);
    return err;
}

/* With --fail, what comes with an error is not what was asked for. */
static bool unwanted(const job *j)
{
    return j->asking->ask->fail && j->status >= 400;
}

static tc_err on_head(void *self, tc_exchange *x)
{
    job *j = self;
    const tc_ask *a = j->asking->ask;
    j->status = x->theirs.status;
    const bool show =
        x->ours.method == TC_METHOD_HEAD && !a->json && !a->outputs && !a->all && !unwanted(j);
    return show ? put_head(j, &x->theirs) : TC_OK;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    job *j = self;
    const tc_ask *a = j->asking->ask;
    (void)x;
    return a->json || a->all || unwanted(j) ? TC_OK : put(j, run);
}

static const tc_handler handler = {.name = "ask", .on_head = on_head, .on_data = on_data};

static void done(tc_fetch *f, tc_err err)
{
    job *j = f->self;
    j->over = true;
    if (!j->err) j->err = err;
    if (j == j->asking->turn) tc_loop_stop(j->asking->loop);
}

static void before_picture(void *self)
{
    asking *k = self;
    tc_output_break(&k->output);
    tc_progress_hide(&k->progress);
}

/* --- Ctrl-C -------------------------------------------------------------------------------- */

static void interrupt_ready(tc_io *io, unsigned what)
{
    asking *k = (asking *)((char *)io - offsetof(asking, interrupt));
    (void)what;
    tc_loop_remove(k->loop, io);
    k->interrupted = true;
    if (k->turn && k->turn->prepared) tc_fetch_abort(&k->turn->fetch, TC_ERR_INTERRUPTED);
}

/* --- one URL ------------------------------------------------------------------------------- */

static const char *phase_name(enum tc_phase phase)
{
    switch (phase) {
    case TC_PHASE_CONNECT: return "connect";
    case TC_PHASE_REQUEST: return "request";
    case TC_PHASE_RESPONSE: return "response";
    }
    return "";
}

/* Why the output could not be written, or (for a program that stopped listening) nothing. */
static bool output_why(const asking *k, tc_buf *why)
{
    char text[96];
    tc_err err = TC_OK;
    if (k->output.error == EPIPE) return false;
    if (k->output.error)
        err = tc_buf_printf(why, "%s: %s", k->output.name ? k->output.name : "standard output",
                            strerror_r(k->output.error, text, sizeof text));
    return err == TC_OK;
}

static void complain(asking *k, tc_span url, tc_err err, const char *phase, tc_span more)
{
    tc_buf out, why;
    if (!k->exit_code) k->exit_code = tc_err_exit(err);
    tc_buf_init(&out, MESSAGE_MAX);
    tc_buf_init(&why, MESSAGE_MAX);
    bool speak = !k->ask->quiet;
    if (err == TC_ERR_WRITE_FILE && !more.len) speak &= output_why(k, &why);
    const tc_failure failure = {err, phase, url, more.len ? more : tc_buf_span(&why)};
    if (speak && tc_failure_text(&failure, &k->term, &out) == TC_OK) {
        before_picture(k);
        fprintf(stderr, "%.*s", TC_FMT(tc_buf_span(&out)));
        if (k->output.part && k->output.bytes)
            fprintf(stderr, "  note  %s holds the first %llu bytes and is incomplete\n",
                    k->output.part, (unsigned long long)k->output.bytes);
    }
    tc_buf_fini(&why);
    tc_buf_fini(&out);
}

/* A file is opened before anything is sent: nobody wants the answer of a POST to be lost. */
static tc_err open_output(asking *k, size_t nth, tc_span url)
{
    const tc_err err = tc_output_open(&k->output, k->ask->outputs[nth]);
    if (!err) return TC_OK;
    complain(k, url, err, NULL, (tc_span){0});
    if (tc_output_close(&k->output, false)) return TC_ERR_WRITE_FILE;
    return err;
}

static void close_output(asking *k, tc_span url, bool whole)
{
    const tc_err err = tc_output_close(&k->output, whole);
    if (err) complain(k, url, err, "response", (tc_span){0});
}

/* Sends its request on the way, once. */
static void begin(job *j, bool patient)
{
    asking *k = j->asking;
    j->begun = true;
    j->fetch = (tc_fetch){.client = &k->client,
                          .follow = k->ask->follow,
                          .patient = patient,
                          .limit_ns = k->ask->limit_ns,
                          .handler = &handler,
                          .self = j,
                          .done = done};
    tc_arena_init(&j->arena, NULL, 0, URL_ARENA);
    tc_aside_init(&j->aside, &k->aside_left);
    j->err = tc_prepared_request(k->ask->prepared, &j->arena, j->url, &j->fetch.request);
    j->prepared = !j->err;
    if (j->prepared) tc_prepared_as(j->version, &j->fetch.request);
    j->over = !j->prepared;
    if (j->prepared) tc_fetch_begin(&j->fetch);
}

/* Whether it can be under way while others are. */
static bool shares(const asking *k, const job *j)
{
    const bool secure = tc_span_starts(j->url, TC_SPAN("https:"));
    return !k->ask->all && tc_session_shares(j->version, secure);
}

/* The one whose turn it is, and those behind it that need not wait for it. */
static void begin_some(asking *k, job *first)
{
    const uint64_t most = k->client.limits->h2_streams;
    if (!first->begun) begin(first, k->job_count > 1 && shares(k, first));
    for (job *j = first + 1; j < k->jobs + k->job_count && (uint64_t)(j - first) < most; j++)
        if (!j->begun && shares(k, j)) begin(j, true);
}

static void end(job *j)
{
    if (!j->begun) return;
    if (j->prepared) tc_fetch_fini(&j->fetch);
    tc_aside_fini(&j->aside);
    tc_arena_fini(&j->arena);
    j->begun = j->prepared = false;
}

/* An answer like others, but nobody looks for it there. */
static void tell_of_proxy(const job *j)
{
    asking *k = j->asking;
    const tc_fetch *f = &j->fetch;
    if (j->status != PROXY_AUTH || k->ask->quiet || k->ask->all ||
        !tc_origin_is_forwarded(&f->request.url, f->proxy, f->request.version))
        return;
    before_picture(k);
    fprintf(stderr, "  note  that is the proxy's answer: it wants to know who asks, as in --proxy "
                    "http://user:password@host:port\n");
}

static void take_turn(asking *k, job *j)
{
    if (k->ask->outputs && open_output(k, (size_t)(j - k->jobs), j->url) != TC_OK) return;
    begin_some(k, j);
    k->turn = j;
    tc_picture_turn(&k->picture, &j->fetch);
    tc_err err = tc_aside_give(&j->aside, put_out, &k->output);
    tc_aside_fini(&j->aside);
    if (err && !j->over) tc_fetch_abort(&j->fetch, err);
    if (err && !j->err) j->err = err;
    if (!j->over) err = tc_loop_run(k->loop);
    if (j->over || !err) err = j->err;
    if (!err && unwanted(j)) err = TC_ERR_ERROR_STATUS;
    const char *phase = j->prepared ? phase_name(j->fetch.phase) : NULL;
    const tc_span why = j->prepared ? j->fetch.why : (tc_span){0};
    tc_record_outcome(&k->record, &j->fetch, j->url, err, phase, why);
    j->asked = j->prepared;
    if (err && !(k->ask->all && j->prepared)) complain(k, j->url, err, phase, why);
    j->err = err;
    if (j->prepared && !err) tell_of_proxy(j);
    if (k->ask->outputs) close_output(k, j->url, !err);
    end(j);
}

/* What the DNS says of the origin, asked for while the versions are tried. */
typedef struct inquiry {
    tc_service_ask ask;
    tc_service service;
    bool known;
} inquiry;

static void heard_of(tc_service_ask *a, const tc_service *service)
{
    inquiry *q = (inquiry *)(void *)a;
    q->known = service != NULL;
    if (service) q->service = *service;
}

/* True: a proxy is asked for the URL, and it alone asks the DNS. */
static bool begin_inquiry(asking *k, tc_span text, inquiry *q)
{
    tc_arena arena;
    tc_url url;
    *q = (inquiry){.ask = {.lookup = tc_service_lookup_system, .found = heard_of}};
    tc_arena_init(&arena, NULL, 0, MESSAGE_MAX);
    const bool valid = tc_url_parse(&arena, text, &url) == TC_OK;
    const bool proxied = valid && tc_proxies_find(k->ask->proxies, &url);
    if (valid && !proxied && !k->ask->no_alt_svc && tc_span_starts(text, TC_SPAN("https:")))
        (void)tc_service_begin(&q->ask, k->loop, url.host, url.port); /* or it is not known */
    tc_arena_fini(&arena);
    return proxied;
}

/* Waits a moment for what is not there yet. */
static const tc_service *end_inquiry(asking *k, inquiry *q)
{
    const int64_t until = tc_loop_tick(k->loop) + INQUIRY_MS * TC_MS;
    while (q->ask.job && tc_loop_tick(k->loop) < until && tc_loop_turn(k->loop, until) == TC_OK) {
    }
    tc_service_cancel(&q->ask);
    return q->known ? &q->service : NULL;
}

static unsigned columns_out(void)
{
    enum { NARROWEST = 40, NO_TERMINAL = 72 };
    tc_term out;
    tc_term_init(&out, STDOUT_FILENO, TC_COLOR_AUTO);
    if (!out.is_terminal) return NO_TERMINAL;
    return out.columns < NARROWEST ? NARROWEST : out.columns;
}

/* One URL by each version that can carry the request, one after the other. Nothing failed if one of
 * them was answered. */
static tc_err ask_versions(asking *k, tc_span url, job jobs[TC_COMPARE_VERSIONS])
{
    tc_compared rows[TC_COMPARE_VERSIONS];
    tc_err first = TC_OK;
    bool answered = false, valid = true;
    inquiry dns;
    const bool proxied = begin_inquiry(k, url, &dns);
    for (unsigned i = 0; i < TC_COMPARE_VERSIONS && valid && !k->interrupted; i++) {
        job *j = &jobs[i];
        const bool secure = tc_span_starts(url, TC_SPAN("https:"));
        *j = (job){.asking = k, .url = url, .version = tc_compare_versions[i]};
        rows[i] = (tc_compared){.version = j->version, .owner = &j->fetch};
        rows[i].why_not = tc_prepared_why_not(k->ask->prepared, j->version, secure);
        if (proxied && !rows[i].why_not && tc_client_needs_quic(j->version))
            rows[i].why_not = "it is over QUIC (UDP), which no proxy for TCP carries";
        if (rows[i].why_not) continue;
        take_turn(k, j);
        valid = j->asked;
        if (!first || j->err == TC_ERR_ERROR_STATUS) first = j->err;
        answered |= !j->err;
    }
    k->turn = NULL;
    const tc_service *service = end_inquiry(k, &dns);
    if (k->interrupted) first = TC_ERR_INTERRUPTED;
    if (answered && first != TC_ERR_ERROR_STATUS && !k->interrupted) first = TC_OK;
    if (!k->exit_code) k->exit_code = tc_err_exit(first);
    if (!valid || k->interrupted || k->ask->json) return TC_OK;
    tc_buf out;
    tc_buf_init(&out, MESSAGE_MAX);
    tc_err err = tc_compare_text(url, &k->record, rows, service, columns_out(), &out);
    if (!err) err = tc_output_write(&k->output, tc_buf_span(&out));
    tc_buf_fini(&out);
    return err;
}

/* After Ctrl-C those that were asked for ahead of their turn are under way. */
static void end_others(asking *k)
{
    k->turn = NULL;
    for (job *j = k->jobs; j < k->jobs + k->job_count; j++) {
        if (j->begun && !j->over) tc_fetch_abort(&j->fetch, TC_ERR_INTERRUPTED);
        while (j->begun && !j->over && tc_loop_turn(k->loop, TC_NEVER) == TC_OK) {
        }
        end(j);
    }
}

static tc_err ask_all(asking *k)
{
    const tc_items *items = &k->ask->prepared->items;
    tc_err err = TC_OK;
    const size_t each = k->ask->all ? TC_COMPARE_VERSIONS : 1;
    k->aside_left = k->client.limits->aside_bytes;
    k->jobs = tc_alloc_zero(items->url_count * each * sizeof *k->jobs);
    if (!k->jobs) return TC_ERR_NO_MEMORY;
    for (size_t i = 0; k->ask->all && i < items->url_count && !err && !k->interrupted; i++)
        err = ask_versions(k, items->urls[i], k->jobs + i * each);
    if (k->ask->all) return err;
    k->job_count = items->url_count;
    for (size_t i = 0; i < k->job_count; i++) {
        k->jobs[i].asking = k;
        k->jobs[i].url = items->urls[i];
        k->jobs[i].version = k->ask->prepared->request.version;
    }
    for (size_t i = 0; i < k->job_count && !k->interrupted; i++)
        take_turn(k, &k->jobs[i]);
    end_others(k);
    return TC_OK;
}

/* --- all of them --------------------------------------------------------------------------- */

static void set_up_watches(asking *k)
{
    const tc_ask *a = k->ask;
    const bool terminal = k->term.is_terminal && !a->quiet && !a->all;
    tc_record_init(&k->record, a->json ? TC_JSON_BODY : 0);
    tc_picture_init(&k->picture, &k->record, &k->term, terminal, a->verbose && !a->quiet,
                    a->secrets);
    tc_progress_init(&k->progress, &k->term);
    if (a->verbose > 1 && !a->quiet) tc_picture_show_bytes(&k->picture);
    k->picture.before = before_picture;
    k->picture.before_self = k;
    k->client.env.watch = &k->record.watch;
    k->record.watch.next = &k->picture.watch;
    if (a->outputs && terminal) k->picture.watch.next = &k->progress.watch;
    if (a->verbose && !a->quiet) k->client.env.engine.notes |= TC_NOTES_WORDS;
    if (!a->qlog) return;
    tc_qlog_files_init(&k->qlog, &k->qlog_folder, &a->limits, &k->reached);
    k->qlog.q.secrets = a->secrets;
    k->qlog.q.watch.next = k->client.env.watch;
    k->client.env.watch = &k->qlog.q.watch;
    k->client.env.engine.notes |= TC_NOTES_FRAMES;
}

/* Whether TLS may be spoken: a redirect may lead to it. */
static bool any_secure(const asking *k)
{
    const tc_items *items = &k->ask->prepared->items;
    bool any = k->ask->follow;
    for (size_t i = 0; i < items->url_count; i++)
        any |= tc_span_ieq(tc_span_first(items->urls[i], 6), TC_SPAN("https:"));
    return any;
}

/* The system's authorities, and the one that makes the certificates of `tercet serve` here. */
static void set_up_trust(asking *k)
{
    tc_tls_client_config *c = &k->client.tls_config;
    c->authorities[0] = k->ask->cacert;
    c->revoked = k->ask->crl;
    c->insecure = k->ask->insecure;
    k->client.proxy_authorities = k->ask->proxy_cacert;
    c->certificate = k->ask->cert;
    c->key = k->ask->key;
    if (!k->ask->cacert && tc_authority_names(&k->own) && access(k->own.authority, R_OK) == 0)
        c->authorities[1] = k->own.authority;
    const bool secure = any_secure(k);
    if (secure || k->ask->proxies->http.secure || k->ask->proxies->https.secure)
        tc_secure_key_log();
    if (c->insecure && secure) tc_secure_doubt(&k->term);
}

/* Whoever answers is not believed in this. */
static void set_up_memory(asking *k)
{
    const tc_ask *a = k->ask;
    if (a->early && getcwd(k->folder, sizeof k->folder)) {
        tc_tickets_init(&k->tickets, a->limits.tls_sessions, &k->reached.tls_sessions,
                        tc_span_str(k->folder));
        tc_remember_load_tickets(&k->tickets);
        k->client.tickets = &k->tickets;
    }
    if (!tc_quic_built || a->no_alt_svc || a->insecure || !a->limits.alternatives ||
        tc_alternatives_init(&k->alternatives, a->limits.alternatives, &k->reached.alternatives))
        return;
    tc_remember_load(&k->alternatives);
    k->client.alternatives = &k->alternatives;
}

static void cookie_refused(void *self, tc_span name, const char *why)
{
    asking *k = self;
    tc_buf text;
    tc_buf_init(&text, MESSAGE_MAX);
    if (tc_text_terminal(&text, name, false) == TC_OK) {
        before_picture(k);
        fprintf(stderr, "  note  cookie %.*s is not kept: %s\n", TC_FMT(tc_buf_span(&text)), why);
    }
    tc_buf_fini(&text);
}

static void set_up_cookies(asking *k)
{
    if (!k->cookies.open) return;
    k->client.jar = &k->cookies.jar;
    k->client.jar->self = k;
    if (k->ask->verbose && !k->ask->quiet) k->client.jar->refused = cookie_refused;
}

static int cannot_start(asking *k, tc_err err)
{
    tc_qlog_folder_close(&k->qlog_folder);
    (void)tc_jar_close(&k->cookies); /* nothing changed */
    fprintf(stderr, "tercet: %s\n", tc_err_sentence(err));
    return tc_err_exit(err);
}

int tc_ask_all(const tc_ask *a)
{
    asking *k = &(asking){.ask = a};
    tc_term_init(&k->term, STDERR_FILENO, a->color);
    int code = tc_jar_open(&k->cookies, a->jar, &a->limits, &k->reached);
    if (code) return code;
    code = tc_qlog_folder_open(&k->qlog_folder, a->qlog);
    if (code) {
        (void)tc_jar_close(&k->cookies); /* nothing changed */
        return code;
    }
    tc_err err = tc_loop_new(&k->loop);
    if (err) return cannot_start(k, err);
    err = tc_client_init(&k->client, k->loop, &a->limits, &k->reached);
    if (err) {
        tc_loop_free(k->loop);
        return cannot_start(k, err);
    }
    k->client.env.engine.push = a->push;
    tc_interrupt_catch(k->loop, &k->interrupt, interrupt_ready);
    set_up_watches(k);
    set_up_trust(k);
    set_up_memory(k);
    set_up_cookies(k);
    k->client.proxies = a->proxies;
    if (!a->outputs) err = tc_output_open(&k->output, NULL);
    if (!err) err = ask_all(k);
    if (!k->interrupted) tc_client_await_tickets(&k->client);
    tc_client_fini(&k->client);
    tc_qlog_files_fini(&k->qlog);
    tc_qlog_folder_close(&k->qlog_folder);
    tc_remember_store_tickets(&k->tickets);
    tc_tickets_fini(&k->tickets);
    tc_remember_store(&k->alternatives);
    tc_alternatives_fini(&k->alternatives);
    code = tc_jar_close(&k->cookies);
    if (!k->exit_code) k->exit_code = code;
    if (a->json) err = tc_json_write(&k->record, a->secrets, put_out, &k->output);
    if (err) complain(k, (tc_span){0}, err, NULL, (tc_span){0});
    if (!a->outputs) close_output(k, (tc_span){0}, true);
    tc_picture_fini(&k->picture);
    tc_record_fini(&k->record);
    if (tc_loop_turn(k->loop, 0)) {
    } /* lets go of look-ups that were cancelled */
    tc_loop_free(k->loop);
    tc_free(k->jobs);
    return k->exit_code;
}
