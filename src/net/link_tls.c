/* link_tls.c - see link_tls.h.
 *
 * The library is fed from our own room, because it makes two reads of each record. A record that
 * the socket did not take at once is the library's: it is pending until the library got rid of it,
 * and nothing is taken meanwhile. */
// SPDX-License-Identifier: MIT
#include "net/link_tls.h"

#include <assert.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "net/tls_inside.h"
#include "net/tls_why.h"

enum {
    RECORD_FIRST = 4096, /* small enough that the peer can begin while the rest is on its way */
    BURST_SMALL = 16384, /* bytes in such records; then full ones */
    FIRST_TYPE = 20,     /* a record begins with its type (RFC 8446, 5.1) */
    LAST_TYPE = 23,
    QUIET_MS = 1000,       /* after this long they are small again */
    WARNINGS = 8,          /* that a peer may give: no read comes back for them */
    RECORD_OVERHEAD = 256, /* most that a record adds */
    FILE_PARTS = 16,       /* of a file, read at once */
    TURN_BYTES = 2 * 1024 * 1024
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
        gnutls_transport_set_errno(l->session, EAGAIN);
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
        const tc_err err = tc_link_tcp_type.write(&l->tcp.link, &run, 1, &taken);
        if (err) {
            l->failed = err;
            gnutls_transport_set_errno(l->session, ECONNRESET);
            return -1;
        }
        sum += taken;
        if (taken < iov[i].iov_len) break;
    }
    if (sum || count == 0) return (ssize_t)sum;
    gnutls_transport_set_errno(l->session, EAGAIN);
    return -1;
}

/* --- beginning ----------------------------------------------------------------------------- */

/* A hello is about to be read: the certificate and the key of the tickets are those of its host.
 * A second hello (RFC 8446, 4.1.4) must be for the same. */
static int hear_hello(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                      const gnutls_datum_t *message)
{
    tc_link_tls *l = gnutls_session_get_ptr(session);
    char host[TC_TLS_HOST];
    (void)type, (void)when;
    if (!incoming) return 0;
    const bool named = tc_tls_hello_host(message, host);
    const uint32_t which =
        named && l->set->count > 1 ? (uint32_t)tc_tls_set_choose(l->set, host) : 0;
    if (l->heard) return which == l->shown ? 0 : GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
    l->heard = true;
    l->shown = which;
    if (named && l->set->count > 1) {
        const size_t len = strlen(host);
        l->asked = tc_alloc(len + 1);
        if (!l->asked) return GNUTLS_E_MEMORY_ERROR;
        memcpy(l->asked, host, len + 1);
    }
    tc_tls_shown *shown = &l->set->at[which];
    const gnutls_datum_t key = {shown->ticket_key, sizeof shown->ticket_key};
    int rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, shown->credentials);
    if (rc >= 0 && l->set->ticket_secret.data)
        rc = gnutls_session_ticket_enable_server(session, &key);
    return rc;
}

static int verify_client(gnutls_session_t session)
{
    tc_link_tls *l = gnutls_session_get_ptr(session);
    return tc_tls_verify_client(session, l->tls->config.client_may_be_unknown, &l->status);
}

static int set_up_server(tc_link_tls *l)
{
    l->set = tc_tls_set_ref(l->tls);
    const bool ask = l->tls->config.client_authorities != NULL;
    const bool must = ask && !l->tls->config.client_may_be_unknown;
    const int rc =
        gnutls_credentials_set(l->session, GNUTLS_CRD_CERTIFICATE, l->set->at[0].credentials);
    gnutls_handshake_set_hook_function(l->session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE,
                                       hear_hello);
    gnutls_certificate_server_set_request(l->session, must  ? GNUTLS_CERT_REQUIRE
                                                      : ask ? GNUTLS_CERT_REQUEST
                                                            : GNUTLS_CERT_IGNORE);
    if (ask) gnutls_session_set_verify_function(l->session, verify_client);
    return rc;
}

