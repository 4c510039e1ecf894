/* echo.c - see echo.h. The answer is made once their message is whole, because its trailers and its
 * digest are part of it; until then only a length and a hash are kept. */
// SPDX-License-Identifier: MIT
#include "site/echo.h"

#include <nettle/sha2.h>

#include "base/text.h"
#include "http/secret.h"
#include "page/acceptable.h"
#include "page/error_page.h"
#include "page/page.h"
#include "session/session.h"

enum { PAGE_BYTES = 1 << 20 };

struct echo {
    uint64_t length;
    struct sha256_ctx sha;
    tc_buf page;
};

/* What is shown of the content and the target, as text. */
struct facts {
    tc_span path, query; /* query: with its "?", or empty */
    tc_span proven;      /* who the client proved to be */
    tc_span user;        /* ... by a password */
    tc_span client;      /* its address; empty: it has none */
    tc_span proxy;       /* the peer, where that is not the client */
    char client_text[TC_IP_TEXT], proxy_text[TC_IP_TEXT];
    bool early; /* it may be a replay */
    uint64_t length;
    char hex[2 * SHA256_DIGEST_SIZE];
    char digest[64]; /* "sha-256=:...:" (RFC 9530, 2) */
    size_t digest_length;
};

static bool answers(enum tc_method method)
{
    return method == TC_METHOD_GET || method == TC_METHOD_HEAD || method == TC_METHOD_POST ||
           method == TC_METHOD_PUT || method == TC_METHOD_PATCH || method == TC_METHOD_DELETE;
}

