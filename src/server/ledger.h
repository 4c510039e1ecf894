/* ledger.h - memory that a master and its generations share (serve/generation.h): what each
 * generation has counted, the sums of those that ended, and how full folders are that several write
 * into. Each generation writes a slot of its own, about once a second; nothing is on the path of a
 * request.
 *
 * Counts are words that are added up; which is which, only their layout says. Who has another
 * layout, as another build may, is not in the sums. Nobody here trusts what another one wrote: it
 * may be a wrong number, and no more. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { TC_LEDGER_SLOTS = 32, TC_LEDGER_WORDS = 8192, TC_LEDGER_FOLDERS = 64 };

/* What the master writes. */
typedef struct tc_ledger_notes {
    _Atomic uint64_t reloads, refused; /* that were asked for, and are in force, or not */
    _Atomic uint64_t crashed;          /* generations that ended unasked */
    _Atomic uint64_t made_room;        /* that were ended early (limit generations) */
    _Atomic uint64_t reloaded_at;      /* Unix s: the configuration in force was read */
    _Atomic uint64_t refused_last;     /* 1: that was wanted after it is not in force */
} tc_ledger_notes;

/* Of a folder: what those who write into it have in common. */
typedef struct tc_ledger_folder {
    _Atomic uint64_t users; /* a bit for each slot; 0: nobody's */
    _Atomic uint64_t device, inode;
    _Atomic uint64_t moves;                    /* how often a file was about to come or go */
    _Atomic int64_t used;                      /* bytes of its files, and what is reserved */
    _Atomic uint64_t counted;                  /* the files that were there are in it */
    _Atomic int64_t reserved[TC_LEDGER_SLOTS]; /* of used, by uploads under way */
    _Atomic int32_t moving[TC_LEDGER_SLOTS];   /* files come or go just now */
} tc_ledger_folder;

typedef struct tc_ledger tc_ledger;

tc_err tc_ledger_new(tc_ledger **ret_ledger) TC_MUST_USE;
/* Of a descriptor from tc_ledger_fd, in another process or program; it is the ledger's then.
 * TC_ERR_NOTHING: another build made it otherwise; the descriptor stays the caller's. */
tc_err tc_ledger_open(int fd, tc_ledger **ret_ledger) TC_MUST_USE;
/* Whoever uses it besides, and ends it as well. */
tc_ledger *tc_ledger_ref(tc_ledger *l);
void tc_ledger_free(tc_ledger *l); /* NULL is fine; the memory lives while others have it */
int tc_ledger_fd(const tc_ledger *l);
tc_ledger_notes *tc_ledger_notes_of(tc_ledger *l);

/* --- of the master ------------------------------------------------------------------------- */

int tc_ledger_take(tc_ledger *l); /* a slot; -1: none is free */
/* Its generation is gone: what it published last is added to the sums. These begin anew where their
 * layout is not that of serves, the slot of who serves (-1: nobody). */
void tc_ledger_end(tc_ledger *l, int slot, int serves);

/* --- of a generation ----------------------------------------------------------------------- */

/* From one thread at a time. count: TC_LEDGER_WORDS at most. */
void tc_ledger_publish(tc_ledger *l, int slot, uint64_t layout, const uint64_t *words,
                       size_t count);
/* What the others of this layout have published. *ret_all: with those that ended. Returns how many
 * slots are taken, by whomever. */
unsigned tc_ledger_sum(tc_ledger *l, int but, uint64_t layout, size_t count, uint64_t *ret_all,
                       uint64_t *ret_living);

/* The folder's, which slot uses from now on until its generation is gone. Before that serves: one
 * generation begins at a time. NULL: there is no room for one more. */
tc_ledger_folder *tc_ledger_folder_of(tc_ledger *l, int slot, uint64_t device, uint64_t inode);
