/* get.c - `tercet get` and its sisters: one table of options, one way for all methods. */
// SPDX-License-Identifier: MIT
#include "ask/get.h"

#include <stddef.h>

#include "ask/ask.h"
#include "ask/proxies.h"
#include "quic/quic.h"

typedef struct settings {
    const char *data, *cacert, *crl, *cert, *key, *qlog, *jar, *proxy, *no_proxy, *proxy_cacert;
    unsigned verbose;
    bool quiet, json, follow, fail, secrets, insecure, push, no_alt_svc, early, asterisk;
    int color, version;
    int64_t max_ns, connect_ns;
    tc_option_list limits, outputs;
} settings;

static const tc_option options[] = {
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "What is sent:", 0, 0},
    {"data", 'd', TC_OPTION_TEXT, offsetof(settings, data), "TEXT|@FILE|-",
     "the content: this text, a file, or standard input (sent as it comes).", 0, 0},
    {"http", 0, TC_OPTION_CHOICE, offsetof(settings, version), "best|0.9|1.0|1.1|2|3|all",
     "the version of HTTP, and no other; best, the default, is what the server chooses over https, "
     "and 1.1 over http, where 2 means that the server is known to speak it. 3 is over QUIC. all "
     "sends the request by each version, and compares them.",
     0, 0},
    {"no-alt-svc", 0, TC_OPTION_FLAG, offsetof(settings, no_alt_svc), NULL,
     "neither heeds nor keeps where servers said that HTTP/3 can be had (https), nor asks the DNS "
     "for HTTPS records.",
     0, 0},
    {"early-data", 0, TC_OPTION_FLAG, offsetof(settings, early), NULL,
     "where a server was asked before over HTTP/3, sends GET and other safe requests before the "
     "handshake is over (0-RTT): somebody on the way could send them once more. Keeps what that "
     "takes in a file.",
     0, 0},
    {"asterisk", 0, TC_OPTION_FLAG, offsetof(settings, asterisk), NULL,
     "asks about the server as a whole, not about a path: OPTIONS * (RFC 9110, 9.3.7).", 0, 0},
    {"follow", 'L', TC_OPTION_FLAG, offsetof(settings, follow), NULL,
     "follows redirects; credentials are not taken along to another origin.", 0, 0},
    {"jar", 0, TC_OPTION_TEXT, offsetof(settings, jar), "NAME",
     "keeps the cookies that servers set, and sends each where it belongs, after a redirect, too: "
     "in "
     "the jar NAME of your state folder, or, with a / in it, in that file. `tercet cookies list` "
     "shows it.",
     0, 0},
    {"push", 0, TC_OPTION_FLAG, offsetof(settings, push), NULL,
     "takes what a server pushes over HTTP/2, and shows it; its content is not printed.", 0, 0},
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "Who is asked:", 0, 0},
    {"proxy", 'x', TC_OPTION_TEXT, offsetof(settings, proxy), "URL",
     TC_PROXY_HELP "Without it http_proxy, https_proxy and all_proxy say which one; \"\" is none.",
     0, 0},
    {"no-proxy", 0, TC_OPTION_TEXT, offsetof(settings, no_proxy), "LIST",
     "hosts that are asked without a proxy: names (and all below them), addresses, networks "
     "(10.0.0.0/8), each perhaps with :port; * is all. Without it no_proxy has the list.",
     0, 0},
    {"proxy-cacert", 0, TC_OPTION_TEXT, offsetof(settings, proxy_cacert), "FILE",
     "only the authorities in FILE (PEM) are known where an https:// proxy shows its certificate; "
     "else those for servers. --insecure is not for proxies.",
     0, 0},
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "Who is believed (https):", 0, 0},
    {"cacert", 0, TC_OPTION_TEXT, offsetof(settings, cacert), "FILE",
     "only the authorities in FILE (PEM) are known; else the system's, and this machine's own.", 0,
     0},
    {"crlfile", 0, TC_OPTION_TEXT, offsetof(settings, crl), "FILE",
     "certificates on these lists of revoked ones (PEM) are not believed.", 0, 0},
    {"insecure", 'k', TC_OPTION_FLAG, offsetof(settings, insecure), NULL,
     "believes whoever answers: certificates are not verified.", 0, 0},
    {"cert", 0, TC_OPTION_TEXT, offsetof(settings, cert), "FILE",
     "our own certificate (PEM), where a server asks for one.", 0, 0},
    {"key", 0, TC_OPTION_TEXT, offsetof(settings, key), "FILE",
     "its private key; in the same file if not given.", 0, 0},
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "What is shown:", 0, 0},
    {"output", 'o', TC_OPTION_LIST, offsetof(settings, outputs), "FILE",
     "writes the content to FILE, with a progress bar on a terminal; once for each URL, in the "
     "same order. Until it is whole it is called FILE.part.",
     0, 0},
    {"verbose", 'v', TC_OPTION_COUNT, offsetof(settings, verbose), NULL,
     "shows the messages as they were sent (>) and received (<), of HTTP/2 and 3 the frames; "
     "credentials as dots. -vv shows the bytes, too.",
     0, 0},
    {"json", 0, TC_OPTION_FLAG, offsetof(settings, json), NULL,
     "prints one JSON object about all exchanges instead of the content.", 0, 0},
    {"qlog", 0, TC_OPTION_TEXT, offsetof(settings, qlog), "DIR",
     "writes each HTTP/2 and HTTP/3 connection into a file of its own in DIR, as qlog, of which "
     "qvis draws pictures.",
     0, 0},
    {"quiet", 'q', TC_OPTION_FLAG, offsetof(settings, quiet), NULL,
     "prints nothing but the content.", 0, 0},
    {"show-secrets", 0, TC_OPTION_FLAG, offsetof(settings, secrets), NULL,
     "shows credentials in -v and --json, too.", 0, 0},
    {"color", 0, TC_OPTION_CHOICE, offsetof(settings, color), TC_COLOR_WORDS,
     "colours on standard error; auto: on a terminal, unless NO_COLOR is set.", 0, 0},
    {NULL, 0, TC_OPTION_HEADING, 0, NULL, "When it is over:", 0, 0},
    {"max-time", 'm', TC_OPTION_SECONDS, offsetof(settings, max_ns), "SECONDS",
     "gives up on a URL after this time; 0, the default: never.", 0, 0},
    {"connect-timeout", 0, TC_OPTION_SECONDS, offsetof(settings, connect_ns), "SECONDS",
     "gives up when there is no connection after this time; 30 if not given.", 0, 0},
    {"limit", 0, TC_OPTION_LIST, offsetof(settings, limits), "NAME=VALUE",
     "sets a limit on what a server may make the client hold or wait for; tercet(1) lists them.", 0,
     0},
    {"fail", 'f', TC_OPTION_FLAG, offsetof(settings, fail), NULL,
     "ends with status 22 when a server answers with 400 or more, and leaves that answer's content "
     "out.",
     0, 0},
};

