/* err.h - every error of the program: tables/err.def made into an enum and questions about it.
 *
 * TC_OK is 0 and failures are negative. A library function returns an error and says nothing;
 * the program's edge speaks. An error's reach says what to do about it, so nobody decides by hand.
 */
// SPDX-License-Identifier: MIT
#pragma once

enum tc_err {
    TC_OK = 0,
#define TC_ERR(name, number, fault, reach, status, exit_code, sentence) TC_ERR_##name = -(number),
#include "err.def"
#undef TC_ERR
};
typedef enum tc_err tc_err;

enum tc_fault { TC_FAULT_NONE, TC_FAULT_OURS, TC_FAULT_THEIRS };
enum tc_reach {
    TC_REACH_NONE,
    TC_REACH_CALL,
    TC_REACH_EXCHANGE,
    TC_REACH_CONNECTION,
    TC_REACH_PROGRAM
};

#define TC_MUST_USE __attribute__((warn_unused_result))

const char *tc_err_name(tc_err err);     /* "CHUNK_SYNTAX" */
const char *tc_err_sentence(tc_err err); /* "chunk is malformed" */
enum tc_fault tc_err_fault(tc_err err);
enum tc_reach tc_err_reach(tc_err err);
int tc_err_status(tc_err err); /* what a server answers; 0: nothing can be sent */
int tc_err_exit(tc_err err);   /* the program's exit code */

/* The error that stands for a value of errno. */
tc_err tc_err_from_errno(int error_number);
