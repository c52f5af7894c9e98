// SPDX-License-Identifier: Apache-2.0
#include "services/identify/verdicts.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fhir/json.h"
#include "privacy/client_index.h"
#include "services/identify/worklist/cases.h"
#include "services/identify/due.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/worklist/flag.h"
#include "services/identify/triggers/trigger.h"
#include "services/identify/triggers/trigger_log.h"

// A trigger as the store has it.
struct known {
    char rule[64];
    int64_t version;
    enum pn_trigger_state state;
    int64_t count, raised_ms, evaluated_ms, lapses_ms, told, serial, weight;
    enum pn_data_class data_class;
    struct pn_rank_share share;
    bool is_seen; // its rule is among the rules
};

struct pn_verdicts {
    struct pn_verdicts_options options;
    struct pn_evaluator *evaluator;
    struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    unsigned fact_count;
    struct known known[PN_TRIGGERS_MAX];
    unsigned known_count;
    struct pn_finding finding;
    struct pn_trigger_tellings tellings;
    struct pn_trigger_counts counts; // of the open transaction
    struct pn_cases *cases;
    struct pn_case_standing standing; // of the client that is judged
    struct pn_buf text;
};

// One client while it is judged.
struct judged {
    struct pn_verdicts *verdicts;
    const struct pn_held_client *client;
    int64_t moment_ms;
    int64_t due_ms;                     // when time changes something
    bool is_due_new;                    // due_ms may be earlier than what is written
    char key[PN_CLIENT_KEY_TEXT_BYTES]; // "" until it is needed
    int birth_year;                     // 0: not known
    bool has_birth_year;
    bool has_told;
    bool is_rank_new;
    enum pn_data_class flag_class; // the most protected of triggers that hold, and of what ended
    struct pn_rank_share share;    // of the rule that is judged
};

enum pn_code pn_verdicts_open(const struct pn_verdicts_options *options,
                              struct pn_verdicts **ret_verdicts, struct pn_err *err)
{
    struct pn_verdicts *verdicts = calloc(1, sizeof *verdicts);
    if (verdicts == NULL) {
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    verdicts->options = *options;
    pn_buf_init(&verdicts->text, PN_EVENT_BYTES_MAX);
    const struct pn_teams *teams = options->teams == NULL ? pn_teams_default() : options->teams;
    enum pn_code code = pn_evaluator_new(&verdicts->evaluator, err);
    code = code == PN_OK ? pn_cases_open(options->store, teams, &verdicts->cases, err) : code;
    if (code != PN_OK) {
        pn_verdicts_close(verdicts);
        return code;
    }
    *ret_verdicts = verdicts;
    return PN_OK;
}

void pn_verdicts_close(struct pn_verdicts *verdicts)
{
    if (verdicts != NULL) {
        pn_buf_release(&verdicts->text);
        pn_cases_close(verdicts->cases);
        pn_evaluator_free(verdicts->evaluator);
        free(verdicts);
    }
}

struct pn_trigger_counts *pn_verdicts_counts(struct pn_verdicts *verdicts)
{
    return &verdicts->counts;
}

// --- What is known -------------------------------------------------------------------------------

static enum pn_code load_known(struct pn_verdicts *verdicts, int64_t client, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(client)};
    enum pn_code code =
        pn_store_ask(verdicts->options.store,
                     "SELECT rule, version, state, counted, raised_ms, evaluated_ms,"
                     " lapses_ms, told, serial, class, weight, week, sectors FROM triggers"
                     " WHERE client = ?1",
                     values, 1, &rows, err);
    verdicts->known_count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && verdicts->known_count < PN_TRIGGERS_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        struct known *known = &verdicts->known[verdicts->known_count++];
        *known = (struct known){
            .version = pn_rows_int(rows, 1),
            .state = (enum pn_trigger_state)pn_rows_int(rows, 2),
            .count = pn_rows_int(rows, 3),
            .raised_ms = pn_rows_int(rows, 4),
            .evaluated_ms = pn_rows_int(rows, 5),
            .lapses_ms = pn_rows_int(rows, 6),
            .told = pn_rows_int(rows, 7),
            .serial = pn_rows_int(rows, 8),
            .data_class = (enum pn_data_class)pn_rows_int(rows, 9),
            .weight = pn_rows_int(rows, 10),
            .share = {.week = pn_rows_int(rows, 11), .sectors = (uint32_t)pn_rows_int(rows, 12)}};
        (void)snprintf(known->rule, sizeof known->rule, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 0)));
    }
    pn_rows_close(rows);
    return code;
}

