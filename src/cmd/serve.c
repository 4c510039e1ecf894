/* serve.c - `tercet serve`: a folder on the web, until Ctrl-C. */
// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/ascii.h"
#include "cmd/commands.h"
#include "cmd/qlog.h"
#include "cmd/records.h"
#include "cmd/secure.h"
#include "cmd/serve_run.h"
#include "cmd/term.h"
#include "http/target.h"
#include "net/quic.h"
#include "server/server.h"
#include "site/site.h"

enum { WORKERS_MAX = 1024, NOT_GIVEN = -1 };

typedef struct settings {
    tc_option_list listen, limits, certificates, keys, preload, push;
    tc_record_settings records;
    uint64_t workers;
    const char *access_log, *qlog, *index, *language, *echo, *tickets, *hsts, *client_ca,
        *client_crl;
    int log_format, color, client_cert;
    bool dotfiles, http09, quic, early, redirect, hints;
    tc_preloads preloads;
    char hsts_value[TC_HSTS_BYTES];
} settings;

/* What a server stands on, opened one after the other. */
typedef struct parts {
    tc_secure secure;
    int root; /* -1: not open */
    tc_log log;
    bool log_open;
    tc_qlog_folder qlog;
    tc_lookers lookers;
    tc_record_place records;
} parts;

