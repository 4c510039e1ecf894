/* asking.c - see asking.h. */
// SPDX-License-Identifier: MIT
#include "config/asking.h"

#include "gate/asking.h"

static void add_networks(tc_config *c, const tc_section *s, const char *name, const tc_words *words,
                         tc_asking *a, enum tc_access_list list)
{
    char why[TC_NETWORK_WHY];
    for (size_t i = 0; i < words->count; i++) {
        const tc_err err = tc_access_add(&a->access, list, tc_span_str(words->at[i]), why);
        if (err == TC_ERR_USAGE)
            tc_config_fault(c, s, name, words->at[i], "%s", why);
        else if (err)
            c->no_memory = true;
    }
}

static const char *unless_off(const char *text)
{
    return text && strcmp(text, "off") != 0 ? text : NULL;
}

static void fini_home(void *home)
{
    tc_rate_home_fini(home);
}

/* One for all blocks, once one wants it. */
static tc_rate_home *home_of(tc_config *c)
{
    if (c->rate_home) return c->rate_home;
    tc_rate_home *home = tc_arena_alloc(&c->arena, sizeof *home);
    if (home && tc_rate_home_init(home, c->top.limits) == TC_OK &&
        tc_arena_defer(&c->arena, fini_home, home) == TC_OK)
        c->rate_home = home;
    else
        c->no_memory = true;
    return c->rate_home;
}

static void add_rate(tc_config *c, const tc_section *s, tc_asking *a)
{
    const char *text = unless_off(s->settings.rate);
    if (!text || !home_of(c)) return;
    a->has_rate = tc_rate_rule_make(c->rate_home, tc_span_str(text), &a->rate) == TC_OK;
    if (!a->has_rate) tc_config_fault(c, s, "rate", NULL, "%s", tc_rate_words);
}

static void add_auth(tc_config *c, const tc_section *s, tc_asking *a)
{
    const char *realm = unless_off(s->settings.auth), *file = s->settings.auth_users;
    char why[TC_PASSWORDS_WHY] = "";
    if (realm && !file) tc_config_fault(c, s, "auth", NULL, "it needs auth-users FILE");
    if (!s->settings.auth && file) tc_config_fault(c, s, "auth-users", NULL, "it needs auth REALM");
    if (!realm || !file || !home_of(c)) return;
    const tc_err err = tc_auth_new(realm, file, c->rate_home, c->top.limits, &a->auth, why);
    const bool about_file =
        err == TC_ERR_READ_FILE || tc_span_starts(tc_span_str(why), TC_SPAN("line "));
    if (err == TC_ERR_NO_MEMORY)
        c->no_memory = true;
    else if (err)
        tc_config_fault(c, s, about_file ? "auth-users" : "auth", NULL, "%s", why);
}

/* --- all of it ------------------------------------------------------------------------------- */

/* Whether the block says anything of it itself. */
static bool says(const tc_section *s)
{
    static const char *const names[] = {"trust", "allow", "deny", "rate", "auth", "auth-users"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tc_section_has(s, names[i])) return true;
    return false;
}

static void fini_asking(void *asking)
{
    tc_asking *a = asking;
    tc_access_fini(&a->access);
    tc_auth_free(a->auth);
}

void tc_config_asking(tc_config *c, tc_section *s)
{
    const tc_settings *v = &s->settings;
    s->asking = s->parent ? s->parent->asking : NULL;
    if (s->parent && !says(s)) return;
    s->asking = NULL;
    if (!v->trust.count && !v->allow.count && !v->deny.count && !v->rate && !v->auth &&
        !v->auth_users)
        return;
    tc_asking *a = tc_arena_alloc(&c->arena, sizeof *a);
    if (a) memset(a, 0, sizeof *a);
    if (!a || tc_arena_defer(&c->arena, fini_asking, a) != TC_OK) {
        c->no_memory = true;
        return;
    }
    add_networks(c, s, "trust", &v->trust, a, TC_ACCESS_TRUST);
    add_networks(c, s, "allow", &v->allow, a, TC_ACCESS_ALLOW);
    add_networks(c, s, "deny", &v->deny, a, TC_ACCESS_DENY);
    add_rate(c, s, a);
    add_auth(c, s, a);
    tc_access_seal(&a->access, c->top.limits);
    s->asking = a;
}
