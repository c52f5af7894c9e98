// SPDX-License-Identifier: Apache-2.0
// The invariants that are more than a rule over which members are there, each named by its key.
#include <string.h>

#include "fhir/invariant_calls.h"

#include "base/words.h"

#define UCUM "http://unitsofmeasure.org"
#define CONDITION_CLINICAL "http://terminology.hl7.org/CodeSystem/condition-clinical"
#define CONDITION_VERIFICATION "http://terminology.hl7.org/CodeSystem/condition-ver-status"

enum { CODINGS_COMPARED_MAX = 64 };

typedef const struct pn_fhir_check checking;

static struct pn_slice text(const cJSON *node, const char *name)
{
    return pn_fhir_primitive_text(pn_fhir_member(node, name));
}

static const cJSON *object(const cJSON *node, const char *name)
{
    const cJSON *found = pn_fhir_member(node, name);
    return cJSON_IsObject(found) ? found : NULL;
}

static const cJSON *first_item(const cJSON *node, const char *name)
{
    const cJSON *found = pn_fhir_member(node, name);
    return cJSON_IsArray(found) ? found->child : NULL;
}

static bool number(const cJSON *node, const char *name, double *ret_value)
{
    const cJSON *found = pn_fhir_member(node, name);
    if (!pn_json_is_number(found)) {
        return false;
    }
    *ret_value = found->valuedouble;
    return true;
}

static bool is_ucum_or_no_system(const cJSON *node)
{
    return !pn_fhir_has(node, "system") || pn_fhir_is(node, "system", UCUM);
}

// --- Data types ----------------------------------------------------------------------------------

bool pn_fhir_age_1(const cJSON *node, checking *check)
{
    (void)check;
    double value = 1;
    return (pn_fhir_has(node, "code") || !pn_fhir_has(node, "value")) &&
           is_ucum_or_no_system(node) && (!number(node, "value", &value) || value > 0);
}

bool pn_fhir_cnt_3(const cJSON *node, checking *check)
{
    (void)check;
    struct pn_slice value = text(node, "value");
    return (pn_fhir_has(node, "code") || !pn_fhir_has(node, "value")) &&
           is_ucum_or_no_system(node) &&
           (!pn_fhir_has(node, "code") || pn_fhir_is(node, "code", "1")) &&
           (value.len == 0 || memchr(value.ptr, '.', value.len) == NULL);
}

bool pn_fhir_dis_1(const cJSON *node, checking *check)
{
    (void)check;
    return (pn_fhir_has(node, "code") || !pn_fhir_has(node, "value")) && is_ucum_or_no_system(node);
}

bool pn_fhir_drt_1(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_has(node, "code") ||
           (pn_fhir_is(node, "system", UCUM) && pn_fhir_has(node, "value"));
}

bool pn_fhir_per_1(const cJSON *node, checking *check)
{
    (void)check;
    return pn_fhir_is_in_order(text(node, "start"), text(node, "end"));
}

bool pn_fhir_rng_2(const cJSON *node, checking *check)
{
    (void)check;
    const cJSON *low = object(node, "low");
    const cJSON *high = object(node, "high");
    double from = 0;
    double to = 0;
    if (low == NULL || high == NULL || !number(low, "value", &from) ||
        !number(high, "value", &to)) {
        return true;
    }
    bool same_unit = pn_slice_eq(text(low, "code"), text(high, "code")) &&
                     pn_slice_eq(text(low, "unit"), text(high, "unit"));
    return !same_unit || from <= to;
}

bool pn_fhir_rat_1(const cJSON *node, checking *check)
{
    (void)check;
    bool any = pn_fhir_has(node, "numerator");
    return any == pn_fhir_has(node, "denominator") && (any || pn_fhir_has(node, "extension"));
}

bool pn_fhir_tim_4(const cJSON *node, checking *check)
{
    (void)check;
    double value = 0;
    return !number(node, "duration", &value) || value >= 0;
}

bool pn_fhir_tim_5(const cJSON *node, checking *check)
{
    (void)check;
    double value = 0;
    return !number(node, "period", &value) || value >= 0;
}

bool pn_fhir_tim_9(const cJSON *node, checking *check)
{
    (void)check;
    static const char *const meals[] = {"C", "CM", "CD", "CV", NULL};
    if (!pn_fhir_has(node, "offset")) {
        return true;
    }
    for (const cJSON *when = first_item(node, "when"); when != NULL; when = when->next) {
        if (pn_words_hold(meals, pn_fhir_primitive_text(when))) {
            return false;
        }
    }
    return pn_fhir_has(node, "when");
}

