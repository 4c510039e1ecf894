/* site.h - what `tercet serve` serves: sites of files, records, an echo. A tc_app for tc_server. */
// SPDX-License-Identifier: MIT
#pragma once
#include "forms/sessions.h"
#include "records/records.h"
#include "server/server.h"
#include "site/sites.h"
#include "tunnel/tunnel.h"

typedef struct tc_site_config {
    const tc_sites *sites;
    const tc_tunnel_config *tunnels; /* NULL: none are made */
    tc_store *store;                 /* of the collections; NULL: there are none */
    const tc_collection *collections;
    unsigned collection_count;
    tc_session_count *sessions; /* of those who use forms; NULL: there are none. In the store they
                                   are the collection behind the others */
    uint16_t secure_port; /* where http:// requests are sent on to https://; 0: they are answered */
    tc_span hsts; /* Strict-Transport-Security where a trusted proxy speaks https; empty: none */
    tc_watch *(*watch)(void *self, tc_worker *w, void **ret_state); /* NULL: nobody looks on */
    void (*unwatch)(void *self, void *state);
    void *watch_self;
} tc_site_config;

tc_app tc_site_app(const tc_site_config *config); /* config outlives the server */
