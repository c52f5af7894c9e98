// SPDX-License-Identifier: Apache-2.0
// Which fields a message has, and which reads belong to each.
#include "services/tool/trace.h"

enum { PATH_DEPTH_MAX = PN_TREE_DEPTH_MAX + 4 };

struct walk {
    struct pn_arena *arena;
    struct pn_trace *trace;
    unsigned tree;
    bool only_counts;
    bool is_over;
};

// --- Names ---------------------------------------------------------------------------------------

// Its place among those of its name, 0 when it is the only one.
static unsigned place_of(const struct pn_node *node)
{
    unsigned before = 0;
    const struct pn_node *twin = node->parent == NULL ? node : node->parent->first_child;
    for (; twin != NULL && twin != node; twin = twin->next) {
        before += pn_slice_eq(twin->name, node->name) ? 1 : 0;
    }
    bool is_alone = before == 0 && pn_node_next_same(node) == NULL;
    return is_alone ? 0 : before + 1;
}

static const char *name_hl7(const struct walk *walk, const char *path, const struct pn_node *node)
{
    if (node->kind == PN_NODE_GROUP) {
        unsigned place = place_of(node);
        return place == 0
                   ? pn_arena_printf(walk->arena, "%.*s", PN_SLICE_FMT(node->name))
                   : pn_arena_printf(walk->arena, "%.*s[%u]", PN_SLICE_FMT(node->name), place);
    }
    if (node->kind != PN_NODE_FIELD) {
        return pn_arena_printf(walk->arena, "%s.%.*s", path, PN_SLICE_FMT(node->name));
    }
    return node->repeat <= 1 && pn_node_next_same(node) == NULL
               ? pn_arena_printf(walk->arena, "%s-%.*s", path, PN_SLICE_FMT(node->name))
               : pn_arena_printf(walk->arena, "%s-%.*s[%u]", path, PN_SLICE_FMT(node->name),
                                 node->repeat);
}

static const char *name_path(const struct walk *walk, const char *path, const struct pn_node *node)
{
    unsigned place = place_of(node);
    return place == 0
               ? pn_arena_printf(walk->arena, "%s/%.*s", path, PN_SLICE_FMT(node->name))
               : pn_arena_printf(walk->arena, "%s/%.*s[%u]", path, PN_SLICE_FMT(node->name), place);
}

// --- Reads ---------------------------------------------------------------------------------------

// Whether reading the text of `top` reads that of `leaf`, a node below it (codec/tree.h).
static bool is_text_of(enum pn_format format, const struct pn_node *top, const struct pn_node *leaf)
{
    if (format == PN_FORMAT_XML) {
        return leaf->kind != PN_NODE_ATTRIBUTE;
    }
    const struct pn_node *first = top;
    while (first != leaf && first->first_child != NULL) {
        first = first->first_child;
    }
    return first == leaf;
}

static bool belongs(const struct pn_adapter_read *read, enum pn_format format,
                    const struct pn_node *leaf)
{
    if (read->use == PN_READ_COPIED) {
        return pn_adapter_read_copies(read, leaf);
    }
    return read->node == leaf || (!read->asks_presence && is_text_of(format, read->node, leaf));
}

static bool is_same(const struct pn_adapter_read *one, const struct pn_adapter_read *other)
{
    return one->file == other->file && one->line == other->line && one->target == other->target &&
           one->made.kind == other->made.kind && one->made.number == other->made.number;
}

static bool is_known(const struct pn_trace_field *field, const struct pn_adapter_read *read)
{
    for (unsigned i = 0; i < field->read_count; i++) {
        if (is_same(field->reads[i], read)) {
            return true;
        }
    }
    return false;
}

static unsigned count_reads(const struct pn_trace *trace, const struct pn_node *leaf)
{
    unsigned count = 0;
    for (const struct pn_node *node = leaf; node != NULL; node = node->parent) {
        const struct pn_adapter_read *read = pn_adapter_reads_last(trace->reads, node);
        for (; read != NULL; read = pn_adapter_reads_before(trace->reads, read)) {
            count++;
        }
    }
    return count;
}

static void sort(struct pn_trace_field *field)
{
    for (unsigned i = 1; i < field->read_count; i++) {
        const struct pn_adapter_read *read = field->reads[i];
        unsigned at = i;
        for (; at > 0 && field->reads[at - 1] > read; at--) {
            field->reads[at] = field->reads[at - 1];
        }
        field->reads[at] = read;
    }
}

