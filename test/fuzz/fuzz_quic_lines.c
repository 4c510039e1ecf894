/* fuzz_quic_lines.c - lines as the QUIC library might write them about a connection; what is
 * understood of them, and what it points at, stays within bounds. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "quic/quic_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tc_quic_lines lines;

static void check(bool good)
{
    if (!good) abort();
}

static void look(const tc_packet *p)
{
    const char *begin = lines.texts, *end = begin + sizeof lines.texts;
    check(p->frame_count <= TC_PACKET_FRAMES && p->range_count <= TC_PACKET_RANGES);
    check(p->scid.len <= 40 && p->dcid.len <= 40);
    for (uint32_t i = 0; i < p->frame_count; i++) {
        const tc_packet_frame *f = &p->frames[i];
        check(f->range + f->range_count <= p->range_count || !f->range_count);
        check(!f->text.len || (f->text.at >= begin && f->text.at + f->text.len <= end));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tc_span rest = tc_span_of((const char *)data, size);
    lines.open = false;
    while (rest.len) {
        const size_t n = tc_span_find(rest, '\n');
        const tc_span line = tc_span_first(rest, n);
        if (tc_quic_lines_read(&lines, line).kind == TC_LINE_PACKET)
            tc_quic_lines_open(&lines, line);
        if (lines.open) look(&lines.packet);
        rest = tc_span_from(rest, n + 1);
    }
    return 0;
}
