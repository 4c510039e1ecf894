/* variants.h - the representations of one path: page.html in several languages (page.en.html,
 * page.de.html), each as it is and in content codings: beside it in a file of its own
 * (page.html.br), or made of it (coded.h). RFC 9110, 12. */
// SPDX-License-Identifier: MIT
#pragma once
#include "files/cache.h"
#include "http/coding.h"
#include "http/language.h"

enum { TC_LANGUAGES_MAX = 16, TC_COMPRESS_TYPES_MAX = 32, TC_COMPRESS_LEAST = 1024 };

/* What is set of a route. */
typedef struct tc_variants_config {
    tc_span languages[TC_LANGUAGES_MAX]; /* that are looked for; the first one there is the usual */
    uint8_t language_count;
    bool precompressed;                   /* whether files beside are looked for */
    uint8_t compress;                     /* bits 1 << coding of what is made */
    uint8_t order[TC_CODINGS_MADE];       /* of codings that a client likes equally */
    tc_span types[TC_COMPRESS_TYPES_MAX]; /* media types that are worth it; any subtype: "*" */
    uint8_t type_count;                   /* 0: a list of ours */
    uint64_t least;                       /* bytes of a file from where on it is worth it */
} tc_variants_config;

/* Nothing is negotiated; the order is br, zstd, gzip. */
void tc_variants_config_init(tc_variants_config *v);
/* Whether anything is, so that a route needs this. */
bool tc_variants_config_used(const tc_variants_config *v);

/* These read what stands in settings. NULL: it is good; else what is wrong with it, in words that
 * can stand behind it. Texts outlive the config. */
const char *tc_variants_add_language(tc_variants_config *v, tc_span tag);
/* Codings are made in the order in which they are added; "off": none. */
const char *tc_variants_add_coding(tc_variants_config *v, tc_span name);
const char *tc_variants_add_type(tc_variants_config *v, tc_span pattern);

/* One language of a path. */
struct tc_variant_row {
    tc_file *of[TC_CODINGS]; /* NULL: not there, or not made yet */
    int8_t language;         /* its number in the config; -1: the path itself */
    uint8_t there;           /* bits of codings that stand beside it */
    uint8_t makes;           /* ... of those that can be made */
};

/* An entry's: rows[0].of[IDENTITY] is the entry itself. */
struct tc_variants {
    struct tc_variant_row *rows;
    tc_span *tags; /* of the rows; empty: of no language */
    size_t count;
    uint32_t mask; /* which languages there are: bit 0 the path itself, then theirs */
    bool choice;   /* there is something to choose */
};

/* The last answers of the lookup: clients say the same again and again. Begins zeroed. */
enum { TC_LANGUAGE_MEMO_BYTES = 96, TC_LANGUAGE_MEMO_PLACES = 4 };
struct tc_language_memo {
    struct {
        const struct tc_files_config *config; /* NULL: not in use */
        uint32_t mask;
        uint8_t len, row;
        char text[TC_LANGUAGE_MEMO_BYTES];
    } places[TC_LANGUAGE_MEMO_PLACES];
    uint8_t next;
};

/* What is to be sent: the one of that row in that coding. */
typedef struct tc_variant_choice {
    struct tc_variant_row *row;
    enum tc_coding coding; /* NONE: none that is acceptable */
} tc_variant_choice;

/* f is an entry with variants. Where nothing else will do, also what would not be worth it is made.
 */
tc_variant_choice tc_variant_choose(tc_file *f, const tc_fields *request);

/* The language that a request would rather have, as it is; f itself where nothing is looked for. */
tc_file *tc_variant_spoken(tc_file *f, const tc_fields *request);
/* Its path in the folder; empty: the one that f was asked for by. */
tc_span tc_variant_path(tc_file *f, const tc_fields *request, char room[TC_PATH_BYTES]);
/* Bits of the codings in which a row is there, or could be made. */
unsigned tc_variant_codings(const struct tc_variant_row *row);

/* --- for the cache ------------------------------------------------------------------------- */

/* What stands for a path: the file itself, or in the first of the languages that there is. */
enum tc_file_answer tc_variants_look(tc_folder *folder, tc_span path, tc_sight *ret_sight);
/* Finds what else there is besides f, which was seen at language. Says of f and of them what they
 * are, but describes none. */
tc_err tc_variants_find(tc_file *f, int language, int64_t now);
/* Whether what is there is what was found. */
bool tc_variants_same(const tc_file *f, int language);
/* Lets go of all but f. */
void tc_variants_drop(tc_file *f);
