/* tunnels.c - see tunnels.h. */
// SPDX-License-Identifier: MIT
#include "config/tunnels.h"

#include "tunnel/tunnel.h"

static void forget(void *tunnels)
{
    tc_tunnel_rules_fini(&((tc_tunnel_config *)tunnels)->rules);
}

void tc_config_tunnels(tc_config *c)
{
    char why[TC_TUNNEL_WHY];
    const tc_words *list = &c->top.settings.connect;
    c->tunnels = NULL;
    if (!list->count) return;
    tc_tunnel_config *t = tc_arena_alloc(&c->arena, sizeof *t);
    c->no_memory |= !t;
    if (!t) return;
    *t = (tc_tunnel_config){.lookup = NULL};
    if (tc_arena_defer(&c->arena, forget, t) != TC_OK) {
        c->no_memory = true;
        return;
    }
    for (size_t i = 0; i < list->count && !c->no_memory; i++) {
        const tc_err err = tc_tunnel_rules_add(&t->rules, tc_span_str(list->at[i]), why);
        if (err == TC_ERR_USAGE)
            tc_config_fault(c, &c->top, "connect", list->at[i], "%s", why);
        else if (err)
            c->no_memory = true;
    }
    c->tunnels = t;
}
