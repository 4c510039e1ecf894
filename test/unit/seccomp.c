/* seccomp.c - a child takes the filter upon itself and makes calls: those that a server needs, and
 * each time one that it does not, which must end it by SIGSYS. */
// SPDX-License-Identifier: MIT
#include "serve/seccomp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"

/* What the child ended with, as waitpid says; what it printed goes nowhere. */
static int in_child(void (*run)(void))
{
    int status;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(quiet, STDERR_FILENO);
        if (tc_seccomp_enter() != TC_OK) _exit(100);
        run();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void *thread_body(void *argument)
{
    *(bool *)argument = epoll_create1(EPOLL_CLOEXEC) >= 0;
    return NULL;
}

static void serve(void)
{
    char byte;
    bool ran = false;
    pthread_t thread;
    const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &byte, 1) != 1) _exit(1);
    if (socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0) _exit(2);
    if (pthread_create(&thread, NULL, thread_body, &ran) || pthread_join(thread, NULL)) _exit(3);
    if (!ran) _exit(4);
}

static void what_a_server_does_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(in_child(serve), 0);
}

static void run_program(void)
{
    execl("/bin/true", "true", (char *)NULL);
}

static void run_child(void)
{
    (void)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); /* a process, no thread */
}

static void look_into_another(void)
{
    (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void mount_something(void)
{
    (void)mount("none", "/nowhere", "tmpfs", 0, NULL);
}

static void become_someone(void)
{
    (void)syscall(SYS_setuid, 0);
}

static void leave_the_namespace(void)
{
    (void)unshare(CLONE_NEWUSER);
}

static void load_a_program(void)
{
    (void)syscall(SYS_bpf, 0, NULL, 0);
}

static void listen_anew(void)
{
    (void)listen(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 1);
}

static void add_keys(void)
{
    (void)syscall(SYS_add_key, NULL, NULL, NULL, 0, 0);
}

static void what_it_does_not_ends_it(void **state)
{
    static const struct {
        const char *what;
        void (*run)(void);
    } cases[] = {{"execve", run_program},       {"a process by clone", run_child},
                 {"ptrace", look_into_another}, {"mount", mount_something},
                 {"setuid", become_someone},    {"unshare", leave_the_namespace},
                 {"bpf", load_a_program},       {"listen", listen_anew},
                 {"add_key", add_keys}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int status = in_child(cases[i].run);
        check_case(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, cases[i].what);
    }
}

static void *other_thread(void *argument)
{
    const int *go = argument;
    char byte;
    (void)!read(*go, &byte, 1);
    mount_something();
    return NULL;
}

/* Threads that ran before are held, too. */
static void threads_that_were_there_are_held(void **state)
{
    int status, go[2];
    (void)state;
    assert_int_equal(pipe2(go, O_CLOEXEC), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        pthread_t thread;
        (void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        if (pthread_create(&thread, NULL, other_thread, &go[0])) _exit(1);
        if (tc_seccomp_enter() != TC_OK || write(go[1], "x", 1) != 1) _exit(2);
        (void)pthread_join(thread, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    close(go[0]);
    close(go[1]);
}

static void it_says_which_call_it_was(void **state)
{
    int status, out[2];
    char text[512] = "", wanted[64];
    (void)state;
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(out[1], STDERR_FILENO);
        if (tc_seccomp_enter() != TC_OK) _exit(100);
        mount_something();
        _exit(0);
    }
    close(out[1]);
    size_t have = 0;
    for (ssize_t n; (n = read(out[0], text + have, sizeof text - 1 - have)) > 0;)
        have += (size_t)n;
    close(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)snprintf(wanted, sizeof wanted, "system call number %ld is not", (long)SYS_mount);
    assert_non_null(strstr(text, wanted));
}

static void the_list_holds_on_each_machine(void **state)
{
    (void)state;
    assert_null(tc_seccomp_unknown());
    assert_int_equal(tc_seccomp_check("x86_64"), TC_OK);
    assert_int_equal(tc_seccomp_check("aarch64"), TC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_does_is_allowed),
        cmocka_unit_test(what_it_does_not_ends_it),
        cmocka_unit_test(threads_that_were_there_are_held),
        cmocka_unit_test(it_says_which_call_it_was),
        cmocka_unit_test(the_list_holds_on_each_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
