// SPDX-License-Identifier: Apache-2.0
// Permits and prohibitions, in the order in which they were given.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "services/api/permit.h"

#define BIT(n) (UINT32_C(1) << (n))
#define CLASS "https://punos.fi/fhir/CodeSystem/data-class"
#define SECTOR "https://punos.fi/fhir/CodeSystem/sector"

static void add(struct pn_permits *permits, const char *text)
{
    cJSON *consent = cJSON_Parse(text);
    assert_non_null(consent);
    pn_permits_add(permits, consent);
    cJSON_Delete(consent);
}

static const char permit[] = "{\"status\":\"active\",\"provision\":{\"type\":\"permit\"}}";
static const char withdrawn[] = "{\"status\":\"inactive\",\"provision\":{\"type\":\"permit\"}}";
static const char special[] =
    "{\"status\":\"active\",\"provision\":{\"type\":\"permit\",\"securityLabel\":["
    "{\"system\":\"" CLASS "\",\"code\":\"substance\"},"
    "{\"system\":\"urn:elsewhere\",\"code\":\"psychiatry\"}]}}";
static const char not_social[] =
    "{\"status\":\"active\",\"provision\":{\"type\":\"deny\",\"class\":["
    "{\"system\":\"" SECTOR "\",\"code\":\"social\"}]}}";
static const char nothing[] = "{\"status\":\"active\",\"provision\":{\"type\":\"deny\"}}";

static void a_permit_holds_until_it_is_withdrawn(void **state)
{
    (void)state;
    struct pn_permits permits = {0};
    add(&permits, permit);
    assert_true(permits.has_permit);
    assert_int_equal(permits.classes, 0);
    add(&permits, withdrawn);
    assert_false(permits.has_permit);
}

static void special_protection_needs_its_name(void **state)
{
    (void)state;
    struct pn_permits permits = {0};
    add(&permits, special);
    assert_int_equal(permits.classes, BIT(PN_CLASS_SUBSTANCE));
    add(&permits, withdrawn);
    assert_int_equal(permits.classes, 0);
}

static void a_prohibition_withholds_what_it_names(void **state)
{
    (void)state;
    struct pn_permits permits = {0};
    add(&permits, permit);
    add(&permits, not_social);
    assert_int_equal(permits.prohibited_sectors, BIT(PN_SECTOR_SOCIAL));
    assert_true(permits.has_permit);
}

static void a_prohibition_without_a_name_withholds_everything(void **state)
{
    (void)state;
    struct pn_permits permits = {0};
    add(&permits, special);
    add(&permits, nothing);
    assert_int_equal(permits.prohibited_sectors, UINT32_MAX);
    assert_int_equal(permits.classes, 0);
    add(&permits, permit);
    assert_int_equal(permits.prohibited_sectors, 0);
}

static const char within_social[] =
    "{\"status\":\"active\",\"provision\":{\"type\":\"permit\",\"class\":[{\"system\":\"" SECTOR
    "\",\"code\":\"social\"}],\"actor\":[{\"reference\":{\"identifier\":{\"system\":\"" SECTOR
    "\",\"value\":\"social\"}}}]}}";
static const char health_to_social[] =
    "{\"status\":\"active\",\"provision\":{\"type\":\"permit\",\"class\":[{\"system\":\"" SECTOR
    "\",\"code\":\"primary\"}],\"actor\":[{\"reference\":{\"identifier\":{\"system\":\"" SECTOR
    "\",\"value\":\"social\"}}}]}}";
static const char lifted[] =
    "{\"status\":\"inactive\",\"provision\":{\"type\":\"deny\",\"class\":["
    "{\"system\":\"" SECTOR "\",\"code\":\"social\"}]}}";

static void a_permit_within_one_sector_opens_nothing_between_them(void **state)
{
    (void)state;
    struct pn_permits permits = {0};
    add(&permits, not_social);
    add(&permits, within_social);
    assert_false(permits.has_permit);
    assert_int_equal(permits.prohibited_sectors, BIT(PN_SECTOR_SOCIAL));
    add(&permits, health_to_social);
    assert_true(permits.has_permit);
}

static void a_withdrawn_prohibition_lifts_no_other(void **state)
{
    (void)state;
    struct pn_permits permits = {0};
    add(&permits, not_social);
    add(&permits, lifted);
    assert_int_equal(permits.prohibited_sectors, BIT(PN_SECTOR_SOCIAL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_permit_holds_until_it_is_withdrawn),
        cmocka_unit_test(special_protection_needs_its_name),
        cmocka_unit_test(a_permit_within_one_sector_opens_nothing_between_them),
        cmocka_unit_test(a_withdrawn_prohibition_lifts_no_other),
        cmocka_unit_test(a_prohibition_withholds_what_it_names),
        cmocka_unit_test(a_prohibition_without_a_name_withholds_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
