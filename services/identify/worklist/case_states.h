// SPDX-License-Identifier: Apache-2.0
/*
 * The states of a case, and which a person may set after which. Inside services/identify only;
 * others have the names by worklist_read.h.
 */
#ifndef PN_IDENTIFY_CASE_STATES_H
#define PN_IDENTIFY_CASE_STATES_H

#include "services/identify/worklist/worklist_read.h"

// Of two identities' cases the greater counts when they become one; at the same level the later.
int pn_case_advance(enum pn_case_state state);
// States whose end the service leaves to people: nothing lapses them.
bool pn_case_is_begun(enum pn_case_state state);
// States that may carry a date to come back to.
static inline bool pn_case_may_wait(enum pn_case_state state)
{
    return state == PN_CASE_THINKING || state == PN_CASE_REFUSES;
}
// States that come back to new: by a rule that did not hold then, or after a configured time.
static inline bool pn_case_may_return(enum pn_case_state state)
{
    return state == PN_CASE_NOT_RELEVANT || state == PN_CASE_REFUSES;
}

#endif
