// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    REMEMBERED = 4096, // hashes; a place is taken by the last one that falls on it
    DIFFERENT_MAX = 64 // units of one client that are told apart
};

struct pn_units {
    struct pn_store *store;
    uint32_t written[REMEMBERED];
};

enum pn_code pn_units_open(struct pn_store *store, struct pn_units **ret_units, struct pn_err *err)
{
    struct pn_units *units = calloc(1, sizeof *units);
    if (units == NULL) {
        return pn_err_set(err, PN_MEMORY, "units", "no memory");
    }
    units->store = store;
    *ret_units = units;
    return PN_OK;
}

void pn_units_close(struct pn_units *units)
{
    free(units);
}

void pn_units_forget(struct pn_units *units)
{
    memset(units->written, 0, sizeof units->written);
}

enum pn_code pn_units_note(struct pn_units *units, uint32_t hash, struct pn_slice code,
                           struct pn_err *err)
{
    uint32_t *place = &units->written[hash % REMEMBERED];
    if (hash == 0 || *place == hash || code.len >= PN_UNIT_BYTES) {
        return PN_OK;
    }
    const struct pn_value values[] = {PN_INT(hash), PN_TEXT(code)};
    enum pn_code result =
        pn_store_run(units->store,
                     "INSERT INTO units (hash, code) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING",
                     values, 2, err);
    *place = result == PN_OK ? hash : *place;
    return result;
}

enum pn_code pn_unit_code(struct pn_store *store, uint32_t hash,
                          char ret_code[static PN_UNIT_BYTES], struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value value = PN_INT(hash);
    enum pn_code code =
        pn_store_ask(store, "SELECT code FROM units WHERE hash = ?1", &value, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK) {
        struct pn_slice text = has_row ? pn_rows_text(rows, 0) : pn_slice_str("");
        (void)snprintf(ret_code, PN_UNIT_BYTES, "%.*s", PN_SLICE_FMT(text));
    }
    pn_rows_close(rows);
    return code;
}

// --- A client's unit -----------------------------------------------------------------------------

struct tally {
    uint32_t unit;
    unsigned count;
    int64_t newest_ms;
};

static void tally_add(struct tally *tallies, unsigned *count, const struct pn_fact_entry *fact)
{
    unsigned i = 0;
    while (i < *count && tallies[i].unit != fact->unit) {
        i++;
    }
    if (i == DIFFERENT_MAX) {
        return;
    }
    if (i == *count) {
        tallies[(*count)++] = (struct tally){.unit = fact->unit, .newest_ms = fact->start_ms};
    }
    tallies[i].count++;
    if (fact->start_ms > tallies[i].newest_ms) {
        tallies[i].newest_ms = fact->start_ms;
    }
}

// The order of the facts is no matter: at the same moment the smaller hash wins.
static bool is_before(const struct tally *a, const struct tally *b)
{
    if (a->count != b->count) {
        return a->count > b->count;
    }
    return a->newest_ms != b->newest_ms ? a->newest_ms > b->newest_ms : a->unit < b->unit;
}

uint32_t pn_unit_of(const struct pn_counted *counted, const struct pn_fact_entry *facts,
                    int64_t after_ms)
{
    struct tally tallies[DIFFERENT_MAX];
    unsigned count = 0, best = 0;
    for (unsigned i = 0; i < counted->end; i++) {
        bool is_counted = (counted->marks[i / 64] >> (i % 64) & 1) != 0;
        if (is_counted && facts[i].unit != 0 && facts[i].start_ms > after_ms) {
            tally_add(tallies, &count, &facts[i]);
        }
    }
    for (unsigned i = 1; i < count; i++) {
        best = is_before(&tallies[i], &tallies[best]) ? i : best;
    }
    return count == 0 ? 0 : tallies[best].unit;
}
