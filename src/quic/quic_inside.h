/* quic_inside.h - what the files of QUIC share. Nobody else includes it. */
// SPDX-License-Identifier: MIT
#pragma once
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/slab.h"
#include "net/tls_inside.h"
#include "quic/quic.h"

enum {
    QUIC_ID = 12,         /* bytes of a connection id of ours: socket, generation, then chance */
    QUIC_BLOCK = 32768,   /* bytes of a block, its head included */
    QUIC_INBOX = 1 << 18, /* bytes of streams that a batch of packets may bring */
    QUIC_RUNS = 4,        /* of a stream, before it takes memory for more */
    QUIC_CLOSE = 160,     /* the most that a packet which closes takes of a tomb */
    QUIC_PACKET = 1452,   /* bytes that are tried as a packet: with IPv6 they fit into Ethernet */
    QUIC_INSIDE = TC_UDP_MOST / 4,  /* ... on a way that does not leave the machine; */
    QUIC_CLIENT = TC_UDP_MOST / 16, /* a client's there, since servers keep room for such a one */
};

/* Bytes that we keep until they are acknowledged. */
typedef struct tc_quic_block {
    uint32_t refs, used;
    char bytes[QUIC_BLOCK - 8];
} tc_quic_block;

/* A run of bytes to send, or sent and not acknowledged. */
typedef struct tc_quic_run {
    const char *at;
    size_t len;
    tc_quic_block *block; /* where they stand; NULL: they are borrowed */
} tc_quic_run;

/* Bytes that came in this turn. */
typedef struct tc_quic_piece {
    struct tc_quic_piece *next;
    struct tc_quic_stream *stream;
    size_t len;
    bool fin;
    bool own;    /* memory of its own, not in the endpoint's room */
} tc_quic_piece; /* the bytes follow */

enum tc_quic_news {
    NEWS_RESET = 1,
    NEWS_STOPPED = 2,
    NEWS_ACKED = 4,
    NEWS_ROOM = 8,
    NEWS_AGAIN = 16
};

typedef struct tc_quic_stream {
    struct tc_quic_stream *next;      /* of the bucket */
    struct tc_quic_stream *next_news; /* of those with news */
    struct tc_quic_stream *next_out;  /* of those with bytes to send */
    uint64_t sid;
    uint8_t news; /* enum tc_quic_news */
    bool in_news, in_out;
    bool unopened; /* ours, and the peer does not let us open it yet */
    bool gone;     /* the library has forgotten it */
    bool fin;      /* their end came */
    bool in_done;  /* ... and was taken; or nothing more of it is wanted */
    bool parked;   /* bytes came that were not taken */
    bool out_done; /* nothing more of ours will be sent */
    bool fin_asked, fin_sent;
    bool wants_room;
    uint32_t pieces; /* of this turn, that are of it */
    uint64_t reset_code, stop_code;
    tc_buf in; /* bytes that came and were not taken */

    /* ours, as offsets: acked <= told <= end, acked <= sent <= end */
    uint64_t acked; /* runs[0] begins here */
    uint64_t told;  /* need not be kept by who gave them */
    uint64_t shown; /* ... and that was news */
    uint64_t sent, end;
    tc_quic_run *runs;
    uint32_t run_count, run_room;
    tc_quic_run few[QUIC_RUNS];
} tc_quic_stream;

/* One connection id, by which packets are led to a connection or to what is left of one. */
typedef struct tc_quic_id {
    struct tc_quic_id *next;
    tc_link_quic *link; /* NULL: it is closed */
    struct tc_quic_tomb *tomb;
    uint8_t len;
    uint8_t bytes[NGTCP2_MAX_CIDLEN];
} tc_quic_id;

/* A closed connection: says so to whoever still speaks to it (RFC 9000, 10.2). */
typedef struct tc_quic_tomb {
    struct tc_quic_tomb *next;
    tc_quic_id *ids;
    int64_t until;
    uint32_t heard, answered;
    uint16_t len;
    char packet[QUIC_CLOSE];
} tc_quic_tomb;

