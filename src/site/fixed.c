/* fixed.c - see fixed.h. */
// SPDX-License-Identifier: MIT
#include "site/fixed.h"

#include "http/status.h"
#include "http/target.h"
#include "page/acceptable.h"
#include "page/error_page.h"

/* A status in front, or usual. False: it is none that an answer can have. */
static bool take_status(tc_span *text, unsigned usual, unsigned *ret_status)
{
    uint64_t status;
    const size_t blank = tc_span_find(*text, ' ');
    *ret_status = usual;
    if (!tc_span_number(tc_span_first(*text, blank), &status)) return usual != 0;
    if (status < 200 || status > 599) return false;
    *ret_status = (unsigned)status;
    *text = tc_span_from(*text, blank < text->len ? blank + 1 : blank);
    return true;
}

enum part { URI, PATH, REST, HOST };
static const char *const parts[] = {
    [URI] = "{uri}", [PATH] = "{path}", [REST] = "{rest}", [HOST] = "{host}"};

/* Takes the next piece off a pattern: plain text, or a part. False: a brace that is no part. */
static bool next_piece(tc_span *rest, tc_span *ret_plain, int *ret_part)
{
    *ret_part = -1;
    *ret_plain = tc_span_take(rest, tc_span_find(*rest, '{'));
    if (ret_plain->len || !rest->len) return true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (tc_span_starts(*rest, tc_span_str(parts[i]))) {
            (void)tc_span_take(rest, strlen(parts[i]));
            *ret_part = (int)i;
            return true;
        }
    return false;
}

/* So that no path comes to stand where a host does. */
static bool lacks_host(tc_span text)
{
    const tc_span to = tc_span_from(text, tc_span_find(text, ':') + 1);
    if (text.at[0] == '/' || text.at[0] == '{') return false;
    if (!tc_span_starts(to, TC_SPAN("//")))
        return tc_span_starts(to, TC_SPAN("/")) || !to.len || to.at[0] == '{';
    const tc_span host = tc_span_from(to, 2);
    if (!host.len || host.at[0] == '/' || host.at[0] == '?') return true;
    return host.at[0] == '{' && !tc_span_starts(host, TC_SPAN("{host}"));
}

const char *tc_fixed_redirect(tc_span text, tc_span prefix, tc_fixed *ret)
{
    tc_span plain;
    int part;
    *ret = (tc_fixed){.prefix = prefix};
    if (!take_status(&text, 308, &ret->status) || ret->status < 300 || ret->status > 399 ||
        ret->status == 304)
        return "a redirection has a status from 300 to 399, and not 304";
    if (!text.len || tc_span_starts(text, TC_SPAN("//")) ||
        (text.at[0] != '/' && tc_span_find(text, ':') == text.len && text.at[0] != '{'))
        return "[STATUS] URL is wanted, like 308 https://example.org{uri} or /new{rest}";
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.at[i] <= ' ' || (uint8_t)text.at[i] >= 127)
            return "a URL has no blanks, and other letters than ASCII's percent-encoded";
    if (tc_span_starts(text, TC_SPAN("{host}"))) return "https:// is wanted before {host}";
    if (lacks_host(text)) return "a host is wanted behind ://";
    ret->to = text;
    while (text.len)
        if (!next_piece(&text, &plain, &part))
            return "in braces there is {uri}, {path}, {rest} or {host}";
    return NULL;
}

const char *tc_fixed_answer(tc_span text, tc_fixed *ret)
{
    *ret = (tc_fixed){.status = 0};
    if (!take_status(&text, 0, &ret->status))
        return "a status from 200 to 599 is wanted, and a text";
    if (text.len && tc_status_no_content(ret->status)) return "this status has no content";
    ret->text = text;
    return NULL;
}

/* What is behind the prefix as it came; all of it, where the prefix was written in another way:
 * what does not begin a segment must not go on where a host ends. */
static tc_span rest_of(tc_span uri, tc_span prefix)
{
    const tc_span rest = tc_span_from(uri, prefix.len);
    if (!tc_span_starts(uri, prefix)) return uri;
    return !rest.len || rest.at[0] == '/' || rest.at[0] == '?' ? rest : uri;
}

/* Without its port, with the brackets of an address. */
static tc_span host_of(tc_span authority)
{
    tc_span host;
    uint16_t port;
    if (tc_authority_split(authority, 0, &host, &port) != TC_OK) return (tc_span){0};
    return authority.at[0] == '[' ? tc_span_first(authority, host.len + 2) : host;
}

static tc_span part_of(tc_exchange *x, const tc_fixed *f, int part)
{
    const tc_span asked = x->theirs.path;
    const tc_span uri = tc_span_eq(asked, TC_SPAN("*")) ? TC_SPAN("/") : asked;
    switch ((enum part)part) {
    case URI: return uri;
    case PATH: return tc_span_first(uri, tc_span_find(uri, '?'));
    case REST: return rest_of(uri, f->prefix);
    case HOST: break;
    }
    return host_of(x->theirs.authority);
}

/* at is NULL without memory. */
static tc_span address(tc_exchange *x, const tc_fixed *f)
{
    size_t len = 0;
    tc_span rest = f->to, plain;
    int part;
    char *at = NULL;
    for (int pass = 0; pass < 2; pass++) {
        size_t n = 0;
        rest = f->to;
        while (rest.len && next_piece(&rest, &plain, &part)) {
            const tc_span piece = part < 0 ? plain : part_of(x, f, part);
            if (at && piece.len) memcpy(at + n, piece.at, piece.len);
            n += piece.len;
        }
        len = n;
        if (!at) at = tc_arena_bytes(&x->arena, len + 1);
        if (!at) return (tc_span){0};
    }
    size_t skip = 0; /* what the client wrote must not become a host: browsers read \ as / */
    const bool local = f->to.at[0] == '/' || f->to.at[0] == '{';
    while (local && skip + 1 < len && at[0] == '/' && (at[skip + 1] == '/' || at[skip + 1] == '\\'))
        skip++;
    if (skip) at[skip] = '/';
    if (local && (!len || at[0] == '?')) { /* of "{rest}": the same place again, otherwise */
        memmove(at + 1, at, len);
        at[0] = '/';
        return tc_span_of(at, len + 1);
    }
    return tc_span_of(at + skip, len - skip);
}

static tc_err redirect(tc_exchange *x, const tc_fixed *f)
{
    const tc_span to = address(x, f);
    if (!to.at) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LOCATION, to);
    return err ? err : tc_error_page(x, f->status, (tc_span){0});
}

static tc_err on_head(void *self, tc_exchange *x)
{
    const tc_fixed *f = self;
    if (f->to.len) return redirect(x, f);
    if (f->status >= 300 && f->status != 304 && !f->text.len)
        return tc_error_page(x, f->status, (tc_span){0});
    if (!f->text.len) return tc_exchange_answer(x, f->status, 0);
    if (f->status < 300 && tc_wants_coded(x)) return tc_only_identity(x);
    const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CONTENT_TYPE,
                                     TC_SPAN("text/plain; charset=utf-8"));
    return err ? err : tc_exchange_reply(x, f->status, tc_run_bytes(f->text));
}

const tc_handler tc_fixed_handler = {.name = "fixed", .on_head = on_head};
