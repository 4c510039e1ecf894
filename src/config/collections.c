/* collections.c - see collections.h. */
// SPDX-License-Identifier: MIT
#include "config/collections.h"

#include "forms/sessions.h"

/* Two of the same path, or one below another, could not be told apart. */
static bool overlaps(tc_span a, tc_span b)
{
    if (a.len > b.len) return overlaps(b, a);
    return tc_span_starts(b, a) && (a.len == b.len || b.at[a.len] == '/');
}

/* Whether one of the same path is there that is not the same. */
static const char *clashes(const tc_collections *all, uint64_t own, const tc_collection *one)
{
    for (unsigned i = 0; i < all->count; i++) {
        if (own >> i & 1 && overlaps(one->path, all->at[i].path))
            return "it is, or lies below, the path of another collection";
        if (tc_span_eq(one->path, all->at[i].path))
            return "another site has a collection of this path with another key or other members";
    }
    return NULL;
}

/* The text of each, to know it again. */
typedef struct texts {
    const char *at[TC_COLLECTIONS];
} texts;

static void add(tc_config *c, tc_section *s, const char *text, tc_collections *all, texts *known)
{
    for (unsigned i = 0; i < all->count; i++)
        if (strcmp(known->at[i], text) == 0 && !(s->collections >> i & 1)) {
            s->collections |= UINT64_C(1) << i;
            return;
        }
    tc_collection one = {0};
    const char *fault = all->count == TC_COLLECTIONS ? "there are more than 64"
                                                     : tc_collection_parse(tc_span_str(text), &one);
    if (!fault) fault = clashes(all, s->collections, &one);
    if (fault) {
        tc_config_fault(c, s, "records", text, "%s", fault);
        return;
    }
    const tc_settings *top = &c->top.settings;
    if (top->records_requests) one.requests = tc_span_str(top->records_requests);
    one.conditional = top->records_conditional;
    all->at[all->count] = one;
    all->stored[all->count] = one.stored;
    known->at[all->count] = text;
    s->collections |= UINT64_C(1) << all->count++;
}

static void add_forms(tc_config *c, const tc_section *s, tc_collections *all)
{
    const tc_words *forms = &s->settings.form;
    for (size_t i = 0; i < forms->count; i++) {
        const char *fault = tc_collection_form(tc_span_str(forms->at[i]), all->at, all->count);
        if (fault) tc_config_fault(c, s, "form", forms->at[i], "%s", fault);
    }
    all->forms |= forms->count > 0;
}

/* Settings that mean nothing without a collection. */
static void check_alone(tc_config *c, const tc_collections *all)
{
    static const char *const names[] = {"store", "records-requests", "records-conditional", "form"};
    const char *requests = c->top.settings.records_requests;
    for (size_t i = 0; i < sizeof names / sizeof *names && !all->count; i++)
        for (const tc_section *s = &c->top; s; s = tc_section_next(s))
            if (tc_section_has(s, names[i])) {
                tc_config_fault(c, s, names[i], NULL, "it needs records");
                return;
            }
    if (!requests) return;
    if (!*requests || strpbrk(requests, "/?#%"))
        tc_config_fault(c, &c->top, "records-requests", NULL, "one name is wanted");
    if (all->forms && tc_span_eq(tc_span_str(requests), TC_FORM_PLACE))
        tc_config_fault(c, &c->top, "records-requests", NULL, "this is where form is");
}

void tc_config_collections(tc_config *c, tc_collections *all)
{
    texts known;
    *all = (tc_collections){.count = 0};
    for (tc_section *s = &c->top; s; s = tc_section_next(s)) {
        const tc_words *records = &s->settings.records;
        if (!tc_section_has(s, "records")) {
            s->collections = s->parent ? s->parent->collections : 0;
            continue;
        }
        for (size_t i = 0; i < records->count; i++)
            add(c, s, records->at[i], all, &known);
    }
    if (all->count)
        for (tc_section *s = &c->top; s; s = tc_section_next(s))
            if (tc_section_has(s, "form")) add_forms(c, s, all);
    check_alone(c, all);
    all->stored[all->count] = tc_sessions_collection;
}
