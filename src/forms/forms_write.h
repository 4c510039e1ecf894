/* forms_write.h - what a person filled in and confirmed becomes a record: under a key that the
 * store makes, in the collection that all others write to. */
// SPDX-License-Identifier: MIT
#pragma once
#include "forms/form_state.h"
#include "records/records_inside.h"

typedef struct tc_form_write tc_form_write;

/* values: of all members of the form, copied. done is called once, in the loop, unless forgotten;
 * not from inside. The key lives until it returns. TC_ERR_CONTENT_TOO_LARGE, TC_ERR_STORE_BUSY,
 * TC_ERR_NO_MEMORY. */
tc_err tc_form_write_begin(const tc_asking *a, const tc_form_value *values,
                           void (*done)(tc_form_write *w, tc_err err, tc_span key, void *self),
                           void *self, tc_form_write **ret_write) TC_MUST_USE;
void tc_form_write_forget(tc_store *store, tc_form_write *w);