static int set_up_client(tc_link_tls *l, const char *host)
{
    int rc = gnutls_credentials_set(l->session, GNUTLS_CRD_CERTIFICATE, l->tls->trust);
    if (rc < 0) return rc;
    l->insecure = l->tls->insecure;
    l->name = tc_tls_name_new(host);
    if (!l->name) return GNUTLS_E_MEMORY_ERROR;
    return tc_tls_name_use(l->name, l->session, !l->insecure);
}

tc_err tc_link_tls_init(tc_link_tls *l, tc_loop *loop, int fd, const struct sockaddr *peer,
                        tc_tls *tls, const char *host, char *why,
                        void (*on_ready)(tc_link *l, unsigned what))
{
    memset(l, 0, sizeof *l);
    tc_link_tcp_init(&l->tcp, loop, fd, peer, on_ready);
    l->tcp.link.type = &tc_link_tls_type;
    l->tcp.gather_most = UINT32_MAX;
    l->tls = tls;
    l->why = why;
    l->opening = true;
    const unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
    int rc = gnutls_init(&l->session, flags | (tls->server ? GNUTLS_SERVER : GNUTLS_CLIENT));
    if (rc >= 0) {
        gnutls_session_set_ptr(l->session, l);
        gnutls_transport_set_ptr(l->session, l);
        gnutls_transport_set_pull_function(l->session, pull);
        gnutls_transport_set_pull_timeout_function(l->session, pull_timeout);
        gnutls_transport_set_vec_push_function(l->session, push);
        rc = gnutls_priority_set(l->session, tls->priority);
    } else {
        l->session = NULL;
    }
    if (rc >= 0 && tls->protocol_count)
        rc = gnutls_alpn_set_protocols(
            l->session, tls->protocols, tls->protocol_count,
            tls->server ? GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE : 0);
    if (rc >= 0) rc = tls->server ? set_up_server(l) : set_up_client(l, host);
    if (rc >= 0) return TC_OK;
    l->broken = true;
    tc_link_tls_type.close(&l->tcp.link, false);
    return TC_ERR_NO_MEMORY;
}

/* What only the handshake needs. */
static void forget(tc_link_tls *l)
{
    if (l->session) gnutls_credentials_clear(l->session);
    if (l->set && (l->broken || l->set->count == 1)) {
        tc_tls_set_unref(l->set);
        l->set = NULL;
    }
    tc_tls_name_free(l->name);
    l->name = NULL;
}

/* --- the handshake ------------------------------------------------------------------------- */

/* Tells the peer, as far as that goes, and remembers that this link is over. */
static tc_err broken(tc_link_tls *l, int rc, tc_err err)
{
    if (l->failed) err = l->failed; /* TCP had something to say */
    l->broken = true;
    if (rc != GNUTLS_E_FATAL_ALERT_RECEIVED && rc != GNUTLS_E_PREMATURE_TERMINATION && !l->failed) {
        tc_tls_alert(l->session, rc, err); /* they may be gone */
        (void)tc_link_tcp_type.flush(&l->tcp.link);
    }
    if (l->tls->server && rc < 0) err = tc_tls_of_client(err, l->why);
    return err;
}

/* Clear text where a hello is due. No record begins with a letter, and every request does. */
static tc_err answer_in_clear(tc_link_tls *l)
{
    const tc_run run = tc_run_bytes(l->tls->config.in_clear);
    size_t taken;
    l->broken = true;
    l->in_len = 0;
    if (l->why) l->why[0] = 0;
    if (tc_link_tcp_type.write(&l->tcp.link, &run, 1, &taken) == TC_OK)
        (void)tc_link_tcp_type.flush(&l->tcp.link); /* they may be gone */
    return TC_ERR_NOT_TLS;
}

/* A session that was resumed has verified nothing: who proved to be somebody then must still be
 * good. */
