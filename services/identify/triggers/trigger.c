// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/trigger.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "services/identify/triggers/trigger_text.h"

#define EXTENSION "https://punos.fi/fhir/StructureDefinition/trigger-"
#define COMPLETENESS "https://punos.fi/fhir/StructureDefinition/completeness"

enum { TOLD_SOURCES_MAX = 32 }; // in one DetectedIssue

void pn_trigger_id(const char *client_key, const char *rule_id,
                   char ret_id[static PN_UUID_TEXT_BYTES])
{
    const struct pn_slice parts[] = {pn_slice_str(client_key), pn_slice_str(rule_id)};
    pn_uuid5("trigger", parts, PN_ARRAY_COUNT(parts), ret_id);
}

// --- Protection ----------------------------------------------------------------------------------

void pn_trigger_add_labels(uint32_t classes, struct pn_buf *out)
{
    bool is_first = true;
    for (unsigned i = PN_CLASS_ORDINARY + 1; i < PN_CLASS_COUNT; i++) {
        if ((classes >> i & 1) != 0) {
            pn_buf_printf(out, "%s{\"system\":\"" PN_DATA_CLASS_SYSTEM "\",\"code\":\"%s\"}",
                          is_first ? "\"meta\":{\"security\":[" : ",",
                          pn_class_name((enum pn_data_class)i));
            is_first = false;
        }
    }
    pn_buf_add_str(out, is_first ? "" : "]},");
}

// --- Parts ---------------------------------------------------------------------------------------

// FHIR's translation extension, for Swedish and English.
static void add_translations(struct pn_buf *out, const char *const texts[PN_LANGUAGE_COUNT],
                             const struct pn_trigger_view *view)
{
    pn_buf_add_str(out, "{\"extension\":[");
    for (unsigned i = PN_LANGUAGE_SV; i < PN_LANGUAGE_COUNT; i++) {
        pn_buf_printf(out,
                      "%s{\"url\":\"http://hl7.org/fhir/StructureDefinition/translation\","
                      "\"extension\":[{\"url\":\"lang\",\"valueCode\":\"%s\"},"
                      "{\"url\":\"content\",\"valueString\":",
                      i == PN_LANGUAGE_SV ? "" : ",", pn_language_code((enum pn_language)i));
        pn_trigger_text(out, texts, (enum pn_language)i, view);
        pn_buf_add_str(out, "}]}");
    }
    pn_buf_add_str(out, "]}");
}

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
                      "{\"url\":\"threshold\",\"valueInteger\":%lld}",
                      pn_node_kind_name(view->rule->nodes[leaf->node].kind),
                      leaf->holds ? "true" : "false", (long long)leaf->threshold);
        if (view->rule->nodes[leaf->node].kind == PN_NODE_TREND) {
            pn_buf_add_str(out, ",{\"url\":\"factor\",\"valueDecimal\":");
            pn_trigger_add_hundredths(out, view->rule->nodes[leaf->node].factor_hundredths, '.');
            pn_buf_add_char(out, '}');
        }
        if (!leaf->is_withheld) {
            pn_buf_printf(out, ",{\"url\":\"value\",\"valueInteger\":%lld}",
                          (long long)leaf->value);
        }
        if (leaf->not_with >= 0) {
            pn_buf_printf(out, ",{\"url\":\"not-with\",\"valueInteger\":%lld}",
                          (long long)leaf->not_with);
        }
        if (leaf->holds_with >= 0) {
            pn_buf_printf(out, ",{\"url\":\"holds-with\",\"valueInteger\":%lld}",
                          (long long)leaf->holds_with);
        }
        if (leaf->lapses_ms != 0) {
            pn_time_format(leaf->lapses_ms, lapses);
            pn_buf_printf(out, ",{\"url\":\"lapses\",\"valueDateTime\":\"%s\"}", lapses);
        }
        pn_buf_add_str(out, "]},");
    }
}

// The systems that feed what the rule counts, and which of them and of their units are silent.
static void add_sources(const struct pn_trigger_view *view, struct pn_buf *out)
{
    char since[PN_TIME_TEXT_BYTES];
    unsigned told = 0;
    for (unsigned i = 0; view->sources != NULL && i < view->sources->count; i++) {
        const struct pn_source *source = &view->sources->items[i];
        bool is_silent = source->silent_since_ms != 0;
        if ((source->kinds == 0 && !is_silent) || told == TOLD_SOURCES_MAX ||
            !pn_source_feeds(view->sources, i, view->rule)) {
            continue;
        }
        told++;
        pn_buf_add_str(out, "{\"url\":\"" COMPLETENESS "\",\"extension\":[{\"url\":\"source\","
                            "\"valueUri\":\"");
        pn_trigger_escape(out, pn_slice_str(source->name));
        pn_buf_printf(out, "\"},{\"url\":\"silent\",\"valueBoolean\":%s}",
                      is_silent ? "true" : "false");
        if (is_silent) {
            pn_time_format(source->silent_since_ms, since);
            pn_buf_printf(out, ",{\"url\":\"silentSince\",\"valueInstant\":\"%s\"}", since);
        }
        pn_buf_add_str(out, "]},");
    }
}

