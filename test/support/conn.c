/* conn.c - see conn.h. */
// SPDX-License-Identifier: MIT
#include "support/conn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "http/event.h"

/* What the application knows of an exchange. */
typedef struct app {
    const script *script;
    size_t sent;
    bool answered;
} app;

void conn_init_as(conn *c, const tc_engine_type *type, enum tc_role role, bool push,
                  const tc_limits *limits)
{
    memset(c, 0, offsetof(conn, scripts));
    memset(&c->script_count, 0, sizeof *c - offsetof(conn, script_count));
    c->limits = *limits;
    c->type = type;
    c->now = 1000;
    tc_slab_init(&c->slab, sizeof(tc_exchange), 256);
    c->env = (tc_engine_env){.role = role,
                             .windows = &c->windows,
                             .push = push,
                             .scheme = TC_SPAN("http"),
                             .exchanges = &c->slab,
                             .limits = &c->limits,
                             .reached = &c->reached};
    c->engine = calloc(1, type->size);
    if (!c->engine) abort();
    type->init(c->engine, &c->env);
    tc_buf *bufs[] = {&c->log, &c->out, &c->carry};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) {
        char *room; /* made now, so that allocations that are made to fail are not ours */
        tc_buf_init(bufs[i], CONN_BUF_MAX);
        if (tc_buf_reserve(bufs[i], CONN_BUF_FIRST, &room)) abort();
    }
}

void conn_init(conn *c, const tc_engine_type *type, enum tc_role role)
{
    conn_init_as(c, type, role, false, &tc_limits_default);
}

void conn_init_taking(conn *c, const tc_engine_type *type)
{
    conn_init_as(c, type, TC_CLIENT, true, &tc_limits_default);
}

/* --- the log: its memory is the test's, so it does not fail when allocations are made to --- */

__attribute__((format(printf, 2, 3))) static void say(conn *c, const char *format, ...)
{
    char text[8192];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0 && tc_buf_add(&c->log, tc_span_of(text, (size_t)n < sizeof text ? (size_t)n
                                                                              : sizeof text - 1)))
        c->log.len = 0;
}

/* Begins a line: whose it is, where a log says that. */
static void say_of(conn *c, const tc_exchange *x)
{
    if (c->tags) say(c, "%llu ", (unsigned long long)x->id);
}

static void say_bytes(conn *c, tc_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char b = (unsigned char)s.at[i];
        if (b == '\r')
            say(c, "\\r");
        else if (b == '\n')
            say(c, "\\n");
        else if (b == '"' || b == '\\')
            say(c, "\\%c", b);
        else if (b < 0x20 || b >= 0x7f)
            say(c, "\\x%02x", b);
        else
            say(c, "%c", b);
    }
}

static void say_fields(conn *c, const tc_fields *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        say(c, "%s", i ? "; " : " [");
        say_bytes(c, f->at[i].name);
        say(c, ": ");
        say_bytes(c, f->at[i].value);
    }
    if (f->count) say(c, "]");
}

static const char *version_text(enum tc_version v)
{
    return v == TC_HTTP_0_9   ? "0.9"
           : v == TC_HTTP_1_0 ? "1.0"
           : v == TC_HTTP_1_1 ? "1.1"
           : v == TC_HTTP_2   ? "2"
           : v == TC_HTTP_3   ? "3"
                              : "-";
}

