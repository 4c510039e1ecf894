/* preload.c - see preload.h. */
// SPDX-License-Identifier: MIT
#include "gate/preload.h"

#include "http/list.h"
#include "http/media.h"
#include "http/target.h"

enum { ARENA_BYTES = 1 << 20 };

struct tc_preload {
    tc_span page, assets; /* "/a,/b" */
    tc_span link;         /* the field's value */
    bool push;
    struct tc_preload *next;
};

void tc_preloads_init(tc_preloads *p)
{
    *p = (tc_preloads){0};
    tc_arena_init(&p->arena, NULL, 0, ARENA_BYTES);
}

void tc_preloads_fini(tc_preloads *p)
{
    tc_arena_fini(&p->arena);
}

/* --- the list -------------------------------------------------------------------------------- */

/* An absolute path, and not the "//host" of another origin. */
static bool is_path(tc_span s)
{
    tc_target target;
    return tc_span_starts(s, TC_SPAN("/")) && !tc_span_starts(s, TC_SPAN("//")) &&
           tc_target_parse(TC_METHOD_GET, s, &target) == TC_OK;
}

static tc_span next_asset(tc_span *rest)
{
    const size_t comma = tc_span_find(*rest, ',');
    const tc_span asset = tc_span_first(*rest, comma);
    *rest = tc_span_from(*rest, comma + 1);
    return asset;
}

/* What a browser has to know to fetch it early as it will be fetched later: fonts, and what scripts
 * fetch, are asked for without credentials. */
static const char *parameters_of(tc_span asset)
{
    static const struct {
        tc_span begins;
        const char *parameters;
    } rows[] = {
        {{"text/css", 8}, "; as=style"}, {{"text/javascript", 15}, "; as=script"},
        {{"image/", 6}, "; as=image"},   {{"font/", 5}, "; as=font; crossorigin"},
        {{"audio/", 6}, "; as=audio"},   {{"video/", 6}, "; as=video"},
        {{"text/vtt", 8}, "; as=track"},
    };
    const tc_span type = tc_media_of(tc_span_first(asset, tc_span_find(asset, '?')));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (tc_span_starts(type, rows[i].begins)) return rows[i].parameters;
    return "; as=fetch; crossorigin";
}

tc_err tc_preloads_add(tc_preloads *p, tc_span text, bool push)
{
    struct tc_preload **at = &p->first, *one = tc_arena_alloc(&p->arena, sizeof *one);
    const size_t equals = tc_span_find(text, '=');
    if (!one) return TC_ERR_NO_MEMORY;
    *one = (struct tc_preload){.page = tc_span_first(text, equals),
                               .assets = tc_span_from(text, equals + 1),
                               .push = push};
    if (!is_path(one->page) || tc_span_find(one->page, '?') < one->page.len) return TC_ERR_USAGE;
    if (one->assets.len == 0 || tc_span_ends(one->assets, TC_SPAN(","))) return TC_ERR_USAGE;
    for (tc_span rest = one->assets; rest.len > 0;) {
        const tc_span asset = next_asset(&rest);
        if (!is_path(asset)) return TC_ERR_USAGE;
        one->link = tc_arena_printf(&p->arena, "%.*s%s<%.*s>; rel=preload%s", TC_FMT(one->link),
                                    one->link.len ? ", " : "", TC_FMT(asset), parameters_of(asset));
        if (!one->link.at) return TC_ERR_NO_MEMORY;
    }
    while (*at)
        at = &(*at)->next;
    *at = one;
    return TC_OK;
}

static const struct tc_preload *find(const struct tc_preload *one, tc_span path)
{
    path = tc_span_first(path, tc_span_find(path, '?'));
    while (one && !tc_span_eq(one->page, path))
        one = one->next;
    return one;
}

/* --- what answers say ------------------------------------------------------------------------ */

static tc_err add_links(const tc_preloads *p, tc_exchange *x, tc_fields *to)
{
    tc_err err = TC_OK;
    for (const struct tc_preload *one = find(p->first, x->theirs.path); one && !err;
         one = find(one->next, x->theirs.path))
        err = tc_fields_set(to, &x->arena, TC_FIELD_LINK, one->link);
    return err;
}