static bool find_reads(struct walk *walk, struct pn_trace_field *field)
{
    const struct pn_trace *trace = walk->trace;
    enum pn_format format = trace->trees[walk->tree].format;
    unsigned room = count_reads(trace, field->node);
    field->reads = pn_arena_alloc_array(walk->arena, room + 1, sizeof *field->reads);
    for (const struct pn_node *node = field->node; field->reads != NULL && node != NULL;
         node = node->parent) {
        const struct pn_adapter_read *read = pn_adapter_reads_last(trace->reads, node);
        for (; read != NULL; read = pn_adapter_reads_before(trace->reads, read)) {
            if (belongs(read, format, field->node) && !is_known(field, read)) {
                field->reads[field->read_count++] = read;
            }
        }
    }
    if (field->reads != NULL) {
        sort(field);
    }
    return field->reads != NULL;
}

// --- Fields --------------------------------------------------------------------------------------

// MSH-1 and MSH-2 say how the message is written, nothing of what it tells.
static bool is_field(enum pn_format format, const struct pn_node *node)
{
    bool is_delimiter = node->kind == PN_NODE_FIELD && pn_slice_is(node->parent->name, "MSH") &&
                        (pn_slice_is(node->name, "1") || pn_slice_is(node->name, "2"));
    if (node->value.len == 0 || is_delimiter) {
        return false;
    }
    const struct pn_node *child = node->first_child;
    while (format == PN_FORMAT_XML && child != NULL && child->kind == PN_NODE_ATTRIBUTE) {
        child = child->next;
    }
    return child == NULL;
}

static void add_field(struct walk *walk, const char *path, const struct pn_node *node)
{
    struct pn_trace *trace = walk->trace;
    if (!walk->only_counts) {
        struct pn_trace_field *field = &trace->fields[trace->field_count];
        *field = (struct pn_trace_field){.path = path, .node = node, .tree = walk->tree};
        walk->is_over = walk->is_over || path == NULL || !find_reads(walk, field);
        trace->unread_count += field->read_count == 0 ? 1 : 0;
    }
    trace->field_count++;
}

static void visit(struct walk *walk, const char *path, const struct pn_node *node, unsigned depth)
{
    enum pn_format format = walk->trace->trees[walk->tree].format;
    if (depth == PATH_DEPTH_MAX || walk->is_over) {
        return;
    }
    // An element's attributes stand before its text.
    for (const struct pn_node *child = node->first_child; child != NULL; child = child->next) {
        const char *below = walk->only_counts           ? ""
                            : format == PN_FORMAT_HL7V2 ? name_hl7(walk, path, child)
                                                        : name_path(walk, path, child);
        walk->is_over = walk->is_over || below == NULL;
        visit(walk, below == NULL ? "" : below, child, depth + 1);
    }
    if (is_field(format, node)) {
        add_field(walk, path, node);
    }
}

// What was unwrapped without being decoded stands in the message's own tree already.
static bool is_shared(const struct pn_read_tree *tree)
{
    return tree->opened_from != NULL && tree->root->first_child == tree->opened_from->first_child &&
           tree->root->first_child != NULL;
}

static void visit_all(struct walk *walk)
{
    walk->trace->field_count = 0;
    for (walk->tree = 0; walk->tree < walk->trace->tree_count; walk->tree++) {
        const struct pn_read_tree *tree = &walk->trace->trees[walk->tree];
        const char *path =
            tree->format == PN_FORMAT_XML && !walk->only_counts
                ? pn_arena_printf(walk->arena, "/%.*s", PN_SLICE_FMT(tree->root->name))
                : "";
        if (!is_shared(tree)) {
            visit(walk, path == NULL ? "" : path, tree->root, 0);
        }
    }
}

enum pn_code pn_trace_make(struct pn_arena *arena, const struct pn_adapter_reads *reads,
                           struct pn_trace *ret_trace, struct pn_err *err)
{
    struct pn_trace trace = {.reads = reads};
    struct walk walk = {.arena = arena, .trace = &trace, .only_counts = true};
    trace.tree_count = pn_adapter_reads_trees(reads, &trace.trees);
    visit_all(&walk);
    trace.fields = pn_arena_alloc_array(arena, trace.field_count + 1, sizeof *trace.fields);
    walk.only_counts = false;
    if (trace.fields != NULL) {
        visit_all(&walk);
    }
    if (trace.fields == NULL || walk.is_over || !pn_adapter_reads_whole(reads)) {
        return pn_err_set(err, PN_LIMIT, "message", "is too large to be traced");
    }
    if (!pn_adapter_reads_refusal(reads, &trace.refusal_file, &trace.refusal_line)) {
        trace.refusal_file = NULL;
    }
    *ret_trace = trace;
    return PN_OK;
}
