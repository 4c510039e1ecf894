/* The dice of bench/relay.c: by seed, and as often as they should. */
// SPDX-License-Identifier: MIT
#include "../bench/loss.h"

#include "support/check.h"

enum { MANY = 100000 };

static unsigned lost(uint64_t seed, uint32_t parts)
{
    unsigned n = 0;
    for (uint64_t i = 0; i < MANY; i++)
        n += loss_takes(seed, i, parts);
    return n;
}

static void as_often_as_asked(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        const uint64_t down = loss_seed(seed, 0), up = loss_seed(seed, 1);
        assert_int_equal(lost(down, 0), 0);
        assert_int_equal(lost(down, LOSS_WHOLE), MANY);
        assert_in_range(lost(down, 10000), MANY * 8 / 1000, MANY * 12 / 1000);
        assert_in_range(lost(up, 30000), MANY * 27 / 1000, MANY * 33 / 1000);
    }
}

static void the_same_packets_each_time(void **state)
{
    (void)state;
    const uint64_t seed = loss_seed(7, 0);
    for (uint64_t i = 0; i < MANY; i++)
        assert_int_equal(loss_takes(seed, i, 30000), loss_takes(loss_seed(7, 0), i, 30000));
    /* What is lost of few is lost of more, too: rows of the picture can be compared. */
    for (uint64_t i = 0; i < MANY; i++)
        if (loss_takes(seed, i, 10000)) assert_true(loss_takes(seed, i, 30000));
}

/* Neither direction, nor the next seed, nor the packet before says what is lost. */
static void nothing_follows_from_it(void **state)
{
    (void)state;
    unsigned ways = 0, seeds = 0, rows = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        if (!loss_takes(loss_seed(1, 0), i, 100000)) continue;
        ways += loss_takes(loss_seed(1, 1), i, 100000);
        seeds += loss_takes(loss_seed(2, 0), i, 100000);
        rows += loss_takes(loss_seed(1, 0), i + 1, 100000);
    }
    assert_in_range(ways, MANY / 120, MANY / 80);
    assert_in_range(seeds, MANY / 120, MANY / 80);
    assert_in_range(rows, MANY / 120, MANY / 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_often_as_asked),
        cmocka_unit_test(the_same_packets_each_time),
        cmocka_unit_test(nothing_follows_from_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
