// SPDX-License-Identifier: Apache-2.0
#include "services/identify/trigger.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "services/identify/lanes.h"

#define EXTENSION "https://punos.fi/fhir/StructureDefinition/trigger-"

void pn_trigger_id(const char *client_key, const char *rule_id,
                   char ret_id[static PN_UUID_TEXT_BYTES])
{
    const struct pn_slice parts[] = {pn_slice_str(client_key), pn_slice_str(rule_id)};
    pn_uuid5("trigger", parts, PN_ARRAY_COUNT(parts), ret_id);
}

// --- Texts ---------------------------------------------------------------------------------------

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

static const struct pn_leaf_finding *headline_of(const struct pn_trigger_view *view)
{
    for (unsigned i = 0; i < view->finding->leaf_count; i++) {
        if (view->finding->leaves[i].node == view->rule->headline) {
            return &view->finding->leaves[i];
        }
    }
    return NULL;
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

enum place { PLACE_COUNT, PLACE_THRESHOLD, PLACE_NOT_WITH, PLACE_SINCE, PLACE_LAPSES, PLACES };

static void add_place(struct pn_buf *out, enum place place, enum pn_language language,
                      const struct pn_trigger_view *view)
{
    const struct pn_leaf_finding *leaf = headline_of(view);
    switch (place) {
    case PLACE_COUNT:
        pn_buf_printf(out, "%lld", (long long)view->finding->count);
        break;
    case PLACE_THRESHOLD:
        pn_buf_printf(out, "%lld", (long long)view->rule->threshold);
        break;
    case PLACE_NOT_WITH:
        pn_buf_printf(out, "%lld", (long long)(leaf == NULL ? 0 : leaf->not_with));
        break;
    case PLACE_SINCE:
        add_day(out, view->finding->since_ms, language);
        break;
    case PLACE_LAPSES:
        add_day(out, view->finding->lapses_ms, language);
        break;
    case PLACES:
        break;
    }
}

// With the places put in; without quotes.
static void add_filled(struct pn_buf *out, const char *text, enum pn_language language,
                       const struct pn_trigger_view *view)
{
    static const char *const places[PLACES] = {"{count}", "{threshold}", "{not_with}", "{since}",
                                               "{lapses}"};
    while (*text != '\0') {
        unsigned place = 0;
        while (place < PLACES && strncmp(text, places[place], strlen(places[place])) != 0) {
            place++;
        }
        if (place < PLACES) {
            add_place(out, (enum place)place, language, view);
            text += strlen(places[place]);
        } else {
            add_json_char(out, *text++);
        }
    }
}

// What is said in a language: the rule's text, and of its explanation what would end it.
static void add_text(struct pn_buf *out, const char *const texts[PN_LANGUAGE_COUNT],
                     enum pn_language language, const struct pn_trigger_view *view)
{
    static const char *const not_with[] = {" Ehto ei täyttyisi, jos määrä olisi {not_with}.",
                                           " Villkoret skulle inte uppfyllas med {not_with}.",
                                           " It would not hold with {not_with}."};
    static const char *const lapses[] = {" Raukeaa {lapses}, ellei uutta tule.",
                                         " Upphör {lapses} om inget nytt kommer.",
                                         " It lapses on {lapses} if nothing more comes."};
    const struct pn_leaf_finding *leaf = headline_of(view);
    const bool is_whole = texts == view->rule->explanation && view->state == PN_TRIGGER_RAISED;
    pn_buf_add_char(out, '"');
    add_filled(out, texts[language], language, view);
    if (is_whole && leaf != NULL && leaf->not_with > 0) {
        add_filled(out, not_with[language], language, view);
    }
    if (is_whole && view->finding->lapses_ms != 0) {
        add_filled(out, lapses[language], language, view);
    }
    if (is_whole && view->rule->advice[language] != NULL) {
        pn_buf_add_char(out, ' ');
        add_filled(out, view->rule->advice[language], language, view);
    }
    pn_buf_add_char(out, '"');
}

// FHIR's translation extension, for Swedish and English.
static void add_translations(struct pn_buf *out, const char *const texts[PN_LANGUAGE_COUNT],
                             const struct pn_trigger_view *view)
{
    static const char *const codes[] = {"fi", "sv", "en"};
    pn_buf_add_str(out, "{\"extension\":[");
    for (unsigned i = PN_LANGUAGE_SV; i < PN_LANGUAGE_COUNT; i++) {
        pn_buf_printf(out,
                      "%s{\"url\":\"http://hl7.org/fhir/StructureDefinition/translation\","
                      "\"extension\":[{\"url\":\"lang\",\"valueCode\":\"%s\"},"
                      "{\"url\":\"content\",\"valueString\":",
                      i == PN_LANGUAGE_SV ? "" : ",", codes[i]);
        add_text(out, texts, (enum pn_language)i, view);
        pn_buf_add_str(out, "}]}");
    }
    pn_buf_add_str(out, "]}");
}

// --- Parts ---------------------------------------------------------------------------------------

static void add_number(struct pn_buf *out, const char *name, int64_t number)
{
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "%s\",\"valueInteger\":%lld},", name,
                  (long long)number);
}

