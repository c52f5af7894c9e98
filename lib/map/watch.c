// SPDX-License-Identifier: Apache-2.0
// Recording reads while a message is mapped.
#include "map/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "map/reads_store.h"

enum { FIRST_ROOM = 256 };

static const struct pn_slice nothing_asked = {0};

// --- The store -----------------------------------------------------------------------------------

struct pn_map_node_slot *pn_map_node_slot(const struct pn_adapter_reads *reads,
                                          const struct pn_node *node)
{
    size_t hash = ((uintptr_t)node >> 4) * UINT64_C(0x9E3779B97F4A7C15);
    unsigned at = (unsigned)(hash >> 32) & (reads->slot_room - 1);
    while (reads->slots[at].node != NULL && reads->slots[at].node != node) {
        at = (at + 1) & (reads->slot_room - 1);
    }
    return &reads->slots[at];
}

static bool grow_slots(struct pn_adapter_reads *reads)
{
    struct pn_map_node_slot *old = reads->slots;
    unsigned old_room = reads->slot_room;
    if ((reads->slot_count + 1) * 2 <= old_room) {
        return true;
    }
    unsigned room = old_room == 0 ? FIRST_ROOM : old_room * 2;
    struct pn_map_node_slot *slots = calloc(room, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    reads->slots = slots;
    reads->slot_room = room;
    for (unsigned i = 0; i < old_room; i++) {
        if (old[i].node != NULL) {
            *pn_map_node_slot(reads, old[i].node) = old[i];
        }
    }
    free(old);
    return true;
}

static struct pn_adapter_read *add(struct pn_adapter_reads *reads, const struct pn_node *node)
{
    bool is_full = reads->count == reads->room;
    unsigned room = reads->room == 0 ? FIRST_ROOM : reads->room * 2;
    if (is_full && reads->count < PN_ADAPTER_READS_MAX) {
        struct pn_adapter_read *more = reallocarray(reads->reads, room, sizeof *more);
        reads->reads = more != NULL ? more : reads->reads;
        reads->room = more != NULL ? room : reads->room;
        is_full = more == NULL;
    }
    if (is_full || !grow_slots(reads)) {
        reads->is_over = true;
        return NULL;
    }
    struct pn_map_node_slot *slot = pn_map_node_slot(reads, node);
    struct pn_adapter_read *read = &reads->reads[reads->count++];
    reads->slot_count += slot->node == NULL ? 1 : 0;
    *read = (struct pn_adapter_read){
        .node = node,
        .file = reads->place.file,
        .line = reads->place.node == NULL ? 0 : reads->place.node->line,
        .use = reads->use,
        .made = reads->made,
        .kept_bytes = SIZE_MAX,
        .keeps = PN_READ_ALL,
        .before = slot->last,
    };
    *slot = (struct pn_map_node_slot){node, reads->count};
    return read;
}

static struct pn_adapter_reads *reads_of(const struct pn_map_run *run)
{
    return run->adapter->reads;
}

struct pn_adapter_reads *pn_adapter_reads_new(void)
{
    return calloc(1, sizeof(struct pn_adapter_reads));
}

void pn_adapter_reads_free(struct pn_adapter_reads *reads)
{
    if (reads != NULL) {
        free(reads->reads);
        free(reads->slots);
        free(reads);
    }
}

void pn_adapter_watch_reads(struct pn_adapter *adapter, struct pn_adapter_reads *reads)
{
    adapter->reads = reads;
}

void pn_map_watch_start(const struct pn_map_run *run)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return;
    }
    struct pn_adapter_reads empty = {.reads = reads->reads,
                                     .room = reads->room,
                                     .slots = reads->slots,
                                     .slot_room = reads->slot_room,
                                     .place = {.file = "adapter.yaml"},
                                     .made = {.name = ""}};
    if (reads->slots != NULL) {
        memset(reads->slots, 0, reads->slot_room * sizeof *reads->slots);
    }
    *reads = empty;
}

