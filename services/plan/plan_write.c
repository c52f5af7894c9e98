// SPDX-License-Identifier: Apache-2.0
#include "services/plan/plan_write.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/run.h"
#include "services/plan/plan_case.h"
#include "services/plan/plan_content.h"
#include "services/plan/plan_seal.h"

// One write: what is to happen, and what comes of it.
struct change {
    const struct pn_plan_writer *writer;
    struct pn_slice id; // empty: a new plan
    int64_t expected_version;
    const char *withdraw_as; // withdraw only
    cJSON *body;             // create and update: checked
    cJSON *plan;
    struct pn_plan_row row;
};

static struct pn_slice client_of(const cJSON *plan)
{
    struct pn_slice reference =
        pn_json_text(cJSON_GetObjectItemCaseSensitive(plan, "subject"), "reference");
    size_t prefix = strlen("Patient/");
    return reference.len < prefix ? (struct pn_slice){0}
                                  : pn_slice_of(reference.ptr + prefix, reference.len - prefix);
}

static enum pn_code refuse_second_plan(struct change *change, struct pn_err *err)
{
    const struct pn_plan_query query = {.client_key = pn_slice_str(change->row.client_key),
                                        .status = "active"};
    struct pn_plan_row other;
    size_t count = 0;
    enum pn_code code = pn_plan_list(change->writer->store, &query, &other, 1, &count, err);
    if (code != PN_OK || count == 0 || strcmp(other.id, change->row.id) == 0) {
        return code;
    }
    return pn_err_set(err, PN_CONFLICT, "CarePlan.subject",
                      "the client has an active plan, CarePlan/%s: update that one", other.id);
}

// The row that this write makes, from what is stored now.
static enum pn_code plan_row(struct change *change, struct pn_err *err)
{
    struct pn_plan_row *row = &change->row;
    memset(row, 0, sizeof *row);
    int64_t now_ms = pn_clock_now_ms();
    if (change->id.len == 0) {
        pn_uuid4(row->id);
        row->created_ms = now_ms;
        enum pn_code code = pn_plan_client_present(change->writer->store, client_of(change->body),
                                                   row->client_key, err);
        if (code != PN_OK) {
            return code;
        }
    } else {
        struct pn_plan_row stored;
        enum pn_code code = pn_plan_current(change->writer->store, change->id, &stored, err);
        if (code != PN_OK) {
            return code;
        }
        if (stored.version != change->expected_version) {
            return pn_err_set(err, PN_CONFLICT, "CarePlan.meta.versionId",
                              "the plan is at version %lld: read it again, then write",
                              (long long)stored.version);
        }
        *row = stored;
    }
    row->version++;
    row->written_ms = now_ms;
    snprintf(row->author, sizeof row->author, "%s", change->writer->author);
    return PN_OK;
}

static struct pn_plan_stamp stamp_of(const struct change *change)
{
    return (struct pn_plan_stamp){.id = change->row.id,
                                  .version = change->row.version,
                                  .client_key = change->row.client_key,
                                  .author = change->row.author,
                                  .author_display = change->writer->author_display,
                                  .created_ms = change->row.created_ms,
                                  .written_ms = change->row.written_ms};
}

// The new version's content: the body settled, or the stored one with another status.
static enum pn_code plan_content(struct change *change, struct pn_err *err)
{
    const struct pn_plan_writer *writer = change->writer;
    const struct pn_plan_stamp stamp = stamp_of(change);
    if (change->withdraw_as == NULL) {
        if (change->plan == NULL) {
            return pn_plan_content_settle(change->body, &stamp, &change->plan, writer->report, err);
        }
        return pn_plan_content_stamp(change->plan, &stamp, err);
    }
    struct pn_plan_row last = change->row;
    last.version--;
    enum pn_code code = pn_plan_content(writer->store, writer->privacy, &last, &change->plan, err);
    if (code == PN_OK &&
        !pn_json_set_text(change->plan, "status", pn_slice_str(change->withdraw_as))) {
        code = pn_err_set(err, PN_MEMORY, "CarePlan.status", "no memory");
    }
    return code == PN_OK ? pn_plan_content_stamp(change->plan, &stamp, err) : code;
}

