// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_case.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/run.h"

// How often a transaction that another process got in between is done again.
enum { FLAG_BYTES_MAX = 4096 };

#define COLUMNS "SELECT case_id, client_key, version, opened_ms, ended_ms FROM plan_case "

// --- Reading -------------------------------------------------------------------------------------

struct cases {
    struct pn_plan_case *cases;
    size_t count;
};

static enum pn_code take_case(void *context, const struct pn_rows *row, struct pn_err *err)
{
    (void)err;
    struct cases *cases = context;
    struct pn_plan_case *found = &cases->cases[cases->count++];
    snprintf(found->id, sizeof found->id, "%.*s", PN_SLICE_FMT(pn_rows_text(row, 0)));
    snprintf(found->client_key, sizeof found->client_key, "%.*s",
             PN_SLICE_FMT(pn_rows_text(row, 1)));
    found->version = pn_rows_int(row, 2);
    found->opened_ms = pn_rows_int(row, 3);
    found->ended_ms = pn_rows_int(row, 4);
    return PN_OK;
}

static enum pn_code read_cases(struct pn_store *store, const char *sql,
                               const struct pn_value *values, unsigned value_count,
                               struct pn_plan_case *ret_cases, size_t case_max, size_t *ret_count,
                               struct pn_err *err)
{
    struct cases cases = {.cases = ret_cases};
    const struct pn_question question = {sql, values, value_count, case_max, take_case, &cases};
    enum pn_code code = pn_store_each(store, &question, err);
    if (code == PN_OK) {
        *ret_count = cases.count;
    }
    return code;
}

enum pn_code pn_plan_case_find(struct pn_store *store, struct pn_slice id,
                               struct pn_plan_case *ret_case, struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(id)};
    struct pn_plan_case found;
    size_t count = 0;
    enum pn_code code =
        read_cases(store, COLUMNS "WHERE case_id = ?1", values, 1, &found, 1, &count, err);
    if (code == PN_OK && count == 0) {
        return pn_err_set(err, PN_NOT_FOUND, "Flag", "there is no such case");
    }
    if (code == PN_OK) {
        *ret_case = found;
    }
    return code;
}

enum pn_code pn_plan_cases_of(struct pn_store *store, struct pn_slice client_key,
                              struct pn_plan_case *ret_cases, size_t case_max, size_t *ret_count,
                              struct pn_err *err)
{
    const struct pn_value values[] = {PN_TEXT(client_key), PN_INT(case_max)};
    return read_cases(store,
                      COLUMNS "WHERE client_key = ?1 ORDER BY opened_ms DESC, case_id LIMIT ?2",
                      values, 2, ret_cases, case_max, ret_count, err);
}

// --- As FHIR -------------------------------------------------------------------------------------

static bool add_code(cJSON *flag)
{
    cJSON *code = cJSON_AddObjectToObject(flag, "code");
    cJSON *coding = cJSON_CreateObject();
    return cJSON_AddItemToArray(cJSON_AddArrayToObject(code, "coding"), coding) &&
           pn_json_set_text(coding, "system", pn_slice_str(PN_CASE_SYSTEM)) &&
           pn_json_set_text(coding, "code", pn_slice_str(PN_CASE_CODE)) &&
           pn_json_set_text(coding, "display", pn_slice_str("Yhteisasiakas"));
}

static bool add_moment(cJSON *period, const char *member, int64_t time_ms)
{
    char text[PN_TIME_TEXT_BYTES];
    pn_time_format(time_ms, text);
    return pn_json_set_text(period, member, pn_slice_str(text));
}

cJSON *pn_plan_case_flag(const struct pn_plan_case *found)
{
    char version[24], reference[64];
    snprintf(version, sizeof version, "%" PRId64, found->version);
    snprintf(reference, sizeof reference, "Patient/%s", found->client_key);
    cJSON *flag = pn_fhir_new("Flag");
    bool is_good = flag != NULL && pn_json_set_text(flag, "id", pn_slice_str(found->id));
    cJSON *meta = is_good ? cJSON_AddObjectToObject(flag, "meta") : NULL;
    is_good = meta != NULL && pn_json_set_text(meta, "versionId", pn_slice_str(version)) &&
              pn_json_set_text(flag, "status",
                               pn_slice_str(found->ended_ms == 0 ? "active" : "inactive")) &&
              add_code(flag);
    cJSON *subject = is_good ? cJSON_AddObjectToObject(flag, "subject") : NULL;
    cJSON *period = is_good ? cJSON_AddObjectToObject(flag, "period") : NULL;
    is_good = subject != NULL && period != NULL &&
              pn_json_set_text(subject, "reference", pn_slice_str(reference)) &&
              add_moment(period, "start", found->opened_ms) &&
              (found->ended_ms == 0 || add_moment(period, "end", found->ended_ms));
    return is_good ? flag : NULL;
}

// --- Writing -------------------------------------------------------------------------------------

static enum pn_code add_event(const struct pn_plan_writer *writer, const struct pn_plan_case *found,
                              struct pn_err *err)
{
    char version[24], id[PN_UUID_TEXT_BYTES];
    snprintf(version, sizeof version, "%" PRId64, found->version);
    const struct pn_slice parts[] = {pn_slice_str(found->id), pn_slice_str(version)};
    pn_uuid5("case-event", parts, PN_ARRAY_COUNT(parts), id);
    bool has_ended = found->ended_ms != 0;
    int64_t time_ms = has_ended ? found->ended_ms : found->opened_ms;
    cJSON *flag = pn_plan_case_flag(found);
    if (flag == NULL) {
        return pn_err_set(err, PN_LIMIT, "Flag", "does not fit into memory");
    }
    struct pn_buf data;
    pn_buf_init(&data, FLAG_BYTES_MAX);
    enum pn_code code = pn_json_print(flag, &data, err);
    if (code == PN_OK) {
        const struct pn_event event = {
            .id = pn_slice_str(id),
            .source = pn_slice_str("/service/plan"),
            .type = pn_slice_str(has_ended ? "fi.punos.case.ended.v1" : "fi.punos.case.opened.v1"),
            .subject = pn_slice_str(found->client_key),
            .traceparent = writer->traceparent,
            .time_ms = time_ms,
            .recorded_ms = time_ms,
            .data = pn_buf_slice(&data)};
        code = pn_outbox_add(writer->store, PN_TOPIC_PLAN, &event, err);
    }
    pn_buf_release(&data);
    return code;
}

