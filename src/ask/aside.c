/* aside.c - see aside.h. */
// SPDX-License-Identifier: MIT
#include "ask/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void tc_aside_init(tc_aside *a, uint64_t *left)
{
    *a = (tc_aside){.fd = -1, .left = left};
    tc_buf_init(&a->memory, TC_ASIDE_MEMORY);
}

void tc_aside_fini(tc_aside *a)
{
    if (a->left) *a->left += a->bytes;
    a->bytes = 0;
    tc_buf_fini(&a->memory);
    if (a->fd >= 0) close(a->fd);
    a->fd = -1;
}

static tc_err open_file(tc_aside *a)
{
    char name[512];
    const char *folder = getenv("TMPDIR");
    const int n =
        snprintf(name, sizeof name, "%s/tercet.XXXXXX", folder && *folder ? folder : "/tmp");
    if (n < 0 || n >= (int)sizeof name) return TC_ERR_WRITE_FILE;
    a->fd = mkostemp(name, O_CLOEXEC);
    if (a->fd < 0) return TC_ERR_WRITE_FILE;
    (void)unlink(name); /* if it stays it is only a file too many */
    return TC_OK;
}

static tc_err write_all(int fd, tc_span bytes)
{
    while (bytes.len) {
        const ssize_t n = write(fd, bytes.at, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return TC_ERR_WRITE_FILE;
        bytes = tc_span_from(bytes, (size_t)n);
    }
    return TC_OK;
}

tc_err tc_aside_add(tc_aside *a, tc_span bytes)
{
    tc_err err = TC_OK;
    if (bytes.len > *a->left) return TC_ERR_FULL;
    const bool fits = a->fd < 0 && bytes.len <= TC_ASIDE_MEMORY - a->memory.len;
    if (!fits && a->fd < 0) err = open_file(a);
    if (!err) err = fits ? tc_buf_add(&a->memory, bytes) : write_all(a->fd, bytes);
    if (err) return err;
    *a->left -= bytes.len;
    a->bytes += bytes.len;
    return TC_OK;
}

tc_err tc_aside_give(tc_aside *a, tc_err (*put)(void *self, tc_span bytes), void *self)
{
    char piece[TC_ASIDE_MEMORY];
    tc_err err = a->memory.len ? put(self, tc_buf_span(&a->memory)) : TC_OK;
    for (off_t off = 0; a->fd >= 0 && !err;) {
        const ssize_t n = pread(a->fd, piece, sizeof piece, off);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) err = TC_ERR_READ_FILE;
        if (n <= 0) break;
        err = put(self, tc_span_of(piece, (size_t)n));
        off += n;
    }
    return err;
}
