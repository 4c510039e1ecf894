/* sqlite_list.c - a page of a collection: filtered, sorted, from a cursor on. The statement is made
 * of names that tc_store_member lets pass; everything else is bound.
 *
 * A cursor is where the last row stood: its key, and before that, where a member sorts, its value:
 * "n" for null, "i" and "r" with a number, "t" with a length and a text. */
// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "store/sqlite.h"

enum { SQL_BYTES = 16384, CURSOR_BYTES = 65536, KEY_COLUMN = 0, SORT_COLUMN = 4 };

/* The value of a cursor. */
typedef struct place {
    char kind; /* 0: there is none */
    int64_t i;
    double r;
    tc_span text;
    tc_span key;
} place;

static const char *const tests[] = {
    [TC_STORE_EQUAL] = "=",     [TC_STORE_UNEQUAL] = "<>", [TC_STORE_MORE] = ">",
    [TC_STORE_AT_LEAST] = ">=", [TC_STORE_LESS] = "<",     [TC_STORE_AT_MOST] = "<="};

/* --- the statement ------------------------------------------------------------------------- */

static tc_err add_member(tc_buf *sql, const char *function, tc_span member)
{
    return tc_buf_printf(sql, "%s(document, '$.%.*s')", function, TC_FMT(member));
}

/* A number in the form that JSON has: what SQLite would make of other texts is nobody's business.
 */
static bool is_number(tc_span value, double *ret)
{
    char text[64], *end;
    if (!value.len || value.len >= sizeof text) return false;
    for (size_t i = 0; i < value.len; i++)
        if (!memchr("0123456789+-.eE", value.at[i], 15)) return false;
    memcpy(text, value.at, value.len);
    text[value.len] = 0;
    *ret = strtod(text, &end);
    return *end == 0;
}

static bool is_word(tc_span value)
{
    return tc_span_eq(value, TC_SPAN("true")) || tc_span_eq(value, TC_SPAN("false")) ||
           tc_span_eq(value, TC_SPAN("null"));
}

/* In SQL numbers are less than all texts and nulls are neither: each order stays with its kind. */
static tc_err add_filter(tc_buf *sql, const tc_store_filter *f, unsigned n)
{
    double number;
    const bool numeric = is_number(f->value, &number);
    const unsigned text = 10 + 2 * n, value = text + 1;
    const bool equal = f->test == TC_STORE_EQUAL, unequal = f->test == TC_STORE_UNEQUAL;
    tc_err err = tc_buf_printf(sql, unequal ? " AND NOT (" : " AND (");
    if (equal || unequal) {
        if (unequal && !err) err = tc_buf_printf(sql, "ifnull(");
        if (!err) err = add_member(sql, "json_extract", f->member);
        if (!err)
            err = numeric ? tc_buf_printf(sql, " IN (?%u, ?%u)", text, value)
                          : tc_buf_printf(sql, "=?%u", text);
        if (unequal && !err) err = tc_buf_printf(sql, ", 0)");
        if (is_word(f->value) && !err) err = tc_buf_printf(sql, unequal ? " OR ifnull(" : " OR ");
        if (is_word(f->value) && !err) err = add_member(sql, "json_type", f->member);
        if (is_word(f->value) && !err) err = tc_buf_printf(sql, "=?%u", text);
        if (is_word(f->value) && unequal && !err) err = tc_buf_printf(sql, ", 0)");
        return err ? err : tc_buf_printf(sql, ")");
    }
    const bool rises = f->test == TC_STORE_MORE || f->test == TC_STORE_AT_LEAST;
    if (!err) err = add_member(sql, "json_extract", f->member);
    if (!err) err = tc_buf_printf(sql, "%s?%u", tests[f->test], numeric ? value : text);
    if (!err && numeric == rises) {
        err = tc_buf_printf(sql, " AND ");
        if (!err) err = add_member(sql, "json_extract", f->member);
        if (!err) err = tc_buf_printf(sql, rises ? "<''" : ">=''");
    }
    return err ? err : tc_buf_printf(sql, ")");
}