static const char about[] =
    "Sends a request to each URL and prints the content of the answer. On a terminal the three "
    "phases of the session (connect, request, response) are shown beside it, with their times.\n"
    "\n"
    "The first word is a URL; http:// may be left out, and :8080/x and /x mean localhost. Others "
    "that begin with http://, / or :8080 are URLs, too. All other words are items:\n"
    "\n"
    "  Name:value   a field                 key=value    a string in a JSON object\n"
    "  Name:        no such field           key:=json    any JSON value in it\n"
    "  Name;        a field without value   @file        a file as content (@-: standard input)";

static int send_request(const tc_command *c, int argc, char **argv);

#define REQUEST_COMMAND(word, summary_text, example_text)                                          \
    const tc_command tc_command_##word = {                                                         \
        .name = #word,                                                                             \
        .operands = "URL... [ITEM]...",                                                            \
        .summary = summary_text,                                                                   \
        .about = about,                                                                            \
        .options = options,                                                                        \
        .option_count = sizeof options / sizeof *options,                                          \
        .examples = example_text,                                                                  \
        .run = send_request,                                                                       \
    }

REQUEST_COMMAND(get, "fetches URLs and shows the session",
                "  tercet get :8080/\n"
                "  tercet get -v http://example.com/ Accept:text/html\n"
                "  tercet get -o page.html http://example.com/\n");
REQUEST_COMMAND(head, "fetches only the head of the answer", "  tercet head :8080/\n");
REQUEST_COMMAND(post, "sends content to be worked on",
                "  tercet post :8080/echo name=\"David Smith\" age:=42\n"
                "  tercet post :8080/echo --data - < notes.txt\n");
REQUEST_COMMAND(put, "sends what a URL shall hold",
                "  tercet put :8080/echo CustID:=100 Name=\"David Smith\"\n"
                "  tercet put :8080/echo @photo.jpg\n");
REQUEST_COMMAND(patch, "sends a change", "  tercet patch :8080/echo done:=true\n");
REQUEST_COMMAND(delete, "asks to remove what a URL holds",
                "  tercet delete :8080/echo If-Match:'\"abc\"'\n");
REQUEST_COMMAND(options, "asks what is allowed",
                "  tercet options -v :8080/\n"
                "  tercet options -v --asterisk :8080\n");
REQUEST_COMMAND(trace, "asks to get the request back", "  tercet trace :8080/\n");

const tc_command tc_command_request = {
    .name = "request",
    .operands = "METHOD URL... [ITEM]...",
    .summary = "any other method",
    .about = about,
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "  tercet request PROPFIND http://dav.example/ Depth:1\n",
    .run = send_request,
};

/* --- running it ---------------------------------------------------------------------------- */

static bool set_limits(const tc_command *c, const settings *s, tc_limits *ret)
{
    if (!tc_command_limits(c, &s->limits, ret)) return false;
    if (s->connect_ns >= 0) ret->connect_ms = (uint64_t)s->connect_ns / 1000000;
    return true;
}

/* "get" to "GET"; the word behind "request" as it is. */
static tc_span method_of(const tc_command *c, tc_command_line *line, char room[16])
{
    if (c == &tc_command_request) {
        if (line->operand_count == 0) return (tc_span){0};
        line->operand_count--;
        return tc_span_str(*line->operands++);
    }
    size_t n = 0;
    for (; c->name[n]; n++)
        room[n] = (char)(c->name[n] & ~0x20);
    return tc_span_of(room, n);
}

