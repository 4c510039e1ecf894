/* ledger.c - see ledger.h. A slot has two rooms, written in turn: whoever reads takes the one that
 * was published last, which stays whole if its writer is killed amid the other. */
// SPDX-License-Identifier: MIT
#include "server/ledger.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW, TRIES = 1000 };

/* Changes with what stands below, and in ledger.h. */
#define MADE_SO UINT64_C(0x7463016c65646702)

typedef struct room {
    _Atomic uint64_t layout, count;
    _Atomic uint64_t words[TC_LEDGER_WORDS];
} room;

typedef struct slot {
    _Atomic uint64_t taken;
    _Atomic uint64_t published; /* how often; the last time in rooms[published % 2]; 0: never */
    room rooms[2];
} slot;

typedef struct shared {
    _Atomic uint64_t made_so, bytes;
    tc_ledger_notes notes;
    _Atomic uint64_t folds; /* odd while the master adds up */
    tc_ledger_folder folders[TC_LEDGER_FOLDERS];
    room ended;
    slot slots[TC_LEDGER_SLOTS];
} shared;

/* Who changes any of it gives it another number above, and then says here how it is now. */
_Static_assert(MADE_SO == UINT64_C(0x7463016c65646702) && sizeof(tc_ledger_notes) == 6 * 8 &&
                   sizeof(tc_ledger_folder) == 6 * 8 + TC_LEDGER_SLOTS * 12 &&
                   sizeof(room) == 16 + TC_LEDGER_WORDS * 8 &&
                   sizeof(slot) == 16 + 2 * sizeof(room) && TC_LEDGER_SLOTS == 32 &&
                   TC_LEDGER_FOLDERS == 64,
               "MADE_SO");

struct tc_ledger {
    atomic_uint references;
    int fd;
    shared *at;
};

static tc_err map(int fd, tc_ledger **ret_ledger)
{
    tc_ledger *l = tc_alloc(sizeof *l);
    if (!l) return TC_ERR_NO_MEMORY;
    void *at = mmap(NULL, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) {
        tc_free(l);
        return TC_ERR_NO_MEMORY;
    }
    *l = (tc_ledger){1, fd, at};
    *ret_ledger = l;
    return TC_OK;
}

