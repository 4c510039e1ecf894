/* picture.c - see picture.h. */
// SPDX-License-Identifier: MIT
#include "ask/picture.h"

#include <stdio.h>

#include "ask/dump.h"
#include "ask/line.h"
#include "base/ascii.h"
#include "base/text.h"
#include "http/secret.h"
#include "run/units.h"

enum { DUMP_BYTES = 512, LINE_MAX_BYTES = 1024 * 1024 };

/* --- phase 1 ------------------------------------------------------------------------------- */

static void show_attempts(tc_picture *p, const tc_record_connection *c)
{
    char text[96];
    for (unsigned i = 0; i < c->attempt_count; i++) {
        const tc_record_attempt *a = &c->attempts[i];
        if (!a->err) continue;
        tc_line_begin(p, 0, "");
        tc_line_foreign(p, TC_STYLE_DIM, a->address);
        if (a->quic) tc_line_add(p, TC_STYLE_DIM, "   QUIC");
        tc_line_gap(p);
        if (a->error)
            tc_line_add(p, TC_STYLE_DIM, "%s", strerror_r(a->error, text, sizeof text));
        else
            tc_line_add(p, TC_STYLE_DIM, "%s",
                        a->err == TC_ERR_OUTRUN ? "no answer yet, overtaken"
                                                : tc_err_sentence(a->err));
        if (a->quic && c->since < c->begun) { /* it is in the time above */
            tc_line_add(p, TC_STYLE_DIM, " after ");
            tc_line_time(p, TC_STYLE_DIM, a->ended - a->begun);
        }
        tc_line_end(p, (tc_span){0});
    }
}

static void add_link(tc_picture *p, const tc_record_connection *c)
{
    if (c->looked_up) {
        tc_line_elastic(p, TC_STYLE_BOLD, c->host);
        char address[128];
        const int n = snprintf(address, sizeof address, " -> %.*s", TC_FMT(c->address));
        tc_line_optional(p, TC_DROP_ADDRESS, TC_STYLE_PLAIN,
                         tc_span_first(tc_span_str(address), n > 0 ? (size_t)n : 0));
    } else {
        tc_line_foreign(p, TC_STYLE_BOLD, c->address);
    }
    const tc_protection *to = c->proxy_protected ? &c->proxy_protection : NULL;
    if (to) tc_line_add(p, TC_STYLE_PLAIN, " (proxy, %s %s)", to->version, to->cipher);
    if (c->proxy.len && !to) tc_line_add(p, TC_STYLE_PLAIN, " (proxy)");
    if (c->tunnel.len) {
        tc_line_add(p, TC_STYLE_PLAIN, " -> ");
        tc_line_elastic(p, TC_STYLE_BOLD, c->tunnel);
    }
    const bool quic = tc_span_eq(tc_span_str(c->link), TC_SPAN("quic"));
    tc_line_add(p, TC_STYLE_PLAIN, quic ? "   QUIC" : "   TCP");
    if (!c->secure) return;
    char text[128];
    const tc_protection *t = &c->protection;
    if (t->unverified) tc_line_add(p, TC_STYLE_RED, "   unverified");
    int n = snprintf(text, sizeof text, "   %s%s", t->version, t->resumed ? " resumed" : "");
    tc_line_optional(p, TC_DROP_TLS, TC_STYLE_PLAIN,
                     tc_span_first(tc_span_str(text), n > 0 ? (size_t)n : 0));
    n = snprintf(text, sizeof text, " %s%s%s", t->cipher, t->protocol[0] ? " " : "", t->protocol);
    tc_line_optional(p, TC_DROP_CIPHER, TC_STYLE_PLAIN,
                     tc_span_first(tc_span_str(text), n > 0 ? (size_t)n : 0));
}

static const char *early_text(const tc_record_connection *c)
{
    return c->protection.early == TC_EARLY_TAKEN ? "early data: accepted"
                                                 : "early data: rejected, it went out again";
}