static int verify_resumed(tc_link_tls *l)
{
    if (!l->tls->server || !l->tls->config.client_authorities ||
        !gnutls_session_is_resumed(l->session))
        return 0;
    return verify_client(l->session);
}

static tc_err why_of(tc_link_tls *l, int rc)
{
    const bool record = l->first >= FIRST_TYPE && l->first <= LAST_TYPE;
    if (rc == GNUTLS_E_UNEXPECTED_PACKET_LENGTH && l->fin && record)
        rc = GNUTLS_E_PREMATURE_TERMINATION; /* in the midst of a record */
    const tc_tls_case c = {.session = l->session,
                           .server = l->tls->server,
                           .own = l->tls->own,
                           .status = l->status,
                           .name = l->name};
    return tc_tls_why(&c, rc, l->why);
}

static tc_err shake(tc_link_tls *l)
{
    int rc;
    if (l->tls->server && !l->started && l->in_len && l->in[0] >= 'A' && l->in[0] <= 'Z')
        return answer_in_clear(l);
    l->started = true;
    do
        rc = gnutls_handshake(l->session);
    while (rc == GNUTLS_E_INTERRUPTED ||
           (rc == GNUTLS_E_WARNING_ALERT_RECEIVED && l->warned++ < WARNINGS));
    if (rc == GNUTLS_E_AGAIN) return tc_link_tcp_type.flush(&l->tcp.link);
    if (rc >= 0) rc = verify_resumed(l);
    if (rc < 0) return broken(l, rc, why_of(l, rc));
    if (l->tls->server && l->tls->config.client_authorities) {
        rc = tc_tls_subject(l->session, &l->proven);
        if (rc < 0) return broken(l, rc, TC_ERR_NO_MEMORY);
    }
    l->opening = false;
    l->record_most = (uint32_t)gnutls_record_get_max_size(l->session);
    forget(l);
    return TC_OK;
}

/* --- reading ------------------------------------------------------------------------------- */

