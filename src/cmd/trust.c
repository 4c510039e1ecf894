/* trust.c - `tercet trust`: the local authority into the system's and the browsers' stores, or what
 * to do by hand. */
// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "run/authority.h"

extern char **environ;

typedef struct settings {
    bool remove;
} settings;

static const tc_option options[] = {
    {"remove", 0, TC_OPTION_FLAG, offsetof(settings, remove), NULL,
     "takes the authority out of the stores again; its files stay.", 0, 0},
};

static int trust(const tc_command *c, int argc, char **argv);

const tc_command tc_command_trust = {
    .name = "trust",
    .operands = "",
    .summary = "makes this machine believe its own certificates",
    .about =
        "Puts the local authority, which makes the certificates of `tercet serve`, into the store "
        "of the system (as root) and those of the browsers (with certutil, if it is installed). "
        "What cannot be done is said, with the commands that do it.\n"
        "\n"
        "Whoever has the authority's key can pose as any site to a machine that trusts it: the key "
        "stays in your state folder, readable by you alone.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "  tercet trust\n"
                "  sudo --preserve-env=HOME tercet trust\n"
                "  tercet trust --remove\n",
    .run = trust,
};

static const char store_folder[] = "/usr/local/share/ca-certificates";
static const char store_file[] = "/usr/local/share/ca-certificates/tercet-local-authority.crt";
static const char nickname[] = "tercet local authority";

/* A program from PATH, its output thrown away. Its exit status; 127: it could not be started. */
static int quietly(char *const argv[])
{
    posix_spawn_file_actions_t files;
    pid_t child;
    int status = -1;
    if (posix_spawn_file_actions_init(&files)) return 127;
    int rc = posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    if (!rc) rc = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    if (!rc) rc = posix_spawnp(&child, argv[0], &files, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (rc) return 127;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static char *word(const char *text)
{
    return (char *)(uintptr_t)text; /* posix_spawn changes none of them */
}

static bool copy(const char *from, const char *to)
{
    char text[TC_AUTHORITY_PEM];
    const int in = open(from, O_RDONLY | O_CLOEXEC);
    const ssize_t n = in >= 0 ? read(in, text, sizeof text) : -1;
    if (in >= 0) close(in);
    if (n <= 0) return false;
    const int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    const bool good = out >= 0 && write(out, text, (size_t)n) == n;
    if (out >= 0) close(out);
    return good;
}

/* --- the system's store -------------------------------------------------------------------- */

static void say_how(const char *authority, bool remove)
{
    printf("system    not done: this needs root. Run:\n");
    if (remove)
        printf("            sudo rm %s\n", store_file);
    else
        printf("            sudo cp %s %s\n", authority, store_file);
    printf("            sudo update-ca-certificates\n");
}

static bool system_store(const char *authority, bool remove)
{
    char *const update[] = {word("update-ca-certificates"), NULL};
    const bool there = access(store_file, F_OK) == 0;
    if (access(store_folder, F_OK)) {
        printf("system    not done: there is no %s here; add %s to the authorities as this system "
               "has it\n",
               store_folder, authority);
        return false;
    }
    if (remove && !there) {
        printf("system    the authority was not there\n");
        return true;
    }
    if (access(store_folder, W_OK)) {
        say_how(authority, remove);
        return false;
    }
    if (remove ? unlink(store_file) != 0 : !copy(authority, store_file)) {
        printf("system    not done: %s: %s\n", store_file, strerror(errno));
        return false;
    }
    const int status = quietly(update);
    if (status) {
        printf("system    not done: update-ca-certificates %s\n",
               status == 127 ? "is not installed (package ca-certificates)" : "failed");
        return false;
    }
    printf("system    %s\n", remove ? "no longer trusts the authority" : "trusts the authority");
    return true;
}

/* --- browsers' stores ---------------------------------------------------------------------- */

static bool browser_store(const char *folder, const char *authority, bool remove)
{
    char place[PATH_MAX + 8];
    (void)snprintf(place, sizeof place, "sql:%s", folder);
    char *const drop[] = {word("certutil"), word("-D"),     word("-d"), place,
                          word("-n"),       word(nickname), NULL};
    char *const add[] = {word("certutil"), word("-A"),      word("-d"), place,
                         word("-t"),       word("C,,"),     word("-n"), word(nickname),
                         word("-i"),       word(authority), NULL};
    int status = quietly(drop); /* an old one of the same name is replaced */
    if (!remove && status != 127) status = quietly(add);
    if (remove && status != 127) status = 0; /* it was not there */
    printf("browser   %s: %s\n", folder,
           status == 0 ? remove ? "no longer trusts the authority" : "trusts the authority"
                       : "not done: certutil failed");
    return status == 0;
}

static bool browsers(const char *authority, bool remove)
{
    static const char *const patterns[] = {"%s/.pki/nssdb", "%s/.mozilla/firefox/*.default*",
                                           "%s/snap/chromium/current/.pki/nssdb",
                                           "%s/snap/firefox/common/.mozilla/firefox/*.default*"};
    const char *home = getenv("HOME");
    char *const help[] = {word("certutil"), word("-H"), NULL};
    bool good = true;
    size_t stores = 0;
    const bool tool = quietly(help) != 127;
    for (size_t i = 0; home && i < sizeof patterns / sizeof *patterns; i++) {
        char pattern[PATH_MAX];
        glob_t found;
        (void)snprintf(pattern, sizeof pattern, patterns[i], home);
        if (glob(pattern, GLOB_ONLYDIR, NULL, &found)) continue;
        for (size_t j = 0; j < found.gl_pathc; j++, stores++) {
            if (tool) good &= browser_store(found.gl_pathv[j], authority, remove);
        }
        globfree(&found);
    }
    if (stores && !tool) {
        printf(
            "browsers  not done: install certutil (package libnss3-tools) and run this again, or "
            "%s the authority in the browser's settings: %s\n",
            remove ? "delete" : "import", authority);
        return false;
    }
    if (!stores)
        printf(
            "browsers  no store found; one that has its own %s the authority in its settings%s%s\n",
            remove ? "deletes" : "imports", remove ? "" : ": ", remove ? "" : authority);
    return good;
}

static int trust(const tc_command *c, int argc, char **argv)
{
    settings s = {0};
    tc_command_line line;
    tc_authority_files files;
    char why[512];
    if (!tc_command_parse(c, argc, argv, &s, &line)) return line.exit_code;
    if (line.operand_count) return tc_command_complain(c, "it takes no words");
    const tc_err err = tc_authority_ensure(&files, why, sizeof why);
    if (err) {
        fprintf(stderr, "tercet: %s: %s\n", tc_err_sentence(err), why);
        return tc_err_exit(err);
    }
    printf("authority %s\n          SHA-256 %s\n", files.authority, files.fingerprint);
    const bool in_system = system_store(files.authority, s.remove);
    const bool in_browsers = browsers(files.authority, s.remove);
    return in_system && in_browsers ? 0 : tc_err_exit(TC_ERR_NO_PERMISSION);
}
