// SPDX-License-Identifier: Apache-2.0
#include "services/identify/feedback/feedback_read.h"

#include <stdlib.h>

#include "base/clock.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/identify_store.h"
#include "services/identify/rules/rule_sets.h"
#include "services/identify/worklist/teams.h"

// Clients are gone through in parts by their numbers, which are spread evenly: of a county-year one
// takes some milliseconds.
enum {
    WORK_BYTES_MAX = 512 * 1024 * 1024,
    SPAN_MONTHS = 12,
    PART_BITS = 9,
    PARTS = 1 << PART_BITS
};

struct pn_feedback_reader {
    struct pn_store *store;
    struct pn_rules_follower *follower; // NULL: there are no rules yet
    const char *rules_file;
    struct pn_teams_follower *teams; // NULL: the file can't be read
    struct pn_arena *work;           // of the last read
    struct pn_feedback *feedback;    // of a read that is under way
    struct pn_feedback_query query;
    unsigned part; // the next one
};

struct part {
    int64_t low, high; // numbers of clients, both in it
};

static struct part part_of(unsigned place)
{
    const uint64_t width = UINT64_C(1) << (64 - PART_BITS);
    const int64_t low = (int64_t)((UINT64_C(1) << 63) + place * width);
    return (struct part){low, low + (int64_t)(width - 1)};
}

enum pn_code pn_feedback_reader_open(const struct pn_config *config,
                                     struct pn_feedback_reader **ret_reader, struct pn_err *err)
{
    struct pn_feedback_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL || (reader->work = pn_arena_new(WORK_BYTES_MAX)) == NULL) {
        pn_feedback_reader_close(reader);
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    // A file that can't be read costs the reasons' names only.
    struct pn_err ignored;
    (void)!pn_teams_follower_open(config->teams_file, &reader->teams, &ignored);
    const struct pn_store_options options = {.name = PN_IDENTIFY_STORE,
                                             .migrations = pn_identify_migrations,
                                             .migration_count = pn_identify_migration_count,
                                             .read_only = true};
    reader->rules_file = config->rules_file;
    enum pn_code code = pn_store_open(config, &options, &reader->store, err);
    if (code != PN_OK) {
        pn_feedback_reader_close(reader);
        return code;
    }
    *ret_reader = reader;
    return PN_OK;
}

void pn_feedback_reader_close(struct pn_feedback_reader *reader)
{
    if (reader != NULL) {
        pn_rules_follower_close(reader->follower);
        pn_store_close(reader->store);
        pn_arena_free(reader->work);
        pn_teams_follower_close(reader->teams);
        free(reader);
    }
}

const struct pn_ruleset *pn_feedback_reader_rules(const struct pn_feedback_reader *reader)
{
    return reader->follower == NULL ? NULL : pn_rules_followed(reader->follower);
}

const struct pn_teams *pn_feedback_reader_teams(const struct pn_feedback_reader *reader)
{
    return reader->teams == NULL ? pn_teams_default() : pn_teams_followed(reader->teams);
}

void pn_feedback_query_default(int64_t now_ms, struct pn_feedback_query *ret_query)
{
    *ret_query = (struct pn_feedback_query){
        .from_ms = pn_months_later(now_ms, -SPAN_MONTHS), .to_ms = now_ms, .as_of_ms = now_ms};
}

bool pn_feedback_time_parse(struct pn_slice text, int64_t *ret_time_ms)
{
    enum { DAY_BYTES = sizeof "2026-11-30" - 1 };
    int64_t time_ms = 0;
    if (!pn_time_parse(text, &time_ms)) {
        return false;
    }
    *ret_time_ms = text.len > DAY_BYTES ? time_ms : pn_local_midnight(time_ms / PN_MS_PER_DAY);
    return true;
}

