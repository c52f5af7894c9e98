// SPDX-License-Identifier: Apache-2.0
#include "services/identify/evaluate.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"

// --- Facts ---------------------------------------------------------------------------------------

static const char *const type_names[] = {"",     "Encounter",     "Appointment", "EpisodeOfCare",
                                         "Flag", "ServiceRequest"};

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

bool pn_fact_entry_make(const struct pn_facts *facts, struct pn_fact_entry *ret_entry)
{
    struct pn_fact_entry entry = {
        .start_ms = facts->start_ms,
        .revision = facts->revision,
        .service = pn_fact_code(facts->service.len > 0 ? facts->service : facts->unit),
        .profession = pn_fact_code(facts->profession),
        .contact = pn_fact_code(facts->contact),
        .status = pn_fact_code(facts->status),
        .kind = (uint8_t)facts->kind,
        .sector = (uint8_t)facts->sector,
        .data_class = (uint8_t)facts->data_class,
        .urgency = (uint8_t)facts->urgency,
        .flags = (uint8_t)((facts->is_withdrawn ? PN_FACT_WITHDRAWN : 0) |
                           (facts->is_noshow ? PN_FACT_NOSHOW : 0) |
                           (facts->is_client_contact ? PN_FACT_CLIENT_CONTACT : 0)),
    };
    uint8_t type = PN_ARRAY_COUNT(type_names) - 1;
    while (type > 0 && !pn_slice_is(facts->resource_type, type_names[type])) {
        type--;
    }
    entry.resource_type = type;
    if (type == 0 || !pn_uuid_parse(facts->id, entry.id)) {
        return false;
    }
    *ret_entry = entry;
    return true;
}

// --- Calendar ------------------------------------------------------------------------------------

int64_t pn_months_later(int64_t time_ms, int64_t months)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = time_ms / PN_MS_PER_DAY - (time_ms % PN_MS_PER_DAY < 0 ? 1 : 0);
    int year = 0, month = 0, day = 0;
    pn_civil_from_days(days, &year, &month, &day);
    int64_t at = (int64_t)year * 12 + month - 1 + months;
    year = (int)(at / 12);
    month = (int)(at % 12) + 1;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int length = lengths[month - 1] + (month == 2 && is_leap ? 1 : 0);
    day = day > length ? length : day;
    return pn_days_from_civil(year, month, day) * PN_MS_PER_DAY + (time_ms - days * PN_MS_PER_DAY);
}

// --- Counting ------------------------------------------------------------------------------------

static bool has_code(const struct pn_rule_codes *codes, uint32_t code)
{
    for (unsigned i = 0; i < codes->count; i++) {
        if (codes->codes[i] == code) {
            return true;
        }
    }
    return codes->count == 0;
}

// What the fact is counted by: 0 when it can't be told from others (no profession known).
static uint64_t measure(const struct pn_rule *rule, const struct pn_fact_entry *fact)
{
    switch (rule->count) {
    case PN_COUNT_PROFESSIONS:
        return fact->profession;
    case PN_COUNT_SERVICES:
        // The same code in two sectors is two services.
        return fact->service == 0 ? 0 : (uint64_t)fact->sector << 32 | fact->service;
    case PN_COUNT_EVENTS:
        break;
    }
    return 1;
}

static bool fits(const struct pn_rule *rule, const struct pn_fact_entry *fact)
{
    return (rule->kinds & (1U << fact->kind)) != 0 && (fact->flags & PN_FACT_WITHDRAWN) == 0 &&
           (rule->sectors == 0 || (rule->sectors & (1U << fact->sector)) != 0) &&
           (rule->urgency == PN_URGENCY_UNKNOWN || rule->urgency == fact->urgency) &&
           (!rule->noshow_only || (fact->flags & PN_FACT_NOSHOW) != 0) &&
           (!rule->client_contacts_only || (fact->flags & PN_FACT_CLIENT_CONTACT) != 0) &&
           has_code(&rule->services, fact->service) &&
           has_code(&rule->professions, fact->profession) &&
           has_code(&rule->contacts, fact->contact) && has_code(&rule->statuses, fact->status) &&
           measure(rule, fact) != 0;
}

struct order {
    const struct pn_fact_entry *facts;
};

static int older(const void *a, const void *b, void *context)
{
    const struct order *order = context;
    const struct pn_fact_entry *one = &order->facts[*(const uint16_t *)a];
    const struct pn_fact_entry *two = &order->facts[*(const uint16_t *)b];
    if (one->start_ms != two->start_ms) {
        return one->start_ms < two->start_ms ? -1 : 1;
    }
    return memcmp(one->id, two->id, PN_FACT_ID_BYTES);
}

