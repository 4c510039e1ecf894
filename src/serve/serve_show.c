/* serve_show.c - what a server says to people: at its beginning what it serves and where, at its
 * end which limits were reached. */
// SPDX-License-Identifier: MIT
#include <stdio.h>

#include "config/notes.h"
#include "quic/quic.h"
#include "serve/configure.h"
#include "serve/serve_run.h"

/* What cannot be promised in clear text is said once. */
static void announce_forms(const tc_record_place *records, bool any_clear)
{
    for (unsigned i = 0; i < records->collections.count; i++)
        if (records->collections.at[i].form_count)
            fprintf(stderr, "  form     %.*s/form\n", TC_FMT(records->collections.at[i].path));
    if (records->collections.forms && any_clear)
        fprintf(stderr,
                "    over http:// its cookie goes without Secure and __Host-: whoever is on "
                "the way can read it\n");
}

void tc_serve_announce(const tc_serving *s, const tc_server *server)
{
    const tc_secure *secure = s->secure;
    const tc_record_place *records = s->records;
    bool any_secure = false, any_clear = false, clear = false;
    const unsigned workers = tc_server_workers(server);
    fprintf(stderr, "tercet %s serves %s\n", TERCET_VERSION, s->what);
    for (size_t i = 0; i < s->listen->count; i++) {
        const tc_span url = tc_serve_url(s->listen->at[i]);
        const bool tls = tc_config_is_secure(s->listen->at[i]);
        any_secure |= tls;
        clear |= !tls;
        any_clear |= !tls && !s->redirect;
        fprintf(stderr, "  %.*s%s%s    ", TC_FMT(url), tc_span_ends(url, TC_SPAN("/")) ? "" : "/",
                s->listen->at[i] + url.len);
        if (!tls && s->redirect)
            fprintf(stderr, "to https://\n");
        else
            fprintf(stderr, "HTTP/%s1.0 1.1%s\n", s->http09 && !tls ? "0.9 " : "",
                    !tls                     ? "  (h2c)"
                    : tc_server_quic(server) ? " 2 3, TLS 1.2 1.3"
                                             : " 2, TLS 1.2 1.3");
    }
    if (any_secure && s->quic && !tc_quic_built)
        fprintf(stderr, "  no HTTP/3: this program was built without QUIC\n");
    if (any_secure && secure->local)
        fprintf(stderr,
                "  certificate by %s\n    SHA-256 %s\n    `tercet trust` makes this machine "
                "believe it\n",
                secure->files.authority, secure->files.fingerprint);
    for (unsigned i = 0; i < records->collections.count; i++)
        fprintf(stderr, "  records  %.*s by %.*s, in %s\n", TC_FMT(records->collections.at[i].path),
                TC_FMT(records->collections.at[i].key), records->where);
    announce_forms(records, any_clear);
    tc_config_notes(s->config, clear, tc_configure_note);
    if (s->admin->server) fprintf(stderr, "  admin    %s/metrics /health\n", s->admin->url);
    fprintf(stderr, "  %u worker%s, Ctrl-C ends\n", workers, workers == 1 ? "" : "s");
}

void tc_serve_report(const tc_server *server)
{
    tc_reached reached;
    const uint64_t starved = tc_server_starved(server);
    if (starved)
        fprintf(stderr,
                "  took no connections for a moment, %llu time%s: out of file descriptors or "
                "memory; `ulimit -n` says how many there are\n",
                (unsigned long long)starved, starved == 1 ? "" : "s");
    tc_server_reached(server, &reached);
    for (size_t i = 0; i < tc_limit_row_count; i++) {
        const uint64_t times = *tc_reached_at(&reached, &tc_limit_rows[i]);
        if (times)
            fprintf(stderr, "  limit %s reached %llu time%s: %s\n", tc_limit_rows[i].name,
                    (unsigned long long)times, times == 1 ? "" : "s", tc_limit_rows[i].sentence);
    }
    for (size_t i = 0; i < tc_refusal_row_count; i++) {
        const uint64_t times =
            *(const uint64_t *)(const void *)((const char *)&reached + tc_refusal_rows[i].offset);
        if (times)
            fprintf(stderr, "  refused %llu time%s: %s\n", (unsigned long long)times,
                    times == 1 ? "" : "s", tc_refusal_rows[i].sentence);
    }
}

void tc_serve_report_log(const tc_log *log)
{
    if (log->dropped)
        fprintf(stderr, "  %llu line%s of the access log dropped: nobody took them in time\n",
                (unsigned long long)log->dropped, log->dropped == 1 ? "" : "s");
}
