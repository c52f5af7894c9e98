// SPDX-License-Identifier: Apache-2.0
#include "ingest_fixture.h"

#include "fhir/fhir.h"
#include "services/ingest/envelope.h"
#include "services/ingest/identity.h"

#define HEAD(trigger, id)                                                                          \
    "MSH|^~\\&|OBERON|P K\xC3\x84|PUNOS|HUB|20261101120000||ADT^" trigger "|" id                   \
    "|P|2.3||||||UNICODE UTF-8\rEVN|" trigger "|20261101120000\r"
#define PID(hetu, family) "PID|1||" hetu "^^^&1.2.246.21&ISO||" family "^Erkki||19990101|M\r"
#define PV1 "PV1|1|E|PKL||||||||||||||||V1|||||||||||||||||||||||||20261101110000\r"

static const char admission[] = HEAD("A01", "1") PID("010181-900C", "Esimerkki") PV1;
static const char renamed[] = HEAD("A01", "2") PID("010181-900C", "Toinen") PV1;

struct desk {
    struct installation *here;
    struct pn_identity_memory *memory;
    struct pn_envelope *envelope;
    struct pn_outgoing outgoing;
};

static struct desk desk_open(void **state)
{
    struct desk desk = {.here = *state,
                        .memory = pn_identity_memory_new(),
                        .outgoing.arena = pn_arena_new(64 * 1024 * 1024)};
    assert_int_equal(pn_envelope_new(desk.here->privacy, desk.here->store, desk.memory,
                                     &desk.envelope, &desk.here->err),
                     PN_OK);
    return desk;
}

static void desk_close(struct desk *desk)
{
    pn_envelope_free(desk->envelope);
    pn_identity_memory_free(desk->memory);
    pn_outgoing_release(&desk->outgoing);
}

static enum pn_code add(struct desk *desk, const char *text)
{
    const struct pn_ingest_system *system = &desk->here->systems.items[0];
    const struct pn_message_in message =
        pn_ingest_message_in(system, pn_slice_str(text), PN_TRANSPORT_MLLP);
    return pn_envelope_add(desk->envelope, system, &message, &desk->outgoing, &desk->here->err);
}

static unsigned count_type(const struct desk *desk, const char *type)
{
    unsigned count = 0;
    for (size_t i = 0; i < desk->outgoing.count; i++) {
        count += pn_slice_is(desk->outgoing.records[i].event.type, type);
    }
    return count;
}

static void makes_identity_and_events(void **state)
{
    struct desk desk = desk_open(state);
    assert_int_equal(add(&desk, admission), PN_OK);
    assert_int_equal(desk.outgoing.count, 2);
    const struct pn_event *identified = &desk.outgoing.records[0].event;
    const struct pn_event *visit = &desk.outgoing.records[1].event;
    assert_true(pn_slice_is(identified->type, "fi.punos.client.identified.v1"));
    assert_true(pn_slice_is(visit->type, "fi.punos.visit.started.v1"));
    assert_true(pn_slice_is(visit->source, "/adapter/hospital/P%20K%C3%84"));
    assert_true(pn_slice_is(visit->sector, "specialist"));
    assert_true(pn_slice_eq(visit->subject, identified->subject));
    assert_int_equal(visit->subject.len, 32);
    assert_int_equal(visit->traceparent.len, 55);
    char reference[64];
    snprintf(reference, sizeof reference, "\"Patient/%.*s\"", PN_SLICE_FMT(visit->subject));
    assert_non_null(strstr(visit->data.ptr, reference));
    for (size_t i = 0; i < desk.outgoing.count; i++) {
        const char *data = desk.outgoing.records[i].event.data.ptr;
        assert_null(strstr(data, "010181"));
        assert_null(strstr(data, "Esimerkki"));
        assert_null(strstr(data, "1999-01-01"));
    }
    assert_non_null(strstr(identified->data.ptr, "sealed-identity"));
    assert_non_null(strstr(identified->data.ptr, "\"birthDate\":\"19"));
    desk_close(&desk);
}

