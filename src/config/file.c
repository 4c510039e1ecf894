/* file.c - reads a configuration's file, by libconfuse, which no other file names.
 *
 * All values are texts here; what they mean is found out when all is read. The library copies every
 * option that a block may have for each block, and compares the title of a block with those of all
 * before it. So it is told of those options only whose names occur in the file, and a block is
 * taken from it as soon as it ends. */
// SPDX-License-Identifier: MIT
#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/ascii.h"
#include "config/comments.h"
#include "config/config.h"
#include "config/texts.h"

/* Stands behind the text of each file, since the library takes the end of one for that of a block.
 */
static const char last[] = "\nend-of-file()\n";

enum { FILE_MAX = 256 << 20 /* bytes */, FILES_MAX = 10000, OPTIONS_MAX = 512 };

/* A value, until its block ends. */
typedef struct seen {
    const cfg_t *block;
    const cfg_opt_t *option;
    const char *name, *value;
    unsigned line;
    bool limit; /* in limits { } */
    struct seen *next;
} seen;

/* A file that is read, or will be. */
typedef struct text_file {
    const char *name;
    struct text_file *next;
} text_file;

typedef struct reader {
    tc_config *config;
    const char *name;   /* of the file that is read */
    seen *values;       /* of blocks that have not ended, newest first */
    tc_section *routes; /* that have ended, in a site that has not, newest first */
    text_file *files, **files_end;
    unsigned file_count;
    unsigned lines; /* of it */
    bool failed;    /* why the library gives up was said */

    /* what it is told of: the same rows in each kind of block */
    cfg_opt_t server[OPTIONS_MAX], site[OPTIONS_MAX], route[OPTIONS_MAX], limits[OPTIONS_MAX];
} reader;

/* The library hands nothing of ours through to its callbacks. One file is read at a time. */
static reader *reading;

static const char *copy(reader *r, const char *text)
{
    const char *at = tc_arena_copy(&r->config->arena, tc_span_str(text)).at;
    if (!at) r->config->no_memory = true;
    return at;
}

/* --- what the library complains about -------------------------------------------------------- */

static const char *next_limit(void *argument)
{
    size_t *i = argument;
    return *i < tc_limit_row_count ? tc_limit_rows[(*i)++].name : NULL;
}

static const char *next_block(void *argument)
{
    static const char *const names[] = {"site", "route", "limits", "include"};
    size_t *i = argument;
    return *i < sizeof names / sizeof *names ? names[(*i)++] : NULL;
}

