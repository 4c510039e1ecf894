/* wire.h - conversations as text: what one end sends, what the engine makes of it, what it answers.
 *
 *     # a comment
 *     role server                      or client
 *     engine h1                        or h0, h2
 *     limit header_ms=100
 *     answer: 200 "hi"                 server: what is answered when a request is whole; the last
 *                                      one repeats. Words before the status: at-head, inform N.
 *                                      push PATH. After it: unknown, field "n: v",
 *                                      trailer "n: v", "run" ...
 *     promised: 200 "hi"               server: what is answered to what we promised
 *     request: GET / host a            client: sent one after another. After the path: host H,
 *                                      version 1.0, unknown, field, trailer, "run" ...
 *     notes                            NOTE events are golden too
 *     pushes                           client: it takes them
 *     linger any                       whether the end lingers depends on what came by then
 *     client> GET / HTTP/1.1\r\n       bytes, with the escapes of C; client*1000> repeats them
 *     fin, tick 50, drain              the peer ends; time passes (ms); we wind up
 *     event: head GET / 1.1 ...        the golden events, in order
 *     server> HTTP/1.1 200 OK\r\n      the golden bytes of the other end, in order
 *     reached: header_ms               limits that were reached
 *     event: close linger              the last one, unless the connection stays open
 *     ---                              another conversation, on a new connection
 *
 * Of HTTP/2, frames stand for bytes, in the words of RFC 9113, and a field is a line of its own:
 *
 *     greet                            both ends say what they always say first, which is not shown
 *     client> HEADERS stream=1 END_STREAM END_HEADERS
 *     client>   :method: GET
 *     server> DATA stream=1 "hi" END_STREAM
 *     client> SETTINGS INITIAL_WINDOW_SIZE=10 99=1
 *     event: 1 head GET / 2 host=a     the stream that it is about; of a client, requests count up
 *
 * A frame is a name or type=N, then flags by name, stream=N, and the parts of its payload in order:
 * "bytes", by=N (of a window), code=NAME, last=N, promises=N, of=N, dependency=N weight=N, fill=N
 * (so many x). For what is wrong: length=N, flags=N, reserved (the bit), pad=N (so many zeros
 * behind), and PREFACE, bytes "as they are". How streams take turns depends on how bytes came:
 * events and frames are compared stream by stream, and runs of content as one.
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

typedef struct wire_seed {
    tc_span bytes; /* of the peer */
    const char *engine;
    bool server, pushes; /* which end we are; a client that takes pushes */
} wire_seed;

/* For seeds of fuzzers: each conversation of a file. Returns how many. */
size_t wire_seeds(const char *path, void (*take)(void *to, const wire_seed *seed), void *to);
