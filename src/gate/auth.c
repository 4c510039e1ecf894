/* auth.c - see auth.h. */
// SPDX-License-Identifier: MIT
#include "gate/auth.h"

#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/hash.h"
#include "net/errand.h"
#include "page/error_page.h"
#include "session/session.h"

enum { CREDENTIALS_MOST = 1024, MAC = SHA256_DIGEST_SIZE };

/* Who was right. */
struct tc_auth_known {
    uint8_t mac[MAC];
    int64_t until; /* 0: nobody */
};

/* A request whose turn has not come, or whose password is looked at. In its arena. */
struct tc_auth_wait {
    const tc_auth *auth;
    tc_auth_worker *worker;
    tc_exchange *x;
    tc_auth_next next_step;
    tc_span user, password; /* each with a NUL behind it */
    uint8_t mac[MAC];
    struct tc_auth_wait *next;
    bool running, over;
};

/* What the thread works on; it owns all of it. */
struct tc_auth_check {
    tc_errand errand; /* first */
    tc_auth_worker *worker;
    struct tc_auth_wait *wait; /* NULL: the request is gone */
    tc_password_list *list;
    uint8_t mac[MAC];
    bool right;
    size_t user_len, password_len;
    char text[]; /* both, each with a NUL */
};

/* --- a place ------------------------------------------------------------------------------- */

/* Quoted, as RFC 7617, 2 and 2.1, has it. */
static char *make_challenge(const char *realm)
{
    const size_t size = 2 * strlen(realm) + sizeof "Basic realm=\"\", charset=\"UTF-8\"";
    char *text = tc_alloc(size);
    if (!text) return NULL;
    size_t len = (size_t)snprintf(text, size, "Basic realm=\"");
    for (const char *c = realm; *c; c++) {
        if (*c == '"' || *c == '\\') text[len++] = '\\';
        text[len++] = *c;
    }
    (void)snprintf(text + len, size - len, "\", charset=\"UTF-8\"");
    return text;
}

tc_err tc_auth_new(const char *realm, const char *file, tc_rate_home *home, const tc_limits *limits,
                   tc_auth **ret_auth, char ret_why[TC_PASSWORDS_WHY])
{
    if (!tc_is_field_value(tc_span_str(realm)) || !*realm) {
        (void)snprintf(ret_why, TC_PASSWORDS_WHY, "words for people are wanted, in one line");
        return TC_ERR_USAGE;
    }
    tc_auth *a = tc_alloc_zero(sizeof *a);
    if (!a) return TC_ERR_NO_MEMORY;
    a->home = home;
    a->number = home->rules++;
    const uint64_t failures =
        limits->auth_failures < UINT32_MAX ? limits->auth_failures : UINT32_MAX;
    a->failures = tc_rate_of(failures, 60 * TC_S, failures);
    a->challenge = make_challenge(realm);
    const tc_err err =
        a->challenge ? tc_passwords_open(file, &a->passwords, ret_why) : TC_ERR_NO_MEMORY;
    if (err) {
        tc_auth_free(a);
        return err;
    }
    *ret_auth = a;
    return TC_OK;
}

void tc_auth_free(tc_auth *a)
{
    if (!a) return;
    tc_passwords_free(a->passwords);
    tc_free(a->challenge);
    tc_free(a);
}

/* --- who was right --------------------------------------------------------------------------- */

void tc_auth_worker_init(tc_auth_worker *w, tc_loop *loop, const tc_limits *limits,
                         tc_reached *reached)
{
    *w = (tc_auth_worker){.loop = loop, .limits = limits, .reached = reached};
    w->last = &w->first;
}

void tc_auth_worker_fini(tc_auth_worker *w)
{
    if (w->check) tc_errand_cancel(&w->check->errand);
    w->check = NULL;
    tc_free(w->known);
    w->known = NULL;
    explicit_bzero(w->key, sizeof w->key);
}

/* Other for each place, each state of its file, and each worker. */
static void make_mac(const tc_auth_worker *w, const tc_auth *a, uint64_t list, tc_span credentials,
                     uint8_t ret_mac[MAC])
{
    const uint64_t about[] = {a->number, list};
    struct hmac_sha256_ctx hmac;
    hmac_sha256_set_key(&hmac, sizeof w->key, w->key);
    hmac_sha256_update(&hmac, sizeof about, (const uint8_t *)about);
    hmac_sha256_update(&hmac, credentials.len, (const uint8_t *)credentials.at);
    hmac_sha256_digest(&hmac, MAC, ret_mac);
}

static struct tc_auth_known *place_of(const tc_auth_worker *w, const uint8_t mac[MAC])
{
    uint32_t number;
    memcpy(&number, mac, sizeof number);
    return &w->known[number % w->limits->auth_known];
}

static bool is_known(const tc_auth_worker *w, const uint8_t mac[MAC])
{
    const struct tc_auth_known *k = place_of(w, mac);
    return k->until > tc_loop_now(w->loop) && memeql_sec(k->mac, mac, MAC);
}

