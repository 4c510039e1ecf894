/* prepare.c - see prepare.h. */
// SPDX-License-Identifier: MIT
#include "ask/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/media.h"
#include "http/secret.h"
#include "quic/quic.h"
#include "session/session.h"

enum { ARENA_MAX = 4 * 1024 * 1024, DATA_MAX = 64 * 1024 * 1024, READ_PIECE = 65536 };

#define COMPLAIN(to, ...) complained(tc_buf_printf(to, __VA_ARGS__), TC_ERR_USAGE)

static tc_err complained(tc_err err, tc_err what)
{
    return err ? err : what;
}

/* --- content ------------------------------------------------------------------------------- */

static tc_err cannot_read(const char *name, tc_buf *complaint)
{
    char text[96];
    const char *why = strerror_r(errno, text, sizeof text);
    return complained(tc_buf_printf(complaint, "could not read %s: %s", name, why),
                      TC_ERR_READ_FILE);
}

static tc_err from_descriptor(tc_prepared *p, int fd, const char *name, tc_buf *complaint)
{
    struct stat st;
    tc_content *c = &p->request.content;
    if (fstat(fd, &st)) return cannot_read(name, complaint);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return cannot_read(name, complaint);
    }
    const off_t off = S_ISREG(st.st_mode) ? lseek(fd, 0, SEEK_CUR) : -1;
    if (off < 0) {
        *c = (tc_content){.kind = TC_CONTENT_STREAM, .fd = fd};
        return TC_OK;
    }
    const off_t length = st.st_size > off ? st.st_size - off : 0;
    *c = (tc_content){.kind = TC_CONTENT_FILE, .fd = fd};
    c->off = (uint64_t)off;
    c->length = (uint64_t)length;
    return TC_OK;
}

static tc_err from_file(tc_prepared *p, const char *name, tc_buf *complaint, tc_span *ret_type)
{
    if (tc_span_eq(tc_span_str(name), TC_SPAN("-"))) {
        *ret_type = TC_SPAN("application/octet-stream");
        return from_descriptor(p, STDIN_FILENO, "standard input", complaint);
    }
    p->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (p->fd < 0) return cannot_read(name, complaint);
    *ret_type = tc_media_of(tc_span_str(name));
    return from_descriptor(p, p->fd, name, complaint);
}

static tc_span type_of_text(tc_span text)
{
    json_t *value = json_loadb(text.at, text.len, 0, NULL); /* an object or an array */
    json_decref(value);
    return value ? TC_SPAN("application/json") : TC_SPAN("text/plain; charset=utf-8");
}

