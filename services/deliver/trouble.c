// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/trouble.h"

#include "base/clock.h"
#include "base/log.h"

void pn_trouble_put_off(struct pn_trouble *trouble, const char *delivery_id, const char *reason)
{
    int64_t now_ms = pn_clock_monotonic_ms();
    trouble->probe_ms = now_ms + trouble->probe_every_ms;
    trouble->put_off_count++;
    if (trouble->put_off_count == 1) {
        trouble->since_ms = now_ms; // perhaps one plan's own: wait and see
    } else if (!trouble->is_on) {
        trouble->is_on = true;
        pn_log(PN_LOG_WARNING, "plans wait: the system does not take them now",
               PN_TAG("system", trouble->system), PN_TAG("delivery", delivery_id),
               PN_TAG("reason", reason));
    }
}

void pn_trouble_end(struct pn_trouble *trouble)
{
    if (trouble->is_on) {
        pn_log(PN_LOG_INFO, "the system takes plans again", PN_TAG("system", trouble->system),
               PN_TAG_INT("tries_in_vain", trouble->put_off_count),
               PN_TAG_INT("after_ms", pn_clock_monotonic_ms() - trouble->since_ms));
    }
    trouble->is_on = false;
    trouble->put_off_count = 0;
}

int64_t pn_trouble_probe_in_ms(const struct pn_trouble *trouble)
{
    return trouble->put_off_count == 0 ? INT64_MAX : trouble->probe_ms - pn_clock_monotonic_ms();
}
