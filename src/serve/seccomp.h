/* seccomp.h - which system calls a process that serves may make from now on (seccomp(2)): a list,
 * tables/system_call.def, for all of its threads and for good. Any other ends it at once, with
 * SIGSYS and a line that says which call it was. Over libseccomp, which is named here alone. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"

/* Last of all. TC_ERR_SYSTEM, and errno. */
tc_err tc_seccomp_enter(void) TC_MUST_USE;

/* Whether each name of the list is one that libseccomp knows on any machine; NULL, or the first
 * that is not. And whether the list can be made into a filter for a machine, by libseccomp's name
 * ("aarch64"). For tests. */
const char *tc_seccomp_unknown(void);
tc_err tc_seccomp_check(const char *machine) TC_MUST_USE;
