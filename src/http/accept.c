/* accept.c - see accept.h. */
// SPDX-License-Identifier: MIT
#include "http/accept.h"

#include "base/ascii.h"
#include "http/list.h"

enum { NOTHING = -1, ANY = 0, ANY_SUBTYPE = 1, TYPE = 2 }; /* more: parameters that match */

/* What the best matching range says. */
struct vote {
    int specific; /* NOTHING: no range matches */
    int q;
    size_t place; /* of the range in the list, from 1 */
};

bool tc_weight_read(tc_span s, int *ret_q)
{
    if (s.len == 0 || s.len > 5 || (s.at[0] != '0' && s.at[0] != '1')) return false;
    if (s.len > 1 && s.at[1] != '.') return false;
    int q = (s.at[0] - '0') * 1000, unit = 100;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (!tc_ascii_digit(s.at[i])) return false;
        q += (s.at[i] - '0') * unit;
    }
    if (q > 1000) return false;
    *ret_q = q;
    return true;
}

bool tc_weighted_next(tc_span *rest, tc_span *ret_item, int *ret_q)
{
    tc_span member, name, value;
    while (tc_list_next(rest, &member)) {
        int q = 1000;
        const tc_span item = tc_list_item(&member);
        while (q >= 0 && tc_parameter_next(&member, &name, &value))
            if (tc_span_ieq(name, TC_SPAN("q")) && !tc_weight_read(value, &q)) q = -1;
        if (q < 0 || member.len > 0 || item.len == 0) continue;
        *ret_item = item;
        *ret_q = q;
        return true;
    }
    return false;
}

static bool has_parameter(tc_span parameters, tc_span name, tc_span value)
{
    tc_span n, v;
    while (tc_parameter_next(&parameters, &n, &v))
        if (tc_span_ieq(n, name) && tc_span_ieq(v, value)) return true;
    return false;
}

/* How specifically a range names the type, without parameters. */
static int match(tc_span range, tc_span type)
{
    if (tc_span_eq(range, TC_SPAN("*/*"))) return ANY;
    if (tc_span_ieq(range, type)) return TYPE;
    const size_t slash = tc_span_find(type, '/');
    if (slash == type.len || !tc_span_ends(range, TC_SPAN("/*"))) return NOTHING;
    return tc_span_ieq(tc_span_first(range, range.len - 2), tc_span_first(type, slash))
               ? ANY_SUBTYPE
               : NOTHING;
}

static void read_member(tc_span member, size_t place, tc_span type, struct vote *best)
{
    tc_span name, value, parameters = type;
    const tc_span plain = tc_list_item(&parameters);
    struct vote v = {match(tc_list_item(&member), plain), 1000, place};
    while (v.specific != NOTHING && tc_parameter_next(&member, &name, &value)) {
        if (tc_span_ieq(name, TC_SPAN("q"))) {
            if (!tc_weight_read(value, &v.q)) return;
            member.len = 0; /* what follows extends Accept, and nothing ever did */
        } else if (has_parameter(parameters, name, value)) {
            v.specific++;
        } else {
            return;
        }
    }
    if (member.len == 0 && v.specific > best->specific) *best = v;
}

/* Reads one line of the list. Returns how many members it and the lines before it have. */
static size_t read_line(tc_span line, size_t place, tc_span type, struct vote *best)
{
    tc_span member;
    while (tc_list_next(&line, &member))
        read_member(member, ++place, type, best);
    return place;
}

int tc_accept_q(tc_span accept, tc_span type)
{
    struct vote best = {.specific = NOTHING};
    if (read_line(accept, 0, type, &best) == 0) return 1000;
    return best.q;
}

static struct vote vote_for(const tc_fields *f, tc_span type)
{
    struct vote best = {.specific = NOTHING};
    uint32_t cursor = 0;
    size_t place = 0;
    tc_span line;
    while (tc_fields_next(f, TC_FIELD_ACCEPT, &cursor, &line))
        place = read_line(line, place, type, &best);
    return best;
}

bool tc_accept_names(const tc_fields *f, tc_span type)
{
    const struct vote v = vote_for(f, type);
    return v.specific >= TYPE && v.q > 0;
}

static bool better(struct vote a, struct vote b)
{
    if (a.q != b.q) return a.q > b.q;
    if (a.specific != b.specific) return a.specific > b.specific;
    return a.place < b.place;
}

enum tc_reply_kind tc_accept_kind(const tc_message *request, enum tc_reply_kind usual)
{
    const tc_fields *f = &request->fields;
    if (!tc_fields_has(f, TC_FIELD_ACCEPT)) return usual;
    struct vote votes[] = {
        [TC_REPLY_HTML] = vote_for(f, TC_SPAN("text/html")),
        [TC_REPLY_JSON] = vote_for(f, TC_SPAN("application/json")),
        [TC_REPLY_TEXT] = vote_for(f, TC_SPAN("text/plain")),
    };
    const struct vote problem = vote_for(f, TC_SPAN("application/problem+json"));
    if (better(problem, votes[TC_REPLY_JSON])) votes[TC_REPLY_JSON] = problem;
    enum tc_reply_kind best = usual;
    for (int kind = TC_REPLY_HTML; kind <= TC_REPLY_TEXT; kind++)
        if (better(votes[kind], votes[best])) best = (enum tc_reply_kind)kind;
    return votes[best].q > 0 ? best : usual;
}
