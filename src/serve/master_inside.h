/* master_inside.h - what the files of the master share. */
// SPDX-License-Identifier: MIT
#pragma once
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "net/notify.h"
#include "serve/master.h"
#include "server/ledger.h"

enum { GENERATIONS = TC_LEDGER_SLOTS, WORDS = 16384, ASKERS = 16, LOG_FILES = 1 };

enum phase { BEGINNING, SERVING, DRAINING };

typedef struct generation {
    pid_t pid; /* 0: there is none here */
    unsigned number;
    enum phase phase;
    int channel;
    int pass;       /* where packets for it go */
    int words;      /* what it says until it serves; -1: read to the end */
    int64_t began;  /* ns */
    int64_t drains; /* since then; ns */
    int slot;       /* in the ledger; -1: none */
    char *said;     /* of that, WORDS at most */
    size_t said_len;
    bool killed; /* by us */
} generation;

typedef struct master {
    const tc_master_settings *settings;
    char program[PATH_MAX];
    struct stat program_was; /* when this process began */
    tc_listeners listeners;
    generation at[GENERATIONS];
    unsigned last_number;
    tc_generation_bounds bounds; /* as the one that serves wants them */
    tc_ledger *ledger;           /* NULL: there was no memory for it */
    int kept[TC_GENERATION_KEPT], new_kept[TC_GENERATION_KEPT];
    size_t kept_count, new_kept_count;
    int texts, new_texts; /* of the configuration that serves, or served last; -1: none */
    char log[PATH_MAX], new_log[PATH_MAX]; /* "": none */
    uint8_t secret[TC_GENERATION_SECRET];
    int64_t secret_made;
    int signals, control;
    int askers[ASKERS], waiting[ASKERS]; /* who asked for the one that begins, and for the next */
    size_t asker_count, waiting_count;
    int silent[ASKERS]; /* who has connected and not said yet what he wants */
    size_t silent_count;
    bool same;  /* one begins in place of one that crashed, with its configuration */
    bool again; /* one more generation is asked for */
    bool quits;
    bool pid_written;
    tc_notify notify;
    unsigned crashes;   /* one after the other */
    int64_t restart_at; /* 0: not */
    int exit_code;
} master;

/* generation.c */
generation *tc_generation_in(master *m, enum phase phase); /* the newest one; NULL: none */
bool tc_generation_full(const master *m);                  /* there may be no more of them now */
void tc_generation_bounded(master *m, tc_generation_bounds bounds);
void tc_generation_ledger(master *m); /* makes one, if there is none yet */
/* Begins one. False: it was said why not. */
bool tc_generation_spawn(master *m);
/* False: it is gone, which waitpid tells, or it hangs, and will hear of its end. */
bool tc_generation_send(generation *g, const tc_message_head *head, const void *more, size_t len,
                        const int fds[], size_t count);
void tc_generation_forget(master *m, generation *g); /* its process is gone */
/* Writes what is inherited into a file in memory; fds: those that are named there. */
int tc_generation_state(master *m, const generation *g, int words, int passed, int fds[],
                        size_t room, size_t *ret_count);
/* upgrade.c: the master itself becomes the new program, if that is another file now. */
void tc_master_upgrade(master *m);
bool tc_master_resume(master *m);                /* after that; false: this is a beginning */
void tc_master_write(const master *m, FILE *to); /* what it resumes with */

/* master_begin.c: once. */
void tc_master_listen(master *m); /* for who asks for reloads; .control -1: it was said why not */
void tc_master_find_program(master *m); /* the file that would be begun next */
/* What systemd opened; the first generation says which of them are wanted. */
void tc_master_take_handed_in(master *m);

/* master_notes.c: what became of a reload (whoever takes the place of one that crashed is none),
 * and of a generation, before it is forgotten. */
void tc_master_note_reload(const master *m, bool good);
void tc_master_note_end(const master *m, const generation *g, int status);
