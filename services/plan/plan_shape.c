// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_shape.h"

#include <stdio.h>
#include <string.h>

#include "base/finid.h"
#include "services/plan/plan_content.h"

enum kind {
    KIND_TEXT,    // a string of at most `most` bytes
    KIND_CODE,    // one of `words`
    KIND_DATE,    // YYYY-MM-DD
    KIND_INSTANT, // with a zone
    KIND_NUMBER,
    KIND_OBJECT, // of `shape`
    KIND_LIST,   // of `shape`, at least `least` and at most `most`
    KIND_ANY     // the hub writes it; what the writer sent is not looked at
};

struct member {
    const char *name;
    enum kind kind;
    bool must;
    unsigned least, most;
    const char *words; // space between, at both ends too
    const struct shape *shape;
};

struct shape {
    const struct member *members;
    unsigned count;
    const struct shape *(*choose)(const cJSON *object); // NULL: this one
};

#define SHAPE(table)                                                                               \
    {                                                                                              \
        .members = (table), .count = PN_ARRAY_COUNT(table)                                         \
    }

enum { SHORT_BYTES_MAX = 250, CODE_BYTES_MAX = 64, URI_BYTES_MAX = 255 };

static const struct member coding_members[] = {
    {"system", KIND_TEXT, false, 0, URI_BYTES_MAX, NULL, NULL},
    {"code", KIND_TEXT, true, 0, CODE_BYTES_MAX, NULL, NULL},
    {"display", KIND_TEXT, false, 0, SHORT_BYTES_MAX, NULL, NULL},
};
static const struct shape coding_shape = SHAPE(coding_members);

static const struct member concept_members[] = {
    {"coding", KIND_LIST, true, 1, 1, NULL, &coding_shape},
    {"text", KIND_TEXT, false, 0, SHORT_BYTES_MAX, NULL, NULL},
};
static const struct shape concept_shape = SHAPE(concept_members);

static const struct member words_members[] = {
    {"text", KIND_TEXT, true, 0, PN_PLAN_TEXT_BYTES_MAX, NULL, NULL},
};
static const struct shape words_shape = SHAPE(words_members);

// Which register an item belongs to (schemas/plan.md, "Registers").
static const struct member register_members[] = {
    {"system", KIND_CODE, true, 0, 0, " " PN_PLAN_REGISTER_SYSTEM " ", NULL},
    {"code", KIND_CODE, true, 0, 0, " patient social ", NULL},
    {"display", KIND_TEXT, false, 0, SHORT_BYTES_MAX, NULL, NULL},
};
static const struct shape register_shape = SHAPE(register_members);

static const struct member label_members[] = {
    {"url", KIND_CODE, true, 0, 0, " " PN_PLAN_LABEL_URL " ", NULL},
    {"valueCoding", KIND_OBJECT, true, 0, 0, NULL, &register_shape},
};
static const struct shape label_shape = SHAPE(label_members);

static const struct member remark_members[] = {
    {"extension", KIND_LIST, false, 1, 1, NULL, &label_shape},
    {"text", KIND_TEXT, true, 0, PN_PLAN_TEXT_BYTES_MAX, NULL, NULL},
};
static const struct shape remark_shape = SHAPE(remark_members);

static const struct member who_members[] = {
    {"display", KIND_TEXT, true, 0, SHORT_BYTES_MAX, NULL, NULL},
};
static const struct shape who_shape = SHAPE(who_members);

static const struct member client_members[] = {
    {"reference", KIND_TEXT, true, 0, CODE_BYTES_MAX, NULL, NULL},
};
static const struct shape client_shape = SHAPE(client_members);

static const struct member attendee_members[] = {
    {"type", KIND_LIST, true, 1, 1, NULL, &concept_shape},
    {"actor", KIND_OBJECT, true, 0, 0, NULL, &who_shape},
    {"status", KIND_CODE, false, 0, 0, " accepted declined tentative needs-action ", NULL},
};
static const struct shape attendee_shape = SHAPE(attendee_members);

