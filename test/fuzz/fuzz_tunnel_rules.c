/* fuzz_tunnel_rules.c - rules of tunnels, a line each, the last line a host that is asked for. What
 * is taken is found again, and no rule of names leads to this machine. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "tunnel/tunnel_rules.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every address that a rule lists may be asked for and is fine, at its ports and no others. */
static void look(const tc_tunnel_rules *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const tc_tunnel_rule *rule = &r->at[i];
        MUST(rule->first > 0 && rule->first <= rule->last);
        MUST(rule->networks.count == 0 || !rule->name.len);
        for (size_t j = 0; j < rule->networks.count; j++) {
            char text[TC_IP_TEXT];
            const tc_ip ip = rule->networks.ranges[j].first;
            MUST(tc_tunnel_rules_ask(r, tc_ip_text(&ip, text), rule->last));
            MUST(!tc_tunnel_rules_judge(r, &ip, rule->first, false));
        }
        if (rule->name.len && !rule->below) MUST(tc_tunnel_rules_ask(r, rule->name, rule->first));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    const tc_ip here = tc_ip_of(loopback, 4);
    tc_tunnel_rules rules = {0};
    tc_span rest = tc_span_of((const char *)data, size);
    bool networks = false;
    char why[TC_TUNNEL_WHY];
    while (rest.len) {
        const tc_span line = tc_span_first(rest, tc_span_find(rest, '\n'));
        rest = tc_span_from(rest, line.len + 1);
        why[0] = 0;
        const tc_err err = tc_tunnel_rules_add(&rules, line, why);
        MUST(!err || (err == TC_ERR_USAGE && why[0]));
        if (!err) networks |= rules.at[rules.count - 1].networks.count > 0;
        for (unsigned port = 1; port < 65536; port += 4369)
            (void)tc_tunnel_rules_ask(&rules, line, (uint16_t)port);
    }
    look(&rules);
    if (!networks) MUST(tc_tunnel_rules_judge(&rules, &here, 443, false));
    tc_tunnel_rules_fini(&rules);
    return 0;
}
