// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/flag.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/ids.h"
#include "services/identify/triggers/trigger.h"

#define TRANSLATION(language, text)                                                                \
    "{\"url\":\"http://hl7.org/fhir/StructureDefinition/translation\",\"extension\":["             \
    "{\"url\":\"lang\",\"valueCode\":\"" language "\"},"                                           \
    "{\"url\":\"content\",\"valueString\":\"" text "\"}]}"
#define CODE                                                                                       \
    "{\"coding\":[{\"system\":\"https://punos.fi/fhir/CodeSystem/flag\","                          \
    "\"code\":\"possible-shared-client\"}],\"text\":\"Mahdollinen yhteinen asiakas\","             \
    "\"_text\":{\"extension\":[" TRANSLATION("sv", "Möjlig gemensam klient") "," TRANSLATION(      \
        "en", "Possible shared client") "]}}"

enum { FLAG_BYTES_MAX = 4096 };

static const char *status_of(const struct pn_flag_view *view)
{
    if (view->is_active) {
        return "active";
    }
    return view->is_in_error ? "entered-in-error" : "inactive";
}

void pn_flag_print(const struct pn_flag_view *view, struct pn_buf *out)
{
    char time[PN_TIME_TEXT_BYTES];
    pn_buf_printf(out, "{\"resourceType\":\"Flag\",\"id\":\"%s\",", view->client_key);
    pn_trigger_add_labels(view->classes, out);
    if (view->is_active) {
        pn_buf_printf(out,
                      "\"extension\":[{\"url\":\"https://punos.fi/fhir/StructureDefinition/"
                      "flag-rank\",\"valueInteger\":%lld}],",
                      (long long)view->rank);
    }
    pn_time_format(view->first_ms, time);
    pn_buf_printf(out,
                  "\"status\":\"%s\",\"code\":" CODE
                  ",\"subject\":{\"reference\":\"Patient/%s\"},\"period\":{\"start\":\"%s\"",
                  status_of(view), view->client_key, time);
    if (view->ended_ms != 0) {
        pn_time_format(view->ended_ms, time);
        pn_buf_printf(out, ",\"end\":\"%s\"", time);
    }
    pn_buf_add_str(out, "}}");
}

// The telling that the event's id is made of; NULL: no trigger began or ended.
static const struct pn_trigger_told *first_of(const struct pn_trigger_tellings *tellings)
{
    const struct pn_trigger_told *first = NULL;
    for (unsigned i = 0; i < tellings->count && first == NULL; i++) {
        first = tellings->told[i].is_change ? NULL : &tellings->told[i];
    }
    return first;
}

static const char *type_of(struct pn_case_grounds grounds)
{
    if (!grounds.now) {
        return "fi.punos.flag.lapsed.v1";
    }
    return grounds.before ? "fi.punos.flag.changed.v1" : "fi.punos.flag.raised.v1";
}

// As the case has been settled.
static enum pn_code read_row(const struct pn_flag_telling *telling, struct pn_flag_view *view,
                             struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    const struct pn_value value = PN_INT(telling->client);
    enum pn_code code = pn_store_ask(
        telling->store, "SELECT first_ms, ended_ms, in_error FROM cases WHERE client = ?1", &value,
        1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK) {
        view->first_ms = has_row ? pn_rows_int(rows, 0) : telling->moment_ms;
        view->ended_ms = has_row ? pn_rows_int(rows, 1) : 0;
        view->is_in_error = has_row && pn_rows_int(rows, 2) != 0;
    }
    pn_rows_close(rows);
    return code;
}

// Without a telling other rules changed what begins a case: that is by the moment.
static enum pn_code emit(const struct pn_flag_telling *telling, const struct pn_trigger_told *first,
                         struct pn_slice data, struct pn_err *err)
{
    char id[PN_UUID_TEXT_BYTES], serial[24];
    (void)snprintf(serial, sizeof serial, "%lld",
                   (long long)(first == NULL ? telling->moment_ms : first->serial));
    const struct pn_slice parts[] = {pn_slice_str(telling->client_key),
                                     pn_slice_str(first == NULL ? "" : first->rule),
                                     pn_slice_str(serial)};
    pn_uuid5("flag-event", parts, PN_ARRAY_COUNT(parts), id);
    const struct pn_event event = {.id = pn_slice_str(id),
                                   .type = pn_slice_str(type_of(telling->grounds)),
                                   .subject = pn_slice_str(telling->client_key),
                                   .causation_id = pn_slice_str(telling->causation),
                                   .time_ms = telling->moment_ms,
                                   .recorded_ms = telling->moment_ms,
                                   .data = data};
    return telling->emit(telling->context, &event, err);
}

enum pn_code pn_flag_tell(const struct pn_flag_telling *telling, struct pn_err *err)
{
    const struct pn_trigger_told *first = first_of(telling->tellings);
    const bool is_active = telling->grounds.now;
    struct pn_flag_view view = {.client_key = telling->client_key,
                                .is_active = is_active,
                                .rank = pn_rank_value(&telling->standing->rank),
                                .classes = telling->classes};
    if (is_active == telling->grounds.before && (!is_active || first == NULL)) {
        return PN_OK;
    }
    enum pn_code code = read_row(telling, &view, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_buf text;
    pn_buf_init(&text, FLAG_BYTES_MAX);
    pn_flag_print(&view, &text);
    code = pn_buf_ok(&text) ? emit(telling, first, pn_buf_slice(&text), err)
                            : pn_err_set(err, PN_MEMORY, "Flag", "no memory");
    pn_buf_release(&text);
    return code;
}
