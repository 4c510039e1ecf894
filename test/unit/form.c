/* form.c - forms in both encodings: the same fields however the bytes are cut, strict, bounded. */
// SPDX-License-Identifier: MIT
#include "http/form.h"

#include "http/multipart.h"
#include "support/check.h"
#include "support/form_log.h"

#define PLAIN "application/x-www-form-urlencoded"
#define PARTS "multipart/form-data; boundary=b1"
#define D "Content-Disposition: form-data; "
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    } /* TC_SPAN is no constant */

typedef struct form_case {
    const char *type;
    tc_span content;
    tc_err err;
    const char *wanted; /* fields, or a part of why */
} form_case;

/* Whole, cut at every place, and byte by byte: always the same. */
static void play_case(const form_case *c, const tc_limits *limits)
{
    const tc_span content = check_edge(c->content);
    for (size_t first = 0; first <= content.len + 1; first++) {
        const size_t piece = first > content.len ? 1 : 0;
        form_log log;
        form_log_play(&log, tc_span_str(c->type), content, limits, piece ? 0 : first, piece);
        check_case(log.err == c->err, c->content.at);
        if (c->err)
            check_case(strstr(log.why, c->wanted), log.why);
        else
            check_span(tc_buf_span(&log.text), c->wanted);
        form_log_fini(&log);
    }
}

