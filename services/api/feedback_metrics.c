// SPDX-License-Identifier: Apache-2.0
#include "services/api/feedback_metrics.h"

#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "services/identify/feedback/feedback_read.h"
#include "services/identify/rules/rules.h"

enum { ANEW_MS = 3600 * 1000 };

static void tell_value(const struct pn_feedback_cell *cell, const char *rule)
{
    const struct pn_interval *value = &cell->value;
    pn_metric_set("punos_rule_judged", "rule", rule,
                  cell->accepted + cell->refused + cell->not_relevant);
    if (cell->has_value) {
        pn_metric_set("punos_rule_value_percent", "rule", rule, lround(value->value * 100));
        pn_metric_set("punos_rule_value_low_percent", "rule", rule, lround(value->low * 100));
        pn_metric_set("punos_rule_value_high_percent", "rule", rule, lround(value->high * 100));
    }
}

// Rules and versions in use only: those of long ago would grow without an end.
static void tell_rule(const struct pn_feedback_result *result, const struct pn_rule *rule)
{
    for (unsigned i = 0; i < result->cell_count; i++) {
        const struct pn_feedback_cell *cell = result->cells[i];
        if (cell->is_all_units && cell->version == rule->version &&
            pn_slice_is(cell->rule, rule->id)) {
            tell_value(cell, rule->id);
        }
    }
    for (unsigned i = 0; i < result->skew_count; i++) {
        if (pn_slice_is(result->skews[i].rule, rule->id)) {
            pn_metric_set("punos_rule_skew_watched", "rule", rule->id, result->skews[i].watched);
        }
    }
}

void pn_feedback_tell(struct pn_api *api, int64_t now_ms)
{
    const int64_t clock_ms = pn_clock_monotonic_ms();
    if (api->feedback_told_ms != 0 && clock_ms - api->feedback_told_ms < ANEW_MS) {
        return;
    }
    struct pn_feedback_query query;
    struct pn_feedback_result result;
    struct pn_err err;
    pn_feedback_query_default(now_ms, &query);
    enum pn_code code = pn_api_open_feedback(api, &err);
    if (code == PN_UNAVAILABLE) {
        return;
    }
    code = code == PN_OK ? pn_feedback_read(api->feedback, &query, &result, &err) : code;
    api->feedback_told_ms = clock_ms;
    if (code != PN_OK) {
        pn_log_error("no figures of feedback for the metrics", &err);
        return;
    }
    const struct pn_ruleset *rules = pn_feedback_reader_rules(api->feedback);
    for (unsigned i = 0; rules != NULL && i < rules->count; i++) {
        tell_rule(&result, &rules->rules[i]);
    }
}
