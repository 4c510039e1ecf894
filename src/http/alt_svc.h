/* alt_svc.h - Alt-Svc (RFC 7838, 3): where else an origin can be had, and by which protocol. Only
 * HTTP/3 is looked for; "persist" is not heeded, since networks are not told apart. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/field.h"

enum { TC_ALT_SVC_FRESH_S = 24 * 60 * 60 }; /* without ma */

typedef struct tc_alt_svc {
    tc_span protocol; /* as it is in ALPN, percent-encoding left in: "h3" */
    tc_span host;     /* as it stands there; empty: the origin's own */
    uint16_t port;
    uint64_t fresh_s;
} tc_alt_svc;

/* Takes the next alternative off *rest, a value of the field; what is malformed is skipped, and so
 * is "clear". False at the end. */
bool tc_alt_svc_next(tc_span *rest, tc_alt_svc *ret_service);

/* What a response says about HTTP/3. A field replaces what an earlier one said, so one without
 * h3 says that there is none. */
enum tc_alt_svc_news { TC_ALT_SVC_SILENT, TC_ALT_SVC_NONE, TC_ALT_SVC_H3 };
enum tc_alt_svc_news tc_alt_svc_read(const tc_fields *fields, tc_alt_svc *ret_service);
