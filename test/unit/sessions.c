/* sessions.c - sessions in a store: an id that the server made and no other, a form that is good
 * once and for one session, ends, bounds, sweeping. */
// SPDX-License-Identifier: MIT
#include "forms/sessions.h"

#include <stdio.h>

#include "base/clock.h"
#include "records/document.h"
#include "support/check.h"
#include "support/folder.h"

#define PATH "/c/form"

static tc_loop *loop;
static tc_store *store;
static tc_limits limits;
static tc_reached reached;
static tc_session_count count;
static tc_sessions sessions;
static folder place;

/* What was answered; the ask itself is gone by then. */
typedef struct answer {
    bool over;
    enum tc_session_verdict verdict;
    char id[TC_SESSION_ID], key[TC_STATE_KEY], name[TC_SESSION_NAME + 1];
} answer;

static void done(tc_session_ask *a)
{
    answer *to = a->self;
    assert_int_equal(a->ask.err, TC_OK);
    to->over = true;
    to->verdict = a->verdict;
    memcpy(to->id, a->id, sizeof to->id);
    memcpy(to->key, a->key, sizeof to->key);
    memcpy(to->name, a->name, sizeof to->name);
}

static answer wait_for(tc_session_ask *a, tc_span id)
{
    answer got = {.over = false};
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    a->done = done;
    a->self = &got;
    a->path = TC_SPAN(PATH);
    assert_int_equal(tc_session_ask_begin(a, id), TC_OK);
    while (!got.over && tc_clock_now() < patience)
        assert_int_equal(tc_loop_turn(loop, patience), TC_OK);
    assert_true(got.over);
    return got;
}

static answer make(const char *name)
{
    tc_session_ask *a = tc_session_ask_new(&sessions, TC_SESSION_MAKE);
    assert_non_null(a);
    (void)snprintf(a->name, sizeof a->name, "%s", name);
    const answer got = wait_for(a, (tc_span){0});
    assert_int_equal(got.verdict, TC_SESSION_GOOD);
    return got;
}

static answer look(const answer *session)
{
    return wait_for(tc_session_ask_new(&sessions, TC_SESSION_LOOK),
                    tc_span_of(session->id, sizeof session->id));
}

static enum tc_session_verdict use(const answer *session, const tc_buf *form, bool removes)
{
    tc_session_ask *a = tc_session_ask_new(&sessions, TC_SESSION_USE);
    assert_int_equal(tc_buf_add(&a->state, tc_buf_span(form)), TC_OK);
    a->removes = removes;
    return wait_for(a, tc_span_of(session->id, sizeof session->id)).verdict;
}

static void seal(tc_buf *form, const answer *session, int64_t in_s)
{
    tc_buf_init(form, 4096);
    assert_int_equal(tc_form_state_write(form, tc_span_of(session->key, sizeof session->key),
                                         TC_SPAN(PATH), TC_SPAN("fill"), tc_clock_wall() + in_s,
                                         NULL, 0),
                     TC_OK);
}

static int set_up(void **state)
{
    static char where[300];
    char why[TC_STORE_WHY];
    (void)state;
    limits = tc_limits_default;
    reached = (tc_reached){0};
    atomic_store(&count.open, 0);
    atomic_store(&count.made, 0);
    atomic_store(&count.swept, true); /* unless a test wants it */
    folder_make(&place);
    (void)snprintf(where, sizeof where, "sqlite:%s/records.db", place.path);
    tc_document_init();
    if (tc_loop_new(&loop)) return -1;
    if (tc_store_open(where, &tc_sessions_collection, 1, &limits, &store, why)) return -1;
    tc_sessions_init(&sessions, store, 0, loop, &limits, &reached, &count);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tc_sessions_fini(&sessions);
    tc_store_close(store);
    (void)!tc_loop_turn(loop, 0);
    tc_loop_free(loop);
    folder_remove(&place);
    return 0;
}

static void ids_are_made_here(void **state)
{
    (void)state;
    const answer a = make("Ada"), b = make("");
    assert_memory_not_equal(a.id, b.id, sizeof a.id);
    assert_memory_not_equal(a.key, b.key, sizeof a.key);
    const answer again = look(&a);
    assert_int_equal(again.verdict, TC_SESSION_GOOD);
    assert_memory_equal(again.key, a.key, sizeof a.key);
    assert_string_equal(again.name, "Ada");
    answer chosen = a; /* somebody's choice: fixation */
    memset(chosen.id, '7', sizeof chosen.id);
    assert_int_equal(look(&chosen).verdict, TC_SESSION_NONE);
    assert_int_equal(look(&chosen).verdict, TC_SESSION_NONE); /* asking makes none */
}

