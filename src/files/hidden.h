/* hidden.h - paths that are not there, neither to be read nor to be written. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/span.h"

/* What an upload is called until it is whole (upload_place.h): never served, never listed. */
#define TC_UPLOAD_PREFIX ".tercet-upload-"

/* A normalised path with a name in it that begins with a dot, /.well-known/ excepted (RFC 8615);
 * with dotfiles only one that an upload has until it is whole. */
bool tc_path_hidden(tc_span path, bool dotfiles);
