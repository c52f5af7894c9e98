// SPDX-License-Identifier: Apache-2.0
#include "services/identify/triggers/trigger_tell.h"

#include <stdio.h>

static const char *type_of(const struct pn_trigger_telling *telling)
{
    static const char *const types[] = {
        [PN_TRIGGER_RAISED] = "fi.punos.trigger.raised.v1",
        [PN_TRIGGER_LAPSED] = "fi.punos.trigger.lapsed.v1",
        [PN_TRIGGER_RETRACTED] = "fi.punos.trigger.retracted.v1",
    };
    return telling->is_change ? "fi.punos.trigger.changed.v1" : types[telling->state];
}

static enum pn_code emit(const struct pn_trigger_telling *telling, const char *id,
                         struct pn_err *err)
{
    char event_id[PN_UUID_TEXT_BYTES], serial[24];
    (void)snprintf(serial, sizeof serial, "%lld", (long long)telling->row->serial);
    const struct pn_slice parts[] = {pn_slice_str(id), pn_slice_str(serial)};
    pn_uuid5("trigger-event", parts, PN_ARRAY_COUNT(parts), event_id);
    const struct pn_event event = {
        .id = pn_slice_str(event_id),
        .type = pn_slice_str(type_of(telling)),
        .subject = pn_slice_str(telling->client_key),
        .causation_id = pn_slice_str(telling->causation),
        .time_ms = telling->moment_ms,
        .recorded_ms = telling->moment_ms,
        .data = pn_buf_slice(telling->text),
    };
    return telling->emit(telling->context, &event, err);
}

static enum pn_code write_row(const struct pn_trigger_telling *telling, const char *id,
                              struct pn_err *err)
{
    const struct pn_finding *finding = telling->finding;
    const struct pn_trigger_row *row = telling->row;
    const struct pn_value values[] = {
        PN_INT(telling->client),
        PN_STR(telling->rule->id),
        PN_STR(id),
        PN_INT(telling->rule->version),
        PN_INT(telling->state),
        PN_INT(finding->count),
        PN_INT(telling->rule->threshold),
        PN_INT(row->raised_ms),
        PN_INT(telling->moment_ms),
        PN_INT(finding->lapses_ms),
        PN_INT(row->classes),
        PN_INT(telling->rule->weight),
        PN_INT(row->told),
        PN_INT(row->serial),
        PN_TEXT(pn_buf_slice(telling->text)),
        PN_INT(telling->share.week),
        PN_INT(telling->share.sectors),
    };
    return pn_store_run(
        telling->store,
        "INSERT INTO triggers (client, rule, id, version, state, counted, threshold,"
        " raised_ms, changed_ms, evaluated_ms, lapses_ms, classes, weight, told, serial,"
        " data, week, sectors) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11,"
        " ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT (client, rule) DO UPDATE SET"
        " version = excluded.version,"
        " state = excluded.state, counted = excluded.counted,"
        " threshold = excluded.threshold, raised_ms = excluded.raised_ms,"
        " changed_ms = excluded.changed_ms, evaluated_ms = excluded.evaluated_ms,"
        " lapses_ms = excluded.lapses_ms, classes = excluded.classes,"
        " weight = excluded.weight, told = excluded.told, serial = excluded.serial,"
        " data = excluded.data, week = excluded.week, sectors = excluded.sectors",
        values, PN_ARRAY_COUNT(values), err);
}

static void note(const struct pn_trigger_telling *telling, struct pn_trigger_tellings *tellings)
{
    struct pn_trigger_row *row = telling->row;
    const struct pn_finding *finding = telling->finding;
    row->serial++;
    row->told = finding->count;
    if (telling->state == PN_TRIGGER_RAISED) {
        row->classes = finding->classes;
    }
    const struct pn_trigger_told told = {.rule = telling->rule->id,
                                         .version = telling->rule->version,
                                         .serial = row->serial,
                                         .happening = telling->state,
                                         .is_change = telling->is_change,
                                         .at_ms = finding->since_ms != 0 ? finding->since_ms
                                                                         : telling->moment_ms};
    pn_trigger_tellings_add(tellings, &told);
}

enum pn_code pn_trigger_tell(const struct pn_trigger_telling *telling,
                             struct pn_trigger_tellings *tellings, struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES];
    pn_trigger_id(telling->client_key, telling->rule->id, id);
    note(telling, tellings);
    const struct pn_trigger_view view = {.id = id,
                                         .client_key = telling->client_key,
                                         .rule = telling->rule,
                                         .finding = telling->finding,
                                         .facts = telling->facts,
                                         .sources = telling->sources,
                                         .state = telling->state,
                                         .classes = telling->row->classes,
                                         .is_change = telling->is_change,
                                         .raised_ms = telling->row->raised_ms,
                                         .moment_ms = telling->moment_ms};
    pn_buf_clear(telling->text);
    pn_trigger_print(&view, telling->text);
    if (!pn_buf_ok(telling->text)) {
        return pn_err_set(err, PN_INTERNAL, "DetectedIssue", "it does not fit into an event");
    }
    enum pn_code code = write_row(telling, id, err);
    return code == PN_OK ? emit(telling, id, err) : code;
}