static struct known *find_known(struct pn_verdicts *verdicts, const char *rule)
{
    for (unsigned i = 0; i < verdicts->known_count; i++) {
        if (strcmp(verdicts->known[i].rule, rule) == 0) {
            return &verdicts->known[i];
        }
    }
    return NULL;
}

static enum pn_code know_age(struct judged *judged, struct pn_err *err)
{
    if (judged->has_birth_year) {
        return PN_OK;
    }
    enum pn_code code = pn_held_birth_year(judged->verdicts->options.store, judged->client->number,
                                           &judged->birth_year, err);
    judged->has_birth_year = code == PN_OK;
    return code;
}

static enum pn_code know_key(struct judged *judged, struct pn_err *err)
{
    return judged->key[0] != '\0' ? PN_OK
                                  : pn_client_key_of(judged->verdicts->options.store,
                                                     judged->client->number, judged->key, err);
}

// --- Telling -------------------------------------------------------------------------------------

struct telling {
    const struct pn_rule *rule;
    struct known *known;
    enum pn_trigger_state state;
    const char *type; // NULL: the store only
    bool is_change;
};

static enum pn_code emit(struct judged *judged, const struct telling *telling, const char *id,
                         struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    char event_id[PN_UUID_TEXT_BYTES], serial[24];
    (void)snprintf(serial, sizeof serial, "%lld", (long long)telling->known->serial);
    const struct pn_slice parts[] = {pn_slice_str(id), pn_slice_str(serial)};
    pn_uuid5("trigger-event", parts, PN_ARRAY_COUNT(parts), event_id);
    const struct pn_event event = {
        .id = pn_slice_str(event_id),
        .type = pn_slice_str(telling->type),
        .subject = pn_slice_str(judged->key),
        .causation_id = pn_slice_str(judged->client->causation),
        .time_ms = judged->moment_ms,
        .recorded_ms = judged->moment_ms,
        .data = pn_buf_slice(&verdicts->text),
    };
    return verdicts->options.emit(verdicts->options.context, &event, err);
}

static enum pn_code put_trigger(struct judged *judged, const struct telling *telling,
                                const char *id, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    const struct pn_finding *finding = &verdicts->finding;
    const struct known *known = telling->known;
    const struct pn_value values[] = {
        PN_INT(judged->client->number),
        PN_STR(telling->rule->id),
        PN_STR(id),
        PN_INT(telling->rule->version),
        PN_INT(telling->state),
        PN_INT(finding->count),
        PN_INT(telling->rule->threshold),
        PN_INT(known->raised_ms),
        PN_INT(judged->moment_ms),
        PN_INT(finding->lapses_ms),
        PN_INT(known->data_class),
        PN_INT(telling->rule->weight),
        PN_INT(known->told),
        PN_INT(known->serial),
        PN_TEXT(pn_buf_slice(&verdicts->text)),
        PN_INT(judged->share.week),
        PN_INT(judged->share.sectors),
    };
    return pn_store_run(
        verdicts->options.store,
        "INSERT INTO triggers (client, rule, id, version, state, counted, threshold,"
        " raised_ms, changed_ms, evaluated_ms, lapses_ms, class, weight, told, serial,"
        " data, week, sectors) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11,"
        " ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT (client, rule) DO UPDATE SET version = "
        "excluded.version,"
        " state = excluded.state, counted = excluded.counted,"
        " threshold = excluded.threshold, raised_ms = excluded.raised_ms,"
        " changed_ms = excluded.changed_ms, evaluated_ms = excluded.evaluated_ms,"
        " lapses_ms = excluded.lapses_ms, class = excluded.class,"
        " weight = excluded.weight, told = excluded.told, serial = excluded.serial,"
        " data = excluded.data, week = excluded.week, sectors = excluded.sectors",
        values, PN_ARRAY_COUNT(values), err);
}

static void add_class(struct judged *judged, enum pn_data_class data_class)
{
    judged->flag_class = data_class > judged->flag_class ? data_class : judged->flag_class;
}

