/* make_seeds.c - the conversations of test/wire as seeds: make_seeds FOLDER FILE... */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "support/wire.h"

typedef struct place {
    const char *folder;
    unsigned count;
} place;

static void take(void *to, tc_span bytes, bool server, bool h0)
{
    place *p = to;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s/%04u", p->folder, server ? "request" : "response",
                   p->count++);
    FILE *f = fopen(path, "wb");
    if (!f || fputc(h0 ? 0x80 : 0, f) == EOF || fwrite(bytes.at, 1, bytes.len, f) != bytes.len ||
        fclose(f)) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"", "/request", "/response"};
    if (argc < 3) return 2;
    place p = {.folder = argv[1]};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s%s", p.folder, folders[i]);
        (void)mkdir(path, 0777); /* it may be there */
    }
    for (int i = 2; i < argc; i++)
        if (wire_seeds(argv[i], take, &p) == 0) return 1;
    return 0;
}
