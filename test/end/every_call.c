/* every_call.c - runs a program whose system calls are counted, and fail when a test says so:
 * every_call PLAN PROGRAM [ARGUMENT...]; without arguments the names of the calls, one a line.
 *
 * A seccomp filter holds the calls of the table below, of the program and of all that it begins,
 * and asks a process beside it, so libraries, threads and generations are counted like the rest.
 * What is to fail stands in the file PLAN, which both map. */
// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES, SOCKETS, OTHERS, KINDS }; /* what the first argument is */
static const char *const kinds[KINDS] = {"file", "socket", "other"};

/* split: counted by what the descriptor is. */
static const struct row {
    const char *name;
    long number;
    int split;
} rows[] = {
#define CALL(name) {#name, SYS_##name, 0},
#define SPLIT(name) {#name, SYS_##name, 1},
    /* what gives a descriptor */
    CALL(openat) CALL(openat2) CALL(socket) CALL(socketpair) CALL(accept4) CALL(epoll_create1)
        CALL(eventfd2) CALL(memfd_create) CALL(pipe2) CALL(fcntl) CALL(dup2) CALL(dup3)
            CALL(landlock_create_ruleset)
    /* files */
    SPLIT(read) SPLIT(write) SPLIT(writev) CALL(pread64) CALL(preadv) CALL(pwrite64) CALL(lseek)
        CALL(ftruncate) CALL(fallocate) CALL(fsync) CALL(fdatasync) CALL(newfstatat) CALL(fstat)
            CALL(getdents64) CALL(flock) CALL(linkat) CALL(renameat) CALL(mkdirat) CALL(unlinkat)
                CALL(fchmod) CALL(fchown) CALL(utimensat) CALL(faccessat2) CALL(readlinkat)
                    CALL(copy_file_range)
    /* sockets */
    CALL(bind) CALL(listen) CALL(connect) CALL(getsockname) CALL(getpeername) CALL(setsockopt)
        CALL(getsockopt) CALL(shutdown) CALL(sendto) CALL(sendmsg) CALL(sendmmsg) CALL(recvfrom)
            CALL(recvmsg) CALL(recvmmsg) CALL(sendfile)
    /* waiting */
    CALL(epoll_ctl) CALL(epoll_wait) CALL(epoll_pwait) CALL(epoll_pwait2) CALL(ppoll)
        CALL(rt_sigtimedwait) CALL(clock_nanosleep) CALL(wait4) CALL(getrandom)
    /* memory, threads, processes */
    CALL(mmap) CALL(mprotect) CALL(mremap) CALL(clone3) CALL(clone) CALL(execve) CALL(setuid)
        CALL(setgid) CALL(setgroups) CALL(prctl) CALL(landlock_add_rule)
            CALL(landlock_restrict_self) CALL(bpf) CALL(prlimit64)
#ifdef SYS_open /* old names, where the machine has them */
                CALL(open) CALL(poll) CALL(rename) CALL(link) CALL(mkdir) CALL(unlink) CALL(stat)
                    CALL(lstat) CALL(access) CALL(readlink) CALL(fork) CALL(vfork) CALL(rmdir)
                        CALL(dup)
#endif
};
enum { ROWS = sizeof rows / sizeof *rows, PLACES = ROWS * KINDS };

/* The test writes what fails: "row + ROWS * kind", errno, the first call that does, how many. */
struct plan {
    _Atomic int64_t ready, place, number, first, count, calls, failed;
    _Atomic int64_t armed;       /* 0: nothing is counted, nothing fails */
    _Atomic int64_t listener;    /* of the filter, in the program */
    _Atomic int64_t counts[512]; /* by place, while armed */
};
_Static_assert(PLACES <= 512, "counts");

static int kind_of(int pid, unsigned fd)
{
    char name[64], to[64] = "";
    snprintf(name, sizeof name, "/proc/%d/fd/%u", pid, fd);
    const ssize_t n = readlink(name, to, sizeof to - 1);
    if (n > 0 && to[0] == '/') return strncmp(to, "/dev/", 5) == 0 ? OTHERS : FILES;
    return n > 0 && strncmp(to, "socket:", 7) == 0 ? SOCKETS : OTHERS;
}

static int row_of(long number)
{
    for (int i = 0; i < ROWS; i++)
        if (rows[i].number == number) return i;
    return -1;
}

