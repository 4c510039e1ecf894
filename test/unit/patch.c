/* Merge patch by the table of RFC 7396, JSON Patch by its public test suite; bounds and bombs. */
// SPDX-License-Identifier: MIT
#include "records/patch.h"

#include <stdio.h>

#include "support/check.h"

static const tc_patch_bounds bounds = {.operations = 1000, .bytes = 1 << 20, .depth = 64};

static json_t *read(const char *text)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);
    if (!v) fail_msg("%s", text);
    return v;
}

/* RFC 7396, appendix A, as far as documents are objects. */
static void merging(void **state)
{
    (void)state;
    static const struct {
        const char *before, *patch, *after;
    } cases[] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"a\":\"x\"}", "{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"},
        {"{\"a\":1}", "{}", "{\"a\":1}"},
    };
    char why[TC_PATCH_WHY];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *document = read(cases[i].before), *patch = read(cases[i].patch);
        json_t *after = read(cases[i].after);
        check_case(!tc_patch_apply(&document, TC_PATCH_MERGE, patch, &bounds, why), cases[i].patch);
        check_case(json_equal(document, after), cases[i].patch);
        json_decref(document);
        json_decref(patch);
        json_decref(after);
    }
    json_t *document = read("{}"), *patch = read("[1]");
    assert_int_equal(tc_patch_apply(&document, TC_PATCH_MERGE, patch, &bounds, why),
                     TC_ERR_PATCH_SYNTAX);
    json_decref(document);
    json_decref(patch);
}

static unsigned run_case(const json_t *c)
{
    const json_t *patch = json_object_get(c, "patch"), *expected = json_object_get(c, "expected");
    const char *label = json_string_value(json_object_get(c, "comment"));
    const char *error = json_string_value(json_object_get(c, "error"));
    char why[TC_PATCH_WHY];
    if (!patch || json_is_true(json_object_get(c, "disabled"))) return 0;
    if (!label) label = error ? error : "a case";
    json_t *document = json_deep_copy(json_object_get(c, "doc"));
    const tc_err err = tc_patch_apply(&document, TC_PATCH_OPERATIONS, patch, &bounds, why);
    if (error)
        check_case(err == TC_ERR_PATCH || err == TC_ERR_PATCH_SYNTAX, label);
    else if (err)
        fail_msg("case \"%s\": %s", label, why);
    if (expected && !json_equal(document, expected))
        fail_msg("case \"%s\": %s", label, json_dumps(document, JSON_ENCODE_ANY));
    json_decref(document);
    return 1;
}

static void the_public_suite(void **state)
{
    (void)state;
    static const char *const files[] = {"tests.json", "spec_tests.json"};
    unsigned ran = 0;
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        json_error_t e;
        size_t at;
        json_t *c;
        (void)snprintf(path, sizeof path, "%s/vectors/json_patch/%s", TEST_DIR, files[i]);
        json_t *all = json_load_file(path, 0, &e);
        if (!all) fail_msg("%s: %s", path, e.text);
        json_array_foreach(all, at, c) ran += run_case(c);
        json_decref(all);
    }
    print_message("%u cases\n", ran);
    assert_true(ran > 80);
}

static void what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *patch;
        tc_err err;
        const char *words;
    } cases[] = {
        {"{}", TC_ERR_PATCH_SYNTAX, "is an array"},
        {"[1]", TC_ERR_PATCH_SYNTAX, "operation 0: an operation is an object"},
        {"[{\"op\":\"test\",\"path\":\"/a\",\"value\":1},{\"op\":\"spam\",\"path\":\"\"}]",
         TC_ERR_PATCH_SYNTAX, "operation 1: no such operation: spam"},
        {"[{\"op\":\"add\",\"path\":\"/a\"}]", TC_ERR_PATCH_SYNTAX, "\"value\" is missing"},
        {"[{\"op\":\"move\",\"path\":\"/a\"}]", TC_ERR_PATCH_SYNTAX, "\"from\" is missing"},
        {"[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]", TC_ERR_PATCH_SYNTAX,
         "not a JSON Pointer"},
        {"[{\"op\":\"add\",\"path\":\"/a~2\",\"value\":1}]", TC_ERR_PATCH_SYNTAX,
         "not a JSON Pointer"},
        {"[{\"op\":\"remove\",\"path\":\"/none\"}]", TC_ERR_PATCH, "there is nothing at: /none"},
        {"[{\"op\":\"remove\",\"path\":\"\"}]", TC_ERR_PATCH, "the whole record"},
        {"[{\"op\":\"replace\",\"path\":\"/none\",\"value\":1}]", TC_ERR_PATCH,
         "nothing to replace"},
        {"[{\"op\":\"test\",\"path\":\"/a\",\"value\":2}]", TC_ERR_PATCH, "the test fails at: /a"},
        {"[{\"op\":\"test\",\"path\":\"/l\",\"value\":[1,2]}]", TC_ERR_PATCH, "the test fails"},
        {"[{\"op\":\"add\",\"path\":\"/l/9\",\"value\":1}]", TC_ERR_PATCH,
         "the array ends before: /l/9"},
        {"[{\"op\":\"add\",\"path\":\"/l/01\",\"value\":1}]", TC_ERR_PATCH, "not an index"},
        {"[{\"op\":\"add\",\"path\":\"/l/99999999999999999999\",\"value\":1}]", TC_ERR_PATCH,
         "not an index"},
        {"[{\"op\":\"replace\",\"path\":\"/l/-\",\"value\":1}]", TC_ERR_PATCH,
         "nothing to replace"},
        {"[{\"op\":\"move\",\"from\":\"/o\",\"path\":\"/o/p\"}]", TC_ERR_PATCH, "into itself"},
        {"[{\"op\":\"add\",\"path\":\"/a/b\",\"value\":1}]", TC_ERR_PATCH, "there is nothing at"},
    };
    char why[TC_PATCH_WHY];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *document = read("{\"a\":1,\"l\":[1],\"o\":{}}"), *patch = read(cases[i].patch);
        const tc_err err = tc_patch_apply(&document, TC_PATCH_OPERATIONS, patch, &bounds, why);
        check_case(err == cases[i].err, cases[i].patch);
        if (!strstr(why, cases[i].words)) fail_msg("%s: %s", cases[i].patch, why);
        json_decref(document);
        json_decref(patch);
    }
}

