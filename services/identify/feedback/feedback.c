// SPDX-License-Identifier: Apache-2.0
#include "services/identify/feedback/feedback.h"

#include <stdlib.h>
#include <string.h>

#include "services/identify/worklist/case_log.h"
#include "services/identify/feedback/feedback_parts.h"

enum { SLOTS = 32768, WAITS_FIRST = 1024, NO_CELL = PN_FEEDBACK_CELLS_MAX };
_Static_assert(SLOTS >= 2 * PN_FEEDBACK_CELLS_MAX, "the table of cells stays half empty");

// One rising of a rule for the client being added up: the last one of its rule.
struct rising {
    bool is_there, is_counted, is_decided_before;
    unsigned sum, cell;                   // cells; is_counted only
    int64_t told_ms, ended_ms, looked_ms; // 0: not
    int64_t asked_ms;                     // since when somebody is to look; 0: held back
    enum pn_trigger_state end;
    enum pn_case_state verdict; // PN_CASE_NEW: none
    int64_t judged_ms;
    struct pn_slice reason;
};

struct cell_wait {
    unsigned cell;
    struct pn_wait wait;
};

struct pn_feedback {
    struct pn_feedback_options options;
    struct pn_feedback_rule any; // of all rules together
    struct pn_feedback_rule *rules[PN_FEEDBACK_RULES_MAX];
    unsigned rule_count;
    struct pn_feedback_cell *cells[PN_FEEDBACK_CELLS_MAX];
    unsigned cell_count;
    uint16_t slots[SLOTS]; // place in `cells` and one
    struct cell_wait *waits;
    unsigned wait_count, wait_capacity;
    struct pn_feedback_people people;
    // The client being added up
    bool has_client;
    int64_t client;
    enum pn_case_state case_state;
    bool is_held;            // back by a team's budget
    enum pn_case_state said; // last, of what rose in the span
    int64_t said_ms;
    struct rising risings[PN_FEEDBACK_RULES_MAX]; // by rule
};

struct pn_feedback *pn_feedback_new(const struct pn_feedback_options *options)
{
    struct pn_feedback *feedback = pn_arena_alloc(options->arena, sizeof *feedback);
    if (feedback != NULL) {
        feedback->options = *options;
        feedback->any.has_scope = true;
    }
    return feedback;
}

static enum pn_code full(struct pn_err *err)
{
    return pn_err_set(err, PN_LIMIT, "from", "too much for one answer: ask for a shorter time");
}

static bool keep(struct pn_feedback *feedback, struct pn_slice *text)
{
    char *copy = pn_arena_copy(feedback->options.arena, *text);
    *text = pn_slice_of(copy, copy == NULL ? 0 : text->len);
    return copy != NULL;
}

// --- Rules and cells -----------------------------------------------------------------------------

static unsigned find_rule(const struct pn_feedback *feedback, struct pn_slice id)
{
    unsigned i = 0;
    while (i < feedback->rule_count && !pn_slice_eq(feedback->rules[i]->id, id)) {
        i++;
    }
    return i;
}

static enum pn_code rule_of(struct pn_feedback *feedback, struct pn_slice id, unsigned *ret_rule,
                            struct pn_err *err)
{
    unsigned found = find_rule(feedback, id);
    if (found == feedback->rule_count) {
        struct pn_feedback_rule *made = found == PN_FEEDBACK_RULES_MAX
                                            ? NULL
                                            : pn_arena_alloc(feedback->options.arena, sizeof *made);
        if (made == NULL || !keep(feedback, &id)) {
            return full(err);
        }
        made->id = id;
        feedback->rules[feedback->rule_count++] = made;
    }
    *ret_rule = found;
    return PN_OK;
}

struct cell_key {
    unsigned rule;
    int64_t version;
    bool is_all_units;
    struct pn_slice unit;
};

