/* preload.c - Link fields (RFC 8288) as a server reads its own, and what it pushes for them. */
// SPDX-License-Identifier: MIT
#include "gate/preload.h"

#include "base/alloc.h"
#include "support/check.h"

static tc_preloads p;
static tc_exchange x;

static void begin(const char *path)
{
    tc_preloads_init(&p);
    tc_exchange_init(&x, 1, 1 << 20);
    x.theirs.method = TC_METHOD_GET;
    x.theirs.path = tc_span_str(path);
    x.ours.status = 200;
}

static void end(void)
{
    tc_exchange_fini(&x);
    tc_preloads_fini(&p);
}

/* The paths that are to be pushed, with blanks between. */
static void check_pushes(const char *wanted)
{
    char text[256] = "";
    size_t len = 0;
    for (const tc_promise *one = x.promises; one; one = one->next) {
        memcpy(text + len, one->path.at, one->path.len);
        len += one->path.len;
        text[len++] = ' ';
    }
    check_span(tc_span_of(text, len), wanted);
    assert_int_equal((x.want & TC_WANT_PUSH) != 0, len > 0);
}

static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *links, *pushed;
    } cases[] = {
        {"</a>; rel=preload", "/a "},
        {"</a>;rel=\"preload\"", "/a "},
        {"</a>; REL=PreLoad; as=style", "/a "},
        {"</a>; rel=\"next preload\"", "/a "},
        {"</a>; as=style; crossorigin; rel=preload", "/a "},
        {"</a>; crossorigin ;rel=preload", "/a "},
        {"</a>; rel=preload, </b?c>; rel=preload", "/a /b?c "},
        {"</a,b>; rel=preload , </c>;rel=preload", "/a,b /c "},
        {"</a>; title=\"x, <y>; rel=no\"; rel=preload", "/a "},
        {"</a>, </b>; rel=preload", "/b "},
        {"</a>;, </b>; rel=preload", "/b "},
        {"</a>; rel=preload; nopush", ""},
        {"</a>; nopush; rel=preload", ""},
        {"</a>; nopush=1; rel=preload", ""},
        {"</a>; rel=prefetch", ""},
        {"</a>; rel=preloaded", ""},
        {"</a>; x=\"rel=preload\"", ""},
        {"</a>", ""},
        {"</a", ""},
        {"/a; rel=preload", ""},
        {"<a>; rel=preload", ""},
        {"<>; rel=preload", ""},
        {"<//evil/a>; rel=preload", ""},
        {"<https://evil/a>; rel=preload", ""},
        {"</a b>; rel=preload", ""},
        {"</a#b>; rel=preload", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin("/");
        p.pushes_links = true;
        assert_int_equal(tc_fields_set(&x.ours.fields, &x.arena, TC_FIELD_LINK,
                                       check_edge(tc_span_str(cases[i].links))),
                         TC_OK);
        assert_int_equal(tc_preloads_answer(&p, &x), TC_OK);
        check_pushes(cases[i].pushed);
        end();
    }
}

static void test_lists(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",       "/",      "=",      "/=",     "/=a",
                                        "/=/a,",  "/=,/a",  "a=/b",   "/?x=/b", "/=//h/a",
                                        "/=/a b", "/=/a#b", "/a b=/c"};
    begin("/page?query");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        check_case(tc_preloads_add(&p, tc_span_str(wrong[i]), true) == TC_ERR_USAGE, wrong[i]);
    assert_false(tc_preloads_any(&p));
    assert_int_equal(tc_preloads_add(&p, TC_SPAN("/page=/a.css"), true), TC_OK);
    assert_int_equal(tc_preloads_add(&p, TC_SPAN("/other=/o.css"), true), TC_OK);
    assert_int_equal(tc_preloads_add(&p, TC_SPAN("/page=/b.js,/c.vtt?d=e"), false), TC_OK);
    assert_int_equal(tc_preloads_answer(&p, &x), TC_OK);
    assert_int_equal(x.ours.fields.count, 2);
    check_span(x.ours.fields.at[0].value, "</a.css>; rel=preload; as=style");
    check_span(x.ours.fields.at[1].value,
               "</b.js>; rel=preload; as=script, </c.vtt?d=e>; rel=preload; as=track");
    check_pushes("/a.css ");
    end();
}

static void test_what_has_no_push(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(i == 0 ? "/page/" : "/page");
        assert_int_equal(tc_preloads_add(&p, TC_SPAN("/page=/a"), true), TC_OK);
        if (i == 1) x.ours.status = 304;
        if (i == 2) x.theirs.method = TC_METHOD_POST;
        if (i == 3) x.theirs.method = TC_METHOD_HEAD;
        assert_int_equal(tc_preloads_answer(&p, &x), TC_OK);
        check_pushes("");
        assert_int_equal(x.ours.fields.count, i == 3);
        end();
    }
    begin("/page");
    x.pushed = true; /* nothing follows from a push */
    p.hints = true;
    assert_int_equal(tc_preloads_add(&p, TC_SPAN("/page=/a"), true), TC_OK);
    assert_int_equal(tc_preloads_begin(&p, &x), TC_OK);
    assert_int_equal(tc_preloads_answer(&p, &x), TC_OK);
    assert_int_equal(x.want, 0);
    end();
}

static void test_hints(void **state)
{
    (void)state;
    begin("/page");
    assert_int_equal(tc_preloads_add(&p, TC_SPAN("/page=/a.css"), false), TC_OK);
    assert_int_equal(tc_preloads_begin(&p, &x), TC_OK);
    assert_int_equal(x.want, 0); /* nobody wants them */
    p.hints = true;
    assert_int_equal(tc_preloads_begin(&p, &x), TC_OK);
    assert_int_equal(x.want, TC_WANT_INFORM);
    assert_int_equal(x.informational, 103);
    check_span(x.hints->at[0].value, "</a.css>; rel=preload; as=style");
    assert_int_equal(x.ours.fields.count, 0);
    end();
}

static void test_without_memory(void **state)
{
    (void)state;
    tc_err err = TC_ERR_NO_MEMORY;
    for (int64_t n = 0; err; n++) {
        begin("/page");
        tc_alloc_fail_after(n);
        err = tc_preloads_add(&p, TC_SPAN("/page=/a.css,/b.css"), true);
        tc_alloc_fail_after(-1);
        assert_true(!err || err == TC_ERR_NO_MEMORY);
        assert_int_equal(tc_preloads_any(&p), !err);
        end();
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_has_no_push),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests_name("preload", tests, NULL, NULL);
}
