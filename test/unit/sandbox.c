/* sandbox.c - a child enters the sandbox and tries what it may not: each must fail, and what it may
 * must not. Nothing is left out where the kernel can do it; without Landlock all must go on. */
// SPDX-License-Identifier: MIT
#include "serve/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/check.h"
#include "support/folder.h"

static folder root;
static int abi;

static const char *at(const char *name)
{
    static char rooms[4][128];
    static unsigned next;
    char *room = rooms[next++ % 4];
    (void)snprintf(room, sizeof rooms[0], "%s/%s", root.path, name);
    return room;
}

static int begin(void **state)
{
    (void)state;
    folder_make(&root);
    folder_write(&root, "read/page.html", TC_SPAN("page"));
    folder_write(&root, "write/old", TC_SPAN("old"));
    folder_write(&root, "log/access.log", TC_SPAN("line\n"));
    folder_write(&root, "secret/key", TC_SPAN("key"));
    folder_write(&root, "archive/cert2.pem", TC_SPAN("cert"));
    folder_write(&root, "archive/cert1.pem", TC_SPAN("cert"));
    folder_write(&root, "live/other", TC_SPAN(""));
    folder_link(&root, "live/cert.pem", "../archive/cert1.pem");
    folder_link(&root, "read/out", "../secret/key");
    return 0;
}

static int end(void **state)
{
    (void)state;
    folder_remove(&root);
    return 0;
}

static int can_open(const char *path, int flags)
{
    const int fd = open(path, flags | O_CLOEXEC, 0600);
    const int error = fd < 0 ? errno : 0;
    if (fd >= 0) close(fd);
    return error;
}

/* Runs in a child; what it returns is the number of the first step that went wrong, 0: none. */
static void in_child(int (*run)(void))
{
    int status;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(run());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("step %d, or signal %d", WEXITSTATUS(status), WTERMSIG(status));
}

static bool enter_files(void)
{
    tc_sandbox s;
    return tc_sandbox_begin(&s, TC_SANDBOX_FILES) == TC_OK &&
           tc_sandbox_allow(&s, at("read"), TC_SANDBOX_READ) == TC_OK &&
           tc_sandbox_allow(&s, at("write"), TC_SANDBOX_WRITE) == TC_OK &&
           tc_sandbox_allow_around(&s, at("log/access.log"), TC_SANDBOX_APPEND) == TC_OK &&
           tc_sandbox_allow_around(&s, at("live/cert.pem"), TC_SANDBOX_READ) == TC_OK &&
           tc_sandbox_allow(&s, at("no such"), TC_SANDBOX_READ) == TC_OK &&
           tc_sandbox_allow(&s, "/dev/null", TC_SANDBOX_READ | TC_SANDBOX_APPEND) == TC_OK &&
           tc_sandbox_enter(&s) == TC_OK;
}

static int try_what_is_allowed(void)
{
    if (!enter_files()) return 1;
    if (can_open(at("read/page.html"), O_RDONLY)) return 2;
    if (can_open(at("read"), O_RDONLY | O_DIRECTORY)) return 3;
    if (can_open(at("write/new"), O_RDWR | O_CREAT | O_EXCL)) return 4;
    if (rename(at("write/new"), at("write/old"))) return 5;
    if (mkdir(at("write/folder"), 0700)) return 6;
    if (rename(at("write/old"), at("write/folder/old"))) return 7; /* into another folder */
    if (can_open(at("write/folder/old"), O_RDWR | O_TRUNC)) return 8;
    if (unlink(at("write/folder/old")) || rmdir(at("write/folder"))) return 9;
    if (can_open(at("log/access.log"), O_WRONLY | O_APPEND)) return 10;
    if (can_open(at("log/next.log"), O_WRONLY | O_APPEND | O_CREAT)) return 11;
    if (can_open(at("live/cert.pem"), O_RDONLY)) return 12;
    if (can_open(at("archive/cert2.pem"), O_RDONLY)) return 13; /* a renewed one */
    if (can_open("/dev/null", O_RDWR)) return 14;
    return 0;
}

static void what_is_allowed_works(void **state)
{
    (void)state;
    in_child(try_what_is_allowed);
}