void pn_map_watch_tree(const struct pn_map_run *run, struct pn_read_tree tree)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL || tree.root == NULL) {
        return;
    }
    if (reads->tree_count == PN_ADAPTER_TREES_MAX) {
        reads->is_over = true;
        return;
    }
    reads->trees[reads->tree_count++] = tree;
}

void pn_map_watch_made(const struct pn_map_run *run, enum pn_made_kind kind, const char *name,
                       enum pn_map_sink sink)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL) {
        unsigned number = kind == PN_MADE_MESSAGE ? 0 : ++reads->made_counts[kind];
        reads->made = (struct pn_made){kind, number, name};
        reads->sink = sink;
    }
}

void pn_map_watch_sent(const struct pn_map_run *run)
{
    static const unsigned bits[] = {[PN_REGISTER_PATIENT] = PN_READ_PATIENT_REGISTER,
                                    [PN_REGISTER_SOCIAL] = PN_READ_SOCIAL_REGISTER};
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL && run->register_kind != PN_REGISTER_ANY) {
        reads->registers |= bits[run->register_kind];
    }
}

void pn_map_watch_place(const struct pn_map_run *run, struct pn_map_place place)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL) {
        reads->place = place;
    }
}

// --- Reads ---------------------------------------------------------------------------------------

static bool is_same_place(const struct pn_adapter_read *read, struct pn_map_place place)
{
    return read->file == place.file && read->line == (place.node == NULL ? 0 : place.node->line);
}

// The same row asked the same node the same thing before.
static bool was_tested(const struct pn_adapter_reads *reads, const struct pn_node *node,
                       const struct pn_slice *asked)
{
    unsigned last = reads->slot_room == 0 ? 0 : pn_map_node_slot(reads, node)->last;
    for (; last != 0; last = reads->reads[last - 1].before) {
        const struct pn_adapter_read *read = &reads->reads[last - 1];
        if (read->use == PN_READ_TESTED && read->asked == asked &&
            is_same_place(read, reads->place) && read->made.kind == reads->made.kind &&
            read->made.number == reads->made.number) {
            return true;
        }
    }
    return false;
}

void pn_map_watch_text(const struct pn_map_run *run, const struct pn_node *node)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (!reads->is_muted) {
        add(reads, node);
    }
}

void pn_map_watch_filter(const struct pn_map_run *run, const struct pn_map_filter *filter,
                         const struct pn_node *node, bool passes)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads->is_muted || was_tested(reads, node, &filter->value)) {
        return;
    }
    struct pn_adapter_read *read = add(reads, node);
    if (read != NULL) {
        read->use = PN_READ_TESTED;
        read->asks_presence = filter->asks_presence;
        read->asked = &filter->value;
        read->asked_count = filter->asks_presence ? 0 : 1;
        read->is_among = passes != filter->is_not;
    }
}

struct pn_map_watch pn_map_watch_test(const struct pn_map_run *run)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return (struct pn_map_watch){0};
    }
    struct pn_map_watch watch = {reads->count, reads->use, reads->is_muted, reads->place};
    reads->use = PN_READ_TESTED;
    return watch;
}

void pn_map_watch_tested(const struct pn_map_run *run, const struct pn_map_watch *watch,
                         const struct pn_map_condition *condition, bool holds)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return;
    }
    bool is_one = condition->test != PN_TEST_ALL && condition->test != PN_TEST_ANY;
    for (unsigned i = watch->start; is_one && i < reads->count; i++) {
        struct pn_adapter_read *read = &reads->reads[i];
        if (read->use == PN_READ_TESTED && read->asked == NULL) {
            // Never NULL: it also tells one test from another.
            read->asked = condition->values != NULL ? condition->values : &nothing_asked;
            read->asked_count = condition->test == PN_TEST_EQUALS ? condition->value_count : 0;
            read->asks_presence = condition->test == PN_TEST_THERE;
            read->is_among = holds;
        }
    }
    pn_map_watch_end(run, watch);
}

