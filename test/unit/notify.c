/* notify.c - what is said arrives, by a path or an abstract name; what the environment says for
 * somebody else is left alone. */
// SPDX-License-Identifier: MIT
#include "net/notify.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/check.h"
#include "support/folder.h"

static folder root;
static int listener;

/* Plays systemd at that address. */
static void play(const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, name, strlen(name));
    if (name[0] == '@') at.sun_path[0] = '\0';
    listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(listener, (struct sockaddr *)&at, size), 0);
    setenv("NOTIFY_SOCKET", name, 1);
}

static const char *heard(void)
{
    static char room[512];
    const ssize_t n = recv(listener, room, sizeof room - 1, MSG_DONTWAIT);
    room[n > 0 ? n : 0] = '\0';
    return room;
}

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (listener) close(listener);
    listener = 0;
    folder_remove(&root);
    return 0;
}

static void what_is_said_arrives(void **state)
{
    char name[128];
    tc_notify n;
    (void)state;
    (void)snprintf(name, sizeof name, "%s/notify", root.path);
    play(name);
    setenv("WATCHDOG_USEC", "20000000", 1);
    tc_notify_open(&n);
    assert_true(n.fd >= 0);
    assert_int_equal(n.watchdog_ns, 20000000000);
    tc_notify_forget();
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    tc_notify_say(&n, "READY=1\nSTATUS=serves");
    assert_string_equal(heard(), "READY=1\nSTATUS=serves");
    tc_notify_reloading(&n);
    long long us;
    assert_int_equal(sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%lld", &us), 1);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    assert_in_range(us, 1, now.tv_sec * 1000000ll + now.tv_nsec / 1000);
    close(listener);
    listener = 0;
    tc_notify_say(&n, "WATCHDOG=1"); /* whoever is gone does not harm us */
    tc_notify_close(&n);
    tc_notify_say(&n, "STOPPING=1");
}

static void an_abstract_name_is_found(void **state)
{
    char name[64];
    tc_notify n;
    (void)state;
    (void)snprintf(name, sizeof name, "@tercet-test-%d", (int)getpid());
    play(name);
    setenv("WATCHDOG_USEC", "20000000", 1);
    setenv("WATCHDOG_PID", "1", 1); /* somebody else */
    tc_notify_open(&n);
    assert_int_equal(n.watchdog_ns, 0);
    tc_notify_say(&n, "READY=1");
    assert_string_equal(heard(), "READY=1");
    tc_notify_close(&n);
}

static void without_anybody_nothing_happens(void **state)
{
    static const char *const names[] = {NULL, "", "relative", "@", "/nowhere/at/all"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        tc_notify n;
        unsetenv("NOTIFY_SOCKET");
        if (names[i]) setenv("NOTIFY_SOCKET", names[i], 1);
        tc_notify_open(&n);
        check_case(n.fd == -1 && n.watchdog_ns == 0, names[i] ? names[i] : "none");
        tc_notify_say(&n, "READY=1");
        tc_notify_close(&n);
    }
}

static void sockets_are_for_whom_they_name(void **state)
{
    char pid[24];
    int first = -1;
    (void)state;
    assert_int_equal(tc_notify_sockets(&first), 0);
    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "1", 1);
    assert_int_equal(tc_notify_sockets(&first), 0);
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    static const char *const wrong[] = {"0", "-1", "many", "99999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", wrong[i], 1);
        check_case(tc_notify_sockets(&first) == 0, wrong[i]);
    }
    assert_int_equal(first, -1);
    int status;
    const pid_t child = fork(); /* where descriptor 3 may be anything */
    assert_true(child >= 0);
    if (child == 0) {
        if (dup2(STDIN_FILENO, 3) != 3) _exit(1);
        (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
        setenv("LISTEN_PID", pid, 1);
        setenv("LISTEN_FDS", "1", 1);
        if (tc_notify_sockets(&first) != 1 || first != 3) _exit(2);
        if (fcntl(3, F_GETFD) != FD_CLOEXEC) _exit(3);
        _exit(getenv("LISTEN_FDS") || getenv("LISTEN_PID") ? 4 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_said_arrives, begin, end),
        cmocka_unit_test_setup_teardown(an_abstract_name_is_found, begin, end),
        cmocka_unit_test_setup_teardown(without_anybody_nothing_happens, begin, end),
        cmocka_unit_test(sockets_are_for_whom_they_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
