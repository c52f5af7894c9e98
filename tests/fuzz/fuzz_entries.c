// SPDX-License-Identifier: Apache-2.0
// A FHIR Bundle taken apart: whatever comes, each entry's message is bounded and JSON again.
#include <stdlib.h>

#include "fhir/entries.h"

enum { ARENA_BYTES = 64 * 1024 * 1024, OUT_BYTES = 1024 * 1024, ENTRIES_TRIED = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES);
    struct pn_entries *entries = NULL, *again = NULL;
    struct pn_err err = {0};
    struct pn_buf out;
    pn_buf_init(&out, OUT_BYTES);
    if (pn_entries_read(arena, pn_slice_of((const char *)bytes, len), &entries, &err) == PN_OK) {
        for (unsigned i = 0; i < entries->count && i < ENTRIES_TRIED; i++) {
            pn_buf_clear(&out);
            if (pn_entries_write(entries, i, &out, &err) == PN_OK &&
                pn_entries_read(arena, pn_buf_slice(&out), &again, &err) == PN_INVALID) {
                abort();
            }
        }
    }
    pn_buf_release(&out);
    pn_arena_free(arena);
    return 0;
}
