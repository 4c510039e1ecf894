/* jar_case.c - see jar_case.h. */
// SPDX-License-Identifier: MIT
#include "support/jar_case.h"

#include "support/check.h"

void refused(void *self, tc_span name, const char *why)
{
    world *w = self;
    (void)name;
    w->why = why;
    w->refused++;
}

void jar_begin(world *w)
{
    *w = (world){.limits = tc_limits_default};
    tc_jar_init(&w->jar, &w->limits, &w->reached);
    assert_non_null(w->jar.suffixes.list);
    w->jar.refused = refused;
    w->jar.self = w;
    tc_arena_init(&w->arena, NULL, 0, ARENA);
}

void jar_end(world *w)
{
    tc_jar_fini(&w->jar);
    tc_arena_fini(&w->arena);
}

tc_url jar_url_of(world *w, const char *text)
{
    tc_url url;
    assert_int_equal(tc_url_parse(&w->arena, tc_span_str(text), &url), TC_OK);
    return url;
}

bool jar_take(world *w, const char *url, const char *cookie)
{
    const tc_url from = jar_url_of(w, url);
    return tc_jar_take(&w->jar, &from, check_edge(tc_span_str(cookie)), NOW);
}

tc_span jar_chosen_at(world *w, const char *text, bool led, bool safe, int64_t now_s)
{
    const tc_url url = jar_url_of(w, text);
    const tc_jar_request request = {.url = &url, .led_by_others = led, .safe = safe};
    tc_span value;
    assert_int_equal(tc_jar_choose(&w->jar, &w->arena, &request, now_s, &value), TC_OK);
    return value;
}

tc_span jar_chosen(world *w, const char *url)
{
    return jar_chosen_at(w, url, false, true, NOW);
}
