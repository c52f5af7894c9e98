// SPDX-License-Identifier: Apache-2.0
// What becomes of each field: the watch on reads, and texts that are cut.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fhir/json.h"
#include "map/reads.h"
#include "tests/unit/map/folder.h"

static const char plan_text[] =
    "{\"resourceType\":\"CarePlan\",\"status\":\"active\",\"intent\":\"plan\","
    "\"description\":\"yksi kaksi kolme\",\"created\":\"2026-11-20T12:05:41Z\","
    "\"period\":{\"start\":\"2026-11-20\",\"end\":\"2027-05-20\"},"
    "\"note\":[{\"text\":\"ensin\"},{\"text\":\"toinen\"}],"
    "\"activity\":[{\"detail\":{\"status\":\"completed\",\"description\":\"askel\"}},"
    "{\"detail\":{\"status\":\"on-hold\",\"description\":\"toinen askel\"}}]}";

struct fixture {
    struct folder folder;
    struct pn_adapter_reads *reads;
    const struct pn_document_out *document;
    const struct pn_node *plan;
};

static struct fixture encode_plan(const char *mapping, const char *text)
{
    struct fixture fixture = {.folder = folder_new("hl7v2", "http"),
                              .reads = pn_adapter_reads_new()};
    struct folder *folder = &fixture.folder;
    folder_write(folder, "codes/state.csv",
                 "from,to\ncompleted,done\non-hold,open\nin-progress,open\n");
    folder_write(folder, "out/plan.yaml", mapping);
    if (folder_load(folder) != PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    cJSON *plan = NULL;
    pn_json_use_arena(folder->arena);
    assert_int_equal(pn_json_parse(pn_slice_str(text), &plan, &folder->err), PN_OK);
    struct pn_plan_out out = {.plan = plan,
                              .document_id = pn_slice_str("D1"),
                              .system_config_name = pn_slice_str("test"),
                              .now_ms = 1795262400000};
    assert_non_null(fixture.reads);
    pn_adapter_watch_reads(folder->adapter, fixture.reads);
    if (pn_adapter_encode(folder->adapter, folder->arena, &out, &fixture.document, &folder->err) !=
        PN_OK) {
        fail_msg("%s: %s", folder->err.where, folder->err.text);
    }
    pn_adapter_watch_reads(folder->adapter, NULL);
    pn_json_use_arena(NULL);
    const struct pn_read_tree *trees = NULL;
    assert_true(pn_adapter_reads_trees(fixture.reads, &trees) >= 1);
    fixture.plan = pn_node_child(trees[0].root, pn_slice_str("plan"));
    return fixture;
}

static struct fixture encode(const char *mapping)
{
    return encode_plan(mapping, plan_text);
}

static void done(struct fixture *fixture)
{
    pn_adapter_reads_free(fixture->reads);
    folder_free(&fixture->folder);
}

// "activity.1.detail.status": the second activity's.
static const struct pn_node *at(const struct pn_node *node, const char *path)
{
    struct pn_slice rest = pn_slice_str(path);
    while (rest.len > 0 && node != NULL) {
        struct pn_slice step = pn_slice_split(rest, '.', &rest);
        int64_t skips = 0;
        if (pn_slice_to_i64(step, &skips)) {
            for (; skips > 0 && node != NULL; skips--) {
                node = pn_node_next_same(node);
            }
        } else {
            node = pn_node_child(node, step);
        }
    }
    assert_non_null(node);
    return node;
}

// The last read of the node that is sent; without a target when none is.
static struct pn_adapter_read taken(const struct fixture *fixture, const char *path,
                                    size_t *ret_kept)
{
    const struct pn_adapter_read *read =
        pn_adapter_reads_last(fixture->reads, at(fixture->plan, path));
    for (; read != NULL; read = pn_adapter_reads_before(fixture->reads, read)) {
        if (pn_adapter_read_is_sent(fixture->reads, read, ret_kept)) {
            return *read;
        }
    }
    return (struct pn_adapter_read){.file = ""};
}

static struct pn_adapter_read last(const struct pn_adapter_reads *reads, const struct pn_node *node)
{
    const struct pn_adapter_read *read = pn_adapter_reads_last(reads, node);
    return read != NULL ? *read : (struct pn_adapter_read){.file = ""};
}

static void rows_that_read_are_named(void **state)
{
    (void)state;
    struct fixture fixture = encode("documents:\n"
                                    "  - format: json\n"
                                    "    rows:\n"
                                    "      - { to: a/text, from: /plan/description }\n"
                                    "      - to: b\n"
                                    "        rows:\n"
                                    "          - { to: day, from: /plan/created, as: date }\n"
                                    "      - each: /plan/activity\n"
                                    "        to: list[]\n"
                                    "        rows:\n"
                                    "          - to: state\n"
                                    "            from: detail/status\n"
                                    "            table: state\n");
    size_t kept = 0;
    struct pn_adapter_read read = taken(&fixture, "description", &kept);
    assert_non_null(read.target);
    assert_string_equal(read.file, "out/plan.yaml");
    assert_int_equal(read.line, 4);
    assert_string_equal(read.target, "a/text");
    assert_true(kept == SIZE_MAX);
    read = taken(&fixture, "created", &kept);
    assert_string_equal(read.target, "b/day");
    assert_int_equal(read.keeps, PN_READ_DATE);
    assert_false(taken(&fixture, "activity.0.detail.status", &kept).is_coarser);
    read = taken(&fixture, "activity.1.detail.status", &kept);
    assert_true(read.is_coarser);
    assert_true(pn_slice_is(read.value, "open"));
    assert_null(taken(&fixture, "status", &kept).target);
    assert_null(taken(&fixture, "activity.0.detail.description", &kept).target);
    done(&fixture);
}

static void a_part_that_nothing_uses_is_not_sent(void **state)
{
    (void)state;
    struct fixture fixture = encode("parts:\n"
                                    "  - name: used\n"
                                    "    format: text\n"
                                    "    rows:\n"
                                    "      - line: \"{/plan/description}\"\n"
                                    "      - each: /plan/note\n"
                                    "        rows: [{ line: \"{text}\" }]\n"
                                    "  - name: unused\n"
                                    "    format: text\n"
                                    "    rows: [{ line: \"{/plan/status}\" }]\n"
                                    "documents:\n"
                                    "  - format: json\n"
                                    "    rows:\n"
                                    "      - each: used:line\n"
                                    "        to: \"list[]\"\n"
                                    "        rows: [{ to: text, from: \".\", max: 7 }]\n");
    size_t kept = 0;
    assert_non_null(taken(&fixture, "note.1.text", &kept).target);
    assert_true(kept == SIZE_MAX);
    assert_null(taken(&fixture, "status", &kept).target);
    assert_non_null(taken(&fixture, "description", &kept).target);
    assert_int_equal(kept, strlen("yksi"));
    assert_non_null(strstr(fixture.document->bytes.ptr, "\"yksi…\""));
    done(&fixture);
}

static void a_cut_text_loses_its_later_lines(void **state)
{
    (void)state;
    struct fixture fixture = encode("parts:\n"
                                    "  - name: text\n"
                                    "    format: text\n"
                                    "    rows:\n"
                                    "      - line: \"Tilanne: {/plan/description}\"\n"
                                    "      - each: /plan/note\n"
                                    "        rows: [{ line: \"{text}\" }]\n"
                                    "documents:\n"
                                    "  - format: json\n"
                                    "    rows: [{ to: text, from: \"text:\", max: 32 }]\n");
    size_t kept = 0;
    assert_non_null(taken(&fixture, "description", &kept).target);
    assert_true(kept == SIZE_MAX);
    assert_non_null(taken(&fixture, "note.0.text", &kept).target);
    assert_true(kept == SIZE_MAX);
    assert_null(taken(&fixture, "note.1.text", &kept).target);
    done(&fixture);
}

static void a_copy_leaves_out_what_the_row_says(void **state)
{
    (void)state;
    struct fixture fixture = encode("documents:\n"
                                    "  - format: fhir\n"
                                    "    resource: CarePlan\n"
                                    "    rows:\n"
                                    "      - { to: status, value: revoked }\n"
                                    "      - copy: /plan\n"
                                    "        remove: [period.end, activity.detail.status]\n");
    const struct pn_adapter_read *copy = pn_adapter_reads_last(fixture.reads, fixture.plan);
    assert_non_null(copy);
    assert_int_equal(copy->use, PN_READ_COPIED);
    assert_true(pn_adapter_read_copies(copy, at(fixture.plan, "description")));
    assert_true(pn_adapter_read_copies(copy, at(fixture.plan, "period.start")));
    assert_false(pn_adapter_read_copies(copy, at(fixture.plan, "period.end")));
    assert_false(pn_adapter_read_copies(copy, at(fixture.plan, "activity.1.detail.status")));
    assert_false(pn_adapter_read_copies(copy, at(fixture.plan, "status")));
    done(&fixture);
}

// The second activity says that it is for the register of social care only.
#define LABELLED                                                                                   \
    "{\"resourceType\":\"CarePlan\",\"status\":\"active\",\"intent\":\"plan\",\"activity\":["      \
    "{\"detail\":{\"status\":\"completed\",\"description\":\"askel\"}},{\"extension\":[{"          \
    "\"url\":\"http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/"                    \
    "extension-inline-sec-label\",\"valueCoding\":{\"code\":\"social\","                           \
    "\"system\":\"https://punos.fi/fhir/CodeSystem/register\"}}],"                                 \
    "\"detail\":{\"status\":\"on-hold\",\"description\":\"toinen askel\"}}]}"

static void a_copy_does_not_hold_what_the_register_left_out(void **state)
{
    (void)state;
    static const char copy_of_all[] = "documents:\n"
                                      "  - format: fhir\n"
                                      "    resource: CarePlan\n"
                                      "    register: %s\n"
                                      "    rows: [{ copy: /plan }]\n";
    static const struct {
        const char *name;
        unsigned bit;
        bool holds;
    } registers[] = {{"patient", PN_READ_PATIENT_REGISTER, false},
                     {"social", PN_READ_SOCIAL_REGISTER, true}};
    for (size_t i = 0; i < PN_ARRAY_COUNT(registers); i++) {
        char mapping[256];
        snprintf(mapping, sizeof mapping, copy_of_all, registers[i].name);
        struct fixture fixture = encode_plan(mapping, LABELLED);
        const struct pn_adapter_read *copy = pn_adapter_reads_last(fixture.reads, fixture.plan);
        const struct pn_node *labelled = at(fixture.plan, "activity.1.detail.description");
        assert_non_null(copy);
        assert_true(
            pn_adapter_read_copies(copy, at(fixture.plan, "activity.0.detail.description")));
        assert_int_equal(pn_adapter_read_copies(copy, labelled), registers[i].holds);
        assert_int_equal(pn_adapter_reads_registers(fixture.reads), registers[i].bit);
        assert_int_equal(pn_adapter_reads_label(labelled), PN_READ_SOCIAL_REGISTER);
        assert_int_equal(pn_adapter_reads_label(at(fixture.plan, "activity.0.detail")), 0);
        assert_int_equal(strstr(fixture.document->bytes.ptr, "toinen askel") != NULL,
                         registers[i].holds);
        done(&fixture);
    }
}

static void a_test_tells_what_it_asked(void **state)
{
    (void)state;
    struct fixture fixture =
        encode("documents:\n"
               "  - format: json\n"
               "    rows:\n"
               "      - each: \"/plan/activity[detail/status=completed]\"\n"
               "        to: \"list[]\"\n"
               "        rows: [{ to: text, from: detail/description }]\n"
               "      - { to: never, when: /plan/status = revoked, value: x }\n");
    size_t kept = 0;
    struct pn_adapter_read read = taken(&fixture, "activity.0.detail.status", &kept);
    assert_non_null(read.target);
    assert_int_equal(read.use, PN_READ_TESTED);
    assert_int_equal(read.asked_count, 1);
    assert_true(read.is_among);
    assert_null(taken(&fixture, "activity.1.detail.status", &kept).target);
    assert_null(taken(&fixture, "status", &kept).target);
    assert_non_null(pn_adapter_reads_last(fixture.reads, at(fixture.plan, "status")));
    done(&fixture);
}

static void a_dropped_block_became_nothing(void **state)
{
    (void)state;
    struct fixture fixture = encode("documents:\n"
                                    "  - format: json\n"
                                    "    rows:\n"
                                    "      - { to: intent, from: /plan/intent }\n"
                                    "      - to: block\n"
                                    "        rows:\n"
                                    "          - { to: fixed, when: /plan/status, value: x }\n"
                                    "          - { to: none, from: /plan/nothing }\n");
    size_t kept = 0;
    assert_non_null(taken(&fixture, "intent", &kept).target);
    assert_null(taken(&fixture, "status", &kept).target);
    done(&fixture);
}

static void the_adapters_own_reasons(void **state)
{
    (void)state;
    struct fixture fixture = encode("documents:\n"
                                    "  - format: json\n"
                                    "    rows: [{ to: intent, from: /plan/intent }]\n"
                                    "losses:\n"
                                    "  - path: /plan/activity\n"
                                    "    reason: { fi: ei, sv: nej, en: no }\n");
    const struct pn_loss_reason *reason =
        pn_adapter_reads_reason(fixture.reads, at(fixture.plan, "activity.1.detail.status"));
    assert_non_null(reason);
    assert_string_equal(reason->sv, "nej");
    assert_null(pn_adapter_reads_reason(fixture.reads, at(fixture.plan, "description")));
    done(&fixture);
}

static void nothing_that_comes_in_is_cut(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    folder_write(&folder, "in/a.yaml",
                 "format: hl7v2\ncontrol_id: MSH-10\nevents:\n"
                 "  - type: fi.punos.visit.finished.v1\n    key: [PV1-19]\n"
                 "    rows: [{ to: status, from: PV1-2, max: 3 }]\n");
    assert_int_equal(folder_load(&folder), PN_INVALID);
    assert_non_null(strstr(folder.err.text, "only in out/"));
    folder_free(&folder);
}

static void a_message_tells_what_its_fields_became(void **state)
{
    (void)state;
    struct folder folder = folder_new("hl7v2", "none");
    struct pn_adapter_reads *reads = pn_adapter_reads_new();
    struct pn_mapped mapped;
    folder_write(&folder, "in/a.yaml",
                 "format: hl7v2\nmessage: [\"ADT^A03\"]\ncontrol_id: MSH-10\n"
                 "persons:\n  - rows: [{ to: birthDate, from: PID-7, as: date }]\n"
                 "events:\n  - type: fi.punos.visit.finished.v1\n    key: [PV1-19]\n"
                 "    rows:\n"
                 "      - { to: status, value: finished }\n"
                 "      - { to: period.end, from: PV1-45, as: dateTime }\n");
    assert_int_equal(folder_load(&folder), PN_OK);
    pn_adapter_watch_reads(folder.adapter, reads);
    static const char good[] = "MSH|^~\\&|||||||ADT^A03|7\rPID|||||Testinen||19810101\r"
                               "PV1||I|||||||||||||||||V1||||||||||||||||||||||||||20261121";
    assert_int_equal(folder_decode(&folder, good, &mapped), PN_OK);
    const struct pn_read_tree *trees = NULL;
    assert_int_equal(pn_adapter_reads_trees(reads, &trees), 1);
    const struct pn_node *pid = pn_node_child(trees[0].root, pn_slice_str("PID"));
    const struct pn_node *pv1 = pn_node_child(trees[0].root, pn_slice_str("PV1"));
    struct pn_adapter_read read = last(reads, pn_node_child(pid, pn_slice_str("7")));
    assert_int_equal(read.made.kind, PN_MADE_PERSON);
    assert_true(pn_slice_is(read.value, "1981-01-01"));
    read = last(reads, pn_node_child(pv1, pn_slice_str("45")));
    assert_string_equal(read.target, "period.end");
    assert_string_equal(read.made.name, "fi.punos.visit.finished.v1");
    assert_null(pn_adapter_reads_last(reads, pn_node_child(pid, pn_slice_str("5"))));
    // The next message begins anew; what refuses it is named.
    static const char bad[] = "MSH|^~\\&|||||||ADT^A03|8\rPID|||||||19810101\r"
                              "PV1||I|||||||||||||||||V1||||||||||||||||||||||||||tomorrow";
    assert_int_equal(folder_decode(&folder, bad, &mapped), PN_INVALID);
    const char *file = NULL;
    unsigned line = 0;
    assert_true(pn_adapter_reads_refusal(reads, &file, &line));
    assert_string_equal(file, "in/a.yaml");
    assert_int_equal(line, 11);
    pn_adapter_reads_free(reads);
    folder_free(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_read_are_named),
        cmocka_unit_test(a_part_that_nothing_uses_is_not_sent),
        cmocka_unit_test(a_cut_text_loses_its_later_lines),
        cmocka_unit_test(a_copy_leaves_out_what_the_row_says),
        cmocka_unit_test(a_copy_does_not_hold_what_the_register_left_out),
        cmocka_unit_test(a_test_tells_what_it_asked),
        cmocka_unit_test(a_dropped_block_became_nothing),
        cmocka_unit_test(the_adapters_own_reasons),
        cmocka_unit_test(nothing_that_comes_in_is_cut),
        cmocka_unit_test(a_message_tells_what_its_fields_became),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
