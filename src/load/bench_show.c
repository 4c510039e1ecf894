/* bench_show.c - what `tercet bench` measured: for people, as JSON, and the live line. */
// SPDX-License-Identifier: MIT
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "load/bench.h"
#include "run/units.h"

enum { BAR = 40, LINE = 256, LAG_PARTS = 100 };

/* Of what there was of the time. */
static const double busy_percent = 90, waited_percent = 10;

static const struct {
    double part;
    const char *name, *key;
} parts[] = {
    {0.5, "p50", "p50"}, {0.9, "p90", "p90"}, {0.99, "p99", "p99"}, {0.999, "p99.9", "p99_9"}};

enum { PARTS = sizeof parts / sizeof *parts };

static double seconds(const tc_bench *b)
{
    return (double)(b->ended - b->began) / (double)TC_S;
}

static double per(double value, double of)
{
    return of > 0 ? value / of : 0;
}

static double ours(const tc_bench *b)
{
    return b->cpu_after.user - b->cpu_before.user + b->cpu_after.system - b->cpu_before.system;
}

static double theirs(const tc_bench *b)
{
    return b->cpu_after.server - b->cpu_before.server;
}

/* The same processes at both times, or it cannot be told. */
static bool knows_server(const tc_bench *b)
{
    return b->cpu_after.processes && b->cpu_after.processes == b->cpu_before.processes;
}

static uint64_t error_statuses(const tc_bench *b)
{
    uint64_t n = 0;
    for (unsigned i = 400; i < TC_BENCH_STATUSES; i++)
        n += b->statuses[i];
    return n;
}

bool tc_bench_was_bottleneck(const tc_bench *b)
{
    return b->done && per(ours(b), seconds(b)) * 100 >= busy_percent;
}

static double waited(const tc_bench *b)
{
    return b->cpu_after.waited - b->cpu_before.waited;
}

bool tc_bench_was_held_up(const tc_bench *b)
{
    return per(waited(b), seconds(b)) * 100 >= waited_percent;
}

bool tc_bench_lagged(const tc_bench *b)
{
    return b->not_begun * LAG_PARTS > b->begun;
}

/* Adds until the first error, which stays. */
typedef struct writer {
    tc_buf *out;
    const tc_term *term;
    tc_err err;
} writer;

__attribute__((format(printf, 2, 3))) static void add(writer *w, const char *format, ...)
{
    char text[LINE];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!w->err && n > 0) w->err = tc_buf_add(w->out, tc_span_str(text));
}

/* Thousandths of a millisecond matter here. */
static void add_time(writer *w, int64_t ns)
{
    if (ns < 10 * TC_MS)
        add(w, "%.3f ms", (double)ns / (double)TC_MS);
    else if (!w->err)
        w->err = tc_units_time(w->out, ns);
}

static void add_rounded(writer *w, uint64_t n)
{
    if (!w->err) w->err = tc_units_rounded(w->out, n);
}

static void add_number(writer *w, uint64_t n)
{
    if (!w->err) w->err = tc_text_thousands(w->out, n);
}

static void label(writer *w, const char *text)
{
    add(w, "  %s%-12s%s", tc_term_style(w->term, TC_STYLE_CYAN), text,
        tc_term_style(w->term, TC_STYLE_PLAIN));
}

/* --- the live line ------------------------------------------------------------------------- */

void tc_bench_live(const tc_bench *b, int64_t now)
{
    tc_buf line;
    const double took = (double)(now - b->began) / (double)TC_S;
    if (!b->term->is_terminal || took <= 0) return;
    tc_buf_init(&line, LINE);
    writer w = {.out = &line, .term = b->term};
    add(&w, "\r\033[K  %.1f s   ", took);
    add_number(&w, (uint64_t)((double)b->done / took));
    add(&w, " %s/s   ", b->handshakes ? "handshakes" : "requests");
    add_rounded(&w, (uint64_t)((double)b->bytes_in / took));
    add(&w, "/s   ");
    add_number(&w, b->failed + error_statuses(b));
    add(&w, " errors");
    if (!w.err && write(b->term->fd, line.at, line.len) < 0) w.err = TC_ERR_WRITE_FILE;
    tc_buf_fini(&line);
}

