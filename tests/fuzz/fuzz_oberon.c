// SPDX-License-Identifier: Apache-2.0
// Any bytes as a message from Oberon: persons and events, or a refusal with a place and a reason,
// or a reason why nothing comes of it.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "fhir/json.h"
#include "map/adapter.h"

#define BOOT_BYTES_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct pn_adapter *load(void)
{
    struct pn_adapter *adapter = NULL;
    struct pn_err err = {0};
    struct pn_arena *boot = pn_arena_new(BOOT_BYTES_MAX);
    if (boot == NULL ||
        pn_adapter_load(boot, PN_SOURCE_DIR "/adapters/oberon", &adapter, &err) != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
        abort();
    }
    return adapter;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_adapter *adapter;
    static struct pn_arena *arena;
    if (adapter == NULL) {
        adapter = load();
        arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    }
    struct pn_message_in message = {.bytes = pn_slice_of((const char *)data, size),
                                    .transport = PN_TRANSPORT_MLLP,
                                    .received_ms = 1795262400000,
                                    .content_type = "",
                                    .file_name = ""};
    struct pn_mapped mapped = {0};
    struct pn_err err = {0};
    enum pn_code code = pn_adapter_decode(adapter, arena, &message, &mapped, &err);
    if (code != PN_OK && (err.code != code || err.text[0] == '\0')) {
        abort();
    }
    // What is ignored says why and has nothing; an ACK is an event about no person.
    if (code == PN_OK && mapped.ignored == NULL &&
        (mapped.control_id.len == 0 || mapped.person_count + mapped.event_count == 0)) {
        abort();
    }
    pn_json_use_arena(NULL);
    pn_arena_reset(arena);
    return 0;
}
