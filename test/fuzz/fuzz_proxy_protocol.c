/* fuzz_proxy_protocol.c - headers of the PROXY protocol: read whole or in pieces, with or without
 * what follows, they are the same, and nothing is read past their end. */
// SPDX-License-Identifier: MIT
#include "net/proxy_protocol.h"

#include <stdlib.h>

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum tc_proxy_read read_first(const uint8_t *data, size_t n, tc_proxy_header *ret)
{
    char *copy = malloc(n ? n : 1); /* so that reading past its end is found */
    if (n) memcpy(copy, data, n);
    const enum tc_proxy_read read = tc_proxy_header_read(tc_span_of(copy, n), 300, ret);
    free(copy);
    return read;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tc_proxy_header whole = {0}, piece = {0};
    const enum tc_proxy_read read = read_first(data, size, &whole);
    MUST(read != TC_PROXY_DONE || (whole.length >= 15 && whole.length <= 300));
    for (size_t n = 0; n < size && n < 310; n++) {
        const enum tc_proxy_read early = read_first(data, n, &piece);
        if (early == TC_PROXY_MORE) continue;
        MUST(early == read);
        MUST(read != TC_PROXY_DONE ||
             (n >= whole.length && whole.length == piece.length && whole.known == piece.known &&
              whole.port == piece.port && tc_ip_eq(&whole.client, &piece.client)));
        break;
    }
    return 0;
}
