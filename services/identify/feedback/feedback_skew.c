// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/clock.h"
#include "base/words.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/feedback/feedback_parts.h"

enum { AGE_UNKNOWN = PN_FEEDBACK_AGES - 1 };

static const struct {
    const char *name;
    unsigned from, until; // years, both belong to it
} age_groups[] = {
    {"0-17", 0, 17},
    {"18-29", 18, 29},
    {"30-44", 30, 44},
    {"45-64", 45, 64},
    {"65-74", 65, 74},
    {"75-", 75, AGE_UNKNOWN - 1},
    {"unknown", AGE_UNKNOWN, AGE_UNKNOWN},
};
_Static_assert(PN_ARRAY_COUNT(age_groups) == PN_FEEDBACK_AGE_GROUPS, "age groups");

static const char *const sex_names[PN_SEX_COUNT] = {"unknown", "female", "male", "other"};
static const char *const tongue_names[PN_TONGUE_COUNT] = {"unknown", "fi", "sv", "other"};
_Static_assert((int)PN_FEEDBACK_AGE_GROUPS + (int)PN_SEX_COUNT + (int)PN_TONGUE_COUNT <=
                   (int)PN_FEEDBACK_GROUPS_MAX,
               "groups");

static unsigned place_of(struct pn_slice code, const char *const *names, unsigned count)
{
    unsigned found = pn_words_find(names, count, code);
    return found < count ? found : 0;
}

enum pn_sex pn_sex_parse(struct pn_slice code)
{
    return (enum pn_sex)place_of(code, sex_names, PN_SEX_COUNT);
}

enum pn_tongue pn_tongue_parse(struct pn_slice code)
{
    return (enum pn_tongue)place_of(code, tongue_names, PN_TONGUE_COUNT);
}

const char *pn_feedback_dimension_name(enum pn_feedback_dimension dimension)
{
    static const char *const names[PN_BY_COUNT] = {"age", "sex", "language"};
    return (unsigned)dimension < PN_BY_COUNT ? names[dimension] : "";
}

const char *pn_feedback_watch_name(enum pn_feedback_watch watch)
{
    static const char *const names[] = {"", "less", "more"};
    return (unsigned)watch < PN_ARRAY_COUNT(names) ? names[watch] : "";
}

unsigned pn_feedback_age(int birth_year, int64_t to_ms)
{
    int year = 0, month = 0, day = 0;
    pn_civil_from_days(pn_local_day(to_ms - 1), &year, &month, &day);
    int age = year - birth_year;
    if (birth_year <= 0 || age < 0) {
        return AGE_UNKNOWN;
    }
    return age < (int)AGE_UNKNOWN ? (unsigned)age : AGE_UNKNOWN - 1;
}

void pn_feedback_flag(struct pn_feedback_flagged *flagged, unsigned age, enum pn_sex sex,
                      enum pn_tongue tongue)
{
    flagged->all++;
    flagged->by_age[age]++;
    flagged->by_sex[sex]++;
    flagged->by_tongue[tongue]++;
}

// Whoever's age is not known may be meant.
static bool is_meant(const struct pn_feedback_rule *rule, unsigned age)
{
    return age == AGE_UNKNOWN || (age >= (unsigned)rule->from_years &&
                                  (rule->to_years == 0 || age <= (unsigned)rule->to_years));
}

// Clients whom the rule is about, by group.
static void count_known(const struct pn_feedback_rule *rule,
                        const struct pn_feedback_people *people,
                        struct pn_feedback_flagged *ret_known)
{
    *ret_known = (struct pn_feedback_flagged){.all = 0};
    for (unsigned age = 0; age < PN_FEEDBACK_AGES; age++) {
        for (unsigned cell = 0; cell < PN_SEX_COUNT * PN_TONGUE_COUNT; cell++) {
            const unsigned sex = cell / PN_TONGUE_COUNT, tongue = cell % PN_TONGUE_COUNT;
            const int64_t count = is_meant(rule, age) ? people->by[age][sex][tongue] : 0;
            ret_known->all += count;
            ret_known->by_age[age] += count;
            ret_known->by_sex[sex] += count;
            ret_known->by_tongue[tongue] += count;
        }
    }
}

