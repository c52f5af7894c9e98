// SPDX-License-Identifier: Apache-2.0
/*
 * What identify keeps of a person: year of birth, for the ages that rules ask for; sex and the
 * group of the mother tongue, only for feedback's figures of skew. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_PEOPLE_H
#define PN_IDENTIFY_PEOPLE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "event/event.h"
#include "services/identify/feedback/feedback.h"
#include "store/store.h"

// Takes a client.identified event. *ret_is_new when the year of birth is another than before. What
// an event does not tell (or tells to be unknown) stays as it was told last.
PN_MUST_USE enum pn_code pn_people_take(struct pn_store *store, const struct pn_event *event,
                                        const cJSON *patient, int64_t subject, bool *ret_is_new,
                                        struct pn_err *err);

#endif
