/* texts.c - see texts.h. For each: the two lengths, the name, the text. */
// SPDX-License-Identifier: MIT
#include "config/texts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };

int tc_texts_new(void)
{
    return memfd_create("configuration", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

static bool write_all(int fd, const void *bytes, size_t len)
{
    for (const char *at = bytes; len;) {
        const ssize_t n = write(fd, at, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

tc_err tc_texts_add(int fd, const char *name, tc_span text)
{
    const uint64_t lens[2] = {strlen(name), text.len};
    return write_all(fd, lens, sizeof lens) && write_all(fd, name, lens[0]) &&
                   write_all(fd, text.at, text.len)
               ? TC_OK
               : TC_ERR_SYSTEM;
}

bool tc_texts_sealed(int fd)
{
    return fcntl(fd, F_GET_SEALS) == SEALS;
}

bool tc_texts_seal(int fd)
{
    return tc_texts_sealed(fd) || fcntl(fd, F_ADD_SEALS, SEALS) == 0;
}

/* Whoever else has the file shares its offset: it stays where it is. */
static bool read_all(int fd, void *to, size_t len, off_t at)
{
    for (char *p = to; len;) {
        const ssize_t n = pread(fd, p, len, at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        p += n;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

tc_err tc_texts_next(int fd, tc_arena *a, off_t *at, size_t more, tc_span *ret_name,
                     tc_span *ret_text)
{
    struct stat st;
    uint64_t lens[2];
    if (fstat(fd, &st) || *at > st.st_size) return TC_ERR_READ_FILE;
    if (*at == st.st_size) return TC_ERR_NOTHING;
    if (!read_all(fd, lens, sizeof lens, *at)) return TC_ERR_READ_FILE;
    *at += (off_t)sizeof lens;
    const uint64_t rest = (uint64_t)(st.st_size - *at);
    if (*at > st.st_size || lens[0] > rest || lens[1] > rest - lens[0]) return TC_ERR_READ_FILE;
    char *name = tc_arena_bytes(a, (size_t)lens[0] + 1);
    char *text = name ? tc_arena_bytes(a, (size_t)lens[1] + more) : NULL;
    if (!text) return TC_ERR_NO_MEMORY;
    if (!read_all(fd, name, (size_t)lens[0], *at) ||
        !read_all(fd, text, (size_t)lens[1], *at + (off_t)lens[0]))
        return TC_ERR_READ_FILE;
    name[lens[0]] = '\0';
    *at += (off_t)(lens[0] + lens[1]);
    *ret_name = tc_span_of(name, (size_t)lens[0]);
    *ret_text = tc_span_of(text, (size_t)lens[1]);
    return TC_OK;
}