/* What others call it, where no name of ours is near. */
static const char *translated(tc_span name)
{
    static const char *const words[][2] = {{"server", "site \"NAME\" { }"},
                                           {"location", "route \"/PATH\" { }"},
                                           {"handle", "route \"/PATH\" { }"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (tc_span_eq(name, tc_span_str(words[i][0]))) return words[i][1];
    return NULL;
}

static void unknown(reader *r, const cfg_t *cfg, tc_span name)
{
    if (tc_span_starts(name, TC_SPAN(";"))) {
        tc_config_fault_at(r->config, r->name, (unsigned)cfg->line,
                           "no ; is wanted: a value ends without it");
        return;
    }
    const bool in_limits = strcmp(cfg->name, "limits") == 0;
    size_t i = 0, j = 0;
    const char *block = in_limits ? NULL : tc_nearest_name(name, next_block, &j);
    const bool misplaced = block && tc_span_eq(name, tc_span_str(block));
    const char *meant = in_limits   ? tc_nearest_name(name, next_limit, &i)
                        : misplaced ? block
                                    : tc_setting_meant(name);
    if (!meant) meant = block;
    if (!in_limits && translated(name)) meant = translated(name);
    if (misplaced)
        tc_config_fault_at(r->config, r->name, (unsigned)cfg->line, "%s cannot stand in %s { }",
                           meant, cfg->name);
    else
        tc_config_fault_at(r->config, r->name, (unsigned)cfg->line, "unknown %s %.*s%s%s%s",
                           in_limits ? "limit" : "setting", TC_FMT(name),
                           meant ? "; did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

/* Its sentences, in ours where ours say more. */
static void complain(cfg_t *cfg, const char *format, va_list arguments)
{
    static const char no_option[] = "no such option '";
    char text[512];
    reader *r = reading;
    if (r->failed) return;
    r->failed = true;
    (void)vsnprintf(text, sizeof text, format, arguments);
    if ((unsigned)cfg->line > r->lines) {
        tc_config_fault_at(
            r->config, r->name, r->lines,
            "the file ends inside of a block or value: a }, a \" or a value is missing");
    } else if (strncmp(text, no_option, sizeof no_option - 1) == 0) {
        const tc_span name = tc_span_str(text + sizeof no_option - 1);
        unknown(r, cfg, tc_span_first(name, tc_span_find(name, '\'')));
    } else {
        const bool brace = strstr(text, "unexpected closing brace");
        tc_config_fault_at(r->config, r->name, (unsigned)cfg->line, "%s",
                           brace ? "a } without its {" : text);
    }
}

/* --- what it reads --------------------------------------------------------------------------- */

/* The library has counted the value already: the first one after a "=" begins a list anew. */
static int on_value(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    reader *r = reading;
    seen *v = tc_arena_alloc(&r->config->arena, sizeof *v);
    const char *name = copy(r, option->name), *text = copy(r, value);
    if (!v || !name || !text) {
        r->config->no_memory = true;
        return -1;
    }
    for (seen **at = &r->values; *at && option->flags & CFGF_LIST && option->nvalues == 1;)
        if ((*at)->option == option)
            *at = (*at)->next;
        else
            at = &(*at)->next;
    const bool limit = strcmp(cfg->name, "limits") == 0;
    *v = (seen){cfg, option, name, text, (unsigned)cfg->line, limit, r->values};
    r->values = v;
    *(const char **)result = text;
    return 0;
}

static void give(reader *r, tc_section *s, const seen *v)
{
    tc_given g = {.value = v->value, .file = r->name, .line = v->line};
    const tc_span name = tc_span_str(v->name);
    if (!v->limit) g.row = tc_setting_of(name);
    for (size_t i = 0; i < tc_limit_row_count && v->limit; i++)
        if (tc_span_eq(name, tc_span_str(tc_limit_rows[i].name))) g.limit = &tc_limit_rows[i];
    if (!s->line) s->line = v->line;
    tc_section_give(r->config, s, &g);
}

/* The values of a block, which has ended, in their order. */
static void take_values(reader *r, tc_section *s, const cfg_t *block)
{
    seen *own = NULL;
    s->file = r->name;
    for (seen **at = &r->values; *at;) {
        seen *v = *at;
        if (v->block != block) {
            at = &v->next;
            continue;
        }
        *at = v->next;
        v->next = own;
        own = v;
    }
    for (; own; own = own->next)
        give(r, s, own);
    if (!s->line) s->line = (unsigned)block->line;
    for (const cfg_opt_t *o = block->opts; o->name; o++) /* lists that were made empty */
        if (o->type == CFGT_STR && o->flags & CFGF_LIST && o->flags & CFGF_MODIFIED && !o->nvalues)
            tc_section_give(r->config, s,
                            &(tc_given){.row = tc_setting_of(tc_span_str(o->name)),
                                        .file = r->name,
                                        .line = (unsigned)block->line});
}

static const cfg_t *ended(const cfg_opt_t *option)
{
    return option->values[option->nvalues - 1]->section;
}

/* They wait for the end of the block around them. */
static int on_limits(cfg_t *cfg, cfg_opt_t *option)
{
    for (seen *v = reading->values; v; v = v->next)
        if (v->block == ended(option)) v->block = cfg;
    return 0;
}

static int on_route(cfg_t *cfg, cfg_opt_t *option)
{
    reader *r = reading;
    const cfg_t *block = ended(option);
    tc_section *s = tc_section_new(r->config, TC_SCOPE_ROUTE, block->title);
    if (!s) return -1;
    take_values(r, s, block);
    (void)cfg_free_value(option); /* there is one: cannot fail */
    if (strcmp(cfg->name, "site") != 0) {
        tc_section_adopt(&r->config->top, s);
        return 0;
    }
    s->next = r->routes;
    r->routes = s;
    return 0;
}

static int on_site(cfg_t *cfg, cfg_opt_t *option)
{
    reader *r = reading;
    const cfg_t *block = ended(option);
    tc_section *s = tc_section_new(r->config, TC_SCOPE_SITE, block->title), *in_order = NULL;
    (void)cfg;
    if (!s) return -1;
    take_values(r, s, block);
    (void)cfg_free_value(option);
    while (r->routes) {
        tc_section *route = r->routes;
        r->routes = route->next;
        route->next = in_order;
        in_order = route;
    }
    while (in_order) {
        tc_section *route = in_order;
        in_order = route->next;
        tc_section_adopt(s, route);
    }
    tc_section_adopt(&r->config->top, s);
    return 0;
}

/* --- which files ----------------------------------------------------------------------------- */

static void add_file(reader *r, const char *name, unsigned line)
{
    for (const text_file *f = r->files; f; f = f->next)
        if (strcmp(f->name, name) == 0) {
            tc_config_fault_at(r->config, r->name, line, "%s is included already", name);
            return;
        }
    text_file *f = tc_arena_alloc(&r->config->arena, sizeof *f);
    const char *kept = copy(r, name);
    if (!f || !kept) {
        r->config->no_memory = true;
    } else if (r->file_count++ == FILES_MAX) {
        tc_config_fault_at(r->config, r->name, line, "more than %d files", FILES_MAX);
    } else {
        *f = (text_file){.name = kept};
        *r->files_end = f;
        r->files_end = &f->next;
    }
}

/* include("sites/all"): what stands there is read when this file is. */
static int on_include(cfg_t *cfg, cfg_opt_t *option, int argc, const char **argv)
{
    char pattern[PATH_MAX];
    glob_t found;
    reader *r = reading;
    (void)option;
    if (r->config->texts) return 0; /* they are among these */
    if (argc != 1) {
        cfg_error(cfg, "include takes one name: include(\"sites/*.conf\")");
        return -1;
    }
    const char *slash = argv[0][0] == '/' ? NULL : strrchr(r->name, '/');
    const int n = snprintf(pattern, sizeof pattern, "%.*s%s",
                           slash ? (int)(slash + 1 - r->name) : 0, r->name, argv[0]);
    if (n < 0 || n >= PATH_MAX) {
        cfg_error(cfg, "include: the name is too long");
        return -1;
    }
    const int error = glob(pattern, 0, NULL, &found);
    for (size_t i = 0; !error && i < found.gl_pathc; i++)
        add_file(r, found.gl_pathv[i], (unsigned)cfg->line);
    if (!error) globfree(&found);
    if (error == 0 || (error == GLOB_NOMATCH && strpbrk(argv[0], "*?["))) return 0;
    cfg_error(cfg, "include: there is no file %s", pattern);
    return -1;
}

static int on_end(cfg_t *cfg, cfg_opt_t *option, int argc, const char **argv)
{
    (void)cfg, (void)option, (void)argc, (void)argv;
    return 0;
}

/* --- what it is told of ---------------------------------------------------------------------- */

static bool word_byte(char c)
{
    return tc_ascii_alpha(c) || tc_ascii_digit(c) || c == '-' || c == '_';
}

/* Whether a name occurs in the text as a word. */
static bool occurs(tc_span text, const char *name)
{
    const size_t len = strlen(name);
    const char *const end = text.at + text.len;
    for (const char *at = text.at; (at = memmem(at, (size_t)(end - at), name, len)); at += len)
        if ((at == text.at || !word_byte(at[-1])) && (at + len == end || !word_byte(at[len])))
            return true;
    return false;
}

static size_t tell_of_settings(tc_span text, cfg_opt_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < tc_setting_count; i++) {
        const tc_setting_row *row = &tc_setting_rows[i];
        if (!occurs(text, row->name)) continue;
        const bool list = tc_setting_option(row)->kind == TC_OPTION_LIST;
        to[n++] = (cfg_opt_t){.name = row->name,
                              .type = CFGT_STR,
                              .flags = CFGF_NODEFAULT | (list ? CFGF_LIST : 0),
                              .parsecb = on_value};
    }
    return n;
}

static size_t tell_of_limits(tc_span text, cfg_opt_t *to)
{
    size_t n = 0;
    for (size_t i = 0; i < tc_limit_row_count; i++)
        if (occurs(text, tc_limit_rows[i].name))
            to[n++] = (cfg_opt_t){.name = tc_limit_rows[i].name,
                                  .type = CFGT_STR,
                                  .flags = CFGF_NODEFAULT,
                                  .parsecb = on_value};
    return n;
}

static void tell(reader *r, tc_span text)
{
    const cfg_opt_t limits = {
        .name = "limits", .type = CFGT_SEC, .subopts = r->limits, .validcb = on_limits};
    const cfg_opt_t route = {.name = "route",
                             .type = CFGT_SEC,
                             .flags = CFGF_MULTI | CFGF_TITLE,
                             .subopts = r->route,
                             .validcb = on_route};
    const cfg_opt_t site = {.name = "site",
                            .type = CFGT_SEC,
                            .flags = CFGF_MULTI | CFGF_TITLE,
                            .subopts = r->site,
                            .validcb = on_site};
    const cfg_opt_t include = {.name = "include", .type = CFGT_FUNC, .func = on_include};
    const cfg_opt_t file_end = {.name = "end-of-file", .type = CFGT_FUNC, .func = on_end};
    const cfg_opt_t end = CFG_END();
    size_t n = tell_of_settings(text, r->route);
    if (occurs(text, "limits")) r->route[n++] = limits;
    memcpy(r->site, r->route, n * sizeof *r->site);
    r->route[n] = end;
    r->site[n++] = route;
    memcpy(r->server, r->site, n * sizeof *r->server);
    r->site[n] = end;
    r->server[n++] = site;
    r->server[n++] = include;
    r->server[n++] = file_end;
    r->server[n] = end;
    r->limits[tell_of_limits(text, r->limits)] = end;
}

/* --- reading --------------------------------------------------------------------------------- */

/* The whole of a file, in the configuration's memory with room for the last line; at is NULL when
 * that was a fault. */
static tc_span load(reader *r)
{
    struct stat st;
    tc_span text = {0};
    const int fd = open(r->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const char *why = NULL;
    if (fd < 0 || fstat(fd, &st)) why = strerror(errno);
    if (!why && !S_ISREG(st.st_mode)) why = "it is no file";
    if (!why && st.st_size > FILE_MAX) why = "it is larger than 256 MiB";
    char *at = why ? NULL : tc_arena_bytes(&r->config->arena, (size_t)st.st_size + sizeof last);
    size_t len = 0;
    while (at && len < (size_t)st.st_size) {
        const ssize_t n = read(fd, at + len, (size_t)st.st_size - len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) why = strerror(errno);
        if (n <= 0) break;
        len += (size_t)n;
    }
    if (fd >= 0) close(fd);
    if (!why && at && memchr(at, 0, len)) why = "it is no text: a byte of it is 0";
    if (why)
        tc_config_fault_at(r->config, r->name, 0, "cannot be read: %s", why);
    else if (!at)
        r->config->no_memory = true;
    else
        text = tc_span_of(at, len);
    if (text.at && len > 2 && memcmp(at, "\xef\xbb\xbf", 3) == 0) memset(at, ' ', 3); /* BOM */
    if (text.at && r->config->kept && tc_texts_add(r->config->kept, r->name, text))
        r->config->no_memory = true;
    return text;
}

/* A text that was loaded. */
static void parse(reader *r, tc_span text)
{
    const size_t len = text.len;
    char *at = (char *)(uintptr_t)text.at;
    tc_comments_blank(at, len);
    memcpy(at + len, last, sizeof last);
    text.len += sizeof last - 1;
    r->values = NULL;
    r->routes = NULL;
    r->lines = len > 0 && text.at[len - 1] != '\n';
    for (size_t i = 0; i < len; i++)
        r->lines += text.at[i] == '\n';
    tell(r, text);
    cfg_t *cfg = cfg_init(r->server, CFGF_NONE);
    FILE *f = fmemopen(at, text.len, "r");
    if (cfg && f) {
        if (asprintf(&cfg->filename, "%s", r->name) < 0) cfg->filename = NULL; /* its to free */
        (void)cfg_set_error_function(cfg, complain);
        r->failed = false;
        const bool good = cfg_parse_fp(cfg, f) == CFG_SUCCESS;
        if (good) take_values(r, &r->config->top, cfg);
        if (!good && !r->failed)
            tc_config_fault_at(r->config, r->name, (unsigned)cfg->line, "this makes no sense");
    } else {
        r->config->no_memory = true;
    }
    if (f) fclose(f);
    if (cfg) cfg_free(cfg);
}

static void read_files(reader *r, const char *file)
{
    add_file(r, file, 0);
    for (const text_file *f = r->files; f && !r->config->no_memory; f = f->next) {
        r->name = f->name;
        const tc_span text = load(r);
        if (text.at) parse(r, text);
    }
}

/* In the order in which they were read. */
static void read_texts(reader *r)
{
    tc_config *c = r->config;
    tc_span name, text;
    off_t at = 0;
    tc_err err = TC_OK;
    while (!c->no_memory &&
           !(err = tc_texts_next(c->texts, &c->arena, &at, sizeof last, &name, &text))) {
        r->name = name.at;
        parse(r, text);
    }
    if (err == TC_ERR_NO_MEMORY) c->no_memory = true;
    if (err == TC_ERR_READ_FILE)
        tc_config_fault_at(c, c->file, 0, "what was kept of it cannot be read");
}

void tc_config_read(tc_config *c, const char *file)
{
    reader *r = tc_alloc_zero(sizeof *r);
    if (!r) {
        c->no_memory = true;
        return;
    }
    r->config = c;
    r->files_end = &r->files;
    c->file = file;
    reading = r;
    if (c->texts)
        read_texts(r);
    else
        read_files(r, file);
    reading = NULL;
    tc_free(r);
}
