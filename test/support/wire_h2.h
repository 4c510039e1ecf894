/* wire_h2.h - frames of HTTP/2 as lines of text, both ways (see wire.h for how they look). */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "base/buf.h"

/* What was written last, since the fields of a frame stand on lines of their own. */
typedef struct wire_h2 {
    size_t at; /* where it begins in the bytes */
    size_t pad;
    bool fixed; /* its length was stated: it is left alone */
} wire_h2;

/* Adds what a line says. NULL, or what is wrong with the line. */
const char *wire_h2_write(wire_h2 *w, tc_arena *a, tc_span line, tc_buf *bytes);
/* The lines that say what these bytes do. */
void wire_h2_read(tc_span bytes, tc_buf *lines);
