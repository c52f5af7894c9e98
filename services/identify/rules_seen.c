// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules_seen.h"

#include "services/identify/due.h"

// What is written of the evaluation that everybody was put to last.
struct seen {
    int64_t rules, reckoning;
};

static enum pn_code read_seen(struct pn_store *store, struct seen *ret_seen, struct pn_err *err)
{
    struct seen seen = {.rules = 0}; // a store that is new, or was written before there was such
    enum pn_code code = pn_store_number(
        store, "SELECT value FROM identify_state WHERE name = 'rules'", NULL, 0, &seen.rules, err);
    code = code == PN_OK
               ? pn_store_number(store, "SELECT value FROM identify_state WHERE name = 'reckoning'",
                                 NULL, 0, &seen.reckoning, err)
               : code;
    if (code == PN_OK) {
        *ret_seen = seen;
    }
    return code;
}

static enum pn_code write_seen(struct pn_store *store, const struct seen *seen, struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(seen->rules), PN_INT(seen->reckoning)};
    return pn_store_run(store,
                        "INSERT INTO identify_state (name, value) VALUES ('rules', ?1),"
                        " ('reckoning', ?2)"
                        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                        values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_rules_seen_check(struct pn_store *store, const struct pn_ruleset *rules,
                                 bool in_any_case, struct pn_err *err)
{
    // With the number: a set that is put back is another one than it was before.
    const struct seen now = {rules->number << 32 | rules->fingerprint, PN_RECKONING};
    struct seen before = {.rules = 0};
    enum pn_code code = read_seen(store, &before, err);
    bool is_same = before.rules == now.rules && before.reckoning == now.reckoning;
    if (code != PN_OK || (is_same && !in_any_case)) {
        return code;
    }
    code = pn_due_all(store, err);
    return code == PN_OK ? write_seen(store, &now, err) : code;
}
