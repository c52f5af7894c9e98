// SPDX-License-Identifier: Apache-2.0
// The mapping language on the way out, and receipts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/json.h"
#include "tests/unit/map/folder.h"

static const char plan_text[] = "{\"resourceType\":\"CarePlan\",\"status\":\"active\",\"intent\":"
                                "\"plan\",\"description\":\"Äiti & "
                                "isä|\",\"period\":{\"start\":\"2026-11-20\"},\"note\":[{\"text\":"
                                "\"yksi\"},{\"text\":\"kaksi\"}]}";

#define LABEL(code)                                                                                \
    "\"extension\":[{\"url\":\"http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/"       \
    "extension-inline-sec-label\",\"valueCoding\":{\"system\":\"https://punos.fi/fhir/CodeSystem/"    \
    "register\",\"code\":\"" code "\"}}]"

static const char *given_plan = plan_text;

static const struct pn_document_out *encode(struct folder *folder, const char *mapping,
                                            bool withdrawn)
{
    folder_write(folder, "out/plan.yaml", mapping);
    if (folder_load(folder) != PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    cJSON *plan = NULL;
    const struct pn_document_out *document = NULL;
    pn_json_use_arena(folder->arena);
    assert_int_equal(pn_json_parse(pn_slice_str(given_plan), &plan, &folder->err), PN_OK);
    struct pn_plan_out out = {.plan = plan,
                              .document_id = pn_slice_str("D1"),
                              .system_config_name = pn_slice_str("test"),
                              .now_ms = 1795262400000,
                              .withdrawn = withdrawn};
    if (pn_adapter_encode(folder->adapter, folder->arena, &out, &document, &folder->err) != PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    pn_json_use_arena(NULL);
    return document;
}

static void assert_document(const char *mapping, bool withdrawn, const char *expected)
{
    struct folder folder = folder_new("hl7v2", "http");
    const struct pn_document_out *document = encode(&folder, mapping, withdrawn);
    char text[4096];
    snprintf(text, sizeof text, "%.*s", PN_SLICE_FMT(document->bytes));
    assert_string_equal(text, expected);
    folder_free(&folder);
}

static void an_hl7_message(void **state)
{
    (void)state;
    assert_document("documents:\n"
                    "  - format: hl7v2\n"
                    "    rows:\n"
                    "      - { to: MSH-10, from: $document_id }\n"
                    "      - { to: PID-5.2, from: /plan/description }\n"
                    "      - each: /plan/note\n"
                    "        to: \"PID-13[]\"\n"
                    "        rows: [{ to: PID-13.4, from: text }]\n"
                    "      - each: /plan/note\n"
                    "        to: OBX\n"
                    "        rows:\n"
                    "          - { to: OBX-1, from: $place }\n"
                    "          - { to: OBX-5, from: text }\n",
                    false,
                    "MSH|^~\\&||||||||D1\r"
                    "PID|||||^Äiti \\T\\ isä\\F\\||||||||^^^yksi~^^^kaksi\r"
                    "OBX|1||||yksi\rOBX|2||||kaksi\r");
}

static void a_part_with_items_that_documents_are_made_of(void **state)
{
    (void)state;
    assert_document("parts:\n"
                    "  - name: notes\n"
                    "    format: json\n"
                    "    rows:\n"
                    "      - each: /plan/note\n"
                    "        to: \"note[]\"\n"
                    "        rows:\n"
                    "          - { to: inner/number, from: $place }\n"
                    "          - { to: inner/words, from: text }\n"
                    "documents:\n"
                    "  - format: json\n"
                    "    each: \"notes:note/inner[number=2]\"\n"
                    "    rows:\n"
                    "      - { to: second, from: words }\n"
                    "      - { to: first, from: \"notes:note[inner/number=1]/inner/words\" }\n",
                    false, "{\"second\":\"kaksi\",\"first\":\"yksi\"}");
}

static void a_register_has_only_its_own_items(void **state)
{
    (void)state;
    given_plan = "{\"resourceType\":\"CarePlan\",\"note\":[{\"text\":\"yhteinen\"},{" LABEL(
        "social") ",\"text\":\"sosiaali\"},{" LABEL("patient") ",\"text\":\"potilas\"}]}";
    assert_document("parts:\n"
                    "  - name: social\n"
                    "    format: text\n"
                    "    register: social\n"
                    "    rows:\n"
                    "      - { each: /plan/note, rows: [{ line: \"{text}\" }] }\n"
                    "documents:\n"
                    "  - format: json\n"
                    "    register: patient\n"
                    "    rows:\n"
                    "      - { to: social, from: \"social:\" }\n"
                    "      - { to: \"patient[]\", each: /plan/note, from: text }\n"
                    "      - { to: whole, copy: /plan }\n",
                    false,
                    "{\"social\":\"yhteinen\\nsosiaali\",\"patient\":[\"yhteinen\",\"potilas\"],"
                    "\"whole\":{\"resourceType\":\"CarePlan\",\"note\":[{\"text\":\"yhteinen\"},"
                    "{" LABEL("patient") ",\"text\":\"potilas\"}]}}");
    given_plan = plan_text;
}

static void an_age(void **state)
{
    (void)state;
    // The clock says 22 November 2026, the plan's period starts two days before.
    assert_document("documents:\n"
                    "  - format: json\n"
                    "    rows:\n"
                    "      - { to: age, from: /plan/period/start, as: age }\n",
                    false, "{\"age\":\"0\"}");
}

static void an_xml_document_with_a_form_inside(void **state)
{
    (void)state;
    assert_document("parts:\n"
                    "  - name: form\n"
                    "    format: json\n"
                    "    rows:\n"
                    "      - { to: lomake/kuvaus, from: /plan/status }\n"
                    "      - each: /plan/note\n"
                    "        to: \"lomake/rivit[]\"\n"
                    "        rows: [{ to: teksti, from: text }]\n"
                    "      - { to: lomake/valmis, value: \"1\", as: boolean }\n"
                    "documents:\n"
                    "  - format: xml\n"
                    "    root: Doc\n"
                    "    rows:\n"
                    "      - { to: \"@xmlns\", value: \"urn:x\" }\n"
                    "      - { to: id/@root, from: $document_id }\n"
                    "      - { to: kuvaus, from: /plan/description }\n"
                    "      - { to: json, from: \"form:\" }\n",
                    false,
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                    "<Doc xmlns=\"urn:x\"><id root=\"D1\"/><kuvaus>Äiti &amp; isä|</kuvaus>"
                    "<json>{&quot;lomake&quot;:{&quot;kuvaus&quot;:&quot;active&quot;,"
                    "&quot;rivit&quot;:[{&quot;teksti&quot;:&quot;yksi&quot;},{&quot;teksti&quot;:"
                    "&quot;kaksi&quot;}],&quot;valmis&quot;:true}}</json></Doc>");
}

static void a_fhir_bundle_with_the_plan_in_it(void **state)
{
    (void)state;
    assert_document(
        "parts:\n"
        "  - name: text\n"
        "    format: text\n"
        "    rows:\n"
        "      - line: Otsikko\n"
        "      - line: \"Alkaa {/plan/period/start|finnish-date}\"\n"
        "      - line: \"Loppuu {/plan/period/end}\"\n"
        "documents:\n"
        "  - format: fhir\n"
        "    resource: Bundle\n"
        "    rows:\n"
        "      - { to: type, value: transaction }\n"
        "      - to: entry\n"
        "        rows:\n"
        "          - { to: resource, copy: /plan, keep: [resourceType, status] }\n"
        "      - to: entry\n"
        "        rows:\n"
        "          - to: resource\n"
        "            resource: DocumentReference\n"
        "            rows:\n"
        "              - { to: status, value: current }\n"
        "              - to: content\n"
        "                rows:\n"
        "                  - { to: attachment.data, from: \"text:\", as: base64 }\n",
        false,
        "{\"resourceType\":\"Bundle\",\"type\":\"transaction\",\"entry\":[{\"resource\":"
        "{\"resourceType\":\"CarePlan\",\"status\":\"active\"}},{\"resource\":{"
        "\"resourceType\":\"DocumentReference\",\"status\":\"current\",\"content\":[{"
        "\"attachment\":{\"data\":\"T3RzaWtrbwpBbGthYSAyMC4xMS4yMDI2\"}}]}}]}");
}

static void several_documents(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "drop");
    const struct pn_document_out *document =
        encode(&folder,
               "documents:\n"
               "  - format: json\n"
               "    when: /withdrawn\n"
               "    rows: [{ to: loppu, value: x }]\n"
               "  - format: json\n"
               "    each: /plan/note\n"
               "    path: { text: \"{$document_id|file-name}-{$place}.json\" }\n"
               "    rows: [{ to: teksti, from: text }]\n",
               false);
    assert_true(pn_slice_is(document->path, "D1-1.json"));
    assert_true(pn_slice_is(document->bytes, "{\"teksti\":\"yksi\"}"));
    assert_true(pn_slice_is(document->next->path, "D1-2.json"));
    assert_true(pn_slice_is(document->next->receipt_id, "D1"));
    assert_null(document->next->next);
    folder_free(&folder);
}

static void a_case_has_documents_of_its_own(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "http");
    folder_write(&folder, "out/case.yaml",
                 "of: case\n"
                 "documents:\n"
                 "  - format: json\n"
                 "    path: { text: \"ryhma/{/case/id}\" }\n"
                 "    rows:\n"
                 "      - { to: ryhma, value: Yhteisasiakas }\n"
                 "      - { to: loppu, when: /withdrawn, value: x }\n");
    encode(&folder,
           "documents:\n"
           "  - format: json\n"
           "    rows: [{ to: a, from: /plan/status }]\n"
           "receipt: { accepted: $http_status = 200 }\n",
           false);
    assert_true(pn_adapter_takes(folder.adapter, PN_OUT_PLAN));
    assert_true(pn_adapter_takes(folder.adapter, PN_OUT_CASE));
    cJSON *flag = NULL;
    const struct pn_document_out *document = NULL;
    pn_json_use_arena(folder.arena);
    assert_int_equal(pn_json_parse(pn_slice_str("{\"resourceType\":\"Flag\",\"id\":\"F1\"}"), &flag,
                                   &folder.err),
                     PN_OK);
    struct pn_plan_out out = {.of = PN_OUT_CASE,
                              .case_flag = flag,
                              .document_id = pn_slice_str("D1"),
                              .system_config_name = pn_slice_str("test"),
                              .withdrawn = true};
    assert_int_equal(pn_adapter_encode(folder.adapter, folder.arena, &out, &document, &folder.err),
                     PN_OK);
    pn_json_use_arena(NULL);
    assert_true(pn_slice_is(document->path, "ryhma/F1"));
    assert_true(pn_slice_is(document->bytes, "{\"ryhma\":\"Yhteisasiakas\",\"loppu\":\"x\"}"));
    // The receipt is the plan's when the file has none of its own.
    struct pn_answer answer = {.http_status = 200};
    struct pn_receipt_read read;
    assert_int_equal(pn_adapter_read_receipt(folder.adapter, folder.arena, document, &answer, &read,
                                             &folder.err),
                     PN_OK);
    assert_int_equal(read.receipt, PN_RECEIPT_ACCEPTED);
    folder_free(&folder);
}