static void say_head(conn *c, const tc_event *ev)
{
    const tc_message *m = &ev->x->theirs;
    say_of(c, ev->x);
    if (ev->err)
        say(c, "broken %s %d", tc_err_name(ev->err), tc_err_status(ev->err));
    else
        say(c, "head");
    if (c->env.role == TC_CLIENT) {
        say(c, " %u %s", m->status, version_text(m->version));
        if (m->reason.len) say(c, " '%.*s'", TC_FMT(m->reason));
    } else if (m->method_name.len) {
        say(c, " %.*s ", TC_FMT(tc_span_first(m->method_name, 64)));
        say_bytes(c, tc_span_first(m->path, 200));
        say(c, " %s", version_text(m->version));
    }
    if (!ev->err && m->authority.len) say(c, " host=%.*s", TC_FMT(m->authority));
    if (!ev->err && !tc_span_eq(m->scheme, TC_SPAN("http")) && m->scheme.len)
        say(c, " scheme=%.*s", TC_FMT(m->scheme));
    if (!ev->err && m->length) say(c, " length=%lld", (long long)m->length);
    if (m->expects_continue) say(c, " continue");
    if (!ev->err) say_fields(c, &m->fields);
    say(c, "\n");
}

/* Runs of content are one line, however they were cut. */
static void say_data(conn *c, const tc_event *ev)
{
    if (c->in_data && !c->tags && c->log.len) { /* it may have been emptied since */
        c->log.len -= 2;
    } else {
        say_of(c, ev->x);
        say(c, "data \"");
    }
    say_bytes(c, ev->data);
    say(c, "\"\n");
    c->in_data = true;
}

/* --- the application --- */

static tc_err add_fields(tc_fields *f, tc_arena *a, const tc_span *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t colon = tc_span_find(lines[i], ':');
        const tc_err err = tc_fields_add(f, a, tc_span_first(lines[i], colon),
                                         tc_span_trim(tc_span_from(lines[i], colon + 1)));
        if (err) return err;
    }
    return TC_OK;
}

static int64_t length_of(const script *s)
{
    int64_t length = 0;
    for (size_t i = 0; i < s->run_count; i++)
        length += (int64_t)s->runs[i].len;
    return s->unknown ? TC_LENGTH_UNKNOWN : length;
}

static bool failed(conn *c, tc_exchange *x, tc_err err)
{
    if (err == TC_OK) return false;
    say_of(c, x);
    say(c, "refused %s\n", tc_err_name(err));
    c->type->abort(c->engine, x, err);
    return true;
}

static void send_runs(conn *c, tc_exchange *x)
{
    app *a = x->self;
    const script *s = a->script;
    while (a->sent < s->run_count) {
        const bool end = a->sent + 1 == s->run_count;
        const tc_err err = c->type->body(c->engine, x, tc_run_bytes(s->runs[a->sent]), end);
        if (err == TC_ERR_FULL || failed(c, x, err)) return;
        c->sent += s->runs[a->sent++].len;
    }
}

static bool sends_content(const script *s)
{
    return s->run_count > 0 || s->trailer_count > 0;
}

static void send_rest(conn *c, tc_exchange *x, const script *s)
{
    if (s->run_count > 0)
        send_runs(c, x);
    else if (sends_content(s))
        failed(c, x, c->type->body(c->engine, x, (tc_run){0}, true));
}

static app *app_of(conn *c, tc_exchange *x)
{
    if (!x->self) x->self = tc_exchange_alloc(x, sizeof(app));
    if (x->self)
        *(app *)x->self = (app){.script = &c->scripts[c->used]};
    else
        failed(c, x, TC_ERR_NO_MEMORY);
    return x->self;
}

static tc_err promise(conn *c, tc_exchange *x, tc_exchange *p, tc_span path)
{
    tc_message *m = &p->theirs;
    app *a = tc_exchange_alloc(p, sizeof *a);
    m->method_name = TC_SPAN("GET");
    m->method = TC_METHOD_GET;
    m->scheme = x->theirs.scheme;
    m->authority = tc_arena_copy(&p->arena, x->theirs.authority);
    m->path = path;
    if (!a || !m->authority.at) return TC_ERR_NO_MEMORY;
    p->self = a;
    *a = (app){.script = &c->promised};
    return c->type->push(c->engine, x, p);
}