static const struct member meeting_members[] = {
    {"resourceType", KIND_TEXT, true, 0, CODE_BYTES_MAX, NULL, NULL},
    {"id", KIND_ANY, false, 0, 0, NULL, NULL},
    {"status", KIND_CODE, false, 0, 0, " booked fulfilled cancelled noshow ", NULL},
    {"start", KIND_INSTANT, true, 0, 0, NULL, NULL},
    {"end", KIND_INSTANT, true, 0, 0, NULL, NULL},
    {"participant", KIND_LIST, true, 2, PN_PLAN_PARTICIPANTS_MAX, NULL, &attendee_shape},
};
static const struct shape meeting_shape = SHAPE(meeting_members);

static const struct member goal_members[] = {
    {"resourceType", KIND_TEXT, true, 0, CODE_BYTES_MAX, NULL, NULL},
    {"id", KIND_ANY, false, 0, 0, NULL, NULL},
    {"lifecycleStatus", KIND_CODE, false, 0, 0,
     " proposed planned accepted active on-hold completed cancelled ", NULL},
    {"description", KIND_OBJECT, true, 0, 0, NULL, &words_shape},
    {"subject", KIND_ANY, false, 0, 0, NULL, NULL},
    {"expressedBy", KIND_OBJECT, false, 0, 0, NULL, &client_shape},
    {"note", KIND_LIST, false, 1, 1, NULL, &words_shape},
};
static const struct shape goal_shape = SHAPE(goal_members);

static const struct member team_member_members[] = {
    {"role", KIND_LIST, true, 1, 1, NULL, &concept_shape},
    {"member", KIND_OBJECT, true, 0, 0, NULL, &who_shape},
};
static const struct shape team_member_shape = SHAPE(team_member_members);

static const struct member telecom_members[] = {
    {"system", KIND_CODE, true, 0, 0, " phone sms email url other ", NULL},
    {"value", KIND_TEXT, true, 0, SHORT_BYTES_MAX, NULL, NULL},
    {"use", KIND_CODE, false, 0, 0, " home work temp old mobile ", NULL},
};
static const struct shape telecom_shape = SHAPE(telecom_members);

static const struct member team_members[] = {
    {"resourceType", KIND_TEXT, true, 0, CODE_BYTES_MAX, NULL, NULL},
    {"id", KIND_ANY, false, 0, 0, NULL, NULL},
    {"status", KIND_CODE, false, 0, 0, " proposed active suspended inactive ", NULL},
    {"name", KIND_TEXT, false, 0, SHORT_BYTES_MAX, NULL, NULL},
    {"subject", KIND_ANY, false, 0, 0, NULL, NULL},
    {"participant", KIND_LIST, true, 1, PN_PLAN_PARTICIPANTS_MAX, NULL, &team_member_shape},
    {"telecom", KIND_LIST, false, 1, 10, NULL, &telecom_shape},
    {"note", KIND_LIST, false, 1, 1, NULL, &words_shape},
};
static const struct shape team_shape = SHAPE(team_members);

static const struct member nothing_members[] = {
    {"resourceType", KIND_TEXT, true, 0, CODE_BYTES_MAX, NULL, NULL},
};
static const struct shape unknown_contained_shape = SHAPE(nothing_members);

static const struct shape *choose_contained(const cJSON *object)
{
    struct pn_slice type = pn_json_text(object, "resourceType");
    if (pn_slice_is(type, "Appointment")) {
        return &meeting_shape;
    }
    if (pn_slice_is(type, "Goal")) {
        return &goal_shape;
    }
    return pn_slice_is(type, "CareTeam") ? &team_shape : &unknown_contained_shape;
}
static const struct shape contained_shape = {.choose = choose_contained};

static const struct member due_members[] = {
    {"end", KIND_DATE, true, 0, 0, NULL, NULL},
};
static const struct shape due_shape = SHAPE(due_members);

