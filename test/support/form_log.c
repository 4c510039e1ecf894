/* form_log.c - see form_log.h. */
// SPDX-License-Identifier: MIT
#include "support/form_log.h"

#include <stdio.h>

#include "http/multipart.h"

static tc_err begin(void *self, const tc_form_field *f)
{
    form_log *log = self;
    return f->is_file || f->type.at ? tc_buf_printf(&log->text, "%.*s[%.*s|%.*s]=", TC_FMT(f->name),
                                                    TC_FMT(f->filename), TC_FMT(f->type))
                                    : tc_buf_printf(&log->text, "%.*s=", TC_FMT(f->name));
}

static tc_err value(void *self, tc_span run)
{
    form_log *log = self;
    return tc_buf_add(&log->text, run);
}

static tc_err end(void *self)
{
    form_log *log = self;
    return tc_buf_add_byte(&log->text, '\n');
}

typedef struct parser {
    enum tc_form_kind kind;
    tc_urlencoded plain;
    tc_multipart parts;
} parser;

static tc_err feed(parser *p, tc_span run)
{
    return p->kind == TC_FORM_MULTIPART ? tc_multipart_feed(&p->parts, run)
                                        : tc_urlencoded_feed(&p->plain, run);
}

void form_log_play(form_log *log, tc_span type, tc_span content, const tc_limits *limits,
                   size_t first, size_t piece)
{
    const tc_form_taker to = {begin, value, end, log};
    tc_span boundary;
    const char *why = NULL;
    parser p;
    *log = (form_log){.err = TC_OK};
    tc_buf_init(&log->text, 1 << 24);
    p.kind = tc_form_kind_of(type, &boundary, &why);
    log->err = p.kind == TC_FORM_NONE ? TC_ERR_FORM_TYPE : TC_OK;
    if (p.kind == TC_FORM_MULTIPART)
        tc_multipart_init(&p.parts, boundary, &to, limits, &log->reached);
    else
        tc_urlencoded_init(&p.plain, &to, limits, &log->reached);
    while (content.len && !log->err) {
        size_t n = first ? first : piece ? piece : content.len;
        first = 0;
        if (n > content.len) n = content.len;
        log->err = feed(&p, tc_span_take(&content, n));
    }
    if (!log->err)
        log->err =
            p.kind == TC_FORM_MULTIPART ? tc_multipart_end(&p.parts) : tc_urlencoded_end(&p.plain);
    if (p.kind == TC_FORM_MULTIPART) {
        why = p.parts.out.why;
        tc_multipart_fini(&p.parts);
    } else if (p.kind == TC_FORM_URLENCODED) {
        why = p.plain.out.why;
        tc_urlencoded_fini(&p.plain);
    }
    (void)snprintf(log->why, sizeof log->why, "%s", log->err && why ? why : "");
}

void form_log_fini(form_log *log)
{
    tc_buf_fini(&log->text);
}
