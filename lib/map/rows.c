// SPDX-License-Identifier: Apache-2.0
// Running compiled rows over a message.
#include "map/register.h"
#include "map/watch.h"

#include "base/ids.h"

void pn_map_hit(const struct pn_map_run *run, unsigned number)
{
    if (run->adapter->hits != NULL) {
        run->adapter->hits[number] = 1;
    }
}

enum pn_code pn_map_push(struct pn_map_run *run, const struct pn_node *item, unsigned place,
                         struct pn_err *err)
{
    if (run->scope_count == PN_MAP_SCOPES_MAX) {
        return pn_err_set(err, PN_LIMIT, "", "`each` inside `each` over %d deep",
                          PN_MAP_SCOPES_MAX);
    }
    run->places[run->scope_count] = place;
    run->scopes[run->scope_count++] = item;
    return PN_OK;
}

void pn_map_pop(struct pn_map_run *run)
{
    run->scope_count--;
}

static enum pn_code run_set(struct pn_map_run *run, const struct pn_map_row *row,
                            const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    struct pn_slice text;
    const struct pn_map_code *code_row = NULL;
    if (!row->target->appends && pn_map_sink_is_set(row->target, out)) {
        return PN_OK;
    }
    enum pn_code code = pn_map_value_get(run, &row->value, &text, &code_row, err);
    if (code != PN_OK || text.len == 0) {
        return code;
    }
    bool is_written = false;
    code = pn_map_sink_set(run, row, out, text, code_row, &is_written, err);
    if (code != PN_OK || !is_written) {
        return code;
    }
    pn_map_hit(run, row->number);
    pn_map_watch_wrote(run, text, out);
    *ret_wrote = *ret_wrote || !row->value.is_literal;
    return PN_OK;
}

// A resource inside another: rows fill one of their own, which is then hung in its place.
static enum pn_code run_resource(struct pn_map_run *run, const struct pn_map_row *row,
                                 const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    struct pn_map_out inner = {.resource = pn_fhir_new(row->resource)};
    bool wrote = false;
    if (inner.resource == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "the message needs too much memory");
    }
    enum pn_code code = pn_map_rows_run(run, row->rows, row->row_count, &inner, &wrote, err);
    if (code != PN_OK || (!wrote && row->has_sources)) {
        pn_map_watch_dropped(run);
        return code;
    }
    code = pn_map_sink_put(run, row, out, inner.resource, err);
    if (code == PN_OK) {
        pn_map_hit(run, row->number);
        *ret_wrote = *ret_wrote || wrote;
    }
    return code;
}

static enum pn_code run_block(struct pn_map_run *run, const struct pn_map_row *row,
                              const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    bool wrote = false;
    if (row->target == NULL) {
        pn_map_hit(run, row->number);
        enum pn_code code = pn_map_rows_run(run, row->rows, row->row_count, out, &wrote, err);
        *ret_wrote = *ret_wrote || wrote;
        return code;
    }
    if (row->resource != NULL) {
        return run_resource(run, row, out, ret_wrote, err);
    }
    bool is_taken =
        out->resource != NULL && !row->target->appends && pn_map_sink_is_set(row->target, out);
    if (is_taken) {
        return PN_OK; // an earlier row gave the target its value
    }
    struct pn_map_out opened;
    enum pn_code code = pn_map_sink_open(run, row->target, out, &opened, err);
    if (code != PN_OK) {
        return code;
    }
    code = pn_map_rows_run(run, row->rows, row->row_count, &opened, &wrote, err);
    if (code != PN_OK) {
        return code;
    }
    // Fixed texts around a value that is not there say nothing.
    if (!wrote && row->has_sources) {
        pn_map_sink_drop(row->target, out, &opened);
        pn_map_watch_dropped(run);
        return PN_OK;
    }
    pn_map_hit(run, row->number);
    *ret_wrote = *ret_wrote || wrote;
    return PN_OK;
}

static enum pn_code run_require(struct pn_map_run *run, const struct pn_map_row *row,
                                const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    (void)ret_wrote;
    if (pn_map_sink_is_set(row->target, out)) {
        return PN_OK;
    }
    pn_map_hit(run, row->number);
    return pn_err_set(err, PN_INVALID, row->where, "%s", row->reason);
}

static enum pn_code run_reject(struct pn_map_run *run, const struct pn_map_row *row,
                               const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    (void)out;
    (void)ret_wrote;
    pn_map_hit(run, row->number);
    return pn_err_set(err, row->code, row->where, "%s", row->reason);
}

