// SPDX-License-Identifier: Apache-2.0
/*
 * Dates and times as source systems write them, and as they want them. Internal to lib/map.
 *
 * Read: HL7 v2 DTM and CDA TS (`20261121214023.1+0200`, shortened from the right), ISO 8601 and
 * FHIR
 * (`2026-11-21T21:40:23+02:00`), Finnish (`21.11.2026 21:40`, `21.11.2026 klo 21.40`).
 */
#ifndef PN_MAP_DATES_H
#define PN_MAP_DATES_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/slice.h"

// False when it is none of these, or no real date.
PN_MUST_USE bool pn_map_date_read(struct pn_slice text, struct pn_civil *ret_civil);

// The moment on clocks that are so many minutes east of UTC.
struct pn_civil pn_map_date_from_ms(int64_t time_ms, int zone_minutes);

enum pn_map_date_form {
    PN_DATE_FHIR_DATE,        // 2026-11-21, as precise as it came
    PN_DATE_FHIR_DATETIME,    // with time and zone when it has a time
    PN_DATE_FHIR_INSTANT,     // always with time; midnight when it has none
    PN_DATE_HL7_DATE,         // 20261121
    PN_DATE_HL7_DATETIME,     // 20261121214023+0200
    PN_DATE_FINNISH_DATE,     // 21.11.2026
    PN_DATE_FINNISH_DATETIME, // 21.11.2026 klo 21.40
    PN_DATE_FINNISH_TIME      // 21.40
};

// In `zone` (a time without a zone is read in it, a time with one keeps it in the FHIR forms and is
// moved to `zone` in the others). NULL when the zone is not known or the arena is full.
char *pn_map_date_write(struct pn_arena *arena, const struct pn_civil *civil, const char *zone,
                        enum pn_map_date_form form);

#endif
