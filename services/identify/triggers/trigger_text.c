// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/trigger_text.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/words.h"
#include "services/identify/evaluate/calendar.h"

enum { NAMED_SOURCES_MAX = 8 }; // in words; the data has them all

static void add_json_char(struct pn_buf *out, char c)
{
    if (c == '"' || c == '\\') {
        pn_buf_add_char(out, '\\');
        pn_buf_add_char(out, c);
    } else if ((unsigned char)c < ' ') {
        pn_buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
    } else {
        pn_buf_add_char(out, c);
    }
}

void pn_trigger_escape(struct pn_buf *out, struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        add_json_char(out, text.ptr[i]);
    }
}

static void add_day(struct pn_buf *out, int64_t time_ms, enum pn_language language)
{
    int year = 0, month = 0, day = 0;
    pn_civil_from_days(pn_local_day(time_ms), &year, &month, &day);
    if (language == PN_LANGUAGE_EN) {
        pn_buf_printf(out, "%04d-%02d-%02d", year, month, day);
    } else {
        pn_buf_printf(out, "%d.%d.%d", day, month, year);
    }
}

// --- Places in a rule's text ---------------------------------------------------------------------

// Of the nearest leaf: what it has now, and with what the rule would hold.
enum place {
    PLACE_COUNT,
    PLACE_THRESHOLD,
    PLACE_NOT_WITH,
    PLACE_SINCE,
    PLACE_LAPSES,
    PLACE_NOW,
    PLACE_HOLDS_WITH,
    PLACE_FACTOR, // of the rule's first trend
    PLACES
};

static const struct pn_leaf_finding *headline_of(const struct pn_trigger_view *view)
{
    for (unsigned i = 0; i < view->finding->leaf_count; i++) {
        if (view->finding->leaves[i].node == view->rule->headline) {
            return &view->finding->leaves[i];
        }
    }
    return NULL;
}

// The leaf that misses least of what would make the rule hold.
static const struct pn_leaf_finding *nearest_leaf(const struct pn_trigger_view *view)
{
    const struct pn_leaf_finding *nearest = NULL;
    for (unsigned i = 0; i < view->finding->leaf_count; i++) {
        const struct pn_leaf_finding *leaf = &view->finding->leaves[i];
        if (leaf->holds_with >= 0 &&
            (nearest == NULL ||
             leaf->holds_with - leaf->value < nearest->holds_with - nearest->value)) {
            nearest = leaf;
        }
    }
    return nearest;
}

// Whether the rule can't hold without its headline.
static bool headline_decides(const struct pn_rule *rule)
{
    bool decides = true;
    for (unsigned i = 0; i < rule->headline && i < rule->node_count; i++) {
        const struct pn_node *node = &rule->nodes[i];
        decides = decides && (node->end <= rule->headline || node->kind == PN_NODE_ALL);
    }
    return decides;
}

// With this number of the headline the rule would not hold; -1: there is no such number.
static int64_t not_with(const struct pn_trigger_view *view)
{
    const struct pn_leaf_finding *leaf = headline_of(view);
    if (leaf != NULL) {
        return leaf->not_with;
    }
    return view->finding->holds && headline_decides(view->rule) ? view->rule->lapse_below - 1 : -1;
}

// In hundredths; -1: the rule has no trend.
static int64_t factor_of(const struct pn_rule *rule)
{
    for (unsigned i = 0; i < rule->node_count; i++) {
        if (rule->nodes[i].kind == PN_NODE_TREND) {
            return rule->nodes[i].factor_hundredths;
        }
    }
    return -1;
}

void pn_trigger_add_hundredths(struct pn_buf *out, int64_t hundredths, char mark)
{
    pn_buf_printf(out, "%lld", (long long)(hundredths / 100));
    const int decimals = (int)(hundredths % 100);
    if (decimals % 10 != 0) {
        pn_buf_printf(out, "%c%02d", mark, decimals);
    } else if (decimals != 0) {
        pn_buf_printf(out, "%c%d", mark, decimals / 10);
    }
}

