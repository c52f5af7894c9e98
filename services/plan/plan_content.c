// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_content.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "services/plan/plan_shape.h"

static const struct {
    const char *language;
    const char *sentence;
} not_statutory[] = {
    {"fi", "Tämä suunnitelma ei korvaa lakisääteisiä suunnitelmia."},
    {"sv", "Denna plan ersätter inte de lagstadgade planerna."},
    {"en", "This plan does not replace statutory plans."},
};

void pn_plan_report_add(struct pn_fhir_report *report, const char *code, const char *expression,
                        const char *diagnostics)
{
    if (report->issue_count < PN_FHIR_ISSUES_MAX) {
        struct pn_fhir_issue *issue = &report->issues[report->issue_count++];
        issue->severity = PN_FHIR_ERROR;
        issue->code = code;
        snprintf(issue->expression, sizeof issue->expression, "%s", expression);
        snprintf(issue->diagnostics, sizeof issue->diagnostics, "%s", diagnostics);
    }
    report->error_count++;
}

// --- Reading a body ------------------------------------------------------------------------------

static const cJSON *contained_of(const cJSON *plan, const char *type)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(plan, "contained"))
    {
        if (pn_slice_is(pn_json_text(item, "resourceType"), type)) {
            return item;
        }
    }
    return NULL;
}

// The code of a CodeableConcept (or of the first one of a list), when it is of `system`.
static struct pn_slice code_of(const cJSON *concept_or_list, const char *system)
{
    const cJSON *concept =
        cJSON_IsArray(concept_or_list) ? concept_or_list->child : concept_or_list;
    const cJSON *codings = cJSON_GetObjectItemCaseSensitive(concept, "coding");
    const cJSON *coding = codings == NULL ? NULL : codings->child;
    if (!pn_slice_is(pn_json_text(coding, "system"), system)) {
        return (struct pn_slice){0};
    }
    return pn_json_text(coding, "code");
}

static struct pn_slice attendee_role(const cJSON *participant)
{
    return code_of(cJSON_GetObjectItemCaseSensitive(participant, "type"), PN_PLAN_ROLE_SYSTEM);
}

static struct pn_slice team_role(const cJSON *participant)
{
    return code_of(cJSON_GetObjectItemCaseSensitive(participant, "role"), PN_PLAN_ROLE_SYSTEM);
}

static struct pn_slice activity_kind(const cJSON *activity)
{
    const cJSON *detail = cJSON_GetObjectItemCaseSensitive(activity, "detail");
    return code_of(cJSON_GetObjectItemCaseSensitive(detail, "code"), PN_PLAN_ACTIVITY_SYSTEM);
}

// --- Counting what must be there -----------------------------------------------------------------

// One kind of thing in a list: its code, and how many there must and may be.
struct quota {
    const char *code;
    unsigned least, most;
    const char *missing;
};

static const struct quota attendee_quotas[] = {
    {"place", 1, 1, "the meeting's place: exactly one participant with the role place"},
    {"client", 0, 1, "at most one participant with the role client"},
    {"close-person", 0, 40, NULL},
    {"professional", 0, 40, NULL},
    {"other", 0, 40, NULL},
};
static const struct quota team_quotas[] = {
    {"responsible", 1, 1, "exactly one participant with the role responsible"},
    {"deputy", 0, 1, "at most one participant with the role deputy"},
    {"member", 0, 40, NULL},
};
static const struct quota activity_quotas[] = {
    {"next-step", 1, 40, "what next: at least one activity with the code next-step"},
    {"follow-up", 1, 10, "follow-up: one to ten activities with the code follow-up"},
};

struct census {
    const struct quota *quotas;
    unsigned quota_count;
    struct pn_slice (*code_of_item)(const cJSON *item);
    const char *place;   // FHIRPath of the list
    const char *unknown; // what is wrong with an item that is of no kind
};

static const struct census attendee_census = {
    attendee_quotas, PN_ARRAY_COUNT(attendee_quotas), attendee_role,
    "CarePlan.contained.where($this is Appointment).participant",
    "type: the system must be plan-role, the code one of the attendees' roles"};
static const struct census team_census = {
    team_quotas, PN_ARRAY_COUNT(team_quotas), team_role,
    "CarePlan.contained.where($this is CareTeam).participant",
    "role: the system must be plan-role, the code responsible, deputy or member"};
