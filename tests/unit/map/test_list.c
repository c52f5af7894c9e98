// SPDX-License-Identifier: Apache-2.0
// Files that are lists of messages, and events of more than one sector.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/map/folder.h"

static const char adapter_yaml[] =
    "name: test\n"
    "sector: social\n"
    "in:\n"
    "  - { transport: drop, format: csv, file: .csv, split: true, columns: [nro, ala] }\n"
    "  - { transport: drop, format: xml, file: .xml, split: true, root: Lista, common: [Yksikko] "
    "}\n"
    "out: none\n";

static const char events_yaml[] = "events:\n"
                                  "  - type: fi.punos.contact.recorded.v1\n"
                                  "    each: [/row, /Lista/Rivi]\n"
                                  "    key: [nro]\n"
                                  "    sector: { from: ala, table: ala, invalid: skip }\n"
                                  "    rows:\n"
                                  "      - { to: status, value: finished }\n"
                                  "      - { to: class.code, value: AMB }\n";

static struct folder folder;

static int set_up(void **state)
{
    (void)state;
    char text[1024];
    folder = folder_new("csv", "none");
    folder_write(&folder, "adapter.yaml", adapter_yaml);
    folder_write(&folder, "codes/ala.csv", "from,to\nTK,primary\nSO,social\nXX,nonsense\n");
    folder_write(&folder, "in/_csv.yaml",
                 "format: csv\nheader:\n  control_id: /row/nro\n  sender: { value: csv }\n");
    folder_write(&folder, "in/_xml.yaml",
                 "format: xml\nheader:\n  control_id: /Lista/Rivi/nro\n"
                 "  sender: /Lista/Yksikko\n");
    (void)snprintf(text, sizeof text, "format: csv\n%s", events_yaml);
    folder_write(&folder, "in/a.yaml", text);
    (void)snprintf(text, sizeof text, "format: xml\n%s", events_yaml);
    folder_write(&folder, "in/b.yaml", text);
    if (folder_load(&folder) != PN_OK) {
        fail_msg("%s: %s", folder.err.where, folder.err.text);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_free(&folder);
    return 0;
}

static struct pn_message_in message(const char *name, struct pn_slice bytes)
{
    return (struct pn_message_in){
        .bytes = bytes, .transport = PN_TRANSPORT_DROP, .content_type = "", .file_name = name};
}

// The sectors of the records in order, from the same two records in either form.
static void sectors_of(const char *name, const char *text, const char *sender)
{
    struct pn_message_in file = message(name, pn_slice_str(text));
    struct pn_split *split = NULL;
    static const char *const expected[] = {"primary", "social", NULL};
    assert_true(pn_adapter_splits(folder.adapter, &file));
    assert_int_equal(pn_adapter_split(folder.adapter, &file, &split, &folder.err), PN_OK);
    for (unsigned i = 0; i <= PN_ARRAY_COUNT(expected); i++) {
        struct pn_split_record record;
        struct pn_mapped mapped;
        bool has = false;
        assert_int_equal(pn_split_next(split, &record, &has, &folder.err), PN_OK);
        assert_int_equal(has, i < PN_ARRAY_COUNT(expected));
        if (!has) {
            break;
        }
        struct pn_message_in one = message(name, record.bytes);
        one.line = record.line;
        assert_int_equal(
            pn_adapter_decode(folder.adapter, folder.arena, &one, &mapped, &folder.err), PN_OK);
        assert_int_equal(mapped.event_count, 1);
        assert_true(pn_slice_is(mapped.sender, sender));
        if (expected[i] == NULL) {
            assert_null(mapped.events[0].sector);
        } else {
            assert_string_equal(mapped.events[0].sector, expected[i]);
        }
    }
    pn_split_close(split);
}

static void the_sector_stands_in_the_record(void **state)
{
    (void)state;
    sectors_of("a.csv", "Nro;ALA\n1;TK\n2;SO\n3;\n", "csv");
    sectors_of("a.xml",
               "<Lista><Yksikko>keskus</Yksikko><Rivi><nro>1</nro><ala>TK</ala></Rivi>"
               "<Rivi><nro>2</nro><ala>SO</ala></Rivi><Rivi><nro>3</nro></Rivi></Lista>",
               "keskus");
}

static void a_sector_that_there_is_not(void **state)
{
    (void)state;
    struct pn_message_in one = message("a.csv", pn_slice_str("nro;ala\n1;XX\n"));
    struct pn_mapped mapped;
    assert_int_equal(pn_adapter_decode(folder.adapter, folder.arena, &one, &mapped, &folder.err),
                     PN_INVALID);
    assert_string_equal(folder.err.where, "ala");
}

static void only_dropped_lists_are_split(void **state)
{
    (void)state;
    struct folder other = folder_new("csv", "none");
    folder_write(&other, "adapter.yaml",
                 "name: test\nsector: social\n"
                 "in:\n  - { transport: http, format: csv, split: true }\nout: none\n");
    assert_int_equal(folder_load(&other), PN_INVALID);
    assert_non_null(strstr(other.err.text, "only a dropped csv or xml file"));
    folder_free(&other);
    struct pn_message_in json = message("a.json", pn_slice_str("{}"));
    assert_false(pn_adapter_splits(folder.adapter, &json));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_sector_stands_in_the_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sector_that_there_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_dropped_lists_are_split, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
