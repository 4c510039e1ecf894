/* request.c - see request.h. The rules are tables: what a status does to a method, and which fields
 * belong to the content or to the origin. */
// SPDX-License-Identifier: MIT
#include "client/request.h"

#include "http/secret.h"

static int64_t length_of(const tc_content *content)
{
    switch (content->kind) {
    case TC_CONTENT_NONE: return 0;
    case TC_CONTENT_BYTES: return (int64_t)content->bytes.len;
    case TC_CONTENT_FILE: return (int64_t)content->length;
    case TC_CONTENT_STREAM: return TC_LENGTH_UNKNOWN;
    }
    return 0;
}

void tc_request_message(const tc_request *r, tc_message *message)
{
    message->version = r->version;
    message->method = r->method;
    message->method_name = r->method_name;
    message->scheme = r->url.scheme;
    message->authority = r->no_host ? (tc_span){0} : r->host.at ? r->host : r->url.authority;
    message->omits_host = r->no_host;
    message->path = r->asterisk ? TC_SPAN("*") : r->url.path;
    message->fields = r->fields;
    message->expects_continue = r->expects_continue;
    message->length = length_of(&r->content);
}

enum rule {
    KEEP,        /* method and content stay (15.4.8, 15.4.9) */
    POST_TO_GET, /* as every client does, and as 15.4.2 and 15.4.3 allow */
    TO_GET,      /* but HEAD stays (15.4.4) */
};

static const struct {
    unsigned status;
    enum rule rule;
} redirects[] = {{301, POST_TO_GET}, {302, POST_TO_GET}, {303, TO_GET}, {307, KEEP}, {308, KEEP}};

enum { REDIRECTS = sizeof redirects / sizeof *redirects };

/* Of a content that is no longer sent (15.4, item 5). All names in content- go too. */
static const char *const content_fields[] = {"digest",           "repr-digest",   "want-digest",
                                             "expect",           "last-modified", "trailer",
                                             "transfer-encoding"};

/* Of the origin, beside all secrets (15.4, item 2). */
static const char *const origin_fields[] = {"host", "origin", "referer"};

static bool is_among(tc_span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (tc_span_eq(name, tc_span_str(names[i]))) return true;
    return false;
}

static bool of_content(tc_span name)
{
    return tc_span_starts(name, TC_SPAN("content-")) ||
           is_among(name, content_fields, sizeof content_fields / sizeof *content_fields);
}

static bool of_origin(tc_span name)
{
    return tc_secret_name(name) ||
           is_among(name, origin_fields, sizeof origin_fields / sizeof *origin_fields);
}

static void remove_fields(tc_fields *f, bool (*which)(tc_span name))
{
    for (uint32_t i = f->count; i-- > 0;)
        if (i < f->count && which(f->at[i].name)) tc_fields_remove(f, f->at[i].name);
}

bool tc_redirect_status(unsigned status)
{
    for (int i = 0; i < REDIRECTS; i++)
        if (redirects[i].status == status) return true;
    return false;
}

static bool becomes_get(const tc_request *r, unsigned status)
{
    for (int i = 0; i < REDIRECTS; i++) {
        if (redirects[i].status != status) continue;
        switch (redirects[i].rule) {
        case KEEP: return false;
        case POST_TO_GET: return r->method == TC_METHOD_POST;
        case TO_GET: return r->method != TC_METHOD_GET && r->method != TC_METHOD_HEAD;
        }
    }
    return false;
}

tc_err tc_redirect_apply(tc_arena *a, tc_request *r, unsigned status, tc_span location)
{
    tc_url next;
    const tc_err err = tc_url_resolve(a, &r->url, location, &next);
    if (err) return err;
    const bool get = becomes_get(r, status);
    if (!get && r->content.kind == TC_CONTENT_STREAM) return TC_ERR_READ_FILE;
    if (get) {
        r->method = TC_METHOD_GET;
        r->method_name = tc_method_name(TC_METHOD_GET);
        r->content = (tc_content){.fd = -1};
        r->expects_continue = false;
        remove_fields(&r->fields, of_content);
    }
    if (!tc_url_same_origin(&r->url, &next)) {
        r->host = (tc_span){0};
        remove_fields(&r->fields, of_origin);
    }
    r->asterisk = false; /* the address is one of a resource */
    r->url = next;
    return TC_OK;
}

static bool of_expectation(tc_span name)
{
    return tc_span_ieq(name, TC_SPAN("expect"));
}

void tc_request_expect_nothing(tc_request *r)
{
    r->expects_continue = false;
    remove_fields(&r->fields, of_expectation);
}

bool tc_request_may_be_early(const tc_request *r)
{
    return tc_method_flags(r->method) & TC_METHOD_SAFE && r->content.kind == TC_CONTENT_NONE;
}

bool tc_request_repeatable(const tc_request *r)
{
    return tc_method_flags(r->method) & TC_METHOD_IDEMPOTENT &&
           r->content.kind != TC_CONTENT_STREAM;
}
