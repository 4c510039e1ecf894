/* link_tls.c - see link_tls.h.
 *
 * The library is fed from our own room, because it makes two reads of each record. A record that
 * the socket did not take at once is the library's: it is pending until the library got rid of it,
 * and nothing is taken meanwhile. */
// SPDX-License-Identifier: MIT
#include "net/link_tls.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "net/link_tls_inside.h"
#include "net/tls_inside.h"
#include "net/tls_why.h"

enum {
    FIRST_TYPE = 20, /* a record begins with its type (RFC 8446, 5.1) */
    LAST_TYPE = 23,
    WARNINGS = 8, /* that a peer may give: no read comes back for them */
};

static tc_link_tls *tls_of(tc_link *l)
{
    return (tc_link_tls *)l;
}

/* --- between the library and TCP ----------------------------------------------------------- */

static ssize_t pull(gnutls_transport_ptr_t at, void *into, size_t size)
{
    tc_link_tls *l = at;
    if (l->in_len == 0) {
        if (l->fin) return 0;
        gnutls_transport_set_errno(l->side.session, EAGAIN);
        return -1;
    }
    const uint32_t n = size < l->in_len ? (uint32_t)size : l->in_len;
    memcpy(into, l->in, n);
    l->in += n;
    l->in_len -= n;
    return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t at, unsigned ms)
{
    const tc_link_tls *l = at;
    (void)ms;
    return l->in_len > 0 || l->fin;
}

static ssize_t push(gnutls_transport_ptr_t at, const giovec_t *iov, int count)
{
    tc_link_tls *l = at;
    size_t taken, sum = 0;
    for (int i = 0; i < count; i++) {
        const tc_run run = tc_run_bytes(tc_span_of(iov[i].iov_base, iov[i].iov_len));
        const tc_err err = l->below->write(&l->tcp.link, &run, 1, &taken);
        if (err) {
            l->failed = err;
            gnutls_transport_set_errno(l->side.session, ECONNRESET);
            return -1;
        }
        sum += taken;
        if (taken < iov[i].iov_len) break;
    }
    if (sum || count == 0) return (ssize_t)sum;
    gnutls_transport_set_errno(l->side.session, EAGAIN);
    return -1;
}

/* --- beginning ----------------------------------------------------------------------------- */

tc_err tc_link_tls_init(tc_link_tls *l, tc_loop *loop, int fd, const struct sockaddr *peer,
                        tc_tls *tls, const char *host, char *why,
                        void (*on_ready)(tc_link *l, unsigned what))
{
    memset(l, 0, sizeof *l);
    tc_link_tcp_init(&l->tcp, loop, fd, peer, on_ready);
    l->tcp.gather_most = UINT32_MAX;
    return tc_link_tls_begin(l, &tc_link_tcp_type, tls, host, why);
}

tc_err tc_link_tls_begin(tc_link_tls *l, const tc_link_type *below, tc_tls *tls, const char *host,
                         char *why)
{
    l->tcp.link.type = &tc_link_tls_type;
    l->below = below;
    l->side.tls = tls;
    l->side.why = why;
    l->opening = true;
    const unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    int rc = gnutls_init(&l->side.session, flags | (tls->server ? GNUTLS_SERVER : GNUTLS_CLIENT));
    if (rc >= 0) {
        gnutls_transport_set_ptr(l->side.session, l);
        gnutls_transport_set_pull_function(l->side.session, pull);
        gnutls_transport_set_pull_timeout_function(l->side.session, pull_timeout);
        gnutls_transport_set_vec_push_function(l->side.session, push);
        rc = gnutls_priority_set(l->side.session, tls->priority);
    } else {
        l->side.session = NULL;
    }
    if (rc >= 0 && tls->protocol_count)
        rc = gnutls_alpn_set_protocols(
            l->side.session, tls->protocols, tls->protocol_count,
            tls->server ? GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE : 0);
    if (rc >= 0) rc = tc_tls_side_begin(&l->side, host);
    if (rc >= 0) return TC_OK;
    l->broken = true;
    tc_link_tls_type.close(&l->tcp.link, false);
    return TC_ERR_NO_MEMORY;
}

/* --- the handshake ------------------------------------------------------------------------- */

/* Tells the peer, as far as that goes, and remembers that this link is over. */
static tc_err broken(tc_link_tls *l, int rc, tc_err err)
{
    if (l->failed) err = l->failed; /* TCP had something to say */
    l->broken = true;
    if (rc != GNUTLS_E_FATAL_ALERT_RECEIVED && rc != GNUTLS_E_PREMATURE_TERMINATION && !l->failed) {
        tc_tls_alert(l->side.session, rc, err); /* they may be gone */
        (void)l->below->flush(&l->tcp.link);
    }
    if (l->side.tls->server && rc < 0) err = tc_tls_of_client(err, l->side.why);
    return err;
}

