/* cookies.c - `tercet cookies`: what is in a jar, in and out as cookies.txt, and away with it. */
// SPDX-License-Identifier: MIT
#include "ask/cookies.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ask/jar_file.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "http/date.h"
#include "run/units.h"

enum { TEXT_MAX = 64 * 1024 * 1024, PIECE = 65536, COLUMNS = 4, WIDE = 40 };

typedef struct settings {
    const char *jar;
    bool json, secrets, sessions, all;
} settings;

static const tc_option options[] = {
    {"jar", 0, TC_OPTION_TEXT, offsetof(settings, jar), "NAME",
     "the jar: a name, or with a / in it a file; \"default\" if not given.", 0, 0},
    {"json", 0, TC_OPTION_FLAG, offsetof(settings, json), NULL,
     "list: as one JSON object, with times in seconds since 1970.", 0, 0},
    {"show-secrets", 0, TC_OPTION_FLAG, offsetof(settings, secrets), NULL,
     "list: the values, too, which are credentials often enough.", 0, 0},
    {"session", 0, TC_OPTION_FLAG, offsetof(settings, sessions), NULL,
     "remove: only those that do not last, as a browser does at its end.", 0, 0},
    {"all", 0, TC_OPTION_FLAG, offsetof(settings, all), NULL, "remove: of all domains.", 0, 0},
};

static int cookies(const tc_command *c, int argc, char **argv);

const tc_command tc_command_cookies = {
    .name = "cookies",
    .operands = "list|import FILE|export [FILE]|remove [DOMAIN [NAME]]",
    .summary = "shows and changes a jar of cookies",
    .about =
        "A jar is filled by `tercet get --jar NAME` and the other methods. `list` shows it, values "
        "as dots. `import` adds what a cookies.txt (Netscape's, as curl and browsers' add-ons "
        "write "
        "it; - is standard input) holds, `export` writes one, to standard output or to a file that "
        "only you can read. `remove` takes out what a domain set, or one name of it.\n"
        "\n"
        "Cookies without an end of their own stay until they are removed.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .examples = "  tercet cookies list\n"
                "  tercet cookies import cookies.txt --jar work\n"
                "  tercet cookies remove example.com sid\n"
                "  tercet cookies remove --all --session\n",
    .run = cookies,
};

static int say(tc_span text)
{
    const bool good = fwrite(text.at, 1, text.len, stdout) == text.len && fflush(stdout) == 0;
    return good ? 0 : tc_err_exit(TC_ERR_WRITE_FILE);
}

static int said(tc_err err, tc_buf *out)
{
    if (err) fprintf(stderr, "tercet: %s\n", tc_err_sentence(err));
    const int code = err ? tc_err_exit(err) : say(tc_buf_span(out));
    tc_buf_fini(out);
    return code;
}

/* --- list ---------------------------------------------------------------------------------- */

static int compare(tc_span a, tc_span b)
{
    const size_t n = a.len < b.len ? a.len : b.len;
    const int first = n ? memcmp(a.at, b.at, n) : 0;
    return first ? first : (a.len > b.len) - (a.len < b.len);
}

static int by_place(const void *left, const void *right)
{
    const tc_cookie *a = *(const tc_cookie *const *)left, *b = *(const tc_cookie *const *)right;
    int order = compare(a->site, b->site);
    if (!order) order = compare(a->domain, b->domain);
    if (!order) order = compare(a->path, b->path);
    return order ? order : compare(a->name, b->name);
}

static const char *const sites[] = {"", " SameSite=None", " SameSite=Lax", " SameSite=Strict"};

/* The texts of a line, before its flags. */
static tc_err columns_of(const tc_cookie *c, bool secrets, tc_buf texts[COLUMNS + 1])
{
    char date[TC_DATE_BYTES];
    tc_err err = tc_buf_printf(&texts[0], "%s", c->host_only ? "" : ".");
    if (!err) err = tc_text_terminal(&texts[0], c->domain, false);
    if (!err) err = tc_text_terminal(&texts[1], c->path, false);
    if (!err) err = tc_text_terminal(&texts[2], c->name, false);
    if (!err) err = tc_text_terminal(&texts[3], secrets ? c->value : TC_SPAN("......"), false);
    if (c->lasts) tc_date_write(date, c->until_s);
    const tc_span until = c->lasts ? tc_span_of(date + 5, TC_DATE_BYTES - 9) : TC_SPAN("session");
    if (!err)
        err = tc_buf_printf(&texts[4], "%-20.*s%s%s%s", TC_FMT(until), c->secure ? " Secure" : "",
                            c->http_only ? " HttpOnly" : "", sites[c->same_site]);
    return err;
}

