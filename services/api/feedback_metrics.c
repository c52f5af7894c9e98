// SPDX-License-Identifier: Apache-2.0
#include "services/api/feedback_metrics.h"

#include <math.h>

#include "base/clock.h"
#include "base/log.h"
#include "services/identify/feedback/feedback_read.h"
#include "services/identify/rules/rules.h"

enum { ANEW_MS = 3600 * 1000, WORK_MS_MAX = 10 };

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

static enum pn_code begin(struct pn_api *api, int64_t now_ms, struct pn_err *err)
{
    struct pn_feedback_query query;
    enum pn_code code = api->feedback_metrics != NULL
                            ? PN_OK
                            : pn_feedback_reader_open(api->config, &api->feedback_metrics, err);
    pn_feedback_query_default(now_ms, &query);
    return code == PN_OK ? pn_feedback_read_begin(api->feedback_metrics, &query, err) : code;
}

static enum pn_code finish(struct pn_api *api, struct pn_err *err)
{
    struct pn_feedback_result result;
    enum pn_code code = pn_feedback_read_end(api->feedback_metrics, &result, err);
    const struct pn_ruleset *rules = pn_feedback_reader_rules(api->feedback_metrics);
    for (unsigned i = 0; code == PN_OK && rules != NULL && i < rules->count; i++) {
        tell_rule(&result, &rules->rules[i]);
    }
    return code;
}

static enum pn_code read_on(struct pn_api *api, struct pn_err *err)
{
    bool is_last = false;
    enum pn_code code = pn_feedback_read_some(api->feedback_metrics, WORK_MS_MAX, &is_last, err);
    api->is_reading_feedback = code == PN_OK && !is_last;
    return code == PN_OK && is_last ? finish(api, err) : code;
}

void pn_feedback_tell(struct pn_api *api, int64_t now_ms)
{
    const int64_t clock_ms = pn_clock_monotonic_ms();
    struct pn_err err;
    enum pn_code code = PN_OK;
    if (!api->is_reading_feedback) {
        if (api->feedback_told_ms != 0 && clock_ms - api->feedback_told_ms < ANEW_MS) {
            return;
        }
        code = begin(api, now_ms, &err);
        if (code == PN_UNAVAILABLE) {
            return;
        }
        api->feedback_told_ms = clock_ms;
    }
    code = code == PN_OK ? read_on(api, &err) : code;
    if (code != PN_OK) {
        api->is_reading_feedback = false;
        pn_log_error("no figures of feedback for the metrics", &err);
    }
}