// Whom today's rules are about. Without rules everybody is.
static enum pn_code add_scopes(struct pn_feedback_reader *reader, struct pn_feedback *feedback,
                               struct pn_err *err)
{
    const struct pn_ruleset *rules = NULL;
    const struct pn_rules_follower_options options = {.store = reader->store,
                                                      .rules_file = reader->rules_file};
    bool is_refused = false;
    struct pn_err ignored;
    if (reader->follower == NULL &&
        pn_rules_follower_open(&options, &reader->follower, &ignored) != PN_OK) {
        return PN_OK;
    }
    enum pn_code code = pn_rules_follow(reader->follower, &rules, &is_refused, err);
    for (unsigned i = 0; code == PN_OK && i < rules->count; i++) {
        const struct pn_rule *rule = &rules->rules[i];
        code = pn_feedback_add_scope(feedback, pn_slice_str(rule->id), rule->scope.from_years,
                                     rule->scope.to_years, err);
    }
    return code;
}

static enum pn_sex sex_of(int64_t number)
{
    return number > 0 && number < PN_SEX_COUNT ? (enum pn_sex)number : PN_SEX_UNKNOWN;
}

static enum pn_tongue tongue_of(int64_t number)
{
    return number > 0 && number < PN_TONGUE_COUNT ? (enum pn_tongue)number : PN_TONGUE_UNKNOWN;
}

// A person is who stands under the client's own key: what absorbed keys tell is not counted twice.
static enum pn_code add_people(struct pn_feedback_reader *reader, struct part part,
                               struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(part.low), PN_INT(part.high)};
    enum pn_code code =
        pn_store_ask(reader->store,
                     "SELECT p.birth_year, p.gender, p.language, COUNT(*) FROM people p"
                     " JOIN client_keys k ON k.client = p.subject AND k.canonical = p.subject"
                     " WHERE p.subject >= ?1 AND p.subject <= ?2"
                     " GROUP BY p.birth_year, p.gender, p.language",
                     values, PN_ARRAY_COUNT(values), &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            pn_feedback_add_people(reader->feedback, (int)pn_rows_int(rows, 0),
                                   sex_of(pn_rows_int(rows, 1)), tongue_of(pn_rows_int(rows, 2)),
                                   pn_rows_int(rows, 3));
        }
    }
    pn_rows_close(rows);
    return code;
}

enum column {
    CLIENT,
    AT_MS,
    IS_CASE,
    STATE, // of the case, or what happened to the trigger
    SERIAL,
    VERSION,
    RULE, // of a trigger; of a case all that held
    UNIT,
    TEAM,
    REASON,
    SET_BY,
    BIRTH_YEAR,
    GENDER,
    LANGUAGE
};

// Clients of whom something rose in the span, with all that was ever told of them: where a case
// stood when a trigger rose may have been said long before. Nobody is asked to look at a client for
// whom only rules that support have held: who was never on the list is left out.
static const char rows_sql[] =
    "SELECT t.client AS client, t.told_ms AS at_ms, 0 AS is_case, t.happening AS state,"
    " t.serial AS serial, t.version, t.rule, t.unit, t.team, '', '',"
    " COALESCE(p.birth_year, 0), COALESCE(p.gender, 0), COALESCE(p.language, 0)"
    " FROM trigger_log t LEFT JOIN people p ON p.subject = t.client"
    " WHERE t.client >= ?3 AND t.client <= ?4 AND t.client IN (SELECT client FROM trigger_log"
    " WHERE client >= ?3 AND client <= ?4 AND happening = 0 AND told_ms >= ?1 AND told_ms < ?2)"
    " AND t.client IN (SELECT client FROM case_log WHERE client >= ?3 AND client <= ?4)"
    " UNION ALL SELECT c.client, c.at_ms, 1, c.state, c.serial, 0, c.rules, c.unit, c.team,"
    " c.reason, c.by, 0, 0, 0 FROM case_log c"
    " WHERE c.client >= ?3 AND c.client <= ?4 AND c.client IN (SELECT client FROM trigger_log"
    " WHERE client >= ?3 AND client <= ?4 AND happening = 0 AND told_ms >= ?1 AND told_ms < ?2)"
    " ORDER BY 1, 2, 3, 5";

