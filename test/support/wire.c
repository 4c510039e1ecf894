/* wire.c - see wire.h. */
// SPDX-License-Identifier: MIT
#include "support/wire.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "h0/h0.h"
#include "h1/h1.h"
#include "h2/h2.h"
#include "support/check.h"
#include "support/conn.h"
#include "support/wire_h2.h"
#include "support/wire_text.h"

enum { STEPS = 256, SPLITS_ALL = 2048, SPLITS_RANDOM = 200 };

typedef struct step {
    enum { BYTES, FIN, TICK, DRAIN } kind;
    tc_buf bytes;
    int64_t ms;
} step;

typedef struct talk {
    const char *path;
    int line; /* where it begins */
    tc_arena arena;
    const tc_engine_type *type;
    enum tc_role role;
    bool notes, any_close;
    bool pushes;    /* client: it takes them */
    bool greeted;   /* what both ends say first is not shown */
    wire_h2 writer; /* of their frames */
    tc_limits limits;
    script scripts[SCRIPTS], promised;
    size_t script_count;
    step steps[STEPS];
    size_t step_count;
    tc_buf events, output, reached; /* golden */
} talk;

/* --- reading the file --- */

static void wrong(const talk *t, int line, const char *what)
{
    fprintf(stderr, "%s:%d: %s\n", t->path, line, what);
    exit(2);
}

static bool is(tc_span s, const char *text)
{
    return tc_span_eq(s, tc_span_str(text));
}

static void read_parts(talk *t, int line, tc_span rest, script *s)
{
    tc_span w, value;
    uint64_t number;
    while (tc_span_trim(rest).len > 0) {
        const bool quoted = tc_span_trim(rest).at[0] == '"';
        if (!wire_word(&t->arena, &rest, &w)) break;
        if (quoted)
            s->runs[s->run_count++] = w;
        else if (is(w, "at-head"))
            s->at_head = true;
        else if (is(w, "push") && wire_word(&t->arena, &rest, &value))
            s->pushes[s->push_count++] = value;
        else if (is(w, "unknown"))
            s->unknown = true;
        else if (is(w, "field") && wire_word(&t->arena, &rest, &value))
            s->fields[s->field_count++] = value;
        else if (is(w, "trailer") && wire_word(&t->arena, &rest, &value))
            s->trailers[s->trailer_count++] = value;
        else if (is(w, "host") && wire_word(&t->arena, &rest, &value))
            s->host = value;
        else if (is(w, "version") && wire_word(&t->arena, &rest, &value))
            s->old = is(value, "1.0");
        else if (is(w, "inform") && wire_word(&t->arena, &rest, &value) &&
                 tc_span_number(value, &number))
            s->inform = (unsigned)number;
        else if (tc_span_number(w, &number))
            s->status = (unsigned)number;
        else
            wrong(t, line, "no such word");
    }
}

static bool speaks_frames(const talk *t)
{
    return t->type == &tc_h2_type;
}

/* "client> bytes" and "client*9> bytes": the bytes, or the frame, as often as asked for. Of ours,
 * frames stay text. */
static void read_bytes(talk *t, int line, tc_span text, bool theirs, tc_buf *b)
{
    const size_t mark = tc_span_find(text, '>');
    tc_span rest = tc_span_from(text, mark + 1);
    uint64_t times = 1;
    const size_t star = tc_span_find(tc_span_first(text, mark), '*');
    if (star < mark && !tc_span_number(tc_span_of(text.at + star + 1, mark - star - 1), &times))
        wrong(t, line, "no number");
    if (tc_span_starts(rest, TC_SPAN(" "))) rest = tc_span_from(rest, 1);
    for (; times > 0; times--) {
        if (!speaks_frames(t)) {
            wire_add(b, wire_unescape(&t->arena, tc_span_trim(rest)));
        } else if (!theirs) {
            wire_add(b, rest);
            wire_add(b, TC_SPAN("\n"));
        } else {
            const char *what = wire_h2_write(&t->writer, &t->arena, rest, b);
            if (what) wrong(t, line, what);
        }
    }
}

/* The last step, if it is bytes; else a new one. */
static tc_buf *more_bytes(talk *t)
{
    if (t->step_count == 0 || t->steps[t->step_count - 1].kind != BYTES) {
        tc_buf_init(&t->steps[t->step_count].bytes, CONN_BUF_MAX);
        t->steps[t->step_count++].kind = BYTES;
    }
    return &t->steps[t->step_count - 1].bytes;
}

