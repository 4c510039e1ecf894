/* variants.c - see variants.h. */
// SPDX-License-Identifier: MIT
#include "files/variants.h"

#include <assert.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "files/cache_inside.h"
#include "files/files.h"
#include "http/exchange.h"

enum { ITSELF = -1 };

/* --- names --------------------------------------------------------------------------------- */

/* "/a/page.de.html" of "/a/page.html", with the ending of a coding behind it; what is too long for
 * a path is empty. */
static tc_span name_of(char room[TC_PATH_BYTES], tc_span path, size_t dot, tc_span tag,
                       tc_span ending)
{
    const tc_span parts[] = {tc_span_first(path, dot), tag.len ? TC_SPAN(".") : (tc_span){0}, tag,
                             tc_span_from(path, dot), ending};
    size_t len = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].len == 0) continue;
        if (len + parts[i].len > TC_PATH_BYTES) return (tc_span){0};
        memcpy(room + len, parts[i].at, parts[i].len);
        len += parts[i].len;
    }
    return tc_span_of(room, len);
}

/* Where the ending of the last name begins; path.len where it has none. */
static size_t dot_of(tc_span path)
{
    for (size_t i = path.len; i > 1 && path.at[i - 1] != '/'; i--)
        if (path.at[i - 1] == '.') return path.at[i - 2] == '/' ? path.len : i - 1;
    return path.len;
}

/* The number of the language that the name says itself, as page.en.html does. */
static int language_said(const tc_variants_config *v, tc_span path, size_t dot)
{
    const tc_span stem = tc_span_first(path, dot);
    for (int i = 0; i < v->language_count; i++) {
        const tc_span tag = v->languages[i];
        if (tc_span_ends(stem, tag) && stem.len > tag.len + 1 &&
            stem.at[stem.len - tag.len - 1] == '.' && stem.at[stem.len - tag.len - 2] != '/')
            return i;
    }
    return ITSELF;
}

/* How many languages are to be looked for. */
static int languages_of(const tc_variants_config *v, tc_span path, size_t dot)
{
    return dot < path.len && language_said(v, path, dot) == ITSELF ? v->language_count : 0;
}

/* --- looking ------------------------------------------------------------------------------- */

static enum tc_file_answer look_for(tc_folder *folder, tc_span path, size_t dot, tc_span tag,
                                    tc_span ending, tc_sight *ret_sight)
{
    char room[TC_PATH_BYTES];
    const tc_span name = name_of(room, path, dot, tag, ending);
    return name.len > 0 ? tc_file_look(folder, name, ret_sight) : TC_FILE_MISSING;
}

static bool look_at(tc_folder *folder, tc_span path, size_t dot, tc_span tag, tc_span ending,
                    tc_sight *ret_sight)
{
    return look_for(folder, path, dot, tag, ending, ret_sight) == TC_FILE_FOUND;
}

enum tc_file_answer tc_variants_look(tc_folder *folder, tc_span path, tc_sight *ret_sight)
{
    const tc_variants_config *v = folder->config->variants;
    const enum tc_file_answer answer = tc_file_look(folder, path, ret_sight);
    if (answer != TC_FILE_MISSING || !v) return answer;
    const size_t dot = dot_of(path);
    const int count = languages_of(v, path, dot);
    for (int i = 0; i < count; i++) {
        const enum tc_file_answer found =
            look_for(folder, path, dot, v->languages[i], (tc_span){0}, ret_sight);
        if (found == TC_FILE_FOUND) ret_sight->language = i;
        if (found == TC_FILE_FOUND || found == TC_FILE_BUSY) return found;
    }
    return answer;
}

/* An older one was made of something else. */
static bool may_stand_beside(const tc_file *f, const tc_sight *sight)
{
    return sight->st.st_mtim.tv_sec >= f->mtime_ns / TC_S;
}

/* Whether what was seen, or not, is what is remembered as f, or NULL. */
static bool is(const tc_file *f, bool seen, const tc_sight *sight)
{
    if (seen) close(sight->fd);
    return seen ? f && f->settled && tc_file_same(f, &sight->st) : !f;
}

