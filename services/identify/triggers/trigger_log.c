// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/trigger_log.h"

#include <stdio.h>
#include <string.h>

#include "run/metrics.h"

void pn_trigger_tellings_add(struct pn_trigger_tellings *tellings,
                             const struct pn_trigger_told *told)
{
    if (tellings->count < PN_TRIGGERS_MAX) {
        struct pn_trigger_told *added = &tellings->told[tellings->count++];
        *added = *told;
        (void)snprintf(added->rule_text, sizeof added->rule_text, "%s", told->rule);
        added->rule = added->rule_text;
    }
}

enum pn_code pn_trigger_log_write(struct pn_store *store, int64_t client, int64_t told_ms,
                                  const struct pn_trigger_tellings *tellings, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    for (unsigned i = 0; i < tellings->count && code == PN_OK; i++) {
        const struct pn_trigger_told *told = &tellings->told[i];
        if (told->is_change) {
            continue;
        }
        const struct pn_value values[] = {
            PN_INT(told->serial),    PN_INT(client),      PN_STR(told->rule), PN_INT(told->version),
            PN_INT(told->happening), PN_INT(told->at_ms), PN_INT(told_ms)};
        code = pn_store_run(
            store,
            "INSERT INTO trigger_log (serial, client, rule, version, happening, at_ms, told_ms,"
            " unit, team) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,"
            " COALESCE((SELECT unit FROM cases WHERE client = ?2), ''),"
            " COALESCE((SELECT team FROM cases WHERE client = ?2), ''))"
            " ON CONFLICT (client, rule, serial) DO NOTHING",
            values, PN_ARRAY_COUNT(values), err);
    }
    return code;
}

void pn_trigger_counts_add(struct pn_trigger_counts *counts,
                           const struct pn_trigger_tellings *tellings)
{
    for (unsigned i = 0; i < tellings->count; i++) {
        const struct pn_trigger_told *told = &tellings->told[i];
        unsigned at = 0;
        while (at < counts->count && strcmp(counts->rules[at].rule, told->rule) != 0) {
            at++;
        }
        if (at == PN_ARRAY_COUNT(counts->rules)) {
            continue;
        }
        if (at == counts->count) {
            memset(&counts->rules[at], 0, sizeof counts->rules[at]);
            memcpy(counts->rules[at].rule, told->rule_text, sizeof told->rule_text);
            counts->count++;
        }
        counts->rules[at].counts[told->is_change ? PN_TRIGGER_HAPPENINGS - 1 : told->happening]++;
    }
}

void pn_trigger_counts_tell(struct pn_trigger_counts *counts)
{
    static const char *const names[PN_TRIGGER_HAPPENINGS] = {"raised", "lapsed", "retracted",
                                                             "changed"};
    for (unsigned i = 0; i < counts->count; i++) {
        for (unsigned happening = 0; happening < PN_ARRAY_COUNT(names); happening++) {
            const int64_t count = counts->rules[i].counts[happening];
            if (count > 0) {
                char values[PN_METRIC_TEXT_BYTES];
                (void)snprintf(values, sizeof values, "%s,%s", counts->rules[i].rule,
                               names[happening]);
                pn_metric_add("punos_triggers_total", "rule,happening", values, count);
            }
        }
    }
    counts->count = 0;
}

void pn_trigger_counts_forget(struct pn_trigger_counts *counts)
{
    counts->count = 0;
}
