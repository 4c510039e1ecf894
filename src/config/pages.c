/* pages.c - see pages.h. */
// SPDX-License-Identifier: MIT
#include "config/pages.h"

#include <unistd.h>

#include "config/build_inside.h"
#include "files/cache_inside.h"
#include "files/files.h"
#include "files/variants.h"

/* What a block around, or itself, says of pages. */
struct page {
    const tc_section *of;
    const char *name; /* of the setting */
    const char *word; /* as it is given */
    tc_span path;
};

static bool is_in_force(const struct page *p, const tc_section *s)
{
    if (strcmp(p->name, "fallback") == 0) return s->content.fallback.at == p->path.at;
    return s->content.error_files == p->of->content.error_files;
}

static enum tc_file_answer look(const tc_section *s, const struct tc_built_root *root, tc_span path)
{
    tc_sight sight;
    const tc_files_config config = {
        .root = root->fd, .dotfiles = s->settings.dotfiles, .variants = s->variants};
    tc_folder folder = {.config = &config};
    tc_root_init(&folder.root, root->fd, NULL);
    folder.root.dotfiles = config.dotfiles;
    const enum tc_file_answer answer = tc_variants_look(&folder, path, &sight);
    if (answer == TC_FILE_FOUND) close(sight.fd);
    return answer;
}

static bool is_within(const tc_section *s, const tc_section *block)
{
    while (s && s != block)
        s = s->parent;
    return s != NULL;
}

static const char *words_for(enum tc_file_answer answer)
{
    switch (answer) {
    case TC_FILE_DIRECTORY: return "it is a folder, and no file:";
    case TC_FILE_FORBIDDEN: return "it may not be read, or is no file:";
    case TC_FILE_BUSY: return "it could not be looked at:";
    case TC_FILE_FOUND:
    case TC_FILE_MISSING: break;
    }
    return "there is no such file:";
}

/* The first folder is the one that is told of. */
static void check(tc_built *b, tc_config *c, const struct page *p)
{
    const struct tc_built_root *first = NULL, *last = NULL;
    enum tc_file_answer answer = TC_FILE_MISSING;
    for (const tc_section *s = p->of; s && is_within(s, p->of); s = tc_section_next(s)) {
        if (!tc_section_served(s) || (!s->settings.root && c->file) || !is_in_force(p, s)) continue;
        const struct tc_built_root *root = tc_build_root(b, c, s);
        if (root->fd < 0) return; /* a fault of its own */
        if (root == last) continue;
        last = root;
        const enum tc_file_answer found = look(s, root, p->path);
        if (found == TC_FILE_FOUND) return;
        if (first) continue;
        first = root;
        answer = found;
    }
    if (first)
        tc_config_fault(c, p->of, p->name, p->word, "%s %s%.*s (the path is one below root)",
                        words_for(answer), first->dir, TC_FMT(p->path));
}

void tc_config_pages(tc_built *b, tc_config *c)
{
    for (const tc_section *s = &c->top; s && !c->texts; s = tc_section_next(s)) {
        const tc_section_content *has = &s->content;
        const tc_words *words = &s->settings.error_page;
        for (size_t i = 0; i < has->error_file_count && tc_section_has(s, "error-page"); i++)
            if (has->error_files[i].path.len)
                check(b, c,
                      &(struct page){s, "error-page", words->at[i], has->error_files[i].path});
        if (tc_section_has(s, "fallback") && has->fallback.len)
            check(b, c, &(struct page){s, "fallback", s->settings.fallback, has->fallback});
    }
}
