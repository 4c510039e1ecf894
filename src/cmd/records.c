/* records.c - see records.h. */
// SPDX-License-Identifier: MIT
#include "cmd/records.h"

#include <stdio.h>
#include <string.h>

#include "cmd/authority.h"
#include "site/document.h"

static int complain(tc_err err, const char *why)
{
    fprintf(stderr, "tercet: %s%s%s\n", tc_err_sentence(err), *why ? ": " : "", why);
    return tc_err_exit(err);
}

/* Two of the same path, or one below another, could not be told apart. */
static bool overlaps(tc_span a, tc_span b)
{
    if (a.len > b.len) return overlaps(b, a);
    return tc_span_starts(b, a) && (a.len == b.len || b.at[a.len] == '/');
}

static int parse(const tc_command *c, const tc_record_settings *s, tc_record_place *p)
{
    for (size_t i = 0; i < s->collections.count; i++) {
        tc_collection *to = &p->collections[p->count];
        const char *text = s->collections.at[i];
        const char *fault = p->count == TC_COLLECTIONS ? "there are more than 64"
                                                       : tc_collection_parse(tc_span_str(text), to);
        for (unsigned other = 0; other < p->count && !fault; other++)
            if (overlaps(to->path, p->collections[other].path))
                fault = "it is, or lies below, the path of another collection";
        if (fault) return tc_command_complain(c, "--records %s: %s", text, fault);
        if (s->requests) to->requests = tc_span_str(s->requests);
        to->conditional = s->conditional;
        p->stored[p->count++] = to->stored;
    }
    return 0;
}

static int parse_forms(const tc_command *c, const tc_record_settings *s, tc_record_place *p)
{
    for (size_t i = 0; i < s->forms.count; i++) {
        const char *fault =
            tc_collection_form(tc_span_str(s->forms.at[i]), p->collections, p->count);
        if (fault) return tc_command_complain(c, "--form %s: %s", s->forms.at[i], fault);
    }
    p->forms = s->forms.count > 0;
    p->stored[p->count] = tc_sessions_collection;
    return 0;
}

/* In the user's state folder, where none is named. */
static bool find_place(const tc_record_settings *s, tc_record_place *p)
{
    tc_authority_files state;
    if (s->store) return snprintf(p->where, sizeof p->where, "%s", s->store) < (int)sizeof p->where;
    if (!tc_authority_names(&state) || !tc_authority_folder(&state)) return false;
    (void)snprintf(p->where, sizeof p->where, "sqlite:%s/records.db", state.folder);
    return true;
}

/* In a thread of the store's; one call writes one line. */
static void tell(void *self, const char *why)
{
    (void)self;
    if (why)
        fprintf(stderr, "tercet: the database of records fails: %s\n", why);
    else
        fprintf(stderr, "tercet: the database of records works again\n");
}

int tc_records_open(const tc_command *c, const tc_record_settings *s, const tc_limits *limits,
                    tc_record_place *p)
{
    char why[TC_STORE_WHY];
    const char *alone = s->store         ? "store"
                        : s->requests    ? "records-requests"
                        : s->conditional ? "records-conditional"
                        : s->forms.count ? "form"
                                         : NULL;
    if (!s->collections.count)
        return alone ? tc_command_complain(c, "--%s needs --records", alone) : 0;
    if (s->requests && (!*s->requests || strpbrk(s->requests, "/?#%")))
        return tc_command_complain(c, "--records-requests %s: one name is wanted", s->requests);
    if (s->requests && s->forms.count && tc_span_eq(tc_span_str(s->requests), TC_FORM_PLACE))
        return tc_command_complain(c, "--records-requests %s: this is where --form is",
                                   s->requests);
    int code = parse(c, s, p);
    if (!code) code = parse_forms(c, s, p);
    if (code) return code;
    if (!find_place(s, p))
        return complain(TC_ERR_STORE_FILE, "there is no state folder; name a file with --store");
    tc_document_init();
    const tc_err err =
        tc_store_open(p->where, p->stored, p->count + p->forms, limits, &p->store, why);
    if (err) return complain(err, why);
    tc_store_watch(p->store, tell, NULL);
    return 0;
}

void tc_records_report(const tc_record_place *p)
{
    if (!p->store) return;
    const tc_store_counts n = tc_store_count(p->store);
    if (n.writes)
        fprintf(stderr, "  records  %llu write%s in %llu sync%s\n", (unsigned long long)n.writes,
                n.writes == 1 ? "" : "s", (unsigned long long)n.syncs, n.syncs == 1 ? "" : "s");
}
