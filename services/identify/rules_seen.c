// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules_seen.h"

#include "services/identify/due.h"

enum pn_code pn_rules_seen_check(struct pn_store *store, const struct pn_ruleset *rules,
                                 bool in_any_case, struct pn_err *err)
{
    // With the number: a set that is put back is another one than it was before.
    const int64_t now = rules->number << 32 | rules->fingerprint;
    int64_t before = 0;
    enum pn_code code = pn_store_number(
        store, "SELECT value FROM identify_state WHERE name = 'rules'", NULL, 0, &before, err);
    if (code != PN_OK || (before == now && !in_any_case)) {
        return code;
    }
    const struct pn_value value = PN_INT(now);
    code = pn_due_all(store, err);
    return code == PN_OK
               ? pn_store_run(store,
                              "INSERT INTO identify_state (name, value) VALUES ('rules', ?1)"
                              " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                              &value, 1, err)
               : code;
}
