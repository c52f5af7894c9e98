// SPDX-License-Identifier: Apache-2.0
/*
 * CDS Hooks 2.0, sections "Card Attributes", "Source", "Suggestion" and "Link". The card is neutral
 * and says what was counted; it decides nothing.
 */
#include <stdio.h>
#include <string.h>

#include "base/ids.h"
#include "base/log.h"
#include "fhir/json.h"
#include "services/api/cds.h"
#include "services/api/trigger_view.h"
#include "services/identify/worklist/teams.h"

// The card's: one of Accept-Language, in its order (RFC 9110 12.5.4; weights are not looked at).
static enum pn_language language_of(const struct pn_call *call)
{
    struct pn_slice rest = pn_http_header(call->exchange, "Accept-Language");
    while (rest.len > 0) {
        struct pn_slice one = pn_slice_trim(pn_slice_split(rest, ',', &rest));
        for (unsigned i = 0; i < PN_LANGUAGE_COUNT; i++) {
            if (one.len >= 2 && pn_slice_is_nocase(pn_slice_of(one.ptr, 2),
                                                   pn_language_code((enum pn_language)i))) {
                return (enum pn_language)i;
            }
        }
    }
    return PN_LANGUAGE_FI;
}

void pn_cds_suggestion_id(struct pn_slice card_id, char ret_id[static PN_UUID_TEXT_BYTES])
{
    pn_uuid5("cds-suggestion", &card_id, 1, ret_id);
}

// --- Words ---------------------------------------------------------------------------------------

static void add_markdown(struct pn_buf *out, struct pn_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("\\`*_[]<>#", text.ptr[i]) != NULL && text.ptr[i] != '\0') {
            pn_buf_add_char(out, '\\');
        }
        pn_buf_add_char(out, text.ptr[i]);
    }
}

// The issue's explanation: `detail` is Finnish, the others are its translations.
static struct pn_slice explanation_of(const cJSON *issue, enum pn_language language)
{
    const cJSON *translation = NULL;
    cJSON_ArrayForEach(translation,
                       cJSON_GetObjectItemCaseSensitive(
                           cJSON_GetObjectItemCaseSensitive(issue, "_detail"), "extension"))
    {
        const cJSON *parts = cJSON_GetObjectItemCaseSensitive(translation, "extension");
        if (pn_slice_is(pn_json_text(cJSON_GetArrayItem(parts, 0), "valueCode"),
                        pn_language_code(language))) {
            return pn_json_text(cJSON_GetArrayItem(parts, 1), "valueString");
        }
    }
    return pn_json_text(issue, "detail");
}

static struct pn_slice title_of(const struct pn_trigger *trigger, enum pn_language language)
{
    const struct pn_slice titles[PN_LANGUAGE_COUNT] = {trigger->title_fi, trigger->title_sv,
                                                       trigger->title_en};
    return titles[language];
}

// --- The card ------------------------------------------------------------------------------------

struct made {
    struct pn_call *call;
    const struct pn_client *client;
    enum pn_language language;
    struct pn_buf detail;
    struct pn_slice first; // the DetectedIssue.id of the first trigger that the caller may see
};

static void take_trigger(struct made *made, const struct pn_trigger *trigger)
{
    cJSON *shown = cJSON_CreateObject();
    if (trigger->state != PN_TRIGGER_RAISED ||
        !pn_access_shows_all(&made->call->access, trigger->sectors, trigger->classes) ||
        !pn_trigger_view(made->call, made->client, trigger->data, shown)) {
        return;
    }
    made->first = made->first.len == 0 ? trigger->id : made->first;
    pn_buf_add_str(&made->detail, "* **");
    add_markdown(&made->detail, title_of(trigger, made->language));
    pn_buf_add_str(&made->detail, ":** ");
    add_markdown(&made->detail,
                 explanation_of(cJSON_GetObjectItemCaseSensitive(shown, "issue"), made->language));
    pn_buf_add_char(&made->detail, '\n');
}

static cJSON *add_item(cJSON *object, const char *name)
{
    cJSON *item = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(object, name), item);
    return item;
}

// For one who sets the state on the work list: to take it up is the card's one suggestion.
static void add_suggestion(const struct made *made, cJSON *card)
{
    static const char *const labels[PN_LANGUAGE_COUNT] = {"Otan puheeksi asiakkaan kanssa",
                                                          "Jag tar upp det med klienten",
                                                          "I will bring it up with the client"};
    char id[PN_UUID_TEXT_BYTES];
    pn_cds_suggestion_id(made->first, id);
    cJSON *suggestion = add_item(card, "suggestions");
    cJSON_AddStringToObject(suggestion, "label", labels[made->language]);
    cJSON_AddStringToObject(suggestion, "uuid", id);
    cJSON_AddStringToObject(card, "selectionBehavior", "at-most-one");
}