// -1: there is none; 0 for a time.
static int64_t number_of(const struct pn_trigger_view *view, enum place place)
{
    const struct pn_leaf_finding *nearest = nearest_leaf(view);
    switch (place) {
    case PLACE_COUNT:
        return view->finding->count;
    case PLACE_THRESHOLD:
        return view->rule->threshold;
    case PLACE_NOT_WITH:
        return not_with(view);
    case PLACE_NOW:
        return nearest == NULL ? 0 : nearest->value;
    case PLACE_HOLDS_WITH:
        return nearest == NULL ? 0 : nearest->holds_with;
    case PLACE_SINCE:
    case PLACE_LAPSES:
    case PLACES:
        break;
    case PLACE_FACTOR:
        return factor_of(view->rule);
    }
    return 0;
}

static void add_place(struct pn_buf *out, enum place place, enum pn_language language,
                      const struct pn_trigger_view *view)
{
    const bool is_day = place == PLACE_SINCE || place == PLACE_LAPSES;
    const int64_t day_ms =
        place == PLACE_SINCE ? view->finding->since_ms : view->finding->lapses_ms;
    const int64_t number = number_of(view, place);
    if (is_day ? day_ms == 0 : number < 0) {
        pn_buf_add_str(out, "–");
    } else if (is_day) {
        add_day(out, day_ms, language);
    } else if (place == PLACE_FACTOR) {
        pn_trigger_add_hundredths(out, number, language == PN_LANGUAGE_EN ? '.' : ',');
    } else {
        pn_buf_printf(out, "%lld", (long long)number);
    }
}

// Fills what begins with `{` and returns what follows; NULL when it is no place.
static const char *fill(struct pn_buf *out, const char *text, enum pn_language language,
                        const struct pn_trigger_view *view)
{
    static const char *const names[PLACES] = {"count",  "threshold", "not_with",   "since",
                                              "lapses", "now",       "holds_with", "factor"};
    struct pn_slice inside = pn_slice_of(text + 1, strcspn(text + 1, "}"));
    struct pn_slice one = {0}, many = {0};
    struct pn_slice name = pn_slice_split(inside, '|', &one);
    unsigned place = pn_words_find(names, PLACES, name);
    if (place == PLACES || text[1 + inside.len] != '}') {
        return NULL;
    }
    if (name.len == inside.len) {
        add_place(out, (enum place)place, language, view);
    } else {
        one = pn_slice_split(one, '|', &many);
        bool is_one = number_of(view, (enum place)place) == 1;
        pn_trigger_escape(out, is_one ? one : many);
    }
    return text + inside.len + 2;
}

static void add_filled(struct pn_buf *out, const char *text, enum pn_language language,
                       const struct pn_trigger_view *view)
{
    while (*text != '\0') {
        const char *rest = *text == '{' ? fill(out, text, language, view) : NULL;
        if (rest == NULL) {
            add_json_char(out, *text++);
        } else {
            text = rest;
        }
    }
}

// --- What follows an explanation -----------------------------------------------------------------

static void add_end(struct pn_buf *out, enum pn_language language,
                    const struct pn_trigger_view *view)
{
    static const char *const kept[] = {
        " Ehto on täyttynyt aiemmin ja pysyy voimassa, kunnes määrä on pienempi kuin ",
        " Villkoren har uppfyllts tidigare och gäller tills antalet är mindre än ",
        " It was met before, and holds until the number is less than "};
    static const char *const without[] = {" Ehto ei täyttyisi, jos määrä olisi {not_with}.",
                                          " Villkoret skulle inte uppfyllas med {not_with}.",
                                          " It would not hold with {not_with}."};
    static const char *const lapses[] = {" Raukeaa {lapses}, ellei uutta tule.",
                                         " Upphör {lapses} om inget nytt kommer.",
                                         " It lapses on {lapses} if nothing more comes."};
    const int64_t number = not_with(view);
    const bool is_kept = view->finding->count < view->rule->threshold; // by its lower threshold
    if (number > 0 && is_kept) {
        add_filled(out, kept[language], language, view);
        pn_buf_printf(out, "%lld.", (long long)number + 1);
    } else if (number > 0) {
        add_filled(out, without[language], language, view);
    }
    if (view->finding->lapses_ms != 0) {
        add_filled(out, lapses[language], language, view);
    }
}

