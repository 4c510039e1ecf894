/* coded.h - serves the variant of a file that a request would rather have, and makes it where it is
 * not there yet: small ones at once, others in a thread, while those who asked for them wait. What
 * was made is kept, so that it is made once. */
// SPDX-License-Identifier: MIT
#pragma once
#include "files/variants.h"

struct tc_exchange;
struct tc_loop;

/* f is an entry with variants; takes its reference. */
tc_err tc_coded_serve(struct tc_loop *loop, struct tc_exchange *x, tc_file *f) TC_MUST_USE;
/* Gives up what is being made for this folder, for which nobody waits any more. */
void tc_coded_end(tc_folder *folder);
