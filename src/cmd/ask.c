/* ask.c - see ask.h. What is shown comes from events: the record gathers them first, the picture
 * and the bar look behind it. */
// SPDX-License-Identifier: MIT
#include "cmd/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "client/fetch.h"
#include "cmd/authority.h"
#include "cmd/failure.h"
#include "cmd/json_out.h"
#include "cmd/output.h"
#include "cmd/picture.h"
#include "cmd/progress.h"

enum { MESSAGE_MAX = 256 * 1024, URL_ARENA = 1024 * 1024 };

typedef struct asking {
    const tc_ask *ask;
    tc_loop *loop;
    tc_client client;
    tc_reached reached;
    tc_term term; /* stderr */
    tc_authority_files own;
    tc_record record;
    tc_picture picture;
    tc_progress progress;
    tc_output output;
    tc_fetch fetch;
    tc_io interrupt;
    tc_err err; /* of the fetch that is over */
    unsigned status;
    int exit_code;
} asking;

static int interrupt_pipe[2] = {-1, -1};

/* --- what comes back ----------------------------------------------------------------------- */

/* The answer to HEAD is its head: on stdout, as it would be for a person to read. */
static tc_err put_head(asking *k, const tc_message *m)
{
    tc_buf head;
    tc_buf_init(&head, MESSAGE_MAX);
    uint32_t cursor = 0;
    tc_err err = tc_buf_printf(&head, "%.*s %u %.*s\n", TC_FMT(tc_version_name(m->version)),
                               m->status, TC_FMT(m->reason));
    for (const tc_field *f; !err && (f = tc_message_next(m, &cursor));) {
        char room[128];
        const tc_span name = tc_field_spelt(f, room, sizeof room);
        err = tc_buf_printf(&head, "%.*s: %.*s\n", TC_FMT(name), TC_FMT(f->value));
    }
    if (!err) err = tc_output_write(&k->output, tc_buf_span(&head));
    tc_buf_fini(&head);
    return err;
}

/* With --fail, what comes with an error is not what was asked for. */
static bool unwanted(const asking *k)
{
    return k->ask->fail && k->status >= 400;
}

static tc_err on_head(void *self, tc_exchange *x)
{
    asking *k = self;
    k->status = x->theirs.status;
    const bool show =
        x->ours.method == TC_METHOD_HEAD && !k->ask->json && !k->ask->output && !unwanted(k);
    return show ? put_head(k, &x->theirs) : TC_OK;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    asking *k = self;
    (void)x;
    return k->ask->json || unwanted(k) ? TC_OK : tc_output_write(&k->output, run);
}

static const tc_handler handler = {.name = "ask", .on_head = on_head, .on_data = on_data};

static void done(tc_fetch *f, tc_err err)
{
    asking *k = f->self;
    k->err = err;
    tc_loop_stop(k->loop);
}

static void before_picture(void *self)
{
    asking *k = self;
    tc_output_break(&k->output);
    tc_progress_hide(&k->progress);
}

/* --- Ctrl-C -------------------------------------------------------------------------------- */

static void interrupted(int signal_number)
{
    const int before = errno;
    (void)signal_number;
    if (write(interrupt_pipe[1], "", 1) < 0) _exit(tc_err_exit(TC_ERR_INTERRUPTED));
    errno = before;
}

static void interrupt_ready(tc_io *io, unsigned what)
{
    asking *k = (asking *)((char *)io - offsetof(asking, interrupt));
    (void)what;
    tc_loop_remove(k->loop, io);
    tc_fetch_abort(&k->fetch, TC_ERR_INTERRUPTED);
}