static const tc_option options[] = {
    {"listen", 'l', TC_OPTION_LIST, offsetof(settings, listen), "URL",
     "where to listen: http://127.0.0.1:8080, https://[::1]:443, http://*:80 (all addresses of "
     "both "
     "families). Any --listen replaces the default, http://localhost:8080 and "
     "https://localhost:8443.",
     0, 0},
    {"cert", 0, TC_OPTION_LIST, offsetof(settings, certificates), "FILE",
     "a certificate for https:// listeners (PEM, with those of its authorities behind it). Of "
     "several, the one for the name that the client asks for is shown, or else the first. Without "
     "any, a local authority makes one for this machine. A file that changes is read anew.",
     0, 0},
    {"key", 0, TC_OPTION_LIST, offsetof(settings, keys), "FILE",
     "the private key of the certificate in the same place of the order; in the certificate's file "
     "if not given.",
     0, 0},
    {"tickets", 0, TC_OPTION_TEXT, offsetof(settings, tickets), "FILE|off",
     "makes TLS session tickets with the secret in FILE, which several machines can share and "
     "which "
     "is made if it is not there; off: no tickets. A secret of this process if not given.",
     0, 0},
    {"client-ca", 0, TC_OPTION_TEXT, offsetof(settings, client_ca), "FILE",
     "asks clients on https:// for a certificate by one of the authorities in FILE (PEM).", 0, 0},
    {"client-crl", 0, TC_OPTION_TEXT, offsetof(settings, client_crl), "FILE",
     "refuses the certificates on these lists of revoked ones (PEM); read anew when it changes.", 0,
     0},
    {"client-cert", 0, TC_OPTION_CHOICE, offsetof(settings, client_cert), "require|request",
     "whether a client without a certificate is refused, the default, or served too; a bad one "
     "never is.",
     0, 0},
    {"redirect-https", 0, TC_OPTION_FLAG, offsetof(settings, redirect), NULL,
     "answers http:// requests with a redirect (308) to the first https:// listener.", 0, 0},
    {"hsts", 0, TC_OPTION_TEXT, offsetof(settings, hsts), "SECONDS[,subdomains][,preload]",
     "tells browsers over https:// to come back over nothing else for so long "
     "(Strict-Transport-Security).",
     0, 0},
    {"workers", 'w', TC_OPTION_NUMBER, offsetof(settings, workers), "N",
     "threads that serve; as many as there are processors if not given.", 1, WORKERS_MAX},
    {"access-log", 0, TC_OPTION_TEXT, offsetof(settings, access_log), "FILE|-|off",
     "where the line of each exchange goes; - is standard output, the default.", 0, 0},
    {"log-format", 0, TC_OPTION_CHOICE, offsetof(settings, log_format), TC_LOG_WORDS,
     "text is for people (coloured on a terminal), combined for log tools, json one object a line.",
     0, 0},
    {"qlog", 0, TC_OPTION_TEXT, offsetof(settings, qlog), "DIR",
     "writes each HTTP/2 and HTTP/3 connection into a file of its own in DIR, as qlog, of which "
     "qvis draws pictures.",
     0, 0},
    {"index", 0, TC_OPTION_TEXT, offsetof(settings, index), "NAME",
     "the page that stands for its folder; index.html if not given.", 0, 0},
    {"language", 0, TC_OPTION_TEXT, offsetof(settings, language), "TAG",
     "the language that the files are in (Content-Language), as in en or pt-BR; none is claimed if "
     "not given.",
     0, 0},
    {"dotfiles", 0, TC_OPTION_FLAG, offsetof(settings, dotfiles), NULL,
     "serves names that begin with a dot too; without this they are not found, /.well-known/ "
     "excepted.",
     0, 0},
    {"no-http09", 0, TC_OPTION_OFF, offsetof(settings, http09), NULL, "refuses HTTP/0.9 requests.",
     0, 0},
    {"no-quic", 0, TC_OPTION_OFF, offsetof(settings, quic), NULL,
     "https:// listeners speak no QUIC, and so no HTTP/3, and do not announce it (Alt-Svc).", 0, 0},
    {"early-data", 0, TC_OPTION_FLAG, offsetof(settings, early), NULL,
     "accepts requests over HTTP/3 that come before the handshake is over (0-RTT) from clients "
     "that "
     "come back; those whose method is not safe are answered with 425.",
     0, 0},
    {"echo", 0, TC_OPTION_TEXT, offsetof(settings, echo), "PATH",
     "answers at this path how the request was understood, as HTML, JSON or text.", 0, 0},
    {"records", 0, TC_OPTION_LIST, offsetof(settings, records.collections), "PATH:KEY[:MEMBER,...]",
     "keeps JSON documents at this path, each by the member that is its key, as in "
     "/customers:CustID. The members behind it get an index, for fast filters and sorting.",
     0, 0},
    {"store", 0, TC_OPTION_TEXT, offsetof(settings, records.store), "sqlite:FILE",
     "the database of the records; records.db in ~/.local/state/tercet if not given.", 0, 0},
    {"records-requests", 0, TC_OPTION_TEXT, offsetof(settings, records.requests), "NAME",
     "below a collection, where a PUT looks a record up by its key; requests if not given.", 0, 0},
    {"records-conditional", 0, TC_OPTION_FLAG, offsetof(settings, records.conditional), NULL,
     "changes a record that is there only on a condition, as If-Match; else 428.", 0, 0},
    {"form", 0, TC_OPTION_LIST, offsetof(settings, records.forms), "PATH:MEMBER[,...]",
     "gives a collection pages on which people fill in these members of a new record, confirm and "
     "save it, as in /customers:Name,Address, at /customers/form.",
     0, 0},
    {"preload", 0, TC_OPTION_LIST, offsetof(settings, preload), "PATH=ASSET[,ASSET...]",
     "names what the page at this path needs besides itself in a Link field, as in "
     "/=/style.css,/logo.png, so that browsers fetch it at once.",
     0, 0},
    {"early-hints", 0, TC_OPTION_FLAG, offsetof(settings, hints), NULL,
     "sends that field in a 103 response, too, before the answer is made.", 0, 0},
    {"push", 0, TC_OPTION_LIST, offsetof(settings, push), "off|auto|PATH=ASSET[,ASSET...]",
     "pushes over HTTP/2, to clients that take pushes, whatever Link fields of an answer name with "
     "rel=preload (auto), or only what is listed, which is as for --preload, too. The default is "
     "off.",
     0, 0},
    {"limit", 0, TC_OPTION_LIST, offsetof(settings, limits), "NAME=VALUE",
     "sets a limit on what a peer may make the server hold or wait for; tercet(1) lists them.", 0,
     0},
    {"color", 0, TC_OPTION_CHOICE, offsetof(settings, color), TC_COLOR_WORDS,
     "colours in the log on standard output.", 0, 0},
};

