/* config.h - a configuration: blocks that lie in one another, and what was given in each, with the
 * place where it stands, so that every fault can be said by file and line.
 *
 * First everything is read (tc_config_read, tc_config_give), then tc_config_resolve makes of it
 * what is in force: a block has what it was given itself, else what holds in the block around it.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/limits.h"
#include "base/map.h"
#include "config/settings.h"

/* One value as it was given. */
typedef struct tc_given {
    const tc_setting_row *row; /* NULL: a line of limits { } */
    const tc_limit_row *limit;
    const char *value; /* NULL: a list without any */
    const char *file;  /* NULL: the command line */
    unsigned line;
    struct tc_given *next;
} tc_given;

/* What its files are answered with (content.h). */
typedef struct tc_section_content {
    tc_span fallback;
    const struct tc_caching_rule *caching;
    const struct tc_error_file *error_files;
    size_t caching_count, error_file_count;
} tc_section_content;

typedef struct tc_section {
    enum tc_scope scope;
    const char *title; /* of a site or route, as written */
    const char *file;  /* NULL: the top of a configuration without one */
    unsigned line;     /* of the first that is given in it, or of its end */
    tc_given *given, **given_end;
    struct tc_section *parent, *first, **last, *next; /* next: its sibling */

    /* when resolved */
    tc_settings settings;
    const tc_limits *limits;
    const struct tc_upload_config *uploads;    /* NULL: nothing may be written (methods.h) */
    const struct tc_cors *cors;                /* NULL: pages of other origins are told nothing */
    const struct tc_asking *asking;            /* NULL: nobody is asked who he is (asking.h) */
    uint64_t collections;                      /* a bit for each that it has (collections.h) */
    const struct tc_variants_config *variants; /* variants.h */
    tc_section_content content;
} tc_section;

enum { TC_CONFIG_FAULTS = 20 }; /* that are told; the rest is counted */

typedef struct tc_config {
    tc_arena arena;
    tc_section top;
    const char *file;                 /* as given; NULL: none */
    int kept, texts;                  /* tc_config_read; 0: not so */
    struct tc_tunnel_config *tunnels; /* when resolved (tunnels.h); NULL: none are made */
    unsigned sections;                /* all of them but the top */
    tc_buf faults;                    /* a line each */
    unsigned fault_count;
    struct tc_config_writer *writers; /* folders that are written into (uploads.h) */
    struct tc_rate_home *rate_home;   /* of all rates; NULL: there are none */
    bool by_option;                   /* one of them is about the command line */
    bool no_memory;
} tc_config;

void tc_config_init(tc_config *c);
void tc_config_fini(tc_config *c);

/* Reads a file and those that it includes. What is wrong is a fault. Once. Where c->kept is a file
 * in memory (texts.h), the texts are added to it as they were read; where c->texts is one, they are
 * read from it, and none on disk is. */
void tc_config_read(tc_config *c, const char *file);
/* A value for the whole server from the command line, which goes before those of the file. The
 * value is borrowed. */
void tc_config_give(tc_config *c, const tc_setting_row *row, const char *value);
/* "name=value" likewise: --set. */
void tc_config_set(tc_config *c, const char *assignment);

void tc_config_resolve(tc_config *c);

/* Writes down that something is wrong with the setting of this name in a block: where it was given,
 * and with which value (NULL: whichever it has), then the sentence. */
void tc_config_fault(tc_config *c, const tc_section *where, const char *name, const char *value,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));
/* ... with the block itself. */
void tc_config_fault_at(tc_config *c, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether it was given in this very block, when resolved; of a flag, turned on. */
bool tc_section_has(const tc_section *s, const char *name);

/* ... by the file, and not by the command line: what that says is seen soon enough. */
bool tc_section_by_file(const tc_section *s, const char *name);

/* Whether requests find it: what stands around sites is none itself, where it has no routes. */
bool tc_section_served(const tc_section *s);

/* All blocks, each before those inside it: start with &c->top; NULL at the end. */
tc_section *tc_section_next(const tc_section *s);

/* --- for the reader --- */

/* A block, which lies in none yet. NULL without memory. */
tc_section *tc_section_new(tc_config *c, enum tc_scope scope, const char *title);
void tc_section_adopt(tc_section *parent, tc_section *child); /* as its last */
/* Adds to what is given in a block. Takes copies. Except in lists, twice is a fault. */
void tc_section_give(tc_config *c, tc_section *s, const tc_given *given);
