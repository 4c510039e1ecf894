/* comments.h - comments of a configuration become blanks before libconfuse sees them, which counts
 * their lines wrongly. */
// SPDX-License-Identifier: MIT
#pragma once
#include <stddef.h>

/* "#" and "//" to the end of the line, and C's; not inside of quotation marks, and slashes not
 * inside of a word, as in a URL. Line ends stay. */
void tc_comments_blank(char *text, size_t len);