static const struct member detail_members[] = {
    {"code", KIND_OBJECT, true, 0, 0, NULL, &concept_shape},
    {"goal", KIND_LIST, false, 1, 1, NULL, &client_shape},
    {"status", KIND_CODE, true, 0, 0,
     " not-started scheduled in-progress on-hold completed cancelled stopped ", NULL},
    {"scheduledPeriod", KIND_OBJECT, true, 0, 0, NULL, &due_shape},
    {"performer", KIND_LIST, true, 1, 10, NULL, &who_shape},
    {"description", KIND_TEXT, true, 0, PN_PLAN_TEXT_BYTES_MAX, NULL, NULL},
};
static const struct shape detail_shape = SHAPE(detail_members);

static const struct member activity_members[] = {
    {"extension", KIND_LIST, false, 1, 1, NULL, &label_shape},
    {"detail", KIND_OBJECT, true, 0, 0, NULL, &detail_shape},
};
static const struct shape activity_shape = SHAPE(activity_members);

static const struct member period_members[] = {
    {"start", KIND_DATE, true, 0, 0, NULL, NULL},
    {"end", KIND_DATE, true, 0, 0, NULL, NULL},
};
static const struct shape period_shape = SHAPE(period_members);

static const struct member plan_members[] = {
    {"resourceType", KIND_CODE, true, 0, 0, " CarePlan ", NULL},
    {"id", KIND_ANY, false, 0, 0, NULL, NULL},
    {"meta", KIND_ANY, false, 0, 0, NULL, NULL},
    {"language", KIND_CODE, false, 0, 0, " fi sv en ", NULL},
    {"contained", KIND_LIST, true, 3, 3, NULL, &contained_shape},
    {"status", KIND_CODE, true, 0, 0, " active completed revoked entered-in-error ", NULL},
    {"intent", KIND_CODE, true, 0, 0, " plan ", NULL},
    {"category", KIND_ANY, false, 0, 0, NULL, NULL},
    {"description", KIND_TEXT, true, 0, PN_PLAN_SITUATION_BYTES_MAX, NULL, NULL},
    {"subject", KIND_OBJECT, true, 0, 0, NULL, &client_shape},
    {"period", KIND_OBJECT, true, 0, 0, NULL, &period_shape},
    {"created", KIND_ANY, false, 0, 0, NULL, NULL},
    {"author", KIND_ANY, false, 0, 0, NULL, NULL},
    {"careTeam", KIND_ANY, false, 0, 0, NULL, NULL},
    {"supportingInfo", KIND_ANY, false, 0, 0, NULL, NULL},
    {"goal", KIND_ANY, false, 0, 0, NULL, NULL},
    {"activity", KIND_LIST, true, 2, PN_PLAN_ACTIVITIES_MAX, NULL, &activity_shape},
    {"note", KIND_LIST, false, 1, 10, NULL, &remark_shape},
};
static const struct shape plan_shape = SHAPE(plan_members);

struct walk {
    struct pn_fhir_report *report;
    char place[128]; // FHIRPath of where the walk stands
};

static void complain(struct walk *walk, const char *code, const char *text)
{
    pn_plan_report_add(walk->report, code, walk->place, text);
}

static void check_text(struct walk *walk, const struct member *member, const cJSON *value)
{
    if (!cJSON_IsString(value)) {
        complain(walk, "value", "must be a string");
        return;
    }
    struct pn_slice text = pn_slice_str(value->valuestring);
    if (pn_slice_trim(text).len == 0) {
        complain(walk, "required", "must not be empty");
    } else if (text.len > member->most) {
        complain(walk, "too-long", "is longer than a plan may hold here");
    } else if (pn_hetu_is_inside(text)) {
        complain(walk, "business-rule", "holds an identity code: leave it out");
    }
}

