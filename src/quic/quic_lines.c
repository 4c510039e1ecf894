/* quic_lines.c - see quic_lines.h. A line is words with blanks between: time, connection, subject,
 * then what is said, much of it as name=value. A number is the wrong one rather than a failure. */
// SPDX-License-Identifier: MIT
#include "quic/quic_lines.h"

#include <string.h>

static tc_span word(tc_span *rest)
{
    size_t skip = 0, n;
    while (skip < rest->len && rest->at[skip] == ' ')
        skip++;
    *rest = tc_span_from(*rest, skip);
    for (n = 0; n < rest->len && rest->at[n] != ' ';)
        n++;
    const tc_span w = tc_span_first(*rest, n);
    *rest = tc_span_from(*rest, n);
    return w;
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* The digits that text begins with; 0x before them: hexadecimal ones. */
static uint64_t number(tc_span text, unsigned base)
{
    uint64_t n = 0;
    if (tc_span_starts(text, TC_SPAN("0x"))) {
        base = 16;
        text = tc_span_from(text, 2);
    }
    for (size_t i = 0; i < text.len && (unsigned)digit_of(text.at[i]) < base; i++)
        n = n * base + (unsigned)digit_of(text.at[i]);
    return n;
}

/* The value behind "name=", up to a blank; empty: there is none. */
static tc_span value(tc_span rest, tc_span name)
{
    while (rest.len) {
        const tc_span w = word(&rest);
        if (w.len > name.len && tc_span_starts(w, name) && w.at[name.len] == '=')
            return tc_span_from(w, name.len + 1);
    }
    return (tc_span){0};
}

#define VALUE(rest, name) value(rest, TC_SPAN(name))
#define NUMBER(rest, name) number(VALUE(rest, name), 10)

/* Hexadecimal digits behind 0x, and no more. */
static tc_span hex(tc_span text)
{
    size_t n = 2;
    if (!tc_span_starts(text, TC_SPAN("0x"))) return (tc_span){0};
    while (n < text.len && digit_of(text.at[n]) < 16)
        n++;
    return tc_span_of(text.at + 2, n - 2);
}

static enum tc_packet_type type_of(tc_span name)
{
    static const struct {
        tc_span name;
        enum tc_packet_type type;
    } types[] = {{{"1RTT", 4}, TC_PACKET_1RTT},
                 {{"Initial", 7}, TC_PACKET_INITIAL},
                 {{"Handshake", 9}, TC_PACKET_HANDSHAKE},
                 {{"0RTT", 4}, TC_PACKET_0RTT},
                 {{"Retry", 5}, TC_PACKET_RETRY},
                 {{"VN", 2}, TC_PACKET_VERSIONS},
                 {{"SR", 2}, TC_PACKET_RESET}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (tc_span_eq(name, types[i].name)) return types[i].type;
    return TC_PACKET_UNKNOWN;
}

/* --- frames -------------------------------------------------------------------------------- */

static tc_span keep(tc_quic_lines *l, tc_span text)
{
    if (!text.len || text.len > sizeof l->texts - l->text_len) return (tc_span){0};
    char *at = l->texts + l->text_len;
    memcpy(at, text.at, text.len);
    l->text_len += text.len;
    return tc_span_of(at, text.len);
}

/* "[largest..least]", of a frame that is one line for each range. */
static void add_range(tc_quic_lines *l, tc_packet_frame *f, tc_span range)
{
    tc_packet *p = &l->packet;
    const size_t dots = tc_span_find(range, '.');
    if (dots + 2 > range.len || range.len == 0) return;
    if (p->range_count == TC_PACKET_RANGES) {
        p->cut = true;
        return;
    }
    uint64_t *r = p->ranges[p->range_count++];
    r[0] = number(tc_span_from(range, dots + 2), 10);
    r[1] = number(tc_span_from(range, 1), 10);
    f->range_count++;
}

/* What is said of an ACK in its other lines. */
static bool more_of_ack(tc_quic_lines *l, tc_span rest)
{
    tc_packet *p = &l->packet;
    tc_packet_frame *last = p->frame_count ? &p->frames[p->frame_count - 1] : NULL;
    const tc_span range = VALUE(rest, "range"), ect0 = VALUE(rest, "ect0");
    if (!range.len && !ect0.len) return false;
    if (!last || (last->type != 2 && last->type != 3)) return true; /* it was left out */
    if (range.len) add_range(l, last, range);
    if (ect0.len) {
        last->ecn[0] = number(ect0, 10);
        last->ecn[1] = NUMBER(rest, "ect1");
        last->ecn[2] = NUMBER(rest, "ce");
    }
    return true;
}

static uint64_t code_of(tc_span text)
{
    const size_t at = tc_span_find(text, '(');
    const size_t after = text.len && text.at[0] == '(' ? at + 1 : at; /* "(unknown)(0x100)" */
    const tc_span rest = after < text.len ? tc_span_from(text, after) : (tc_span){0};
    const size_t hex_at = tc_span_find(rest, 'x');
    return hex_at < rest.len ? number(tc_span_from(rest, hex_at + 1), 16) : 0;
}

static tc_span reason_of(tc_span rest)
{
    const tc_span name = TC_SPAN(" reason=[");
    for (; rest.len >= name.len; rest = tc_span_from(rest, 1))
        if (tc_span_starts(rest, name)) {
            const tc_span text = tc_span_from(rest, name.len);
            return text.len ? tc_span_first(text, text.len - 1) : text;
        }
    return (tc_span){0};
}

static void fill(tc_quic_lines *l, tc_packet_frame *f, tc_span rest)
{
    f->id = NUMBER(rest, "id");
    f->offset = NUMBER(rest, "offset");
    f->length = NUMBER(rest, "len");
    switch (f->type) {
    case 0x02:
    case 0x03: {
        const tc_span delay = VALUE(rest, "ack_delay");
        f->delay = number(delay, 10) * 1000;
        f->range = l->packet.range_count;
        break;
    }
    case 0x04:
        f->code = code_of(VALUE(rest, "app_error_code"));
        f->most = NUMBER(rest, "final_size");
        break;
    case 0x05: f->code = code_of(VALUE(rest, "app_error_code")); break;
    case 0x10: f->most = NUMBER(rest, "max_data"); break;
    case 0x11: f->most = NUMBER(rest, "max_stream_data"); break;
    case 0x12:
    case 0x13:
    case 0x16:
    case 0x17: f->most = NUMBER(rest, "max_streams"); break;
    case 0x14:
    case 0x15: f->most = f->offset; break;
    case 0x18:
        f->id = NUMBER(rest, "seq");
        f->offset = NUMBER(rest, "retire_prior_to");
        f->text = keep(l, hex(VALUE(rest, "cid")));
        break;
    case 0x19: f->id = NUMBER(rest, "seq"); break;
    case 0x1a:
    case 0x1b: f->text = keep(l, hex(VALUE(rest, "data"))); break;
    case 0x1c:
    case 0x1d:
        f->code = code_of(VALUE(rest, "error_code"));
        f->cause = number(VALUE(rest, "frame_type"), 16);
        f->text = keep(l, reason_of(rest));
        break;
    default: break;
    }
}

/* "tx 12 1RTT STREAM(0x0a) id=0x2 fin=0 ..." */
static tc_quic_said frame(tc_quic_lines *l, tc_span rest)
{
    const tc_quic_said nothing = {0};
    tc_packet *p = &l->packet;
    const bool sent = tc_span_eq(word(&rest), TC_SPAN("tx"));
    const uint64_t of = number(word(&rest), 10);
    const enum tc_packet_type type = type_of(word(&rest));
    const tc_span name = word(&rest);
    const size_t at = tc_span_find(name, '(');
    if (!l->open || sent != l->sent || of != p->number || type != p->type ||
        !tc_span_starts(tc_span_from(name, at), TC_SPAN("(0x")))
        return nothing;
    const uint64_t kind = number(tc_span_from(name, at + 1), 16);
    if ((kind == 2 || kind == 3) && more_of_ack(l, rest)) return nothing;
    if (p->frame_count == TC_PACKET_FRAMES) {
        p->cut = true;
        return nothing;
    }
    tc_packet_frame *f = &p->frames[p->frame_count++];
    *f = (tc_packet_frame){.type = kind};
    fill(l, f, rest);
    return (tc_quic_said){.kind = TC_LINE_FRAME};
}

/* --- packets ------------------------------------------------------------------------------- */

static tc_span keep_id(char room[44], tc_span text)
{
    const tc_span id = hex(text);
    if (!id.len || id.len > 40) return (tc_span){0};
    memcpy(room, id.at, id.len);
    return tc_span_of(room, id.len);
}

/* "I00000000 0x0123 pkt tx pkn=..." without what comes before its subject. */
static tc_span subject(tc_span *line)
{
    (void)word(line);
    (void)word(line);
    return word(line);
}

void tc_quic_lines_open(tc_quic_lines *l, tc_span line)
{
    tc_packet *p = &l->packet;
    (void)subject(&line);
    l->open = true;
    l->sent = tc_span_eq(word(&line), TC_SPAN("tx"));
    l->text_len = 0;
    p->type = type_of(VALUE(line, "type"));
    p->numbered = true;
    p->number = NUMBER(line, "pkn");
    p->version = (uint32_t)NUMBER(line, "version");
    p->length = 0;
    p->dcid = keep_id(l->ids[0], VALUE(line, "dcid"));
    p->scid = keep_id(l->ids[1], VALUE(line, "scid"));
    p->frame_count = p->range_count = 0;
    p->cut = false;
}

static bool has(tc_span text, tc_span part)
{
    for (; text.len >= part.len; text = tc_span_from(text, 1))
        if (tc_span_starts(text, part)) return true;
    return false;
}

static const char *why_dropped(tc_span rest)
{
    static const struct {
        const char *part, *why;
    } reasons[] = {
        {"could not decrypt packet payload", "payload_decrypt_error"},
        {"could not decrypt packet number", "header_parse_error"},
        {"duplicated packet number", "duplicate"},
        {"incorrect reserved bits", "protocol_violation"},
        {"mismatched", "unknown_connection_id"},
        {"keys have been discarded", "key_unavailable"},
        {"UDP datagram less than", "invalid_initial"},
        {"was ignored", "unexpected_packet"},
        {"discarded", "unexpected_packet"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (has(rest, tc_span_str(reasons[i].part))) return reasons[i].why;
    return NULL;
}

static tc_quic_said of_packet(tc_span rest)
{
    const tc_span all = rest, first = word(&rest);
    if (tc_span_eq(first, TC_SPAN("tx")) || tc_span_eq(first, TC_SPAN("rx"))) {
        const bool whole = VALUE(rest, "pkn").len && VALUE(rest, "type").len;
        return (tc_quic_said){.kind = whole ? TC_LINE_PACKET : TC_LINE_NOTHING};
    }
    if (tc_span_starts(all, TC_SPAN("read packet "))) {
        (void)word(&rest);
        return (tc_quic_said){.kind = TC_LINE_READ, .number = number(word(&rest), 10)};
    }
    if (tc_span_starts(all, TC_SPAN("cancel tx"))) return (tc_quic_said){.kind = TC_LINE_CANCEL};
    const char *why = why_dropped(all);
    return (tc_quic_said){.kind = why ? TC_LINE_DROPPED : TC_LINE_NOTHING, .why = why};
}

static tc_quic_said of_recovery(tc_span rest)
{
    tc_span line = rest;
    (void)word(&rest);
    if (!tc_span_eq(word(&rest), TC_SPAN("lost"))) return (tc_quic_said){0};
    return (tc_quic_said){
        .kind = TC_LINE_LOST, .number = NUMBER(line, "pkn"), .type = type_of(VALUE(line, "type"))};
}

static tc_quic_said of_keys(tc_span rest)
{
    const bool rotates = tc_span_starts(rest, TC_SPAN("rotate keys"));
    return (tc_quic_said){.kind = rotates ? TC_LINE_KEYS : TC_LINE_NOTHING};
}

tc_quic_said tc_quic_lines_read(tc_quic_lines *l, tc_span line)
{
    tc_span rest = line;
    const tc_span about = subject(&rest);
    if (tc_span_eq(about, TC_SPAN("frm"))) return frame(l, rest);
    rest = tc_span_from(rest, rest.len && rest.at[0] == ' ' ? 1 : 0);
    if (tc_span_eq(about, TC_SPAN("pkt"))) return of_packet(rest);
    if (tc_span_eq(about, TC_SPAN("rcv")) || tc_span_eq(about, TC_SPAN("ldc")))
        return of_recovery(rest);
    if (tc_span_eq(about, TC_SPAN("con"))) return of_keys(rest);
    return (tc_quic_said){0};
}
