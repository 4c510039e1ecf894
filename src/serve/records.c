/* records.c - see records.h. */
// SPDX-License-Identifier: MIT
#include "serve/records.h"

#include <stdio.h>
#include <string.h>

#include "records/document.h"
#include "run/authority.h"

static int complain(tc_err err, const char *why)
{
    fprintf(stderr, "tercet: %s%s%s\n", tc_err_sentence(err), *why ? ": " : "", why);
    return tc_err_exit(err);
}

/* In the user's state folder, where none is named. */
static bool find_place(const char *store, tc_record_place *p)
{
    tc_authority_files state;
    if (store) return snprintf(p->where, sizeof p->where, "%s", store) < (int)sizeof p->where;
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

int tc_records_open(const char *store, const tc_limits *limits, tc_record_place *p)
{
    char why[TC_STORE_WHY];
    const tc_collections *c = &p->collections;
    if (!c->count) return 0;
    if (!find_place(store, p))
        return complain(TC_ERR_STORE_FILE, "there is no state folder; name a file with --store");
    tc_document_init();
    const tc_err err =
        tc_store_open(p->where, c->stored, c->count + c->forms, limits, &p->store, why);
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
