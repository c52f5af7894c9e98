// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a rule file: read it, or say where it is wrong.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "services/identify/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct pn_arena *arena;
    if (arena == NULL) {
        arena = pn_arena_new(64 * 1024 * 1024);
    }
    pn_arena_reset(arena);
    struct pn_ruleset *rules = pn_arena_alloc(arena, sizeof *rules);
    struct pn_err err = {0};
    assert(rules != NULL);
    enum pn_code code =
        pn_rules_parse(arena, "fuzz", pn_slice_of((const char *)bytes, len), rules, &err);
    assert(code == PN_OK || err.text[0] != '\0');
    for (unsigned i = 0; code == PN_OK && i < rules->count; i++) {
        assert(rules->rules[i].lapse_below <= rules->rules[i].threshold);
        assert(rules->rules[i].node_count > 0 && rules->rules[i].leaf_count > 0);
        assert(rules->rules[i].nodes[0].end == rules->rules[i].node_count);
    }
    return 0;
}