/* From execve to the first call of main, which looks at the standard files, all belongs to the
 * dynamic linker and to libraries that are set up: nothing of ours. */
static int is_loading(const struct seccomp_notif *asked)
{
    static uint32_t loading[64];
    static int begun; /* the program itself, by us */
    const int execs = asked->data.nr == SYS_execve;
    const int looks = asked->data.nr == SYS_fcntl && asked->data.args[1] == F_GETFD;
    for (int i = 0; i < 64; i++) {
        if (loading[i] == asked->pid) {
            if (looks) loading[i] = 0;
            return 1;
        }
        if (execs && !loading[i]) {
            loading[i] = asked->pid;
            return !begun++;
        }
    }
    return 0;
}

/* What it is to be told: 0, or the errno. */
static int judge(struct plan *plan, const struct seccomp_notif *asked)
{
    const int row = row_of(asked->data.nr);
    const uint64_t *argument = (const uint64_t *)asked->data.args;
    if (is_loading(asked) || row < 0 || !plan->armed) return 0;
    if (asked->data.nr == SYS_fcntl && argument[1] != F_DUPFD && argument[1] != F_DUPFD_CLOEXEC)
        return 0;
    const int kind = rows[row].split ? kind_of((int)asked->pid, (unsigned)argument[0]) : 0;
    const int place = row + ROWS * kind;
    plan->counts[place]++;
    if (plan->place != place) return 0;
    const int64_t n = ++plan->calls;
    if (n < plan->first || n >= plan->first + plan->count) return 0;
    plan->failed++;
    return (int)plan->number;
}

static int supervise(struct plan *plan, int listener)
{
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes)) return 1;
    struct seccomp_notif *asked = calloc(1, sizes.seccomp_notif);
    struct seccomp_notif_resp *answer = calloc(1, sizes.seccomp_notif_resp);
    if (!asked || !answer) return 1;
    for (;;) {
        struct pollfd p = {.fd = listener, .events = POLLIN};
        if (poll(&p, 1, -1) < 0 && errno != EINTR) return 1;
        if (p.revents & POLLHUP) return 0; /* all have ended */
        memset(asked, 0, sizes.seccomp_notif);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, asked)) continue;
        const int number = judge(plan, asked);
        memset(answer, 0, sizes.seccomp_notif_resp);
        answer->id = asked->id;
        answer->error = -number;
        answer->flags = number ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer); /* it may have ended meanwhile */
    }
}

/* In a process that is nobody's child, so that the program waits for its own alone. */
static void begin_supervisor(struct plan *plan)
{
    const pid_t program = getpid(), between = fork();
    if (between) {
        (void)waitpid(between, NULL, 0);
        return;
    }
    if (fork()) _exit(0);
    setsid();
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    while (plan->listener < 0)
        usleep(100);
    const int of = (int)syscall(SYS_pidfd_open, program, 0);
    const int listener = (int)syscall(SYS_pidfd_getfd, of, (int)plan->listener, 0);
    plan->ready = listener >= 0 ? 1 : -1;
    if (listener < 0) _exit(1);
    close(of);
    _exit(supervise(plan, listener));
}

static int install(void)
{
    struct sock_filter code[ROWS + 3];
    size_t n = 0;
    code[n++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < ROWS; i++)
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
                                                 (uint32_t)rows[i].number, (uint8_t)(ROWS - i), 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    const struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
    if (geteuid()) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        &program);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        for (int kind = 0; kind < KINDS; kind++)
            for (int i = 0; i < ROWS; i++)
                if (rows[i].split)
                    printf("%s_%s\n", rows[i].name, kinds[kind]);
                else
                    puts(kind ? "-" : rows[i].name);
        return 0;
    }
    const int fd = open(argv[1], O_RDWR | O_CLOEXEC);
    struct plan *plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || plan == MAP_FAILED) return perror(argv[1]), 125;
    close(fd);
    plan->listener = -1;
    plan->ready = 0;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    begin_supervisor(plan);
    const int listener = install();
    if (listener < 0) return perror("seccomp"), 125;
    plan->listener = listener;
    fcntl(listener, F_SETFD, FD_CLOEXEC); /* waits until somebody listens */
    execv(argv[2], argv + 2);
    return perror(argv[2]), 126;
}
