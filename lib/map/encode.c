// SPDX-License-Identifier: Apache-2.0
// Out: a plan → the system's own documents; and what its answers mean.
#include "base/clock.h"
#include "map/watch.h"
#include "map/write.h"

enum { DOCUMENTS_MAX = 64, SLOT_ITEMS = PN_MAP_ITEMS_MAX };

struct encoding {
    struct pn_map_run run;
    const struct pn_plan_out *plan;
    unsigned part_count;
    struct pn_document_out *first, *last;
    unsigned document_count;
};

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "plan", "the plan needs too much memory");
}

static bool add_copy(cJSON *object, const char *name, const cJSON *json)
{
    if (json == NULL) {
        return true;
    }
    cJSON *copy = cJSON_Duplicate(json, true);
    return copy != NULL && cJSON_AddItemToObject(object, name, copy);
}

// {plan or case, patient, previous, clientships, withdrawn}: what the mapping's paths start from.
static enum pn_code make_tree(struct encoding *encoding, struct pn_err *err)
{
    const struct pn_plan_out *plan = encoding->plan;
    cJSON *root = cJSON_CreateObject();
    bool is_made = root != NULL && add_copy(root, "plan", plan->plan) &&
                   add_copy(root, "case", plan->case_flag) &&
                   add_copy(root, "patient", plan->patient) &&
                   add_copy(root, "previous", plan->previous) &&
                   add_copy(root, "clientships", plan->clientships);
    if (is_made && plan->withdrawn) {
        is_made = cJSON_AddTrueToObject(root, "withdrawn") != NULL;
    }
    encoding->run.root = is_made ? pn_map_node_of_json(encoding->run.arena, root) : NULL;
    pn_map_watch_tree(&encoding->run,
                      (struct pn_read_tree){"", encoding->run.root, NULL, PN_FORMAT_JSON});
    return encoding->run.root == NULL ? no_memory(err) : PN_OK;
}

// Runs a document's rows; *ret_top is its tree, or NULL for FHIR.
static enum pn_code make(struct encoding *encoding, const struct pn_map_document *document,
                         struct pn_map_out_node **ret_top, struct pn_slice *ret_bytes,
                         struct pn_err *err)
{
    struct pn_map_run *run = &encoding->run;
    struct pn_map_out out = {0};
    bool wrote = false;
    if (document->sink == PN_SINK_FHIR) {
        out.resource = pn_fhir_new(document->resource);
    } else {
        out.top = pn_arena_alloc(run->arena, sizeof *out.top);
    }
    if (out.resource == NULL && out.top == NULL) {
        return no_memory(err);
    }
    enum pn_code code =
        pn_map_rows_run(run, document->rows, document->row_count, &out, &wrote, err);
    if (code != PN_OK) {
        return code;
    }
    *ret_top = out.top;
    return out.resource != NULL ? pn_map_write_json(run->arena, out.resource, ret_bytes, err)
                                : pn_map_write(run->arena, document->sink, out.top, document->root,
                                               run->charset, ret_bytes, err);
}

// A made part as a tree for what follows: its whole text, and its lines or members. The mapping's
// own rows bound how deep it is.
static struct pn_node *part_tree(struct pn_arena *arena, const struct pn_map_out_node *top,
                                 struct pn_slice bytes)
{
    struct pn_node *root = pn_arena_alloc(arena, sizeof *root);
    if (root == NULL) {
        return NULL;
    }
    root->value = bytes;
    struct pn_node *last = NULL;
    for (const struct pn_map_out_node *line = top == NULL ? NULL : top->first_child; line != NULL;
         line = line->next) {
        struct pn_node *node = part_tree(arena, line, line->value);
        if (node == NULL) {
            return NULL;
        }
        node->name = line->name;
        node->parent = root;
        if (last == NULL) {
            root->first_child = node;
        } else {
            last->next = node;
        }
        last = node;
    }
    return root;
}

