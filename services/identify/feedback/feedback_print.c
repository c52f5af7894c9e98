// SPDX-License-Identifier: Apache-2.0
#include "services/identify/feedback/feedback_print.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "fhir/json.h"
#include "services/identify/rules/rules.h"
#include "services/identify/worklist/teams.h"

#define MS_PER_HOUR (3600.0 * PN_MS_PER_SECOND)

static double rounded(double number)
{
    return round(number * 10000) / 10000;
}

static double hours(int64_t ms)
{
    return round((double)ms / MS_PER_HOUR * 10) / 10;
}

// --- JSON ----------------------------------------------------------------------------------------

static void add_number(cJSON *object, const char *member, int64_t number)
{
    cJSON_AddNumberToObject(object, member, (double)number);
}

static void add_text(cJSON *object, const char *member, struct pn_slice text)
{
    (void)!pn_json_set_text(object, member, text);
}

static void add_time(cJSON *object, const char *member, int64_t time_ms)
{
    char text[PN_TIME_TEXT_BYTES];
    pn_time_format(time_ms, text);
    cJSON_AddStringToObject(object, member, text);
}

static void add_names(cJSON *object, const char *member,
                      const char *const names[static PN_LANGUAGE_COUNT])
{
    cJSON *all = cJSON_AddObjectToObject(object, member);
    for (unsigned i = 0; all != NULL && i < PN_LANGUAGE_COUNT; i++) {
        cJSON_AddStringToObject(all, pn_language_code((enum pn_language)i), names[i]);
    }
}

static void add_title(cJSON *object, const struct pn_feedback_reader *reader, struct pn_slice id)
{
    const struct pn_ruleset *rules = pn_feedback_reader_rules(reader);
    const struct pn_rule *rule = rules == NULL ? NULL : pn_rules_find(rules, id);
    if (rule != NULL) {
        add_names(object, "title", rule->title);
    }
}

static void add_reasons(cJSON *object, const struct pn_feedback_cell *cell,
                        const struct pn_feedback_reader *reader)
{
    cJSON *list = cJSON_AddArrayToObject(object, "reasons");
    for (unsigned i = 0; list != NULL && i < cell->reason_count; i++) {
        const struct pn_feedback_reason *reason = &cell->reasons[i];
        const enum pn_case_state state =
            reason->is_refusal ? PN_CASE_REFUSES : PN_CASE_NOT_RELEVANT;
        const struct pn_case_reason *known =
            pn_teams_reason(pn_feedback_reader_teams(reader), state, reason->code);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "state", pn_case_state_name(state));
        add_text(item, "reason", reason->code);
        if (known != NULL) {
            add_names(item, "name", known->name);
        }
        add_number(item, "count", reason->count);
        cJSON_AddItemToArray(list, item);
    }
}

static void add_figures(cJSON *object, const struct pn_feedback_cell *cell,
                        const struct pn_feedback_reader *reader)
{
    add_number(object, "fired", cell->fired);
    add_number(object, "lapsed", cell->lapsed);
    add_number(object, "retracted", cell->retracted);
    add_number(object, "decidedBefore", cell->decided);
    add_number(object, "lookedAt", cell->looked);
    add_number(object, "accepted", cell->accepted);
    add_number(object, "refused", cell->refused);
    add_number(object, "notRelevant", cell->not_relevant);
    if (cell->has_value) {
        cJSON *value = cJSON_AddObjectToObject(object, "value");
        cJSON_AddNumberToObject(value, "share", rounded(cell->value.value));
        cJSON_AddNumberToObject(value, "low", rounded(cell->value.low));
        cJSON_AddNumberToObject(value, "high", rounded(cell->value.high));
        add_number(value, "of", cell->accepted + cell->refused + cell->not_relevant);
    }
    if (cell->look_median_ms >= 0) {
        cJSON_AddNumberToObject(object, "lookMedianHours", hours(cell->look_median_ms));
    }
    if (cell->look_p90_ms >= 0) {
        cJSON_AddNumberToObject(object, "lookP90Hours", hours(cell->look_p90_ms));
    }
    add_reasons(object, cell, reader);
}

