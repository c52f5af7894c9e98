// SPDX-License-Identifier: Apache-2.0
#include "services/identify/people.h"

#include "fhir/fhir.h"
#include "fhir/json.h"

struct person {
    bool is_found;
    int64_t birth_year, sex, tongue;
};

static enum pn_code read_person(struct pn_store *store, int64_t subject, struct person *ret_person,
                                struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    struct person person = {.is_found = false};
    const struct pn_value value = PN_INT(subject);
    enum pn_code code =
        pn_store_ask(store, "SELECT birth_year, gender, language FROM people WHERE subject = ?1",
                     &value, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &person.is_found, err) : code;
    if (code == PN_OK && person.is_found) {
        person.birth_year = pn_rows_int(rows, 0);
        person.sex = pn_rows_int(rows, 1);
        person.tongue = pn_rows_int(rows, 2);
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        *ret_person = person;
    }
    return code;
}

static struct person told_of(const cJSON *patient)
{
    struct person told = {.sex = pn_sex_parse(pn_json_text(patient, "gender")),
                          .tongue = pn_tongue_parse(
                              pn_fhir_get(patient, "communication[0].language.coding[0].code"))};
    struct pn_slice birth = pn_json_text(patient, "birthDate");
    birth.len = birth.len > 4 ? 4 : birth.len;
    if (!pn_slice_to_i64(birth, &told.birth_year)) {
        told.birth_year = 0;
    }
    return told;
}

enum pn_code pn_people_take(struct pn_store *store, const struct pn_event *event,
                            const cJSON *patient, int64_t subject, bool *ret_is_new,
                            struct pn_err *err)
{
    struct person before;
    const struct person told = told_of(patient);
    enum pn_code code = read_person(store, subject, &before, err);
    bool is_known = code == PN_OK && before.is_found && before.birth_year == told.birth_year &&
                    (told.sex == PN_SEX_UNKNOWN || told.sex == before.sex) &&
                    (told.tongue == PN_TONGUE_UNKNOWN || told.tongue == before.tongue);
    if (code != PN_OK || is_known) {
        return code;
    }
    const struct pn_value values[] = {PN_INT(subject), PN_INT(told.birth_year),
                                      PN_INT(event->recorded_ms), PN_INT(told.sex),
                                      PN_INT(told.tongue)};
    *ret_is_new = before.birth_year != told.birth_year;
    return pn_store_run(
        store,
        "INSERT INTO people (subject, birth_year, recorded_ms, gender, gender_ms, language,"
        " language_ms) VALUES (?1, ?2, ?3, ?4, ?3, ?5, ?3) ON CONFLICT (subject) DO UPDATE SET"
        " birth_year = CASE WHEN excluded.recorded_ms >= people.recorded_ms"
        " THEN excluded.birth_year ELSE people.birth_year END,"
        " recorded_ms = CASE WHEN excluded.recorded_ms >= people.recorded_ms"
        " THEN excluded.recorded_ms ELSE people.recorded_ms END,"
        " gender = CASE WHEN excluded.gender > 0 AND (people.gender = 0"
        " OR excluded.gender_ms >= people.gender_ms) THEN excluded.gender"
        " ELSE people.gender END,"
        " gender_ms = CASE WHEN excluded.gender > 0 AND (people.gender = 0"
        " OR excluded.gender_ms >= people.gender_ms) THEN excluded.gender_ms"
        " ELSE people.gender_ms END,"
        " language = CASE WHEN excluded.language > 0 AND (people.language = 0"
        " OR excluded.language_ms >= people.language_ms) THEN excluded.language"
        " ELSE people.language END,"
        " language_ms = CASE WHEN excluded.language > 0 AND (people.language = 0"
        " OR excluded.language_ms >= people.language_ms) THEN excluded.language_ms"
        " ELSE people.language_ms END",
        values, PN_ARRAY_COUNT(values), err);
}