/* Clear text where a hello is due. No record begins with a letter, and every request does. */
static tc_err answer_in_clear(tc_link_tls *l)
{
    const tc_run run = tc_run_bytes(l->side.tls->config.in_clear);
    size_t taken;
    l->broken = true;
    l->in_len = 0;
    if (l->side.why) l->side.why[0] = 0;
    if (l->below->write(&l->tcp.link, &run, 1, &taken) == TC_OK)
        (void)l->below->flush(&l->tcp.link); /* they may be gone */
    return TC_ERR_NOT_TLS;
}

static tc_err why_of(tc_link_tls *l, int rc)
{
    const bool record = l->first >= FIRST_TYPE && l->first <= LAST_TYPE;
    if (rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH && l->fin && record)
        rc = GNUTLS_E_PREMATURE_TERMINATION; /* in the midst of a record */
    return tc_tls_side_why(&l->side, rc, (int)gnutls_alert_get(l->side.session));
}

static tc_err shake(tc_link_tls *l)
{
    int rc;
    if (l->side.tls->server && !l->started && l->in_len && l->in[0] >= 'A' && l->in[0] <= 'Z')
        return answer_in_clear(l);
    l->started = true;
    do
        rc = gnutls_handshake(l->side.session);
    while (rc == GNUTLS_E_INTERRUPTED ||
           (rc == GNUTLS_E_WARNING_ALERT_RECEIVED && l->warned++ < WARNINGS));
    if (rc == GNUTLS_E_AGAIN) return l->below->flush(&l->tcp.link);
    if (rc >= 0) rc = tc_tls_side_done(&l->side);
    if (rc < 0) return broken(l, rc, why_of(l, rc));
    l->opening = false;
    l->record_most = (uint32_t)gnutls_record_get_max_size(l->side.session);
    tc_tls_side_forget(&l->side, false);
    return TC_OK;
}

/* --- reading ------------------------------------------------------------------------------- */

static tc_err take_records(tc_link_tls *l, char *plain, size_t size, size_t *have)
{
    while (*have < size) {
        const ssize_t n = gnutls_record_recv(l->side.session, plain + *have, size - *have);
        if (n > 0) {
            *have += (size_t)n;
            continue;
        }
        if (n == 0) {
            l->ended = true;
            break;
        }
        switch ((int)n) {
        case GNUTLS_E_AGAIN:
            if (l->in_len == 0 && !l->fin) return TC_OK;
            break;
        case GNUTLS_E_INTERRUPTED: break;
        case GNUTLS_E_WARNING_ALERT_RECEIVED:
            if (l->warned++ < WARNINGS) break;
            return broken(l, GNUTLS_E_UNEXPECTED_PACKET, TC_ERR_TLS_RECORD);
        case GNUTLS_E_REHANDSHAKE: return broken(l, GNUTLS_E_REHANDSHAKE, TC_ERR_TLS_AGAIN);
        case GNUTLS_E_PREMATURE_TERMINATION:
            return broken(l, GNUTLS_E_PREMATURE_TERMINATION, TC_ERR_TLS_CUT);
        case GNUTLS_E_FATAL_ALERT_RECEIVED: return broken(l, (int)n, why_of(l, (int)n));
        default: return broken(l, (int)n, TC_ERR_TLS_RECORD);
        }
    }
    return TC_OK;
}

static tc_err tls_read(tc_link *link, tc_span *ret_in, bool *ret_fin, bool *ret_more)
{
    tc_link_tls *l = tls_of(link);
    size_t size, have = 0;
    char *plain = tc_link_tls_read_room(l, &size);
    tc_span in;
    bool fin = false, more = false;
    tc_err err = l->failed;
    if (l->opening && l->broken) /* what they sent meanwhile, to be thrown away */
        return l->below->read(link, ret_in, ret_fin, ret_more);
    while (!err && have == 0 && !l->ended) {
        err = l->below->read(link, &in, &fin, &more);
        if (err || (in.len == 0 && !fin)) break;
        l->in = in.at;
        l->in_len = (uint32_t)in.len;
        l->fin = fin;
        if (!l->first && l->in_len) l->first = (uint8_t)l->in[0];
        if (l->opening) err = shake(l);
        if (!err && !l->opening) err = take_records(l, plain, size, &have);
        if (!err && l->opening && fin)
            err = broken(l, 0, l->side.tls->server ? TC_ERR_PEER_CLOSED : TC_ERR_TLS_HANDSHAKE);
    }
    l->in_len = 0;
    if (err && have == 0) return err;
    l->failed = err;
    *ret_in = tc_span_of(plain, have);
    *ret_fin = l->ended && have == 0;
    *ret_more = more || err || (l->ended && have > 0);
    return TC_OK;
}

