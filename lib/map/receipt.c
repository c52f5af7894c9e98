// SPDX-License-Identifier: Apache-2.0
// What a system's answers mean for what was sent to it.
#include "map/run.h"

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

static enum pn_code read_values(struct pn_map_run *run, const struct pn_map_receipt *receipt,
                                struct pn_receipt_read *read, struct pn_err *err)
{
    const struct {
        const struct pn_map_value *value;
        struct pn_slice *slice;
    } values[] = {{&receipt->match, &read->match},
                  {&receipt->words, &read->words},
                  {&receipt->remote_id, &read->remote_id}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(values); i++) {
        enum pn_code code = pn_map_value_get(run, values[i].value, values[i].slice, NULL, err);
        if (code != PN_OK) {
            return code;
        }
    }
    return PN_OK;
}

static bool says(const struct pn_map_run *run, const struct pn_map_condition *condition)
{
    return condition != NULL && pn_map_holds(run, condition);
}

static enum pn_receipt judge(const struct pn_map_run *run, const struct pn_map_receipt *receipt)
{
    if (says(run, receipt->committed)) {
        return PN_RECEIPT_COMMITTED;
    }
    if (pn_map_holds(run, receipt->accepted)) {
        return PN_RECEIPT_ACCEPTED;
    }
    return says(run, receipt->try_again) ? PN_RECEIPT_TRY_AGAIN : PN_RECEIPT_REJECTED;
}

// The id in ".../CarePlan/123/_history/2" (FHIR R4 http, 3.1.0.8): what stands after the last
// slash.
static struct pn_slice id_of_location(struct pn_slice location)
{
    static const char history[] = "/_history/";
    for (size_t i = 0; i + sizeof history - 1 <= location.len; i++) {
        if (pn_slice_starts_with(pn_slice_of(location.ptr + i, location.len - i), history)) {
            location.len = i;
        }
    }
    while (location.len > 0 && location.ptr[location.len - 1] == '/') {
        location.len--;
    }
    size_t start = location.len;
    while (start > 0 && location.ptr[start - 1] != '/') {
        start--;
    }
    return pn_slice_of(location.ptr + start, location.len - start);
}

enum pn_code pn_adapter_read_receipt(const struct pn_adapter *adapter, struct pn_arena *arena,
                                     const struct pn_document_out *sent,
                                     const struct pn_answer *answer,
                                     struct pn_receipt_read *ret_read, struct pn_err *err)
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
        return pn_err_set(err, PN_MEMORY, "out receipt", "the answer needs too much memory");
    }
    run.params[PN_PARAM_HTTP_STATUS] = pn_slice_str(answer->http_status == 0 ? "" : status);
    run.params[PN_PARAM_RECEIPT_ID] = sent->receipt_id;
    run.params[PN_PARAM_LOCATION] = answer->location;
    struct pn_receipt_read read = {.remote_version = answer->etag};
    enum pn_code code = read_answer(&run, receipt, answer, err);
    if (code == PN_OK) {
        code = read_values(&run, receipt, &read, err);
    }
    if (code != PN_OK) {
        return code;
    }
    if (read.remote_id.len == 0) {
        read.remote_id = id_of_location(answer->location);
    }
    read.is_others =
        receipt->has_match && run.root != NULL && !pn_slice_eq(read.match, sent->receipt_id);
    read.receipt = judge(&run, receipt);
    *ret_read = read;
    return PN_OK;
}
