// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/identify/triggers/rank.h"

static int64_t rank_of(const struct pn_rank_share *shares, unsigned count)
{
    static struct pn_rank rank;
    pn_rank_clear(&rank);
    for (unsigned i = 0; i < count; i++) {
        pn_rank_add(&rank, shares[i], NULL);
    }
    return pn_rank_value(&rank);
}

static void the_rank_is_weight_recency_and_breadth(void **state)
{
    (void)state;
    const uint32_t one = 1U << PN_SECTOR_PRIMARY, two = one | 1U << PN_SECTOR_SOCIAL;
    const struct pn_rank_share base[] = {{.weight = 2, .week = 2900, .sectors = one}};
    const struct pn_rank_share heavy[] = {{.weight = 4, .week = 2900, .sectors = one}};
    const struct pn_rank_share late[] = {{.weight = 2, .week = 2912, .sectors = one}};
    const struct pn_rank_share both[] = {base[0], base[0]};
    const struct pn_rank_share broad[] = {{.weight = 2, .week = 2900, .sectors = two}};
    const struct pn_rank_share faded[] = {heavy[0],
                                          {.weight = 8, .week = 2900 - 24, .sectors = one}};
    // 2900 weeks and 12 for each doubling: of weight 2 (once) and of one sector (once).
    assert_int_equal(rank_of(base, 1), 2900000 + 24000);
    assert_int_equal(rank_of(heavy, 1), rank_of(late, 1));
    assert_int_equal(rank_of(both, 2), rank_of(heavy, 1));
    assert_true(rank_of(broad, 1) > rank_of(base, 1));
    assert_true(rank_of(broad, 1) < rank_of(heavy, 1));
    // 8 of half a year ago is 2 today.
    assert_int_equal(rank_of(faded, 2), 2900000 + 43019);
    assert_int_equal(rank_of(faded, 0), 0);
}

// A rule for which one event is enough: its weight, and the events that it counted.
struct once {
    int64_t weight;
    uint16_t events[4];
    unsigned count;
};

static int64_t rank_of_once(const struct once *rules, unsigned count)
{
    static struct pn_rank rank;
    static struct pn_finding finding;
    pn_rank_clear(&rank);
    for (unsigned i = 0; i < count; i++) {
        finding.evidence_count = rules[i].count;
        for (unsigned k = 0; k < rules[i].count; k++) {
            finding.evidence[k] = rules[i].events[k];
        }
        const struct pn_rank_share share = {.weight = rules[i].weight, .week = 2900};
        pn_rank_add(&rank, share, &finding);
    }
    return pn_rank_value(&rank);
}

// In whatever order the rules stand.
static void assert_weighs(const struct once *a, const struct once *b, int64_t weight)
{
    const struct pn_rank_share alone[] = {{.weight = weight, .week = 2900}};
    const struct once there[] = {*a, *b}, back[] = {*b, *a};
    assert_int_equal(rank_of_once(there, 2), rank_of(alone, 1));
    assert_int_equal(rank_of_once(back, 2), rank_of(alone, 1));
}

static void one_event_weighs_once(void **state)
{
    (void)state;
    const struct once concern = {3, {7}, 1}, core = {3, {7}, 1}, light = {2, {7}, 1};
    assert_weighs(&concern, &core, 3);
    assert_weighs(&concern, &light, 3);
    // Another report besides: the general rule counts both.
    const struct once both = {3, {7, 300}, 2}, other = {3, {300}, 1};
    assert_weighs(&both, &core, 3);
    assert_weighs(&concern, &other, 6);
    // A lighter rule that counted more says something more.
    const struct once wide = {2, {7, 300}, 2};
    assert_weighs(&concern, &wide, 5);
    // What counted nothing, as the absence of something, is said by nobody else.
    const struct once absent = {2, {0}, 0};
    assert_weighs(&concern, &absent, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rank_is_weight_recency_and_breadth),
        cmocka_unit_test(one_event_weighs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
