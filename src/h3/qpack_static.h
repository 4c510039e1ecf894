/* qpack_static.h - the static table of QPACK (RFC 9204, appendix A). */
// SPDX-License-Identifier: MIT
#pragma once
#include "http/pack/names.h"

enum { TC_QPACK_STATIC = 99 };

extern const tc_field tc_qpack_static[TC_QPACK_STATIC + 1]; /* from 1: a row is its index and 1 */
extern tc_pack_names tc_qpack_names;
