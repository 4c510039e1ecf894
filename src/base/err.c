/* err.c - the error table as data. */
// SPDX-License-Identifier: MIT
#include "base/err.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

struct row {
    const char *name, *sentence;
    int16_t number, status, exit_code;
    uint8_t fault, reach;
};

static const struct row rows[] = {
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence)                            \
    {#name, sentence, number, status, exit_code, TC_FAULT_##fault, TC_REACH_##reach},
#include "err.def"
#undef TC_ERR
};

static const struct row ok = {"OK", "no error", 0, 200, 0, TC_FAULT_NONE, TC_REACH_NONE};

static const struct row *row_of(tc_err err)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].number == -(int)err) return &rows[i];
    return &ok;
}

const char *tc_err_name(tc_err err)
{
    return row_of(err)->name;
}

const char *tc_err_sentence(tc_err err)
{
    return row_of(err)->sentence;
}

enum tc_fault tc_err_fault(tc_err err)
{
    return row_of(err)->fault;
}

enum tc_reach tc_err_reach(tc_err err)
{
    return row_of(err)->reach;
}

int tc_err_status(tc_err err)
{
    return row_of(err)->status;
}

int tc_err_exit(tc_err err)
{
    return row_of(err)->exit_code;
}

tc_err tc_err_from_errno(int error_number)
{
    switch (error_number) {
    case 0: return TC_OK;
    case ENOMEM:
    case ENOBUFS: return TC_ERR_NO_MEMORY;
    case EMFILE:
    case ENFILE: return TC_ERR_TOO_MANY_FILES;
    case EADDRINUSE: return TC_ERR_ADDRESS_IN_USE;
    case EACCES:
    case EPERM: return TC_ERR_NO_PERMISSION;
    case ECONNRESET:
    case EPIPE: return TC_ERR_PEER_RESET;
    case ECONNREFUSED:
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL: return TC_ERR_CONNECT;
    case ETIMEDOUT: return TC_ERR_CONNECT_TIME;
    default: return TC_ERR_SYSTEM;
    }
}
