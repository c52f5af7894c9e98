// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/rule_sets.h"

#include <assert.h>
#include <openssl/sha.h>
#include <stdio.h>

const char pn_rule_sets_sql[] =
    "CREATE TABLE rule_sets (number BIGINT PRIMARY KEY, fingerprint TEXT NOT NULL,"
    " text TEXT NOT NULL, file TEXT NOT NULL, promoted_by TEXT NOT NULL, at_ms BIGINT NOT NULL,"
    " backtest BIGINT NOT NULL);"
    "CREATE TABLE backtests (fingerprint TEXT NOT NULL, from_ms BIGINT NOT NULL,"
    " to_ms BIGINT NOT NULL, at_ms BIGINT NOT NULL, made_by TEXT NOT NULL, figures TEXT NOT NULL,"
    " PRIMARY KEY (fingerprint, at_ms))";

void pn_rules_fingerprint(struct pn_slice text,
                          char ret_fingerprint[static PN_RULES_FINGERPRINT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)(text.len == 0 ? "" : text.ptr), text.len, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        ret_fingerprint[2 * i] = digits[digest[i] >> 4];
        ret_fingerprint[2 * i + 1] = digits[digest[i] & 15];
    }
    ret_fingerprint[2 * sizeof digest] = '\0';
}

static bool keep(struct pn_arena *arena, struct pn_slice text, struct pn_slice *ret_kept)
{
    const char *copy = text.len == 0 ? "" : pn_arena_copy(arena, text);
    *ret_kept = pn_slice_of(copy, copy == NULL ? 0 : text.len);
    return copy != NULL;
}

// --- Rule sets -----------------------------------------------------------------------------------

enum pn_code pn_rule_sets_newest(struct pn_store *store, int64_t *ret_number, struct pn_err *err)
{
    int64_t number = 0;
    enum pn_code code = pn_store_number(
        store, "SELECT number FROM rule_sets ORDER BY number DESC LIMIT 1", NULL, 0, &number, err);
    if (code == PN_OK) {
        *ret_number = number;
    }
    return code;
}

static enum pn_code take_set(struct pn_arena *arena, const struct pn_rows *rows,
                             struct pn_rule_set *ret_set, struct pn_err *err)
{
    struct pn_rule_set set = {.number = pn_rows_int(rows, 0),
                              .at_ms = pn_rows_int(rows, 4),
                              .backtest_ms = pn_rows_int(rows, 5)};
    bool is_kept = keep(arena, pn_rows_text(rows, 1), &set.fingerprint) &&
                   keep(arena, pn_rows_text(rows, 2), &set.file) &&
                   keep(arena, pn_rows_text(rows, 3), &set.promoted_by) &&
                   keep(arena, pn_rows_text(rows, 6), &set.text);
    if (!is_kept) {
        return pn_err_set(err, PN_MEMORY, "rule_sets", "the arena is full");
    }
    *ret_set = set;
    return PN_OK;
}

#define SET_COLUMNS "number, fingerprint, file, promoted_by, at_ms, backtest"

enum pn_code pn_rule_set_read(struct pn_store *store, struct pn_arena *arena, int64_t number,
                              struct pn_rule_set *ret_set, struct pn_err *err)
{
    int64_t wanted = number;
    enum pn_code code = number == 0 ? pn_rule_sets_newest(store, &wanted, err) : PN_OK;
    if (code != PN_OK) {
        return code;
    }
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value value = PN_INT(wanted);
    code = pn_store_ask(store, "SELECT " SET_COLUMNS ", text FROM rule_sets WHERE number = ?1",
                        &value, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "rule set",
                          "there is none with this number;"
                          " punos rules history lists them");
    }
    code = code == PN_OK ? take_set(arena, rows, ret_set, err) : code;
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_rule_sets_list(struct pn_store *store, struct pn_arena *arena,
                               struct pn_rule_set ret_sets[static PN_RULE_SETS_MAX],
                               unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    unsigned count = 0;
    const struct pn_value most = PN_INT(PN_RULE_SETS_MAX);
    enum pn_code code =
        pn_store_ask(store,
                     "SELECT " SET_COLUMNS ", '' FROM rule_sets ORDER BY number DESC"
                     " LIMIT ?1",
                     &most, 1, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < PN_RULE_SETS_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = take_set(arena, rows, &ret_sets[count++], err);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_count = count;
    }
    return code;
}

enum pn_code pn_rule_set_add(struct pn_store *store, const struct pn_rule_set *set,
                             struct pn_err *err)
{
    struct pn_stmt *stmt = NULL;
    int64_t changed = 0;
    const struct pn_value values[] = {PN_INT(set->number),       PN_TEXT(set->fingerprint),
                                      PN_TEXT(set->text),        PN_TEXT(set->file),
                                      PN_TEXT(set->promoted_by), PN_INT(set->at_ms),
                                      PN_INT(set->backtest_ms)};
    enum pn_code code =
        pn_store_prepare(store,
                         "INSERT INTO rule_sets (number, fingerprint, text, file, promoted_by,"
                         " at_ms, backtest) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                         " ON CONFLICT (number) DO NOTHING",
                         &stmt, err);
    code = code == PN_OK ? pn_store_exec(store, stmt, values, PN_ARRAY_COUNT(values), &changed, err)
                         : code;
    return code == PN_OK && changed == 0
               ? pn_err_set(err, PN_CONFLICT, "rule set", "somebody else has just promoted one")
               : code;
}

// --- Backtests -----------------------------------------------------------------------------------

enum pn_code pn_backtest_find(struct pn_store *store, struct pn_arena *arena,
                              struct pn_slice fingerprint, struct pn_backtest *ret_backtest,
                              struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value value = PN_TEXT(fingerprint);
    enum pn_code code =
        pn_store_ask(store,
                     "SELECT fingerprint, made_by, figures, from_ms, to_ms, at_ms"
                     " FROM backtests WHERE fingerprint = ?1 ORDER BY at_ms DESC LIMIT 1",
                     &value, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "backtest", "there is none of this file");
    }
    if (code == PN_OK) {
        struct pn_backtest found = {.from_ms = pn_rows_int(rows, 3),
                                    .to_ms = pn_rows_int(rows, 4),
                                    .at_ms = pn_rows_int(rows, 5)};
        bool is_kept = keep(arena, pn_rows_text(rows, 0), &found.fingerprint) &&
                       keep(arena, pn_rows_text(rows, 1), &found.made_by) &&
                       keep(arena, pn_rows_text(rows, 2), &found.figures);
        code = is_kept ? PN_OK : pn_err_set(err, PN_MEMORY, "backtests", "the arena is full");
        if (is_kept) {
            *ret_backtest = found;
        }
    }
    pn_rows_close(rows);
    return code;
}

enum pn_code pn_backtest_add(struct pn_store *store, const struct pn_backtest *backtest,
                             struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(backtest->fingerprint), PN_INT(backtest->from_ms),
                                      PN_INT(backtest->to_ms),        PN_INT(backtest->at_ms),
                                      PN_TEXT(backtest->made_by),     PN_TEXT(backtest->figures)};
    return pn_store_run(
        store,
        "INSERT INTO backtests (fingerprint, from_ms, to_ms, at_ms, made_by, figures)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (fingerprint, at_ms) DO UPDATE"
        " SET from_ms = excluded.from_ms, to_ms = excluded.to_ms, made_by = excluded.made_by,"
        " figures = excluded.figures",
        values, PN_ARRAY_COUNT(values), err);
}
