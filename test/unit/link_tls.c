/* link_tls.c - TLS as a link, both ends in one loop over the loopback: the handshake, more than the
 * kernel takes, files, ends that were told and ends that were not. */
// SPDX-License-Identifier: MIT
#include "net/link_tls.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls_authority.h"
#include "support/check.h"

enum { SIZE = 600000, CLIENT = 0, SERVER = 1 };

static tc_loop *loop;
static tc_tls *tls[2];
static tc_link_tls ends[2];
static tc_link *link_of[2] = {&ends[0].tcp.link, &ends[1].tcp.link};
static tc_buf texts[4]; /* of the authority, then of the machine */
static char why[TC_TLS_WHY], folder[] = "/tmp/tercet-link-tls.XXXXXX", pem[64], key[64], ca[64];

static void on_ready(tc_link *link, unsigned what)
{
    (void)link;
    (void)what;
}

static void write_file(const char *name, const tc_buf *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text->at, 1, text->len, f), text->len);
    fclose(f);
}

/* A certificate of the local authority for these names, as if made at that time. */
static void certify(const tc_span *names, size_t count, int64_t now)
{
    tc_buf made[2];
    for (int i = 0; i < 2; i++)
        tc_buf_init(&made[i], TC_AUTHORITY_PEM);
    assert_int_equal(tc_authority_certify(tc_buf_span(&texts[0]), tc_buf_span(&texts[1]), names,
                                          count, now, &made[0], &made[1]),
                     TC_OK);
    write_file(pem, &made[0]);
    write_file(key, &made[1]);
    for (int i = 0; i < 2; i++)
        tc_buf_fini(&made[i]);
}

static int make_certificates(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        tc_buf_init(&texts[i], TC_AUTHORITY_PEM);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(ca, sizeof ca, "%s/ca", folder);
    (void)snprintf(pem, sizeof pem, "%s/pem", folder);
    (void)snprintf(key, sizeof key, "%s/key", folder);
    const int64_t now = tc_clock_wall();
    const tc_span names[] = {TC_SPAN("machine.example")};
    assert_int_equal(tc_authority_make("test", now, &texts[0], &texts[1]), TC_OK);
    const tc_span authority = tc_buf_span(&texts[0]);
    assert_int_equal(tc_authority_certify(authority, tc_buf_span(&texts[1]), names, 1, now,
                                          &texts[2], &texts[3]),
                     TC_OK);
    const tc_span made = tc_buf_span(&texts[2]), other[] = {TC_SPAN("other.example")};
    assert_true(tc_authority_covers(authority, made, names, 1, now));
    assert_false(tc_authority_covers(authority, made, other, 1, now));
    assert_false(tc_authority_covers(authority, made, names, 1, now + 370 * 24 * 3600));
    write_file(ca, &texts[0]);
    write_file(pem, &texts[2]);
    write_file(key, &texts[3]);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        tc_buf_fini(&texts[i]);
    return unlink(ca) || unlink(pem) || unlink(key) || rmdir(folder) ? -1 : 0;
}

