/* auth.c - names and passwords: files of them, and requests that say them. */
// SPDX-License-Identifier: MIT
#include "gate/auth.h"

#include <crypt.h>
#include <nettle/base64.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "site/echo.h"
#include "support/folder.h"
#include "support/served.h"

static folder at;
static char path[128];

/* A hash that is quick to make. */
static const char *hash_of(const char *password, const char *prefix, unsigned long cost)
{
    static char texts[4][CRYPT_OUTPUT_SIZE];
    static int next;
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    static struct crypt_data data;
    assert_non_null(crypt_gensalt_rn(prefix, cost, NULL, 0, setting, sizeof setting));
    const char *made = crypt_rn(password, setting, &data, sizeof data);
    assert_non_null(made);
    char *text = texts[next++ % 4];
    (void)snprintf(text, CRYPT_OUTPUT_SIZE, "%s", made);
    return text;
}

static void write_users(const char *text)
{
    folder_replace(&at, "users", tc_span_str(text));
    (void)snprintf(path, sizeof path, "%s/users", at.path);
}

static int make_folder(void **state)
{
    (void)state;
    folder_make(&at);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    folder_remove(&at);
    return 0;
}

/* --- files --------------------------------------------------------------------------------- */

static bool right(const tc_password_list *l, const char *user, const char *password)
{
    return tc_password_is_right(l, tc_span_str(user), tc_span_str(password));
}

static void all_good_methods(void **state)
{
    (void)state;
    char text[2048], why[TC_PASSWORDS_WHY];
    char best[TC_PASSWORD_HASH];
    tc_passwords *p;
    assert_true(tc_password_hash("best one", best));
    (void)snprintf(text, sizeof text, "# people\n\n a:%s \nb:%s\r\nc d:%s\nbest:%s",
                   hash_of("one", "$2b$", 4), hash_of("tw\xc3\xb6:", "$6$", 1000),
                   hash_of("", "$5$", 1000), best);
    write_users(text);
    if (tc_passwords_open(path, &p, why)) fail_msg("%s", why);
    tc_password_list *l = tc_passwords_now(p, TC_S);
    assert_true(right(l, "a", "one") && right(l, "b", "tw\xc3\xb6:") && right(l, "c d", ""));
    assert_true(right(l, "best", "best one"));
    assert_false(right(l, "a", "One") || right(l, "a", "") || right(l, "a", "one "));
    assert_false(right(l, "A", "one") || right(l, "", "one") || right(l, "b", "one"));
    assert_false(right(l, "nobody", "one")); /* whose hash is looked at instead */
    char longest[TC_PASSWORD_MOST + 2];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    assert_false(right(l, "a", longest));
    tc_password_list_drop(l);
    tc_passwords_free(p);
}

static int64_t cost_of(const tc_password_list *l, const char *user, const char *password)
{
    struct timespec before, after;
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before), 0);
    assert_false(right(l, user, password));
    assert_int_equal(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after), 0);
    return (after.tv_sec - before.tv_sec) * TC_S + after.tv_nsec - before.tv_nsec;
}

/* In time of the processor, which nobody else uses up. */
static void nobody_costs_as_much_as_somebody(void **state)
{
    (void)state;
    char text[512], why[TC_PASSWORDS_WHY];
    tc_passwords *p;
    (void)snprintf(text, sizeof text, "al:%s\n", hash_of("sesame", "$2b$", 8));
    write_users(text);
    assert_int_equal(tc_passwords_open(path, &p, why), TC_OK);
    tc_password_list *l = tc_passwords_now(p, TC_S);
    int64_t somebody = INT64_MAX, nobody = INT64_MAX;
    for (int i = 0; i < 5; i++) { /* others use the caches, too: the least counts */
        const int64_t cost[] = {cost_of(l, "al", "x"), cost_of(l, "nobody", "sesame")};
        if (cost[0] < somebody) somebody = cost[0];
        if (cost[1] < nobody) nobody = cost[1];
    }
    assert_true(nobody > somebody / 3 && somebody > nobody / 3);
    tc_password_list_drop(l);
    tc_passwords_free(p);
}

static void what_htpasswd_writes(void **state)
{
    (void)state;
    char why[TC_PASSWORDS_WHY];
    tc_passwords *p;
    /* of "Password Formats" in Apache's manual: htpasswd -nbB myName myPassword */
    write_users("user:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n");
    if (tc_passwords_open(path, &p, why)) fail_msg("%s", why);
    tc_password_list *l = tc_passwords_now(p, TC_S);
    assert_true(right(l, "user", "myPassword"));
    assert_false(right(l, "user", "secret"));
    tc_password_list_drop(l);
    tc_passwords_free(p);
}