/* --- writing ------------------------------------------------------------------------------- */

static tc_err tls_flush(tc_link *link)
{
    tc_link_tls *l = tls_of(link);
    tc_err err = TC_OK;
    if (!l->opening) return tc_link_tls_flush(l);
    const bool waited = l->below->stuck(link);
    const bool first = !l->side.tls->server && !l->started;
    if (waited) err = l->below->flush(link);
    return err || !(waited || first) || l->below->stuck(link) ? err : shake(l);
}

static uint64_t tls_untaken(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return l->below->untaken(link) + l->pending;
}

/* --- coming back --------------------------------------------------------------------------- */

tc_err tc_link_tls_session(const tc_link_tls *l, void **ret_memory, tc_span *ret_session)
{
    gnutls_datum_t data;
    if (l->opening || l->broken || !l->side.session) return TC_ERR_NOTHING;
    if (gnutls_protocol_get_version(l->side.session) == GNUTLS_TLS1_3 &&
        !(gnutls_session_get_flags(l->side.session) & GNUTLS_SFLAGS_SESSION_TICKET))
        return TC_ERR_NOTHING; /* asking for it now would wait */
    if (gnutls_session_get_data2(l->side.session, &data) < 0) return TC_ERR_NOTHING;
    *ret_memory = data.data;
    *ret_session = tc_span_of((const char *)data.data, data.size);
    return TC_OK;
}

void tc_link_tls_come_back(tc_link_tls *l, tc_span session)
{
    (void)gnutls_session_set_data(l->side.session, session.at,
                                  session.len); /* else a full handshake */
}

void tc_link_tls_memory_free(void *memory)
{
    gnutls_free(memory);
}

/* --- who and how --------------------------------------------------------------------------- */

static tc_ip tls_address(const tc_link *link, uint16_t *ret_port)
{
    return tc_link_tcp_type.address(link, ret_port);
}

static bool tls_opening(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return l->opening;
}

static bool tls_protection(const tc_link *link, tc_protection *ret)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    if (l->opening) return false;
    tc_tls_describe(l->side.session, ret);
    for (unsigned i = 0, n = 0; i < l->side.tls->protocol_count && n < sizeof ret->offered; i++) {
        const gnutls_datum_t *p = &l->side.tls->protocols[i];
        n += (unsigned)snprintf(ret->offered + n, sizeof ret->offered - n, "%s%.*s", i ? ", " : "",
                                (int)p->size, (const char *)p->data);
    }
    ret->unverified = l->side.insecure;
    return true;
}

static tc_span tls_why(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return l->broken && l->side.why ? tc_span_str(l->side.why) : (tc_span){0};
}

static bool tls_stands_for(const tc_link *link, tc_span authority)
{
    return tc_tls_side_stands_for(&((const tc_link_tls *)link)->side, authority);
}

static tc_span tls_proven(const tc_link *link)
{
    return tc_tls_side_proven(&((const tc_link_tls *)link)->side);
}

/* --- the end ------------------------------------------------------------------------------- */

static void say_goodbye(tc_link_tls *l)
{
    if (l->opening || l->broken || l->bye || l->pending || !l->side.session) return;
    l->bye = true;
    (void)gnutls_bye(l->side.session, GNUTLS_SHUT_WR); /* a peer that does not listen reads a cut */
    (void)l->below->flush(&l->tcp.link);
}

static void tls_spoil(tc_link *link)
{
    tls_of(link)->bye = true;
}

static void tls_end_writing(tc_link *link)
{
    tc_link_tls *l = tls_of(link);
    say_goodbye(l);
    l->below->end_writing(link);
}

static void tls_close(tc_link *link, bool reset)
{
    tc_link_tls *l = tls_of(link);
    if (!reset) say_goodbye(l);
    l->broken = true;
    tc_tls_side_forget(&l->side, true);
    if (l->side.session) gnutls_deinit(l->side.session);
    l->side.session = NULL;
    l->gathered = l->pending = 0;
    l->below->close(link, reset);
}

const tc_link_type tc_link_tls_type = {
    .name = "tls",
    .read = tls_read,
    .write = tc_link_tls_write,
    .flush = tls_flush,
    .stuck = tc_link_tls_stuck,
    .untaken = tls_untaken,
    .address = tls_address,
    .opening = tls_opening,
    .protection = tls_protection,
    .why = tls_why,
    .stands_for = tls_stands_for,
    .proven = tls_proven,
    .spoil = tls_spoil,
    .end_writing = tls_end_writing,
    .close = tls_close,
};