static void add_rules(cJSON *answer, const struct pn_feedback_result *result,
                      const struct pn_feedback_reader *reader)
{
    cJSON *list = cJSON_AddArrayToObject(answer, "rules");
    cJSON *units = NULL;
    for (unsigned i = 0; list != NULL && i < result->cell_count; i++) {
        const struct pn_feedback_cell *cell = result->cells[i];
        cJSON *object = cJSON_CreateObject();
        if (cell->is_all_units) {
            add_text(object, "rule", cell->rule);
            add_number(object, "version", cell->version);
            add_title(object, reader, cell->rule);
        } else {
            add_text(object, "unit", cell->unit);
        }
        add_figures(object, cell, reader);
        cJSON_AddItemToArray(cell->is_all_units ? list : units, object);
        units = cell->is_all_units ? cJSON_AddArrayToObject(object, "units") : units;
    }
}

static cJSON *show_group(const struct pn_feedback_group *group)
{
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "by", pn_feedback_dimension_name(group->dimension));
    cJSON_AddStringToObject(object, "group", group->name);
    cJSON_AddBoolToObject(object, "hidden", group->is_hidden);
    if (group->watch != PN_WATCH_NONE) {
        cJSON_AddStringToObject(object, "watch", pn_feedback_watch_name(group->watch));
    }
    if (group->is_hidden) {
        return object;
    }
    add_number(object, "known", group->share.of);
    add_number(object, "flagged", group->share.hits);
    if (group->has_ratio) {
        cJSON_AddNumberToObject(object, "ratio", rounded(group->ratio.value));
        cJSON_AddNumberToObject(object, "low", rounded(group->ratio.low));
        cJSON_AddNumberToObject(object, "high", rounded(group->ratio.high));
    }
    return object;
}

static void add_skews(cJSON *answer, const struct pn_feedback_result *result,
                      const struct pn_feedback_reader *reader)
{
    cJSON *list = result->skew_count == 0 ? NULL : cJSON_AddArrayToObject(answer, "skew");
    for (unsigned i = 0; list != NULL && i < result->skew_count; i++) {
        const struct pn_feedback_skew *skew = &result->skews[i];
        cJSON *object = cJSON_CreateObject();
        if (skew->rule.len > 0) {
            add_text(object, "rule", skew->rule);
            add_title(object, reader, skew->rule);
        }
        add_number(object, "known", skew->whole.of);
        add_number(object, "flagged", skew->whole.hits);
        add_number(object, "watched", skew->watched);
        cJSON *groups = cJSON_AddArrayToObject(object, "groups");
        for (unsigned k = 0; k < skew->group_count; k++) {
            cJSON_AddItemToArray(groups, show_group(&skew->groups[k]));
        }
        cJSON_AddItemToArray(list, object);
    }
}

// Those that `team` of a query may be.
static void add_teams(cJSON *answer, const struct pn_teams *teams)
{
    cJSON *list = cJSON_AddArrayToObject(answer, "teams");
    for (unsigned i = 0; list != NULL && i < teams->team_count; i++) {
        cJSON *object = cJSON_CreateObject();
        add_text(object, "id", pn_slice_str(teams->teams[i].id));
        add_names(object, "name", teams->teams[i].name);
        cJSON_AddItemToArray(list, object);
    }
}

