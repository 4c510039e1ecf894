/* precondition.c - conditional requests (RFC 9110, 13). */
// SPDX-License-Identifier: MIT
#include "http/precondition.h"

#include "support/check.h"

#define NOW INT64_C(1790000000)
#define MODIFIED INT64_C(784111777)
#define SAME "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

enum { GO = TC_GO_ON, NM = TC_NOT_MODIFIED, PF = TC_PRECONDITION_FAILED };

static const tc_validators strong = {{"\"a\"", 3}, MODIFIED, true};
static const tc_validators weak = {{"W/\"a\"", 5}, MODIFIED, true};
static const tc_validators bare = {{NULL, 0}, -1, true}; /* exists, and nothing more is known */
static const tc_validators nothing = {{NULL, 0}, -1, false};

static const struct {
    const char *fields;
    const tc_validators *v;
    int get, put;
} cases[] = {
    {"", &strong, GO, GO},
    {"Accept: */*", &strong, GO, GO},

    {"If-Match: \"a\"", &strong, GO, GO},
    {"If-Match: \"b\"", &strong, PF, PF},
    {"If-Match: \"b\", \"a\"", &strong, GO, GO},
    {"If-Match: \"b\"\nIf-Match: \"a\"", &strong, GO, GO},
    {"If-Match: *", &strong, GO, GO},
    {"If-Match: *", &bare, GO, GO},
    {"If-Match: *", &nothing, PF, PF},
    {"If-Match: \"a\"", &nothing, PF, PF},
    {"If-Match: \"a\"", &bare, PF, PF},
    {"If-Match: W/\"a\"", &strong, PF, PF}, /* strong comparison */
    {"If-Match: \"a\"", &weak, PF, PF},
    {"If-Match: W/\"a\"", &weak, PF, PF},
    {"If-Match: a", &strong, PF, PF},
    {"If-Match:", &strong, PF, PF},

    {"If-None-Match: \"a\"", &strong, NM, PF},
    {"If-None-Match: W/\"a\"", &strong, NM, PF}, /* weak comparison */
    {"If-None-Match: \"a\"", &weak, NM, PF},
    {"If-None-Match: \"b\"", &strong, GO, GO},
    {"If-None-Match: \"b\", \"c\" , \"a\"", &strong, NM, PF},
    {"If-None-Match: *", &strong, NM, PF},
    {"If-None-Match: *", &bare, NM, PF},
    {"If-None-Match: *", &nothing, GO, GO},
    {"If-None-Match: \"a\"", &nothing, GO, GO},
    {"If-None-Match: a", &strong, GO, GO},
    {"If-None-Match:", &strong, GO, GO},

    {"If-Modified-Since: " SAME, &strong, NM, GO},
    {"If-Modified-Since: " AFTER, &strong, NM, GO},
    {"If-Modified-Since: " BEFORE, &strong, GO, GO},
    {"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", &strong, NM, GO},
    {"If-Modified-Since: Sun Nov  6 08:49:37 1994", &strong, NM, GO},
    {"If-Modified-Since: yesterday", &strong, GO, GO},
    {"If-Modified-Since: " SAME, &bare, GO, GO},
    {"If-Modified-Since: " SAME, &nothing, GO, GO},
    {"If-Modified-Since: " SAME "\nIf-Modified-Since: " SAME, &strong, GO, GO},

    {"If-Unmodified-Since: " SAME, &strong, GO, GO},
    {"If-Unmodified-Since: " AFTER, &strong, GO, GO},
    {"If-Unmodified-Since: " BEFORE, &strong, PF, PF},
    {"If-Unmodified-Since: yesterday", &strong, GO, GO},
    {"If-Unmodified-Since: " BEFORE, &bare, GO, GO},
    {"If-Unmodified-Since: " BEFORE, &nothing, GO, GO},

    /* the order of 13.2.2 */
    {"If-Match: \"a\"\nIf-Unmodified-Since: " BEFORE, &strong, GO, GO},
    {"If-Match: \"b\"\nIf-Unmodified-Since: " AFTER, &strong, PF, PF},
    {"If-None-Match: \"b\"\nIf-Modified-Since: " SAME, &strong, GO, GO},
    {"If-None-Match: \"a\"\nIf-Modified-Since: " BEFORE, &strong, NM, PF},
    {"If-Match: \"a\"\nIf-None-Match: \"a\"", &strong, NM, PF},
    {"If-Match: \"b\"\nIf-None-Match: \"a\"", &strong, PF, PF},
    {"If-Unmodified-Since: " SAME "\nIf-Modified-Since: " SAME, &strong, NM, GO},
    {"If-Match: \"a\"\nIf-Modified-Since: " SAME, &strong, NM, GO},
    {"If-Unmodified-Since: " BEFORE "\nIf-None-Match: \"a\"", &strong, PF, PF},
};

