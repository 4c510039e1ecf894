/* secret.c - see secret.h. */
// SPDX-License-Identifier: MIT
#include "http/secret.h"

/* Parts of a name between "-" or "_". */
static const char *const parts[] = {
    "auth", "authorization", "authentication", "bearer",  "jwt",       "key", "keys",      "passwd",
    "pwd",  "credential",    "credentials",    "session", "sessionid", "sid", "signature", "csrf",
    "xsrf"};
/* What such a part may also end in: "x-authtoken". */
static const char *const ends[] = {"token", "tokens", "secret", "password", "apikey", "cookie"};
/* Names that these words would wrongly catch. */
static const char *const known_harmless[] = {"idempotency-key", "surrogate-key",
                                             "sec-websocket-key"};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static bool part_is_secret(tc_span part)
{
    for (size_t i = 0; i < COUNT(parts); i++)
        if (tc_span_eq(part, tc_span_str(parts[i]))) return true;
    for (size_t i = 0; i < COUNT(ends); i++)
        if (tc_span_ends(part, tc_span_str(ends[i]))) return true;
    return false;
}

bool tc_secret_name(tc_span name)
{
    const enum tc_field_id id = tc_field_id_of(name);
    if (id != TC_FIELD_OTHER) return tc_field_flags(id) & TC_FIELD_SECRET;
    for (size_t i = 0; i < COUNT(known_harmless); i++)
        if (tc_span_eq(name, tc_span_str(known_harmless[i]))) return false;
    while (name.len) {
        size_t n = 0;
        while (n < name.len && name.at[n] != '-' && name.at[n] != '_')
            n++;
        if (part_is_secret(tc_span_first(name, n))) return true;
        name = tc_span_from(name, n + 1);
    }
    return false;
}
