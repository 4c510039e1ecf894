/* failure.c - see failure.h. */
// SPDX-License-Identifier: MIT
#include "run/failure.h"

#include "base/text.h"

/* How to mend it, where there is something a person can do. */
static const struct {
    tc_err err;
    const char *mend;
} mends[] = {
    {TC_ERR_BINARY, "-o FILE saves it; > FILE and | PROGRAM take it as it is"},
    {TC_ERR_URL_SYNTAX, "a URL looks like http://host:port/path; quote it for the shell if it has "
                        "& or ? in it"},
    {TC_ERR_URL_USER, "give credentials as a field, as in 'Authorization:Basic ...'"},
    {TC_ERR_SCHEME, "write http:// or https://"},
    {TC_ERR_RESOLVE, "check the spelling of the host, and that this machine has a network"},
    {TC_ERR_CONNECT, "check the port, and that the server runs; `tercet serve` starts one on "
                     "http://localhost:8080"},
    {TC_ERR_CONNECT_TIME, "the host may be down, or a firewall drops what is sent; "
                          "--connect-timeout SECONDS waits longer"},
    {TC_ERR_PROXY_URL, "--proxy http://host:port names another one, --proxy '' none"},
    {TC_ERR_PROXY_RESOLVE, "check the spelling in --proxy, http_proxy, https_proxy or all_proxy; "
                           "--proxy '' goes without"},
    {TC_ERR_PROXY_CONNECT, "check the proxy's port, and that it runs; --proxy '' goes without"},
    {TC_ERR_PROXY_REFUSED, "the proxy decides where it goes; --no-proxy HOST asks HOST without it"},
    {TC_ERR_PROXY_AUTH, "give credentials as in --proxy http://user:password@host:port"},
    {TC_ERR_PROXY_REPLY, "it may be no HTTP proxy; -v shows what came"},
    {TC_ERR_PROXY_CUT, "it may be no HTTP proxy, want --proxy https://host:port, or refuse who "
                       "asks from here"},
    {TC_ERR_PROXY_TLS, "write --proxy http://host:port, if the proxy is spoken to in clear text"},
    {TC_ERR_PROXY_CERT, "if you know its authority: --proxy-cacert FILE names it"},
    {TC_ERR_CERT_SELF_SIGNED,
     "if it is yours: --cacert FILE names whom to believe; --insecure believes "
     "anybody"},
    {TC_ERR_CERT_AUTHORITY,
     "if you know the authority: --cacert FILE names it; --insecure believes "
     "anybody"},
    {TC_ERR_CERT_NAME, "ask for one of the names that it is for"},
    {TC_ERR_CERT_EXPIRED, "its owner must renew it; check this machine's clock, too"},
    {TC_ERR_CERT_NOT_YET, "check this machine's clock"},
    {TC_ERR_NOT_TLS, "write http:// instead, if the server speaks HTTP in clear text on this port"},
    {TC_ERR_TLS_CUT, "what came may be incomplete; try again"},
    {TC_ERR_RESPONSE_TIME,
     "--max-time SECONDS or --limit response_ms=N, whichever is set, waits longer"},
    {TC_ERR_EMPTY_REPLY, "is it an HTTP server? One that wants https:// closes like this, too"},
    {TC_ERR_REPLY_2, "--http 2 speaks it at once"},
    {TC_ERR_REPLY_09, "it may be no HTTP server; --http 0.9 takes whatever it says as content"},
    {TC_ERR_STATUS_LINE, "it may be no HTTP server; -v shows what came"},
    {TC_ERR_BODY_CUT, "what came is incomplete; try again"},
    {TC_ERR_CHUNKS_CUT, "what came is incomplete; try again"},
    {TC_ERR_TOO_MANY_REDIRECTS, "-v shows where they lead; --limit redirects=50, say, allows more"},
    {TC_ERR_TOO_MANY_FILES, "close other programs' files, or raise `ulimit -n`"},
    {TC_ERR_NOT_AGREED, "without --http the best version that both ends have is taken"},
    {TC_ERR_NOT_SUPPORTED, "--http 1.1 can"},
    {TC_ERR_FIELDS_TOO_LARGE, "--limit fields_bytes=N allows more"},
    {TC_ERR_FIELDS_TOO_MANY, "--limit fields_count=N allows more"},
    {TC_ERR_LINE_TOO_LONG, "--limit request_line=N allows more"},
};

static const char empty_secure[] =
    "is it an HTTP server? One that does not speak this version closes like this, too";

static tc_err add_line(tc_buf *out, const tc_term *t, const char *label, tc_span text)
{
    tc_err err = tc_buf_printf(out, "  %s%s%s  ", tc_term_style(t, TC_STYLE_DIM), label,
                               tc_term_style(t, TC_STYLE_PLAIN));
    if (!err) err = tc_text_terminal(out, text, false);
    return err ? err : tc_buf_add_byte(out, '\n');
}

tc_err tc_failure_text(const tc_failure *f, const tc_term *t, tc_buf *out)
{
    tc_err err = tc_buf_printf(out, "tercet: %s%s%s", tc_term_style(t, TC_STYLE_RED),
                               tc_err_sentence(f->err), tc_term_style(t, TC_STYLE_PLAIN));
    if (!err && f->phase) err = tc_buf_printf(out, " (in the %s phase)", f->phase);
    if (!err) err = tc_buf_add_byte(out, '\n');
    if (!err && f->url.len) err = add_line(out, t, "what", f->url);
    if (!err && f->why.len) err = add_line(out, t, "why ", f->why);
    const bool secure = tc_span_ieq(tc_span_first(f->url, 6), TC_SPAN("https:"));
    for (size_t i = 0; i < sizeof mends / sizeof *mends && !err; i++)
        if (mends[i].err == f->err && !(f->why.len && f->err == TC_ERR_EMPTY_REPLY))
            err = add_line(
                out, t, "mend",
                tc_span_str(secure && f->err == TC_ERR_EMPTY_REPLY ? empty_secure : mends[i].mend));
    return err;
}
