/* acceptable.c - see acceptable.h. */
// SPDX-License-Identifier: MIT
#include "page/acceptable.h"

#include "base/buf.h"
#include "page/error_page.h"

bool tc_wants_coded(const tc_exchange *x)
{
    const enum tc_method method = x->theirs.method;
    return (method == TC_METHOD_GET || method == TC_METHOD_HEAD) &&
           tc_coding_excludes_identity(&x->theirs.fields);
}

tc_err tc_not_acceptable(tc_exchange *x, tc_span vary, unsigned codings, enum tc_reply_kind usual)
{
    char room[128];
    tc_buf b;
    tc_buf_init_over(&b, room, sizeof room);
    tc_err err = tc_buf_add(&b, TC_SPAN("Accept-Encoding excludes all that there is: "));
    for (unsigned c = TC_CODING_BR; c > TC_CODING_IDENTITY && !err; c--)
        if (codings >> c & 1)
            err = tc_buf_printf(&b, "%.*s, ", TC_FMT(tc_coding_name((enum tc_coding)c)));
    if (!err) err = tc_buf_add(&b, tc_coding_name(TC_CODING_IDENTITY));
    if (!err)
        err = tc_fields_set(&x->ours.fields, &x->arena, TC_FIELD_VARY,
                            vary.len ? vary : TC_SPAN("Accept-Encoding"));
    return err ? err : tc_error_page_as(x, 406, tc_buf_span(&b), usual, NULL);
}

tc_err tc_only_identity(tc_exchange *x)
{
    return tc_not_acceptable(x, (tc_span){0}, 0, TC_REPLY_HTML);
}
