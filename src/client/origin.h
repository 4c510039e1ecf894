/* origin.h - the identity of a connection: what must be equal for two exchanges to share it. The
 * members are the rows of tables/identity.def, which one comparison walks. */
// SPDX-License-Identifier: MIT
#pragma once
#include "client/proxy.h"
#include "http/message.h"
#include "http/target.h"
#include "net/tls.h"

enum tc_identity_kind { TC_IDENTITY_TEXT, TC_IDENTITY_NUMBER };

typedef tc_span tc_identity_text;
typedef uint32_t tc_identity_number;

typedef struct tc_origin {
#define TEXT tc_identity_text
#define NUMBER tc_identity_number
#define TC_IDENTITY(kind, name, meaning) kind name;
#include "identity.def"
#undef TC_IDENTITY
#undef TEXT
#undef NUMBER
} tc_origin;

typedef struct tc_identity_row {
    const char *name;
    enum tc_identity_kind kind;
    size_t offset; /* of the member in tc_origin */
} tc_identity_row;

extern const tc_identity_row tc_identity_rows[];
extern const size_t tc_identity_row_count;

/* Borrows from all. proxy: on the way, or NULL. tls: the settings in use, which count where the
 * scheme is https. fields: of the request, for its credentials. version NONE: the best that both
 * ends have. */
tc_origin tc_origin_of(const tc_url *url, const tc_proxy *proxy, enum tc_version version,
                       const tc_tls_client_config *tls, const tc_fields *fields);
/* Whether requests to it are given to the proxy as they are: what it is asked for goes into each of
 * them, so requests to many servers share a connection. Else a proxy makes a tunnel. */
bool tc_origin_is_forwarded(const tc_url *url, const tc_proxy *proxy, enum tc_version version);
bool tc_origin_eq(const tc_origin *a, const tc_origin *b);
/* A copy that owns its texts, each with a NUL behind it: in *ret_memory, for tc_free. */
tc_err tc_origin_keep(const tc_origin *from, char **ret_memory, tc_origin *ret) TC_MUST_USE;