tc_err tc_ledger_new(tc_ledger **ret_ledger)
{
    const int fd = memfd_create("ledger", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return TC_ERR_SYSTEM;
    /* Whoever maps it must not find it shorter one day. */
    tc_err err =
        ftruncate(fd, sizeof(shared)) || fcntl(fd, F_ADD_SEALS, SEALS) ? TC_ERR_SYSTEM : TC_OK;
    if (!err) err = map(fd, ret_ledger);
    if (err) {
        close(fd);
        return err;
    }
    atomic_store(&(*ret_ledger)->at->bytes, sizeof(shared));
    atomic_store(&(*ret_ledger)->at->made_so, MADE_SO);
    return TC_OK;
}

tc_err tc_ledger_open(int fd, tc_ledger **ret_ledger)
{
    struct stat st;
    tc_ledger *l;
    if (fstat(fd, &st) || st.st_size != (off_t)sizeof(shared) || fcntl(fd, F_GET_SEALS) != SEALS)
        return TC_ERR_NOTHING;
    const tc_err err = map(fd, &l);
    if (err) return err;
    if (l->at->made_so == MADE_SO && l->at->bytes == sizeof(shared)) {
        *ret_ledger = l;
        return TC_OK;
    }
    munmap(l->at, sizeof(shared));
    tc_free(l);
    return TC_ERR_NOTHING;
}

tc_ledger *tc_ledger_ref(tc_ledger *l)
{
    atomic_fetch_add(&l->references, 1);
    return l;
}

void tc_ledger_free(tc_ledger *l)
{
    if (!l || atomic_fetch_sub(&l->references, 1) > 1) return;
    munmap(l->at, sizeof(shared));
    close(l->fd);
    tc_free(l);
}

int tc_ledger_fd(const tc_ledger *l)
{
    return l->fd;
}

tc_ledger_notes *tc_ledger_notes_of(tc_ledger *l)
{
    return &l->at->notes;
}

static bool is_slot(int number)
{
    return number >= 0 && number < TC_LEDGER_SLOTS;
}

/* --- words --------------------------------------------------------------------------------- */

static uint64_t get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

static void put(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

static size_t count_of(const room *r)
{
    const uint64_t count = get(&r->count);
    return count < TC_LEDGER_WORDS ? (size_t)count : TC_LEDGER_WORDS;
}

void tc_ledger_publish(tc_ledger *l, int number, uint64_t layout, const uint64_t *words,
                       size_t count)
{
    if (!is_slot(number)) return;
    slot *s = &l->at->slots[number];
    const uint64_t next = get(&s->published) + 1;
    room *r = &s->rooms[next % 2];
    put(&r->layout, layout);
    put(&r->count, count);
    for (size_t i = 0; i < count; i++)
        put(&r->words[i], words[i]);
    atomic_store_explicit(&s->published, next, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst); /* the other room is written after this is known */
}

/* What a slot said last. 0: nothing, or nothing of this layout. */
static size_t read_slot(const slot *s, uint64_t layout, size_t most, uint64_t *to)
{
    for (int i = 0; i < TRIES; i++) {
        const uint64_t published = atomic_load_explicit(&s->published, memory_order_acquire);
        const room *r = &s->rooms[published % 2];
        const size_t count = count_of(r);
        if (!published || get(&r->layout) != layout || count != most) return 0;
        for (size_t j = 0; j < count; j++)
            to[j] = get(&r->words[j]);
        atomic_thread_fence(memory_order_acquire);
        if (get(&s->published) == published) return count;
    }
    return 0;
}

static void add(uint64_t *to, const uint64_t *more, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += more[i];
}

/* One look at all of it. False: the master has changed it meanwhile. */
static bool look(const shared *m, int but, uint64_t layout, size_t count, uint64_t *room_for_one,
                 uint64_t *all, uint64_t *living, unsigned *taken)
{
    const uint64_t folds = atomic_load_explicit(&m->folds, memory_order_acquire);
    memset(all, 0, count * sizeof *all);
    memset(living, 0, count * sizeof *living);
    *taken = 0;
    if (get(&m->ended.layout) == layout && count_of(&m->ended) == count)
        for (size_t i = 0; i < count; i++)
            all[i] = get(&m->ended.words[i]);
    for (int i = 0; i < TC_LEDGER_SLOTS; i++) {
        const slot *s = &m->slots[i];
        if (!get(&s->taken)) continue;
        ++*taken;
        if (i != but) add(living, room_for_one, read_slot(s, layout, count, room_for_one));
    }
    add(all, living, count);
    atomic_thread_fence(memory_order_acquire);
    return folds % 2 == 0 && get(&m->folds) == folds;
}

unsigned tc_ledger_sum(tc_ledger *l, int but, uint64_t layout, size_t count, uint64_t *ret_all,
                       uint64_t *ret_living)
{
    uint64_t one[TC_LEDGER_WORDS];
    unsigned taken;
    for (int i = 0; i < TRIES; i++)
        if (look(l->at, but, layout, count, one, ret_all, ret_living, &taken)) break;
    return taken;
}

/* --- of the master ------------------------------------------------------------------------- */

int tc_ledger_take(tc_ledger *l)
{
    for (int i = 0; i < TC_LEDGER_SLOTS; i++) {
        slot *s = &l->at->slots[i];
        if (get(&s->taken)) continue;
        put(&s->published, 0);
        put(&s->taken, 1);
        return i;
    }
    return -1;
}

static void leave_folders(shared *m, int number)
{
    for (int i = 0; i < TC_LEDGER_FOLDERS; i++) {
        tc_ledger_folder *f = &m->folders[i];
        if (!(atomic_load(&f->users) >> number & 1)) continue;
        atomic_fetch_sub(&f->used, atomic_exchange(&f->reserved[number], 0));
        atomic_store(&f->moving[number], 0);
        atomic_fetch_and(&f->users, ~(UINT64_C(1) << number));
    }
}

/* Whether what counts in this layout may put an end to sums of another one. */
static bool leads(const shared *m, uint64_t layout, int serves)
{
    const slot *s = is_slot(serves) ? &m->slots[serves] : NULL;
    const uint64_t published = s ? get(&s->published) : 0;
    return !published || get(&s->rooms[published % 2].layout) == layout;
}

void tc_ledger_end(tc_ledger *l, int number, int serves)
{
    if (!is_slot(number)) return;
    shared *m = l->at;
    slot *s = &m->slots[number];
    const uint64_t published = get(&s->published);
    const room *r = &s->rooms[published % 2];
    const size_t count = count_of(r);
    const bool same = get(&m->ended.layout) == get(&r->layout) && count_of(&m->ended) == count;
    put(&m->folds, get(&m->folds) | 1);
    atomic_thread_fence(memory_order_seq_cst);
    if (published && (same || leads(m, get(&r->layout), serves))) {
        put(&m->ended.layout, get(&r->layout));
        put(&m->ended.count, count);
        for (size_t i = 0; i < count; i++)
            put(&m->ended.words[i], (same ? get(&m->ended.words[i]) : 0) + get(&r->words[i]));
    }
    put(&s->taken, 0);
    atomic_store_explicit(&m->folds, get(&m->folds) + 1, memory_order_release);
    leave_folders(m, number);
}

/* --- folders ------------------------------------------------------------------------------- */

static tc_ledger_folder *find_folder(shared *m, uint64_t bit, uint64_t device, uint64_t inode)
{
    tc_ledger_folder *free = NULL;
    for (int i = 0; i < TC_LEDGER_FOLDERS; i++) {
        tc_ledger_folder *f = &m->folders[i];
        if (!atomic_load(&f->users)) {
            free = f;
        } else if (f->device == device && f->inode == inode) {
            if (atomic_fetch_or(&f->users, bit)) return f;
            free = f; /* the last of the others went just now */
            break;
        }
    }
    if (!free) return NULL;
    free->device = device;
    free->inode = inode;
    atomic_store(&free->used, 0);
    atomic_store(&free->counted, 0);
    for (int i = 0; i < TC_LEDGER_SLOTS; i++)
        atomic_store(&free->reserved[i], 0), atomic_store(&free->moving[i], 0);
    atomic_store(&free->users, bit);
    return free;
}

tc_ledger_folder *tc_ledger_folder_of(tc_ledger *l, int number, uint64_t device, uint64_t inode)
{
    return is_slot(number) ? find_folder(l->at, UINT64_C(1) << number, device, inode) : NULL;
}
