/* sandbox.c - see sandbox.h. The C library knows no Landlock, and the headers of older systems not
 * all of it: so numbers and forms of linux/landlock.h stand here. */
// SPDX-License-Identifier: MIT
#include "serve/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 }; /* on every machine */
enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };
enum { SET_MDWE = 65, REFUSE_EXEC_GAIN = 1 }; /* of prctl(2), since Linux 6.3 */

enum {
    EXECUTE = 1 << 0,
    WRITE_FILE = 1 << 1,
    READ_FILE = 1 << 2,
    READ_DIR = 1 << 3,
    REMOVE_DIR = 1 << 4,
    REMOVE_FILE = 1 << 5,
    MAKE_DIR = 1 << 7,
    MAKE_REG = 1 << 8,
    REFER = 1 << 13,
    TRUNCATE = 1 << 14,
    IOCTL_DEV = 1 << 15,
    OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
};

enum { BIND_TCP = 1 << 0, CONNECT_TCP = 1 << 1 };
enum { SCOPE_ABSTRACT_UNIX = 1 << 0, SCOPE_SIGNAL = 1 << 1 };

struct ruleset {
    uint64_t files, network, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

/* What each version of Landlock knows of files: bits below. */
static uint64_t files_known(int abi)
{
    return abi < 2   ? REFER - 1
           : abi < 3 ? TRUNCATE - 1
           : abi < 5 ? IOCTL_DEV - 1
                     : 2 * IOCTL_DEV - 1;
}

/* How much of struct ruleset it knows. */
static size_t ruleset_size(int abi)
{
    return abi < 4   ? offsetof(struct ruleset, network)
           : abi < 6 ? offsetof(struct ruleset, scoped)
                     : sizeof(struct ruleset);
}

tc_err tc_sandbox_begin(tc_sandbox *s, unsigned parts)
{
    *s = (tc_sandbox){.fd = -1};
    const long abi = syscall(CREATE_RULESET, NULL, 0, CREATE_VERSION);
    if (abi <= 0) return TC_OK; /* ENOSYS: not built in; EOPNOTSUPP: turned off */
    s->abi = (int)abi;
    struct ruleset r = {0};
    if (parts & TC_SANDBOX_FILES) {
        r.files = files_known(s->abi);
        r.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
    }
    if (parts & TC_SANDBOX_BIND) r.network |= BIND_TCP;
    if (parts & TC_SANDBOX_CONNECT) r.network |= CONNECT_TCP;
    if (!r.files && (s->abi < 4 || !r.network)) return TC_OK; /* nothing that it could shut off */
    s->fd = (int)syscall(CREATE_RULESET, &r, ruleset_size(s->abi), 0);
    return s->fd < 0 ? TC_ERR_SYSTEM : TC_OK;
}

tc_err tc_sandbox_allow(tc_sandbox *s, const char *path, unsigned rights)
{
    if (s->fd < 0) return TC_OK;
    struct path_beneath rule = {0};
    if (rights & (TC_SANDBOX_READ | TC_SANDBOX_WRITE)) rule.allowed |= READ_FILE | READ_DIR;
    if (rights & (TC_SANDBOX_APPEND | TC_SANDBOX_WRITE)) rule.allowed |= WRITE_FILE | MAKE_REG;
    if (rights & TC_SANDBOX_WRITE)
        rule.allowed |= REMOVE_DIR | REMOVE_FILE | MAKE_DIR | REFER | TRUNCATE;
    rule.allowed &= files_known(s->abi);
    rule.parent = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent < 0) return errno == ENOENT || errno == EACCES ? TC_OK : TC_ERR_SYSTEM;
    struct stat st;
    if (fstat(rule.parent, &st) == 0 && !S_ISDIR(st.st_mode)) rule.allowed &= OF_FILES;
    const long rc = syscall(ADD_RULE, s->fd, RULE_PATH_BENEATH, &rule, 0);
    const int why = errno;
    close(rule.parent);
    errno = why;
    return rc ? TC_ERR_SYSTEM : TC_OK;
}

static tc_err allow_folder(tc_sandbox *s, const char *path, unsigned rights)
{
    char room[PATH_MAX];
    const size_t len = strlen(path);
    if (len >= sizeof room) return TC_OK; /* it cannot be opened either */
    memcpy(room, path, len + 1);
    const char *folder = dirname(room);
    return tc_sandbox_allow(s, strcmp(folder, "/") == 0 ? path : folder, rights);
}

tc_err tc_sandbox_allow_around(tc_sandbox *s, const char *path, unsigned rights)
{
    char real[PATH_MAX];
    tc_err err = allow_folder(s, path, rights);
    if (!err && realpath(path, real)) err = allow_folder(s, real, rights);
    return err;
}

tc_err tc_sandbox_enter(tc_sandbox *s)
{
    (void)prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0); /* where the kernel can */
    if (s->fd < 0) return TC_OK;
    long rc = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!rc) rc = syscall(RESTRICT_SELF, s->fd, 0);
    const int why = errno;
    tc_sandbox_fini(s);
    errno = why;
    return rc ? TC_ERR_SYSTEM : TC_OK;
}

void tc_sandbox_fini(tc_sandbox *s)
{
    if (s->fd >= 0) close(s->fd);
    s->fd = -1;
}