static void tells_a_language_as_its_group(void **state)
{
    static const char *const known[][2] = {
        {"SV^ruotsi", "sv"}, {"fi-FI", "fi"}, {"so", "other"}, {"", NULL}};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(known); i++) {
        char text[1024], group[64];
        struct desk desk = desk_open(state);
        (void)snprintf(text, sizeof text,
                       HEAD("A31", "9%u") "PID|1||010181-900C^^^&1.2.246.21&ISO||Esimerkki^Erkki||"
                                          "19990101|M|||||||%s\r",
                       i, known[i][0]);
        assert_int_equal(add(&desk, text), PN_OK);
        const char *data = desk.outgoing.records[0].event.data.ptr;
        (void)snprintf(group, sizeof group, "language-group\",\"code\":\"%s\"",
                       known[i][1] == NULL ? "" : known[i][1]);
        assert_int_equal(strstr(data, group) != NULL, known[i][1] != NULL);
        assert_null(strstr(data, "bcp:47"));
        desk_close(&desk);
    }
}

#define TELLS(code) "\"language\":{\"coding\":[{\"code\":\"" code "\"}]}"
#define MOTHER_TONGUE                                                                              \
    "\"extension\":[{\"url\":\"" PN_MOTHER_TONGUE_URL "\",\"valueBoolean\":true}],"

// The group is of the mother tongue where a system tells it apart, else of the language preferred.
static void takes_the_mother_tongue_for_the_group(void **state)
{
    static const char *const known[][2] = {
        {"{\"preferred\":true," TELLS("fi") "},{" MOTHER_TONGUE TELLS("so") "}", "other"},
        {"{" TELLS("so") "},{\"preferred\":true," TELLS("sv") "}", "sv"},
        {"{" TELLS("so") "},{" TELLS("fi") "}", "other"}};
    (void)state;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(known); i++) {
        char text[512];
        const struct pn_client_keys keys = {.keys = {"0123456789abcdef0123456789abcdef"},
                                            .count = 1};
        struct pn_err err;
        cJSON *made = NULL;
        (void)snprintf(text, sizeof text, "{\"resourceType\":\"Patient\",\"communication\":[%s]}",
                       known[i][0]);
        cJSON *patient = cJSON_Parse(text);
        assert_int_equal(pn_identity_public(&keys, patient, &made, &err), PN_OK);
        assert_string_equal(pn_fhir_get(made, "communication[0].language.coding[0].code").ptr,
                            known[i][1]);
        cJSON_Delete(patient);
        cJSON_Delete(made);
    }
}

static void gives_the_same_ids_to_the_same_message(void **state)
{
    struct desk first = desk_open(state);
    struct desk second = desk_open(state);
    assert_int_equal(add(&first, admission), PN_OK);
    assert_int_equal(add(&second, admission), PN_OK);
    assert_int_equal(first.outgoing.count, second.outgoing.count);
    for (size_t i = 0; i < first.outgoing.count; i++) {
        assert_true(
            pn_slice_eq(first.outgoing.records[i].event.id, second.outgoing.records[i].event.id));
    }
    desk_close(&first);
    desk_close(&second);
}

static void publishes_identity_when_it_changes(void **state)
{
    struct desk desk = desk_open(state);
    assert_int_equal(add(&desk, admission), PN_OK);
    assert_int_equal(add(&desk, admission), PN_OK);
    assert_int_equal(count_type(&desk, "fi.punos.client.identified.v1"), 1);
    assert_int_equal(add(&desk, renamed), PN_OK);
    assert_int_equal(add(&desk, admission), PN_OK);
    assert_int_equal(count_type(&desk, "fi.punos.client.identified.v1"), 3);
    desk_close(&desk);
}