static bool is_one_of(const char *words, struct pn_slice word)
{
    if (word.len == 0 || word.len >= URI_BYTES_MAX || memchr(word.ptr, ' ', word.len) != NULL) {
        return false;
    }
    char with_spaces[URI_BYTES_MAX + 2];
    snprintf(with_spaces, sizeof with_spaces, " %.*s ", PN_SLICE_FMT(word));
    return strstr(words, with_spaces) != NULL;
}

static void check_scalar(struct walk *walk, const struct member *member, const cJSON *value)
{
    struct pn_slice text = pn_slice_str(cJSON_IsString(value) ? value->valuestring : NULL);
    if (member->kind == KIND_TEXT) {
        check_text(walk, member, value);
    } else if (member->kind == KIND_CODE && !is_one_of(member->words, text)) {
        char diagnostics[160];
        snprintf(diagnostics, sizeof diagnostics, "must be one of:%s", member->words);
        complain(walk, "code-invalid", diagnostics);
    } else if (member->kind == KIND_DATE &&
               (text.len != 10 || !pn_fhir_primitive_is_valid("date", text))) {
        complain(walk, "value", "must be a date, YYYY-MM-DD");
    } else if (member->kind == KIND_INSTANT && !pn_fhir_primitive_is_valid("instant", text)) {
        complain(walk, "value", "must be a moment with its zone, YYYY-MM-DDThh:mm:ss+hh:mm");
    }
}

static void check_object(struct walk *walk, const struct shape *shape, const cJSON *object);

static void check_list(struct walk *walk, const struct member *member, const cJSON *list)
{
    if (!cJSON_IsArray(list)) {
        complain(walk, "structure", "must be a list");
        return;
    }
    unsigned count = (unsigned)cJSON_GetArraySize(list);
    if (count < member->least || count > member->most) {
        char diagnostics[96];
        snprintf(diagnostics, sizeof diagnostics, "must hold %u to %u items, holds %u",
                 member->least, member->most, count);
        complain(walk, "structure", diagnostics);
        return;
    }
    size_t stem = strlen(walk->place);
    unsigned index = 0;
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        snprintf(walk->place + stem, sizeof walk->place - stem, "[%u]", index++);
        check_object(walk, member->shape, item);
    }
    walk->place[stem] = '\0';
}

static void check_member(struct walk *walk, const struct member *member, const cJSON *value)
{
    if (member->kind == KIND_OBJECT) {
        check_object(walk, member->shape, value);
    } else if (member->kind == KIND_LIST) {
        check_list(walk, member, value);
    } else if (member->kind != KIND_ANY) {
        check_scalar(walk, member, value);
    }
}

static void refuse_unknown(struct walk *walk, const struct shape *shape, const cJSON *object)
{
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        bool is_known = false;
        for (unsigned i = 0; i < shape->count && !is_known; i++) {
            is_known = strcmp(item->string, shape->members[i].name) == 0;
        }
        if (!is_known) {
            complain(walk, "not-supported",
                     "holds an element that a shared plan has no place for (schemas/plan.md)");
        }
    }
}

// Recursion is as deep as the tables nest, not as the input does.
static void check_object(struct walk *walk, const struct shape *shape, const cJSON *object)
{
    if (!cJSON_IsObject(object)) {
        complain(walk, "structure", "must be an object");
        return;
    }
    if (shape->choose != NULL) {
        shape = shape->choose(object);
    }
    refuse_unknown(walk, shape, object);
    size_t stem = strlen(walk->place);
    for (unsigned i = 0; i < shape->count; i++) {
        const struct member *member = &shape->members[i];
        const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, member->name);
        snprintf(walk->place + stem, sizeof walk->place - stem, ".%s", member->name);
        if (value != NULL) {
            check_member(walk, member, value);
        } else if (member->must) {
            complain(walk, "required", "is missing");
        }
        walk->place[stem] = '\0';
    }
}

void pn_plan_shape_check(const cJSON *body, struct pn_fhir_report *report)
{
    struct walk walk = {.report = report, .place = "CarePlan"};
    check_object(&walk, &plan_shape, body);
}