static void remember(const tc_auth_worker *w, const uint8_t mac[MAC])
{
    struct tc_auth_known *k = place_of(w, mac);
    const uint64_t ms =
        w->limits->auth_known_ms < UINT32_MAX ? w->limits->auth_known_ms : UINT32_MAX;
    const int64_t now = tc_loop_now(w->loop);
    w->reached->auth_known += k->until > now && !memeql_sec(k->mac, mac, MAC);
    memcpy(k->mac, mac, MAC);
    k->until = now + (int64_t)ms * TC_MS;
}

/* At the first request that wants it. */
static bool make_memory(tc_auth_worker *w)
{
    if (w->known) return true;
    tc_random_bytes(w->key, sizeof w->key);
    w->known = tc_alloc_zero(w->limits->auth_known * sizeof *w->known);
    return w->known != NULL;
}

/* --- what a client says ------------------------------------------------------------------------
 */

/* Who asks for a tunnel speaks to a proxy (RFC 9110, 11.7). */
typedef struct words {
    enum tc_field_id asked, said;
    unsigned status;
} words;

static const words *words_of(const tc_exchange *x)
{
    static const words origin = {TC_FIELD_WWW_AUTHENTICATE, TC_FIELD_AUTHORIZATION, 401},
                       proxy = {TC_FIELD_PROXY_AUTHENTICATE, TC_FIELD_PROXY_AUTHORIZATION, 407};
    return x->theirs.method == TC_METHOD_CONNECT ? &proxy : &origin;
}

/* "Basic " and base64 of name ":" password; *ret has a NUL in the place of the colon and behind.
 * False: it says nothing of the kind. */
static bool read_credentials(tc_exchange *x, tc_span *ret_all, tc_span *ret_user,
                             tc_span *ret_password)
{
    const tc_span scheme = TC_SPAN("Basic ");
    const enum tc_field_id said = words_of(x)->said;
    tc_span value;
    struct base64_decode_ctx decoder;
    size_t len;
    if (!tc_fields_get(&x->theirs.fields, said, &value) ||
        tc_fields_times(&x->theirs.fields, said) > 1 ||
        !tc_span_ieq(tc_span_first(value, scheme.len), scheme))
        return false;
    value = tc_span_trim(tc_span_from(value, scheme.len));
    if (value.len > CREDENTIALS_MOST) return false;
    char *text = tc_arena_bytes(&x->arena, BASE64_DECODE_LENGTH(value.len) + 1);
    if (!text) return false;
    base64_decode_init(&decoder);
    if (!base64_decode_update(&decoder, &len, (uint8_t *)text, value.len, value.at) ||
        !base64_decode_final(&decoder))
        return false;
    text[len] = '\0';
    const tc_span all = {text, len};
    const size_t colon = tc_span_find(all, ':');
    if (colon == len || !colon || memchr(text, '\0', len)) return false;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f) return false; /* RFC 7617, 2 */
    *ret_all = all;
    *ret_user = tc_span_first(all, colon);
    *ret_password = tc_span_from(all, colon + 1);
    return true;
}

static tc_err challenge(void *self, tc_exchange *x)
{
    const tc_auth *a = self;
    const words *how = words_of(x);
    const tc_err err =
        tc_fields_set(&x->ours.fields, &x->arena, how->asked, tc_span_str(a->challenge));
    return err ? err : tc_error_page(x, how->status, (tc_span){0});
}

static const tc_handler challenging = {.name = "auth", .on_head = challenge};

static tc_err too_often(void *self, tc_exchange *x)
{
    return tc_rate_refuse(x, 429, (int64_t)(intptr_t)self * TC_MS,
                          TC_SPAN("Too many wrong passwords came from your address."));
}

static const tc_handler refusing = {.name = "auth", .on_head = too_often};

static tc_err too_many(void *self, tc_exchange *x)
{
    (void)self;
    return tc_rate_refuse(x, 503, TC_S, TC_SPAN("Too many others wait for theirs to be checked."));
}

static const tc_handler full = {.name = "auth", .on_head = too_many};

/* --- one after the other ------------------------------------------------------------------------
 */

static uint64_t failure_key(const tc_auth *a, const tc_exchange *x)
{
    const tc_ip ip = tc_session_asker(x).ip;
    return tc_rate_key(a->home, a->number, &ip);
}

/* In the thread. */
static void run(tc_errand *errand)
{
    struct tc_auth_check *c = (struct tc_auth_check *)errand;
    const tc_span user = {c->text, c->user_len},
                  password = {c->text + c->user_len + 1, c->password_len};
    c->right = tc_password_is_right(c->list, user, password);
    explicit_bzero(c->text, c->user_len + c->password_len + 2);
    tc_password_list_drop(c->list);
    c->list = NULL;
}

static void begin_next(tc_auth_worker *w);