struct pn_map_watch pn_map_watch_value(const struct pn_map_run *run, struct pn_map_place place)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return (struct pn_map_watch){0};
    }
    struct pn_map_watch watch = {reads->count, reads->use, reads->is_muted, reads->place};
    reads->use = PN_READ_TAKEN;
    reads->place = place.file == NULL || place.node == NULL ? reads->place : place;
    return watch;
}

struct pn_map_watch pn_map_watch_mute(const struct pn_map_run *run)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return (struct pn_map_watch){0};
    }
    struct pn_map_watch watch = {reads->count, reads->use, reads->is_muted, reads->place};
    reads->is_muted = true;
    return watch;
}

void pn_map_watch_end(const struct pn_map_run *run, const struct pn_map_watch *watch)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL) {
        reads->use = watch->use;
        reads->is_muted = watch->is_muted;
        reads->place = watch->place;
    }
}

// --- What a value lost ---------------------------------------------------------------------------

unsigned pn_map_watch_mark(const struct pn_map_run *run)
{
    return reads_of(run) == NULL ? 0 : reads_of(run)->count;
}

// The next read of a text since `start`, NULL when there is none.
static struct pn_adapter_read *next_taken(struct pn_adapter_reads *reads, unsigned *at)
{
    while (reads != NULL && *at < reads->count) {
        struct pn_adapter_read *read = &reads->reads[(*at)++];
        if (read->use == PN_READ_TAKEN) {
            return read;
        }
    }
    return NULL;
}

void pn_map_watch_at(const struct pn_map_run *run, unsigned start, size_t at, size_t length)
{
    struct pn_adapter_read *read;
    while ((read = next_taken(reads_of(run), &start)) != NULL) {
        read->at = at;
        read->length = length;
    }
}

static unsigned what_it_keeps(const struct pn_map_conversion *conversion)
{
    static const char *const dates[] = {"date", "hl7-date", "finnish-date", NULL};
    if (pn_words_hold(dates, pn_slice_str(conversion->name))) {
        return PN_READ_DATE;
    }
    return strcmp(conversion->name, "finnish-time") == 0 ? PN_READ_TIME : PN_READ_ALL;
}

void pn_map_watch_converted(const struct pn_map_run *run, unsigned start,
                            const struct pn_map_conversion *conversion)
{
    struct pn_adapter_read *read;
    while ((read = next_taken(reads_of(run), &start)) != NULL) {
        read->keeps &= what_it_keeps(conversion);
    }
}

// Another code of the table became the same: the two cannot be told apart any more.
static bool is_shared(const struct pn_map_value *value, const struct pn_map_code *code)
{
    const struct pn_map_table *table = value->table;
    if (pn_slice_is(code->to, "=") && value->column == PN_COLUMN_TO) {
        return false;
    }
    for (unsigned i = 0; i < table->code_count; i++) {
        const struct pn_map_code *other = &table->codes[i];
        bool is_same = value->column == PN_COLUMN_TO ? pn_slice_eq(other->to, code->to)
                       : value->column == PN_COLUMN_SYSTEM
                           ? pn_slice_eq(other->system, code->system)
                           : pn_slice_eq(other->display, code->display);
        if (is_same && !pn_slice_eq(other->from, code->from)) {
            return true;
        }
    }
    return code == table->others;
}

void pn_map_watch_coded(const struct pn_map_run *run, unsigned start,
                        const struct pn_map_value *value, const struct pn_map_code *code)
{
    struct pn_adapter_read *read;
    bool shared = reads_of(run) != NULL && is_shared(value, code);
    while (shared && (read = next_taken(reads_of(run), &start)) != NULL) {
        read->is_coarser = true;
    }
}

