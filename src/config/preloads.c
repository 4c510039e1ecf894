/* preloads.c - see preloads.h. */
// SPDX-License-Identifier: MIT
#include "config/preloads.h"

static void add(tc_config *c, const tc_section *s, const char *name, const tc_words *list,
                tc_preloads *to, bool push)
{
    for (size_t i = 0; i < list->count; i++) {
        const tc_span text = tc_span_str(list->at[i]);
        const bool is_auto = push && tc_span_eq(text, TC_SPAN("auto"));
        if (is_auto || (push && tc_span_eq(text, TC_SPAN("off")))) {
            if (list->count > 1)
                tc_config_fault(c, s, "push", list->at[i], "it goes with no other push");
            to->pushes_links = is_auto;
            continue;
        }
        const tc_err err = tc_preloads_add(to, text, push);
        if (err == TC_ERR_USAGE)
            tc_config_fault(c, s, name, list->at[i],
                            "%sPATH=ASSET[,ASSET...] is wanted, like /=/style.css,/logo.png",
                            push ? "off, auto or " : "");
        else if (err)
            c->no_memory = true;
    }
}

void tc_config_preloads(tc_config *c, const tc_section *s, tc_preloads *preloads)
{
    const tc_settings *v = &s->settings;
    add(c, s, "preload", &v->preload, preloads, false);
    add(c, s, "push", &v->push, preloads, true);
    if (v->early_hints && !preloads->first)
        tc_config_fault(c, s, "early-hints", NULL, "it needs preload, or push with a list");
    preloads->hints = v->early_hints;
}
