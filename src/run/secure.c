/* secure.c - see secure.h. */
// SPDX-License-Identifier: MIT
#include "run/secure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "session/session.h"

enum { TICKET_KEY = 64 };

/* What is said to somebody who speaks HTTP where TLS is due. Of no use to an attacker: it depends
 * on nothing that was sent. */
static const char in_clear[] = "HTTP/1.1 400 Bad Request\r\n"
                               "Server: tercet\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\n"
                               "Content-Length: 57\r\n"
                               "Connection: close\r\n"
                               "\r\n"
                               "This port speaks HTTPS: the address begins with https://\n";

/* From whichever worker looked. */
static void changed(void *self, const char *file, tc_err err, const char *why)
{
    (void)self;
    if (err)
        fprintf(stderr, "tercet: %s has changed and cannot be used (%s); the old one serves on\n",
                file, *why ? why : tc_err_sentence(err));
    else
        fprintf(stderr, "tercet: %s has changed and was taken up\n", file);
}

static void warn_of_name(tc_secure *s, size_t i)
{
    char name[TC_TLS_HOST];
    if (tc_tls_wide_name(s->tls, i, name))
        fprintf(stderr, "tercet: %s: %s is for no host: nobody believes a wildcard that wide\n",
                s->pairs[i].certificate, name);
}

static void doubt(void *self, const char *file, const char *what)
{
    (void)self;
    fprintf(stderr, "tercet: %s: %s; clients will not believe this certificate\n", file, what);
}

/* It is used all the same: only its owner knows who the others are. */
static void look_who_reads(const char *file)
{
    struct stat st;
    if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & (S_IRGRP | S_IROTH))
        fprintf(stderr, "tercet: %s is secret, and others may read it (mode %03o): chmod 600 it\n",
                file, (unsigned)st.st_mode & 0777);
}

/* The library would make it for everybody to read, and say nothing where it cannot. */
void tc_secure_key_log(void)
{
    const char *file = getenv("SSLKEYLOGFILE");
    if (!file || !*file) return;
    const int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        fprintf(stderr, "tercet: SSLKEYLOGFILE: %s: %s; no secrets are written\n", file,
                strerror(errno));
    else
        close(fd);
}

void tc_secure_doubt(const tc_term *term)
{
    fprintf(stderr,
            "tercet: %s--insecure: whoever answers is believed%s, anybody on the way can read and "
            "change everything\n",
            tc_term_style(term, TC_STYLE_RED), tc_term_style(term, TC_STYLE_PLAIN));
}

/* A file that is there stays as it is: another machine may have made it. */
static tc_err make_tickets(const char *file, char why[TC_TLS_WHY])
{
    char key[TICKET_KEY];
    const int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST) return TC_OK;
    tc_random_bytes(key, sizeof key);
    const bool good = fd >= 0 && write(fd, key, sizeof key) == sizeof key;
    if (!good) (void)snprintf(why, TC_TLS_WHY, "%s: %s", file, strerror(errno));
    if (fd >= 0) close(fd);
    explicit_bzero(key, sizeof key);
    return good ? TC_OK : TC_ERR_WRITE_FILE;
}

tc_err tc_secure_init(tc_secure *s, const tc_secure_settings *settings, char why[TC_TLS_WHY])
{
    const char *tickets = settings->tickets;
    tc_err err = TC_OK;
    *s = (tc_secure){.local = settings->pair_count == 0,
                     .pairs = settings->pairs,
                     .pair_count = settings->pair_count};
    why[0] = 0;
    if (s->local) {
        err = tc_authority_ensure(&s->files, why, TC_TLS_WHY);
        s->own = (tc_tls_pair){s->files.certificate, s->files.certificate_key};
        s->pairs = &s->own;
        s->pair_count = 1;
    }
    const bool off = tickets && tc_span_eq(tc_span_str(tickets), TC_SPAN("off"));
    if (!err && tickets && !off) err = make_tickets(tickets, why);
    if (err) return err;
    if (s->local) look_who_reads(s->files.authority_key);
    if (tickets && !off) look_who_reads(tickets);
    tc_secure_key_log();
    const tc_tls_server_config config = {
        .pairs = s->pairs,
        .pair_count = s->pair_count,
        .no_tickets = off,
        .tickets = off ? NULL : tickets,
        .secret = settings->secret,
        .client_authorities = settings->client_ca,
        .client_revoked = settings->client_crl,
        .client_may_be_unknown = settings->client_may_be_unknown,
        .in_clear = tc_span_str(in_clear),
        .protocols = s->protocols,
        .protocol_count =
            tc_session_protocols(TC_SERVER, TC_HTTP_NONE, s->protocols, TC_TLS_PROTOCOLS),
        .changed = changed,
        .doubt = doubt};
    err = tc_tls_server_new(&config, &s->tls, why);
    for (size_t i = 0; i < config.pair_count && !err; i++)
        warn_of_name(s, i);
    return err;
}

void tc_secure_fini(tc_secure *s)
{
    tc_tls_free(s->tls);
    s->tls = NULL;
}