static void two_files_of_one_kind_are_refused(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "http");
    static const char file[] = "documents:\n  - { format: json, rows: [{ to: a, value: b }] }\n";
    folder_write(&folder, "out/a.yaml", file);
    folder_write(&folder, "out/b.yaml", file);
    assert_int_equal(folder_load(&folder), PN_INVALID);
    assert_non_null(strstr(folder.err.text, "another file says what goes out of a plan"));
    folder_free(&folder);
}

static const char receipts[] = "documents:\n"
                               "  - format: hl7v2\n"
                               "    rows: [{ to: MSH-10, from: $document_id }]\n"
                               "receipt:\n"
                               "  format: hl7v2\n"
                               "  match: MSA-2\n"
                               "  accepted: MSA-1 = AA|CA\n"
                               "  try_again: MSA-1 = AE\n"
                               "  words: [MSA-3]\n";

static struct pn_receipt_read read_receipt(struct folder *folder, const struct pn_answer *given)
{
    struct pn_document_out sent = {.receipt_id = pn_slice_str("D1")};
    struct pn_receipt_read read;
    if (pn_adapter_read_receipt(folder->adapter, folder->arena, &sent, given, &read,
                                &folder->err) != PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    return read;
}

static void assert_receipt(struct folder *folder, const char *answer, int status,
                           enum pn_receipt expected)
{
    struct pn_answer given = {.http_status = status, .bytes = pn_slice_str(answer)};
    struct pn_receipt_read read = read_receipt(folder, &given);
    assert_false(read.is_others);
    assert_int_equal(read.receipt, expected);
}

static void acknowledgements(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "mllp");
    encode(&folder, receipts, false);
    assert_receipt(&folder, "MSH|^~\\&|||||2026||ACK|9|P|2.3\rMSA|AA|D1\r", 0, PN_RECEIPT_ACCEPTED);
    assert_receipt(&folder, "MSH|^~\\&|||||2026||ACK|9|P|2.3\rMSA|AE|D1|kiire\r", 0,
                   PN_RECEIPT_TRY_AGAIN);
    assert_receipt(&folder, "MSH|^~\\&|||||2026||ACK|9|P|2.3\rMSA|AR|D1\r", 0, PN_RECEIPT_REJECTED);
    struct pn_answer late = {
        .bytes = pn_slice_str("MSH|^~\\&|||||2026||ACK|9|P|2.3\rMSA|AR|D0|myöhässä\r")};
    struct pn_receipt_read read = read_receipt(&folder, &late);
    assert_true(read.is_others);
    assert_true(pn_slice_is(read.match, "D0"));
    assert_int_equal(read.receipt, PN_RECEIPT_REJECTED);
    folder_free(&folder);
}