bool pn_fhir_trd_3(const cJSON *node, checking *check)
{
    (void)check;
    struct pn_slice type = text(node, "type");
    if (pn_slice_is(type, "named-event")) {
        return pn_fhir_has(node, "name");
    }
    if (pn_slice_is(type, "periodic")) {
        return pn_fhir_has(node, "timing[x]");
    }
    return !pn_slice_starts_with(type, "data-") || pn_fhir_has(node, "data");
}

// --- Resources -----------------------------------------------------------------------------------

bool pn_fhir_app_3(const cJSON *node, checking *check)
{
    (void)check;
    return (pn_fhir_has(node, "start") && pn_fhir_has(node, "end")) ||
           pn_fhir_is(node, "status", "proposed") || pn_fhir_is(node, "status", "cancelled") ||
           pn_fhir_is(node, "status", "waitlist");
}

bool pn_fhir_app_4(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_has(node, "cancelationReason") || pn_fhir_is(node, "status", "noshow") ||
           pn_fhir_is(node, "status", "no-show") || pn_fhir_is(node, "status", "cancelled");
}

static bool bundle_is(const cJSON *node, const char *const *types, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (pn_fhir_is(node, "type", types[i])) {
            return true;
        }
    }
    return false;
}

// Every entry has the member exactly when the bundle's type asks for it.
static bool entries_have(const cJSON *node, const char *name, bool wanted)
{
    for (const cJSON *entry = first_item(node, "entry"); entry != NULL; entry = entry->next) {
        if (cJSON_IsObject(entry) && pn_fhir_has(entry, name) != wanted) {
            return false;
        }
    }
    return true;
}

bool pn_fhir_bdl_1(const cJSON *node, checking *check)
{
    (void)check;
    static const char *const types[] = {"searchset", "history"};
    return !pn_fhir_has(node, "total") || bundle_is(node, types, PN_ARRAY_COUNT(types));
}

bool pn_fhir_bdl_2(const cJSON *node, checking *check)
{
    (void)check;
    return pn_fhir_is(node, "type", "searchset") || entries_have(node, "search", false);
}

bool pn_fhir_bdl_3(const cJSON *node, checking *check)
{
    (void)check;
    static const char *const types[] = {"batch", "transaction", "history"};
    return entries_have(node, "request", bundle_is(node, types, PN_ARRAY_COUNT(types)));
}

bool pn_fhir_bdl_4(const cJSON *node, checking *check)
{
    (void)check;
    static const char *const types[] = {"batch-response", "transaction-response", "history"};
    return entries_have(node, "response", bundle_is(node, types, PN_ARRAY_COUNT(types)));
}

bool pn_fhir_bdl_8(const cJSON *node, checking *check)
{
    (void)check;
    struct pn_slice url = text(node, "fullUrl");
    return url.len == 0 || memmem(url.ptr, url.len, "/_history/", 10) == NULL;
}

bool pn_fhir_bdl_9(const cJSON *node, checking *check)
{
    (void)check;
    const cJSON *identifier = object(node, "identifier");
    return !pn_fhir_is(node, "type", "document") ||
           (identifier != NULL && pn_fhir_has(identifier, "system") &&
            pn_fhir_has(identifier, "value"));
}

bool pn_fhir_bdl_10(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_is(node, "type", "document") || text(node, "timestamp").len > 0;
}

static bool starts_with_a(const cJSON *node, const char *resource_type)
{
    const cJSON *entry = first_item(node, "entry");
    const cJSON *resource = cJSON_IsObject(entry) ? object(entry, "resource") : NULL;
    return resource != NULL && pn_fhir_is(resource, "resourceType", resource_type);
}

bool pn_fhir_bdl_11(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_is(node, "type", "document") || starts_with_a(node, "Composition");
}

bool pn_fhir_bdl_12(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_is(node, "type", "message") || starts_with_a(node, "MessageHeader");
}

bool pn_fhir_cpb_3(const cJSON *node, checking *check)
{
    (void)check;
    if (pn_fhir_is(node, "kind", "instance")) {
        return true;
    }
    for (const cJSON *one = first_item(node, "messaging"); one != NULL; one = one->next) {
        if (cJSON_IsObject(one) && pn_fhir_has(one, "endpoint")) {
            return false;
        }
    }
    return true;
}

bool pn_fhir_cpb_14(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_is(node, "kind", "instance") || pn_fhir_has(node, "implementation");
}

bool pn_fhir_cpb_15(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_is(node, "kind", "capability") ||
           (!pn_fhir_has(node, "implementation") && pn_fhir_has(node, "software"));
}

bool pn_fhir_cpb_16(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_is(node, "kind", "requirements") ||
           (!pn_fhir_has(node, "implementation") && !pn_fhir_has(node, "software"));
}

