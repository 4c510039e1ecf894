/* coding.c - see coding.h. */
// SPDX-License-Identifier: MIT
#include "http/coding.h"

#include "http/accept.h"

static const struct {
    tc_span name, ending;
} codings[TC_CODINGS] = {
    [TC_CODING_IDENTITY] = {{"identity", 8}, {"", 0}},
    [TC_CODING_GZIP] = {{"gzip", 4}, {".gz", 3}},
    [TC_CODING_ZSTD] = {{"zstd", 4}, {".zst", 4}},
    [TC_CODING_BR] = {{"br", 2}, {".br", 3}},
};

tc_span tc_coding_name(enum tc_coding coding)
{
    return codings[coding].name;
}

tc_span tc_coding_ending(enum tc_coding coding)
{
    return codings[coding].ending;
}

enum tc_coding tc_coding_of(tc_span name)
{
    if (tc_span_ieq(name, TC_SPAN("x-gzip"))) return TC_CODING_GZIP;
    unsigned coding = 0;
    while (coding < TC_CODINGS && !tc_span_ieq(name, codings[coding].name))
        coding++;
    return (enum tc_coding)coding;
}

tc_coding_wish tc_coding_wish_of(const tc_fields *f)
{
    enum { UNSAID = -1 };
    int q[TC_CODINGS] = {UNSAID, UNSAID, UNSAID, UNSAID}, rest = UNSAID, weight;
    tc_span line, name;
    uint32_t cursor = 0;
    while (tc_fields_next(f, TC_FIELD_ACCEPT_ENCODING, &cursor, &line))
        while (tc_weighted_next(&line, &name, &weight)) {
            const enum tc_coding coding = tc_coding_of(name);
            int *said = coding != TC_CODING_NONE         ? &q[coding]
                        : tc_span_eq(name, TC_SPAN("*")) ? &rest
                                                         : NULL;
            if (said && *said == UNSAID) *said = weight;
        }
    if (q[TC_CODING_IDENTITY] == UNSAID) q[TC_CODING_IDENTITY] = rest != 0;
    tc_coding_wish wish;
    for (int i = 0; i < TC_CODINGS; i++)
        wish.q[i] = (uint16_t)(q[i] != UNSAID ? q[i] : rest != UNSAID ? rest : 0);
    return wish;
}

/* Nearly nobody does: only a weight can, so that most values need not be taken apart. */
bool tc_coding_excludes_identity(const tc_fields *f)
{
    tc_span line;
    uint32_t cursor = 0;
    bool weighted = false;
    if (!tc_fields_has(f, TC_FIELD_ACCEPT_ENCODING)) return false;
    while (tc_fields_next(f, TC_FIELD_ACCEPT_ENCODING, &cursor, &line))
        weighted |= line.len > 0 && memchr(line.at, '=', line.len);
    return weighted && tc_coding_wish_of(f).q[TC_CODING_IDENTITY] == 0;
}

enum tc_coding tc_coding_choose(const tc_coding_wish *wish, unsigned available,
                                const uint8_t order[TC_CODINGS_MADE])
{
    enum tc_coding best = TC_CODING_NONE;
    unsigned best_q = 0;
    for (int i = 0; i < TC_CODINGS_MADE; i++)
        if (available >> order[i] & 1 && wish->q[order[i]] > best_q) {
            best = (enum tc_coding)order[i];
            best_q = wish->q[best];
        }
    return wish->q[TC_CODING_IDENTITY] > best_q ? TC_CODING_IDENTITY : best;
}

tc_coding_wish tc_coding_recall(tc_coding_memo *memo, const tc_fields *f)
{
    tc_span line, second;
    uint32_t cursor = 0;
    if (!tc_fields_next(f, TC_FIELD_ACCEPT_ENCODING, &cursor, &line) || line.len == 0 ||
        line.len > TC_CODING_MEMO_BYTES ||
        tc_fields_next(f, TC_FIELD_ACCEPT_ENCODING, &cursor, &second))
        return tc_coding_wish_of(f);
    for (int i = 0; i < TC_CODING_MEMO_PLACES; i++)
        if (memo->places[i].len == line.len && memcmp(memo->places[i].text, line.at, line.len) == 0)
            return memo->places[i].wish;
    const unsigned place = memo->next++ % TC_CODING_MEMO_PLACES;
    memo->places[place].wish = tc_coding_wish_of(f);
    memo->places[place].len = (uint8_t)line.len;
    memcpy(memo->places[place].text, line.at, line.len);
    return memo->places[place].wish;
}