static int serve(const tc_command *c, int argc, char **argv);

const tc_command tc_command_serve = {
    .name = "serve",
    .operands = "[DIR]",
    .summary = "serves a folder",
    .about = "Serves the files of DIR (the current folder if not given) over HTTP/0.9, 1.0, 1.1 "
             "and 2, in clear text and over TLS 1.2 and 1.3, and over HTTP/3 (QUIC). Ctrl-C "
             "finishes what is under way and ends; a second one ends at once.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples =
        "  tercet serve public\n"
        "  tercet serve --listen http://*:8080 --access-log access.log --log-format combined\n"
        "  tercet serve --listen https://*:443 --cert site.pem --key site.key\n",
    .run = serve,
};

/* Open connections are descriptors: the soft limit is raised to the hard one. */
static void raise_file_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l); /* without it there are fewer connections, no fault */
    }
}

/* The form of a language tag (RFC 5646, 2.1), whether or not anybody speaks it. */
static bool is_language(const char *tag)
{
    for (const char *c = tag; *c; c++)
        if (!tc_ascii_alpha(*c) && !tc_ascii_digit(*c) && (*c != '-' || c == tag || !c[1]))
            return false;
    return tc_ascii_alpha(tag[0]);
}

/* Not zero: the program's exit code. */
static int add_preloads(const tc_command *c, const char *option, const tc_option_list *list,
                        tc_preloads *to, bool push)
{
    for (size_t i = 0; i < list->count; i++) {
        const tc_span text = tc_span_str(list->at[i]);
        const bool is_auto = push && tc_span_eq(text, TC_SPAN("auto"));
        if (is_auto || (push && tc_span_eq(text, TC_SPAN("off")))) {
            if (list->count > 1)
                return tc_command_complain(c, "--push %s goes with no other --push", list->at[i]);
            to->pushes_links = is_auto;
            continue;
        }
        const tc_err err = tc_preloads_add(to, text, push);
        if (err == TC_ERR_USAGE)
            return tc_command_complain(
                c, "--%s %s: %sPATH=ASSET[,ASSET...] is wanted, like /=/style.css,/logo.png",
                option, list->at[i], push ? "off, auto or " : "");
        if (err) return tc_serve_fail(err, option, NULL);
    }
    return 0;
}

static int set_up_preloads(const tc_command *c, settings *s)
{
    int code = add_preloads(c, "preload", &s->preload, &s->preloads, false);
    if (!code) code = add_preloads(c, "push", &s->push, &s->preloads, true);
    if (!code && s->hints && !s->preloads.first)
        code = tc_command_complain(c, "--early-hints needs --preload, or --push with a list");
    s->preloads.hints = s->hints;
    return code;
}

static int check(const tc_command *c, settings *s)
{
    tc_target target;
    if (s->language && !is_language(s->language))
        return tc_command_complain(c, "--language %s: no language tag", s->language);
    if (s->echo && (s->echo[0] != '/' || strchr(s->echo, '?') ||
                    tc_target_parse(TC_METHOD_GET, tc_span_str(s->echo), &target) != TC_OK))
        return tc_command_complain(c, "--echo %s: a path as in a URL is wanted, like /echo",
                                   s->echo);
    if (s->keys.count > s->certificates.count)
        return tc_command_complain(c, "--key %s: there is no --cert for it",
                                   s->keys.at[s->certificates.count]);
    if (s->hsts && !tc_secure_hsts(s->hsts, s->hsts_value))
        return tc_command_complain(c, "--hsts %s: SECONDS[,subdomains][,preload] is wanted",
                                   s->hsts);
    if ((s->client_cert >= 0 || s->client_crl) && !s->client_ca)
        return tc_command_complain(c, "--client-%s needs --client-ca FILE",
                                   s->client_crl ? "crl" : "cert");
    if (s->early && (!s->quic || !tc_quic_built))
        return tc_command_complain(c, "--early-data is for QUIC, which %s",
                                   tc_quic_built ? "--no-quic turns off"
                                                 : "this program was built without");
    if (s->early && s->client_ca)
        return tc_command_complain(c, "--early-data is not for --client-ca: such requests come "
                                      "before it is known who asks");
    if (s->early && s->tickets)
        return tc_command_complain(c, "--early-data is not for --tickets: %s",
                                   strcmp(s->tickets, "off") == 0
                                       ? "clients come back with tickets"
                                       : "a ticket is good for it once, and other machines "
                                         "would not know");
    if (s->index && (!*s->index || strchr(s->index, '/')))
        return tc_command_complain(c, "--index %s: a name without / is wanted", s->index);
    return set_up_preloads(c, s);
}

