/* precondition.c - see precondition.h. */
// SPDX-License-Identifier: MIT
#include "http/precondition.h"

#include "http/date.h"
#include "http/etag.h"

#define BIT(id) (UINT64_C(1) << (id))

/* Whether a line of the field names the representation that is there. */
static bool names(const tc_message *m, enum tc_field_id id, const tc_validators *v, bool strong)
{
    uint32_t cursor = 0;
    tc_span line;
    while (v->exists && tc_fields_next(&m->fields, id, &cursor, &line))
        if (tc_etag_matches(line, v->etag, strong)) return true;
    return false;
}

/* Whether the field holds a date that something with a time of modification can be held against. */
static bool has_date(const tc_message *m, enum tc_field_id id, const tc_validators *v,
                     int64_t now_unix, int64_t *ret_date)
{
    tc_span value;
    return v->exists && v->modified != -1 && tc_fields_get(&m->fields, id, &value) &&
           tc_fields_times(&m->fields, id) == 1 && tc_date_parse(value, now_unix, ret_date);
}

enum tc_verdict tc_precondition(const tc_message *m, const tc_validators *v, int64_t now_unix)
{
    const uint64_t conditions = BIT(TC_FIELD_IF_MATCH) | BIT(TC_FIELD_IF_UNMODIFIED_SINCE) |
                                BIT(TC_FIELD_IF_NONE_MATCH) | BIT(TC_FIELD_IF_MODIFIED_SINCE);
    if (!(m->fields.present & conditions)) return TC_GO_ON;
    if (m->method == TC_METHOD_CONNECT || m->method == TC_METHOD_OPTIONS ||
        m->method == TC_METHOD_TRACE)
        return TC_GO_ON; /* they select no representation (13.2.1) */
    const bool reads = m->method == TC_METHOD_GET || m->method == TC_METHOD_HEAD;
    int64_t date;

    if (tc_fields_has(&m->fields, TC_FIELD_IF_MATCH)) {
        if (!names(m, TC_FIELD_IF_MATCH, v, true)) return TC_PRECONDITION_FAILED;
    } else if (has_date(m, TC_FIELD_IF_UNMODIFIED_SINCE, v, now_unix, &date)) {
        if (v->modified > date) return TC_PRECONDITION_FAILED;
    }
    if (tc_fields_has(&m->fields, TC_FIELD_IF_NONE_MATCH)) {
        if (names(m, TC_FIELD_IF_NONE_MATCH, v, false))
            return reads ? TC_NOT_MODIFIED : TC_PRECONDITION_FAILED;
    } else if (reads && has_date(m, TC_FIELD_IF_MODIFIED_SINCE, v, now_unix, &date)) {
        if (v->modified <= date) return TC_NOT_MODIFIED;
    }
    return TC_GO_ON;
}

bool tc_if_range_holds(const tc_message *m, const tc_validators *v, int64_t now_unix)
{
    tc_span value;
    int64_t date;
    if (!tc_fields_get(&m->fields, TC_FIELD_IF_RANGE, &value)) return true;
    if (!v->exists || tc_fields_times(&m->fields, TC_FIELD_IF_RANGE) != 1) return false;
    if (tc_etag_length(value)) return tc_etag_equal(value, v->etag, true);
    return has_date(m, TC_FIELD_IF_RANGE, v, now_unix, &date) && date == v->modified &&
           now_unix > v->modified;
}

tc_err tc_conditions_copy(tc_arena *a, const tc_message *request, tc_message *ret)
{
    static const enum tc_field_id ids[] = {TC_FIELD_IF_MATCH, TC_FIELD_IF_NONE_MATCH,
                                           TC_FIELD_IF_UNMODIFIED_SINCE};
    tc_message m = {.method = request->method};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        tc_span value;
        uint32_t cursor = 0;
        while (tc_fields_next(&request->fields, ids[i], &cursor, &value)) {
            const tc_span copy = tc_arena_copy(a, value);
            if (!copy.at) return TC_ERR_NO_MEMORY;
            const tc_err err = tc_fields_set(&m.fields, a, ids[i], copy);
            if (err) return err;
        }
    }
    *ret = m;
    return TC_OK;
}
