/* via.c - see via.h. What came is looked at first and then taken off up to the end of the head. */
// SPDX-License-Identifier: MIT
#include "net/via.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include "h1/line.h"
#include "h1/scan.h"

enum {
    PIECE = 4096,
    WORDS = 160, /* bytes of a proxy's own words that are shown */
    MOST = 1 << 30
};

static void show_line(const tc_via *v, bool ours, tc_span line)
{
    if (!tc_watched(v->watch, TC_SEEN_NOTE)) return;
    tc_show(v->watch, &(tc_seen){.kind = TC_SEEN_NOTE,
                                 .ours = ours,
                                 .at = tc_loop_tick(v->loop),
                                 .text = line,
                                 .owner = v->owner});
}

void tc_via_cancel(tc_via *v)
{
    if (!v->asking) return;
    v->asking = false;
    if (v->cover)
        v->cover->ready = NULL;
    else
        tc_loop_remove(v->loop, &v->io);
    tc_buf_fini(&v->in);
    tc_buf_fini(&v->out);
}

static void over(tc_via *v, tc_err err)
{
    tc_via_cancel(v);
    v->done(v, err);
}

/* --- ours ---------------------------------------------------------------------------------- */

static tc_err compose(tc_via *v)
{
    tc_err err = tc_buf_printf(&v->out, "CONNECT %.*s HTTP/1.1\r\nHost: %.*s\r\n",
                               TC_FMT(v->authority), TC_FMT(v->authority));
    if (!err && v->credentials.len)
        err = tc_buf_printf(&v->out, "Proxy-Authorization: %.*s\r\n", TC_FMT(v->credentials));
    if (!err) err = tc_buf_add(&v->out, TC_SPAN("\r\n"));
    if (!err) show_line(v, true, tc_span_first(tc_buf_span(&v->out), v->out.len - 1));
    return err;
}

static tc_err cut(tc_via *v, const char *why)
{
    (void)snprintf(v->why, sizeof v->why, "%.*s (proxy): %s", TC_FMT(v->name), why);
    return TC_ERR_PROXY_CUT;
}

static tc_err went_wrong(tc_via *v, int error)
{
    char text[96];
    return cut(v, strerror_r(error, text, sizeof text));
}

