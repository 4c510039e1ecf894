/* wire.h - conversations as text: what one end sends, what the engine makes of it, what it answers.
 *
 *     # a comment
 *     role server                      or client
 *     engine h1                        or h0
 *     limit header_ms=100
 *     answer: 200 "hi"                 server: what is answered when a request is whole; the last
 *                                      one repeats. Words before the status: at-head, inform N.
 *                                      After it: unknown, field "n: v", trailer "n: v", "run" ...
 *     request: GET / host a            client: sent one after another. After the path: host H,
 *                                      version 1.0, unknown, field, trailer, "run" ...
 *     notes                            NOTE events are golden too
 *     linger any                       whether the end lingers depends on what came by then
 *     client> GET / HTTP/1.1\r\n       bytes, with the escapes of C; client*1000> repeats them
 *     fin, tick 50, drain              the peer ends; time passes (ms); we wind up
 *     event: head GET / 1.1 ...        the golden events, in order
 *     server> HTTP/1.1 200 OK\r\n      the golden bytes of the other end, in order
 *     reached: header_ms               limits that were reached
 *     event: close linger              the last one, unless the connection stays open
 *     ---                              another conversation, on a new connection
 *
 * The bytes of our peer are fed whole, byte by byte, and split at every point, with output taken in
 * pieces and content given back late: the outcome must be the same. Where it is not, it is shown as
 * lines for the file, to be judged. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* Plays the file in every way; false, with a message on stderr, where an outcome is wrong. */
bool wire_play(const char *path);

/* Plays each conversation with the nth allocation failing, for n below allocations. Nothing is
 * compared, but every exchange must come back. */
void wire_torture(const char *path, int64_t allocations);

/* For seeds of fuzzers: the peer's bytes of each conversation of a file. Returns how many. */
size_t wire_seeds(const char *path, void (*take)(void *to, tc_span bytes, bool server, bool h0),
                  void *to);
