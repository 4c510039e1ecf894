/* form_log.h - a form parsed into text, fed whole or in pieces: "name[filename|type]=value\n". */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/form.h"

typedef struct form_log {
    tc_buf text;
    tc_reached reached;
    tc_err err;
    char why[128];
} form_log;

/* Feeds content to the parser that the type names, in pieces of at most piece bytes (0: whole). */
void form_log_play(form_log *log, tc_span type, tc_span content, const tc_limits *limits,
                   size_t first, size_t piece);
void form_log_fini(form_log *log);