static void files_that_are_refused(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "line 1: there is no user in it; NAME:HASH is wanted"},
        {"# nobody\n", "there is no user in it"},
        {"\n\nuser\n", "line 3: there is no \"NAME:\""},
        {":$2b$04$x", "line 1: there is no \"NAME:\""},
        {"user:secret\n", "line 1: it is no hash of a kind that is taken"},
        {"user:\n", "line 1: it is no hash of a kind that is taken"},
        {"user:rl.3StKT.4T8M\n", "line 1: it is no hash"},
        {"user:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n", "line 1: MD5 (apr1) is too weak"},
        {"user:$1$abc$xyz\n", "line 1: MD5 is too weak"},
        {"user:{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=\n", "line 1: plain SHA-1 is too weak"},
        {"user:$2y$05$short\n", "line 1: the hash is malformed"},
        {"a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n"
         "a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n",
         "line 2: the user is there twice"}};
    char why[TC_PASSWORDS_WHY];
    tc_passwords *p;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_users(rows[i][0]);
        check_case(tc_passwords_open(path, &p, why) == TC_ERR_USAGE, rows[i][0]);
        if (!strstr(why, rows[i][1])) fail_msg("%s: %s", rows[i][0], why);
    }
    assert_int_equal(tc_passwords_open("/nowhere/at/all", &p, why), TC_ERR_READ_FILE);
    assert_non_null(strstr(why, "No such file"));
    assert_int_equal(tc_passwords_open(at.path, &p, why), TC_ERR_READ_FILE);
}

static void a_file_that_changes(void **state)
{
    (void)state;
    char text[512], why[TC_PASSWORDS_WHY];
    tc_passwords *p;
    (void)snprintf(text, sizeof text, "a:%s\n", hash_of("one", "$2b$", 4));
    write_users(text);
    assert_int_equal(tc_passwords_open(path, &p, why), TC_OK);
    tc_password_list *old = tc_passwords_now(p, TC_S), *l;
    (void)snprintf(text, sizeof text, "b:%s\nc:%s\n", hash_of("two", "$2b$", 4),
                   hash_of("three", "$2b$", 4));
    write_users(text);
    l = tc_passwords_now(p, 2 * TC_S - 1); /* it is looked at once a second */
    assert_int_equal(tc_password_list_number(l), tc_password_list_number(old));
    tc_password_list_drop(l);
    l = tc_passwords_now(p, 2 * TC_S);
    assert_int_not_equal(tc_password_list_number(l), tc_password_list_number(old));
    assert_true(right(l, "b", "two") && right(l, "c", "three") && !right(l, "a", "one"));
    assert_true(right(old, "a", "one")); /* who has it keeps it */
    tc_password_list_drop(old);
    write_users("b:broken\n");
    tc_password_list *same = tc_passwords_now(p, 4 * TC_S);
    assert_ptr_equal(same, l); /* one that is wrong changes nothing */
    tc_password_list_drop(same);
    assert_int_equal(unlink(path), 0);
    same = tc_passwords_now(p, 6 * TC_S);
    assert_ptr_equal(same, l);
    tc_password_list_drop(same);
    tc_password_list_drop(l);
    tc_passwords_free(p);
}

/* --- requests ------------------------------------------------------------------------------ */

static served w;
static tc_rate_home home;
static tc_auth *auth;
static tc_auth_worker worker;
static int routed;

static void behind(void *self, tc_exchange *x)
{
    (void)self;
    routed++;
    x->handler = &tc_echo_handler;
}

static void route(tc_session_env *env, tc_exchange *x)
{
    (void)env;
    if (!tc_auth_gate(auth, &worker, x, (tc_auth_next){behind, &w})) behind(&w, x);
}

static int begin(void **state)
{
    char text[512], why[TC_PASSWORDS_WHY];
    (void)make_folder(state);
    served_init(&w, &tc_echo_handler);
    w.env.route = route;
    w.limits.auth_failures = 3;
    assert_int_equal(tc_rate_home_init(&home, &w.limits), TC_OK);
    (void)snprintf(text, sizeof text, "al:%s\n", hash_of("sesame", "$2b$", 4));
    write_users(text);
    if (tc_auth_new("A \"place\"", path, &home, &w.limits, &auth, why)) fail_msg("%s", why);
    tc_auth_worker_init(&worker, w.loop, &w.limits, &w.reached);
    routed = 0;
    return 0;
}

