/* compare.c - see compare.h. */
// SPDX-License-Identifier: MIT
#include "ask/compare.h"

#include "base/text.h"
#include "config/options.h"
#include "http/alt_svc.h"
#include "run/units.h"

enum { CELL = 32, SENTENCES = 4096 };

const enum tc_version tc_compare_versions[TC_COMPARE_VERSIONS] = {
    TC_HTTP_0_9, TC_HTTP_1_0, TC_HTTP_1_1, TC_HTTP_2, TC_HTTP_3};

/* The last one that was answered, or the last one: others were redirects, or failed and were tried
 * again. */
static const tc_record_exchange *find(const tc_record *r, const tc_compared *row)
{
    const tc_record_exchange *found = NULL;
    for (const tc_record_exchange *e = r->exchanges; e && !row->why_not; e = e->next)
        if (e->owner == row->owner && !e->pushed &&
            (!found || e->response_head || !found->response_head))
            found = e;
    return found;
}

/* --- the table ----------------------------------------------------------------------------- */

static tc_err put_cell(tc_buf *out, const tc_buf *cell, size_t width)
{
    const size_t taken = tc_units_columns(tc_buf_span(cell));
    const tc_err err = tc_buf_printf(out, "%*s", (int)(width > taken ? width - taken : 1), "");
    return err ? err : tc_buf_add(out, tc_buf_span(cell));
}

static tc_err put_time(tc_buf *out, int64_t from, int64_t to)
{
    tc_buf cell;
    tc_buf_init(&cell, CELL);
    tc_err err = from && to ? tc_units_time(&cell, to - from) : tc_buf_add(&cell, TC_SPAN("-"));
    if (!err) err = put_cell(out, &cell, 10);
    tc_buf_fini(&cell);
    return err;
}

static tc_err put_bytes(tc_buf *out, uint64_t n)
{
    tc_buf cell;
    tc_buf_init(&cell, CELL);
    tc_err err = tc_units_rounded(&cell, n);
    if (!err) err = put_cell(out, &cell, 10);
    tc_buf_fini(&cell);
    return err;
}

static uint64_t fields_as_text(const tc_fields *f)
{
    uint64_t n = 2; /* the empty line */
    for (uint32_t i = 0; i < f->count; i++)
        n += f->at[i].name.len + f->at[i].value.len + 4;
    return n;
}

/* Both heads as HTTP/1.1 writes them. */
static uint64_t heads_as_text(const tc_record_exchange *e)
{
    const tc_message *q = &e->request, *a = &e->response;
    const tc_span reason = a->reason.at ? a->reason : tc_status_reason(a->status);
    const size_t lines = sizeof "  HTTP/1.1\r\nHost: \r\nHTTP/1.1 200 \r\n" - 1;
    return lines + q->method_name.len + q->path.len + q->authority.len + reason.len +
           fields_as_text(&q->fields) + fields_as_text(&a->fields);
}

/* What is on the wire beside content, in percent of what the heads are as text. */
static tc_err put_heads(tc_buf *out, const tc_record_exchange *e)
{
    const uint64_t wire = e->wire_in + e->wire_out, content = e->content_in + e->content_out;
    tc_buf cell;
    tc_buf_init(&cell, CELL);
    tc_err err = e->response.version == TC_HTTP_0_9 || wire < content
                     ? tc_buf_add(&cell, TC_SPAN("-"))
                     : tc_buf_printf(&cell, "%.0f %%",
                                     (double)(wire - content) * 100 / (double)heads_as_text(e));
    if (!err) err = put_cell(out, &cell, 8);
    tc_buf_fini(&cell);
    return err;
}

static tc_err put_coding(tc_buf *out, const tc_record_exchange *e)
{
    tc_span coding = TC_SPAN("none");
    tc_buf cell;
    (void)tc_fields_get(&e->response.fields, TC_FIELD_CONTENT_ENCODING, &coding);
    tc_buf_init(&cell, 4 * CELL);
    tc_err err = tc_text_terminal(&cell, tc_span_first(coding, CELL), false);
    if (!err) err = put_cell(out, &cell, 9);
    tc_buf_fini(&cell);
    return err;
}

static tc_err put_status(tc_buf *out, const tc_record_exchange *e)
{
    const tc_message *m = &e->response;
    if (m->version == TC_HTTP_0_9) return tc_buf_add(out, TC_SPAN("  (no status)"));
    const tc_err err = tc_buf_printf(out, "  %u ", m->status);
    return err ? err
               : tc_text_terminal(out, m->reason.len ? m->reason : tc_status_reason(m->status),
                                  false);
}

static tc_err put_answered(tc_buf *out, const tc_record_exchange *e)
{
    const tc_record_connection *c = e->place > 1 ? NULL : e->connection;
    const int64_t sent = e->request_end ? e->request_end : e->request_head;
    tc_err err = put_time(out, c ? c->since : 0, c ? c->ready : 0);
    if (!err) err = put_time(out, e->begun, sent);
    if (!err) err = put_time(out, sent, e->response_end);
    if (!err) err = put_bytes(out, e->wire_out);
    if (!err) err = put_bytes(out, e->wire_in);
    if (!err) err = put_heads(out, e);
    if (!err) err = put_coding(out, e);
    if (!err) err = put_status(out, e);
    if (!err && e->err && e->err != TC_ERR_ERROR_STATUS)
        err = tc_buf_printf(out, "; %s", tc_err_sentence(e->err));
    return err;
}

