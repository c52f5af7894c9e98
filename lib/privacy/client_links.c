// SPDX-License-Identifier: Apache-2.0
#include "privacy/client_links.h"

#include "base/clock.h"
#include "fhir/json.h"

enum { LINK_IDENTIFIED = 1, LINK_MERGED = 2, LINK_ROWS_MAX = 4 * PN_CLIENT_LINKED_MAX };

struct node {
    int64_t number, canonical;
    bool is_official, is_absorbed;
    int64_t stated_ms; // when something was last absorbed into it
};

// The keys that active links connect, and those links.
struct component {
    struct node nodes[PN_CLIENT_LINKED_MAX];
    unsigned count;
};

// --- A component ---------------------------------------------------------------------------------

static struct node *find_node(struct component *component, int64_t number)
{
    for (unsigned i = 0; i < component->count; i++) {
        if (component->nodes[i].number == number) {
            return &component->nodes[i];
        }
    }
    return NULL;
}

static enum pn_code add_node(struct pn_store *store, struct component *component, int64_t number,
                             struct pn_err *err)
{
    if (find_node(component, number) != NULL) {
        return PN_OK;
    }
    if (component->count == PN_CLIENT_LINKED_MAX) {
        return pn_err_set(err, PN_LIMIT, "Patient.link", "more than %d keys would be one client",
                          PN_CLIENT_LINKED_MAX);
    }
    struct pn_rows *rows = NULL;
    bool has_row = false;
    struct node node = {.number = number, .canonical = number};
    const struct pn_value values[] = {PN_INT(number)};
    enum pn_code code =
        pn_store_ask(store, "SELECT canonical, official FROM client_keys WHERE client = ?1", values,
                     1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        node.canonical = pn_rows_int(rows, 0);
        node.is_official = pn_rows_int(rows, 1) != 0;
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        component->nodes[component->count++] = node;
    }
    return code;
}

// The active links of one key: the keys at their other ends, and what they say of it.
static enum pn_code follow(struct pn_store *store, struct component *component, unsigned at,
                           struct pn_err *err)
{
    int64_t others[LINK_ROWS_MAX];
    unsigned count = 0;
    struct node *node = &component->nodes[at];
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(node->number)};
    enum pn_code code =
        pn_store_ask(store,
                     "SELECT absorbed, absorber, recorded_ms FROM client_links WHERE active = 1"
                     " AND (absorbed = ?1 OR absorber = ?1)",
                     values, 1, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < LINK_ROWS_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        int64_t absorbed = pn_rows_int(rows, 0), recorded_ms = pn_rows_int(rows, 2);
        bool is_absorbed = absorbed == node->number;
        node->is_absorbed = node->is_absorbed || is_absorbed;
        node->stated_ms =
            !is_absorbed && recorded_ms > node->stated_ms ? recorded_ms : node->stated_ms;
        others[count++] = is_absorbed ? pn_rows_int(rows, 1) : absorbed;
    }
    pn_rows_close(rows);
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        code = add_node(store, component, others[i], err);
    }
    return code;
}

static enum pn_code collect(struct pn_store *store, int64_t start, struct component *component,
                            struct pn_err *err)
{
    component->count = 0;
    enum pn_code code = add_node(store, component, start, err);
    for (unsigned at = 0; at < component->count && code == PN_OK; at++) {
        code = follow(store, component, at, err);
    }
    return code;
}

// What the client is called: by the key that nobody absorbed, an official one first, then the one
// stated last, then the smallest, so that the order of events does not matter.
static bool is_better(const struct node *a, const struct node *b)
{
    if (a->is_absorbed != b->is_absorbed) {
        return b->is_absorbed;
    }
    if (a->is_official != b->is_official) {
        return a->is_official;
    }
    if (a->stated_ms != b->stated_ms) {
        return a->stated_ms > b->stated_ms;
    }
    return (uint64_t)a->number < (uint64_t)b->number;
}

static enum pn_code rename_node(struct pn_links *links, const struct node *node, int64_t canonical,
                                struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(node->number), PN_INT(canonical),
                                      PN_INT(node->canonical), PN_INT(pn_clock_now_ms())};
    enum pn_code code = pn_store_run(links->store,
                                     "UPDATE client_keys SET canonical = ?2, moved_from = ?3,"
                                     " moved_ms = ?4 WHERE client = ?1",
                                     values, 4, err);
    code = code == PN_OK ? pn_store_run(links->store,
                                        "UPDATE client_index_state SET value = value + 1"
                                        " WHERE name = 'generation'",
                                        NULL, 0, err)
                         : code;
    return code == PN_OK
               ? links->moved(links->moved_context, node->number, node->canonical, canonical, err)
               : code;
}

