/* choice.h - why a connection speaks the version that it speaks, in words. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/event.h"

enum { TC_CHOICE_BYTES = 192 };

/* asked: for this version, NONE: the best. protection: what a handshake agreed on; NULL: in clear
 * text. */
tc_span tc_choice_text(enum tc_version asked, const tc_protection *protection,
                       char room[TC_CHOICE_BYTES]);
/* The same where HTTP/3 was tried unasked, since Alt-Svc or (by_record) an HTTPS record told of it:
 * it won, or (text) this did, as it failed by that or (OK) took too long. */
tc_span tc_choice_won(bool by_record, char room[TC_CHOICE_BYTES]);
tc_span tc_choice_lost(bool by_record, tc_err by, tc_span text, char room[TC_CHOICE_BYTES]);
