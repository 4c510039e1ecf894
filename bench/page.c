/* page.c - loads one page as a browser does, for bench/hol: the document, then all that it names,
 * on at most so many connections; says when what came.
 *
 *     page VERSION CONNECTIONS AUTHORITIES URL PATH...
 *
 * VERSION is 1.1, 2 or 3; AUTHORITIES is a PEM file; each PATH is of the URL's origin. Prints in
 * monotonic ns: "wanted N NS", "head N NS STATUS", "data N NS BYTES", "end N NS ERROR" (0: none), N
 * being 0 for the document, and "connections COUNT". */
// SPDX-License-Identifier: MIT
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/fetch.h"

enum { PIECES = 65536, URL_ARENA = 4096 };

typedef struct part {
    tc_fetch fetch;
    tc_arena arena;
    int64_t wanted, head, end;
    unsigned number, status;
    tc_err err;
} part;

static struct {
    tc_loop *loop;
    tc_client client;
    tc_limits limits;
    tc_reached reached;
    enum tc_version version;
    unsigned connections;
    part *parts;
    unsigned count, left;
    struct {
        int64_t at;
        unsigned part;
        size_t bytes;
    } pieces[PIECES];
    unsigned piece_count;
} page;

static tc_err on_head(void *self, tc_exchange *x)
{
    part *p = self;
    p->head = tc_clock_now();
    p->status = x->theirs.status;
    return TC_OK;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    const part *p = self;
    (void)x;
    if (page.piece_count == PIECES) return TC_ERR_NO_MEMORY;
    page.pieces[page.piece_count].at = tc_clock_now();
    page.pieces[page.piece_count].part = p->number;
    page.pieces[page.piece_count++].bytes = run.len;
    return TC_OK;
}

static const tc_handler handler = {.name = "page", .on_head = on_head, .on_data = on_data};

/* What browsers say of how urgent it is (RFC 9218): style, script, then images in turns. */
static tc_err prioritize(part *p, const char *path)
{
    const char *end = strrchr(path, '.');
    const char *value = !end                        ? "u=0, i"
                        : strcmp(end, ".html") == 0 ? "u=0, i"
                        : strcmp(end, ".css") == 0  ? "u=0"
                        : strcmp(end, ".js") == 0   ? "u=1"
                                                    : "u=3, i";
    return tc_fields_add(&p->fetch.request.fields, &p->arena, TC_SPAN("priority"),
                         tc_span_str(value));
}

static void fail(const char *what, tc_err err)
{
    fprintf(stderr, "page: %s: %s\n", what, tc_err_sentence(err));
    exit(1);
}

static void done(tc_fetch *f, tc_err err);

/* The first ones may each make a connection, the others wait for one; a version whose connections
 * are shared makes one all the same. */
static void begin(part *p, const char *url, const char *path, bool patient)
{
    char text[1024];
    tc_arena_init(&p->arena, NULL, 0, URL_ARENA);
    snprintf(text, sizeof text, "%s%s", url, path);
    p->fetch = (tc_fetch){.client = &page.client,
                          .request = {.method = TC_METHOD_GET,
                                      .method_name = TC_SPAN("GET"),
                                      .version = page.version},
                          .patient = patient,
                          .limit_ns = 60 * TC_S,
                          .handler = &handler,
                          .self = p,
                          .done = done};
    const tc_span copy = tc_arena_copy(&p->arena, tc_span_str(text));
    tc_err err = tc_url_parse(&p->arena, copy, &p->fetch.request.url);
    if (!err) err = prioritize(p, path);
    if (err) fail(text, err);
    p->wanted = tc_clock_now();
    tc_fetch_begin(&p->fetch);
}

static char **words;

static void done(tc_fetch *f, tc_err err)
{
    part *p = f->self;
    p->end = tc_clock_now();
    p->err = err;
    if (p->number == 0 && !err)
        for (unsigned i = 1; i < page.count; i++)
            begin(&page.parts[i], words[0], words[i + 1], i > page.connections);
    if (--page.left == 0 || (p->number == 0 && err)) tc_loop_stop(page.loop);
}

static enum tc_version version_of(const char *word)
{
    if (strcmp(word, "3") == 0) return TC_HTTP_3;
    return strcmp(word, "2") == 0 ? TC_HTTP_2 : TC_HTTP_1_1;
}

static void say_all(void)
{
    for (unsigned i = 0; i < page.piece_count; i++)
        printf("data %u %lld %zu\n", page.pieces[i].part, (long long)page.pieces[i].at,
               page.pieces[i].bytes);
    for (unsigned i = 0; i < page.count; i++) {
        const part *p = &page.parts[i];
        printf("wanted %u %lld\n", i, (long long)p->wanted);
        printf("head %u %lld %u\n", i, (long long)p->head, p->status);
        printf("end %u %lld %d\n", i, (long long)p->end, (int)p->err);
    }
    printf("connections %llu\n", (unsigned long long)page.client.made);
}

static void put_away(void)
{
    for (unsigned i = 0; i < page.count; i++) {
        if (page.parts[i].wanted) tc_fetch_fini(&page.parts[i].fetch);
        tc_arena_fini(&page.parts[i].arena);
    }
    tc_client_fini(&page.client);
    if (tc_loop_turn(page.loop, 0)) {
    } /* lets go of look-ups */
    tc_loop_free(page.loop);
    free(page.parts);
}

int main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr, "page VERSION CONNECTIONS AUTHORITIES URL PATH...\n");
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    page.version = version_of(argv[1]);
    page.connections = (unsigned)strtoul(argv[2], NULL, 10);
    words = argv + 4;
    page.count = page.left = (unsigned)argc - 5;
    page.parts = calloc(page.count, sizeof *page.parts);
    page.limits = tc_limits_default;
    tc_err err = page.parts ? tc_loop_new(&page.loop) : TC_ERR_NO_MEMORY;
    if (!err) err = tc_client_init(&page.client, page.loop, &page.limits, &page.reached);
    if (err) fail("starting", err);
    page.client.tls_config.authorities[0] = argv[3];
    for (unsigned i = 0; i < page.count; i++)
        page.parts[i].number = i;
    begin(&page.parts[0], words[0], words[1], false);
    err = tc_loop_run(page.loop);
    if (err) fail("the loop", err);
    say_all();
    int status = 0;
    for (unsigned i = 0; i < page.count; i++)
        status |= page.parts[i].err || page.parts[i].status != 200;
    put_away();
    return status;
}
