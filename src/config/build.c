/* build.c - see build.h. Sites, routes and their folders; what routes have is made in
 * build_route.c. */
// SPDX-License-Identifier: MIT
#include "config/build.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/ascii.h"
#include "config/asking.h"
#include "config/build_inside.h"
#include "config/content.h"
#include "config/methods.h"
#include "config/pages.h"
#include "config/preloads.h"
#include "config/uploads.h"
#include "config/variants.h"

enum { NAMES_MAX = 1 << 20 };

void *tc_build_alloc(tc_config *c, size_t size)
{
    void *at = tc_arena_alloc(&c->arena, size ? size : 1);
    if (at)
        memset(at, 0, size);
    else
        c->no_memory = true;
    return at;
}

/* --- the hosts of a site --------------------------------------------------------------------- */

static bool is_host_byte(char c)
{
    return tc_ascii_alpha(c) || tc_ascii_digit(c) || c == '-' || c == '.' || c == '_' || c == ':';
}

/* Lower case, without the dot of the root. NULL: fine; else what is wrong. */
static const char *host_of(tc_config *c, tc_span word, tc_span *ret_host)
{
    if (tc_span_ends(word, TC_SPAN("."))) word.len--;
    if (tc_span_starts(word, TC_SPAN("[")) && tc_span_ends(word, TC_SPAN("]")))
        word = tc_span_of(word.at + 1, word.len - 2);
    char *at = tc_arena_bytes(&c->arena, word.len + 1);
    if (!at) {
        c->no_memory = true;
        return NULL;
    }
    if (!word.len || word.len > TC_SITE_NAME_MAX) return "a name has 1 to 255 letters";
    for (size_t i = 0; i < word.len; i++) {
        if (!is_host_byte(word.at[i]))
            return (uint8_t)word.at[i] >= 128 ? "other letters than ASCII's are written as xn--..."
                                              : "a name has letters, digits, - and .";
        at[i] = tc_ascii_lower(word.at[i]);
    }
    *ret_host = tc_span_of(at, word.len);
    return NULL;
}

static const char *add_name(tc_built *b, tc_config *c, tc_site *site, tc_span word)
{
    tc_span host;
    tc_map *map = &b->sites.by_name;
    if (tc_span_eq(word, TC_SPAN("default"))) {
        if (b->sites.fallback) return "another site is the default";
        b->sites.fallback = site;
        return NULL;
    }
    if (tc_span_starts(word, TC_SPAN("*."))) {
        map = &b->sites.by_suffix;
        word = tc_span_from(word, 1);
    }
    const char *fault = host_of(c, word, &host);
    if (fault || c->no_memory) return fault;
    if (tc_map_get(map, host)) return "another site has this name";
    if (tc_map_put(map, host, site) != TC_OK) c->no_memory = true;
    return NULL;
}

static void add_names(tc_built *b, tc_config *c, const tc_section *s, tc_site *site)
{
    tc_span rest = tc_span_trim(tc_span_str(s->title));
    if (!rest.len) tc_config_fault_at(c, s->file, s->line, "a site without a name");
    while (rest.len) {
        const tc_span word = tc_span_take(&rest, tc_span_find(rest, ' '));
        rest = tc_span_trim(rest);
        const char *fault = add_name(b, c, site, word);
        if (fault) tc_config_fault_at(c, s->file, s->line, "site %.*s: %s", TC_FMT(word), fault);
    }
}

/* --- routes ---------------------------------------------------------------------------------- */

/* Requests are decoded before they are compared: such a route would be of none of them. */
static bool is_encoded(const char *at)
{
    return at[0] == '%' && tc_ascii_hex(at[1]) >= 0 && tc_ascii_hex(at[2]) >= 0;
}

/* "/api" or "/api/"; its segments are counted. NULL: fine; else what is wrong. */
static const char *prefix_of(const char *title, tc_span *ret_prefix, unsigned *ret_deep)
{
    tc_span text = tc_span_str(title);
    if (!tc_span_starts(text, TC_SPAN("/"))) return "a path is wanted, like /api";
    while (text.len && text.at[text.len - 1] == '/')
        text.len--;
    *ret_prefix = text;
    *ret_deep = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '?' || text.at[i] == '#' || (uint8_t)text.at[i] < ' ')
            return "a path ends before ? and #";
        if (is_encoded(text.at + i)) return "a path is wanted as it is, with nothing encoded by %";
        if (text.at[i] == '\\') return "no path that is served has a \\";
        if (text.at[i] != '/') continue;
        ++*ret_deep;
        if (text.at[i + 1] == '/' || (text.at[i + 1] == '.' && strchr("/.", text.at[i + 2])))
            return "a path without empty segments and dots is wanted";
    }
    return *ret_deep > TC_ROUTE_DEEPEST ? "more than 32 segments" : NULL;
}

