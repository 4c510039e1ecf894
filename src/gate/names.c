/* names.c - see names.h. */
// SPDX-License-Identifier: MIT
#include "gate/names.h"

#include "http/coding.h"

#define PAGE TC_SPAN(".html")

/* Where the last name of a path begins. */
static size_t last_name(tc_span path)
{
    size_t at = path.len;
    while (at > 0 && path.at[at - 1] != '/')
        at--;
    return at;
}

/* Whether there is something before that ending in the last name. */
static bool ends(tc_span path, tc_span ending)
{
    return tc_span_ends(path, ending) && path.len > last_name(path) + ending.len;
}

static void add(tc_name *to, unsigned *count, tc_name name)
{
    to[(*count)++] = name;
    if (!ends(name.path, PAGE)) return;
    name.path.len -= PAGE.len;
    name.without |= TC_NAME_PAGE;
    to[(*count)++] = name;
}

/* "/a/page.de.html" without its language; at NULL where it can have none, or without memory. */
static tc_err add_spoken(tc_arena *a, tc_name name, tc_name *to, unsigned *count)
{
    const size_t begin = last_name(name.path);
    size_t dot = name.path.len, before;
    while (dot > begin && name.path.at[dot - 1] != '.')
        dot--;
    if (dot <= begin + 1) return TC_OK;
    before = --dot;
    while (before > begin && name.path.at[before - 1] != '.')
        before--;
    if (before <= begin + 1 || before == dot) return TC_OK;
    before--;
    const size_t rest = name.path.len - dot;
    char *at = tc_arena_bytes(a, before + rest);
    if (!at) return TC_ERR_NO_MEMORY;
    memcpy(at, name.path.at, before);
    memcpy(at + before, name.path.at + dot, rest);
    name.language = tc_span_of(name.path.at + before + 1, dot - before - 1);
    name.without |= TC_NAME_LANGUAGE;
    name.path = tc_span_of(at, before + rest);
    add(to, count, name);
    return TC_OK;
}

tc_err tc_names_of(tc_arena *a, tc_span path, tc_name ret_names[TC_NAMES_MAX], unsigned *ret_count)
{
    tc_name name = {.path = path}, all[TC_NAMES_MAX + 1]; /* the first is the path itself */
    unsigned count = 0;
    add(all, &count, name);
    for (unsigned c = TC_CODING_GZIP; c < TC_CODINGS; c++) {
        const tc_span ending = tc_coding_ending((enum tc_coding)c);
        if (!ends(path, ending)) continue;
        name.path.len -= ending.len;
        name.without = TC_NAME_CODING;
        add(all, &count, name);
        break;
    }
    const tc_err err = add_spoken(a, name, all, &count);
    if (err) return err;
    for (unsigned i = 1; i < count; i++)
        ret_names[i - 1] = all[i];
    *ret_count = count - 1;
    return TC_OK;
}

bool tc_name_counts(const tc_name *name, const tc_naming *naming)
{
    if (name->without & TC_NAME_PAGE && !naming->clean_urls) return false;
    if (!(name->without & TC_NAME_LANGUAGE)) return true;
    for (unsigned i = 0; i < naming->language_count; i++)
        if (tc_span_eq(naming->languages[i], name->language)) return true;
    return false;
}
