/* records_page.h - a record and a collection for people: pages that read and print well. */
// SPDX-License-Identifier: MIT
#pragma once
#include "records/records_inside.h"

/* Answers x with the page of one record. It has no validators: it is not the document. */
tc_err tc_record_page(tc_asking *a, tc_exchange *x, const tc_entry *e) TC_MUST_USE;
/* Answers x with a table. rows: a JSON array of the documents; next: the address of the next page,
 * or empty. */
tc_err tc_record_list_page(tc_asking *a, tc_exchange *x, tc_span rows, tc_span next) TC_MUST_USE;
