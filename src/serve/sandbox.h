/* sandbox.h - what a process that serves may still reach on this machine, once all is open:
 * Landlock (landlock(7)), and memory that is never both written and executed. For this thread and
 * those that it starts, for good.
 *
 * Names are opened as they are when they are allowed: a folder that is put in the place of an
 * allowed one is another folder. What is open already stays open. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"

enum tc_sandbox_right {
    TC_SANDBOX_READ = 1,   /* files and folders beneath */
    TC_SANDBOX_APPEND = 2, /* files beneath are made and written */
    TC_SANDBOX_WRITE = 4   /* files and folders beneath are read, made, written, moved, removed */
};

/* What is shut off; what the kernel does not know yet stays open. */
enum tc_sandbox_part {
    TC_SANDBOX_FILES = 1,   /* but for what is allowed; also signals and abstract sockets */
    TC_SANDBOX_BIND = 2,    /* TCP ports cannot be taken */
    TC_SANDBOX_CONNECT = 4, /* nor TCP connections made */
};

typedef struct tc_sandbox {
    int fd;  /* -1: there is none */
    int abi; /* the kernel's version of Landlock; 0: it has none */
} tc_sandbox;

/* TC_ERR_SYSTEM (see errno); without Landlock in the kernel all of this does nothing. */
tc_err tc_sandbox_begin(tc_sandbox *s, unsigned parts) TC_MUST_USE;
/* A file or a folder; what is not there is not allowed. */
tc_err tc_sandbox_allow(tc_sandbox *s, const char *path, unsigned rights) TC_MUST_USE;
/* The folder that a file is in, so that another can be put in its place; where the name is a link,
 * the folder of what it leads to, too. Not the root of all: there, the file alone. */
tc_err tc_sandbox_allow_around(tc_sandbox *s, const char *path, unsigned rights) TC_MUST_USE;
/* From now on. */
tc_err tc_sandbox_enter(tc_sandbox *s) TC_MUST_USE;
void tc_sandbox_fini(tc_sandbox *s); /* where it was not entered */