struct tc_quic {
    tc_quic_config config;
    tc_io io;
    tc_address local;
    bool server, any_address, segments, draining, blocked;
    bool deaf;      /* somebody else reads the socket */
    bool doomed;    /* to be freed once nobody works on it */
    unsigned depth; /* how many do */
    gnutls_priority_t priority;
    gnutls_anti_replay_t replay;    /* server; NULL: no early data */
    uint8_t ticket[TC_QUIC_TICKET]; /* of the hello that was heard last */
    uint8_t reset_secret[32], token_secret[32];
    tc_hash_key key;
    tc_map ids;
    tc_slab id_slab, streams, blocks, tombs;
    tc_quic_block *open_block; /* where small runs are gathered */
    tc_quic_tomb *oldest, **newest;
    tc_alarm bury;
    tc_task more; /* reading goes on after others had their turn */
    tc_link_quic *touched, **touched_end;
    tc_link_quic *single; /* client: the connection */
    uint32_t links, unvalidated;
    int64_t answers_since;
    uint64_t answers;
    tc_udp_room *room;
    char *inbox;
    size_t inbox_len;
    tc_datagrams spill; /* what the socket did not take */
    char *spill_room;
};

/* What the library holds for a connection. */
typedef struct tc_quic_memory {
    ngtcp2_mem library;
    size_t held, most;
    uint64_t *counter;
    bool reached, unbounded;
} tc_quic_memory;

/* quic_memory.c: NULL without memory; tc_free when the library has given all of it back */
tc_quic_memory *tc_quic_memory_new(const tc_quic *q);

/* quic_id.c */
void tc_quic_secrets_use(tc_quic *q);
tc_err tc_quic_id_new(tc_quic *q, ngtcp2_cid *ret_cid, uint8_t *ret_token);
tc_err tc_quic_id_add(tc_quic *q, tc_link_quic *l, const ngtcp2_cid *cid) TC_MUST_USE;
void tc_quic_id_remove(tc_quic *q, tc_link_quic *l, const ngtcp2_cid *cid);
tc_quic_id *tc_quic_id_find(const tc_quic *q, const uint8_t *at, size_t len);
void tc_quic_ids_free(tc_quic *q, tc_quic_id *ids);
unsigned tc_quic_id_socket(const uint8_t *at, size_t len); /* whom it was made by */
uint8_t tc_quic_id_generation(const tc_quic *q, const uint8_t *at, size_t len);
bool tc_quic_random(void *into, size_t len);

/* quic_answer.c: what is said to those who have no connection */
bool tc_quic_may_answer(tc_quic *q);
void tc_quic_say_versions(tc_quic *q, const tc_datagrams *d, const ngtcp2_version_cid *v);
void tc_quic_say_reset(tc_quic *q, const tc_datagrams *d, const uint8_t *id, size_t id_len);
void tc_quic_say_retry(tc_quic *q, const tc_datagrams *d, const ngtcp2_pkt_hd *hd);
void tc_quic_say_close(tc_quic *q, const tc_datagrams *d, const ngtcp2_pkt_hd *hd, uint64_t code);
void tc_quic_bury(tc_quic *q, tc_link_quic *l, const char *packet, size_t len, int64_t for_ns);
void tc_quic_knock(tc_quic *q, tc_quic_tomb *t, const tc_datagrams *d);
void tc_quic_bury_ring(tc_alarm *alarm);
void tc_quic_bury_all(tc_quic *q);

/* quic.c */
tc_err tc_quic_send(tc_quic *q, const tc_datagrams *d);
void tc_quic_unblock(tc_quic *q);
void tc_quic_touch(tc_quic *q,
                   tc_link_quic *l); /* its owner is to be told at the end of the batch */
void tc_quic_tell_all(tc_quic *q);

/* quic_conn.c */
typedef struct tc_quic_came {
    ngtcp2_cid odcid; /* of the client's first packet */
    ngtcp2_cid retry; /* datalen 0: no Retry was sent */
    bool validated;
    const uint8_t *token;
    size_t token_len;
    ngtcp2_token_type token_type;
} tc_quic_came;
tc_err tc_quic_conn_accept(tc_quic *q, tc_link_quic *l, const tc_datagrams *d,
                           const ngtcp2_pkt_hd *hd, const tc_quic_came *came) TC_MUST_USE;
void tc_quic_conn_read(tc_link_quic *l, const tc_datagrams *d, char *at, size_t len);
void tc_quic_conn_ring(tc_alarm *alarm);
void tc_quic_conn_fail(tc_link_quic *l, int liberr);
void tc_quic_conn_close(tc_link_quic *l);

