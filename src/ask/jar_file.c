/* jar_file.c - see jar_file.h. The lock is on the file itself; whoever waited for it looks whether
 * it is still the one of that name. */
// SPDX-License-Identifier: MIT
#include "ask/jar_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/clock.h"
#include "run/authority.h"

enum { FILE_BYTES = 64 * 1024 * 1024, PIECE = 65536 };

static tc_err trouble(tc_jar_file *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static tc_err trouble(tc_jar_file *f, const char *format, ...)
{
    va_list arguments;
    const int n = snprintf(f->why, sizeof f->why, "%s: ", f->path);
    va_start(arguments, format);
    if (n >= 0 && (size_t)n < sizeof f->why)
        (void)vsnprintf(f->why + n, sizeof f->why - (size_t)n, format, arguments);
    va_end(arguments);
    return TC_ERR_JAR_FILE;
}

static tc_err trouble_errno(tc_jar_file *f)
{
    char text[96];
    return trouble(f, "%s", strerror_r(errno, text, sizeof text));
}

int tc_jar_file_complain(const tc_jar_file *f, tc_err err)
{
    fprintf(stderr, "tercet: %s%s%s\n", tc_err_sentence(err), f->why[0] ? ": " : "", f->why);
    return tc_err_exit(err);
}

/* --- its name ------------------------------------------------------------------------------ */

static bool is_plain(tc_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.at[i];
        if (!tc_ascii_alpha(c) && !tc_ascii_digit(c) && c != '-' && c != '_' && c != '.')
            return false;
    }
    return name.len && name.len <= TC_JAR_NAME && name.at[0] != '.' &&
           !tc_span_ends(name, TC_SPAN(".part"));
}

tc_err tc_jar_file_name(tc_jar_file *f, const char *name)
{
    tc_authority_files own;
    int n;
    *f = (tc_jar_file){0};
    const tc_span text = tc_span_str(name);
    if (tc_span_find(text, '/') < text.len) {
        n = snprintf(f->path, sizeof f->path, "%s", name);
    } else if (!is_plain(text)) {
        (void)snprintf(f->why, sizeof f->why,
                       "a jar's name has letters, digits, - _ and . (./%s is a file)", name);
        return TC_ERR_JAR_FILE;
    } else if (!tc_authority_names(&own)) {
        (void)snprintf(f->why, sizeof f->why, "neither HOME nor XDG_STATE_HOME says where it is");
        return TC_ERR_JAR_FILE;
    } else {
        f->own_folder = true;
        n = snprintf(f->path, sizeof f->path, "%s/jars/%s", own.folder, name);
    }
    if (n < 0 || (size_t)n >= sizeof f->path || tc_span_ends(text, TC_SPAN("/"))) {
        (void)snprintf(f->why, sizeof f->why, "its name is too long, or a folder's");
        return TC_ERR_JAR_FILE;
    }
    (void)snprintf(f->part, sizeof f->part, "%s.part", f->path);
    return TC_OK;
}

/* --- reading ------------------------------------------------------------------------------- */

static tc_err read_all(tc_jar_file *f, int fd, tc_buf *text)
{
    for (;;) {
        char *room;
        const tc_err err = tc_buf_reserve(text, PIECE, &room);
        if (err == TC_ERR_FULL) return trouble(f, "it is too large for a jar");
        if (err) return err;
        const ssize_t n = read(fd, room, PIECE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return trouble_errno(f);
        if (n == 0) return TC_OK;
        text->len += (size_t)n;
    }
}

static tc_err read_jar(tc_jar_file *f, int fd, tc_jar *jar)
{
    tc_buf text;
    unsigned line = 0;
    struct stat st;
    if (fstat(fd, &st)) return trouble_errno(f);
    if (!S_ISREG(st.st_mode)) return trouble(f, "it is no regular file");
    if (st.st_uid != geteuid()) return trouble(f, "it belongs to somebody else");
    tc_buf_init(&text, FILE_BYTES);
    tc_err err = read_all(f, fd, &text);
    if (!err) err = tc_jar_read(jar, tc_buf_span(&text), tc_clock_wall(), &line);
    if (line == 1)
        err = trouble(f, "it is no jar of tercet (`tercet cookies import` reads cookies.txt)");
    else if (line)
        err = trouble(f, "line %u is damaged", line);
    tc_buf_fini(&text);
    return err;
}

tc_err tc_jar_file_load(tc_jar_file *f, tc_jar *jar)
{
    const int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 && errno == ENOENT) return TC_OK;
    if (fd < 0 && errno == ELOOP) return trouble(f, "it is a symbolic link");
    if (fd < 0) return trouble_errno(f);
    const tc_err err = read_jar(f, fd, jar);
    close(fd);
    return err;
}

