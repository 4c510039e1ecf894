/* patch.c - see patch.h. */
// SPDX-License-Identifier: MIT
#include "records/patch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { POINTER_BYTES = 1024, WORK = 8, MOVED_AT_ONCE = 16 };

typedef struct patching {
    json_t **document;
    const tc_patch_bounds *bounds;
    uint64_t bytes; /* of the document, about */
    uint64_t
        work; /* values looked at or moved; at most WORK for each byte that a record may have */
    char *why;
} patching;

/* Where a pointer leads: into what, and where there. */
typedef struct spot {
    json_t *parent; /* NULL: the whole document is meant */
    char name[POINTER_BYTES];
    uint64_t depth; /* how many containers are around it */
    size_t index;
    bool behind; /* "-": after the last of an array */
} spot;

static tc_err complain(const patching *p, tc_err err, const char *what, const char *path)
{
    (void)snprintf(p->why, TC_PATCH_WHY, "%s%s%.160s", what, path ? ": " : "", path ? path : "");
    return err;
}

/* --- how large ----------------------------------------------------------------------------- */

static uint64_t bytes_of(const json_t *v)
{
    uint64_t bytes = 2;
    size_t i;
    json_t *each;
    const char *name;
    size_t name_len;
    json_array_foreach((json_t *)v, i, each) bytes += bytes_of(each);
    json_object_keylen_foreach((json_t *)v, name, name_len, each) bytes +=
        name_len + 3 + bytes_of(each);
    return json_is_string(v) ? bytes + json_string_length(v) : bytes;
}

static bool is_deep(patching *p, const json_t *v, uint64_t depth)
{
    size_t i;
    json_t *each;
    const char *name;
    p->work++;
    if (!json_is_array(v) && !json_is_object(v)) return false;
    if (depth == 0) return true;
    json_array_foreach((json_t *)v, i, each) if (is_deep(p, each, depth - 1)) return true;
    json_object_foreach((json_t *)v, name, each) if (is_deep(p, each, depth - 1)) return true;
    return false;
}

/* Asked before anything is put somewhere: nothing here may recurse deeper than that. */
static tc_err fits(patching *p, const json_t *v, uint64_t depth)
{
    const uint64_t most = p->bounds->depth;
    if (depth > most || is_deep(p, v, most - depth))
        return complain(p, TC_ERR_CONTENT_TOO_LARGE, "the result is nested too deep (json_depth)",
                        NULL);
    return TC_OK;
}

/* The members of an array behind an index are moved. */
static tc_err toil(patching *p, const json_t *array)
{
    p->work += json_array_size(array) / MOVED_AT_ONCE;
    if (p->work / WORK <= p->bounds->bytes) return TC_OK;
    return complain(p, TC_ERR_CONTENT_TOO_LARGE, "the patch moves too much (record_bytes)", NULL);
}

static tc_err grow(patching *p, const json_t *by)
{
    p->bytes += bytes_of(by);
    if (p->bytes <= p->bounds->bytes) return TC_OK;
    return complain(p, TC_ERR_CONTENT_TOO_LARGE, "the result is too large (record_bytes)", NULL);
}

/* --- merge patch --------------------------------------------------------------------------- */

static tc_err merge(json_t *target, const json_t *patch)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)patch, name, value)
    {
        json_t *old = json_object_get(target, name);
        if (json_is_null(value)) {
            (void)json_object_del(target, name); /* fine where there is none */
        } else if (!json_is_object(value)) {
            json_t *copy = json_deep_copy(value);
            if (!copy || json_object_set_new(target, name, copy)) return TC_ERR_NO_MEMORY;
        } else {
            if (!json_is_object(old)) {
                old = json_object();
                if (!old || json_object_set_new(target, name, old)) return TC_ERR_NO_MEMORY;
            }
            const tc_err err = merge(old, value);
            if (err) return err;
        }
    }
    return TC_OK;
}

static tc_err apply_merge(patching *p, const json_t *patch)
{
    if (!json_is_object(patch))
        return complain(p, TC_ERR_PATCH_SYNTAX, "a merge patch of a record is an object", NULL);
    const tc_err err = merge(*p->document, patch);
    p->bytes = 0;
    return err ? err : grow(p, *p->document);
}

/* --- pointers (RFC 6901) ------------------------------------------------------------------- */

