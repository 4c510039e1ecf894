/* file_tag.c - see file_tag.h. */
// SPDX-License-Identifier: MIT
#include "files/file_tag.h"

#include <nettle/sha2.h>
#include <stdio.h>

size_t tc_file_tag(char tag[TC_FILE_TAG], uint64_t size, int64_t mtime_ns, int64_t ctime_ns,
                   uint64_t inode, const char *bytes)
{
    int n;
    if (bytes) {
        struct sha256_ctx sha;
        uint8_t digest[12];
        uint64_t high;
        uint32_t low;
        sha256_init(&sha);
        sha256_update(&sha, (size_t)size, (const uint8_t *)bytes);
        sha256_digest(&sha, sizeof digest, digest);
        memcpy(&high, digest, 8);
        memcpy(&low, digest + 8, 4);
        n = snprintf(tag, TC_FILE_TAG, "\"%016llx%08x\"", (unsigned long long)high, low);
    } else {
        n = snprintf(tag, TC_FILE_TAG, "\"%llx-%llx-%llx\"", (unsigned long long)size,
                     (unsigned long long)mtime_ns, (unsigned long long)(ctime_ns ^ (int64_t)inode));
    }
    return (size_t)n;
}
