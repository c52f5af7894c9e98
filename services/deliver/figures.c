// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/figures.h"

#include "run/metrics.h"
#include "services/deliver/ledger_rows.h"

static const struct {
    enum pn_delivery_state state;
    const char *metric;
} counted[] = {
    {PN_DELIVERY_QUEUED, "punos_deliveries_queued"},
    {PN_DELIVERY_SENT, "punos_deliveries_sent"},
    {PN_DELIVERY_COMMITTED, "punos_deliveries_committed"},
    {PN_DELIVERY_REJECTED, "punos_deliveries_rejected"},
};

enum pn_code pn_delivery_figures(struct pn_store *store, const char *system, int64_t now_ms,
                                 struct pn_err *err)
{
    bool found = false;
    for (size_t i = 0; i < PN_ARRAY_COUNT(counted); i++) {
        int64_t count = 0;
        struct pn_value values[] = {PN_INT(counted[i].state), PN_STR(system)};
        enum pn_code code = pn_ledger_query_one(
            store, "SELECT COUNT(*) FROM delivery WHERE state = ?1 AND system = ?2", values, 2,
            pn_ledger_take_int, &count, &found, err);
        if (code != PN_OK) {
            return code;
        }
        pn_metric_set(counted[i].metric, "system", system, count);
    }
    int64_t oldest_ms = 0;
    struct pn_value values[] = {PN_STR(system)};
    enum pn_code code = pn_ledger_query_one(store,
                                            "SELECT MIN(queued_ms) FROM delivery"
                                            " WHERE system = ?1 AND settled_ms = 0",
                                            values, 1, pn_ledger_take_int, &oldest_ms, &found, err);
    if (code == PN_OK) {
        pn_metric_set("punos_delivery_oldest_waiting_seconds", "system", system,
                      oldest_ms == 0 ? 0 : (now_ms - oldest_ms) / 1000);
    }
    return code;
}
