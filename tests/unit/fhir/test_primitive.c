// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fhir/fhir.h"

struct example {
    const char *type;
    const char *good[8];
    const char *wrong[12];
};

// R4 2.24.0.1, the examples there and the edges of each rule.
static const struct example examples[] = {
    {"boolean", {"true", "false"}, {"", "True", "1", "true "}},
    {"integer",
     {"0", "-1", "2147483647", "-2147483648", "+7"},
     {"", "-", "01", "-0", "2147483648", "1.0", "--1", "1e3", "99999999999"}},
    {"unsignedInt", {"0", "17"}, {"-1", "", "4294967296"}},
    {"positiveInt", {"1", "17"}, {"0", "-1", ""}},
    {"decimal", {"0", "-0.50", "1.0e10", "100"}, {"", ".5", "1.", "1,5", "+1", "NaN", "0x1"}},
    {"date",
     {"2018", "1973-06", "1905-08-23", "2020-02-29", "0001"},
     {"18", "2018-13", "2019-02-29", "2018-1-1", "2018-01-32", "2018-01-01T00:00:00Z", "0000", "",
      "2018-", "1900-02-29"}},
    {"dateTime",
     {"2018", "1973-06", "1905-08-23", "2015-02-07T13:28:17-05:00", "2017-01-01T00:00:00.000Z",
      "2016-12-31T23:59:60Z", "2020-01-01T00:00:00+14:00"},
     {"2015-02-07T13:28:17", "2015-02-07T13:28Z", "2015-02-07T24:00:00Z", "2015-02-07 13:28:17Z",
      "2015-02T13:28:17Z", "2015-02-07T13:28:17+14:01", "2015-02-07T13:28:17.Z", "",
      "2015-02-07T13:60:17Z", "2015-02-07T13:28:17Zx", "2015-02-07T"}},
    {"instant",
     {"2015-02-07T13:28:17.239+02:00", "2017-01-01T00:00:00Z"},
     {"2015-02-07", "2015-02-07T13:28:17", ""}},
    {"time", {"12:00:00", "23:59:59.999"}, {"24:00:00", "12:00", "12:00:00Z", "", "1:00:00"}},
    {"code", {"a", "in progress", "\xC3\xA4"}, {"", " a", "a ", "a  b", "a\x01"}},
    {"id",
     {"a", "A-1.b", "0123456789012345678901234567890123456789012345678901234567890123"},
     {"", "a_b", "a b", "01234567890123456789012345678901234567890123456789012345678901234",
      "\xC3\xA4"}},
    {"uri", {"urn:oid:1.2.246.21", "https://punos.fi/x", "#a", "x"}, {"", "a b", "a\n"}},
    {"url", {"https://punos.fi/"}, {"", "a b"}},
    {"canonical", {"https://punos.fi/x|1.0"}, {"", "a b"}},
    {"oid",
     {"urn:oid:1.2.3.4.5", "urn:oid:2.0"},
     {"1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02", "urn:oid:1.2.",
      "urn:oid:", "urn:oid:1..2"}},
    {"uuid",
     {"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"},
     {"c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-ec9a-4326-a141-556f43239520",
      "urn:uuid:c757873d-ec9a-4326-a141-556f4323952",
      "urn:uuid:c757873dxec9a-4326-a141-556f43239520"}},
    {"string", {"a", " ", "a\tb\nc"}, {"", "a\x01"}},
    {"markdown", {"# a\n\nb"}, {"", "\x02"}},
    {"base64Binary", {"QQ==", "QUJD", "QU\n JD"}, {"", "QQ=", "Q===", "QQ==QUJD", "Q!==", "QUJ"}},
};

static void keeps_the_lexical_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < PN_ARRAY_COUNT(examples); i++) {
        const struct example *one = &examples[i];
        for (size_t j = 0; j < PN_ARRAY_COUNT(one->good) && one->good[j] != NULL; j++) {
            if (!pn_fhir_primitive_is_valid(one->type, pn_slice_str(one->good[j]))) {
                fail_msg("%s refused: \"%s\"", one->type, one->good[j]);
            }
        }
        for (size_t j = 0; j < PN_ARRAY_COUNT(one->wrong) && one->wrong[j] != NULL; j++) {
            if (pn_fhir_primitive_is_valid(one->type, pn_slice_str(one->wrong[j]))) {
                fail_msg("%s taken: \"%s\"", one->type, one->wrong[j]);
            }
        }
    }
}

static void knows_only_primitives(void **state)
{
    (void)state;
    assert_false(pn_fhir_primitive_is_valid("Period", pn_slice_str("2020")));
    assert_false(pn_fhir_primitive_is_valid("nothing", pn_slice_str("2020")));
}

static void knows_the_resource_types(void **state)
{
    (void)state;
    size_t count = 0;
    const char *const *names = pn_fhir_resource_types(&count);
    assert_true(count > 100);
    for (size_t i = 0; i < count; i++) {
        assert_true(pn_fhir_is_resource_type(pn_slice_str(names[i])));
    }
    assert_true(pn_fhir_is_resource_type(pn_slice_of("EncounterX", 9)));
    assert_false(pn_fhir_is_resource_type(pn_slice_of("Encounter", 8)));
    assert_false(pn_fhir_is_resource_type(pn_slice_str("DomainResource")));
    assert_false(pn_fhir_is_resource_type(pn_slice_str("Period")));
    assert_false(pn_fhir_is_resource_type(pn_slice_str("Encounter.participant")));
    assert_false(pn_fhir_is_resource_type(pn_slice_str("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_lexical_rules),
        cmocka_unit_test(knows_only_primitives),
        cmocka_unit_test(knows_the_resource_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
