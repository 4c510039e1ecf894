/* quic_certs.c - certificates are judged alike over TCP and in QUIC: each row of one table is a
 * certificate, shown over both, with the error that both must end with and the same words. */
// SPDX-License-Identifier: MIT
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/link_tls.h"
#include "support/check.h"
#include "support/quic_net.h"
#include "support/toy_streams.h"

enum { DAY = 24 * 60 * 60, NAMES = 3, PAIRS = 3, FILES = 6 };

#define SERVERS GNUTLS_KP_TLS_WWW_SERVER
#define CLIENTS GNUTLS_KP_TLS_WWW_CLIENT

static quic_net net;
static gnutls_x509_privkey_t key;
static gnutls_x509_crt_t authority, other;
static char folder[] = "/tmp/tercet-certs.XXXXXX", file[FILES][64];
enum { CA, CRL, CLIENT_PEM, SERVER_PEM /* and two more */ };

typedef struct name {
    gnutls_x509_subject_alt_name_t kind;
    const char *at;
    unsigned len; /* 0: up to its end */
} name;

typedef struct row {
    const char *what, *host;
    name names[NAMES];
    const char *extension; /* in place of names: as the library would not write it */
    const char *usage;     /* NULL: for servers */
    int from, to;          /* days from now; to 0: a month */
    bool foreign, alone, revoked;
    tc_err err;
} row;

#define DNS(text)                                                                                  \
    {                                                                                              \
        GNUTLS_SAN_DNSNAME, text, 0                                                                \
    }
#define IP4(bytes)                                                                                 \
    {                                                                                              \
        GNUTLS_SAN_IPADDRESS, bytes, 4                                                             \
    }

