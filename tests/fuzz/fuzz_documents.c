// SPDX-License-Identifier: Apache-2.0
// Any bytes as a document from YPH Effica. An input that begins with a digit is the JSON of the
// structure of that number, in a sound frame: mutations of XML alone seldom pass the Base64. What
// comes out is persons and valid FHIR of theirs, or a refusal with a place and a reason.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "fhir/fhir.h"
#include "fhir/json.h"
#include "map/adapter.h"

#define BOOT_BYTES_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const structures[] = {"1505.1.2023.6.1",       "1506.19005.2022.1.10",
                                         "1506.19004.2022.1.10",  "1506.19006.2022.9.28",
                                         "1506.4006.2023.5.31",   "1506.15007.2024.11.28",
                                         "1506.15020.2024.11.28", "1506.19014.2022.1.10"};

static struct pn_adapter *load(void)
{
    struct pn_adapter *adapter = NULL;
    struct pn_err err = {0};
    struct pn_arena *boot = pn_arena_new(BOOT_BYTES_MAX);
    if (boot == NULL ||
        pn_adapter_load(boot, PN_SOURCE_DIR "/adapters/yph-effica", &adapter, &err) != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
        abort();
    }
    return adapter;
}

static void add_framed(struct pn_buf *out, const char *structure, struct pn_slice json)
{
    pn_buf_printf(out,
                  "<ClinicalDocument><setId root=\"1.2.3\"/><versionNumber value=\"1\"/>"
                  "<localSocialHeader><creationTime value=\"20261120121500+0200\"/>"
                  "<functionCode code=\"24\"/><contentSpecificationId "
                  "root=\"1.2.246.537.6.%s\"/></localSocialHeader><component><nonXMLBody><json>",
                  structure);
    pn_base64_add(out, json.ptr, json.len);
    pn_buf_add_str(out, "</json></nonXMLBody></component></ClinicalDocument>");
}

// The hub names the client before it looks at a resource; here only the look is wanted.
static void check_events(const struct pn_mapped *mapped)
{
    for (unsigned i = 0; i < mapped->event_count; i++) {
        const struct pn_mapped_event *event = &mapped->events[i];
        struct pn_fhir_report *report = calloc(1, sizeof *report);
        assert(report != NULL);
        assert(event->person >= 0 && (unsigned)event->person < mapped->person_count);
        assert(pn_json_text(event->resource, "id").len == 36);
        (void)pn_fhir_validate(event->resource, report);
        free(report);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_adapter *adapter;
    static struct pn_arena *arena;
    if (adapter == NULL) {
        adapter = load();
        arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    }
    struct pn_slice bytes = pn_slice_of((const char *)data, size);
    struct pn_buf framed;
    pn_buf_init(&framed, PN_MESSAGE_BYTES_MAX);
    if (size > 0 && data[0] >= '0' && data[0] <= '9') {
        add_framed(&framed, structures[data[0] % PN_ARRAY_COUNT(structures)],
                   pn_slice_of(bytes.ptr + 1, bytes.len - 1));
        bytes = pn_buf_slice(&framed);
    }
    struct pn_message_in message = {.bytes = bytes,
                                    .transport = PN_TRANSPORT_HTTP,
                                    .received_ms = 1795262400000,
                                    .content_type = "application/xml",
                                    .file_name = ""};
    struct pn_mapped mapped = {0};
    struct pn_err err = {0};
    enum pn_code code = pn_adapter_decode(adapter, arena, &message, &mapped, &err);
    assert(code == PN_OK || (err.code == code && err.text[0] != '\0'));
    assert(code != PN_OK || mapped.ignored != NULL ||
           (mapped.control_id.len > 0 && mapped.person_count > 0));
    check_events(&mapped);
    pn_buf_release(&framed);
    pn_json_use_arena(NULL);
    pn_arena_reset(arena);
    return 0;
}
