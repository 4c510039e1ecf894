/* hpack_static.h - the static table of HPACK (RFC 7541, appendix A). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/pack/names.h"

enum { TC_HPACK_STATIC = 61 };

extern const tc_field tc_hpack_static[TC_HPACK_STATIC + 1]; /* from 1: rows are indexes */
extern tc_pack_names tc_hpack_names;
