/* variants_case.h - a folder of files that is served in languages and codings, and a handler that
 * is asked directly: for the suites of both. */
// SPDX-License-Identifier: MIT
#pragma once
#include "files/files.h"
#include "files/variants.h"
#include "support/check.h"
#include "support/folder.h"

enum { SMALL = 4000, LARGE = 200000 };

typedef struct variants_case {
    folder root;
    tc_limits limits;
    tc_reached reached;
    tc_file_cache cache;
    tc_variants_config variants;
    tc_files_config config;
    tc_files files;
    tc_loop *loop;
    tc_exchange *x; /* the last one */
    char text[LARGE + 1];
} variants_case;

extern variants_case vc;

int vc_begin(void **state);
int vc_end(void **state);
void vc_start(void); /* with the configuration as it is now */
void vc_stop(void);  /* nothing may be left */
/* NULL: fewer. */
void vc_add_codings(const char *a, const char *b, const char *c);
void vc_write_old(const char *name, tc_span content);
void vc_let_settle(void);
tc_err vc_begin_ask(enum tc_method method, const char *path, const char *field_lines);
void vc_until_answered(tc_exchange *one);
void vc_done_with(tc_exchange *one); /* NULL: nothing */
unsigned vc_ask(enum tc_method method, const char *path, const char *field_lines); /* the status */
unsigned vc_get(const char *path, const char *field_lines);
const char *vc_field(enum tc_field_id id); /* of the answer; "": it has none */
tc_span vc_body(void);
tc_span vc_decoded(void); /* by what Content-Encoding says */
void vc_check_text(const char *coding, size_t size);

#define TEST(name) cmocka_unit_test_setup_teardown(name, vc_begin, vc_end)