void pn_map_watch_cut(const struct pn_map_run *run, unsigned start, size_t kept_bytes)
{
    struct pn_adapter_read *read;
    while ((read = next_taken(reads_of(run), &start)) != NULL) {
        if (read->at + read->length > kept_bytes) {
            read->kept_bytes = kept_bytes > read->at ? kept_bytes - read->at : 0;
        }
    }
}

void pn_map_watch_forget(const struct pn_map_run *run, unsigned start)
{
    struct pn_adapter_reads *reads = reads_of(run);
    while (reads != NULL && reads->count > start) {
        const struct pn_adapter_read *read = &reads->reads[--reads->count];
        pn_map_node_slot(reads, read->node)->last = read->before;
    }
    // Parts that were opened for a mapping that then did not take the message.
    while (reads != NULL && reads->tree_count > 0 &&
           reads->trees[reads->tree_count - 1].opened_from != NULL &&
           reads->trees[reads->tree_count - 1].root != run->root) {
        reads->tree_count--;
    }
}

// --- What became of it ---------------------------------------------------------------------------

void pn_map_watch_kept(const struct pn_map_run *run, unsigned start, const char *target,
                       struct pn_slice value)
{
    struct pn_adapter_reads *reads = reads_of(run);
    for (unsigned i = start; reads != NULL && i < reads->count; i++) {
        struct pn_adapter_read *read = &reads->reads[i];
        if (read->target == NULL && value.len > 0) {
            read->target = target;
            read->value = value;
            read->made = reads->made;
        }
    }
}

void pn_map_watch_enter(const struct pn_map_run *run, const struct pn_map_row *row,
                        struct pn_map_frame *frame)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL) {
        *frame = (struct pn_map_frame){row,          reads->frame, reads->place,
                                       reads->count, reads->count, reads->writes};
        reads->frame = frame;
        reads->place = run->adapter->places[row->number];
    }
}

void pn_map_watch_once(const struct pn_map_run *run)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL) {
        reads->frame->once_start = reads->count;
        reads->frame->writes = reads->writes;
    }
}

void pn_map_watch_leave(const struct pn_map_run *run, const struct pn_map_frame *frame)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL) {
        reads->place = frame->place;
        reads->frame = frame->outer;
    }
}

static const char *target_text(const struct pn_map_target *target)
{
    const struct pn_fhir_path *path = target->path != NULL ? target->path : target->code;
    return path != NULL ? pn_fhir_path_text(path) : target->text;
}

// The target as it stands in what is made: in a tree, below what the blocks around it opened.
static const char *whole_target(const struct pn_map_run *run, const struct pn_map_frame *frame)
{
    const struct pn_map_row *row = frame->row;
    const char *text = row->target == NULL ? (row->kind == PN_ROW_LINE ? "line" : "rows")
                                           : target_text(row->target);
    enum pn_map_sink sink = reads_of(run)->sink;
    for (frame = frame->outer; frame != NULL && text != NULL; frame = frame->outer) {
        const struct pn_map_row *block = frame->row;
        bool counts = block->resource != NULL || sink == PN_SINK_XML || sink == PN_SINK_JSON;
        if (block->target != NULL && counts) {
            text = pn_arena_printf(run->arena, "%s/%s", target_text(block->target), text);
        }
    }
    return text == NULL ? "" : text;
}

static bool is_below(const struct pn_node *node, const struct pn_node *item)
{
    while (node != NULL && node != item) {
        node = node->parent;
    }
    return node != NULL;
}

// Where in a part the row wrote: its line, its member.
static const struct pn_map_out_node *place_in_part(const struct pn_adapter_reads *reads,
                                                   const struct pn_map_out *out)
{
    const struct pn_map_row *row = reads->frame->row;
    if (reads->made.kind != PN_MADE_PART || out == NULL || out->top == NULL) {
        return NULL;
    }
    return row->kind == PN_ROW_LINE ? out->top->last_child
           : row->target != NULL    ? pn_map_sink_node(row->target, out)
                                    : NULL;
}

