// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/case_states.h"

#define BIT(state) (UINT32_C(1) << (state))
#define ANSWERS (BIT(PN_CASE_CONSENTS) | BIT(PN_CASE_REFUSES) | BIT(PN_CASE_THINKING))
#define BEGUN (BIT(PN_CASE_IN_DISCUSSION) | BIT(PN_CASE_HAS_WORKER) | BIT(PN_CASE_NOT_RELEVANT))

struct row {
    const char *name;
    int advance;
    uint32_t next; // 1 << enum pn_case_state that a person may set
};

// A client's answer is set only of a case that somebody has looked at.
static const struct row rows[PN_CASE_STATE_COUNT] = {
    [PN_CASE_NEW] = {"new", 1, BIT(PN_CASE_SEEN) | BEGUN},
    [PN_CASE_SEEN] = {"seen", 2, BIT(PN_CASE_NEW) | BEGUN | ANSWERS},
    [PN_CASE_IN_DISCUSSION] = {"in-discussion", 4, BIT(PN_CASE_SEEN) | BEGUN | ANSWERS},
    [PN_CASE_CONSENTS] = {"consents", 6, BEGUN | ANSWERS},
    [PN_CASE_REFUSES] = {"refuses", 6, BEGUN | ANSWERS},
    [PN_CASE_THINKING] = {"thinking", 5, BEGUN | ANSWERS},
    [PN_CASE_HAS_WORKER] = {"has-worker", 7, BIT(PN_CASE_SEEN) | BEGUN | ANSWERS},
    [PN_CASE_NOT_RELEVANT] = {"not-relevant", 3, BIT(PN_CASE_SEEN) | BEGUN},
    [PN_CASE_LAPSED] = {"lapsed", 0, BEGUN},
};

const char *pn_case_state_name(enum pn_case_state state)
{
    return (unsigned)state < PN_CASE_STATE_COUNT ? rows[state].name : "";
}

enum pn_case_state pn_case_state_parse(struct pn_slice name)
{
    unsigned i = 0;
    while (i < PN_CASE_STATE_COUNT && !pn_slice_is(name, rows[i].name)) {
        i++;
    }
    return (enum pn_case_state)i;
}

bool pn_case_may_become(enum pn_case_state state, enum pn_case_state next)
{
    // The same again: with another reason or date.
    bool is_same = state == next && (pn_case_may_wait(next) || pn_case_may_return(next));
    return (unsigned)state < PN_CASE_STATE_COUNT && (unsigned)next < PN_CASE_STATE_COUNT &&
           (is_same || (rows[state].next & BIT(next)) != 0);
}

int pn_case_advance(enum pn_case_state state)
{
    return (unsigned)state < PN_CASE_STATE_COUNT ? rows[state].advance : 0;
}

bool pn_case_is_begun(enum pn_case_state state)
{
    return state != PN_CASE_NEW && state != PN_CASE_SEEN && state != PN_CASE_LAPSED;
}
