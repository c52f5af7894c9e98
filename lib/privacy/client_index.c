// SPDX-License-Identifier: Apache-2.0
#include "privacy/client_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "privacy/client_links.h"

const char pn_client_index_sql[] =
    "CREATE TABLE client_keys (client BIGINT PRIMARY KEY, client_key TEXT NOT NULL,"
    " canonical BIGINT NOT NULL, official BIGINT NOT NULL, moved_from BIGINT NOT NULL,"
    " moved_ms BIGINT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX client_keys_canonical ON client_keys (canonical);"
    "CREATE INDEX client_keys_moved ON client_keys (moved_ms);"
    "CREATE TABLE client_links (absorbed BIGINT NOT NULL, absorber BIGINT NOT NULL,"
    " kind BIGINT NOT NULL, active BIGINT NOT NULL, recorded_ms BIGINT NOT NULL,"
    " event_id TEXT NOT NULL, PRIMARY KEY (absorbed, absorber, kind)) WITHOUT ROWID;"
    "CREATE INDEX client_links_absorber ON client_links (absorber);"
    "CREATE TABLE client_conflicts (local_key TEXT NOT NULL, kept_key TEXT NOT NULL,"
    " refused_key TEXT NOT NULL, source TEXT NOT NULL, recorded_ms BIGINT NOT NULL,"
    " PRIMARY KEY (local_key, kept_key, refused_key)) WITHOUT ROWID;"
    "CREATE TABLE client_index_state (name TEXT PRIMARY KEY, value BIGINT NOT NULL);"
    "INSERT INTO client_index_state (name, value) VALUES ('generation', 0)";

// Remembered keys: a table by number, open addressing, emptied when full.
enum { CACHE_ROWS = 1 << 19, CACHE_ROWS_MAX = CACHE_ROWS / 4 * 3 };

struct cached {
    int64_t number, canonical;
    uint64_t rest; // the other half of the key; 0 and 0: free
    bool is_used;
};

struct pn_client_index {
    struct pn_client_index_options options;
    int64_t generation;
    unsigned cached_count;
    struct cached *cache;
};

enum pn_code pn_client_index_open(const struct pn_client_index_options *options,
                                  struct pn_client_index **ret_index, struct pn_err *err)
{
    struct pn_client_index *index = calloc(1, sizeof *index);
    struct cached *cache = calloc(CACHE_ROWS, sizeof *cache);
    if (index == NULL || cache == NULL) {
        free(index);
        free(cache);
        return pn_err_set(err, PN_MEMORY, "client index", "no memory");
    }
    index->options = *options;
    index->cache = cache;
    index->generation = -1;
    *ret_index = index;
    return PN_OK;
}

void pn_client_index_close(struct pn_client_index *index)
{
    if (index != NULL) {
        free(index->cache);
        free(index);
    }
}

// New memory from the system is zero already and takes no room until it is used.
static void empty_cache(struct pn_client_index *index)
{
    struct cached *fresh = index->cached_count > 0 ? calloc(CACHE_ROWS, sizeof *fresh) : NULL;
    if (fresh != NULL) {
        free(index->cache);
        index->cache = fresh;
    } else if (index->cached_count > 0) {
        memset(index->cache, 0, CACHE_ROWS * sizeof *index->cache);
    }
    index->cached_count = 0;
}

void pn_client_index_forget(struct pn_client_index *index)
{
    empty_cache(index);
    index->generation = -1;
}

// --- Numbers and the cache -----------------------------------------------------------------------

// Keys are written with small letters: one client has one key.
static int digit_of(char c)
{
    return c >= 'A' && c <= 'F' ? -1 : pn_hex_value(c);
}

static bool read_key(struct pn_slice key, uint64_t ret_halves[static 2])
{
    if (key.len != PN_CLIENT_KEY_TEXT_BYTES - 1) {
        return false;
    }
    uint64_t halves[2] = {0, 0};
    for (size_t i = 0; i < key.len; i++) {
        int digit = digit_of(key.ptr[i]);
        if (digit < 0) {
            return false;
        }
        halves[i / 16] = halves[i / 16] << 4 | (uint64_t)digit;
    }
    ret_halves[0] = halves[0];
    ret_halves[1] = halves[1];
    return true;
}

