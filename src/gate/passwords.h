/* passwords.h - a file of users and their hashed passwords, "name:hash" a line, as htpasswd -B and
 * `tercet password` write them: what crypt(5) calls yescrypt, gost-yescrypt, scrypt, bcrypt,
 * sha512crypt and sha256crypt. Anything weaker is refused, plain text and MD5 too.
 *
 * The file is read anew when it changes; one that is wrong then changes nothing. */
// SPDX-License-Identifier: MIT
#pragma once
#include "base/err.h"
#include "base/span.h"

enum { TC_PASSWORDS_WHY = 256, TC_PASSWORD_MOST = 511, TC_PASSWORD_HASH = 384 };

typedef struct tc_passwords tc_passwords;
typedef struct tc_password_list tc_password_list; /* what the file said once */

/* The path is copied. TC_ERR_USAGE, TC_ERR_READ_FILE: ret_why says which line, and what is wrong.
 */
tc_err tc_passwords_open(const char *path, tc_passwords **ret_passwords,
                         char ret_why[TC_PASSWORDS_WHY]) TC_MUST_USE;
void tc_passwords_free(tc_passwords *p);

/* As the file is now, which is looked at once a second. Kept until tc_password_list_drop. From any
 * thread. */
tc_password_list *tc_passwords_now(tc_passwords *p, int64_t now);
void tc_password_list_drop(tc_password_list *l);
uint64_t tc_password_list_number(const tc_password_list *l); /* no other has or had it */

/* Slow, by design: for a thread of its own. Who is not there costs as much as a wrong password of
 * one who is, if all were hashed alike. Both are NUL-terminated behind their ends. */
bool tc_password_is_right(const tc_password_list *l, tc_span user, tc_span password);

/* The hash of a password, by the system's best method (yescrypt); false: there is no memory. */
bool tc_password_hash(const char *password, char ret_hash[TC_PASSWORD_HASH]);
