/* picture.c - see picture.h. A line is made of pieces, so that its width is known without its
 * colours. On a narrow terminal details go first, then the elastic piece (a path, a media type) is
 * cut, then the end; the time at the right end stays. */
// SPDX-License-Identifier: MIT
#include "cmd/picture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/text.h"
#include "cmd/dump.h"
#include "cmd/units.h"
#include "http/secret.h"

enum {
    WIDTH_MAX = 110,
    WIDTH_MIN = 40,
    LABEL_COLUMNS = 14,
    ELASTIC_MIN = 8,
    DOTS = 3,
    DUMP_BYTES = 512,
    LINE_MAX_BYTES = 1024 * 1024
};

/* --- a line -------------------------------------------------------------------------------- */

/* What cannot be added for want of memory is left out: it is only a picture. */
static void piece_end(tc_picture *p, enum tc_style style)
{
    if (p->piece_count && p->pieces[p->piece_count - 1].style == style &&
        !p->pieces[p->piece_count - 1].elastic && !p->pieces[p->piece_count - 1].optional)
        p->piece_count--;
    if (p->piece_count == TC_PICTURE_PIECES) p->piece_count--;
    p->pieces[p->piece_count++] = (struct tc_picture_piece){.style = style, .end = p->text.len};
}

__attribute__((format(printf, 3, 4))) static void add(tc_picture *p, enum tc_style style,
                                                      const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    const int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (n > 0 && tc_buf_add(&p->text, tc_span_first(tc_span_str(text), (size_t)n)) == TC_OK)
        piece_end(p, style);
}

/* Text that somebody else wrote. */
static void add_foreign(tc_picture *p, enum tc_style style, tc_span text)
{
    if (tc_text_terminal(&p->text, text, false) == TC_OK) piece_end(p, style);
}

/* The part of the line that may be cut. */
static void add_elastic(tc_picture *p, enum tc_style style, tc_span text)
{
    const size_t before = p->text.len;
    if (p->piece_count == TC_PICTURE_PIECES) return;
    if (tc_text_terminal(&p->text, text, false) == TC_OK && p->text.len > before)
        p->pieces[p->piece_count++] =
            (struct tc_picture_piece){.style = style, .elastic = true, .end = p->text.len};
}

/* What a reader can best do without. */
static void add_optional(tc_picture *p, enum tc_style style, tc_span text)
{
    const size_t before = p->text.len;
    if (p->piece_count == TC_PICTURE_PIECES) return;
    if (tc_text_terminal(&p->text, text, false) == TC_OK && p->text.len > before)
        p->pieces[p->piece_count++] =
            (struct tc_picture_piece){.style = style, .optional = true, .end = p->text.len};
}

static void add_time(tc_picture *p, enum tc_style style, int64_t ns)
{
    if (tc_units_time(&p->text, ns) == TC_OK) piece_end(p, style);
}

static void add_bytes(tc_picture *p, enum tc_style style, uint64_t n)
{
    if (tc_units_bytes(&p->text, n) == TC_OK) piece_end(p, style);
}

static void gap(tc_picture *p)
{
    add(p, TC_STYLE_PLAIN, "   ");
}

static void begin_line(tc_picture *p, unsigned number, const char *label)
{
    tc_buf_reset(&p->text);
    p->piece_count = 0;
    if (number)
        add(p, TC_STYLE_DIM, "  %u ", number);
    else
        add(p, TC_STYLE_DIM, "    ");
    add(p, TC_STYLE_CYAN, "%-*s", LABEL_COLUMNS - 4, label);
}

static tc_err put_piece(tc_picture *p, enum tc_style style, tc_span text)
{
    const bool styled = style != TC_STYLE_PLAIN && p->term->color;
    tc_err err = styled ? tc_buf_printf(&p->out, "%s", tc_term_style(p->term, style)) : TC_OK;
    if (!err) err = tc_buf_add(&p->out, text);
    if (!err && styled) err = tc_buf_printf(&p->out, "%s", tc_term_style(p->term, TC_STYLE_PLAIN));
    return err;
}

/* The first bytes of s that take at most so many columns. */
static tc_span first_columns(tc_span s, size_t columns)
{
    size_t n = 0;
    while (n < s.len && (columns > 0 || ((unsigned char)s.at[n] & 0xc0) == 0x80)) {
        if (((unsigned char)s.at[n] & 0xc0) != 0x80) columns--;
        n++;
    }
    return tc_span_first(s, n);
}

