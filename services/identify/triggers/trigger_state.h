// SPDX-License-Identifier: Apache-2.0
/*
 * What a trigger can be.
 */
#ifndef PN_IDENTIFY_TRIGGER_STATE_H
#define PN_IDENTIFY_TRIGGER_STATE_H

// Raised: the rule holds. Lapsed: time took it. Retracted: what it was raised on is gone.
enum pn_trigger_state { PN_TRIGGER_RAISED, PN_TRIGGER_LAPSED, PN_TRIGGER_RETRACTED };
const char *pn_trigger_state_name(enum pn_trigger_state state); // "raised"; "" for another

enum { PN_TRIGGERS_MAX = 64 }; // of one client: one for each rule that holds or has held

#endif
