/* generation.c - what is handed on from one build of the program to the next, as it is in this
 * version of it. Where a test here fails, builds that run would misunderstand each other: raise
 * TC_GENERATION_VERSION, or change it so that either build still reads what the other wrote, which
 * goes for a line or a message that is added; then write down here how it is now. */
// SPDX-License-Identifier: MIT
#include "serve/generation.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "serve/master_inside.h"
#include "support/check.h"

_Static_assert(TC_GENERATION_VERSION == 1, "then all that stands here is looked at anew");
_Static_assert(TC_GENERATION_SECRET == 64 && TC_GENERATION_KEPT == 8, "version");

/* Messages. */
_Static_assert(sizeof(tc_message_head) == 40 && offsetof(tc_message_head, kind) == 0 &&
                   offsetof(tc_message_head, number) == 4 && offsetof(tc_message_head, at) == 8 &&
                   offsetof(tc_message_head, both) == 36 &&
                   offsetof(tc_message_head, any_port) == 37 &&
                   offsetof(tc_message_head, udp) == 38,
               "version");
_Static_assert(sizeof(tc_address) == 28, "version"); /* the kernel's addresses of both families */
_Static_assert(sizeof(tc_server_taken) == 32 && offsetof(tc_server_taken, at) == 0 &&
                   offsetof(tc_server_taken, both) == 28 && offsetof(tc_server_taken, udp) == 29,
               "version");
_Static_assert(sizeof(tc_generation_bounds) == 16 && offsetof(tc_generation_bounds, most) == 0 &&
                   offsetof(tc_generation_bounds, drain_ms) == 8,
               "version");
_Static_assert(TC_SAYS_LISTENING == 'L' && TC_SAYS_KEEP == 'K' && TC_SAYS_LOG == 'F' &&
                   TC_SAYS_TEXTS == 'C' && TC_SAYS_READY == 'R' && TC_SAYS_ALIVE == 'A',
               "version");
_Static_assert(TC_SAYS_NEXT == 'N' && TC_SAYS_HAND_OVER == 'H' && TC_SAYS_TAKE_BACK == 'B' &&
                   TC_SAYS_QUIT == 'Q' && TC_SAYS_REOPEN == 'O',
               "version");
_Static_assert(BEGINNING == 0 && SERVING == 1 && DRAINING == 2, "version");

#define SECRET                                                                                     \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"                             \
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"

/* [::1]:80, as the kernel has it. */
#define ADDRESS "0a000050000000000000000000000000000000000000000100000000"

static master m;
static int tcp[] = {41, 42}, udp[] = {43};

static void make(void)
{
    memset(&m, 0, sizeof m);
    m.notify.watchdog_ns = 8 * TC_S;
    m.listeners.count = 1;
    m.listeners.at[0] = (tc_listening){.at = {.v6 = {.sin6_family = AF_INET6,
                                                     .sin6_port = htons(80),
                                                     .sin6_addr = IN6ADDR_LOOPBACK_INIT}},
                                       .any_port = true,
                                       .tcp = tcp,
                                       .tcp_count = 2,
                                       .udp = udp,
                                       .udp_count = 1};
    m.at[0] = (generation){.pid = 1001,
                           .number = 6,
                           .phase = DRAINING,
                           .channel = 51,
                           .pass = 52,
                           .words = -1,
                           .began = 700,
                           .drains = 800,
                           .slot = -1};
    m.at[3] = (generation){.pid = 1002,
                           .number = 7,
                           .phase = SERVING,
                           .channel = 53,
                           .pass = 54,
                           .words = -1,
                           .began = 900,
                           .slot = -1};
    m.last_number = 7;
    m.bounds = (tc_generation_bounds){8, 30000};
    m.kept[0] = 61;
    m.kept[1] = 62;
    m.kept_count = 2;
    m.texts = 63;
    m.same = true;
    m.control = 64;
    (void)snprintf(m.log, sizeof m.log, "/var/log/a b.log");
    for (int i = 0; i < TC_GENERATION_SECRET; i++)
        m.secret[i] = (uint8_t)i;
    m.secret_made = 12345;
}