// Section "Reasons for rejecting a card": those of the work list for not-relevant. A file of teams
// that can't be read costs the reasons only.
static void add_override_reasons(const struct made *made, cJSON *card)
{
    struct pn_err err;
    if (pn_api_open_teams(made->call->api, &err) != PN_OK) {
        pn_log_error("the reasons of the work list could not be read", &err);
        return;
    }
    const struct pn_teams *teams = made->call->api->teams;
    cJSON *list = NULL;
    for (unsigned i = 0; i < teams->reason_count; i++) {
        const struct pn_case_reason *reason = &teams->reasons[i];
        if ((reason->states & 1U << PN_CASE_NOT_RELEVANT) == 0) {
            continue;
        }
        cJSON *coding = cJSON_CreateObject();
        list = list == NULL ? cJSON_AddArrayToObject(card, "overrideReasons") : list;
        cJSON_AddItemToArray(list, coding);
        cJSON_AddStringToObject(coding, "system", "https://punos.fi/fhir/CodeSystem/case-reason");
        cJSON_AddStringToObject(coding, "code", reason->id);
        cJSON_AddStringToObject(coding, "display", reason->name[made->language]);
    }
}

static cJSON *make_card(struct made *made, enum pn_case_state state)
{
    static const char *const summaries[PN_LANGUAGE_COUNT] = {
        "Asiakkaalle voisi olla hyötyä yhteisestä suunnitelmasta",
        "Klienten kunde ha nytta av en gemensam plan", "The client might gain from a shared plan"};
    static const char *const ends[PN_LANGUAGE_COUNT] = {
        "\nTapahtumat on laskettu säännöillä. Ehdotus ei päätä mitään: arvio on ihmisen.",
        "\nHändelserna är räknade med regler. Förslaget avgör ingenting: en människa bedömer.",
        "\nEvents were counted by rules. This decides nothing: a person does."};
    static const char *const links[PN_LANGUAGE_COUNT] = {"Avaa aikajana ja perustelut",
                                                         "Öppna tidslinjen och grunderna",
                                                         "Open the time line and the reasons"};
    pn_buf_add_str(&made->detail, ends[made->language]);
    const char *url = pn_arena_printf(made->call->arena, "%s/#/client/%s",
                                      pn_call_base_url(made->call), made->client->key);
    cJSON *card = cJSON_CreateObject();
    pn_json_add_slice(card, "uuid", made->first);
    cJSON_AddStringToObject(card, "summary", summaries[made->language]);
    cJSON_AddStringToObject(card, "indicator", "info");
    pn_json_add_slice(card, "detail", pn_buf_slice(&made->detail));
    cJSON *source = cJSON_AddObjectToObject(card, "source");
    cJSON_AddStringToObject(source, "label", "Punos");
    cJSON *topic = cJSON_AddObjectToObject(source, "topic");
    cJSON_AddStringToObject(topic, "system", "https://punos.fi/fhir/CodeSystem/card-topic");
    cJSON_AddStringToObject(topic, "code", "shared-client");
    cJSON *link = add_item(card, "links");
    cJSON_AddStringToObject(link, "label", links[made->language]);
    cJSON_AddStringToObject(link, "url", url == NULL ? "" : url);
    cJSON_AddStringToObject(link, "type", "absolute");
    if (pn_caller_could(made->call->caller, PN_ACTION_WORKLIST_SET) &&
        (state == PN_CASE_NEW || state == PN_CASE_SEEN)) {
        add_suggestion(made, card);
        add_override_reasons(made, card);
    }
    return card;
}

// A person has decided, or somebody takes care already: the card would only be in the way.
static bool is_decided(enum pn_case_state state)
{
    return state == PN_CASE_REFUSES || state == PN_CASE_NOT_RELEVANT ||
           state == PN_CASE_HAS_WORKER || state == PN_CASE_LAPSED;
}

enum pn_code pn_cds_card(struct pn_call *call, const struct pn_client *client, cJSON **ret_card,
                         struct pn_err *err)
{
    struct pn_case found;
    enum pn_code code = pn_api_open_worklist(call->api, err);
    code = code == PN_OK ? pn_worklist_case(call->api->worklist, call->arena,
                                            pn_slice_str(client->key), &found, err)
                         : code;
    *ret_card = NULL;
    if (code == PN_NOT_FOUND || (code == PN_OK && is_decided(found.state))) {
        return PN_OK;
    }
    if (code != PN_OK) {
        return code;
    }
    struct made made = {.call = call, .client = client, .language = language_of(call)};
    pn_buf_init(&made.detail, PN_HTTP_BODY_BYTES_MAX);
    for (unsigned i = 0; i < found.trigger_count; i++) {
        take_trigger(&made, &found.triggers[i]);
    }
    *ret_card = made.first.len > 0 ? make_card(&made, found.state) : NULL;
    pn_buf_release(&made.detail);
    return PN_OK;
}
