/* upload_place.c - see upload_place.h. Each step of a path is resolved by the kernel beneath the
 * root (openat2(2)); names are made, linked and removed in an open folder, never by a path. */
// SPDX-License-Identifier: MIT
#include "files/upload_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "files/file_tag.h"
#include "files/hidden.h"
#include "files/root.h"

enum { NAME_TRIES = 8, LOCK_MS = 10000, LOCK_STEP_MS = 5 };
enum { FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC, FILE_MODE = 0666, FOLDER_MODE = 0777 };

static tc_err err_of(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return TC_ERR_UPLOAD_NO_ROOM;
    case ENOENT: return TC_ERR_UPLOAD_MISSING;
    case EISDIR: return TC_ERR_UPLOAD_FOLDER;
    case ENOTEMPTY:
    case EEXIST: return TC_ERR_UPLOAD_NOT_EMPTY;
    case ENOTDIR:
    case ELOOP: return TC_ERR_UPLOAD_PARENT;
    case EACCES:
    case EPERM:
    case EROFS:
    case EXDEV:
    case ENXIO:
    case EBUSY: return TC_ERR_UPLOAD_FORBIDDEN;
    case ENAMETOOLONG: return TC_ERR_UPLOAD_NAME;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return TC_ERR_UPLOAD_BUSY;
    default: return TC_ERR_UPLOAD_IO;
    }
}

/* --- beneath the root ---------------------------------------------------------------------- */

static int sync_file(int fd)
{
    int n;
    do
        n = fsync(fd);
    while (n && errno == EINTR);
    return n;
}

/* Makes the folder at path, whose parent is there; it may have been made meanwhile. */
static tc_err make_folder(int root, char *path)
{
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
    const int parent = tc_root_open_at(root, slash ? path : "", FOLDER_FLAGS);
    const int number = errno;
    if (slash) *slash = '/';
    if (parent < 0) return err_of(number);
    tc_err err = TC_OK;
    if (mkdirat(parent, slash ? slash + 1 : path, FOLDER_MODE)) {
        if (errno != EEXIST) err = err_of(errno);
    } else if (sync_file(parent)) {
        err = err_of(errno);
    }
    close(parent);
    return err;
}