static bool same_codings(const tc_file *f, size_t dot, const struct tc_variant_row *row,
                         tc_span tag)
{
    tc_sight s;
    for (unsigned c = TC_CODING_GZIP; c < TC_CODINGS; c++) {
        const tc_span ending = tc_coding_ending((enum tc_coding)c);
        bool seen = look_at(f->folder, f->path, dot, tag, ending, &s);
        if (seen && !may_stand_beside(row->of[TC_CODING_IDENTITY], &s)) {
            close(s.fd);
            seen = false;
        }
        if (!is(row->there >> c & 1 ? row->of[c] : NULL, seen, &s)) return false;
    }
    return true;
}

bool tc_variants_same(const tc_file *f, int language)
{
    const tc_variants_config *v = f->folder->config->variants;
    const struct tc_variants *all = f->variants;
    const size_t dot = dot_of(f->path);
    const int count = languages_of(v, f->path, dot);
    size_t known = 1;
    tc_sight s;
    if (all->rows[0].language != language) return false;
    for (int i = 0; i < count; i++) {
        if (i == language) continue;
        const bool seen = look_at(f->folder, f->path, dot, v->languages[i], (tc_span){0}, &s);
        const bool was = known < all->count && all->rows[known].language == i;
        if (!is(was ? all->rows[known].of[TC_CODING_IDENTITY] : NULL, seen, &s)) return false;
        known += was;
    }
    for (size_t i = 0; i < all->count && v->precompressed; i++) {
        const int n = all->rows[i].language;
        const tc_span tag = n == ITSELF ? (tc_span){0} : v->languages[n];
        if (!same_codings(f, dot, &all->rows[i], tag)) return false;
    }
    return true;
}

/* --- finding ------------------------------------------------------------------------------- */

static void adopt(tc_file *entry, tc_file *f, size_t row, enum tc_coding coding)
{
    f->entry = entry;
    f->row = (uint8_t)row;
    f->coding = (uint8_t)coding;
    f->cached = true;
    entry->variants->rows[row].of[coding] = f;
    tc_file_count(f);
}

/* NULL in *ret_file: it is not there, or not for good. */
static tc_err read_variant(tc_file *entry, size_t dot, tc_span tag, enum tc_coding coding,
                           const tc_file *of, int64_t now, tc_file **ret_file)
{
    char room[TC_PATH_BYTES];
    const tc_span name = name_of(room, entry->path, dot, tag, tc_coding_ending(coding));
    tc_sight sight;
    bool whole;
    *ret_file = NULL;
    if (name.len == 0 || tc_file_look(entry->folder, name, &sight) != TC_FILE_FOUND) return TC_OK;
    if (of && !may_stand_beside(of, &sight)) {
        close(sight.fd);
        return TC_OK;
    }
    tc_file *f = tc_file_read(entry->folder, name, &sight, now, &whole);
    if (!f) return TC_ERR_NO_MEMORY;
    if (whole || !of)
        *ret_file = f;
    else
        tc_file_unref(f); /* it is being written: what it is of will do */
    return TC_OK;
}

static tc_err find_languages(tc_file *f, size_t dot, int count, int64_t now)
{
    const tc_variants_config *v = f->folder->config->variants;
    struct tc_variants *all = f->variants;
    for (int i = 0; i < count; i++) {
        tc_file *other;
        if (i == all->rows[0].language) continue;
        const tc_err err =
            read_variant(f, dot, v->languages[i], TC_CODING_IDENTITY, NULL, now, &other);
        if (err) return err;
        if (!other) continue;
        other->language = v->languages[i];
        all->tags[all->count] = v->languages[i];
        all->rows[all->count].language = (int8_t)i;
        all->mask |= UINT32_C(2) << i;
        adopt(f, other, all->count++, TC_CODING_IDENTITY);
    }
    return TC_OK;
}

static tc_err find_codings(tc_file *f, size_t dot, size_t number, int64_t now)
{
    const tc_variants_config *v = f->folder->config->variants;
    struct tc_variant_row *row = &f->variants->rows[number];
    const tc_file *of = row->of[TC_CODING_IDENTITY];
    const tc_span tag = row->language == ITSELF ? (tc_span){0} : v->languages[row->language];
    for (unsigned c = TC_CODING_GZIP; c < TC_CODINGS && v->precompressed; c++) {
        tc_file *beside;
        const tc_err err = read_variant(f, dot, tag, (enum tc_coding)c, of, now, &beside);
        if (err) return err;
        if (!beside) continue;
        beside->type = of->type;
        beside->language = of->language;
        row->there |= (uint8_t)(1 << c);
        adopt(f, beside, number, (enum tc_coding)c);
    }
    return TC_OK;
}

