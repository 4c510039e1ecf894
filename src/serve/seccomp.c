/* seccomp.c - see seccomp.h.
 *
 * clone3 hides its flags from the filter, so it is said not to exist: the C library then uses
 * clone. */
// SPDX-License-Identifier: MIT
#include "serve/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/span.h"
#include "base/text.h"

static const char *const names[] = {
#define TC_CALL(name) #name,
#include "system_call.def"
#undef TC_CALL
};

enum { NAMES = sizeof names / sizeof *names };

const char *tc_seccomp_unknown(void)
{
    for (size_t i = 0; i < NAMES; i++)
        if (seccomp_syscall_resolve_name(names[i]) == __NR_SCMP_ERROR) return names[i];
    return NULL;
}

/* In a signal handler: only what may be called there. */
static void tell(int signal_number, siginfo_t *info, void *context)
{
    static const char before[] = "tercet: the system call number ",
                      after[] =
                          " is not on the list of seccomp: this process ends. The call was not "
                          "made.\n";
    char digits[20];
    (void)context;
    const size_t n = tc_text_number(digits, (uint64_t)(unsigned)info->si_syscall);
    (void)!write(STDERR_FILENO, before, sizeof before - 1);
    (void)!write(STDERR_FILENO, digits, n);
    (void)!write(STDERR_FILENO, after, sizeof after - 1);
    signal(signal_number, SIG_DFL);
    (void)kill(getpid(), signal_number);
}

static int add_calls(scmp_filter_ctx filter)
{
    int rc = 0;
    for (size_t i = 0; i < NAMES && rc == 0; i++) {
        const int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR) continue; /* newer than the library */
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
        if (rc == -EDOM) rc = 0; /* not on this machine */
    }
    if (!rc)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                              SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (!rc) rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return rc;
}

tc_err tc_seccomp_enter(void)
{
    const struct sigaction action = {.sa_sigaction = tell, .sa_flags = SA_SIGINFO | SA_NODEFER};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    if (!filter) return TC_ERR_NO_MEMORY;
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!rc) rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* found by halves */
    if (!rc) rc = add_calls(filter);
    if (!rc && sigaction(SIGSYS, &action, NULL)) rc = -errno;
    if (!rc) rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc) errno = rc < 0 ? -rc : rc;
    return rc ? TC_ERR_SYSTEM : TC_OK;
}

tc_err tc_seccomp_check(const char *machine)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    if (!filter) return TC_ERR_NO_MEMORY;
    int rc = seccomp_arch_add(filter, seccomp_arch_resolve_name(machine));
    if (rc == -EEXIST) rc = 0;
    if (!rc) rc = add_calls(filter);
    const int fd = memfd_create("filter", MFD_CLOEXEC);
    if (!rc) rc = seccomp_export_bpf(filter, fd);
    if (!rc && lseek(fd, 0, SEEK_END) <= 0) rc = -EINVAL;
    if (fd >= 0) close(fd);
    seccomp_release(filter);
    return rc ? TC_ERR_SYSTEM : TC_OK;
}