cJSON *pn_feedback_json(const struct pn_feedback_result *result,
                        const struct pn_feedback_query *query,
                        const struct pn_feedback_reader *reader)
{
    cJSON *answer = cJSON_CreateObject();
    if (answer == NULL) {
        return NULL;
    }
    add_time(answer, "from", query->from_ms);
    add_time(answer, "to", query->to_ms);
    add_time(answer, "asOf", query->as_of_ms);
    if (query->unit.len > 0) {
        add_text(answer, "unit", query->unit);
    }
    if (query->team.len > 0) {
        add_text(answer, "team", query->team);
    }
    cJSON_AddNumberToObject(answer, "level", PN_FEEDBACK_LEVEL);
    cJSON_AddNumberToObject(answer, "least", PN_FEEDBACK_LEAST);
    cJSON_AddNumberToObject(answer, "bandLow", PN_FEEDBACK_BAND_LOW);
    cJSON_AddNumberToObject(answer, "bandHigh", PN_FEEDBACK_BAND_HIGH);
    add_teams(answer, pn_feedback_reader_teams(reader));
    add_rules(answer, result, reader);
    add_skews(answer, result, reader);
    return answer;
}

// --- CSV -----------------------------------------------------------------------------------------

// A spreadsheet would run what begins as a formula.
static void add_cell(struct pn_buf *out, struct pn_slice text)
{
    bool is_formula = text.len > 0 && strchr("=+-@", text.ptr[0]) != NULL;
    pn_buf_add_char(out, '"');
    if (is_formula) {
        pn_buf_add_char(out, '\'');
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') {
            pn_buf_add_char(out, '"');
        }
        pn_buf_add_char(out, text.ptr[i]);
    }
    pn_buf_add_char(out, '"');
}

static void add_hours(struct pn_buf *out, int64_t ms)
{
    if (ms >= 0) {
        pn_buf_printf(out, "%.1f", hours(ms));
    }
}

void pn_feedback_csv(const struct pn_feedback_result *result, struct pn_buf *out)
{
    pn_buf_add_str(out, "rule,version,scope,unit,fired,lapsed,retracted,decided_before,looked_at,"
                        "accepted,refused,not_relevant,value,value_low,value_high,"
                        "look_median_hours,look_p90_hours,reasons\r\n");
    for (unsigned i = 0; i < result->cell_count; i++) {
        const struct pn_feedback_cell *cell = result->cells[i];
        add_cell(out, cell->rule);
        pn_buf_printf(out, ",%lld,%s,", (long long)cell->version,
                      cell->is_all_units ? "all" : "unit");
        add_cell(out, cell->unit);
        pn_buf_printf(out, ",%lld,%lld,%lld,%lld,%lld,%lld,%lld,%lld,", (long long)cell->fired,
                      (long long)cell->lapsed, (long long)cell->retracted, (long long)cell->decided,
                      (long long)cell->looked, (long long)cell->accepted, (long long)cell->refused,
                      (long long)cell->not_relevant);
        if (cell->has_value) {
            pn_buf_printf(out, "%.4f,%.4f,%.4f,", cell->value.value, cell->value.low,
                          cell->value.high);
        } else {
            pn_buf_add_str(out, ",,,");
        }
        add_hours(out, cell->look_median_ms);
        pn_buf_add_char(out, ',');
        add_hours(out, cell->look_p90_ms);
        pn_buf_add_str(out, ",\"");
        for (unsigned k = 0; k < cell->reason_count; k++) {
            const struct pn_feedback_reason *reason = &cell->reasons[k];
            pn_buf_printf(
                out, "%s%s/%.*s:%lld", k > 0 ? " " : "",
                pn_case_state_name(reason->is_refusal ? PN_CASE_REFUSES : PN_CASE_NOT_RELEVANT),
                PN_SLICE_FMT(reason->code), (long long)reason->count);
        }
        pn_buf_add_str(out, "\"\r\n");
    }
}

static void add_group_row(struct pn_buf *out, const struct pn_feedback_group *group)
{
    pn_buf_printf(out, ",%s,%s,", pn_feedback_dimension_name(group->dimension), group->name);
    if (group->is_hidden) {
        pn_buf_add_str(out, ",,,,,yes,");
    } else {
        pn_buf_printf(out, "%lld,%lld,", (long long)group->share.of, (long long)group->share.hits);
        if (group->has_ratio) {
            pn_buf_printf(out, "%.4f,%.4f,%.4f,no,", group->ratio.value, group->ratio.low,
                          group->ratio.high);
        } else {
            pn_buf_add_str(out, ",,,no,");
        }
    }
    pn_buf_printf(out, "%s\r\n", pn_feedback_watch_name(group->watch));
}

