/* access_log.c - see access_log.h. Most lines have nothing to escape: room for all of such a line
 * is reserved at once, and its bytes are put there one behind the other. */
// SPDX-License-Identifier: MIT
#include "observe/access_log.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

static const tc_span nothing = {"-", 1}, unknown = {"unknown", 7}; /* RFC 7239, 6.2 */

/* What all formats say of an exchange. Spans are pointed at: where they were put together just
 * before, a processor waits to read them as a whole. */
typedef struct facts {
    const tc_ip *client; /* who asks; NULL: nobody knows, and this is said instead: */
    const tc_span *instead;
    uint16_t port; /* 0: not known */
    const tc_span *target;
    tc_span version;
    unsigned status; /* 0: none was sent */
    uint64_t bytes;
    uint64_t ns;
    uint64_t in; /* bytes of theirs */
    bool pushed, early, tunnel;
    tc_span error; /* empty: it ended well */
} facts;

/* The peer, or the client that proxies tell of. */
static void say_who_asks(facts *f, const tc_session_info *session, const tc_asker *asker)
{
    const bool behind = asker->kind != TC_ASKER_PEER;
    const tc_ip *peer = tc_ip_is_known(&session->peer) ? &session->peer : NULL;
    f->port = behind ? asker->port : session->peer_port;
    f->client = asker->kind == TC_ASKER_KNOWN ? &asker->ip : behind ? NULL : peer;
    f->instead = behind ? &unknown : &nothing;
}

static void find_facts(facts *f, const tc_seen *seen)
{
    const tc_exchange *x = seen->x;
    const int64_t end = x->times.ours_end && !x->tunnel ? x->times.ours_end : seen->at;
    const bool tunnel = x->theirs.method == TC_METHOD_CONNECT && x->theirs.authority.len;
    f->target = tunnel ? &x->theirs.authority : x->theirs.path.len ? &x->theirs.path : &nothing;
    f->version = tc_version_name(x->theirs.version);
    f->status = x->times.ours_head ? x->ours.status : 0;
    f->bytes = x->theirs.method == TC_METHOD_HEAD ? 0 : x->content_out;
    f->in = x->content_in;
    f->tunnel = x->tunnel;
    f->pushed = x->pushed;
    f->early = tc_exchange_early(x);
    f->ns = end > x->times.begun ? (uint64_t)(end - x->times.begun) : 0;
    f->error = (tc_span){0};
    say_who_asks(f, seen->session, &x->asker);
    if (!seen->err) return;
    f->error = tc_span_str(tc_err_sentence(seen->err));
    if (x->wire_out < f->bytes) f->bytes = x->wire_out; /* the rest was never taken */
}

/* --- a line that is being written ------------------------------------------------------------ */

/* More than all of a line but what was sent to us (which is counted apart), written past the end
 * included: the names of all members, two addresses, seven numbers of 20 digits, a sentence. */
enum { LINE_ROOM = 1024 };

typedef struct line {
    tc_buf *out;
    size_t start; /* in it */
    size_t room;  /* so much is reserved */
    size_t from;  /* from there on, in it */
    tc_err err;
} line;

/* Something that was sent to us. */
typedef struct sent {
    tc_span text;
    bool plain; /* nothing in it is to be escaped */
} sent;

typedef tc_err escaping(tc_buf *out, tc_span s);

/* Before begin. */
static inline sent weigh(line *l, tc_span text, bool quoted)
{
    const sent s = {text, tc_text_plain(text, quoted) == text.len};
    if (s.plain) l->room += text.len;
    return s;
}

static inline sent weigh_method(line *l, const tc_message *m, bool quoted)
{
    if (m->method == TC_METHOD_NONE)
        return weigh(l, m->method_name.len ? m->method_name : nothing, quoted);
    const sent s = {tc_method_name(m->method), true};
    l->room += s.text.len;
    return s;
}

/* Where the first byte goes; NULL: there is no room. */
static inline char *begin(line *l)
{
    char *to = NULL;
    l->start = l->from = l->out->len;
    l->err = tc_buf_reserve(l->out, l->room, &to);
    return to;
}

static void put_so_far(line *l, const char *to)
{
    l->out->len = (size_t)(to - l->out->at);
    assert(l->out->len - l->from <= l->room);
}

