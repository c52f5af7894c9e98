// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/trigger_state.h"

#include "base/attr.h"

const char *pn_trigger_state_name(enum pn_trigger_state state)
{
    static const char *const names[] = {"raised", "lapsed", "retracted"};
    return (unsigned)state < PN_ARRAY_COUNT(names) ? names[state] : "";
}
