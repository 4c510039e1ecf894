/* field.h - fields (RFC 9110, 5): names from tables/field.def, and lists of them.
 *
 * Names are lower case everywhere above an engine. A list belongs to an arena; its spans may point
 * there or at constants. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"

enum tc_field_id {
    TC_FIELD_OTHER, /* a name that is not in the table */
#define TC_FIELD(id, name, spelling, flags) TC_FIELD_##id,
#include "field.def"
#undef TC_FIELD
    TC_FIELD_COUNT
};
_Static_assert(TC_FIELD_COUNT <= 64, "known names fit the bits of tc_fields.present");

enum {
    TC_FIELD_HOP = 1,
    TC_FIELD_SINGLE = 2,
    TC_FIELD_LIST = 4,
    TC_FIELD_NO_TRAIL = 8,
    TC_FIELD_SECRET = 16
};

enum tc_field_id tc_field_id_of(tc_span lower_case_name);
tc_span tc_field_name(enum tc_field_id id);     /* "etag" */
tc_span tc_field_spelling(enum tc_field_id id); /* "ETag": as people write it */
/* A name that is not in the table, each word capitalised: name.len bytes at at. */
void tc_field_spell(char *at, tc_span name);
unsigned tc_field_flags(enum tc_field_id id);

typedef struct tc_field {
    tc_span name, value;
    enum tc_field_id id;
} tc_field;

typedef struct tc_fields {
    tc_field *at;
    uint32_t count, room;
    uint64_t present; /* bit i: a field with id i is in the list */
} tc_fields;

/* As people write the name of f: a constant, or made in room; as it is where room is too small. */
tc_span tc_field_spelt(const tc_field *f, char *room, size_t size);

static inline bool tc_fields_has(const tc_fields *f, enum tc_field_id id)
{
    return f->present >> id & 1;
}

/* Byte classes of the grammar. */
extern const char tc_token_lower[256]; /* a token's byte in lower case, or 0 (RFC 9110, 5.6.2) */
bool tc_is_token(tc_span s);
bool tc_is_lower_token(tc_span s); /* as HTTP/2 and 3 write names */
bool tc_is_field_value(tc_span s); /* no controls but HTAB, no blanks at the ends */

/* Adds to the end without checking or copying: name is lower case, both outlive the arena. */
tc_err tc_fields_push(tc_fields *f, tc_arena *a, tc_field field) TC_MUST_USE;
/* Checks both, lowers and copies them. TC_ERR_FIELD_INVALID, TC_ERR_NO_MEMORY. */
tc_err tc_fields_add(tc_fields *f, tc_arena *a, tc_span name, tc_span value) TC_MUST_USE;
/* Adds a known name with a value that is ours and lives as long as the arena. */
tc_err tc_fields_set(tc_fields *f, tc_arena *a, enum tc_field_id id, tc_span value) TC_MUST_USE;
/* Removes every field of that name. */
void tc_fields_remove(tc_fields *f, tc_span lower_case_name);

/* The first one's value; false, and *ret_value untouched, where there is none. */
bool tc_fields_get(const tc_fields *f, enum tc_field_id id, tc_span *ret_value);
bool tc_fields_find(const tc_fields *f, tc_span lower_case_name, tc_span *ret_value);
uint32_t tc_fields_times(const tc_fields *f, enum tc_field_id id);
/* The next one with that id: start with *cursor = 0. */
bool tc_fields_next(const tc_fields *f, enum tc_field_id id, uint32_t *cursor, tc_span *ret_value);
