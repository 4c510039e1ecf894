/* passwords.c - see passwords.h. */
// SPDX-License-Identifier: MIT
#include "gate/passwords.h"

#include <assert.h>
#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/memops.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/map.h"

enum { FILE_MOST = 1 << 20, USERS_MOST = 16384 };
_Static_assert(CRYPT_OUTPUT_SIZE <= TC_PASSWORD_HASH, "a hash fits");
_Static_assert(CRYPT_MAX_PASSPHRASE_SIZE > TC_PASSWORD_MOST, "a password fits");

typedef struct entry {
    tc_span name;
    const char *hash; /* NUL-terminated */
} entry;

struct tc_password_list {
    atomic_int references;
    uint64_t number;
    tc_map users; /* of entries, by name */
    entry *entries;
    size_t count, room;
    char *text; /* the file; lines end in NUL */
};

struct tc_passwords {
    pthread_mutex_t lock; /* of all below */
    tc_password_list *list;
    int64_t looked;
    struct stat seen;
    char path[];
};

/* --- reading ------------------------------------------------------------------------------- */

static const struct {
    const char *prefix;
    size_t length;    /* of what stands behind the last "$" */
    const char *what; /* NULL: it is taken */
} methods[] = {{"$y$", 43, NULL},
               {"$gy$", 43, NULL},
               {"$7$", 43, NULL},
               {"$2a$", 53, NULL},
               {"$2b$", 53, NULL},
               {"$2y$", 53, NULL},
               {"$6$", 86, NULL},
               {"$5$", 43, NULL},
               {"$apr1$", 0, "MD5 (apr1) is too weak"},
               {"$1$", 0, "MD5 is too weak"},
               {"{SHA}", 0, "plain SHA-1 is too weak"}};

/* NULL: it is a hash that is taken. */
static const char *wrong_with(const char *hash)
{
    const tc_span s = tc_span_str(hash);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (!tc_span_starts(s, tc_span_str(methods[i].prefix))) continue;
        if (methods[i].what) return methods[i].what;
        const int salt = crypt_checksalt(hash);
        const bool whole = strlen(strrchr(hash, '$') + 1) == methods[i].length;
        if (whole && (salt == CRYPT_SALT_OK || salt == CRYPT_SALT_METHOD_LEGACY)) return NULL;
        return "the hash is malformed, or of a method that this system lacks";
    }
    return "it is no hash of a kind that is taken";
}

static tc_err complain(char ret_why[TC_PASSWORDS_WHY], unsigned line, const char *what)
{
    (void)snprintf(
        ret_why, TC_PASSWORDS_WHY,
        "line %u: %s; NAME:HASH is wanted, as \"tercet password NAME\" or \"htpasswd -B\" "
        "make it",
        line, what);
    return TC_ERR_USAGE;
}

static tc_err read_line(tc_password_list *l, char *at, size_t len, unsigned number,
                        char ret_why[TC_PASSWORDS_WHY])
{
    if (len && at[len - 1] == '\r') len--;
    const tc_span line = tc_span_trim(tc_span_of(at, len));
    if (!line.len || line.at[0] == '#') return TC_OK;
    const size_t colon = tc_span_find(line, ':');
    if (colon == line.len || !colon) return complain(ret_why, number, "there is no \"NAME:\"");
    if (l->count == l->room) return complain(ret_why, number, "there are too many users");
    entry *e = &l->entries[l->count];
    *e = (entry){tc_span_first(line, colon), line.at + colon + 1};
    at[(size_t)(line.at - at) + line.len] = '\0';
    if (memchr(line.at, '\0', line.len)) return complain(ret_why, number, "there is a NUL in it");
    const char *wrong = wrong_with(e->hash);
    if (wrong) return complain(ret_why, number, wrong);
    if (tc_map_get(&l->users, e->name)) return complain(ret_why, number, "the user is there twice");
    const tc_err err = tc_map_put(&l->users, e->name, e);
    l->count += !err;
    return err;
}

static tc_err read_lines(tc_password_list *l, size_t len, char ret_why[TC_PASSWORDS_WHY])
{
    tc_err err = TC_OK;
    unsigned number = 1;
    for (char *at = l->text, *end = at + len, *next; at < end && !err; at = next + 1, number++) {
        next = memchr(at, '\n', (size_t)(end - at));
        if (!next) next = end;
        err = read_line(l, at, (size_t)(next - at), number, ret_why);
    }
    if (!err && !l->count) return complain(ret_why, 1, "there is no user in it");
    return err;
}

void tc_password_list_drop(tc_password_list *l)
{
    if (!l || atomic_fetch_sub(&l->references, 1) > 1) return;
    tc_map_fini(&l->users);
    tc_free(l->entries);
    tc_free(l->text);
    tc_free(l);
}