/* In clear text nothing was chosen: that is said only among the messages. */
static void show_choice(tc_picture *p, const tc_record_connection *c)
{
    if (!c->choice.len || !(c->secure || c->version != TC_HTTP_1_1 || p->wire)) return;
    tc_span why = c->choice, other = c->choice;
    while (other.len && !tc_span_starts(other, TC_SPAN("; HTTP/")))
        (void)tc_span_take(&other, 1);
    why.len -= other.len;
    tc_line_begin(p, 0, "");
    tc_line_add(p, TC_STYLE_PLAIN, "%.*s, ", TC_FMT(tc_version_name(c->version)));
    tc_line_elastic(p, TC_STYLE_PLAIN, why);
    tc_line_end(p, (tc_span){0});
    if (!other.len) return;
    tc_line_begin(p, 0,
                  ""); /* the version that it is not: it must not be what a narrow line cuts */
    tc_line_elastic(p, TC_STYLE_PLAIN, tc_span_from(other, 2));
    tc_line_end(p, (tc_span){0});
}

/* Requests are on their way since before the handshake; now it is known what became of them. */
static void show_early(tc_picture *p, const tc_record_connection *c)
{
    const tc_protection *t = &c->protection;
    tc_line_begin(p, 0, "");
    tc_line_add(p, TC_STYLE_PLAIN, "%s", early_text(c));
    tc_line_add(p, TC_STYLE_PLAIN, "   %s%s %s", t->version, t->resumed ? " resumed" : "",
                t->cipher);
    tc_line_gap(p);
    tc_line_end_time(p, "handshake ", c->ready - c->since);
    show_choice(p, c);
}

/* until: 0 where there was no such step. */
static void show_step(tc_picture *p, const char *name, int64_t *since, int64_t until)
{
    if (!until) return;
    tc_line_add(p, TC_STYLE_DIM, "%s", name);
    tc_line_time(p, TC_STYLE_DIM, until - *since);
    *since = until;
}

static void show_connected(tc_picture *p, const tc_record_connection *c)
{
    int64_t first = c->resolved;
    tc_line_begin(p, 1, "connect");
    add_link(p, c);
    tc_line_gap(p);
    for (unsigned i = c->attempt_count; i-- > 0;)
        if (c->attempts[i].ended == c->connected && !c->attempts[i].err)
            first = c->attempts[i].begun;
    if (c->looked_up) {
        tc_line_add(p, TC_STYLE_DIM, "look-up ");
        tc_line_time(p, TC_STYLE_DIM, c->resolved - c->begun);
        tc_line_add(p, TC_STYLE_DIM, ", ");
    }
    tc_line_add(p, TC_STYLE_DIM, "connect ");
    tc_line_time(p, TC_STYLE_DIM, c->connected - first);
    int64_t so_far = c->connected;
    show_step(p, ", proxy's handshake ", &so_far, c->proxy_protected);
    show_step(p, ", tunnel ", &so_far, c->tunneled);
    show_step(p, ", handshake ", &so_far, c->secure ? c->ready : 0);
    tc_line_end_time(p, "", c->ready - c->since);
    show_attempts(p, c);
    if (c->secure && c->protection.early) { /* its turn came later */
        tc_line_begin(p, 0, "");
        tc_line_add(p, TC_STYLE_PLAIN, "%s", early_text(c));
        tc_line_end(p, (tc_span){0});
    }
    show_choice(p, c);
}

static void show_reused(tc_picture *p, const tc_record_exchange *e)
{
    char room[16];
    tc_buf place;
    tc_buf_init(&place, sizeof room);
    const tc_err err = tc_units_place(&place, e->place);
    tc_line_begin(p, 1, "connect");
    tc_line_add(p, TC_STYLE_PLAIN, "reused connection %u (%.*s exchange)", e->connection->number,
                err ? 0 : (int)place.len, place.at ? place.at : "");
    tc_line_gap(p);
    add_link(p, e->connection);
    tc_line_end_time(p, "", 0);
    tc_buf_fini(&place);
}

/* --- phases 2 and 3 ------------------------------------------------------------------------ */

static void add_optional(tc_picture *p, unsigned dropped, const tc_buf *text, tc_err err)
{
    if (!err) tc_line_optional(p, dropped, TC_STYLE_DIM, tc_buf_span(text));
}