static enum pn_code tell(struct judged *judged, const struct telling *telling, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    struct known *known = telling->known;
    char id[PN_UUID_TEXT_BYTES];
    enum pn_code code = know_key(judged, err);
    if (code != PN_OK) {
        return code;
    }
    pn_trigger_id(judged->key, telling->rule->id, id);
    judged->has_told = true;
    known->serial++;
    known->told = verdicts->finding.count;
    const int64_t since_ms = verdicts->finding.since_ms;
    const struct pn_trigger_told told = {.rule = telling->rule->id,
                                         .version = telling->rule->version,
                                         .serial = known->serial,
                                         .happening = telling->state,
                                         .is_change = telling->is_change,
                                         .at_ms = since_ms != 0 ? since_ms : judged->moment_ms};
    pn_trigger_tellings_add(&verdicts->tellings, &told);
    if (telling->state == PN_TRIGGER_RAISED) {
        known->data_class = verdicts->finding.data_class;
    }
    add_class(judged, known->data_class);
    const struct pn_trigger_view view = {.id = id,
                                         .client_key = judged->key,
                                         .rule = telling->rule,
                                         .finding = &verdicts->finding,
                                         .facts = verdicts->facts,
                                         .sources = verdicts->options.sources,
                                         .state = telling->state,
                                         .data_class = known->data_class,
                                         .is_change = telling->is_change,
                                         .raised_ms = known->raised_ms,
                                         .moment_ms = judged->moment_ms};
    pn_buf_clear(&verdicts->text);
    pn_trigger_print(&view, &verdicts->text);
    if (!pn_buf_ok(&verdicts->text)) {
        return pn_err_set(err, PN_INTERNAL, "DetectedIssue", "it does not fit into an event");
    }
    code = put_trigger(judged, telling, id, err);
    return code == PN_OK ? emit(judged, telling, id, err) : code;
}

// --- One rule ------------------------------------------------------------------------------------

// Told again when the count has doubled, or what was told may be wrong now: the work list is read
// from the store, and nobody wants a new message for every visit.
static bool is_worth_telling(const struct judged *judged, const struct pn_rule *rule,
                             const struct known *known)
{
    const struct pn_finding *finding = &judged->verdicts->finding;
    bool rose_anew = finding->since_ms > known->evaluated_ms; // it ended in between, unseen
    return judged->client->had_correction || known->version != rule->version || rose_anew ||
           finding->count >= 2 * known->told;
}

// What the rank is made of is written when it changes: once a week at most, and for a new sector.
static enum pn_code keep_share(struct judged *judged, const struct pn_rule *rule,
                               const struct known *known, struct pn_err *err)
{
    const struct pn_rank_share *share = &judged->share;
    if (share->week == known->share.week && share->sectors == known->share.sectors) {
        return PN_OK;
    }
    const struct pn_value values[] = {PN_INT(judged->client->number), PN_STR(rule->id),
                                      PN_INT(share->week), PN_INT(share->sectors)};
    judged->is_rank_new = true;
    return pn_store_run(
        judged->verdicts->options.store,
        "UPDATE triggers SET week = ?3, sectors = ?4 WHERE client = ?1 AND rule = ?2", values,
        PN_ARRAY_COUNT(values), err);
}

// Little changes are not written: the work list counts anew when it is read.
static enum pn_code still_holds(struct judged *judged, const struct pn_rule *rule,
                                struct known *known, struct pn_err *err)
{
    const struct telling telling = {.rule = rule,
                                    .known = known,
                                    .state = PN_TRIGGER_RAISED,
                                    .type = "fi.punos.trigger.changed.v1",
                                    .is_change = true};
    add_class(judged, known->data_class);
    return is_worth_telling(judged, rule, known) ? tell(judged, &telling, err)
                                                 : keep_share(judged, rule, known, err);
}

// Time has taken it if today's facts would still have made it hold when it was told last
// (corrections are always told); otherwise its evidence is gone.
static enum pn_code no_longer_holds(struct judged *judged, const struct pn_rule *rule,
                                    struct known *known, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    struct pn_finding now = verdicts->finding;
    const struct pn_evaluation then = {
        .rule = rule, .moment_ms = known->evaluated_ms, .birth_year = judged->birth_year};
    pn_evaluate(verdicts->evaluator, &then, &verdicts->finding);
    bool is_lapsed = verdicts->finding.holds;
    verdicts->finding = now;
    const struct telling telling = {.rule = rule,
                                    .known = known,
                                    .state = is_lapsed ? PN_TRIGGER_LAPSED : PN_TRIGGER_RETRACTED,
                                    .type = is_lapsed ? "fi.punos.trigger.lapsed.v1"
                                                      : "fi.punos.trigger.retracted.v1"};
    return tell(judged, &telling, err);
}