static enum pn_code insert(const struct pn_plan_writer *writer, struct pn_plan_case *found,
                           struct pn_err *err)
{
    pn_uuid4(found->id);
    found->version = 1;
    found->opened_ms = pn_clock_now_ms();
    found->ended_ms = 0;
    const struct pn_value values[] = {PN_STR(found->id), PN_STR(found->client_key),
                                      PN_INT(found->opened_ms), PN_STR(writer->author)};
    enum pn_code code =
        pn_store_run(writer->store,
                     "INSERT INTO plan_case (case_id, client_key, version, opened_ms,"
                     " ended_ms, opened_by, ended_by) VALUES (?1, ?2, 1, ?3, 0, ?4, '')",
                     values, PN_ARRAY_COUNT(values), err);
    return code == PN_OK ? add_event(writer, found, err) : code;
}

enum pn_code pn_plan_case_ensure(const struct pn_plan_writer *writer, const char *client_key,
                                 struct pn_plan_case *ret_case, bool *ret_is_new,
                                 struct pn_err *err)
{
    struct pn_plan_case found = {0};
    size_t count = 0;
    const struct pn_value values[] = {PN_STR(client_key)};
    enum pn_code code = read_cases(
        writer->store, COLUMNS "WHERE client_key = ?1 AND ended_ms = 0 ORDER BY opened_ms LIMIT 1",
        values, 1, &found, 1, &count, err);
    if (code == PN_OK && count == 0) {
        snprintf(found.client_key, sizeof found.client_key, "%s", client_key);
        code = insert(writer, &found, err);
    }
    if (code == PN_OK) {
        *ret_case = found;
        *ret_is_new = count == 0;
    }
    return code;
}

// A change of a case.
struct change {
    const struct pn_plan_writer *writer;
    struct pn_slice client_key; // opening
    struct pn_slice id;         // ending
    int64_t expected_version;
    struct pn_plan_case found;
    bool is_new;
};

static enum pn_code open_once(void *context, struct pn_err *err)
{
    struct change *change = context;
    char client_key[PN_CLIENT_KEY_TEXT_BYTES];
    enum pn_code code =
        pn_plan_client_present(change->writer->store, change->client_key, client_key, err);
    return code != PN_OK ? code
                         : pn_plan_case_ensure(change->writer, client_key, &change->found,
                                               &change->is_new, err);
}

static enum pn_code refuse_with_plan(struct change *change, struct pn_err *err)
{
    const struct pn_plan_query query = {.client_key = pn_slice_str(change->found.client_key),
                                        .status = "active"};
    struct pn_plan_row plan;
    size_t count = 0;
    enum pn_code code = pn_plan_list(change->writer->store, &query, &plan, 1, &count, err);
    if (code != PN_OK || count == 0) {
        return code;
    }
    return pn_err_set(err, PN_CONFLICT, "Flag.status",
                      "the client has an active plan, CarePlan/%s: withdraw or complete it first",
                      plan.id);
}

static enum pn_code end_once(void *context, struct pn_err *err)
{
    struct change *change = context;
    struct pn_plan_case *found = &change->found;
    enum pn_code code = pn_plan_case_find(change->writer->store, change->id, found, err);
    if (code != PN_OK || found->ended_ms != 0) {
        return code;
    }
    if (found->version != change->expected_version) {
        return pn_err_set(err, PN_CONFLICT, "Flag.meta.versionId",
                          "the case is at version %" PRId64 ": read it again, then write",
                          found->version);
    }
    code = refuse_with_plan(change, err);
    if (code != PN_OK) {
        return code;
    }
    found->version++;
    found->ended_ms = pn_clock_now_ms();
    const struct pn_value values[] = {PN_STR(found->id), PN_INT(found->version),
                                      PN_INT(found->ended_ms), PN_STR(change->writer->author)};
    code = pn_store_run(change->writer->store,
                        "UPDATE plan_case SET version = ?2, ended_ms = ?3, ended_by = ?4"
                        " WHERE case_id = ?1",
                        values, PN_ARRAY_COUNT(values), err);
    return code == PN_OK ? add_event(change->writer, found, err) : code;
}

enum pn_code pn_plan_case_open(const struct pn_plan_writer *writer, struct pn_slice client_key,
                               struct pn_plan_case *ret_case, bool *ret_is_new, struct pn_err *err)
{
    struct change change = {.writer = writer, .client_key = client_key};
    enum pn_code code = pn_store_transact(writer->store, open_once, &change, err);
    if (code == PN_OK) {
        *ret_case = change.found;
        *ret_is_new = change.is_new;
    }
    return code;
}

enum pn_code pn_plan_case_end(const struct pn_plan_writer *writer, struct pn_slice id,
                              int64_t expected_version, struct pn_plan_case *ret_case,
                              struct pn_err *err)
{
    struct change change = {.writer = writer, .id = id, .expected_version = expected_version};
    enum pn_code code = pn_store_transact(writer->store, end_once, &change, err);
    if (code == PN_OK) {
        *ret_case = change.found;
    }
    return code;
}
