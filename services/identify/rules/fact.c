// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/fact.h"

#include "base/ids.h"
#include "base/words.h"

enum { PACKED_BYTES = 7 };

// The stored rows hold these places: new ones go to the end.
static const char *const type_names[] = {"",     "Encounter",      "Appointment", "EpisodeOfCare",
                                         "Flag", "ServiceRequest", "Condition"};

const char *pn_fact_type_name(uint8_t resource_type)
{
    return resource_type < PN_ARRAY_COUNT(type_names) ? type_names[resource_type] : "";
}

uint32_t pn_fact_code(struct pn_slice code)
{
    if (code.len == 0) {
        return 0;
    }
    uint32_t hash = 2166136261U; // FNV-1a
    for (size_t i = 0; i < code.len; i++) {
        hash = (hash ^ (unsigned char)code.ptr[i]) * 16777619U;
    }
    return hash == 0 ? 1 : hash;
}

uint64_t pn_fact_pack(enum pn_code_system system, struct pn_slice code, uint8_t rest)
{
    if (code.len == 0 || system == PN_SYSTEM_NONE) {
        return 0;
    }
    uint64_t packed = (uint64_t)system;
    for (size_t i = 0; i < PACKED_BYTES; i++) {
        packed = packed << 8 | (i < code.len ? (uint8_t)code.ptr[i] : rest);
    }
    return packed;
}

// Something that has no end told goes on only if its status says so.
static int64_t end_of(const struct pn_facts *facts)
{
    static const char *const going_on[] = {"active",      "arrived", "triaged",
                                           "in-progress", "onleave", NULL};
    if (facts->end_ms != 0) {
        return facts->end_ms > facts->start_ms ? facts->end_ms : facts->start_ms;
    }
    return pn_words_hold(going_on, facts->status) ? PN_FACT_OPEN : facts->start_ms;
}

// Codes that are alike so far as they are packed are one.
static void pack_codes(const struct pn_facts *facts, uint64_t codes[static PN_CODES_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < facts->code_count; i++) {
        uint64_t code = pn_fact_pack(facts->codes[i].system, facts->codes[i].code, 0);
        unsigned k = 0;
        while (k < count && codes[k] != code) {
            k++;
        }
        if (k == count && code != 0) {
            codes[count++] = code;
        }
    }
}

static void put_professions(const struct pn_facts *facts, struct pn_fact_entry *entry)
{
    entry->profession = facts->profession_count > 0 ? pn_fact_code(facts->professions[0]) : 0;
    for (unsigned i = 1; i < facts->profession_count; i++) {
        entry->more_professions[i - 1] = pn_fact_code(facts->professions[i]);
    }
}

bool pn_fact_entry_make(const struct pn_facts *facts, struct pn_fact_entry *ret_entry)
{
    struct pn_fact_entry entry = {
        .start_ms = facts->start_ms,
        .end_ms = end_of(facts),
        .revision = facts->revision,
        .service = pn_fact_code(facts->service.len > 0 ? facts->service : facts->unit),
        .contact = pn_fact_code(facts->contact),
        .status = pn_fact_code(facts->status),
        .unit = pn_fact_code(facts->unit),
        .setting = pn_fact_code(facts->setting),
        .kind = (uint8_t)facts->kind,
        .sector = (uint8_t)facts->sector,
        .classes = pn_fact_pack_classes(facts->classes),
        .urgency = (uint8_t)facts->urgency,
        .reporter = (uint8_t)facts->reporter,
        .concern = (uint8_t)facts->concern,
        .flags = (uint8_t)((facts->is_withdrawn ? PN_FACT_WITHDRAWN : 0) |
                           (facts->is_noshow ? PN_FACT_NOSHOW : 0) |
                           (facts->is_client_contact ? PN_FACT_CLIENT_CONTACT : 0)),
    };
    pack_codes(facts, entry.codes);
    put_professions(facts, &entry);
    const unsigned count = PN_ARRAY_COUNT(type_names);
    unsigned type = pn_words_find(type_names, count, facts->resource_type);
    entry.resource_type = (uint8_t)type;
    if (type == 0 || type == count || !pn_uuid_parse(facts->id, entry.id)) {
        return false;
    }
    *ret_entry = entry;
    return true;
}