static unsigned slot_of(const struct cell_key *key)
{
    uint32_t hash = UINT32_C(2166136261) ^ (key->is_all_units ? 1U : 0U);
    hash = (hash ^ key->rule) * UINT32_C(16777619);
    hash = (hash ^ (uint32_t)key->version) * UINT32_C(16777619);
    for (size_t i = 0; i < key->unit.len; i++) {
        hash = (hash ^ (uint8_t)key->unit.ptr[i]) * UINT32_C(16777619);
    }
    return (hash ^ hash >> 15) % SLOTS;
}

static bool is_cell(const struct pn_feedback *feedback, const struct pn_feedback_cell *cell,
                    const struct cell_key *key)
{
    return cell->version == key->version && cell->is_all_units == key->is_all_units &&
           pn_slice_eq(cell->rule, feedback->rules[key->rule]->id) &&
           pn_slice_eq(cell->unit, key->unit);
}

static enum pn_code cell_of(struct pn_feedback *feedback, const struct cell_key *key,
                            unsigned *ret_cell, struct pn_err *err)
{
    unsigned slot = slot_of(key);
    for (; feedback->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
        const unsigned at = feedback->slots[slot] - 1U;
        if (is_cell(feedback, feedback->cells[at], key)) {
            *ret_cell = at;
            return PN_OK;
        }
    }
    struct pn_slice unit = key->unit;
    struct pn_feedback_cell *made = feedback->cell_count == PN_FEEDBACK_CELLS_MAX
                                        ? NULL
                                        : pn_arena_alloc(feedback->options.arena, sizeof *made);
    if (made == NULL || !keep(feedback, &unit)) {
        return full(err);
    }
    made->rule = feedback->rules[key->rule]->id;
    made->version = key->version;
    made->is_all_units = key->is_all_units;
    made->unit = unit;
    *ret_cell = feedback->cell_count;
    feedback->cells[feedback->cell_count++] = made;
    feedback->slots[slot] = (uint16_t)feedback->cell_count;
    return PN_OK;
}

// --- A rising's end ------------------------------------------------------------------------------

static void add_reason(struct pn_feedback_cell *cell, struct pn_slice code, bool is_refusal)
{
    for (unsigned i = 0; i < cell->reason_count; i++) {
        struct pn_feedback_reason *reason = &cell->reasons[i];
        if (reason->is_refusal == is_refusal && pn_slice_eq(reason->code, code)) {
            reason->count++;
            return;
        }
    }
    if (cell->reason_count < PN_FEEDBACK_REASONS_MAX - 2) {
        cell->reasons[cell->reason_count++] =
            (struct pn_feedback_reason){.code = code, .is_refusal = is_refusal, .count = 1};
    } else if (!pn_slice_is(code, "other")) {
        add_reason(cell, pn_slice_str("other"), is_refusal);
    } else {
        // The last two places are those of "other", one for each.
        cell->reasons[cell->reason_count++] =
            (struct pn_feedback_reason){.code = code, .is_refusal = is_refusal, .count = 1};
    }
}

static void add_verdict(struct pn_feedback_cell *cell, const struct rising *rising)
{
    switch (rising->verdict) {
    case PN_CASE_IN_DISCUSSION:
    case PN_CASE_CONSENTS:
    case PN_CASE_THINKING:
    case PN_CASE_HAS_WORKER:
        cell->accepted++;
        break;
    case PN_CASE_REFUSES:
        cell->refused++;
        add_reason(cell, rising->reason, true);
        break;
    case PN_CASE_NOT_RELEVANT:
        cell->not_relevant++;
        add_reason(cell, rising->reason, false);
        break;
    case PN_CASE_NEW:
    case PN_CASE_SEEN:
    case PN_CASE_LAPSED:
    case PN_CASE_STATE_COUNT:
    default:
        break;
    }
}

