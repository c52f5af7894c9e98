// SPDX-License-Identifier: Apache-2.0
/*
 * All filters of a file at once tell of a fact what each filter tells by its words: random filters
 * and facts, with few different values, so that lists and ranges meet.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "services/identify/rules/match.h"

enum { FILES = 60, FACTS = 400, VALUES = 12, FILTERS_MAX = 90 };

static uint64_t seed = 20261122;

static uint32_t draw(uint32_t below)
{
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(seed >> 33) % below;
}

// --- By the words --------------------------------------------------------------------------------

static bool has_code(const struct pn_rule_codes *codes, uint32_t code)
{
    for (unsigned i = 0; i < codes->count; i++) {
        if (codes->codes[i] == code) {
            return true;
        }
    }
    return codes->count == 0;
}

// One of the fact's codes is enough.
static bool is_in_ranges(const struct pn_code_ranges *ranges, const uint64_t *codes)
{
    for (unsigned k = 0; k < PN_CODES_MAX && codes[k] != 0; k++) {
        for (unsigned i = 0; i < ranges->count; i++) {
            if (codes[k] >= ranges->ranges[i].from && codes[k] <= ranges->ranges[i].until) {
                return true;
            }
        }
    }
    return ranges->count == 0;
}

static bool has_profession(const struct pn_rule_codes *codes, const struct pn_fact_entry *fact)
{
    bool has = has_code(codes, fact->profession);
    for (unsigned i = 0; i + 1 < PN_PROFESSIONS_MAX && fact->more_professions[i] != 0; i++) {
        has = has || has_code(codes, fact->more_professions[i]);
    }
    return has;
}

static bool fits(const struct pn_filter *filter, const struct pn_fact_entry *fact)
{
    return (filter->kinds & (1U << fact->kind)) != 0 && (fact->flags & PN_FACT_WITHDRAWN) == 0 &&
           (filter->sectors == 0 || (filter->sectors & (1U << fact->sector)) != 0) &&
           (filter->urgency == PN_URGENCY_UNKNOWN || filter->urgency == fact->urgency) &&
           (filter->reported_by == 0 || (filter->reported_by & (1U << fact->reporter)) != 0) &&
           (filter->concerns == 0 || (filter->concerns & (1U << fact->concern)) != 0) &&
           (!filter->noshow_only || (fact->flags & PN_FACT_NOSHOW) != 0) &&
           (!filter->client_contacts_only || (fact->flags & PN_FACT_CLIENT_CONTACT) != 0) &&
           is_in_ranges(&filter->codes, fact->codes) &&
           has_code(&filter->services, fact->service) &&
           has_profession(&filter->professions, fact) &&
           has_code(&filter->contacts, fact->contact) &&
           has_code(&filter->statuses, fact->status) && has_code(&filter->units, fact->unit) &&
           has_code(&filter->settings, fact->setting);
}

// --- Random ones ---------------------------------------------------------------------------------

// Half of them ask for nothing.
static void make_codes(struct pn_rule_codes *codes)
{
    codes->count = draw(2) == 0 ? 0 : draw(5);
    for (unsigned i = 0; i < codes->count; i++) {
        codes->codes[i] = draw(8) == 0 ? UINT32_MAX : draw(VALUES);
    }
}

static uint64_t make_code(void)
{
    return draw(10) == 0 ? UINT64_MAX : draw(VALUES);
}

static struct pn_filter make_filter(void)
{
    struct pn_filter filter;
    memset(&filter, 0, sizeof filter); // filters are told apart by their bytes
    filter.kinds = 1 + draw((1U << PN_KIND_COUNT) - 1);
    filter.sectors = draw(2) == 0 ? 0 : draw(1U << PN_SECTOR_COUNT);
    filter.reported_by = draw(4) > 0 ? 0 : draw(1U << PN_REPORTER_COUNT);
    filter.concerns = draw(4) > 0 ? 0 : draw(1U << PN_CONCERN_COUNT);
    filter.urgency = draw(2) == 0 ? PN_URGENCY_UNKNOWN : (enum pn_urgency)draw(PN_URGENCY_COUNT);
    filter.noshow_only = draw(6) == 0;
    filter.client_contacts_only = draw(6) == 0;
    struct pn_rule_codes *const lists[] = {&filter.services, &filter.professions, &filter.contacts,
                                           &filter.statuses, &filter.units,       &filter.settings};
    make_codes(lists[draw(PN_ARRAY_COUNT(lists))]);
    make_codes(lists[draw(PN_ARRAY_COUNT(lists))]);
    filter.codes.count = draw(2) == 0 ? 0 : draw(4);
    for (unsigned i = 0; i < filter.codes.count; i++) {
        const uint64_t one = make_code(), two = make_code();
        filter.codes.ranges[i] =
            (struct pn_code_range){one < two ? one : two, one < two ? two : one};
    }
    return filter;
}

static struct pn_fact_entry make_fact(void)
{
    struct pn_fact_entry fact = {.service = draw(8) == 0 ? UINT32_MAX : draw(VALUES),
                                 .profession = draw(VALUES),
                                 .contact = draw(VALUES),
                                 .status = draw(VALUES),
                                 .unit = draw(VALUES),
                                 .setting = draw(VALUES),
                                 .kind = (uint8_t)draw(PN_KIND_COUNT),
                                 .sector = (uint8_t)draw(PN_SECTOR_COUNT),
                                 .urgency = (uint8_t)draw(PN_URGENCY_COUNT),
                                 .reporter = (uint8_t)draw(PN_REPORTER_COUNT),
                                 .concern = (uint8_t)draw(PN_CONCERN_COUNT),
                                 .flags = (uint8_t)draw(PN_FACT_FLAGS_COUNT)};
    for (unsigned i = draw(PN_CODES_MAX + 1); i > 0; i--) {
        fact.codes[i - 1] = 1 + draw(VALUES); // the rest is 0: no code
    }
    for (unsigned i = fact.profession == 0 ? 0 : draw(PN_PROFESSIONS_MAX); i > 0; i--) {
        fact.more_professions[i - 1] = 1 + draw(VALUES);
    }
    return fact;
}

static void a_fact_fits_what_the_words_say(void **state)
{
    (void)state;
    static struct pn_filter filters[FILTERS_MAX];
    uint16_t bits[FILTERS_MAX];
    unsigned fitting = 0, not_fitting = 0;
    struct pn_arena *arena = pn_arena_new(8 * 1024 * 1024);
    for (unsigned file = 0; file < FILES; file++) {
        pn_arena_reset(arena);
        struct pn_match *match = pn_arena_alloc(arena, sizeof *match);
        assert_non_null(match);
        const unsigned count = 1 + draw(FILTERS_MAX); // of one word of bits, and of two
        for (unsigned i = 0; i < count; i++) {
            filters[i] = make_filter();
            bits[i] = pn_match_add(match, &filters[i]);
        }
        assert_true(pn_match_ready(match, arena));
        for (unsigned f = 0; f < FACTS; f++) {
            const struct pn_fact_entry fact = make_fact();
            uint64_t found[PN_MATCH_WORDS];
            pn_match_fact(match, &fact, found);
            for (unsigned i = 0; i < count; i++) {
                const bool is_right = pn_match_has(found, bits[i]) == fits(&filters[i], &fact);
                if (!is_right) {
                    fail_msg("file %u: filter %u of %u, fact %u", file, i, count, f);
                }
                fitting += pn_match_has(found, bits[i]) ? 1 : 0;
                not_fitting += pn_match_has(found, bits[i]) ? 0 : 1;
            }
        }
    }
    pn_arena_free(arena);
    assert_true(fitting > 10000 && not_fitting > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_fact_fits_what_the_words_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
