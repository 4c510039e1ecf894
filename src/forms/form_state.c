/* form_state.c - see form_state.h. */
// SPDX-License-Identifier: MIT
#include "forms/form_state.h"

#include <inttypes.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "base/ascii.h"
#include "base/hex.h"

static const char mac_name[] = "&mac=";

tc_err tc_form_encode(tc_buf *out, tc_span s)
{
    tc_err err = TC_OK;
    for (size_t i = 0; i < s.len && !err; i++) {
        const char b = s.at[i];
        if (tc_ascii_alpha(b) || tc_ascii_digit(b) || (b && strchr("*-._", b)))
            err = tc_buf_add_byte(out, b);
        else if (b == ' ')
            err = tc_buf_add_byte(out, '+');
        else
            err = tc_buf_printf(out, "%%%02X", (unsigned)(uint8_t)b);
    }
    return err;
}

static void seal(char mac[TC_STATE_MAC], tc_span key, tc_span path, tc_span text)
{
    struct hmac_sha256_ctx ctx;
    uint8_t digest[SHA256_DIGEST_SIZE];
    hmac_sha256_set_key(&ctx, key.len, (const uint8_t *)key.at);
    hmac_sha256_update(&ctx, path.len, (const uint8_t *)path.at);
    hmac_sha256_update(&ctx, 1, (const uint8_t *)"\n"); /* which no path has */
    hmac_sha256_update(&ctx, text.len, (const uint8_t *)text.at);
    hmac_sha256_digest(&ctx, sizeof digest, digest);
    tc_hex_write(mac, digest, sizeof digest);
}

tc_err tc_form_state_write(tc_buf *out, tc_span key, tc_span path, tc_span step, int64_t until_s,
                           const tc_form_value *values, size_t count)
{
    char once[TC_STATE_ONCE], mac[TC_STATE_MAC];
    const size_t start = out->len;
    tc_hex_random(once, sizeof once);
    tc_err err = tc_buf_printf(out, "step=%.*s&until=%" PRId64 "&once=%.*s", TC_FMT(step), until_s,
                               (int)sizeof once, once);
    for (size_t i = 0; i < count && !err; i++) {
        err = tc_buf_add_byte(out, '&');
        if (!err) err = tc_form_encode(out, values[i].name);
        if (!err) err = tc_buf_add_byte(out, '=');
        if (!err) err = tc_form_encode(out, values[i].value);
    }
    if (err) return err;
    seal(mac, key, path, tc_span_from(tc_buf_span(out), start));
    err = tc_buf_add(out, tc_span_str(mac_name));
    return err ? err : tc_buf_add(out, tc_span_of(mac, sizeof mac));
}

/* "name=" and what stands up to the next "&". */
static bool take(tc_span *rest, const char *name, tc_span *ret_value)
{
    const tc_span wanted = tc_span_str(name);
    if (!tc_span_starts(*rest, wanted)) return false;
    (void)tc_span_take(rest, wanted.len);
    *ret_value = tc_span_take(rest, tc_span_find(*rest, '&'));
    if (rest->len) (void)tc_span_take(rest, 1);
    return true;
}

bool tc_form_state_read(tc_span text, tc_form_state *ret_state)
{
    const size_t tail = sizeof mac_name - 1 + TC_STATE_MAC;
    tc_span until;
    uint64_t seconds;
    tc_form_state s;
    if (text.len < tail ||
        !tc_span_starts(tc_span_from(text, text.len - tail), tc_span_str(mac_name)) ||
        !tc_hex_is(tc_span_from(text, text.len - TC_STATE_MAC), TC_STATE_MAC))
        return false;
    s.values = tc_span_first(text, text.len - tail);
    if (!take(&s.values, "step=", &s.step) || !take(&s.values, "until=", &until) ||
        !take(&s.values, "once=", &s.once))
        return false;
    if (!tc_span_number(until, &seconds) || seconds > INT64_MAX) return false;
    if (!tc_hex_is(s.once, TC_STATE_ONCE) || s.step.len > TC_STATE_STEP) return false;
    s.until_s = (int64_t)seconds;
    *ret_state = s;
    return true;
}

bool tc_form_state_open(tc_span text, tc_span key, tc_span path, tc_form_state *ret_state)
{
    char mac[TC_STATE_MAC];
    tc_form_state s;
    if (!tc_form_state_read(text, &s)) return false;
    const size_t sealed = text.len - (sizeof mac_name - 1) - TC_STATE_MAC;
    seal(mac, key, path, tc_span_first(text, sealed));
    if (!memeql_sec(mac, text.at + text.len - TC_STATE_MAC, sizeof mac)) return false;
    *ret_state = s;
    return true;
}
