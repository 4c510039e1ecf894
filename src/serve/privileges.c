/* privileges.c - see privileges.h. */
// SPDX-License-Identifier: MIT
#include "serve/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static bool fail(const char *what, const char *name, const char *why)
{
    fprintf(stderr, "tercet: %s %s: %s\n", what, name, why);
    return false;
}

bool tc_privileges_find(const char *name, const char *group_name, tc_privileges *ret)
{
    *ret = (tc_privileges){.user = name, .group_count = TC_GROUPS};
    if (!name) return true;
    if (geteuid()) return fail("user", name, "only root can become another user");
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user) return fail("user", name, errno ? strerror(errno) : "there is no such user");
    ret->uid = user->pw_uid;
    ret->gid = user->pw_gid;
    errno = 0;
    const struct group *group = group_name ? getgrnam(group_name) : NULL;
    if (group_name && !group)
        return fail("group", group_name, errno ? strerror(errno) : "there is no such group");
    if (group) ret->gid = group->gr_gid;
    if (getgrouplist(name, ret->gid, ret->groups, &ret->group_count) < 0)
        return fail("user", name, "it is in too many groups");
    return true;
}

bool tc_privileges_lend(const tc_privileges *p)
{
    if (!p->user) return true;
    return (setgroups((size_t)p->group_count, p->groups) == 0 && setegid(p->gid) == 0 &&
            seteuid(p->uid) == 0) ||
           fail("user", p->user, strerror(errno));
}

/* Root's other groups are of no use to whoever may do all, and are soon gone for good. */
bool tc_privileges_return(const tc_privileges *p)
{
    if (!p->user) return true;
    return (seteuid(0) == 0 && setegid(0) == 0 && setgroups(0, NULL) == 0) ||
           fail("user", p->user, strerror(errno));
}

/* It worked, and there is no way back. */
static bool is_for_good(const tc_privileges *p)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    if (getresuid(&r, &e, &s) || getresgid(&rg, &eg, &sg)) return false;
    if (r != p->uid || e != p->uid || s != p->uid || rg != p->gid || eg != p->gid || sg != p->gid)
        return false;
    return p->uid == 0 || (setuid(0) != 0 && seteuid(0) != 0);
}

bool tc_privileges_drop(const tc_privileges *p)
{
    if (!p->user) return true;
    if (setgroups((size_t)p->group_count, p->groups) || setresgid(p->gid, p->gid, p->gid) ||
        setresuid(p->uid, p->uid, p->uid) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fail("user", p->user, strerror(errno));
    return is_for_good(p) || fail("user", p->user, "root could be had again");
}
