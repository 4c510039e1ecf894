/* cut_vfs.c - see cut_vfs.h. Stands over the real one; beside each database and log it keeps what
 * is on the disk for certain, and what was written since. */
// SPDX-License-Identifier: MIT
#include "support/cut_vfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

enum { DISKS = 16, SECTOR = 512 };

/* One write (or, data NULL, one truncation to at). */
typedef struct unsynced {
    struct unsynced *next;
    sqlite3_int64 at;
    int len;
    char *data;
} unsynced;

typedef struct disk {
    char path[300];
    char *durable;
    size_t size;
    unsynced *first, **end;
} disk;

typedef struct cut_file {
    sqlite3_file base; /* first */
    disk *disk;        /* NULL: none is kept of it */
    sqlite3_file *real;
} cut_file;

static sqlite3_vfs vfs, *real_vfs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static disk disks[DISKS];
static unsigned disk_count, countdown, database_cuts;
static uint64_t syncs;
static bool cut;

/* --- disks --------------------------------------------------------------------------------- */

static void forget_unsynced(disk *d)
{
    while (d->first) {
        unsynced *u = d->first;
        d->first = u->next;
        free(u->data);
        free(u);
    }
    d->end = &d->first;
}

static void load(disk *d)
{
    struct stat st;
    const int fd = open(d->path, O_RDONLY | O_CLOEXEC);
    free(d->durable);
    d->durable = NULL;
    d->size = 0;
    if (fd < 0) return;
    assert_int_equal(fstat(fd, &st), 0);
    d->durable = malloc((size_t)st.st_size + 1);
    assert_non_null(d->durable);
    d->size = (size_t)st.st_size;
    assert_int_equal(read(fd, d->durable, d->size), st.st_size);
    close(fd);
}

static disk *disk_of(const char *path)
{
    for (unsigned i = 0; i < disk_count; i++)
        if (strcmp(disks[i].path, path) == 0) return &disks[i];
    assert_true(disk_count < DISKS);
    disk *d = &disks[disk_count++];
    *d = (disk){.end = &d->first};
    (void)snprintf(d->path, sizeof d->path, "%s", path);
    load(d);
    return d;
}

static void remember(disk *d, sqlite3_int64 at, const void *data, int len)
{
    unsynced *u = calloc(1, sizeof *u);
    assert_non_null(u);
    u->at = at;
    u->len = len;
    if (data) {
        u->data = malloc((size_t)len + 1);
        assert_non_null(u->data);
        memcpy(u->data, data, (size_t)len);
    }
    *d->end = u;
    d->end = &u->next;
}

/* Puts one on the durable image: all of it, or whole sectors by chance. */
static void apply(disk *d, const unsynced *u, bool torn)
{
    const size_t end = (size_t)u->at + (size_t)u->len;
    if (!u->data) {
        if ((size_t)u->at < d->size) d->size = (size_t)u->at;
        return;
    }
    if (end > d->size) {
        d->durable = realloc(d->durable, end + 1);
        assert_non_null(d->durable);
        memset(d->durable + d->size, 0, end - d->size);
        d->size = end;
    }
    for (int i = 0; i < u->len; i += SECTOR) {
        const int n = u->len - i < SECTOR ? u->len - i : SECTOR;
        if (!torn || check_random_below(2)) memcpy(d->durable + u->at + i, u->data + i, (size_t)n);
    }
}

static void write_out(const disk *d)
{
    const int fd = open(d->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, d->durable ? d->durable : "", d->size), d->size);
    close(fd);
}

void cut_vfs_reboot(unsigned keep)
{
    char shared[320];
    for (unsigned i = 0; i < disk_count; i++) {
        disk *d = &disks[i];
        for (const unsynced *u = d->first; u; u = u->next)
            if (check_random_below(100) < keep)
                apply(d, u, keep < 100 && check_random_below(4) == 0);
        forget_unsynced(d);
        write_out(d);
        (void)snprintf(shared, sizeof shared, "%s-shm", d->path);
        (void)unlink(shared); /* it was memory */
        free(d->durable);
    }
    disk_count = 0;
    cut = false;
    countdown = 0;
}

/* --- a file -------------------------------------------------------------------------------- */

/* Under the lock. false: there is no power. */
static bool power(const disk *d)
{
    if (countdown && --countdown == 0) {
        cut = true;
        database_cuts += d && !strstr(d->path, "-wal");
    }
    return !cut;
}

static cut_file *file_of(sqlite3_file *f)
{
    return (cut_file *)f;
}

static int file_close(sqlite3_file *f)
{
    sqlite3_file *real = file_of(f)->real;
    return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    sqlite3_file *real = file_of(f)->real;
    return cut ? SQLITE_IOERR_READ : real->pMethods->xRead(real, to, n, at);
}