/* TC_ERR_FULL: the socket takes no more for now. */
static tc_err send_rest(tc_via *v)
{
    size_t taken = 0;
    if (v->cover) {
        const tc_err err = tc_cover_say(v->cover, tc_buf_span(&v->out), &taken);
        if (!err) tc_buf_drop(&v->out, taken);
        return TC_OK; /* as below; what does not fit is for when there is room */
    }
    while (v->out.len) {
        const ssize_t n = send(v->io.fd, v->out.at, v->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return TC_ERR_FULL;
        if (n < 0) return TC_OK; /* what they had to say before is still there to be read */
        tc_buf_drop(&v->out, (size_t)n);
    }
    return TC_OK;
}

/* --- theirs -------------------------------------------------------------------------------- */

static tc_err malformed(tc_via *v, const char *what)
{
    (void)snprintf(v->why, sizeof v->why, "%.*s (proxy): %s", TC_FMT(v->name), what);
    return TC_ERR_PROXY_REPLY;
}

/* Takes a line off, without its end. False: it is broken. */
static bool take_line(tc_span *rest, tc_span *ret_line)
{
    const char *end = rest->at + rest->len, *stop = tc_h1_scan(rest->at, end);
    if (end - stop < 2 || stop[0] != '\r' || stop[1] != '\n') return false;
    *ret_line = tc_span_take(rest, (size_t)(stop - rest->at));
    (void)tc_span_take(rest, 2);
    return true;
}

static void add_words(tc_via *v, const char *before, tc_span words)
{
    const size_t at = strlen(v->why);
    (void)snprintf(v->why + at, sizeof v->why - at, "%s%.*s%s", before,
                   (int)(words.len < WORDS ? words.len : WORDS), words.at,
                   words.len > WORDS ? "..." : "");
}

/* A final answer: what it means, in the proxy's words. */
static tc_err judge(tc_via *v, const tc_message *m, tc_span asks, tc_span tells)
{
    v->status = m->status;
    if (m->status / 100 == 2) return TC_OK;
    (void)snprintf(v->why, sizeof v->why, "%.*s (proxy) answered CONNECT %.*s with %u",
                   TC_FMT(v->name), (int)(v->authority.len < WORDS ? v->authority.len : WORDS),
                   v->authority.at, m->status);
    add_words(v, " ", m->reason.len ? m->reason : tc_status_reason(m->status));
    if (tells.len) add_words(v, "; Proxy-Status: ", tells);
    if (m->status != 407) return TC_ERR_PROXY_REFUSED;
    if (asks.len) add_words(v, "; it asks for: ", asks);
    return TC_ERR_PROXY_AUTH;
}

/* A whole head. TC_ERR_FULL: it was not the last one. */
static tc_err read_head(tc_via *v)
{
    tc_span rest = tc_buf_span(&v->in), line, asks = {0}, tells = {0};
    tc_message m = {0};
    if (!take_line(&rest, &line)) return malformed(v, "its status line is broken");
    show_line(v, false, line);
    if (line.len > v->limits->request_line) {
        v->reached->request_line++;
        return malformed(v, "its status line is too long (--limit request_line=N)");
    }
    if (tc_h1_status_line(line, &m)) return malformed(v, "its status line is malformed");
    for (uint64_t n = 0;; n++) {
        tc_field field;
        if (!take_line(&rest, &line)) return malformed(v, "a line of its head is broken");
        show_line(v, false, line);
        if (!line.len) break;
        if (n == v->limits->fields_count) {
            v->reached->fields_count++;
            return malformed(v, "its head has too many fields (--limit fields_count=N)");
        }
        if (tc_h1_field_line(v->in.at + (line.at - v->in.at), line.len, &field))
            return malformed(v, "a field of its head is malformed");
        if (field.id == TC_FIELD_PROXY_AUTHENTICATE && !asks.len) asks = field.value;
        if (tc_span_eq(field.name, TC_SPAN("proxy-status")) && !tells.len) tells = field.value;
    }
    if (m.status == 101) return malformed(v, "it switched protocols");
    if (m.status >= 200) return judge(v, &m, asks, tells);
    if (++v->interim > v->limits->informational) {
        v->reached->informational++;
        return malformed(v, "too many 1xx responses (--limit informational=N)");
    }
    return TC_ERR_FULL;
}

/* Where the head in v->in ends; SIZE_MAX: behind what is there. */
static size_t end_of_head(const tc_via *v, size_t from)
{
    static const char mark[] = "\r\n\r\n";
    from = from > 3 ? from - 3 : 0;
    const char *found = memmem(v->in.at + from, v->in.len - from, mark, 4);
    return found ? (size_t)(found - v->in.at) + 4 : SIZE_MAX;
}

/* They sent no more. */
static tc_err ended(tc_via *v)
{
    if (v->in.len) return malformed(v, "it closed the connection within its answer");
    (void)snprintf(v->why, sizeof v->why, "%.*s (proxy), when it was asked for %.*s",
                   TC_FMT(v->name), (int)(v->authority.len < WORDS ? v->authority.len : WORDS),
                   v->authority.at);
    return TC_ERR_PROXY_CUT;
}

static tc_err too_large(tc_via *v)
{
    v->reached->fields_bytes++;
    return malformed(v, "its head is too large (--limit fields_bytes=N)");
}

/* What no answer begins with need not be waited for. */
static bool is_http(const tc_via *v)
{
    const tc_span in = tc_buf_span(&v->in);
    return tc_span_starts(in, tc_span_first(TC_SPAN("HTTP/"), in.len));
}

/* Takes n bytes that were looked at. */
static tc_err take_off(tc_via *v, size_t n)
{
    char gone[PIECE];
    if (v->cover) {
        tc_cover_take(v->cover, n);
        return TC_OK;
    }
    while (n) {
        const ssize_t taken = recv(v->io.fd, gone, n, MSG_DONTWAIT);
        if (taken < 0 && errno == EINTR) continue;
        if (taken <= 0) return went_wrong(v, taken ? errno : ECONNRESET);
        n -= (size_t)taken;
    }
    return TC_OK;
}

/* At most size bytes of what came; they stay there. TC_ERR_FULL: more must come. */
static tc_err look(tc_via *v, char *room, size_t size, size_t *ret_n)
{
    if (v->cover) {
        tc_span in;
        bool fin;
        char words[TC_COVER_WORDS];
        const tc_err err = tc_cover_look(v->cover, &in, &fin);
        if (err) return cut(v, tc_cover_words(err, words));
        if (!in.len) return fin ? ended(v) : TC_ERR_FULL;
        *ret_n = in.len < size ? in.len : size;
        memcpy(room, in.at, *ret_n);
        return TC_OK;
    }
    ssize_t n;
    do
        n = recv(v->io.fd, room, size, MSG_PEEK | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN) return TC_ERR_FULL;
    if (n < 0) return went_wrong(v, errno);
    if (n == 0) return ended(v);
    *ret_n = (size_t)n;
    return TC_OK;
}

/* TC_ERR_FULL: more must come. */
static tc_err read_some(tc_via *v)
{
    for (;;) {
        char *room;
        size_t n;
        const size_t before = v->in.len;
        tc_err err = tc_buf_reserve(&v->in, PIECE, &room);
        if (err) return err == TC_ERR_FULL ? too_large(v) : err;
        err = look(v, room, PIECE, &n);
        if (err) return err;
        v->in.len += n;
        if (!is_http(v)) return malformed(v, "it does not answer in HTTP/1");
        const size_t end = end_of_head(v, before);
        const size_t taken = end == SIZE_MAX ? n : end - before;
        err = take_off(v, taken);
        if (err) return err;
        if (end == SIZE_MAX) continue;
        v->in.len = end;
        err = read_head(v);
        if (!err && v->quiet && taken < n)
            return malformed(v, "more came behind its answer, before anything was said there");
        if (err != TC_ERR_FULL) return err;
        tc_buf_reset(&v->in);
    }
}

/* --- both ---------------------------------------------------------------------------------- */

static void go_on(tc_via *v)
{
    tc_err err = send_rest(v);
    if (!err || err == TC_ERR_FULL) err = read_some(v);
    if (err != TC_ERR_FULL) over(v, err);
}

static void ready(tc_io *io, unsigned what)
{
    tc_via *v = (tc_via *)((char *)io - offsetof(tc_via, io));
    (void)what;
    go_on(v);
}

static void cover_ready(void *self, unsigned what)
{
    (void)what;
    go_on(self);
}

static void begin(tc_via *v)
{
    const uint64_t line = v->limits->request_line, fields = v->limits->fields_bytes;
    v->asking = true;
    v->why[0] = 0;
    v->interim = v->status = 0;
    tc_buf_init(&v->in,
                (size_t)((line < MOST ? line : MOST) + (fields < MOST ? fields : MOST)) + PIECE);
    tc_buf_init(&v->out, 2 * v->authority.len + v->credentials.len + PIECE);
    tc_err err = compose(v);
    if (v->cover) {
        v->cover->ready = cover_ready;
        v->cover->self = v;
    } else if (!err) {
        err = tc_loop_add(v->loop, &v->io);
    }
    if (err)
        over(v, err);
    else
        go_on(v);
}

void tc_via_ask(tc_via *v, int fd)
{
    v->io = (tc_io){fd, ready};
    v->cover = NULL;
    begin(v);
}

void tc_via_ask_over(tc_via *v, tc_cover *cover)
{
    v->cover = cover;
    begin(v);
}
