/* access_log.c - see access_log.h. */
// SPDX-License-Identifier: MIT
#include "observe/access_log.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"

/* What all formats say of an exchange. */
typedef struct facts {
    const char *peer; /* who asks */
    uint16_t port;    /* 0: not known */
    tc_span method, target, version;
    unsigned status; /* 0: none was sent */
    uint64_t bytes;
    double ms;
    tc_span agent, referer, authority, proven, user;
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
               .authority = x->theirs.authority,
               .proven = x->proven,
               .user = x->user,
               .in = x->content_in,
               .tunnel = x->tunnel,
               .pushed = x->pushed,
               .early = tc_exchange_early(x)};
    see_through(&f, &x->asker, client);
    const int64_t end = x->times.ours_end && !x->tunnel ? x->times.ours_end : seen->at;
    f.ms = (double)(end - x->times.begun) / 1e6;
    if (x->theirs.method == TC_METHOD_CONNECT && x->theirs.authority.len)
        f.target = x->theirs.authority;
    if (x->theirs.method == TC_METHOD_HEAD) f.bytes = 0;
    (void)tc_fields_get(&x->theirs.fields, TC_FIELD_USER_AGENT, &f.agent); /* empty if missing */
    (void)tc_fields_get(&x->theirs.fields, TC_FIELD_REFERER, &f.referer);
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

static tc_err put_size(tc_buf *out, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    if (bytes < 10000) return tc_buf_printf(out, "%6llu B ", (unsigned long long)bytes);
    double value = (double)bytes / 1000;
    size_t unit = 0;
    for (; value >= 1000 && unit < 3; unit++)
        value /= 1000;
    return tc_buf_printf(out, "%6.1f %s", value, units[unit]);
}

static tc_err text_line(tc_buf *out, const facts *f, bool color, int64_t wall)
{
    const time_t seconds = (time_t)wall;
    struct tm tm;
    if (!localtime_r(&seconds, &tm)) return TC_ERR_SYSTEM;
    const char *dim = color ? "\033[2m" : "", *plain = color ? "\033[0m" : "";
    tc_err err = tc_buf_printf(out, "%s%02d:%02d:%02d  %-15s%s  ", dim, tm.tm_hour, tm.tm_min,
                               tm.tm_sec, f->peer, plain);
    if (!err && f->status)
        err = tc_buf_printf(out, "%s%u%s  ", color ? color_of(f->status) : "", f->status, plain);
    else if (!err)
        err = tc_buf_printf(out, "%s---%s  ", color ? color_of(0) : "", plain);
    if (!err) err = put_size(out, f->bytes);
    if (!err) err = tc_buf_printf(out, " %8.1f ms  ", f->ms);
    if (!err) err = tc_text_terminal(out, f->method, false);
    if (!err) err = tc_buf_add_byte(out, ' ');
    if (!err) err = tc_text_terminal(out, f->target, false);
    if (!err) err = tc_buf_printf(out, "  %s%.*s%s", dim, TC_FMT(f->version), plain);
    if (!err && f->tunnel) err = tc_buf_printf(out, "  %llu B sent", (unsigned long long)f->in);
    if (!err && f->pushed) err = tc_buf_add(out, TC_SPAN("  pushed"));
    if (!err && f->early) err = tc_buf_add(out, TC_SPAN("  early"));
    if (!err && f->proven.len) err = tc_buf_add(out, TC_SPAN("  "));
    if (!err) err = tc_text_terminal(out, f->proven, false);
    if (!err && f->user.len) err = tc_buf_add(out, TC_SPAN("  "));
    if (!err) err = tc_text_terminal(out, f->user, false);
    if (!err && f->error)
        err = tc_buf_printf(out, "  %s%s%s", color ? color_of(0) : "", f->error, plain);
    return err ? err : tc_buf_add_byte(out, '\n');
}

/* As Apache writes it: quotes, backslashes and what is not printable are escaped. */
static tc_err put_quoted(tc_buf *out, tc_span s)
{
    tc_err err = TC_OK;
    for (size_t i = 0; i < s.len && !err; i++) {
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

static tc_err combined_line(tc_buf *out, const tc_exchange *x, const facts *f, int64_t wall)
{
    const time_t seconds = (time_t)wall;
    struct tm tm;
    char date[32];
    if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof date, "%d/%b/%Y:%H:%M:%S +0000", &tm))
        return TC_ERR_SYSTEM;
    tc_err err = tc_buf_printf(out, "%s - ", f->peer);
    if (!err) err = put_user(out, f->user);
    if (!err) err = tc_buf_printf(out, " [%s] \"", date);
    if (!err) err = put_quoted(out, f->method);
    if (!err) err = tc_buf_add_byte(out, ' ');
    if (!err) err = put_quoted(out, f->target);
    if (!err && x->theirs.version != TC_HTTP_0_9)
        err = tc_buf_printf(out, " %.*s", TC_FMT(f->version));
    if (!err) err = tc_buf_printf(out, "\" %u ", f->status);
    if (!err)
        err = f->bytes ? tc_buf_printf(out, "%llu \"", (unsigned long long)f->bytes)
                       : tc_buf_printf(out, "- \"");
    if (!err) err = put_quoted(out, f->referer.len ? f->referer : TC_SPAN("-"));
    if (!err) err = tc_buf_add(out, TC_SPAN("\" \""));
    if (!err) err = put_quoted(out, f->agent.len ? f->agent : TC_SPAN("-"));
    return err ? err : tc_buf_add(out, TC_SPAN("\"\n"));
}