static enum pn_code add_row(struct pn_feedback *feedback, const struct pn_rows *rows,
                            struct pn_err *err)
{
    const int64_t state = pn_rows_int(rows, STATE);
    if (pn_rows_int(rows, IS_CASE) != 0) {
        const struct pn_feedback_case row = {.client = pn_rows_int(rows, CLIENT),
                                             .at_ms = pn_rows_int(rows, AT_MS),
                                             .state = (enum pn_case_state)state,
                                             .is_by_person = pn_rows_text(rows, SET_BY).len > 0,
                                             .rules = pn_rows_text(rows, RULE),
                                             .reason = pn_rows_text(rows, REASON)};
        return state < 0 || state >= PN_CASE_STATE_COUNT
                   ? PN_OK
                   : pn_feedback_add_case(feedback, &row, err);
    }
    const struct pn_feedback_told told = {.client = pn_rows_int(rows, CLIENT),
                                          .at_ms = pn_rows_int(rows, AT_MS),
                                          .rule = pn_rows_text(rows, RULE),
                                          .unit = pn_rows_text(rows, UNIT),
                                          .team = pn_rows_text(rows, TEAM),
                                          .version = pn_rows_int(rows, VERSION),
                                          .happening = (enum pn_trigger_state)state,
                                          .birth_year = (int)pn_rows_int(rows, BIRTH_YEAR),
                                          .sex = sex_of(pn_rows_int(rows, GENDER)),
                                          .tongue = tongue_of(pn_rows_int(rows, LANGUAGE))};
    return pn_feedback_add_told(feedback, &told, err);
}

static enum pn_code add_rows(struct pn_feedback_reader *reader, struct part part,
                             struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(reader->query.from_ms), PN_INT(reader->query.to_ms),
                                      PN_INT(part.low), PN_INT(part.high)};
    enum pn_code code =
        pn_store_ask(reader->store, rows_sql, values, PN_ARRAY_COUNT(values), &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = add_row(reader->feedback, rows, err);
        }
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_feedback_read_begin(struct pn_feedback_reader *reader,
                                    const struct pn_feedback_query *query, struct pn_err *err)
{
    struct pn_err ignored; // the identify service tells of a file that can't be read
    if (reader->teams != NULL) {
        (void)!pn_teams_follow(reader->teams, &ignored);
    }
    pn_arena_reset(reader->work);
    const struct pn_feedback_options options = {.arena = reader->work,
                                                .from_ms = query->from_ms,
                                                .to_ms = query->to_ms,
                                                .as_of_ms = query->as_of_ms,
                                                .unit = query->unit,
                                                .team = query->team,
                                                .judged = query->judged,
                                                .context = query->context};
    reader->query = *query;
    reader->part = 0;
    reader->feedback = pn_feedback_new(&options);
    return reader->feedback == NULL ? pn_err_set(err, PN_LIMIT, "feedback", "no memory")
                                    : add_scopes(reader, reader->feedback, err);
}

static enum pn_code read_part(struct pn_feedback_reader *reader, bool *ret_is_last,
                              struct pn_err *err)
{
    const struct part part = part_of(reader->part);
    enum pn_code code = add_people(reader, part, err);
    code = code == PN_OK ? add_rows(reader, part, err) : code;
    if (code == PN_OK) {
        *ret_is_last = ++reader->part == PARTS;
    }
    return code;
}

enum pn_code pn_feedback_read_some(struct pn_feedback_reader *reader, int work_ms_max,
                                   bool *ret_is_last, struct pn_err *err)
{
    const int64_t began_ms = pn_clock_monotonic_ms();
    bool is_last = false;
    enum pn_code code = PN_OK;
    do {
        code = read_part(reader, &is_last, err);
    } while (code == PN_OK && !is_last && pn_clock_monotonic_ms() - began_ms < work_ms_max);
    if (code == PN_OK) {
        *ret_is_last = is_last;
    }
    return code;
}

enum pn_code pn_feedback_read_end(struct pn_feedback_reader *reader,
                                  struct pn_feedback_result *ret_result, struct pn_err *err)
{
    return pn_feedback_finish(reader->feedback, ret_result, err);
}

enum pn_code pn_feedback_read(struct pn_feedback_reader *reader,
                              const struct pn_feedback_query *query,
                              struct pn_feedback_result *ret_result, struct pn_err *err)
{
    bool is_last = false;
    enum pn_code code = pn_feedback_read_begin(reader, query, err);
    while (code == PN_OK && !is_last) {
        code = read_part(reader, &is_last, err);
    }
    return code == PN_OK ? pn_feedback_read_end(reader, ret_result, err) : code;
}
