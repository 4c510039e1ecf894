/* proxy_protocol.c - see proxy_protocol.h. */
// SPDX-License-Identifier: MIT
#include "net/proxy_protocol.h"

#define V2_SIGNATURE TC_SPAN("\r\n\r\n\0\r\nQUIT\n")

/* Whether bytes begin like that, as far as there are any. */
static bool may_be(tc_span bytes, tc_span with)
{
    return tc_span_starts(with, tc_span_first(bytes, with.len));
}

/* --- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80" CR LF
 * ------------------------------------ */

/* Up to the next blank, which goes with it; the last word has none behind it. */
static tc_span take_word(tc_span *line)
{
    const tc_span word = tc_span_take(line, tc_span_find(*line, ' '));
    *line = tc_span_from(*line, 1);
    return word;
}

static bool read_port(tc_span word, uint16_t *ret)
{
    uint64_t port;
    if (word.len > 5 || (word.len > 1 && word.at[0] == '0')) return false;
    if (!tc_span_number(word, &port) || port > UINT16_MAX) return false;
    *ret = (uint16_t)port;
    return true;
}

static bool read_line(tc_span line, tc_proxy_header *ret)
{
    uint16_t port;
    tc_ip ours;
    const tc_span family = take_word(&line);
    if (tc_span_eq(family, TC_SPAN("UNKNOWN"))) return true; /* whatever stands behind it */
    const bool v4 = tc_span_eq(family, TC_SPAN("TCP4"));
    if (!v4 && !tc_span_eq(family, TC_SPAN("TCP6"))) return false;
    const tc_span client = take_word(&line), server = take_word(&line), from = take_word(&line);
    for (int i = 0; i < 2; i++) {
        const tc_span word = i ? server : client;
        if ((tc_span_find(word, ':') == word.len) != v4) return false;
    }
    ret->known = true;
    return tc_ip_parse(client, &ret->client) && tc_ip_parse(server, &ours) &&
           read_port(from, &ret->port) && read_port(line, &port);
}

static enum tc_proxy_read read_v1(tc_span bytes, tc_proxy_header *ret)
{
    const tc_span begin = TC_SPAN("PROXY ");
    const tc_span most = tc_span_first(bytes, TC_PROXY_V1_MOST);
    const size_t end = tc_span_find(most, '\n');
    tc_proxy_header h = {.length = end + 1};
    if (end == most.len) return most.len < TC_PROXY_V1_MOST ? TC_PROXY_MORE : TC_PROXY_LONG;
    const tc_span line = tc_span_from(tc_span_first(most, end), begin.len);
    if (!tc_span_ends(line, TC_SPAN("\r"))) return TC_PROXY_WRONG;
    if (!read_line(tc_span_first(line, line.len - 1), &h)) return TC_PROXY_WRONG;
    *ret = h;
    return TC_PROXY_DONE;
}

/* --- version 2 ------------------------------------------------------------------------------- */

enum { LOCAL = 0x20, PROXY = 0x21, UNSPEC = 0, INET = 1, INET6 = 2, UNIX = 3 };

static size_t number(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

static enum tc_proxy_read read_v2(tc_span bytes, size_t most, tc_proxy_header *ret)
{
    static const size_t addresses[] = {[UNSPEC] = 0, [INET] = 12, [INET6] = 36, [UNIX] = 216};
    const uint8_t *at = (const uint8_t *)bytes.at;
    if (bytes.len < TC_PROXY_V2_HEAD) return TC_PROXY_MORE;
    const unsigned command = at[12], family = at[13] >> 4, transport = at[13] & 15;
    const size_t length = number(at + 14);
    tc_proxy_header h = {.length = TC_PROXY_V2_HEAD + length};
    if ((command != LOCAL && command != PROXY) || family > UNIX || transport > 2)
        return TC_PROXY_WRONG;
    if (h.length > most) return TC_PROXY_LONG;
    if (command == PROXY && length < addresses[family]) return TC_PROXY_WRONG;
    if (bytes.len < h.length) return TC_PROXY_MORE;
    if (command == PROXY && transport == 1 && (family == INET || family == INET6)) {
        const size_t size = family == INET ? 4 : 16;
        h.known = true;
        h.client = tc_ip_of(at + TC_PROXY_V2_HEAD, size);
        h.port = (uint16_t)number(at + TC_PROXY_V2_HEAD + 2 * size);
    }
    *ret = h;
    return TC_PROXY_DONE;
}

enum tc_proxy_read tc_proxy_header_read(tc_span bytes, size_t most, tc_proxy_header *ret)
{
    if (!bytes.len) return TC_PROXY_MORE;
    if (may_be(bytes, TC_SPAN("PROXY "))) return read_v1(bytes, ret);
    return may_be(bytes, V2_SIGNATURE) ? read_v2(bytes, most, ret) : TC_PROXY_WRONG;
}
