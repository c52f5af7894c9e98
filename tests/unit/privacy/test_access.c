// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "privacy/access.h"

static struct pn_access decide(struct pn_access_request request)
{
    struct pn_access access;
    pn_access_decide(&request, &access);
    return access;
}

static void names_go_both_ways(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < PN_ROLE_COUNT; bit++) {
        unsigned roles = 0;
        assert_true(pn_role_parse(pn_slice_str(pn_role_name((enum pn_role)(1U << bit))), &roles));
        assert_int_equal(roles, 1U << bit);
    }
    for (unsigned i = 0; i < PN_ACTION_COUNT; i++) {
        assert_true(pn_action_name((enum pn_action)i)[0] != '\0');
    }
    for (unsigned i = 0; i < PN_CLASS_COUNT; i++) {
        assert_true(pn_class_name((enum pn_data_class)i)[0] != '\0');
    }
    assert_int_equal(pn_sector_parse(pn_slice_str("social")), PN_SECTOR_SOCIAL);
    assert_int_equal(pn_sector_parse(pn_slice_str("")), PN_SECTOR_UNKNOWN);
}

static void roles_do_their_own_work_only(void **state)
{
    (void)state;
    static const struct {
        enum pn_role role;
        enum pn_action action;
        bool is_allowed;
    } rows[] = {
        {PN_ROLE_ADMIN, PN_ACTION_QUARANTINE_SHOW, true},
        {PN_ROLE_ADMIN, PN_ACTION_TIMELINE, false},
        {PN_ROLE_ADMIN, PN_ACTION_IDENTITY, false},
        {PN_ROLE_ADMIN, PN_ACTION_AUDIT_READ, false},
        {PN_ROLE_COORDINATOR, PN_ACTION_TIMELINE, true},
        {PN_ROLE_COORDINATOR, PN_ACTION_WORKLIST_SET, true},
        {PN_ROLE_COORDINATOR, PN_ACTION_QUARANTINE_SHOW, false},
        {PN_ROLE_PROFESSIONAL, PN_ACTION_WORKLIST, false},
        {PN_ROLE_COORDINATOR, PN_ACTION_TRIGGERS, true},
        {PN_ROLE_PROFESSIONAL, PN_ACTION_TRIGGERS, false}, // no relationship
        {PN_ROLE_INTEGRATION, PN_ACTION_TRIGGERS, false},  // the same
        {PN_ROLE_ADMIN, PN_ACTION_TRIGGERS, false},
        {PN_ROLE_PROFESSIONAL, PN_ACTION_TIMELINE, false}, // no relationship
        {PN_ROLE_INTEGRATION, PN_ACTION_FEED, true},
        {PN_ROLE_INTEGRATION, PN_ACTION_IDENTITY, false},
        {PN_ROLE_DPO, PN_ACTION_AUDIT_READ, true},
        {PN_ROLE_DPO, PN_ACTION_TIMELINE, false},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        struct pn_access access =
            decide((struct pn_access_request){.roles = rows[i].role, .action = rows[i].action});
        assert_int_equal(access.is_allowed, rows[i].is_allowed);
        assert_true(access.reason[0] != '\0' && access.rule[0] != '\0');
    }
}

static void a_denial_shows_nothing(void **state)
{
    (void)state;
    struct pn_access access = decide((struct pn_access_request){.action = PN_ACTION_TIMELINE});
    for (unsigned i = 0; i < PN_SECTOR_COUNT; i++) {
        assert_false(pn_access_shows(&access, (enum pn_sector)i, 0));
    }
}

static void special_protection_needs_a_permit_that_names_it(void **state)
{
    (void)state;
    struct pn_access_request request = {.roles = PN_ROLE_COORDINATOR, .action = PN_ACTION_TIMELINE};
    struct pn_access access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_PRIMARY, 0));
    assert_false(pn_access_shows(&access, PN_SECTOR_PRIMARY, pn_class_bit(PN_CLASS_SUBSTANCE)));
    request.permitted_classes = 1U << PN_CLASS_SUBSTANCE;
    access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_PRIMARY, pn_class_bit(PN_CLASS_SUBSTANCE)));
    assert_false(pn_access_shows(&access, PN_SECTOR_PRIMARY, pn_class_bit(PN_CLASS_PSYCHIATRY)));
}

