/* file_tag.h - the entity tag of a file: one function for who serves it and who replaces it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

enum { TC_FILE_TAG = 64 };

/* Strong, with its quotes: of content that is known whole (size bytes) from that, of others (bytes
 * NULL) from size, times and inode. Returns its length. */
size_t tc_file_tag(char tag[TC_FILE_TAG], uint64_t size, int64_t mtime_ns, int64_t ctime_ns,
                   uint64_t inode, const char *bytes);