/* What was put so far stays where it is; after an error the line begins anew, so that there is room
 * for what else is put. */
static char *put_escaped(line *l, char *to, tc_span s, escaping *escape)
{
    put_so_far(l, to);
    tc_err err = escape(l->out, s);
    if (!err) err = tc_buf_reserve(l->out, l->room, &to);
    if (err) l->err = err;
    if (err) l->out->len = l->start;
    l->from = l->out->len;
    return l->out->at + l->from;
}

/* --- bytes into room that was reserved; each gives where the next goes ----------------------- */

static inline char *put(char *to, tc_span s)
{
    char *end = to + s.len;
    if (s.len > 16) {
        memcpy(to, s.at, s.len);
    } else if (s.len >= 8) { /* two parts, which may overlap */
        memcpy(to, s.at, 8);
        memcpy(end - 8, s.at + s.len - 8, 8);
    } else if (s.len >= 4) {
        memcpy(to, s.at, 4);
        memcpy(end - 4, s.at + s.len - 4, 4);
    } else if (s.len >= 2) {
        memcpy(to, s.at, 2);
        memcpy(end - 2, s.at + s.len - 2, 2);
    } else if (s.len) {
        *to = *s.at;
    }
    return end;
}

static inline char *put_sent(line *l, char *to, sent s, escaping *escape)
{
    return s.plain ? put(to, s.text) : put_escaped(l, to, s.text, escape);
}

static char *put_number(char *to, uint64_t value)
{
    return to + tc_text_number(to, value);
}

/* All of its room, so that the compiler knows how much. */
static inline char *put_date(char *to, const tc_log_date *date)
{
    memcpy(to, date->text, sizeof date->text);
    return to + date->len;
}

static inline char *put_client(char *to, const facts *f)
{
    return f->client ? to + tc_ip_text(f->client, to).len : put(to, *f->instead);
}

static char *put_address(char *to, const tc_ip *ip)
{
    return tc_ip_is_known(ip) ? to + tc_ip_text(ip, to).len : to;
}

/* Blanks, until there are at least 15 bytes since from. */
static inline char *put_blanks(char *to, char *from)
{
    memset(to, ' ', 15);
    return to < from + 15 ? from + 15 : to;
}

static inline char *put_status(char *to, unsigned status)
{
    if (status - 100 > 899) return put_number(to, status);
    to[0] = (char)('0' + status / 100);
    memcpy(to + 1, tc_text_pairs[status % 100], 2);
    return to + 3;
}

/* More than four digits: at least so wide. */
static char *put_long(char *to, uint64_t value, size_t width, bool tenths)
{
    char digits[20];
    const size_t n = tc_text_number(digits, tenths ? value / 10 : value), all = n + 2 * tenths;
    memset(to, ' ', 8);
    to = put(all < width ? to + (width - all) : to, tc_span_of(digits, n));
    if (tenths) *to++ = '.', *to++ = (char)('0' + value % 10);
    return to;
}

/* At least so wide (6 to 8), with blanks on the left; of tenths the last digit is behind a point.
 */
static inline char *put_right(char *to, uint64_t value, size_t width, bool tenths)
{
    const uint64_t ones = tenths ? value / 10 : value;
    if (ones > 9999) return put_long(to, value, width, tenths);
    char *end = to + width;
    memset(to, ' ', 8);
    if (tenths) {
        *--end = (char)('0' + value % 10);
        *--end = '.';
    }
    memcpy(end - 2, tc_text_pairs[ones % 100], 2);
    if (ones > 99) memcpy(end - 4, tc_text_pairs[ones / 100], 2);
    if (ones < 10) end[-2] = ' ';
    if (ones > 99 && ones < 1000) end[-4] = ' ';
    return to + width;
}

static char *put_large(char *to, uint64_t bytes)
{
    static const char units[][4] = {"kB", "MB", "GB", "TB"};
    uint64_t one = 1000;
    size_t unit = 0;
    for (; bytes / one >= 1000 && unit < 3; unit++)
        one *= 1000;
    const uint64_t tenth = one / 10;
    to = put_right(to, bytes / tenth + (bytes % tenth >= tenth / 2), 6, true);
    *to++ = ' ';
    return put(to, tc_span_of(units[unit], 2));
}

