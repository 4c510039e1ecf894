/* ledger.c - what generations share: sums that continue, whoever ends and however; and nothing of
 * one that counts otherwise. */
// SPDX-License-Identifier: MIT
#include "server/ledger.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

enum { WORDS = 3000, LAYOUT = 7, OTHER = 8 };

static tc_ledger *l;
static uint64_t words[WORDS], all[WORDS], living[WORDS];

static int begin(void **state)
{
    (void)state;
    assert_int_equal(tc_ledger_new(&l), TC_OK);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tc_ledger_free(l);
    l = NULL;
    return 0;
}

static void publish(int slot, uint64_t layout, uint64_t value)
{
    for (size_t i = 0; i < WORDS; i++)
        words[i] = value + i;
    tc_ledger_publish(l, slot, layout, words, WORDS);
}

static unsigned sum(int but, uint64_t layout)
{
    return tc_ledger_sum(l, but, layout, WORDS, all, living);
}

static void sums_continue(void **state)
{
    (void)state;
    const int first = tc_ledger_take(l), second = tc_ledger_take(l);
    assert_true(first >= 0 && second >= 0 && first != second);
    assert_int_equal(sum(-1, LAYOUT), 2); /* who have not said anything yet */
    assert_int_equal(all[0] + living[0], 0);
    publish(first, LAYOUT, 100);
    publish(first, LAYOUT, 101);
    publish(second, LAYOUT, 1000);
    assert_int_equal(sum(-1, LAYOUT), 2);
    assert_int_equal(all[0], 1101);
    assert_int_equal(all[WORDS - 1], 1101 + 2 * (WORDS - 1));
    assert_int_equal(living[0], 1101);
    (void)sum(second, LAYOUT);
    assert_int_equal(all[0], 101);
    tc_ledger_end(l, first, second);
    assert_int_equal(sum(second, LAYOUT), 1);
    assert_int_equal(all[0], 101); /* it is gone, and what it counted is not */
    assert_int_equal(living[0], 0);
    const int third = tc_ledger_take(l);
    assert_int_equal(third, first); /* used again, and empty */
    (void)sum(-1, LAYOUT);
    assert_int_equal(all[0], 1101);
    publish(third, LAYOUT, 5);
    tc_ledger_end(l, second, third);
    tc_ledger_end(l, third, -1);
    assert_int_equal(sum(-1, LAYOUT), 0);
    assert_int_equal(all[0], 1106);
    assert_int_equal(all[1], 1109);
    tc_ledger_end(l, -1, -1); /* who had none */
}

static void another_layout_is_not_added(void **state)
{
    (void)state;
    const int old = tc_ledger_take(l), older = tc_ledger_take(l), new = tc_ledger_take(l);
    publish(older, LAYOUT, 1);
    publish(old, LAYOUT, 10);
    tc_ledger_end(l, older, old);
    publish(new, OTHER, 100);
    assert_int_equal(sum(-1, OTHER), 3 - 1);
    assert_int_equal(all[0], 100);
    (void)sum(-1, LAYOUT);
    assert_int_equal(all[0], 11);
    assert_int_equal(tc_ledger_sum(l, -1, OTHER, WORDS - 1, all, living), 2);
    assert_int_equal(all[0], 0); /* as many words belong to a layout */
    tc_ledger_end(l, old, new);  /* of what it was, the sums still are */
    (void)sum(-1, OTHER);
    assert_int_equal(all[0], 100);
    const int next = tc_ledger_take(l);
    publish(next, OTHER, 1000);
    tc_ledger_end(l, new, next); /* they begin anew */
    (void)sum(-1, OTHER);
    assert_int_equal(all[0], 1100);
    (void)sum(-1, LAYOUT);
    assert_int_equal(all[0], 0);
}

static void slots_are_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < TC_LEDGER_SLOTS; i++)
        assert_true(tc_ledger_take(l) >= 0);
    assert_int_equal(tc_ledger_take(l), -1);
    tc_ledger_publish(l, -1, LAYOUT, words, WORDS);
    tc_ledger_publish(l, TC_LEDGER_SLOTS, LAYOUT, words, WORDS);
    tc_ledger_end(l, TC_LEDGER_SLOTS, -1);
    assert_int_equal(tc_ledger_take(l), -1);
    tc_ledger_end(l, 5, -1);
    assert_int_equal(tc_ledger_take(l), 5);
}

