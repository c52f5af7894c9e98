// SPDX-License-Identifier: Apache-2.0
#include "services/timeline/timeline_read.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "privacy/client_index.h"
#include "services/timeline/timeline_reader.h"
#include "services/timeline/timeline_store.h"

enum pn_code pn_timeline_open(const struct pn_config *config, struct pn_timeline **ret_timeline,
                              struct pn_err *err)
{
    struct pn_timeline *timeline = calloc(1, sizeof *timeline);
    if (timeline == NULL) {
        return pn_err_set(err, PN_MEMORY, "timeline", "no memory");
    }
    const struct pn_store_options options = {
        .name = PN_TIMELINE_STORE,
        .migrations = pn_timeline_migrations,
        .migration_count = pn_timeline_migration_count,
        .read_only = true,
    };
    enum pn_code code = pn_store_open(config, &options, &timeline->store, err);
    if (code != PN_OK) {
        free(timeline);
        return code;
    }
    *ret_timeline = timeline;
    return PN_OK;
}

void pn_timeline_close(struct pn_timeline *timeline)
{
    if (timeline != NULL) {
        pn_store_close(timeline->store);
        free(timeline);
    }
}

// --- Clients -------------------------------------------------------------------------------------

// Of the identities that the client's keys have, the one recorded last.
enum { READS_MAX = 4 }; // of a client who is being merged

static enum pn_code read_summary(struct pn_timeline *timeline, int64_t number,
                                 struct pn_client *client, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(number)};
    enum pn_code code =
        pn_store_ask(timeline->store,
                     "SELECT c.birth_year, c.gender, c.recorded_ms FROM clients c"
                     " JOIN client_keys k ON k.client = c.client WHERE k.canonical = ?1"
                     " ORDER BY c.recorded_ms DESC LIMIT 1",
                     values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        client->birth_year = (int)pn_rows_int(rows, 0);
        (void)snprintf(client->gender, sizeof client->gender, "%.*s",
                       PN_SLICE_FMT(pn_rows_text(rows, 1)));
        client->recorded_ms = pn_rows_int(rows, 2);
    }
    pn_rows_close(rows);
    return code;
}

// One source's turvakielto is enough: only its own later word lifts it.
static enum pn_code read_protection(struct pn_timeline *timeline, int64_t number,
                                    struct pn_client *client, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(number)};
    enum pn_code code =
        pn_store_ask(timeline->store,
                     "SELECT 1 FROM clients c JOIN client_keys k ON k.client = c.client"
                     " WHERE k.canonical = ?1 AND c.protected = 1 LIMIT 1",
                     values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    client->is_protected = code == PN_OK && has_row;
    pn_rows_close(rows);
    return code;
}

static enum pn_code read_client(struct pn_timeline *timeline, int64_t number,
                                struct pn_client *ret_client, struct pn_err *err)
{
    *ret_client = (struct pn_client){0};
    enum pn_code code = pn_client_keys(timeline->store, number, ret_client->keys,
                                       PN_CLIENT_KEYS_MAX, &ret_client->key_count, err);
    code = code == PN_OK ? read_summary(timeline, number, ret_client, err) : code;
    code = code == PN_OK ? read_protection(timeline, number, ret_client, err) : code;
    memcpy(ret_client->key, ret_client->keys[0], sizeof ret_client->key);
    return code;
}

// A merge or its undo may come between the questions: then all of them are asked again.
enum pn_code pn_timeline_client(struct pn_timeline *timeline, struct pn_slice key,
                                struct pn_client *ret_client, struct pn_err *err)
{
    struct pn_client client;
    int64_t number = 0, after = 0;
    enum pn_code code = pn_client_find(timeline->store, key, &number, err);
    for (unsigned i = 0; code == PN_OK && i < READS_MAX; i++) {
        code = read_client(timeline, number, &client, err);
        code = code == PN_OK ? pn_client_find(timeline->store, key, &after, err) : code;
        if (code == PN_OK && after == number && client.key_count > 0) {
            *ret_client = client;
            return PN_OK;
        }
        number = after;
    }
    return code != PN_OK ? code
                         : pn_err_set(err, PN_UNAVAILABLE, "client",
                                      "is being merged: try again in a moment");
}

enum pn_code pn_timeline_find(struct pn_timeline *timeline, const struct pn_slice *keys,
                              unsigned key_count, struct pn_client *ret_client, struct pn_err *err)
{
    enum pn_code code = pn_err_set(err, PN_NOT_FOUND, "client", "no event has named that client");
    for (unsigned i = 0; i < key_count && code == PN_NOT_FOUND; i++) {
        code = pn_timeline_client(timeline, keys[i], ret_client, err);
    }
    return code;
}