static void http_answers(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "http");
    encode(&folder,
           "documents:\n"
           "  - format: json\n"
           "    rows: [{ to: a, from: $document_id }]\n"
           "receipt:\n"
           "  format: json\n"
           "  accepted: $http_status = 200|201\n"
           "  try_again: $http_status starts 5\n"
           "  words: [/issue/diagnostics]\n",
           false);
    assert_receipt(&folder, "{}", 201, PN_RECEIPT_ACCEPTED);
    assert_receipt(&folder, "<html>oh no</html>", 503, PN_RECEIPT_TRY_AGAIN);
    assert_receipt(&folder, "", 422, PN_RECEIPT_REJECTED);
    folder_free(&folder);
}

// HL7 v2.5 2.9.3: commit first, accept later.
static void enhanced_mode(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "mllp");
    encode(&folder,
           "documents:\n"
           "  - format: hl7v2\n"
           "    rows: [{ to: MSH-10, from: $document_id }]\n"
           "receipt:\n"
           "  format: hl7v2\n"
           "  match: MSA-2\n"
           "  committed: MSA-1 = CA\n"
           "  accepted: MSA-1 = AA\n"
           "  try_again: MSA-1 = CE\n",
           false);
    assert_receipt(&folder, "MSH|^~\\&|||||2026||ACK|9|P|2.5\rMSA|CA|D1\r", 0,
                   PN_RECEIPT_COMMITTED);
    assert_receipt(&folder, "MSH|^~\\&|||||2026||ACK|9|P|2.5\rMSA|CE|D1\r", 0,
                   PN_RECEIPT_TRY_AGAIN);
    assert_receipt(&folder, "MSH|^~\\&|||||2026||ACK|9|P|2.5\rMSA|CR|D1\r", 0, PN_RECEIPT_REJECTED);
    assert_receipt(&folder, "MSH|^~\\&|||||2026||ACK|9|P|2.5\rMSA|AA|D1\r", 0, PN_RECEIPT_ACCEPTED);
    folder_free(&folder);
}