static enum pn_code settle(struct pn_links *links, int64_t start, struct pn_err *err)
{
    struct component component;
    enum pn_code code = collect(links->store, start, &component, err);
    if (code != PN_OK) {
        return code;
    }
    const struct node *best = &component.nodes[0];
    for (unsigned i = 1; i < component.count; i++) {
        best = is_better(&component.nodes[i], best) ? &component.nodes[i] : best;
    }
    for (unsigned i = 0; i < component.count && code == PN_OK; i++) {
        if (component.nodes[i].canonical != best->number) {
            code = rename_node(links, &component.nodes[i], best->number, err);
        }
    }
    return code;
}

// --- Statements ----------------------------------------------------------------------------------

static enum pn_code state_link(struct pn_links *links, const int64_t pair[static 2], int kind,
                               bool is_active, struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(pair[0]),
                                      PN_INT(pair[1]),
                                      PN_INT(kind),
                                      PN_INT(is_active ? 1 : 0),
                                      PN_INT(links->event->recorded_ms),
                                      PN_TEXT(links->event->id)};
    return pn_store_run(
        links->store,
        "INSERT INTO client_links (absorbed, absorber, kind, active, recorded_ms, event_id)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (absorbed, absorber, kind) DO UPDATE"
        " SET active = excluded.active, recorded_ms = excluded.recorded_ms,"
        " event_id = excluded.event_id WHERE excluded.recorded_ms >= client_links.recorded_ms",
        values, PN_ARRAY_COUNT(values), err);
}

static enum pn_code note_conflict(struct pn_links *links, struct pn_slice local,
                                  const int64_t pair[static 2], struct pn_err *err)
{
    char kept[PN_CLIENT_KEY_TEXT_BYTES], refused[PN_CLIENT_KEY_TEXT_BYTES];
    enum pn_code code = pn_client_key_of(links->store, pair[0], kept, err);
    code = code == PN_OK ? pn_client_key_of(links->store, pair[1], refused, err) : code;
    if (code != PN_OK) {
        return code;
    }
    const struct pn_value values[] = {PN_TEXT(local), PN_STR(kept), PN_STR(refused),
                                      PN_TEXT(links->event->source),
                                      PN_INT(links->event->recorded_ms)};
    return pn_store_run(links->store,
                        "INSERT INTO client_conflicts (local_key, kept_key, refused_key, source,"
                        " recorded_ms) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
                        values, PN_ARRAY_COUNT(values), err);
}

static const struct node *official_of(const struct component *component)
{
    for (unsigned i = 0; i < component->count; i++) {
        if (component->nodes[i].is_official) {
            return &component->nodes[i];
        }
    }
    return NULL;
}

// A person has said that these two are not the same.
static enum pn_code is_separated(struct pn_links *links, const int64_t pair[static 2],
                                 bool *ret_is_separated, struct pn_err *err)
{
    int64_t kind = 0;
    const struct pn_value values[] = {PN_INT(pair[0]), PN_INT(pair[1])};
    enum pn_code code =
        pn_store_number(links->store,
                        "SELECT kind FROM client_links WHERE kind = 2 AND active = 0"
                        " AND ((absorbed = ?1 AND absorber = ?2)"
                        " OR (absorbed = ?2 AND absorber = ?1))",
                        values, 2, &kind, err);
    if (code == PN_OK) {
        *ret_is_separated = kind != 0;
    }
    return code;
}

// One further key of a Patient. pair: the key, Patient.id.
static enum pn_code link_key(struct pn_links *links, struct pn_slice key,
                             const int64_t pair[static 2], struct pn_err *err)
{
    struct component other, own;
    bool is_apart = false;
    enum pn_code code = collect(links->store, pair[0], &other, err);
    code = code == PN_OK ? collect(links->store, pair[1], &own, err) : code;
    code = code == PN_OK ? is_separated(links, pair, &is_apart, err) : code;
    if (code != PN_OK) {
        return code;
    }
    const struct node *kept = official_of(&other), *refused = official_of(&own);
    bool is_linked = find_node(&other, pair[1]) != NULL;
    if (!is_linked && (is_apart || (kept != NULL && refused != NULL))) {
        const int64_t conflict[] = {kept != NULL ? kept->number : pair[0], pair[1]};
        return note_conflict(links, key, conflict, err);
    }
    code = state_link(links, pair, LINK_IDENTIFIED, true, err);
    return code == PN_OK ? settle(links, pair[1], err) : code;
}

