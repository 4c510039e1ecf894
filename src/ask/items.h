/* items.h - the words behind `tercet get`: URLs, then fields and content in short.
 *
 *     Name:value   a field            key=value    a string member of a JSON object
 *     Name:        not the default    key:=json    any JSON value as a member
 *     Name;        an empty field     @file        the file as content; @- standard input
 *
 * The first word is a URL. Of the others those are URLs that begin with a scheme and "://", with
 * "/", or with ":" and a digit. In all others the first of ":", "=" and ":=" decides. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "http/field.h"

/* As many as a picture and --json can still be made of. */
enum { TC_ITEMS_URLS = 10000, TC_ITEMS_JSON = 16 * 1024 * 1024 };

typedef struct tc_items {
    tc_span *urls;
    unsigned url_count;
    tc_fields fields;  /* given; Host is not among them */
    tc_fields removed; /* names only */
    tc_span host;      /* Host:value; at NULL: not given */
    const char *file;  /* of @file; NULL: none */
    tc_buf json;       /* the object, whole, where members were given; else empty */
    tc_fields members; /* their keys, as names: a second one is an error */
} tc_items;

/* Whether a word that is not the first one is a URL. */
bool tc_items_is_url(tc_span word);

/* All from the arena, but the object (tc_items_fini). TC_ERR_USAGE: a sentence is in complaint. */
tc_err tc_items_read(tc_items *it, tc_arena *a, int count, char *const *words,
                     tc_buf *complaint) TC_MUST_USE;
void tc_items_fini(tc_items *it);