tc_err tc_preloads_begin(const tc_preloads *p, tc_exchange *x)
{
    if (!p->hints || x->pushed || x->theirs.method != TC_METHOD_GET ||
        !find(p->first, x->theirs.path))
        return TC_OK;
    tc_fields *hints = tc_exchange_alloc(x, sizeof *hints);
    if (!hints) return TC_ERR_NO_MEMORY;
    *hints = (tc_fields){0};
    const tc_err err = add_links(p, x, hints);
    return err ? err : tc_exchange_inform(x, 103, hints);
}

/* "preload" among the words of a rel. */
static bool has_preload(tc_span words)
{
    while (words.len > 0) {
        const size_t blank = tc_span_find(words, ' ');
        if (tc_span_ieq(tc_span_first(words, blank), TC_SPAN("preload"))) return true;
        words = tc_span_from(words, blank + 1);
    }
    return false;
}

/* As of any field, or without a value (RFC 8288, 3). */
static bool next_parameter(tc_span *rest, tc_span *ret_name, tc_span *ret_value)
{
    if (tc_parameter_next(rest, ret_name, ret_value)) return true;
    const tc_span s = tc_span_trim(tc_span_from(tc_span_trim(*rest), 1)); /* behind the ";" */
    const size_t end = tc_span_find(s, ';');
    *ret_name = tc_span_trim(tc_span_first(s, end));
    *ret_value = (tc_span){0};
    *rest = tc_span_from(s, end);
    return rest->len > 0 || ret_name->len > 0;
}

bool tc_link_next(tc_span *rest, tc_span *ret_target, bool *ret_push)
{
    tc_span member, name, value;
    bool preload = false, nopush = false;
    while (rest->len > 0 && (rest->at[0] == ',' || rest->at[0] == ' ' || rest->at[0] == '\t'))
        *rest = tc_span_from(*rest, 1);
    const size_t close = tc_span_find(*rest, '>');
    if (!tc_span_starts(*rest, TC_SPAN("<")) || close == rest->len) return false;
    *ret_target = tc_span_first(tc_span_from(*rest, 1), close - 1);
    *rest = tc_span_trim(tc_span_from(*rest, close + 1));
    if (tc_span_starts(*rest, TC_SPAN(";")) && tc_list_next(rest, &member))
        while (next_parameter(&member, &name, &value)) {
            preload |= tc_span_ieq(name, TC_SPAN("rel")) && has_preload(value);
            nopush |= tc_span_ieq(name, TC_SPAN("nopush"));
        }
    *ret_push = preload && !nopush;
    return true;
}

static tc_err push_links(tc_exchange *x)
{
    uint32_t cursor = 0;
    tc_err err = TC_OK;
    for (const tc_field *f; !err && (f = tc_message_next(&x->ours, &cursor));) {
        tc_span target, rest = f->value;
        bool push;
        if (f->id != TC_FIELD_LINK) continue;
        while (!err && tc_link_next(&rest, &target, &push))
            if (push && is_path(target)) err = tc_exchange_push(x, target);
    }
    return err;
}

static tc_err push_listed(const tc_preloads *p, tc_exchange *x)
{
    tc_err err = TC_OK;
    for (const struct tc_preload *one = find(p->first, x->theirs.path); one;
         one = find(one->next, x->theirs.path))
        for (tc_span rest = one->assets; one->push && rest.len > 0 && !err;)
            err = tc_exchange_push(x, next_asset(&rest));
    return err;
}

tc_err tc_preloads_answer(const tc_preloads *p, tc_exchange *x)
{
    const enum tc_method method = x->theirs.method;
    if (x->ours.status != 200 || (method != TC_METHOD_GET && method != TC_METHOD_HEAD))
        return TC_OK;
    const tc_err err = add_links(p, x, &x->ours.fields);
    if (err || method == TC_METHOD_HEAD) return err;
    return p->pushes_links ? push_links(x) : push_listed(p, x);
}
