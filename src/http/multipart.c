/* multipart.c - see multipart.h. */
// SPDX-License-Identifier: MIT
#include "http/multipart.h"

#include "base/ascii.h"
#include "http/list.h"

bool tc_multipart_boundary(tc_span boundary)
{
    if (!boundary.len || boundary.len > TC_BOUNDARY_BYTES) return false;
    for (size_t i = 0; i < boundary.len; i++) {
        const char b = boundary.at[i];
        if (!tc_ascii_alpha(b) && !tc_ascii_digit(b) && (!b || !strchr("'()+_,-./:=? ", b)))
            return false;
    }
    return boundary.at[boundary.len - 1] != ' ';
}

void tc_multipart_init(tc_multipart *m, tc_span boundary, const tc_form_taker *to,
                       const tc_limits *limits, tc_reached *reached)
{
    *m = (tc_multipart){.delimiter = "\r\n--", .delimiter_bytes = 4 + boundary.len};
    memcpy(m->delimiter + 4, boundary.at, boundary.len);
    m->matched = 2; /* the first one may stand at the very beginning */
    tc_form_out_init(&m->out, to, limits, reached);
    tc_buf_init(&m->head, limits->form_head);
}

void tc_multipart_fini(tc_multipart *m)
{
    tc_buf_fini(&m->head);
}

/* --- the head of a part -------------------------------------------------------------------- */

/* In place: a backslash before a quote or another one goes (RFC 9110, 5.6.4). Browsers write %22
 * instead (RFC 7578, 2), which stays as it is. */
static tc_span unquote(tc_span s)
{
    char *at = (char *)(uintptr_t)s.at; /* of our own head */
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '\\' && i + 1 < s.len && (s.at[i + 1] == '"' || s.at[i + 1] == '\\')) i++;
        at[len++] = s.at[i];
    }
    return tc_span_of(at, len);
}

static tc_err read_disposition(tc_multipart *m, tc_span value, tc_form_field *f)
{
    tc_span name, text;
    if (f->name.at) return tc_form_out_fail(&m->out, "a part has two Content-Dispositions");
    if (!tc_span_ieq(tc_list_item(&value), TC_SPAN("form-data")))
        return tc_form_out_fail(&m->out, "a part is not form-data");
    while (tc_parameter_next(&value, &name, &text)) {
        tc_span *to = tc_span_ieq(name, TC_SPAN("name"))       ? &f->name
                      : tc_span_ieq(name, TC_SPAN("filename")) ? &f->filename
                                                               : NULL;
        if (to && to->at) return tc_form_out_fail(&m->out, "a part has two names");
        if (to) *to = unquote(text);
        f->is_file |= to == &f->filename;
    }
    if (value.len || !f->name.at)
        return tc_form_out_fail(&m->out, "a part's Content-Disposition is malformed");
    return TC_OK;
}

static tc_err read_type(tc_multipart *m, tc_span value, tc_form_field *f)
{
    tc_span name, text, rest = value;
    if (f->type.at) return tc_form_out_fail(&m->out, "a part has two Content-Types");
    f->type = value;
    (void)tc_list_item(&rest);
    while (tc_parameter_next(&rest, &name, &text))
        if (tc_span_ieq(name, TC_SPAN("charset")) && !tc_span_ieq(text, TC_SPAN("utf-8")) &&
            !tc_span_ieq(text, TC_SPAN("us-ascii"))) {
            m->out.why = "a part is not in UTF-8";
            return TC_ERR_FORM_TYPE;
        }
    return TC_OK;
}

static tc_err read_line(tc_multipart *m, tc_span line, tc_form_field *f)
{
    const size_t colon = tc_span_find(line, ':');
    const tc_span name = tc_span_first(line, colon);
    const tc_span value = tc_span_trim(tc_span_from(line, colon + 1));
    if (colon == line.len || !tc_is_token(name))
        return tc_form_out_fail(&m->out, "a line in the head of a part is malformed");
    if (tc_span_ieq(name, TC_SPAN("content-disposition"))) return read_disposition(m, value, f);
    if (tc_span_ieq(name, TC_SPAN("content-type"))) return read_type(m, value, f);
    if (tc_span_ieq(name, TC_SPAN("content-transfer-encoding")) &&
        !tc_span_ieq(value, TC_SPAN("binary")) && !tc_span_ieq(value, TC_SPAN("8bit")) &&
        !tc_span_ieq(value, TC_SPAN("7bit")))
        return tc_form_out_fail(&m->out, "a part is encoded (RFC 7578, 4.7)");
    return TC_OK;
}

