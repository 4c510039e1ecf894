/* content.c - a request's content on its way: bytes and files in one run, a stream piece by piece,
 * as fast as the peer takes it. A stream is waited for by the loop and read when it has something;
 * it stays blocking, because others may share it (a terminal, a shell's pipe). */
// SPDX-License-Identifier: MIT
#include <errno.h>
#include <unistd.h>

#include "base/alloc.h"
#include "client/inside.h"

static void stop_listening(tc_fetch *f)
{
    if (!f->listening) return;
    f->listening = false;
    tc_loop_remove(f->client->loop, &f->stream);
}

static void sent(tc_fetch *f, tc_err err)
{
    if (err) tc_fetch_abort(f, err);
}

static void read_piece(tc_fetch *f)
{
    ssize_t n;
    do
        n = read(f->request.content.fd, f->piece, TC_FETCH_PIECE);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        sent(f, TC_ERR_READ_FILE);
    } else if (n == 0) {
        f->sending = false;
        sent(f, tc_exchange_end(f->x));
    } else {
        f->lent = f->read = true;
        sent(f, tc_exchange_send(f->x, tc_run_bytes(tc_span_of(f->piece, (size_t)n)), false));
    }
}

static void stream_ready(tc_io *io, unsigned what)
{
    tc_fetch *f = (tc_fetch *)((char *)io - offsetof(tc_fetch, stream));
    (void)what; /* an end is something to read, too */
    stop_listening(f);
    if (f->x && f->sending) read_piece(f);
}

/* What cannot be waited for (a file, /dev/null) always has something. */
static void wait_for_stream(tc_fetch *f)
{
    f->stream = (tc_io){f->request.content.fd, stream_ready};
    f->listening = tc_loop_add_listener(f->client->loop, &f->stream) == TC_OK;
    if (!f->listening) read_piece(f);
}

void tc_fetch_send(tc_fetch *f)
{
    const tc_content *c = &f->request.content;
    switch (c->kind) {
    case TC_CONTENT_NONE: break;
    case TC_CONTENT_BYTES: sent(f, tc_exchange_send(f->x, tc_run_bytes(c->bytes), true)); break;
    case TC_CONTENT_FILE:
        sent(f, tc_exchange_send(f->x, tc_run_file(c->fd, c->off, (size_t)c->length), true));
        break;
    case TC_CONTENT_STREAM:
        if (!f->piece) f->piece = tc_alloc(TC_FETCH_PIECE);
        if (!f->piece) {
            sent(f, TC_ERR_NO_MEMORY);
            break;
        }
        f->sending = true;
        wait_for_stream(f);
    }
}

void tc_fetch_room(tc_fetch *f)
{
    if (!f->sending || !f->lent) return;
    f->lent = false;
    wait_for_stream(f);
}

void tc_fetch_stop_sending(tc_fetch *f)
{
    stop_listening(f);
    f->sending = f->lent = false;
}
