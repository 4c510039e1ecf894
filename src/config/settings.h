/* settings.h - tables/setting.def as a struct of values, and as rows for whoever reads, shows or
 * explains them. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/arena.h"
#include "config/options.h"

/* A list as it was given; in the memory of the configuration. */
typedef struct tc_words {
    const char **at;
    size_t count;
} tc_words;

#define TC_SETTING_OF_FLAG bool
#define TC_SETTING_OF_OFF bool
#define TC_SETTING_OF_TEXT const char *
#define TC_SETTING_OF_NUMBER uint64_t /* 0: not given, where the least is above */
#define TC_SETTING_OF_SECONDS int64_t
#define TC_SETTING_OF_CHOICE int /* -1: not given */
#define TC_SETTING_OF_LIST tc_words

/* What is in force in a block. */
typedef struct tc_settings {
#define TC_SETTING(member, name, short_name, kind, words, scope, form, initial, least, most, help) \
    TC_SETTING_OF_##kind member;
#include "setting.def"
#undef TC_SETTING
} tc_settings;

enum tc_scope { TC_SCOPE_SERVER, TC_SCOPE_SITE, TC_SCOPE_ROUTE };
enum tc_setting_form { TC_FORM_PLAIN, TC_FORM_PATH, TC_FORM_STORE };

typedef struct tc_setting_row {
    const char *name; /* in a file: that of the option, without "no-" */
    enum tc_scope scope;
    enum tc_setting_form form;
    const char *initial; /* NULL: nothing is */
} tc_setting_row;

/* In the same order: how a row is set and explained is its option's. */
extern const tc_setting_row tc_setting_rows[];
extern const tc_option tc_setting_options[];
extern const size_t tc_setting_count;

/* By the name that it has in a file; NULL: there is none. */
const tc_setting_row *tc_setting_of(tc_span name);
static inline const tc_option *tc_setting_option(const tc_setting_row *row)
{
    return &tc_setting_options[row - tc_setting_rows];
}

/* Whether a value of it is a path that depends on the folder from which it is looked at; what
 * stands before it is apart ("sqlite:"). */
bool tc_setting_is_relative(const tc_setting_row *row, const char *value, tc_span *ret_scheme,
                            tc_span *ret_path);

/* The nearest name to one that is none; NULL: none is near. */
const char *tc_setting_meant(tc_span name);

tc_settings tc_settings_initial(void);

/* Sets what is no list, from text: "on" and "off" (also yes, no, true, false, 1, 0) of flags. The
 * value must live as long as the settings. TC_ERR_USAGE: a sentence about it is in complaint. */
tc_err tc_setting_set(const tc_setting_row *row, const char *value, const char *dashes,
                      tc_settings *settings, tc_buf *complaint) TC_MUST_USE;

static inline tc_words *tc_setting_list(const tc_setting_row *row, tc_settings *settings)
{
    return (tc_words *)(void *)((char *)settings + tc_setting_option(row)->offset);
}