static enum pn_code add_wait(struct pn_feedback *feedback, unsigned cell,
                             const struct rising *rising, struct pn_err *err)
{
    if (rising->is_decided_before || rising->asked_ms == 0) {
        return PN_OK;
    }
    if (feedback->wait_count == feedback->wait_capacity) {
        unsigned capacity =
            feedback->wait_capacity == 0 ? WAITS_FIRST : feedback->wait_capacity * 2;
        struct cell_wait *grown =
            capacity > 2 * PN_FEEDBACK_RISINGS_MAX
                ? NULL
                : pn_arena_alloc_array(feedback->options.arena, capacity, sizeof *grown);
        if (grown == NULL) {
            return full(err);
        }
        if (feedback->wait_count > 0) {
            memcpy(grown, feedback->waits, feedback->wait_count * sizeof *grown);
        }
        feedback->waits = grown;
        feedback->wait_capacity = capacity;
    }
    int64_t until = rising->ended_ms != 0 ? rising->ended_ms : feedback->options.as_of_ms;
    until = rising->looked_ms != 0 ? rising->looked_ms : until;
    const int64_t waited = until - rising->asked_ms;
    feedback->waits[feedback->wait_count++] = (struct cell_wait){
        .cell = cell, .wait = {.ms = waited > 0 ? waited : 0, .has_come = rising->looked_ms != 0}};
    return PN_OK;
}

static enum pn_code settle(struct pn_feedback *feedback, struct rising *rising, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    const unsigned places[] = {rising->sum, rising->cell};
    const bool is_added_up = rising->is_counted && feedback->options.judged == NULL;
    if (rising->is_counted && rising->verdict != PN_CASE_NEW &&
        rising->judged_ms >= feedback->said_ms) {
        feedback->said = rising->verdict;
        feedback->said_ms = rising->judged_ms;
    }
    for (unsigned i = 0; is_added_up && i < PN_ARRAY_COUNT(places) && code == PN_OK; i++) {
        struct pn_feedback_cell *cell = feedback->cells[places[i]];
        cell->fired++;
        cell->lapsed += rising->ended_ms != 0 && rising->end == PN_TRIGGER_LAPSED ? 1 : 0;
        cell->retracted += rising->ended_ms != 0 && rising->end == PN_TRIGGER_RETRACTED ? 1 : 0;
        cell->decided += rising->is_decided_before ? 1 : 0;
        cell->looked += rising->looked_ms != 0 ? 1 : 0;
        add_verdict(cell, rising);
        code = add_wait(feedback, places[i], rising, err);
    }
    rising->is_there = false;
    return code;
}

static enum pn_code settle_client(struct pn_feedback *feedback, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < feedback->rule_count && code == PN_OK; i++) {
        if (feedback->risings[i].is_there) {
            code = settle(feedback, &feedback->risings[i], err);
        }
        feedback->rules[i]->is_counted = false;
    }
    feedback->any.is_counted = false;
    if (code == PN_OK && feedback->said != PN_CASE_NEW && feedback->options.judged != NULL) {
        feedback->options.judged(feedback->options.context, feedback->client, feedback->said,
                                 feedback->said_ms);
    }
    feedback->said = PN_CASE_NEW;
    feedback->said_ms = 0;
    return code;
}

static enum pn_code turn_to(struct pn_feedback *feedback, int64_t client, struct pn_err *err)
{
    if (feedback->has_client && feedback->client == client) {
        return PN_OK;
    }
    enum pn_code code = settle_client(feedback, err);
    feedback->has_client = true;
    feedback->client = client;
    feedback->case_state = PN_CASE_NEW;
    feedback->is_held = false;
    return code;
}

// --- Rows ----------------------------------------------------------------------------------------

static bool has_decision(enum pn_case_state state)
{
    return state != PN_CASE_NEW && state != PN_CASE_SEEN && state != PN_CASE_LAPSED;
}

static bool is_asked_for(const struct pn_feedback *feedback, const struct pn_feedback_told *told)
{
    const struct pn_feedback_options *asked = &feedback->options;
    return told->at_ms >= asked->from_ms && told->at_ms < asked->to_ms &&
           (asked->unit.len == 0 || pn_slice_eq(asked->unit, told->unit)) &&
           (asked->team.len == 0 || pn_slice_eq(asked->team, told->team));
}

