// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/identify/feedback/feedback_figures.h"

static void near(double value, double expected)
{
    if (fabs(value - expected) > 0.00005) {
        fail_msg("%.6f instead of %.6f", value, expected);
    }
}

// The first four: R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
static void intervals_of_shares(void **state)
{
    (void)state;
    static const struct {
        int64_t hits, of;
        double low, high;
    } known[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611},
                 {1, 29, 0.0061, 0.1718},   {8, 10, 0.4902, 0.9433},   {20, 20, 0.8389, 1}};
    struct pn_interval interval;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(pn_interval_share(known[i].hits, known[i].of, &interval));
        near(interval.value, (double)known[i].hits / (double)known[i].of);
        near(interval.low, known[i].low);
        near(interval.high, known[i].high);
    }
    assert_false(pn_interval_share(0, 0, &interval));
}

// Against the gradient taken numerically in another program, and a simulation of 20,000 draws
// (0.53 … 1.20 for the second).
static void intervals_of_ratios(void **state)
{
    (void)state;
    static const struct {
        struct pn_share part, whole;
        double value, low, high;
    } known[] = {{{60, 1000}, {100, 4000}, 2.4, 2.0504, 2.8093},
                 {{20, 1000}, {100, 4000}, 0.8, 0.5428, 1.1790},
                 {{200, 5000}, {400, 10000}, 1, 0.9084, 1.1008},
                 {{0, 1000}, {100, 4000}, 0, 0, 0.3157},
                 {{1, 18}, {1, 54}, 3, 0.6553, 6.1038},
                 {{7, 50}, {7, 50}, 1, 1, 1}};
    struct pn_interval interval;
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(pn_interval_ratio(known[i].part, known[i].whole, &interval));
        near(interval.value, known[i].value);
        near(interval.low, known[i].low);
        near(interval.high, known[i].high);
    }
    assert_false(pn_interval_ratio((struct pn_share){0, 0}, (struct pn_share){1, 5}, &interval));
    assert_false(pn_interval_ratio((struct pn_share){0, 5}, (struct pn_share){0, 9}, &interval));
}

static void quantiles_without_open_ones_are_nearest_ranks(void **state)
{
    (void)state;
    const struct pn_wait waits[] = {{1, true},  {2, true},  {3, true},  {4, true},  {50, true},
                                    {60, true}, {70, true}, {80, true}, {90, true}, {100, true}};
    int64_t ms = 0;
    assert_true(pn_wait_quantile(waits, 10, 500, &ms));
    assert_int_equal(ms, 50);
    assert_true(pn_wait_quantile(waits, 10, 900, &ms));
    assert_int_equal(ms, 90);
    assert_true(pn_wait_quantile(waits, 1, 900, &ms));
    assert_int_equal(ms, 1);
    assert_false(pn_wait_quantile(waits, 0, 500, &ms));
}

// By hand: 6 at risk, one comes at 1 (5/6 left), one leaves at 2, two come at 3 (5/6 × 2/4 = 5/12),
// one leaves at 4, the last comes at 9 (0).
static void who_still_waits_counts_too(void **state)
{
    (void)state;
    const struct pn_wait waits[] = {{1, true}, {2, false}, {3, true},
                                    {3, true}, {4, false}, {9, true}};
    int64_t ms = -7;
    assert_true(pn_wait_quantile(waits, 6, 500, &ms));
    assert_int_equal(ms, 3);
    assert_true(pn_wait_quantile(waits, 6, 900, &ms));
    assert_int_equal(ms, 9);
    // Half of them have not been looked at for long: the median of the others would be 1.
    const struct pn_wait idle[] = {{1, true}, {1, true}, {500, false}, {500, false}, {500, false}};
    ms = -7;
    assert_false(pn_wait_quantile(idle, 5, 500, &ms));
    assert_int_equal(ms, -7);
    // One that leaves when another comes was still waiting.
    const struct pn_wait tie[] = {{5, false}, {5, true}};
    assert_true(pn_wait_quantile(tie, 2, 500, &ms));
    assert_int_equal(ms, 5);
}

static void hidden(const struct pn_share *cells, unsigned count, const char *expected)
{
    bool is_hidden[PN_SHARE_CELLS_MAX];
    pn_shares_hide(cells, count, 5, is_hidden);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(is_hidden[i], expected[i] == 'h');
    }
}

static void small_cells_cannot_be_told_from_the_rest(void **state)
{
    (void)state;
    hidden((struct pn_share[]){{50, 500}, {30, 400}, {20, 300}}, 3, "---");
    hidden((struct pn_share[]){{50, 500}, {5, 10}}, 2, "--");
    // One small: the next smallest goes along, or the sum would tell it.
    hidden((struct pn_share[]){{50, 500}, {4, 400}, {20, 300}}, 3, "-hh");
    // Two small ones of one hit together: whoever knows the sum knows too much still.
    hidden((struct pn_share[]){{50, 500}, {0, 400}, {1, 300}, {9, 90}}, 4, "-hhh");
    hidden((struct pn_share[]){{50, 500}, {3, 400}, {2, 300}, {9, 90}}, 4, "-hh-");
    // Nearly everybody of a group tells as much as nearly nobody.
    hidden((struct pn_share[]){{50, 500}, {30, 34}, {20, 300}}, 3, "-hh");
    hidden((struct pn_share[]){{50, 500}, {0, 0}, {20, 300}}, 3, "---");
    hidden((struct pn_share[]){{2, 500}}, 1, "h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_of_shares),
        cmocka_unit_test(intervals_of_ratios),
        cmocka_unit_test(quantiles_without_open_ones_are_nearest_ranks),
        cmocka_unit_test(who_still_waits_counts_too),
        cmocka_unit_test(small_cells_cannot_be_told_from_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