static const row servers[] = {
    {.what = "its name", .host = "a.example", .names = {DNS("a.example")}},
    {.what = "the second of its names",
     .host = "b.example",
     .names = {DNS("a.example"), DNS("b.example")}},
    {.what = "any case", .host = "A.exaMple", .names = {DNS("a.Example")}},
    {.what = "a dot at the end", .host = "a.example.", .names = {DNS("a.example")}},
    {.what = "another name",
     .host = "a.example",
     .names = {DNS("b.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "the end of a name",
     .host = "a.example",
     .names = {DNS("example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a longer name",
     .host = "a.example",
     .names = {DNS("a.example.org")},
     .err = TC_ERR_CERT_NAME},
    {.what = "no name", .host = "a.example", .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard", .host = "x.a.example", .names = {DNS("*.a.example")}},
    {.what = "a wildcard for two labels",
     .host = "x.y.a.example",
     .names = {DNS("*.a.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard for none",
     .host = "a.example",
     .names = {DNS("*.a.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard below the top",
     .host = "a.example",
     .names = {DNS("*.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard alone", .host = "a.example", .names = {DNS("*")}, .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard in a label",
     .host = "xy.a.example",
     .names = {DNS("x*.a.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard in the midst",
     .host = "x.a.example",
     .names = {DNS("x.*.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "two wildcards",
     .host = "x.y.example",
     .names = {DNS("*.*.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "IDN", .host = "xn--bcher-kva.example", .names = {DNS("xn--bcher-kva.example")}},
    {.what = "IDN below a wildcard",
     .host = "xn--bcher-kva.a.example",
     .names = {DNS("*.a.example")}},
    {.what = "another IDN",
     .host = "xn--bcher-kva.example",
     .names = {DNS("xn--bcher-kvb.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard in IDN",
     .host = "xn--bcher-kva.a.example",
     .names = {DNS("xn--*.a.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "NUL",
     .host = "a.example",
     .extension = "\x30\x19\x82\x17"
                  "a.example\0.evil.example",
     .err = TC_ERR_CERT_NAME},
    {.what = "an address", .host = "10.0.0.2", .names = {IP4("\x0a\0\0\2")}},
    {.what = "an address of IPv6",
     .host = "::1",
     .names = {{GNUTLS_SAN_IPADDRESS, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16}}},
    {.what = "another address",
     .host = "10.0.0.2",
     .names = {IP4("\x0a\0\0\3")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a name where an address is due",
     .host = "10.0.0.2",
     .names = {DNS("a.example")},
     .err = TC_ERR_CERT_NAME},
    {.what = "an address as text",
     .host = "10.0.0.2",
     .names = {DNS("10.0.0.2")},
     .err = TC_ERR_CERT_NAME},
    {.what = "a wildcard for addresses",
     .host = "10.0.0.2",
     .names = {DNS("*.0.0.2")},
     .err = TC_ERR_CERT_NAME},
    {.what = "an address where a name is due",
     .host = "a.example",
     .names = {IP4("\x0a\0\0\2")},
     .err = TC_ERR_CERT_NAME},
    {.what = "expired",
     .host = "a.example",
     .names = {DNS("a.example")},
     .from = -9,
     .to = -1,
     .err = TC_ERR_CERT_EXPIRED},
    {.what = "not yet",
     .host = "a.example",
     .names = {DNS("a.example")},
     .from = 2,
     .err = TC_ERR_CERT_NOT_YET},
    {.what = "for clients",
     .host = "a.example",
     .names = {DNS("a.example")},
     .usage = CLIENTS,
     .err = TC_ERR_CERT_PURPOSE},
    {.what = "for code",
     .host = "a.example",
     .names = {DNS("a.example")},
     .usage = GNUTLS_KP_CODE_SIGNING,
     .err = TC_ERR_CERT_PURPOSE},
    {.what = "for anything",
     .host = "a.example",
     .names = {DNS("a.example")},
     .usage = GNUTLS_KP_ANY},
    {.what = "unknown authority",
     .host = "a.example",
     .names = {DNS("a.example")},
     .foreign = true,
     .err = TC_ERR_CERT_AUTHORITY},
    {.what = "by itself",
     .host = "a.example",
     .names = {DNS("a.example")},
     .alone = true,
     .err = TC_ERR_CERT_SELF_SIGNED},
    {.what = "revoked",
     .host = "a.example",
     .names = {DNS("a.example")},
     .revoked = true,
     .err = TC_ERR_CERT_REVOKED},
};

/* err: what the server says; the client is told by an alert. */
static const row clients[] = {
    {.what = "good", .usage = CLIENTS},
    {.what = "for anything", .usage = GNUTLS_KP_ANY},
    {.what = "none", .err = TC_ERR_CLIENT_CERT_NONE},
    {.what = "expired", .usage = CLIENTS, .from = -9, .to = -1, .err = TC_ERR_CLIENT_CERT},
    {.what = "not yet", .usage = CLIENTS, .from = 2, .err = TC_ERR_CLIENT_CERT},
    {.what = "for servers", .usage = SERVERS, .err = TC_ERR_CLIENT_CERT},
    {.what = "revoked", .usage = CLIENTS, .revoked = true, .err = TC_ERR_CLIENT_CERT},
};

/* --- making them --------------------------------------------------------------------------- */

static void check(int rc)
{
    if (rc < 0) fail_msg("%s", gnutls_strerror(rc));
}

static gnutls_x509_crt_t make(const char *called, const row *r, gnutls_x509_crt_t by)
{
    static unsigned char serial = 1;
    gnutls_x509_crt_t crt;
    const time_t now = time(NULL);
    check(gnutls_x509_crt_init(&crt));
    check(gnutls_x509_crt_set_version(crt, 3));
    check(gnutls_x509_crt_set_serial(crt, &serial, 1));
    serial++;
    check(gnutls_x509_crt_set_key(crt, key));
    check(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, called,
                                        (unsigned)strlen(called)));
    check(gnutls_x509_crt_set_activation_time(crt, now + (r ? r->from : 0) * DAY - 60));
    check(gnutls_x509_crt_set_expiration_time(crt, now + (r && r->to ? r->to : 30) * DAY));
    check(gnutls_x509_crt_set_basic_constraints(crt, r == NULL, -1));
    if (!r)
        check(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN));
    for (int i = 0; r && i < NAMES && r->names[i].at; i++) {
        const name *n = &r->names[i];
        const unsigned len = n->len ? n->len : (unsigned)strlen(n->at);
        check(gnutls_x509_crt_set_subject_alt_name(crt, n->kind, n->at, len, GNUTLS_FSAN_APPEND));
    }
    if (r && r->extension)
        check(gnutls_x509_crt_set_extension_by_oid(crt, "2.5.29.17", r->extension,
                                                   2 + (size_t)r->extension[1], 0));
    if (r) check(gnutls_x509_crt_set_key_purpose_oid(crt, r->usage ? r->usage : SERVERS, 0));
    check(gnutls_x509_crt_sign2(crt, by ? by : crt, key, GNUTLS_DIG_SHA256, 0));
    return crt;
}

static void write_pem(int which, gnutls_datum_t *text, const char *mode)
{
    FILE *f = fopen(file[which], mode);
    assert_non_null(f);
    assert_int_equal(fwrite(text->data, 1, text->size, f), text->size);
    assert_int_equal(fclose(f), 0);
    gnutls_free(text->data);
}

static void write_certificate(int which, gnutls_x509_crt_t crt)
{
    gnutls_datum_t text;
    check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text));
    write_pem(which, &text, "w");
    if (which == CA) return;
    check(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &text));
    write_pem(which, &text, "a");
}

/* The list of what is revoked: this one, or nothing. */
static void write_list(gnutls_x509_crt_t crt)
{
    gnutls_x509_crl_t list;
    gnutls_datum_t text;
    const time_t now = time(NULL);
    check(gnutls_x509_crl_init(&list));
    check(gnutls_x509_crl_set_version(list, 2));
    check(gnutls_x509_crl_set_this_update(list, now - DAY));
    check(gnutls_x509_crl_set_next_update(list, now + DAY));
    check(gnutls_x509_crl_set_number(list, "\1", 1));
    if (crt) check(gnutls_x509_crl_set_crt(list, crt, now - 60));
    check(gnutls_x509_crl_sign2(list, authority, key, GNUTLS_DIG_SHA256, 0));
    check(gnutls_x509_crl_export2(list, GNUTLS_X509_FMT_PEM, &text));
    write_pem(CRL, &text, "w");
    gnutls_x509_crl_deinit(list);
}

static int begin_all(void **state)
{
    static const char *const names[FILES] = {"ca", "crl", "client", "one", "two", "three"};
    (void)state;
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < FILES; i++)
        (void)snprintf(file[i], sizeof file[i], "%s/%s", folder, names[i]);
    check(gnutls_x509_privkey_init(&key));
    check(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                       GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
    authority = make("authority", NULL, NULL);
    other = make("other authority", NULL, NULL);
    write_certificate(CA, authority);
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    for (int i = 0; i < FILES; i++)
        (void)unlink(file[i]);
    gnutls_x509_crt_deinit(authority);
    gnutls_x509_crt_deinit(other);
    gnutls_x509_privkey_deinit(key);
    return rmdir(folder);
}

/* --- over both ----------------------------------------------------------------------------- */

typedef struct outcome {
    tc_err err[2]; /* of the client, of the server */
    char why[2][TC_TLS_WHY];
    bool clear; /* nothing went wrong */
    char proven[64], stands_for[16];
} outcome;

static void make_tls(tc_tls *tls[2], size_t pair_count, bool own, bool ask)
{
    static const tc_span protocols[] = {{"h3", 2}};
    char why[TC_TLS_WHY];
    tc_tls_pair pairs[PAIRS];
    for (int i = 0; i < PAIRS; i++)
        pairs[i] = (tc_tls_pair){file[SERVER_PEM + i], file[SERVER_PEM + i]};
    const tc_tls_server_config server = {.pairs = pairs,
                                         .pair_count = pair_count,
                                         .client_authorities = ask ? file[CA] : NULL,
                                         .client_revoked = ask ? file[CRL] : NULL,
                                         .protocols = protocols,
                                         .protocol_count = 1};
    const tc_tls_client_config client = {.authorities = {file[CA]},
                                         .revoked = file[CRL],
                                         .certificate = own ? file[CLIENT_PEM] : NULL,
                                         .protocols = protocols,
                                         .protocol_count = 1};
    assert_int_equal(tc_tls_client_new(&client, &tls[0], why), TC_OK);
    assert_int_equal(tc_tls_server_new(&server, &tls[1], why), TC_OK);
}

static void ready(tc_link *link, unsigned what)
{
    (void)link, (void)what;
}

/* Hosts that a connection is asked about: an answer each. */
static const char *const hosts[] = {
    "one.example",    "ONE.example.:99", "both.example", "two.example", "y.wild.example",
    "x.wild.example", "nobody.example",  "10.0.0.1",     "[::1]",       ""};
enum { HOSTS = sizeof hosts / sizeof *hosts };

static void note(tc_link *l, outcome *o)
{
    for (int i = 0; i < HOSTS; i++)
        o->stands_for[i] = l->type->stands_for(l, tc_span_str(hosts[i])) ? 'y' : 'n';
    (void)snprintf(o->proven, sizeof o->proven, "%.*s", TC_FMT(l->type->proven(l)));
}

static void over_tcp(tc_tls *tls[2], const char *host, outcome *o)
{
    static tc_link_tls ends[2];
    tc_loop *loop;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(tc_link_tls_init(&ends[i], loop, fds[i], NULL, tls[i], i ? NULL : host,
                                          o->why[i], ready),
                         TC_OK);
    /* some turns after both are open: a client is, before its certificate was looked at */
    for (int turn = 0; turn < 20; turn++)
        for (int i = 0; i < 2; i++) {
            tc_link *l = &ends[i].tcp.link;
            tc_span in;
            bool fin, more;
            if (!o->err[i]) o->err[i] = l->type->flush(l);
            if (!o->err[i]) o->err[i] = l->type->read(l, &in, &fin, &more);
        }
    o->clear = !ends[0].opening && !ends[1].opening && !o->err[0] && !o->err[1];
    if (o->clear) note(&ends[1].tcp.link, o);
    for (int i = 0; i < 2; i++)
        ends[i].tcp.link.type->close(&ends[i].tcp.link, true);
    tc_loop_free(loop);
}

static bool settled(quic_net *n)
{
    return (n->over && n->server_ended) || (n->asked_count && quic_net_all_closed(n));
}

static void over_quic(tc_tls *tls[2], const char *host, outcome *o)
{
    quic_net_init(&net, &toy_streams_type);
    net.own_tls = true;
    net.tls[0] = tls[0];
    net.tls[1] = tls[1];
    net.host = host;
    quic_net_begin(&net);
    (void)quic_net_run(&net, quic_net_is_open, 20 * TC_S);
    if (net.open) quic_net_ask(&net, 100, 0);
    assert_true(quic_net_run(&net, settled, 20 * TC_S));
    o->err[0] = net.over ? net.why : TC_OK;
    o->err[1] = net.server_why;
    o->clear = !net.over && net.asked[0].closed && !net.asked[0].err;
    (void)snprintf(o->why[0], TC_TLS_WHY, "%s", net.reason);
    (void)snprintf(o->why[1], TC_TLS_WHY, "%s", net.server_reason);
    if (o->clear) note(quic_net_server_link(&net), o);
    quic_net_fini(&net);
}

/* Both sides of both must end alike. */
static void both(const row *r, tc_tls *tls[2], outcome *ret)
{
    const char *const host = r->host ? r->host : "a.example", *const side[] = {"client", "server"};
    outcome o[2] = {0};
    over_tcp(tls, host, &o[0]);
    over_quic(tls, host, &o[1]);
    for (int i = 0; i < 2; i++) {
        if (o[0].err[i] != o[1].err[i] || strcmp(o[0].why[i], o[1].why[i]) != 0)
            fail_msg("%s, %s: %s (%s) over TCP, %s (%s) in QUIC", r->what, side[i],
                     tc_err_name(o[0].err[i]), o[0].why[i], tc_err_name(o[1].err[i]), o[1].why[i]);
        tc_tls_free(tls[i]);
    }
    assert_int_equal(o[0].clear, o[1].clear);
    assert_string_equal(o[0].proven, o[1].proven);
    assert_string_equal(o[0].stands_for, o[1].stands_for);
    *ret = o[1];
}

static void of_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        const row *r = &servers[i];
        outcome o;
        tc_tls *tls[2];
        gnutls_x509_crt_t crt = make("machine", r,
                                     r->alone     ? NULL
                                     : r->foreign ? other
                                                  : authority);
        write_certificate(SERVER_PEM, crt);
        write_list(r->revoked ? crt : NULL);
        gnutls_x509_crt_deinit(crt);
        make_tls(tls, 1, false, false);
        both(r, tls, &o);
        if (o.clear != !r->err || o.err[0] != r->err)
            fail_msg("%s: %s (%s)", r->what, tc_err_name(o.err[0]), o.why[0]);
    }
}

static void of_clients(void **state)
{
    static const row machine = {.names = {DNS("a.example")}};
    gnutls_x509_crt_t crt = make("machine", &machine, authority);
    (void)state;
    write_certificate(SERVER_PEM, crt);
    gnutls_x509_crt_deinit(crt);
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        const row *r = &clients[i];
        outcome o;
        tc_tls *tls[2];
        crt = make("me", r, authority);
        write_certificate(CLIENT_PEM, crt);
        write_list(r->revoked ? crt : NULL);
        gnutls_x509_crt_deinit(crt);
        make_tls(tls, 1, r->usage != NULL, true);
        both(r, tls, &o);
        if (o.clear != !r->err || o.err[1] != r->err)
            fail_msg("%s: %s (%s)", r->what, tc_err_name(o.err[1]), o.why[1]);
        assert_int_equal(o.err[0], !r->err    ? TC_OK
                                   : r->usage ? TC_ERR_CERT_REFUSED
                                              : TC_ERR_CERT_WANTED);
        assert_string_equal(o.proven, r->err ? "" : "CN=me");
    }
}

/* Which certificate is shown, and for which other hosts a connection is good then (421). */
static void of_names(void **state)
{
    static const row shown[PAIRS] = {
        {.names = {DNS("one.example"), DNS("both.example")}},
        {.names = {DNS("two.example"), DNS("*.wild.example")}},
        {.names = {DNS("x.wild.example")}},
    };
    static const struct {
        const char *host, *stands_for; /* NULL: it is refused, the first one is shown */
    } rows[] = {
        {"one.example", "yyynnnyyyy"},    {"both.example", "yyynnnyyyy"},
        {"two.example", "nnnyyynnny"},    {"y.wild.example", "nnnyyynnny"},
        {"x.wild.example", "nnnnnynnny"}, {"x.y.wild.example", NULL},
        {"nobody.example", NULL},
    };
    (void)state;
    for (int i = 0; i < PAIRS; i++) {
        gnutls_x509_crt_t crt = make("machine", &shown[i], authority);
        write_certificate(SERVER_PEM + i, crt);
        gnutls_x509_crt_deinit(crt);
    }
    write_list(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const row r = {.what = rows[i].host, .host = rows[i].host};
        outcome o;
        tc_tls *tls[2];
        make_tls(tls, PAIRS, false, false);
        both(&r, tls, &o);
        assert_int_equal(o.err[0], rows[i].stands_for ? TC_OK : TC_ERR_CERT_NAME);
        if (rows[i].stands_for)
            assert_string_equal(o.stands_for, rows[i].stands_for);
        else
            assert_non_null(strstr(o.why[0], "it is for one.example, both.example, not for"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_servers),
        cmocka_unit_test(of_clients),
        cmocka_unit_test(of_names),
    };
    return cmocka_run_group_tests(tests, begin_all, end_all);
}
