// SPDX-License-Identifier: Apache-2.0
/*
 * Cases of identities that became one client: cases.h tells what counts. A row that is part of
 * another client keeps its own state; `case_own` keeps the surviving row's own while a state is
 * carried over to it.
 */
#include <stdio.h>

#include "services/identify/worklist/case_states.h"
#include "services/identify/worklist/cases.h"
#include "services/identify/identify_store.h"

// The case that counts among a client's own and those carried over.
struct choice {
    int64_t client, set_ms, shown_ms;
    int64_t own_shown_ms; // of the client's own row
    enum pn_case_state state;
    unsigned carried;
    bool is_listed; // the client has a row
    bool is_merged; // and is part of another
    enum pn_case_state shown_state;
    char unit[PN_UNIT_BYTES], team[PN_UNIT_BYTES];
};

enum pn_code pn_case_decided(struct pn_store *store, int64_t client, struct pn_err *err)
{
    const struct pn_value value = PN_INT(client);
    enum pn_code code = pn_store_run(store,
                                     "UPDATE cases SET carries = 0 WHERE merged_into = ?1 AND"
                                     " merged_into <> 0 AND carries = 1",
                                     &value, 1, err);
    return code == PN_OK
               ? pn_store_run(store, "DELETE FROM case_own WHERE client = ?1", &value, 1, err)
               : code;
}

static bool is_better(const struct choice *choice, enum pn_case_state state, int64_t set_ms)
{
    int more = pn_case_advance(state) - pn_case_advance(choice->state);
    return choice->client == 0 || more > 0 || (more == 0 && set_ms > choice->set_ms);
}

static void take_row(struct choice *choice, int64_t client, const struct pn_rows *rows)
{
    const int64_t number = pn_rows_int(rows, 0), set_ms = pn_rows_int(rows, 2);
    const enum pn_case_state state = (enum pn_case_state)pn_rows_int(rows, 1);
    const int64_t shown_ms = pn_rows_int(rows, 3);
    if (is_better(choice, state, set_ms)) {
        choice->client = number;
        choice->state = state;
        choice->set_ms = set_ms;
    }
    choice->shown_ms = shown_ms > choice->shown_ms ? shown_ms : choice->shown_ms;
    choice->carried += number != client ? 1 : 0;
    if (number != client) {
        return;
    }
    choice->is_listed = true;
    choice->own_shown_ms = shown_ms;
    choice->is_merged = pn_rows_int(rows, 4) != 0;
    choice->shown_state = (enum pn_case_state)pn_rows_int(rows, 5);
    (void)snprintf(choice->unit, sizeof choice->unit, "%.*s", PN_SLICE_FMT(pn_rows_text(rows, 6)));
    (void)snprintf(choice->team, sizeof choice->team, "%.*s", PN_SLICE_FMT(pn_rows_text(rows, 7)));
}

// The order of the rows is that of their numbers, so that equals come to the same everywhere.
static enum pn_code choose(struct pn_store *store, int64_t client, struct choice *ret_choice,
                           struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct choice choice = {.client = 0};
    const struct pn_value value = PN_INT(client);
    enum pn_code code = pn_store_ask(
        store,
        "SELECT c.client, COALESCE(o.state, c.state), COALESCE(o.set_ms, c.set_ms), c.shown_ms,"
        " c.merged_into, c.state, c.unit, c.team FROM cases c LEFT JOIN case_own o"
        " ON o.client = c.client WHERE c.client = ?1 OR (c.merged_into = ?1"
        " AND c.merged_into <> 0 AND c.carries = 1) ORDER BY c.client",
        &value, 1, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            take_row(&choice, client, rows);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_choice = choice;
    }
    return code;
}

static enum pn_code keep_own(struct pn_store *store, int64_t client, struct pn_err *err)
{
    const struct pn_value value = PN_INT(client);
    return pn_store_run(
        store,
        "INSERT INTO case_own (client, state, reason, set_by, set_ms, again_ms, back_ms,"
        " rules_then) SELECT client, state, reason, set_by, set_ms, again_ms, back_ms,"
        " rules_then FROM cases WHERE client = ?1 ON CONFLICT (client) DO NOTHING",
        &value, 1, err);
}

static enum pn_code copy_state(struct pn_store *store, int64_t client, const struct choice *choice,
                               int64_t moment_ms, struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(client), PN_INT(choice->client), PN_INT(moment_ms),
                                      PN_INT(choice->shown_ms)};
    return pn_store_run(
        store,
        "UPDATE cases SET (state, reason, set_by, set_ms, again_ms, back_ms, rules_then) ="
        " (SELECT COALESCE(o.state, c.state), COALESCE(o.reason, c.reason),"
        " COALESCE(o.set_by, c.set_by), COALESCE(o.set_ms, c.set_ms),"
        " COALESCE(o.again_ms, c.again_ms), COALESCE(o.back_ms, c.back_ms),"
        " COALESCE(o.rules_then, c.rules_then) FROM cases c LEFT JOIN case_own o"
        " ON o.client = c.client WHERE c.client = ?2),"
        " version = version + 1, changed_ms = ?3, shown_ms = ?4 WHERE client = ?1",
        values, PN_ARRAY_COUNT(values), err);
}

