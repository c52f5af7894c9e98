// SPDX-License-Identifier: Apache-2.0
/*
 * A downloaded code list over today's table: whatever the bytes, it becomes rows in order, each
 * with a code and a name of its own, whose changes add up; or it is refused with a place. The first
 * line of the input is the column map (--map), empty for the usual names.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/text.h"
#include "services/tool/codes_list.h"

#define NOW_MS 1795262400000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pn_codes *today, const struct pn_codes_news *news)
{
    const struct pn_codes *codes = &news->codes;
    unsigned changes = 0;
    for (unsigned i = 0; i < codes->count; i++) {
        const struct pn_codes_row *row = &codes->rows[i];
        assert(row->from.len > 0 && row->display.len > 0);
        assert(pn_utf8_is_valid(row->from) && pn_utf8_is_valid(row->display));
        assert(pn_utf8_is_valid(row->system) && pn_utf8_is_valid(row->note));
        assert(pn_codes_find(codes, row->from) == row);
    }
    for (unsigned i = 0; i < PN_CODES_CHANGES; i++) {
        changes += news->counts[i];
    }
    assert(changes == news->change_count);
    assert(news->counts[PN_CODES_ADDED] + news->counts[PN_CODES_RENAMED] + news->same ==
           codes->count);
    assert(news->counts[PN_CODES_REMOVED] + news->counts[PN_CODES_RENAMED] + news->same ==
           today->count);
    assert(news->expired <= codes->count && news->unexplained <= codes->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    struct pn_codes_row rows[] = {
        {.from = pn_slice_str("R10"), .to = pn_slice_str("R10"), .display = pn_slice_str("vanha")},
        {.from = pn_slice_str("R20"), .to = pn_slice_str("AMB"), .display = pn_slice_str("toinen")},
    };
    const struct pn_codes today = {.rows = rows, .count = 2};
    struct pn_slice list, map = pn_slice_of((const char *)data, size);
    struct pn_codes_news news = {0};
    struct pn_err err = {0};
    arena = arena == NULL ? pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX) : arena;
    pn_arena_reset(arena);
    map = pn_slice_split(map, '\n', &list);
    const char *map_text = map.len == 0 ? NULL : pn_arena_copy(arena, map);
    const struct pn_codes_list_options options = {
        .bytes = list, .file = "list.txt", .map = map_text, .now_ms = NOW_MS};
    if (pn_codes_list_read(arena, &options, &today, &news, &err) == PN_OK) {
        check(&today, &news);
    } else {
        assert(err.where[0] != '\0' && err.text[0] != '\0');
    }
    return 0;
}
