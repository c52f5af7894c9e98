// SPDX-License-Identifier: Apache-2.0
/*
 * Feedback's figures as JSON, CSV (RFC 4180, decimal points) and a table for a terminal. What is
 * hidden is in none of them.
 */
#ifndef PN_IDENTIFY_FEEDBACK_PRINT_H
#define PN_IDENTIFY_FEEDBACK_PRINT_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "services/identify/feedback/feedback_read.h"

// With the titles of the reader's rules and the names of its reasons. NULL when memory is
// exhausted.
PN_MUST_USE cJSON *pn_feedback_json(const struct pn_feedback_result *result,
                                    const struct pn_feedback_query *query,
                                    const struct pn_feedback_reader *reader);
void pn_feedback_csv(const struct pn_feedback_result *result, struct pn_buf *out);
void pn_feedback_skew_csv(const struct pn_feedback_result *result, struct pn_buf *out);
void pn_feedback_text(const struct pn_feedback_result *result, struct pn_buf *out);

#endif