static inline char *put_size(char *to, uint64_t bytes)
{
    if (bytes >= 10000) return put_large(to, bytes);
    return put(put_right(to, bytes, 6, false), TC_SPAN(" B "));
}

/* --- text ----------------------------------------------------------------------------------- */

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

static tc_err escape_text(tc_buf *out, tc_span s)
{
    return tc_text_terminal(out, s, false);
}

static inline char *put_color(char *to, bool color, tc_span code)
{
    return color ? put(to, code) : to;
}

#define DIM TC_SPAN("\033[2m")
#define NORMAL TC_SPAN("\033[0m")

static inline char *text_start(char *to, const facts *f, bool color, const tc_log_date *date)
{
    to = put_date(put_color(to, color, DIM), date);
    char *client = put(to, TC_SPAN("  "));
    to = put_blanks(put_client(client, f), client);
    to = put(put_color(to, color, NORMAL), TC_SPAN("  "));
    to = put_color(to, color, tc_span_str(color_of(f->status)));
    to = f->status ? put_status(to, f->status) : put(to, TC_SPAN("---"));
    to = put_size(put(put_color(to, color, NORMAL), TC_SPAN("  ")), f->bytes);
    *to++ = ' ';
    to = put_right(to, (f->ns + 50000) / 100000, 8, true);
    return put(to, TC_SPAN(" ms  "));
}

/* What few lines have. */
static char *text_more(line *l, char *to, const facts *f, sent proven, sent user, bool color)
{
    if (f->tunnel) to = put(put_number(put(to, TC_SPAN("  ")), f->in), TC_SPAN(" B sent"));
    if (f->pushed) to = put(to, TC_SPAN("  pushed"));
    if (f->early) to = put(to, TC_SPAN("  early"));
    if (proven.text.len) to = put_sent(l, put(to, TC_SPAN("  ")), proven, escape_text);
    if (user.text.len) to = put_sent(l, put(to, TC_SPAN("  ")), user, escape_text);
    if (!f->error.len) return to;
    to = put_color(put(to, TC_SPAN("  ")), color, tc_span_str(color_of(0)));
    return put_color(put(to, f->error), color, NORMAL);
}

static char *text_line(line *l, const tc_exchange *x, const facts *f, bool color,
                       const tc_log_date *date)
{
    const sent method = weigh_method(l, &x->theirs, false), target = weigh(l, *f->target, false);
    const bool more =
        f->tunnel | f->pushed | f->early || x->proven.len | x->user.len | f->error.len;
    sent proven = {0}, user = {0};
    if (more) proven = weigh(l, x->proven, false), user = weigh(l, x->user, false);
    char *to = begin(l);
    if (!to) return NULL;
    to = put_sent(l, text_start(to, f, color, date), method, escape_text);
    *to++ = ' ';
    to = put_sent(l, to, target, escape_text);
    to = put_color(put(to, TC_SPAN("  ")), color, DIM);
    to = put_color(put(to, f->version), color, NORMAL);
    if (more) to = text_more(l, to, f, proven, user, color);
    return put(to, TC_SPAN("\n"));
}

/* --- combined ------------------------------------------------------------------------------- */

/* As Apache writes it: quotes, backslashes and what is not printable are escaped. */
static tc_err escape_quoted(tc_buf *out, tc_span s)
{
    tc_err err = TC_OK;
    while (s.len && !err) {
        err = tc_buf_add(out, tc_span_take(&s, tc_text_plain(s, true)));
        if (!s.len || err) break;
        const unsigned char c = (unsigned char)*tc_span_take(&s, 1).at;
        err = c == '"' || c == '\\' ? tc_buf_printf(out, "\\%c", c)
                                    : tc_buf_printf(out, "\\x%02x", (unsigned)c);
    }
    return err;
}

/* It stands between blanks, so none may be in it. */
static tc_err escape_user(tc_buf *out, tc_span user)
{
    tc_err err = TC_OK;
    while (user.len && !err) {
        const tc_span part = tc_span_take(&user, tc_span_find(user, ' '));
        err = escape_quoted(out, part);
        if (!err && user.len) err = tc_buf_add(out, TC_SPAN("\\x20"));
        user = tc_span_from(user, 1);
    }
    return err;
}