enum pn_code pn_timeline_identity(struct pn_timeline *timeline, const struct pn_privacy *privacy,
                                  struct pn_slice key, struct pn_buf *out, struct pn_err *err)
{
    int64_t number = 0;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    enum pn_code code = pn_client_find(timeline->store, key, &number, err);
    const struct pn_value values[] = {PN_INT(number)};
    code = code == PN_OK ? pn_store_ask(timeline->store,
                                        "SELECT k.client_key, v.sealed FROM vault v"
                                        " JOIN client_keys k ON k.client = v.client"
                                        " WHERE k.canonical = ?1"
                                        " ORDER BY v.recorded_ms DESC, v.event_id DESC LIMIT 1",
                                        values, 1, &rows, err)
                         : code;
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "client", "no identity has come for that client yet");
    }
    if (code == PN_OK) {
        code =
            pn_unseal(privacy, "identity", pn_rows_text(rows, 0), pn_rows_bytes(rows, 1), out, err);
    }
    pn_rows_close(rows);
    return code;
}

bool pn_timeline_keep(struct pn_arena *arena, struct pn_slice *text)
{
    char *copy = pn_arena_copy(arena, *text);
    *text = pn_slice_of(copy, copy == NULL ? 0 : text->len);
    return copy != NULL;
}

enum pn_code pn_timeline_conflicts(struct pn_timeline *timeline, struct pn_arena *arena,
                                   struct pn_client_conflict *ret_conflicts, unsigned conflict_max,
                                   unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(conflict_max)};
    enum pn_code code = pn_store_ask(
        timeline->store,
        "SELECT local_key, kept_key, refused_key, source, recorded_ms FROM client_conflicts"
        " ORDER BY recorded_ms DESC, local_key LIMIT ?1",
        values, 1, &rows, err);
    unsigned count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < conflict_max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        struct pn_client_conflict *conflict = &ret_conflicts[count++];
        *conflict = (struct pn_client_conflict){pn_rows_text(rows, 0), pn_rows_text(rows, 1),
                                                pn_rows_text(rows, 2), pn_rows_text(rows, 3),
                                                pn_rows_int(rows, 4)};
        if (!pn_timeline_keep(arena, &conflict->local_key) ||
            !pn_timeline_keep(arena, &conflict->kept_key) ||
            !pn_timeline_keep(arena, &conflict->refused_key) ||
            !pn_timeline_keep(arena, &conflict->source)) {
            code = pn_err_set(err, PN_MEMORY, "timeline", "the arena is full");
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

// --- Feeds ---------------------------------------------------------------------------------------

enum pn_code pn_timeline_feeds(struct pn_timeline *timeline, struct pn_arena *arena,
                               struct pn_feed *ret_feeds, unsigned feed_max, unsigned *ret_count,
                               struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(feed_max)};
    enum pn_code code = pn_store_ask(timeline->store,
                                     "SELECT source, sector, last_received_ms, last_recorded_ms,"
                                     " event_count FROM feeds ORDER BY source LIMIT ?1",
                                     values, 1, &rows, err);
    unsigned count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < feed_max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        struct pn_feed *feed = &ret_feeds[count++];
        *feed = (struct pn_feed){.source = pn_rows_text(rows, 0),
                                 .sector = (enum pn_sector)pn_rows_int(rows, 1),
                                 .last_received_ms = pn_rows_int(rows, 2),
                                 .last_recorded_ms = pn_rows_int(rows, 3),
                                 .event_count = pn_rows_int(rows, 4)};
        if (!pn_timeline_keep(arena, &feed->source)) {
            code = pn_err_set(err, PN_MEMORY, "timeline", "the arena is full");
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

enum pn_code pn_timeline_silences(struct pn_timeline *timeline, struct pn_arena *arena,
                                  struct pn_silence *ret_silences, unsigned silence_max,
                                  unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(silence_max)};
    enum pn_code code = pn_store_ask(timeline->store,
                                     "SELECT source, since_ms FROM silences WHERE since_ms <> 0"
                                     " ORDER BY source LIMIT ?1",
                                     values, 1, &rows, err);
    unsigned count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < silence_max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        struct pn_silence *silence = &ret_silences[count++];
        *silence =
            (struct pn_silence){.source = pn_rows_text(rows, 0), .since_ms = pn_rows_int(rows, 1)};
        if (!pn_timeline_keep(arena, &silence->source)) {
            code = pn_err_set(err, PN_MEMORY, "timeline", "the arena is full");
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}