static const struct census activity_census = {
    activity_quotas, PN_ARRAY_COUNT(activity_quotas), activity_kind, "CarePlan.activity",
    "detail.code: the system must be plan-activity, the code next-step or follow-up"};

static unsigned count_of(const struct census *census, const cJSON *list, const char *code)
{
    unsigned count = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        count += pn_slice_is(census->code_of_item(item), code) ? 1 : 0;
    }
    return count;
}

static void take_census(const struct census *census, const cJSON *list,
                        struct pn_fhir_report *report)
{
    unsigned known = 0;
    for (unsigned i = 0; i < census->quota_count; i++) {
        const struct quota *quota = &census->quotas[i];
        unsigned count = count_of(census, list, quota->code);
        known += count;
        if (count < quota->least || count > quota->most) {
            pn_plan_report_add(report, "required", census->place,
                               quota->missing != NULL ? quota->missing : "too many of one kind");
        }
    }
    if (known != (unsigned)cJSON_GetArraySize(list)) {
        pn_plan_report_add(report, "code-invalid", census->place, census->unknown);
    }
    if (census == &attendee_census && known == 1) {
        pn_plan_report_add(report, "required", census->place, "attendees: at least one");
    }
}

// --- Dates ---------------------------------------------------------------------------------------

static bool read_date(struct pn_slice text, int *year, int *month, int *day)
{
    char copy[11];
    if (text.len != 10) {
        return false;
    }
    memcpy(copy, text.ptr, 10);
    copy[10] = '\0';
    return sscanf(copy, "%4d-%2d-%2d", year, month, day) == 3;
}

static int64_t day_number(struct pn_slice date)
{
    int year = 0, month = 0, day = 0;
    return read_date(date, &year, &month, &day) ? pn_days_from_civil(year, month, day) : 0;
}

// The day `months` later; the month's last day when it is shorter.
static int64_t day_number_after(struct pn_slice date, int months)
{
    int year = 0, month = 0, day = 0;
    if (!read_date(date, &year, &month, &day)) {
        return 0;
    }
    int shifted = month - 1 + months;
    int64_t first = pn_days_from_civil(year + shifted / 12, shifted % 12 + 1, 1);
    int next = shifted + 1;
    int64_t days = pn_days_from_civil(year + next / 12, next % 12 + 1, 1) - first;
    return first + (day < days ? day : days) - 1;
}

static void check_dates(const cJSON *body, struct pn_fhir_report *report)
{
    const cJSON *period = cJSON_GetObjectItemCaseSensitive(body, "period");
    struct pn_slice start = pn_json_text(period, "start");
    struct pn_slice end = pn_json_text(period, "end");
    if (day_number(end) < day_number(start)) {
        pn_plan_report_add(report, "business-rule", "CarePlan.period.end", "is before the start");
    } else if (day_number(end) > day_number_after(start, PN_PLAN_REVIEW_MONTHS_MAX)) {
        pn_plan_report_add(report, "business-rule", "CarePlan.period.end",
                           "a plan is reviewed at the latest six months after its start");
    }
    const cJSON *meeting = contained_of(body, "Appointment");
    int64_t start_ms = 0, end_ms = 0;
    if (pn_time_parse(pn_json_text(meeting, "start"), &start_ms) &&
        pn_time_parse(pn_json_text(meeting, "end"), &end_ms) && end_ms < start_ms) {
        pn_plan_report_add(report, "business-rule",
                           "CarePlan.contained.where($this is Appointment).end",
                           "is before the start");
    }
}

static void check_contained(const cJSON *body, struct pn_fhir_report *report)
{
    static const char *const types[] = {"Appointment", "Goal", "CareTeam"};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(types); i++) {
        if (contained_of(body, types[i]) == NULL) {
            char diagnostics[64];
            snprintf(diagnostics, sizeof diagnostics, "must hold one %s", types[i]);
            pn_plan_report_add(report, "required", "CarePlan.contained", diagnostics);
        }
    }
}