static enum pn_code note(struct pn_store *store, int64_t client, const struct choice *choice,
                         int64_t moment_ms, const char *reason, struct pn_err *err)
{
    char rules[PN_CASE_RULES_BYTES];
    const bool is_shown = choice->own_shown_ms == 0 && choice->shown_ms != 0;
    if (!choice->is_merged && choice->state == choice->shown_state && is_shown &&
        choice->state == PN_CASE_NEW) {
        return pn_case_log_shown(store, client, moment_ms, err);
    }
    if (choice->is_merged || choice->state == choice->shown_state) {
        return PN_OK;
    }
    enum pn_code code = pn_case_rules_now(store, client, rules, err);
    const struct pn_case_entry entry = {.client = client,
                                        .at_ms = moment_ms,
                                        .was = (int)choice->shown_state,
                                        .state = choice->state,
                                        .reason = pn_slice_str(reason),
                                        .unit = pn_slice_str(choice->unit),
                                        .team = pn_slice_str(choice->team),
                                        .rules = pn_slice_str(rules)};
    return code == PN_OK ? pn_case_log_add(store, &entry, err) : code;
}

// What counts for a client, made anew from its own case and those that are part of it.
static enum pn_code carry(struct pn_store *store, int64_t client, int64_t moment_ms,
                          const char *reason, struct pn_err *err)
{
    struct choice choice;
    enum pn_code code = choose(store, client, &choice, err);
    if (code != PN_OK || !choice.is_listed) {
        return code;
    }
    code = choice.carried > 0 ? keep_own(store, client, err) : PN_OK;
    code = code == PN_OK ? copy_state(store, client, &choice, moment_ms, err) : code;
    code = code == PN_OK ? note(store, client, &choice, moment_ms, reason, err) : code;
    const struct pn_value value = PN_INT(client);
    return code == PN_OK && choice.carried == 0
               ? pn_store_run(store, "DELETE FROM case_own WHERE client = ?1", &value, 1, err)
               : code;
}

// A client who had no case of its own gets the row that the other's state is carried over to.
static enum pn_code make_row(struct pn_store *store, int64_t client, int64_t subject,
                             int64_t moment_ms, struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(client), PN_INT(subject), PN_INT(PN_CASE_LAPSED),
                                      PN_INT(moment_ms)};
    return pn_store_run(
        store,
        "INSERT INTO cases (client, state, version, rank, first_ms, changed_ms, set_by,"
        " trigger_count, merged_into, unit, team, shown_ms, set_ms, ended_ms, in_error)"
        " SELECT ?1, ?3, 0, rank, first_ms, ?4, '', 0, 0, unit, team, shown_ms, 0,"
        " CASE WHEN trigger_count > 0 THEN ?4 ELSE ended_ms END,"
        " CASE WHEN trigger_count > 0 THEN 0 ELSE in_error END FROM cases"
        " WHERE client = ?2 ON CONFLICT (client) DO NOTHING",
        values, PN_ARRAY_COUNT(values), err);
}

static enum pn_code merged_into(struct pn_store *store, int64_t subject, int64_t *ret_client,
                                bool *ret_is_found, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value value = PN_INT(subject);
    enum pn_code code = pn_store_ask(store, "SELECT merged_into FROM cases WHERE client = ?1",
                                     &value, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, ret_is_found, err) : code;
    if (code == PN_OK && *ret_is_found) {
        *ret_client = pn_rows_int(rows, 0);
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_case_moved(struct pn_store *store, int64_t subject, int64_t now, int64_t moment_ms,
                           struct pn_err *err)
{
    int64_t before = 0, after = now == subject ? 0 : now;
    bool is_found = false;
    enum pn_code code = merged_into(store, subject, &before, &is_found, err);
    if (code != PN_OK || !is_found || before == after) {
        return code;
    }
    const struct pn_value values[] = {PN_INT(subject), PN_INT(after)};
    code = pn_store_run(store, "UPDATE cases SET merged_into = ?2, carries = 1 WHERE client = ?1",
                        values, 2, err);
    code = code == PN_OK && before != 0 ? carry(store, before, moment_ms, "unmerged", err) : code;
    code = code == PN_OK && after == 0 ? carry(store, subject, moment_ms, "unmerged", err) : code;
    if (code == PN_OK && after != 0) {
        code = make_row(store, after, subject, moment_ms, err);
        code = code == PN_OK ? carry(store, after, moment_ms, PN_CASE_REASON_MERGED, err) : code;
    }
    return code;
}
