// SPDX-License-Identifier: Apache-2.0
/*
 * Recording reads while a message is mapped (map/reads.h). Internal to lib/map.
 *
 * Each function does nothing, after one test, when nobody watches. A read belongs to the row (or
 * the header's value) that runs; when the row has written something, its reads are told what they
 * became. Reads of a block that was dropped became nothing.
 */
#ifndef PN_MAP_WATCH_H
#define PN_MAP_WATCH_H

#include "map/reads.h"
#include "map/run.h"

// A row that runs; `outer` is the block around it. On the stack of rows.c.
struct pn_map_frame {
    const struct pn_map_row *row;
    struct pn_map_frame *outer;
    struct pn_map_place place;
    unsigned each_start, once_start; // reads: of all its items, of this item
    unsigned writes;
};

// What is put back after a value or a test.
struct pn_map_watch {
    unsigned start;
    enum pn_read_use use;
    bool is_muted;
    struct pn_map_place place;
};

static inline bool pn_map_is_watched(const struct pn_map_run *run)
{
    return run->adapter->reads != NULL;
}

void pn_map_watch_start(const struct pn_map_run *run);
void pn_map_watch_tree(const struct pn_map_run *run, struct pn_read_tree tree);
// What is made from now on.
void pn_map_watch_made(const struct pn_map_run *run, enum pn_made_kind kind, const char *name,
                       enum pn_map_sink sink);
// A document was made, for the register of now.
void pn_map_watch_sent(const struct pn_map_run *run);
void pn_map_watch_place(const struct pn_map_run *run, struct pn_map_place place);

// A node's text was read, as what the state says.
void pn_map_watch_text(const struct pn_map_run *run, const struct pn_node *node);
void pn_map_watch_filter(const struct pn_map_run *run, const struct pn_map_filter *filter,
                         const struct pn_node *node, bool passes);

struct pn_map_watch pn_map_watch_test(const struct pn_map_run *run);
void pn_map_watch_tested(const struct pn_map_run *run, const struct pn_map_watch *watch,
                         const struct pn_map_condition *condition, bool holds);
struct pn_map_watch pn_map_watch_value(const struct pn_map_run *run, struct pn_map_place place);
struct pn_map_watch pn_map_watch_mute(const struct pn_map_run *run);
void pn_map_watch_end(const struct pn_map_run *run, const struct pn_map_watch *watch);
// Of the reads since `start`: where their text stands, what a conversion left, what a code lost,
// where the text was cut.
unsigned pn_map_watch_mark(const struct pn_map_run *run);
void pn_map_watch_at(const struct pn_map_run *run, unsigned start, size_t at, size_t length);
void pn_map_watch_converted(const struct pn_map_run *run, unsigned start,
                            const struct pn_map_conversion *conversion);
void pn_map_watch_coded(const struct pn_map_run *run, unsigned start,
                        const struct pn_map_value *value, const struct pn_map_code *code);
void pn_map_watch_cut(const struct pn_map_run *run, unsigned start, size_t kept_bytes);
// All reads since `start` that became nothing yet became this.
void pn_map_watch_kept(const struct pn_map_run *run, unsigned start, const char *target,
                       struct pn_slice value);
// As if they had not been.
void pn_map_watch_forget(const struct pn_map_run *run, unsigned start);

// rows.c: `frame` lives until the leave. `enter` once for each row, `once` for each item.
void pn_map_watch_enter(const struct pn_map_run *run, const struct pn_map_row *row,
                        struct pn_map_frame *frame);
void pn_map_watch_once(const struct pn_map_run *run);
void pn_map_watch_left(const struct pn_map_run *run, enum pn_code code);
void pn_map_watch_leave(const struct pn_map_run *run, const struct pn_map_frame *frame);
// The row wrote: `text` at its target; a block: something inside it did.
void pn_map_watch_wrote(const struct pn_map_run *run, struct pn_slice text,
                        const struct pn_map_out *out);
void pn_map_watch_copied(const struct pn_map_run *run, const struct pn_node *node,
                         const struct pn_map_out *out);
// What the block's rows wrote was taken away again.
void pn_map_watch_dropped(const struct pn_map_run *run);

// encode.c: the part that was made and the tree that later rows read it as.
void pn_map_watch_part(const struct pn_map_run *run, const struct pn_map_out_node *top,
                       const struct pn_node *root);
void pn_map_watch_reason(const struct pn_map_run *run, const struct pn_node *node,
                         const struct pn_loss_reason *reason);

#endif
