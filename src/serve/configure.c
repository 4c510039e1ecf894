/* configure.c - see configure.h. */
// SPDX-License-Identifier: MIT
#include "serve/configure.h"

#include <stdio.h>

#include "config/check.h"
#include "config/tunnels.h"

bool tc_configure(tc_config *c, const char *file, tc_built *ret_built)
{
    if (file) tc_config_read(c, file);
    if (!c->no_memory) tc_config_resolve(c);
    *ret_built = (tc_built){.root_count = 0};
    if (!c->no_memory && !c->fault_count) {
        tc_config_check(c);
        tc_config_tunnels(c);
        tc_build(c, ret_built);
    }
    return !c->fault_count && !c->no_memory;
}

void tc_configure_note(const tc_section *s, const char *sentence)
{
    static const char *const kinds[] = {
        [TC_SCOPE_SERVER] = "server", [TC_SCOPE_SITE] = "site ", [TC_SCOPE_ROUTE] = "route "};
    const tc_section *around = s->parent;
    fprintf(stderr, "  note     %s%s", kinds[s->scope], s->title ? s->title : "");
    if (around && around->title) fprintf(stderr, " of site %s", around->title);
    fprintf(stderr, ": %s\n", sentence);
}

int tc_configure_complain(const tc_command *command, const tc_config *c)
{
    tc_span faults = tc_buf_span(&c->faults);
    while (faults.len) {
        const tc_span line = tc_span_take(&faults, tc_span_find(faults, '\n') + 1);
        fprintf(stderr, "tercet: %.*s", TC_FMT(line));
    }
    if (c->fault_count > TC_CONFIG_FAULTS)
        fprintf(stderr, "        and %u more faults\n", c->fault_count - TC_CONFIG_FAULTS);
    if (c->no_memory) fprintf(stderr, "tercet: %s\n", tc_err_sentence(TC_ERR_NO_MEMORY));
    if (c->by_option)
        fprintf(stderr, "        tercet help %s shows what it takes\n", command->name);
    return tc_err_exit(c->no_memory ? TC_ERR_NO_MEMORY : TC_ERR_USAGE);
}
