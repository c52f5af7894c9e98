// SPDX-License-Identifier: Apache-2.0
/*
 * The pages of a polled FHIR server, one after another (between them a byte 0x1E): whatever they
 * say, the walk goes on, ends or is given up with a reason, never twice to the same link; and its
 * cursor neither goes back nor beyond the server's own clock.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "services/ingest/poll_search.h"

#define FROM_MS 1790000000000
#define SERVER_MS 1795262400000

enum { PAGES_TRIED = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool turn(struct pn_poll_walk *walk, struct pn_arena *arena, struct pn_slice text)
{
    struct pn_entries *page = NULL;
    struct pn_err err = {0};
    enum pn_poll_next next = PN_POLL_END;
    int64_t from_ms = walk->from_ms;
    pn_arena_reset(arena);
    enum pn_code code = pn_entries_read(arena, text, &page, &err);
    if (code == PN_OK) {
        code = pn_poll_walk_page(walk, page, "Encounter", SERVER_MS, &next, &err);
    }
    if (code != PN_OK) {
        assert(err.where[0] != '\0' && err.text[0] != '\0');
        return false;
    }
    assert(walk->from_ms >= from_ms && walk->from_ms <= SERVER_MS);
    assert(walk->newest_ms <= SERVER_MS && walk->proven_ms <= walk->newest_ms);
    assert(next != PN_POLL_ASK || walk->from_ms > from_ms);
    assert(next != PN_POLL_FOLLOW || page->next.len > 0);
    if (next == PN_POLL_FOLLOW && pn_poll_walk_visit(walk, page->next)) {
        assert(!pn_poll_walk_visit(walk, page->next));
    }
    return next != PN_POLL_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    static struct pn_poll_walk *walk;
    struct pn_slice rest = pn_slice_of((const char *)data, size);
    if (arena == NULL) {
        arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
        walk = calloc(1, sizeof *walk);
    }
    pn_poll_walk_start(walk, FROM_MS);
    for (unsigned i = 0; i < PAGES_TRIED && rest.len > 0; i++) {
        if (!turn(walk, arena, pn_slice_split(rest, '\x1e', &rest))) {
            break;
        }
    }
    return 0;
}
