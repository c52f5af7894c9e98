// SPDX-License-Identifier: Apache-2.0
/*
 * What rules count: one event of a client, as small as it goes.
 */
#ifndef PN_IDENTIFY_FACT_H
#define PN_IDENTIFY_FACT_H

#include <stdbool.h>
#include <stdint.h>

#include "event/facts.h"
#include "event/vocabulary.h"

enum { PN_FACT_ID_BYTES = 16, PN_CLIENT_FACTS_MAX = 4096 };

#define PN_FACT_OPEN INT64_MAX // end_ms of what goes on

// Codes are hashes (pn_fact_code): they are only compared.
struct pn_fact_entry {
    uint8_t id[PN_FACT_ID_BYTES]; // the resource's UUID
    int64_t start_ms, end_ms;     // end_ms: PN_FACT_OPEN, or at least start_ms
    int64_t revision;
    uint32_t service, profession, contact, status, unit, setting; // 0: none
    uint8_t resource_type;                                        // pn_fact_type_name
    uint8_t kind, sector, classes, urgency;                       // classes: pn_fact_classes
    uint8_t flags;                                                // enum pn_fact_flag together
    uint8_t reporter, concern;    // 0 in rows that were stored before there were such
    uint64_t codes[PN_CODES_MAX]; // pn_fact_pack; each once, the rest 0 (struct pn_facts)
    // Beside the first, `profession`; each once, the rest 0.
    uint32_t more_professions[PN_PROFESSIONS_MAX - 1];
};
enum pn_fact_flag {
    PN_FACT_WITHDRAWN = 1 << 0,
    PN_FACT_NOSHOW = 1 << 1,
    PN_FACT_CLIENT_CONTACT = 1 << 2,
    PN_FACT_FLAGS_COUNT = 1 << 3 // sets of them
};

// The special classes of protection, as in struct pn_facts, in the one byte that there is for them.
_Static_assert(PN_CLASS_COUNT - 1 <= 8, "a fact's classes fit into its byte");
static inline uint8_t pn_fact_pack_classes(uint32_t classes)
{
    return (uint8_t)(classes >> 1);
}
static inline uint32_t pn_fact_classes(const struct pn_fact_entry *entry)
{
    return (uint32_t)entry->classes << 1;
}
uint32_t pn_fact_code(struct pn_slice code); // 0 for the empty code, never 0 for another
// The system and the code's first seven bytes, in the order of the codes: a range of codes is a
// range of numbers. `rest` fills what the code leaves free (0 or 0xff). 0 for the empty code.
uint64_t pn_fact_pack(enum pn_code_system system, struct pn_slice code, uint8_t rest);
static inline enum pn_code_system pn_fact_code_system(uint64_t packed)
{
    return (enum pn_code_system)(packed >> 56);
}
// The profession at that place, from 0; 0 after the last.
static inline uint32_t pn_fact_profession(const struct pn_fact_entry *entry, unsigned place)
{
    return place == 0                   ? entry->profession
           : place < PN_PROFESSIONS_MAX ? entry->more_professions[place - 1]
                                        : 0;
}
const char *pn_fact_type_name(uint8_t resource_type);
// False when the resource is none that rules count, or its id is no UUID.
PN_MUST_USE bool pn_fact_entry_make(const struct pn_facts *facts, struct pn_fact_entry *ret_entry);

#endif