/* Each copy doubles the record: it ends long before memory does. */
static void bombs(void **state)
{
    (void)state;
    char why[TC_PATCH_WHY];
    json_t *document = read("{\"a\":[\"xxxxxxxxxxxxxxxx\"]}"), *patch = json_array();
    for (int i = 0; i < 200; i++)
        assert_int_equal(json_array_append_new(
                             patch, read("{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/a/-\"}")),
                         0);
    assert_int_equal(tc_patch_apply(&document, TC_PATCH_OPERATIONS, patch, &bounds, why),
                     TC_ERR_CONTENT_TOO_LARGE);
    assert_non_null(strstr(why, "record_bytes"));
    json_decref(document);
    json_decref(patch);

    document = read("{\"a\":{}}");
    patch = json_array();
    for (int i = 0; i < 1001; i++)
        assert_int_equal(
            json_array_append_new(patch, read("{\"op\":\"test\",\"path\":\"/a\",\"value\":{}}")),
            0);
    assert_int_equal(tc_patch_apply(&document, TC_PATCH_OPERATIONS, patch, &bounds, why),
                     TC_ERR_CONTENT_TOO_LARGE);
    assert_non_null(strstr(why, "patch_operations"));
    json_decref(patch);

    patch = json_array();
    for (int i = 0; i < 80; i++)
        assert_int_equal(
            json_array_append_new(patch, read("{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}")),
            0);
    json_decref(patch);
    patch = json_array();
    for (int i = 0; i < 80; i++) { /* {"a":X} becomes {"a":{"a":X}} */
        json_array_append_new(patch, read("{\"op\":\"add\",\"path\":\"/b\",\"value\":{}}"));
        json_array_append_new(patch, read("{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b/a\"}"));
        json_array_append_new(patch, read("{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/a\"}"));
    }
    assert_int_equal(tc_patch_apply(&document, TC_PATCH_OPERATIONS, patch, &bounds, why),
                     TC_ERR_CONTENT_TOO_LARGE);
    assert_non_null(strstr(why, "json_depth"));
    json_decref(document);
    json_decref(patch);
}

static tc_err run_bomb(const char *document, json_t *patch, const char *words)
{
    char why[TC_PATCH_WHY];
    json_t *on = read(document);
    const tc_err err = tc_patch_apply(&on, TC_PATCH_OPERATIONS, patch, &bounds, why);
    if (err && !strstr(why, words)) fail_msg("%s", why);
    json_decref(on);
    json_decref(patch);
    return err;
}

/* {"a":[[...]]} is copied into its own depth again and again: half a million levels would be more
 * than a stack has. */
static void deep_copies(void **state)
{
    (void)state;
    enum { MOST = 400000 };
    static char path[2 * MOST + 8];
    json_t *patch = json_array();
    size_t len = 2;
    memcpy(path, "/a", 2);
    for (int depth = 1; depth < MOST; depth *= 2) {
        while (len < 2 * (size_t)depth) {
            memcpy(path + len, "/0", 2);
            len += 2;
        }
        memcpy(path + len, "/-", 3);
        json_array_append_new(patch,
                              json_pack("{s:s,s:s,s:s}", "op", "copy", "from", "/a", "path", path));
    }
    assert_int_equal(run_bomb("{\"a\":[]}", patch, "json_depth"), TC_ERR_CONTENT_TOO_LARGE);
}

/* A thousand times half a million members: each move is cheap to ask for. */
static void long_moves(void **state)
{
    (void)state;
    enum { MEMBERS = 400000 };
    static char document[2 * MEMBERS + 16];
    json_t *patch = json_array();
    size_t len = (size_t)snprintf(document, sizeof document, "{\"a\":[1");
    for (int i = 1; i < MEMBERS; i++, len += 2)
        memcpy(document + len, ",1", 2);
    memcpy(document + len, "]}", 3);
    for (int i = 0; i < 1000; i++)
        json_array_append_new(patch, read("{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a/1\"}"));
    assert_int_equal(run_bomb(document, patch, "moves too much"), TC_ERR_CONTENT_TOO_LARGE);
    patch = json_array();
    for (int i = 0; i < 500; i++) {
        json_array_append_new(patch, read("{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/b\"}"));
        json_array_append_new(patch, read("{\"op\":\"move\",\"from\":\"/b\",\"path\":\"/a\"}"));
    }
    assert_int_equal(run_bomb(document, patch, "moves too much"), TC_ERR_CONTENT_TOO_LARGE);
    patch = json_array();
    for (int i = 0; i < 1000; i++)
        json_array_append_new(patch, read("{\"op\":\"move\",\"from\":\"/a/0\",\"path\":\"/a/5\"}"));
    assert_int_equal(run_bomb("{\"a\":[1,2,3,4,5,6,7]}", patch, ""), TC_OK);
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
        cmocka_unit_test(merging),       cmocka_unit_test(the_public_suite),
        cmocka_unit_test(what_is_wrong), cmocka_unit_test(bombs),
        cmocka_unit_test(deep_copies),   cmocka_unit_test(long_moves),
    };
    return cmocka_run_group_tests_name("patch", tests, set_up, NULL);
}