static int try_what_is_not(void)
{
    const int before = open(at("secret/key"), O_RDONLY | O_CLOEXEC);
    char byte;
    if (!enter_files()) return 1;
    if (can_open(at("secret/key"), O_RDONLY) != EACCES) return 2;
    if (can_open(at("read/out"), O_RDONLY) != EACCES) return 3; /* a link leads out of it */
    if (can_open("/etc/passwd", O_RDONLY) != EACCES) return 4;
    if (can_open("/proc/self/mem", O_RDWR) != EACCES) return 5;
    if (can_open(at("read/page.html"), O_WRONLY) != EACCES) return 6;
    if (can_open(at("read/new"), O_WRONLY | O_CREAT) != EACCES) return 7;
    if (unlink(at("read/page.html")) == 0) return 8;
    if (can_open(at("log/access.log"), O_RDONLY) != EACCES) return 9;
    if (unlink(at("log/access.log")) == 0) return 10;
    if (symlink("/etc/passwd", at("write/link")) == 0) return 11;
    if (mkfifo(at("write/fifo"), 0600) == 0) return 12;
    if (read(before, &byte, 1) != 1) return 13; /* what was open stays open */
    execl("/bin/true", "true", (char *)NULL);
    return errno == EACCES ? 0 : 14;
}

static void what_is_not_is_refused(void **state)
{
    (void)state;
    if (abi) in_child(try_what_is_not);
}

static int bind_somewhere(int *ret_fd)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(*ret_fd, (struct sockaddr *)&any, sizeof any) ? errno : 0;
}

static int connect_to(int listener)
{
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    if (listen(listener, 4) || getsockname(listener, (struct sockaddr *)&peer, &len)) return -1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int error = connect(fd, (struct sockaddr *)&peer, sizeof peer) ? errno : 0;
    close(fd);
    return error;
}

static int try_network(void)
{
    int listener, other;
    tc_sandbox s;
    const int refused = abi < 4 ? 0 : EACCES;
    if (bind_somewhere(&listener)) return 1;
    if (tc_sandbox_begin(&s, TC_SANDBOX_BIND) || tc_sandbox_enter(&s)) return 2;
    if (bind_somewhere(&other) != refused) return 3;
    if (connect_to(listener)) return 4; /* as a tunnel does */
    if (tc_sandbox_begin(&s, TC_SANDBOX_CONNECT) || tc_sandbox_enter(&s)) return 5;
    if (connect_to(listener) != refused) return 6;
    return can_open("/etc/passwd", O_RDONLY) ? 7 : 0; /* files were not spoken of */
}

static void ports_and_connections_are_refused(void **state)
{
    (void)state;
    in_child(try_network);
}

static void *in_thread(void *argument)
{
    int *error = argument;
    *error = can_open("/etc/passwd", O_RDONLY);
    return NULL;
}

static int try_thread_and_signal(void)
{
    pthread_t thread;
    int error = 0;
    if (!enter_files()) return 1;
    if (pthread_create(&thread, NULL, in_thread, &error) || pthread_join(thread, NULL)) return 2;
    if (error != EACCES) return 3;
    if (kill(getpid(), 0)) return 4;
    return abi >= 6 && kill(getppid(), 0) == 0 ? 5 : 0;
}

static void threads_inherit_it_and_signals_stay_inside(void **state)
{
    (void)state;
    if (abi) in_child(try_thread_and_signal);
}

static int try_memory(void)
{
    tc_sandbox s;
    const bool knows = prctl(66, 0, 0, 0, 0) >= 0; /* PR_GET_MDWE */
    if (tc_sandbox_begin(&s, 0) || tc_sandbox_enter(&s)) return 1;
    void *both =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (knows != (both == MAP_FAILED)) return 2;
    void *first = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (first == MAP_FAILED) return 3;
    return knows == (mprotect(first, 4096, PROT_READ | PROT_EXEC) != 0) ? 0 : 4;
}

static void memory_is_not_written_and_executed(void **state)
{
    (void)state;
    in_child(try_memory);
}

int main(void)
{
    tc_sandbox s;
    if (tc_sandbox_begin(&s, TC_SANDBOX_FILES) != TC_OK) return 1;
    abi = s.abi;
    tc_sandbox_fini(&s);
    printf("Landlock's version here: %d\n", abi);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_allowed_works, begin, end),
        cmocka_unit_test_setup_teardown(what_is_not_is_refused, begin, end),
        cmocka_unit_test(ports_and_connections_are_refused),
        cmocka_unit_test_setup_teardown(threads_inherit_it_and_signals_stay_inside, begin, end),
        cmocka_unit_test(memory_is_not_written_and_executed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
