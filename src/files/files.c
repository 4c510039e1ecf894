/* files.c - see files.h. The hot path is serve_plain: one look in the cache, two shared blocks of
 * fields, one run; everything else is off that path. */
// SPDX-License-Identifier: MIT
#include "files/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "files/coded.h"
#include "files/listing.h"
#include "files/parts.h"
#include "files/variants.h"
#include "gate/route.h"
#include "http/accept.h"
#include "http/exchange.h"
#include "http/percent.h"
#include "http/precondition.h"
#include "http/range.h"
#include "http/target.h"
#include "net/loop.h"
#include "page/acceptable.h"
#include "page/error_page.h"

#define PAGE TC_SPAN(".html") /* what clean URLs leave out */
enum { QUICK_BYTES = 16384 }; /* are sent in some microseconds, encrypted or not */

void tc_files_init(tc_files *files, const tc_files_config *config, tc_file_cache *cache,
                   tc_loop *loop)
{
    *files = (tc_files){.config = config, .loop = loop};
    tc_folder_init(&files->folder, cache, config);
    if (config->uploads) tc_uploads_init(&files->uploads, &files->folder, loop);
}

void tc_files_fini(tc_files *files)
{
    tc_uploads_fini(&files->uploads);
    tc_coded_end(&files->folder);
    tc_folder_fini(&files->folder);
}

static tc_err answer_missing(tc_exchange *x, enum tc_file_answer answer)
{
    switch (answer) {
    case TC_FILE_FORBIDDEN: return tc_error_page(x, 403, (tc_span){0});
    case TC_FILE_BUSY: return tc_error_page(x, 503, (tc_span){0});
    case TC_FILE_FOUND:
    case TC_FILE_DIRECTORY:
    case TC_FILE_MISSING: break;
    }
    return tc_error_page(x, 404, (tc_span){0});
}

tc_run tc_files_run(const tc_exchange *x, tc_file *f, uint64_t first, uint64_t len)
{
    const bool secure = tc_span_ieq(x->theirs.scheme, TC_SPAN("https"));
    if (secure && !f->bytes) tc_file_bring_in(f);
    if (f->bytes && (secure || f->fd < 0))
        return tc_run_bytes(tc_span_of(f->bytes + first, (size_t)len));
    return tc_run_file(f->fd, first, (size_t)len);
}

/* The entity tag, if it may be relied on. */
static tc_span tag_of(const tc_file *f)
{
    return f->bytes || f->settled ? f->etag : (tc_span){0};
}

/* The answer's own fields, where the shared block says too much: 206, 304. */
static tc_err set_validators(tc_exchange *x, const tc_file *f)
{
    tc_fields *to = &x->ours.fields;
    tc_err err = TC_OK;
    if (tag_of(f).len) err = tc_fields_set(to, &x->arena, TC_FIELD_ETAG, f->etag);
    if (!err) err = tc_fields_set(to, &x->arena, TC_FIELD_LAST_MODIFIED, f->modified_text);
    if (!err && f->caching.len)
        err = tc_fields_set(to, &x->arena, TC_FIELD_CACHE_CONTROL, f->caching);
    if (!err && f->vary.len) err = tc_fields_set(to, &x->arena, TC_FIELD_VARY, f->vary);
    return err;
}

static tc_err set_part_fields(tc_exchange *x, const tc_file *f)
{
    tc_fields *to = &x->ours.fields;
    tc_err err = TC_OK;
    if (f->coding)
        err = tc_fields_set(to, &x->arena, TC_FIELD_CONTENT_ENCODING,
                            tc_coding_name((enum tc_coding)f->coding));
    if (!err && f->language.len)
        err = tc_fields_set(to, &x->arena, TC_FIELD_CONTENT_LANGUAGE, f->language);
    return err ? err : set_validators(x, f);
}

/* part NULL: none of it is there. */
static tc_err serve_part(tc_exchange *x, tc_file *f, const tc_range *part)
{
    char *at = tc_arena_bytes(&x->arena, TC_CONTENT_RANGE_BYTES);
    if (!at) return TC_ERR_NO_MEMORY;
    const tc_span range = tc_span_of(at, tc_content_range_write(at, part, f->size));
    tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CONTENT_RANGE, range);
    if (!err && !part && f->vary.len)
        err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, f->vary);
    if (err) return err;
    if (!part) return tc_error_page(x, 416, (tc_span){0});
    err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_CONTENT_TYPE, f->type);
    if (!err) err = set_part_fields(x, f);
    return err ? err
               : tc_exchange_reply(x, 206,
                                   tc_files_run(x, f, part->first, part->last - part->first + 1));
}