static enum pn_code begins_to_hold(struct judged *judged, const struct pn_rule *rule,
                                   struct known *known, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    if (known == NULL) {
        if (verdicts->known_count == PN_TRIGGERS_MAX) {
            return pn_err_set(err, PN_LIMIT, "triggers", "more rules than a client can have");
        }
        known = &verdicts->known[verdicts->known_count++];
        *known = (struct known){.is_seen = true};
    }
    known->raised_ms = judged->moment_ms;
    const struct telling telling = {.rule = rule,
                                    .known = known,
                                    .state = PN_TRIGGER_RAISED,
                                    .type = "fi.punos.trigger.raised.v1"};
    return tell(judged, &telling, err);
}

// The year of birth costs a question to the store: it is asked for when it may matter.
static enum pn_code evaluate(struct judged *judged, const struct pn_rule *rule, bool did_hold,
                             struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    struct pn_finding *finding = &verdicts->finding;
    const bool has_age = rule->scope.from_years > 0 || rule->scope.to_years > 0;
    struct pn_evaluation evaluation = {.rule = rule,
                                       .moment_ms = judged->moment_ms,
                                       .birth_year = judged->birth_year,
                                       .wants_all = did_hold};
    pn_evaluate(verdicts->evaluator, &evaluation, finding);
    bool may_matter = did_hold || finding->holds || (rule->has_memory && finding->may_hold);
    if (!has_age || judged->has_birth_year || !may_matter) {
        return PN_OK;
    }
    enum pn_code code = know_age(judged, err);
    if (code == PN_OK && judged->birth_year != 0) {
        evaluation.birth_year = judged->birth_year;
        pn_evaluate(verdicts->evaluator, &evaluation, finding);
    }
    return code;
}

static enum pn_code judge_rule(struct judged *judged, const struct pn_rule *rule, bool is_touched,
                               struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    struct known *known = find_known(verdicts, rule->id);
    bool did_hold = known != NULL && known->state == PN_TRIGGER_RAISED;
    if (known != NULL) {
        known->is_seen = true;
    }
    if (!is_touched && !did_hold) {
        return PN_OK; // as it was the last time: its due time is written
    }
    enum pn_code code = evaluate(judged, rule, did_hold, err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_finding *finding = &verdicts->finding;
    if (finding->due_ms != 0 && (judged->due_ms == 0 || finding->due_ms < judged->due_ms)) {
        judged->due_ms = finding->due_ms;
    }
    if (finding->due_ms != 0 && (!finding->holds || !rule->is_plain)) {
        judged->is_due_new = true;
    }
    if (finding->holds) {
        judged->share = pn_rank_share_of(finding, verdicts->facts, rule->weight);
        pn_case_standing_add(&verdicts->standing, rule, finding, judged->share);
    }
    if (finding->holds && !did_hold) {
        return begins_to_hold(judged, rule, known, err);
    }
    if (finding->holds) {
        return still_holds(judged, rule, known, err);
    }
    return did_hold ? no_longer_holds(judged, rule, known, err) : PN_OK;
}

// Triggers of rules that are no more.
static enum pn_code retract_orphans(struct judged *judged, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < verdicts->known_count && code == PN_OK; i++) {
        struct known *known = &verdicts->known[i];
        if (known->is_seen || known->state != PN_TRIGGER_RAISED) {
            continue;
        }
        const struct pn_rule gone = {
            .id = known->rule,
            .version = known->version,
            .title = {"Poistettu sääntö", "Borttagen regel", "Rule taken away"},
            .explanation = {"Sääntö on poistettu käytöstä.", "Regeln används inte längre.",
                            "The rule is no longer in use."},
            .threshold = 1,
            .lapse_below = 1,
            .weight = known->weight};
        verdicts->finding = (struct pn_finding){.count = 0, .data_class = known->data_class};
        const struct telling telling = {.rule = &gone,
                                        .known = known,
                                        .state = PN_TRIGGER_RETRACTED,
                                        .type = "fi.punos.trigger.retracted.v1"};
        code = tell(judged, &telling, err);
    }
    return code;
}

