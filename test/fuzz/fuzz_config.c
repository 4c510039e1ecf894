/* fuzz_config.c - a server's file, read, resolved, judged and made into what is served; what is
 * good is shown as a text that is good, too. Files are those of a folder of its own, made once: of
 * others, none is opened, and includes find none. */
// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/build.h"
#include "config/check.h"
#include "config/show.h"
#include "config/tunnels.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

enum { SHOWN_MAX = 1 << 26 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The library forgets a word or two of a list or call that a fault cuts short. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libconfuse.so";
}

/* The linker has these called instead (test/fuzz/CMakeLists.txt). */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_glob(const char *pattern, int flags, int (*fault)(const char *, int), glob_t *found);
int __wrap_glob(const char *pattern, int flags, int (*fault)(const char *, int), glob_t *found);

static bool leads_away(const char *path)
{
    return path[0] == '/' || strstr(path, "..");
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const int mode = flags & O_CREAT ? va_arg(rest, int) : 0;
    va_end(rest);
    if (!(flags & O_PATH) && leads_away(path)) {
        errno = EACCES;
        return -1;
    }
    return __real_open(path, flags, mode);
}

int __wrap_glob(const char *pattern, int flags, int (*fault)(const char *, int), glob_t *found)
{
    return leads_away(pattern) ? GLOB_NOMATCH : __real_glob(pattern, flags, fault, found);
}

static char folder[64];

static void remove_folder(void)
{
    static const char *const files[] = {"sites/one.conf", "users", "fuzz.conf", "shown.conf"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)unlink(files[i]);
    (void)rmdir("sites");
    (void)rmdir(folder);
}

static void write_file(const char *name, tc_span text)
{
    FILE *f = fopen(name, "w");
    MUST(f && fwrite(text.at, 1, text.len, f) == text.len && fclose(f) == 0);
}

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");
    const int n = snprintf(folder, sizeof folder, "%s/tercet-fuzz-XXXXXX", tmp ? tmp : "/tmp");
    MUST(n > 0 && n < (int)sizeof folder && mkdtemp(folder) && chdir(folder) == 0);
    MUST(atexit(remove_folder) == 0 && mkdir("sites", 0700) == 0);
    write_file("sites/one.conf", TC_SPAN("site \"one.example\" { root = \".\" }\n"));
    write_file("users", TC_SPAN("ann:$6$saltsalt$"
                                "TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y"
                                "77vwPZN.Pq.H91p5hVO1\n"));
}

/* What is shown of a good one, which is given back. False: it is not good. */
static bool judge(const char *file, tc_buf *shown)
{
    tc_config c;
    tc_built built = {.root_count = 0};
    tc_config_init(&c);
    tc_config_read(&c, file);
    if (!c.no_memory) tc_config_resolve(&c);
    if (!c.no_memory && !c.fault_count) {
        tc_config_check(&c);
        tc_config_tunnels(&c);
        tc_build(&c, &built);
    }
    const bool good = !c.fault_count && !c.no_memory;
    MUST(good || c.no_memory || c.faults.len > 0);
    if (good) {
        MUST(tc_sites_find(&built.sites, TC_SPAN("one.example")) || !built.sites.fallback);
        MUST(built.sites.files_count <= c.sections + 1);
        if (tc_config_show(&c, shown) != TC_OK) shown->len = 0;
    }
    tc_built_fini(&built);
    tc_config_fini(&c);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tc_buf shown, again;
    if (!folder[0]) make_folder();
    tc_buf_init(&shown, SHOWN_MAX);
    tc_buf_init(&again, SHOWN_MAX);
    write_file("fuzz.conf", tc_span_of((const char *)data, size));
    if (judge("fuzz.conf", &shown) && shown.len) {
        write_file("shown.conf", tc_buf_span(&shown));
        MUST(judge("shown.conf", &again));
    }
    tc_buf_fini(&shown);
    tc_buf_fini(&again);
    return 0;
}
