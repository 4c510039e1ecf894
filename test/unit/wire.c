/* wire.c - every file in test/wire is a test: see support/wire.h for what such a file says. */
// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/wire.h"

enum { FILES_MAX = 512, ALLOCATIONS = 6 };

static void test_file(void **state)
{
    if (!wire_play(*state)) fail_msg("%s", (const char *)*state);
    wire_torture(*state, ALLOCATIONS);
}

/* Of a directory: which of its files are conversations. */
static int only_tct(const struct dirent *entry)
{
    return tc_span_ends(tc_span_str(entry->d_name), TC_SPAN(".tct"));
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[FILES_MAX];
    static char paths[FILES_MAX][1024];
    struct dirent **entries;
    size_t count = 0;
    const int found = argc > 1 ? 0 : scandir(TEST_DIR "/wire", &entries, only_tct, alphasort);
    for (int i = 1; i < argc; i++)
        (void)snprintf(paths[count++], sizeof *paths, "%s", argv[i]);
    for (int i = 0; i < found && count < FILES_MAX; i++) {
        (void)snprintf(paths[count++], sizeof *paths, "%s/wire/%s", TEST_DIR, entries[i]->d_name);
        free(entries[i]);
    }
    if (found > 0) free(entries);
    for (size_t i = 0; i < count; i++)
        tests[i] = (struct CMUnitTest){paths[i], test_file, NULL, NULL, paths[i]};
    if (count == 0) {
        fprintf(stderr, "no files\n");
        return 1;
    }
    return _cmocka_run_group_tests("wire", tests, count, NULL, NULL);
}
