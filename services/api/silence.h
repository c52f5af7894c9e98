// SPDX-License-Identifier: Apache-2.0
/*
 * The completeness stamp on a list of what is counted: while a source is silent, a count is "at
 * least". (A trigger has a stamp of its own, of the sources that its rule counts:
 * services/identify.)
 */
#ifndef PN_SERVICES_API_SILENCE_H
#define PN_SERVICES_API_SILENCE_H

#include <cjson/cJSON.h>

#include "services/api/api.h"

#define PN_COMPLETENESS_URL "https://punos.fi/fhir/StructureDefinition/completeness"

struct pn_silences {
    struct pn_silence items[PN_FEEDS_MAX];
    unsigned count;
};

// Of the call's arena. What cannot be read leaves `count` 0 and is logged: the answer is given all
// the same.
void pn_silences_read(struct pn_call *call, struct pn_silences *ret_silences);
// `"silent": [{"source": "oberon/PPK1", "since": …}]`; nothing when all are heard.
void pn_silences_list(const struct pn_silences *silences, cJSON *object);

#endif