static void begin(const char *host)
{
    static const tc_span protocols[] = {{"http/1.1", 8}};
    const tc_tls_pair pair = {pem, key};
    const tc_tls_server_config server = {
        .pairs = &pair, .pair_count = 1, .protocols = protocols, .protocol_count = 1};
    const tc_tls_client_config client = {
        .authorities = {ca}, .protocols = protocols, .protocol_count = 1};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    const int listener = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    const int other = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    assert_int_equal(setsockopt(other, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    close(listener);
    assert_int_equal(tc_loop_new(&loop), TC_OK);
    assert_int_equal(tc_tls_server_new(&server, &tls[SERVER], why), TC_OK);
    assert_int_equal(tc_tls_client_new(&client, &tls[CLIENT], why), TC_OK);
    assert_int_equal(
        tc_link_tls_init(&ends[CLIENT], loop, fd, NULL, tls[CLIENT], host, why, on_ready), TC_OK);
    assert_int_equal(
        tc_link_tls_init(&ends[SERVER], loop, other, NULL, tls[SERVER], NULL, NULL, on_ready),
        TC_OK);
}

static void end(void)
{
    for (int i = 0; i < 2; i++) {
        if (ends[i].tcp.io.fd >= 0) link_of[i]->type->close(link_of[i], false);
        tc_tls_free(tls[i]);
    }
    tc_loop_free(loop);
}

static tc_err hear(int who, char *into, size_t *have, bool *fin)
{
    tc_span in = {0};
    bool more;
    const tc_err err = link_of[who]->type->read(link_of[who], &in, fin, &more);
    if (!err && in.len) memcpy(into + *have, in.at, in.len);
    *have += err ? 0 : in.len;
    return err;
}

/* Until both are open, or one fails. */
static tc_err shake(void)
{
    char none[1];
    size_t have = 0;
    bool fin = false;
    tc_err err = TC_OK;
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while (!err && (ends[0].opening || ends[1].opening) && tc_clock_now() < patience)
        for (int i = 0; i < 2 && !err; i++) {
            err = link_of[i]->type->flush(link_of[i]);
            if (!err && ends[i].opening) err = hear(i, none, &have, &fin);
        }
    return err;
}

static void both_ends_agree(void **state)
{
    (void)state;
    tc_protection p;
    begin("machine.example.");
    assert_true(link_of[CLIENT]->type->stuck(link_of[CLIENT]));
    assert_false(link_of[CLIENT]->type->protection(link_of[CLIENT], &p));
    assert_int_equal(shake(), TC_OK);
    for (int i = 0; i < 2; i++) {
        assert_true(link_of[i]->type->protection(link_of[i], &p));
        assert_string_equal(p.version, "TLS 1.3");
        assert_string_equal(p.cipher, "AES-128-GCM");
        assert_string_equal(p.protocol, "http/1.1");
    }
    end();
}

static void another_name_is_refused(void **state)
{
    (void)state;
    begin("other.example");
    assert_int_equal(shake(), TC_ERR_CERT_NAME);
    assert_non_null(strstr(why, "machine.example"));
    end();
}

/* RFC 9525: whole labels, one label for a wildcard, addresses as addresses.
 */
static void names_are_compared(void **state)
{
    (void)state;
    static const struct {
        tc_span name; /* in the certificate, beside localhost, 127.0.0.1 and ::1 */
        const char *host;
        tc_err err;
    } cases[] = {
        {{"a.example", 9}, "a.example", TC_OK},
        {{"a.example", 9}, "A.EXAMPLE", TC_OK},
        {{"a.example", 9}, "a.example.", TC_OK},
        {{"a.example", 9}, "b.example", TC_ERR_CERT_NAME},
        {{"a.example", 9}, "a.example.org", TC_ERR_CERT_NAME},
        {{"a.example", 9}, "x.a.example", TC_ERR_CERT_NAME},
        {{"*.w.example", 11}, "a.w.example", TC_OK},
        {{"*.w.example", 11}, "a.b.w.example", TC_ERR_CERT_NAME},
        {{"*.w.example", 11}, "w.example", TC_ERR_CERT_NAME},
        {{"*.example", 9}, "a.example", TC_ERR_CERT_NAME},
        {{"*", 1}, "a", TC_ERR_CERT_NAME},
        {{"w*.p.example", 12}, "ww.p.example", TC_ERR_CERT_NAME},
        {{"a.*.example", 11}, "a.b.example", TC_ERR_CERT_NAME},
        {{"xn--bcher-kva.example", 21}, "xn--bcher-kva.example", TC_OK},
        {{"xn--bcher-kva.example", 21}, "bcher.example", TC_ERR_CERT_NAME},
        {{"10.0.0.1", 8}, "10.0.0.1", TC_ERR_CERT_NAME},
        {{"a.example", 9}, "127.0.0.1", TC_OK},
        {{"a.example", 9}, "127.0.0.2", TC_ERR_CERT_NAME},
        {{"a.example", 9}, "::1", TC_OK},
        {{"a.example", 9}, "::2", TC_ERR_CERT_NAME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        certify(&cases[i].name, 1, tc_clock_wall());
        begin(cases[i].host);
        const tc_err err = shake();
        if (err != cases[i].err)
            fail_msg("%.*s for %s: %s", TC_FMT(cases[i].name), cases[i].host, tc_err_sentence(err));
        end();
    }
}

static void times_are_compared(void **state)
{
    (void)state;
    static const struct {
        int days;
        tc_err err;
        const char *word;
    } cases[] = {{0, TC_OK, ""},
                 {3, TC_ERR_CERT_NOT_YET, "it begins on"},
                 {-500, TC_ERR_CERT_EXPIRED, "it ended on"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        certify(NULL, 0, tc_clock_wall() + (int64_t)cases[i].days * 24 * 3600);
        begin("localhost");
        assert_int_equal(shake(), cases[i].err);
        assert_non_null(strstr(why, cases[i].word));
        end();
    }
    certify(NULL, 0, tc_clock_wall());
}

/* New keys cost work; a few are normal, a flood is not (RFC 8446, 4.6.3). */
static void new_keys_are_bounded(void **state)
{
    (void)state;
    char got[64];
    size_t have = 0, taken;
    bool fin = false;
    int n = 0;
    tc_err err = TC_OK;
    begin("localhost");
    assert_int_equal(shake(), TC_OK);
    tc_link *const client = link_of[CLIENT];
    const tc_run run = tc_run_bytes(TC_SPAN("x"));
    for (; n < 1000 && !err; n++) {
        assert_int_equal(gnutls_session_key_update(ends[CLIENT].side.session, GNUTLS_KU_PEER), 0);
        if (n < 3) assert_int_equal(client->type->write(client, &run, 1, &taken), TC_OK);
        assert_int_equal(client->type->flush(client), TC_OK);
        const int64_t patience = tc_clock_now() + TC_S / 20;
        while (!err && tc_clock_now() < patience && (n >= 3 || have < (size_t)n + 1))
            err = hear(SERVER, got, &have, &fin);
    }
    assert_int_equal(have, 3); /* what came between a few of them was read */
    assert_int_equal(err, TC_ERR_TLS_RECORD);
    assert_true(n < 100);
    end();
}

/* Bytes and a file through a kernel that takes little at a time, and how it ends. */
static void pour(bool told)
{
    char *sent = malloc(SIZE), *got = malloc(2 * SIZE);
    size_t at = 0, have = 0, taken;
    bool fin = false;
    begin("localhost");
    assert_int_equal(shake(), TC_OK);
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (char)(i * 131 + i / 251);
    const int file = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(write(file, sent, SIZE), SIZE);
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    tc_link *const server = link_of[SERVER];
    while (have < SIZE && tc_clock_now() < patience) {
        const size_t half = SIZE / 2;
        const tc_run runs[] = {
            tc_run_bytes(tc_span_of(sent + at, at < half ? half - at : 0)),
            tc_run_file(file, at < half ? half : at, SIZE - (at < half ? half : at))};
        assert_int_equal(server->type->flush(server), TC_OK);
        if (at < SIZE && !server->type->stuck(server)) {
            const size_t skip = at >= half;
            assert_int_equal(server->type->write(server, runs + skip, 2 - skip, &taken), TC_OK);
            at += taken;
        }
        assert_int_equal(hear(CLIENT, got, &have, &fin), TC_OK);
    }
    assert_int_equal(have, SIZE);
    assert_memory_equal(got, sent, SIZE);
    assert_false(fin);
    if (!told) server->type->spoil(server);
    server->type->close(server, false);
    tc_err err = TC_OK;
    while (!err && !fin && tc_clock_now() < patience)
        err = hear(CLIENT, got, &have, &fin);
    assert_int_equal(err, told ? TC_OK : TC_ERR_TLS_CUT);
    assert_int_equal(have, SIZE);
    close(file);
    free(sent);
    free(got);
    end();
}

static void much_goes_through_and_ends(void **state)
{
    (void)state;
    pour(true);
}

static void what_breaks_off_is_cut(void **state)
{
    (void)state;
    pour(false);
}

/* What other links do to the rooms that are shared. */
static void spoil_rooms(void)
{
    size_t size;
    char *room = tc_loop_write_room(loop, &size);
    memset(room, 'x', size);
    room = tc_loop_plain_write_room(loop, &size);
    memset(room, 'x', size);
}

/* The pieces of a stream as an engine of many streams gives them: ranges of a file, with some bytes
 * before each. Fills runs from byte at of the stream on; returns their sum. */
enum { HEAD = 9, PIECE = 5000, RUNS = 16 };

static size_t runs_from(tc_run runs[RUNS], const char *sent, int file, size_t at)
{
    size_t sum = 0;
    for (int i = 0; i < RUNS; i++) {
        const size_t in_piece = at % PIECE;
        const size_t n = (in_piece < HEAD ? HEAD : PIECE) - in_piece;
        runs[i] =
            in_piece < HEAD ? tc_run_bytes(tc_span_of(sent + at, n)) : tc_run_file(file, at, n);
        at += n;
        sum += n;
    }
    return sum;
}

static void frames_of_a_file_go_through(void **state)
{
    (void)state;
    enum { MUCH = 8 * 1024 * 1024 };
    char *sent = malloc(MUCH), *got = malloc(MUCH + 65536);
    size_t at = 0, have = 0, taken = 0;
    bool fin = false;
    tc_run runs[RUNS];
    begin("localhost");
    assert_int_equal(shake(), TC_OK);
    for (size_t i = 0; i < MUCH; i++)
        sent[i] = (char)(i * 131 + i / 251);
    const int file = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(write(file, sent, MUCH), MUCH);
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    tc_link *const server = link_of[SERVER];
    const size_t all = MUCH - MUCH % PIECE;
    while (have < all && tc_clock_now() < patience) {
        assert_int_equal(server->type->flush(server), TC_OK);
        while (at < all && !server->type->stuck(server)) {
            size_t sum = runs_from(runs, sent, file, at), count = RUNS;
            while (at + sum > all)
                sum -= runs[--count].len;
            assert_int_equal(server->type->write(server, runs, count, &taken), TC_OK);
            at += taken;
            if (taken == sum && check_random_below(3)) continue;
            if (taken == sum) assert_int_equal(server->type->flush(server), TC_OK);
            break;
        }
        if (server->type->stuck(server) || taken == 0 || at == all)
            assert_int_equal(server->type->flush(server), TC_OK);
        spoil_rooms();
        for (uint64_t n = check_random_below(6); n > 0 && have < MUCH; n--)
            assert_int_equal(hear(CLIENT, got, &have, &fin), TC_OK);
    }
    assert_int_equal(have, all);
    assert_memory_equal(got, sent, all);
    close(file);
    free(sent);
    free(got);
    end();
}

static void a_file_that_shrank_is_told(void **state)
{
    (void)state;
    char bytes[3000] = "", got[20000];
    size_t taken = 0, have = 0;
    bool fin = false;
    begin("localhost");
    assert_int_equal(shake(), TC_OK);
    const int file = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(write(file, bytes, sizeof bytes), sizeof bytes);
    const tc_run runs[] = {tc_run_file(file, 0, 2000), tc_run_bytes(TC_SPAN("head")),
                           tc_run_file(file, 2000, 2000)};
    tc_link *const server = link_of[SERVER];
    assert_int_equal(server->type->write(server, runs, 3, &taken), TC_OK);
    assert_int_equal(taken, 3004);
    assert_int_equal(server->type->write(server, runs + 2, 1, &taken), TC_ERR_FILE_SHRANK);
    /* told even if no more is written */
    assert_int_equal(server->type->flush(server), TC_ERR_FILE_SHRANK);
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while (have < 3004 && tc_clock_now() < patience)
        assert_int_equal(hear(CLIENT, got, &have, &fin), TC_OK);
    assert_int_equal(have, 3004); /* what there was */
    close(file);
    end();
}

/* They say nothing and never make a read come back, so that one peer would keep all others waiting.
 */
static void warnings_are_counted(void **state)
{
    (void)state;
    char none[1];
    size_t have = 0;
    bool fin = false;
    tc_err err = TC_OK;
    begin("localhost");
    gnutls_session_t client = ends[CLIENT].side.session;
    assert_int_equal(gnutls_priority_set_direct(client, "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL), 0);
    assert_int_equal(shake(), TC_OK);
    int said = 0;
    const int on = 1;
    assert_int_equal(setsockopt(ends[CLIENT].tcp.io.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on),
                     0);
    const int64_t patience = tc_clock_now() + 120 * TC_S;
    while (!err && said < 1000 && tc_clock_now() < patience) {
        assert_int_equal(gnutls_alert_send(client, GNUTLS_AL_WARNING, GNUTLS_A_USER_CANCELED), 0);
        assert_int_equal(link_of[CLIENT]->type->flush(link_of[CLIENT]), TC_OK);
        said++;
        err = hear(SERVER, none, &have, &fin);
    }
    assert_int_equal(err, TC_ERR_TLS_RECORD);
    assert_in_range(said, 5, 999);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_agree),
        cmocka_unit_test(another_name_is_refused),
        cmocka_unit_test(names_are_compared),
        cmocka_unit_test(times_are_compared),
        cmocka_unit_test(new_keys_are_bounded),
        cmocka_unit_test(much_goes_through_and_ends),
        cmocka_unit_test(what_breaks_off_is_cut),
        cmocka_unit_test(frames_of_a_file_go_through),
        cmocka_unit_test(a_file_that_shrank_is_told),
        cmocka_unit_test(warnings_are_counted),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