static void forgets_what_did_not_become_durable(void **state)
{
    struct desk desk = desk_open(state);
    assert_int_equal(add(&desk, admission), PN_OK);
    pn_identity_settle(desk.memory, false);
    pn_outgoing_clear(&desk.outgoing);
    assert_int_equal(add(&desk, admission), PN_OK);
    assert_int_equal(count_type(&desk, "fi.punos.client.identified.v1"), 1);
    desk_close(&desk);
}

static void remembers_over_a_restart_what_was_saved(void **state)
{
    struct desk desk = desk_open(state);
    assert_int_equal(add(&desk, admission), PN_OK);
    pn_identity_settle(desk.memory, true);
    struct pn_err err = {0};
    assert_int_equal(pn_store_begin(desk.here->store, &err), PN_OK);
    assert_int_equal(pn_identity_save(desk.memory, desk.here->store, &err), PN_OK);
    assert_int_equal(pn_store_commit(desk.here->store, &err), PN_OK);
    pn_identity_saved(desk.memory);
    desk_close(&desk);
    struct desk later = desk_open(state);
    assert_int_equal(add(&later, admission), PN_OK);
    assert_int_equal(count_type(&later, "fi.punos.client.identified.v1"), 0);
    // A change that is not saved before a crash must not hide a change back.
    assert_int_equal(add(&later, renamed), PN_OK);
    desk_close(&later);
    struct desk last = desk_open(state);
    assert_int_equal(add(&last, admission), PN_OK);
    assert_int_equal(count_type(&last, "fi.punos.client.identified.v1"), 1);
    desk_close(&last);
}

static void links_a_merge_to_the_old_key(void **state)
{
    static const char merge[] =
        HEAD("A40", "9") PID("010181-900C", "Esimerkki") "MRG|010594Y9032^^^&1.2.246.21&ISO\r";
    struct desk desk = desk_open(state);
    assert_int_equal(add(&desk, merge), PN_OK);
    assert_int_equal(count_type(&desk, "fi.punos.client.merged.v1"), 1);
    char old_key[PN_CLIENT_KEY_TEXT_BYTES];
    char link[64];
    pn_client_key(desk.here->privacy, pn_slice_str("urn:oid:1.2.246.21"),
                  pn_slice_str("010594Y9032"), old_key);
    snprintf(link, sizeof link, "Patient/%s", old_key);
    const struct pn_event *merged = &desk.outgoing.records[desk.outgoing.count - 1].event;
    assert_non_null(strstr(merged->data.ptr, link));
    assert_non_null(strstr(merged->data.ptr, "\"replaces\""));
    desk_close(&desk);
}

static void adds_nothing_of_a_message_that_is_refused(void **state)
{
    static const char leak[] = HEAD("A01", "3") PID(
        "010181-900C",
        "Vuoto") "PV1|1|E|010594Y9032||||||||||||||||V1|||||||||||||||||||||||||20261101110000\r";
    struct desk desk = desk_open(state);
    assert_int_equal(add(&desk, leak), PN_INVALID);
    assert_null(strstr(desk.here->err.text, "010594"));
    assert_int_equal(desk.outgoing.count, 0);
    assert_int_equal(add(&desk, "MSH|^~\\&|A|B|C|D|20261101||ZZZ^Z99|1|P|2.3\r"), PN_UNSUPPORTED);
    assert_int_equal(desk.outgoing.count, 0);
    assert_int_equal(add(&desk, admission), PN_OK); // and nothing is remembered of the refused
    assert_int_equal(count_type(&desk, "fi.punos.client.identified.v1"), 1);
    desk_close(&desk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INSTALLED(makes_identity_and_events),
        INSTALLED(tells_a_language_as_its_group),
        cmocka_unit_test(takes_the_mother_tongue_for_the_group),
        INSTALLED(gives_the_same_ids_to_the_same_message),
        INSTALLED(publishes_identity_when_it_changes),
        INSTALLED(forgets_what_did_not_become_durable),
        INSTALLED(remembers_over_a_restart_what_was_saved),
        INSTALLED(links_a_merge_to_the_old_key),
        INSTALLED(adds_nothing_of_a_message_that_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