static int end(void **state)
{
    tc_loop *loop = w.loop;
    for (int i = 0; i < SERVED_PEERS; i++)
        if (w.peers[i].served && !w.peers[i].ended) tc_session_kill(&w.peers[i].session, TC_OK);
    tc_auth_worker_fini(&worker);
    assert_int_equal(tc_loop_turn(loop, 0), TC_OK); /* an answer may be on its way */
    served_fini(&w);
    tc_auth_free(auth);
    tc_rate_home_fini(&home);
    return remove_folder(state);
}

static size_t put_base64(char *to, const char *text)
{
    base64_encode_raw(to, strlen(text), (const uint8_t *)text);
    return BASE64_ENCODE_RAW_LENGTH(strlen(text));
}

static const char *basic(const char *credentials)
{
    static char text[2048];
    size_t n = (size_t)snprintf(text, sizeof text, "Authorization: Basic ");
    n += put_base64(text + n, credentials);
    (void)snprintf(text + n, sizeof text - n, "\r\n");
    return text;
}

static void say_request(served_peer *p, const char *method, const char *lines, const char *content)
{
    char text[4096];
    (void)snprintf(text, sizeof text,
                   "%s /x HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n%s", method, lines,
                   strlen(content), content);
    served_say(p, tc_span_str(text));
}

/* Threads take the time that they take, and the clock of the loop stands still meanwhile. */
static void until_heard(served_peer *p, const char *text)
{
    for (int i = 0; i < 60000 && !served_has(p, text); i++) {
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
        if (!served_has(p, text)) (void)usleep(1000);
    }
    if (!served_has(p, text)) fail_msg("no \"%s\" in: %.*s", text, TC_FMT(tc_buf_span(&p->heard)));
}

static served_peer *ask(int which, const char *lines)
{
    served_peer *p = served_connect(&w, which, NULL, 65536);
    assert_true(tc_ip_parse(TC_SPAN("192.0.2.1"), &p->near.from));
    say_request(p, "GET", lines, "");
    return p;
}

static void again(served_peer *p, const char *lines)
{
    p->heard.len = 0;
    say_request(p, "GET", lines, "");
}

static void who_says_nothing_is_asked(void **state)
{
    (void)state;
    static const char *const lines[] = {"Authorization: Bearer x\r\n",
                                        "Authorization: Basic\r\n",
                                        "Authorization: Basic !!!\r\n",
                                        "Authorization: Basic YWw\r\n",               /* al */
                                        "Authorization: Basic YWw=\r\n",              /* al */
                                        "Authorization: Basic OnNlc2FtZQ==\r\n",      /* :sesame */
                                        "Authorization: Basic YWw6c2VzYW1lAA==\r\n",  /* NUL */
                                        "Authorization: Basic YWw6c2VzYW1lCg==\r\n"}; /* LF */
    served_peer *p = ask(0, "");
    until_heard(p, "\r\nWWW-Authenticate: Basic realm=\"A \\\"place\\\"\", charset=\"UTF-8\"\r\n");
    assert_true(served_has(p, "HTTP/1.1 401 "));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        again(p, lines[i]);
        until_heard(p, "HTTP/1.1 401 ");
    }
    assert_int_equal(routed, 0);
    assert_null(worker.check);
}

/* From here on a password whose check must begin would be refused instead. */
static tc_alarm stands_in;

static void allow_no_check(void)
{
    worker.check = (struct tc_auth_check *)(void *)&stands_in;
    w.limits.auth_waiting = 0;
}

static void who_is_right_goes_on_and_is_remembered(void **state)
{
    (void)state;
    served_peer *p = ask(0, basic("al:sesame"));
    until_heard(p, "User       al\n");
    assert_false(served_has(p, "sesame") || served_has(p, "YWw6"));
    assert_int_equal(routed, 1);
    allow_no_check();
    again(p, basic("al:sesame"));
    until_heard(p, "User       al\n");
    again(p, basic("al:Sesame"));
    until_heard(p, "HTTP/1.1 503 ");
    served_for(&w, (int64_t)w.limits.auth_known_ms + 1);
    p = ask(1, basic("al:sesame"));
    until_heard(p, "HTTP/1.1 503 ");
    assert_int_equal(w.reached.auth_waiting, 2);
    assert_true(served_has(p, "\r\nRetry-After: 1\r\n"));
    worker.check = NULL;
}

