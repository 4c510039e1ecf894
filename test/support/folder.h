/* folder.h - a folder on disk for one test: made with what the test says, gone afterwards. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

typedef struct folder {
    char path[64];
    int fd; /* the folder */
} folder;

void folder_make(folder *f);
void folder_remove(folder *f); /* with all that is in it */

/* Names are relative and may have folders in them, which are made. */
void folder_write(const folder *f, const char *name, tc_span content);
void folder_replace(const folder *f, const char *name, tc_span content); /* by rename */
void folder_link(const folder *f, const char *name, const char *target); /* symbolic */
/* As if it had been written so long ago. */
void folder_age(const folder *f, const char *name, int seconds);
