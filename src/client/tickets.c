/* tickets.c - see tickets.h. */
// SPDX-License-Identifier: MIT
#include "client/tickets.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"

static tc_span text_of(const tc_origin *o, const tc_identity_row *row)
{
    return *(const tc_span *)(const void *)((const char *)o + row->offset);
}

static tc_err put_text(tc_buf *out, tc_span text)
{
    tc_err err = tc_buf_add(out, TC_SPAN(" ="));
    for (size_t i = 0; i < text.len && !err; i++) {
        const unsigned char c = (unsigned char)text.at[i];
        err = c > ' ' && c < 0x7f && c != '%' ? tc_buf_add_byte(out, (char)c)
                                              : tc_buf_printf(out, "%%%02x", c);
    }
    return err;
}

/* All that must be equal, in the order of its table, where its files are, and who made it. */
static tc_err put_identity(const tc_tickets *t, const tc_origin *o, tc_buf *out)
{
    tc_err err = TC_OK;
    if (o->credentials.len || o->proxy.len) return TC_ERR_NOT_SUPPORTED;
    for (size_t i = 0; i < tc_identity_row_count && !err; i++) {
        const tc_identity_row *row = &tc_identity_rows[i];
        const uint32_t *number = (const void *)((const char *)o + row->offset);
        err = row->kind == TC_IDENTITY_TEXT ? put_text(out, text_of(o, row))
                                            : tc_buf_printf(out, " %u", *number);
    }
    const tc_span files[] = {o->authorities, o->revoked, o->certificate, o->key};
    bool relative = false;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        relative |= files[i].len && files[i].at[0] != '/';
    if (!err) err = put_text(out, relative ? t->folder : (tc_span){0});
    return err ? err : put_text(out, tc_span_str(tc_tls_library()));
}

/* --- the list ------------------------------------------------------------------------------ */

void tc_tickets_init(tc_tickets *t, uint64_t most, uint64_t *reached, tc_span folder)
{
    *t = (tc_tickets){.most = most, .reached = reached, .folder = folder};
}

static void drop_first(tc_tickets *t)
{
    tc_ticket *gone = t->list;
    t->list = gone->next;
    t->count--;
    tc_free(gone);
}

void tc_tickets_fini(tc_tickets *t)
{
    while (t->list)
        drop_first(t);
}

static tc_span place(char **at, tc_span bytes)
{
    const tc_span placed = tc_span_of(*at, bytes.len);
    if (bytes.len) memcpy(*at, bytes.at, bytes.len);
    *at += bytes.len;
    return placed;
}

static void add(tc_tickets *t, const tc_ticket *from)
{
    tc_ticket *made =
        tc_alloc(sizeof *made + from->identity.len + from->session.len + from->params.len);
    tc_ticket **end = &t->list;
    if (!made) return;
    char *at = (char *)(made + 1);
    *made = *from;
    made->identity = place(&at, from->identity);
    made->session = place(&at, from->session);
    made->params = place(&at, from->params);
    made->next = NULL;
    while (*end)
        end = &(*end)->next;
    *end = made;
    if (++t->count <= t->most) return;
    ++*t->reached;
    drop_first(t);
}

void tc_tickets_keep(tc_tickets *t, const tc_origin *origin, tc_span session, tc_span params,
                     int64_t now_s)
{
    tc_buf identity;
    if (session.len + params.len > TC_TICKET_BYTES) return;
    tc_buf_init(&identity, TC_TICKET_LINE / 2);
    if (put_identity(t, origin, &identity) == TC_OK) {
        add(t, &(tc_ticket){.identity = tc_buf_span(&identity),
                            .session = session,
                            .params = params,
                            .until_s = now_s + TC_TICKET_S,
                            .ours = true});
        t->changed = true;
    }
    tc_buf_fini(&identity);
}

/* The last one. */
static tc_ticket *find(const tc_tickets *t, const tc_origin *origin, bool spent)
{
    tc_buf identity;
    tc_ticket *found = NULL;
    tc_buf_init(&identity, TC_TICKET_LINE / 2);
    if (put_identity(t, origin, &identity) == TC_OK)
        for (tc_ticket *k = t->list; k; k = k->next)
            if (k->spent == spent && tc_span_eq(k->identity, tc_buf_span(&identity))) found = k;
    tc_buf_fini(&identity);
    return found;
}

const tc_ticket *tc_tickets_take(tc_tickets *t, const tc_origin *origin, int64_t now_s)
{
    tc_ticket *found = find(t, origin, false);
    if (!found || found->until_s <= now_s) return NULL;
    found->spent = t->changed = true;
    return found;
}

void tc_tickets_put_back(tc_tickets *t, const tc_origin *origin)
{
    tc_ticket *found = find(t, origin, true);
    if (found) found->spent = false;
}

/* --- as text ------------------------------------------------------------------------------- */