void tc_bench_live_end(const tc_bench *b)
{
    static const char clear[] = "\r\033[K";
    if (b->term->is_terminal && write(b->term->fd, clear, sizeof clear - 1) < 0) return;
}

/* Of fewer times the part would be the longest of them. */
static bool can_tell(const tc_histogram *h, double part)
{
    return (double)h->count * (1 - part) > 0.999;
}

/* --- for people ---------------------------------------------------------------------------- */

static void add_parts(writer *w, const char *name, const tc_histogram *h)
{
    if (!h->count) return;
    label(w, name);
    for (unsigned i = 0; i < PARTS; i++) {
        if (!can_tell(h, parts[i].part)) continue;
        add(w, "%s ", parts[i].name);
        add_time(w, tc_histogram_part(h, parts[i].part));
        add(w, "   ");
    }
    add(w, "max ");
    add_time(w, h->most);
    add(w, "\n");
}

/* Steps of 1, 2 and 5. */
static int64_t next_bound(int64_t bound)
{
    int64_t first = bound;
    while (first >= 10)
        first /= 10;
    return first == 2 ? bound / 2 * 5 : bound * 2;
}

static void add_row(writer *w, int64_t bound, uint64_t n, uint64_t most, uint64_t all)
{
    static const char bar[BAR + 1] = "########################################";
    const int length = (int)((n * BAR + most - 1) / most);
    add(w, "  < %7g ms  %s%-*.*s%s %5.1f %%\n", (double)bound / (double)TC_MS,
        tc_term_style(w->term, TC_STYLE_GREEN), BAR, length, bar,
        tc_term_style(w->term, TC_STYLE_PLAIN), 100 * (double)n / (double)all);
}

/* One row for each step between the shortest and the longest time. */
static void add_picture(writer *w, const tc_histogram *h)
{
    uint64_t most = 0;
    for (int pass = 0; pass < 2 && h->count; pass++) {
        uint64_t before = 0;
        for (int64_t bound = 1000; before < h->count; bound = next_bound(bound)) {
            const uint64_t below = bound > h->most ? h->count : tc_histogram_below(h, bound);
            const uint64_t n = below - before;
            if (n > most) most = n;
            if (pass && below) add_row(w, bound, n, most, h->count);
            before = below;
        }
    }
}

static void add_errors(writer *w, const tc_bench *b)
{
    label(w, "errors");
    add_number(w, b->failed + error_statuses(b));
    add(w, "\n");
    for (unsigned i = 400; i < TC_BENCH_STATUSES; i++)
        if (b->statuses[i])
            add(w, "  %12llu  %u %.*s\n", (unsigned long long)b->statuses[i], i,
                TC_FMT(tc_status_reason(i)));
    for (int i = 1; i < TC_BENCH_ERRORS; i++)
        if (b->errors[i])
            add(w, "  %12llu  %s\n", (unsigned long long)b->errors[i], tc_err_sentence((tc_err)-i));
}

static void note(writer *w, const char *text)
{
    add(w, "  %snote%s  %s\n", tc_term_style(w->term, TC_STYLE_YELLOW),
        tc_term_style(w->term, TC_STYLE_PLAIN), text);
}

