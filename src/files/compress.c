/* compress.c - see compress.h. Levels are for files that are compressed once and sent often: about
 * 50 MB/s each on one processor of the year 2020. */
// SPDX-License-Identifier: MIT
#include "files/compress.h"

#include <brotli/encode.h>
#include <limits.h>
#include <zlib.h>
#include <zstd.h>

enum {
    GZIP_LEVEL = 6,
    BROTLI_LEVEL = 5,
    ZSTD_LEVEL = 7,
    GZIP_WINDOW = 15 + 16, /* the largest; 16: gzip, not zlib */
    GZIP_MEMORY = 8
};

static size_t gzip(tc_span in, char *out, size_t room)
{
    z_stream z = {0};
    if (in.len > UINT_MAX || room > UINT_MAX ||
        deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) !=
            Z_OK)
        return 0;
    z.next_in = (Bytef *)(uintptr_t)in.at;
    z.avail_in = (uInt)in.len;
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)room;
    const bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    const size_t len = room - z.avail_out;
    (void)deflateEnd(&z); /* Z_DATA_ERROR where it did not fit: that is known */
    return whole ? len : 0;
}

static size_t zstd(tc_span in, char *out, size_t room)
{
    const size_t len = ZSTD_compress(out, room, in.at, in.len, ZSTD_LEVEL);
    return ZSTD_isError(len) ? 0 : len;
}

static size_t brotli(tc_span in, char *out, size_t room)
{
    size_t len = room;
    const BROTLI_BOOL whole =
        BrotliEncoderCompress(BROTLI_LEVEL, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_GENERIC, in.len,
                              (const uint8_t *)in.at, &len, (uint8_t *)out);
    return whole ? len : 0;
}

size_t tc_compress(enum tc_coding coding, tc_span in, char *out, size_t room)
{
    switch (coding) {
    case TC_CODING_GZIP: return gzip(in, out, room);
    case TC_CODING_ZSTD: return zstd(in, out, room);
    case TC_CODING_BR: return brotli(in, out, room);
    case TC_CODING_IDENTITY:
    case TC_CODING_NONE: break;
    }
    return 0;
}

unsigned tc_compress_mark(enum tc_coding coding)
{
    unsigned mark = 0;
    switch (coding) {
    case TC_CODING_GZIP:
        for (const char *c = zlibVersion(); *c; c++)
            mark = mark * 31 + (unsigned char)*c;
        return mark * 31 + GZIP_LEVEL;
    case TC_CODING_ZSTD: return ZSTD_versionNumber() * 31 + ZSTD_LEVEL;
    case TC_CODING_BR: return BrotliEncoderVersion() * 31 + BROTLI_LEVEL;
    case TC_CODING_IDENTITY:
    case TC_CODING_NONE: break;
    }
    return mark;
}