static void flush(tc_picture *p)
{
    if (p->before) p->before(p->before_self);
    tc_span rest = tc_buf_span(&p->out);
    while (rest.len) {
        const ssize_t n = write(p->term->fd, rest.at, rest.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break; /* nobody to tell */
        rest = tc_span_from(rest, (size_t)n);
    }
    tc_buf_reset(&p->out);
    p->printed = true;
}

static void remove_piece(tc_picture *p, unsigned i)
{
    const size_t begin = i ? p->pieces[i - 1].end : 0, length = p->pieces[i].end - begin;
    memmove(p->text.at + begin, p->text.at + begin + length, p->text.len - begin - length);
    p->text.len -= length;
    p->piece_count--;
    for (; i < p->piece_count; i++) {
        p->pieces[i] = p->pieces[i + 1];
        p->pieces[i].end -= length;
    }
}

/* On a narrow terminal the details at the end of a line go first, all at once, then what is
 * optional, from the end on. */
static void drop_details(tc_picture *p, size_t room)
{
    while (p->piece_count > 1 && p->pieces[p->piece_count - 1].style == TC_STYLE_DIM &&
           tc_units_columns(tc_buf_span(&p->text)) > room)
        p->text.len = p->pieces[--p->piece_count - 1].end;
    for (unsigned i = p->piece_count; i-- > 0 && tc_units_columns(tc_buf_span(&p->text)) > room;)
        if (p->pieces[i].optional) remove_piece(p, i);
    while (p->text.len && p->text.at[p->text.len - 1] == ' ')
        p->text.len--;
    for (unsigned i = 0; i < p->piece_count; i++)
        if (p->pieces[i].end > p->text.len) p->pieces[i].end = p->text.len;
}

/* How much of a piece is shown. cut: three dots stand behind it. */
struct shown {
    size_t columns;
    bool cut;
};

/* Cuts the elastic piece, as far as that goes. Returns how many columns are still too many. */
static size_t cut_elastic(const tc_picture *p, struct shown *shown, size_t excess)
{
    for (unsigned i = 0; i < p->piece_count && excess; i++) {
        if (!p->pieces[i].elastic || shown[i].columns <= ELASTIC_MIN) continue;
        const size_t before = shown[i].columns;
        const size_t most = before - ELASTIC_MIN, cut = excess < most ? excess : most;
        shown[i] = (struct shown){before - cut - DOTS, true};
        excess -= cut;
    }
    return excess;
}

/* Cuts the end of a line that is too long. */
static void cut_end(const tc_picture *p, struct shown *shown, size_t room)
{
    size_t left = room > DOTS ? room - DOTS : 0;
    unsigned i = 0;
    for (; i < p->piece_count; i++) {
        const size_t columns = shown[i].columns + (shown[i].cut ? DOTS : 0);
        if (columns > left) break;
        left -= columns;
    }
    if (i < p->piece_count)
        shown[i] = (struct shown){left < shown[i].columns ? left : shown[i].columns, true};
    while (++i < p->piece_count)
        shown[i] = (struct shown){0, false};
}

/* Puts the pieces of the line out, in so many columns. */
static tc_err put_pieces(tc_picture *p, size_t room)
{
    struct shown shown[TC_PICTURE_PIECES];
    const size_t whole = tc_units_columns(tc_buf_span(&p->text));
    size_t begin = 0;
    tc_err err = TC_OK;
    for (unsigned i = 0; i < p->piece_count; begin = p->pieces[i++].end)
        shown[i] = (struct shown){
            tc_units_columns(tc_span_of(p->text.at + begin, p->pieces[i].end - begin)), false};
    if (whole > room && cut_elastic(p, shown, whole - room)) cut_end(p, shown, room);
    begin = 0;
    for (unsigned i = 0; i < p->piece_count && !err; begin = p->pieces[i++].end) {
        const tc_span all = tc_span_of(p->text.at + begin, p->pieces[i].end - begin);
        const tc_span part = first_columns(all, shown[i].columns);
        if (part.len) err = put_piece(p, p->pieces[i].style, part);
        if (!err && shown[i].cut) err = put_piece(p, p->pieces[i].style, TC_SPAN("..."));
    }
    return err;
}

/* Ends the line, with right (a time) at the right end of it; nothing there if it is empty. */
static void end_line(tc_picture *p, tc_span right)
{
    size_t width = p->term->columns > WIDTH_MAX ? WIDTH_MAX : p->term->columns;
    if (width < WIDTH_MIN) width = WIDTH_MIN;
    const size_t taken = right.len ? tc_units_columns(right) + 2 : 0;
    const size_t room = width > taken ? width - taken : 0;
    drop_details(p, room);
    const size_t whole = tc_units_columns(tc_buf_span(&p->text));
    tc_err err = put_pieces(p, room);
    if (!err && right.len) {
        const size_t pad = whole > room ? 0 : room - whole;
        err = tc_buf_printf(&p->out, "%*s", (int)(pad + 2), "");
        if (!err) err = put_piece(p, TC_STYLE_DIM, right);
    }
    if (!err) err = tc_buf_add_byte(&p->out, '\n');
    if (!p->held) flush(p);
}

static void end_line_time(tc_picture *p, const char *word, int64_t ns)
{
    char room[48];
    tc_buf right;
    tc_buf_init(&right, sizeof room);
    tc_err err = tc_buf_printf(&right, "%s", word);
    if (!err) err = tc_units_time(&right, ns);
    end_line(p, err ? (tc_span){0} : tc_buf_span(&right));
    tc_buf_fini(&right);
}

/* --- phase 1 ------------------------------------------------------------------------------- */

static void show_attempts(tc_picture *p, const tc_record_connection *c)
{
    char text[96];
    for (unsigned i = 0; i < c->attempt_count; i++) {
        const tc_record_attempt *a = &c->attempts[i];
        if (!a->error && a->err != TC_ERR_OUTRUN) continue;
        begin_line(p, 0, "");
        add_foreign(p, TC_STYLE_DIM, a->address);
        gap(p);
        if (a->error)
            add(p, TC_STYLE_DIM, "%s", strerror_r(a->error, text, sizeof text));
        else
            add(p, TC_STYLE_DIM, "no answer yet, overtaken");
        end_line(p, (tc_span){0});
    }
}

static void add_link(tc_picture *p, const tc_record_connection *c)
{
    if (c->looked_up) {
        add_elastic(p, TC_STYLE_BOLD, c->host);
        char address[128];
        const int n = snprintf(address, sizeof address, " -> %.*s", TC_FMT(c->address));
        add_optional(p, TC_STYLE_PLAIN, tc_span_first(tc_span_str(address), n > 0 ? (size_t)n : 0));
    } else {
        add_foreign(p, TC_STYLE_BOLD, c->address);
    }
    add_optional(p, TC_STYLE_PLAIN, TC_SPAN("   TCP"));
    if (!c->secure) return;
    char text[128];
    const tc_protection *t = &c->protection;
    if (t->unverified) add(p, TC_STYLE_RED, "   unverified");
    int n = snprintf(text, sizeof text, "   %s%s", t->version, t->resumed ? " resumed" : "");
    add_optional(p, TC_STYLE_PLAIN, tc_span_first(tc_span_str(text), n > 0 ? (size_t)n : 0));
    n = snprintf(text, sizeof text, " %s%s%s", t->cipher, t->protocol[0] ? " " : "", t->protocol);
    add_optional(p, TC_STYLE_PLAIN, tc_span_first(tc_span_str(text), n > 0 ? (size_t)n : 0));
}

/* In clear text nothing was chosen: that is said only among the messages. */
static void show_choice(tc_picture *p, const tc_record_connection *c)
{
    if (!c->choice.len || !(c->secure || c->version != TC_HTTP_1_1 || p->wire)) return;
    begin_line(p, 0, "");
    add(p, TC_STYLE_PLAIN, "%.*s, ", TC_FMT(tc_version_name(c->version)));
    add_elastic(p, TC_STYLE_PLAIN, c->choice);
    end_line(p, (tc_span){0});
}

static void show_connected(tc_picture *p, const tc_record_connection *c)
{
    int64_t first = c->resolved;
    begin_line(p, 1, "connect");
    add_link(p, c);
    gap(p);
    for (unsigned i = c->attempt_count; i-- > 0;)
        if (c->attempts[i].ended == c->connected && !c->attempts[i].err)
            first = c->attempts[i].begun;
    if (c->looked_up) {
        add(p, TC_STYLE_DIM, "look-up ");
        add_time(p, TC_STYLE_DIM, c->resolved - c->begun);
        add(p, TC_STYLE_DIM, ", ");
    }
    add(p, TC_STYLE_DIM, "connect ");
    add_time(p, TC_STYLE_DIM, c->connected - first);
    if (c->secure) {
        add(p, TC_STYLE_DIM, ", handshake ");
        add_time(p, TC_STYLE_DIM, c->ready - c->connected);
    }
    end_line_time(p, "", c->ready - c->begun);
    show_attempts(p, c);
    show_choice(p, c);
}

static void show_reused(tc_picture *p, const tc_record_exchange *e)
{
    char room[16];
    tc_buf place;
    tc_buf_init(&place, sizeof room);
    const tc_err err = tc_units_place(&place, e->place);
    begin_line(p, 1, "connect");
    add(p, TC_STYLE_PLAIN, "reused connection %u (%.*s exchange)", e->connection->number,
        err ? 0 : (int)place.len, place.at ? place.at : "");
    gap(p);
    add_link(p, e->connection);
    end_line_time(p, "", 0);
    tc_buf_fini(&place);
}

/* --- phases 2 and 3 ------------------------------------------------------------------------ */

static void show_request(tc_picture *p, const tc_record_exchange *e)
{
    const tc_message *m = &e->request;
    const unsigned fields = m->fields.count + (m->authority.len > 0);
    p->request_shown = true;
    begin_line(p, 2, "request");
    add_foreign(p, TC_STYLE_BOLD, m->method_name);
    add(p, TC_STYLE_PLAIN, " ");
    add_elastic(p, TC_STYLE_PLAIN, m->path);
    gap(p);
    add(p, TC_STYLE_PLAIN, "%.*s", TC_FMT(tc_version_name(m->version)));
    gap(p);
    if (m->version != TC_HTTP_0_9)
        add(p, TC_STYLE_DIM, fields == 1 ? "%u field, " : "%u fields, ", fields);
    if (e->content_out) {
        add(p, TC_STYLE_DIM, "content ");
        add_bytes(p, TC_STYLE_DIM, e->content_out);
        add(p, TC_STYLE_DIM, ", all ");
    }
    add_bytes(p, TC_STYLE_DIM, e->wire_out);
    if (e->request_end)
        end_line_time(p, "", e->request_end - e->begun);
    else
        end_line(p, (tc_span){0});
}

static void add_status(tc_picture *p, const tc_message *m)
{
    const enum tc_style style = tc_term_status(m->status);
    if (m->version == TC_HTTP_0_9) {
        add(p, TC_STYLE_PLAIN, "no status line (HTTP/0.9)");
        return;
    }
    add(p, style, "%u ", m->status);
    add_foreign(p, style, m->reason.len ? m->reason : tc_status_reason(m->status));
    add(p, TC_STYLE_PLAIN, " (%.*s)", TC_FMT(tc_status_class(m->status)));
}

static void show_interim(tc_picture *p, const tc_record_exchange *e,
                         const tc_record_interim *interim)
{
    begin_line(p, 3, "response");
    add_status(p, &interim->head);
    end_line_time(p, "", interim->at - e->begun);
}

static const tc_record_interim *last_interim(const tc_record_exchange *e)
{
    const tc_record_interim *last = e->interims;
    while (last && last->next)
        last = last->next;
    return last;
}

/* How much came; what comes with a redirect is of no interest. */
static void add_content(tc_picture *p, const tc_record_exchange *e, bool elsewhere)
{
    char room[48];
    tc_buf size;
    tc_buf_init_over(&size, room, sizeof room);
    tc_err err = tc_buf_add(&size, TC_SPAN("   "));
    if (!err)
        err = e->content_in ? tc_units_bytes(&size, e->content_in)
                            : tc_buf_add(&size, TC_SPAN("no content"));
    if (err) return;
    if (elsewhere || !e->content_in)
        add_optional(p, TC_STYLE_PLAIN, tc_buf_span(&size));
    else
        add(p, TC_STYLE_PLAIN, "%.*s", TC_FMT(tc_buf_span(&size)));
}

static void show_response(tc_picture *p, const tc_record_exchange *e)
{
    const tc_message *m = &e->response;
    tc_span value;
    if (m->status == 0 && e->place <= 1) return; /* why there is none is said elsewhere */
    begin_line(p, 3, "response");
    if (m->status == 0) {
        add(p, TC_STYLE_YELLOW, "none: the kept connection had ended");
        end_line(p, (tc_span){0});
        return;
    }
    add_status(p, m);
    const bool elsewhere = m->status == 201 || m->status / 100 == 3;
    if (elsewhere && tc_message_get(m, TC_FIELD_LOCATION, &value)) {
        gap(p);
        add(p, TC_STYLE_DIM, "-> ");
        add_elastic(p, TC_STYLE_PLAIN, value);
    } else if (tc_message_get(m, TC_FIELD_CONTENT_TYPE, &value)) {
        const size_t end = tc_span_find(value, ';');
        gap(p);
        add_elastic(p, TC_STYLE_PLAIN, tc_span_first(value, end));
        add_optional(p, TC_STYLE_PLAIN, tc_span_from(value, end)); /* "; charset=utf-8" */
    }
    add_content(p, e, elsewhere);
    if (m->length > 0 && e->err && (uint64_t)m->length > e->content_in) {
        add(p, TC_STYLE_RED, " of ");
        add_bytes(p, TC_STYLE_RED, (uint64_t)m->length);
    }
    gap(p);
    add(p, TC_STYLE_DIM, "first byte ");
    add_time(p, TC_STYLE_DIM, e->response_head - e->begun);
    const bool first = e->place <= 1 && e->connection;
    end_line_time(p, "total ", e->over - (first ? e->connection->begun : e->begun));
}

static bool was_refused(tc_err err)
{
    return err == TC_ERR_PUSH_METHOD || err == TC_ERR_PUSH_ORIGIN || err == TC_ERR_STREAM_RULES;
}

/* A whole exchange in a line, when it is over. */
static void show_push(tc_picture *p, const tc_record_exchange *e)
{
    const tc_message *m = &e->response;
    tc_span type;
    begin_line(p, 3, "pushed");
    add_foreign(p, TC_STYLE_BOLD, e->request.method_name);
    add(p, TC_STYLE_PLAIN, " ");
    add_elastic(p, TC_STYLE_PLAIN, e->request.path);
    if (m->status) {
        gap(p);
        add_status(p, m);
        if (tc_message_get(m, TC_FIELD_CONTENT_TYPE, &type)) {
            gap(p);
            add_elastic(p, TC_STYLE_PLAIN, tc_span_first(type, tc_span_find(type, ';')));
        }
        add_content(p, e, false);
    }
    if (e->err) {
        gap(p);
        add(p, TC_STYLE_RED, "%s%s", was_refused(e->err) ? "refused: " : "",
            tc_err_sentence(e->err));
    }
    end_line_time(p, "total ", e->over - e->begun);
}

/* --- the wire ------------------------------------------------------------------------------ */

static bool line_is_secret(tc_span line, size_t *ret_colon)
{
    char name[64];
    const size_t n = tc_span_find(line, ':');
    if (n == line.len || n > sizeof name) return false;
    for (size_t i = 0; i < n; i++)
        name[i] = tc_ascii_lower(line.at[i]);
    *ret_colon = n;
    return tc_secret_name(tc_span_of(name, n));
}

static void show_wire(tc_picture *p, tc_span lines, bool ours)
{
    do {
        const tc_span whole = tc_span_first(lines, tc_span_find(lines, '\n'));
        tc_span line = whole;
        if (tc_span_ends(line, TC_SPAN("\r"))) line.len--;
        size_t colon;
        const bool hide = !p->secrets && line_is_secret(line, &colon);
        if (hide) line = tc_span_first(line, colon);
        tc_err err = put_piece(p, ours ? TC_STYLE_BLUE : TC_STYLE_GREEN,
                               ours ? TC_SPAN("> ") : TC_SPAN("< "));
        if (!err) err = tc_text_terminal(&p->out, line, false);
        if (!err && hide) err = tc_buf_add(&p->out, TC_SPAN(": ......"));
        if (!err) err = tc_buf_add_byte(&p->out, '\n');
        if (err) tc_buf_reset(&p->out);
        lines = tc_span_from(lines, whole.len + 1);
    } while (lines.len);
    if (!p->held) flush(p);
}

/* --- bytes --------------------------------------------------------------------------------- */

/* Encoded as they may be, credentials would be there for everybody to read. */
static bool has_secrets(const tc_picture *p, uint64_t session)
{
    for (const tc_record_exchange *e = p->record->exchanges; e && !p->secrets; e = e->next)
        for (uint32_t i = 0; e->session == session && i < e->request.fields.count; i++)
            if (tc_secret_name(e->request.fields.at[i].name)) return true;
    return false;
}

static void show_bytes(tc_picture *p, const tc_seen *what)
{
    const tc_span mark = what->ours ? TC_SPAN("> ") : TC_SPAN("< ");
    const bool hide = what->ours && has_secrets(p, what->session->id);
    tc_err err = hide ? tc_buf_printf(&p->out, "> %zu bytes, with credentials (--show-secrets)\n",
                                      what->text.len)
                      : tc_dump(&p->out, mark, what->text, DUMP_BYTES);
    if (err) tc_buf_reset(&p->out);
    if (!p->held) flush(p);
}

void tc_picture_show_bytes(tc_picture *p)
{
    p->watch.mask |= 1u << TC_SEEN_BYTES;
}

/* --- events -------------------------------------------------------------------------------- */

static void show_begun(tc_picture *p, const tc_record_exchange *e)
{
    const bool first = e->place <= 1;
    p->request_shown = false;
    if (p->printed && !p->wire) {
        tc_buf_reset(&p->text);
        p->piece_count = 0;
        end_line(p, (tc_span){0}); /* a blank line between exchanges */
    }
    if (first && e->connection)
        show_connected(p, e->connection);
    else if (e->connection)
        show_reused(p, e);
}

static void show_phases(tc_picture *p, const tc_seen *what)
{
    const tc_record_exchange *e = tc_record_of(p->record, what);
    if (!e || e->owner != p->turn) return;
    if (e->pushed) {
        if (e->closed) show_push(p, e);
        return;
    }
    switch ((int)what->kind) {
    case TC_SEEN_BEGUN: show_begun(p, e); break;
    case TC_SEEN_REQUEST_END: show_request(p, e); break;
    case TC_SEEN_RESPONSE_HEAD:
        if (!p->request_shown) show_request(p, e);
        if (what->x->theirs.status < 200 && e->interims) show_interim(p, e, last_interim(e));
        break;
    case TC_SEEN_CLOSED:
        if (!p->request_shown) show_request(p, e);
        show_response(p, e);
        break;
    default: break;
    }
}

void tc_picture_turn(tc_picture *p, const void *owner)
{
    p->turn = owner;
    if (!p->phases) return;
    for (const tc_record_exchange *e = p->record->exchanges; e; e = e->next) {
        if (e->owner != owner) continue;
        if (e->pushed && e->closed) show_push(p, e);
        if (e->pushed || !e->request.path.len) continue;
        show_begun(p, e);
        if (e->request_end || e->response.status || e->interims || e->closed) show_request(p, e);
        for (const tc_record_interim *i = e->interims; i; i = i->next)
            show_interim(p, e, i);
        if (e->closed) show_response(p, e);
    }
}

static void see(tc_watch *w, const tc_seen *what)
{
    tc_picture *p = (tc_picture *)w;
    if (what->kind == TC_SEEN_BEGUN && !what->x->pushed) p->held = true;
    if (p->held && what->kind != TC_SEEN_BEGUN && what->kind != TC_SEEN_NOTE &&
        what->kind != TC_SEEN_BYTES) {
        p->held = false;
        if (p->out.len) flush(p);
    }
    const bool first = what->kind == TC_SEEN_BEGUN && what->session->exchanges <= 1;
    const tc_record_exchange *e = first && !p->phases ? tc_record_of(p->record, what) : NULL;
    if (e && e->connection) show_choice(p, e->connection); /* -v without the three lines */
    if (what->kind == TC_SEEN_NOTE)
        show_wire(p, what->text, what->ours);
    else if (what->kind == TC_SEEN_BYTES)
        show_bytes(p, what);
    else if (p->phases)
        show_phases(p, what);
}

void tc_picture_init(tc_picture *p, const tc_record *record, const tc_term *term, bool phases,
                     bool wire, bool secrets)
{
    *p = (tc_picture){.watch = {.see = see}, .record = record, .term = term};
    p->phases = phases;
    p->wire = wire;
    p->secrets = secrets;
    if (phases || wire)
        p->watch.mask = 1u << TC_SEEN_BEGUN | 1u << TC_SEEN_REQUEST_HEAD |
                        1u << TC_SEEN_REQUEST_END | 1u << TC_SEEN_RESPONSE_HEAD |
                        1u << TC_SEEN_CLOSED;
    if (wire) p->watch.mask |= 1u << TC_SEEN_NOTE;
    tc_buf_init(&p->text, LINE_MAX_BYTES);
    tc_buf_init(&p->out, 4 * LINE_MAX_BYTES);
}

void tc_picture_fini(tc_picture *p)
{
    tc_buf_fini(&p->text);
    tc_buf_fini(&p->out);
}