static void every_class_of_an_entry_must_be_permitted(void **state)
{
    (void)state;
    const uint32_t substance = pn_class_bit(PN_CLASS_SUBSTANCE);
    const uint32_t genetics = pn_class_bit(PN_CLASS_GENETICS);
    const uint32_t family_law = pn_class_bit(PN_CLASS_FAMILY_LAW);
    struct pn_access_request request = {
        .roles = PN_ROLE_COORDINATOR, .action = PN_ACTION_TIMELINE, .permitted_classes = substance};
    struct pn_access access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_PRIMARY, substance));
    assert_false(pn_access_shows(&access, PN_SECTOR_PRIMARY, substance | genetics));
    request.permitted_classes = genetics; // the other of the two
    access = decide(request);
    assert_false(pn_access_shows(&access, PN_SECTOR_PRIMARY, substance | genetics));
    request.permitted_classes = substance | genetics;
    access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_PRIMARY, substance | genetics));
    // Family law is never shown to health care, whatever else the entry is.
    request.has_permit = true;
    request.permitted_classes = UINT32_MAX;
    request.caller_sector = PN_SECTOR_PRIMARY;
    access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_SOCIAL, substance));
    assert_false(pn_access_shows(&access, PN_SECTOR_SOCIAL, substance | family_law));
    // Social care is shown it, but not by that what else needs a permit.
    request.permitted_classes = 0;
    request.caller_sector = PN_SECTOR_SOCIAL;
    access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_SOCIAL, family_law));
    assert_false(pn_access_shows(&access, PN_SECTOR_SOCIAL, substance | family_law));
}

static void the_border_of_sectors_needs_a_permit(void **state)
{
    (void)state;
    struct pn_access_request request = {.roles = PN_ROLE_PROFESSIONAL,
                                        .action = PN_ACTION_TIMELINE,
                                        .caller_sector = PN_SECTOR_PRIMARY,
                                        .has_relationship = true};
    struct pn_access access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_SPECIALIST, 0));
    assert_false(pn_access_shows(&access, PN_SECTOR_SOCIAL, 0));
    request.has_permit = true;
    request.permitted_classes = UINT32_MAX;
    access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_SOCIAL, 0));
    assert_false(pn_access_shows(&access, PN_SECTOR_SOCIAL, pn_class_bit(PN_CLASS_FAMILY_LAW)));

    request.caller_sector = PN_SECTOR_SOCIAL;
    request.has_permit = false;
    access = decide(request);
    assert_true(pn_access_shows(&access, PN_SECTOR_SOCIAL, pn_class_bit(PN_CLASS_FAMILY_LAW)));
    assert_false(pn_access_shows(&access, PN_SECTOR_PRIMARY, 0));
}

static void a_prohibition_goes_before_a_permit(void **state)
{
    (void)state;
    struct pn_access access =
        decide((struct pn_access_request){.roles = PN_ROLE_COORDINATOR,
                                          .action = PN_ACTION_TIMELINE,
                                          .has_permit = true,
                                          .permitted_classes = UINT32_MAX,
                                          .prohibited_sectors = 1U << PN_SECTOR_SPECIALIST});
    assert_true(access.is_allowed);
    assert_false(pn_access_shows(&access, PN_SECTOR_SPECIALIST, 0));
    assert_true(pn_access_shows(&access, PN_SECTOR_SOCIAL, 0));
}

static void what_is_made_of_several_entries_is_shown_when_all_of_it_may_be(void **state)
{
    (void)state;
    struct pn_access access = {.is_allowed = true,
                               .withheld_classes = 1U << PN_CLASS_PSYCHIATRY,
                               .withheld_sectors = 1U << PN_SECTOR_SOCIAL};
    const uint32_t ordinary = 1U << PN_CLASS_ORDINARY, substance = 1U << PN_CLASS_SUBSTANCE;
    const uint32_t social = 1U << PN_SECTOR_SOCIAL, primary = 1U << PN_SECTOR_PRIMARY;
    assert_true(pn_access_shows_all(&access, 0, 0));
    assert_true(pn_access_shows_all(&access, primary | social, ordinary | substance));
    assert_false(pn_access_shows_all(&access, social, ordinary));
    assert_false(pn_access_shows_all(&access, primary, substance | 1U << PN_CLASS_PSYCHIATRY));
    access.is_allowed = false;
    assert_false(pn_access_shows_all(&access, primary, ordinary));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_both_ways),
        cmocka_unit_test(roles_do_their_own_work_only),
        cmocka_unit_test(a_denial_shows_nothing),
        cmocka_unit_test(special_protection_needs_a_permit_that_names_it),
        cmocka_unit_test(every_class_of_an_entry_must_be_permitted),
        cmocka_unit_test(the_border_of_sectors_needs_a_permit),
        cmocka_unit_test(a_prohibition_goes_before_a_permit),
        cmocka_unit_test(what_is_made_of_several_entries_is_shown_when_all_of_it_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
