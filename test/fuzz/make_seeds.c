/* make_seeds.c - the conversations of test/wire as seeds: make_seeds FOLDER FILE... */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/wire.h"

typedef struct place {
    const char *folder;
    unsigned count;
} place;

/* The first byte of an input, as twice.h and fuzz_h2.c read it. */
enum { OLD_ENGINE = 0x80, CLIENT = 0x20, BARE = 0x40, PUSH = 0x80 };

static void take(void *to, const wire_seed *seed)
{
    place *p = to;
    char path[4096];
    const bool frames = strcmp(seed->engine, "h2") == 0;
    const char *folder = frames ? "h2" : seed->server ? "request" : "response";
    int how = strcmp(seed->engine, "h0") == 0 ? OLD_ENGINE : 0;
    if (frames) how = (seed->server ? BARE : CLIENT) | (seed->pushes ? PUSH : 0);
    (void)snprintf(path, sizeof path, "%s/%s/%04u", p->folder, folder, p->count++);
    FILE *f = fopen(path, "wb");
    if (!f || fputc(how, f) == EOF ||
        fwrite(seed->bytes.at, 1, seed->bytes.len, f) != seed->bytes.len || fclose(f)) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static const char *const folders[] = {"", "/request", "/response", "/h2"};
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
