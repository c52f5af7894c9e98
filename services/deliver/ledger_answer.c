// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/ledger_answer.h"

#include <assert.h>
#include <string.h>

#include "base/finid.h"
#include "base/text.h"
#include "services/deliver/ledger_rows.h"

const char *pn_answer_effect_name(enum pn_answer_effect effect)
{
    static const char *const names[] = {"unknown", "repeated", "contradicts", "noted", "changed"};
    assert((unsigned)effect < PN_ARRAY_COUNT(names));
    return names[effect];
}

struct pn_slice pn_words_kept(struct pn_slice words)
{
    if (pn_hetu_is_inside(words)) {
        return pn_slice_str(PN_WORDS_WITHHELD);
    }
    if (words.len > PN_WORDS_BYTES_MAX) {
        words.len = PN_WORDS_BYTES_MAX;
        while (words.len > 0 && ((unsigned char)words.ptr[words.len] & 0xC0) == 0x80) {
            words.len--; // not in the middle of a character
        }
    }
    return pn_utf8_is_valid(words) ? words : pn_slice_str("(the system's words are no UTF-8)");
}

// --- Documents -----------------------------------------------------------------------------------

static enum pn_code note_document(struct pn_store *store, const char *id, unsigned ordinal,
                                  const struct pn_document_out *document, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(ordinal), PN_TEXT(document->receipt_id),
                                PN_INT(document->slot)};
    return pn_ledger_exec(store,
                          "INSERT INTO delivery_document (delivery_id, ordinal, receipt_id,"
                          " is_accepted, slot) VALUES (?1, ?2, ?3, 0, ?4)"
                          " ON CONFLICT (delivery_id, ordinal) DO UPDATE"
                          " SET receipt_id = excluded.receipt_id, slot = excluded.slot",
                          values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_note_documents(struct pn_store *store, const char *id,
                                      const struct pn_document_out *documents,
                                      uint64_t *ret_accepted, struct pn_err *err)
{
    unsigned count = 0;
    uint64_t accepted = 0;
    enum pn_code code = PN_OK;
    for (; documents != NULL && code == PN_OK; documents = documents->next) {
        if (count == PN_DOCUMENTS_MAX) {
            return pn_err_set(err, PN_LIMIT, "documents", "over %d of one plan", PN_DOCUMENTS_MAX);
        }
        code = note_document(store, id, count, documents, err);
        struct pn_value values[] = {PN_STR(id), PN_INT(count)};
        int64_t is_accepted = 0;
        bool found = false;
        if (code == PN_OK) {
            code = pn_ledger_query_one(store,
                                       "SELECT is_accepted FROM delivery_document"
                                       " WHERE delivery_id = ?1 AND ordinal = ?2",
                                       values, 2, pn_ledger_take_int, &is_accepted, &found, err);
        }
        accepted |= is_accepted != 0 ? UINT64_C(1) << count : 0;
        count++;
    }
    if (code == PN_OK) {
        *ret_accepted = accepted;
    }
    return code;
}

// --- Answers -------------------------------------------------------------------------------------

struct place {
    struct pn_ledger_taker taker;
    int64_t ordinal;
    bool is_accepted;
};

static void take_place(const struct pn_rows *rows, void *context)
{
    struct place *place = context;
    pn_ledger_take_delivery(rows, &place->taker);
    place->ordinal = pn_rows_int(rows, PN_LEDGER_ROW_COLUMNS);
    place->is_accepted = pn_rows_int(rows, PN_LEDGER_ROW_COLUMNS + 1) != 0;
}

#define PLACE                                                                                      \
    "SELECT" PN_LEDGER_ROW ", f.ordinal, f.is_accepted FROM delivery d JOIN delivery_document f"   \
    " ON f.delivery_id = d.id"

// Several documents may have one receipt_id: then each answer counts for one of them.
static enum pn_code find_place(struct pn_store *store, const struct pn_ledger_answer *answer,
                               struct place *place, bool *ret_found, struct pn_err *err)
{
    if (answer->delivery_id != NULL) {
        struct pn_value values[] = {PN_STR(answer->delivery_id), PN_INT(answer->ordinal)};
        return pn_ledger_query_one(store, PLACE " WHERE d.id = ?1 AND f.ordinal = ?2", values, 2,
                                   take_place, place, ret_found, err);
    }
    struct pn_value values[] = {PN_STR(answer->system), PN_TEXT(answer->receipt_id)};
    return pn_ledger_query_one(store,
                               PLACE " WHERE d.system = ?1 AND f.receipt_id = ?2"
                                     " ORDER BY f.is_accepted, d.position DESC, f.ordinal LIMIT 1",
                               values, 2, take_place, place, ret_found, err);
}

// What the answer means where the delivery stands; CHANGED when it is to be written.
static enum pn_answer_effect weigh(const struct pn_delivery *delivery, enum pn_delivery_state said)
{
    bool is_taken = pn_delivery_is_taken(delivery->state);
    bool is_settled = delivery->settled_ms != 0;
    if (delivery->state == said && said != PN_DELIVERY_COMMITTED) {
        return PN_ANSWER_REPEATED;
    }
    switch ((int)said) {
    case PN_DELIVERY_COMMITTED:
        return is_settled ? PN_ANSWER_REPEATED : PN_ANSWER_CHANGED;
    case PN_DELIVERY_ACKNOWLEDGED:
        return is_settled && !is_taken ? PN_ANSWER_CONTRADICTS : PN_ANSWER_CHANGED;
    case PN_DELIVERY_ACCEPTED:
        if (is_taken) {
            return PN_ANSWER_REPEATED;
        }
        break;
    default:
        break;
    }
    return is_settled ? PN_ANSWER_CONTRADICTS : PN_ANSWER_CHANGED;
}

static enum pn_code mark_document(struct pn_store *store, const struct pn_ledger_answer *answer,
                                  const struct place *place, struct pn_err *err)
{
    bool is_committed = answer->state == PN_DELIVERY_COMMITTED;
    struct pn_value values[] = {PN_STR(place->taker.delivery->id), PN_INT(place->ordinal),
                                PN_INT(is_committed ? 0 : 1), PN_TEXT(answer->remote_id),
                                PN_TEXT(answer->remote_version)};
    return pn_ledger_exec(store,
                          "UPDATE delivery_document SET is_committed = 1,"
                          " is_accepted = CASE WHEN is_accepted = 1 THEN 1 ELSE ?3 END,"
                          " remote_id = CASE WHEN ?4 = '' THEN remote_id ELSE ?4 END,"
                          " remote_version = CASE WHEN ?5 = '' THEN remote_version ELSE ?5 END"
                          " WHERE delivery_id = ?1 AND ordinal = ?2",
                          values, PN_ARRAY_COUNT(values), NULL, err);
}

static enum pn_code count_left(struct pn_store *store, const char *id, const char *sql,
                               int64_t *ret_left, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id)};
    bool found = false;
    return pn_ledger_query_one(store, sql, values, 1, pn_ledger_take_int, ret_left, &found, err);
}