static enum pn_code run_reference(struct pn_map_run *run, const struct pn_map_row *row,
                                  const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES];
    if (!row->target->appends && pn_map_sink_is_set(row->target, out)) {
        return PN_OK;
    }
    enum pn_code code = pn_map_key_id(run, row->key, row->resource, id, err);
    if (code != PN_OK) {
        return code;
    }
    const char *text = pn_arena_printf(run->arena, "%s/%s", row->resource, id);
    if (text == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "the message needs too much memory");
    }
    bool is_written = false;
    code = pn_map_sink_set(run, row, out, pn_slice_str(text), NULL, &is_written, err);
    if (code == PN_OK && is_written) {
        pn_map_hit(run, row->number);
        pn_map_watch_wrote(run, pn_slice_str(text), out);
        *ret_wrote = true;
    }
    return code;
}

// Skipped when the message does not bring what it refers to.
static enum pn_code run_refers(struct pn_map_run *run, const struct pn_map_row *row,
                               const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    const struct pn_map_known *known = NULL;
    if (!row->target->appends && pn_map_sink_is_set(row->target, out)) {
        return PN_OK;
    }
    enum pn_code code = pn_map_names_find(run, &row->refers, true, &known, err);
    if (code != PN_OK || known == NULL) {
        return code;
    }
    bool is_written = false;
    code = pn_map_sink_set(run, row, out, pn_slice_str(known->reference), NULL, &is_written, err);
    if (code == PN_OK && is_written) {
        pn_map_hit(run, row->number);
        pn_map_watch_wrote(run, pn_slice_str(known->reference), out);
        *ret_wrote = true;
    }
    return code;
}

static enum pn_code run_copy(struct pn_map_run *run, const struct pn_map_row *row,
                             const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    const struct pn_node *node = pn_map_find(run, row->copy);
    if (node == NULL) {
        return PN_OK;
    }
    cJSON *whole = pn_map_copy(pn_map_json_of_node(node), row->keep, row->remove);
    if (whole == NULL) {
        return pn_err_set(err, PN_MEMORY, row->copy->text, "the message needs too much memory");
    }
    pn_map_watch_copied(run, node, out);
    pn_map_register_prune(run->register_kind, whole);
    enum pn_code code = pn_map_sink_put(run, row, out, whole, err);
    if (code == PN_OK) {
        pn_map_hit(run, row->number);
        *ret_wrote = true;
    }
    return code;
}

static enum pn_code run_line(struct pn_map_run *run, const struct pn_map_row *row,
                             const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    struct pn_slice text;
    enum pn_code code = pn_map_value_get(run, &row->value, &text, NULL, err);
    if (code != PN_OK || (text.len == 0 && !row->value.is_literal)) {
        return code;
    }
    struct pn_map_out_node *line = pn_map_out_add(run->arena, out->top, pn_slice_str("line"));
    if (line == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "the document needs too much memory");
    }
    line->value = text;
    pn_map_hit(run, row->number);
    pn_map_watch_wrote(run, text, out);
    *ret_wrote = *ret_wrote || !row->value.is_literal;
    return PN_OK;
}

static enum pn_code run_once(struct pn_map_run *run, const struct pn_map_row *row,
                             const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    static enum pn_code (*const kinds[])(struct pn_map_run *, const struct pn_map_row *,
                                         const struct pn_map_out *, bool *, struct pn_err *) = {
        [PN_ROW_SET] = run_set,
        [PN_ROW_BLOCK] = run_block,
        [PN_ROW_REQUIRE] = run_require,
        [PN_ROW_REJECT] = run_reject,
        [PN_ROW_REFERENCE] = run_reference,
        [PN_ROW_REFERS] = run_refers,
        [PN_ROW_COPY] = run_copy,
        [PN_ROW_LINE] = run_line,
    };
    pn_map_watch_once(run);
    if (!pn_map_holds(run, row->when)) {
        return PN_OK;
    }
    enum pn_code code = kinds[row->kind](run, row, out, ret_wrote, err);
    pn_map_watch_left(run, code);
    return code;
}

static enum pn_code run_each(struct pn_map_run *run, const struct pn_map_row *row,
                             const struct pn_map_out *out, bool *ret_wrote, struct pn_err *err)
{
    const struct pn_node *const *items = NULL;
    unsigned count = 0;
    enum pn_code code = pn_map_find_all(run, row->each, &items, &count, err);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        code = pn_map_push(run, items[i], i + 1, err);
        if (code == PN_OK) {
            code = run_once(run, row, out, ret_wrote, err);
            pn_map_pop(run);
        }
    }
    return code;
}

enum pn_code pn_map_rows_run(struct pn_map_run *run, const struct pn_map_row *rows,
                             unsigned row_count, const struct pn_map_out *out, bool *ret_wrote,
                             struct pn_err *err)
{
    for (unsigned i = 0; i < row_count; i++) {
        struct pn_map_frame frame;
        pn_map_watch_enter(run, &rows[i], &frame);
        enum pn_code code = rows[i].each != NULL ? run_each(run, &rows[i], out, ret_wrote, err)
                                                 : run_once(run, &rows[i], out, ret_wrote, err);
        pn_map_watch_leave(run, &frame);
        if (code != PN_OK) {
            return code;
        }
    }
    return PN_OK;
}
