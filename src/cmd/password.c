/* password.c - `tercet password`: a line for a file of users, with the password hashed. */
// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cmd/commands.h"
#include "gate/passwords.h"

static int password(const tc_command *c, int argc, char **argv);

const tc_command tc_command_password = {
    .name = "password",
    .operands = "USER",
    .summary = "makes a line for auth-users",
    .about = "Reads a password, twice from a terminal without showing it or else one line of "
             "standard input, and prints USER:HASH, a line of the file that auth-users names.",
    .examples = "  tercet password alice >> users\n"
                "  pwgen 20 1 | tercet password bob >> users\n",
    .run = password,
};

enum { ROOM = TC_PASSWORD_MOST + 2 }; /* its line end and NUL */

/* The line without its end. False: there is none, or it is too long. */
static bool read_line(char text[ROOM])
{
    if (!fgets(text, ROOM, stdin)) return false;
    const size_t len = strcspn(text, "\r\n");
    if (!text[len] && len > TC_PASSWORD_MOST) return false;
    text[len] = '\0';
    return true;
}

static bool ask(const char *what, char text[ROOM])
{
    struct termios shown, hidden;
    const bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        fprintf(stderr, "%s: ", what);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden); /* shown, then: no reason to fail */
    }
    const bool read = read_line(text);
    if (terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    return read;
}

static int print_line(const tc_command *c, const char *user, const char *text)
{
    char hash[TC_PASSWORD_HASH];
    if (!*text) return tc_command_complain(c, "the password is empty");
    if (!tc_password_hash(text, hash)) {
        fprintf(stderr, "tercet: this system cannot hash passwords\n");
        return tc_err_exit(TC_ERR_SYSTEM);
    }
    if (printf("%s:%s\n", user, hash) < 0 || fflush(stdout)) return tc_err_exit(TC_ERR_WRITE_FILE);
    return 0;
}

static int password(const tc_command *c, int argc, char **argv)
{
    tc_command_line line;
    char text[ROOM] = "", again[ROOM] = "";
    if (!tc_command_parse(c, argc, argv, NULL, &line)) return line.exit_code;
    if (line.operand_count != 1) return tc_command_complain(c, "one user is wanted");
    const char *user = line.operands[0];
    if (!*user || strpbrk(user, ":\r\n") || *user == '#')
        return tc_command_complain(c, "a user's name has no colon in it, nor # at its begin");
    int code;
    if (!ask("Password", text))
        code = tc_command_complain(c, "a password of one line and at most %d bytes is wanted",
                                   (int)TC_PASSWORD_MOST);
    else if (isatty(STDIN_FILENO) && (!ask("Once more", again) || strcmp(text, again) != 0))
        code = tc_command_complain(c, "these are two passwords");
    else
        code = print_line(c, user, text);
    explicit_bzero(text, sizeof text);
    explicit_bzero(again, sizeof again);
    return code;
}
