/* quic_lines.h - what the QUIC library writes about a connection, line by line, understood: it has
 * no other word for packets and the frames in them. Lines are of libngtcp2 1.11 and newer; one that
 * makes no sense is left out. Nothing here knows the library itself. */
// SPDX-License-Identifier: MIT
#pragma once
#include "observe/transport.h"

enum { TC_QUIC_LINE_BYTES = 1024, TC_QUIC_TEXTS = 4096 };

/* The packet that lines are about, until it is whole. */
typedef struct tc_quic_lines {
    bool open, sent; /* there is one; it is ours */
    size_t text_len;
    char ids[2][44];
    char texts[TC_QUIC_TEXTS]; /* what its frames point at */
    tc_packet packet;
} tc_quic_lines;

/* What a line comes to. */
enum tc_quic_line {
    TC_LINE_NOTHING,
    TC_LINE_PACKET,  /* a packet begins; call close first if one is open */
    TC_LINE_FRAME,   /* one more of it */
    TC_LINE_READ,    /* the packet took .number bytes */
    TC_LINE_CANCEL,  /* the packet is not sent */
    TC_LINE_LOST,    /* packet .number of .type was lost */
    TC_LINE_DROPPED, /* a packet is not taken: .why */
    TC_LINE_KEYS     /* the keys of 1-RTT packets change */
};

typedef struct tc_quic_said {
    enum tc_quic_line kind;
    enum tc_packet_type type;
    uint64_t number;
    const char *why; /* in qlog's words */
} tc_quic_said;

/* Understands a line. Of PACKET nothing is kept before tc_quic_lines_open. */
tc_quic_said tc_quic_lines_read(tc_quic_lines *l, tc_span line);
void tc_quic_lines_open(tc_quic_lines *l, tc_span line); /* the packet of a PACKET line */