// Of a rule that nearly holds: how nearly, and since when it may not rise.
static void add_nearness(const struct pn_trigger_view *view, struct pn_buf *out)
{
    char again[PN_TIME_TEXT_BYTES];
    add_number(out, "nearness", view->finding->nearness);
    if (view->finding->again_ms != 0) {
        pn_time_format(view->finding->again_ms, again);
        pn_buf_printf(out, "{\"url\":\"" EXTENSION "rests-until\",\"valueDateTime\":\"%s\"},",
                      again);
    }
}

static void add_classes(uint32_t classes, struct pn_buf *out)
{
    for (unsigned i = PN_CLASS_ORDINARY; i < PN_CLASS_COUNT; i++) {
        if (i == PN_CLASS_ORDINARY ? classes == 0 : (classes >> i & 1) != 0) {
            pn_buf_printf(out, "{\"url\":\"" EXTENSION "class\",\"valueCode\":\"%s\"},",
                          pn_class_name((enum pn_data_class)i));
        }
    }
}

static void add_extensions(const struct pn_trigger_view *view, struct pn_buf *out)
{
    char lapses[PN_TIME_TEXT_BYTES], since[PN_TIME_TEXT_BYTES], moment[PN_TIME_TEXT_BYTES];
    const bool is_raised = !view->is_near && view->state == PN_TRIGGER_RAISED;
    pn_time_format(view->moment_ms, moment);
    pn_buf_add_str(out, "\"extension\":[");
    add_number(out, "count", view->finding->count);
    add_number(out, "threshold", view->rule->threshold);
    if (is_raised) {
        // The counterfactual: so many fewer, and it would not hold.
        add_number(out, "margin", view->finding->count - view->rule->lapse_below + 1);
        pn_time_format(view->finding->since_ms, since);
        pn_buf_printf(out, "{\"url\":\"" EXTENSION "since\",\"valueDateTime\":\"%s\"},", since);
    }
    if (is_raised && view->finding->lapses_ms != 0) {
        pn_time_format(view->finding->lapses_ms, lapses);
        pn_buf_printf(out, "{\"url\":\"" EXTENSION "lapses\",\"valueDateTime\":\"%s\"},", lapses);
    }
    if (view->is_near) {
        add_nearness(view, out);
    }
    if (is_raised || view->is_near) {
        add_conditions(view, out);
    }
    add_sources(view, out);
    if (view->rule->window_months > 0) {
        add_number(out, "window-months", view->rule->window_months);
    }
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "evaluated\",\"valueDateTime\":\"%s\"},", moment);
    add_classes(view->classes, out);
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "state\",\"valueCode\":\"%s\"}],",
                  view->is_near ? "near" : pn_trigger_state_name(view->state));
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
    for (unsigned l = 0; l < finding->leaf_count; l++) {
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

// ObservationStatus: a suggestion stands, was amended, is over, or should never have been; or may
// come to be.
static const char *status_of(const struct pn_trigger_view *view)
{
    if (view->is_near) {
        return "preliminary";
    }
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
    pn_trigger_add_labels(view->classes, out);
    add_extensions(view, out);
    pn_buf_printf(out,
                  "\"status\":\"%s\",\"code\":{\"coding\":[{\"system\":"
                  "\"https://punos.fi/fhir/CodeSystem/rule\",\"version\":\"%lld\",\"code\":\"%s\","
                  "\"display\":",
                  status_of(view), (long long)view->rule->version, view->rule->id);
    pn_trigger_text(out, view->rule->title, PN_LANGUAGE_FI, view);
    pn_buf_add_str(out, ",\"_display\":");
    add_translations(out, view->rule->title, view);
    pn_buf_printf(out,
                  "}]},\"patient\":{\"reference\":\"Patient/%s\"},"
                  "\"identifiedDateTime\":\"%s\"",
                  view->client_key, raised);
    if (view->is_near || view->state == PN_TRIGGER_RAISED) {
        add_evidence(view, out);
    }
    pn_buf_add_str(out, ",\"detail\":");
    pn_trigger_text(out, view->rule->explanation, PN_LANGUAGE_FI, view);
    pn_buf_add_str(out, ",\"_detail\":");
    add_translations(out, view->rule->explanation, view);
    pn_buf_add_char(out, '}');
}