static tc_err serve_parts(tc_exchange *x, tc_file *f, const tc_range_set *set)
{
    const tc_err err = set_part_fields(x, f);
    return err ? err : tc_parts_reply(x, tc_files_run(x, f, 0, f->size), f->type, set);
}

/* True: answered. */
static bool serve_ranges(tc_exchange *x, tc_file *f, tc_span field, tc_err *ret_err)
{
    const tc_limits *limits = f->cache->limits;
    const size_t most = tc_range_members(field);
    tc_range_set set = {.room = most < limits->ranges ? most : (size_t)limits->ranges};
    set.at = tc_exchange_alloc(x, set.room * sizeof *set.at);
    if (!set.at) {
        *ret_err = TC_ERR_NO_MEMORY;
        return true;
    }
    switch (tc_ranges_of(field, f->size, &set)) {
    case TC_RANGE_TOO_MANY: f->cache->reached->ranges++; return false;
    case TC_RANGE_NONE: return false;
    case TC_RANGE_NOT_SATISFIABLE: *ret_err = serve_part(x, f, NULL); return true;
    case TC_RANGE_SOME: break;
    }
    *ret_err = set.count == 1 ? serve_part(x, f, set.at) : serve_parts(x, f, &set);
    return true;
}

/* True: answered. */
static bool serve_conditional(tc_exchange *x, tc_file *f, tc_err *ret_err)
{
    const int64_t now = tc_clock_wall();
    const tc_validators valid = {tag_of(f), f->modified, true};
    switch (tc_precondition(&x->theirs, &valid, now)) {
    case TC_NOT_MODIFIED:
        *ret_err = set_validators(x, f);
        if (!*ret_err) *ret_err = tc_exchange_answer(x, 304, 0);
        return true;
    case TC_PRECONDITION_FAILED:
        if (f->vary.len)
            *ret_err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, f->vary);
        if (!*ret_err) *ret_err = tc_error_page(x, 412, (tc_span){0});
        return true;
    case TC_GO_ON: break;
    }
    tc_span range;
    if (x->theirs.method != TC_METHOD_GET ||
        tc_fields_times(&x->theirs.fields, TC_FIELD_RANGE) != 1 ||
        !tc_fields_get(&x->theirs.fields, TC_FIELD_RANGE, &range) ||
        !tc_if_range_holds(&x->theirs, &valid, now))
        return false;
    return serve_ranges(x, f, range, ret_err);
}

tc_err tc_file_serve(tc_exchange *x, tc_file *f)
{
    tc_err err = tc_arena_defer(&x->arena, tc_file_unref, f);
    if (err) return err;
    x->quick &= f->bytes && f->size <= QUICK_BYTES;
    if ((tc_conditional(&x->theirs.fields) || tc_fields_has(&x->theirs.fields, TC_FIELD_RANGE)) &&
        serve_conditional(x, f, &err))
        return err;
    x->ours.blocks[TC_BLOCK_CONTENT] = &f->block;
    return tc_exchange_reply(x, 200, tc_files_run(x, f, 0, f->size));
}

/* To another path of ours, for good; the query comes along. */
static tc_err redirect(tc_exchange *x, tc_span path, const char *more, tc_span query)
{
    tc_span to = tc_percent_encode(&x->arena, path, "!$&'()*+,;=:@/"); /* RFC 3986, 3.3 */
    if (to.at)
        to = tc_arena_printf(&x->arena, "%.*s%s%s%.*s", TC_FMT(to), more, query.len ? "?" : "",
                             TC_FMT(query));
    if (!to.at) return TC_ERR_NO_MEMORY;
    const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_LOCATION, to);
    return err ? err : tc_error_page(x, 301, (tc_span){0});
}

/* Without memory, at is NULL. */
static tc_span with(tc_exchange *x, tc_span path, tc_span more)
{
    char *at = tc_arena_bytes(&x->arena, path.len + more.len);
    if (!at) return (tc_span){0};
    if (path.len) memcpy(at, path.at, path.len);
    if (more.len) memcpy(at + path.len, more.at, more.len);
    return tc_span_of(at, path.len + more.len);
}

/* page.de.html is sent for page.html: whoever guards that name is asked there. */
static bool is_asked_elsewhere(const tc_files *files, tc_exchange *x, tc_file *f, tc_err *ret_err)
{
    char room[TC_PATH_BYTES];
    tc_span whole, query;
    const tc_span path = tc_variant_path(f, &x->theirs.fields, room);
    if (!path.len) return false;
    const tc_span name = with(x, files->config->strip, path);
    const tc_span usual = with(x, files->config->strip, f->path);
    if (name.at && usual.at && tc_route_equal_gates(x, name, usual)) return false;
    tc_file_unref(f);
    *ret_err = name.at && usual.at
                   ? tc_target_normal_path(&x->arena, x->theirs.path, &whole, &query)
                   : TC_ERR_NO_MEMORY;
    if (!*ret_err)
        *ret_err =
            tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, TC_SPAN("Accept-Language"));
    if (!*ret_err) *ret_err = redirect(x, name, "", query);
    return true;
}

