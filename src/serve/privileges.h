/* privileges.h - from root to the user that a server is to be, for good. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <sys/types.h>

enum { TC_GROUPS = 64 };

typedef struct tc_privileges {
    const char *user; /* NULL: whoever it is, it stays */
    uid_t uid;
    gid_t gid, groups[TC_GROUPS];
    int group_count;
} tc_privileges;

/* Looks the names up. False: it was said what is wrong. group: NULL is the user's own. */
bool tc_privileges_find(const char *user, const char *group, tc_privileges *ret);
/* For a while: what is opened and made meanwhile is opened and made by that user. False: it was
 * said why not. */
bool tc_privileges_lend(const tc_privileges *p);
bool tc_privileges_return(const tc_privileges *p);
/* All threads; what is open stays open. Whoever is root without a user stays it.
 * False: it was said why not, and nothing may be served. */
bool tc_privileges_drop(const tc_privileges *p);