static void verdicts_follow_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, 1 << 16);
        tc_message m = check_request(&a, TC_METHOD_GET, cases[i].fields);
        check_case((int)tc_precondition(&m, cases[i].v, NOW) == cases[i].get, cases[i].fields);
        m.method = TC_METHOD_HEAD;
        check_case((int)tc_precondition(&m, cases[i].v, NOW) == cases[i].get, cases[i].fields);
        const enum tc_method others[] = {TC_METHOD_PUT, TC_METHOD_POST, TC_METHOD_DELETE,
                                         TC_METHOD_PATCH, TC_METHOD_NONE};
        for (size_t j = 0; j < sizeof others / sizeof *others; j++) {
            m.method = others[j];
            check_case((int)tc_precondition(&m, cases[i].v, NOW) == cases[i].put, cases[i].fields);
        }
        const enum tc_method none[] = {TC_METHOD_OPTIONS, TC_METHOD_TRACE, TC_METHOD_CONNECT};
        for (size_t j = 0; j < sizeof none / sizeof *none; j++) {
            m.method = none[j];
            check_case(tc_precondition(&m, cases[i].v, NOW) == TC_GO_ON, cases[i].fields);
        }
        tc_arena_fini(&a);
    }
}

static void if_range_names_exactly_what_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        const tc_validators *v;
        int64_t now;
        bool holds;
    } ranges[] = {
        {"", &strong, NOW, true},
        {"", &nothing, NOW, true},
        {"If-Range: \"a\"", &strong, NOW, true},
        {"If-Range: \"b\"", &strong, NOW, false},
        {"If-Range: W/\"a\"", &strong, NOW, false},
        {"If-Range: W/\"a\"", &weak, NOW, false},
        {"If-Range: \"a\"", &weak, NOW, false},
        {"If-Range: \"a\"", &bare, NOW, false},
        {"If-Range: \"a\"", &nothing, NOW, false},
        {"If-Range: \"a\", \"b\"", &strong, NOW, false}, /* no list here */
        {"If-Range: *", &strong, NOW, false},
        {"If-Range: " SAME, &strong, NOW, true},
        {"If-Range: Sun Nov  6 08:49:37 1994", &strong, NOW, true},
        {"If-Range: " AFTER, &strong, NOW, false},
        {"If-Range: " BEFORE, &strong, NOW, false},
        {"If-Range: " SAME, &bare, NOW, false},
        {"If-Range: " SAME, &nothing, NOW, false},
        {"If-Range: " SAME, &strong, MODIFIED, false}, /* its second still runs */
        {"If-Range: " SAME, &strong, MODIFIED + 1, true},
        {"If-Range: " SAME, &strong, MODIFIED - 100, false}, /* a clock that went back */
        {"If-Range: \"a\"\nIf-Range: \"a\"", &strong, NOW, false},
        {"If-Range:", &strong, NOW, false},
        {"If-Range: a", &strong, NOW, false},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        tc_arena a;
        tc_arena_init(&a, NULL, 0, 1 << 16);
        const tc_message m = check_request(&a, TC_METHOD_GET, ranges[i].fields);
        check_case(tc_if_range_holds(&m, ranges[i].v, ranges[i].now) == ranges[i].holds,
                   ranges[i].fields);
        tc_arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_follow_the_rfc),
        cmocka_unit_test(if_range_names_exactly_what_is_there),
    };
    return cmocka_run_group_tests_name("precondition", tests, NULL, NULL);
}