static tc_err serve(tc_files *files, tc_exchange *x, tc_file *f)
{
    tc_err err;
    if (tc_route_has_gates(x) && is_asked_elsewhere(files, x, f, &err)) return err;
    if (f->variants && f->variants->choice) return tc_coded_serve(files->loop, x, f);
    if (!tc_coding_excludes_identity(&x->theirs.fields)) return tc_file_serve(x, f);
    if (f->variants) return tc_coded_serve(files->loop, x, f);
    tc_file_unref(f);
    return tc_only_identity(x);
}

bool tc_files_path(const tc_files_config *config, tc_span path, tc_span *ret_path)
{
    const tc_span inner = tc_span_from(path, config->strip.len);
    if (!tc_span_starts(path, config->strip) || inner.len == 0 || inner.at[0] != '/') return false;
    *ret_path = inner;
    return true;
}

/* A path as it was asked for. */
typedef struct asked {
    tc_span whole, query;
    tc_span path; /* in the folder */
} asked;

static enum tc_file_answer get(tc_files *files, tc_span path, tc_file **ret_file)
{
    return tc_file_get(&files->folder, path, tc_loop_now(files->loop), ret_file);
}

/* The file whose name has something more at its end. */
static enum tc_file_answer get_with(tc_files *files, tc_exchange *x, tc_span path, tc_span more,
                                    tc_file **ret_file)
{
    const tc_span name = with(x, path, more);
    return name.at ? get(files, name, ret_file) : TC_FILE_BUSY;
}

/* f at an address that is not its whole name: whoever guards that name is asked there. */
static tc_err serve_shorter(tc_files *files, tc_exchange *x, const asked *a, tc_span more,
                            tc_file *f)
{
    const tc_span name = with(x, a->whole, more);
    if (name.at && tc_route_same_gates(x, name)) return serve(files, x, f);
    tc_file_unref(f);
    return name.at ? redirect(x, name, "", a->query) : TC_ERR_NO_MEMORY;
}

/* A page of an application that knows its own paths: for those who ask for a page by name, not for
 * what a page loads. */
static tc_err serve_fallback(tc_files *files, tc_exchange *x, enum tc_file_answer answer)
{
    const tc_span fallback = files->config->fallback;
    tc_file *f;
    if (answer != TC_FILE_MISSING || !fallback.len ||
        !tc_accept_names(&x->theirs.fields, TC_SPAN("text/html")))
        return answer_missing(x, answer);
    answer = get(files, fallback, &f);
    if (answer != TC_FILE_FOUND) return answer_missing(x, answer);
    const tc_span name = with(x, files->config->strip, fallback);
    if (!name.at || tc_route_has_own_gates(x, name)) {
        tc_file_unref(f);
        return name.at ? redirect(x, name, "", (tc_span){0}) : TC_ERR_NO_MEMORY;
    }
    const tc_err err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY, TC_SPAN("Accept"));
    if (!err) return serve(files, x, f);
    tc_file_unref(f);
    return err;
}

static enum tc_file_answer open_folder(const tc_files *files, const asked *a, int *ret_fd)
{
    struct stat st;
    int fd;
    const tc_span path = tc_span_first(a->path, a->path.len > 1 ? a->path.len - 1 : 1);
    const enum tc_file_answer answer = tc_root_open(&files->folder.root, path, &fd);
    if (answer != TC_FILE_FOUND) return answer;
    const bool good = fstat(fd, &st) == 0;
    if (good && S_ISDIR(st.st_mode)) {
        *ret_fd = fd;
        return TC_FILE_FOUND;
    }
    close(fd);
    return good ? TC_FILE_MISSING : TC_FILE_BUSY;
}

static tc_err serve_index(tc_files *files, tc_exchange *x, const asked *a)
{
    tc_file *f;
    int fd;
    enum tc_file_answer answer = get_with(files, x, a->path, files->config->index, &f);
    if (answer == TC_FILE_FOUND) return serve_shorter(files, x, a, files->config->index, f);
    if (answer == TC_FILE_DIRECTORY) answer = TC_FILE_MISSING; /* it is no page */
    if (answer == TC_FILE_MISSING && files->config->listing) {
        answer = open_folder(files, a, &fd);
        if (answer == TC_FILE_FOUND)
            return tc_listing_begin(files, x, fd, a->path, a->whole, a->query);
    }
    if (answer == TC_FILE_MISSING && files->config->clean_urls && a->path.len > 1) {
        answer = get_with(files, x, tc_span_first(a->path, a->path.len - 1), PAGE, &f);
        if (answer == TC_FILE_FOUND) {
            tc_file_unref(f);
            return redirect(x, tc_span_first(a->whole, a->whole.len - 1), "", a->query);
        }
        if (answer != TC_FILE_BUSY) answer = TC_FILE_MISSING;
    }
    return serve_fallback(files, x, answer);
}