/* Of the request; instead if it is missing. */
static sent weigh_field(line *l, const tc_exchange *x, enum tc_field_id id, tc_span instead)
{
    tc_span value = {0};
    (void)tc_fields_get(&x->theirs.fields, id, &value); /* empty if missing */
    return weigh(l, value.len ? value : instead, true);
}

static char *combined_line(line *l, const tc_exchange *x, const facts *f, const tc_log_date *date)
{
    sent user = weigh(l, x->user.len ? x->user : nothing, true);
    user.plain &= tc_span_find(user.text, ' ') == user.text.len;
    const sent method = weigh_method(l, &x->theirs, true), target = weigh(l, *f->target, true);
    const sent referer = weigh_field(l, x, TC_FIELD_REFERER, nothing);
    const sent agent = weigh_field(l, x, TC_FIELD_USER_AGENT, nothing);
    char *to = begin(l);
    if (!to) return NULL;
    to = put_sent(l, put(put_client(to, f), TC_SPAN(" - ")), user, escape_user);
    to = put(put_date(put(to, TC_SPAN(" [")), date), TC_SPAN("] \""));
    to = put(put_sent(l, to, method, escape_quoted), TC_SPAN(" "));
    to = put_sent(l, to, target, escape_quoted);
    if (x->theirs.version != TC_HTTP_0_9) to = put(put(to, TC_SPAN(" ")), f->version);
    to = put(put_status(put(to, TC_SPAN("\" ")), f->status), TC_SPAN(" "));
    to = f->bytes ? put_number(to, f->bytes) : put(to, nothing);
    to = put_sent(l, put(to, TC_SPAN(" \"")), referer, escape_quoted);
    to = put_sent(l, put(to, TC_SPAN("\" \"")), agent, escape_quoted);
    return put(to, TC_SPAN("\"\n"));
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* name: with what stands before and behind it. */
static inline char *put_text(line *l, char *to, tc_span name, sent s)
{
    to = put(to, name);
    if (!s.plain) return put_escaped(l, to, s.text, tc_text_json);
    *to++ = '"';
    to = put(to, s.text);
    *to++ = '"';
    return to;
}

static inline char *put_value(char *to, tc_span name, uint64_t value)
{
    return put_number(put(to, name), value);
}

/* ... and its thousandths. */
static char *put_ms(char *to, tc_span name, uint64_t ns)
{
    const uint64_t us = (ns + 500) / 1000;
    const unsigned part = (unsigned)(us % 1000);
    to = put_value(to, name, us / 1000);
    *to++ = '.';
    *to++ = (char)('0' + part / 100);
    *to++ = (char)('0' + part / 10 % 10);
    *to++ = (char)('0' + part % 10);
    return to;
}

static inline char *json_start(char *to, const tc_log_date *date)
{
    return put(put_date(put(to, TC_SPAN("{\"time\":\"")), date), TC_SPAN("\",\"client\":\""));
}

/* Who asks, and for whom. */
static char *json_who(line *l, char *to, const tc_seen *seen, const facts *f, sent user)
{
    const bool behind = seen->x->asker.kind != TC_ASKER_PEER;
    to = put(put_client(to, f), TC_SPAN("\""));
    if (f->port || !behind) to = put_value(to, TC_SPAN(",\"port\":"), f->port);
    if (behind) {
        to = put_address(put(to, TC_SPAN(",\"proxy\":\"")), &seen->session->peer);
        to = put(to, TC_SPAN("\""));
    }
    return user.text.len ? put_text(l, to, TC_SPAN(",\"user\":"), user) : to;
}

static char *json_line(line *l, const tc_seen *seen, const facts *f, const tc_log_date *date)
{
    const tc_exchange *x = seen->x;
    const sent method = weigh_method(l, &x->theirs, true), target = weigh(l, *f->target, true);
    const sent authority = weigh(l, x->theirs.authority, true);
    const sent agent = weigh_field(l, x, TC_FIELD_USER_AGENT, (tc_span){0});
    const sent referer = weigh_field(l, x, TC_FIELD_REFERER, (tc_span){0});
    const sent user = weigh(l, x->user, true), proven = weigh(l, x->proven, true);
    char *to = begin(l);
    if (!to) return NULL;
    to = json_who(l, json_start(to, date), seen, f, user);
    to = put_value(to, TC_SPAN(",\"session\":"), seen->session->id);
    to = put_value(to, TC_SPAN(",\"exchange\":"), x->id);
    to = put_text(l, to, TC_SPAN(",\"method\":"), method);
    to = put_text(l, to, TC_SPAN(",\"target\":"), target);
    to = put_text(l, to, TC_SPAN(",\"authority\":"), authority);
    to = put(put(to, TC_SPAN(",\"version\":\"")), f->version);
    to = put_value(to, TC_SPAN("\",\"status\":"), f->status);
    to = put_value(to, TC_SPAN(",\"bytes\":"), f->bytes);
    to = put_value(to, TC_SPAN(",\"content_in\":"), x->content_in);
    to = put_ms(to, TC_SPAN(",\"ms\":"), f->ns);
    to = put_text(l, to, TC_SPAN(",\"user_agent\":"), agent);
    to = put_text(l, to, TC_SPAN(",\"referer\":"), referer);
    if (f->pushed) to = put(to, TC_SPAN(",\"pushed\":true"));
    if (f->early) to = put(to, TC_SPAN(",\"early\":true"));
    if (proven.text.len) to = put_text(l, to, TC_SPAN(",\"certificate\":"), proven);
    if (f->error.len) to = put_text(l, to, TC_SPAN(",\"error\":"), (sent){f->error, true});
    return put(to, TC_SPAN("}\n"));
}

/* --- connections that came to nothing ------------------------------------------------------- */

static char *refused_text(line *l, const tc_seen *seen, bool color, const tc_log_date *date)
{
    const tc_span error = tc_span_str(tc_err_sentence(seen->err));
    const sent why = weigh(l, seen->text, false);
    char *to = begin(l);
    if (!to) return NULL;
    to = put_date(put_color(to, color, DIM), date);
    char *client = put(to, TC_SPAN("  "));
    to = put_blanks(put_address(client, &seen->session->peer), client);
    to = put(put_color(to, color, NORMAL), TC_SPAN("  "));
    to = put_color(to, color, tc_span_str(color_of(0)));
    to = put(put(to, TC_SPAN("---  ")), error);
    if (why.text.len) to = put_sent(l, put(to, TC_SPAN(": ")), why, escape_text);
    return put(put_color(to, color, NORMAL), TC_SPAN("\n"));
}

static char *refused_json(line *l, const tc_seen *seen, const tc_log_date *date)
{
    const tc_span error = tc_span_str(tc_err_sentence(seen->err));
    const sent why = weigh(l, seen->text, true);
    char *to = begin(l);
    if (!to) return NULL;
    to = put_address(json_start(to, date), &seen->session->peer);
    to = put_value(to, TC_SPAN("\",\"port\":"), seen->session->peer_port);
    to = put_value(to, TC_SPAN(",\"session\":"), seen->session->id);
    to = put_text(l, to, TC_SPAN(",\"error\":"), (sent){error, true});
    if (why.text.len) to = put_text(l, to, TC_SPAN(",\"why\":"), why);
    return put(to, TC_SPAN("}\n"));
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

static char *put_line(line *l, enum tc_log_format format, bool color, const tc_seen *seen,
                      const tc_log_date *date)
{
    if (seen->kind == TC_SEEN_PROTECTED)
        return format == TC_LOG_JSON ? refused_json(l, seen, date)
                                     : refused_text(l, seen, color, date);
    facts f;
    find_facts(&f, seen);
    switch (format) {
    case TC_LOG_TEXT: break;
    case TC_LOG_COMBINED: return combined_line(l, seen->x, &f, date);
    case TC_LOG_JSON: return json_line(l, seen, &f, date);
    }
    return text_line(l, seen->x, &f, color, date);
}

tc_err tc_log_line(tc_buf *out, enum tc_log_format format, bool color, const tc_seen *seen,
                   const tc_log_date *date)
{
    line l = {.out = out, .room = LINE_ROOM};
    const char *end = put_line(&l, format, color, seen, date);
    if (end) put_so_far(&l, end);
    if (l.err) out->len = l.start;
    return l.err;
}
