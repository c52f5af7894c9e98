// SPDX-License-Identifier: Apache-2.0
/*
 * Scores of questionnaires (`score`): items' answers → one number. Internal to lib/map.
 *
 * Arithmetic is exact, on fractions; a number is rounded (half up) only where the score says so:
 * once when it is printed, and with `whole` before and after it is put on another scale, which is
 * how WHO's table for WHOQOL-BREF was made.
 */
#ifndef PN_MAP_SCORE_H
#define PN_MAP_SCORE_H

#include "map/model.h"

enum {
    PN_MAP_SCORE_ITEMS_MAX = 200,
    PN_MAP_SCORE_NUMBER_MAX = 1000000, // of an answer, a factor, an end of a scale
    PN_MAP_SCORE_PLACES_MAX = 6
};

// The arithmetic, apart from where the answers come from.
struct pn_map_score_rule {
    bool is_sum; // else the mean
    int64_t times;
    bool has_scale;
    int64_t from[2], to[2]; // from[0] becomes to[0], from[1] becomes to[1]
    bool is_whole;
    unsigned places; // after the point, at most
};

struct pn_map_score_items {
    const struct pn_slice *names;
    unsigned count;
    unsigned missing_at_most;
};

struct pn_map_score {
    const struct pn_map_path *each;
    struct pn_map_value key, answer; // of one of them
    struct pn_map_score_items items; // that are counted
    struct pn_map_score_items of;    // the whole form; count 0: not asked
    const struct pn_slice *reversed; // of the items
    unsigned reversed_count;
    int64_t reverse_from; // an answer becomes reverse_from - answer
    const struct pn_map_condition *reverse_when;
    bool has_range;
    int64_t least, most;
    struct pn_map_score_rule rule;
};

// `count` is at least 1. The text has room for any number within the bounds.
enum { PN_MAP_SCORE_TEXT_BYTES = 48 };
void pn_map_score_number(const struct pn_map_score_rule *rule, const int64_t *answers,
                         unsigned count, char ret_text[static PN_MAP_SCORE_TEXT_BYTES]);

#endif