static enum pn_code settle(struct judged *judged, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    const struct pn_case_sum sum = {.client = judged->client->number,
                                    .moment_ms = judged->moment_ms,
                                    .rules = verdicts->options.rules,
                                    .standing = &verdicts->standing,
                                    .facts = verdicts->facts,
                                    .has_told = judged->has_told,
                                    .is_rank_new = judged->is_rank_new};
    // Other rules are a reason to look too: which of them begin a case may be another matter.
    bool is_looked_at = judged->has_told || judged->is_rank_new || judged->client->is_due;
    struct pn_case_grounds grounds = {false, false};
    enum pn_code code = is_looked_at ? pn_case_settle(verdicts->cases, &sum, &grounds, err) : PN_OK;
    code = code == PN_OK && grounds.before != grounds.now ? know_key(judged, err) : code;
    pn_trigger_counts_add(&verdicts->counts, &verdicts->tellings);
    code = code == PN_OK ? pn_trigger_log_write(verdicts->options.store, judged->client->number,
                                                judged->moment_ms, &verdicts->tellings, err)
                         : code;
    const struct pn_flag_telling telling = {.store = verdicts->options.store,
                                            .client = judged->client->number,
                                            .client_key = judged->key,
                                            .causation = judged->client->causation,
                                            .moment_ms = judged->moment_ms,
                                            .grounds = grounds,
                                            .standing = &verdicts->standing,
                                            .tellings = &verdicts->tellings,
                                            .data_class = judged->flag_class,
                                            .emit = verdicts->options.emit,
                                            .context = verdicts->options.context};
    return code == PN_OK ? pn_flag_tell(&telling, err) : code;
}

enum pn_code pn_verdicts_judge(struct pn_verdicts *verdicts, const struct pn_held_client *client,
                               int64_t moment_ms, struct pn_err *err)
{
    struct judged judged = {.verdicts = verdicts, .client = client, .moment_ms = moment_ms};
    const bool is_all = client->is_due || client->had_correction;
    if (!is_all && client->rules == 0) {
        return PN_OK;
    }
    verdicts->fact_count = pn_held_gather(client, verdicts->facts);
    verdicts->tellings.count = 0;
    pn_evaluator_take(verdicts->evaluator, verdicts->facts, verdicts->fact_count);
    pn_case_standing_clear(&verdicts->standing);
    enum pn_code code = load_known(verdicts, client->number, err);
    bool had_any = verdicts->known_count > 0;
    for (unsigned i = 0; i < verdicts->options.rules->count && code == PN_OK; i++) {
        bool is_touched = is_all || (client->rules >> i & 1) != 0;
        code = judge_rule(&judged, &verdicts->options.rules->rules[i], is_touched, err);
    }
    code = code == PN_OK ? retract_orphans(&judged, err) : code;
    if (code == PN_OK && (had_any || verdicts->standing.count > 0)) {
        code = settle(&judged, err);
    }
    // More events only put the end of a plain rule off: the time written before is early enough,
    // and looking then finds the new one.
    bool is_due_new = judged.has_told || client->is_due || judged.is_due_new;
    if (code == PN_OK && judged.due_ms != 0 && is_due_new) {
        const struct pn_due due = {client->number, judged.due_ms, is_all};
        code = pn_due_put(verdicts->options.store, &due, err);
    }
    return code;
}

// --- Around it -----------------------------------------------------------------------------------

struct pn_cases *pn_verdicts_cases(struct pn_verdicts *verdicts)
{
    return verdicts->cases;
}

enum pn_code pn_verdicts_owner(struct pn_verdicts *verdicts, int64_t subject, int64_t *ret_owner,
                               struct pn_err *err)
{
    const struct pn_value value = PN_INT(subject);
    int64_t owner = subject;
    enum pn_code code = pn_store_number(verdicts->options.store,
                                        "SELECT canonical FROM client_keys WHERE client = ?1",
                                        &value, 1, &owner, err);
    if (code == PN_OK) {
        *ret_owner = owner;
    }
    return code;
}

void pn_verdicts_use(struct pn_verdicts *verdicts, const struct pn_ruleset *rules)
{
    verdicts->options.rules = rules;
}

enum pn_code pn_verdicts_check_rules(struct pn_verdicts *verdicts, bool in_any_case,
                                     struct pn_err *err)
{
    // With the number: a set that is put back is another one than it was before.
    const int64_t fingerprint =
        verdicts->options.rules->number << 32 | verdicts->options.rules->fingerprint;
    int64_t before = 0;
    enum pn_code code = pn_store_number(verdicts->options.store,
                                        "SELECT value FROM identify_state WHERE name = 'rules'",
                                        NULL, 0, &before, err);
    if (code != PN_OK || (before == fingerprint && !in_any_case)) {
        return code;
    }
    code = pn_due_all(verdicts->options.store, err);
    const struct pn_value value = PN_INT(fingerprint);
    return code == PN_OK
               ? pn_store_run(verdicts->options.store,
                              "INSERT INTO identify_state (name, value) VALUES ('rules', ?1)"
                              " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                              &value, 1, err)
               : code;
}
