/* link_over.c - see link_over.h. A cover has rooms of its own: those of the loop are the link's
 * that stands on it. */
// SPDX-License-Identifier: MIT
#include "net/link_over.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

static tc_link *link_of(tc_cover *c)
{
    return &c->tls.tcp.link;
}

static void ready(tc_link *l, unsigned what)
{
    tc_cover *c = (tc_cover *)(void *)l;
    if (c->ready) c->ready(c->self, what | (c->unread.len || c->more ? TC_LINK_IN : 0));
}

tc_err tc_cover_new(tc_loop *loop, int fd, const struct sockaddr *peer, tc_tls *tls, tc_span host,
                    tc_cover **ret_cover)
{
    char name[TC_TLS_HOST];
    size_t read, write;
    tc_cover *c = tc_alloc_zero(sizeof *c);
    (void)tc_loop_plain_read_room(loop, &read);
    (void)tc_loop_plain_write_room(loop, &write);
    (void)snprintf(name, sizeof name, "%.*s", TC_FMT(host)); /* a longer one is in no certificate */
    char *rooms = c ? tc_alloc(read + write) : NULL;
    if (!rooms) {
        tc_free(c);
        close(fd);
        return TC_ERR_NO_MEMORY;
    }
    tc_err err = tc_link_tls_init(&c->tls, loop, fd, peer, tls, name, c->why, ready);
    if (err) {
        tc_free(rooms);
        tc_free(c);
        return err;
    }
    c->tls.rooms = rooms;
    err = tc_link_tcp_watch(&c->tls.tcp);
    if (err)
        tc_cover_free(c);
    else
        *ret_cover = c;
    return err;
}

static void let_go(tc_cover *c, bool reset)
{
    tc_link_tls_type.close(link_of(c), reset);
    tc_free(c->tls.rooms);
    tc_free(c);
}

void tc_cover_free(tc_cover *c)
{
    if (c) let_go(c, false);
}

/* --- before something stands on it --------------------------------------------------------- */

tc_err tc_cover_shake(tc_cover *c)
{
    tc_span in;
    bool fin;
    tc_err err = tc_link_tls_type.flush(link_of(c));
    if (!err) err = tc_cover_look(c, &in, &fin);
    return err || !tc_link_tls_type.opening(link_of(c)) ? err : TC_ERR_FULL;
}

tc_err tc_cover_look(tc_cover *c, tc_span *ret_in, bool *ret_fin)
{
    c->more |= !c->unread.len;
    while (!c->unread.len && !c->fin && c->more) {
        const tc_err err = tc_link_tls_type.read(link_of(c), &c->unread, &c->fin, &c->more);
        if (err) return err;
    }
    *ret_in = c->unread;
    *ret_fin = c->fin && !c->unread.len;
    return TC_OK;
}

void tc_cover_take(tc_cover *c, size_t n)
{
    (void)tc_span_take(&c->unread, n);
}

tc_err tc_cover_say(tc_cover *c, tc_span bytes, size_t *ret_taken)
{
    const tc_run run = tc_run_bytes(bytes);
    const tc_err err = tc_link_tls_type.write(link_of(c), &run, 1, ret_taken);
    return err ? err : tc_link_tls_type.flush(link_of(c));
}

const char *tc_cover_words(tc_err err, char room[TC_COVER_WORDS])
{
    static const char server[] = "the server's ";
    const char *text = tc_err_sentence(err);
    if (err == TC_ERR_CERT_WANTED || err == TC_ERR_CERT_REFUSED)
        return "it wants a certificate of ours, and proxies are shown none";
    if (strncmp(text, server, sizeof server - 1) != 0) return text;
    (void)snprintf(room, TC_COVER_WORDS, "its %s", text + sizeof server - 1);
    return room;
}

/* --- what stands on it ---------------------------------------------------------------------- */

static tc_cover *cover_of(const tc_link *l)
{
    return ((const tc_link_tcp *)(const void *)l)->cover;
}

static tc_link *below(const tc_link *l)
{
    return link_of(cover_of(l));
}

static void told(void *self, unsigned what)
{
    tc_link_tcp *l = self;
    l->link.on_ready(&l->link, what);
}

void tc_link_over_init(tc_link_tcp *l, tc_cover *cover, const struct sockaddr *peer,
                       void (*on_ready)(tc_link *l, unsigned what))
{
    tc_link_tcp_init(l, cover->tls.tcp.loop, -1, peer, on_ready);
    l->link.type = &tc_link_over_type;
    l->cover = cover;
    cover->ready = told;
    cover->self = l;
}

tc_err tc_link_over_watch(tc_link_tcp *l)
{
    tc_io *io = &l->cover->tls.tcp.io;
    tc_loop_remove(l->loop, io); /* so that its edges come anew */
    return tc_loop_add(l->loop, io);
}

/* No more than a socket would give, which is what rooms are made for. */
static tc_err over_read(tc_link *link, tc_span *ret_in, bool *ret_fin, bool *ret_more)
{
    tc_cover *c = cover_of(link);
    const bool kept = c->unread.len > 0; /* the socket was not asked this time */
    size_t most;
    (void)tc_loop_read_room(c->tls.tcp.loop, &most);
    tc_span in;
    const tc_err err = tc_cover_look(c, &in, ret_fin);
    if (err) return err;
    *ret_in = tc_span_first(in, most);
    tc_cover_take(c, ret_in->len);
    *ret_more = kept || c->unread.len || c->more || (c->fin && in.len);
    return TC_OK;
}

static tc_err over_write(tc_link *link, const tc_run *runs, size_t count, size_t *ret_taken)
{
    return tc_link_tls_type.write(below(link), runs, count, ret_taken);
}

static tc_err over_flush(tc_link *link)
{
    return tc_link_tls_type.flush(below(link));
}

static bool over_stuck(const tc_link *link)
{
    return tc_link_tls_type.stuck(below(link));
}

static uint64_t over_untaken(const tc_link *link)
{
    return tc_link_tls_type.untaken(below(link));
}

static tc_ip over_address(const tc_link *link, uint16_t *ret_port)
{
    return tc_link_tcp_type.address(link, ret_port);
}

static tc_span over_why(const tc_link *link)
{
    return tc_link_tls_type.why(below(link));
}

static void over_spoil(tc_link *link)
{
    tc_link_tls_type.spoil(below(link));
}

static void over_end_writing(tc_link *link)
{
    tc_link_tls_type.end_writing(below(link));
}

static void over_close(tc_link *link, bool reset)
{
    tc_link_tcp *l = (tc_link_tcp *)(void *)link;
    let_go(l->cover, reset);
    l->cover = NULL;
}

const tc_link_type tc_link_over_type = {
    .name = "tcp",
    .read = over_read,
    .write = over_write,
    .flush = over_flush,
    .stuck = over_stuck,
    .untaken = over_untaken,
    .address = over_address,
    .why = over_why,
    .spoil = over_spoil,
    .end_writing = over_end_writing,
    .close = over_close,
};
