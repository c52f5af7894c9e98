// SPDX-License-Identifier: Apache-2.0
// Out: a plan → the system's own documents; and what its answers mean.
#include "base/clock.h"
#include "map/watch.h"
#include "map/write.h"

enum { DOCUMENTS_MAX = 64 };

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
                  {&document->receipt_id, &made->receipt_id}};
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

static enum pn_code add_document(struct encoding *encoding, const struct pn_map_document *document,
                                 struct pn_err *err)
{
    struct pn_map_out_node *top = NULL;
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
    return PN_OK;
}

static enum pn_code add_each(struct encoding *encoding, const struct pn_map_document *document,
                             struct pn_err *err)
{
    if (document->each == NULL) {
        return add_document(encoding, document, err);
    }
    const struct pn_node *const *items = NULL;
    unsigned count = 0;
    enum pn_code code = pn_map_find_all(&encoding->run, document->each, &items, &count, err);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        code = pn_map_push(&encoding->run, items[i], i + 1, err);
        if (code == PN_OK) {
            code = add_document(encoding, document, err);
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
                                      : add_each(encoding, document, err);
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

// --- Receipts ------------------------------------------------------------------------------------

static enum pn_code read_answer(struct pn_map_run *run, const struct pn_map_receipt *receipt,
                                const struct pn_answer *answer, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    if (receipt->has_body && answer->bytes.len > 0) {
        code =
            pn_map_read(run->arena, receipt->format, answer->bytes, run->charset, &run->root, err);
        // An HTTP error's body may be anything; its status says enough.
        if (code != PN_OK && answer->http_status != 0) {
            run->root = NULL;
            code = PN_OK;
        }
    }
    return code;
}

static enum pn_code judge(struct pn_map_run *run, const struct pn_map_receipt *receipt,
                          struct pn_slice receipt_id, enum pn_receipt *ret_receipt,
                          struct pn_slice *ret_words, struct pn_err *err)
{
    struct pn_slice match = {0}, words = {0};
    enum pn_code code = pn_map_value_get(run, &receipt->match, &match, NULL, err);
    if (code == PN_OK) {
        code = pn_map_value_get(run, &receipt->words, &words, NULL, err);
    }
    if (code != PN_OK) {
        return code;
    }
    *ret_words = words;
    if (receipt->has_match && run->root != NULL && !pn_slice_eq(match, receipt_id)) {
        *ret_receipt = PN_RECEIPT_OTHERS;
    } else if (pn_map_holds(run, receipt->accepted)) {
        *ret_receipt = PN_RECEIPT_ACCEPTED;
    } else if (receipt->try_again != NULL && pn_map_holds(run, receipt->try_again)) {
        *ret_receipt = PN_RECEIPT_TRY_AGAIN;
    } else {
        *ret_receipt = PN_RECEIPT_REJECTED;
    }
    return PN_OK;
}

enum pn_code pn_adapter_read_receipt(const struct pn_adapter *adapter, struct pn_arena *arena,
                                     const struct pn_document_out *sent,
                                     const struct pn_answer *answer, enum pn_receipt *ret_receipt,
                                     struct pn_slice *ret_words, struct pn_err *err)
{
    const struct pn_map_receipt *receipt = &adapter->outs[sent->of].receipt;
    pn_json_use_arena(arena);
    struct pn_map_run run = {.adapter = adapter,
                             .arena = arena,
                             .zone = adapter->info.zone,
                             .charset = adapter->info.charset};
    if (!receipt->is_there) {
        return pn_err_set(err, PN_UNSUPPORTED, "out receipt", "this system gives no receipts");
    }
    const char *status = pn_arena_printf(arena, "%d", answer->http_status);
    if (status == NULL) {
        return no_memory(err);
    }
    run.params[PN_PARAM_HTTP_STATUS] = pn_slice_str(answer->http_status == 0 ? "" : status);
    run.params[PN_PARAM_RECEIPT_ID] = sent->receipt_id;
    enum pn_code code = read_answer(&run, receipt, answer, err);
    return code != PN_OK ? code
                         : judge(&run, receipt, sent->receipt_id, ret_receipt, ret_words, err);
}