static size_t push_all(conn *c, tc_exchange *x, const script *s, tc_exchange **ret_promised)
{
    size_t count = 0;
    for (size_t i = 0; i < s->push_count; i++) {
        tc_exchange *p = tc_slab_get(&c->slab);
        if (!p) break;
        tc_exchange_init(p, 0, (size_t)c->limits.exchange_bytes);
        const tc_err err = promise(c, x, p, s->pushes[i]);
        say_of(c, x);
        if (err) {
            say(c, "not pushed %s\n", tc_err_name(err));
            tc_exchange_fini(p);
            tc_slab_put(&c->slab, p);
        } else {
            say(c, "pushed %.*s\n", TC_FMT(s->pushes[i]));
            ret_promised[count++] = p;
        }
    }
    return count;
}

static void answer(conn *c, tc_exchange *x, unsigned status);

static void answer_promised(conn *c, tc_exchange *p)
{
    if (c->keep)
        c->kept = p;
    else
        answer(c, p, 0);
}

static void answer(conn *c, tc_exchange *x, unsigned status)
{
    app *a = x->self;
    const script *s = a->script;
    const bool fault = status != 0;
    if (a->answered) return;
    a->answered = true;
    x->ours.status = (uint16_t)(fault ? status : s->status ? s->status : 200);
    x->ours.blocks[0] = c->block;
    if (!x->pushed && c->used + 1 < c->script_count) c->used++;
    if (fault) {
        x->ours.length = 0;
        failed(c, x, c->type->head(c->engine, x, true));
        return;
    }
    tc_exchange *promised[SCRIPT_PARTS];
    const size_t count = x->pushed ? 0 : push_all(c, x, s, promised);
    for (size_t i = 0; i < count && !s->push_late; i++)
        answer_promised(c, promised[i]);
    x->ours.length = length_of(s);
    if (!failed(c, x, add_fields(&x->ours.fields, &x->arena, s->fields, s->field_count)) &&
        !failed(c, x, add_fields(&x->ours.trailers, &x->arena, s->trailers, s->trailer_count)) &&
        !failed(c, x, c->type->head(c->engine, x, !sends_content(s))))
        send_rest(c, x, s);
    for (size_t i = 0; i < count && s->push_late; i++)
        answer_promised(c, promised[i]);
}

static void adopt(conn *c, tc_exchange *x)
{
    int i = 0;
    while (i < CONN_OPEN && c->open[i] && c->open[i] != x)
        i++;
    if (i == CONN_OPEN) abort();
    c->open[i] = x;
}

static void part_with(conn *c, const tc_exchange *x)
{
    for (int i = 0; i < CONN_OPEN; i++)
        if (c->open[i] == x) {
            int last = i;
            while (last + 1 < CONN_OPEN && c->open[last + 1])
                last++;
            c->open[i] = c->open[last];
            c->open[last] = NULL;
        }
}

static void on_head(conn *c, const tc_event *ev)
{
    tc_exchange *x = ev->x;
    say_head(c, ev);
    adopt(c, x);
    if (c->env.role == TC_CLIENT) {
        if (x->tunnel && x->self) send_rest(c, x, ((app *)x->self)->script);
        return;
    }
    c->last = x;
    app *a = app_of(c, x);
    if (!a) return;
    if (ev->err) {
        answer(c, x, (unsigned)tc_err_status(ev->err));
        return;
    }
    const script *s = a->script;
    for (size_t i = s->inform_count ? s->inform_count : 1; s->inform && i > 0; i--) {
        x->ours.status = (uint16_t)s->inform;
        if (failed(c, x, c->type->head(c->engine, x, false))) return;
    }
    const bool connects =
        x->theirs.method == TC_METHOD_CONNECT; /* no end comes before the answer */
    if (a->script->at_head || ev->end || connects) answer(c, x, 0);
}

static void on_data(conn *c, const tc_event *ev)
{
    say_data(c, ev);
    if (c->pause_every > 0 && c->held == 0 && ++c->data_count % c->pause_every == 0) {
        c->held = ev->data.len;
        c->held_of = ev->x;
    } else {
        c->content += ev->data.len;
        c->type->took(c->engine, ev->x, ev->data.len);
    }
    if (ev->end && c->env.role == TC_SERVER) answer(c, ev->x, 0);
}