static enum pn_code add_part(struct encoding *encoding, const struct pn_map_document *document,
                             struct pn_err *err)
{
    struct pn_map_out_node *top = NULL;
    struct pn_slice bytes = {0};
    unsigned number = encoding->part_count++;
    encoding->run.parts[number] = NULL;
    pn_map_watch_made(&encoding->run, PN_MADE_PART, document->name, document->sink);
    if (!pn_map_holds(&encoding->run, document->when)) {
        return PN_OK;
    }
    enum pn_code code = make(encoding, document, &top, &bytes, err);
    if (code != PN_OK) {
        return code;
    }
    encoding->run.parts[number] = part_tree(encoding->run.arena, top, bytes);
    pn_map_watch_part(&encoding->run, top, encoding->run.parts[number]);
    return encoding->run.parts[number] == NULL ? no_memory(err) : PN_OK;
}

static enum pn_code add_values(struct encoding *encoding, const struct pn_map_document *document,
                               struct pn_document_out *made, struct pn_err *err)
{
    const struct {
        const struct pn_map_value *value;
        struct pn_slice *slice;
    } values[] = {{&document->path, &made->path},
                  {&document->method, &made->method},
                  {&document->content_type, &made->content_type},
                  {&document->receipt_id, &made->receipt_id},
                  {&document->if_match, &made->if_match}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(values); i++) {
        enum pn_code code =
            pn_map_value_get(&encoding->run, values[i].value, values[i].slice, NULL, err);
        if (code != PN_OK) {
            return code;
        }
    }
    if (made->receipt_id.len == 0) {
        made->receipt_id = encoding->plan->document_id;
    }
    if (made->method.len == 0) {
        made->method = pn_slice_str("POST");
    }
    return PN_OK;
}

// A slot is the document's place in the file and the item's in its `each`.
static void use_remote(struct encoding *encoding, unsigned slot)
{
    struct pn_slice *params = encoding->run.params;
    params[PN_PARAM_REMOTE_ID] = params[PN_PARAM_REMOTE_VERSION] = (struct pn_slice){0};
    params[PN_PARAM_REMOTE_METHOD] = pn_slice_str("POST");
    for (unsigned i = 0; i < encoding->plan->remote_count; i++) {
        if (encoding->plan->remotes[i].slot == slot) {
            params[PN_PARAM_REMOTE_ID] = encoding->plan->remotes[i].id;
            params[PN_PARAM_REMOTE_VERSION] = encoding->plan->remotes[i].version;
            params[PN_PARAM_REMOTE_METHOD] = pn_slice_str("PUT");
        }
    }
}

static enum pn_code add_document(struct encoding *encoding, const struct pn_map_document *document,
                                 unsigned slot, struct pn_err *err)
{
    struct pn_map_out_node *top = NULL;
    use_remote(encoding, slot);
    pn_map_watch_made(&encoding->run, PN_MADE_DOCUMENT, "", document->sink);
    if (!pn_map_holds(&encoding->run, document->when)) {
        return PN_OK;
    }
    if (encoding->document_count++ == DOCUMENTS_MAX) {
        return pn_err_set(err, PN_LIMIT, "documents", "over %d of one plan", DOCUMENTS_MAX);
    }
    struct pn_document_out *made = pn_arena_alloc(encoding->run.arena, sizeof *made);
    if (made == NULL) {
        return no_memory(err);
    }
    made->of = encoding->plan->of;
    made->slot = slot;
    enum pn_code code = make(encoding, document, &top, &made->bytes, err);
    if (code == PN_OK) {
        code = add_values(encoding, document, made, err);
    }
    if (code != PN_OK) {
        return code;
    }
    if (encoding->last == NULL) {
        encoding->first = made;
    } else {
        encoding->last->next = made;
    }
    encoding->last = made;
    pn_map_watch_sent(&encoding->run);
    return PN_OK;
}

