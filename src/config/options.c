/* options.c - see options.h. */
// SPDX-License-Identifier: MIT
#include "config/options.h"

#include <assert.h>

#include "base/ascii.h"
#include "base/clock.h"

enum { WORD_MAX = 31, TYPOS_MAX = 3 };

static unsigned min_of(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

unsigned tc_typos(tc_span a, tc_span b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1]; /* d[i][j]: between the first i and the first j bytes */
    if (a.len > WORD_MAX || b.len > WORD_MAX) return 1000;
    for (unsigned i = 0; i <= a.len; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= b.len; j++)
        d[0][j] = j;
    for (unsigned i = 1; i <= a.len; i++)
        for (unsigned j = 1; j <= b.len; j++) {
            const unsigned wrong = a.at[i - 1] != b.at[j - 1];
            d[i][j] = min_of(d[i - 1][j - 1] + wrong, min_of(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1])
                d[i][j] = min_of(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.len][b.len];
}

struct parse {
    const tc_option *table;
    size_t count;
    int argc, at; /* the word after the one being read */
    char **argv;
    tc_option_taker *take;
    void *self;
    tc_buf *complaint;
};

static bool takes_value(const tc_option *o)
{
    return o->kind > TC_OPTION_OFF;
}

#define COMPLAIN(p, ...) complained(tc_buf_printf((p)->complaint, __VA_ARGS__))
#define SAY(...) complained(tc_buf_printf(complaint, __VA_ARGS__))

static tc_err complained(tc_err err)
{
    return err ? err : TC_ERR_USAGE;
}

const char *tc_nearest_name(tc_span name, const char *(*next)(void *walk), void *walk)
{
    const char *nearest = NULL, *known_name;
    unsigned best = TYPOS_MAX;
    while ((known_name = next(walk))) {
        const tc_span known = tc_span_str(known_name);
        unsigned typos = tc_typos(name, known);
        if (name.len >= 2 && tc_span_starts(known, name)) typos = 1; /* cut short */
        if (typos < best && typos < known.len) best = typos, nearest = known_name;
    }
    return nearest;
}

struct walk {
    const tc_option *at, *end;
};

static const char *next_option(void *argument)
{
    struct walk *w = argument;
    while (w->at < w->end && w->at->kind == TC_OPTION_HEADING)
        w->at++;
    return w->at < w->end ? (w->at++)->name : NULL;
}

static tc_err unknown(struct parse *p, tc_span name)
{
    struct walk walk = {p->table, p->table + p->count};
    const char *nearest = tc_nearest_name(name, next_option, &walk);
    if (nearest)
        return COMPLAIN(p, "unknown option --%.*s; did you mean --%s?", TC_FMT(name), nearest);
    return COMPLAIN(p, "unknown option --%.*s", TC_FMT(name));
}

static tc_err set_number(const tc_option *o, tc_span value, void *member, const char *dashes,
                         tc_buf *complaint)
{
    uint64_t n;
    if (!tc_span_number(value, &n))
        return SAY("%s%s takes a whole number, not \"%.*s\"", dashes, o->name, TC_FMT(value));
    if (n < o->min || (o->max && n > o->max)) {
        if (o->max)
            return SAY("%s%s takes a number from %llu to %llu, not %.*s", dashes, o->name,
                       (unsigned long long)o->min, (unsigned long long)o->max, TC_FMT(value));
        return SAY("%s%s takes a number from %llu on, not %.*s", dashes, o->name,
                   (unsigned long long)o->min, TC_FMT(value));
    }
    memcpy(member, &n, sizeof n);
    return TC_OK;
}

/* Decimal by hand: strtod would listen to the locale, and take "inf" and hexadecimal. */
static tc_err set_seconds(const tc_option *o, tc_span value, void *member, const char *dashes,
                          tc_buf *complaint)
{
    const size_t dot = tc_span_find(value, '.');
    uint64_t whole = 0;
    int64_t ns = 0, unit = TC_S;
    bool good = value.len > (dot < value.len) && value.len < 24;
    if (good && dot > 0) good = tc_span_number(tc_span_first(value, dot), &whole);
    for (size_t i = dot + 1; i < value.len && good; i++) {
        good = tc_ascii_digit(value.at[i]);
        ns += (unit /= 10) * (value.at[i] - '0');
    }
    if (!good || whole > 1000000000)
        return SAY("%s%s takes seconds such as 5 or 0.5, not \"%.*s\"", dashes, o->name,
                   TC_FMT(value));
    ns += (int64_t)whole * TC_S;
    memcpy(member, &ns, sizeof ns);
    return TC_OK;
}

static tc_err set_choice(const tc_option *o, tc_span value, void *member, const char *dashes,
                         tc_buf *complaint)
{
    int place = 0;
    for (tc_span words = tc_span_str(o->metavar); words.len; place++) {
        const tc_span word = tc_span_first(words, tc_span_find(words, '|'));
        if (tc_span_eq(word, value)) {
            memcpy(member, &place, sizeof place);
            return TC_OK;
        }
        words = tc_span_from(words, word.len + 1);
    }
    return SAY("%s%s takes one of %s, not \"%.*s\"", dashes, o->name, o->metavar, TC_FMT(value));
}

tc_err tc_option_set(const tc_option *o, const char *value, void *into, const char *dashes,
                     tc_buf *complaint)
{
    void *const member = (char *)into + o->offset;
    switch (o->kind) {
    case TC_OPTION_HEADING:
    case TC_OPTION_LIST: break;
    case TC_OPTION_FLAG: *(bool *)member = true; break;
    case TC_OPTION_COUNT: ++*(unsigned *)member; break;
    case TC_OPTION_OFF: *(bool *)member = false; break;
    case TC_OPTION_TEXT: memcpy(member, &value, sizeof value); break;
    case TC_OPTION_NUMBER: return set_number(o, tc_span_str(value), member, dashes, complaint);
    case TC_OPTION_SECONDS: return set_seconds(o, tc_span_str(value), member, dashes, complaint);
    case TC_OPTION_CHOICE: return set_choice(o, tc_span_str(value), member, dashes, complaint);
    }
    return TC_OK;
}

static tc_err take(struct parse *p, const tc_option *o, const char *value)
{
    return p->take(p->self, o, value, p->complaint);
}

static tc_err long_option(struct parse *p, const char *word)
{
    const tc_span text = tc_span_str(word + 2);
    const tc_span name = tc_span_first(text, tc_span_find(text, '='));
    const tc_option *o = p->table, *const end = p->table + p->count;
    while (o < end && (o->kind == TC_OPTION_HEADING || !tc_span_eq(tc_span_str(o->name), name)))
        o++;
    if (o == end) return unknown(p, name);
    const bool joined = name.len < text.len;
    if (!takes_value(o))
        return joined ? COMPLAIN(p, "--%s takes no value", o->name) : take(p, o, NULL);
    if (joined) return take(p, o, word + 2 + name.len + 1);
    if (p->at == p->argc) return COMPLAIN(p, "--%s needs a value: %s", o->name, o->metavar);
    return take(p, o, p->argv[p->at++]);
}

static tc_err short_options(struct parse *p, const char *word)
{
    for (const char *c = word + 1; *c; c++) {
        const tc_option *o = p->table, *const end = p->table + p->count;
        while (o < end && (o->kind == TC_OPTION_HEADING || o->short_name != *c))
            o++;
        if (o == end)
            return tc_ascii_alpha(*c) || tc_ascii_digit(*c)
                       ? COMPLAIN(p, "unknown option -%c", *c)
                       : COMPLAIN(p, "unknown option %s (write -- before words that begin with -)",
                                  word);
        if (!takes_value(o)) {
            const tc_err err = take(p, o, NULL);
            if (err) return err;
            continue;
        }
        if (c[1]) return take(p, o, c + 1);
        if (p->at == p->argc) return COMPLAIN(p, "-%c needs a value: %s", *c, o->metavar);
        return take(p, o, p->argv[p->at++]);
    }
    return TC_OK;
}

tc_err tc_options_walk(const tc_option *table, size_t count, int argc, char **argv,
                       tc_option_taker *taker, void *self, tc_buf *complaint, int *ret_operands)
{
    struct parse p = {table, count, argc, 0, argv, taker, self, complaint};
    int operands = 0;
    bool options_over = false;
    while (p.at < argc) {
        char *const word = argv[p.at++];
        tc_err err = TC_OK;
        if (options_over || word[0] != '-' || word[1] == 0)
            argv[operands++] = word; /* never ahead of p.at */
        else if (word[1] == '-' && word[2] == 0)
            options_over = true;
        else
            err = word[1] == '-' ? long_option(&p, word) : short_options(&p, word);
        if (err) return err;
    }
    *ret_operands = operands;
    return TC_OK;
}

static tc_err take_into(void *into, const tc_option *o, const char *value, tc_buf *complaint)
{
    if (o->kind != TC_OPTION_LIST) return tc_option_set(o, value, into, "--", complaint);
    tc_option_list *list = (tc_option_list *)(void *)((char *)into + o->offset);
    if (list->count == TC_OPTION_LIST_MAX)
        return SAY("--%s may be given %d times at most", o->name, TC_OPTION_LIST_MAX);
    list->at[list->count++] = value;
    return TC_OK;
}

tc_err tc_options_parse(const tc_option *table, size_t count, int argc, char **argv, void *into,
                        tc_buf *complaint, int *ret_operands)
{
    return tc_options_walk(table, count, argc, argv, take_into, into, complaint, ret_operands);
}

/* --- help --- */

static tc_err pad(tc_buf *out, unsigned n)
{
    return tc_buf_printf(out, "%*s", (int)n, "");
}

/* A line that begins with a blank is a table or an example: it stays as it is. */
static tc_err keep_line(tc_buf *out, tc_span *text)
{
    const size_t n = tc_span_find(*text, '\n');
    return tc_buf_add(out, tc_span_take(text, n < text->len ? n + 1 : n));
}

tc_err tc_options_wrap(tc_buf *out, tc_span text, unsigned at, unsigned indent, unsigned columns)
{
    tc_err err = TC_OK;
    bool line_start = true;
    while (text.len && !err) {
        if (line_start && text.at[0] == ' ') {
            err = keep_line(out, &text);
            continue;
        }
        size_t n = 0;
        while (n < text.len && text.at[n] != ' ' && text.at[n] != '\n')
            n++;
        const tc_span word = tc_span_take(&text, n);
        if (word.len && !line_start && at + 1 + word.len > columns) {
            err = tc_buf_add_byte(out, '\n');
            if (!err) err = pad(out, indent);
            at = indent;
            line_start = true;
        }
        if (word.len && !err) {
            if (!line_start) err = tc_buf_add_byte(out, ' ');
            if (!err) err = tc_buf_add(out, word);
            at += (unsigned)word.len + !line_start;
            line_start = false;
        }
        if (text.len && tc_span_take(&text, 1).at[0] == '\n' && !err) {
            err = tc_buf_add_byte(out, '\n');
            if (!err && text.len && text.at[0] != '\n') err = pad(out, indent);
            at = indent;
            line_start = true;
        }
    }
    return err;
}

static unsigned left_width(const tc_option *o)
{
    if (o->kind == TC_OPTION_HEADING) return 0;
    const size_t value = takes_value(o) ? 1 + strlen(o->metavar) : 0;
    return (unsigned)(sizeof "  -x, --" - 1 + strlen(o->name) + value);
}

tc_err tc_options_help(const tc_option *table, size_t count, unsigned columns, tc_buf *out)
{
    enum { LEFT_MAX = 30 };
    unsigned left = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned width = left_width(&table[i]);
        if (width > left && width <= LEFT_MAX) left = width;
    }
    left += 2;
    tc_err err = TC_OK;
    for (const tc_option *o = table; o < table + count && !err; o++) {
        if (o->kind == TC_OPTION_HEADING) {
            err = tc_buf_printf(out, "%s%s\n", o == table ? "" : "\n", o->help);
            continue;
        }
        err = o->short_name ? tc_buf_printf(out, "  -%c, --%s", o->short_name, o->name)
                            : tc_buf_printf(out, "      --%s", o->name);
        if (!err && takes_value(o)) err = tc_buf_printf(out, " %s", o->metavar);
        if (!err && left_width(o) > left - 2) { /* too long: the help begins on its own line */
            err = tc_buf_add_byte(out, '\n');
            if (!err) err = pad(out, left);
        } else if (!err) {
            err = pad(out, left - left_width(o));
        }
        if (!err) err = tc_options_wrap(out, tc_span_str(o->help), left, left, columns);
        if (!err) err = tc_buf_add_byte(out, '\n');
    }
    return err;
}
