// SPDX-License-Identifier: Apache-2.0
#include "services/identify/feedback/feedback_figures.h"

#include <assert.h>
#include <math.h>

static const double z = 1.959963984540054; // of the normal distribution, PN_FEEDBACK_LEVEL

bool pn_interval_share(int64_t hits, int64_t of, struct pn_interval *ret_interval)
{
    assert(hits >= 0 && hits <= of);
    if (of == 0) {
        return false;
    }
    const double n = (double)of, share = (double)hits / n;
    const double middle = share + z * z / (2 * n);
    const double half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    const double scale = 1 + z * z / n;
    *ret_interval = (struct pn_interval){.value = share,
                                         .low = hits == 0 ? 0 : (middle - half) / scale,
                                         .high = hits == of ? 1 : (middle + half) / scale};
    return true;
}

bool pn_interval_ratio(struct pn_share part, struct pn_share whole,
                       struct pn_interval *ret_interval)
{
    assert(part.hits <= part.of && whole.hits <= whole.of);
    assert(part.hits <= whole.hits && part.of <= whole.of);
    if (part.of == 0 || whole.hits == 0) {
        return false;
    }
    // x hits of n in the part, y hits of m in the rest.
    const double n = (double)part.of, m = (double)(whole.of - part.of);
    const double x = part.hits == 0 ? 0.5 : (double)part.hits;
    const bool is_bare = m > 0 && whole.hits == part.hits; // the rest has none
    const double y = is_bare ? 0.5 : (double)(whole.hits - part.hits);
    const double p = fmin(x / n, 1), q = m > 0 ? fmin(y / m, 1) : 0;
    const double ratio = p / ((x + y) / (n + m));
    const double by_part = 1 / x - 1 / (x + y), by_rest = 1 / (x + y);
    const double variance =
        by_part * by_part * n * p * (1 - p) + by_rest * by_rest * m * q * (1 - q);
    const double reach = exp(z * sqrt(variance));
    const double told = is_bare ? (n + m) / n : ratio;
    *ret_interval = (struct pn_interval){.value = part.hits == 0 ? 0 : told,
                                         .low = part.hits == 0 ? 0 : ratio / reach,
                                         .high = fmax(ratio * reach, told)};
    return true;
}

bool pn_wait_quantile(const struct pn_wait *waits, unsigned count, unsigned per_mille,
                      int64_t *ret_ms)
{
    const double enough = 1 - per_mille / 1000.0 + 1e-9;
    double still = 1; // share in which it has not come
    for (unsigned at = 0; at < count;) {
        const int64_t ms = waits[at].ms;
        const unsigned waiting = count - at;
        unsigned come = 0;
        for (; at < count && waits[at].ms == ms; at++) {
            come += waits[at].has_come ? 1 : 0;
        }
        still *= 1 - (double)come / waiting;
        if (come > 0 && still <= enough) {
            *ret_ms = ms;
            return true;
        }
    }
    return false;
}

static bool is_small(struct pn_share cell, int64_t least)
{
    return cell.of > 0 && (cell.hits < least || cell.of - cell.hits < least);
}

// The smallest cell that is shown; `count` when there is none.
static unsigned smallest_shown(const struct pn_share *cells, unsigned count, const bool *is_hidden)
{
    unsigned found = count;
    for (unsigned i = 0; i < count; i++) {
        if (!is_hidden[i] && cells[i].of > 0 &&
            (found == count || cells[i].hits < cells[found].hits)) {
            found = i;
        }
    }
    return found;
}

void pn_shares_hide(const struct pn_share *cells, unsigned count, int64_t least,
                    bool ret_is_hidden[static PN_SHARE_CELLS_MAX])
{
    unsigned hidden = 0;
    int64_t hits = 0;
    assert(count <= PN_SHARE_CELLS_MAX);
    for (unsigned i = 0; i < count; i++) {
        ret_is_hidden[i] = is_small(cells[i], least);
        hidden += ret_is_hidden[i] ? 1 : 0;
        hits += ret_is_hidden[i] ? cells[i].hits : 0;
    }
    while (hidden > 0 && (hidden == 1 || hits < least)) {
        unsigned next = smallest_shown(cells, count, ret_is_hidden);
        if (next == count) {
            return;
        }
        ret_is_hidden[next] = true;
        hidden++;
        hits += cells[next].hits;
    }
}
