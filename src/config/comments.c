/* comments.c - see comments.h. */
// SPDX-License-Identifier: MIT
#include "config/comments.h"

#include <stdbool.h>
#include <string.h>

/* Where a comment that begins at at ends; the same place: there is none. Slashes inside of a word,
 * as in a URL without quotation marks, begin none. */
static char *end_of_comment(char *at, const char *begin, char *end)
{
    const bool apart = at == begin || strchr(" \t\n={}(),", at[-1]);
    char *close = NULL;
    if (*at == '#' || (apart && end - at > 1 && at[0] == '/' && at[1] == '/'))
        close = memchr(at, '\n', (size_t)(end - at));
    else if (apart && end - at > 1 && at[0] == '/' && at[1] == '*')
        close = memmem(at + 2, (size_t)(end - at) - 2, "*/", 2);
    else
        return at;
    if (!close) return end;
    return *close == '*' ? close + 2 : close;
}

void tc_comments_blank(char *text, size_t len)
{
    char quote = 0, *const end = text + len;
    for (char *at = text; at < end; at++) {
        if (quote) {
            if (*at == '\\' && at + 1 < end)
                at++;
            else if (*at == quote)
                quote = 0;
            continue;
        }
        if (*at == '"' || *at == '\'') quote = *at;
        char *const close = end_of_comment(at, text, end);
        if (close == at) continue;
        for (; at < close; at++)
            if (*at != '\n') *at = ' ';
        at--;
    }
}