/* All that it points at is there. */
static void look_at_frame(const tc_frame *f)
{
    volatile uint64_t sum = f->type + f->sid + f->length;
    for (uint32_t i = 0; i < f->number_count; i++)
        sum += f->numbers[i].value + (f->numbers[i].name ? strlen(f->numbers[i].name) : 0);
    for (size_t i = 0; i < f->fields.len; i++)
        sum += (unsigned char)f->fields.at[i];
    (void)sum;
}

static void on_end(conn *c, tc_exchange *x)
{
    if (x->theirs.trailers.count) {
        say_of(c, x);
        say(c, "trailers");
        say_fields(c, &x->theirs.trailers);
        say(c, "\n");
    }
    if (c->env.role == TC_SERVER) answer(c, x, 0);
}

void conn_apply(conn *c, const tc_event *ev)
{
    if (ev->kind != TC_EV_DATA && ev->kind != TC_EV_RELEASED) c->in_data = false;
    switch (ev->kind) {
    case TC_EV_HEAD: on_head(c, ev); break;
    case TC_EV_DATA: on_data(c, ev); break;
    case TC_EV_END: on_end(c, ev->x); break;
    case TC_EV_RESET:
        say_of(c, ev->x);
        say(c, "reset %s\n", tc_err_name(ev->err));
        if (c->env.role == TC_SERVER) answer(c, ev->x, (unsigned)tc_err_status(ev->err));
        break;
    case TC_EV_PUSH:
        say_of(c, ev->x);
        say(c, "promised %.*s %.*s%s%s\n", TC_FMT(ev->x->ours.method_name),
            TC_FMT(ev->x->ours.path), ev->err ? " " : "", ev->err ? tc_err_name(ev->err) : "");
        if (!ev->err && c->wants_none) c->type->abort(c->engine, ev->x, TC_ERR_REFUSED);
        break;
    case TC_EV_RELEASED:
        if (ev->x->self) send_runs(c, ev->x);
        break;
    case TC_EV_CLOSED:
        say_of(c, ev->x);
        say(c, "closed%s%s\n", ev->err ? " " : "", ev->err ? tc_err_name(ev->err) : "");
        if (c->held_of == ev->x) c->held = 0;
        if (c->kept == ev->x) c->kept = NULL;
        c->closed++;
        part_with(c, ev->x);
        tc_exchange_fini(ev->x);
        tc_slab_put(&c->slab, ev->x);
        break;
    case TC_EV_NOTE:
        say(c, "note %c \"", ev->ours ? '>' : '<');
        say_bytes(c, ev->data);
        say(c, "\"\n");
        break;
    case TC_EV_FRAME: look_at_frame(ev->frame); break; /* no part of conversations */
    case TC_EV_FAILED: say(c, "failed %s\n", tc_err_name(ev->err)); break;
    }
}

/* Client: the next request, if there is one and the engine takes it. */
bool conn_ask(conn *c)
{
    if (c->env.role != TC_CLIENT || c->used == c->script_count) return false;
    if (!c->type->many_streams && !c->type->idle(c->engine)) return false;
    tc_exchange *x = tc_slab_get(&c->slab);
    if (!x) return false;
    const uint64_t nth = c->used + 1; /* the odd numbers: theirs are even */
    tc_exchange_init(x, c->tags ? 2 * nth - 1 : nth, (size_t)c->limits.exchange_bytes);
    const script *s = &c->scripts[c->used];
    app *a = app_of(c, x);
    tc_err err = a ? TC_OK : TC_ERR_NO_MEMORY;
    c->used++;
    tc_message *m = &x->ours;
    m->method_name = s->method;
    m->method = tc_method_of(s->method);
    m->path = s->path;
    m->authority = s->host;
    m->version = s->old ? TC_HTTP_1_0 : TC_HTTP_1_1;
    m->length = length_of(s);
    if (!err) err = add_fields(&m->fields, &x->arena, s->fields, s->field_count);
    if (!err) err = add_fields(&m->trailers, &x->arena, s->trailers, s->trailer_count);
    if (!err) err = c->type->start(c->engine, x, !sends_content(s) && !s->unknown);
    if (err == TC_ERR_FULL) { /* later */
        c->used--;
        tc_exchange_fini(x);
        tc_slab_put(&c->slab, x);
        return false;
    }
    if (err) {
        say_of(c, x);
        say(c, "refused %s\n", tc_err_name(err));
        tc_exchange_fini(x);
        tc_slab_put(&c->slab, x);
        return true;
    }
    adopt(c, x);
    send_rest(c, x, s);
    return true;
}

