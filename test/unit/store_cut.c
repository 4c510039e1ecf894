/* The power is cut while many write: after each restart every change that was acknowledged is
 * there, and none is torn. */
// SPDX-License-Identifier: MIT
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"
#include "support/check.h"
#include "support/cut_vfs.h"
#include "support/folder.h"

enum { CUTS = 300, KEYS = 60, FLYING = 64, DOCUMENT = 3000 };

static tc_loop *loop;
static tc_store *store;
static folder here;
static char where[300];
static const tc_collection_config collection = {
    .name = {"c", 1}, .indexes = {{"n", 1}}, .index_count = 1};

/* What is known of each key: numbers rise with each change. */
static unsigned sent[KEYS], acknowledged[KEYS];
static bool gone[KEYS]; /* the acknowledged change took it away */
static unsigned flying, acks;
static atomic_uint told;

typedef struct change {
    tc_store_ask ask; /* first */
    unsigned key, number;
    bool removes;
    char name[16];
    char document[DOCUMENT + 64];
} change;

/* Long ones span pages: the number stands at both ends. */
static void write_document(change *c)
{
    const int fill = (int)check_random_below(DOCUMENT);
    const int n = snprintf(c->document, sizeof c->document, "{\"n\":%u,\"fill\":\"", c->number);
    memset(c->document + n, 'a' + (int)(c->number % 26), (size_t)fill);
    (void)snprintf(c->document + n + fill, sizeof c->document - (size_t)(n + fill),
                   "\",\"end\":%u}", c->number);
}

static void decide(tc_store_ask *a, const tc_record *before, tc_store_change *ret)
{
    const change *c = (const change *)a;
    (void)before;
    ret->what = c->removes ? TC_STORE_DELETE : TC_STORE_PUT;
    ret->document = tc_span_str(c->document);
}

static void done(tc_store_ask *a)
{
    const change *c = (const change *)a;
    flying--;
    if (a->err) return; /* nobody was told that it is stored */
    acks++;
    if (c->number > acknowledged[c->key]) {
        acknowledged[c->key] = c->number;
        gone[c->key] = c->removes;
    }
}

static void release(tc_store_ask *a)
{
    free(a);
}

static void begin_one(void)
{
    change *c = calloc(1, sizeof *c);
    assert_non_null(c);
    c->key = (unsigned)check_random_below(KEYS);
    c->number = ++sent[c->key];
    c->removes = check_random_below(8) == 0;
    (void)snprintf(c->name, sizeof c->name, "%u", c->key);
    write_document(c);
    c->ask = (tc_store_ask){.kind = TC_STORE_CHANGING,
                            .key = tc_span_str(c->name),
                            .decide = decide,
                            .done = done,
                            .release = release};
    assert_int_equal(tc_store_begin(store, loop, &c->ask), TC_OK);
    flying++;
}

static void turn(void)
{
    assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_S), TC_OK);
}

/* --- after the restart --------------------------------------------------------------------- */

static void look(tc_store_ask *a)
{
    const change *c = (const change *)a;
    const tc_span d = a->record.document;
    unsigned number, end, key = c->key;
    flying--;
    assert_int_equal(a->err, TC_OK);
    if (!a->found) {
        /* Taken away by what was acknowledged, or by something later. */
        if (acknowledged[key] && !gone[key] && sent[key] == acknowledged[key])
            fail_msg("key %u: change %u was acknowledged and is gone", key, acknowledged[key]);
        sent[key] = acknowledged[key] = 0;
        return;
    }
    assert_int_equal(sscanf(d.at, "{\"n\":%u", &number), 1);
    const char *tail = strstr(d.at, "\"end\":");
    assert_non_null(tail);
    assert_int_equal(sscanf(tail, "\"end\":%u", &end), 1);
    assert_int_equal(number, end);
    if (number < acknowledged[key])
        fail_msg("key %u: change %u was acknowledged, %u is there", key, acknowledged[key], number);
    assert_true(number <= sent[key]);
    sent[key] = acknowledged[key] = number;
    gone[key] = false;
}

static void look_at_all(void)
{
    for (unsigned key = 0; key < KEYS; key++) {
        change *c = calloc(1, sizeof *c);
        assert_non_null(c);
        c->key = key;
        (void)snprintf(c->name, sizeof c->name, "%u", key);
        c->ask = (tc_store_ask){
            .kind = TC_STORE_GET, .key = tc_span_str(c->name), .done = look, .release = release};
        assert_int_equal(tc_store_begin(store, loop, &c->ask), TC_OK);
        flying++;
    }
    while (flying)
        turn();
}

static void tell(void *self, const char *why)
{
    (void)self;
    if (why && strstr(why, "SQLite")) atomic_fetch_add(&told, 1);
}

/* Every other time the log is taken into the database again and again. */
static void open_store(void)
{
    char why[TC_STORE_WHY];
    static unsigned times;
    tc_limits limits = tc_limits_default;
    if (times++ & 1) limits.store_log = 65536;
    if (tc_store_open(where, &collection, 1, &limits, &store, why)) fail_msg("%s", why);
    tc_store_watch(store, tell, NULL);
}

static void the_power_is_cut(void **state)
{
    (void)state;
    unsigned while_writing = 0;
    open_store();
    for (int i = 0; i < CUTS; i++) {
        const unsigned before = acks;
        cut_vfs_after(1 + (unsigned)check_random_below(400));
        while (!cut_vfs_is_cut()) {
            while (flying < FLYING)
                begin_one();
            turn();
        }
        while (flying)
            turn();
        while_writing += acks > before;
        tc_store_close(store);
        cut_vfs_reboot((unsigned)check_random_below(3) * 50);
        open_store();
        look_at_all();
    }
    tc_store_close(store);
    assert_true(while_writing > CUTS / 2);
    assert_true(cut_vfs_database_cuts() > CUTS / 20);
    assert_true(atomic_load(&told) > CUTS / 2 && atomic_load(&told) <= CUTS);
    print_message("%d cuts, %u in a checkpoint; %u changes acknowledged\n", CUTS,
                  cut_vfs_database_cuts(), acks);
}

static int set_up(void **state)
{
    (void)state;
    folder_make(&here);
    (void)snprintf(where, sizeof where, "sqlite:%s/records.db", here.path);
    cut_vfs_begin();
    return tc_loop_new(&loop) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    cut_vfs_end();
    tc_loop_free(loop);
    folder_remove(&here);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_power_is_cut, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("store_cut", tests, NULL, NULL);
}
