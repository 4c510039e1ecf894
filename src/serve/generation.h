/* generation.h - a master and its generations: each generation is a process of this program that
 * serves with one configuration, begun by the master from the file that the program is in. What
 * they say to each other, over a channel; the rest a generation inherits, and a file in memory
 * says which descriptor is what.
 *
 * The two may be different builds of the program: what is said here is kept from version to
 * version, or TC_GENERATION_VERSION changes; test/unit/generation.c fails where it does not. */
// SPDX-License-Identifier: MIT
#pragma once
#include "server/server.h"

enum { TC_GENERATION_VERSION = 1, TC_GENERATION_SECRET = 64, TC_GENERATION_KEPT = 8 };

/* The environment: the descriptor of that file. */
#define TC_GENERATION_STATE "TERCET_GENERATION"

enum tc_message_kind {
    /* of a generation */
    TC_SAYS_LISTENING = 'L', /* an address, with sockets of it that are new; .at, .both, .udp */
    TC_SAYS_KEEP = 'K',      /* descriptors for generations after it */
    TC_SAYS_LOG = 'F',       /* text: a file that is opened anew on demand */
    TC_SAYS_TEXTS = 'C',     /* its configuration, as the master keeps it (config/texts.h) */
    TC_SAYS_READY = 'R',     /* it serves; tc_generation_bounds, of older builds nothing */
    TC_SAYS_ALIVE = 'A',     /* all of its workers took turns lately; where that is wanted */
    /* of the master */
    TC_SAYS_NEXT = 'N',      /* .number: a newer one begins, with where its packets go */
    TC_SAYS_HAND_OVER = 'H', /* an array of tc_server_taken; the newer one serves */
    TC_SAYS_TAKE_BACK = 'B', /* the newer ones are gone before this one */
    TC_SAYS_QUIT = 'Q',      /* finish what is under way */
    TC_SAYS_REOPEN = 'O',    /* descriptors for the files of LOG, in their order */
};

typedef struct tc_message_head {
    uint32_t kind, number;
    tc_address at;
    uint8_t both, any_port, udp;
} tc_message_head; /* then the text or array */

/* What its configuration says of generations (tables/limit.def). */
typedef struct tc_generation_bounds {
    uint64_t most, drain_ms;
} tc_generation_bounds;