bool pn_fhir_cpb_9(const cJSON *node, checking *check)
{
    (void)check;
    bool seen[PN_FHIR_TYPE_COUNT] = {false};
    for (const cJSON *one = first_item(node, "resource"); one != NULL; one = one->next) {
        int type = cJSON_IsObject(one) ? pn_fhir_type_find(text(one, "type")) : PN_FHIR_NO_TYPE;
        if (type != PN_FHIR_NO_TYPE && seen[type]) {
            return false;
        }
        if (type != PN_FHIR_NO_TYPE) {
            seen[type] = true;
        }
    }
    return true;
}

// Only a reference that names another type is certainly wrong.
bool pn_fhir_ctm_1(const cJSON *node, checking *check)
{
    (void)check;
    int type = PN_FHIR_NO_TYPE;
    const cJSON *member = object(node, "member");
    if (!pn_fhir_has(node, "onBehalfOf") || member == NULL) {
        return true;
    }
    (void)pn_fhir_reference_read(text(member, "reference"), &type);
    return type == PN_FHIR_NO_TYPE || type == PN_FHIR_T_PRACTITIONER;
}

bool pn_fhir_con_3(const cJSON *node, checking *check)
{
    (void)check;
    return pn_fhir_has(node, "clinicalStatus") ||
           pn_fhir_has_coding(node, "verificationStatus", CONDITION_VERIFICATION,
                              "entered-in-error") ||
           !pn_fhir_has_coding(node, "category", NULL, "problem-list-item");
}

bool pn_fhir_con_4(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_has(node, "abatement[x]") ||
           pn_fhir_has_coding(node, "clinicalStatus", CONDITION_CLINICAL, "resolved") ||
           pn_fhir_has_coding(node, "clinicalStatus", CONDITION_CLINICAL, "remission") ||
           pn_fhir_has_coding(node, "clinicalStatus", CONDITION_CLINICAL, "inactive");
}

bool pn_fhir_con_5(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_has(node, "clinicalStatus") ||
           !pn_fhir_has_coding(node, "verificationStatus", CONDITION_VERIFICATION,
                               "entered-in-error");
}

bool pn_fhir_grp_1(const cJSON *node, checking *check)
{
    (void)check;
    return !pn_fhir_has(node, "member") || pn_fhir_is(node, "actual", "true");
}

// Whether a coding of `code` stands in the component's code as well.
static bool shares_coding(const cJSON *code, const cJSON *component)
{
    const cJSON *other = object(component, "code");
    for (const cJSON *one = first_item(other == NULL ? component : other, "coding"); one != NULL;
         one = one->next) {
        unsigned compared = 0;
        for (const cJSON *mine = first_item(code, "coding");
             mine != NULL && compared < CODINGS_COMPARED_MAX; mine = mine->next, compared++) {
            if (cJSON_Compare(one, mine, true)) {
                return true;
            }
        }
    }
    return false;
}

bool pn_fhir_obs_7(const cJSON *node, checking *check)
{
    (void)check;
    const cJSON *code = object(node, "code");
    if (code == NULL || !pn_fhir_has(node, "value[x]")) {
        return true;
    }
    for (const cJSON *one = first_item(node, "component"); one != NULL; one = one->next) {
        if (cJSON_IsObject(one) && shares_coding(code, one)) {
            return false;
        }
    }
    return true;
}

static bool none_is_home(const cJSON *node, const char *name)
{
    for (const cJSON *one = first_item(node, name); one != NULL; one = one->next) {
        if (cJSON_IsObject(one) && pn_fhir_is(one, "use", "home")) {
            return false;
        }
    }
    return true;
}

bool pn_fhir_org_2(const cJSON *node, checking *check)
{
    (void)check;
    return none_is_home(node, "address");
}

bool pn_fhir_org_3(const cJSON *node, checking *check)
{
    (void)check;
    return none_is_home(node, "telecom");
}

bool pn_fhir_parameter_inv_1(const cJSON *node, checking *check)
{
    (void)check;
    int count =
        pn_fhir_has(node, "part") + pn_fhir_has(node, "value[x]") + pn_fhir_has(node, "resource");
    return count == 1;
}

static bool is_percentage(const cJSON *range, const char *name)
{
    const cJSON *bound = object(range, name);
    return bound == NULL || (pn_fhir_is(bound, "code", "%") && pn_fhir_is(bound, "system", UCUM));
}

bool pn_fhir_ras_1(const cJSON *node, checking *check)
{
    (void)check;
    const cJSON *range = object(node, "probabilityRange");
    return range == NULL || (is_percentage(range, "low") && is_percentage(range, "high"));
}

bool pn_fhir_ras_2(const cJSON *node, checking *check)
{
    (void)check;
    double value = 0;
    return !number(node, "probabilityDecimal", &value) || value <= 100;
}

bool pn_fhir_task_inv_1(const cJSON *node, checking *check)
{
    (void)check;
    return pn_fhir_is_in_order(text(node, "authoredOn"), text(node, "lastModified"));
}