static tc_err on_head(void *self, tc_exchange *x)
{
    (void)self;
    x->self = NULL;
    if (!answers(x->theirs.method)) {
        const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ALLOW,
                                         TC_SPAN("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
        if (err) return err;
        if (x->theirs.method == TC_METHOD_OPTIONS) return tc_exchange_answer(x, 204, 0);
        return tc_error_page(x, 405, (tc_span){0});
    }
    if (tc_wants_coded(x)) return tc_only_identity(x);
    struct echo *e = tc_exchange_alloc(x, sizeof *e);
    if (!e) return TC_ERR_NO_MEMORY;
    e->length = 0;
    sha256_init(&e->sha);
    tc_buf_init(&e->page, PAGE_BYTES);
    x->self = e;
    return TC_OK;
}

static tc_err on_data(void *self, tc_exchange *x, tc_span run)
{
    (void)self;
    struct echo *e = x->self;
    if (!e) return TC_OK; /* answered from the head alone */
    e->length += run.len;
    sha256_update(&e->sha, run.len, (const uint8_t *)run.at);
    return TC_OK;
}

static void fill(struct facts *f, tc_span target, struct echo *e)
{
    static const char digits[] = "0123456789abcdef";
    const size_t mark = tc_span_find(target, '?');
    uint8_t sum[SHA256_DIGEST_SIZE];
    sha256_digest(&e->sha, sizeof sum, sum);
    f->path = tc_span_first(target, mark);
    f->query = tc_span_from(target, mark);
    f->length = e->length;
    for (size_t i = 0; i < sizeof sum; i++) {
        f->hex[2 * i] = digits[sum[i] >> 4];
        f->hex[2 * i + 1] = digits[sum[i] & 15];
    }
    tc_buf b;
    tc_buf_init_over(&b, f->digest, sizeof f->digest);
    tc_page p = {&b, TC_OK};
    tc_page_raw(&p, TC_SPAN("sha-256=:"));
    if (!p.err) p.err = tc_text_base64(&b, (tc_span){(const char *)sum, sizeof sum});
    tc_page_raw(&p, TC_SPAN(":"));
    f->digest_length = b.len;
}

static tc_span value_of(const tc_field *f)
{
    return tc_secret_name(f->name) ? TC_SPAN("\u2022\u2022\u2022\u2022\u2022\u2022\u2022\u2022")
                                   : f->value;
}

static void write_length(tc_page *p, const struct facts *f)
{
    tc_page_number(p, f->length);
    tc_page_raw(p, f->length == 1 ? TC_SPAN(" byte") : TC_SPAN(" bytes"));
}

static void find_client(struct facts *f, const tc_exchange *x)
{
    const tc_asker client = tc_session_asker(x), peer = tc_session_peer(x);
    f->user = x->user;
    f->client = f->proxy = (tc_span){0};
    if (client.kind == TC_ASKER_HIDDEN)
        f->client = TC_SPAN("unknown");
    else if (client.port || client.kind == TC_ASKER_KNOWN)
        f->client = tc_ip_text(&client.ip, f->client_text);
    if (client.kind != TC_ASKER_PEER) f->proxy = tc_ip_text(&peer.ip, f->proxy_text);
}

/* --- JSON --- */

static void json_pair(tc_page *p, const char *before, tc_span value)
{
    tc_page_raw(p, tc_span_str(before));
    tc_page_safe(p, TC_REPLY_JSON, value);
}

static void json_fields(tc_page *p, const tc_fields *f)
{
    tc_page_raw(p, TC_SPAN("["));
    char room[128];
    for (uint32_t i = 0; i < f->count; i++) {
        json_pair(p, i ? ",\n    {\"name\": " : "\n    {\"name\": ",
                  tc_field_spelt(&f->at[i], room, sizeof room));
        json_pair(p, ", \"value\": ", value_of(&f->at[i]));
        tc_page_raw(p, TC_SPAN("}"));
    }
    tc_page_raw(p, f->count ? TC_SPAN("\n  ]") : TC_SPAN("]"));
}

static void write_json(tc_page *p, const tc_message *m, const struct facts *f)
{
    json_pair(p, "{\n  \"method\": ", m->method_name);
    json_pair(p, ",\n  \"target\": ", m->path);
    json_pair(p, ",\n  \"scheme\": ", m->scheme);
    json_pair(p, ",\n  \"authority\": ", m->authority);
    json_pair(p, ",\n  \"path\": ", f->path);
    if (f->query.len)
        json_pair(p, ",\n  \"query\": ", tc_span_from(f->query, 1));
    else
        tc_page_raw(p, TC_SPAN(",\n  \"query\": null"));
    json_pair(p, ",\n  \"version\": ", tc_version_name(m->version));
    if (f->client.len) json_pair(p, ",\n  \"client\": ", f->client);
    if (f->proxy.len) json_pair(p, ",\n  \"proxy\": ", f->proxy);
    if (f->user.len) json_pair(p, ",\n  \"user\": ", f->user);
    if (f->proven.len) json_pair(p, ",\n  \"certificate\": ", f->proven);
    if (f->early) tc_page_raw(p, TC_SPAN(",\n  \"early\": true"));
    tc_page_raw(p, TC_SPAN(",\n  \"fields\": "));
    json_fields(p, &m->fields);
    tc_page_raw(p, TC_SPAN(",\n  \"content\": {\n    \"length\": "));
    tc_page_number(p, f->length);
    json_pair(p, ",\n    \"sha256\": ", (tc_span){f->hex, sizeof f->hex});
    json_pair(p, ",\n    \"digest\": ", (tc_span){f->digest, f->digest_length});
    tc_page_raw(p, TC_SPAN("\n  },\n  \"trailers\": "));
    json_fields(p, &m->trailers);
    tc_page_raw(p, TC_SPAN("\n}\n"));
}

/* --- HTML --- */

static void html_row(tc_page *p, tc_span name, tc_span value)
{
    tc_page_raw(p, TC_SPAN("<tr><th scope=\"row\">"));
    tc_page_safe(p, TC_REPLY_HTML, name);
    tc_page_raw(p, TC_SPAN("</th><td>"));
    tc_page_safe(p, TC_REPLY_HTML, value);
    tc_page_raw(p, TC_SPAN("</td></tr>\n"));
}

static void html_table(tc_page *p, const char *title)
{
    tc_page_raw(p, TC_SPAN("<h2>"));
    tc_page_raw(p, tc_span_str(title));
    tc_page_raw(p, TC_SPAN("</h2>\n<table>\n"));
}

static void html_fields(tc_page *p, const char *title, const tc_fields *f)
{
    char room[128];
    if (f->count == 0) return;
    html_table(p, title);
    for (uint32_t i = 0; i < f->count; i++)
        html_row(p, tc_field_spelt(&f->at[i], room, sizeof room), value_of(&f->at[i]));
    tc_page_raw(p, TC_SPAN("</table>\n"));
}

static void write_html(tc_page *p, const tc_message *m, const struct facts *f)
{
    tc_page_open(p, TC_SPAN("Your request"));
    tc_page_raw(p, TC_SPAN("<h1>"));
    tc_page_safe(p, TC_REPLY_HTML, m->method_name);
    tc_page_raw(p, TC_SPAN(" "));
    tc_page_safe(p, TC_REPLY_HTML, m->path);
    tc_page_raw(p, TC_SPAN("</h1>\n<p>This is how the server understood your request.</p>\n"));
    html_table(p, "Request");
    html_row(p, TC_SPAN("Method"), m->method_name);
    html_row(p, TC_SPAN("Target"), m->path);
    html_row(p, TC_SPAN("Scheme"), m->scheme);
    html_row(p, TC_SPAN("Authority"), m->authority);
    html_row(p, TC_SPAN("Path"), f->path);
    if (f->query.len) html_row(p, TC_SPAN("Query"), tc_span_from(f->query, 1));
    html_row(p, TC_SPAN("Version"), tc_version_name(m->version));
    if (f->client.len) html_row(p, TC_SPAN("Client"), f->client);
    if (f->proxy.len) html_row(p, TC_SPAN("Proxy"), f->proxy);
    if (f->user.len) html_row(p, TC_SPAN("User"), f->user);
    if (f->proven.len) html_row(p, TC_SPAN("Certificate"), f->proven);
    if (f->early) html_row(p, TC_SPAN("Early data"), TC_SPAN("yes"));
    tc_page_raw(p, TC_SPAN("</table>\n"));
    html_fields(p, "Fields", &m->fields);
    html_table(p, "Content");
    tc_page_raw(p, TC_SPAN("<tr><th scope=\"row\">Length</th><td>"));
    write_length(p, f);
    tc_page_raw(p, TC_SPAN("</td></tr>\n"));
    html_row(p, TC_SPAN("SHA-256"), (tc_span){f->hex, sizeof f->hex});
    html_row(p, TC_SPAN("Digest"), (tc_span){f->digest, f->digest_length});
    tc_page_raw(p, TC_SPAN("</table>\n"));
    html_fields(p, "Trailers", &m->trailers);
    tc_page_close(p);
}

/* --- text --- */

static void text_row(tc_page *p, const char *name, tc_span value)
{
    tc_page_raw(p, tc_span_str(name));
    tc_page_safe(p, TC_REPLY_TEXT, value);
    tc_page_raw(p, TC_SPAN("\n"));
}

static void text_fields(tc_page *p, const char *title, const tc_fields *f)
{
    if (f->count == 0) return;
    tc_page_raw(p, tc_span_str(title));
    char room[128];
    for (uint32_t i = 0; i < f->count; i++) {
        tc_page_raw(p, TC_SPAN("  "));
        tc_page_safe(p, TC_REPLY_TEXT, tc_field_spelt(&f->at[i], room, sizeof room));
        text_row(p, ": ", value_of(&f->at[i]));
    }
}

static void write_text(tc_page *p, const tc_message *m, const struct facts *f)
{
    text_row(p, "Method     ", m->method_name);
    text_row(p, "Target     ", m->path);
    text_row(p, "Scheme     ", m->scheme);
    text_row(p, "Authority  ", m->authority);
    text_row(p, "Path       ", f->path);
    if (f->query.len) text_row(p, "Query      ", tc_span_from(f->query, 1));
    text_row(p, "Version    ", tc_version_name(m->version));
    if (f->client.len) text_row(p, "Client     ", f->client);
    if (f->proxy.len) text_row(p, "Proxy      ", f->proxy);
    if (f->user.len) text_row(p, "User       ", f->user);
    if (f->proven.len) text_row(p, "Cert       ", f->proven);
    if (f->early) text_row(p, "Early data ", TC_SPAN("yes"));
    text_fields(p, "\nFields\n", &m->fields);
    tc_page_raw(p, TC_SPAN("\nContent    "));
    write_length(p, f);
    text_row(p, "\nSHA-256    ", (tc_span){f->hex, sizeof f->hex});
    text_row(p, "Digest     ", (tc_span){f->digest, f->digest_length});
    text_fields(p, "\nTrailers\n", &m->trailers);
}

static tc_err on_end(void *self, tc_exchange *x)
{
    static const char *const types[] = {
        [TC_REPLY_HTML] = "text/html; charset=utf-8",
        [TC_REPLY_JSON] = "application/json",
        [TC_REPLY_TEXT] = "text/plain; charset=utf-8",
    };
    (void)self;
    struct echo *e = x->self;
    if (!e) return TC_OK;
    struct facts f;
    const enum tc_reply_kind kind = tc_accept_kind(&x->theirs, TC_REPLY_TEXT);
    tc_page p = {&e->page, TC_OK};
    fill(&f, x->theirs.path, e);
    f.proven = x->proven;
    f.early = tc_exchange_early(x);
    find_client(&f, x);
    switch (kind) {
    case TC_REPLY_HTML: write_html(&p, &x->theirs, &f); break;
    case TC_REPLY_JSON: write_json(&p, &x->theirs, &f); break;
    case TC_REPLY_TEXT: write_text(&p, &x->theirs, &f); break;
    }
    if (p.err == TC_ERR_FULL)
        return tc_error_page(x, 500, TC_SPAN("The request is too large to be shown."));
    if (!p.err) p.err = tc_page_fields(x, tc_span_str(types[kind]));
    if (!p.err)
        p.err =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-store"));
    return p.err ? p.err : tc_exchange_reply(x, 200, tc_run_bytes(tc_buf_span(&e->page)));
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    (void)self;
    (void)why;
    struct echo *e = x->self;
    if (e) tc_buf_fini(&e->page);
}

const tc_handler tc_echo_handler = {
    .name = "echo", .on_head = on_head, .on_data = on_data, .on_end = on_end, .on_close = on_close};