bool pn_client_number(struct pn_slice key, int64_t *ret_number)
{
    uint64_t halves[2];
    if (!read_key(key, halves)) {
        return false;
    }
    *ret_number = (int64_t)halves[0];
    return true;
}

// The row of that number, or the free row where it belongs.
static struct cached *cache_row(const struct pn_client_index *index, int64_t number)
{
    size_t at = (uint64_t)number % CACHE_ROWS;
    while (index->cache[at].is_used && index->cache[at].number != number) {
        at = (at + 1) % CACHE_ROWS;
    }
    return &index->cache[at];
}

static void remember(struct pn_client_index *index, const struct cached *cached)
{
    if (index->cached_count >= CACHE_ROWS_MAX) {
        empty_cache(index);
    }
    struct cached *row = cache_row(index, cached->number);
    index->cached_count += row->is_used ? 0 : 1;
    *row = *cached;
}

enum pn_code pn_client_index_begin(struct pn_client_index *index, struct pn_err *err)
{
    int64_t generation = 0;
    enum pn_code code = pn_store_number(
        index->options.store, "SELECT value FROM client_index_state WHERE name = 'generation'",
        NULL, 0, &generation, err);
    if (code == PN_OK && generation != index->generation) {
        pn_client_index_forget(index);
        index->generation = generation;
    }
    return code;
}

// --- Resolving -----------------------------------------------------------------------------------

static enum pn_code collision(struct pn_err *err)
{
    return pn_err_set(err, PN_INVALID, "subject",
                      "another client's key begins with the same 64 bits: it needs a person");
}

static enum pn_code load(struct pn_client_index *index, struct pn_slice key, struct cached *cached,
                         bool *ret_is_found, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(cached->number)};
    enum pn_code code = pn_store_ask(
        index->options.store, "SELECT canonical, client_key FROM client_keys WHERE client = ?1",
        values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        cached->canonical = pn_rows_int(rows, 0);
        code = pn_slice_eq(pn_rows_text(rows, 1), key) ? PN_OK : collision(err);
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_is_found = has_row;
    }
    return code;
}

enum pn_code pn_client_index_resolve(struct pn_client_index *index, struct pn_slice key,
                                     int64_t *ret_subject, int64_t *ret_client, struct pn_err *err)
{
    uint64_t halves[2];
    if (!read_key(key, halves)) {
        return pn_err_set(err, PN_INVALID, "subject", "32 hex digits are expected");
    }
    struct cached cached = {.number = (int64_t)halves[0], .rest = halves[1], .is_used = true};
    const struct cached *row = cache_row(index, cached.number);
    if (row->is_used && row->rest == cached.rest) {
        *ret_subject = row->number;
        *ret_client = row->canonical;
        return PN_OK;
    }
    bool is_found = false;
    enum pn_code code = row->is_used ? collision(err) : load(index, key, &cached, &is_found, err);
    if (code == PN_OK && !is_found) {
        const struct pn_value values[] = {PN_INT(cached.number), PN_TEXT(key)};
        cached.canonical = cached.number;
        code = pn_store_run(index->options.store,
                            "INSERT INTO client_keys (client, client_key, canonical, official,"
                            " moved_from, moved_ms) VALUES (?1, ?2, ?1, 0, ?1, 0)"
                            " ON CONFLICT (client) DO NOTHING",
                            values, 2, err);
    }
    if (code == PN_OK) {
        remember(index, &cached);
        *ret_subject = cached.number;
        *ret_client = cached.canonical;
    }
    return code;
}

// --- Statements ----------------------------------------------------------------------------------