/* What both ends say first, unless a conversation is about that. */
static void greet(talk *t, int line)
{
    static const char *const lines[] = {"> PREFACE", "> SETTINGS", "> SETTINGS ACK"};
    t->greeted = true;
    for (int i = t->role == TC_SERVER ? 0 : 1; i < 3; i++)
        read_bytes(t, line, tc_span_str(lines[i]), true, more_bytes(t));
}

static void read_engine(talk *t, int line, tc_span name)
{
    if (is(name, "h0"))
        t->type = &tc_h0_type;
    else if (is(name, "h1"))
        t->type = &tc_h1_type;
    else if (is(name, "h2"))
        t->type = &tc_h2_type;
    else
        wrong(t, line, "no such engine");
}

static void read_line(talk *t, int line, tc_span text)
{
    const char *ours = t->role == TC_SERVER ? "server" : "client";
    const char *theirs = t->role == TC_SERVER ? "client" : "server";
    tc_span rest = text, first;
    uint64_t ms;
    if (text.len == 0 || text.at[0] == '#' || !wire_word(&t->arena, &rest, &first)) return;
    if (t->step_count == STEPS || t->script_count == SCRIPTS) wrong(t, line, "too long");
    step *s = &t->steps[t->step_count];
    rest = tc_span_trim(rest);
    if (is(first, "role")) {
        t->role = is(rest, "client") ? TC_CLIENT : TC_SERVER;
    } else if (is(first, "engine")) {
        read_engine(t, line, rest);
    } else if (is(first, "greet")) {
        greet(t, line);
    } else if (is(first, "pushes")) {
        t->pushes = true;
    } else if (is(first, "promised:")) {
        read_parts(t, line, rest, &t->promised);
    } else if (is(first, "notes")) {
        t->notes = true;
    } else if (is(first, "linger")) {
        t->any_close = true;
    } else if (is(first, "limit")) {
        if (tc_limits_set(&t->limits, rest)) wrong(t, line, "no such limit");
    } else if (is(first, "answer:")) {
        read_parts(t, line, rest, &t->scripts[t->script_count++]);
    } else if (is(first, "request:")) {
        script *q = &t->scripts[t->script_count++];
        if (!wire_word(&t->arena, &rest, &q->method) || !wire_word(&t->arena, &rest, &q->path))
            wrong(t, line, "no target");
        read_parts(t, line, rest, q);
    } else if (is(first, "event:")) {
        wire_add(&t->events, rest);
        wire_add(&t->events, TC_SPAN("\n"));
    } else if (is(first, "reached:")) {
        wire_add(&t->reached, rest);
    } else if (is(first, "fin") || is(first, "drain")) {
        *s = (step){.kind = is(first, "fin") ? FIN : DRAIN};
        t->step_count++;
    } else if (is(first, "tick") && tc_span_number(rest, &ms)) {
        *s = (step){.kind = TICK, .ms = (int64_t)ms};
        t->step_count++;
    } else if (tc_span_starts(text, tc_span_str(ours))) {
        read_bytes(t, line, text, false, &t->output);
    } else if (tc_span_starts(text, tc_span_str(theirs))) {
        read_bytes(t, line, text, true, more_bytes(t));
    } else {
        wrong(t, line, "no such directive");
    }
}

static tc_span read_file(const char *path)
{
    static char text[1 << 20];
    FILE *f = fopen(path, "rb");
    if (!f) return (tc_span){0};
    const size_t len = fread(text, 1, sizeof text, f);
    (void)fclose(f);
    return tc_span_of(text, len);
}

/* Takes one conversation off the file: up to a line of three dashes. */
static bool talk_take(talk *t, const char *path, int *line, tc_span *rest)
{
    if (rest->len == 0) return false;
    memset(t, 0, sizeof *t);
    t->path = path;
    t->line = *line;
    t->type = &tc_h1_type;
    t->role = TC_SERVER;
    t->limits = tc_limits_default;
    tc_arena_init(&t->arena, NULL, 0, CONN_BUF_MAX);
    tc_buf_init(&t->events, CONN_BUF_MAX);
    tc_buf_init(&t->output, CONN_BUF_MAX);
    tc_buf_init(&t->reached, CONN_BUF_MAX);
    while (rest->len > 0) {
        const size_t end = tc_span_find(*rest, '\n');
        const tc_span text = tc_span_trim(tc_arena_copy(&t->arena, tc_span_first(*rest, end)));
        *rest = tc_span_from(*rest, end + 1);
        ++*line;
        if (is(text, "---")) break;
        read_line(t, *line - 1, text);
    }
    if (speaks_frames(t)) {
        wire_sort(&t->events, false);
        wire_sort(&t->output, true);
    }
    return true;
}

