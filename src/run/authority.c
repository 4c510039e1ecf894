/* authority.c - see authority.h. A file is written under another name first, so that another
 * process never reads a part of it; a lock on the folder keeps two of them from making two
 * authorities. */
// SPDX-License-Identifier: MIT
#include "run/authority.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static tc_err trouble(tc_err err, const char *file, char *why, size_t size)
{
    (void)snprintf(why, size, "%s: %s", file, strerror(errno));
    return err;
}

static bool join(char into[PATH_MAX], const char *folder, const char *name)
{
    const int n = snprintf(into, PATH_MAX, "%s/%s", folder, name);
    return n > 0 && n < PATH_MAX;
}

bool tc_authority_names(tc_authority_files *f)
{
    char home[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME"), *own = getenv("HOME");
    *f = (tc_authority_files){0};
    if (state && state[0] == '/') {
        if (!join(home, state, "tercet")) return false;
    } else if (!own || own[0] != '/' || !join(home, own, ".local/state/tercet")) {
        return false;
    }
    (void)snprintf(f->folder, sizeof f->folder, "%s", home);
    return join(f->authority, home, "authority.pem") &&
           join(f->authority_key, home, "authority.key") &&
           join(f->certificate, home, "localhost.pem") &&
           join(f->certificate_key, home, "localhost.key");
}

static tc_err make_folders(const char *folder, char *why, size_t size)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s", folder);
    for (char *at = path + 1;; at++) {
        if (*at != '/' && *at) continue;
        const char was = *at;
        *at = 0;
        if (mkdir(path, 0700) && errno != EEXIST)
            return trouble(TC_ERR_WRITE_FILE, path, why, size);
        if (!was) return TC_OK;
        *at = was;
    }
}

bool tc_authority_folder(const tc_authority_files *f)
{
    char why[PATH_MAX + 256];
    return make_folders(f->folder, why, sizeof why) == TC_OK;
}

/* An empty buffer where there is no such file. */
static tc_err read_file(const char *file, tc_buf *into)
{
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    char *room;
    ssize_t n = 0;
    if (fd < 0) return errno == ENOENT ? TC_OK : TC_ERR_READ_FILE;
    tc_err err = tc_buf_reserve(into, TC_AUTHORITY_PEM / 2, &room);
    if (!err) n = read(fd, room, TC_AUTHORITY_PEM / 2);
    if (n > 0) into->len += (size_t)n;
    close(fd);
    return n < 0 ? TC_ERR_READ_FILE : err;
}

static tc_err write_file(const char *file, tc_span text, char *why, size_t size)
{
    char part[PATH_MAX + 8];
    (void)snprintf(part, sizeof part, "%s.part", file);
    (void)unlink(part); /* of a process that died */
    const int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return trouble(TC_ERR_WRITE_FILE, part, why, size);
    const bool good = TEMP_FAILURE_RETRY(write(fd, text.at, text.len)) == (ssize_t)text.len &&
                      TEMP_FAILURE_RETRY(fsync(fd)) == 0;
    tc_err err = good ? TC_OK : trouble(TC_ERR_WRITE_FILE, part, why, size);
    close(fd);
    if (!err && rename(part, file)) err = trouble(TC_ERR_WRITE_FILE, file, why, size);
    return err;
}

/* The key goes first: a certificate is never there without it. */
static tc_err write_pair(const char *certificate_file, const char *key_file,
                         const tc_buf *certificate, const tc_buf *key, char *why, size_t size)
{
    tc_err err = write_file(key_file, tc_buf_span(key), why, size);
    if (!err) err = write_file(certificate_file, tc_buf_span(certificate), why, size);
    return err;
}

/* Four texts, wiped when they go: two of them are keys. */
typedef struct texts {
    tc_buf authority, authority_key, certificate, certificate_key;
} texts;

static void wipe(tc_buf *b)
{
    if (b->at) explicit_bzero(b->at, b->len);
    tc_buf_fini(b);
}

static tc_err ensure_authority(tc_authority_files *f, texts *t, const char *machine, char *why,
                               size_t size)
{
    tc_err err = read_file(f->authority, &t->authority);
    if (!err) err = read_file(f->authority_key, &t->authority_key);
    if (err) return trouble(err, f->authority, why, size);
    if (!t->authority.len || !t->authority_key.len) {
        char owner[128];
        const struct passwd *user = getpwuid(getuid());
        (void)snprintf(owner, sizeof owner, "%s@%s", user ? user->pw_name : "somebody", machine);
        tc_buf_reset(&t->authority);
        tc_buf_reset(&t->authority_key);
        err = tc_authority_make(owner, tc_clock_wall(), &t->authority, &t->authority_key);
        if (!err)
            err = write_pair(f->authority, f->authority_key, &t->authority, &t->authority_key, why,
                             size);
        f->made = !err;
    }
    if (!err && !tc_authority_fingerprint(tc_buf_span(&t->authority), f->fingerprint)) {
        (void)snprintf(why, size, "%s is damaged: remove it, and a new one is made", f->authority);
        err = TC_ERR_OWN_CERT;
    }
    return err;
}

static tc_err ensure_certificate(const tc_authority_files *f, texts *t, const char *machine,
                                 char *why, size_t size)
{
    const tc_span names[] = {tc_span_str(machine)};
    const tc_span authority = tc_buf_span(&t->authority);
    tc_err err = read_file(f->certificate, &t->certificate);
    if (err) return trouble(err, f->certificate, why, size);
    if (access(f->certificate_key, R_OK) == 0 &&
        tc_authority_covers(authority, tc_buf_span(&t->certificate), names, 1, tc_clock_wall()))
        return TC_OK;
    tc_buf_reset(&t->certificate);
    err = tc_authority_certify(authority, tc_buf_span(&t->authority_key), names, 1, tc_clock_wall(),
                               &t->certificate, &t->certificate_key);
    if (err) {
        (void)snprintf(why, size, "%s and its key do not belong together", f->authority);
        return err;
    }
    return write_pair(f->certificate, f->certificate_key, &t->certificate, &t->certificate_key, why,
                      size);
}

tc_err tc_authority_ensure(tc_authority_files *f, char *why, size_t why_size)
{
    char machine[256] = "";
    texts t;
    why[0] = 0;
    if (!tc_authority_names(f)) {
        (void)snprintf(why, why_size, "neither XDG_STATE_HOME nor HOME names a folder");
        return TC_ERR_WRITE_FILE;
    }
    tc_err err = make_folders(f->folder, why, why_size);
    if (err) return err;
    const int lock = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock >= 0) (void)flock(lock, LOCK_EX); /* where it cannot, two may race: both are good */
    if (gethostname(machine, sizeof machine - 1)) machine[0] = 0;
    tc_buf_init(&t.authority, TC_AUTHORITY_PEM);
    tc_buf_init(&t.authority_key, TC_AUTHORITY_PEM);
    tc_buf_init(&t.certificate, TC_AUTHORITY_PEM);
    tc_buf_init(&t.certificate_key, TC_AUTHORITY_PEM);
    err = ensure_authority(f, &t, machine, why, why_size);
    if (!err) err = ensure_certificate(f, &t, machine, why, why_size);
    wipe(&t.authority);
    wipe(&t.authority_key);
    wipe(&t.certificate);
    wipe(&t.certificate_key);
    if (lock >= 0) close(lock);
    return err;
}