/* All lines of it, the last with its CRLF. */
static tc_err read_head(tc_multipart *m)
{
    tc_form_field f = {0};
    tc_span rest = tc_buf_span(&m->head);
    tc_err err = TC_OK;
    while (rest.len && !err) {
        const tc_span line = tc_span_take(&rest, tc_span_find(rest, '\n') - 1);
        (void)tc_span_take(&rest, 2);
        err = read_line(m, line, &f);
    }
    if (!err && !f.name.at)
        err = tc_form_out_fail(&m->out, "a part has no Content-Disposition with a name");
    if (!err) err = tc_form_out_begin(&m->out, &f);
    tc_buf_reset(&m->head);
    m->where = TC_MULTIPART_VALUE;
    m->matched = 0;
    return err;
}

/* A byte of it. CR and LF come together or not at all. */
static tc_err take_head(tc_multipart *m, char b)
{
    const tc_buf *h = &m->head;
    const bool after_cr = h->len && h->at[h->len - 1] == '\r';
    if (after_cr != (b == '\n') || !b)
        return tc_form_out_fail(&m->out, b ? "a line in the head of a part ends in a bare CR or LF"
                                           : "the head of a part has a NUL in it");
    const tc_err err = tc_buf_add_byte(&m->head, b);
    if (err) return err == TC_ERR_FULL ? tc_form_out_head_full(&m->out) : err;
    if (b != '\n') return TC_OK;
    const bool empty = h->len == 2 || h->at[h->len - 3] == '\n';
    if (!empty) return TC_OK;
    m->head.len -= 2;
    return read_head(m);
}

/* --- delimiters ---------------------------------------------------------------------------- */

static tc_err end_part(tc_multipart *m)
{
    const bool first = m->where == TC_MULTIPART_BEFORE;
    m->where = TC_MULTIPART_DELIMITED;
    m->blanks = 0;
    return first ? TC_OK : m->out.to.end(m->out.to.self);
}

static tc_err give(tc_multipart *m, tc_span run)
{
    return m->where == TC_MULTIPART_VALUE ? tc_form_out_value(&m->out, run) : TC_OK;
}

/* Content up to a delimiter, or before the first: takes what it can off *run. */
static tc_err take_content(tc_multipart *m, tc_span *run)
{
    tc_err err = TC_OK;
    if (!m->matched) err = give(m, tc_span_take(run, tc_span_find(*run, '\r')));
    while (run->len && m->matched < m->delimiter_bytes && run->at[0] == m->delimiter[m->matched]) {
        (void)tc_span_take(run, 1);
        m->matched++;
    }
    if (err || !run->len) return err;
    if (m->matched == m->delimiter_bytes) return TC_OK;
    /* It was none. What looked like one is content, but for what never came: see init. */
    const size_t matched = m->matched;
    m->matched = 0;
    return give(m, tc_span_of(m->delimiter, matched));
}

/* A byte behind a delimiter. */
static tc_err take_line_end(tc_multipart *m, char b)
{
    const bool blank = b == ' ' || b == '\t';
    if (m->where == TC_MULTIPART_LINE && b == '\n') {
        m->where = TC_MULTIPART_HEAD;
    } else if (m->where == TC_MULTIPART_DASH && b == '-') {
        m->where = TC_MULTIPART_AFTER;
    } else if (m->where == TC_MULTIPART_DELIMITED && b == '-') {
        m->where = TC_MULTIPART_DASH;
    } else if (m->where != TC_MULTIPART_DELIMITED && m->where != TC_MULTIPART_PADDED) {
        return tc_form_out_fail(&m->out, "a delimiter is followed by something else");
    } else if (b == '\r') {
        m->where = TC_MULTIPART_LINE;
    } else if (blank) {
        m->where = TC_MULTIPART_PADDED;
        if (++m->blanks > m->out.limits->form_head) return tc_form_out_head_full(&m->out);
    } else {
        return tc_form_out_fail(&m->out, "a delimiter is followed by something else");
    }
    return TC_OK;
}

tc_err tc_multipart_feed(tc_multipart *m, tc_span run)
{
    tc_err err = tc_form_out_count(&m->out, run.len);
    while (run.len && !err) {
        switch (m->where) {
        case TC_MULTIPART_BEFORE:
        case TC_MULTIPART_VALUE:
            err = take_content(m, &run);
            if (!err && m->matched == m->delimiter_bytes) err = end_part(m);
            break;
        case TC_MULTIPART_HEAD: err = take_head(m, tc_span_take(&run, 1).at[0]); break;
        case TC_MULTIPART_DELIMITED:
        case TC_MULTIPART_DASH:
        case TC_MULTIPART_PADDED:
        case TC_MULTIPART_LINE: err = take_line_end(m, tc_span_take(&run, 1).at[0]); break;
        case TC_MULTIPART_AFTER: return TC_OK;
        }
    }
    return err;
}

tc_err tc_multipart_end(tc_multipart *m)
{
    return m->where == TC_MULTIPART_AFTER
               ? TC_OK
               : tc_form_out_fail(&m->out, "the form is cut off: its last delimiter is missing");
}