// Each client once by each rule, and once by any of them.
static void count_flagged(struct pn_feedback *feedback, unsigned rule,
                          const struct pn_feedback_told *told)
{
    struct pn_feedback_rule *const by[] = {feedback->rules[rule], &feedback->any};
    const unsigned age = pn_feedback_age(told->birth_year, feedback->options.to_ms);
    for (unsigned i = 0; i < PN_ARRAY_COUNT(by); i++) {
        if (!by[i]->is_counted) {
            by[i]->is_counted = true;
            pn_feedback_flag(&by[i]->flagged, age, told->sex, told->tongue);
        }
    }
}

static enum pn_code rise(struct pn_feedback *feedback, unsigned rule,
                         const struct pn_feedback_told *told, struct pn_err *err)
{
    struct rising *rising = &feedback->risings[rule];
    enum pn_code code = rising->is_there ? settle(feedback, rising, err) : PN_OK;
    *rising = (struct rising){.is_there = true,
                              .is_counted = is_asked_for(feedback, told),
                              .is_decided_before = has_decision(feedback->case_state),
                              .told_ms = told->at_ms,
                              .asked_ms = feedback->is_held ? 0 : told->at_ms,
                              .verdict = PN_CASE_NEW};
    if (code != PN_OK || !rising->is_counted || feedback->options.judged != NULL) {
        return code;
    }
    count_flagged(feedback, rule, told);
    struct cell_key key = {.rule = rule, .version = told->version, .is_all_units = true};
    code = cell_of(feedback, &key, &rising->sum, err);
    key.is_all_units = false;
    key.unit = told->unit;
    return code == PN_OK ? cell_of(feedback, &key, &rising->cell, err) : code;
}

enum pn_code pn_feedback_add_told(struct pn_feedback *feedback, const struct pn_feedback_told *told,
                                  struct pn_err *err)
{
    unsigned rule = 0;
    enum pn_code code = turn_to(feedback, told->client, err);
    code = code == PN_OK ? rule_of(feedback, told->rule, &rule, err) : code;
    if (code != PN_OK || told->at_ms > feedback->options.as_of_ms) {
        return code;
    }
    if (told->happening == PN_TRIGGER_RAISED) {
        return rise(feedback, rule, told, err);
    }
    struct rising *rising = &feedback->risings[rule];
    if (rising->is_there && rising->ended_ms == 0) {
        rising->ended_ms = told->at_ms;
        rising->end = told->happening;
    }
    return PN_OK;
}

static bool is_named(struct pn_slice rules, struct pn_slice id)
{
    bool is_found = false;
    while (rules.len > 0 && !is_found) {
        is_found = pn_slice_eq(pn_slice_split(rules, ',', &rules), id);
    }
    return is_found;
}

static enum pn_code judge(struct pn_feedback *feedback, const struct pn_feedback_case *row,
                          struct pn_err *err)
{
    struct pn_slice reason = row->reason;
    if (!keep(feedback, &reason)) {
        return full(err);
    }
    for (unsigned i = 0; i < feedback->rule_count; i++) {
        struct rising *rising = &feedback->risings[i];
        bool holds = rising->ended_ms == 0 && is_named(row->rules, feedback->rules[i]->id);
        if (!rising->is_there || (!holds && rising->looked_ms == 0)) {
            continue;
        }
        rising->looked_ms = rising->looked_ms != 0 ? rising->looked_ms : row->at_ms;
        rising->verdict = row->state;
        rising->judged_ms = row->at_ms;
        rising->reason = reason;
    }
    return PN_OK;
}

