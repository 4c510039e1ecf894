/* bench.c - `tercet bench`: puts load on a server and says what it cost both sides. */
// SPDX-License-Identifier: MIT
#include "load/bench.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "ask/prepare.h"
#include "ask/proxies.h"
#include "base/alloc.h"
#include "run/authority.h"
#include "run/command.h"
#include "run/failure.h"
#include "run/secure.h"

enum { OUT_MAX = 1024 * 1024, COMPLAINT_MAX = 65536, URL_ARENA = 65536, DEFAULT_S = 5 };

typedef struct settings {
    uint64_t connections, streams, count, rate;
    int64_t time_ns;
    int version, color;
    bool once, resume, handshakes, json, insecure;
    const char *cacert, *method, *data, *proxy;
    tc_option_list limits;
} settings;

static const tc_option options[] = {
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "How much:", 0, 0},
    {"connections", 'c', TC_OPTION_NUMBER, offsetof(settings, connections), "N",
     "connections at a time; 10 if not given.", 1, 65536},
    {"streams", 'm', TC_OPTION_NUMBER, offsetof(settings, streams), "N",
     "requests at a time on each of them; 1 if not given. HTTP/1.1 takes one.", 1, 1000},
    {"duration", 'd', TC_OPTION_SECONDS, offsetof(settings, time_ns), "SECONDS",
     "how long; 5 if neither this nor -n is given.", 0, 0},
    {"requests", 'n', TC_OPTION_NUMBER, offsetof(settings, count), "N",
     "how many requests, or handshakes, in all.", 1, 0},
    {"rate", 0, TC_OPTION_NUMBER, offsetof(settings, rate), "N",
     "so many requests, or handshakes, begin each second, whatever becomes of those before, and "
     "count from when they were due; else each begins as soon as one before it is answered.",
     1, 10000000},
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "In which way:", 0, 0},
    {"method", 'X', TC_OPTION_TEXT, offsetof(settings, method), "METHOD",
     "the method; GET, or with content POST, if not given.", 0, 0},
    {"data", 0, TC_OPTION_TEXT, offsetof(settings, data), "TEXT|@FILE",
     "the content of each request: this text, or a file.", 0, 0},
    {"http", 0, TC_OPTION_CHOICE, offsetof(settings, version), "best|1.1|2|3",
     "the version of HTTP, and no other; best, the default, is what the server chooses over https, "
     "and 1.1 over http.",
     0, 0},
    {"no-keep-alive", 0, TC_OPTION_FLAG, offsetof(settings, once), NULL,
     "a connection for each request.", 0, 0},
    {"resume", 0, TC_OPTION_FLAG, offsetof(settings, resume), NULL,
     "with --no-keep-alive: handshakes come back to earlier ones; else each is a full one.", 0, 0},
    {"handshakes", 0, TC_OPTION_FLAG, offsetof(settings, handshakes), NULL,
     "only makes connections, with their TLS or QUIC handshake, and closes them.", 0, 0},
    {"proxy", 'x', TC_OPTION_TEXT, offsetof(settings, proxy), "URL",
     TC_PROXY_HELP "The environment is not heeded: nobody puts load on a proxy by chance.", 0, 0},
    {"cacert", 0, TC_OPTION_TEXT, offsetof(settings, cacert), "FILE",
     "only the authorities in FILE (PEM) are known; else the system's, and this machine's own.", 0,
     0},
    {"insecure", 'k', TC_OPTION_FLAG, offsetof(settings, insecure), NULL,
     "believes whoever answers: certificates are not verified.", 0, 0},
    {"limit", 0, TC_OPTION_LIST, offsetof(settings, limits), "NAME=VALUE",
     "sets a limit on what a server may make the client hold or wait for; tercet(1) lists them.", 0,
     0},
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "What is shown:", 0, 0},
    {"json", 0, TC_OPTION_FLAG, offsetof(settings, json), NULL, "prints one JSON object.", 0, 0},
    {"color", 0, TC_OPTION_CHOICE, offsetof(settings, color), TC_COLOR_WORDS,
     "colours; auto: on a terminal, unless NO_COLOR is set.", 0, 0},
};

static int bench(const tc_command *c, int argc, char **argv);

