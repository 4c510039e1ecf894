/* interrupt.h - Ctrl-C as an event of a client's loop: the first one ends what is under way in good
 * order, a second one the program. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/loop.h"

/* ready is called in the loop, once, and removes io from it. Once in a program; where there is no
 * room for it, the first Ctrl-C ends the program. A peer that is gone is no signal. */
void tc_interrupt_catch(tc_loop *loop, tc_io *io, void (*ready)(tc_io *io, unsigned what));