static void add_near(struct pn_buf *out, enum pn_language language,
                     const struct pn_trigger_view *view)
{
    static const char *const rests[] = {" Ehto täyttyy, mutta sääntö on tauolla ",
                                        " Villkoret uppfylls, men regeln vilar till ",
                                        " It is met, but the rule rests until "};
    static const char *const one_more[] = {" Yksi lisää täyttäisi ehdon.",
                                           " En till skulle uppfylla villkoret.",
                                           " One more would meet it."};
    static const char *const with[] = {" Ehto täyttyisi, jos määrä olisi {holds_with}.",
                                       " Villkoret skulle uppfyllas med {holds_with}.",
                                       " It would be met with {holds_with}."};
    static const char *const also[] = {" Lisäksi tarvitaan {holds_with}; nyt on {now}.",
                                       " Dessutom behövs {holds_with}; nu finns {now}.",
                                       " It also needs {holds_with}; there is {now} now."};
    const struct pn_leaf_finding *leaf = nearest_leaf(view);
    if (view->finding->again_ms != 0) {
        pn_buf_add_str(out, rests[language]);
        add_day(out, view->finding->again_ms, language);
        pn_buf_add_str(out, language == PN_LANGUAGE_FI ? " asti." : ".");
    } else if (leaf != NULL && leaf != headline_of(view)) {
        add_filled(out, also[language], language, view);
    } else if (leaf != NULL && leaf->holds_with == leaf->value + 1) {
        pn_buf_add_str(out, one_more[language]);
    } else if (leaf != NULL) {
        add_filled(out, with[language], language, view);
    }
}

// "/adapter/oberon/PPK1" → "oberon/PPK1".
static struct pn_slice short_name(const struct pn_source *source)
{
    static const char prefix[] = "/adapter/";
    struct pn_slice name = pn_slice_str(source->name);
    size_t length = sizeof prefix - 1;
    return pn_slice_starts_with(name, prefix) ? pn_slice_of(name.ptr + length, name.len - length)
                                              : name;
}

static void add_silent(struct pn_buf *out, enum pn_language language,
                       const struct pn_trigger_view *view)
{
    static const char *const begin[][2] = {{" Lähde on hiljaa: ", " Lähteet ovat hiljaa: "},
                                           {" Källan är tyst: ", " Källorna är tysta: "},
                                           {" A source is silent: ", " Sources are silent: "}};
    static const char *const since[] = {"", " sedan ", " since "};
    static const char *const ends[] = {". Määrä voi olla suurempi.", ". Antalet kan vara större.",
                                       ". The number may be greater."};
    unsigned silent[PN_SOURCES_MAX], count = 0;
    for (unsigned i = 0; view->sources != NULL && i < view->sources->count; i++) {
        if (view->sources->items[i].silent_since_ms != 0 &&
            pn_source_feeds(view->sources, i, view->rule)) {
            silent[count++] = i;
        }
    }
    if (count == 0) {
        return;
    }
    pn_buf_add_str(out, begin[language][count > 1]);
    for (unsigned i = 0; i < count && i < NAMED_SOURCES_MAX; i++) {
        const struct pn_source *source = &view->sources->items[silent[i]];
        pn_buf_add_str(out, i == 0 ? "" : ", ");
        pn_trigger_escape(out, short_name(source));
        pn_buf_add_str(out, language == PN_LANGUAGE_FI ? " " : since[language]);
        add_day(out, source->silent_since_ms, language);
        pn_buf_add_str(out, language == PN_LANGUAGE_FI ? " alkaen" : "");
    }
    pn_buf_add_str(out, count > NAMED_SOURCES_MAX ? " …" : "");
    pn_buf_add_str(out, ends[language]);
}

void pn_trigger_text(struct pn_buf *out, const char *const texts[PN_LANGUAGE_COUNT],
                     enum pn_language language, const struct pn_trigger_view *view)
{
    const bool is_explanation = texts == view->rule->explanation;
    const bool is_raised = !view->is_near && view->state == PN_TRIGGER_RAISED;
    pn_buf_add_char(out, '"');
    add_filled(out, texts[language], language, view);
    if (is_explanation && view->is_near) {
        add_near(out, language, view);
    }
    if (is_explanation && is_raised) {
        add_end(out, language, view);
    }
    if (is_explanation && view->state != PN_TRIGGER_RETRACTED) {
        add_silent(out, language, view);
    }
    if (is_explanation && is_raised && view->rule->advice[language] != NULL) {
        pn_buf_add_char(out, ' ');
        add_filled(out, view->rule->advice[language], language, view);
    }
    pn_buf_add_char(out, '"');
}
