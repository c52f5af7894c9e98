// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a records system takes plans at all: trouble is two tries in a row that had to be put
 * off. It is told once when it begins and once when it ends. While it lasts one of the deliveries
 * that wait is tried now and then, in turn; when the system takes one, all are due.
 */
#ifndef PN_DELIVER_TROUBLE_H
#define PN_DELIVER_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

struct pn_trouble {
    const char *system;
    int64_t probe_every_ms;
    // Its own; times are monotonic.
    bool is_on;
    int64_t put_off_count; // in a row
    int64_t since_ms;
    int64_t probe_ms;
};

// A try was put off; `reason` is a constant text.
void pn_trouble_put_off(struct pn_trouble *trouble, const char *delivery_id, const char *reason);
// The system has answered a try, whatever it said.
void pn_trouble_end(struct pn_trouble *trouble);
// Until one that waits is to be tried: 0 or less means now. INT64_MAX when nothing was put off.
int64_t pn_trouble_probe_in_ms(const struct pn_trouble *trouble);

#endif