// A client may have been flagged and be known no more, or have been of another age then.
static struct pn_share share_of(int64_t flagged, int64_t known)
{
    return (struct pn_share){.hits = flagged, .of = known > flagged ? known : flagged};
}

// Of a group with few hits it is never told that it has more: that would tell that it has some.
static enum pn_feedback_watch watch_of(const struct pn_feedback_group *group,
                                       const struct pn_share *whole)
{
    if (!group->has_ratio || whole->hits < PN_FEEDBACK_WATCH_LEAST ||
        strcmp(group->name, "unknown") == 0) {
        return PN_WATCH_NONE;
    }
    if (group->ratio.high < PN_FEEDBACK_BAND_LOW) {
        return PN_WATCH_LESS;
    }
    bool is_more = group->ratio.low > PN_FEEDBACK_BAND_HIGH;
    return is_more && group->share.hits >= PN_FEEDBACK_LEAST ? PN_WATCH_MORE : PN_WATCH_NONE;
}

static void add_groups(struct pn_feedback_skew *skew, const struct pn_feedback_group *groups,
                       unsigned count)
{
    struct pn_share cells[PN_SHARE_CELLS_MAX];
    bool is_hidden[PN_SHARE_CELLS_MAX];
    for (unsigned i = 0; i < count; i++) {
        cells[i] = groups[i].share;
    }
    pn_shares_hide(cells, count, PN_FEEDBACK_LEAST, is_hidden);
    for (unsigned i = 0; i < count; i++) {
        if (cells[i].of == 0) {
            continue;
        }
        struct pn_feedback_group *group = &skew->groups[skew->group_count++];
        *group = groups[i];
        group->is_hidden = is_hidden[i];
        group->has_ratio = group->share.of < skew->whole.of && // else it is everybody
                           pn_interval_ratio(group->share, skew->whole, &group->ratio);
        group->watch = watch_of(group, &skew->whole);
        skew->watched += group->watch != PN_WATCH_NONE ? 1 : 0;
    }
}

static void add_ages(struct pn_feedback_skew *skew, const struct pn_feedback_flagged *flagged,
                     const struct pn_feedback_flagged *known)
{
    struct pn_feedback_group groups[PN_FEEDBACK_AGE_GROUPS];
    for (unsigned i = 0; i < PN_FEEDBACK_AGE_GROUPS; i++) {
        int64_t hits = 0, of = 0;
        for (unsigned age = age_groups[i].from; age <= age_groups[i].until; age++) {
            hits += flagged->by_age[age];
            of += known->by_age[age];
        }
        groups[i] = (struct pn_feedback_group){
            .dimension = PN_BY_AGE, .name = age_groups[i].name, .share = share_of(hits, of)};
    }
    add_groups(skew, groups, PN_FEEDBACK_AGE_GROUPS);
}

void pn_feedback_skew_of(const struct pn_feedback_rule *rule,
                         const struct pn_feedback_people *people, struct pn_feedback_skew *ret_skew)
{
    const struct pn_feedback_flagged *flagged = &rule->flagged;
    struct pn_feedback_flagged known;
    struct pn_feedback_group sexes[PN_SEX_COUNT], tongues[PN_TONGUE_COUNT];
    count_known(rule, people, &known);
    *ret_skew =
        (struct pn_feedback_skew){.rule = rule->id, .whole = share_of(flagged->all, known.all)};
    add_ages(ret_skew, flagged, &known);
    // What is not known stands last.
    for (unsigned i = 0; i < PN_SEX_COUNT; i++) {
        const unsigned at = (i + 1) % PN_SEX_COUNT;
        sexes[i] =
            (struct pn_feedback_group){.dimension = PN_BY_SEX,
                                       .name = sex_names[at],
                                       .share = share_of(flagged->by_sex[at], known.by_sex[at])};
    }
    add_groups(ret_skew, sexes, PN_SEX_COUNT);
    for (unsigned i = 0; i < PN_TONGUE_COUNT; i++) {
        const unsigned at = (i + 1) % PN_TONGUE_COUNT;
        tongues[i] = (struct pn_feedback_group){
            .dimension = PN_BY_LANGUAGE,
            .name = tongue_names[at],
            .share = share_of(flagged->by_tongue[at], known.by_tongue[at])};
    }
    add_groups(ret_skew, tongues, PN_TONGUE_COUNT);
}
