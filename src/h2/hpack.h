/* hpack.h - header compression of HTTP/2 (RFC 7541), both directions.
 *
 * Either end takes no memory until a field goes into its table. A decoder that answered with an
 * error no longer knows the peer's table: the connection is over (COMPRESSION_ERROR). An encoder
 * cannot fail: without memory it sends literals. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/pack/index.h"

enum {
    TC_HPACK_TABLE = 4096,  /* both tables until SETTINGS say otherwise (RFC 9113, 6.5.2) */
    TC_HPACK_BEGIN_MAX = 12 /* bytes that tc_hpack_encoder_begin writes at most */
};

typedef struct tc_hpack_decoder {
    tc_ring table;
    uint32_t table_max; /* what the peer may set */
    uint32_t lowest;    /* the smallest of that since the last block */
    uint32_t block;     /* counts blocks: copies of entries are shared within one */
    uint8_t updates;    /* size updates in this block */
    bool fields;        /* a field was in this block: size updates may no longer come */
    bool must_update;   /* the next block must begin with an update to lowest, or less */
} tc_hpack_decoder;

typedef struct tc_hpack_encoder {
    tc_ring table;
    tc_pack_index *index; /* with the first entry */
    uint32_t table_max;   /* we never use more, whatever the peer allows */
    uint32_t lowest;      /* the smallest size since the last block */
    bool cookies; /* the owner may set it: long cookies go into the table, as a whole they cannot be
                     guessed bit by bit (RFC 7541, 7.1.3) */
    bool unsettled;   /* set where a field may go in when it comes once more; never cleared here */
    bool must_update; /* the next block begins with table.max, maybe lowest before it */
} tc_hpack_encoder;

/* table_max: our SETTINGS_HEADER_TABLE_SIZE. A lower one than 4096 counts only when the peer has
 * acknowledged it: tell with tc_hpack_decoder_limit. */
void tc_hpack_decoder_init(tc_hpack_decoder *d, uint32_t table_max);
void tc_hpack_decoder_fini(tc_hpack_decoder *d); /* safe twice */
/* Our SETTINGS with this size were acknowledged. If the table was larger, the next block must begin
 * with a size update (RFC 7541, 4.2). */
void tc_hpack_decoder_limit(tc_hpack_decoder *d, uint32_t table_max);
/* A new block begins. */
void tc_hpack_decoder_begin(tc_hpack_decoder *d);
/* Takes the next field off a complete block (all fragments joined). Name and value are in a or
 * constants; fields from one entry of the table share their bytes, so until the block is over a
 * must stay the same arena and keep what is in it. Names are as sent: whether they are allowed is
 * for the caller to judge, and to count names, values and 32 for each field.
 * TC_ERR_NOTHING: the block is over. TC_ERR_COMPRESSION: it breaks RFC 7541.
 * TC_ERR_FIELDS_TOO_LARGE: a name or value is longer than value_max. TC_ERR_NO_MEMORY. */
tc_err tc_hpack_decode(tc_hpack_decoder *d, tc_span *block, tc_arena *a, size_t value_max,
                       tc_field *ret_field) TC_MUST_USE;

/* Whether a block that left the table at this mark (tc_ring_mark) as it found it, and changed no
 * size, means now what it meant then; so it need not be decoded. */
bool tc_hpack_decoder_stays(tc_hpack_decoder *d, uint64_t mark);

/* table_max: the most we use of what the peer allows, which is 4096 until
 * tc_hpack_encoder_limit says otherwise. */
void tc_hpack_encoder_init(tc_hpack_encoder *e, uint32_t table_max);
void tc_hpack_encoder_fini(tc_hpack_encoder *e); /* safe twice */
/* The peer's SETTINGS_HEADER_TABLE_SIZE; told to its decoder at the start of the next block. */
void tc_hpack_encoder_limit(tc_hpack_encoder *e, uint32_t peers_table_size);
/* Begins a block: writes size updates that are due, TC_HPACK_BEGIN_MAX bytes at most, and returns
 * the end. Must come before anything that tc_hpack_encode_fixed made; tc_hpack_encode does it by
 * itself where it was left out. */
char *tc_hpack_encoder_begin(tc_hpack_encoder *e, char *out);
/* The room that one field needs at most. */
size_t tc_hpack_encode_bound(size_t name_len, size_t value_len);
/* Appends one field at out, which has room for the bound, and returns the end. Room behind the end
 * is overwritten. name is lower case; id is that of name (pseudo-fields: TC_FIELD_OTHER). Values
 * of secrets are sent so that nobody on the way puts them in a table (RFC 7541, 7.1.3). */
char *tc_hpack_encode(tc_hpack_encoder *e, char *out, tc_span name, tc_span value,
                      enum tc_field_id id);
/* The same without a table: good in any block of any connection. */
char *tc_hpack_encode_fixed(char *out, tc_span name, tc_span value, enum tc_field_id id);
/* Whether a block that was encoded at this mark of the table, and left it so, is still right. */
bool tc_hpack_encoder_stays(const tc_hpack_encoder *e, uint64_t mark);
