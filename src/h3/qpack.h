/* qpack.h - header compression of HTTP/3 (RFC 9204), both directions.
 *
 * Blocks of fields ("sections") come on request streams, in any order; what they refer to comes on
 * the encoder stream, and is acknowledged on the decoder stream. Both ends fill an .out for their
 * stream, which the owner takes from, and read the other's: whole instructions are taken, the rest
 * is to be given again with more behind it. An encoder cannot fail: without memory, without room in
 * the peer's table or where it might make too many streams wait it sends literals. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/pack/index.h"

enum {
    TC_QPACK_PREFIX_MAX = 22, /* bytes that tc_qpack_encoder_begin leaves free */
    TC_QPACK_SECTIONS = 256, /* sections of ours that refer to the table and are not acknowledged */
    TC_QPACK_OUT = 16384     /* instructions that wait to be sent, by an encoder */
};

typedef struct tc_qpack_decoder {
    tc_ring table;      /* .max: the capacity that the peer has set */
    uint32_t table_max; /* our SETTINGS_QPACK_MAX_TABLE_CAPACITY */
    uint32_t block;     /* counts sections: copies of entries are shared within one */
    uint64_t inserts;   /* entries ever */
    uint64_t told;      /* ... that the peer knows of */
    char *scratch;      /* where an instruction is decoded */
    tc_buf out;         /* for the decoder stream */
} tc_qpack_decoder;

/* A section that is being read. */
typedef struct tc_qpack_section {
    uint64_t required, base; /* RFC 9204, 4.5.1 */
    tc_span rest;
} tc_qpack_section;

/* out_max: bytes that may wait in .out. */
void tc_qpack_decoder_init(tc_qpack_decoder *d, uint32_t table_max, size_t out_max);
void tc_qpack_decoder_fini(tc_qpack_decoder *d); /* safe twice */
void tc_qpack_decoder_rest(tc_qpack_decoder *d); /* memory that is soon made again goes */
/* The encoder stream (4.3). TC_ERR_COMPRESSION: QPACK_ENCODER_STREAM_ERROR. TC_ERR_NO_MEMORY: the
 * connection is over too. */
tc_err tc_qpack_decoder_read(tc_qpack_decoder *d, tc_span *in) TC_MUST_USE;
/* Reads the prefix of a section that is whole. TC_ERR_COMPRESSION: QPACK_DECOMPRESSION_FAILED. */
tc_err tc_qpack_section_begin(tc_qpack_decoder *d, tc_span whole,
                              tc_qpack_section *ret_section) TC_MUST_USE;
/* It must wait for the encoder stream; how many may is for the caller to see to. */
static inline bool tc_qpack_is_blocked(const tc_qpack_decoder *d, const tc_qpack_section *s)
{
    return s->required > d->inserts;
}
/* Takes the next field off a section that is not blocked. As tc_hpack_decode: what one section
 * gives must go to the same arena; between two fields of it nothing else may be read. */
tc_err tc_qpack_decode(tc_qpack_decoder *d, tc_qpack_section *s, tc_arena *a, size_t value_max,
                       tc_field *ret_field) TC_MUST_USE;
/* The section was read to its end, on that stream: acknowledges it. TC_ERR_NO_MEMORY, TC_ERR_FULL.
 */
tc_err tc_qpack_section_end(tc_qpack_decoder *d, const tc_qpack_section *s,
                            uint64_t stream) TC_MUST_USE;
/* Sections of that stream may be left unread (2.2.2.2). The same errors. */
tc_err tc_qpack_decoder_cancel(tc_qpack_decoder *d, uint64_t stream) TC_MUST_USE;
/* Tells of entries that no acknowledgement has told of: before .out is sent. */
tc_err tc_qpack_decoder_tell(tc_qpack_decoder *d) TC_MUST_USE;

/* A section of ours that refers to entries, which are numbered from 1. */
typedef struct tc_qpack_sent {
    uint64_t stream, required, least;
} tc_qpack_sent;

typedef struct tc_qpack_encoder {
    tc_ring table; /* .max: the capacity in use */
    tc_pack_index *index;
    uint32_t table_max;   /* we never use more, whatever the peer allows */
    uint64_t peers_max;   /* its SETTINGS_QPACK_MAX_TABLE_CAPACITY */
    uint64_t blocked_max; /* its SETTINGS_QPACK_BLOCKED_STREAMS */
    uint64_t inserts;     /* entries ever */
    uint64_t known;       /* ... that the peer has told us it has */
    uint64_t floor;       /* entries from here on are in use */
    tc_qpack_sent *sent;  /* in the order they were made */
    uint32_t sent_count, sent_room;
    uint32_t blocking; /* of them, those that refer to entries the peer may not have */

    tc_qpack_sent now; /* the section that is being made */
    uint64_t base;
    bool by_table, may_block; /* ... may refer to the table, to what the peer may not have yet */
    bool unsettled;           /* ... would be shorter another time, the table being as it is */

    bool held; /* the owner may set it: the encoder stream is stuck, nothing goes into the table */
    bool cookies; /* the owner may set it: long cookies go into the table */
    tc_buf out;   /* for the encoder stream: must go before the section does */
} tc_qpack_encoder;

/* Without a table until the peer's settings are known. */
void tc_qpack_encoder_init(tc_qpack_encoder *e, uint32_t table_max);
void tc_qpack_encoder_fini(tc_qpack_encoder *e); /* safe twice */
/* The peer's SETTINGS: table capacity and blocked streams. Once, before the table is used. */
void tc_qpack_encoder_limit(tc_qpack_encoder *e, uint64_t peers_max, uint64_t blocked_max);
/* The decoder stream (4.4). TC_ERR_COMPRESSION: QPACK_DECODER_STREAM_ERROR. */
tc_err tc_qpack_encoder_read(tc_qpack_encoder *e, tc_span *in) TC_MUST_USE;
/* Begins a section for that stream; fields go to what is returned, TC_QPACK_PREFIX_MAX behind out.
 * One section at a time. */
char *tc_qpack_encoder_begin(tc_qpack_encoder *e, char *out, uint64_t stream);
/* Instead of fields: those of another section, made when the table was just as it is now, and which
 * refer to entries from least up to required (.now of that section). False: this one may not. */
bool tc_qpack_encoder_repeat(tc_qpack_encoder *e, uint64_t required, uint64_t least);
/* The room that one field needs at most. */
size_t tc_qpack_encode_bound(size_t name_len, size_t value_len);
/* Appends a field, as tc_hpack_encode. */
char *tc_qpack_encode(tc_qpack_encoder *e, char *out, tc_span name, tc_span value,
                      enum tc_field_id id);
/* The same without the dynamic table: good in any section of any connection. */
char *tc_qpack_encode_fixed(char *out, tc_span name, tc_span value, enum tc_field_id id);
/* Ends the section whose fields are [fields, end): writes the prefix before them and returns all
 * of it. */
tc_span tc_qpack_encoder_end(tc_qpack_encoder *e, char *fields, char *end);
/* The section that was ended last is not sent after all. */
void tc_qpack_encoder_undo(tc_qpack_encoder *e);