static void add_route(tc_built *b, tc_config *c, const tc_section *s, tc_site *site,
                      const tc_route *around)
{
    tc_span prefix;
    unsigned deep;
    tc_route *route = tc_build_alloc(c, sizeof *route);
    if (!route) return;
    const char *fault = prefix_of(s->title, &prefix, &deep);
    if (!fault && prefix.len && tc_map_get(&site->by_prefix, prefix))
        fault = "another route of this site has this path";
    if (!fault && !prefix.len && site->whole != around)
        fault = "another route of this site has this path";
    if (fault) {
        tc_config_fault_at(c, s->file, s->line, "route %s: %s", s->title, fault);
        return;
    }
    *route = *around;
    route->prefix = prefix;
    tc_build_route(b, c, s, route);
    if (!prefix.len) {
        site->whole = route;
        site->guards = true; /* those before were held against another one */
    } else if (tc_site_add(site, route, deep) != TC_OK)
        c->no_memory = true;
}

static void add_preloads(tc_built *b, tc_config *c, const tc_section *s, tc_site *site)
{
    if (!s->settings.preload.count && !s->settings.push.count && !s->settings.early_hints) return;
    tc_preloads *p = &b->preloads[b->preload_count++];
    tc_preloads_init(p);
    tc_config_preloads(c, s, p);
    if (!tc_preloads_any(p)) return;
    site->preloads = p;
    b->sites.dressed = true;
}

static tc_site *add_site(tc_built *b, tc_config *c, const tc_section *s)
{
    tc_site *site = tc_build_alloc(c, sizeof *site);
    tc_route *whole = tc_build_alloc(c, sizeof *whole);
    if (!site || !whole) return NULL;
    const tc_settings *v = &s->settings;
    *site = (tc_site){.whole = whole,
                      .to_https = v->redirect_https,
                      .echo = tc_span_str(v->echo),
                      .collections = s->collections};
    tc_map_init(&site->by_prefix, NAMES_MAX, tc_hash_key_random());
    b->all[b->site_count++] = site;
    whole->site = site;
    add_preloads(b, c, s, site);
    tc_build_route(b, c, s, whole);
    for (const tc_section *r = s->first; r && !c->no_memory; r = r->next)
        if (r->scope == TC_SCOPE_ROUTE) add_route(b, c, r, site, whole);
    return site;
}

/* --- folders --------------------------------------------------------------------------------- */

static bool absolute(const char *dir, char path[PATH_MAX])
{
    char here[PATH_MAX];
    int n;
    if (dir[0] == '/')
        n = snprintf(path, PATH_MAX, "%s", dir);
    else
        n = getcwd(here, sizeof here) ? snprintf(path, PATH_MAX, "%s/%s", here, dir) : -1;
    return n > 0 && n < PATH_MAX;
}

const struct tc_built_root *tc_build_root(tc_built *b, tc_config *c, const tc_section *s)
{
    char path[PATH_MAX];
    const char *dir = s->settings.root ? s->settings.root : ".";
    for (uint32_t i = b->root_count; i-- > 0;)
        if (strcmp(b->roots[i].dir, dir) == 0) return &b->roots[i];
    struct tc_built_root *root = &b->roots[b->root_count++];
    *root = (struct tc_built_root){.dir = dir, .fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (root->fd < 0 || faccessat(root->fd, ".", X_OK, AT_EACCESS))
        tc_config_fault(c, s, "root", dir, "%s", strerror(errno));
    if (absolute(dir, path)) root->path = tc_arena_copy(&c->arena, tc_span_str(path)).at;
    root->written = tc_config_writers(c, dir);
    return root;
}

/* --- all of it ------------------------------------------------------------------------------- */

void tc_build(tc_config *c, tc_built *b)
{
    *b = (tc_built){.root_count = 0};
    tc_map_init(&b->sites.by_name, NAMES_MAX, tc_hash_key_random());
    tc_map_init(&b->sites.by_suffix, NAMES_MAX, tc_hash_key_random());
    tc_config_collections(c, &b->collections);
    for (tc_section *s = &c->top; s; s = tc_section_next(s)) {
        tc_config_methods(c, s);
        tc_config_variants(c, s);
        tc_config_asking(c, s);
        tc_config_content(c, s);
    }
    const uint32_t most = c->sections + 1;
    tc_files_config *files = tc_build_alloc(c, most * sizeof *files);
    tc_fields *added = tc_build_alloc(c, most * sizeof *added);
    b->roots = tc_build_alloc(c, most * sizeof *b->roots);
    b->preloads = tc_build_alloc(c, most * sizeof *b->preloads);
    b->all = tc_build_alloc(c, most * sizeof(tc_site *));
    if (c->no_memory) return;
    b->sites.files = files;
    b->sites.added = added;
    if (tc_section_served(&c->top)) b->sites.fallback = add_site(b, c, &c->top);
    for (const tc_section *s = c->top.first; s && !c->no_memory; s = s->next)
        if (s->scope == TC_SCOPE_SITE) {
            tc_site *site = add_site(b, c, s);
            if (site) add_names(b, c, s, site);
        }
    b->sites.dressed |= b->sites.added_count > 0;
    if (!c->no_memory) tc_config_pages(b, c);
}

void tc_built_fini(tc_built *b)
{
    for (uint32_t i = 0; i < b->site_count; i++)
        tc_map_fini(&b->all[i]->by_prefix);
    for (uint32_t i = 0; i < b->preload_count; i++)
        tc_preloads_fini(&b->preloads[i]);
    for (uint32_t i = 0; i < b->root_count; i++)
        if (b->roots[i].fd >= 0) close(b->roots[i].fd);
    tc_map_fini(&b->sites.by_name);
    tc_map_fini(&b->sites.by_suffix);
}
