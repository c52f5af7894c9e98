// SPDX-License-Identifier: Apache-2.0
/*
 * What a system says of what it was sent, written into the ledger: at once, later on the same
 * connection, in a file, or by a message of its own (fi.punos.delivery.answered.v1).
 *
 * An answer belongs to the document whose receipt_id it names, in the system that gives it; one
 * that names nothing that was sent is kept as it came, and changes nothing. The same answer again
 * changes nothing. An answer may come before the one that was expected first: the documents are
 * noted before they are sent.
 *
 * All functions work inside the transaction that the caller has open, but for the reads.
 */
#ifndef PN_DELIVER_LEDGER_ANSWER_H
#define PN_DELIVER_LEDGER_ANSWER_H

#include "services/deliver/ledger.h"

// Words that are longer are cut.
enum { PN_WORDS_BYTES_MAX = 1000, PN_DOCUMENTS_MAX = 64 };

// Before a try: the documents that go out. *ret_accepted: bit `ordinal` of those that the system
// has accepted already. PN_LIMIT when there are over PN_DOCUMENTS_MAX.
PN_MUST_USE enum pn_code pn_ledger_note_documents(struct pn_store *store, const char *id,
                                                  const struct pn_document_out *documents,
                                                  uint64_t *ret_accepted, struct pn_err *err);

struct pn_ledger_answer {
    const char *system;
    // Which document: of one delivery, by its place; or (delivery_id NULL) by its receipt_id.
    const char *delivery_id;
    unsigned ordinal;
    struct pn_slice receipt_id;
    enum pn_delivery_state state; // COMMITTED, ACCEPTED, REJECTED or ACKNOWLEDGED
    struct pn_slice words;        // the system's own; replaced when they hold an identity code
    struct pn_slice remote_id;    // what the system calls it; may be empty
    struct pn_slice remote_version;
    int64_t now_ms;
    int64_t overdue_ms; // COMMITTED: when its own answer is overdue
};

enum pn_answer_effect {
    PN_ANSWER_UNKNOWN,     // names nothing that was sent to that system
    PN_ANSWER_REPEATED,    // said before
    PN_ANSWER_CONTRADICTS, // another answer has settled it
    PN_ANSWER_NOTED,       // one of several documents; the delivery goes on
    PN_ANSWER_CHANGED      // *ret_delivery has its new state
};
const char *pn_answer_effect_name(enum pn_answer_effect effect); // "unknown", for logs and metrics

// *ret_delivery is read into `arena`, unless the effect is UNKNOWN.
PN_MUST_USE enum pn_code pn_ledger_answer(struct pn_store *store, struct pn_arena *arena,
                                          const struct pn_ledger_answer *answer,
                                          struct pn_delivery *ret_delivery,
                                          enum pn_answer_effect *ret_effect, struct pn_err *err);
// The delivery that waits for, or had, that receipt; *ret_found false when none was sent so.
PN_MUST_USE enum pn_code pn_ledger_by_receipt(struct pn_store *store, struct pn_arena *arena,
                                              const char *system, struct pn_slice receipt_id,
                                              struct pn_delivery *ret_delivery, bool *ret_found,
                                              struct pn_err *err);
// Keeps an answer that changed nothing and ought to have (UNKNOWN, CONTRADICTS), once per id.
PN_MUST_USE enum pn_code pn_ledger_keep_answer(struct pn_store *store, const char *id,
                                               const struct pn_ledger_answer *answer,
                                               enum pn_answer_effect why, struct pn_err *err);
// After every document has had its first answer: the delivery's state when some are only committed.
// *ret_is_committed false when the system has answered them all.
PN_MUST_USE enum pn_code pn_ledger_commit_all(struct pn_store *store,
                                              const struct pn_delivery *delivery, int64_t now_ms,
                                              int64_t overdue_ms, bool *ret_is_committed,
                                              struct pn_err *err);

// The words as they may be kept and shown: bounded, and without an identity code.
struct pn_slice pn_words_kept(struct pn_slice words);

// What the system calls the documents of the newest earlier version that it has, by their slots.
PN_MUST_USE enum pn_code pn_ledger_remotes(struct pn_store *store, struct pn_arena *arena,
                                           const struct pn_delivery *delivery,
                                           struct pn_remote *ret_remotes, unsigned remote_max,
                                           unsigned *ret_count, struct pn_err *err);

#endif