static void copy_member(char *to, size_t to_bytes, const cJSON *object, const char *member)
{
    snprintf(to, to_bytes, "%.*s", PN_SLICE_FMT(pn_json_text(object, member)));
}

static enum pn_code store_rows(struct change *change, struct pn_slice sealed, struct pn_err *err)
{
    struct pn_plan_row *row = &change->row;
    const cJSON *period = cJSON_GetObjectItemCaseSensitive(change->plan, "period");
    copy_member(row->status, sizeof row->status, change->plan, "status");
    copy_member(row->period_start, sizeof row->period_start, period, "start");
    copy_member(row->period_end, sizeof row->period_end, period, "end");
    const struct pn_value version[] = {PN_STR(row->id),         PN_INT(row->version),
                                       PN_STR(row->status),     PN_STR(row->period_start),
                                       PN_STR(row->period_end), PN_STR(row->author),
                                       PN_INT(row->written_ms), PN_BYTES(sealed)};
    enum pn_code code =
        pn_store_run(change->writer->store,
                     "INSERT INTO plan_version (plan_id, version, status, period_start,"
                     " period_end, author, written_ms, sealed)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     version, PN_ARRAY_COUNT(version), err);
    if (code != PN_OK) {
        return code;
    }
    const struct pn_value plan[] = {
        PN_STR(row->id),     PN_STR(row->client_key),   PN_INT(row->version),
        PN_STR(row->status), PN_STR(row->period_start), PN_STR(row->period_end),
        PN_STR(row->author), PN_INT(row->created_ms),   PN_INT(row->written_ms)};
    return pn_store_run(
        change->writer->store,
        "INSERT INTO plan (plan_id, client_key, version, status, period_start, period_end,"
        " author, created_ms, written_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        " ON CONFLICT (plan_id) DO UPDATE SET version = excluded.version,"
        " status = excluded.status, period_start = excluded.period_start,"
        " period_end = excluded.period_end, author = excluded.author,"
        " written_ms = excluded.written_ms",
        plan, PN_ARRAY_COUNT(plan), err);
}

static enum pn_code add_event(const struct change *change, struct pn_slice data, struct pn_err *err)
{
    char version[24];
    snprintf(version, sizeof version, "%lld", (long long)change->row.version);
    const struct pn_slice parts[] = {pn_slice_str(change->row.id), pn_slice_str(version)};
    char event_id[PN_UUID_TEXT_BYTES];
    pn_uuid5("plan-event", parts, PN_ARRAY_COUNT(parts), event_id);
    bool is_withdrawn = strcmp(change->row.status, "revoked") == 0 ||
                        strcmp(change->row.status, "entered-in-error") == 0;
    const struct pn_event event = {.id = pn_slice_str(event_id),
                                   .source = pn_slice_str("/service/plan"),
                                   .type =
                                       pn_slice_str(is_withdrawn ? "fi.punos.plan.withdrawn.v1"
                                                                 : "fi.punos.plan.published.v1"),
                                   .subject = pn_slice_str(change->row.client_key),
                                   .traceparent = change->writer->traceparent,
                                   .time_ms = change->row.written_ms,
                                   .recorded_ms = change->row.written_ms,
                                   .data = data};
    return pn_outbox_add(change->writer->store, PN_TOPIC_PLAN, &event, err);
}

static enum pn_code seal_and_store(struct change *change, struct pn_err *err)
{
    struct pn_buf sealed, data;
    pn_buf_init(&sealed, PN_PLAN_BYTES_MAX + 64);
    pn_buf_init(&data, PN_EVENT_BYTES_MAX);
    enum pn_code code = pn_plan_seal(change->writer->privacy, change->row.id, change->row.version,
                                     change->plan, &sealed, err);
    if (code == PN_OK) {
        code = store_rows(change, pn_buf_slice(&sealed), err);
    }
    if (code == PN_OK) {
        code = pn_plan_event_data(change->plan, pn_buf_slice(&sealed), &data, err);
    }
    if (code == PN_OK) {
        code = add_event(change, pn_buf_slice(&data), err);
    }
    pn_buf_release(&sealed);
    pn_buf_release(&data);
    return code;
}

static enum pn_code write_once(void *context, struct pn_err *err)
{
    struct change *change = context;
    enum pn_code code = plan_row(change, err);
    if (code == PN_OK) {
        code = plan_content(change, err);
    }
    if (code == PN_OK && pn_slice_is(pn_json_text(change->plan, "status"), "active")) {
        code = refuse_second_plan(change, err);
    }
    // Whoever has a shared plan is a shared client: systems that mark them hear it first.
    if (code == PN_OK && pn_slice_is(pn_json_text(change->plan, "status"), "active")) {
        struct pn_plan_case opened;
        bool is_new = false;
        code = pn_plan_case_ensure(change->writer, change->row.client_key, &opened, &is_new, err);
    }
    return code == PN_OK ? seal_and_store(change, err) : code;
}

static enum pn_code write_body(struct change *change, struct pn_plan_row *ret_row, cJSON **ret_plan,
                               struct pn_err *err)
{
    enum pn_code code = pn_plan_content_check(change->body, change->writer->report, err);
    if (code == PN_OK) {
        code = pn_store_transact(change->writer->store, write_once, change, err);
    }
    if (code == PN_OK) {
        *ret_row = change->row;
        *ret_plan = change->plan;
    }
    return code;
}

enum pn_code pn_plan_create(const struct pn_plan_writer *writer, cJSON *body,
                            struct pn_plan_row *ret_row, cJSON **ret_plan, struct pn_err *err)
{
    struct change change = {.writer = writer, .body = body};
    if (!pn_slice_is(pn_json_text(body, "status"), "active")) {
        pn_plan_report_add(writer->report, "business-rule", "CarePlan.status",
                           "a new plan is active");
        return pn_err_set(err, PN_INVALID, "CarePlan.status", "a new plan is active");
    }
    return write_body(&change, ret_row, ret_plan, err);
}

static enum pn_code check_same_client(const struct change *change, struct pn_err *err)
{
    struct pn_plan_row stored;
    char present[PN_CLIENT_KEY_TEXT_BYTES];
    enum pn_code code = pn_plan_current(change->writer->store, change->id, &stored, err);
    if (code == PN_OK) {
        code = pn_plan_client_present(change->writer->store, client_of(change->body), present, err);
    }
    if (code == PN_OK && strcmp(present, stored.client_key) != 0) {
        pn_plan_report_add(change->writer->report, "business-rule", "CarePlan.subject",
                           "a plan's client does not change");
        code = pn_err_set(err, PN_INVALID, "CarePlan.subject", "a plan's client does not change");
    }
    return code;
}

enum pn_code pn_plan_update(const struct pn_plan_writer *writer, struct pn_slice id,
                            int64_t expected_version, cJSON *body, struct pn_plan_row *ret_row,
                            cJSON **ret_plan, struct pn_err *err)
{
    struct change change = {
        .writer = writer, .id = id, .expected_version = expected_version, .body = body};
    memset(writer->report, 0, sizeof *writer->report);
    enum pn_code code = check_same_client(&change, err);
    return code == PN_OK ? write_body(&change, ret_row, ret_plan, err) : code;
}

enum pn_code pn_plan_withdraw(const struct pn_plan_writer *writer, struct pn_slice id,
                              int64_t expected_version, const char *status,
                              struct pn_plan_row *ret_row, struct pn_err *err)
{
    struct change change = {
        .writer = writer, .id = id, .expected_version = expected_version, .withdraw_as = status};
    enum pn_code code = pn_store_transact(writer->store, write_once, &change, err);
    if (code == PN_OK) {
        *ret_row = change.row;
    }
    return code;
}
