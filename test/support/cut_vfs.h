/* cut_vfs.h - a file system for SQLite whose power can be cut: what was written after a file's last
 * sync is lost then, or some of it is, torn at sectors, as the seed says. Nothing is synced for
 * real. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdint.h>

/* Becomes SQLite's own, until cut_vfs_end. */
void cut_vfs_begin(void);
void cut_vfs_end(void);

/* The power goes at the nth write or sync from now on; everything fails from there. */
void cut_vfs_after(unsigned n);
int cut_vfs_is_cut(void);
/* When all files are closed: puts on the disk what it would have now, and power is back. keep: in
 * percent, how many of the writes that were not synced got through (100 on each: a kill -9). */
void cut_vfs_reboot(unsigned keep);
uint64_t cut_vfs_syncs(void);
/* How often it was the database itself, and not its log, that was being written or synced. */
unsigned cut_vfs_database_cuts(void);