/* --- turns --- */

static bool write_out(conn *c)
{
    tc_run runs[16];
    uint64_t sid;
    bool fin;
    const size_t budget = c->write_max ? c->write_max : SIZE_MAX;
    const size_t count = c->type->output(c->engine, &sid, runs, 16, budget, &fin);
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (tc_buf_add(&c->out, tc_span_of(runs[i].at, runs[i].len))) abort();
        total += runs[i].len;
    }
    if (total == 0 && !fin) return false;
    c->our_end |= fin;
    c->type->wrote(c->engine, sid, total);
    c->type->acked(c->engine, sid, total);
    return true;
}

static void pump(conn *c)
{
    tc_event ev;
    for (bool moved = true; moved;) {
        moved = false;
        while (c->type->next(c->engine, &ev)) {
            conn_apply(c, &ev);
            moved = true;
        }
        if (conn_ask(c)) moved = true;
        while (write_out(c))
            moved = true;
    }
    tc_order order;
    while (c->type->order(c->engine, &order)) {
        c->ordered = true;
        c->linger = order.linger;
        say(c, "close%s\n", order.linger && !c->any_close ? " linger" : "");
    }
}

void conn_take_held(conn *c)
{
    const size_t held = c->held;
    c->held = 0;
    c->content += held;
    if (held) c->type->took(c->engine, c->held_of, held);
}

void conn_say_line(conn *c, const char *text)
{
    say(c, "%s\n", text);
}

/* One loan. What is lent lies in memory of just its size, so that a step past it is seen. */
static void lend(conn *c, bool fin)
{
    char *exact = malloc(c->carry.len ? c->carry.len : 1);
    if (!exact) abort();
    if (c->carry.len) memcpy(exact, c->carry.at, c->carry.len);
    c->type->feed(c->engine, c->now, 0, tc_span_of(exact, c->carry.len), fin);
    conn_take_held(c);
    pump(c);
    tc_buf_drop(&c->carry, c->type->fed(c->engine));
    free(exact);
}

void conn_feed(conn *c, tc_span bytes, bool fin)
{
    if (tc_buf_add(&c->carry, bytes)) abort();
    do
        lend(c, fin);
    while (c->held > 0);
}

static void free_parts(conn *c)
{
    if (c->slab.count != 0) {
        fprintf(stderr, "an exchange was not given back; log:\n%.*s", TC_FMT(tc_buf_span(&c->log)));
        abort();
    }
    tc_slab_fini(&c->slab);
    free(c->engine);
    tc_buf_fini(&c->log);
    tc_buf_fini(&c->out);
    tc_buf_fini(&c->carry);
}

void conn_cut(conn *c)
{
    for (int i = 0; i < CONN_OPEN && c->open[i]; i++) {
        tc_exchange_fini(c->open[i]);
        tc_slab_put(&c->slab, c->open[i]);
        c->open[i] = NULL;
    }
    c->type->fini(c->engine);
    free_parts(c);
}

void conn_fini(conn *c)
{
    if (c->slab.count > 0) { /* in the middle of things */
        c->type->drain(c->engine);
        conn_feed(c, (tc_span){0}, true);
    }
    c->type->fini(c->engine);
    free_parts(c);
}
