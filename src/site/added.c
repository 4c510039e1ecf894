/* added.c - see added.h. */
// SPDX-License-Identifier: MIT
#include "site/added.h"

#include "base/alloc.h"

typedef struct tc_added_block {
    tc_block block;
    tc_arena arena; /* of its encoding */
} tc_added_block;

enum { ENCODED_MAX = 1 << 20 };

/* What the engine or the handler says, or what would break the framing. */
static bool is_ours(tc_span name)
{
    static const char *const names[] = {"connection", "content-length", "content-range",
                                        "date",       "keep-alive",     "proxy-connection",
                                        "te",         "trailer",        "transfer-encoding",
                                        "upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (tc_span_ieq(name, tc_span_str(names[i]))) return true;
    return false;
}

const char *tc_added_parse(tc_span text, tc_arena *a, tc_fields *fields)
{
    const size_t colon = tc_span_find(text, ':');
    const tc_span name = tc_span_first(text, colon);
    const tc_span value = tc_span_trim(tc_span_from(text, colon + 1));
    if (colon == text.len || !name.len) return "\"Name: value\" is wanted";
    if (is_ours(name)) return "this field is the server's own to say";
    const tc_err err = tc_fields_add(fields, a, name, value);
    if (err == TC_ERR_NO_MEMORY) return tc_err_sentence(err);
    return err ? "a name has letters, digits and -; a value no control bytes" : NULL;
}

void tc_added_init(tc_added *a, const tc_fields *fields, uint32_t count)
{
    *a = (tc_added){.fields = fields, .count = count};
}

void tc_added_fini(tc_added *a)
{
    for (uint32_t i = 0; a->blocks && i < a->count; i++) {
        if (a->blocks[i]) tc_arena_fini(&a->blocks[i]->arena);
        tc_free(a->blocks[i]);
    }
    tc_free(a->blocks);
    a->blocks = NULL;
}

tc_block *tc_added_use(tc_added *a, uint32_t i)
{
    if (!a->blocks) a->blocks = tc_alloc_zero(a->count * sizeof(tc_added_block *));
    if (!a->blocks) return NULL;
    tc_added_block *b = a->blocks[i];
    if (b) return &b->block;
    b = tc_alloc_zero(sizeof *b);
    if (!b) return NULL;
    tc_arena_init(&b->arena, NULL, 0, ENCODED_MAX);
    b->block = (tc_block){.number = tc_block_number(),
                          .fields = a->fields[i],
                          .length = TC_LENGTH_UNKNOWN,
                          .arena = &b->arena};
    a->blocks[i] = b;
    return &b->block;
}
