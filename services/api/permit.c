// SPDX-License-Identifier: Apache-2.0
#include "services/api/permit.h"

#include "fhir/json.h"

enum { CONSENTS_MAX = 100 };

#define SECTOR_SYSTEM "https://punos.fi/fhir/CodeSystem/sector"

static uint32_t class_bits(const cJSON *codings)
{
    uint32_t bits = 0;
    const cJSON *coding = NULL;
    cJSON_ArrayForEach(coding, codings)
    {
        enum pn_data_class data_class = pn_class_parse(pn_json_text(coding, "code"));
        if (pn_slice_is(pn_json_text(coding, "system"), PN_DATA_CLASS_SYSTEM) &&
            data_class != PN_CLASS_COUNT) {
            bits |= UINT32_C(1) << data_class;
        }
    }
    return bits;
}

static uint32_t sector_bits(const cJSON *codings)
{
    uint32_t bits = 0;
    const cJSON *coding = NULL;
    cJSON_ArrayForEach(coding, codings)
    {
        enum pn_sector sector = pn_sector_parse(pn_json_text(coding, "code"));
        if (pn_slice_is(pn_json_text(coding, "system"), SECTOR_SYSTEM) &&
            sector != PN_SECTOR_UNKNOWN) {
            bits |= UINT32_C(1) << sector;
        }
    }
    return bits;
}

// The sectors that a permit names as those who may see (provision.actor, role IRCP).
static uint32_t recipient_bits(const cJSON *actors)
{
    uint32_t bits = 0;
    const cJSON *actor = NULL;
    cJSON_ArrayForEach(actor, actors)
    {
        const cJSON *reference = cJSON_GetObjectItemCaseSensitive(actor, "reference");
        const cJSON *identifier = cJSON_GetObjectItemCaseSensitive(reference, "identifier");
        enum pn_sector sector = pn_sector_parse(pn_json_text(identifier, "value"));
        if (pn_slice_is(pn_json_text(identifier, "system"), SECTOR_SYSTEM) &&
            sector != PN_SECTOR_UNKNOWN) {
            bits |= UINT32_C(1) << sector;
        }
    }
    return bits;
}

// From social care to social care, or within health care (54, 55 §): opens nothing between the two.
static bool stays_within(const cJSON *provision, uint32_t sectors)
{
    uint32_t recipients = recipient_bits(cJSON_GetObjectItemCaseSensitive(provision, "actor"));
    return sectors != 0 && recipients != 0 && (recipients & ~sectors) == 0;
}

void pn_permits_add(struct pn_permits *permits, const cJSON *consent)
{
    const cJSON *provision = cJSON_GetObjectItemCaseSensitive(consent, "provision");
    struct pn_slice type = pn_json_text(provision, "type");
    bool is_active = pn_slice_is(pn_json_text(consent, "status"), "active");
    uint32_t sectors = sector_bits(cJSON_GetObjectItemCaseSensitive(provision, "class"));
    uint32_t named = sectors != 0 ? sectors : UINT32_MAX;
    uint32_t classes = class_bits(cJSON_GetObjectItemCaseSensitive(provision, "securityLabel"));
    if (pn_slice_is(type, "permit") && stays_within(provision, sectors)) {
        return;
    }
    if (pn_slice_is(type, "permit") && is_active) {
        permits->has_permit = true;
        permits->classes |= classes;
        permits->prohibited_sectors &= ~named;
    } else if (pn_slice_is(type, "permit")) {
        permits->has_permit = false;
        permits->classes = 0;
    } else if (pn_slice_is(type, "deny") && is_active) {
        permits->prohibited_sectors |= named;
        permits->classes &= ~(classes != 0 ? classes : UINT32_MAX);
    }
}

enum pn_code pn_permits_read(struct pn_timeline *timeline, struct pn_arena *arena,
                             struct pn_slice client_key, struct pn_permits *ret_permits,
                             struct pn_err *err)
{
    struct pn_entry_filter filter = {.kinds = UINT32_C(1) << PN_KIND_CONSENT,
                                     .with_withdrawn = true};
    struct pn_entry *consents = pn_arena_alloc_array(arena, CONSENTS_MAX, sizeof *consents);
    char next[PN_CURSOR_BYTES];
    unsigned count = 0;
    if (consents == NULL) {
        return pn_err_set(err, PN_LIMIT, "Consent", "no memory for the client's permits");
    }
    enum pn_code code = pn_timeline_page(timeline, arena, client_key, &filter, consents,
                                         CONSENTS_MAX, &count, next, err);
    struct pn_permits permits = {0};
    while (code == PN_OK && count > 0) {
        cJSON *consent = NULL;
        code = pn_json_parse(consents[--count].data, &consent, err);
        if (code == PN_OK) {
            pn_permits_add(&permits, consent);
        }
    }
    if (code == PN_OK) {
        *ret_permits = permits;
    }
    return code;
}