/* --- writing ------------------------------------------------------------------------------- */

static bool write_part(const tc_jar_file *f, tc_span text)
{
    (void)unlink(f->part); /* of a process that died */
    const int fd = open(f->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool good = fd >= 0;
    while (good && text.len) {
        const ssize_t n = write(fd, text.at, text.len);
        good = n > 0 || (n < 0 && errno == EINTR);
        if (n > 0) (void)tc_span_take(&text, (size_t)n);
    }
    good = good && TEMP_FAILURE_RETRY(fsync(fd)) == 0;
    if (fd >= 0) close(fd);
    return good;
}

/* So that its new name is not lost, either. */
static void sync_folder(const tc_jar_file *f)
{
    char folder[PATH_MAX];
    size_t n = 0;
    for (size_t i = 0; f->path[i]; i++)
        if (f->path[i] == '/') n = i + 1;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)n, n ? f->path : "");
    const int fd = open(n ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)fsync(fd); /* some file systems cannot */
    close(fd);
}

tc_err tc_jar_file_write(tc_jar_file *f, tc_span text)
{
    if (!write_part(f, text) || rename(f->part, f->path)) {
        const tc_err err = trouble_errno(f);
        (void)unlink(f->part);
        return err;
    }
    sync_folder(f);
    return TC_OK;
}

static bool make_folder(const tc_jar_file *f)
{
    tc_authority_files own;
    char folder[PATH_MAX + 8];
    if (!f->own_folder) return true;
    if (!tc_authority_names(&own) || !tc_authority_folder(&own)) return false;
    (void)snprintf(folder, sizeof folder, "%s/jars", own.folder);
    return mkdir(folder, 0700) == 0 || errno == EEXIST;
}

/* One process at a time. Who had it before may have put another file in its place. */
static int lock(const tc_jar_file *f)
{
    for (;;) {
        struct stat ours, there;
        const int fd =
            open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
        if (fd < 0) return -1;
        int rc;
        while ((rc = flock(fd, LOCK_EX)) != 0 && errno == EINTR) {
        }
        const bool good = rc == 0 && fstat(fd, &ours) == 0;
        if (good && lstat(f->path, &there) == 0 && ours.st_ino == there.st_ino &&
            ours.st_dev == there.st_dev)
            return fd;
        close(fd);
        if (!good) return -1;
    }
}

tc_err tc_jar_file_store(tc_jar_file *f, tc_jar *jar)
{
    if (!jar->changed) return TC_OK;
    if (!make_folder(f)) return trouble_errno(f);
    const int fd = lock(f);
    if (fd < 0) return trouble_errno(f);
    tc_jar fresh;
    tc_buf text;
    tc_jar_init(&fresh, jar->limits, jar->reached);
    tc_buf_init(&text, FILE_BYTES);
    const int64_t now_s = tc_clock_wall();
    tc_err err = read_jar(f, fd, &fresh);
    if (!err) err = tc_jar_merge(jar, &fresh, now_s);
    if (!err) err = tc_jar_write(&fresh, now_s, &text);
    if (!err) err = tc_jar_file_write(f, tc_buf_span(&text));
    tc_buf_fini(&text);
    tc_jar_fini(&fresh);
    close(fd);
    jar->changed = err != TC_OK;
    return err;
}

/* --- of a command -------------------------------------------------------------------------- */

int tc_jar_open(tc_jar_kept *k, const char *name, const tc_limits *limits, tc_reached *reached)
{
    k->open = false;
    if (!name) return 0;
    tc_err err = tc_jar_file_name(&k->file, name);
    if (!err) {
        tc_jar_init(&k->jar, limits, reached);
        err = tc_jar_file_load(&k->file, &k->jar);
        if (err) tc_jar_fini(&k->jar);
    }
    k->open = !err;
    return err ? tc_jar_file_complain(&k->file, err) : 0;
}

int tc_jar_close(tc_jar_kept *k)
{
    if (!k->open) return 0;
    const tc_err err = tc_jar_file_store(&k->file, &k->jar);
    tc_jar_fini(&k->jar);
    k->open = false;
    return err ? tc_jar_file_complain(&k->file, err) : 0;
}