/* Behind the cursor. A null comes before all else; ?3 is its value, ?4 its key. */
static tc_err add_place(tc_buf *sql, const tc_store_query *q, const place *p)
{
    const char *more = q->falling ? "<" : ">";
    if (!p->kind) return TC_OK;
    if (!q->sort.len) return tc_buf_printf(sql, " AND key%s?4", more);
    char member[128];
    (void)snprintf(member, sizeof member, "json_extract(document, '$.%.*s')", TC_FMT(q->sort));
    if (p->kind != 'n' && !q->falling) { /* said twice: an index is entered by the first */
        const tc_err err = tc_buf_printf(sql, " AND %s>=?3", member);
        if (err) return err;
    }
    if (p->kind != 'n')
        return tc_buf_printf(sql, " AND ((%s, key)%s(?3, ?4)%s%s%s)", member, more,
                             q->falling ? " OR " : "", q->falling ? member : "",
                             q->falling ? " IS NULL" : "");
    return tc_buf_printf(sql, " AND ((%s IS NULL AND key%s?4)%s%s%s)", member, more,
                         q->falling ? "" : " OR ", q->falling ? "" : member,
                         q->falling ? "" : " IS NOT NULL");
}

static tc_err add_order(tc_buf *sql, const tc_store_query *q)
{
    const char *way = q->falling ? "DESC" : "ASC";
    tc_err err = tc_buf_printf(sql, " ORDER BY ");
    if (q->sort.len && !err) err = add_member(sql, "json_extract", q->sort);
    if (q->sort.len && !err) err = tc_buf_printf(sql, " %s, ", way);
    return err ? err : tc_buf_printf(sql, "key %s LIMIT ?2", way);
}

/* The collection is written out: partial indexes are found by it. */
static tc_err write_statement(tc_buf *sql, int64_t id, const tc_store_query *q, const place *p)
{
    tc_err err = tc_buf_printf(sql, "SELECT key, version, changed, document");
    if (q->sort.len && !err) err = tc_buf_printf(sql, ", ");
    if (q->sort.len && !err) err = add_member(sql, "json_extract", q->sort);
    if (!err) err = tc_buf_printf(sql, " FROM record WHERE collection=%" PRId64, id);
    for (unsigned i = 0; i < q->filter_count && !err; i++)
        err = add_filter(sql, &q->filters[i], i);
    if (!err) err = add_place(sql, q, p);
    if (!err) err = add_order(sql, q);
    return err ? err : tc_buf_add_byte(sql, 0);
}

static void bind_place(sqlite3_stmt *s, const place *p)
{
    switch (p->kind) {
    case 'i': sqlite3_bind_int64(s, 3, p->i); break;
    case 'r': sqlite3_bind_double(s, 3, p->r); break;
    case 't': sqlite3_bind_text64(s, 3, p->text.at, p->text.len, SQLITE_STATIC, SQLITE_UTF8); break;
    default: break;
    }
    if (p->kind) tc_sqlite_bind_key(s, 4, p->key);
}

static void bind_all(sqlite3_stmt *s, const tc_store_query *q, const place *p)
{
    sqlite3_bind_int64(s, 2, (int64_t)q->most + 1); /* one more shows that there is more */
    bind_place(s, p);
    for (unsigned i = 0; i < q->filter_count; i++) {
        const tc_span value = q->filters[i].value;
        double number;
        sqlite3_bind_text64(s, 10 + 2 * (int)i, value.at, value.len, SQLITE_STATIC, SQLITE_UTF8);
        if (is_number(value, &number)) sqlite3_bind_double(s, 11 + 2 * (int)i, number);
    }
}

/* --- cursors ------------------------------------------------------------------------------- */

