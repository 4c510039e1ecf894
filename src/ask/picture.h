/* picture.h - the session on a terminal: three lines an exchange, one a phase, each printed when
 * its phase is over; with -v also the messages, line by line, as they went over the wire.
 *
 * It looks at events and at the record of them, and measures nothing. */
// SPDX-License-Identifier: MIT
#pragma once
#include "observe/record.h"
#include "run/term.h"

enum { TC_PICTURE_PIECES = 24 };

typedef struct tc_picture {
    tc_watch watch;          /* first; chain it behind the record's */
    const tc_record *record; /* the rest up to here is filled in by tc_picture_init */
    const tc_term *term;
    bool phases, wire, secrets;
    const void *turn; /* whose exchanges are shown now; others wait until it is their turn */
    void (*before)(void *self); /* called before something is printed; may be NULL */
    void *before_self;

    /* the line being made: its text, and which style each piece of it has */
    tc_buf text, out;
    struct tc_picture_piece {
        enum tc_style style;
        bool elastic;     /* cut where the line is too long */
        bool whole;       /* a number: is there as it is or not at all */
        unsigned dropped; /* left out, in this order, where the line is too long; 0: never */
        size_t end;
    } pieces[TC_PICTURE_PIECES];
    unsigned piece_count;
    bool printed, request_shown;
    bool held; /* lines wait in out until the request is sent: printing takes time, too */
} tc_picture;

/* phases: the three lines; wire: the messages; secrets: show the values of credentials. */
void tc_picture_init(tc_picture *p, const tc_record *record, const tc_term *term, bool phases,
                     bool wire, bool secrets);
void tc_picture_show_bytes(tc_picture *p); /* the first of each piece that is read or written */
void tc_picture_fini(tc_picture *p);
/* It is that owner's turn: what happened so far is shown, and from here on what happens. */
void tc_picture_turn(tc_picture *p, const void *owner);