static void fields_come_out_however_they_are_cut(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {PLAIN, TEXT(""), TC_OK, ""},
        {PLAIN, TEXT("a=1"), TC_OK, "a=1\n"},
        {PLAIN, TEXT("a=1&b=2"), TC_OK, "a=1\nb=2\n"},
        {PLAIN "; charset=UTF-8", TEXT("&&a=1&&&b=&c&"), TC_OK, "a=1\nb=\nc=\n"},
        {PLAIN, TEXT("N=David+Smith&A=%31%32%2B3%26%3d"), TC_OK, "N=David Smith\nA=12+3&=\n"},
        {PLAIN, TEXT("a==b=c&=d"), TC_OK, "a==b=c\n=d\n"},
        {PLAIN, TEXT("%61%3D=1&a=2"), TC_OK, "a==1\na=2\n"},
        {PARTS, TEXT("--b1--"), TC_OK, ""},
        {PARTS, TEXT("before\r\n--b1--\r\nbehind --b1 \r\n--b1"), TC_OK, ""},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\n\r\n1\r\n--b1--\r\n"), TC_OK, "a=1\n"},
        {PARTS,
         TEXT("--b1 \t\r\n" D "name=\"a b\"\r\n\r\n\r\n--b1\r\n" D "name=c\r\n\r\n2\r\n--b1--"),
         TC_OK, "a b=\nc=2\n"},
        {PARTS,
         TEXT("--b1\r\ncontent-type: text/plain; charset=utf-8\r\n" D
              "name=\"f\"; filename=\"a\\\"b%22.txt\"\r\nX-Other: y\r\n\r\nx\r\n--b1--"),
         TC_OK, "f[a\"b%22.txt|text/plain; charset=utf-8]=x\n"},
        /* what looks like a delimiter */
        {PARTS,
         TEXT("--b1\r\n" D "name=a\r\n\r\n\r\r\n-\r\n--b\r\n--B1\n--b1\r--b1 x--b1\r\n\r\n--b1--"),
         TC_OK, "a=\r\r\n-\r\n--b\r\n--B1\n--b1\r--b1 x--b1\r\n\n"},
        {"multipart/form-data; boundary=\"a b:=?\"",
         TEXT("--a b:=?\r\n" D "name=\"\"\r\n\r\nv\r\n--a b:=?--"), TC_OK, "=v\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        play_case(&cases[i], &tc_limits_default);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    static const form_case cases[] = {
        {PLAIN, TEXT("a=%"), TC_ERR_FORM, "hexadecimal"},
        {PLAIN, TEXT("a=%4"), TC_ERR_FORM, "hexadecimal"},
        {PLAIN, TEXT("a=%4&b=1"), TC_ERR_FORM, "hexadecimal"},
        {PLAIN, TEXT("%4=1"), TC_ERR_FORM, "hexadecimal"},
        {PLAIN, TEXT("a=%zz"), TC_ERR_FORM, "hexadecimal"},
        {PLAIN, TEXT("a=%%41"), TC_ERR_FORM, "hexadecimal"},
        {PLAIN, TEXT("a=b%00c"), TC_ERR_FORM, "NUL"},
        {PLAIN, TEXT("a=b\0c"), TC_ERR_FORM, "NUL"},
        {PLAIN, TEXT("a%00=b"), TC_ERR_FORM, "NUL"},
        {PARTS, TEXT(""), TC_ERR_FORM, "cut off"},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\n\r\n1\r\n--b1"), TC_ERR_FORM, "cut off"},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\n\r\n1\r\n--b1-"), TC_ERR_FORM, "cut off"},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\n"), TC_ERR_FORM, "cut off"},
        {PARTS, TEXT("--b1-x"), TC_ERR_FORM, "followed by"},
        {PARTS, TEXT("--b10\r\n" D "name=a\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "followed by"},
        {PARTS, TEXT("--b1\n" D "name=a\n\n1\n--b1--"), TC_ERR_FORM, "followed by"},
        {PARTS, TEXT("--b1 \rx"), TC_ERR_FORM, "followed by"},
        {PARTS, TEXT("--b1\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "no Content-Disposition"},
        {PARTS, TEXT("--b1\r\n" D "name=a\n\r\n1\r\n--b1--"), TC_ERR_FORM, "bare"},
        {PARTS, TEXT("--b1\r\n" D "name=a\rx\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "bare"},
        {PARTS, TEXT("--b1\r\n" D "name=a\0\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "NUL"},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\n\r\n1\0\r\n--b1--"), TC_ERR_FORM, "NUL"},
        {PARTS, TEXT("--b1\r\n" D "\r\n name=a\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "malformed"},
        {PARTS, TEXT("--b1\r\n" D "name=a; x\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "malformed"},
        {PARTS, TEXT("--b1\r\n" D "filename=a\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "malformed"},
        {PARTS, TEXT("--b1\r\n" D "name=a; name=b\r\n\r\n1\r\n--b1--"), TC_ERR_FORM, "two names"},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\n" D "name=a\r\n\r\n1\r\n--b1--"), TC_ERR_FORM,
         "two Content-Dispositions"},
        {PARTS, TEXT("--b1\r\nContent-Disposition: attachment; name=a\r\n\r\n1\r\n--b1--"),
         TC_ERR_FORM, "not form-data"},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n1\r\n--b1--"),
         TC_ERR_FORM, "encoded"},
        {PARTS,
         TEXT("--b1\r\n" D "name=a\r\nContent-Type: text/plain;charset=utf-7\r\n\r\n1\r\n--b1--"),
         TC_ERR_FORM_TYPE, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        play_case(&cases[i], &tc_limits_default);
}

static void types_are_judged(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum tc_form_kind kind;
    } cases[] = {
        {PLAIN, TC_FORM_URLENCODED},
        {"Application/X-WWW-Form-URLEncoded ; charset=\"UTF-8\"", TC_FORM_URLENCODED},
        {PLAIN "; charset=iso-8859-1", TC_FORM_NONE},
        {PLAIN "; charset", TC_FORM_NONE},
        {"text/plain", TC_FORM_NONE},
        {"", TC_FORM_NONE},
        {PARTS, TC_FORM_MULTIPART},
        {"multipart/form-data", TC_FORM_NONE},
        {"multipart/form-data; boundary=\"\"", TC_FORM_NONE},
        {"multipart/form-data; boundary=\"a \"", TC_FORM_NONE},
        {"multipart/form-data; boundary=\"a\\b\"", TC_FORM_NONE},
        {"multipart/form-data; boundary=a; boundary=b", TC_FORM_NONE},
        {"multipart/mixed; boundary=a", TC_FORM_NONE},
        {"multipart/form-data; boundary="
         "0123456789012345678901234567890123456789012345678901234567890123456789",
         TC_FORM_MULTIPART},
        {"multipart/form-data; boundary="
         "01234567890123456789012345678901234567890123456789012345678901234567890",
         TC_FORM_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tc_span boundary;
        const char *why;
        const tc_span type = check_edge(tc_span_str(cases[i].type));
        check_case(tc_form_kind_of(type, &boundary, &why) == cases[i].kind, cases[i].type);
    }
}

static void bounds_hold(void **state)
{
    (void)state;
    tc_limits limits = tc_limits_default;
    limits.form_bytes = 200;
    limits.form_fields = 2;
    limits.form_field = 4;
    limits.form_head = 64;
    static const form_case cases[] = {
        {PLAIN, TEXT("a=1234&b=1234"), TC_OK, "a=1234\nb=1234\n"},
        {PLAIN, TEXT("a=12345"), TC_ERR_FORM_TOO_LARGE, "form_field)"},
        {PLAIN, TEXT("a=1&b=2&c=3"), TC_ERR_FORM_TOO_LARGE, "form_fields"},
        {PLAIN, TEXT("a23456789012345678901234567890123456789012345678901234567890123456=1"),
         TC_ERR_FORM_TOO_LARGE, "form_head"},
        {PARTS, TEXT("--b1\r\n" D "name=a; filename=b\r\n\r\n12345\r\n--b1--"), TC_OK,
         "a[b|]=12345\n"},
        {PARTS, TEXT("--b1\r\n" D "name=a\r\n\r\n12345\r\n--b1--"), TC_ERR_FORM_TOO_LARGE,
         "form_field)"},
        {PARTS, TEXT("--b1\r\n" D "name=a; x=12345678901234567890\r\n\r\n1\r\n--b1--"),
         TC_ERR_FORM_TOO_LARGE, "form_head"},
        {PARTS, TEXT("--b1                                                                 \r\n"),
         TC_ERR_FORM_TOO_LARGE, "form_head"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        play_case(&cases[i], &limits);
    char long_one[202] = "--b1--";
    memset(long_one + 6, 'x', sizeof long_one - 6);
    form_log log;
    form_log_play(&log, TC_SPAN(PARTS), tc_span_of(long_one, 201), &limits, 0, 1);
    assert_int_equal(log.err, TC_ERR_FORM_TOO_LARGE); /* what means nothing counts too */
    assert_int_equal(log.reached.form_bytes, 1);
    form_log_fini(&log);
}

/* What costs most for its length: 8 MB of almost-delimiters. Quadratic time would be minutes. */
static void time_is_linear(void **state)
{
    (void)state;
    enum { SIZE = 8 << 20 };
    tc_limits limits = tc_limits_default;
    limits.form_bytes = limits.form_field = SIZE;
    tc_buf b;
    tc_buf_init(&b, SIZE);
    assert_int_equal(tc_buf_add(&b, TC_SPAN("--b1\r\n" D "name=a\r\n\r\n")), TC_OK);
    while (tc_buf_add(&b, TC_SPAN("\r\n--b\r\r\n--b")) == TC_OK)
        ;
    form_log log;
    form_log_play(&log, TC_SPAN(PARTS), tc_buf_span(&b), &limits, 0, 7);
    assert_int_equal(log.err, TC_ERR_FORM);
    form_log_fini(&log);
    tc_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_out_however_they_are_cut),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(types_are_judged),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(time_is_linear),
    };
    return cmocka_run_group_tests_name("form", tests, NULL, NULL);
}
