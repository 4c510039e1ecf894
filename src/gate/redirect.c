/* redirect.c - see redirect.h. Whoever names no host (HTTP/1.0 and 0.9 need not) cannot be sent
 * anywhere. */
// SPDX-License-Identifier: MIT
#include "gate/redirect.h"

#include "base/buf.h"
#include "http/target.h"
#include "page/error_page.h"

enum { SECURE_PORT = 443, PORT_BYTES = 16 };

bool tc_to_https_wanted(const tc_exchange *x)
{
    return tc_span_ieq(x->theirs.scheme, TC_SPAN("http")) &&
           tc_span_starts(x->theirs.path, TC_SPAN("/"));
}

static tc_err write_address(tc_buf *b, tc_span host, uint16_t port, tc_span path)
{
    const bool v6 = memchr(host.at, ':', host.len) != NULL;
    tc_err err = tc_buf_printf(b, v6 ? "https://[%.*s]" : "https://%.*s", TC_FMT(host));
    if (!err && port != SECURE_PORT) err = tc_buf_printf(b, ":%u", (unsigned)port);
    return err ? err : tc_buf_add(b, path);
}

static tc_err on_head(void *self, tc_exchange *x)
{
    const uint16_t *port = self;
    const tc_span path = x->theirs.path;
    uint16_t theirs;
    tc_span host;
    tc_buf b;
    if (tc_authority_split(x->theirs.authority, 80, &host, &theirs) != TC_OK || host.len == 0)
        return tc_error_page(x, 400, TC_SPAN("The request names no host."));
    const size_t room = sizeof "https://[]" + host.len + PORT_BYTES + path.len;
    char *text = tc_arena_bytes(&x->arena, room);
    if (!text) return TC_ERR_NO_MEMORY;
    tc_buf_init_over(&b, text, room);
    tc_err err = write_address(&b, host, *port, path);
    if (!err) err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LOCATION, tc_buf_span(&b));
    return err ? err : tc_error_page(x, 308, (tc_span){0});
}

const tc_handler tc_to_https_handler = {.name = "to https", .on_head = on_head};
