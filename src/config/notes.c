/* notes.c - see notes.h. */
// SPDX-License-Identifier: MIT
#include "config/notes.h"

#include "config/check.h"
#include "gate/asking.h"

static bool asks_in_clear(const tc_section *s)
{
    return s->asking && s->asking->auth && !s->settings.redirect_https;
}

static bool anybody_writes(const tc_section *s)
{
    return s->uploads && (!s->asking || (!s->asking->auth && !s->asking->access.only_allowed));
}

/* In a block, and in none around it: there it was said already. */
static bool begins(const tc_section *s, bool (*holds)(const tc_section *s))
{
    if (!tc_section_served(s) || !holds(s)) return false;
    for (const tc_section *around = s->parent; around; around = around->parent)
        if (tc_section_served(around) && holds(around)) return false;
    return true;
}

/* Whoever comes from a server whose first site is for all others as well may think so of this one.
 */
static bool serves_nobody(const tc_section *top)
{
    if (tc_section_served(top) || !tc_section_by_file(top, "root")) return false;
    for (const tc_section *s = top->first; s; s = s->next) {
        tc_span names = tc_span_str(s->title);
        while (s->scope == TC_SCOPE_SITE && names.len) {
            const tc_span name = tc_span_take(&names, tc_span_find(names, ' '));
            if (tc_span_eq(name, TC_SPAN("default"))) return false;
            names = tc_span_trim(names);
        }
    }
    return true;
}

bool tc_config_speaks_clear(const tc_config *c)
{
    const tc_words *urls = &c->top.settings.listen;
    for (size_t i = 0; i < urls->count; i++)
        if (!tc_config_is_secure(urls->at[i])) return true;
    return !urls->count; /* the default has both */
}

void tc_config_notes(const tc_config *c, bool clear,
                     void (*say)(const tc_section *s, const char *sentence))
{
    if (serves_nobody(&c->top))
        say(&c->top, "root: hosts that no site names get 421, and nothing of it; "
                     "site \"default\" { } serves them");
    for (const tc_section *s = &c->top; s; s = tc_section_next(s)) {
        if (clear && begins(s, asks_in_clear))
            say(s, "auth over http://: whoever is on the way reads the passwords; redirect-https "
                   "comes before it");
        if (begins(s, anybody_writes))
            say(s, "writable, with neither auth nor allow: whoever may ask may write");
    }
}
