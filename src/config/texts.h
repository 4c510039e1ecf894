/* texts.h - the texts of a configuration's files as they were read, in a file in memory that nobody
 * can change any more: so that the same can be read again, whatever those files hold by then. */
// SPDX-License-Identifier: MIT
#pragma once
#include <sys/types.h>

#include "base/arena.h"

int tc_texts_new(void); /* an empty one; -1: errno says why not */
tc_err tc_texts_add(int fd, const char *name, tc_span text) TC_MUST_USE; /* TC_ERR_SYSTEM */
bool tc_texts_seal(int fd); /* from now on it stays what it is */
bool tc_texts_sealed(int fd);

/* The text at *at, which is moved behind it, with more bytes of room after it, and its file's name,
 * which ends with a 0. TC_ERR_NOTHING: there are no more. TC_ERR_READ_FILE: it is no such file.
 * TC_ERR_NO_MEMORY. */
tc_err tc_texts_next(int fd, tc_arena *a, off_t *at, size_t more, tc_span *ret_name,
                     tc_span *ret_text) TC_MUST_USE;