void pn_feedback_skew_csv(const struct pn_feedback_result *result, struct pn_buf *out)
{
    pn_buf_add_str(out, "rule,by,group,known,flagged,ratio,ratio_low,ratio_high,hidden,watch\r\n");
    for (unsigned i = 0; i < result->skew_count; i++) {
        const struct pn_feedback_skew *skew = &result->skews[i];
        for (unsigned k = 0; k < skew->group_count; k++) {
            add_cell(out, skew->rule.len > 0 ? skew->rule : pn_slice_str("*"));
            add_group_row(out, &skew->groups[k]);
        }
    }
}

// --- For a terminal ------------------------------------------------------------------------------

static void add_look(struct pn_buf *out, int64_t ms)
{
    if (ms < 0) {
        pn_buf_printf(out, " %9s", "-");
    } else if (ms < 48 * (int64_t)MS_PER_HOUR) {
        pn_buf_printf(out, " %7.1f h", hours(ms));
    } else {
        pn_buf_printf(out, " %7.1f d", (double)ms / MS_PER_HOUR / 24);
    }
}

static void add_cell_line(struct pn_buf *out, const struct pn_feedback_cell *cell)
{
    char name[64];
    if (cell->is_all_units) {
        (void)snprintf(name, sizeof name, "%.*s v%lld", PN_SLICE_FMT(cell->rule),
                       (long long)cell->version);
    } else {
        (void)snprintf(name, sizeof name, "  %.*s", PN_SLICE_FMT(cell->unit));
    }
    pn_buf_printf(out, "%-32s %6lld %6lld %6lld %6lld %6lld",
                  cell->unit.len == 0 && !cell->is_all_units ? "  (unit not known)" : name,
                  (long long)cell->fired, (long long)cell->looked, (long long)cell->accepted,
                  (long long)cell->refused, (long long)cell->not_relevant);
    if (cell->has_value) {
        pn_buf_printf(out, "  %3.0f %% (%.0f-%.0f %%)", cell->value.value * 100,
                      cell->value.low * 100, cell->value.high * 100);
    } else {
        pn_buf_printf(out, "  %16s", "-");
    }
    add_look(out, cell->look_median_ms);
    add_look(out, cell->look_p90_ms);
    pn_buf_add_char(out, '\n');
}

static void add_watched(struct pn_buf *out, const struct pn_feedback_result *result)
{
    for (unsigned i = 0; i < result->skew_count; i++) {
        const struct pn_feedback_skew *skew = &result->skews[i];
        for (unsigned k = 0; k < skew->group_count; k++) {
            const struct pn_feedback_group *group = &skew->groups[k];
            if (group->watch == PN_WATCH_NONE) {
                continue;
            }
            pn_buf_printf(out, "%.*s: %s %s is flagged %s often than clients on the whole",
                          PN_SLICE_FMT(skew->rule.len > 0 ? skew->rule : pn_slice_str("any rule")),
                          pn_feedback_dimension_name(group->dimension), group->name,
                          pn_feedback_watch_name(group->watch));
            if (!group->is_hidden) {
                pn_buf_printf(out, " (%.2f times; %.2f-%.2f)", group->ratio.value, group->ratio.low,
                              group->ratio.high);
            }
            pn_buf_add_char(out, '\n');
        }
    }
}

void pn_feedback_text(const struct pn_feedback_result *result, struct pn_buf *out)
{
    pn_buf_printf(out, "%-32s %6s %6s %6s %6s %6s  %-16s %9s %9s\n", "rule", "fired", "looked",
                  "accept", "refuse", "not", "value (95 %)", "look 50 %", "look 90 %");
    for (unsigned i = 0; i < result->cell_count; i++) {
        add_cell_line(out, result->cells[i]);
    }
    add_watched(out, result);
}
