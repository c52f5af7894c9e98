// SPDX-License-Identifier: Apache-2.0
/*
 * What was published last of each client: a table in memory over one in the store.
 */
#include <stdlib.h>
#include <string.h>

#include "services/ingest/identity.h"

enum {
    SLOTS = 1 << 16,    // direct-mapped: a newcomer takes the place of whoever stood there
    UNSAVED_MAX = 4096, // waits for the next save
    SYSTEM_BYTES = 64
};

struct slot {
    char client_key[PN_CLIENT_KEY_TEXT_BYTES];
    char hash[PN_IDENTITY_HASH_BYTES];
    char system[SYSTEM_BYTES];
};

struct pn_identity_memory {
    struct slot *slots;
    struct slot *unsaved;
    unsigned unsaved_count;
    unsigned settled_count; // of the unsaved ones, from the front
};

struct pn_identity_memory *pn_identity_memory_new(void)
{
    struct pn_identity_memory *memory = calloc(1, sizeof *memory);
    if (memory == NULL) {
        return NULL;
    }
    memory->slots = calloc(SLOTS, sizeof *memory->slots);
    memory->unsaved = calloc(UNSAVED_MAX, sizeof *memory->unsaved);
    if (memory->slots == NULL || memory->unsaved == NULL) {
        pn_identity_memory_free(memory);
        return NULL;
    }
    return memory;
}

void pn_identity_memory_free(struct pn_identity_memory *memory)
{
    if (memory == NULL) {
        return;
    }
    free(memory->slots);
    free(memory->unsaved);
    free(memory);
}

// FNV-1a; the keys are MACs already.
static struct slot *slot_of(struct pn_identity_memory *memory, const char *system,
                            const char *client_key)
{
    uint32_t hash = 2166136261U;
    for (const char *at = client_key; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    }
    for (const char *at = system; *at != '\0'; at++) {
        hash = (hash ^ (unsigned char)*at) * 16777619U;
    }
    return &memory->slots[(hash ^ hash >> 16) % SLOTS];
}

static bool is_of(const struct slot *slot, const struct pn_identity_mark *mark)
{
    return strcmp(slot->client_key, mark->client_key) == 0 &&
           strcmp(slot->system, mark->system) == 0;
}

// False when the mark does not fit (then it is never remembered).
static bool fill(struct slot *slot, const struct pn_identity_mark *mark)
{
    if (strlen(mark->system) >= SYSTEM_BYTES) {
        return false;
    }
    memset(slot, 0, sizeof *slot);
    memcpy(slot->system, mark->system, strlen(mark->system));
    memcpy(slot->client_key, mark->client_key, strlen(mark->client_key));
    memcpy(slot->hash, mark->hash, strlen(mark->hash));
    return true;
}

// The store's row is about to be wrong: without it a crash costs one event too many, with it a
// change back would never be published.
static void forget_stored(struct pn_store *store, const struct pn_identity_mark *mark)
{
    struct pn_err err = {0};
    const struct pn_value values[] = {PN_STR(mark->system), PN_STR(mark->client_key)};
    (void)!pn_store_run(store, "DELETE FROM identity WHERE system = ?1 AND client_key = ?2", values,
                        PN_ARRAY_COUNT(values), &err);
}

enum stored { STORED_NOT, STORED_SAME, STORED_OTHER };

// A store that does not answer knows nothing.
static enum stored look_up(struct pn_store *store, const struct pn_identity_mark *mark)
{
    struct pn_rows *rows = NULL;
    struct pn_err err = {0};
    const struct pn_value values[] = {PN_STR(mark->system), PN_STR(mark->client_key)};
    enum stored stored = STORED_NOT;
    bool has_row = false;
    if (pn_store_ask(store, "SELECT hash FROM identity WHERE system = ?1 AND client_key = ?2",
                     values, PN_ARRAY_COUNT(values), &rows, &err) == PN_OK &&
        pn_rows_next(rows, &has_row, &err) == PN_OK && has_row) {
        stored = pn_slice_is(pn_rows_text(rows, 0), mark->hash) ? STORED_SAME : STORED_OTHER;
    }
    pn_rows_close(rows);
    return stored;
}

bool pn_identity_is_published(struct pn_identity_memory *memory, struct pn_store *store,
                              const struct pn_identity_mark *mark)
{
    struct slot *slot = slot_of(memory, mark->system, mark->client_key);
    enum stored stored = !is_of(slot, mark)                    ? look_up(store, mark)
                         : strcmp(slot->hash, mark->hash) == 0 ? STORED_SAME
                                                               : STORED_OTHER;
    if (stored == STORED_SAME) {
        (void)fill(slot, mark);
        return true;
    }
    if (stored == STORED_OTHER) {
        forget_stored(store, mark);
    }
    return false;
}

void pn_identity_remember(struct pn_identity_memory *memory, const struct pn_identity_mark *mark)
{
    struct slot made;
    if (!fill(&made, mark)) {
        return;
    }
    if (memory->unsaved_count == UNSAVED_MAX) {
        return; // published once more at the next message, then
    }
    memory->unsaved[memory->unsaved_count++] = made;
    *slot_of(memory, mark->system, mark->client_key) = made;
}

void pn_identity_settle(struct pn_identity_memory *memory, bool is_durable)
{
    if (is_durable) {
        memory->settled_count = memory->unsaved_count;
        return;
    }
    pn_identity_forget_since(memory, memory->settled_count);
}

unsigned pn_identity_place(const struct pn_identity_memory *memory)
{
    return memory->unsaved_count;
}

void pn_identity_forget_since(struct pn_identity_memory *memory, unsigned place)
{
    for (unsigned i = place; i < memory->unsaved_count; i++) {
        const struct slot *lost = &memory->unsaved[i];
        memset(slot_of(memory, lost->system, lost->client_key), 0, sizeof *lost);
    }
    memory->unsaved_count = place;
}

enum pn_code pn_identity_save(struct pn_identity_memory *memory, struct pn_store *store,
                              struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    enum pn_code code =
        pn_store_prepare(store,
                         "INSERT INTO identity (system, client_key, hash) VALUES (?1, ?2, ?3)"
                         " ON CONFLICT (system, client_key) DO UPDATE SET hash = excluded.hash",
                         &stmt, err);
    for (unsigned i = 0; code == PN_OK && i < memory->settled_count; i++) {
        const struct slot *slot = &memory->unsaved[i];
        const struct pn_value values[] = {PN_STR(slot->system), PN_STR(slot->client_key),
                                          PN_STR(slot->hash)};
        code = pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), NULL, err);
    }
    return code;
}

void pn_identity_saved(struct pn_identity_memory *memory)
{
    unsigned left = memory->unsaved_count - memory->settled_count;
    memmove(memory->unsaved, memory->unsaved + memory->settled_count,
            left * sizeof *memory->unsaved);
    memory->unsaved_count = left;
    memory->settled_count = 0;
}
