// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/identify_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "privacy/client_index.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/worklist/case_states.h"
#include "services/identify/worklist/cases.h"
#include "services/identify/identify_store.h"

enum { SET_BY_BYTES_MAX = 128 };

struct pn_identify_writer {
    struct pn_store *store;
    struct pn_teams_follower *teams;
};

enum pn_code pn_identify_writer_open(const struct pn_config *config,
                                     struct pn_identify_writer **ret_writer, struct pn_err *err)
{
    struct pn_identify_writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    const struct pn_store_options options = {.name = PN_IDENTIFY_STORE,
                                             .migrations = pn_identify_migrations,
                                             .migration_count = pn_identify_migration_count};
    enum pn_code code = pn_teams_follower_open(config->teams_file, &writer->teams, err);
    code = code == PN_OK ? pn_store_open(config, &options, &writer->store, err) : code;
    if (code != PN_OK) {
        pn_identify_writer_close(writer);
        return code;
    }
    *ret_writer = writer;
    return PN_OK;
}

void pn_identify_writer_close(struct pn_identify_writer *writer)
{
    if (writer != NULL) {
        pn_store_close(writer->store);
        pn_teams_follower_close(writer->teams);
        free(writer);
    }
}

// What the case was.
struct before {
    int64_t client, version;
    int state;
    char unit[PN_UNIT_BYTES], team[PN_UNIT_BYTES];
};

static enum pn_code read_before(struct pn_store *store, struct before *before, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(before->client)};
    enum pn_code code =
        pn_store_ask(store, "SELECT version, state, unit, team FROM cases WHERE client = ?1",
                     values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "client", "never on the work list");
    }
    if (code == PN_OK) {
        before->version = pn_rows_int(rows, 0);
        before->state = (int)pn_rows_int(rows, 1);
        (void)snprintf(before->unit, sizeof before->unit, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 2)));
        (void)snprintf(before->team, sizeof before->team, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 3)));
    }
    pn_rows_close(rows);
    return code;
}

static enum pn_code check_change(const struct pn_identify_writer *writer,
                                 const struct pn_case_change *change, const struct before *before,
                                 struct pn_err *err)
{
    if (change->expected_version >= 0 && change->expected_version != before->version) {
        return pn_err_set(err, PN_CONFLICT, "version",
                          "somebody has changed it: read it again and decide anew");
    }
    if (!pn_case_may_become((enum pn_case_state)before->state, change->state)) {
        return pn_err_set(err, PN_INVALID, "state", "%s can not follow on %s",
                          pn_case_state_name(change->state),
                          pn_case_state_name((enum pn_case_state)before->state));
    }
    bool needs_reason = change->state == PN_CASE_NOT_RELEVANT;
    if (needs_reason || change->reason.len > 0) {
        return pn_teams_reason(pn_teams_followed(writer->teams), change->state, change->reason) !=
                       NULL
                   ? PN_OK
                   : pn_err_set(err, PN_INVALID, "reason", "a reason of the list is expected");
    }
    return PN_OK;
}

// When the case comes back as new by itself; not before the date that was agreed on.
static int64_t back_ms(const struct pn_teams *teams, const struct pn_case_change *change,
                       int64_t now_ms)
{
    int64_t months = change->state == PN_CASE_NOT_RELEVANT ? teams->back_months.not_relevant
                     : change->state == PN_CASE_REFUSES    ? teams->back_months.refuses
                                                           : 0;
    int64_t back = months == 0 ? 0 : pn_months_later(now_ms, months);
    return back != 0 && back < change->again_ms ? change->again_ms : back;
}

static enum pn_code write_change(const struct pn_identify_writer *writer,
                                 const struct pn_case_change *change, const struct before *before,
                                 struct pn_err *err)
{
    struct pn_store *store = writer->store;
    const int64_t now_ms = pn_clock_now_ms();
    char rules[PN_CASE_RULES_BYTES];
    struct pn_stmt *stmt = NULL;
    enum pn_code code = pn_case_rules_now(store, before->client, rules, err);
    const struct pn_value values[] = {
        PN_INT(before->client),
        PN_INT(change->state),
        PN_INT(before->version + 1),
        PN_INT(now_ms),
        PN_TEXT(change->set_by),
        PN_TEXT(change->reason),
        PN_INT(change->again_ms),
        PN_INT(back_ms(pn_teams_followed(writer->teams), change, now_ms)),
        PN_STR(rules)};
    const struct pn_case_entry entry = {.client = before->client,
                                        .at_ms = now_ms,
                                        .was = before->state,
                                        .state = change->state,
                                        .reason = change->reason,
                                        .by = change->set_by,
                                        .unit = pn_slice_str(before->unit),
                                        .team = pn_slice_str(before->team),
                                        .rules = pn_slice_str(rules)};
    code = code == PN_OK
               ? pn_store_prepare(store,
                                  "UPDATE cases SET state = ?2, version = ?3, changed_ms = ?4,"
                                  " set_by = ?5, reason = ?6, set_ms = ?4, again_ms = ?7,"
                                  " back_ms = ?8, rules_then = ?9, shown_ms = CASE WHEN"
                                  " shown_ms = 0 THEN ?4 ELSE shown_ms END WHERE client = ?1",
                                  &stmt, err)
               : code;
    code = code == PN_OK ? pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), NULL, err)
                         : code;
    code = code == PN_OK ? pn_case_log_add(store, &entry, err) : code;
    return code == PN_OK ? pn_case_decided(store, before->client, err) : code;
}

// Today's client may be another than the one whose row the caller read: then that is a conflict
// too.
struct changing {
    struct pn_identify_writer *writer;
    const struct pn_case_change *change;
    struct before before;
};

static enum pn_code change_row(void *context, struct pn_err *err)
{
    struct changing *changing = context;
    struct pn_identify_writer *writer = changing->writer;
    struct before *before = &changing->before;
    *before = (struct before){.version = 0};
    enum pn_code code =
        pn_client_find(writer->store, changing->change->client, &before->client, err);
    code = code == PN_OK ? read_before(writer->store, before, err) : code;
    code = code == PN_OK ? check_change(writer, changing->change, before, err) : code;
    return code == PN_OK ? write_change(writer, changing->change, before, err) : code;
}

enum pn_code pn_worklist_set_state(struct pn_identify_writer *writer,
                                   const struct pn_case_change *change, int64_t *ret_version,
                                   struct pn_err *err)
{
    if ((unsigned)change->state >= PN_CASE_LAPSED || change->set_by.len == 0 ||
        change->set_by.len > SET_BY_BYTES_MAX) {
        return pn_err_set(err, PN_INVALID, "state",
                          "a state that a person can set, and who sets it, are expected");
    }
    if (change->again_ms != 0 && !pn_case_may_wait(change->state)) {
        return pn_err_set(err, PN_INVALID, "again",
                          "only thinking and refuses have a date to come back to");
    }
    struct pn_err told; // the identify service tells of a file that can't be read
    (void)!pn_teams_follow(writer->teams, &told);
    struct changing changing = {.writer = writer, .change = change};
    enum pn_code code = pn_store_transact(writer->store, change_row, &changing, err);
    if (code == PN_OK) {
        *ret_version = changing.before.version + 1;
    }
    return code;
}