// From the newest back: the count of facts [i…] grows as i falls, so the oldest place where it
// still reaches `enough` tells which fact's leaving ends it. -1 when it never does.
static int64_t count_back(const struct pn_evaluation *evaluation, const struct pn_finding *finding,
                          int64_t enough, int64_t *ret_last)
{
    uint64_t seen[1024]; // thresholds are at most 1000: more need not be told apart
    int64_t count = 0, last = -1;
    for (int64_t i = (int64_t)finding->evidence_count - 1; i >= 0; i--) {
        const struct pn_fact_entry *fact = &evaluation->facts[finding->evidence[i]];
        uint64_t value = measure(evaluation->rule, fact);
        bool is_new = true;
        for (int64_t k = 0; evaluation->rule->count != PN_COUNT_EVENTS && k < count && is_new;
             k++) {
            is_new = seen[k] != value;
        }
        if (is_new && evaluation->rule->count != PN_COUNT_EVENTS) {
            is_new = count < (int64_t)PN_ARRAY_COUNT(seen);
            if (is_new) {
                seen[count] = value;
            }
        }
        count += is_new ? 1 : 0;
        if (last < 0 && count >= enough) {
            last = i;
        }
    }
    *ret_last = last;
    return count;
}

static void earlier(int64_t *due_ms, int64_t time_ms)
{
    if (*due_ms == 0 || time_ms < *due_ms) {
        *due_ms = time_ms;
    }
}

static void gather(const struct pn_evaluation *evaluation, struct pn_finding *finding)
{
    const struct pn_rule *rule = evaluation->rule;
    // Quick and wide; the calendar decides what is near the edge.
    const int64_t surely_out =
        evaluation->moment_ms - (rule->window_months * 31 + 1) * PN_MS_PER_DAY;
    const int64_t surely_in = evaluation->moment_ms - rule->window_months * 28 * PN_MS_PER_DAY;
    for (unsigned i = 0; i < evaluation->fact_count; i++) {
        const struct pn_fact_entry *fact = &evaluation->facts[i];
        if (fact->start_ms <= surely_out || !fits(rule, fact)) {
            continue;
        }
        if (fact->start_ms > evaluation->moment_ms) {
            earlier(&finding->due_ms, fact->start_ms);
        } else if (fact->start_ms > surely_in ||
                   pn_months_later(fact->start_ms, rule->window_months) > evaluation->moment_ms) {
            finding->evidence[finding->evidence_count++] = (uint16_t)i;
        }
    }
}

void pn_evaluate(const struct pn_evaluation *evaluation, struct pn_finding *ret_finding)
{
    assert(evaluation->fact_count <= PN_CLIENT_FACTS_MAX);
    const struct pn_rule *rule = evaluation->rule;
    struct pn_finding *finding = ret_finding;
    finding->holds = false;
    finding->count = finding->lapses_ms = finding->due_ms = finding->newest_ms = 0;
    finding->data_class = PN_CLASS_ORDINARY;
    finding->evidence_count = 0;
    gather(evaluation, finding);
    const int64_t enough = evaluation->did_hold ? rule->lapse_below : rule->threshold;
    if ((int64_t)finding->evidence_count < enough) {
        finding->count = finding->evidence_count; // refined below only when it matters
        if (rule->count == PN_COUNT_EVENTS) {
            return;
        }
    }
    struct order order = {evaluation->facts};
    qsort_r(finding->evidence, finding->evidence_count, sizeof finding->evidence[0], older, &order);
    int64_t last = -1;
    finding->count = count_back(evaluation, finding, enough, &last);
    finding->holds = finding->count >= enough;
    if (!finding->holds) {
        return;
    }
    // Once it holds it goes on until the count falls under lapse_below.
    (void)count_back(evaluation, finding, rule->lapse_below, &last);
    finding->lapses_ms =
        pn_months_later(evaluation->facts[finding->evidence[last]].start_ms, rule->window_months);
    earlier(&finding->due_ms, finding->lapses_ms);
    for (unsigned i = 0; i < finding->evidence_count; i++) {
        const struct pn_fact_entry *fact = &evaluation->facts[finding->evidence[i]];
        finding->newest_ms =
            fact->start_ms > finding->newest_ms ? fact->start_ms : finding->newest_ms;
        if (fact->data_class > finding->data_class) {
            finding->data_class = (enum pn_data_class)fact->data_class;
        }
    }
}