static void add_cpu(writer *w, const tc_bench *b)
{
    const double took = seconds(b), done = (double)b->done;
    label(w, "CPU");
    add(w, "generator %.0f %%, %.1f us each", 100 * per(ours(b), took), 1e6 * per(ours(b), done));
    if (knows_server(b))
        add(w, "   server %.0f %%, %.1f us each", 100 * per(theirs(b), took),
            1e6 * per(theirs(b), done));
    else
        add(w, "   server's: not to be seen from here");
    add(w, "\n");
    if (tc_bench_was_bottleneck(b))
        note(w, "the generator had no time left: the server may be able to do more");
    if (tc_bench_was_held_up(b))
        note(w, "the generator waited for a core: other work, or the server, was on it");
    if (tc_bench_lagged(b))
        note(w, "the rate was not kept: with all connections busy, some were never begun");
}

static void add_connections(writer *w, const tc_bench *b)
{
    label(w, "connections");
    add_number(w, b->made);
    if (b->resume) {
        add(w, ", resumed ");
        add_number(w, b->resumed);
    }
    add(w, "   %.*s", TC_FMT(tc_version_name(b->version)));
    add(w, "   %s port %u\n", b->address, b->request.url.port);
}

tc_err tc_bench_text(const tc_bench *b, const tc_term *term, tc_buf *out)
{
    writer *w = &(writer){.out = out, .term = term};
    const double took = seconds(b);
    const char *what = b->handshakes ? "handshakes" : "requests";
    add_connections(w, b);
    label(w, what);
    add_number(w, b->done);
    add(w, " in %.2f s, %s", took, tc_term_style(term, TC_STYLE_BOLD));
    add_number(w, (uint64_t)per((double)b->done, took));
    add(w, " each second%s", tc_term_style(term, TC_STYLE_PLAIN));
    if (b->rate) {
        add(w, " of ");
        add_number(w, b->rate);
        add(w, " due");
    }
    if (b->not_begun) {
        add(w, ", ");
        add_number(w, b->not_begun);
        add(w, " not begun");
    }
    if (b->sent_again) add(w, ", %llu sent again", (unsigned long long)b->sent_again);
    add(w, "%s\n", b->interrupted ? "   (interrupted)" : "");
    if (!b->handshakes) {
        label(w, "bytes");
        add_rounded(w, b->bytes_in);
        add(w, " in, ");
        add_rounded(w, (uint64_t)per((double)b->bytes_in, took));
        add(w, "/s   ");
        add_rounded(w, b->bytes_out);
        add(w, " out   content ");
        add_rounded(w, b->content);
        add(w, "\n");
    }
    add_errors(w, b);
    if (!b->handshakes) add_parts(w, "opening", b->opening);
    add_parts(w, "time", b->latency);
    add_picture(w, b->latency);
    add_cpu(w, b);
    return w->err;
}

/* --- for programs -------------------------------------------------------------------------- */

static const char *word(bool yes)
{
    return yes ? "true" : "false";
}

static void json_times(writer *w, const char *key, const tc_histogram *h)
{
    add(w, ",\n \"%s\": ", key);
    if (!h->count) {
        add(w, "null");
        return;
    }
    add(w, "{");
    for (unsigned i = 0; i < PARTS; i++)
        if (can_tell(h, parts[i].part))
            add(w, "\"%s\": %.6f, ", parts[i].key,
                (double)tc_histogram_part(h, parts[i].part) / (double)TC_MS);
        else
            add(w, "\"%s\": null, ", parts[i].key);
    add(w, "\"max\": %.6f, \"mean\": %.6f, \"count\": %llu}", (double)h->most / (double)TC_MS,
        (double)h->sum / (double)h->count / (double)TC_MS, (unsigned long long)h->count);
}

static void json_errors(writer *w, const tc_bench *b)
{
    const char *comma = "";
    add(w, ",\n \"statuses\": {");
    for (unsigned i = 0; i < TC_BENCH_STATUSES; i++) {
        if (!b->statuses[i]) continue;
        add(w, "%s\"%u\": %llu", comma, i, (unsigned long long)b->statuses[i]);
        comma = ", ";
    }
    add(w, "},\n \"errors\": [");
    comma = "";
    for (int i = 1; i < TC_BENCH_ERRORS; i++) {
        if (!b->errors[i]) continue;
        add(w, "%s{\"name\": \"%s\", \"sentence\": \"%s\", \"count\": %llu}", comma,
            tc_err_name((tc_err)-i), tc_err_sentence((tc_err)-i), (unsigned long long)b->errors[i]);
        comma = ", ";
    }
    add(w, "]");
}