static bool is_client_reference(struct pn_slice reference)
{
    if (!pn_slice_starts_with(reference, "Patient/") ||
        reference.len != 8 + PN_CLIENT_KEY_TEXT_BYTES - 1) {
        return false;
    }
    for (size_t i = 8; i < reference.len; i++) {
        if (strchr("0123456789abcdef", reference.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static void check_client(const cJSON *body, struct pn_fhir_report *report)
{
    struct pn_slice subject =
        pn_json_text(cJSON_GetObjectItemCaseSensitive(body, "subject"), "reference");
    if (!is_client_reference(subject)) {
        pn_plan_report_add(report, "value", "CarePlan.subject.reference",
                           "must be Patient/ and a client key");
    }
    const cJSON *expressed =
        cJSON_GetObjectItemCaseSensitive(contained_of(body, "Goal"), "expressedBy");
    if (expressed != NULL && !pn_slice_eq(pn_json_text(expressed, "reference"), subject)) {
        pn_plan_report_add(report, "business-rule",
                           "CarePlan.contained.where($this is Goal).expressedBy",
                           "must be the plan's subject, or be left out");
    }
}

enum pn_code pn_plan_content_check(const cJSON *body, struct pn_fhir_report *report,
                                   struct pn_err *err)
{
    memset(report, 0, sizeof *report);
    pn_plan_shape_check(body, report);
    if (report->error_count == 0) {
        check_contained(body, report);
        check_client(body, report);
        check_dates(body, report);
        take_census(
            &attendee_census,
            cJSON_GetObjectItemCaseSensitive(contained_of(body, "Appointment"), "participant"),
            report);
        take_census(&team_census,
                    cJSON_GetObjectItemCaseSensitive(contained_of(body, "CareTeam"), "participant"),
                    report);
        take_census(&activity_census, cJSON_GetObjectItemCaseSensitive(body, "activity"), report);
    }
    if (report->error_count == 0) {
        return PN_OK;
    }
    return pn_err_set(err, PN_INVALID, report->issues[0].expression, "%s",
                      report->issues[0].diagnostics);
}

// --- The stored form -----------------------------------------------------------------------------

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_LIMIT, "CarePlan", "is too large to be handled");
}

// Moves a member from one object to another; nothing when it is not there.
static void move(cJSON *from, cJSON *to, const char *name)
{
    cJSON *item = cJSON_DetachItemFromObjectCaseSensitive(from, name);
    if (item != NULL) {
        cJSON_AddItemToObject(to, name, item);
    }
}

static bool set_default(cJSON *object, const char *name, const char *value)
{
    return cJSON_GetObjectItemCaseSensitive(object, name) != NULL ||
           pn_json_set_text(object, name, pn_slice_str(value));
}

static bool set_reference(cJSON *object, const char *name, const char *reference)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    return cJSON_AddStringToObject(cJSON_AddObjectToObject(object, name), "reference", reference);
}

static bool set_reference_list(cJSON *object, const char *name, const char *reference)
{
    cJSON_DeleteItemFromObjectCaseSensitive(object, name);
    cJSON *item = cJSON_CreateObject();
    return cJSON_AddItemToArray(cJSON_AddArrayToObject(object, name), item) &&
           cJSON_AddStringToObject(item, "reference", reference) != NULL;
}

// Puts a list in the order of the census's codes, otherwise as it was.
static void sort_list(const struct census *census, cJSON *owner, const char *name)
{
    cJSON *list = cJSON_DetachItemFromObjectCaseSensitive(owner, name);
    cJSON *sorted = cJSON_AddArrayToObject(owner, name);
    for (unsigned i = 0; i < census->quota_count; i++) {
        cJSON *next = NULL;
        for (cJSON *item = list->child; item != NULL; item = next) {
            next = item->next;
            if (pn_slice_is(census->code_of_item(item), census->quotas[i].code)) {
                cJSON_AddItemToArray(sorted, cJSON_DetachItemViaPointer(list, item));
            }
        }
    }
    cJSON_Delete(list);
}

// The place first, then the attendees as they were written.
static void sort_attendees(cJSON *meeting)
{
    cJSON *list = cJSON_GetObjectItemCaseSensitive(meeting, "participant");
    for (cJSON *item = list->child; item != NULL; item = item->next) {
        if (pn_slice_is(attendee_role(item), "place")) {
            cJSON_DetachItemViaPointer(list, item);
            cJSON_InsertItemInArray(list, 0, item);
            return;
        }
    }
}

static bool settle_meeting(cJSON *meeting)
{
    bool is_good = pn_json_set_text(meeting, "id", pn_slice_str("meeting")) &&
                   set_default(meeting, "status", "booked");
    sort_attendees(meeting);
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(meeting, "participant"))
    {
        is_good = is_good && set_default(item, "status", "accepted");
    }
    return is_good;
}