static enum pn_code told_moved(void *context, int64_t subject, int64_t before, int64_t now,
                               struct pn_err *err)
{
    struct pn_client_index *index = context;
    struct cached *row = cache_row(index, subject);
    if (row->is_used) {
        row->canonical = now;
    }
    index->generation++;
    return index->options.moved == NULL
               ? PN_OK
               : index->options.moved(index->options.context, subject, before, now, err);
}

enum pn_code pn_client_index_handle(struct pn_client_index *index,
                                    const struct pn_client_statement *statement, struct pn_err *err)
{
    struct pn_links links = {.store = index->options.store,
                             .event = statement->event,
                             .resolve_context = index,
                             .resolve = pn_client_index_resolve,
                             .moved = told_moved,
                             .moved_context = index};
    return pn_links_handle(&links, statement->patient, err);
}

enum pn_code pn_client_index_repair(struct pn_client_index *index, int64_t since_ms,
                                    struct pn_err *err)
{
    enum { MOVED_MAX = 1000 };
    int64_t moved[MOVED_MAX][3];
    unsigned count = 0;
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(since_ms), PN_INT(MOVED_MAX)};
    enum pn_code code = pn_store_ask(
        index->options.store,
        "SELECT client, moved_from, canonical FROM client_keys WHERE moved_ms >= ?1 LIMIT ?2",
        values, 2, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < MOVED_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            for (unsigned i = 0; i < 3; i++) {
                moved[count][i] = pn_rows_int(rows, i);
            }
            count++;
        }
    }
    pn_rows_close(rows);
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        if (moved[i][1] != moved[i][2]) {
            code = index->options.moved(index->options.context, moved[i][0], moved[i][1],
                                        moved[i][2], err);
        }
    }
    return code;
}

// --- Reading -------------------------------------------------------------------------------------

enum pn_code pn_client_find(struct pn_store *store, struct pn_slice key, int64_t *ret_client,
                            struct pn_err *err)
{
    int64_t number = 0;
    if (!pn_client_number(key, &number)) {
        return pn_err_set(err, PN_NOT_FOUND, "client", "32 hex digits are expected");
    }
    bool is_found = false;
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(number), PN_TEXT(key)};
    enum pn_code code = pn_store_ask(
        store, "SELECT canonical FROM client_keys WHERE client = ?1 AND client_key = ?2", values, 2,
        &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &is_found, err) : code;
    if (code == PN_OK && !is_found) {
        code = pn_err_set(err, PN_NOT_FOUND, "client", "no event has named that client");
    }
    if (code == PN_OK) {
        *ret_client = pn_rows_int(rows, 0);
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_client_keys(struct pn_store *store, int64_t client,
                            char ret_keys[][PN_CLIENT_KEY_TEXT_BYTES], unsigned key_max,
                            unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(client), PN_INT(key_max)};
    enum pn_code code = pn_store_ask(
        store,
        "SELECT client_key FROM client_keys WHERE canonical = ?1"
        " ORDER BY CASE WHEN client = canonical THEN 0 ELSE 1 END, client_key LIMIT ?2",
        values, 2, &rows, err);
    unsigned count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < key_max) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            struct pn_slice key = pn_rows_text(rows, 0);
            (void)snprintf(ret_keys[count++], PN_CLIENT_KEY_TEXT_BYTES, "%.*s", PN_SLICE_FMT(key));
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

enum pn_code pn_client_key_of(struct pn_store *store, int64_t number,
                              char ret_key[static PN_CLIENT_KEY_TEXT_BYTES], struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value values[] = {PN_INT(number)};
    enum pn_code code = pn_store_ask(store, "SELECT client_key FROM client_keys WHERE client = ?1",
                                     values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && has_row) {
        struct pn_slice key = pn_rows_text(rows, 0);
        (void)snprintf(ret_key, PN_CLIENT_KEY_TEXT_BYTES, "%.*s", PN_SLICE_FMT(key));
    }
    pn_rows_close(rows);
    return code == PN_OK && !has_row
               ? pn_err_set(err, PN_NOT_FOUND, "client", "no event has named that client")
               : code;
}
