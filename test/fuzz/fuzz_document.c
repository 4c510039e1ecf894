/* fuzz_document.c - JSON documents and patches of them: what is read can be written and is the same
 * when it is read again; a patch keeps within its bounds or changes nothing. The input is a
 * document, NUL, a patch. */
// SPDX-License-Identifier: MIT
#include <stdlib.h>

#include "records/patch.h"

enum { DEPTH = 32, BYTES = 65536 };
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) abort();                                                                 \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *read(tc_span text)
{
    json_t *v = NULL;
    tc_document_fault fault;
    const tc_err err = tc_document_read(text, DEPTH, &v, &fault);
    if (!err) return v;
    MUST(err == TC_ERR_JSON && fault.line > 0 && fault.column > 0 && fault.text[0]);
    return NULL;
}

/* At most that deep, and the same when it was written and read. */
static void check(const json_t *v, bool whole)
{
    tc_buf text, again;
    tc_buf_init(&text, 8 * BYTES);
    tc_buf_init(&again, 8 * BYTES);
    MUST(tc_document_write(v, &text) == TC_OK);
    json_t *same = read(tc_buf_span(&text));
    MUST(same || !whole);
    if (same) {
        MUST(tc_document_write(same, &again) == TC_OK);
        MUST(tc_span_eq(tc_buf_span(&text), tc_buf_span(&again)));
    }
    json_decref(same);
    tc_buf_fini(&text);
    tc_buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool begun;
    static const enum tc_patch_kind kinds[] = {TC_PATCH_MERGE, TC_PATCH_OPERATIONS};
    const tc_patch_bounds bounds = {.operations = 100, .bytes = BYTES, .depth = DEPTH};
    char why[TC_PATCH_WHY];
    if (!begun) tc_document_init();
    begun = true;
    if (size > BYTES) return 0;
    const tc_span all = tc_span_of((const char *)data, size);
    const size_t end = tc_span_find(all, 0);
    json_t *document = read(tc_span_first(all, end));
    json_t *patch = read(tc_span_from(all, end + 1));
    if (document) check(document, true);
    for (int i = 0; i < 2 && document && patch; i++) {
        json_t *on = json_deep_copy(document);
        const tc_err err = tc_patch_apply(&on, kinds[i], patch, &bounds, why);
        if (err)
            MUST(err == TC_ERR_PATCH || err == TC_ERR_PATCH_SYNTAX ||
                 err == TC_ERR_CONTENT_TOO_LARGE);
        else if (json_is_object(on) || json_is_array(on))
            check(on, true);
        json_decref(on);
    }
    json_decref(document);
    json_decref(patch);
    return 0;
}
