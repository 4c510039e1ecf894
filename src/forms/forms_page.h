/* forms_page.h - the pages of a form: step 1, in which a record is filled in, step 2, in which it
 * is looked at and confirmed; and on both, what travels in the cookie and in the hidden field. They
 * need no script, print well and say what is wrong beside the field. */
// SPDX-License-Identifier: MIT
#pragma once
#include "forms/form_state.h"
#include "records/records_inside.h"

/* Steps, and what a button says. */
#define TC_FORM_FILL TC_SPAN("fill")
#define TC_FORM_REVIEW TC_SPAN("review")
#define TC_FORM_SIGN_IN TC_SPAN("sign-in")
#define TC_FORM_SIGN_OUT TC_SPAN("sign-out")
#define TC_FORM_STATE TC_SPAN("state")
#define TC_FORM_WHO TC_SPAN("who")
#define TC_FORM_GO TC_SPAN("go")
#define TC_FORM_BACK TC_SPAN("back")

typedef struct tc_form_page {
    tc_asking *asking;
    tc_exchange *x;
    tc_span path;                          /* of the form */
    tc_span id;                            /* of the session: the cookie */
    tc_span key;                           /* seals its forms */
    tc_span name;                          /* who signed in; empty: nobody */
    bool new_cookie;                       /* it leaves with this page */
    int64_t until_s;                       /* forms are good */
    tc_form_value values[TC_FORM_MEMBERS]; /* of the members of the form, in their order */
    const char *faults[TC_FORM_MEMBERS];   /* NULL: that one is fine */
    const char *who_fault;                 /* of signing in */
} tc_form_page;

/* Nothing is answered after TC_ERR_FORM_TOO_LARGE: what is filled in would not fit the hidden
 * field; and TC_ERR_STORE_HELD: there is no room for the page now. */
tc_err tc_form_fill_page(tc_form_page *p, unsigned status) TC_MUST_USE;
tc_err tc_form_review_page(tc_form_page *p) TC_MUST_USE;