static bool settle_activities(cJSON *plan)
{
    sort_list(&activity_census, plan, "activity");
    bool is_good = true;
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(plan, "activity"))
    {
        cJSON *detail = cJSON_GetObjectItemCaseSensitive(item, "detail");
        is_good = is_good && set_reference_list(detail, "goal", "#goal");
    }
    return is_good;
}

static bool is_fixed_sentence(struct pn_slice text)
{
    for (unsigned i = 0; i < PN_ARRAY_COUNT(not_statutory); i++) {
        if (pn_slice_is(text, not_statutory[i].sentence)) {
            return true;
        }
    }
    return false;
}

// note[0] is the fixed sentence in the plan's language, once.
static bool settle_notes(cJSON *plan)
{
    const char *sentence = not_statutory[0].sentence;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(not_statutory); i++) {
        if (pn_slice_is(pn_json_text(plan, "language"), not_statutory[i].language)) {
            sentence = not_statutory[i].sentence;
        }
    }
    cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(plan, "note");
    cJSON *notes = cJSON_AddArrayToObject(plan, "note");
    cJSON *first = cJSON_CreateObject();
    bool is_good = cJSON_AddStringToObject(first, "text", sentence) != NULL &&
                   cJSON_AddItemToArray(notes, first);
    cJSON *next = NULL;
    for (cJSON *item = old == NULL ? NULL : old->child; item != NULL; item = next) {
        next = item->next;
        if (!is_fixed_sentence(pn_json_text(item, "text"))) {
            cJSON_AddItemToArray(notes, cJSON_DetachItemViaPointer(old, item));
        }
    }
    cJSON_Delete(old);
    return is_good;
}

static bool settle_contained(cJSON *body, cJSON *plan)
{
    cJSON *meeting = cJSON_Duplicate(contained_of(body, "Appointment"), true);
    cJSON *goal = cJSON_Duplicate(contained_of(body, "Goal"), true);
    cJSON *team = cJSON_Duplicate(contained_of(body, "CareTeam"), true);
    cJSON *contained = cJSON_AddArrayToObject(plan, "contained");
    if (contained == NULL || meeting == NULL || goal == NULL || team == NULL) {
        return false;
    }
    cJSON_AddItemToArray(contained, meeting);
    cJSON_AddItemToArray(contained, goal);
    cJSON_AddItemToArray(contained, team);
    sort_list(&team_census, team, "participant");
    return settle_meeting(meeting) && pn_json_set_text(goal, "id", pn_slice_str("goal")) &&
           set_default(goal, "lifecycleStatus", "active") &&
           pn_json_set_text(team, "id", pn_slice_str("team")) &&
           set_default(team, "status", "active");
}

static bool add_category(cJSON *plan)
{
    cJSON *concept = cJSON_CreateObject();
    cJSON *coding = cJSON_CreateObject();
    return cJSON_AddItemToArray(cJSON_AddArrayToObject(plan, "category"), concept) &&
           cJSON_AddItemToArray(cJSON_AddArrayToObject(concept, "coding"), coding) &&
           cJSON_AddStringToObject(coding, "system", PN_PLAN_CATEGORY_SYSTEM) != NULL &&
           cJSON_AddStringToObject(coding, "code", "multidisciplinary") != NULL &&
           cJSON_AddStringToObject(coding, "display", "Monialainen suunnitelma") != NULL;
}

static bool has_label(const cJSON *list)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, list)
    {
        if (cJSON_GetObjectItemCaseSensitive(item, "extension") != NULL) {
            return true;
        }
    }
    return false;
}

// DS4P: a resource with labels inside says so in its own.
static bool add_meta(const cJSON *body, cJSON *plan)
{
    cJSON *meta = cJSON_AddObjectToObject(plan, "meta");
    if (!has_label(cJSON_GetObjectItemCaseSensitive(body, "activity")) &&
        !has_label(cJSON_GetObjectItemCaseSensitive(body, "note"))) {
        return meta != NULL;
    }
    cJSON *label = cJSON_CreateObject();
    return cJSON_AddItemToArray(cJSON_AddArrayToObject(meta, "security"), label) &&
           cJSON_AddStringToObject(label, "system",
                                   "http://terminology.hl7.org/CodeSystem/v3-ActCode") != NULL &&
           cJSON_AddStringToObject(label, "code", "PROCESSINLINELABEL") != NULL;
}