/* In another process, as fast as it can: words that are all the same number. */
static pid_t publish_for_ever(int slot)
{
    const pid_t pid = fork();
    if (pid) return pid;
    for (uint64_t n = 1;; n++) {
        for (size_t i = 0; i < WORDS; i++)
            words[i] = n;
        tc_ledger_publish(l, slot, LAYOUT, words, WORDS);
    }
}

static void check_whole(uint64_t least)
{
    (void)sum(-1, LAYOUT);
    for (size_t i = 1; i < WORDS; i++)
        if (all[i] != all[0]) fail_msg("word %zu is of another time", i);
    assert_true(all[0] >= least);
}

static void one_that_is_killed_amid_its_words(void **state)
{
    (void)state;
    uint64_t before = 0;
    for (int round = 0; round < 20; round++) {
        const int slot = tc_ledger_take(l);
        const pid_t pid = publish_for_ever(slot);
        assert_true(pid > 0);
        do
            check_whole(before);
        while (all[0] < before + 3);
        before = all[0];
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        check_whole(before);
        before = all[0];
        tc_ledger_end(l, slot, -1);
        check_whole(before);
        assert_int_equal(all[0], before); /* nothing more, nothing less */
    }
}

static void others_have_the_same(void **state)
{
    (void)state;
    tc_ledger *again, *none = NULL;
    const int slot = tc_ledger_take(l);
    publish(slot, LAYOUT, 3);
    tc_ledger_notes_of(l)->reloads = 4;
    assert_int_equal(tc_ledger_open(dup(tc_ledger_fd(l)), &again), TC_OK);
    (void)tc_ledger_sum(again, -1, LAYOUT, WORDS, all, living);
    assert_int_equal(all[0], 3);
    assert_int_equal(tc_ledger_notes_of(again)->reloads, 4);
    assert_int_equal(ftruncate(tc_ledger_fd(again), 1), -1); /* not to be pulled from under us */
    const off_t size = lseek(tc_ledger_fd(again), 0, SEEK_END);
    tc_ledger_free(again);
    const int fd = memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(tc_ledger_open(fd, &none), TC_ERR_NOTHING);
    assert_int_equal(ftruncate(fd, size), 0);
    assert_int_equal(tc_ledger_open(fd, &none), TC_ERR_NOTHING); /* not sealed */
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW), 0);
    assert_int_equal(tc_ledger_open(fd, &none), TC_ERR_NOTHING); /* not one of ours */
    assert_null(none);
    close(fd);
}

/* --- folders ------------------------------------------------------------------------------- */

static void a_folder_is_one_for_all(void **state)
{
    (void)state;
    const int a = tc_ledger_take(l), b = tc_ledger_take(l);
    tc_ledger_folder *f = tc_ledger_folder_of(l, a, 1, 2), *other = tc_ledger_folder_of(l, a, 2, 2);
    assert_non_null(f);
    assert_non_null(other);
    assert_ptr_not_equal(f, other);
    f->used = 70;
    f->counted = 1;
    f->reserved[a] = 20;
    assert_ptr_equal(tc_ledger_folder_of(l, b, 1, 2), f);
    assert_int_equal(f->used, 70);
    f->used += 5;
    f->reserved[b] = 5;
    f->moving[a] = 1;
    tc_ledger_end(l, a, b); /* what it had begun to write is no more */
    assert_int_equal(f->used, 55);
    assert_int_equal(f->counted, 1);
    assert_int_equal(f->moving[a], 0);
    tc_ledger_end(l, b, -1);
    const int c = tc_ledger_take(l);
    f = tc_ledger_folder_of(l, c, 1, 2); /* nobody knew what happened to it meanwhile */
    assert_int_equal(f->used, 0);
    assert_int_equal(f->counted, 0);
}

static void folders_are_bounded(void **state)
{
    (void)state;
    const int a = tc_ledger_take(l);
    for (uint64_t i = 0; i < TC_LEDGER_FOLDERS; i++)
        assert_non_null(tc_ledger_folder_of(l, a, i, 1));
    assert_null(tc_ledger_folder_of(l, a, 1, 2));
    assert_non_null(tc_ledger_folder_of(l, a, TC_LEDGER_FOLDERS - 1, 1));
    assert_null(tc_ledger_folder_of(l, -1, 1, 1));
    tc_ledger_end(l, a, -1);
    const int b = tc_ledger_take(l);
    assert_non_null(tc_ledger_folder_of(l, b, 1, 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_continue),        TEST(another_layout_is_not_added),
        TEST(slots_are_bounded),    TEST(one_that_is_killed_amid_its_words),
        TEST(others_have_the_same), TEST(a_folder_is_one_for_all),
        TEST(folders_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
