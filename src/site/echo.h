/* echo.h - a handler that answers how a request was understood: for people who learn, for clients
 * that are tested, and for comparing what different versions of HTTP carry. */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/exchange.h"

/* GET, HEAD, POST, PUT, PATCH and DELETE of any target; OPTIONS tells so, other methods are 405.
 * Of the content it keeps the length and the SHA-256 only. Answers as JSON, HTML or text, text
 * where the request has no wish; values of secret fields are shown as dots. Takes x->self for
 * itself. */
extern const tc_handler tc_echo_handler;
