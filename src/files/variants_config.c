/* variants_config.c - what is set of languages and codings. See variants.h. */
// SPDX-License-Identifier: MIT
#include "files/variants.h"

void tc_variants_config_init(tc_variants_config *v)
{
    *v = (tc_variants_config){.order = {TC_CODING_BR, TC_CODING_ZSTD, TC_CODING_GZIP},
                              .least = TC_COMPRESS_LEAST};
}

bool tc_variants_config_used(const tc_variants_config *v)
{
    return v->language_count || v->precompressed || v->compress;
}

const char *tc_variants_add_language(tc_variants_config *v, tc_span tag)
{
    if (!tc_language_is_tag(tag)) return "no language tag; one like en or pt-BR is wanted";
    for (int i = 0; i < v->language_count; i++)
        if (tc_span_ieq(v->languages[i], tag)) return "it stands there twice";
    if (v->language_count == TC_LANGUAGES_MAX) return "16 languages at most";
    v->languages[v->language_count++] = tag;
    return NULL;
}

const char *tc_variants_add_coding(tc_variants_config *v, tc_span name)
{
    static const char wanted[] = "br, zstd, gzip or off is wanted";
    if (tc_span_eq(name, TC_SPAN("off"))) return v->compress ? "off goes with nothing else" : NULL;
    const enum tc_coding coding = tc_coding_of(name);
    if (coding == TC_CODING_NONE || coding == TC_CODING_IDENTITY) return wanted;
    if (v->compress >> coding & 1) return "it stands there twice";
    int place = 0, from = 0; /* behind those that are made already */
    while (v->compress >> v->order[place] & 1)
        place++;
    while (v->order[from] != coding)
        from++;
    for (; from > place; from--)
        v->order[from] = v->order[from - 1];
    v->order[place] = (uint8_t)coding;
    v->compress |= (uint8_t)(1 << coding);
    return NULL;
}

const char *tc_variants_add_type(tc_variants_config *v, tc_span pattern)
{
    const size_t slash = tc_span_find(pattern, '/');
    const tc_span type = tc_span_first(pattern, slash), rest = tc_span_from(pattern, slash + 1);
    const bool any = tc_span_eq(pattern, TC_SPAN("*")) || tc_span_eq(pattern, TC_SPAN("*/*"));
    const bool good = slash < pattern.len && tc_is_token(type) && tc_is_token(rest) &&
                      tc_span_find(type, '*') == type.len &&
                      (tc_span_find(rest, '*') == rest.len || rest.len == 1);
    if (!any && !good) return "a media type like text/html, text/* or * is wanted";
    if (v->type_count == TC_COMPRESS_TYPES_MAX) return "32 types at most";
    v->types[v->type_count++] = pattern;
    return NULL;
}