static const char *text_of(int fd)
{
    static char text[4096];
    const ssize_t n = pread(fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    close(fd);
    return text;
}

static void what_a_generation_inherits(void **state)
{
    (void)state;
    int fds[32];
    size_t count = 0;
    make();
    generation next = {.number = 8, .channel = 33, .slot = -1};
    const int fd = tc_generation_state(&m, &next, 31, 32, fds, 32, &count);
    assert_true(fd > 2);
    assert_string_equal(text_of(fd), "tercet 1\n"
                                     "number 8\n"
                                     "pulse 2000\n"
                                     "words 31\n"
                                     "passed 32\n"
                                     "socket 41 1 0 0 " ADDRESS "\n"
                                     "socket 42 1 0 0 " ADDRESS "\n"
                                     "socket 43 1 1 0 " ADDRESS "\n"
                                     "kin 6 52\n"
                                     "kin 7 54\n"
                                     "kept 61\n"
                                     "kept 62\n"
                                     "texts 63\n"
                                     "secret " SECRET "\n"
                                     "channel 33\n");
    assert_int_equal(count, 12); /* all that is named, and the file itself */
    assert_int_equal(tc_ledger_new(&m.ledger), TC_OK);
    char line[64];
    next.slot = 5;
    (void)snprintf(line, sizeof line, "\nledger %d 5\n", tc_ledger_fd(m.ledger));
    const char *text = text_of(tc_generation_state(&m, &next, 31, 32, fds, 32, &count));
    assert_non_null(strstr(text, line));
    assert_int_equal(count, 13);
    tc_ledger_free(m.ledger);
}

/* A file as a master of this build writes it. */
static int written(void)
{
    const int fd = memfd_create("x", 0);
    FILE *to = fdopen(dup(fd), "w");
    assert_non_null(to);
    tc_master_write(&m, to);
    assert_int_equal(fclose(to), 0);
    return fd;
}

static void what_a_master_inherits(void **state)
{
    (void)state;
    make();
    assert_string_equal(text_of(written()), "tercet-master 1\n"
                                            "last 7\n"
                                            "control 64\n"
                                            "log /var/log/a b.log\n"
                                            "socket 41 1 0 0 " ADDRESS "\n"
                                            "socket 42 1 0 0 " ADDRESS "\n"
                                            "socket 43 1 1 0 " ADDRESS "\n"
                                            "generation 1001 6 2 51 52 700 -1 800\n"
                                            "generation 1002 7 1 53 54 900 -1 0\n"
                                            "kept 61\n"
                                            "kept 62\n"
                                            "texts 63\n"
                                            "bounds 8 30000\n"
                                            "secret 12345 " SECRET "\n");
}

/* By a master that is begun with this as what it inherits. */
static void read_by(master *new, const char *text)
{
    char number[16];
    memset(new, 0, sizeof *new);
    const int fd = memfd_create("x", 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)snprintf(number, sizeof number, "%d", fd);
    assert_int_equal(setenv("TERCET_MASTER", number, 1), 0);
    assert_true(tc_master_was_upgraded());
}

static void forget(master *new)
{
    for (int i = 0; i < GENERATIONS; i++)
        tc_free(new->at[i].said);
}

static master new;

static void what_older_builds_wrote_is_read(void **state)
{
    (void)state;
    read_by(&new, "tercet-master 1\n"
                  "last 7\n"
                  "control 964\n"
                  "log /var/log/a b.log\n"
                  "generation 1001 6 2 951 952 700\n"
                  "generation 1002 7 1 953 954 900\n"
                  "kept 961\n"
                  "texts 963\n"
                  "what comes later 1 2 3\n"
                  "secret 12345 " SECRET "\n");
    assert_true(tc_master_resume(&new));
    assert_false(tc_master_was_upgraded());
    assert_int_equal(new.last_number, 7);
    assert_int_equal(new.control, 964);
    assert_int_equal(new.kept_count, 1);
    assert_int_equal(new.kept[0], 961);
    assert_int_equal(new.texts, 963);
    assert_string_equal(new.log, "/var/log/a b.log");
    assert_int_equal(new.secret_made, 12345);
    assert_int_equal(new.secret[63], 63);
    assert_int_equal(new.at[0].pid, 1001);
    assert_int_equal(new.at[0].phase, DRAINING);
    assert_int_equal(new.at[1].number, 7);
    assert_int_equal(new.at[1].phase, SERVING);
    assert_int_equal(new.at[1].channel, 953);
    assert_int_equal(new.at[1].pass, 954);
    assert_int_equal(new.at[1].began, 900);
    assert_int_equal(new.at[1].slot, -1);
    assert_null(new.ledger);
    forget(&new);
}

static void what_this_one_wrote_is_read(void **state)
{
    (void)state;
    char text[4096];
    make();
    assert_int_equal(tc_ledger_new(&m.ledger), TC_OK);
    const int slot = tc_ledger_take(m.ledger);
    m.at[3].slot = slot;
    m.listeners.count = 0; /* those are none here */
    (void)snprintf(text, sizeof text, "%s", text_of(written()));
    char line[64];
    (void)snprintf(line, sizeof line, "\nledger %d\n", tc_ledger_fd(m.ledger));
    assert_non_null(strstr(text, line));
    read_by(&new, text);
    assert_true(tc_master_resume(&new));
    assert_non_null(new.ledger);
    assert_int_equal(tc_ledger_take(new.ledger), slot + 1); /* the same one */
    assert_int_equal(new.at[1].slot, slot);
    assert_int_equal(new.at[0].drains, 800);
    assert_int_equal(new.bounds.most, 8);
    assert_int_equal(new.bounds.drain_ms, 30000);
    forget(&new);
    tc_ledger_free(new.ledger);
}

static void another_version_is_not_read(void **state)
{
    (void)state;
    read_by(&new, "tercet-master 2\nlast 7\n");
    assert_false(tc_master_resume(&new));
    assert_int_equal(new.last_number, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_generation_inherits),
        cmocka_unit_test(what_a_master_inherits),
        cmocka_unit_test(what_older_builds_wrote_is_read),
        cmocka_unit_test(what_this_one_wrote_is_read),
        cmocka_unit_test(another_version_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
