/* error_file.c - see error_file.h. */
// SPDX-License-Identifier: MIT
#include "files/error_file.h"

#include "files/files.h"
#include "files/variants.h"
#include "http/exchange.h"
#include "net/loop.h"

const char *tc_error_file_read(tc_span text, tc_error_file *ret_file)
{
    const size_t blank = tc_span_find(text, ' ');
    const tc_span word = tc_span_first(text, blank), path = tc_span_trim(tc_span_from(text, blank));
    uint64_t status;
    if (!path.len || path.at[0] != '/')
        return "it is STATUS /PATH, such as \"404 /404.html\" or \"5xx /sorry.html\"";
    if (tc_span_ends(path, TC_SPAN("/"))) return "the path is one of a file, not of a folder";
    if (tc_span_number(word, &status) && word.len == 3 && status >= 400 && status < 600) {
        *ret_file = (tc_error_file){(uint16_t)status, (uint16_t)status, path};
        return NULL;
    }
    if (!tc_span_ieq(word, TC_SPAN("4xx")) && !tc_span_ieq(word, TC_SPAN("5xx")))
        return "the status is 400 to 599, 4xx or 5xx";
    status = (uint64_t)(word.at[0] - '0') * 100;
    *ret_file = (tc_error_file){(uint16_t)status, (uint16_t)(status + 99), path};
    return NULL;
}

tc_span tc_error_file_of(const tc_error_file *at, size_t count, unsigned status)
{
    tc_span found = {0};
    for (size_t i = 0; i < count; i++) {
        if (status < at[i].first || status > at[i].last) continue;
        if (at[i].first == at[i].last) return at[i].path;
        if (!found.len) found = at[i].path;
    }
    return found;
}

static bool is_our_page(const tc_exchange *x)
{
    tc_span type;
    return x->ours.status >= 400 && x->ended && x->run_count == 1 &&
           tc_fields_get(&x->ours.fields, TC_FIELD_CONTENT_TYPE, &type) &&
           tc_span_starts(type, TC_SPAN("text/html"));
}

/* In the place of what is said of our page, so that it takes no memory. Our pages load nothing from
 * anywhere; what the site's own need is for the site to say. */
static void describe(tc_fields *to, const tc_file *f)
{
    for (uint32_t i = 0; i < to->count; i++) {
        if (to->at[i].id == TC_FIELD_CONTENT_TYPE) to->at[i].value = f->type;
        if (to->at[i].id == TC_FIELD_CONTENT_LANGUAGE) to->at[i].value = f->language;
    }
    if (!f->language.len) tc_fields_remove(to, tc_field_name(TC_FIELD_CONTENT_LANGUAGE));
    tc_fields_remove(to, TC_SPAN("content-security-policy"));
}

void tc_error_file_answer(tc_files *files, tc_exchange *x)
{
    const tc_files_config *config = files->config;
    tc_file *f;
    if (!is_our_page(x)) return;
    const tc_span path =
        tc_error_file_of(config->error_files, config->error_file_count, x->ours.status);
    if (!path.len ||
        tc_file_get(&files->folder, path, tc_loop_now(files->loop), &f) != TC_FILE_FOUND)
        return;
    tc_file *spoken = tc_variant_spoken(f, &x->theirs.fields);
    spoken->refs++;
    tc_file_unref(f);
    f = spoken;
    if (tc_arena_defer(&x->arena, tc_file_unref, f) != TC_OK) return;
    describe(&x->ours.fields, f);
    x->runs[0] = tc_files_run(x, f, 0, f->size);
    x->run_count = f->size > 0;
    x->ours.length = (int64_t)f->size;
}