static void settle(struct tc_auth_wait *wait, bool right)
{
    tc_exchange *x = wait->x;
    const tc_auth *a = wait->auth;
    tc_auth_worker *w = wait->worker;
    wait->over = true;
    if (right) {
        x->user = wait->user;
        wait->next_step.route(wait->next_step.self, x);
    } else {
        const int64_t after = tc_rate_take(a->home->table, &a->failures, failure_key(a, x),
                                           tc_clock_now(), &w->reached->rate_clients);
        w->reached->auth_failures += after > 0;
        x->handler = &challenging;
        x->self = (void *)(uintptr_t)a;
    }
    tc_session_hand_over(x);
}

static void done(tc_errand *errand)
{
    struct tc_auth_check *c = (struct tc_auth_check *)errand;
    tc_auth_worker *w = c->worker;
    w->check = NULL;
    if (c->right) remember(w, c->mac);
    if (c->wait) settle(c->wait, c->right);
    begin_next(w);
}

static tc_err begin_check(tc_auth_worker *w, struct tc_auth_wait *wait)
{
    struct tc_auth_check *c = tc_errand_new(sizeof *c + wait->user.len + wait->password.len + 2);
    if (!c) return TC_ERR_NO_MEMORY;
    c->errand.run = run;
    c->errand.done = done;
    c->worker = w;
    c->wait = wait;
    c->list = tc_passwords_now(wait->auth->passwords, tc_loop_now(w->loop));
    memcpy(c->mac, wait->mac, MAC);
    c->user_len = wait->user.len;
    c->password_len = wait->password.len;
    memcpy(c->text, wait->user.at, wait->user.len);
    memcpy(c->text + wait->user.len + 1, wait->password.at, wait->password.len);
    tc_password_list *list = c->list;
    const tc_err err = tc_errand_begin(&c->errand, w->loop);
    if (err) {
        tc_password_list_drop(list);
        return err;
    }
    w->check = c;
    wait->running = true;
    return TC_OK;
}

/* The next one that was not answered meanwhile: a page needs many requests at once, and the first
 * of them was slow for all. */
static void begin_next(tc_auth_worker *w)
{
    while (w->first && !w->check) {
        struct tc_auth_wait *wait = w->first;
        w->first = wait->next;
        if (!w->first) w->last = &w->first;
        w->waiting--;
        if (is_known(w, wait->mac)) {
            settle(wait, true);
        } else if (begin_check(w, wait)) {
            wait->over = true;
            wait->x->handler = &full;
            tc_session_hand_over(wait->x);
        }
    }
}

static tc_err wait_for_turn(void *self, tc_exchange *x)
{
    struct tc_auth_wait *wait = self;
    tc_auth_worker *w = wait->worker;
    if (w->check && w->waiting >= w->limits->auth_waiting) {
        w->reached->auth_waiting++;
        wait->over = true;
        return too_many(NULL, x);
    }
    tc_exchange_pause(x);
    if (!w->check) return begin_check(w, wait);
    *w->last = wait;
    w->last = &wait->next;
    w->waiting++;
    return TC_OK;
}

/* The request is gone; what its password is, is still found out if that has begun. */
static void forget(void *self, tc_exchange *x, tc_err why)
{
    struct tc_auth_wait *wait = self;
    tc_auth_worker *w = wait->worker;
    (void)x;
    (void)why;
    if (wait->over) return;
    if (wait->running) {
        if (w->check && w->check->wait == wait) w->check->wait = NULL;
        return;
    }
    for (struct tc_auth_wait **at = &w->first; *at; at = &(*at)->next) {
        if (*at != wait) continue;
        *at = wait->next;
        if (!*at) w->last = at;
        w->waiting--;
        return;
    }
}

static const tc_handler waiting = {.name = "auth", .on_head = wait_for_turn, .on_close = forget};

bool tc_auth_gate(const tc_auth *a, tc_auth_worker *w, tc_exchange *x, tc_auth_next next)
{
    tc_span all, user, password;
    x->handler = &challenging;
    x->self = (void *)(uintptr_t)a;
    if (!read_credentials(x, &all, &user, &password)) return true;
    struct tc_auth_wait *wait = tc_exchange_alloc(x, sizeof *wait);
    x->handler = &full;
    if (!wait || !make_memory(w)) return true;
    *wait = (struct tc_auth_wait){a, w, x, next, user, password, {0}, NULL, false, false};
    tc_password_list *list = tc_passwords_now(a->passwords, tc_loop_now(w->loop));
    make_mac(w, a, tc_password_list_number(list), all, wait->mac);
    tc_password_list_drop(list);
    if (is_known(w, wait->mac)) {
        x->user = user;
        return false;
    }
    const int64_t hold =
        tc_rate_look(a->home->table, &a->failures, failure_key(a, x), tc_clock_now());
    x->handler = hold ? &refusing : &waiting;
    x->self = hold ? (void *)(intptr_t)(hold / TC_MS + 1) : wait;
    w->reached->auth_failures += hold > 0;
    return true;
}
