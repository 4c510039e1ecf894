/* tls_authority.h - a local authority, and certificates that it makes for this machine: ECDSA on
 * P-256, because that is what makes handshakes cheap. PEM text in and out; files are the caller's.
 */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/buf.h"
#include "base/err.h"

enum {
    TC_AUTHORITY_PEM = 16384, /* room for one file */
    TC_FINGERPRINT = 96       /* "AB:CD:..." of SHA-256, and its NUL */
};

/* Text for two files, to be put at the end of both. now: seconds since 1970. owner: who and where,
 * for people who look at it. */
tc_err tc_authority_make(const char *owner, int64_t now, tc_buf *certificate,
                         tc_buf *key) TC_MUST_USE;
/* A certificate for a server on this machine: localhost, 127.0.0.1, ::1, and names (each may be
 * empty). Good for 13 months. */
tc_err tc_authority_certify(tc_span authority, tc_span authority_key, const tc_span *names,
                            size_t count, int64_t now, tc_buf *certificate,
                            tc_buf *key) TC_MUST_USE;
/* Whether a certificate is from that authority, for all those names, and good for a month more. */
bool tc_authority_covers(tc_span authority, tc_span certificate, const tc_span *names, size_t count,
                         int64_t now);
/* SHA-256 of a certificate. False: it is none. */
bool tc_authority_fingerprint(tc_span certificate, char ret_text[TC_FINGERPRINT]);