static void json_cpu(writer *w, const tc_bench *b)
{
    const tc_bench_cpu *from = &b->cpu_before, *to = &b->cpu_after;
    const double took = seconds(b), done = (double)b->done;
    add(w,
        ",\n \"cpu\": {\"generator\": {\"user_s\": %.6f, \"system_s\": %.6f, \"busy\": %.4f, "
        "\"us_each\": %.3f, \"waited_s\": %.6f}, \"server\": ",
        to->user - from->user, to->system - from->system, per(ours(b), took),
        1e6 * per(ours(b), done), waited(b));
    if (knows_server(b))
        add(w, "{\"processes\": %u, \"s\": %.2f, \"busy\": %.4f, \"us_each\": %.3f}", to->processes,
            theirs(b), per(theirs(b), took), 1e6 * per(theirs(b), done));
    else
        add(w, "null");
    add(w, "},\n \"generator_was_bottleneck\": %s, \"generator_was_held_up\": %s",
        word(tc_bench_was_bottleneck(b)), word(tc_bench_was_held_up(b)));
    add(w, ", \"rate_was_kept\": %s", b->rate ? word(!tc_bench_lagged(b)) : "null");
}

tc_err tc_bench_json(const tc_bench *b, tc_span url, tc_buf *out)
{
    writer *w = &(writer){.out = out};
    const tc_url *u = &b->request.url;
    const double took = seconds(b);
    add(w, "{\"version\": 1,\n \"url\": ");
    if (!w->err) w->err = tc_text_json(out, url);
    add(w, ",\n \"http\": \"%.*s\", \"address\": \"%s\", \"port\": %u",
        TC_FMT(tc_version_name(b->version)), b->address, u->port);
    add(w, ",\n \"connections\": %llu, \"streams\": %llu", (unsigned long long)b->connections,
        (unsigned long long)b->streams);
    add(w, ", \"keep_alive\": %s, \"resume\": %s, \"handshakes_only\": %s", word(!b->once),
        word(b->resume), word(b->handshakes));
    add(w, ",\n \"method\": ");
    if (!w->err) w->err = tc_text_json(out, b->request.method_name);
    if (b->rate)
        add(w, ", \"rate\": %llu", (unsigned long long)b->rate);
    else
        add(w, ", \"rate\": null");
    add(w, ",\n \"interrupted\": %s, \"seconds\": %.6f", word(b->interrupted), took);
    add(w, ",\n \"begun\": %llu, \"done\": %llu, \"failed\": %llu, \"unfinished\": %llu",
        (unsigned long long)b->begun, (unsigned long long)b->done, (unsigned long long)b->failed,
        (unsigned long long)b->unfinished);
    add(w, ", \"not_begun\": %llu", (unsigned long long)b->not_begun);
    add(w, ", \"sent_again\": %llu, \"per_second\": %.3f", (unsigned long long)b->sent_again,
        per((double)b->done, took));
    add(w, ",\n \"connections_made\": %llu, \"resumed\": %llu", (unsigned long long)b->made,
        (unsigned long long)b->resumed);
    add(w,
        ",\n \"bytes\": {\"in\": %llu, \"out\": %llu, \"content\": %llu, \"in_per_second\": %.0f}",
        (unsigned long long)b->bytes_in, (unsigned long long)b->bytes_out,
        (unsigned long long)b->content, per((double)b->bytes_in, took));
    json_errors(w, b);
    json_times(w, "time_ms", b->latency);
    json_times(w, "opening_ms", b->opening);
    json_cpu(w, b);
    add(w, "}\n");
    return w->err;
}