static bool arrange(cJSON *body, cJSON *plan)
{
    bool is_good = add_meta(body, plan);
    move(body, plan, "language");
    is_good = is_good && set_default(plan, "language", "fi") && settle_contained(body, plan);
    move(body, plan, "status");
    move(body, plan, "intent");
    is_good = is_good && add_category(plan);
    move(body, plan, "description");
    move(body, plan, "subject");
    move(body, plan, "period");
    is_good = is_good && cJSON_AddStringToObject(plan, "created", "") != NULL &&
              cJSON_AddObjectToObject(plan, "author") != NULL &&
              set_reference_list(plan, "careTeam", "#team") &&
              set_reference_list(plan, "supportingInfo", "#meeting") &&
              set_reference_list(plan, "goal", "#goal");
    move(body, plan, "activity");
    move(body, plan, "note");
    return is_good && settle_activities(plan) && settle_notes(plan);
}

enum pn_code pn_plan_content_set_client(cJSON *plan, const char *client_key, struct pn_err *err)
{
    char reference[8 + PN_CLIENT_KEY_TEXT_BYTES];
    snprintf(reference, sizeof reference, "Patient/%s", client_key);
    bool is_good = set_reference(plan, "subject", reference);
    cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(plan, "contained"))
    {
        if (!pn_slice_is(pn_json_text(item, "resourceType"), "Appointment")) {
            is_good = is_good && set_reference(item, "subject", reference);
        }
        if (cJSON_GetObjectItemCaseSensitive(item, "expressedBy") != NULL) {
            is_good = is_good && set_reference(item, "expressedBy", reference);
        }
    }
    return is_good ? PN_OK : no_memory(err);
}

enum pn_code pn_plan_content_stamp(cJSON *plan, const struct pn_plan_stamp *stamp,
                                   struct pn_err *err)
{
    char version[24];
    char created[PN_TIME_TEXT_BYTES];
    char written[PN_TIME_TEXT_BYTES];
    snprintf(version, sizeof version, "%lld", (long long)stamp->version);
    pn_time_format(stamp->created_ms, created);
    pn_time_format(stamp->written_ms, written);
    cJSON *meta = cJSON_GetObjectItemCaseSensitive(plan, "meta");
    cJSON *author = cJSON_GetObjectItemCaseSensitive(plan, "author");
    cJSON_DeleteItemFromObjectCaseSensitive(author, "identifier");
    cJSON *identifier = cJSON_AddObjectToObject(author, "identifier");
    if (!pn_json_set_text(plan, "id", pn_slice_str(stamp->id)) ||
        !pn_json_set_text(meta, "versionId", pn_slice_str(version)) ||
        !pn_json_set_text(meta, "lastUpdated", pn_slice_str(written)) ||
        !pn_json_set_text(plan, "created", pn_slice_str(created)) ||
        !pn_json_set_text(identifier, "system", pn_slice_str("urn:punos:caller")) ||
        !pn_json_set_text(identifier, "value", pn_slice_str(stamp->author)) ||
        !pn_json_set_text(author, "display", pn_slice_str(stamp->author_display))) {
        return no_memory(err);
    }
    return pn_plan_content_set_client(plan, stamp->client_key, err);
}

enum pn_code pn_plan_content_settle(cJSON *body, const struct pn_plan_stamp *stamp,
                                    cJSON **ret_plan, struct pn_fhir_report *report,
                                    struct pn_err *err)
{
    cJSON *plan = pn_fhir_new("CarePlan");
    if (plan == NULL || !arrange(body, plan)) {
        return no_memory(err);
    }
    enum pn_code code = pn_plan_content_stamp(plan, stamp, err);
    if (code != PN_OK) {
        return code;
    }
    if (!pn_fhir_validate(plan, report)) {
        return pn_err_set(err, PN_INVALID, report->issues[0].expression, "%s",
                          report->issues[0].diagnostics);
    }
    *ret_plan = plan;
    return PN_OK;
}