/* How many fields (0: that is not said) and bytes. */
static void add_sizes(tc_picture *p, const tc_record_exchange *e, unsigned fields)
{
    char room[128];
    tc_buf text;
    tc_err err = TC_OK;
    tc_buf_init_over(&text, room, sizeof room);
    if (fields) err = tc_buf_printf(&text, fields == 1 ? "%u field, " : "%u fields, ", fields);
    add_optional(p, TC_DROP_DETAIL, &text, err);
    tc_buf_reset(&text);
    if (e->content_out && !e->request_end) {
        err = tc_units_bytes(&text, e->wire_out);
        if (!err) err = tc_buf_printf(&text, " of ");
        if (!err) err = tc_units_bytes(&text, e->content_out);
        if (!err) err = tc_buf_printf(&text, " sent");
        add_optional(p, TC_DROP_TYPE, &text, err);
        if (e->response.status)
            tc_line_optional(p, TC_DROP_CLASS, TC_STYLE_DIM, TC_SPAN(" when the answer came"));
        return;
    }
    if (e->content_out) {
        err = tc_buf_printf(&text, "content ");
        if (!err) err = tc_units_bytes(&text, e->content_out);
        add_optional(p, TC_DROP_TYPE, &text, err);
        tc_buf_reset(&text);
        err = tc_buf_printf(&text, ", all ");
    }
    if (!err) err = tc_units_bytes(&text, e->wire_out);
    add_optional(p, TC_DROP_CLASS, &text, err);
}

static void show_request(tc_picture *p, const tc_record_exchange *e)
{
    const tc_message *m = &e->request;
    const unsigned fields = m->fields.count + (m->authority.len > 0);
    p->request_shown = true;
    tc_line_begin(p, 2, "request");
    tc_line_foreign(p, TC_STYLE_BOLD, m->method_name);
    tc_line_add(p, TC_STYLE_PLAIN, " ");
    tc_line_elastic(p, TC_STYLE_PLAIN, m->target.len ? m->target : m->path);
    tc_line_gap(p);
    tc_line_add(p, TC_STYLE_PLAIN, "%.*s", TC_FMT(tc_version_name(m->version)));
    tc_line_gap(p);
    add_sizes(p, e, m->version == TC_HTTP_0_9 ? 0 : fields);
    if (e->request_end)
        tc_line_end_time(p, "", e->request_end - e->begun);
    else
        tc_line_end(p, (tc_span){0});
}

static void add_status(tc_picture *p, const tc_message *m)
{
    const enum tc_style style = tc_term_status(m->status);
    if (m->version == TC_HTTP_0_9) {
        tc_line_add(p, TC_STYLE_PLAIN, "no status line (HTTP/0.9)");
        return;
    }
    tc_line_add(p, style, "%u ", m->status);
    tc_line_foreign(p, style, m->reason.len ? m->reason : tc_status_reason(m->status));
    char text[48];
    const int n = snprintf(text, sizeof text, " (%.*s)", TC_FMT(tc_status_class(m->status)));
    tc_line_optional(p, TC_DROP_CLASS, TC_STYLE_PLAIN,
                     tc_span_first(tc_span_str(text), n > 0 ? (size_t)n : 0));
}

static void show_interim(tc_picture *p, const tc_record_exchange *e,
                         const tc_record_interim *interim)
{
    tc_line_begin(p, 3, "response");
    add_status(p, &interim->head);
    tc_line_end_time(p, "", interim->at - e->begun);
}

static const tc_record_interim *last_interim(const tc_record_exchange *e)
{
    const tc_record_interim *last = e->interims;
    while (last && last->next)
        last = last->next;
    return last;
}

/* Who changed something wants to know what it is now: the next change can name it (If-Match). */
static void add_version(tc_picture *p, const tc_record_exchange *e)
{
    char room[160];
    tc_buf text;
    tc_span etag;
    const tc_message *m = &e->response;
    const bool changes = !(tc_method_flags(e->request.method) & TC_METHOD_SAFE);
    if ((!changes && m->status != 412) || !tc_message_get(m, TC_FIELD_ETAG, &etag)) return;
    tc_buf_init_over(&text, room, sizeof room);
    if (tc_buf_printf(&text, "   ETag %.*s", TC_FMT(etag)) == TC_OK)
        tc_line_optional(p, TC_DROP_ADDRESS, TC_STYLE_PLAIN, tc_buf_span(&text));
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
        tc_line_optional(p, TC_DROP_DETAIL, TC_STYLE_PLAIN, tc_buf_span(&size));
    else
        tc_line_whole(p, TC_STYLE_PLAIN, tc_buf_span(&size));
    if (e->response.length <= 0 || !e->err || (uint64_t)e->response.length <= e->content_in) return;
    tc_buf_reset(&size);
    err = tc_buf_add(&size, TC_SPAN(" of "));
    if (!err) err = tc_units_bytes(&size, (uint64_t)e->response.length);
    if (!err) tc_line_whole(p, TC_STYLE_RED, tc_buf_span(&size));
}