static void an_update_goes_to_what_the_system_made(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "http");
    const struct pn_document_out *document =
        encode(&folder,
               "documents:\n"
               "  - format: json\n"
               "    method: $remote_method\n"
               "    path: { text: \"CarePlan/{$remote_id}\", default: CarePlan }\n"
               "    if_match: $remote_version\n"
               "    rows: [{ to: id, from: $remote_id }, { to: a, value: b }]\n"
               "receipt: { committed: $http_status = 202, accepted: $http_status = 200|201 }\n",
               false);
    assert_true(pn_slice_is(document->path, "CarePlan"));
    assert_true(pn_slice_is(document->method, "POST"));
    struct pn_answer made = {.http_status = 201,
                             .location = pn_slice_str("http://a/fhir/CarePlan/77/_history/1"),
                             .etag = pn_slice_str("W/\"1\"")};
    struct pn_receipt_read read = read_receipt(&folder, &made);
    assert_int_equal(read.receipt, PN_RECEIPT_ACCEPTED);
    assert_true(pn_slice_is(read.remote_id, "77"));
    assert_true(pn_slice_is(read.remote_version, "W/\"1\""));
    made = (struct pn_answer){.http_status = 202, .location = pn_slice_str("/jobs/5/")};
    read = read_receipt(&folder, &made);
    assert_int_equal(read.receipt, PN_RECEIPT_COMMITTED);
    assert_true(pn_slice_is(read.remote_id, "5"));
    // The next version: the slot is that of the document which is the system's now.
    cJSON *plan = NULL;
    pn_json_use_arena(folder.arena);
    assert_int_equal(pn_json_parse(pn_slice_str(plan_text), &plan, &folder.err), PN_OK);
    struct pn_remote remote = {
        .slot = document->slot, .id = pn_slice_str("77"), .version = pn_slice_str("W/\"1\"")};
    struct pn_plan_out out = {.plan = plan,
                              .document_id = pn_slice_str("D2"),
                              .system_config_name = pn_slice_str("test"),
                              .remotes = &remote,
                              .remote_count = 1};
    assert_int_equal(pn_adapter_encode(folder.adapter, folder.arena, &out, &document, &folder.err),
                     PN_OK);
    pn_json_use_arena(NULL);
    assert_true(pn_slice_is(document->path, "CarePlan/77"));
    assert_true(pn_slice_is(document->method, "PUT"));
    assert_true(pn_slice_is(document->if_match, "W/\"1\""));
    folder_free(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hl7_message),
        cmocka_unit_test(a_part_with_items_that_documents_are_made_of),
        cmocka_unit_test(a_register_has_only_its_own_items),
        cmocka_unit_test(an_age),
        cmocka_unit_test(an_xml_document_with_a_form_inside),
        cmocka_unit_test(a_fhir_bundle_with_the_plan_in_it),
        cmocka_unit_test(several_documents),
        cmocka_unit_test(a_case_has_documents_of_its_own),
        cmocka_unit_test(two_files_of_one_kind_are_refused),
        cmocka_unit_test(acknowledgements),
        cmocka_unit_test(http_answers),
        cmocka_unit_test(enhanced_mode),
        cmocka_unit_test(an_update_goes_to_what_the_system_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
