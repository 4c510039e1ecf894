/* fuzz_response.c - what servers send to the engines of HTTP/0.9 and 1.x. */
// SPDX-License-Identifier: MIT
#include "twice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const script scripts[] = {
        {.method = TC_SPAN("GET"), .path = TC_SPAN("/1"), .host = TC_SPAN("a")},
        {.method = TC_SPAN("HEAD"), .path = TC_SPAN("/2"), .host = TC_SPAN("a")},
        {.method = TC_SPAN("POST"),
         .path = TC_SPAN("/3"),
         .host = TC_SPAN("a"),
         .run_count = 2,
         .runs = {TC_SPAN("four"), TC_SPAN("five")}},
    };
    const size_t count = sizeof scripts / sizeof *scripts;
    if (size == 0) return 0;
    /* one request: whether bytes that come early answer the next one is a matter of timing */
    play_twice(data, size, TC_CLIENT, &scripts[(data[0] >> 5 & 3) % count], 1);
    return 0;
}
