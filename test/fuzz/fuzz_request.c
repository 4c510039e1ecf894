/* fuzz_request.c - what clients send to the engines of HTTP/0.9 and 1.x. */
// SPDX-License-Identifier: MIT
#include "twice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const script scripts[] = {
        {.status = 200, .run_count = 2, .runs = {TC_SPAN("one"), TC_SPAN("two")}},
        {.status = 204},
        {.status = 200,
         .inform = 100,
         .run_count = 1,
         .runs = {TC_SPAN("three")},
         .trailer_count = 1,
         .trailers = {TC_SPAN("x-sum: 3")}},
    };
    play_twice(data, size, TC_SERVER, scripts, sizeof scripts / sizeof *scripts);
    return 0;
}
