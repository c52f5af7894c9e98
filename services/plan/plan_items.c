// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_items.h"

#include <string.h>

#include "base/attr.h"
#include "base/buf.h"

#define STATES                                                                                     \
    {                                                                                              \
        "not-started", "scheduled", "in-progress", "on-hold", "completed", "cancelled", "stopped"  \
    }
#define ATTENDEES "contained.participant"
#define TEAM_PATH "contained.participant"

// The first row that fits is the item.
static const struct pn_plan_item items[] = {
    {"meeting-start",
     "contained.start",
     "Appointment",
     "",
     "Tapaamisen aika",
     "Mötets tid",
     "Time of the meeting",
     NULL,
     {NULL},
     false},
    {"meeting-end",
     "contained.end",
     "Appointment",
     "",
     "Tapaamisen päättymisaika",
     "Mötets sluttid",
     "End of the meeting",
     NULL,
     {NULL},
     false},
    {"meeting-place",
     ATTENDEES ".actor.display",
     "Appointment",
     "place",
     "Tapaamisen paikka",
     "Mötets plats",
     "Place of the meeting",
     NULL,
     {NULL},
     false},
    {"attendee",
     ATTENDEES ".actor.display",
     "Appointment",
     "!place",
     "Osallistujan nimi",
     "Deltagarens namn",
     "Name of an attendee",
     NULL,
     {NULL},
     false},
    {"attendee-role",
     ATTENDEES ".type.coding.code",
     "Appointment",
     "!place",
     "Osallistujan rooli",
     "Deltagarens roll",
     "Role of an attendee",
     NULL,
     {"client", "close-person", "professional", "other"},
     false},
    {"attendee-unit",
     ATTENDEES ".type.text",
     "Appointment",
     "!place",
     "Osallistujan ammatti ja yksikkö",
     "Deltagarens yrke och enhet",
     "Profession and unit of an attendee",
     NULL,
     {NULL},
     false},
    {"attendee-present",
     ATTENDEES ".status",
     "Appointment",
     "!place",
     "Oliko osallistuja paikalla",
     "Om deltagaren var på plats",
     "Whether an attendee was there",
     "accepted",
     {"accepted", "declined"},
     false},
    {"situation",
     "description",
     "",
     "",
     "Asiakkaan tilanne lyhyesti",
     "Klientens situation i korthet",
     "The client's situation in short",
     NULL,
     {NULL},
     false},
    {"goal",
     "contained.description.text",
     "Goal",
     "",
     "Yhteinen tavoite",
     "Det gemensamma målet",
     "The common goal",
     NULL,
     {NULL},
     false},
    {"core-issue",
     "contained.note.text",
     "Goal",
     "",
     "Ydinasia juuri nyt",
     "Kärnfrågan just nu",
     "The core issue now",
     NULL,
     {NULL},
     false},
    {"goal-own",
     "contained.expressedBy.reference",
     "Goal",
     "",
     "Tieto, että tavoite on asiakkaan oma",
     "Att målet är klientens eget",
     "That the goal is the client's own",
     NULL,
     {NULL},
     true},
    {"next-step",
     "activity.detail.description",
     "",
     "next-step",
     "Mitä seuraavaksi",
     "Nästa steg",
     "What next",
     NULL,
     {NULL},
     false},
    {"next-step-who",
     "activity.detail.performer.display",
     "",
     "next-step",
     "Mitä seuraavaksi: kuka",
     "Nästa steg: vem",
     "What next: who",
     NULL,
     {NULL},
     false},
    {"next-step-when",
     "activity.detail.scheduledPeriod.end",
     "",
     "next-step",
     "Mitä seuraavaksi: mihin mennessä",
     "Nästa steg: senast när",
     "What next: by when",
     NULL,
     {NULL},
     false},
    {"next-step-state", "activity.detail.status", "", "next-step",
     "Mitä seuraavaksi: missä vaiheessa", "Nästa steg: hur långt", "What next: how far it is",
     "not-started", STATES, false},
    {"follow-up",
     "activity.detail.description",
     "",
     "follow-up",
     "Seuranta: miten",
     "Uppföljning: hur",
     "Follow-up: how",
     NULL,
     {NULL},
     false},
    {"follow-up-who",
     "activity.detail.performer.display",
     "",
     "follow-up",
     "Seuranta: kuka",
     "Uppföljning: vem",
     "Follow-up: who",
     NULL,
     {NULL},
     false},
    {"follow-up-when",
     "activity.detail.scheduledPeriod.end",
     "",
     "follow-up",
     "Seuranta: milloin",
     "Uppföljning: när",
     "Follow-up: when",
     NULL,
     {NULL},
     false},
    {"follow-up-state", "activity.detail.status", "", "follow-up", "Seuranta: missä vaiheessa",
     "Uppföljning: hur långt", "Follow-up: how far it is", "not-started", STATES, false},
    {"activity-kind",
     "activity.detail.code.coding.code",
     "",
     "",
     "Onko kohta askel vai seuranta",
     "Om punkten är ett steg eller uppföljning",
     "Whether it is a step or a follow-up",
     NULL,
     {"next-step", "follow-up"},
     false},
    {"responsible",
     TEAM_PATH ".member.display",
     "CareTeam",
     "responsible",
     "Vastuutyöntekijä",
     "Ansvarig arbetstagare",
     "The responsible professional",
     NULL,
     {NULL},
     false},
    {"responsible-unit",
     TEAM_PATH ".role.text",
     "CareTeam",
     "responsible",
     "Vastuutyöntekijän ammatti ja yksikkö",
     "Den ansvarigas yrke och enhet",
     "Profession and unit of the responsible professional",
     NULL,
     {NULL},
     false},
    {"deputy",
     TEAM_PATH ".member.display",
     "CareTeam",
     "deputy",
     "Varahenkilö",
     "Ersättare",
     "The deputy",
     NULL,
     {NULL},
     false},
    {"deputy-unit",
     TEAM_PATH ".role.text",
     "CareTeam",
     "deputy",
     "Varahenkilön ammatti ja yksikkö",
     "Ersättarens yrke och enhet",
     "Profession and unit of the deputy",
     NULL,
     {NULL},
     false},
    {"member",
     TEAM_PATH ".member.display",
     "CareTeam",
     "member",
     "Tiimin jäsen",
     "Medlem i teamet",
     "A member of the team",
     NULL,
     {NULL},
     false},
    {"member-unit",
     TEAM_PATH ".role.text",
     "CareTeam",
     "member",
     "Tiimin jäsenen ammatti ja yksikkö",
     "Teammedlemmens yrke och enhet",
     "Profession and unit of a member of the team",
     NULL,
     {NULL},
     false},
    {"team-role",
     TEAM_PATH ".role.coding.code",
     "CareTeam",
     "",
     "Tiimin jäsenen rooli",
     "Teammedlemmens roll",
     "Role in the team",
     NULL,
     {"responsible", "deputy", "member"},
     false},
    {"team",
     "contained.name",
     "CareTeam",
     "",
     "Oma tiimi",
     "Eget team",
     "The team",
     NULL,
     {NULL},
     false},
    {"contact-way",
     "contained.telecom.value",
     "CareTeam",
     "",
     "Sovittu yhteydenottotapa",
     "Överenskommet kontaktsätt",
     "Agreed contact way",
     NULL,
     {NULL},
     false},
    {"contact-words",
     "contained.note.text",
     "CareTeam",
     "",
     "Yhteydenotto sanoin",
     "Kontakt i ord",
     "Contact in words",
     NULL,
     {NULL},
     false},
    {"valid-from",
     "period.start",
     "",
     "",
     "Voimassa alkaen",
     "Gäller från",
     "Valid from",
     NULL,
     {NULL},
     false},
    {"valid-to",
     "period.end",
     "",
     "",
     "Tarkistetaan viimeistään",
     "Granskas senast",
     "Reviewed at the latest",
     NULL,
     {NULL},
     false},
    {"status",
     "status",
     "",
     "",
     "Suunnitelman tila",
     "Planens status",
     "Status of the plan",
     "active",
     {NULL},
     false},
    {"remark",
     "note.text",
     "",
     "",
     "Huomautus (ei korvaa lakisääteisiä suunnitelmia)",
     "Anmärkning (ersätter inte lagstadgade planer)",
     "Remark (does not replace statutory plans)",
     NULL,
     {NULL},
     false},
};