/* The folder at path, and its parents, are made where they are missing. */
static tc_err make_folders(int root, char *path)
{
    for (char *end = path; *end;) {
        end += strcspn(end, "/");
        const char kept = *end;
        *end = '\0';
        const int fd = tc_root_open_at(root, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        tc_err err = fd < 0 && errno != ENOENT ? err_of(errno) : TC_OK;
        if (fd >= 0)
            close(fd);
        else if (!err)
            err = make_folder(root, path);
        *end = kept;
        if (err) return err;
        end += kept == '/';
    }
    return TC_OK;
}

static tc_err open_folder(tc_place *p, bool make)
{
    char *slash = strrchr(p->path, '/');
    tc_err err = TC_OK;
    if (slash) *slash = '\0';
    const char *path = slash ? p->path : "";
    p->folder = tc_root_open_at(p->root, path, FOLDER_FLAGS);
    if (p->folder < 0) err = err_of(errno);
    if (err == TC_ERR_UPLOAD_MISSING && make) {
        err = make_folders(p->root, p->path);
        if (!err) p->folder = tc_root_open_at(p->root, path, FOLDER_FLAGS);
        if (!err && p->folder < 0) err = err_of(errno);
    }
    if (slash) *slash = '/';
    return err;
}

tc_err tc_place_init(tc_place *p, int root, tc_span path, bool folder)
{
    p->root = p->folder = p->file = -1;
    p->linked = p->taken = p->named_only = false;
    p->written = 0;
    while (folder && path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    if (path.len < 2 || path.at[path.len - 1] == '/') return TC_ERR_UPLOAD_FOLDER;
    if (path.len > sizeof p->path) return TC_ERR_UPLOAD_NAME;
    memcpy(p->path, path.at + 1, path.len - 1);
    p->path[path.len - 1] = '\0';
    char *slash = strrchr(p->path, '/');
    p->name = slash ? slash + 1 : p->path;
    p->root = fcntl(root, F_DUPFD_CLOEXEC, 3);
    return p->root < 0 ? TC_ERR_UPLOAD_BUSY : TC_OK;
}

static void close_it(int *fd)
{
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

void tc_place_fini(tc_place *p)
{
    if (p->linked) (void)unlinkat(p->folder, p->temporary, 0); /* else the next sweep has it */
    p->linked = false;
    close_it(&p->file);
    close_it(&p->folder);
    close_it(&p->root);
}

/* --- what is written into ------------------------------------------------------------------ */

static void make_temporary_name(tc_place *p)
{
    uint64_t chance;
    tc_random_bytes(&chance, sizeof chance);
    (void)snprintf(p->temporary, sizeof p->temporary, TC_UPLOAD_PREFIX "%016llx",
                   (unsigned long long)chance);
}

/* A sweep may take it between the two calls, which shows in its number of names. */
static bool lock_it(int fd)
{
    struct stat st;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static tc_err open_named(tc_place *p)
{
    for (int i = 0; i < NAME_TRIES; i++) {
        make_temporary_name(p);
        p->file = openat(p->folder, p->temporary,
                         O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (p->file < 0 && (errno == EEXIST || errno == EINTR)) continue;
        if (p->file < 0) return err_of(errno);
        if (lock_it(p->file)) {
            p->linked = true;
            return TC_OK;
        }
        (void)unlinkat(p->folder, p->temporary, 0); /* a sweep has it already, or will */
        close_it(&p->file);
    }
    return TC_ERR_UPLOAD_IO;
}

static void name_of_descriptor(int fd, char name[32])
{
    (void)snprintf(name, 32, "/proc/self/fd/%d", fd);
}

/* Not every file system knows files without a name, and a name is given by way of /proc. */
static tc_err open_unnamed(tc_place *p)
{
    char name[32];
    p->file =
        (int)TEMP_FAILURE_RETRY(openat(p->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, FILE_MODE));
    if (p->file < 0)
        return errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL
                   ? TC_ERR_NOT_SUPPORTED
                   : err_of(errno);
    name_of_descriptor(p->file, name);
    if (flock(p->file, LOCK_EX | LOCK_NB) == 0 && faccessat(AT_FDCWD, name, F_OK, 0) == 0)
        return TC_OK;
    close_it(&p->file);
    return TC_ERR_NOT_SUPPORTED;
}

tc_err tc_place_open(tc_place *p, tc_place_now *ret_now)
{
    struct stat st;
    tc_err err = open_folder(p, true);
    if (err) return err;
    const bool exists = fstatat(p->folder, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!exists && errno != ENOENT) return err_of(errno);
    if (exists && S_ISDIR(st.st_mode)) return TC_ERR_UPLOAD_FOLDER;
    if (exists && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) return TC_ERR_UPLOAD_FORBIDDEN;
    *ret_now = (tc_place_now){exists, exists ? (uint64_t)st.st_size : 0};
    err = p->named_only ? TC_ERR_NOT_SUPPORTED : open_unnamed(p);
    return err == TC_ERR_NOT_SUPPORTED ? open_named(p) : err;
}

tc_err tc_place_write(tc_place *p, tc_span bytes)
{
    while (bytes.len) {
        const ssize_t n = write(p->file, bytes.at, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_of(errno);
        if (n == 0) return TC_ERR_UPLOAD_IO;
        (void)tc_span_take(&bytes, (size_t)n);
        p->written += (uint64_t)n;
    }
    return TC_OK;
}

/* --- conditions ---------------------------------------------------------------------------- */

static int64_t ns(struct timespec t)
{
    return t.tv_sec * TC_S + t.tv_nsec;
}

static size_t file_tag(char tag[TC_FILE_TAG], const struct stat *st, const char *bytes)
{
    return tc_file_tag(tag, (uint64_t)st->st_size, ns(st->st_mtim), ns(st->st_ctim), st->st_ino,
                       bytes);
}

/* What GET would say of the file. at most small bytes are read; 0: none could be told. */
static size_t tag_of(int fd, const struct stat *st, uint64_t small, char tag[TC_FILE_TAG])
{
    if ((uint64_t)st->st_size > small) return file_tag(tag, st, NULL);
    const size_t size = (size_t)st->st_size;
    char *bytes = tc_alloc(size ? size : 1);
    size_t have = 0;
    while (bytes && have < size) {
        const ssize_t n = pread(fd, bytes + have, size - have, (off_t)have);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        have += (size_t)n;
    }
    const size_t len = bytes && have == size ? file_tag(tag, st, bytes) : 0;
    tc_free(bytes);
    return len;
}

tc_err tc_place_judge(tc_place *p, const tc_message *conditions, uint64_t small)
{
    char tag[TC_FILE_TAG];
    struct stat st;
    tc_validators now = {.modified = -1};
    if (!tc_conditional(&conditions->fields)) return TC_OK;
    const int fd = tc_root_open_at(p->root, p->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != EXDEV && errno != ELOOP) return err_of(errno);
    if (fd >= 0 && fstat(fd, &st)) {
        close(fd);
        return TC_ERR_UPLOAD_IO;
    }
    now.exists = fd >= 0;
    if (now.exists && S_ISREG(st.st_mode)) {
        now.modified = st.st_mtim.tv_sec;
        now.etag = tc_span_of(tag, tag_of(fd, &st, small, tag));
    }
    if (fd >= 0) close(fd);
    return tc_precondition(conditions, &now, tc_clock_wall()) == TC_GO_ON ? TC_OK
                                                                          : TC_ERR_UPLOAD_CONDITION;
}

/* Others hold it for moments; who holds it for long is none of ours. */
static tc_err lock_folder(const tc_place *p)
{
    const struct timespec step = {.tv_nsec = LOCK_STEP_MS * TC_MS};
    for (int waited = 0; flock(p->folder, LOCK_EX | LOCK_NB); waited += LOCK_STEP_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR) return err_of(errno);
        if (waited >= LOCK_MS) return TC_ERR_UPLOAD_BUSY;
        (void)nanosleep(&step, NULL); /* a shorter one is fine */
    }
    return TC_OK;
}

static void unlock_folder(const tc_place *p)
{
    (void)flock(p->folder, LOCK_UN); /* it ends with the descriptor in any case */
}

/* --- the last step ------------------------------------------------------------------------- */

static tc_err give_temporary_name(tc_place *p)
{
    char name[32];
    if (p->linked) return TC_OK;
    name_of_descriptor(p->file, name);
    for (int i = 0; i < NAME_TRIES; i++) {
        make_temporary_name(p);
        if (linkat(AT_FDCWD, name, p->folder, p->temporary, AT_SYMLINK_FOLLOW) == 0) {
            p->linked = true;
            return TC_OK;
        }
        if (errno != EEXIST && errno != EINTR) return err_of(errno);
    }
    return TC_ERR_UPLOAD_IO;
}

/* Under the lock. What is replaced keeps its permissions. */
static tc_err take_name(tc_place *p, const tc_message *conditions, uint64_t small,
                        tc_place_now *ret_before)
{
    struct stat st;
    tc_err err = tc_place_judge(p, conditions, small);
    if (err) return err;
    const bool exists = fstatat(p->folder, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (!exists && errno != ENOENT) return err_of(errno);
    if (exists && S_ISREG(st.st_mode)) (void)fchmod(p->file, st.st_mode & 0777);
    err = give_temporary_name(p);
    if (err) return err;
    if (renameat(p->folder, p->temporary, p->folder, p->name)) return err_of(errno);
    p->linked = false;
    p->taken = true;
    *ret_before = (tc_place_now){exists, exists ? (uint64_t)st.st_size : 0};
    return TC_OK;
}

tc_err tc_place_finish(tc_place *p, const tc_message *conditions, uint64_t small,
                       tc_place_now *ret_before, char tag[], size_t *ret_tag)
{
    struct stat st;
    if (sync_file(p->file)) return err_of(errno);
    tc_err err = lock_folder(p);
    if (err) return err;
    err = take_name(p, conditions, small, ret_before);
    if (!err) *ret_tag = fstat(p->file, &st) ? 0 : tag_of(p->file, &st, small, tag);
    unlock_folder(p);
    if (!err && sync_file(p->folder)) err = err_of(errno);
    return err;
}

tc_err tc_place_remove(tc_place *p, const tc_message *conditions, uint64_t small,
                       tc_place_now *ret_before)
{
    struct stat st;
    tc_err err = open_folder(p, false);
    if (!err) err = lock_folder(p);
    if (err) return err;
    if (fstatat(p->folder, p->name, &st, AT_SYMLINK_NOFOLLOW)) err = err_of(errno);
    if (!err) err = tc_place_judge(p, conditions, small);
    if (!err && unlinkat(p->folder, p->name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0))
        err = err_of(errno);
    unlock_folder(p);
    if (err) return err;
    p->taken = true;
    *ret_before = (tc_place_now){true, S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0};
    return sync_file(p->folder) ? err_of(errno) : TC_OK;
}