static void show_response(tc_picture *p, const tc_record_exchange *e)
{
    const tc_message *m = &e->response;
    tc_span value;
    if (m->status == 0 && e->place <= 1) return; /* why there is none is said elsewhere */
    tc_line_begin(p, 3, "response");
    if (m->status == 0) {
        tc_line_add(p, TC_STYLE_YELLOW, "none: the kept connection had ended");
        tc_line_end(p, (tc_span){0});
        return;
    }
    add_status(p, m);
    const bool elsewhere = m->status == 201 || m->status / 100 == 3;
    if (elsewhere && tc_message_get(m, TC_FIELD_LOCATION, &value)) {
        tc_line_gap(p);
        tc_line_add(p, TC_STYLE_DIM, "-> ");
        tc_line_elastic(p, TC_STYLE_PLAIN, value);
    } else if (tc_message_get(m, TC_FIELD_CONTENT_TYPE, &value)) {
        const size_t end = tc_span_find(value, ';');
        tc_line_gap(p);
        tc_line_elastic_type(p, tc_span_first(value, end));
        tc_line_optional(p, TC_DROP_PARAMETERS, TC_STYLE_PLAIN,
                         tc_span_from(value, end)); /* "; charset=utf-8" */
    }
    add_content(p, e, elsewhere);
    add_version(p, e);
    tc_line_gap(p);
    tc_line_add(p, TC_STYLE_DIM, "first byte ");
    tc_line_time(p, TC_STYLE_DIM, e->response_head - e->begun);
    const bool first = e->place <= 1 && e->connection;
    tc_line_end_time(p, "total ", e->over - (first ? e->connection->since : e->begun));
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
    tc_line_begin(p, 3, "pushed");
    tc_line_foreign(p, TC_STYLE_BOLD, e->request.method_name);
    tc_line_add(p, TC_STYLE_PLAIN, " ");
    tc_line_elastic(p, TC_STYLE_PLAIN, e->request.path);
    if (m->status) {
        tc_line_gap(p);
        add_status(p, m);
        if (tc_message_get(m, TC_FIELD_CONTENT_TYPE, &type)) {
            tc_line_gap(p);
            tc_line_elastic_type(p, tc_span_first(type, tc_span_find(type, ';')));
        }
        add_content(p, e, false);
    }
    if (e->err) {
        tc_line_gap(p);
        tc_line_add(p, TC_STYLE_RED, "%s%s", was_refused(e->err) ? "refused: " : "",
                    tc_err_sentence(e->err));
    }
    tc_line_end_time(p, "total ", e->over - e->begun);
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
        tc_err err = tc_line_put(p, ours ? TC_STYLE_BLUE : TC_STYLE_GREEN,
                                 ours ? TC_SPAN("> ") : TC_SPAN("< "));
        if (!err) err = tc_text_terminal(&p->out, line, false);
        if (!err && hide) err = tc_buf_add(&p->out, TC_SPAN(": ......"));
        if (!err) err = tc_buf_add_byte(&p->out, '\n');
        if (err) tc_buf_reset(&p->out);
        lines = tc_span_from(lines, whole.len + 1);
    } while (lines.len);
    if (!p->held) tc_line_flush(p);
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
    if (!p->held) tc_line_flush(p);
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
        tc_line_end(p, (tc_span){0}); /* a blank line between exchanges */
    }
    if (first && e->connection)
        show_connected(p, e->connection);
    else if (e->connection)
        show_reused(p, e);
}

/* The handshake of a connection that is in use already. */
static void show_chosen(tc_picture *p, const tc_seen *what)
{
    const tc_record_connection *c = tc_record_connection_of(p->record, what->session->id);
    if (c && c->owner == p->turn && c->protection.early && c->exchanges) show_early(p, c);
}

static void show_phases(tc_picture *p, const tc_seen *what)
{
    if (what->kind == TC_SEEN_CHOSEN) {
        show_chosen(p, what);
        return;
    }
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
        if (p->out.len) tc_line_flush(p);
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
                        1u << TC_SEEN_CLOSED | 1u << TC_SEEN_CHOSEN;
    if (wire) p->watch.mask |= 1u << TC_SEEN_NOTE;
    tc_buf_init(&p->text, LINE_MAX_BYTES);
    tc_buf_init(&p->out, 4 * LINE_MAX_BYTES);
}

void tc_picture_fini(tc_picture *p)
{
    tc_buf_fini(&p->text);
    tc_buf_fini(&p->out);
}
