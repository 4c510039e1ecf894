/* access_log.c - see access_log.h. */
// SPDX-License-Identifier: MIT
#include "observe/access_log.h"

#include <string.h>
#include <time.h>

#include "base/text.h"

/* What all formats say of an exchange. */
typedef struct facts {
    const char *peer; /* who asks */
    uint16_t port;    /* 0: not known */
    tc_span method, target, version;
    unsigned status; /* 0: none was sent */
    uint64_t bytes;
    uint64_t ns;
    tc_span proven, user;
    uint64_t in; /* bytes of theirs */
    bool pushed, early, tunnel;
    const char *error; /* NULL: it ended well */
} facts;

/* The client that proxies tell of; its address in ret_text. */
static void see_through(facts *f, const tc_asker *client, char ret_text[TC_IP_TEXT])
{
    if (client->kind == TC_ASKER_PEER) return;
    f->port = client->port;
    f->peer = "unknown"; /* as RFC 7239, 6.2, calls it */
    if (client->kind == TC_ASKER_KNOWN) f->peer = tc_ip_text(&client->ip, ret_text).at;
}

static facts facts_of(const tc_seen *seen, char client[TC_IP_TEXT])
{
    const tc_exchange *x = seen->x;
    facts f = {.peer = seen->session->peer[0] ? seen->session->peer : "-",
               .port = seen->session->peer_port,
               .method = x->theirs.method_name.len ? x->theirs.method_name : TC_SPAN("-"),
               .target = x->theirs.path.len ? x->theirs.path : TC_SPAN("-"),
               .version = tc_version_name(x->theirs.version),
               .status = x->times.ours_head ? x->ours.status : 0,
               .bytes = x->content_out,
               .proven = x->proven,
               .user = x->user,
               .in = x->content_in,
               .tunnel = x->tunnel,
               .pushed = x->pushed,
               .early = tc_exchange_early(x)};
    see_through(&f, &x->asker, client);
    const int64_t end = x->times.ours_end && !x->tunnel ? x->times.ours_end : seen->at;
    f.ns = end > x->times.begun ? (uint64_t)(end - x->times.begun) : 0;
    if (x->theirs.method == TC_METHOD_CONNECT && x->theirs.authority.len)
        f.target = x->theirs.authority;
    if (x->theirs.method == TC_METHOD_HEAD) f.bytes = 0;
    if (seen->err) {
        f.error = tc_err_sentence(seen->err);
        if (x->wire_out < f.bytes) f.bytes = x->wire_out; /* the rest was never taken */
    }
    return f;
}

static const char *color_of(unsigned status)
{
    switch (status / 100) {
    case 1: return "\033[36m";
    case 2: return "\033[32m";
    case 3: return "\033[33m";
    case 4: return "\033[31m";
    case 5: return "\033[35m";
    default: return "\033[1;31m";
    }
}

/* --- bytes into room that was reserved; each gives where the next goes ----------------------- */

enum { START_MAX = 192 }; /* more than all that is put at once, a peer of 55 bytes included */

static char *put(char *to, tc_span s)
{
    memcpy(to, s.at, s.len);
    return to + s.len;
}

static char *put_number(char *to, uint64_t value)
{
    return to + tc_text_number(to, value);
}

/* At least so wide (6 to 8), with blanks on the left; of tenths the last digit is behind a point.
 */
static char *put_right(char *to, uint64_t value, size_t width, bool tenths)
{
    if (value > 99999) { /* five digits and a point always fit */
        char digits[20];
        const size_t n = tc_text_number(digits, tenths ? value / 10 : value), all = n + 2 * tenths;
        memset(to, ' ', 8);
        to = put(all < width ? to + (width - all) : to, tc_span_of(digits, n));
        if (tenths) *to++ = '.', *to++ = (char)('0' + value % 10);
        return to;
    }
    char *at = to + width;
    memset(to, ' ', 8);
    uint32_t left = (uint32_t)value;
    if (tenths) {
        *--at = (char)('0' + left % 10);
        *--at = '.';
        left /= 10;
    }
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    return to + width;
}

static char *put_size(char *to, uint64_t bytes)
{
    static const char units[][4] = {"kB", "MB", "GB", "TB"};
    if (bytes < 10000) return put(put_right(to, bytes, 6, false), TC_SPAN(" B "));
    uint64_t one = 1000;
    size_t unit = 0;
    for (; bytes / one >= 1000 && unit < 3; unit++)
        one *= 1000;
    const uint64_t tenth = one / 10;
    to = put_right(to, bytes / tenth + (bytes % tenth >= tenth / 2), 6, true);
    *to++ = ' ';
    return put(to, tc_span_of(units[unit], 2));
}

