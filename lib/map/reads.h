// SPDX-License-Identifier: Apache-2.0
/*
 * What became of each field of a message or a plan: which row read it, for what, and what it wrote.
 *
 * For `punos adapter trace` and for the loss report. Lent to an adapter, it records one decoding or
 * encoding at a time; off (the rule), it costs one test of a pointer for each read. What it holds
 * points into the arena of that decoding or encoding, and ends with it.
 */
#ifndef PN_MAP_READS_H
#define PN_MAP_READS_H

#include "map/adapter.h"

enum { PN_ADAPTER_READS_MAX = 1000 * 1000, PN_ADAPTER_TREES_MAX = 36 };

enum pn_read_use {
    PN_READ_TAKEN,  // its text was taken
    PN_READ_TESTED, // it decided whether a row counts, or which item the row takes
    PN_READ_COPIED  // it was copied, less what the row leaves out
};

enum pn_made_kind {
    PN_MADE_MESSAGE, // what holds for the whole message: its kind, control id, sender
    PN_MADE_PERSON,
    PN_MADE_EVENT,
    PN_MADE_PART,
    PN_MADE_DOCUMENT
};

struct pn_made {
    enum pn_made_kind kind;
    unsigned number;  // among its kind, from 1
    const char *name; // the event's type, the part's name; "" otherwise
};

enum { PN_READ_DATE = 1, PN_READ_TIME = 2, PN_READ_ALL = 3 };

// Registers that a document is written into (schemas/plan.md, "Registers").
enum { PN_READ_PATIENT_REGISTER = 1, PN_READ_SOCIAL_REGISTER = 2 };

struct pn_adapter_read {
    const struct pn_node *node;
    const char *file; // of the row: in/adt-visit.yaml
    unsigned line;    // 0: the file as a whole
    enum pn_read_use use;
    struct pn_made made;
    const char *target;    // what it became; NULL: nothing
    struct pn_slice value; // what was written there; empty for a block and a copy
    // TESTED: what it was compared with. `is_among`: it was one of these.
    const struct pn_slice *asked;
    unsigned asked_count;
    bool is_among;
    bool asks_presence; // only whether it is there
    // TAKEN
    size_t kept_bytes; // of its text before `max` cut it; SIZE_MAX: all
    bool is_coarser;   // its code and another became the same code
    unsigned keeps;    // PN_READ_DATE | PN_READ_TIME: what a conversion left of a time
    // the engine's own
    const struct pn_map_row *row;
    const char *const *already; // COPIED: members that other rows had set
    unsigned register_kind;     // COPIED: the other register's items were left out
    const void *place_in_part;
    size_t at, length; // where its text stands in the made text
    unsigned before;   // the read of this node before this one, from 1
};

// A tree that the reads' nodes stand in: the message, what was opened of it, a made part.
struct pn_read_tree {
    const char *name; // "": the message or the plan
    const struct pn_node *root;
    const struct pn_node *opened_from; // NULL: not opened from a node
    enum pn_format format;
};

struct pn_adapter_reads;

// NULL when memory is exhausted.
struct pn_adapter_reads *pn_adapter_reads_new(void);
void pn_adapter_reads_free(struct pn_adapter_reads *reads);
// From now on each decoding and encoding is recorded, replacing the one before. NULL ends it.
void pn_adapter_watch_reads(struct pn_adapter *adapter, struct pn_adapter_reads *reads);

// False when there were over PN_ADAPTER_READS_MAX: then not all is there.
bool pn_adapter_reads_whole(const struct pn_adapter_reads *reads);
unsigned pn_adapter_reads_trees(const struct pn_adapter_reads *reads,
                                const struct pn_read_tree **ret_trees);
// The last read of a node; NULL when there is none. Then the one before it.
const struct pn_adapter_read *pn_adapter_reads_last(const struct pn_adapter_reads *reads,
                                                    const struct pn_node *node);
const struct pn_adapter_read *pn_adapter_reads_before(const struct pn_adapter_reads *reads,
                                                      const struct pn_adapter_read *read);
// Whether a copied node's copy holds what stands at `leaf`, a node below it (or itself).
bool pn_adapter_read_copies(const struct pn_adapter_read *read, const struct pn_node *leaf);
// Whether what was made of it stands in a document that is sent, itself or by way of a part;
// *ret_kept_bytes is how much of the read's text is left there (SIZE_MAX: all).
bool pn_adapter_read_is_sent(const struct pn_adapter_reads *reads,
                             const struct pn_adapter_read *read, size_t *ret_kept_bytes);
// Those that the documents made are written into; 0: none is said.
unsigned pn_adapter_reads_registers(const struct pn_adapter_reads *reads);
// Those that may hold a node of the plan as its label, or that of the item around it, says; 0: no
// label, so all of them.
unsigned pn_adapter_reads_label(const struct pn_node *node);
// The adapter's own words for why a node of the plan does not fit (`losses` of out/); NULL: none.
struct pn_loss_reason {
    const char *fi, *sv, *en;
};
const struct pn_loss_reason *pn_adapter_reads_reason(const struct pn_adapter_reads *reads,
                                                     const struct pn_node *node);
// The row that refused the message; false when none did.
bool pn_adapter_reads_refusal(const struct pn_adapter_reads *reads, const char **ret_file,
                              unsigned *ret_line);

#endif
