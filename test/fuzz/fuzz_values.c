/* fuzz_values.c - what field values mean: dates, ranges, tags, lists, Accept and its likes.
 *
 * The first byte picks the reader. Besides not crashing, what was read must survive being written,
 * and verdicts must keep their promises. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "base/text.h"
#include "http/accept.h"
#include "http/coding.h"
#include "http/date.h"
#include "http/etag.h"
#include "http/language.h"
#include "http/list.h"
#include "http/media.h"
#include "http/precondition.h"
#include "http/range.h"

#define NOW INT64_C(1790000000)
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void dates(tc_span s)
{
    int64_t seconds, again;
    char text[TC_DATE_BYTES];
    if (!tc_date_parse(s, NOW, &seconds)) return;
    tc_date_write(text, seconds);
    MUST(tc_date_parse((tc_span){text, sizeof text}, NOW, &again) && again == seconds);
}

static void ranges(tc_span s)
{
    static const uint64_t sizes[] = {0, 1, 10, 10000, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tc_range at[4];
        tc_range_set set = {.at = at, .room = i % 5};
        const enum tc_range_verdict v = tc_ranges_of(s, sizes[i], &set);
        MUST(set.count <= set.room && set.count <= tc_range_members(s));
        MUST(v != TC_RANGE_SOME || set.count > 0);
        for (size_t j = 0; v == TC_RANGE_SOME && j < set.count; j++) {
            MUST(at[j].first <= at[j].last && at[j].last < sizes[i]);
            for (size_t k = 0; k < j; k++) /* apart */
                MUST(at[j].first > at[k].last || at[k].first > at[j].last);
        }
    }
    tc_content_range c, again;
    char text[TC_CONTENT_RANGE_BYTES];
    if (!tc_content_range_parse(s, &c)) return;
    const size_t n = tc_content_range_write(text, c.satisfied ? &c.range : NULL, c.size);
    MUST(n <= sizeof text && tc_content_range_parse((tc_span){text, n}, &again));
    MUST(again.satisfied == c.satisfied && again.size == c.size);
    if (c.satisfied) MUST(again.range.first == c.range.first && again.range.last == c.range.last);
}

static void tags(tc_span s)
{
    const tc_span etag = tc_span_first(s, tc_etag_length(s));
    if (etag.len) {
        MUST(tc_etag_equal(etag, etag, false));
        MUST(tc_etag_equal(etag, etag, true) == !tc_etag_weak(etag));
        MUST(tc_etag_matches(etag, etag, false));
    }
    if (tc_etag_matches(s, TC_SPAN("\"a\""), true))
        MUST(tc_etag_matches(s, TC_SPAN("\"a\""), false));
}

static void lists(tc_span s)
{
    tc_span rest = s, member, name, value;
    while (tc_list_next(&rest, &member)) {
        MUST(member.len && member.at >= s.at && member.at + member.len <= s.at + s.len);
        MUST(tc_span_trim(member).len == member.len);
        (void)tc_list_item(&member);
        while (tc_parameter_next(&member, &name, &value))
            MUST(tc_is_token(name));
    }
    MUST(rest.len == 0);
}

static void kinds(tc_span s)
{
    static const char *const types[] = {"text/html", "text/html; charset=utf-8;a=b", "a/b", "",
                                        "/"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const int q = tc_accept_q(s, tc_span_str(types[i]));
        MUST(q >= 0 && q <= 1000);
    }
    (void)tc_accept_q(TC_SPAN("text/*;q=0.5, */*;q=0.1"), s);
    MUST(tc_media_of(s).len > 0);
}

