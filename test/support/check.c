/* check.c - see check.h. */
// SPDX-License-Identifier: MIT
#include "support/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

void check_span_at(tc_span got, tc_span wanted, const char *file, int line)
{
    if (tc_span_eq(got, wanted)) return;
    print_error("got    \"%.*s\"\nwanted \"%.*s\"\n", TC_FMT(got), TC_FMT(wanted));
    _fail(file, line);
}

void check_add_fields(tc_fields *f, tc_arena *a, const char *field_lines)
{
    tc_span rest = tc_span_str(field_lines);
    while (rest.len) {
        tc_span line = tc_span_take(&rest, tc_span_find(rest, '\n'));
        if (rest.len) (void)tc_span_take(&rest, 1);
        const tc_span name = tc_span_take(&line, tc_span_find(line, ':'));
        assert_int_equal(tc_fields_add(f, a, name, tc_span_trim(tc_span_from(line, 1))), TC_OK);
    }
}

tc_message check_request(tc_arena *a, enum tc_method method, const char *field_lines)
{
    tc_message m = {.version = TC_HTTP_1_1,
                    .method = method,
                    .method_name = tc_method_name(method),
                    .scheme = TC_SPAN("http"),
                    .authority = TC_SPAN("localhost"),
                    .path = TC_SPAN("/")};
    check_add_fields(&m.fields, a, field_lines);
    return m;
}

tc_span check_edge(tc_span bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = (bytes.len / page + 1) * page;
    char *at = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED);
    assert_int_equal(mprotect(at + size, page, PROT_NONE), 0);
    char *copy = at + size - bytes.len;
    if (bytes.len) memcpy(copy, bytes.at, bytes.len);
    return (tc_span){copy, bytes.len};
}

uint64_t check_seed(void)
{
    static uint64_t seed;
    static bool seeded;
    if (!seeded) {
        const char *given = getenv("TERCET_SEED");
        seed =
            given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
        print_message("TERCET_SEED=%" PRIu64 "\n", seed);
        seeded = true;
    }
    return seed;
}

uint64_t check_random(void)
{
    static uint64_t state;
    static bool seeded;
    if (!seeded) state = check_seed();
    seeded = true;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t check_random_below(uint64_t n)
{
    return check_random() % n;
}
