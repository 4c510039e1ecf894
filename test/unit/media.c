/* media.c - media types by file name. */
// SPDX-License-Identifier: MIT
#include "http/media.h"

#include "support/check.h"

static void endings_name_types(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type;
    } cases[] = {
        {"index.html", "text/html; charset=utf-8"},
        {"INDEX.HTML", "text/html; charset=utf-8"},
        {"/a/b.c/index.Htm", "text/html; charset=utf-8"},
        {"site.css", "text/css; charset=utf-8"},
        {"a.min.js", "text/javascript; charset=utf-8"},
        {"x.json", "application/json"},
        {"photo.JPG", "image/jpeg"},
        {"logo.svg", "image/svg+xml"},
        {"a.tar.gz", "application/gzip"},
        {"f.woff2", "font/woff2"},
        {"m.wasm", "application/wasm"},
        {"", "application/octet-stream"},
        {".", "application/octet-stream"},
        {"..", "application/octet-stream"},
        {"html", "application/octet-stream"},
        {".html", "application/octet-stream"},
        {"dir/.html", "application/octet-stream"},
        {"dir.html/file", "application/octet-stream"},
        {"file.", "application/octet-stream"},
        {"a.html ", "application/octet-stream"},
        {"a.htm\xc4\xb1", "application/octet-stream"},
        {"a.unknown", "application/octet-stream"},
        {".a.html", "text/html; charset=utf-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_span(tc_media_of(check_edge(tc_span_str(cases[i].name))), cases[i].type);
    check_span(tc_media_of((tc_span){0}), "application/octet-stream");
    check_span(tc_media_of(TC_SPAN("a.html\0.exe")), "application/octet-stream");
}

static void every_row_is_found_by_its_own_ending(void **state)
{
    (void)state;
#define TC_MEDIA(ending, type) check_span(tc_media_of(TC_SPAN("x." ending)), type);
#include "media.def"
#undef TC_MEDIA
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endings_name_types),
        cmocka_unit_test(every_row_is_found_by_its_own_ending),
    };
    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