/* What is chosen is there and is accepted, and the memo makes no difference. */
static void choices(tc_span s)
{
    static const uint8_t order[] = {TC_CODING_ZSTD, TC_CODING_BR, TC_CODING_GZIP};
    static const tc_span tags[] = {{"", 0}, {"en", 2}, {"de-CH", 5}, {"de", 2}};
    tc_field lines[] = {{tc_field_name(TC_FIELD_ACCEPT_ENCODING), s, TC_FIELD_ACCEPT_ENCODING},
                        {tc_field_name(TC_FIELD_ACCEPT_LANGUAGE), s, TC_FIELD_ACCEPT_LANGUAGE}};
    const tc_fields f = {lines, 2, 2,
                         UINT64_C(1) << TC_FIELD_ACCEPT_ENCODING | UINT64_C(1)
                                                                       << TC_FIELD_ACCEPT_LANGUAGE};
    tc_coding_memo memo = {0};
    const tc_coding_wish wish = tc_coding_wish_of(&f), first = tc_coding_recall(&memo, &f),
                         second = tc_coding_recall(&memo, &f);
    MUST(memcmp(&wish, &first, sizeof wish) == 0 && memcmp(&wish, &second, sizeof wish) == 0);
    for (unsigned available = 0; available < 1 << TC_CODINGS; available++) {
        const enum tc_coding c = tc_coding_choose(&wish, available, order);
        if (c == TC_CODING_NONE)
            MUST(wish.q[TC_CODING_IDENTITY] == 0);
        else
            MUST(wish.q[c] > 0 && (c == TC_CODING_IDENTITY || available >> c & 1));
    }
    MUST(tc_language_lookup(&f, tags, 4) < 4);
    if (tc_language_is_tag(s)) MUST(tc_is_token(s));
}

/* A request of two conditions, one of them the input. */
static void conditions(tc_span s)
{
    static const enum tc_field_id ids[] = {TC_FIELD_IF_MATCH,          TC_FIELD_IF_NONE_MATCH,
                                           TC_FIELD_IF_MODIFIED_SINCE, TC_FIELD_IF_UNMODIFIED_SINCE,
                                           TC_FIELD_IF_RANGE,          TC_FIELD_ACCEPT};
    const tc_validators v = {TC_SPAN("\"a\""), INT64_C(784111777), true};
    if (s.len < 1) return;
    const unsigned pick = (uint8_t)tc_span_take(&s, 1).at[0];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        tc_field fields[] = {{tc_field_name(ids[i]), s, ids[i]},
                             {tc_field_name(ids[pick % 6]), TC_SPAN("\"a\""), ids[pick % 6]}};
        tc_message m = {.method = pick & 8 ? TC_METHOD_PUT : TC_METHOD_GET,
                        .fields = {.at = fields, .count = 2, .room = 2}};
        for (size_t j = 0; j < 2; j++)
            m.fields.present |= UINT64_C(1) << fields[j].id;
        const enum tc_verdict verdict = tc_precondition(&m, &v, NOW);
        MUST(verdict != TC_NOT_MODIFIED || m.method == TC_METHOD_GET);
        (void)tc_if_range_holds(&m, &v, NOW);
        (void)tc_accept_kind(&m, TC_REPLY_HTML);
    }
}

/* What is shown must be safe where it is shown. */
static void texts(tc_span s)
{
    tc_buf b;
    tc_buf_init(&b, 1 << 16);
    if (tc_text_html(&b, s) == TC_OK) {
        MUST(tc_text_is_utf8(tc_buf_span(&b)));
        for (size_t i = 0; i < b.len; i++)
            MUST(b.at[i] != '<' && b.at[i] != '>' && b.at[i] != '"' && b.at[i] != '\'');
    }
    tc_buf_reset(&b);
    if (tc_text_json(&b, s) == TC_OK) MUST(tc_text_is_utf8(tc_buf_span(&b)) && b.len >= 2);
    tc_buf_reset(&b);
    if (tc_text_terminal(&b, s, false) == TC_OK)
        for (size_t i = 0; i < b.len; i++)
            MUST((uint8_t)b.at[i] >= 0x20 && b.at[i] != 0x7f);
    tc_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(tc_span) = {dates, ranges,     tags,  lists,
                                               kinds, conditions, texts, choices};
    if (size == 0) return 0;
    readers[data[0] % (sizeof readers / sizeof *readers)](
        (tc_span){(const char *)data + 1, size - 1});
    return 0;
}