// The case begins, or anew: without the rules that have ended, and whoever decided before is asked
// again. What rose while the client was not on the list is asked about from now on.
static enum pn_code begin_anew(struct pn_feedback *feedback, const struct pn_feedback_case *row,
                               struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < feedback->rule_count && code == PN_OK; i++) {
        struct rising *rising = &feedback->risings[i];
        if (rising->is_there && rising->ended_ms != 0) {
            code = settle(feedback, rising, err);
        } else if (rising->looked_ms == 0 && (rising->is_decided_before || !row->is_by_person)) {
            rising->is_decided_before = false;
            rising->asked_ms = row->at_ms;
        }
    }
    return code;
}

// What nobody has looked at is asked for from then on; 0: not yet.
static void ask_from(struct pn_feedback *feedback, int64_t at_ms)
{
    for (unsigned i = 0; i < feedback->rule_count; i++) {
        struct rising *rising = &feedback->risings[i];
        if (rising->is_there && rising->ended_ms == 0 && rising->looked_ms == 0) {
            rising->asked_ms = at_ms;
        }
    }
}

// Rows of a case that is new and stays so. False: it is another one.
static bool take_wait(struct pn_feedback *feedback, const struct pn_feedback_case *row)
{
    const bool is_held = pn_slice_is(row->reason, PN_CASE_REASON_HELD);
    if (row->is_by_person || (!is_held && !pn_slice_is(row->reason, PN_CASE_REASON_SHOWN))) {
        return false;
    }
    feedback->is_held = is_held;
    ask_from(feedback, is_held ? 0 : row->at_ms);
    return true;
}

enum pn_code pn_feedback_add_case(struct pn_feedback *feedback, const struct pn_feedback_case *row,
                                  struct pn_err *err)
{
    enum pn_code code = turn_to(feedback, row->client, err);
    if (code != PN_OK || row->at_ms > feedback->options.as_of_ms) {
        return code;
    }
    if (take_wait(feedback, row)) {
        return PN_OK;
    }
    const bool is_merge = !row->is_by_person && pn_slice_is(row->reason, PN_CASE_REASON_MERGED);
    if (row->is_by_person && row->state != PN_CASE_NEW) {
        code = judge(feedback, row, err);
    }
    code = code == PN_OK && row->state == PN_CASE_NEW && !is_merge ? begin_anew(feedback, row, err)
                                                                   : code;
    feedback->case_state = row->state;
    feedback->is_held = false;
    return code;
}

void pn_feedback_add_people(struct pn_feedback *feedback, int birth_year, enum pn_sex sex,
                            enum pn_tongue tongue, int64_t count)
{
    const unsigned age = pn_feedback_age(birth_year, feedback->options.to_ms);
    feedback->people.by[age][sex][tongue] += count;
    feedback->people.all += count;
}

enum pn_code pn_feedback_add_scope(struct pn_feedback *feedback, struct pn_slice rule,
                                   int64_t from_years, int64_t to_years, struct pn_err *err)
{
    unsigned at = 0;
    enum pn_code code = rule_of(feedback, rule, &at, err);
    if (code == PN_OK) {
        feedback->rules[at]->from_years = from_years;
        feedback->rules[at]->to_years = to_years;
        feedback->rules[at]->has_scope = true;
    }
    return code;
}

// --- Figures -------------------------------------------------------------------------------------

static int by_cell_and_time(const void *a, const void *b)
{
    const struct cell_wait *left = a, *right = b;
    if (left->cell != right->cell) {
        return left->cell < right->cell ? -1 : 1;
    }
    return (left->wait.ms > right->wait.ms) - (left->wait.ms < right->wait.ms);
}

static int compare_text(struct pn_slice a, struct pn_slice b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b)
{
    const struct pn_feedback_cell *left = *(const struct pn_feedback_cell *const *)a;
    const struct pn_feedback_cell *right = *(const struct pn_feedback_cell *const *)b;
    int order = compare_text(left->rule, right->rule);
    if (order == 0) {
        order = (left->version > right->version) - (left->version < right->version);
    }
    if (order == 0) {
        order = (int)right->is_all_units - (int)left->is_all_units;
    }
    return order != 0 ? order : compare_text(left->unit, right->unit);
}