/* quic_tls.c */
tc_err tc_quic_tls_begin(tc_quic *q, tc_link_quic *l, const char *host) TC_MUST_USE;
/* The handshake is over. */
tc_err tc_quic_tls_done(tc_link_quic *l) TC_MUST_USE;
void tc_quic_tls_settle(tc_link_quic *l); /* the handshake is over: what only it needs goes */
void tc_quic_tls_describe(const tc_link_quic *l, tc_protection *ret);
/* Why the handshake failed, as it would have over TCP. */
tc_err tc_quic_tls_why(tc_link_quic *l, int liberr);
/* The peer ended the connection by an alert of TLS. */
bool tc_quic_tls_said(const tc_link_quic *l, int *ret_alert);

/* quic_early.c */
tc_err tc_quic_early_init(tc_quic *q) TC_MUST_USE;
void tc_quic_early_fini(tc_quic *q);
void tc_quic_early_serve(tc_link_quic *l);
/* Client: uses what it came back with. False: it makes no sense, and the session is spent. */
bool tc_quic_early_begin(tc_link_quic *l);
/* The handshake is over. TC_ERR_REFUSED: what was sent early cannot be sent again here. */
tc_err tc_quic_early_over(tc_link_quic *l) TC_MUST_USE;

/* quic_log.c: what those who look on are told. All but new are for links with a log. */
void tc_quic_log_new(tc_link_quic *l); /* if anybody looks on, and there is memory */
void tc_quic_log_free(tc_link_quic *l);
void tc_quic_log_settings(ngtcp2_settings *s);
void tc_quic_log_keys(tc_link_quic *l, ngtcp2_encryption_level level, bool sending);
void tc_quic_log_begun(tc_link_quic *l, const ngtcp2_path *path);
void tc_quic_log_ready(tc_link_quic *l);
void tc_quic_log_read(tc_link_quic *l, size_t len);                    /* a datagram was */
void tc_quic_log_writes(tc_link_quic *l, const void *at, size_t room); /* one will be, there */
void tc_quic_log_wrote(tc_link_quic *l, ngtcp2_ssize n);               /* ... of so many bytes */
void tc_quic_log_metrics(tc_link_quic *l);
void tc_quic_log_moved(tc_link_quic *l, uint64_t sid, size_t n, bool out);
void tc_quic_log_closed(tc_link_quic *l);

/* quic_stream.c */
tc_quic_stream *tc_quic_stream_find(const tc_link_quic *l, uint64_t sid);
tc_quic_stream *tc_quic_stream_new(tc_link_quic *l, uint64_t sid);
void tc_quic_stream_news(tc_link_quic *l, tc_quic_stream *s, unsigned news);
tc_err tc_quic_stream_came(tc_link_quic *l, tc_quic_stream *s, const uint8_t *at, size_t len,
                           bool fin) TC_MUST_USE;
void tc_quic_stream_acked(tc_link_quic *l, tc_quic_stream *s, uint64_t offset);
void tc_quic_stream_tell(tc_link_quic *l, tc_quic_stream *s);
void tc_quic_stream_drop_out(tc_link_quic *l, tc_quic_stream *s);
void tc_quic_stream_credit(tc_link_quic *l, uint64_t n); /* n bytes more, of all streams */
void tc_quic_stream_stopped(tc_link_quic *l, tc_quic_stream *s, uint64_t code);
void tc_quic_stream_drop_in(tc_link_quic *l, tc_quic_stream *s);
void tc_quic_stream_tidy(tc_link_quic *l, tc_quic_stream *s); /* frees it where all is over */
uint64_t tc_quic_streams_ending(const tc_link_quic *l);
void tc_quic_streams_free(tc_link_quic *l);
extern const tc_link_streams tc_quic_streams;

/* quic_write.c */
tc_err tc_quic_take(tc_link_quic *l, tc_quic_stream *s, const tc_run *run, size_t most,
                    size_t *ret_taken) TC_MUST_USE;
void tc_quic_block_unref(tc_quic *q, tc_quic_block *b);
void tc_quic_queue(tc_link_quic *l, tc_quic_stream *s);
void tc_quic_flush(tc_link_quic *l); /* packets, as many as may leave now */

static inline tc_link_quic *tc_quic_of(tc_link *l)
{
    return (tc_link_quic *)(void *)l;
}

static inline uint64_t tc_quic_now(const tc_quic *q)
{
    return (uint64_t)tc_loop_now(q->config.loop);
}