static enum pn_code add_each(struct encoding *encoding, const struct pn_map_document *document,
                             unsigned slot, struct pn_err *err)
{
    if (document->each == NULL) {
        return add_document(encoding, document, slot, err);
    }
    const struct pn_node *const *items = NULL;
    unsigned count = 0;
    enum pn_code code = pn_map_find_all(&encoding->run, document->each, &items, &count, err);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        code = pn_map_push(&encoding->run, items[i], i + 1, err);
        if (code == PN_OK) {
            code = add_document(encoding, document, slot + i, err);
            pn_map_pop(&encoding->run);
        }
    }
    return code;
}

// The adapter's own words, put where they belong while somebody watches.
static enum pn_code find_reasons(const struct encoding *encoding, struct pn_err *err)
{
    const struct pn_map_out_file *out = &encoding->run.adapter->outs[encoding->plan->of];
    unsigned loss_count = pn_map_is_watched(&encoding->run) ? out->loss_count : 0;
    enum pn_code code = PN_OK;
    for (unsigned i = 0; code == PN_OK && i < loss_count; i++) {
        const struct pn_node *const *nodes = NULL;
        unsigned count = 0;
        unsigned start = pn_map_watch_mark(&encoding->run);
        code = pn_map_find_all(&encoding->run, out->losses[i].path, &nodes, &count, err);
        pn_map_watch_forget(&encoding->run, start);
        for (unsigned k = 0; code == PN_OK && k < count; k++) {
            pn_map_watch_reason(&encoding->run, nodes[k], &out->losses[i].reason);
        }
    }
    return code;
}

static enum pn_code encode(struct encoding *encoding, struct pn_err *err)
{
    enum pn_out_of of = encoding->plan->of;
    const struct pn_map_out_file *out = &encoding->run.adapter->outs[of];
    if (out->document_count == 0) {
        return pn_err_set(err, PN_UNSUPPORTED, "out", "this system takes no %s",
                          of == PN_OUT_CASE ? "case" : "plan");
    }
    enum pn_code code = make_tree(encoding, err);
    for (unsigned i = 0; code == PN_OK && i < out->document_count; i++) {
        const struct pn_map_document *document = &out->documents[i];
        encoding->run.register_kind = document->register_kind != PN_REGISTER_ANY
                                          ? document->register_kind
                                          : encoding->run.adapter->register_kind;
        code = document->name != NULL ? add_part(encoding, document, err)
                                      : add_each(encoding, document, i * SLOT_ITEMS, err);
    }
    // A reason also says why another register's item is not there.
    encoding->run.register_kind = PN_REGISTER_ANY;
    if (code == PN_OK) {
        code = find_reasons(encoding, err);
    }
    if (code == PN_OK && encoding->first == NULL) {
        return pn_err_set(err, PN_INVALID, "out", "no document's `when` holds for this %s",
                          of == PN_OUT_CASE ? "case" : "plan");
    }
    return code;
}

enum pn_code pn_adapter_encode(const struct pn_adapter *adapter, struct pn_arena *arena,
                               const struct pn_plan_out *plan,
                               const struct pn_document_out **ret_document, struct pn_err *err)
{
    pn_json_use_arena(arena);
    char *now = pn_arena_alloc(arena, PN_TIME_TEXT_BYTES);
    if (now == NULL) {
        return no_memory(err);
    }
    pn_time_format(plan->now_ms, now);
    struct encoding encoding = {.run = {.adapter = adapter,
                                        .arena = arena,
                                        .zone = adapter->info.zone,
                                        .charset = adapter->info.charset},
                                .plan = plan};
    encoding.run.params[PN_PARAM_NOW] = pn_slice_str(now);
    encoding.run.params[PN_PARAM_DOCUMENT_ID] = plan->document_id;
    encoding.run.params[PN_PARAM_SYSTEM] = plan->system_config_name;
    pn_map_watch_start(&encoding.run);
    enum pn_code code = encode(&encoding, err);
    if (code == PN_OK) {
        *ret_document = encoding.first;
    }
    return code;
}
