/* fuzz_patterns.c - the small languages of settings: comments, patterns of paths and of
 * redirections, fields that are added. The first byte picks one, and lines are its texts. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/glob.h"
#include "config/comments.h"
#include "http/target.h"
#include "site/added.h"
#include "site/fixed.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

enum { MOST = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tc_span take_line(tc_span *rest)
{
    const tc_span line = tc_span_first(*rest, tc_span_find(*rest, '\n'));
    *rest = tc_span_from(*rest, line.len + 1);
    return line;
}

/* Lines stay, and blanks are all that is new; once is enough. */
static void comments(tc_span s)
{
    char *once = malloc(s.len + 1), *twice = malloc(s.len + 1);
    MUST(once && twice);
    if (s.len) memcpy(once, s.at, s.len);
    tc_comments_blank(once, s.len);
    for (size_t i = 0; i < s.len; i++)
        MUST(once[i] == s.at[i] || (once[i] == ' ' && s.at[i] != '\n'));
    memcpy(twice, once, s.len);
    tc_comments_blank(twice, s.len);
    MUST(memcmp(once, twice, s.len) == 0);
    free(once);
    free(twice);
}

static void globs(tc_span s)
{
    const tc_span pattern = take_line(&s);
    if (pattern.len + s.len > 512) return;
    const bool matches = tc_glob(pattern, s);
    if (tc_span_find(pattern, '*') == pattern.len && tc_span_find(pattern, '?') == pattern.len &&
        tc_span_find(pattern, '/') < pattern.len)
        MUST(matches == tc_span_eq(pattern, s));
    MUST(tc_glob(TC_SPAN("**"), s) || tc_span_find(s, '/') < s.len);
}

static tc_span location(tc_exchange *x)
{
    for (uint32_t i = 0; i < x->ours.fields.count; i++)
        if (x->ours.fields.at[i].id == TC_FIELD_LOCATION) return x->ours.fields.at[i].value;
    return (tc_span){0};
}

/* A pattern, a prefix and a path: the request leads to no host that the pattern does not name. */
static void redirections(tc_span s)
{
    static tc_exchange x; /* large */
    tc_fixed f;
    tc_target target;
    const tc_span pattern = take_line(&s), prefix = take_line(&s);
    if (tc_fixed_redirect(pattern, prefix, &f) != NULL) return;
    MUST(f.status >= 300 && f.status <= 399 && f.to.len);
    if (tc_target_parse(TC_METHOD_GET, s, &target) || target.form != TC_ORIGIN_FORM) return;
    tc_exchange_init(&x, 1, 1 << 20);
    x.theirs.method = TC_METHOD_GET;
    x.theirs.version = TC_HTTP_1_1;
    x.theirs.path = s;
    x.theirs.authority = TC_SPAN("h");
    const bool answered = tc_fixed_handler.on_head(&f, &x) == TC_OK;
    const tc_span to = location(&x);
    if (answered && (f.to.at[0] == '/' || f.to.at[0] == '{'))
        MUST(to.len && (to.len < 2 || to.at[0] != '/' || (to.at[1] != '/' && to.at[1] != '\\')));
    const size_t end = f.to.len - 6;
    if (answered && tc_span_ends(f.to, TC_SPAN("{rest}")) &&
        tc_span_starts(f.to, TC_SPAN("https://")) && tc_span_find(f.to, '{') == end)
        MUST(to.len == end || to.at[end] == '/' || to.at[end] == '?');
    tc_exchange_fini(&x);
}

static void answers(tc_span s)
{
    tc_fixed f;
    if (tc_fixed_answer(s, &f) != NULL) return;
    MUST(f.status >= 200 && f.status <= 599 && f.text.len <= s.len);
    MUST(f.status != 204 || !f.text.len);
}

static void fields(tc_span s)
{
    tc_arena a;
    tc_fields all = {0};
    uint32_t good = 0;
    tc_arena_init(&a, NULL, 0, 1 << 20);
    while (s.len)
        if (!tc_added_parse(take_line(&s), &a, &all)) good++;
    MUST(all.count == good);
    for (uint32_t i = 0; i < all.count; i++)
        MUST(all.at[i].name.len && tc_span_find(all.at[i].value, '\r') == all.at[i].value.len &&
             !tc_span_ieq(all.at[i].name, TC_SPAN("content-length")));
    tc_arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(tc_span) = {comments, globs, redirections, answers, fields};
    if (size == 0 || size > MOST) return 0;
    readers[data[0] % (sizeof readers / sizeof *readers)](
        tc_span_of((const char *)data + 1, size - 1));
    return 0;
}