const tc_command tc_command_bench = {
    .name = "bench",
    .operands = "URL [ITEM]...",
    .summary = "puts load on a server and measures it",
    .about =
        "Asks for a URL again and again on several connections, each as soon as it has the answer "
        "before or at a rate, and prints how many requests were answered in a second, how long "
        "they took, and what that cost this program and, if it is on this machine, the server.\n"
        "\n"
        "Items are fields (Name:value) and content (key=value, key:=json, @file) as with `tercet "
        "get`. Redirects are answers like others. Ctrl-C ends early, with what was measured. Only "
        "put load on servers that are yours.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "  tercet bench :8080/\n"
                "  tercet bench -c 100 -d 10 https://localhost:8443/\n"
                "  tercet bench -m 32 -n 100000 --http 3 https://localhost:8443/test.html\n"
                "  tercet bench --rate 2000 -c 50 -d 30 https://localhost:8443/\n"
                "  tercet bench --handshakes https://localhost:8443/\n",
    .run = bench,
};

/* What contradicts itself. 0: nothing does. */
static int check(const tc_command *c, const settings *s, const tc_request *r)
{
    const bool secure = tc_span_eq(r->url.scheme, TC_SPAN("https"));
    if (r->content.kind == TC_CONTENT_STREAM)
        return tc_command_complain(c, "content from a stream cannot be sent again and again");
    if (s->handshakes && (s->method || r->content.kind != TC_CONTENT_NONE))
        return tc_command_complain(c, "--handshakes sends no requests: method and content have no "
                                      "use");
    if (s->streams > 1 && s->once)
        return tc_command_complain(c, "--no-keep-alive: a connection has one request, not -m %llu",
                                   (unsigned long long)s->streams);
    if (s->streams > 1 && r->version == TC_HTTP_1_1)
        return tc_command_complain(c, "HTTP/1.1 takes one request at a time, not -m %llu",
                                   (unsigned long long)s->streams);
    if (s->resume && !s->once)
        return tc_command_complain(c, "--resume needs --no-keep-alive: a server gives its ticket "
                                      "behind the handshake");
    if (s->resume && !secure) return tc_command_complain(c, "--resume is for https:// alone");
    if (s->handshakes && s->once)
        return tc_command_complain(c, "--handshakes sends no requests: --no-keep-alive has no use");
    if (r->version == TC_HTTP_3 && !secure)
        return tc_command_complain(c, "HTTP/3 is for https:// alone");
    if (s->insecure && s->cacert)
        return tc_command_complain(c, "--insecure verifies nothing: --cacert has no use");
    return 0;
}

static void set_trust(tc_bench *b, const settings *s, tc_authority_files *own)
{
    if (tc_span_eq(b->request.url.scheme, TC_SPAN("https"))) {
        tc_secure_key_log();
        if (s->insecure) tc_secure_doubt(b->term);
    }
    b->tls.authorities[0] = s->cacert;
    b->tls.insecure = s->insecure;
    if (!s->cacert && tc_authority_names(own) && access(own->authority, R_OK) == 0)
        b->tls.authorities[1] = own->authority;
}

/* Who is on the way. 0: nothing is wrong with it. */
static int set_proxy(const tc_command *c, tc_bench *b, const settings *s, tc_proxies *proxies,
                     tc_arena *a)
{
    const tc_request *r = &b->request;
    const int code = tc_proxies_take(c, s->proxy, NULL, false, proxies);
    if (code) return code;
    b->proxy = tc_proxies_find(proxies, &r->url);
    if (!b->proxy) return 0;
    if (tc_client_needs_quic(r->version))
        return tc_command_complain(c, "HTTP/3 is over QUIC (UDP), which no proxy for TCP carries");
    if (b->proxy->secure) tc_secure_key_log();
    const tc_err err = tc_way_via(a, &r->url, b->proxy, r->version, &b->via);
    b->via.limits = &b->limits;
    b->via.reached = &b->reached;
    return err ? tc_command_complain(c, "%s", tc_err_sentence(err)) : 0;
}

static int put_out(tc_buf *out, tc_err err)
{
    if (!err && (fwrite(out->at, 1, out->len, stdout) != out->len || fflush(stdout)))
        err = TC_ERR_WRITE_FILE;
    if (err) fprintf(stderr, "tercet: %s\n", tc_err_sentence(err));
    return err ? tc_err_exit(err) : 0;
}

