/* glob.c - see glob.h. Two places to come back to are enough: a later star of a kind makes an
 * earlier one of that kind final, since what it took was the least that could be taken. */
// SPDX-License-Identifier: MIT
#include "base/glob.h"

enum { NOWHERE = -1 };

/* Where to go on if what comes next does not match. */
typedef struct place {
    ptrdiff_t pattern; /* behind the star; NOWHERE: there was none */
    size_t path;       /* what the star has taken ends here */
} place;

static size_t double_star(tc_span p, size_t at)
{
    if (at + 1 >= p.len || p.at[at] != '*' || p.at[at + 1] != '*') return 0;
    const bool folders = at > 0 && p.at[at - 1] == '/' && at + 2 < p.len && p.at[at + 2] == '/';
    return folders ? 3 : 2; /* of whole folders: the "/" behind them, too */
}

static bool matches(tc_span p, tc_span s)
{
    place one = {NOWHERE, 0}, all = {NOWHERE, 0};
    size_t i = 0, j = 0;
    bool folders = false; /* what "**" takes ends with "/", or is nothing */
    for (;;) {
        const size_t star = i < p.len ? double_star(p, i) : 0;
        if (star) {
            i += star;
            folders = star == 3;
            all = (place){(ptrdiff_t)i, j};
            one.pattern = NOWHERE;
        } else if (i < p.len && p.at[i] == '*') {
            one = (place){(ptrdiff_t)++i, j};
        } else if (i == p.len && j == s.len) {
            return true;
        } else if (i < p.len && j < s.len &&
                   (p.at[i] == s.at[j] || (p.at[i] == '?' && s.at[j] != '/'))) {
            i++, j++;
        } else if (one.pattern != NOWHERE && one.path < s.len && s.at[one.path] != '/') {
            i = (size_t)one.pattern;
            j = ++one.path;
        } else if (all.pattern != NOWHERE && all.path < s.len) {
            do
                all.path++;
            while (folders && all.path < s.len && s.at[all.path - 1] != '/');
            if (folders && s.at[all.path - 1] != '/') return false;
            i = (size_t)all.pattern;
            j = all.path;
            one.pattern = NOWHERE;
        } else {
            return false;
        }
    }
}

bool tc_glob(tc_span pattern, tc_span path)
{
    if (tc_span_find(pattern, '/') < pattern.len) return matches(pattern, path);
    size_t name = path.len;
    while (name > 0 && path.at[name - 1] != '/')
        name--;
    return matches(pattern, tc_span_from(path, name));
}