static void a_form_is_good_once(void **state)
{
    (void)state;
    const answer a = make(""), b = make("");
    tc_buf form;
    seal(&form, &a, 60);
    assert_int_equal(use(&b, &form, false), TC_SESSION_FORGED); /* another session's */
    form.at[5] ^= 1;
    assert_int_equal(use(&a, &form, false), TC_SESSION_FORGED);
    form.at[5] ^= 1;
    assert_int_equal(use(&a, &form, false), TC_SESSION_GOOD);
    assert_int_equal(use(&a, &form, false), TC_SESSION_USED);
    tc_buf_fini(&form);
    seal(&form, &a, -1);
    assert_int_equal(use(&a, &form, false), TC_SESSION_LATE);
    tc_buf_fini(&form);
}

static void a_used_form_is_never_good_again(void **state)
{
    (void)state;
    limits.form_uses = 2;
    const answer a = make("");
    tc_buf forms[4];
    for (int i = 0; i < 4; i++)
        seal(&forms[i], &a, 60 + i);
    for (int i = 1; i < 4; i++)
        assert_int_equal(use(&a, &forms[i], false), TC_SESSION_GOOD);
    assert_int_equal(use(&a, &forms[1], false), TC_SESSION_LATE); /* forgotten, and refused */
    assert_int_equal(use(&a, &forms[0], false), TC_SESSION_LATE); /* the price of that */
    assert_int_equal(use(&a, &forms[2], false), TC_SESSION_USED);
    assert_int_equal(reached.form_uses, 1);
    for (int i = 0; i < 4; i++)
        tc_buf_fini(&forms[i]);
}

static void signing_out_ends_it(void **state)
{
    (void)state;
    const answer a = make("Ada");
    tc_buf form;
    seal(&form, &a, 60);
    assert_int_equal(atomic_load(&count.open), 1);
    assert_int_equal(use(&a, &form, true), TC_SESSION_GOOD);
    assert_int_equal(look(&a).verdict, TC_SESSION_NONE);
    assert_int_equal(use(&a, &form, true), TC_SESSION_NONE);
    assert_int_equal(atomic_load(&count.open), 0);
    tc_buf_fini(&form);
}

static void sessions_end(void **state)
{
    (void)state;
    limits.session_idle_ms = 999; /* whole seconds count: at once */
    const answer idle = make("");
    limits.session_idle_ms = 3600000;
    assert_int_equal(look(&idle).verdict, TC_SESSION_NONE);
    limits.session_ms = 999;
    const answer old = make("");
    assert_int_equal(reached.session_idle_ms, 1);
    assert_int_equal(look(&old).verdict, TC_SESSION_NONE);
    assert_int_equal(reached.session_ms, 1);
}

static void there_are_no_more_than_allowed(void **state)
{
    (void)state;
    limits.sessions = 2;
    (void)make("");
    (void)make("");
    tc_session_ask *a = tc_session_ask_new(&sessions, TC_SESSION_MAKE);
    assert_int_equal(tc_session_ask_begin(a, (tc_span){0}), TC_ERR_FULL);
    assert_int_equal(reached.sessions, 1);
    tc_session_ask_free(a);
}

static unsigned rows;
static bool listed;

static bool list_row(tc_store_ask *a, const tc_record *record)
{
    (void)a;
    (void)record;
    rows++;
    return true;
}

static void list_done(tc_store_ask *a)
{
    (void)a;
    listed = true;
}

static unsigned stored(void)
{
    static const tc_store_query all = {.most = 1000};
    tc_store_ask a = {.kind = TC_STORE_LIST, .query = &all, .row = list_row, .done = list_done};
    rows = 0;
    listed = false;
    assert_int_equal(tc_store_begin(store, loop, &a), TC_OK);
    while (!listed)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + TC_S), TC_OK);
    return rows;
}

static void ended_ones_are_swept_and_the_others_counted(void **state)
{
    (void)state;
    enum { OVER = TC_SWEEP_ROWS + 9 }; /* more than a page */
    for (int i = 0; i < OVER; i++) {
        limits.session_idle_ms = 999;
        (void)make("");
        limits.session_idle_ms = 3600000;
        if (i % 50 == 0) (void)make("");
    }
    assert_int_equal(stored(), OVER + 3);
    tc_session_count fresh = {0}; /* as after a restart */
    tc_sessions sweeping;
    tc_sessions_init(&sweeping, store, 0, loop, &limits, &reached, &fresh);
    assert_non_null(sweeping.sweep);
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while ((stored() > 3 || atomic_load(&fresh.open) != 3) && tc_clock_now() < patience)
        assert_int_equal(tc_loop_turn(loop, tc_clock_now() + 10 * TC_MS), TC_OK);
    assert_int_equal(stored(), 3);
    assert_int_equal(atomic_load(&fresh.open), 3);
    tc_sessions_fini(&sweeping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids_are_made_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_form_is_good_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_used_form_is_never_good_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signing_out_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sessions_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(there_are_no_more_than_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ended_ones_are_swept_and_the_others_counted, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