#define SETTLED                                                                                    \
    "UPDATE delivery SET state = ?2, reason = '', is_waiting = 0,"                                 \
    " settled_ms = CASE WHEN settled_ms = 0 THEN ?3 ELSE settled_ms END"

static enum pn_code write_settled(struct pn_store *store, const struct pn_ledger_answer *answer,
                                  const char *id, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(answer->state), PN_INT(answer->now_ms),
                                PN_TEXT(pn_words_kept(answer->words))};
    if (answer->state != PN_DELIVERY_ACKNOWLEDGED) {
        return pn_ledger_exec(store, SETTLED ", words = ?4 WHERE id = ?1", values,
                              PN_ARRAY_COUNT(values), NULL, err);
    }
    // What the system said when it accepted stays when the person says nothing.
    return answer->words.len == 0
               ? pn_ledger_exec(store, SETTLED ", acknowledged_ms = ?3 WHERE id = ?1", values, 3,
                                NULL, err)
               : pn_ledger_exec(store, SETTLED ", acknowledged_ms = ?3, words = ?4 WHERE id = ?1",
                                values, PN_ARRAY_COUNT(values), NULL, err);
}

static enum pn_code write_committed(struct pn_store *store, const char *id, int64_t now_ms,
                                    int64_t overdue_ms, struct pn_err *err)
{
    struct pn_value values[] = {PN_STR(id), PN_INT(PN_DELIVERY_COMMITTED), PN_INT(now_ms),
                                PN_INT(overdue_ms)};
    return pn_ledger_exec(
        store,
        "UPDATE delivery SET state = ?2, is_waiting = 1, reason = '', next_try_ms = ?4,"
        " committed_ms = CASE WHEN committed_ms = 0 THEN ?3 ELSE committed_ms END"
        " WHERE id = ?1 AND settled_ms = 0",
        values, PN_ARRAY_COUNT(values), NULL, err);
}

