/* site.h - what `tercet serve` serves: a folder, an echo, error pages. A tc_app for tc_server. */
// SPDX-License-Identifier: MIT
#pragma once
#include "server/server.h"
#include "site/cors.h"
#include "site/preload.h"
#include "site/records.h"
#include "site/sessions.h"
#include "site/upload.h"

typedef struct tc_site_config {
    int root; /* an open directory; borrowed */
    const char
        *root_path; /* its absolute path, for when another is put in its place; may be NULL */
    tc_span index, language, echo;
    bool dotfiles;
    bool trace;                      /* TRACE is answered */
    const tc_upload_config *uploads; /* NULL: nothing may be written */
    const tc_cors *cors;             /* NULL: pages of other origins are told nothing */
    const tc_preloads *preloads;     /* NULL: none */
    tc_store *store;                 /* of the collections; NULL: there are none */
    const tc_collection *collections;
    unsigned collection_count;
    tc_session_count *sessions; /* of those who use forms; NULL: there are none. In the store they
                                   are the collection behind the others */
    uint16_t secure_port; /* where http:// requests are sent on to https://; 0: they are answered */
    tc_watch *(*watch)(void *self, tc_worker *w, void **ret_state); /* NULL: nobody looks on */
    void (*unwatch)(void *self, void *state);
    void *watch_self;
} tc_site_config;

tc_app tc_site_app(const tc_site_config *config); /* config outlives the server */
