/* uploads.c - see uploads.h. */
// SPDX-License-Identifier: MIT
#include "config/uploads.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "files/upload.h"

struct tc_config_writer {
    tc_upload_root *root;
    dev_t device;
    ino_t inode;
    const char *path; /* without links; NULL: it has none just now */
    struct tc_config_writer *next;
};

static const char *folder_of(const tc_section *s)
{
    return s->settings.root ? s->settings.root : ".";
}

static void unref_root(void *root)
{
    tc_upload_root_unref(root);
}

static tc_upload_root *new_root(tc_config *c)
{
    tc_upload_root *root = tc_upload_root_new();
    if (!root || tc_arena_defer(&c->arena, unref_root, root) == TC_OK) return root;
    return NULL;
}

/* A folder that cannot be looked at is a fault that is told elsewhere. */
static tc_upload_root *root_of(tc_config *c, const char *dir)
{
    struct stat st;
    char path[PATH_MAX];
    struct tc_config_writer *w;
    if (stat(dir, &st)) return new_root(c);
    for (w = c->writers; w; w = w->next)
        if (w->device == st.st_dev && w->inode == st.st_ino) return w->root;
    w = tc_arena_alloc(&c->arena, sizeof *w);
    if (!w) return NULL;
    *w = (struct tc_config_writer){new_root(c), st.st_dev, st.st_ino, NULL, c->writers};
    if (realpath(dir, path)) w->path = tc_arena_copy(&c->arena, tc_span_str(path)).at;
    c->writers = w;
    return w->root;
}

const tc_upload_config *tc_config_uploads(tc_config *c, const tc_section *s)
{
    const tc_settings *v = &s->settings;
    const tc_upload_config *around = s->parent ? s->parent->uploads : NULL;
    const bool same = around && strcmp(folder_of(s), folder_of(s->parent)) == 0;
    if (same && around->most == v->upload_bytes && around->quota == v->quota) return around;
    tc_upload_config *u = tc_arena_alloc(&c->arena, sizeof *u);
    tc_upload_root *root = same ? around->root : root_of(c, folder_of(s));
    if (!u || !root) {
        c->no_memory = true;
        return NULL;
    }
    *u = (tc_upload_config){v->upload_bytes, v->quota, root};
    return u;
}

/* Whether one is the other, or in it. */
static bool is_within(tc_span path, tc_span folder)
{
    if (folder.len == 1) return true;
    return tc_span_starts(path, folder) && (path.len == folder.len || path.at[folder.len] == '/');
}

static bool overlap(const struct tc_config_writer *w, const struct stat *st, tc_span path)
{
    if (w->device == st->st_dev && w->inode == st->st_ino) return true;
    if (!w->path || !path.len) return false;
    return is_within(path, tc_span_str(w->path)) || is_within(tc_span_str(w->path), path);
}

static void join(const tc_config *c, tc_upload_root *one, const tc_upload_root *other)
{
    const tc_upload_changes *old = one->changes;
    if (old == other->changes) return;
    for (struct tc_config_writer *w = c->writers; w; w = w->next)
        if (w->root && w->root->changes == old) tc_upload_root_follow(w->root, other);
}

tc_upload_root *tc_config_writers(const tc_config *c, const char *dir)
{
    struct stat st;
    char path[PATH_MAX];
    tc_upload_root *found = NULL;
    if (!c->writers || stat(dir, &st)) return NULL;
    const tc_span real = realpath(dir, path) ? tc_span_str(path) : (tc_span){0};
    for (const struct tc_config_writer *w = c->writers; w; w = w->next) {
        if (!w->root || !overlap(w, &st, real)) continue;
        if (found) join(c, w->root, found);
        if (!found) found = w->root;
    }
    return found;
}

void tc_config_share_uploads(const tc_config *c, tc_ledger *ledger, int slot)
{
    for (const struct tc_config_writer *w = c->writers; w; w = w->next)
        if (w->root) tc_upload_root_share(w->root, ledger, slot, w->device, w->inode);
}