/* The bytes of the file, FILE_MOST + 1 for all that is larger; negative: see errno. */
static ssize_t read_all(tc_password_list *l, int fd, struct stat *ret_stat)
{
    if (fstat(fd, ret_stat)) return -1;
    if (ret_stat->st_size > FILE_MOST) return FILE_MOST + 1;
    const size_t size = (size_t)ret_stat->st_size;
    l->room = size / 4 < USERS_MOST ? size / 4 + 1 : USERS_MOST; /* none is shorter than that */
    l->text = tc_alloc(size + 1);
    l->entries = tc_alloc(l->room * sizeof *l->entries);
    if (l->text && l->entries) return read(fd, l->text, size);
    errno = ENOMEM;
    return -1;
}

static tc_err read_file(const char *path, struct stat *ret_stat, tc_password_list **ret_list,
                        char ret_why[TC_PASSWORDS_WHY])
{
    static atomic_uint_fast64_t numbers;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    tc_password_list *l = tc_alloc_zero(sizeof *l);
    ssize_t n = -1;
    if (fd >= 0 && l) {
        atomic_init(&l->references, 1);
        l->number = atomic_fetch_add(&numbers, 1) + 1;
        tc_map_init(&l->users, USERS_MOST, tc_hash_key_random());
        n = read_all(l, fd, ret_stat);
    }
    (void)snprintf(ret_why, TC_PASSWORDS_WHY, "%s",
                   n > FILE_MOST ? "it is larger than 1 MB" : strerror(errno));
    if (fd >= 0) close(fd);
    tc_err err = n < 0 || n > FILE_MOST ? TC_ERR_READ_FILE : read_lines(l, (size_t)n, ret_why);
    if (err)
        tc_password_list_drop(l);
    else
        *ret_list = l;
    return err;
}

/* --- the file, again and again -----------------------------------------------------------------
 */

tc_err tc_passwords_open(const char *path, tc_passwords **ret_passwords,
                         char ret_why[TC_PASSWORDS_WHY])
{
    const size_t len = strlen(path);
    tc_passwords *p = tc_alloc_zero(sizeof *p + len + 1);
    if (!p) return TC_ERR_NO_MEMORY;
    memcpy(p->path, path, len + 1);
    const tc_err err = read_file(path, &p->seen, &p->list, ret_why);
    if (err) {
        tc_free(p);
        return err;
    }
    pthread_mutex_init(&p->lock, NULL);
    *ret_passwords = p;
    return TC_OK;
}

void tc_passwords_free(tc_passwords *p)
{
    if (!p) return;
    tc_password_list_drop(p->list);
    pthread_mutex_destroy(&p->lock);
    tc_free(p);
}

static bool is_changed(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_dev != b->st_dev || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static void look_again(tc_passwords *p)
{
    struct stat there;
    tc_password_list *list;
    char why[TC_PASSWORDS_WHY];
    if (stat(p->path, &there) || !is_changed(&there, &p->seen)) return;
    if (read_file(p->path, &there, &list, why)) return; /* perhaps it is being written */
    tc_password_list_drop(p->list);
    p->list = list;
    p->seen = there;
}

tc_password_list *tc_passwords_now(tc_passwords *p, int64_t now)
{
    pthread_mutex_lock(&p->lock);
    if (now - p->looked >= TC_S || now < p->looked) {
        p->looked = now;
        look_again(p);
    }
    tc_password_list *l = p->list;
    atomic_fetch_add(&l->references, 1);
    pthread_mutex_unlock(&p->lock);
    return l;
}

uint64_t tc_password_list_number(const tc_password_list *l)
{
    return l->number;
}

/* --- passwords ----------------------------------------------------------------------------- */

static void wipe(void *memory, size_t size)
{
    explicit_bzero(memory, size);
    tc_free(memory);
}

bool tc_password_is_right(const tc_password_list *l, tc_span user, tc_span password)
{
    const entry *e = tc_map_get(&l->users, user);
    const char *hash = e ? e->hash : l->entries[0].hash; /* whoever it is, it takes as long */
    const size_t len = strlen(hash);
    struct crypt_data *data = tc_alloc_zero(sizeof *data);
    if (!data || password.len > TC_PASSWORD_MOST) {
        tc_free(data);
        return false;
    }
    assert(password.at[password.len] == '\0');
    const char *made = crypt_rn(password.at, hash, data, (int)sizeof *data);
    const bool same = made && strlen(made) == len && memeql_sec(made, hash, len);
    wipe(data, sizeof *data);
    return same & (e != NULL);
}

bool tc_password_hash(const char *password, char ret_hash[TC_PASSWORD_HASH])
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct crypt_data *data = tc_alloc_zero(sizeof *data);
    const char *made = NULL;
    if (data && crypt_gensalt_rn("$y$", 0, NULL, 0, setting, (int)sizeof setting))
        made = crypt_rn(password, setting, data, (int)sizeof *data);
    if (made) (void)snprintf(ret_hash, TC_PASSWORD_HASH, "%s", made);
    if (data) wipe(data, sizeof *data);
    return made != NULL;
}