/* One line into out; without it, how wide its columns are. */
static tc_err line_of(const tc_cookie *c, bool secrets, size_t widths[COLUMNS], tc_buf *out)
{
    tc_buf texts[COLUMNS + 1];
    for (size_t i = 0; i <= COLUMNS; i++)
        tc_buf_init(&texts[i], TEXT_MAX);
    tc_err err = columns_of(c, secrets, texts);
    for (size_t i = 0; i < COLUMNS && !err; i++) {
        const size_t wide = tc_units_columns(tc_buf_span(&texts[i]));
        if (!out) {
            if (wide > widths[i] && wide <= WIDE) widths[i] = wide;
            continue;
        }
        err = tc_buf_add(out, tc_buf_span(&texts[i]));
        for (size_t n = wide; n < widths[i] + 2 && !err; n++)
            err = tc_buf_add_byte(out, ' ');
    }
    if (!err && out) err = tc_buf_add(out, tc_buf_span(&texts[COLUMNS]));
    while (!err && out && out->at[out->len - 1] == ' ')
        out->len--;
    if (!err && out) err = tc_buf_add_byte(out, '\n');
    for (size_t i = 0; i <= COLUMNS; i++)
        tc_buf_fini(&texts[i]);
    return err;
}

static void one_as_json(tc_json *j, const tc_cookie *c, bool secrets)
{
    static const char *const words[] = {"", "None", "Lax", "Strict"};
    tc_json_open(j, NULL, '{');
    tc_json_text(j, "domain", c->domain);
    tc_json_boolean(j, "host_only", c->host_only);
    tc_json_text(j, "path", c->path);
    tc_json_text(j, "name", c->name);
    tc_json_text(j, "value", secrets ? c->value : TC_SPAN("......"));
    tc_json_boolean(j, "secure", c->secure);
    tc_json_boolean(j, "http_only", c->http_only);
    if (c->same_site) tc_json_text(j, "same_site", tc_span_str(words[c->same_site]));
    tc_json_number(j, "created", (uint64_t)c->created_s);
    if (c->lasts) tc_json_number(j, "expires", (uint64_t)c->until_s);
    tc_json_close(j, '}');
}

static int list(const tc_jar_kept *k, const settings *s, int64_t now_s)
{
    const tc_cookie **all = tc_alloc((k->jar.count + 1) * sizeof(tc_cookie *));
    size_t count = 0, widths[COLUMNS] = {0};
    tc_json j = {0};
    if (!all) return tc_err_exit(TC_ERR_NO_MEMORY);
    for (const tc_cookie *c = NULL; (c = tc_jar_next(&k->jar, c, now_s)) != NULL;)
        all[count++] = c;
    qsort(all, count, sizeof(tc_cookie *), by_place);
    tc_buf_init(&j.out, TEXT_MAX);
    if (s->json) {
        tc_json_raw(&j, "{\"version\":1");
        tc_json_text(&j, "jar", tc_span_str(k->file.path));
        tc_json_open(&j, "cookies", '[');
        for (size_t i = 0; i < count; i++)
            one_as_json(&j, all[i], s->secrets);
        tc_json_raw(&j, "]}\n");
    } else {
        for (size_t i = 0; i < 2 * count && !j.err; i++)
            j.err = line_of(all[i % count], s->secrets, widths, i < count ? NULL : &j.out);
    }
    tc_free(all);
    return said(j.err, &j.out);
}

/* --- in, out, away ------------------------------------------------------------------------- */

static int cannot(tc_err err, const char *file)
{
    char text[96];
    fprintf(stderr, "tercet: %s: %s: %s\n", tc_err_sentence(err), file,
            strerror_r(errno, text, sizeof text));
    return tc_err_exit(err);
}

