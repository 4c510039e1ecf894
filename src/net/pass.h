/* pass.h - packets of QUIC that came to one process and are for another, over a socket between the
 * two that keeps messages whole. */
// SPDX-License-Identifier: MIT
#pragma once
#include "net/udp.h"

/* A pair of them: [0] is read by one, [1] written by all others. */
tc_err tc_pass_pair(int ret_fds[2]) TC_MUST_USE;

/* socket: the address of the socket that they came to. TC_ERR_FULL: too many are on their way; it
 * is lost. Any other failure: nobody reads there any more. */
tc_err tc_pass_send(int fd, const tc_address *socket, const tc_datagrams *d) TC_MUST_USE;
/* room: TC_UDP_BYTES, where ret points to. TC_ERR_NOTHING: none waits. */
tc_err tc_pass_receive(int fd, char *room, tc_address *ret_socket, tc_datagrams *ret) TC_MUST_USE;
