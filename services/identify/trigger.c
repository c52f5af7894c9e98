// SPDX-License-Identifier: Apache-2.0
#include "services/identify/trigger.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"

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

// With {count} and {threshold} put in.
static void add_text(struct pn_buf *out, const char *text, const struct pn_trigger_view *view)
{
    static const char count[] = "{count}", threshold[] = "{threshold}";
    pn_buf_add_char(out, '"');
    while (*text != '\0') {
        if (strncmp(text, count, sizeof count - 1) == 0) {
            pn_buf_printf(out, "%lld", (long long)view->finding->count);
            text += sizeof count - 1;
        } else if (strncmp(text, threshold, sizeof threshold - 1) == 0) {
            pn_buf_printf(out, "%lld", (long long)view->rule->threshold);
            text += sizeof threshold - 1;
        } else {
            add_json_char(out, *text++);
        }
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
        add_text(out, texts[i], view);
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
    add_number(out, "window-months", view->rule->window_months);
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "evaluated\",\"valueDateTime\":\"%s\"},", moment);
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "state\",\"valueCode\":\"%s\"},",
                  pn_trigger_state_name(view->state));
    pn_buf_printf(out, "{\"url\":\"" EXTENSION "class\",\"valueCode\":\"%s\"}],",
                  pn_class_name(view->finding->data_class));
}

static void add_evidence(const struct pn_trigger_view *view, struct pn_buf *out)
{
    const struct pn_finding *finding = view->finding;
    unsigned count = finding->evidence_count;
    unsigned from = count > PN_EVIDENCE_MAX ? count - PN_EVIDENCE_MAX : 0;
    if (view->state != PN_TRIGGER_RAISED || count == 0) {
        return;
    }
    pn_buf_add_str(out, ",\"evidence\":[{\"detail\":[");
    for (unsigned i = from; i < count; i++) {
        const struct pn_fact_entry *fact = &view->facts[finding->evidence[i]];
        char id[PN_UUID_TEXT_BYTES];
        pn_uuid_print(fact->id, id);
        pn_buf_add_str(out, i == from ? "{\"reference\":\"" : ",{\"reference\":\"");
        pn_buf_add_str(out, pn_fact_type_name(fact->resource_type));
        pn_buf_add_char(out, '/');
        pn_buf_add(out, id, sizeof id - 1);
        pn_buf_add_str(out, "\"}");
    }
    pn_buf_add_str(out, "]}]");
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
    add_text(out, view->rule->title[PN_LANGUAGE_FI], view);
    pn_buf_add_str(out, ",\"_display\":");
    add_translations(out, view->rule->title, view);
    pn_buf_printf(out,
                  "}]},\"patient\":{\"reference\":\"Patient/%s\"},"
                  "\"identifiedDateTime\":\"%s\"",
                  view->client_key, raised);
    add_evidence(view, out);
    pn_buf_add_str(out, ",\"detail\":");
    add_text(out, view->rule->explanation[PN_LANGUAGE_FI], view);
    pn_buf_add_str(out, ",\"_detail\":");
    add_translations(out, view->rule->explanation, view);
    pn_buf_add_char(out, '}');
}
