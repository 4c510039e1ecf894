/* session_cookie.c - see session_cookie.h. */
// SPDX-License-Identifier: MIT
#include "forms/session_cookie.h"

#include "base/hex.h"
#include "http/cookie.h"

enum { COOKIE_BYTES = 256 };

static bool secure(const tc_exchange *x)
{
    return tc_span_eq(x->theirs.scheme, TC_SPAN("https"));
}

tc_span tc_session_cookie_name(const tc_exchange *x)
{
    return secure(x) ? TC_SPAN("__Host-tercet-session") : TC_SPAN("tercet-session");
}

bool tc_session_cookie_get(const tc_exchange *x, tc_span *ret_id)
{
    tc_span id;
    if (tc_cookie_find(&x->theirs.fields, tc_session_cookie_name(x), &id) != 1) return false;
    if (!tc_hex_is(id, TC_SESSION_ID)) return false;
    *ret_id = id;
    return true;
}

tc_err tc_session_cookie_set(tc_exchange *x, tc_span id)
{
    const tc_set_cookie cookie = {.name = tc_session_cookie_name(x),
                                  .value = id,
                                  .path = TC_SPAN("/"),
                                  .lasts = !id.len,
                                  .secure = secure(x),
                                  .http_only = true,
                                  .same_site = TC_SAME_SITE_LAX};
    char *room = tc_arena_bytes(&x->arena, COOKIE_BYTES);
    tc_buf out;
    if (!room) return TC_ERR_NO_MEMORY;
    tc_buf_init_over(&out, room, COOKIE_BYTES);
    const tc_err err = tc_set_cookie_write(&cookie, &out);
    return err ? err
               : tc_fields_push(&x->ours.fields, &x->arena,
                                (tc_field){tc_field_name(TC_FIELD_SET_COOKIE), tc_buf_span(&out),
                                           TC_FIELD_SET_COOKIE});
}