static char *put_client(char *to, const char *client)
{
    const size_t n = strlen(client);
    memset(to, ' ', 15);
    memcpy(to, client, n);
    return to + (n < 15 ? 15 : n);
}

static char *put_status(char *to, unsigned status, bool color)
{
    if (color) to = put(to, tc_span_str(color_of(status)));
    to = status ? put_number(to, status) : put(to, TC_SPAN("---"));
    return color ? put(to, TC_SPAN("\033[0m")) : to;
}

/* --- text ----------------------------------------------------------------------------------- */

static char *text_start(char *to, const facts *f, bool color, tc_span date)
{
    if (color) to = put(to, TC_SPAN("\033[2m"));
    to = put(put(to, date), TC_SPAN("  "));
    to = put_client(to, f->peer);
    if (color) to = put(to, TC_SPAN("\033[0m"));
    to = put_status(put(to, TC_SPAN("  ")), f->status, color);
    to = put_size(put(to, TC_SPAN("  ")), f->bytes);
    *to++ = ' ';
    to = put_right(to, (f->ns + 50000) / 100000, 8, true);
    return put(to, TC_SPAN(" ms  "));
}

static tc_err text_version(tc_buf *out, tc_span version, bool color)
{
    char *room;
    const tc_err err = tc_buf_reserve(out, START_MAX, &room);
    if (err) return err;
    char *to = put(room, TC_SPAN("  "));
    if (color) to = put(to, TC_SPAN("\033[2m"));
    to = put(to, version);
    if (color) to = put(to, TC_SPAN("\033[0m"));
    out->len += (size_t)(to - room);
    return TC_OK;
}

/* What few lines have. */
static tc_err text_more(tc_buf *out, const facts *f, bool color)
{
    tc_err err = TC_OK;
    if (f->tunnel) err = tc_buf_printf(out, "  %llu B sent", (unsigned long long)f->in);
    if (!err && f->pushed) err = tc_buf_add(out, TC_SPAN("  pushed"));
    if (!err && f->early) err = tc_buf_add(out, TC_SPAN("  early"));
    if (!err && f->proven.len) err = tc_buf_add(out, TC_SPAN("  "));
    if (!err) err = tc_text_terminal(out, f->proven, false);
    if (!err && f->user.len) err = tc_buf_add(out, TC_SPAN("  "));
    if (!err) err = tc_text_terminal(out, f->user, false);
    if (!err && f->error)
        err = tc_buf_printf(out, "  %s%s%s", color ? color_of(0) : "", f->error,
                            color ? "\033[0m" : "");
    return err;
}

static bool is_plain(tc_span s)
{
    return tc_text_plain(s, false) == s.len;
}

static tc_err text_line(tc_buf *out, const facts *f, bool color, tc_span date)
{
    const bool more =
        f->tunnel || f->pushed || f->early || f->proven.len || f->user.len || f->error;
    const bool plain = is_plain(f->method) && is_plain(f->target);
    char *room;
    tc_err err =
        tc_buf_reserve(out, START_MAX + (plain ? f->method.len + 1 + f->target.len : 0), &room);
    if (err) return err;
    char *to = text_start(room, f, color, date);
    if (plain) {
        to = put(to, f->method);
        *to++ = ' ';
        to = put(to, f->target);
    }
    out->len += (size_t)(to - room);
    if (!plain) err = tc_text_terminal(out, f->method, false);
    if (!plain && !err) err = tc_buf_add_byte(out, ' ');
    if (!plain && !err) err = tc_text_terminal(out, f->target, false);
    if (!err) err = text_version(out, f->version, color);
    if (!err && more) err = text_more(out, f, color);
    return err ? err : tc_buf_add_byte(out, '\n');
}

/* --- combined ------------------------------------------------------------------------------- */

