// SPDX-License-Identifier: Apache-2.0
/*
 * A concern that somebody reports over the API: a trigger that no event shows. Codes only, never
 * words: what it is about, and who reports. The API calls it on its own handle of the plan store;
 * the plan service relays the event, a Flag on punos.event.v1 as the adapters make them.
 */
#ifndef PN_SERVICES_PLAN_CONCERN_H
#define PN_SERVICES_PLAN_CONCERN_H

#include <cjson/cJSON.h>

#include "event/vocabulary.h"
#include "services/plan/plan_write.h"

#define PN_CONCERN_SYSTEM "https://punos.fi/fhir/CodeSystem/concern"
#define PN_REPORTER_SYSTEM "https://punos.fi/fhir/CodeSystem/reporter"
#define PN_SECTOR_SYSTEM "https://punos.fi/fhir/CodeSystem/sector"

struct pn_concern_report {
    struct pn_slice client_key;
    enum pn_concern about;
    enum pn_reporter reporter;
    enum pn_sector sector; // whose the report is; unknown: nobody said
    int64_t start_ms;
    // The caller's own number of the report; both empty: none. The same one again is the same
    // report.
    struct pn_slice system, number;
};
// One transaction. *ret_flag is the Flag of the event, from the current JSON arena.
PN_MUST_USE enum pn_code pn_plan_report_concern(const struct pn_plan_writer *writer,
                                                const struct pn_concern_report *report,
                                                cJSON **ret_flag, struct pn_err *err);

#endif
