/* qlog_inside.h - what the files of qlog share. Nobody else includes it. */
// SPDX-License-Identifier: MIT
#pragma once
#include "observe/qlog.h"
#include "observe/transport.h"

typedef struct tc_qlog_trace {
    struct tc_qlog_trace *next, **at;
    const void *way; /* the link: its key */
    void *file;
    tc_json json;
    size_t mark; /* where the record under way begins */
    int64_t begun;
    uint64_t bytes; /* written */
    bool quic, secrets, full, ended;
} tc_qlog_trace;

/* An event: data's members are written between. */
void tc_qlog_event(tc_qlog_trace *t, int64_t at, const char *category, const char *name);
void tc_qlog_event_end(tc_qlog_trace *t);

void tc_qlog_http(tc_qlog_trace *t, const tc_seen *what);   /* qlog_http.c */
void tc_qlog_quic(tc_qlog_trace *t, const tc_seen *what);   /* qlog_quic.c */
void tc_qlog_hex(char *to, const uint8_t *bytes, size_t n); /* NUL-terminated */