/* The first option that was given and makes sense with https:// alone; NULL: none. */
static const char *secure_option(const settings *s)
{
    return s->certificates.count ? "cert"
           : s->tickets          ? "tickets"
           : s->redirect         ? "redirect-https"
           : s->hsts             ? "hsts"
           : s->client_ca        ? "client-ca"
           : s->early            ? "early-data"
                                 : NULL;
}

/* The path as given, links and all, made absolute. */
static bool absolute(const char *dir, char path[PATH_MAX])
{
    char here[PATH_MAX];
    int n;
    if (dir[0] == '/')
        n = snprintf(path, PATH_MAX, "%s", dir);
    else
        n = getcwd(here, sizeof here) ? snprintf(path, PATH_MAX, "%s/%s", here, dir) : -1;
    return n > 0 && n < PATH_MAX;
}

/* Certificates, if anything listens on https://. Not zero: the program's exit code. */
static int set_up_secure(const tc_command *c, settings *s, tc_secure *secure)
{
    char why[TC_TLS_WHY];
    bool wanted = false, plain = false;
    const char *option = secure_option(s);
    for (size_t i = 0; i < s->listen.count; i++) {
        wanted |= tc_serve_is_secure(s->listen.at[i]);
        plain |= !tc_serve_is_secure(s->listen.at[i]);
    }
    if (!wanted && option)
        return tc_command_complain(c, "--%s is for https://, and no --listen has it", option);
    if (s->redirect && !plain)
        return tc_command_complain(c, "--redirect-https is for http://, and no --listen has it");
    if (!wanted) return 0;
    const tc_err err =
        tc_secure_init(secure,
                       &(tc_secure_settings){.certificates = &s->certificates,
                                             .keys = &s->keys,
                                             .tickets = s->tickets,
                                             .client_ca = s->client_ca,
                                             .client_crl = s->client_crl,
                                             .client_may_be_unknown = s->client_cert > 0},
                       why);
    if (!err) return 0;
    if (s->listen.at[s->listen.count - 1] != tc_serve_secure_url || option)
        return tc_serve_fail(err, "HTTPS", why);
    tc_serve_without(&s->listen, err, why);
    return 0;
}

static int open_root(parts *p, const char *dir)
{
    p->root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (p->root >= 0 && !faccessat(p->root, ".", X_OK, AT_EACCESS)) return 0;
    return tc_serve_fail(TC_ERR_READ_FILE, dir, strerror(errno));
}

static int open_log(parts *p, const settings *s)
{
    tc_term term;
    tc_term_init(&term, STDOUT_FILENO, (enum tc_color_when)s->color);
    const bool to_terminal = tc_span_eq(tc_span_str(s->access_log), TC_SPAN("-")) && term.color;
    const tc_err err =
        tc_log_open(&p->log, s->access_log, (enum tc_log_format)s->log_format, to_terminal);
    p->log_open = !err;
    if (!err) return 0;
    return tc_serve_fail(TC_ERR_WRITE_FILE, *s->access_log ? s->access_log : "--access-log",
                         strerror(errno));
}