static tc_err take_records(tc_link_tls *l, char *plain, size_t size, size_t *have)
{
    while (*have < size) {
        const ssize_t n = gnutls_record_recv(l->session, plain + *have, size - *have);
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
    char *plain = tc_loop_plain_read_room(l->tcp.loop, &size);
    tc_span in;
    bool fin = false, more = false;
    tc_err err = l->failed;
    if (l->opening && l->broken) /* what they sent meanwhile, to be thrown away */
        return tc_link_tcp_type.read(link, ret_in, ret_fin, ret_more);
    while (!err && have == 0 && !l->ended) {
        err = tc_link_tcp_type.read(link, &in, &fin, &more);
        if (err || (in.len == 0 && !fin)) break;
        l->in = in.at;
        l->in_len = (uint32_t)in.len;
        l->fin = fin;
        if (!l->first && l->in_len) l->first = (uint8_t)l->in[0];
        if (l->opening) err = shake(l);
        if (!err && !l->opening) err = take_records(l, plain, size, &have);
        if (!err && l->opening && fin)
            err = broken(l, 0, l->tls->server ? TC_ERR_PEER_CLOSED : TC_ERR_TLS_HANDSHAKE);
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

static bool tls_stuck(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return l->opening || l->pending || tc_link_tcp_type.stuck(link);
}

static size_t record_size(tc_link_tls *l)
{
    const int64_t now = tc_loop_now(l->tcp.loop);
    if (now - l->sent_at > QUIET_MS * TC_MS) l->burst = 0;
    l->sent_at = now;
    const size_t most = l->burst < BURST_SMALL ? RECORD_FIRST : l->record_most;
    return most < l->record_most ? most : l->record_most;
}

/* What the library says of a record that it was given, or had. */
static tc_err sent(tc_link_tls *l, ssize_t rc, size_t len)
{
    if (rc >= 0) {
        l->pending = 0;
    } else if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED) {
        l->pending = (uint32_t)len;
    } else {
        l->broken = true;
        const tc_err err = l->failed ? l->failed : TC_ERR_PEER_RESET;
        l->failed = TC_OK; /* an answer may still be there to read */
        return err;
    }
    return TC_OK;
}

static tc_err send_record(tc_link_tls *l, const char *at, size_t len)
{
    assert(!l->pending && len <= l->record_most);
    l->burst += l->burst < BURST_SMALL ? (uint32_t)len : 0;
    return sent(l, gnutls_record_send(l->session, at, len), len);
}

/* Whole records of what was gathered; last: the rest too. The first one has at least what was there
 * before this write, for that is taken. *ret_left: what the socket has no room for, which is not.
 */
static tc_err send_gathered(tc_link_tls *l, size_t before, bool last, size_t *ret_left)
{
    size_t size, off = 0;
    char *room = tc_loop_plain_write_room(l->tcp.loop, &size);
    tc_err err = TC_OK;
    *ret_left = 0;
    while (!err && off < l->gathered && !l->pending &&
           (off == 0 || !tc_link_tcp_type.stuck(&l->tcp.link))) {
        const size_t rest = l->gathered - off, most = record_size(l);
        size_t n = off == 0 && most < before ? before : most;
        if (n > rest && !last) break;
        if (n > rest) n = rest;
        err = send_record(l, room + off, n);
        off += n;
    }
    l->gathered -= (uint32_t)off;
    if (l->pending || tc_link_tcp_type.stuck(&l->tcp.link)) {
        *ret_left = l->gathered;
        l->gathered = 0;
    } else if (off > 0 && l->gathered > 0) {
        memmove(room, room + off, l->gathered);
    }
    return err;
}

/* Bytes of one run. Of a long one only what makes a record whole: the others are sent from where
 * they lie. */
static size_t gather_bytes(tc_link_tls *l, const tc_run *run, size_t off, size_t most)
{
    size_t size;
    char *room = tc_loop_plain_write_room(l->tcp.loop, &size);
    size_t n = run->len - off;
    if (n > most) n = most - l->gathered % most;
    if (n > size - l->gathered) n = size - l->gathered;
    memcpy(room + l->gathered, run->at + off, n);
    l->gathered += (uint32_t)n;
    return n;
}

/* A file and what follows: runs that are one range of it are read at once, with the bytes between
 * them already in their places. */
static tc_err gather_file(tc_link_tls *l, const tc_run *runs, size_t count, size_t off,
                          size_t *ret_n)
{
    struct iovec iov[FILE_PARTS];
    size_t size, wanted = 0;
    int parts = 0;
    char *const begin = tc_loop_plain_write_room(l->tcp.loop, &size) + l->gathered;
    char *at = begin, *const end = begin + size - l->gathered;
    const uint64_t from = runs->off + off;
    for (size_t i = 0; i < count && at < end; i++, off = 0) {
        const tc_run *run = &runs[i];
        const size_t left = run->len - off, room = (size_t)(end - at);
        const size_t n = left < room ? left : room;
        if (run->kind == TC_RUN_BYTES) {
            memcpy(at, run->at + off, n);
        } else {
            if (parts == FILE_PARTS || run->fd != runs->fd || run->off + off != from + wanted)
                break;
            iov[parts++] = (struct iovec){at, n};
            wanted += n;
        }
        at += n;
    }
    ssize_t got;
    do
        got = preadv(runs->fd, iov, parts, (off_t)from);
    while (got < 0 && errno == EINTR);
    if (got < 0) return tc_err_from_errno(errno);
    if (got == 0) return TC_ERR_FILE_SHRANK;
    if ((size_t)got < wanted) { /* only that far: the next read says why */
        int i = 0;
        size_t rest = (size_t)got;
        for (; rest > iov[i].iov_len; i++)
            rest -= iov[i].iov_len;
        at = (char *)iov[i].iov_base + rest;
    }
    *ret_n = (size_t)(at - begin);
    l->gathered += (uint32_t)*ret_n;
    return TC_OK;
}

/* One step: a whole record from where it lies, or what the room holds of the runs. *ret_whole: it
 * is time to send records. */
static tc_err step(tc_link_tls *l, const tc_run *runs, size_t count, size_t off, size_t *ret_n,
                   bool *ret_whole)
{
    const size_t most = record_size(l), left = runs->len - off;
    size_t size;
    tc_err err = TC_OK;
    (void)tc_loop_plain_write_room(l->tcp.loop, &size);
    if (runs->kind == TC_RUN_BYTES && !l->gathered && left >= most) {
        *ret_n = most;
        return send_record(l, runs->at + off, most);
    }
    if (runs->kind == TC_RUN_BYTES)
        *ret_n = gather_bytes(l, runs, off, most);
    else
        err = gather_file(l, runs, count, off, ret_n);
    *ret_whole = l->gathered == size || (left > *ret_n && runs->kind == TC_RUN_BYTES);
    return err;
}

static tc_err tls_write(tc_link *link, const tc_run *runs, size_t count, size_t *ret_taken)
{
    tc_link_tls *l = tls_of(link);
    size_t taken = 0, before = l->gathered, off = 0, left = 0;
    tc_err err = l->later;
    while (count > 0 && !err && !tls_stuck(link) && taken < TURN_BYTES) {
        size_t n = 0;
        bool whole = false;
        err = step(l, runs, count, off, &n, &whole);
        taken += n;
        for (off += n; count > 0 && off >= runs->len; runs++, count--)
            off -= runs->len;
        if (err || !whole) continue;
        err = send_gathered(l, before, false, &left);
        taken -= left;
        before = 0;
    }
    if (err && taken) { /* the peer may have had it, and answered */
        l->later = err;
        err = TC_OK;
    }
    /* others are due: nothing may wait in the rooms then */
    const bool over = taken >= TURN_BYTES || l->later;
    if (!err && !l->pending && !l->broken) {
        err = send_gathered(l, before, over || tls_stuck(link), &left);
        taken -= left;
    }
    if (!err && over && !tls_stuck(link)) err = tc_link_tcp_type.flush(&l->tcp.link);
    if (err && taken) {
        l->later = err;
        err = TC_OK;
    }
    if (l->later) l->gathered = 0;
    if (!err) *ret_taken = taken;
    return err;
}

static tc_err tls_flush(tc_link *link)
{
    tc_link_tls *l = tls_of(link);
    size_t left = 0; /* nothing: it is one record at most */
    tc_err err = TC_OK;
    if (l->opening) {
        const bool waited = tc_link_tcp_type.stuck(link);
        const bool first = !l->tls->server && !l->started;
        if (waited) err = tc_link_tcp_type.flush(link);
        return err || !(waited || first) || tc_link_tcp_type.stuck(link) ? err : shake(l);
    }
    if (tc_link_tcp_type.stuck(link)) err = tc_link_tcp_type.flush(link);
    if (!err && l->pending && !tc_link_tcp_type.stuck(link))
        err = sent(l, gnutls_record_send(l->session, NULL, 0), l->pending);
    if (!err && !l->pending) err = send_gathered(l, l->gathered, true, &left);
    if (!err && !tc_link_tcp_type.stuck(link)) err = tc_link_tcp_type.flush(link);
    return err;
}

static uint64_t tls_untaken(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return tc_link_tcp_type.untaken(link) + l->pending;
}

/* --- coming back --------------------------------------------------------------------------- */

tc_err tc_link_tls_session(const tc_link_tls *l, void **ret_memory, tc_span *ret_session)
{
    gnutls_datum_t data;
    if (l->opening || l->broken || !l->session) return TC_ERR_NOTHING;
    if (gnutls_protocol_get_version(l->session) == GNUTLS_TLS1_3 &&
        !(gnutls_session_get_flags(l->session) & GNUTLS_SFLAGS_SESSION_TICKET))
        return TC_ERR_NOTHING; /* asking for it now would wait */
    if (gnutls_session_get_data2(l->session, &data) < 0) return TC_ERR_NOTHING;
    *ret_memory = data.data;
    *ret_session = tc_span_of((const char *)data.data, data.size);
    return TC_OK;
}

void tc_link_tls_come_back(tc_link_tls *l, tc_span session)
{
    (void)gnutls_session_set_data(l->session, session.at, session.len); /* else a full handshake */
}

void tc_link_tls_memory_free(void *memory)
{
    gnutls_free(memory);
}

/* --- who and how --------------------------------------------------------------------------- */

static void tls_peer(const tc_link *link, char ret_text[TC_PEER_TEXT], uint16_t *ret_port)
{
    tc_link_tcp_type.peer(link, ret_text, ret_port);
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
    tc_tls_describe(l->session, ret);
    for (unsigned i = 0, n = 0; i < l->tls->protocol_count && n < sizeof ret->offered; i++) {
        const gnutls_datum_t *p = &l->tls->protocols[i];
        n += (unsigned)snprintf(ret->offered + n, sizeof ret->offered - n, "%s%.*s", i ? ", " : "",
                                (int)p->size, (const char *)p->data);
    }
    ret->unverified = l->insecure;
    return true;
}

static tc_span tls_why(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return l->broken && l->why ? tc_span_str(l->why) : (tc_span){0};
}

/* One that shows another certificate than the host's own stands for it only if that certificate
 * does, too. */
static bool tls_stands_for(const tc_link *link, tc_span authority)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    char host[TC_TLS_HOST];
    if (!l->set || !authority.len) return true;
    if (!tc_tls_authority_host(authority, host)) return false;
    if (l->asked && strcmp(host, l->asked) == 0) return true;
    return tc_tls_set_choose(l->set, host) == l->shown ||
           tc_tls_shown_covers(&l->set->at[l->shown], host);
}

static tc_span tls_proven(const tc_link *link)
{
    const tc_link_tls *l = (const tc_link_tls *)link;
    return l->proven ? tc_span_str(l->proven) : (tc_span){0};
}

/* --- the end ------------------------------------------------------------------------------- */

static void say_goodbye(tc_link_tls *l)
{
    if (l->opening || l->broken || l->bye || l->pending || !l->session) return;
    l->bye = true;
    (void)gnutls_bye(l->session, GNUTLS_SHUT_WR); /* a peer that does not listen reads a cut */
    (void)tc_link_tcp_type.flush(&l->tcp.link);
}

static void tls_spoil(tc_link *link)
{
    tls_of(link)->bye = true;
}

static void tls_end_writing(tc_link *link)
{
    say_goodbye(tls_of(link));
    tc_link_tcp_type.end_writing(link);
}

static void tls_close(tc_link *link, bool reset)
{
    tc_link_tls *l = tls_of(link);
    if (!reset) say_goodbye(l);
    l->broken = true;
    forget(l);
    if (l->session) gnutls_deinit(l->session);
    l->session = NULL;
    tc_free(l->asked);
    tc_free(l->proven);
    l->asked = l->proven = NULL;
    l->gathered = l->pending = 0;
    tc_link_tcp_type.close(link, reset);
}

const tc_link_type tc_link_tls_type = {
    .name = "tls",
    .read = tls_read,
    .write = tls_write,
    .flush = tls_flush,
    .stuck = tls_stuck,
    .untaken = tls_untaken,
    .peer = tls_peer,
    .opening = tls_opening,
    .protection = tls_protection,
    .why = tls_why,
    .stands_for = tls_stands_for,
    .proven = tls_proven,
    .spoil = tls_spoil,
    .end_writing = tls_end_writing,
    .close = tls_close,
};
