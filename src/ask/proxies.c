/* proxies.c - see proxies.h. */
// SPDX-License-Identifier: MIT
#include "ask/proxies.h"

#include <stdlib.h>

static const char *from_environment(const char *name)
{
    return getenv(name);
}

int tc_proxies_take(const tc_command *c, const char *proxy, const char *no_proxy, bool environment,
                    tc_proxies *ret)
{
    const tc_err err = tc_proxies_init(ret, proxy, no_proxy, environment ? from_environment : NULL);
    if (err) {
        (void)tc_command_complain(c, "%s", tc_err_sentence(err));
        return tc_err_exit(err);
    }
    /* what is wrong in the environment is said where it would be used */
    return proxy && ret->http.wrong ? tc_command_complain(c, "--proxy: %s", ret->http.wrong) : 0;
}