static void tell(const struct pn_map_run *run, struct pn_slice value, const struct pn_map_out *out)
{
    struct pn_adapter_reads *reads = reads_of(run);
    const struct pn_map_frame *frame = reads->frame;
    const struct pn_node *item =
        frame->row->each == NULL ? NULL : run->scopes[run->scope_count - 1];
    bool is_block = frame->row->kind == PN_ROW_BLOCK;
    const char *target = whole_target(run, frame);
    const struct pn_map_out_node *place = place_in_part(reads, out);
    for (unsigned i = frame->each_start; i < reads->count; i++) {
        struct pn_adapter_read *read = &reads->reads[i];
        bool is_own = i >= frame->once_start || (item != NULL && is_below(read->node, item));
        bool is_rows = is_same_place(read, run->adapter->places[frame->row->number]);
        if (read->target == NULL && is_own && (is_rows || (!is_block && i >= frame->once_start))) {
            read->target = target;
            read->value = value;
            read->place_in_part = place;
        }
    }
}

void pn_map_watch_wrote(const struct pn_map_run *run, struct pn_slice text,
                        const struct pn_map_out *out)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL) {
        reads->writes++;
        tell(run, text, out);
    }
}

void pn_map_watch_left(const struct pn_map_run *run, enum pn_code code)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return;
    }
    if (code != PN_OK && reads->refusal.file == NULL) {
        reads->refusal = reads->place;
    }
    if (reads->frame->row->kind == PN_ROW_BLOCK && reads->writes > reads->frame->writes) {
        tell(run, (struct pn_slice){0}, NULL);
    }
}

void pn_map_watch_dropped(const struct pn_map_run *run)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return;
    }
    for (unsigned i = reads->frame->once_start; i < reads->count; i++) {
        reads->reads[i].target = NULL;
    }
    reads->writes = reads->frame->writes;
}

// Names of what rows before this one put into the resource: the copy does not bring these.
static const char *const *members_of(const struct pn_map_run *run, const cJSON *resource)
{
    unsigned count = 0;
    for (const cJSON *member = resource->child; member != NULL; member = member->next) {
        count++;
    }
    const char **names = pn_arena_alloc_array(run->arena, count + 1, sizeof *names);
    count = 0;
    for (const cJSON *member = resource->child; names != NULL && member != NULL;
         member = member->next) {
        names[count++] = pn_arena_copy(run->arena, pn_slice_str(member->string));
    }
    return names;
}

void pn_map_watch_copied(const struct pn_map_run *run, const struct pn_node *node,
                         const struct pn_map_out *out)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads == NULL) {
        return;
    }
    const struct pn_map_row *row = reads->frame->row;
    struct pn_adapter_read *read = add(reads, node);
    if (read != NULL) {
        read->use = PN_READ_COPIED;
        read->register_kind = run->register_kind;
        read->row = row;
        read->already = out->resource != NULL && row->target->path == NULL
                            ? members_of(run, out->resource)
                            : NULL;
    }
    reads->writes++;
    tell(run, (struct pn_slice){0}, out);
}

// --- Parts and reasons ---------------------------------------------------------------------------

void pn_map_watch_part(const struct pn_map_run *run, const struct pn_map_out_node *top,
                       const struct pn_node *root)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL && reads->made.number <= PN_MAP_PARTS_MAX) {
        reads->parts[reads->made.number - 1] = (struct pn_map_part_made){top, root};
    }
}

void pn_map_watch_reason(const struct pn_map_run *run, const struct pn_node *node,
                         const struct pn_loss_reason *reason)
{
    struct pn_adapter_reads *reads = reads_of(run);
    if (reads != NULL && reads->reason_count < PN_MAP_REASONS_MAX) {
        reads->reasons[reads->reason_count++] = (struct pn_map_reason_at){node, reason};
    }
}