/* Each file is for the URL in the same place. Not zero: the program's exit code. */
static int check_outputs(const tc_command *c, const settings *s, unsigned urls)
{
    const tc_option_list *o = &s->outputs;
    for (size_t i = 0; i < o->count; i++) {
        if (!*o->at[i]) return tc_command_complain(c, "-o: the name of a file is missing");
        if (tc_span_eq(tc_span_str(o->at[i]), TC_SPAN("-")))
            return tc_command_complain(c, "-o -: standard output goes with no other -o");
    }
    if (o->count && s->json) return tc_command_complain(c, "--json and -o both want the content");
    if (o->count && o->count != urls)
        return tc_command_complain(c, "-o is given %zu times for %u URLs: each needs its own",
                                   o->count, urls);
    return 0;
}

/* With the request and the proxies that are used for it. */
static int send_prepared(const tc_command *c, const settings *s, tc_ask *ask)
{
    tc_proxies proxies;
    int code = check_outputs(c, s, ask->prepared->items.url_count);
    if (!code && ask->all && s->outputs.count)
        code = tc_command_complain(c, "--http all prints a comparison: -o has no use");
    if (code) return code;
    code = tc_proxies_take(c, s->proxy, s->no_proxy, true, &proxies);
    ask->proxies = &proxies;
    if (!code) code = tc_ask_all(ask);
    tc_proxies_fini(&proxies);
    return code;
}

static int send_request(const tc_command *c, int argc, char **argv)
{
    static const enum tc_version versions[] = {
        TC_HTTP_NONE, TC_HTTP_0_9, TC_HTTP_1_0, TC_HTTP_1_1,
        TC_HTTP_2,    TC_HTTP_3,   TC_HTTP_1_0}; /* all: content is read before */
    enum { ALL = sizeof versions / sizeof *versions - 1 };
    char room[16];
    settings s = {.connect_ns = -1};
    tc_command_line line;
    tc_prepared prepared;
    if (!tc_command_parse(c, argc, argv, &s, &line)) return line.exit_code;
    if (s.outputs.count == 1 && tc_span_eq(tc_span_str(s.outputs.at[0]), TC_SPAN("-")))
        s.outputs.count = 0; /* standard output, as everywhere */
    tc_ask ask = {.outputs = s.outputs.count ? s.outputs.at : NULL,
                  .verbose = s.verbose,
                  .quiet = s.quiet,
                  .json = s.json,
                  .follow = s.follow,
                  .fail = s.fail,
                  .secrets = s.secrets,
                  .push = s.push,
                  .all = s.version == ALL,
                  .cacert = s.cacert,
                  .crl = s.crl,
                  .proxy_cacert = s.proxy_cacert,
                  .cert = s.cert,
                  .key = s.key,
                  .qlog = s.qlog,
                  .jar = s.jar,
                  .insecure = s.insecure,
                  .no_alt_svc = s.no_alt_svc,
                  .early = s.early,
                  .color = (enum tc_color_when)s.color,
                  .limit_ns = s.max_ns,
                  .prepared = &prepared};
    if (s.key && !s.cert)
        return tc_command_complain(c, "--key %s: there is no --cert for it", s.key);
    if (s.insecure && (s.cacert || s.crl))
        return tc_command_complain(c, "--insecure verifies nothing: --%s has no use",
                                   s.cacert ? "cacert" : "crlfile");
    const enum tc_version version = versions[s.version];
    if (s.early && !tc_quic_built)
        return tc_command_complain(
            c, "--early-data is for QUIC, which this program was built without");
    if (s.early && s.insecure)
        return tc_command_complain(
            c, "--early-data: nothing is kept of who is not verified (--insecure)");
    if (s.early && (ask.all || (version && version != TC_HTTP_3)))
        return tc_command_complain(c, "--early-data is for HTTP/3");
    if (!set_limits(c, &s, &ask.limits)) return tc_err_exit(TC_ERR_USAGE);
    const tc_span method = method_of(c, &line, room);
    if (!method.len) return tc_command_complain(c, "a method is missing");
    tc_buf complaint;
    tc_buf_init(&complaint, 65536);
    const tc_err err = tc_prepare(&prepared, method, versions[s.version], s.data,
                                  line.operand_count, line.operands, &complaint);
    int code = tc_err_exit(err);
    prepared.request.asterisk = s.asterisk;
    if (!err && s.asterisk && prepared.request.method != TC_METHOD_OPTIONS) {
        code = tc_command_complain(c, "--asterisk is for OPTIONS");
    } else if (err) {
        (void)tc_command_complain(
            c, "%.*s",
            TC_FMT(complaint.len ? tc_buf_span(&complaint) : tc_span_str(tc_err_sentence(err))));
    } else {
        code = send_prepared(c, &s, &ask);
    }
    tc_buf_fini(&complaint);
    tc_prepared_fini(&prepared);
    return code;
}