/* The first Ctrl-C ends what is under way in good order, a second one the program. */
static void catch_signals(asking *k)
{
    struct sigaction action = {.sa_handler = interrupted, .sa_flags = (int)SA_RESETHAND};
    (void)signal(SIGPIPE, SIG_IGN); /* cannot fail: a valid signal */
    if (pipe2(interrupt_pipe, O_CLOEXEC | O_NONBLOCK)) return;
    k->interrupt = (tc_io){interrupt_pipe[0], interrupt_ready};
    if (tc_loop_add_listener(k->loop, &k->interrupt) == TC_OK) sigaction(SIGINT, &action, NULL);
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
static tc_err open_output(asking *k, tc_span url)
{
    const tc_err err = tc_output_open(&k->output, k->ask->output);
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

static void ask_one(asking *k, tc_span url)
{
    tc_arena arena;
    tc_fetch *f = &k->fetch;
    *f = (tc_fetch){.client = &k->client,
                    .follow = k->ask->follow,
                    .limit_ns = k->ask->limit_ns,
                    .handler = &handler,
                    .self = k,
                    .done = done};
    k->status = 0;
    tc_arena_init(&arena, NULL, 0, URL_ARENA);
    tc_err err = tc_prepared_request(k->ask->prepared, &arena, url, &f->request);
    if (err) {
        tc_record_outcome(&k->record, url, err, NULL, (tc_span){0});
        complain(k, url, err, NULL, (tc_span){0});
    } else if (!k->ask->output || open_output(k, url) == TC_OK) {
        tc_fetch_begin(f);
        err = tc_loop_run(k->loop);
        if (!err) err = k->err;
        if (!err && unwanted(k)) err = TC_ERR_ERROR_STATUS;
        const char *phase = phase_name(f->phase);
        tc_record_outcome(&k->record, url, err, phase, f->why);
        if (err) complain(k, url, err, phase, f->why);
        if (k->ask->output) close_output(k, url, !err);
        tc_fetch_fini(f);
    }
    tc_arena_fini(&arena);
}

/* --- all of them --------------------------------------------------------------------------- */

static tc_err put_json(void *self, tc_span bytes)
{
    return tc_output_write(self, bytes);
}

static void set_up_watches(asking *k)
{
    const tc_ask *a = k->ask;
    const bool terminal = k->term.is_terminal && !a->quiet;
    tc_record_init(&k->record, a->json ? TC_JSON_BODY : 0);
    tc_picture_init(&k->picture, &k->record, &k->term, terminal, a->verbose && !a->quiet,
                    a->secrets);
    tc_progress_init(&k->progress, &k->term);
    k->picture.before = before_picture;
    k->picture.before_self = k;
    k->client.env.watch = &k->record.watch;
    k->record.watch.next = &k->picture.watch;
    if (a->output && terminal) k->picture.watch.next = &k->progress.watch;
    k->client.env.engine.notes = a->verbose && !a->quiet;
}

/* The system's authorities, and the one that makes the certificates of `tercet serve` here. */
static void set_up_trust(asking *k)
{
    tc_tls_client_config *c = &k->client.tls_config;
    c->authorities[0] = k->ask->cacert;
    c->insecure = k->ask->insecure;
    c->certificate = k->ask->cert;
    c->key = k->ask->key;
    if (!k->ask->cacert && tc_authority_names(&k->own) && access(k->own.authority, R_OK) == 0)
        c->authorities[1] = k->own.authority;
    if (c->insecure)
        fprintf(stderr,
                "tercet: %s--insecure: whoever answers is believed%s, anybody on the way can read "
                "and change everything\n",
                tc_term_style(&k->term, TC_STYLE_RED), tc_term_style(&k->term, TC_STYLE_PLAIN));
}

static int cannot_start(tc_err err)
{
    fprintf(stderr, "tercet: %s\n", tc_err_sentence(err));
    return tc_err_exit(err);
}

int tc_ask_all(const tc_ask *a)
{
    asking *k = &(asking){.ask = a};
    const tc_items *items = &a->prepared->items;
    tc_term_init(&k->term, STDERR_FILENO, a->color);
    tc_err err = tc_loop_new(&k->loop);
    if (err) return cannot_start(err);
    err = tc_client_init(&k->client, k->loop, &a->limits, &k->reached);
    if (err) {
        tc_loop_free(k->loop);
        return cannot_start(err);
    }
    catch_signals(k);
    set_up_watches(k);
    set_up_trust(k);
    if (!a->output) err = tc_output_open(&k->output, NULL);
    for (unsigned i = 0; i < items->url_count && k->err != TC_ERR_INTERRUPTED && !err; i++)
        ask_one(k, items->urls[i]);
    tc_client_fini(&k->client);
    if (a->json) err = tc_json_write(&k->record, a->secrets, put_json, &k->output);
    if (err) complain(k, (tc_span){0}, err, NULL, (tc_span){0});
    if (!a->output) close_output(k, (tc_span){0}, true);
    tc_picture_fini(&k->picture);
    tc_record_fini(&k->record);
    if (tc_loop_turn(k->loop, 0)) {
    } /* lets go of look-ups that were cancelled */
    tc_loop_free(k->loop);
    return k->exit_code;
}