static enum pn_code add_look_times(struct pn_feedback *feedback, struct pn_err *err)
{
    struct pn_wait *waits =
        pn_arena_alloc_array(feedback->options.arena, feedback->wait_count + 1U, sizeof *waits);
    if (waits == NULL) {
        return full(err);
    }
    if (feedback->wait_count > 0) {
        qsort(feedback->waits, feedback->wait_count, sizeof *feedback->waits, by_cell_and_time);
    }
    for (unsigned i = 0; i < feedback->cell_count; i++) {
        feedback->cells[i]->look_median_ms = feedback->cells[i]->look_p90_ms = -1;
    }
    for (unsigned at = 0, count = 0; at < feedback->wait_count; at += count) {
        struct pn_feedback_cell *cell = feedback->cells[feedback->waits[at].cell];
        count = 0;
        while (at + count < feedback->wait_count &&
               feedback->waits[at + count].cell == feedback->waits[at].cell) {
            waits[count] = feedback->waits[at + count].wait;
            count++;
        }
        bool has_half = pn_wait_quantile(waits, count, 500, &cell->look_median_ms);
        (void)(has_half && pn_wait_quantile(waits, count, 900, &cell->look_p90_ms));
    }
    return PN_OK;
}

static void widen_scope(struct pn_feedback_rule *any, const struct pn_feedback_rule *rule)
{
    if (rule->from_years < any->from_years) {
        any->from_years = rule->from_years;
    }
    if (rule->to_years == 0 || (any->to_years != 0 && rule->to_years > any->to_years)) {
        any->to_years = rule->to_years;
    }
}

static enum pn_code add_skews(struct pn_feedback *feedback, struct pn_feedback_result *result,
                              struct pn_err *err)
{
    bool is_told = feedback->people.all > 0 && feedback->options.unit.len == 0 &&
                   feedback->options.team.len == 0;
    if (!is_told || feedback->rule_count == 0) {
        return PN_OK;
    }
    struct pn_feedback_skew *skews =
        pn_arena_alloc_array(feedback->options.arena, feedback->rule_count + 1U, sizeof *skews);
    if (skews == NULL) {
        return full(err);
    }
    feedback->any.from_years = INT64_MAX;
    feedback->any.to_years = 1;
    for (unsigned i = 0; i < feedback->rule_count; i++) {
        const struct pn_feedback_rule *rule = feedback->rules[i];
        if (rule->has_scope || rule->flagged.all > 0) {
            widen_scope(&feedback->any, rule);
        }
    }
    pn_feedback_skew_of(&feedback->any, &feedback->people, &skews[result->skew_count++]);
    for (unsigned i = 0; i < feedback->rule_count; i++) {
        if (feedback->rules[i]->flagged.all > 0) {
            pn_feedback_skew_of(feedback->rules[i], &feedback->people,
                                &skews[result->skew_count++]);
        }
    }
    result->skews = skews;
    return PN_OK;
}

enum pn_code pn_feedback_finish(struct pn_feedback *feedback, struct pn_feedback_result *ret_result,
                                struct pn_err *err)
{
    struct pn_feedback_result result = {.skew_count = 0};
    enum pn_code code = settle_client(feedback, err);
    code = code == PN_OK ? add_look_times(feedback, err) : code;
    code = code == PN_OK ? add_skews(feedback, &result, err) : code;
    if (code != PN_OK) {
        return code;
    }
    for (unsigned i = 0; i < feedback->cell_count; i++) {
        struct pn_feedback_cell *cell = feedback->cells[i];
        cell->has_value =
            pn_interval_share(cell->accepted + cell->refused,
                              cell->accepted + cell->refused + cell->not_relevant, &cell->value);
    }
    qsort(feedback->cells, feedback->cell_count, sizeof *feedback->cells, by_name);
    result.cells = (const struct pn_feedback_cell *const *)feedback->cells;
    result.cell_count = feedback->cell_count;
    *ret_result = result;
    return PN_OK;
}
