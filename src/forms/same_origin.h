/* same_origin.h - whether a browser sent a request from a page of ours: Sec-Fetch-Site (Fetch
 * Metadata) and Origin (RFC 6454, 7) say so, and no page can change them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/message.h"

/* NULL: it did, or the client says neither (curl, say: no other site is behind it). Else the reason
 * why it is refused. */
const char *tc_cross_site(const tc_message *request);