static bool matches(tc_span pattern, tc_span type)
{
    if (tc_span_eq(pattern, TC_SPAN("*")) || tc_span_eq(pattern, TC_SPAN("*/*"))) return true;
    if (!tc_span_ends(pattern, TC_SPAN("/*"))) return tc_span_ieq(pattern, type);
    pattern.len--;
    return tc_span_ieq(pattern, tc_span_first(type, pattern.len));
}

static bool worth_it(const tc_variants_config *v, tc_span type)
{
    static const tc_span usual[] = {{"text/*", 6},
                                    {"application/json", 16},
                                    {"application/ld+json", 19},
                                    {"application/manifest+json", 25},
                                    {"application/xml", 15},
                                    {"application/xhtml+xml", 21},
                                    {"application/atom+xml", 20},
                                    {"application/rss+xml", 19},
                                    {"application/yaml", 16},
                                    {"application/wasm", 16},
                                    {"application/rtf", 15},
                                    {"image/svg+xml", 13},
                                    {"image/bmp", 9},
                                    {"font/ttf", 8},
                                    {"font/otf", 8}};
    const tc_span *types = v->type_count ? v->types : usual;
    const size_t count = v->type_count ? v->type_count : sizeof usual / sizeof *usual;
    type = tc_span_trim(tc_span_first(type, tc_span_find(type, ';')));
    for (size_t i = 0; i < count; i++)
        if (matches(types[i], type)) return true;
    return false;
}

static uint8_t codings_to_make(const tc_variants_config *v, const tc_file *f)
{
    if (!v->compress || f->size < v->least || !worth_it(v, f->type)) return 0;
    if (f->size <= f->cache->limits->compress_file) return v->compress;
    f->cache->reached->compress_file++;
    return 0;
}

unsigned tc_variant_codings(const struct tc_variant_row *row)
{
    const tc_file *f = row->of[TC_CODING_IDENTITY];
    const bool can = f->size <= f->cache->limits->compress_file;
    return row->there | (can ? f->folder->config->variants->compress : 0U);
}

/* What all of a row's say of how they were chosen. */
static tc_span vary_of(const struct tc_variants *all, const struct tc_variant_row *row)
{
    const bool codings = row->there | row->makes, languages = all->count > 1;
    return codings && languages ? TC_SPAN("Accept-Encoding, Accept-Language")
           : codings            ? TC_SPAN("Accept-Encoding")
           : languages          ? TC_SPAN("Accept-Language")
                                : (tc_span){0};
}

static tc_err describe_all(tc_file *f)
{
    struct tc_variants *all = f->variants;
    for (size_t i = 0; i < all->count; i++)
        for (unsigned c = 0; c < TC_CODINGS; c++) {
            tc_file *one = all->rows[i].of[c];
            if (!one) continue;
            one->vary = vary_of(all, &all->rows[i]);
            all->choice |= one->vary.len > 0;
            const tc_err err = one == f ? TC_OK : tc_file_describe(one, (tc_span){0});
            if (err) return err;
        }
    return TC_OK;
}

tc_err tc_variants_find(tc_file *f, int language, int64_t now)
{
    const tc_variants_config *v = f->folder->config->variants;
    const size_t dot = dot_of(f->path);
    const int said = dot < f->path.len ? language_said(v, f->path, dot) : ITSELF;
    const int count = languages_of(v, f->path, dot);
    struct tc_variants *all = tc_arena_alloc(&f->arena, sizeof *all);
    const size_t most = 1 + (size_t)count;
    if (!all) return TC_ERR_NO_MEMORY;
    *all = (struct tc_variants){
        .rows = tc_arena_alloc(&f->arena, most * sizeof *all->rows),
        .tags = tc_arena_alloc(&f->arena, most * sizeof *all->tags),
        .count = 1,
        .mask = language == ITSELF ? 1 : UINT32_C(2) << language,
    };
    if (!all->rows || !all->tags) return TC_ERR_NO_MEMORY;
    memset(all->rows, 0, most * sizeof *all->rows);
    if (language != ITSELF || said != ITSELF)
        f->language = v->languages[language != ITSELF ? language : said];
    all->rows[0].of[TC_CODING_IDENTITY] = f;
    all->rows[0].language = (int8_t)language;
    all->tags[0] = f->language;
    f->variants = all;
    tc_err err = find_languages(f, dot, count, now);
    for (size_t i = 0; i < all->count && !err; i++) {
        all->rows[i].makes = codings_to_make(v, all->rows[i].of[TC_CODING_IDENTITY]);
        err = find_codings(f, dot, i, now);
    }
    return err ? err : describe_all(f);
}