static int file_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
    cut_file *c = file_of(f);
    pthread_mutex_lock(&lock);
    const bool on = power(c->disk);
    if (on && c->disk) remember(c->disk, at, from, n);
    pthread_mutex_unlock(&lock);
    return on ? c->real->pMethods->xWrite(c->real, from, n, at) : SQLITE_IOERR_WRITE;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    cut_file *c = file_of(f);
    pthread_mutex_lock(&lock);
    const bool on = power(c->disk);
    if (on && c->disk) remember(c->disk, size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return on ? c->real->pMethods->xTruncate(c->real, size) : SQLITE_IOERR_TRUNCATE;
}

static int file_sync(sqlite3_file *f, int flags)
{
    cut_file *c = file_of(f);
    (void)flags;
    pthread_mutex_lock(&lock);
    const bool on = power(c->disk);
    if (on && c->disk) {
        for (const unsynced *u = c->disk->first; u; u = u->next)
            apply(c->disk, u, false);
        forget_unsynced(c->disk);
        syncs++;
    }
    pthread_mutex_unlock(&lock);
    return on ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}

#define PASS(name, parameters, arguments)                                                          \
    static int name parameters                                                                     \
    {                                                                                              \
        sqlite3_file *real = file_of(f)->real;                                                     \
        return real->pMethods->arguments;                                                          \
    }

PASS(file_size, (sqlite3_file * f, sqlite3_int64 *ret), xFileSize(real, ret))
PASS(file_lock, (sqlite3_file * f, int how), xLock(real, how))
PASS(file_unlock, (sqlite3_file * f, int how), xUnlock(real, how))
PASS(file_reserved, (sqlite3_file * f, int *ret), xCheckReservedLock(real, ret))
PASS(file_control, (sqlite3_file * f, int what, void *with), xFileControl(real, what, with))
PASS(file_sector, (sqlite3_file * f), xSectorSize(real))
PASS(shm_lock, (sqlite3_file * f, int at, int n, int how), xShmLock(real, at, n, how))
PASS(shm_unmap, (sqlite3_file * f, int remove), xShmUnmap(real, remove))

static int shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    sqlite3_file *real = file_of(f)->real;
    return real->pMethods->xShmMap(real, page, size, extend, ret);
}

static void shm_barrier(sqlite3_file *f)
{
    sqlite3_file *real = file_of(f)->real;
    real->pMethods->xShmBarrier(real);
}

/* Not that of the real one: it promises more than this one keeps. */
static int file_characteristics(sqlite3_file *f)
{
    (void)f;
    return 0;
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_unlock,
                                           .xCheckReservedLock = file_reserved,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector,
                                           .xDeviceCharacteristics = file_characteristics,
                                           .xShmMap = shm_map,
                                           .xShmLock = shm_lock,
                                           .xShmBarrier = shm_barrier,
                                           .xShmUnmap = shm_unmap};

/* --- the file system ----------------------------------------------------------------------- */

static int vfs_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    cut_file *c = file_of(f);
    (void)v;
    *c = (cut_file){.real = (sqlite3_file *)(c + 1)};
    if (cut) return SQLITE_CANTOPEN;
    const int code = real_vfs->xOpen(real_vfs, name, c->real, flags, ret_flags);
    if (code) return code;
    pthread_mutex_lock(&lock);
    if (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) c->disk = disk_of(name);
    pthread_mutex_unlock(&lock);
    c->base.pMethods = &methods;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    if (cut) return SQLITE_IOERR_DELETE;
    return real_vfs->xDelete(real_vfs, name, sync);
}

void cut_vfs_begin(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "cut";
    vfs.szOsFile += (int)sizeof(cut_file);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.pNext = NULL;
    assert_int_equal(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

void cut_vfs_end(void)
{
    assert_int_equal(sqlite3_vfs_unregister(&vfs), SQLITE_OK);
    assert_int_equal(sqlite3_vfs_register(real_vfs, 1), SQLITE_OK);
    for (unsigned i = 0; i < disk_count; i++) {
        forget_unsynced(&disks[i]);
        free(disks[i].durable);
    }
    disk_count = 0;
}

void cut_vfs_after(unsigned n)
{
    pthread_mutex_lock(&lock);
    countdown = n;
    pthread_mutex_unlock(&lock);
}

int cut_vfs_is_cut(void)
{
    pthread_mutex_lock(&lock);
    const bool is = cut;
    pthread_mutex_unlock(&lock);
    return is;
}

uint64_t cut_vfs_syncs(void)
{
    return syncs;
}

unsigned cut_vfs_database_cuts(void)
{
    return database_cuts;
}