static enum pn_code mark_official(struct pn_links *links, int64_t number, struct pn_err *err)
{
    const struct pn_value values[] = {PN_INT(number)};
    return pn_store_run(links->store,
                        "UPDATE client_keys SET official = 1 WHERE client = ?1 AND official = 0",
                        values, 1, err);
}

static enum pn_code identified(struct pn_links *links, const cJSON *patient, int64_t own,
                               struct pn_err *err)
{
    const cJSON *item = NULL;
    enum pn_code code = PN_OK;
    // Which keys are official is known before any is linked: their order in the list is no matter.
    for (int pass = 0; pass < 2 && code == PN_OK; pass++) {
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(patient, "identifier"))
        {
            struct pn_slice key = pn_json_text(item, "value");
            if (!pn_slice_is(pn_json_text(item, "system"), "urn:punos:client-key")) {
                continue;
            }
            int64_t pair[2] = {0, own}, client = 0;
            code = links->resolve(links->resolve_context, key, &pair[0], &client, err);
            bool is_official = pn_slice_is(pn_json_text(item, "use"), "official");
            if (code == PN_OK && pass == 0 && is_official) {
                code = mark_official(links, pair[0], err);
            } else if (code == PN_OK && pass == 1 && pair[0] != own) {
                code = link_key(links, key, pair, err);
            }
            if (code != PN_OK) {
                break;
            }
        }
    }
    return code;
}

static struct pn_slice linked_key(const cJSON *link)
{
    static const char prefix[] = "Patient/";
    struct pn_slice reference =
        pn_json_text(cJSON_GetObjectItemCaseSensitive(link, "other"), "reference");
    return pn_slice_starts_with(reference, prefix)
               ? pn_slice_of(reference.ptr + sizeof prefix - 1, reference.len - sizeof prefix + 1)
               : pn_slice_of(NULL, 0);
}

static enum pn_code merged(struct pn_links *links, const cJSON *patient, int64_t own, bool is_undo,
                           struct pn_err *err)
{
    const cJSON *link = NULL;
    enum pn_code code = PN_OK;
    unsigned count = 0;
    cJSON_ArrayForEach(link, cJSON_GetObjectItemCaseSensitive(patient, "link"))
    {
        int64_t pair[2] = {0, own}, client = 0;
        code = links->resolve(links->resolve_context, linked_key(link), &pair[0], &client, err);
        if (code == PN_OK && pair[0] == own) {
            code = pn_err_set(err, PN_INVALID, "Patient.link", "a client can't replace itself");
        }
        code = code == PN_OK ? state_link(links, pair, LINK_MERGED, !is_undo, err) : code;
        if (code == PN_OK && is_undo) {
            const struct pn_value values[] = {PN_INT(pair[0]), PN_INT(pair[1]),
                                              PN_INT(links->event->recorded_ms)};
            code = pn_store_run(links->store,
                                "UPDATE client_links SET active = 0 WHERE absorbed = ?1"
                                " AND absorber = ?2 AND kind = 1 AND recorded_ms <= ?3",
                                values, 3, err);
        }
        code = code == PN_OK ? settle(links, own, err) : code;
        code = code == PN_OK && is_undo ? settle(links, pair[0], err) : code;
        if (code != PN_OK) {
            return code;
        }
        count++;
    }
    return count > 0 ? PN_OK
                     : pn_err_set(err, PN_INVALID, "Patient.link", "the other client is missing");
}

enum pn_code pn_links_handle(struct pn_links *links, const cJSON *patient, struct pn_err *err)
{
    int64_t own = 0, client = 0;
    enum pn_code code =
        links->resolve(links->resolve_context, pn_json_text(patient, "id"), &own, &client, err);
    if (code != PN_OK) {
        return code;
    }
    if (pn_slice_is(links->event->type, "fi.punos.client.merged.v1")) {
        return merged(links, patient, own, false, err);
    }
    if (pn_slice_is(links->event->type, "fi.punos.client.unmerged.v1")) {
        return merged(links, patient, own, true, err);
    }
    return identified(links, patient, own, err);
}
