/* address.c - see address.h. */
// SPDX-License-Identifier: MIT
#include "net/address.h"

#include <netdb.h>
#include <stdio.h>

tc_span tc_address_text(const tc_address *a, char ret_text[TC_ADDRESS_TEXT])
{
    char host[TC_ADDRESS_TEXT - 10], port[8]; /* brackets, colon, five digits, NUL */
    if (getnameinfo(&a->any, tc_address_length(a), host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV))
        (void)snprintf(host, sizeof host, "?"), (void)snprintf(port, sizeof port, "0");
    const char *form = a->any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
    (void)snprintf(ret_text, TC_ADDRESS_TEXT, form, host, port);
    return tc_span_str(ret_text);
}