static tc_err put_hex(tc_buf *out, tc_span bytes)
{
    tc_err err = tc_buf_add_byte(out, ' ');
    for (size_t i = 0; i < bytes.len && !err; i++)
        err = tc_buf_printf(out, "%02x", (unsigned char)bytes.at[i]);
    return err;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A word of hex digits becomes bytes in room. */
static bool take_hex(tc_span *line, char *room, size_t size, tc_span *ret)
{
    const tc_span word = tc_span_take(line, tc_span_find(*line, ' '));
    if (line->len) (void)tc_span_take(line, 1);
    if (!word.len || word.len % 2 || word.len / 2 > size) return false;
    for (size_t i = 0; i < word.len; i += 2) {
        const int high = digit(word.at[i]), low = digit(word.at[i + 1]);
        if (high < 0 || low < 0) return false;
        room[i / 2] = (char)(high << 4 | low);
    }
    *ret = tc_span_of(room, word.len / 2);
    return true;
}

static tc_span take_line(tc_span *text)
{
    const tc_span line = tc_span_take(text, tc_span_find(*text, '\n'));
    if (text->len) (void)tc_span_take(text, 1);
    return line;
}

/* Nobody's secret: it finds what a disk or an editor did. */
static uint64_t sum_of(tc_span rest)
{
    const tc_hash_key key = {0};
    return tc_hash(&key, rest);
}

/* "sum until session params identity": the identity begins with its space. */
static bool read_line(tc_span line, int64_t now_s, char room[2 * TC_TICKET_BYTES], tc_ticket *ret)
{
    uint64_t until;
    char sum[20];
    const int n =
        snprintf(sum, sizeof sum, "%016llx ", (unsigned long long)sum_of(tc_span_from(line, 17)));
    if (!tc_span_starts(line, tc_span_of(sum, n > 0 ? (size_t)n : 0))) return false;
    line = tc_span_from(line, (size_t)n);
    const tc_span number = tc_span_take(&line, tc_span_find(line, ' '));
    if (line.len) (void)tc_span_take(&line, 1);
    *ret = (tc_ticket){0};
    if (!tc_span_number(number, &until) || until > INT64_MAX ||
        !take_hex(&line, room, TC_TICKET_BYTES, &ret->session) ||
        !take_hex(&line, room + TC_TICKET_BYTES, TC_TICKET_BYTES, &ret->params))
        return false;
    ret->until_s = (int64_t)until;
    ret->identity = line;
    return line.len && line.len < TC_TICKET_LINE / 2 && ret->until_s > now_s &&
           ret->until_s <= now_s + TC_TICKET_S;
}

void tc_tickets_read(tc_tickets *t, tc_span text, int64_t now_s)
{
    char *room = tc_alloc(2 * TC_TICKET_BYTES);
    tc_ticket one;
    while (room && text.len)
        if (read_line(take_line(&text), now_s, room, &one)) add(t, &one);
    tc_free(room);
}

/* Whether we used it. */
static bool is_spent(const tc_tickets *t, const tc_ticket *one)
{
    for (const tc_ticket *k = t->list; k; k = k->next)
        if (k->spent && tc_span_eq(k->identity, one->identity) &&
            tc_span_eq(k->session, one->session))
            return true;
    return false;
}

static tc_err put_ticket(const tc_ticket *k, tc_buf *out)
{
    tc_buf rest;
    tc_buf_init(&rest, TC_TICKET_LINE);
    tc_err err = tc_buf_printf(&rest, "%lld", (long long)k->until_s);
    if (!err) err = put_hex(&rest, k->session);
    if (!err) err = put_hex(&rest, k->params);
    if (!err) err = tc_buf_add(&rest, TC_SPAN(" "));
    if (!err) err = tc_buf_add(&rest, k->identity);
    const tc_span line = tc_buf_span(&rest);
    if (!err)
        err = tc_buf_printf(out, "%016llx %.*s\n", (unsigned long long)sum_of(line), TC_FMT(line));
    tc_buf_fini(&rest);
    return err;
}

tc_err tc_tickets_write(const tc_tickets *t, tc_span text, int64_t now_s, tc_buf *out)
{
    char *room = tc_alloc(2 * TC_TICKET_BYTES);
    uint64_t unheard = 0;
    tc_tickets all;
    tc_ticket one;
    tc_err err = room ? TC_OK : TC_ERR_NO_MEMORY;
    tc_tickets_init(&all, t->most, &unheard, (tc_span){0});
    while (room && text.len)
        if (read_line(take_line(&text), now_s, room, &one) && !is_spent(t, &one)) add(&all, &one);
    for (const tc_ticket *k = t->list; k; k = k->next)
        if (k->ours && !k->spent) add(&all, k);
    for (const tc_ticket *k = all.list; k && !err; k = k->next)
        err = put_ticket(k, out);
    tc_tickets_fini(&all);
    tc_free(room);
    return err;
}