static int import(tc_jar_kept *k, const char *file, int64_t now_s)
{
    const bool standard = tc_span_eq(tc_span_str(file), TC_SPAN("-"));
    const int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    tc_buf text;
    char *room;
    ssize_t n = -1;
    tc_err err = TC_OK;
    if (fd < 0) return cannot(TC_ERR_READ_FILE, file);
    tc_buf_init(&text, TEXT_MAX);
    while (!err && n) {
        err = tc_buf_reserve(&text, PIECE, &room);
        n = err ? 0 : read(fd, room, PIECE);
        if (n > 0) text.len += (size_t)n;
        if (n < 0 && errno != EINTR) err = TC_ERR_READ_FILE;
    }
    if (!standard) close(fd);
    unsigned line = 0;
    if (!err) {
        const uint64_t count = tc_jar_import(&k->jar, tc_buf_span(&text), now_s, &line);
        printf("%llu imported\n", (unsigned long long)count);
        if (line) fprintf(stderr, "  note  some lines were left out; the first is %u\n", line);
    }
    tc_buf_fini(&text);
    if (err == TC_ERR_FULL) errno = EFBIG;
    return err ? cannot(TC_ERR_READ_FILE, file) : 0;
}

static int export(tc_jar_kept *k, const char *file, int64_t now_s)
{
    tc_jar_file to = {0};
    tc_buf out;
    uint64_t left = 0;
    tc_buf_init(&out, TEXT_MAX);
    tc_err err = tc_jar_export(&k->jar, now_s, &out, &left);
    if (left)
        fprintf(stderr, "  note  %llu left out: that form cannot say them\n",
                (unsigned long long)left);
    if (err || !file) return said(err, &out);
    (void)snprintf(to.path, sizeof to.path, "%s", file);
    (void)snprintf(to.part, sizeof to.part, "%s.part", file);
    err = tc_jar_file_write(&to, tc_buf_span(&out));
    tc_buf_fini(&out);
    return err ? tc_jar_file_complain(&to, TC_ERR_WRITE_FILE) : 0;
}

static int remove_some(tc_jar_kept *k, const settings *s, int count, char *const *words,
                       int64_t now_s)
{
    tc_span domain = tc_span_str(count > 0 ? words[0] : NULL);
    const tc_span name = tc_span_str(count > 1 ? words[1] : NULL);
    if (tc_span_starts(domain, TC_SPAN("."))) (void)tc_span_take(&domain, 1);
    printf("%llu removed\n",
           (unsigned long long)tc_jar_remove(&k->jar, domain, name, s->sessions, now_s));
    return 0;
}

static bool is(const char *word, const char *wanted)
{
    return tc_span_eq(tc_span_str(word), tc_span_str(wanted));
}

static int cookies(const tc_command *c, int argc, char **argv)
{
    settings s = {.jar = "default"};
    tc_command_line line;
    tc_jar_kept kept;
    tc_reached reached = {0};
    if (!tc_command_parse(c, argc, argv, &s, &line)) return line.exit_code;
    if (!line.operand_count)
        return tc_command_complain(c,
                                   "what is to be done is missing: list, import, export, remove");
    const char *what = line.operands[0];
    char *const *words = line.operands + 1;
    const int count = line.operand_count - 1;
    const bool lists = is(what, "list"), imports = is(what, "import"), exports = is(what, "export");
    const bool removes = is(what, "remove");
    if (!lists && !imports && !exports && !removes)
        return tc_command_complain(c, "it is list, import, export or remove, not %s", what);
    if (count > 2 * removes + imports + exports || count < imports)
        return tc_command_complain(c, "%s: words are missing, or too many", what);
    if (removes && (count > 0) == s.all)
        return tc_command_complain(c, "remove: it needs a domain, or --all");
    const int code = tc_jar_open(&kept, s.jar, &tc_limits_default, &reached);
    if (code) return code;
    const int64_t now_s = tc_clock_wall();
    const int done = lists     ? list(&kept, &s, now_s)
                     : imports ? import(&kept, words[0], now_s)
                     : exports ? export(&kept, count ? words[0] : NULL, now_s)
                               : remove_some(&kept, &s, count, words, now_s);
    const int closed = tc_jar_close(&kept);
    return done ? done : closed;
}
