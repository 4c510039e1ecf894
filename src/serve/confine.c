/* confine.c - see confine.h. Each setting that is a path is allowed, by what it is for: so a new
 * one works without a word here, to be read. Files are allowed with the folder around them, since
 * they are replaced, not rewritten: certificates, logs, databases. */
// SPDX-License-Identifier: MIT
#include "serve/confine.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run/authority.h"
#include "serve/sandbox.h"
#include "serve/seccomp.h"
#include "serve/serve_run.h"

/* What libraries look at later: names of hosts, random numbers, the time zone, and what TLS may do.
 */
static const char *const always[] = {"/dev/null",
                                     "/dev/urandom",
                                     "/etc/gnutls",
                                     "/etc/hosts",
                                     "/etc/host.conf",
                                     "/etc/nsswitch.conf",
                                     "/etc/gai.conf",
                                     "/etc/resolv.conf",
                                     "/etc/services",
                                     "/etc/ld.so.cache",
                                     "/etc/localtime",
                                     "/usr/share/zoneinfo",
                                     "/run/systemd/resolve",
                                     "/usr/lib",
                                     "/usr/lib64",
                                     "/proc/self"};

static const struct {
    const char *name;
    unsigned rights;
    bool folder; /* the setting names a folder, not a file in one */
} special[] = {{"access-log", TC_SANDBOX_APPEND, false},
               {"qlog", TC_SANDBOX_APPEND, true},
               {"store", TC_SANDBOX_WRITE, false},
               {"root", TC_SANDBOX_READ, true}};

/* Another folder may be put in the place of this one: where it is a link, beside what that leads
 * to; else beside it, if the folder around is made for that, and not /, /srv or somebody's home. */
static tc_err allow_place(tc_sandbox *s, const char *path)
{
    char real[PATH_MAX], around[PATH_MAX];
    const char *home = getenv("HOME");
    const tc_err err = tc_sandbox_allow(s, path, TC_SANDBOX_READ);
    if (err || !realpath(path, real)) return err;
    memcpy(around, real, sizeof around);
    char *slash = strrchr(around, '/');
    *slash = '\0';
    if (!strchr(around + (around[0] == '/'), '/') || (home && strcmp(around, home) == 0))
        return TC_OK;
    return tc_sandbox_allow(s, around, TC_SANDBOX_READ);
}

static tc_err allow_value(tc_sandbox *s, const tc_setting_row *row, const char *value)
{
    unsigned rights = TC_SANDBOX_READ;
    bool folder = false;
    if (strcmp(value, "off") == 0 || strcmp(value, "-") == 0) return TC_OK;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (strcmp(special[i].name, row->name) != 0) continue;
        rights = special[i].rights;
        folder = special[i].folder;
    }
    if (row->form == TC_FORM_STORE) {
        const char *colon = strchr(value, ':');
        value = colon ? colon + 1 : value;
    }
    if (strcmp(row->name, "root") == 0) return allow_place(s, value);
    return folder ? tc_sandbox_allow(s, value, rights) : tc_sandbox_allow_around(s, value, rights);
}

static tc_err allow_block(tc_sandbox *s, const tc_section *block)
{
    tc_err err = TC_OK;
    const char *root = block->settings.root;
    if (block->settings.writable &&
        (tc_section_has(block, "writable") || tc_section_has(block, "root")))
        err = tc_sandbox_allow(s, root ? root : ".", TC_SANDBOX_WRITE);
    for (size_t i = 0; i < tc_setting_count && !err; i++) {
        const tc_setting_row *row = &tc_setting_rows[i];
        if (row->form == TC_FORM_PLAIN || !tc_section_has(block, row->name)) continue;
        const tc_option *o = tc_setting_option(row);
        const char *at = (const char *)&block->settings + o->offset;
        if (o->kind == TC_OPTION_LIST) {
            const tc_words *words = (const tc_words *)(const void *)at;
            for (size_t j = 0; j < words->count && !err; j++)
                err = allow_value(s, row, words->at[j]);
        } else {
            const char *const *value = (const char *const *)(const void *)at;
            if (*value) err = allow_value(s, row, *value);
        }
    }
    return err;
}

static tc_err allow_all(tc_sandbox *s, const tc_config *c)
{
    tc_err err = TC_OK;
    tc_authority_files state;
    const char *keys = getenv("SSLKEYLOGFILE");
    for (size_t i = 0; i < sizeof always / sizeof *always && !err; i++)
        err = tc_sandbox_allow(s, always[i], TC_SANDBOX_READ);
    if (!err) err = tc_sandbox_allow(s, "/dev/null", TC_SANDBOX_APPEND);
    if (!err && keys) err = tc_sandbox_allow_around(s, keys, TC_SANDBOX_APPEND);
    if (!err && !c->top.settings.root) err = allow_place(s, ".");
    if (!err && !c->top.settings.store && tc_authority_names(&state))
        err = tc_sandbox_allow(s, state.folder, TC_SANDBOX_WRITE);
    for (const tc_section *b = &c->top; b && !err; b = tc_section_next(b))
        err = allow_block(s, b);
    return err;
}

int tc_confine_files(const tc_config *c)
{
    tc_sandbox s;
    if (!c->top.settings.sandbox) return 0;
    tzset(); /* from now on it is in memory */
    tc_err err = tc_sandbox_begin(&s, TC_SANDBOX_FILES);
    if (!err) err = allow_all(&s, c);
    if (!err) err = tc_sandbox_enter(&s);
    tc_sandbox_fini(&s);
    if (err) return tc_serve_fail(err, "sandbox", strerror(errno));
    if (!s.abi)
        fprintf(stderr, "tercet: this kernel has no Landlock: it serves without a sandbox\n");
    return 0;
}

int tc_confine_rest(const tc_config *c)
{
    tc_sandbox s;
    if (c->top.settings.sandbox) {
        const unsigned connecting = c->tunnels ? 0 : TC_SANDBOX_CONNECT;
        tc_err err = tc_sandbox_begin(&s, TC_SANDBOX_BIND | connecting);
        if (!err) err = tc_sandbox_enter(&s);
        tc_sandbox_fini(&s);
        if (err) return tc_serve_fail(err, "sandbox", strerror(errno));
    }
    if (!c->top.settings.seccomp) return 0;
    const tc_err err = tc_seccomp_enter();
    return err ? tc_serve_fail(err, "seccomp", strerror(errno)) : 0;
}