/* The next reference token, unescaped. false: malformed, or too long. */
static bool next_token(const char **at, char to[POINTER_BYTES])
{
    size_t len = 0;
    if (**at != '/') return false;
    for (++*at; **at && **at != '/'; ++*at) {
        char c = **at;
        if (c == '~') {
            c = *++*at;
            if (c != '0' && c != '1') return false;
            c = c == '0' ? '~' : '/';
        }
        if (len + 1 == POINTER_BYTES) return false;
        to[len++] = c;
    }
    to[len] = 0;
    return true;
}

/* Digits without leading zeros (RFC 6901, 4). */
static bool read_index(const char *token, size_t *ret)
{
    uint64_t n;
    const tc_span s = tc_span_str(token);
    if (!tc_span_number(s, &n) || (s.at[0] == '0' && s.len > 1) || n > SIZE_MAX / 2) return false;
    *ret = (size_t)n;
    return true;
}

static json_t *child(json_t *of, const char *token)
{
    size_t index;
    if (json_is_object(of)) return json_object_get(of, token);
    return json_is_array(of) && read_index(token, &index) ? json_array_get(of, index) : NULL;
}

static tc_err find_spot(const patching *p, const char *path, spot *to)
{
    json_t *at = *p->document;
    const char *rest = path;
    to->parent = NULL;
    to->depth = 0;
    if (!*path) return TC_OK;
    for (;;) {
        if (!next_token(&rest, to->name))
            return complain(p, TC_ERR_PATCH_SYNTAX, "not a JSON Pointer", path);
        to->parent = at;
        to->depth++;
        if (!*rest) break;
        at = child(at, to->name);
        if (!at) return complain(p, TC_ERR_PATCH, "there is nothing at", path);
    }
    if (json_is_object(to->parent)) return TC_OK;
    if (!json_is_array(to->parent)) return complain(p, TC_ERR_PATCH, "there is nothing at", path);
    to->behind = strcmp(to->name, "-") == 0;
    if (to->behind || read_index(to->name, &to->index)) return TC_OK;
    return complain(p, TC_ERR_PATCH, "not an index of the array", path);
}

/* What stands there; NULL: nothing. */
static json_t *at_spot(const patching *p, const spot *s)
{
    if (!s->parent) return *p->document;
    if (json_is_object(s->parent)) return json_object_get(s->parent, s->name);
    return s->behind ? NULL : json_array_get(s->parent, s->index);
}

static tc_err find(const patching *p, const char *path, spot *to, json_t **ret)
{
    const tc_err err = find_spot(p, path, to);
    if (err) return err;
    *ret = at_spot(p, to);
    return *ret ? TC_OK : complain(p, TC_ERR_PATCH, "there is nothing at", path);
}

/* --- operations ---------------------------------------------------------------------------- */

/* Takes value over. */
static tc_err put(patching *p, const char *path, json_t *value, bool replaces)
{
    spot s;
    tc_err err = value ? find_spot(p, path, &s) : TC_ERR_NO_MEMORY;
    if (!err) err = fits(p, value, s.depth);
    if (!err) err = toil(p, s.parent);
    if (!err && replaces && !at_spot(p, &s))
        err = complain(p, TC_ERR_PATCH, "there is nothing to replace at", path);
    if (err) {
        json_decref(value);
        return err;
    }
    int failed;
    if (!s.parent) {
        json_decref(*p->document);
        *p->document = value;
        return TC_OK;
    }
    if (json_is_object(s.parent)) {
        failed = json_object_set_new(s.parent, s.name, value);
    } else if (replaces) {
        failed = json_array_set_new(s.parent, s.index, value);
    } else {
        const size_t size = json_array_size(s.parent);
        if (s.behind) s.index = size;
        if (s.index > size) {
            json_decref(value);
            return complain(p, TC_ERR_PATCH, "the array ends before", path);
        }
        failed = json_array_insert_new(s.parent, s.index, value);
    }
    return failed ? TC_ERR_NO_MEMORY : TC_OK;
}

static tc_err take_away(patching *p, const char *path)
{
    spot s;
    json_t *old;
    tc_err err = find(p, path, &s, &old);
    if (!err) err = toil(p, s.parent);
    if (err) return err;
    if (!s.parent) return complain(p, TC_ERR_PATCH, "the whole record cannot be removed", NULL);
    if (json_is_object(s.parent))
        (void)json_object_del(s.parent, s.name); /* it is there */
    else
        (void)json_array_remove(s.parent, s.index);
    return TC_OK;
}