/* Not zero: the program's exit code, and the reason was said. */
static int open_parts(const tc_command *c, settings *s, const char *dir, const tc_limits *limits,
                      parts *p)
{
    *p = (parts){.root = -1};
    int code = set_up_secure(c, s, &p->secure);
    if (!code) code = open_root(p, dir);
    if (!code) code = open_log(p, s);
    if (!code) code = tc_qlog_folder_open(&p->qlog, s->qlog);
    if (!code) code = tc_records_open(c, &s->records, limits, &p->records);
    p->lookers = (tc_lookers){.log = &p->log, .qlog = &p->qlog};
    return code;
}

static void close_parts(parts *p)
{
    tc_store_close(p->records.store);
    tc_qlog_folder_close(&p->qlog);
    if (p->log_open) tc_log_close(&p->log);
    if (p->root >= 0) close(p->root);
    tc_secure_fini(&p->secure);
}

static int serve_parts(settings *s, const char *dir, tc_server_config *config, parts *p)
{
    char path[PATH_MAX];
    const bool watched = p->log.fd >= 0 || p->qlog.name;
    tc_site_config site = {.root = p->root,
                           .root_path = absolute(dir, path) ? path : NULL,
                           .index = tc_span_str(s->index),
                           .language = tc_span_str(s->language),
                           .echo = tc_span_str(s->echo),
                           .dotfiles = s->dotfiles,
                           .preloads = tc_preloads_any(&s->preloads) ? &s->preloads : NULL,
                           .store = p->records.store,
                           .collections = p->records.collections,
                           .collection_count = p->records.count,
                           .sessions = p->records.forms ? &p->records.sessions : NULL,
                           .watch = watched ? tc_lookers_watch : NULL,
                           .unwatch = tc_lookers_unwatch,
                           .watch_self = &p->lookers};
    config->tls = p->secure.tls;
    config->hsts = tc_span_str(s->hsts_value);
    config->app = tc_site_app(&site);
    tc_server *server;
    const tc_err made = tc_server_new(config, &server);
    if (made) return tc_serve_fail(made, "could not start", NULL);
    tc_serving serving = {.what = dir,
                          .listen = &s->listen,
                          .unasked = !secure_option(s),
                          .redirect = s->redirect,
                          .http09 = s->http09,
                          .quic = s->quic,
                          .secure = &p->secure,
                          .records = &p->records};
    int code = tc_serve_listen(server, &serving);
    if (s->redirect) site.secure_port = serving.secure_port; /* only now known, of port 0 */
    if (!code) code = tc_serve_run(server, &serving);
    tc_server_free(server);
    tc_serve_report_log(&p->log);
    return code;
}

static int serve_folder(const tc_command *c, settings *s, const char *dir)
{
    tc_server_config config = {
        .workers = (unsigned)s->workers, .http09 = s->http09, .quic = s->quic, .early = s->early};
    int code = tc_command_limits(c, &s->limits, &config.limits) ? 0 : tc_err_exit(TC_ERR_USAGE);
    if (!code) code = check(c, s);
    if (code) return code;
    raise_file_limit();
    signal(SIGPIPE, SIG_IGN);
    parts p;
    code = open_parts(c, s, dir, &config.limits, &p);
    if (!code) code = serve_parts(s, dir, &config, &p);
    close_parts(&p);
    return code;
}

static int serve(const tc_command *c, int argc, char **argv)
{
    settings s = {.access_log = "-",
                  .index = "index.html",
                  .http09 = true,
                  .quic = true,
                  .client_cert = NOT_GIVEN};
    tc_command_line line;
    if (!tc_command_parse(c, argc, argv, &s, &line)) return line.exit_code;
    if (line.operand_count > 1)
        return tc_command_complain(c, "one folder at most, not also %s", line.operands[1]);
    if (!s.listen.count) {
        s.listen.at[s.listen.count++] = "http://localhost:8080";
        s.listen.at[s.listen.count++] = tc_serve_secure_url;
    }
    tc_preloads_init(&s.preloads);
    const int code = serve_folder(c, &s, line.operand_count ? line.operands[0] : ".");
    tc_preloads_fini(&s.preloads);
    return code;
}
