/* output.c - see output.h. */
// SPDX-License-Identifier: MIT
#include "ask/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/text.h"

enum { SHOW_MAX = 1024 * 1024 };

static tc_err failed(tc_output *o, int error)
{
    o->error = error;
    return TC_ERR_WRITE_FILE;
}

static char *joined(const char *a, const char *b)
{
    const size_t m = strlen(a), n = strlen(b) + 1;
    char *text = tc_alloc(m + n);
    if (!text) return NULL;
    memcpy(text, a, m);
    memcpy(text + m, b, n);
    return text;
}

static tc_err open_in_place(tc_output *o)
{
    o->fd = open(o->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    return o->fd < 0 ? failed(o, errno) : TC_OK;
}

/* A symbolic link stays one: what it points at is replaced. */
static tc_err open_beside(tc_output *o, bool exists, mode_t mode)
{
    char real[PATH_MAX];
    const char *name = exists && realpath(o->name, real) ? real : o->name;
    o->final = joined(name, "");
    o->part = joined(name, ".part");
    if (!o->final || !o->part) return TC_ERR_NO_MEMORY;
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
    o->fd = open(o->part, flags, 0666);
    if (o->fd < 0) return failed(o, errno);
    if (exists) (void)fchmod(o->fd, mode & 07777); /* the new one is ours all the same */
    return TC_OK;
}

tc_err tc_output_open(tc_output *o, const char *name)
{
    struct stat st;
    *o = (tc_output){.fd = -1, .name = name};
    if (!name) {
        o->fd = STDOUT_FILENO;
        o->terminal = isatty(STDOUT_FILENO);
        return TC_OK;
    }
    const bool exists = stat(name, &st) == 0;
    if (exists && !S_ISREG(st.st_mode)) return open_in_place(o);
    if (exists && access(name, W_OK)) return failed(o, errno);
    return open_beside(o, exists, exists ? st.st_mode : 0);
}

static tc_err write_all(tc_output *o, tc_span bytes)
{
    while (bytes.len) {
        const ssize_t n = write(o->fd, bytes.at, bytes.len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(o, errno);
        bytes = tc_span_from(bytes, (size_t)n);
    }
    return TC_OK;
}

static bool is_binary(tc_span s)
{
    return tc_span_find(s, 0) < s.len;
}

/* How many bytes at the end are the begin of a character that is not whole yet. */
static unsigned cut_character(tc_span s)
{
    for (unsigned n = 1; n <= 3 && n <= s.len; n++) {
        const unsigned char c = (unsigned char)s.at[s.len - n];
        if ((c & 0xc0) == 0x80) continue;
        const unsigned whole = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
        return whole > n ? n : 0;
    }
    return 0;
}

static tc_err show(tc_output *o, tc_span bytes)
{
    tc_buf text, safe;
    if (bytes.len == 0) return TC_OK;
    tc_buf_init(&text, bytes.len + sizeof o->rest);
    tc_buf_init(&safe, 8 * (bytes.len + sizeof o->rest) + 16);
    tc_err err = tc_buf_add(&text, tc_span_of(o->rest, o->rest_len));
    if (!err) err = tc_buf_add(&text, bytes);
    if (!err) {
        o->rest_len = cut_character(tc_buf_span(&text));
        const size_t whole = text.len - o->rest_len;
        memcpy(o->rest, text.at + whole, o->rest_len);
        err = tc_text_terminal(&safe, tc_span_first(tc_buf_span(&text), whole), true);
    }
    if (!err && safe.len) {
        o->line_open = safe.at[safe.len - 1] != '\n';
        err = write_all(o, tc_buf_span(&safe));
    }
    tc_buf_fini(&text);
    tc_buf_fini(&safe);
    return err;
}

tc_err tc_output_write(tc_output *o, tc_span bytes)
{
    tc_err err = TC_OK;
    if (!o->terminal) {
        err = write_all(o, bytes);
    } else if (o->refused || is_binary(bytes)) {
        o->refused = true;
        return TC_ERR_BINARY;
    }
    for (tc_span rest = bytes; o->terminal && rest.len && !err;)
        err = show(o, tc_span_take(&rest, rest.len < SHOW_MAX ? rest.len : SHOW_MAX));
    if (!err) o->bytes += bytes.len;
    return err;
}

void tc_output_break(tc_output *o)
{
    if (!o->terminal || !o->line_open) return;
    o->line_open = false;
    (void)write_all(o, TC_SPAN("\n")); /* only a line end on a terminal */
}

/* The begin of a character whose end never came. */
static tc_err show_rest(tc_output *o)
{
    tc_buf safe;
    tc_buf_init(&safe, 64);
    tc_err err = tc_text_terminal(&safe, tc_span_of(o->rest, o->rest_len), true);
    if (!err) err = write_all(o, tc_buf_span(&safe));
    o->rest_len = 0;
    tc_buf_fini(&safe);
    return err;
}

tc_err tc_output_close(tc_output *o, bool whole)
{
    tc_err err = o->fd >= 0 && o->rest_len ? show_rest(o) : TC_OK;
    if (o->fd >= 0) {
        tc_output_break(o);
        if (o->name && close(o->fd) && !err) err = failed(o, errno);
        if (o->part && whole && !err && rename(o->part, o->final)) err = failed(o, errno);
        if (o->part && !whole && o->bytes == 0) (void)unlink(o->part); /* nothing is in it */
    }
    o->fd = -1;
    tc_free(o->final);
    tc_free(o->part);
    o->final = o->part = NULL;
    return err;
}