/* The error that was met most often. */
static tc_err most_frequent(const tc_bench *b)
{
    int most = 0;
    for (int i = 1; i < TC_BENCH_ERRORS; i++)
        if (b->errors[i] > b->errors[most]) most = i;
    return (tc_err)-most;
}

/* Prints what was measured. */
static int report(const tc_bench *b, const settings *s, tc_span url)
{
    tc_term term;
    tc_buf out;
    tc_term_init(&term, STDOUT_FILENO, (enum tc_color_when)s->color);
    tc_buf_init(&out, OUT_MAX);
    const int code =
        put_out(&out, s->json ? tc_bench_json(b, url, &out) : tc_bench_text(b, &term, &out));
    tc_buf_fini(&out);
    if (code) return code;
    if (b->interrupted) return tc_err_exit(TC_ERR_INTERRUPTED);
    return b->done ? 0 : tc_err_exit(most_frequent(b));
}

static int cannot(const tc_bench *b, tc_err err, const tc_term *term, tc_span url)
{
    tc_buf out;
    tc_buf_init(&out, OUT_MAX);
    const tc_failure failure = {err, "connect", url, tc_span_str(b->why)};
    if (tc_failure_text(&failure, term, &out) == TC_OK)
        fprintf(stderr, "%.*s", TC_FMT(tc_buf_span(&out)));
    tc_buf_fini(&out);
    return tc_err_exit(err);
}

static int run(const tc_command *c, const settings *s, const tc_prepared *p, tc_arena *a)
{
    tc_term term;
    tc_authority_files own;
    tc_bench b = {.connections = s->connections,
                  .streams = s->streams,
                  .count = s->count,
                  .rate = s->rate,
                  .time_ns = s->time_ns,
                  .once = s->once,
                  .handshakes = s->handshakes,
                  .resume = s->resume,
                  .term = &term};
    if (p->items.url_count > 1) return tc_command_complain(c, "one URL at a time");
    if (!tc_command_limits(c, &s->limits, &b.limits)) return tc_err_exit(TC_ERR_USAGE);
    tc_err err = tc_prepared_request(p, a, p->items.urls[0], &b.request);
    if (err) return tc_command_complain(c, "%s", tc_err_sentence(err));
    tc_proxies proxies;
    int code = check(c, s, &b.request);
    if (code) return code;
    code = set_proxy(c, &b, s, &proxies, a);
    if (code) {
        tc_proxies_fini(&proxies);
        return code;
    }
    if (!b.count && !b.time_ns) b.time_ns = DEFAULT_S * TC_S;
    if (b.count && b.connections > b.count) b.connections = b.count;
    if (b.limits.tls_sessions < b.connections) b.limits.tls_sessions = b.connections;
    tc_term_init(&term, STDERR_FILENO, (enum tc_color_when)s->color);
    set_trust(&b, s, &own);
    err = tc_bench_run(&b);
    code = err && !b.interrupted ? cannot(&b, err, &term, p->items.urls[0])
                                 : report(&b, s, p->items.urls[0]);
    tc_proxies_fini(&proxies);
    tc_free(b.latency);
    tc_free(b.opening);
    return code;
}

static int bench(const tc_command *c, int argc, char **argv)
{
    static const enum tc_version versions[] = {TC_HTTP_NONE, TC_HTTP_1_1, TC_HTTP_2, TC_HTTP_3};
    settings s = {.connections = 10, .streams = 1};
    tc_command_line line;
    tc_prepared prepared;
    tc_arena arena;
    tc_buf complaint;
    if (!tc_command_parse(c, argc, argv, &s, &line)) return line.exit_code;
    tc_buf_init(&complaint, COMPLAINT_MAX);
    tc_arena_init(&arena, NULL, 0, URL_ARENA);
    const tc_err err =
        tc_prepare(&prepared, s.method ? tc_span_str(s.method) : (tc_span){0}, versions[s.version],
                   s.data, line.operand_count, line.operands, &complaint);
    int code;
    if (err)
        code = tc_command_complain(
            c, "%.*s",
            TC_FMT(complaint.len ? tc_buf_span(&complaint) : tc_span_str(tc_err_sentence(err))));
    else
        code = run(c, &s, &prepared, &arena);
    tc_arena_fini(&arena);
    tc_buf_fini(&complaint);
    tc_prepared_fini(&prepared);
    return err ? tc_err_exit(err) : code;
}