// What each condition counted, what it needs, and when it ends by itself.
static void add_conditions(const struct pn_trigger_view *view, struct pn_buf *out)
{
    char lapses[PN_TIME_TEXT_BYTES];
    for (unsigned i = 0; i < view->finding->leaf_count; i++) {
        const struct pn_leaf_finding *leaf = &view->finding->leaves[i];
        pn_buf_printf(out,
                      "{\"url\":\"" EXTENSION
                      "condition\",\"extension\":[{\"url\":\"kind\",\"valueCode\":\"%s\"},"
                      "{\"url\":\"holds\",\"valueBoolean\":%s},"
                      "{\"url\":\"value\",\"valueInteger\":%lld},"
                      "{\"url\":\"threshold\",\"valueInteger\":%lld}",
                      pn_node_kind_name(view->rule->nodes[leaf->node].kind),
                      leaf->holds ? "true" : "false", (long long)leaf->value,
                      (long long)leaf->threshold);
        if (leaf->not_with >= 0) {
            pn_buf_printf(out, ",{\"url\":\"not-with\",\"valueInteger\":%lld}",
                          (long long)leaf->not_with);
        }
        if (leaf->lapses_ms != 0) {
            pn_time_format(leaf->lapses_ms, lapses);
            pn_buf_printf(out, ",{\"url\":\"lapses\",\"valueDateTime\":\"%s\"}", lapses);
        }
        pn_buf_add_str(out, "]},");
    }
}

static void add_extensions(const struct pn_trigger_view *view, struct pn_buf *out)
{
    char lapses[PN_TIME_TEXT_BYTES], since[PN_TIME_TEXT_BYTES], moment[PN_TIME_TEXT_BYTES];
    pn_time_format(view->moment_ms, moment);
    pn_buf_add_str(out, "\"extension\":[");
    add_number(out, "count", view->finding->count);
    add_number(out, "threshold", view->rule->threshold);
    if (view->state == PN_TRIGGER_RAISED) {
        // The counterfactual: so many fewer, and it would not hold.
        add_number(out, "margin", view->finding->count - view->rule->lapse_below + 1);
        pn_time_format(view->finding->since_ms, since);
        pn_buf_printf(out, "{\"url\":\"" EXTENSION "since\",\"valueDateTime\":\"%s\"},", since);
    }
    if (view->state == PN_TRIGGER_RAISED && view->finding->lapses_ms != 0) {
        pn_time_format(view->finding->lapses_ms, lapses);
        pn_buf_printf(out, "{\"url\":\"" EXTENSION "lapses\",\"valueDateTime\":\"%s\"},", lapses);
    }
    if (view->state == PN_TRIGGER_RAISED) {
        add_conditions(view, out);
    }
    if (view->rule->window_months > 0) {
        add_number(out, "window-months", view->rule->window_months);
    }
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "evaluated\",\"valueDateTime\":\"%s\"},", moment);
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "state\",\"valueCode\":\"%s\"},",
                  pn_trigger_state_name(view->state));
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "class\",\"valueCode\":\"%s\"}],",
                  pn_class_name(view->finding->data_class));
}

