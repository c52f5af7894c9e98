// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/sources.h"

#include <string.h>

#include "base/clock.h"

enum { READ_AGAIN_MS = 1000 };

// "/adapter/oberon/PPK1" → "/adapter/oberon".
static struct pn_slice system_of(struct pn_slice source)
{
    unsigned slashes = 0;
    for (size_t i = 0; i < source.len; i++) {
        slashes += source.ptr[i] == '/' ? 1 : 0;
        if (slashes == 3) {
            return pn_slice_of(source.ptr, i);
        }
    }
    return source;
}

static struct pn_source *find(struct pn_sources *sources, struct pn_slice name)
{
    if (sources->last < sources->count && pn_slice_is(name, sources->items[sources->last].name)) {
        return &sources->items[sources->last];
    }
    for (unsigned i = 0; i < sources->count; i++) {
        if (pn_slice_is(name, sources->items[i].name)) {
            sources->last = i;
            return &sources->items[i];
        }
    }
    return NULL;
}

// --- The store -----------------------------------------------------------------------------------

static enum pn_code read_all(struct pn_sources *sources, struct pn_store *store, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value most = PN_INT(PN_SOURCES_MAX);
    // Those that only were silent once have nothing to say.
    enum pn_code code = pn_store_ask(store,
                                     "SELECT source, kinds, sectors, since_ms FROM sources"
                                     " WHERE kinds <> 0 OR since_ms <> 0 ORDER BY source LIMIT ?1",
                                     &most, 1, &rows, err);
    bool has_row = code == PN_OK;
    sources->count = sources->last = 0;
    while (code == PN_OK && has_row && sources->count < PN_SOURCES_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        struct pn_source *source = &sources->items[sources->count++];
        *source = (struct pn_source){.kinds = (uint32_t)pn_rows_int(rows, 1),
                                     .sectors = (uint32_t)pn_rows_int(rows, 2),
                                     .silent_since_ms = pn_rows_int(rows, 3)};
        struct pn_slice name = pn_rows_text(rows, 0);
        size_t len = name.len < PN_SOURCE_BYTES ? name.len : PN_SOURCE_BYTES - 1;
        memcpy(source->name, name.ptr, len);
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_sources_refresh(struct pn_sources *sources, struct pn_store *store, int64_t now_ms,
                                struct pn_err *err)
{
    if (sources->read_ms != 0 && now_ms - sources->read_ms < READ_AGAIN_MS) {
        return PN_OK;
    }
    enum pn_code code = read_all(sources, store, err);
    sources->read_ms = code == PN_OK ? now_ms : 0;
    return code;
}

static enum pn_code write_feeding(struct pn_store *store, struct pn_slice name, uint32_t kinds,
                                  uint32_t sectors, struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(name), PN_INT(kinds), PN_INT(sectors)};
    return pn_store_run(store,
                        "INSERT INTO sources (source, kinds, sectors, since_ms, told_ms)"
                        " VALUES (?1, ?2, ?3, 0, 0) ON CONFLICT (source) DO UPDATE SET"
                        " kinds = sources.kinds | excluded.kinds,"
                        " sectors = sources.sectors | excluded.sectors",
                        values, PN_ARRAY_COUNT(values), err);
}

enum pn_code pn_sources_heard(struct pn_sources *sources, struct pn_store *store,
                              const struct pn_event *event, const struct pn_fact_entry *fact,
                              struct pn_err *err)
{
    const uint32_t kind = UINT32_C(1) << fact->kind, sector = UINT32_C(1) << fact->sector;
    struct pn_slice name = system_of(event->source);
    struct pn_source *source = find(sources, name);
    if (source != NULL && (source->kinds & kind) != 0 && (source->sectors & sector) != 0) {
        return PN_OK;
    }
    bool has_room = source != NULL || sources->count < PN_SOURCES_MAX;
    if (!has_room || name.len == 0 || name.len >= PN_SOURCE_BYTES) {
        return PN_OK; // more systems than can be told apart
    }
    enum pn_code code = write_feeding(store, name, kind, sector, err);
    if (code == PN_OK && source == NULL) {
        source = &sources->items[sources->count++];
        *source = (struct pn_source){.kinds = 0};
        memcpy(source->name, name.ptr, name.len);
    }
    if (code == PN_OK) {
        source->kinds |= kind;
        source->sectors |= sector;
    }
    return code;
}

enum pn_code pn_sources_take_feed(struct pn_sources *sources, struct pn_store *store,
                                  const struct pn_event *event, struct pn_err *err)
{
    bool is_silent = pn_slice_is(event->type, PN_EVENT_FEED_SILENT);
    const struct pn_value values[] = {
        PN_TEXT(event->source), PN_INT(is_silent ? event->time_ms : 0), PN_INT(event->recorded_ms)};
    enum pn_code code =
        pn_store_run(store,
                     "INSERT INTO sources (source, kinds, sectors, since_ms, told_ms)"
                     " VALUES (?1, 0, 0, ?2, ?3) ON CONFLICT (source) DO UPDATE SET"
                     " since_ms = excluded.since_ms, told_ms = excluded.told_ms"
                     " WHERE excluded.told_ms >= sources.told_ms",
                     values, PN_ARRAY_COUNT(values), err);
    sources->read_ms = 0;
    return code;
}

// --- Which rules ---------------------------------------------------------------------------------

static bool filter_meets(const struct pn_filter *filter, uint32_t kinds, uint32_t sectors)
{
    return (filter->kinds & kinds) != 0 &&
           (filter->sectors == 0 || (filter->sectors & sectors) != 0);
}

static bool leaf_meets(const struct pn_rule *rule, const struct pn_node *leaf, uint32_t kinds,
                       uint32_t sectors)
{
    for (unsigned s = 0; s < leaf->step_count; s++) {
        const struct pn_filter *filter = leaf->steps[s];
        const struct pn_filter *where = filter == rule->scope.not_with ? NULL : rule->scope.where;
        if (filter_meets(filter, kinds, sectors) &&
            (where == NULL || filter_meets(where, kinds, sectors))) {
            return true;
        }
    }
    return false;
}

bool pn_source_feeds(const struct pn_sources *sources, unsigned place, const struct pn_rule *rule)
{
    const struct pn_source *source = &sources->items[place];
    struct pn_slice system = system_of(pn_slice_str(source->name));
    uint32_t kinds = source->kinds, sectors = source->sectors;
    for (unsigned i = 0; i < sources->count && kinds == 0; i++) {
        if (pn_slice_is(system, sources->items[i].name)) {
            kinds = sources->items[i].kinds;
            sectors = sources->items[i].sectors;
        }
    }
    if (kinds == 0) {
        return source->silent_since_ms != 0;
    }
    for (unsigned i = 0; i < rule->node_count; i++) {
        if (pn_node_is_leaf(rule->nodes[i].kind) &&
            leaf_meets(rule, &rule->nodes[i], kinds, sectors)) {
            return true;
        }
    }
    return false;
}
