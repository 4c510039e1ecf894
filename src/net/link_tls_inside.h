/* link_tls_inside.h - what the two files of a TLS link share. Nobody else includes it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/link_tls.h"

/* link_tls_write.c */
bool tc_link_tls_stuck(const tc_link *link);
tc_err tc_link_tls_write(tc_link *link, const tc_run *runs, size_t count, size_t *ret_taken);
/* What was gathered and what is pending, once the handshake is over. */
tc_err tc_link_tls_flush(tc_link_tls *l) TC_MUST_USE;
