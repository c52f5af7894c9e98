// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/rank.h"

#include <string.h>

#include "base/clock.h"

#define WEEK_MS (7 * PN_MS_PER_DAY)

enum {
    THOUSANDTHS = 1000,
    FRACTION_BITS = 16,
    SUM_BITS = 20,    // of the fraction of a sum of weights
    HALVINGS_MAX = 20 // what is older has nothing left
};

struct pn_rank_share pn_rank_share_of(const struct pn_finding *finding,
                                      const struct pn_fact_entry *facts, int64_t weight)
{
    int64_t newest_ms = finding->newest_ms != 0 ? finding->newest_ms : finding->since_ms;
    struct pn_rank_share share = {.weight = weight, .week = newest_ms / WEEK_MS};
    for (unsigned i = 0; i < finding->evidence_count; i++) {
        share.sectors |= UINT32_C(1) << facts[finding->evidence[i]].sector;
    }
    return share;
}

void pn_rank_clear(struct pn_rank *rank)
{
    rank->count = rank->once_count = 0;
}

void pn_rank_add(struct pn_rank *rank, struct pn_rank_share share, const struct pn_finding *finding)
{
    if (rank->count == PN_RULES_MAX) {
        return;
    }
    uint64_t *marks = rank->marks[rank->count];
    memset(marks, 0, sizeof rank->marks[0]);
    rank->shares[rank->count++] = share;
    if (finding != NULL && finding->evidence_count > 0) {
        rank->once_count++;
        for (unsigned i = 0; i < finding->evidence_count; i++) {
            marks[finding->evidence[i] / 64] |= UINT64_C(1) << (finding->evidence[i] % 64);
        }
    }
}

struct compared {
    bool is_any, is_within, is_same;
};

static struct compared compare(const uint64_t *marks, const uint64_t *others)
{
    struct compared compared = {.is_within = true, .is_same = true};
    for (unsigned i = 0; i < PN_CLIENT_FACTS_MAX / 64; i++) {
        compared.is_any = compared.is_any || marks[i] != 0;
        compared.is_within = compared.is_within && (marks[i] & ~others[i]) == 0;
        compared.is_same = compared.is_same && marks[i] == others[i];
    }
    return compared;
}

// Another rule says what this one says: the heavier, of equals the one that counted more, then the
// first.
static bool is_said(const struct pn_rank *rank, unsigned place)
{
    const struct pn_rank_share *shares = rank->shares;
    for (unsigned i = 0; i < rank->count && rank->once_count > 1; i++) {
        const struct compared with = compare(rank->marks[place], rank->marks[i]);
        if (!with.is_any) {
            return false;
        }
        bool is_before = shares[i].weight != shares[place].weight
                             ? shares[i].weight > shares[place].weight
                             : !with.is_same || i < place;
        if (i != place && with.is_within && is_before) {
            return true;
        }
    }
    return false;
}

// weight * 2^SUM_BITS * 2^(-weeks / PN_RANK_HALF_WEEKS)
static uint64_t faded(int64_t weight, int64_t weeks)
{
    static const uint32_t parts[PN_RANK_HALF_WEEKS] = {65536, 61858, 58386, 55109, 52016, 49097,
                                                       46341, 43740, 41285, 38968, 36781, 34716};
    int64_t halvings = weeks / PN_RANK_HALF_WEEKS;
    if (halvings > HALVINGS_MAX) {
        return 0;
    }
    uint64_t whole = (uint64_t)weight << SUM_BITS;
    return (whole * parts[weeks % PN_RANK_HALF_WEEKS]) >> (FRACTION_BITS + halvings);
}

// Base 2, with FRACTION_BITS of fraction: the fraction's bits come by squaring.
static int64_t logarithm(uint64_t value)
{
    int whole = 63 - __builtin_clzll(value);
    uint64_t mantissa = whole > 31 ? value >> (whole - 31) : value << (31 - whole);
    int64_t result = whole;
    for (unsigned i = 0; i < FRACTION_BITS; i++) {
        mantissa = (mantissa * mantissa) >> 31;
        bool is_two = mantissa >> 32 != 0;
        mantissa = is_two ? mantissa >> 1 : mantissa;
        result = result * 2 + (is_two ? 1 : 0);
    }
    return result;
}

int64_t pn_rank_value(const struct pn_rank *rank)
{
    int64_t newest = INT64_MIN;
    uint32_t sectors = 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < rank->count; i++) {
        newest = rank->shares[i].week > newest ? rank->shares[i].week : newest;
        sectors |= rank->shares[i].sectors & ~(UINT32_C(1) << PN_SECTOR_UNKNOWN);
    }
    for (unsigned i = 0; i < rank->count; i++) {
        sum += is_said(rank, i) ? 0 : faded(rank->shares[i].weight, newest - rank->shares[i].week);
    }
    sum *= 1 + (uint64_t)__builtin_popcount(sectors);
    if (sum == 0) {
        return 0;
    }
    int64_t over = logarithm(sum) - ((int64_t)SUM_BITS << FRACTION_BITS);
    return newest * THOUSANDTHS + ((over * PN_RANK_HALF_WEEKS * THOUSANDTHS) >> FRACTION_BITS);
}