enum pn_code pn_ledger_commit_all(struct pn_store *store, const struct pn_delivery *delivery,
                                  int64_t now_ms, int64_t overdue_ms, bool *ret_is_committed,
                                  struct pn_err *err)
{
    int64_t left = 0;
    enum pn_code code = count_left(store, delivery->id,
                                   "SELECT COUNT(*) FROM delivery_document"
                                   " WHERE delivery_id = ?1 AND is_accepted = 0",
                                   &left, err);
    if (code == PN_OK && left > 0) {
        code = write_committed(store, delivery->id, now_ms, overdue_ms, err);
    }
    if (code == PN_OK) {
        *ret_is_committed = left > 0;
    }
    return code;
}

static enum pn_code write_answer(struct pn_store *store, const struct pn_ledger_answer *answer,
                                 const struct place *place, enum pn_answer_effect *ret_effect,
                                 struct pn_err *err)
{
    struct pn_delivery *delivery = place->taker.delivery;
    int64_t left = 0;
    enum pn_code code = PN_OK;
    if (answer->state != PN_DELIVERY_REJECTED) {
        code = mark_document(store, answer, place, err);
    }
    if (code == PN_OK && answer->state == PN_DELIVERY_ACCEPTED) {
        code = count_left(store, delivery->id,
                          "SELECT COUNT(*) FROM delivery_document"
                          " WHERE delivery_id = ?1 AND is_accepted = 0",
                          &left, err);
    } else if (code == PN_OK && answer->state == PN_DELIVERY_COMMITTED) {
        code = count_left(store, delivery->id,
                          "SELECT COUNT(*) FROM delivery_document"
                          " WHERE delivery_id = ?1 AND is_committed = 0 AND is_accepted = 0",
                          &left, err);
    }
    if (code != PN_OK) {
        return code;
    }
    if (left > 0) {
        *ret_effect = PN_ANSWER_NOTED;
        return PN_OK;
    }
    *ret_effect = delivery->state == answer->state ? PN_ANSWER_REPEATED : PN_ANSWER_CHANGED;
    delivery->state = answer->state;
    return answer->state == PN_DELIVERY_COMMITTED
               ? write_committed(store, delivery->id, answer->now_ms, answer->overdue_ms, err)
               : write_settled(store, answer, delivery->id, err);
}

enum pn_code pn_ledger_answer(struct pn_store *store, struct pn_arena *arena,
                              const struct pn_ledger_answer *answer,
                              struct pn_delivery *ret_delivery, enum pn_answer_effect *ret_effect,
                              struct pn_err *err)
{
    struct pn_delivery delivery = {0};
    struct place place = {.taker = {.arena = arena, .delivery = &delivery}};
    bool found = false;
    enum pn_code code = find_place(store, answer, &place, &found, err);
    if (code != PN_OK) {
        return code;
    }
    if (place.taker.is_full) {
        return pn_err_set(err, PN_LIMIT, "delivery", "the plan does not fit into the arena");
    }
    enum pn_answer_effect effect = found ? weigh(&delivery, answer->state) : PN_ANSWER_UNKNOWN;
    if (effect == PN_ANSWER_CHANGED) {
        code = write_answer(store, answer, &place, &effect, err);
    }
    if (code == PN_OK) {
        *ret_effect = effect;
        if (found) {
            *ret_delivery = delivery;
        }
    }
    return code;
}

