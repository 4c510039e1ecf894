/* origin.c - see origin.h. */
// SPDX-License-Identifier: MIT
#include "client/origin.h"

#include <stddef.h>

#include "base/alloc.h"
#include "session/session.h"

const tc_identity_row tc_identity_rows[] = {
#define TC_IDENTITY(kind, name, meaning) {#name, TC_IDENTITY_##kind, offsetof(tc_origin, name)},
#include "identity.def"
#undef TC_IDENTITY
};

const size_t tc_identity_row_count = sizeof tc_identity_rows / sizeof *tc_identity_rows;

static tc_span text_of(const tc_origin *o, const tc_identity_row *row)
{
    return *(const tc_span *)(const void *)((const char *)o + row->offset);
}

static uint32_t number_of(const tc_origin *o, const tc_identity_row *row)
{
    return *(const uint32_t *)(const void *)((const char *)o + row->offset);
}

static tc_span name_of(const char *file)
{
    return file ? tc_span_str(file) : (tc_span){0};
}

bool tc_origin_is_forwarded(const tc_url *url, const tc_proxy *proxy, enum tc_version version)
{
    return proxy && tc_span_eq(url->scheme, TC_SPAN("http")) && tc_session_forwards(version);
}

tc_origin tc_origin_of(const tc_url *url, const tc_proxy *proxy, enum tc_version version,
                       const tc_tls_client_config *tls, const tc_fields *fields)
{
    tc_origin o = {.scheme = url->scheme, .host = url->host, .port = url->port, .version = version};
    if (proxy) o.proxy = proxy->identity;
    if (tc_origin_is_forwarded(url, proxy, version)) {
        o.host = (tc_span){0};
        o.port = 0;
    }
    (void)tc_fields_get(fields, TC_FIELD_AUTHORIZATION, &o.credentials); /* empty without */
    if (!tc_span_eq(url->scheme, TC_SPAN("https"))) return o;
    o.authorities = name_of(tls->authorities[0]);
    o.revoked = name_of(tls->revoked);
    o.insecure = tls->insecure;
    o.certificate = name_of(tls->certificate);
    o.key = name_of(tls->key);
    return o;
}

bool tc_origin_eq(const tc_origin *a, const tc_origin *b)
{
    for (const tc_identity_row *row = tc_identity_rows;
         row < tc_identity_rows + tc_identity_row_count; row++) {
        const bool same = row->kind == TC_IDENTITY_TEXT
                              ? tc_span_eq(text_of(a, row), text_of(b, row))
                              : number_of(a, row) == number_of(b, row);
        if (!same) return false;
    }
    return true;
}

tc_err tc_origin_keep(const tc_origin *from, char **ret_memory, tc_origin *ret)
{
    const tc_identity_row *const end = tc_identity_rows + tc_identity_row_count;
    size_t size = 0;
    for (const tc_identity_row *row = tc_identity_rows; row < end; row++)
        if (row->kind == TC_IDENTITY_TEXT) size += text_of(from, row).len + 1;
    char *at = tc_alloc_zero(size);
    if (!at) return TC_ERR_NO_MEMORY;
    *ret_memory = at;
    *ret = *from;
    for (const tc_identity_row *row = tc_identity_rows; row < end; row++) {
        if (row->kind != TC_IDENTITY_TEXT) continue;
        const tc_span text = text_of(from, row);
        if (text.len) memcpy(at, text.at, text.len);
        *(tc_span *)(void *)((char *)ret + row->offset) = tc_span_of(at, text.len);
        at += text.len + 1;
    }
    return TC_OK;
}