/* As Apache writes it: quotes, backslashes and what is not printable are escaped. */
static tc_err put_quoted(tc_buf *out, tc_span s)
{
    const size_t plain = tc_text_plain(s, true);
    tc_err err = tc_buf_add(out, tc_span_first(s, plain));
    for (size_t i = plain; i < s.len && !err; i++) {
        const unsigned char c = (unsigned char)s.at[i];
        if (c == '"' || c == '\\')
            err = tc_buf_printf(out, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            err = tc_buf_printf(out, "\\x%02x", (unsigned)c);
        else
            err = tc_buf_add_byte(out, (char)c);
    }
    return err;
}

/* It stands between blanks, so none may be in it. */
static tc_err put_user(tc_buf *out, tc_span user)
{
    tc_err err = user.len ? TC_OK : tc_buf_add_byte(out, '-');
    while (user.len && !err) {
        const tc_span part = tc_span_take(&user, tc_span_find(user, ' '));
        err = put_quoted(out, part);
        if (!err && user.len) err = tc_buf_add(out, TC_SPAN("\\x20"));
        user = tc_span_from(user, 1);
    }
    return err;
}

static tc_err put_field(tc_buf *out, const tc_exchange *x, enum tc_field_id id)
{
    tc_span value = {0};
    (void)tc_fields_get(&x->theirs.fields, id, &value); /* empty if missing */
    return value.len ? put_quoted(out, value) : tc_buf_add_byte(out, '-');
}

/* Status and size, between the request and the fields. */
static tc_err combined_middle(tc_buf *out, const facts *f)
{
    char *room;
    const tc_err err = tc_buf_reserve(out, START_MAX, &room);
    if (err) return err;
    char *to = put_number(put(room, TC_SPAN("\" ")), f->status);
    *to++ = ' ';
    if (f->bytes)
        to = put_number(to, f->bytes);
    else
        *to++ = '-';
    out->len += (size_t)(put(to, TC_SPAN(" \"")) - room);
    return TC_OK;
}

static tc_err combined_line(tc_buf *out, const tc_exchange *x, const facts *f, tc_span date)
{
    tc_err err = tc_buf_add(out, tc_span_str(f->peer));
    if (!err) err = tc_buf_add(out, TC_SPAN(" - "));
    if (!err) err = put_user(out, f->user);
    if (!err) err = tc_buf_add(out, TC_SPAN(" ["));
    if (!err) err = tc_buf_add(out, date);
    if (!err) err = tc_buf_add(out, TC_SPAN("] \""));
    if (!err) err = put_quoted(out, f->method);
    if (!err) err = tc_buf_add_byte(out, ' ');
    if (!err) err = put_quoted(out, f->target);
    if (!err && x->theirs.version != TC_HTTP_0_9) {
        err = tc_buf_add_byte(out, ' ');
        if (!err) err = tc_buf_add(out, f->version);
    }
    if (!err) err = combined_middle(out, f);
    if (!err) err = put_field(out, x, TC_FIELD_REFERER);
    if (!err) err = tc_buf_add(out, TC_SPAN("\" \""));
    if (!err) err = put_field(out, x, TC_FIELD_USER_AGENT);
    return err ? err : tc_buf_add(out, TC_SPAN("\"\n"));
}

/* --- JSON ----------------------------------------------------------------------------------- */

static tc_err put_member(tc_buf *out, const char *name, tc_span value)
{
    tc_err err = tc_buf_add(out, TC_SPAN(",\""));
    if (!err) err = tc_buf_add(out, tc_span_str(name));
    if (!err) err = tc_buf_add(out, TC_SPAN("\":"));
    return err ? err : tc_text_json(out, value);
}

static tc_err put_member_number(tc_buf *out, const char *name, uint64_t value)
{
    char digits[20];
    tc_err err = tc_buf_add(out, TC_SPAN(",\""));
    if (!err) err = tc_buf_add(out, tc_span_str(name));
    if (!err) err = tc_buf_add(out, TC_SPAN("\":"));
    return err ? err : tc_buf_add(out, tc_span_of(digits, tc_text_number(digits, value)));
}

/* ... and its thousandths. */
static tc_err put_member_ms(tc_buf *out, const char *name, uint64_t ns)
{
    const uint64_t us = (ns + 500) / 1000;
    const unsigned part = (unsigned)(us % 1000);
    const char point[4] = {'.', (char)('0' + part / 100), (char)('0' + part / 10 % 10),
                           (char)('0' + part % 10)};
    const tc_err err = put_member_number(out, name, us / 1000);
    return err ? err : tc_buf_add(out, tc_span_of(point, 4));
}

static tc_err put_member_field(tc_buf *out, const char *name, const tc_exchange *x,
                               enum tc_field_id id)
{
    tc_span value = {0};
    (void)tc_fields_get(&x->theirs.fields, id, &value); /* empty if missing */
    return put_member(out, name, value);
}

static tc_err json_start(tc_buf *out, tc_span date)
{
    tc_err err = tc_buf_add(out, TC_SPAN("{\"time\":\""));
    if (!err) err = tc_buf_add(out, date);
    return err ? err : tc_buf_add_byte(out, '"');
}

static tc_err json_line(tc_buf *out, const tc_seen *seen, const facts *f, tc_span date)
{
    const tc_exchange *x = seen->x;
    tc_err err = json_start(out, date);
    if (!err) err = put_member(out, "client", tc_span_str(f->peer));
    if (!err && (f->port || x->asker.kind == TC_ASKER_PEER))
        err = put_member_number(out, "port", f->port);
    if (!err && x->asker.kind != TC_ASKER_PEER)
        err = put_member(out, "proxy", tc_span_str(seen->session->peer));
    if (!err && f->user.len) err = put_member(out, "user", f->user);
    if (!err) err = put_member_number(out, "session", seen->session->id);
    if (!err) err = put_member_number(out, "exchange", x->id);
    if (!err) err = put_member(out, "method", f->method);
    if (!err) err = put_member(out, "target", f->target);
    if (!err) err = put_member(out, "authority", x->theirs.authority);
    if (!err) err = put_member(out, "version", f->version);
    if (!err) err = put_member_number(out, "status", f->status);
    if (!err) err = put_member_number(out, "bytes", f->bytes);
    if (!err) err = put_member_number(out, "content_in", x->content_in);
    if (!err) err = put_member_ms(out, "ms", f->ns);
    if (!err) err = put_member_field(out, "user_agent", x, TC_FIELD_USER_AGENT);
    if (!err) err = put_member_field(out, "referer", x, TC_FIELD_REFERER);
    if (!err && f->pushed) err = tc_buf_add(out, TC_SPAN(",\"pushed\":true"));
    if (!err && f->early) err = tc_buf_add(out, TC_SPAN(",\"early\":true"));
    if (!err && f->proven.len) err = put_member(out, "certificate", f->proven);
    if (!err && f->error) err = put_member(out, "error", tc_span_str(f->error));
    return err ? err : tc_buf_add(out, TC_SPAN("}\n"));
}

/* --- connections that came to nothing ------------------------------------------------------- */

static tc_err refused_text(tc_buf *out, const tc_seen *seen, bool color, tc_span date)
{
    const char *dim = color ? "\033[2m" : "", *plain = color ? "\033[0m" : "";
    tc_err err =
        tc_buf_printf(out, "%s%.*s  %-15s%s  %s---  %s", dim, TC_FMT(date), seen->session->peer,
                      plain, color ? color_of(0) : "", tc_err_sentence(seen->err));
    if (!err && seen->text.len) err = tc_buf_add(out, TC_SPAN(": "));
    if (!err) err = tc_text_terminal(out, seen->text, false);
    return err ? err : tc_buf_printf(out, "%s\n", plain);
}

static tc_err refused_json(tc_buf *out, const tc_seen *seen, tc_span date)
{
    tc_err err = json_start(out, date);
    if (!err) err = put_member(out, "client", tc_span_str(seen->session->peer));
    if (!err) err = put_member_number(out, "port", seen->session->peer_port);
    if (!err) err = put_member_number(out, "session", seen->session->id);
    if (!err) err = put_member(out, "error", tc_span_str(tc_err_sentence(seen->err)));
    if (!err && seen->text.len) err = put_member(out, "why", seen->text);
    return err ? err : tc_buf_add(out, TC_SPAN("}\n"));
}

/* --- lines ---------------------------------------------------------------------------------- */

void tc_log_date_set(tc_log_date *date, enum tc_log_format format, int64_t wall)
{
    static const char *const forms[] = {[TC_LOG_TEXT] = "%H:%M:%S",
                                        [TC_LOG_COMBINED] = "%d/%b/%Y:%H:%M:%S +0000",
                                        [TC_LOG_JSON] = "%Y-%m-%dT%H:%M:%SZ"};
    const time_t seconds = (time_t)wall;
    struct tm tm;
    if (date->len && date->wall == wall) return;
    *date = (tc_log_date){.wall = wall};
    if (format == TC_LOG_TEXT ? localtime_r(&seconds, &tm) : gmtime_r(&seconds, &tm))
        date->len = strftime(date->text, sizeof date->text, forms[format], &tm);
}

bool tc_log_wants(enum tc_log_format format, const tc_seen *seen)
{
    if (seen->kind == TC_SEEN_CLOSED) return true;
    return seen->kind == TC_SEEN_PROTECTED && seen->err && seen->err != TC_ERR_PEER_CLOSED &&
           seen->err != TC_ERR_PEER_RESET && format != TC_LOG_COMBINED;
}

tc_err tc_log_line(tc_buf *out, enum tc_log_format format, bool color, const tc_seen *seen,
                   const tc_log_date *date)
{
    const size_t before = out->len;
    const tc_span when = tc_span_of(date->text, date->len);
    tc_err err = TC_OK;
    if (seen->kind == TC_SEEN_PROTECTED) {
        err = format == TC_LOG_JSON ? refused_json(out, seen, when)
                                    : refused_text(out, seen, color, when);
        if (err) out->len = before;
        return err;
    }
    char client[TC_IP_TEXT];
    const facts f = facts_of(seen, client);
    switch (format) {
    case TC_LOG_TEXT: err = text_line(out, &f, color, when); break;
    case TC_LOG_COMBINED: err = combined_line(out, seen->x, &f, when); break;
    case TC_LOG_JSON: err = json_line(out, seen, &f, when); break;
    }
    if (err) out->len = before;
    return err;
}
