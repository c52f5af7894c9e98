// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as an event's data: every slice of the facts lies inside them.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "event/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(struct pn_slice slice, const uint8_t *bytes, size_t len)
{
    const uint8_t *start = (const uint8_t *)slice.ptr;
    assert(slice.len == 0 || (start >= bytes && start + slice.len <= bytes + len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct pn_event event = {.type = pn_slice_str("fi.punos.visit.finished.v1"),
                             .sector = pn_slice_str("primary"),
                             .data = pn_slice_of((const char *)bytes, len)};
    struct pn_facts facts;
    struct pn_err err = {0};
    if (pn_facts_read(&event, &facts, &err) == PN_OK) {
        check(facts.id, bytes, len);
        check(facts.status, bytes, len);
        check(facts.unit, bytes, len);
        check(facts.service, bytes, len);
        check(facts.profession, bytes, len);
    }
    return 0;
}