void tc_variants_drop(tc_file *f)
{
    struct tc_variants *all = f->variants;
    f->variants = NULL;
    for (size_t i = 0; i < all->count; i++)
        for (unsigned c = 0; c < TC_CODINGS; c++) {
            tc_file *one = all->rows[i].of[c];
            if (!one || one == f) continue;
            if (one->made) tc_file_unlink(&one->cache->results, one);
            tc_file_discount(one);
            one->cached = false;
            tc_file_unref(one);
        }
}

/* --- choosing ------------------------------------------------------------------------------ */

/* The lookup with a memory for what was asked before. */
static size_t recall(struct tc_language_memo *memo, const struct tc_files_config *config,
                     const struct tc_variants *all, const tc_fields *request)
{
    tc_span line, second;
    uint32_t cursor = 0;
    if (!tc_fields_next(request, TC_FIELD_ACCEPT_LANGUAGE, &cursor, &line)) return 0;
    if (line.len > TC_LANGUAGE_MEMO_BYTES ||
        tc_fields_next(request, TC_FIELD_ACCEPT_LANGUAGE, &cursor, &second))
        return tc_language_lookup(request, all->tags, all->count);
    for (unsigned i = 0; i < TC_LANGUAGE_MEMO_PLACES; i++)
        if (memo->places[i].config == config && memo->places[i].mask == all->mask &&
            tc_span_eq(tc_span_of(memo->places[i].text, memo->places[i].len), line))
            return memo->places[i].row;
    const unsigned i = memo->next++ % TC_LANGUAGE_MEMO_PLACES;
    memo->places[i].config = config;
    memo->places[i].mask = all->mask;
    memo->places[i].len = (uint8_t)line.len;
    memo->places[i].row = (uint8_t)tc_language_lookup(request, all->tags, all->count);
    if (line.len) memcpy(memo->places[i].text, line.at, line.len);
    return memo->places[i].row;
}

static size_t choose_row(tc_file *f, const tc_fields *request)
{
    tc_file_cache *c = f->cache;
    if (f->variants->count == 1) return 0;
    if (!c->languages) c->languages = tc_alloc_zero(sizeof *c->languages);
    if (!c->languages) return tc_language_lookup(request, f->variants->tags, f->variants->count);
    return recall(c->languages, f->folder->config, f->variants, request);
}

tc_file *tc_variant_spoken(tc_file *f, const tc_fields *request)
{
    return f->variants ? f->variants->rows[choose_row(f, request)].of[TC_CODING_IDENTITY] : f;
}

tc_span tc_variant_path(tc_file *f, const tc_fields *request, char room[TC_PATH_BYTES])
{
    const int n = f->variants ? f->variants->rows[choose_row(f, request)].language : ITSELF;
    if (n == ITSELF) return (tc_span){0};
    return name_of(room, f->path, dot_of(f->path), f->folder->config->variants->languages[n],
                   (tc_span){0});
}

tc_variant_choice tc_variant_choose(tc_file *f, const tc_fields *request)
{
    const size_t number = choose_row(f, request);
    struct tc_variant_row *row = &f->variants->rows[number];
    const unsigned available = row->there | row->makes;
    if (!tc_fields_has(request, TC_FIELD_ACCEPT_ENCODING))
        return (tc_variant_choice){row, TC_CODING_IDENTITY};
    const uint8_t *order = f->folder->config->variants->order;
    const tc_coding_wish wish = tc_coding_recall(&f->cache->codings, request);
    enum tc_coding coding = tc_coding_choose(&wish, available, order);
    if (coding == TC_CODING_NONE) coding = tc_coding_choose(&wish, tc_variant_codings(row), order);
    return (tc_variant_choice){row, coding};
}