enum { PATH_BYTES_MAX = 256, STEPS_MAX = 16 };

// The contained resource or the activity that a leaf stands in, and the participant in it.
struct context {
    char path[PATH_BYTES_MAX];
    struct pn_slice in, role;
};

static struct pn_slice text_at(const struct pn_node *node, const char *const *path)
{
    for (; node != NULL && *path != NULL; path++) {
        node = pn_node_child(node, pn_slice_str(*path));
    }
    return node == NULL ? (struct pn_slice){0} : node->value;
}

static void look_around(const struct pn_node *node, struct context *context)
{
    static const char *const type[] = {"type", "coding", "code", NULL};
    static const char *const role[] = {"role", "coding", "code", NULL};
    static const char *const kind[] = {"detail", "code", "coding", "code", NULL};
    if (pn_slice_is(node->name, "contained")) {
        context->in = pn_node_text(node, "resourceType");
    } else if (pn_slice_is(node->name, "activity")) {
        context->role = text_at(node, kind);
    } else if (pn_slice_is(node->name, "participant")) {
        struct pn_slice found = text_at(node, type);
        context->role = found.len > 0 ? found : text_at(node, role);
    }
}

static bool find_context(const struct pn_node *plan, const struct pn_node *leaf,
                         struct context *context)
{
    const struct pn_node *steps[STEPS_MAX];
    unsigned count = 0;
    for (const struct pn_node *node = leaf; node != plan; node = node->parent) {
        if (node == NULL || count == STEPS_MAX) {
            return false;
        }
        steps[count++] = node;
        look_around(node, context);
    }
    struct pn_buf path;
    pn_buf_init(&path, sizeof context->path);
    while (count > 0) {
        pn_buf_add_slice(&path, steps[--count]->name);
        pn_buf_add_str(&path, count > 0 ? "." : "");
    }
    bool fits = pn_buf_ok(&path) && path.len < sizeof context->path;
    if (fits) {
        memcpy(context->path, path.data, path.len);
        context->path[path.len] = '\0';
    }
    pn_buf_release(&path);
    return fits;
}

static bool role_fits(const char *wanted, struct pn_slice role)
{
    return wanted[0] == '\0' ||
           (wanted[0] == '!' ? !pn_slice_is(role, wanted + 1) : pn_slice_is(role, wanted));
}

const struct pn_plan_item *pn_plan_item_of(const struct pn_node *plan, const struct pn_node *leaf)
{
    struct context context = {.path = ""};
    if (!find_context(plan, leaf, &context)) {
        return NULL;
    }
    for (size_t i = 0; i < PN_ARRAY_COUNT(items); i++) {
        const struct pn_plan_item *item = &items[i];
        if (strcmp(item->path, context.path) == 0 && pn_slice_is(context.in, item->in) &&
            role_fits(item->role, context.role)) {
            return item;
        }
    }
    return NULL;
}
