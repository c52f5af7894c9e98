// SPDX-License-Identifier: Apache-2.0
#include "services/identify/verdicts.h"

#include <stdlib.h>

#include "privacy/client_index.h"
#include "services/identify/due.h"
#include "services/identify/evaluate/evaluate.h"
#include "services/identify/triggers/trigger_rows.h"
#include "services/identify/triggers/trigger_tell.h"
#include "services/identify/worklist/cases.h"
#include "services/identify/worklist/flag.h"

struct pn_verdicts {
    struct pn_verdicts_options options;
    struct pn_evaluator *evaluator;
    struct pn_fact_entry facts[PN_CLIENT_FACTS_MAX];
    unsigned fact_count;
    struct pn_trigger_rows triggers; // of the client that is judged, as the store has them
    struct pn_finding finding;
    struct pn_trigger_tellings tellings;
    struct pn_trigger_counts counts; // of the open transaction
    struct pn_cases *cases;
    struct pn_case_standing standing;
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
    uint32_t flag_classes;      // of triggers that hold, and of what ended
    struct pn_rank_share share; // of the rule that is judged
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

// --- The client ----------------------------------------------------------------------------------

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

// What the news leaves out is as it is for every rule of this client.
static enum pn_code tell(struct judged *judged, struct pn_trigger_telling news, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    enum pn_code code = know_key(judged, err);
    if (code != PN_OK) {
        return code;
    }
    judged->has_told = true;
    news.store = verdicts->options.store;
    news.client = judged->client->number;
    news.client_key = judged->key;
    news.causation = judged->client->causation;
    news.moment_ms = judged->moment_ms;
    news.finding = &verdicts->finding;
    news.facts = verdicts->facts;
    news.sources = verdicts->options.sources;
    news.share = judged->share;
    news.text = &verdicts->text;
    news.emit = verdicts->options.emit;
    news.context = verdicts->options.context;
    code = pn_trigger_tell(&news, &verdicts->tellings, err);
    judged->flag_classes |= news.row->classes;
    return code;
}

// --- One rule ------------------------------------------------------------------------------------

// Told again when the count has doubled, or what was told may be wrong now: the work list is read
// from the store, and nobody wants a new message for every visit.
static bool is_worth_telling(const struct judged *judged, const struct pn_rule *rule,
                             const struct pn_trigger_row *row)
{
    const struct pn_finding *finding = &judged->verdicts->finding;
    bool rose_anew = finding->since_ms > row->evaluated_ms; // it ended in between, unseen
    return judged->client->had_correction || row->version != rule->version || rose_anew ||
           finding->count >= 2 * row->told;
}

// What the rank is made of is written when it changes: once a week at most, and for a new sector.
// So is a class of protection that has come to be among what is counted.
static enum pn_code keep_share(struct judged *judged, struct pn_trigger_row *row,
                               struct pn_err *err)
{
    const struct pn_rank_share *share = &judged->share;
    const uint32_t classes = row->classes | judged->verdicts->finding.classes;
    bool is_same_rank = share->week == row->share.week && share->sectors == row->share.sectors;
    if (is_same_rank && classes == row->classes) {
        return PN_OK;
    }
    judged->is_rank_new = judged->is_rank_new || !is_same_rank;
    row->share = *share;
    row->classes = classes;
    return pn_trigger_row_write_share(judged->verdicts->options.store, judged->client->number, row,
                                      err);
}

// Little changes are not written: the work list counts anew when it is read.
static enum pn_code still_holds(struct judged *judged, const struct pn_rule *rule,
                                struct pn_trigger_row *row, struct pn_err *err)
{
    const struct pn_trigger_telling news = {
        .rule = rule, .row = row, .state = PN_TRIGGER_RAISED, .is_change = true};
    judged->flag_classes |= row->classes;
    return is_worth_telling(judged, rule, row) ? tell(judged, news, err)
                                               : keep_share(judged, row, err);
}

// Time has taken it if today's facts would still have made it hold when it was told last
// (corrections are always told); otherwise its evidence is gone.
static enum pn_code no_longer_holds(struct judged *judged, const struct pn_rule *rule,
                                    struct pn_trigger_row *row, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    struct pn_finding now = verdicts->finding;
    const struct pn_evaluation then = {
        .rule = rule, .moment_ms = row->evaluated_ms, .birth_year = judged->birth_year};
    pn_evaluate(verdicts->evaluator, &then, &verdicts->finding);
    bool is_lapsed = verdicts->finding.holds;
    verdicts->finding = now;
    judged->share = row->share; // what it was made of, to its end
    const struct pn_trigger_telling news = {
        .rule = rule, .row = row, .state = is_lapsed ? PN_TRIGGER_LAPSED : PN_TRIGGER_RETRACTED};
    return tell(judged, news, err);
}

static enum pn_code begins_to_hold(struct judged *judged, const struct pn_rule *rule,
                                   struct pn_trigger_row *row, struct pn_err *err)
{
    if (row == NULL) {
        enum pn_code code = pn_trigger_rows_add(&judged->verdicts->triggers, &row, err);
        if (code != PN_OK) {
            return code;
        }
        row->is_seen = true;
    }
    row->raised_ms = judged->moment_ms;
    const struct pn_trigger_telling news = {.rule = rule, .row = row, .state = PN_TRIGGER_RAISED};
    return tell(judged, news, err);
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
    struct pn_trigger_row *row = pn_trigger_rows_find(&verdicts->triggers, rule->id);
    bool did_hold = row != NULL && row->state == PN_TRIGGER_RAISED;
    if (row != NULL) {
        row->is_seen = true;
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
        return begins_to_hold(judged, rule, row, err);
    }
    if (finding->holds) {
        return still_holds(judged, rule, row, err);
    }
    return did_hold ? no_longer_holds(judged, rule, row, err) : PN_OK;
}

// Triggers of rules that are no more.
static enum pn_code retract_orphans(struct judged *judged, struct pn_err *err)
{
    struct pn_verdicts *verdicts = judged->verdicts;
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < verdicts->triggers.count && code == PN_OK; i++) {
        struct pn_trigger_row *row = &verdicts->triggers.rows[i];
        if (row->is_seen || row->state != PN_TRIGGER_RAISED) {
            continue;
        }
        const struct pn_rule gone = {
            .id = row->rule,
            .version = row->version,
            .title = {"Poistettu sääntö", "Borttagen regel", "Rule taken away"},
            .explanation = {"Sääntö on poistettu käytöstä.", "Regeln används inte längre.",
                            "The rule is no longer in use."},
            .threshold = 1,
            .lapse_below = 1,
            .weight = row->weight};
        verdicts->finding = (struct pn_finding){.count = 0, .classes = row->classes};
        judged->share = row->share;
        const struct pn_trigger_telling news = {
            .rule = &gone, .row = row, .state = PN_TRIGGER_RETRACTED};
        code = tell(judged, news, err);
    }
    return code;
}

static bool has_retracted(const struct pn_trigger_tellings *tellings)
{
    for (unsigned i = 0; i < tellings->count; i++) {
        if (tellings->told[i].happening == PN_TRIGGER_RETRACTED) {
            return true;
        }
    }
    return false;
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
                                    .is_rank_new = judged->is_rank_new,
                                    .was_withdrawn = judged->client->had_correction &&
                                                     has_retracted(&verdicts->tellings)};
    // Other rules are a reason to look too: which of them begin a case may be another matter.
    // So are rules that may rest on one event: which of them weighs changes with any event.
    bool is_looked_at = judged->has_told || judged->is_rank_new || judged->client->is_due ||
                        verdicts->standing.rank.once_count > 1;
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
                                            .classes = judged->flag_classes,
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
    enum pn_code code =
        pn_trigger_rows_read(verdicts->options.store, client->number, &verdicts->triggers, err);
    bool had_any = verdicts->triggers.count > 0;
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

struct pn_cases *pn_verdicts_cases(struct pn_verdicts *verdicts)
{
    return verdicts->cases;
}

void pn_verdicts_use(struct pn_verdicts *verdicts, const struct pn_ruleset *rules)
{
    verdicts->options.rules = rules;
}