/* about.html, where "/about" is its address. Takes the reference. */
static tc_err serve_named(tc_files *files, tc_exchange *x, const asked *a, tc_file *f)
{
    const tc_span index = files->config->index;
    const size_t folder = a->path.len - index.len;
    tc_file *other;
    if (!files->config->clean_urls || !tc_span_ends(a->path, PAGE)) return serve(files, x, f);
    if (tc_span_ends(a->path, index) && a->path.at[folder - 1] == '/') {
        const tc_span of_folder = tc_span_first(a->whole, a->whole.len - index.len);
        if (!tc_route_same_gates(x, of_folder)) return serve(files, x, f);
        tc_file_unref(f);
        return redirect(x, of_folder, "", a->query);
    }
    const tc_span shorter = tc_span_first(a->whole, a->whole.len - PAGE.len);
    if (!tc_route_same_gates(x, shorter)) return serve(files, x, f); /* it leads here */
    const tc_span clean = tc_span_first(a->path, a->path.len - PAGE.len);
    if (tc_span_ends(clean, TC_SPAN("/"))) return serve(files, x, f); /* ".html" */
    if (get(files, clean, &other) == TC_FILE_FOUND) {
        tc_file_unref(
            other); /* a file of that name goes first: there is no other way to this one */
        return serve(files, x, f);
    }
    tc_file_unref(f);
    return redirect(x, shorter, "", a->query);
}

static tc_err serve_path(tc_files *files, tc_exchange *x)
{
    tc_file *f;
    asked a;
    const tc_err err = tc_target_normal_path(&x->arena, x->theirs.path, &a.whole, &a.query);
    if (err) return err;
    if (!tc_files_path(files->config, a.whole, &a.path))
        return tc_span_eq(a.whole, files->config->strip) ? redirect(x, a.whole, "/", a.query)
                                                         : answer_missing(x, TC_FILE_MISSING);
    if (tc_span_ends(a.path, TC_SPAN("/"))) return serve_index(files, x, &a);
    const enum tc_file_answer answer = get(files, a.path, &f);
    if (answer == TC_FILE_FOUND) return serve_named(files, x, &a, f);
    if ((answer == TC_FILE_MISSING || answer == TC_FILE_DIRECTORY) && files->config->clean_urls) {
        const enum tc_file_answer page = get_with(files, x, a.path, PAGE, &f);
        if (page == TC_FILE_FOUND) return serve_shorter(files, x, &a, PAGE, f);
        if (page == TC_FILE_BUSY) return answer_missing(x, page);
    }
    if (answer == TC_FILE_DIRECTORY) return redirect(x, a.whole, "/", a.query);
    return serve_fallback(files, x, answer);
}

static tc_err allow(const tc_files *files, tc_exchange *x)
{
    return tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_ALLOW,
                         files->config->uploads ? TC_SPAN("GET, HEAD, PUT, DELETE, OPTIONS")
                                                : TC_SPAN("GET, HEAD, OPTIONS"));
}

static tc_err on_head(void *self, tc_exchange *x)
{
    tc_files *files = self;
    tc_err err;
    if (x->theirs.method == TC_METHOD_OPTIONS) {
        err = allow(files, x);
        return err ? err : tc_exchange_answer(x, 204, 0);
    }
    if (x->theirs.method != TC_METHOD_GET && x->theirs.method != TC_METHOD_HEAD) {
        err = allow(files, x);
        return err ? err : tc_error_page(x, 405, (tc_span){0});
    }
    tc_span path;
    if (tc_files_path(files->config, x->theirs.path, &path)) {
        tc_file *f = tc_file_remembered(&files->folder, path, tc_loop_now(files->loop));
        x->quick = f && f->plain;
        if (x->quick) return serve(files, x, f);
        if (f) tc_file_unref(f);
    }
    return serve_path(files, x);
}

const tc_handler tc_files_handler = {.name = "files", .on_head = on_head};

void tc_files_route(tc_files *files, tc_exchange *x)
{
    if (files->config->uploads && tc_uploads_route(&files->uploads, x)) return;
    x->handler = &tc_files_handler;
    x->self = files;
}