static tc_err put_failed(tc_buf *out, const tc_record_exchange *e)
{
    tc_err err = tc_buf_printf(out, "  no: %s", tc_err_sentence(e ? e->err : TC_ERR_NO_MEMORY));
    if (err || !e || !e->why.len) return err;
    err = tc_buf_add(out, TC_SPAN(" ("));
    if (!err) err = tc_text_terminal(out, e->why, false);
    return err ? err : tc_buf_add_byte(out, ')');
}

static bool answered(const tc_record_exchange *e)
{
    return e && e->response_head;
}

static tc_err put_row(tc_buf *out, const tc_record *record, const tc_compared *row)
{
    const tc_record_exchange *e = find(record, row);
    tc_err err = tc_buf_printf(out, "  %-8.*s", TC_FMT(tc_version_name(row->version)));
    if (err) return err;
    if (row->why_not)
        err = tc_buf_printf(out, "  not sent: %s", row->why_not);
    else if (answered(e))
        err = put_answered(out, e);
    else
        err = put_failed(out, e);
    return err ? err : tc_buf_add_byte(out, '\n');
}

/* --- what a browser would do --------------------------------------------------------------- */

/* Of the versions that a browser offers over TCP, the best one that was answered; NULL: none. */
static const tc_record_exchange *over_tcp(const tc_record *record,
                                          const tc_compared rows[TC_COMPARE_VERSIONS], bool secure)
{
    for (unsigned i = TC_COMPARE_VERSIONS; i-- > 0;) {
        const enum tc_version v = rows[i].version;
        const bool offered = v == TC_HTTP_1_1 || v == TC_HTTP_1_0 || (secure && v == TC_HTTP_2);
        const tc_record_exchange *e = find(record, &rows[i]);
        if (offered && answered(e)) return e;
    }
    return NULL;
}

static tc_err put_announced(tc_buf *out, const tc_record_exchange *first, bool quic)
{
    tc_alt_svc s;
    const enum tc_alt_svc_news news = tc_alt_svc_read(&first->response.fields, &s);
    if (news != TC_ALT_SVC_H3)
        return tc_buf_printf(out, "; it stays so, since %s%s",
                             news ? "Alt-Svc offers no h3" : "there was no Alt-Svc",
                             quic ? ", though HTTP/3 is spoken here" : "");
    tc_err err = tc_buf_printf(out, "; HTTP/3 from the next visit on, since Alt-Svc offers h3 at ");
    if (!err) err = tc_text_terminal(out, s.host, false);
    if (!err) err = tc_buf_printf(out, ":%u for %llu s", s.port, (unsigned long long)s.fresh_s);
    if (!err && !quic)
        err = tc_buf_add(out, TC_SPAN(", but not from here, where it was not answered"));
    return err;
}

static tc_err put_by_record(tc_buf *out, const tc_service *service, bool quic)
{
    tc_err err = tc_buf_add(out, TC_SPAN("takes HTTP/3 at first, since an HTTPS record of the DNS "
                                         "offers h3 at "));
    if (!err) err = tc_text_terminal(out, tc_span_str(service->target), false);
    if (!err) err = tc_buf_printf(out, ":%u", service->port);
    return err || quic ? err
                       : tc_buf_add(out, TC_SPAN(", but not from here, where it was not answered"));
}

static tc_err put_browser(tc_buf *out, const tc_record *record,
                          const tc_compared rows[TC_COMPARE_VERSIONS], const tc_service *service,
                          bool secure)
{
    const tc_record_exchange *first = over_tcp(record, rows, secure);
    const bool quic = answered(find(record, &rows[TC_COMPARE_VERSIONS - 1]));
    tc_err err = tc_buf_add(out, TC_SPAN("A browser "));
    if (err) return err;
    if (secure && service && service->h3) {
        err = put_by_record(out, service, quic);
        return err ? err : tc_buf_add(out, TC_SPAN(".\n"));
    }
    if (!first) return tc_buf_add(out, TC_SPAN("would get no answer: it begins over TCP.\n"));
    err = tc_buf_printf(out, "takes %.*s at first, ",
                        TC_FMT(tc_version_name(first->response.version)));
    if (!err && secure)
        err = tc_buf_add(out, TC_SPAN("the best that both have over TCP (ALPN)"));
    else if (!err)
        err = tc_buf_add(out, TC_SPAN("as it speaks HTTP/2 and 3 over https:// alone"));
    if (!err && secure) err = put_announced(out, first, quic);
    return err ? err : tc_buf_add(out, TC_SPAN(".\n"));
}

tc_err tc_compare_text(tc_span url, const tc_record *record,
                       const tc_compared rows[TC_COMPARE_VERSIONS], const tc_service *service,
                       unsigned columns, tc_buf *out)
{
    tc_buf sentences;
    const bool secure = tc_span_starts(url, TC_SPAN("https:"));
    tc_err err = tc_text_terminal(out, url, false);
    if (!err)
        err = tc_buf_printf(out, "\n%10s%10s%10s%10s%10s%10s%8s%9s  %s\n", "", "connect", "request",
                            "response", "sent", "received", "heads", "coding", "status");
    for (unsigned i = 0; i < TC_COMPARE_VERSIONS && !err; i++)
        err = put_row(out, record, &rows[i]);
    tc_buf_init(&sentences, SENTENCES);
    if (!err) err = put_browser(&sentences, record, rows, service, secure);
    if (!err) err = tc_buf_add(out, TC_SPAN("  "));
    if (!err) err = tc_options_wrap(out, tc_buf_span(&sentences), 2, 2, columns);
    tc_buf_fini(&sentences);
    return err;
}
