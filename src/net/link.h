/* link.h - a way to a peer: TCP, TLS over it, QUIC, a pipe in memory in tests. They look alike from
 * above, and an engine never learns what is underneath. Only that a link has streams shows: then
 * read and write are not its own but those of its streams. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/event.h"

typedef struct tc_link tc_link;

enum { TC_LINK_IN = 1, TC_LINK_OUT = 2, TC_LINK_GONE = 4 }; /* what on_ready may be told */

/* What happened on a stream. */
typedef struct tc_link_news {
    enum tc_link_news_kind {
        TC_NEWS_NONE,
        TC_NEWS_BYTES,   /* in, and (fin) no more will come: say how many were taken */
        TC_NEWS_RESET,   /* the peer broke its half off; n: its code */
        TC_NEWS_STOPPED, /* the peer wants no more of ours; n: its code */
        TC_NEWS_ACKED,   /* n more bytes of ours need not be kept */
        TC_NEWS_ROOM,    /* what did not fit into the stream may fit now */
    } kind;
    bool fin;
    uint64_t sid, n;
    tc_span in; /* until the next read of any link */
} tc_link_news;

/* What a link with streams can do besides. sid is the number that QUIC gives a stream (RFC 9000,
 * 2.1); a stream that a client opens for both ways exists from its first write on. */
typedef struct tc_link_streams {
    /* The next of what happened. An error is the end of the link. */
    tc_err (*news)(tc_link *l, tc_link_news *ret_news);
    /* n of the bytes that news gave were taken: the peer may send as many more. The rest is given
     * again with more behind it, or after again. */
    void (*took)(tc_link *l, uint64_t sid, size_t n);
    void (*again)(tc_link *l); /* what was not taken is news once more */
    /* Takes what it can. Short, and the link not stuck: this stream takes no more before ROOM.
     * *ret_all: everything was taken, the end (fin) too. Bytes are borrowed until ACKED, or until
     * the stream is reset. A stream that the peer does not want takes everything and keeps nothing.
     * TC_ERR_FILE_SHRANK, TC_ERR_READ_FILE: only this stream cannot go on. */
    tc_err (*write)(tc_link *l, uint64_t sid, const tc_run *runs, size_t count, bool fin,
                    size_t *ret_taken, bool *ret_all);
    tc_err (*open)(tc_link *l, uint64_t *ret_sid); /* one way, ours. TC_ERR_FULL: not yet */
    void (*reset)(tc_link *l, uint64_t sid, uint64_t code); /* our half */
    void (*stop)(tc_link *l, uint64_t sid, uint64_t code);  /* their half: nothing more is given */
    void (*code)(tc_link *l, uint64_t code);                /* what close will tell the peer */
} tc_link_streams;

typedef struct tc_link_type {
    const char *name;               /* "tcp" */
    const tc_link_streams *streams; /* NULL: it has none; else read and write are NULL */
    /* Reads once, into memory of the loop that lives until the next read of any link. Nothing
     * there: TC_OK with an empty span. *ret_fin: no more will come. *ret_more: read again. Where
     * establishing it failed, what comes after that error has no meaning. */
    tc_err (*read)(tc_link *l, tc_span *ret_in, bool *ret_fin, bool *ret_more);
    /* Takes as much as it can; what it took need not be kept. More may be held back until flush,
     * so that several answers leave in one system call. Short: wait for TC_LINK_OUT. */
    tc_err (*write)(tc_link *l, const tc_run *runs, size_t count, size_t *ret_taken);
    tc_err (*flush)(tc_link *l);
    bool (*stuck)(const tc_link *l); /* bytes wait that the peer does not take */
    uint64_t (*untaken)(
        const tc_link *l); /* bytes on our side that the peer has not acknowledged */
    /* The peer's address and port. NULL: it has none. */
    tc_ip (*address)(const tc_link *l, uint16_t *ret_port);
    /* Not yet established: it reads and takes nothing so far. NULL: it always is. */
    bool (*opening)(const tc_link *l);
    /* In use before it is established: what comes may be a replay, what is sent may be refused and
     * then goes out again (RFC 8446, 8). NULL: never. */
    bool (*early)(const tc_link *l);
    /* How what goes over it is protected; false: it is not. NULL: it never is. */
    bool (*protection)(const tc_link *l, tc_protection *ret_protection);
    /* Why it was refused, in words; empty: no more than the error says. NULL: never more. */
    tc_span (*why)(const tc_link *l);
    /* Whether it was made for requests to that authority, too (RFC 9110, 7.4). NULL: for any. */
    bool (*stands_for)(const tc_link *l, tc_span authority);
    /* Who the peer has proved to be; empty: nobody. Lives as long as the link. NULL: never. */
    tc_span (*proven)(const tc_link *l);
    /* What was written breaks off: the peer must not read a proper end. NULL: it cannot be told. */
    void (*spoil)(tc_link *l);
    void (*end_writing)(tc_link *l);       /* after flush: the peer reads an end */
    void (*close)(tc_link *l, bool reset); /* at once; reset: what the peer has not taken is thrown
                                              away. The link's memory is the caller's */
} tc_link_type;

struct tc_link {
    const tc_link_type *type;
    void (*on_ready)(tc_link *l, unsigned what);
};

static inline bool tc_link_is_early(const tc_link *l)
{
    return l->type->early && l->type->early(l);
}