static void a_new_file_forgets_them(void **state)
{
    (void)state;
    char text[512];
    served_peer *p = ask(0, basic("al:sesame"));
    until_heard(p, "User       al\n");
    (void)snprintf(text, sizeof text, "al:%s\nbe:%s\n", hash_of("other", "$2b$", 4),
                   hash_of("one", "$2b$", 4));
    write_users(text);
    served_for(&w, 2000);
    again(p, basic("al:sesame"));
    until_heard(p, "HTTP/1.1 401 ");
    again(p, basic("al:other"));
    until_heard(p, "User       al\n");
}

static void content_waits_until_then(void **state)
{
    (void)state;
    served_peer *p = served_connect(&w, 0, NULL, 65536);
    say_request(p, "POST", basic("al:sesame"), "some content");
    until_heard(p, "Content    12 bytes\n");
    p->heard.len = 0;
    char lines[512];
    (void)snprintf(lines, sizeof lines, "%sExpect: 100-continue\r\n", basic("al:wrong"));
    say_request(p, "POST", lines, "");
    until_heard(p, "HTTP/1.1 401 ");
}

static void who_is_wrong_too_often_has_to_wait(void **state)
{
    (void)state;
    served_peer *p = ask(0, basic("al:1"));
    until_heard(p, "HTTP/1.1 401 ");
    again(p, basic("nobody:sesame"));
    until_heard(p, "HTTP/1.1 401 ");
    again(p, basic("al:3"));
    until_heard(p, "HTTP/1.1 401 ");
    again(p, basic("al:sesame")); /* right, and yet too late */
    until_heard(p, "HTTP/1.1 429 ");
    assert_true(served_has(p, "\r\nRetry-After: "));
    assert_int_equal(w.reached.auth_failures, 1);
    served_peer *q = served_connect(&w, 1, NULL, 65536); /* another client is not concerned */
    assert_true(tc_ip_parse(TC_SPAN("192.0.2.2"), &q->near.from));
    say_request(q, "GET", basic("al:sesame"), "");
    until_heard(q, "User       al\n");
    served_for(&w, 21000);
    again(p, basic("al:sesame"));
    until_heard(p, "User       al\n");
}

static void whoever_leaves_is_not_waited_for(void **state)
{
    (void)state;
    allow_no_check();
    w.limits.auth_waiting = 2;
    served_peer *p = ask(0, basic("al:sesame")), *q = ask(1, basic("al:sesame"));
    served_turns(&w, 3);
    assert_int_equal(worker.waiting, 2);
    tc_session_kill(&q->session, TC_OK);
    assert_int_equal(worker.waiting, 1);
    tc_session_kill(&p->session, TC_OK);
    assert_int_equal(worker.waiting, 0);
    assert_null(worker.first);
    assert_ptr_equal(worker.last, &worker.first);
    worker.check = NULL;
}

static void a_thread_outlives_its_request(void **state)
{
    (void)state;
    served_peer *p = ask(0, basic("al:sesame"));
    served_turns(&w, 3);
    tc_session_kill(&p->session, TC_OK);
    for (int i = 0; i < 60000 && worker.check; i++) {
        assert_int_equal(tc_loop_turn(w.loop, 0), TC_OK);
        (void)usleep(1000);
    }
    assert_null(worker.check);
}

static void a_worker_may_end_meanwhile(void **state)
{
    (void)state;
    (void)ask(0, basic("al:sesame"));
    served_turns(&w, 3);
}

static void those_that_waited_for_the_same_are_known(void **state)
{
    (void)state;
    served_peer *p = ask(0, basic("al:sesame")), *q = ask(1, basic("al:sesame"));
    until_heard(p, "User       al\n");
    until_heard(q, "User       al\n");
    assert_int_equal(routed, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_good_methods, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(nobody_costs_as_much_as_somebody, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_htpasswd_writes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(files_that_are_refused, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_file_that_changes, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(who_says_nothing_is_asked, begin, end),
        cmocka_unit_test_setup_teardown(who_is_right_goes_on_and_is_remembered, begin, end),
        cmocka_unit_test_setup_teardown(content_waits_until_then, begin, end),
        cmocka_unit_test_setup_teardown(who_is_wrong_too_often_has_to_wait, begin, end),
        cmocka_unit_test_setup_teardown(a_new_file_forgets_them, begin, end),
        cmocka_unit_test_setup_teardown(whoever_leaves_is_not_waited_for, begin, end),
        cmocka_unit_test_setup_teardown(a_thread_outlives_its_request, begin, end),
        cmocka_unit_test_setup_teardown(a_worker_may_end_meanwhile, begin, end),
        cmocka_unit_test_setup_teardown(those_that_waited_for_the_same_are_known, begin, end),
    };
    return cmocka_run_group_tests_name("auth", tests, NULL, NULL);
}