static void talk_fini(talk *t)
{
    for (size_t i = 0; i < t->step_count; i++)
        if (t->steps[i].kind == BYTES) tc_buf_fini(&t->steps[i].bytes);
    tc_arena_fini(&t->arena);
    tc_buf_fini(&t->events);
    tc_buf_fini(&t->output);
    tc_buf_fini(&t->reached);
}

/* --- playing it --- */

/* How a run of bytes is cut: at every byte, or at one point of all. */
typedef struct way {
    bool bytewise;
    size_t at; /* 0: nowhere */
    size_t write_max, pause_every;
} way;

static void begin(conn *c, const talk *t, const way *w)
{
    conn_init_as(c, t->type, t->role, t->pushes, &t->limits);
    c->tags = speaks_frames(t);
    c->promised = t->promised;
    c->env.notes = t->notes;
    c->any_close = t->any_close;
    c->script_count = t->script_count;
    c->write_max = w->write_max;
    c->pause_every = w->pause_every;
    memcpy(c->scripts, t->scripts, sizeof c->scripts);
    if (t->script_count == 0) c->scripts[0] = (script){.status = 200};
    if (t->role == TC_CLIENT) conn_feed(c, (tc_span){0}, false);
}

static void play(conn *c, const talk *t, const way *w)
{
    size_t fed = 0;
    for (size_t i = 0; i < t->step_count; i++) {
        const step *s = &t->steps[i];
        tc_span bytes = s->kind == BYTES ? tc_buf_span(&s->bytes) : (tc_span){0};
        switch (s->kind) {
        case BYTES:
            if (w->bytewise)
                while (bytes.len > 0)
                    conn_feed(c, tc_span_take(&bytes, 1), false);
            if (w->at > fed && w->at - fed < bytes.len) {
                conn_feed(c, tc_span_take(&bytes, w->at - fed), false);
                fed = w->at;
            }
            fed += bytes.len;
            if (bytes.len > 0) conn_feed(c, bytes, false);
            break;
        case FIN: conn_feed(c, (tc_span){0}, true); break;
        case TICK:
            c->now += s->ms * TC_MS;
            if (c->type->deadline(c->engine) <= c->now) c->type->tick(c->engine, c->now);
            conn_feed(c, (tc_span){0}, false);
            break;
        case DRAIN:
            c->type->drain(c->engine);
            conn_feed(c, (tc_span){0}, false);
            break;
        }
    }
}

static void reached_text(conn *c, tc_buf *out)
{
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        if (*tc_reached_at(&c->reached, &tc_limit_rows[i]) == 0) continue;
        if (out->len) wire_add(out, TC_SPAN(" "));
        wire_add(out, tc_span_str(tc_limit_rows[i].name));
    }
}

/* What an engine of frames said, as lines in the order that counts. */
static void in_words(const talk *t, conn *c)
{
    tc_buf lines;
    tc_buf_init(&lines, CONN_BUF_MAX);
    wire_h2_read(tc_buf_span(&c->out), &lines);
    wire_sort(&lines, true);
    wire_sort(&c->log, false);
    tc_span rest = tc_buf_span(&lines);
    static const char *const first[] = {"PREFACE", "SETTINGS ", "SETTINGS ACK"};
    for (int i = t->role == TC_CLIENT ? 0 : 1; t->greeted && i < 3; i++)
        if (tc_span_starts(rest, tc_span_str(first[i])))
            rest = tc_span_from(rest, tc_span_find(rest, '\n') + 1);
    tc_buf_reset(&c->out);
    wire_add(&c->out, rest);
    tc_buf_fini(&lines);
}

