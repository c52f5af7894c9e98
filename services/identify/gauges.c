// SPDX-License-Identifier: Apache-2.0
#include "services/identify/gauges.h"

#include "run/metrics.h"
#include "services/identify/worklist/worklist_read.h"

enum { EVERY_MS = 30 * 1000 };

static enum pn_code count_cases(struct pn_store *store,
                                int64_t ret_counts[static PN_CASE_STATE_COUNT], struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(
        store, "SELECT state, count(*) FROM cases WHERE merged_into = 0 GROUP BY state", NULL, 0,
        &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row && pn_rows_int(rows, 0) >= 0 &&
            pn_rows_int(rows, 0) < PN_CASE_STATE_COUNT) {
            ret_counts[pn_rows_int(rows, 0)] = pn_rows_int(rows, 1);
        }
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_gauges_tell(struct pn_gauges *gauges, struct pn_store *store,
                            const struct pn_ruleset *rules, int64_t now_ms, struct pn_err *err)
{
    pn_metric_set("punos_rules_number", NULL, NULL, rules->number);
    pn_metric_set("punos_rules_fingerprint", NULL, NULL, rules->fingerprint);
    if (gauges->told_ms != 0 && now_ms - gauges->told_ms < EVERY_MS) {
        return PN_OK;
    }
    int64_t counts[PN_CASE_STATE_COUNT] = {0};
    enum pn_code code = count_cases(store, counts, err);
    for (unsigned i = 0; code == PN_OK && i < PN_CASE_STATE_COUNT; i++) {
        pn_metric_set("punos_flags", "state", pn_case_state_name((enum pn_case_state)i), counts[i]);
    }
    gauges->told_ms = code == PN_OK ? now_ms : gauges->told_ms;
    return code;
}
