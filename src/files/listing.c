/* listing.c - see listing.h. What listings cost is bounded for the whole process, since their
 * threads cannot be stopped and outlive an exchange, a connection or a worker: how many are being
 * read, and how many bytes of pages wait to be sent. */
// SPDX-License-Identifier: MIT
#include "files/listing.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/errand.h"
#include "page/acceptable.h"
#include "page/error_page.h"
#include "page/page.h"

static atomic_ullong reading, page_bytes;

/* The page ceiling of one listing: what the longest names take, four times over. */
enum { ENTRY_BYTES = 4096, PAGE_BYTES = 16384 };

typedef struct listing {
    tc_errand errand; /* first */
    /* the loop's */
    tc_exchange *x;
    tc_reached *reached;
    /* the thread's, once it runs */
    int fd;
    tc_root root;
    size_t path_len;
    tc_listing_view view;
    size_t most;
    uint64_t pages_most;
    /* what it found */
    tc_err err;
    bool cut, crowded;
    tc_buf page;
    uint64_t held; /* of page_bytes */
    char paths[];  /* of the folder beneath the root, then its address */
} listing;

static bool take(atomic_ullong *of, uint64_t n, uint64_t most)
{
    if (atomic_fetch_add(of, n) + n <= most) return true;
    atomic_fetch_sub(of, n);
    return false;
}

static void run(tc_errand *e)
{
    listing *l = (listing *)e;
    tc_listing all;
    l->err = tc_listing_read(&all, l->fd, &l->root, tc_span_of(l->paths, l->path_len), l->most);
    l->fd = -1;
    l->cut = all.cut;
    tc_listing_sort(&all, l->view.sort, l->view.falling);
    tc_buf_init(&l->page, PAGE_BYTES + ENTRY_BYTES * all.count);
    if (!l->err) l->err = tc_listing_write(&l->page, &l->view, &all);
    tc_listing_fini(&all);
    l->crowded = !take(&page_bytes, l->page.size, l->pages_most);
    if (!l->crowded)
        l->held = l->page.size;
    else
        tc_buf_fini(&l->page);
    atomic_fetch_sub(&reading, 1);
}

static void release(tc_errand *e)
{
    listing *l = (listing *)e;
    if (l->fd >= 0) close(l->fd);
    close(l->root.fd);
    tc_buf_fini(&l->page);
    atomic_fetch_sub(&page_bytes, l->held);
}

/* A page that is the exchange's. */
typedef struct lent {
    char *memory;
    uint64_t held;
} lent;

static void free_page(void *argument)
{
    lent *page = argument;
    tc_free(page->memory);
    atomic_fetch_sub(&page_bytes, page->held);
}

static tc_err lend_page(tc_exchange *x, listing *l)
{
    lent *page = tc_exchange_alloc(x, sizeof *page);
    if (!page) return TC_ERR_NO_MEMORY;
    *page = (lent){l->page.memory, l->held};
    l->held = 0;
    tc_buf_init(&l->page, 1);
    return tc_arena_defer(&x->arena, free_page, page);
}

static tc_err too_busy(tc_exchange *x)
{
    const tc_err err =
        tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_RETRY_AFTER, TC_SPAN("1"));
    return err ? err : tc_error_page(x, 503, (tc_span){0});
}

static tc_err answer(tc_exchange *x, listing *l)
{
    static const char *const types[] = {[TC_REPLY_HTML] = "text/html; charset=utf-8",
                                        [TC_REPLY_JSON] = "application/json",
                                        [TC_REPLY_TEXT] = "text/plain; charset=utf-8"};
    const enum tc_reply_kind kind = l->view.kind;
    const tc_span page = tc_buf_span(&l->page);
    tc_fields *to = &x->ours.fields;
    l->reached->listing_entries += l->cut;
    l->reached->listing_bytes += l->crowded;
    if (l->err) return tc_error_page(x, 503, (tc_span){0});
    if (l->crowded) return too_busy(x);
    tc_err err = lend_page(x, l);
    if (!err) err = tc_page_fields(x, tc_span_str(types[kind]));
    if (!err && kind == TC_REPLY_HTML)
        err = tc_fields_set(to, &x->arena, TC_FIELD_CONTENT_LANGUAGE, TC_SPAN("en"));
    if (!err) err = tc_fields_set(to, &x->arena, TC_FIELD_VARY, TC_SPAN("Accept"));
    if (!err) err = tc_fields_set(to, &x->arena, TC_FIELD_CACHE_CONTROL, TC_SPAN("no-cache"));
    return err ? err : tc_exchange_reply(x, 200, tc_run_bytes(page));
}

static void done(tc_errand *e)
{
    listing *l = (listing *)e;
    tc_exchange *x = l->x;
    x->self = NULL; /* the errand goes */
    const tc_err err = answer(x, l);
    if (err) tc_exchange_abort(x, err);
}

static void on_close(void *self, tc_exchange *x, tc_err why)
{
    listing *l = self;
    (void)x;
    (void)why;
    if (l) tc_errand_cancel(&l->errand);
}

static const tc_handler handler = {.name = "listing", .on_close = on_close};

/* The thread may outlive the exchange, so it has copies of its own. Takes both descriptors. */
static listing *make(tc_files *files, tc_exchange *x, int fd, int root, tc_span path, tc_span whole)
{
    const tc_limits *limits = files->folder.cache->limits;
    listing *l = tc_errand_new(sizeof *l + path.len + whole.len);
    if (!l) {
        close(fd);
        close(root);
        return NULL;
    }
    l->errand.run = run;
    l->errand.done = done;
    l->errand.release = release;
    l->x = x;
    l->reached = files->folder.cache->reached;
    l->fd = fd;
    l->root = (tc_root){.fd = root, .dotfiles = files->folder.root.dotfiles};
    l->path_len = path.len;
    memcpy(l->paths, path.at, path.len);
    memcpy(l->paths + path.len, whole.at, whole.len);
    l->view = (tc_listing_view){.kind = tc_accept_kind(&x->theirs, TC_REPLY_HTML),
                                .path = tc_span_of(l->paths + path.len, whole.len),
                                .inmost = path.len == 1};
    l->most = (size_t)limits->listing_entries;
    l->pages_most = limits->listing_bytes;
    tc_buf_init(&l->page, 1);
    return l;
}

tc_err tc_listing_begin(tc_files *files, tc_exchange *x, int fd, tc_span path, tc_span whole,
                        tc_span query)
{
    const tc_file_cache *cache = files->folder.cache;
    if (tc_wants_coded(x)) {
        close(fd);
        return tc_only_identity(x);
    }
    if (!take(&reading, 1, cache->limits->listings)) {
        cache->reached->listings++;
        close(fd);
        return too_busy(x);
    }
    const int root = fcntl(files->folder.root.fd, F_DUPFD_CLOEXEC, 3);
    if (root < 0) close(fd);
    listing *l = root < 0 ? NULL : make(files, x, fd, root, path, whole);
    if (l) tc_listing_view_read(&l->view, query);
    if (!l || tc_errand_begin(&l->errand, files->loop) != TC_OK) {
        atomic_fetch_sub(&reading, 1);
        return too_busy(x);
    }
    x->handler = &handler;
    x->self = l;
    return TC_OK;
}
