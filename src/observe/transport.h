/* transport.h - what a QUIC connection did, for those who look on (TC_SEEN_TRANSPORT): packets and
 * the frames in them, losses, what congestion control thinks. Named as in RFC 9000 and 9002. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/event.h"

enum { TC_PACKET_FRAMES = 64, TC_PACKET_RANGES = 64, TC_TRANSPORT_ID = 20 };

enum tc_transport_kind {
    TC_TRANSPORT_BEGUN,      /* .begun */
    TC_TRANSPORT_PARAMETERS, /* .parameters */
    TC_TRANSPORT_SENT,       /* .packet */
    TC_TRANSPORT_RECEIVED,   /* .packet */
    TC_TRANSPORT_DROPPED,    /* .packet, or NULL; .why */
    TC_TRANSPORT_LOST,       /* .packet: its type and number */
    TC_TRANSPORT_METRICS,    /* .metrics */
    TC_TRANSPORT_KEYS,       /* .keys */
    TC_TRANSPORT_READY,      /* the handshake is over */
    TC_TRANSPORT_MOVED,      /* .moved: bytes of a stream between the connection and the session */
    TC_TRANSPORT_CLOSED      /* .closed: the connection is gone, and nothing comes after this */
};

enum tc_packet_type {
    TC_PACKET_INITIAL,
    TC_PACKET_0RTT,
    TC_PACKET_HANDSHAKE,
    TC_PACKET_RETRY,
    TC_PACKET_1RTT,
    TC_PACKET_VERSIONS,
    TC_PACKET_RESET,
    TC_PACKET_UNKNOWN
};

/* A frame of QUIC. What has no meaning for its type is 0 or empty. */
typedef struct tc_packet_frame {
    uint64_t type;               /* RFC 9000, 19 */
    uint64_t id;                 /* of a stream, or the number of a connection id */
    uint64_t offset;             /* where its bytes begin; retire prior to */
    uint64_t length;             /* of its bytes */
    uint64_t most;               /* a new limit; the limit that holds the sender up; a final size */
    uint64_t code;               /* of an error */
    uint64_t cause;              /* CONNECTION_CLOSE: the type of the frame that was wrong */
    uint64_t delay;              /* ACK: microseconds */
    uint64_t ecn[3];             /* ACK: ECT(0), ECT(1), CE */
    uint32_t range, range_count; /* ACK: of the packet's ranges */
    tc_span text;                /* a connection id or data in hexadecimal; a reason */
} tc_packet_frame;

typedef struct tc_packet {
    enum tc_packet_type type;
    bool numbered;
    uint64_t number;
    uint32_t version;   /* 0: its header has none */
    size_t length;      /* 0: not known */
    tc_span scid, dcid; /* in hexadecimal */
    uint32_t frame_count, range_count;
    bool cut; /* it had more than are kept */
    tc_packet_frame frames[TC_PACKET_FRAMES];
    uint64_t ranges[TC_PACKET_RANGES][2]; /* least and largest */
} tc_packet;

typedef struct tc_transport_parameters {
    uint64_t stream_window_ours, stream_window_theirs, stream_window_uni, window;
    uint64_t streams, uni_streams, udp_payload, ack_delay_exponent, id_limit;
    int64_t idle_ns, ack_delay_ns;
    bool no_migration, grease;
} tc_transport_parameters;

typedef struct tc_transport_metrics {
    int64_t least_rtt_ns, rtt_ns, latest_rtt_ns, deviation_ns; /* 0: not known */
    uint64_t window, in_flight;
    uint64_t threshold; /* of slow start; UINT64_MAX: none */
} tc_transport_metrics;

typedef struct tc_transport {
    enum tc_transport_kind kind;
    bool ours;       /* PARAMETERS, KEYS: of this end; CLOSED: by this end */
    const void *way; /* the link; to be compared only */
    union {
        struct {
            enum tc_role role;
            uint8_t id[TC_TRANSPORT_ID]; /* the client's first destination */
            uint8_t id_len;
            char local[56], remote[56]; /* addresses */
            uint16_t local_port, remote_port;
        } begun;
        const tc_transport_parameters *parameters;
        const tc_packet *packet;
        tc_transport_metrics metrics;
        struct {
            uint64_t sid, length;
            bool out; /* from the session */
        } moved;
        struct {
            const char *level; /* "handshake", "1rtt" */
            bool updated;      /* by the peer */
            enum tc_role role; /* of this end */
        } keys;
        struct {
            bool application;
            uint64_t code;
            const char *trigger; /* in qlog's words */
        } closed;
    };
    const char *why; /* DROPPED, in qlog's words */
} tc_transport;
