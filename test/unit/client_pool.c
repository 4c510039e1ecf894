/* Which connection a fetch may take: one that another fetch has just opened is that one's first. */
// SPDX-License-Identifier: MIT
#include "client/pool.h"

#include <stdlib.h>

#include "support/check.h"

static void opened(tc_connection *connection, tc_err err)
{
    (void)connection;
    (void)err;
}

static tc_fetch fetch_of(tc_client *client, enum tc_version version, bool patient)
{
    tc_fetch f = {.client = client, .patient = patient};
    f.request.version = version;
    tc_arena_init(&f.arena, NULL, 0, 4096);
    assert_int_equal(tc_url_parse(&f.arena, TC_SPAN("https://a/"), &f.request.url), TC_OK);
    return f;
}

/* Its handshake is over, but whoever opened it has not had its turn: nobody else takes it then, and
 * nobody who would share it or wait for it opens another one. */
static void whoever_opened_it_comes_first(void **state)
{
    static const enum tc_version versions[] = {TC_HTTP_1_1, TC_HTTP_2, TC_HTTP_3};
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        tc_client client = {0};
        tc_fetch a = fetch_of(&client, versions[i], false);
        tc_fetch b = fetch_of(&client, versions[i], true);
        tc_connection *c = calloc(1, sizeof *c);
        assert_non_null(c);
        *c = (tc_connection){.client = &client, .number = 1, .opened = opened, .waiter = &a};
        c->origin = tc_fetch_origin(&a);
        client.connections = c;
        tc_pool_open(&a);
        assert_ptr_equal(tc_pool_find(&a), c);
        assert_null(tc_pool_find(&b));
        assert_true(tc_pool_is_coming(&b));
        b.patient = false;
        assert_int_equal(tc_pool_is_coming(&b), versions[i] != TC_HTTP_1_1);
        c->opened = NULL; /* it had its turn */
        tc_pool_settle(&a, TC_OK, (tc_span){0});
        assert_ptr_equal(tc_pool_find(&b), c);
        tc_arena_fini(&a.arena);
        tc_arena_fini(&b.arena);
        free(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(whoever_opened_it_comes_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
