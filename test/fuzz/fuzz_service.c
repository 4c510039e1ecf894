/* fuzz_service.c - messages of the DNS, in which HTTPS records are looked for. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "net/service.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tc_service s;
    const enum tc_service_news news =
        tc_service_read(tc_span_of((const char *)data, size), 443, &s);
    if (news == TC_SERVICE_NONE) return 0;
    if (!memchr(s.target, 0, sizeof s.target) || !s.port) abort();
    if (news == TC_SERVICE_ALIASED && !s.target[0]) abort();
    return 0;
}