static tc_err put_member(tc_buf *out, const char *name, tc_span value)
{
    const tc_err err = tc_buf_printf(out, ",\"%s\":", name);
    return err ? err : tc_text_json(out, value);
}

static tc_err json_line(tc_buf *out, const tc_seen *seen, const facts *f, int64_t wall)
{
    const time_t seconds = (time_t)wall;
    struct tm tm;
    char date[32];
    if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return TC_ERR_SYSTEM;
    tc_err err = tc_buf_printf(out, "{\"time\":\"%s\"", date);
    if (!err) err = put_member(out, "client", tc_span_str(f->peer));
    if (!err && (f->port || seen->x->asker.kind == TC_ASKER_PEER))
        err = tc_buf_printf(out, ",\"port\":%u", (unsigned)f->port);
    if (!err && seen->x->asker.kind != TC_ASKER_PEER)
        err = put_member(out, "proxy", tc_span_str(seen->session->peer));
    if (!err && f->user.len) err = put_member(out, "user", f->user);
    if (!err)
        err = tc_buf_printf(out, ",\"session\":%llu,\"exchange\":%llu",
                            (unsigned long long)seen->session->id, (unsigned long long)seen->x->id);
    if (!err) err = put_member(out, "method", f->method);
    if (!err) err = put_member(out, "target", f->target);
    if (!err) err = put_member(out, "authority", f->authority);
    if (!err) err = put_member(out, "version", f->version);
    if (!err)
        err = tc_buf_printf(out, ",\"status\":%u,\"bytes\":%llu,\"content_in\":%llu,\"ms\":%.3f",
                            f->status, (unsigned long long)f->bytes,
                            (unsigned long long)seen->x->content_in, f->ms);
    if (!err) err = put_member(out, "user_agent", f->agent);
    if (!err) err = put_member(out, "referer", f->referer);
    if (!err && f->pushed) err = tc_buf_add(out, TC_SPAN(",\"pushed\":true"));
    if (!err && f->early) err = tc_buf_add(out, TC_SPAN(",\"early\":true"));
    if (!err && f->proven.len) err = put_member(out, "certificate", f->proven);
    if (!err && f->error) err = put_member(out, "error", tc_span_str(f->error));
    return err ? err : tc_buf_add(out, TC_SPAN("}\n"));
}

/* --- connections that came to nothing ------------------------------------------------------- */

static tc_err refused_text(tc_buf *out, const tc_seen *seen, bool color, int64_t wall)
{
    const time_t seconds = (time_t)wall;
    struct tm tm;
    if (!localtime_r(&seconds, &tm)) return TC_ERR_SYSTEM;
    const char *dim = color ? "\033[2m" : "", *plain = color ? "\033[0m" : "";
    tc_err err = tc_buf_printf(out, "%s%02d:%02d:%02d  %-15s%s  %s---  %s", dim, tm.tm_hour,
                               tm.tm_min, tm.tm_sec, seen->session->peer, plain,
                               color ? color_of(0) : "", tc_err_sentence(seen->err));
    if (!err && seen->text.len) err = tc_buf_add(out, TC_SPAN(": "));
    if (!err) err = tc_text_terminal(out, seen->text, false);
    return err ? err : tc_buf_printf(out, "%s\n", plain);
}

static tc_err refused_json(tc_buf *out, const tc_seen *seen, int64_t wall)
{
    const time_t seconds = (time_t)wall;
    struct tm tm;
    char date[32];
    if (!gmtime_r(&seconds, &tm) || !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm))
        return TC_ERR_SYSTEM;
    tc_err err = tc_buf_printf(out, "{\"time\":\"%s\"", date);
    if (!err) err = put_member(out, "client", tc_span_str(seen->session->peer));
    if (!err)
        err =
            tc_buf_printf(out, ",\"port\":%u,\"session\":%llu", (unsigned)seen->session->peer_port,
                          (unsigned long long)seen->session->id);
    if (!err) err = put_member(out, "error", tc_span_str(tc_err_sentence(seen->err)));
    if (!err && seen->text.len) err = put_member(out, "why", seen->text);
    return err ? err : tc_buf_add(out, TC_SPAN("}\n"));
}

bool tc_log_wants(enum tc_log_format format, const tc_seen *seen)
{
    if (seen->kind == TC_SEEN_CLOSED) return true;
    return seen->kind == TC_SEEN_PROTECTED && seen->err && seen->err != TC_ERR_PEER_CLOSED &&
           seen->err != TC_ERR_PEER_RESET && format != TC_LOG_COMBINED;
}

tc_err tc_log_line(tc_buf *out, enum tc_log_format format, bool color, const tc_seen *seen,
                   int64_t wall)
{
    const size_t before = out->len;
    tc_err err = TC_OK;
    if (seen->kind == TC_SEEN_PROTECTED) {
        err = format == TC_LOG_JSON ? refused_json(out, seen, wall)
                                    : refused_text(out, seen, color, wall);
        if (err) out->len = before;
        return err;
    }
    char client[TC_IP_TEXT];
    const facts f = facts_of(seen, client);
    switch (format) {
    case TC_LOG_TEXT: err = text_line(out, &f, color, wall); break;
    case TC_LOG_COMBINED: err = combined_line(out, seen->x, &f, wall); break;
    case TC_LOG_JSON: err = json_line(out, seen, &f, wall); break;
    }
    if (err) out->len = before;
    return err;
}