static tc_err move_or_copy(patching *p, const char *path, const char *from, bool moves)
{
    spot s;
    json_t *value;
    tc_err err = find(p, from, &s, &value);
    if (err) return err;
    const size_t n = strlen(from);
    if (moves && strncmp(path, from, n) == 0 && path[n] == '/')
        return complain(p, TC_ERR_PATCH, "it cannot be moved into itself", path);
    if (moves && strcmp(path, from) == 0) return TC_OK;
    if (!moves) {
        err = grow(p, value);
        return err ? err : put(p, path, json_deep_copy(value), false);
    }
    (void)json_incref(value);
    err = take_away(p, from);
    if (!err) return put(p, path, value, false);
    json_decref(value);
    return err;
}

/* Numbers are equal by value (RFC 6902, 4.6). */
static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b) && json_typeof(a) != json_typeof(b))
        return json_number_value(a) == json_number_value(b);
    if (json_typeof(a) != json_typeof(b)) return false;
    size_t i;
    json_t *each;
    const char *name;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b)) return false;
        json_array_foreach((json_t *)a, i,
                           each) if (!equal(each, json_array_get(b, i))) return false;
        return true;
    }
    if (!json_is_object(a)) return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b)) return false;
    json_object_foreach((json_t *)a, name, each)
    {
        const json_t *other = json_object_get(b, name);
        if (!other || !equal(each, other)) return false;
    }
    return true;
}

static tc_err test(const patching *p, const char *path, const json_t *value)
{
    spot s;
    json_t *there;
    const tc_err err = find(p, path, &s, &there);
    if (err) return err;
    return equal(there, value) ? TC_OK : complain(p, TC_ERR_PATCH, "the test fails at", path);
}

static tc_err apply_one(patching *p, const json_t *operation)
{
    const char *op = json_string_value(json_object_get(operation, "op"));
    const char *path = json_string_value(json_object_get(operation, "path"));
    const char *from = json_string_value(json_object_get(operation, "from"));
    json_t *value = json_object_get(operation, "value");
    if (!op || !path)
        return complain(p, TC_ERR_PATCH_SYNTAX, "an operation is an object with op and path", NULL);
    if (strcmp(op, "remove") == 0) return take_away(p, path);
    const bool moves = strcmp(op, "move") == 0;
    if (moves || strcmp(op, "copy") == 0)
        return from ? move_or_copy(p, path, from, moves)
                    : complain(p, TC_ERR_PATCH_SYNTAX, "\"from\" is missing", op);
    const bool adds = strcmp(op, "add") == 0;
    if (!adds && strcmp(op, "replace") != 0 && strcmp(op, "test") != 0)
        return complain(p, TC_ERR_PATCH_SYNTAX, "no such operation", op);
    if (!value) return complain(p, TC_ERR_PATCH_SYNTAX, "\"value\" is missing", op);
    if (op[0] == 't') return test(p, path, value);
    const tc_err err = grow(p, value);
    return err ? err : put(p, path, json_deep_copy(value), !adds);
}

static tc_err apply_operations(patching *p, const json_t *patch)
{
    size_t i;
    json_t *each;
    if (!json_is_array(patch))
        return complain(p, TC_ERR_PATCH_SYNTAX, "a JSON Patch is an array of operations", NULL);
    if (json_array_size(patch) > p->bounds->operations)
        return complain(p, TC_ERR_CONTENT_TOO_LARGE, "too many operations (patch_operations)",
                        NULL);
    p->bytes = bytes_of(*p->document);
    json_array_foreach((json_t *)patch, i, each)
    {
        char what[TC_PATCH_WHY];
        const tc_err err = apply_one(p, each);
        if (!err) continue;
        memcpy(what, p->why, sizeof what);
        (void)snprintf(p->why, TC_PATCH_WHY, "operation %zu: %.220s", i, what);
        return err;
    }
    return TC_OK;
}

tc_err tc_patch_apply(json_t **document, enum tc_patch_kind kind, const json_t *patch,
                      const tc_patch_bounds *bounds, char ret_why[TC_PATCH_WHY])
{
    patching p = {.document = document, .bounds = bounds, .why = ret_why};
    ret_why[0] = 0;
    const tc_err err =
        kind == TC_PATCH_MERGE ? apply_merge(&p, patch) : apply_operations(&p, patch);
    return err ? err : fits(&p, *document, 0);
}