static void add_reference(const struct pn_fact_entry *fact, bool is_first, struct pn_buf *out)
{
    char id[PN_UUID_TEXT_BYTES];
    pn_uuid_print(fact->id, id);
    pn_buf_add_str(out, is_first ? "{\"reference\":\"" : ",{\"reference\":\"");
    pn_buf_add_str(out, pn_fact_type_name(fact->resource_type));
    pn_buf_add_char(out, '/');
    pn_buf_add(out, id, sizeof id - 1);
    pn_buf_add_str(out, "\"}");
}

// One evidence for each condition that counted something, in the order of the conditions.
static void add_evidence(const struct pn_trigger_view *view, struct pn_buf *out)
{
    const struct pn_finding *finding = view->finding;
    unsigned count = finding->evidence_count;
    unsigned from = count > PN_EVIDENCE_MAX ? count - PN_EVIDENCE_MAX : 0;
    bool is_begun = false;
    for (unsigned l = 0; view->state == PN_TRIGGER_RAISED && l < finding->leaf_count; l++) {
        bool is_first = true;
        for (unsigned i = from; i < count; i++) {
            if ((finding->evidence_leaves[i] & 1U << l) == 0) {
                continue;
            }
            if (is_first) {
                pn_buf_printf(out,
                              "%s{\"code\":[{\"coding\":[{\"system\":\"https://punos.fi/fhir/"
                              "CodeSystem/rule-condition\",\"code\":\"%s\"}]}],\"detail\":[",
                              is_begun ? "," : ",\"evidence\":[",
                              pn_node_kind_name(view->rule->nodes[finding->leaves[l].node].kind));
            }
            add_reference(&view->facts[finding->evidence[i]], is_first, out);
            is_first = false;
        }
        is_begun = is_begun || !is_first;
        pn_buf_add_str(out, is_first ? "" : "]}");
    }
    pn_buf_add_str(out, is_begun ? "]" : "");
}

// ObservationStatus: a suggestion stands, was amended, is over, or should never have been.
static const char *status_of(const struct pn_trigger_view *view)
{
    switch (view->state) {
    case PN_TRIGGER_LAPSED:
        return "cancelled";
    case PN_TRIGGER_RETRACTED:
        return "entered-in-error";
    case PN_TRIGGER_RAISED:
        break;
    }
    return view->is_change ? "amended" : "final";
}

void pn_trigger_print(const struct pn_trigger_view *view, struct pn_buf *out)
{
    char raised[PN_TIME_TEXT_BYTES];
    pn_time_format(view->raised_ms, raised);
    pn_buf_printf(out, "{\"resourceType\":\"DetectedIssue\",\"id\":\"%s\",", view->id);
    add_extensions(view, out);
    pn_buf_printf(out,
                  "\"status\":\"%s\",\"code\":{\"coding\":[{\"system\":"
                  "\"https://punos.fi/fhir/CodeSystem/rule\",\"version\":\"%lld\",\"code\":\"%s\","
                  "\"display\":",
                  status_of(view), (long long)view->rule->version, view->rule->id);
    add_text(out, view->rule->title, PN_LANGUAGE_FI, view);
    pn_buf_add_str(out, ",\"_display\":");
    add_translations(out, view->rule->title, view);
    pn_buf_printf(out,
                  "}]},\"patient\":{\"reference\":\"Patient/%s\"},"
                  "\"identifiedDateTime\":\"%s\"",
                  view->client_key, raised);
    add_evidence(view, out);
    pn_buf_add_str(out, ",\"detail\":");
    add_text(out, view->rule->explanation, PN_LANGUAGE_FI, view);
    pn_buf_add_str(out, ",\"_detail\":");
    add_translations(out, view->rule->explanation, view);
    pn_buf_add_char(out, '}');
}
