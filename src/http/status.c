/* status.c - see status.h. */
// SPDX-License-Identifier: MIT
#include "http/status.h"

struct row {
    uint16_t code;
    tc_span reason, line;
};

#define LINE(code, reason) "HTTP/1.1 " #code " " reason "\r\n"

static const struct row rows[] = {
#define TC_STATUS(code, reason)                                                                    \
    {code, {reason, sizeof reason - 1}, {LINE(code, reason), sizeof LINE(code, reason) - 1}},
#include "status.def"
#undef TC_STATUS
};

static const struct row ok = {200, {"OK", 2}, {LINE(200, "OK"), sizeof LINE(200, "OK") - 1}};

static const struct row *row_of(unsigned status)
{
    if (status == 200) return &ok;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == status) return &rows[i];
    return NULL;
}

tc_span tc_status_class(unsigned status)
{
    switch (status / 100) {
    case 1: return TC_SPAN("informational");
    case 2: return TC_SPAN("success");
    case 3: return TC_SPAN("redirection");
    case 4: return TC_SPAN("client error");
    case 5: return TC_SPAN("server error");
    default: return TC_SPAN("unknown class");
    }
}

tc_span tc_status_reason(unsigned status)
{
    static const char *const by_class[] = {"Unknown",     "Informational", "Success",
                                           "Redirection", "Client Error",  "Server Error"};
    const struct row *row = row_of(status);
    if (row) return row->reason;
    return tc_span_str(by_class[status / 100 < 6 ? status / 100 : 0]);
}

tc_span tc_status_line(unsigned status)
{
    const struct row *row = row_of(status);
    return row ? row->line : (tc_span){0};
}

bool tc_status_no_content(unsigned status)
{
    return status / 100 == 1 || status == 204 || status == 304;
}
