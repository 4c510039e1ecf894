/* settings.c - see settings.h. */
// SPDX-License-Identifier: MIT
#include "config/settings.h"

#include <assert.h>

#include "observe/access_log.h"

/* An option that turns off is a setting by the name of what it turns off. */
#define NAME_OF_FLAG(name) name
#define NAME_OF_OFF(name) &(name)[sizeof "no-" - 1]
#define NAME_OF_TEXT(name) name
#define NAME_OF_NUMBER(name) name
#define NAME_OF_SECONDS(name) name
#define NAME_OF_CHOICE(name) name
#define NAME_OF_LIST(name) name

const tc_setting_row tc_setting_rows[] = {
#define TC_SETTING(member, name, short_name, kind, words, scope, form, initial, least, most, help) \
    {NAME_OF_##kind(name), TC_SCOPE_##scope, TC_FORM_##form, initial},
#include "setting.def"
#undef TC_SETTING
};

const tc_option tc_setting_options[] = {
#define TC_SETTING(member, name, short_name, kind, words, scope, form, initial, least, most, help) \
    {name, short_name, TC_OPTION_##kind, offsetof(tc_settings, member), words, help, least, most},
#include "setting.def"
#undef TC_SETTING
};

const size_t tc_setting_count = sizeof tc_setting_rows / sizeof *tc_setting_rows;

const tc_setting_row *tc_setting_of(tc_span name)
{
    for (size_t i = 0; i < tc_setting_count; i++)
        if (strncmp(tc_setting_rows[i].name, name.at, name.len) == 0 &&
            !tc_setting_rows[i].name[name.len])
            return &tc_setting_rows[i];
    return NULL;
}

bool tc_setting_is_relative(const tc_setting_row *row, const char *value, tc_span *ret_scheme,
                            tc_span *ret_path)
{
    tc_span path = tc_span_str(value), scheme = {0};
    if (row->form == TC_FORM_STORE && tc_span_starts(path, TC_SPAN("sqlite:")))
        scheme = tc_span_take(&path, sizeof "sqlite:" - 1);
    if (row->form == TC_FORM_PLAIN || !path.len || path.at[0] == '/') return false;
    if (tc_span_eq(path, TC_SPAN("-")) || tc_span_eq(path, TC_SPAN("off"))) return false;
    *ret_scheme = scheme;
    *ret_path = path;
    return true;
}

static const char *next_name(void *argument)
{
    size_t *i = argument;
    return *i < tc_setting_count ? tc_setting_rows[(*i)++].name : NULL;
}

const char *tc_setting_meant(tc_span name)
{
    size_t i = 0;
    return tc_nearest_name(name, next_name, &i);
}

static bool boolean(tc_span text, bool *ret_value)
{
    static const char *const words[] = {"on", "yes", "true", "1", "off", "no", "false", "0"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (tc_span_eq(text, tc_span_str(words[i]))) {
            *ret_value = i < 4;
            return true;
        }
    return false;
}

tc_err tc_setting_set(const tc_setting_row *row, const char *value, const char *dashes,
                      tc_settings *settings, tc_buf *complaint)
{
    const tc_option *o = tc_setting_option(row);
    assert(o->kind != TC_OPTION_LIST);
    if (o->kind != TC_OPTION_FLAG && o->kind != TC_OPTION_OFF)
        return tc_option_set(o, value, settings, dashes, complaint);
    if (boolean(tc_span_str(value), (bool *)((char *)settings + o->offset))) return TC_OK;
    const tc_err err =
        tc_buf_printf(complaint, "%s%s takes on or off, not \"%s\"", dashes, row->name, value);
    return err ? err : TC_ERR_USAGE;
}

tc_settings tc_settings_initial(void)
{
    tc_settings s;
    char memory[128];
    tc_buf complaint;
    memset(&s, 0, sizeof s);
    tc_buf_init_over(&complaint, memory, sizeof memory);
    for (size_t i = 0; i < tc_setting_count; i++) {
        const tc_option *o = &tc_setting_options[i];
        const int none = -1;
        if (o->kind == TC_OPTION_CHOICE) memcpy((char *)&s + o->offset, &none, sizeof none);
        if (!tc_setting_rows[i].initial) continue;
        const tc_err err =
            tc_setting_set(&tc_setting_rows[i], tc_setting_rows[i].initial, "", &s, &complaint);
        assert(!err); /* the table's own */
        (void)err;
    }
    return s;
}
