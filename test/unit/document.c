/* JSON as records have it: what is refused and where, what numbers become, bounds. */
// SPDX-License-Identifier: MIT
#include "records/document.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "support/check.h"

enum { DEPTH = 8 };

static void what_is_refused_and_where(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        unsigned line, column; /* 0: not looked at */
        const char *words;
    } cases[] = {
        {"", 1, 0, "there is no content"},
        {" \n ", 0, 0, "there is no content"},
        {"{\n \"a\": 1,\n \"a\": 2}", 3, 0, "duplicate object key"},
        {"{\"a\": {\"b\": 1, \"b\": 1}}", 1, 0, "duplicate object key"},
        {"{\xe2\x80\x9c"
         "a\xe2\x80\x9d: 1}",
         1, 0, "straight quotes"},
        {"{\"a\": \xe2\x80\x9cx\xe2\x80\x9d}", 1, 0, "straight quotes"},
        {"\"CustID\": 100", 1, 0, "must begin with { or ["},
        {"CustID:100", 1, 0, "must begin with { or ["},
        {"100", 1, 0, "must begin with { or ["},
        {"{\"a\":1} x", 1, 9, "end of file expected"},
        {"{\"a\":1}{}", 1, 0, "end of file expected"},
        {"{\"a\":}", 1, 0, "unexpected token"},
        {"{\"a\":1,}", 1, 0, "expected"},
        {"{a:1}", 1, 0, "expected"},
        {"{'a':1}", 1, 0, "expected near '''"},
        {"{\"a\":\"\\ud800\"}", 1, 0, "invalid Unicode"},
        {"{\"a\":\"\\udc00\\ud800\"}", 1, 0, "invalid Unicode"},
        {"{\"a\":\"\\u0000\"}", 1, 0, "\\u0000"},
        {"{\"a\":\"\xff\"}", 1, 0, "unable to decode byte 0xff"},
        {"{\"a\":\"\xed\xa0\x80\"}", 1, 0, "unable to decode byte 0xed"},
        {"{\"a\":\"b\nc\"}", 1, 0, "unexpected newline"},
        {"{\"a\":1e999999}", 1, 0, "real number overflow"},
        {"{\"a\":99999999999999999999}", 1, 0, "too big integer"},
        {"{\"a\":01}", 1, 0, "invalid token"},
        {"{\"a\":+1}", 1, 0, "invalid token"},
        {"{\"a\":.5}", 1, 0, "invalid token"},
        {"{\"a\":NaN}", 1, 0, "invalid token"},
        {"{\"a\":tru}", 1, 0, "invalid token"},
        {"[[[[[[[[[]]]]]]]]]", 1, 9, "nested deeper than 8 (json_depth)"},
        {"{\"a\":\n  [[[[[[[\xc3\xa9[", 2, 11, "nested deeper"},
        {"\xef\xbb\xbf{}", 1, 0, "byte order mark"},
        {"{\"a\":[1,2", 1, 0, "expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value = NULL;
        tc_document_fault f = {0};
        const tc_err err =
            tc_document_read(check_edge(tc_span_str(cases[i].text)), DEPTH, &value, &f);
        check_case(err == TC_ERR_JSON && !value, cases[i].text);
        if (!strstr(f.text, cases[i].words)) fail_msg("%s: %s", cases[i].text, f.text);
        check_case(!cases[i].line || f.line == cases[i].line, cases[i].text);
        if (cases[i].column && f.column != cases[i].column)
            fail_msg("%s: %s", cases[i].text, f.text);
    }
    tc_document_fault f;
    json_t *value;
    assert_int_equal(tc_document_read(tc_span_of("{\"a\":1\0}", 8), DEPTH, &value, &f),
                     TC_ERR_JSON);
}

static void what_comes_back(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"{}", "{}"},
        {" [ ] ", "[]"},
        {"{\"b\":1,\"a\":[true,false,null]}", "{\"b\":1,\"a\":[true,false,null]}"},
        {"[0.1,1.0,100.0,1e2,1e300,-0.0,5e-324,3.141592653589793]",
         "[0.1,1.0,100.0,100.0,1e+300,-0.0,4.94065645841247e-324,3.141592653589793]"},
        {"[9223372036854775807,-9223372036854775808]",
         "[9223372036854775807,-9223372036854775808]"},
        {"[\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\/\"]", "[\"\xc3\xa9\xf0\x9f\x98\x80\\n\\\"\\\\/\"]"},
        {"{\"__proto__\":{\"x\":1},\"constructor\":2}",
         "{\"__proto__\":{\"x\":1},\"constructor\":2}"},
        {"[[[[[[[[]]]]]]]]", "[[[[[[[[]]]]]]]]"},
        {"[\"[[[[[[[[[[[[\\\"[[[[\"]", "[\"[[[[[[[[[[[[\\\"[[[[\"]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *value;
        tc_document_fault f;
        tc_buf out;
        if (tc_document_read(tc_span_str(cases[i].text), DEPTH, &value, &f))
            fail_msg("%s: %s", cases[i].text, f.text);
        tc_buf_init(&out, 4096);
        assert_int_equal(tc_document_write(value, &out), TC_OK);
        check_span(tc_buf_span(&out), cases[i].written);
        tc_buf_fini(&out);
        json_decref(value);
    }
}

/* A million nested brackets, a million members: time and memory are bounded by what came. */
static void large_things(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    json_t *value;
    tc_document_fault f;
    char *text = malloc(16 * MANY);
    assert_non_null(text);
    memset(text, '[', MANY);
    assert_int_equal(tc_document_read(tc_span_of(text, MANY), DEPTH, &value, &f), TC_ERR_JSON);
    size_t n = 0;
    text[n++] = '{';
    for (int i = 0; i < MANY / 10; i++)
        n += (size_t)sprintf(text + n, "%s\"%d\":0", i ? "," : "", i);  // NOLINT
    text[n++] = '}';
    assert_int_equal(tc_document_read(tc_span_of(text, n), DEPTH, &value, &f), TC_OK);
    assert_int_equal(json_object_size(value), MANY / 10);
    json_decref(value);
    free(text);
}

static void no_memory(void **state)
{
    (void)state;
    static const tc_span text = {"{\"a\":[1,2.5,\"x\"],\"b\":{}}", 24};
    json_t *value = NULL;
    tc_document_fault f;
    tc_err err = TC_ERR_NO_MEMORY;
    for (int n = 0; err; n++) {
        tc_alloc_fail_after(n);
        err = tc_document_read(text, DEPTH, &value, &f);
        tc_alloc_fail_after(-1);
        assert_true(!err || !value);
        assert_true(err == TC_OK || err == TC_ERR_NO_MEMORY || err == TC_ERR_JSON);
        assert_true(n < 1000);
    }
    json_decref(value);
}

static int set_up(void **state)
{
    (void)state;
    tc_document_init();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused_and_where),
        cmocka_unit_test(what_comes_back),
        cmocka_unit_test(large_things),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests_name("document", tests, set_up, NULL);
}
