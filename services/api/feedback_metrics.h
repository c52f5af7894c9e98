// SPDX-License-Identifier: Apache-2.0
/*
 * Feedback in /metrics, of the rules in use, over the last twelve months, made anew each hour:
 *   punos_rule_judged{rule}           triggers that people have judged
 *   punos_rule_value_percent{rule}    the share of right ones among them, rounded
 *   punos_rule_value_low_percent      and the ends of its 95 % interval
 *   punos_rule_value_high_percent
 *   punos_rule_skew_watched{rule}     groups flagged clearly more or less often than the whole
 */
#ifndef PN_SERVICES_API_FEEDBACK_METRICS_H
#define PN_SERVICES_API_FEEDBACK_METRICS_H

#include "services/api/api.h"

// At each tick. Does nothing when they are younger than an hour, or the store is away; else reads
// for some milliseconds, so that nobody who calls the API waits for it, and tells when all is read.
void pn_feedback_tell(struct pn_api *api, int64_t now_ms);

#endif