static void show(const char *name, const char *prefix, tc_span text, bool lines)
{
    fprintf(stderr, "--- %s\n%s", name, prefix);
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        if (c == '\n' && lines)
            fprintf(stderr, "\n%s", i + 1 < text.len ? prefix : "");
        else if (c == '\n')
            fprintf(stderr, "\\n%s%s", i + 1 < text.len ? "\n" : "",
                    i + 1 < text.len ? prefix : "");
        else if (c == '\r')
            fprintf(stderr, "\\r");
        else
            fprintf(stderr, c < 0x20 || c > 0x7e ? "\\x%02x" : "%c", c);
    }
    fprintf(stderr, "\n");
}

static bool play_way(const talk *t, const way *w)
{
    static conn c;
    tc_buf reached;
    tc_buf_init(&reached, 4096);
    begin(&c, t, w);
    play(&c, t, w);
    if (speaks_frames(t)) in_words(t, &c);
    reached_text(&c, &reached);
    const bool good = tc_span_eq(tc_buf_span(&c.log), tc_buf_span(&t->events)) &&
                      tc_span_eq(tc_buf_span(&c.out), tc_buf_span(&t->output)) &&
                      tc_span_eq(tc_buf_span(&reached), tc_buf_span(&t->reached));
    if (!good) {
        fprintf(stderr, "%s:%d: %s, cut at %zu, writing %zu, pausing %zu\n", t->path, t->line,
                w->bytewise ? "byte by byte" : "whole", w->at, w->write_max, w->pause_every);
        show("events", "event: ", tc_buf_span(&c.log), true);
        show("output", t->role == TC_SERVER ? "server> " : "client> ", tc_buf_span(&c.out),
             speaks_frames(t));
        show("reached", "reached: ", tc_buf_span(&reached), true);
    }
    tc_buf_fini(&reached);
    conn_fini(&c);
    return good;
}

static size_t length_of(const step *s)
{
    return s->kind == BYTES ? s->bytes.len : 0;
}

static bool play_talk(const talk *t)
{
    size_t total = 0;
    for (size_t i = 0; i < t->step_count; i++)
        total += length_of(&t->steps[i]);
    bool good = play_way(t, &(way){.bytewise = false});
    good = good && play_way(t, &(way){.bytewise = true});
    good = good && play_way(t, &(way){.bytewise = true, .write_max = 1, .pause_every = 1});
    good = good && play_way(t, &(way){.write_max = 3, .pause_every = 2});
    for (size_t at = 1; good && at < total && at < SPLITS_ALL; at++)
        good = play_way(t, &(way){.at = at, .pause_every = at % 4});
    for (size_t i = 0; good && i < SPLITS_RANDOM && total > SPLITS_ALL; i++)
        good = play_way(t, &(way){.at = 1 + check_random_below(total - 1)});
    return good;
}

bool wire_play(const char *path)
{
    static talk t;
    tc_span rest = read_file(path);
    bool good = rest.len > 0;
    int line = 1;
    if (!good) fprintf(stderr, "%s: cannot be read\n", path);
    while (talk_take(&t, path, &line, &rest)) {
        good = play_talk(&t) && good;
        talk_fini(&t);
    }
    return good;
}

void wire_torture(const char *path, int64_t allocations)
{
    static talk t;
    static conn c;
    tc_span rest = read_file(path);
    int line = 1;
    while (talk_take(&t, path, &line, &rest)) {
        for (int64_t n = 0; n < allocations; n++) {
            const way w = {.at = (size_t)n * 7, .write_max = (size_t)n};
            begin(&c, &t, &w);
            tc_alloc_fail_after(n);
            play(&c, &t, &w);
            tc_alloc_fail_after(-1);
            conn_fini(&c);
        }
        talk_fini(&t);
    }
}

size_t wire_seeds(const char *path, void (*take)(void *to, const wire_seed *seed), void *to)
{
    static talk t;
    tc_span rest = read_file(path);
    int line = 1;
    size_t count = 0;
    while (talk_take(&t, path, &line, &rest)) {
        tc_buf all;
        tc_buf_init(&all, CONN_BUF_MAX);
        for (size_t i = 0; i < t.step_count; i++)
            if (t.steps[i].kind == BYTES) wire_add(&all, tc_buf_span(&t.steps[i].bytes));
        take(to, &(wire_seed){tc_buf_span(&all), t.type->name, t.role == TC_SERVER, t.pushes});
        tc_buf_fini(&all);
        talk_fini(&t);
        count++;
    }
    return count;
}