/* HTTP/1.0 cannot send what it does not know the length of: a stream is read first. */
static tc_err read_first(tc_prepared *p, tc_buf *complaint)
{
    tc_content *c = &p->request.content;
    for (;;) {
        char *room;
        const tc_err err = tc_buf_reserve(&p->data, READ_PIECE, &room);
        if (err == TC_ERR_FULL)
            return COMPLAIN(complaint, "a stream for HTTP/1.0 may have %d MiB at most",
                            DATA_MAX / 1024 / 1024);
        if (err) return err;
        const ssize_t n = read(c->fd, room, READ_PIECE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return cannot_read("the content", complaint);
        if (n == 0) break;
        p->data.len += (size_t)n;
    }
    *c = (tc_content){.kind = TC_CONTENT_BYTES, .fd = -1, .bytes = tc_buf_span(&p->data)};
    return TC_OK;
}

static tc_err take_content(tc_prepared *p, const char *data, tc_buf *complaint, tc_span *ret_type)
{
    const tc_items *it = &p->items;
    tc_content *c = &p->request.content;
    tc_err err = TC_OK;
    *c = (tc_content){.fd = -1};
    if ((data != NULL) + (it->file != NULL) + (it->json.len > 0) > 1)
        return COMPLAIN(complaint,
                        "content is given twice: use one of --data, @file and key=value");
    if (it->json.len) {
        *c = (tc_content){.kind = TC_CONTENT_BYTES, .fd = -1, .bytes = tc_buf_span(&it->json)};
        *ret_type = p->request.method == TC_METHOD_PATCH /* members to be changed (RFC 7396) */
                        ? TC_SPAN("application/merge-patch+json")
                        : TC_SPAN("application/json");
    } else if (it->file ||
               (data && (data[0] == '@' || tc_span_eq(tc_span_str(data), TC_SPAN("-"))))) {
        const char *name = it->file ? it->file : data[0] == '@' ? data + 1 : data;
        err = from_file(p, name, complaint, ret_type);
    } else if (data) {
        *c = (tc_content){.kind = TC_CONTENT_BYTES, .fd = -1, .bytes = tc_span_str(data)};
        *ret_type = type_of_text(c->bytes);
    }
    if (!err && c->kind == TC_CONTENT_STREAM && p->request.version == TC_HTTP_1_0)
        err = read_first(p, complaint);
    return err;
}

/* --- fields -------------------------------------------------------------------------------- */

static bool is_removed(const tc_items *it, enum tc_field_id id)
{
    return tc_fields_has(&it->removed, id);
}

static tc_err add_default(tc_prepared *p, enum tc_field_id id, tc_span value)
{
    if (!value.at || is_removed(&p->items, id) || tc_fields_has(&p->items.fields, id)) return TC_OK;
    return tc_fields_set(&p->request.fields, &p->arena, id, value);
}

/* What is not sent cannot be removed: most likely an empty field is meant, or the name is wrong. */
static tc_err check_removed(const tc_items *it, bool has_type, tc_buf *complaint)
{
    for (uint32_t i = 0; i < it->removed.count; i++) {
        const tc_field *f = &it->removed.at[i];
        const bool sent = f->id == TC_FIELD_HOST || f->id == TC_FIELD_USER_AGENT ||
                          f->id == TC_FIELD_ACCEPT || (f->id == TC_FIELD_CONTENT_TYPE && has_type);
        if (!sent)
            return COMPLAIN(complaint,
                            "%.*s: would remove a field that is not sent; write \"%.*s;\" to send "
                            "it without a value",
                            TC_FMT(f->name), TC_FMT(f->name));
    }
    return TC_OK;
}

static tc_err take_fields(tc_prepared *p, tc_span type)
{
    tc_request *r = &p->request;
    tc_span expect;
    tc_err err = TC_OK;
    r->host = p->items.host;
    r->no_host = is_removed(&p->items, TC_FIELD_HOST);
    if (r->version != TC_HTTP_0_9) {
        err = add_default(p, TC_FIELD_USER_AGENT, TC_SPAN("tercet/" TERCET_VERSION));
        if (!err) err = add_default(p, TC_FIELD_ACCEPT, TC_SPAN("*/*"));
        if (!err) err = add_default(p, TC_FIELD_CONTENT_TYPE, type);
    }
    for (uint32_t i = 0; i < p->items.fields.count && !err; i++)
        err = tc_fields_push(&r->fields, &p->arena, p->items.fields.at[i]);
    if (tc_fields_get(&r->fields, TC_FIELD_EXPECT, &expect))
        r->expects_continue = tc_span_ieq(expect, TC_SPAN("100-continue"));
    return err;
}

/* --- rules --------------------------------------------------------------------------------- */

static tc_err check_method(const tc_prepared *p, tc_buf *complaint)
{
    const tc_request *r = &p->request;
    const bool content = r->content.kind != TC_CONTENT_NONE;
    if (!tc_is_token(r->method_name))
        return COMPLAIN(complaint, "\"%.*s\" can be no method", TC_FMT(r->method_name));
    if (r->method == TC_METHOD_CONNECT)
        return COMPLAIN(complaint, "CONNECT makes a tunnel, which this version of tercet cannot");
    if (r->content.kind == TC_CONTENT_STREAM && p->items.url_count > 1)
        return COMPLAIN(complaint, "content from a stream can be sent to one URL only");
    if (r->host.at && tc_authority_check(r->host))
        return COMPLAIN(complaint, "\"%.*s\" can be no Host", TC_FMT(r->host));
    if (r->method == TC_METHOD_TRACE && content)
        return COMPLAIN(complaint, "TRACE may have no content");
    for (uint32_t i = 0; r->method == TC_METHOD_TRACE && i < r->fields.count; i++)
        if (tc_secret_name(r->fields.at[i].name))
            return COMPLAIN(complaint, "TRACE would show %.*s to everybody on the way",
                            TC_FMT(r->fields.at[i].name));
    if (r->version == TC_HTTP_0_9 &&
        (r->method != TC_METHOD_GET || content || r->fields.count || r->host.at))
        return COMPLAIN(complaint, "HTTP/0.9 knows only GET and a path: no fields, no content");
    return TC_OK;
}

tc_err tc_prepare(tc_prepared *p, tc_span method, enum tc_version version, const char *data,
                  int count, char *const *words, tc_buf *complaint)
{
    tc_span type = {0};
    *p = (tc_prepared){.fd = -1};
    tc_arena_init(&p->arena, NULL, 0, ARENA_MAX);
    tc_buf_init(&p->data, DATA_MAX);
    p->request.version = version;
    p->request.content.fd = -1;
    tc_err err = tc_items_read(&p->items, &p->arena, count, words, complaint);
    if (!err && p->items.url_count == 0) err = COMPLAIN(complaint, "a URL is missing");
    if (method.at) p->request.method = tc_method_of(method);
    if (!err) err = take_content(p, data, complaint, &type);
    if (!method.at)
        method = p->request.content.kind == TC_CONTENT_NONE ? TC_SPAN("GET") : TC_SPAN("POST");
    p->request.method = tc_method_of(method);
    p->request.method_name = method;
    if (!err) err = check_removed(&p->items, type.at != NULL, complaint);
    if (!err) err = take_fields(p, type);
    if (!err) err = check_method(p, complaint);
    return err;
}

void tc_prepared_fini(tc_prepared *p)
{
    if (p->fd >= 0) close(p->fd);
    p->fd = -1;
    tc_items_fini(&p->items);
    tc_buf_fini(&p->data);
    tc_arena_fini(&p->arena);
}

tc_err tc_prepared_request(const tc_prepared *p, tc_arena *a, tc_span url, tc_request *ret_request)
{
    tc_request r = p->request;
    r.fields = (tc_fields){0};
    tc_err err = tc_url_parse(a, url, &r.url);
    for (uint32_t i = 0; i < p->request.fields.count && !err; i++)
        err = tc_fields_push(&r.fields, a, p->request.fields.at[i]);
    if (!err) *ret_request = r;
    return err;
}

const char *tc_prepared_why_not(const tc_prepared *p, enum tc_version version, bool secure)
{
    const tc_request *r = &p->request;
    tc_span names[TC_TLS_PROTOCOLS];
    const bool has_more = r->method != TC_METHOD_GET || r->content.kind != TC_CONTENT_NONE ||
                          p->items.fields.count || r->host.at;
    if (version == TC_HTTP_3 && !tc_quic_built) return "this build has no QUIC";
    if (version == TC_HTTP_3 && !secure) return "it is for https:// alone";
    if (secure && !tc_session_protocols(TC_CLIENT, version, names, TC_TLS_PROTOCOLS))
        return "it is for clear text";
    if (version == TC_HTTP_0_9 && has_more)
        return "it knows only GET and a path: no fields, no content";
    return NULL;
}

void tc_prepared_as(enum tc_version version, tc_request *r)
{
    r->version = version;
    if (version == TC_HTTP_0_9) r->fields = (tc_fields){0};
}