/* false: it is none of ours. */
static bool read_place(const tc_store_query *q, place *p)
{
    char text[64], *end;
    tc_span rest = q->after;
    *p = (place){0};
    if (!rest.len) return true;
    p->kind = tc_span_take(&rest, 1).at[0];
    const size_t n = tc_span_find(rest, ':');
    if (n == rest.len || n >= sizeof text) return false;
    memcpy(text, rest.at, n);
    text[n] = 0;
    (void)tc_span_take(&rest, n + 1);
    uint64_t length;
    switch (p->kind) {
    case 'k': p->key = rest; return n == 0 && rest.len && !q->sort.len;
    case 'n': p->key = rest; return n == 0 && rest.len && q->sort.len;
    case 'i': p->i = strtoll(text, &end, 10); break;
    case 'r': p->r = strtod(text, &end); break;
    case 't':
        if (!tc_span_number(tc_span_str(text), &length) || length > rest.len) return false;
        p->text = tc_span_take(&rest, (size_t)length);
        end = text + n;
        break;
    default: return false;
    }
    p->key = rest;
    return n && *end == 0 && rest.len && q->sort.len;
}

static tc_err write_place(sqlite3_stmt *s, bool sorted, tc_buf *out)
{
    char room[TC_STORE_MADE_KEY];
    const tc_span key = tc_sqlite_key(s, KEY_COLUMN, room);
    tc_err err;
    tc_span text;
    if (!sorted) return tc_buf_printf(out, "k:%.*s", TC_FMT(key));
    switch (sqlite3_column_type(s, SORT_COLUMN)) {
    case SQLITE_NULL: err = tc_buf_printf(out, "n:"); break;
    case SQLITE_INTEGER:
        err = tc_buf_printf(out, "i%" PRId64 ":", (int64_t)sqlite3_column_int64(s, SORT_COLUMN));
        break;
    case SQLITE_FLOAT:
        err = tc_buf_printf(out, "r%.17g:", sqlite3_column_double(s, SORT_COLUMN));
        break;
    default:
        text = tc_sqlite_text(s, SORT_COLUMN);
        err = tc_buf_printf(out, "t%zu:", text.len);
        if (!err) err = tc_buf_add(out, text);
    }
    return err ? err : tc_buf_add(out, key);
}

/* --- the page ------------------------------------------------------------------------------ */

static tc_err walk(sqlite3_stmt *s, tc_store_ask *a, tc_buf *cursor)
{
    const tc_store_query *q = a->query;
    char room[TC_STORE_MADE_KEY];
    unsigned rows = 0;
    tc_err err = TC_OK;
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW && !err) {
        const tc_record r = {.key = tc_sqlite_key(s, KEY_COLUMN, room),
                             .version = (uint64_t)sqlite3_column_int64(s, 1),
                             .changed_s = sqlite3_column_int64(s, 2),
                             .document = tc_sqlite_text(s, 3)};
        a->more = rows == q->most || !a->row(a, &r);
        if (a->more) break;
        rows++;
        tc_buf_reset(cursor);
        err = write_place(s, q->sort.len, cursor);
        if (err == TC_ERR_FULL) err = TC_ERR_STORE_CURSOR; /* sorted by texts of that length */
    }
    if (err || code == SQLITE_ROW) return err;
    return tc_sqlite_err(code);
}

tc_err tc_sqlite_list(tc_handle *h, tc_store_ask *a)
{
    const tc_store_query *q = a->query;
    sqlite3_stmt *s;
    place p;
    tc_buf sql, cursor;
    if (!read_place(q, &p)) return TC_ERR_STORE_CURSOR;
    tc_buf_init(&sql, SQL_BYTES);
    tc_buf_init(&cursor, CURSOR_BYTES);
    tc_err err = write_statement(&sql, h->ids[a->collection], q, &p);
    h->deadline = q->limit_ns ? tc_clock_now() + q->limit_ns : 0;
    if (!err && sqlite3_prepare_v2(h->db, sql.at, (int)sql.len, &s, NULL))
        err = tc_sqlite_err(sqlite3_errcode(h->db));
    else if (!err) {
        bind_all(s, q, &p);
        err = walk(s, a, &cursor);
        (void)sqlite3_finalize(s); /* says again what step said */
    }
    h->deadline = 0;
    tc_buf_fini(&sql);
    if (!err && a->more && cursor.len) {
        a->cursor = tc_buf_span(&cursor);
        a->memory = cursor.at; /* nothing was dropped: it is what was allocated */
    } else {
        tc_buf_fini(&cursor);
    }
    return err;
}