enum pn_code pn_ledger_by_receipt(struct pn_store *store, struct pn_arena *arena,
                                  const char *system, struct pn_slice receipt_id,
                                  struct pn_delivery *ret_delivery, bool *ret_found,
                                  struct pn_err *err)
{
    struct pn_ledger_answer answer = {.system = system, .receipt_id = receipt_id};
    struct pn_delivery delivery = {0};
    struct place place = {.taker = {.arena = arena, .delivery = &delivery}};
    bool found = false;
    enum pn_code code = find_place(store, &answer, &place, &found, err);
    if (code == PN_OK && place.taker.is_full) {
        code = pn_err_set(err, PN_LIMIT, "delivery", "the plan does not fit into the arena");
    }
    if (code == PN_OK) {
        *ret_found = found;
        *ret_delivery = found ? delivery : *ret_delivery;
    }
    return code;
}

enum pn_code pn_ledger_keep_answer(struct pn_store *store, const char *id,
                                   const struct pn_ledger_answer *answer, enum pn_answer_effect why,
                                   struct pn_err *err)
{
    struct pn_slice receipt_id = answer->receipt_id;
    if (pn_hetu_is_inside(receipt_id) || receipt_id.len > PN_WORDS_BYTES_MAX) {
        receipt_id = pn_slice_str("(withheld)");
    }
    struct pn_value values[] = {PN_STR(id),
                                PN_STR(answer->system),
                                PN_TEXT(receipt_id),
                                PN_STR(pn_delivery_state_name(answer->state)),
                                PN_TEXT(pn_words_kept(answer->words)),
                                PN_STR(pn_answer_effect_name(why)),
                                PN_INT(answer->now_ms)};
    return pn_ledger_exec(store,
                          "INSERT INTO delivery_answer (id, system, receipt_id, status, words, why,"
                          " received_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                          " ON CONFLICT (id) DO NOTHING",
                          values, PN_ARRAY_COUNT(values), NULL, err);
}

// --- What the system calls it --------------------------------------------------------------------

static enum pn_code read_remotes(struct pn_rows *rows, struct pn_arena *arena,
                                 struct pn_remote *remotes, unsigned remote_max,
                                 unsigned *ret_count, struct pn_err *err)
{
    unsigned count = 0;
    bool has_row = true;
    while (has_row && count < remote_max) {
        enum pn_code code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK) {
            return code;
        }
        if (!has_row || (count > 0 && remotes[count - 1].slot == pn_rows_int(rows, 0))) {
            continue; // newest first: an older version's name of the same slot
        }
        const char *id = pn_arena_copy(arena, pn_rows_text(rows, 1));
        const char *version = pn_arena_copy(arena, pn_rows_text(rows, 2));
        if (id == NULL || version == NULL) {
            return pn_err_set(err, PN_LIMIT, "delivery", "does not fit into the arena");
        }
        remotes[count++] = (struct pn_remote){.slot = (unsigned)pn_rows_int(rows, 0),
                                              .id = pn_slice_str(id),
                                              .version = pn_slice_str(version)};
    }
    *ret_count = count;
    return PN_OK;
}

enum pn_code pn_ledger_remotes(struct pn_store *store, struct pn_arena *arena,
                               const struct pn_delivery *delivery, struct pn_remote *ret_remotes,
                               unsigned remote_max, unsigned *ret_count, struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct pn_value values[] = {PN_STR(delivery->plan_id), PN_STR(delivery->system),
                                PN_INT(delivery->plan_version)};
    enum pn_code code = pn_store_ask(
        store,
        "SELECT f.slot, f.remote_id, f.remote_version FROM delivery d JOIN delivery_document f"
        " ON f.delivery_id = d.id WHERE d.plan_id = ?1 AND d.system = ?2 AND d.plan_version < ?3"
        " AND f.remote_id <> '' ORDER BY f.slot, d.plan_version DESC",
        values, PN_ARRAY_COUNT(values), &rows, err);
    if (code == PN_OK) {
        code = read_remotes(rows, arena, ret_remotes, remote_max, ret_count, err);
    }
    pn_rows_close(rows);
    return code;
}
