/* fuzz_proxy.c - what people write of proxies, and what proxies answer to CONNECT.
 *
 * The first byte picks: a proxy's URL, a list of exceptions for some URLs, or an answer. That means
 * the same however it is cut, and what stands behind it is left where it is. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/proxy.h"
#include "net/via.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void urls(tc_span s)
{
    tc_arena a;
    tc_proxy p;
    tc_arena_init(&a, NULL, 0, 1 << 20);
    MUST(tc_proxy_parse(&a, s, &p) == TC_OK);
    MUST(p.host.len > 0);
    if (!p.wrong) {
        tc_proxy again;
        MUST(p.port > 0 && p.name.len > p.host.len);
        MUST(tc_proxy_parse(&a, p.name, &again) == TC_OK && !again.wrong);
        MUST(tc_span_eq(again.host, p.host) && again.port == p.port);
        for (size_t i = 0; i < p.credentials.len; i++)
            MUST(p.credentials.at[i] >= ' ' && p.credentials.at[i] < 0x7f);
    }
    tc_arena_fini(&a);
}

static void lists(tc_span s)
{
    static const char *const texts[] = {"http://a.example/", "https://10.1.2.3:8443/",
                                        "http://[fd00::1%lo]:80/"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        tc_arena a;
        tc_url url;
        tc_arena_init(&a, NULL, 0, 1 << 16);
        MUST(tc_url_parse(&a, tc_span_str(texts[i]), &url) == TC_OK);
        const bool has = tc_proxy_list_has(s, &url);
        const tc_span more =
            tc_arena_printf(&a, "%.*s,*", (int)(s.len < 4096 ? s.len : 4096), s.at);
        if (s.len <= 4096 && tc_span_find(s, 0) == s.len) MUST(tc_proxy_list_has(more, &url));
        (void)has;
        tc_arena_fini(&a);
    }
}

/* --- answers ------------------------------------------------------------------------------- */

typedef struct outcome {
    tc_via via; /* first */
    bool over;
    tc_err err;
    size_t left;
} outcome;

static tc_loop *loop;
static tc_reached reached;

static void done(tc_via *v, tc_err err)
{
    outcome *o = (outcome *)v;
    MUST(!o->over);
    o->over = true;
    o->err = err;
}

static outcome answered(tc_span s, size_t cut)
{
    int ends[2];
    char rest[65536];
    outcome o = {.err = TC_OK};
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    o.via = (tc_via){.name = TC_SPAN("p:1"),
                     .authority = TC_SPAN("h:1"),
                     .limits = &tc_limits_default,
                     .reached = &reached,
                     .loop = loop,
                     .done = done};
    tc_via_ask(&o.via, ends[0]);
    MUST(read(ends[1], rest, sizeof rest) > 0); /* else its end would be a reset */
    const tc_span parts[] = {tc_span_first(s, cut), tc_span_from(s, cut)};
    for (int i = 0; i < 2; i++) {
        if (parts[i].len) MUST(write(ends[1], parts[i].at, parts[i].len) == (ssize_t)parts[i].len);
        MUST(tc_loop_turn(loop, 0) == TC_OK);
    }
    shutdown(ends[1], SHUT_WR);
    MUST(tc_loop_turn(loop, 0) == TC_OK);
    MUST(o.over && strlen(o.via.why) < TC_VIA_WHY && !o.via.in.memory);
    const ssize_t n = recv(ends[0], rest, sizeof rest, 0);
    o.left = n > 0 ? (size_t)n : 0;
    MUST(o.err || tc_span_ends(s, tc_span_of(rest, o.left)));
    close(ends[0]);
    close(ends[1]);
    return o;
}

static void answers(tc_span s)
{
    if (!loop) MUST(tc_loop_new(&loop) == TC_OK);
    if (s.len > 4000) return;
    const outcome whole = answered(s, s.len);
    for (size_t i = 1; i < 4; i++) {
        const outcome cut = answered(s, s.len * i / 4);
        MUST(cut.err == whole.err && cut.via.status == whole.via.status);
        if (!cut.err) MUST(cut.left == whole.left);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(tc_span) = {urls, lists, answers};
    if (size == 0) return 0;
    readers[data[0] % 3](tc_span_of((const char *)data + 1, size - 1));
    return 0;
}
