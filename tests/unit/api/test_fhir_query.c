// SPDX-License-Identifier: Apache-2.0
// Search parameters: dates with prefixes (FHIR R4 3.1.1.4.5), tokens, page sizes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "services/api/fhir_query.h"

struct date_row {
    const char *asked;
    const char *found; // dateTime of the resource
    bool fits;
};

static const struct date_row date_rows[] = {
    {"2026-11-20", "2026-11-20T10:00:00Z", true},
    {"2026-11-20", "2026-11-21T00:00:00Z", false},
    {"2026-11", "2026-11-20", true},
    {"2026-11", "2026", false},
    {"eq2026", "2026-11-20", true},
    {"ne2026-11-20", "2026-11-20", false},
    {"ne2026-11-20", "2026-11-21", true},
    {"gt2026-11-20", "2026-11-20T23:59:59Z", false},
    {"gt2026-11-20", "2026-11-21", true},
    {"ge2026-11-20", "2026-11-20", true},
    {"ge2026-11-20", "2026-11-19T23:59:59Z", false},
    {"lt2026-11-20", "2026-11-19", true},
    {"lt2026-11-20", "2026-11-20", false},
    {"le2026-11-20", "2026-11-20T12:00:00Z", true},
    {"le2026-11-20", "2026-11-21T00:00:00Z", false},
    {"sa2026-11-20", "2026-11-21", true},
    {"sa2026-11-20", "2026-11-20T23:00:00Z", false},
    {"eb2026-11-20", "2026-11-19", true},
    {"eb2026-11-20", "2026-11-20", false},
    {"ap2026-11-20", "2026-11-20", true},
    {"ap2026-11-20", "2024-11-20", false},
    {"2026-12", "2026-12-31T23:59:59Z", true},
    {"2026-12-31T10:00:00+02:00", "2026-12-31T08:00:00Z", true},
};

static void dates_fit_as_fhir_says(void **state)
{
    (void)state;
    pn_clock_set_for_test(INT64_C(1795212000000)); // 2026-11-21
    for (unsigned i = 0; i < PN_ARRAY_COUNT(date_rows); i++) {
        enum pn_date_prefix prefix, none;
        struct pn_date_range asked, found;
        assert_true(pn_date_param_parse(pn_slice_str(date_rows[i].asked), &prefix, &asked));
        assert_true(pn_date_param_parse(pn_slice_str(date_rows[i].found), &none, &found));
        if (pn_date_param_fits(prefix, &asked, &found, pn_clock_now_ms()) != date_rows[i].fits) {
            fail_msg("%s against %s", date_rows[i].asked, date_rows[i].found);
        }
    }
    pn_clock_set_for_test(0);
}

static void wrong_dates_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "yesterday", "xx2026", "2026-13", "2026-02-30", "ge"};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(wrong); i++) {
        enum pn_date_prefix prefix;
        struct pn_date_range range;
        assert_false(pn_date_param_parse(pn_slice_str(wrong[i]), &prefix, &range));
    }
}

static void tokens_fit_codes_codings_and_concepts(void **state)
{
    (void)state;
    static const struct {
        const char *element, *token;
        bool fits;
    } rows[] = {
        {"\"finished\"", "finished", true},
        {"\"finished\"", "planned", false},
        {"{\"system\":\"s\",\"code\":\"EMER\"}", "EMER", true},
        {"{\"system\":\"s\",\"code\":\"EMER\"}", "s|EMER", true},
        {"{\"system\":\"s\",\"code\":\"EMER\"}", "s|", true},
        {"{\"system\":\"s\",\"code\":\"EMER\"}", "t|EMER", false},
        {"{\"system\":\"s\",\"code\":\"EMER\"}", "|EMER", false},
        {"{\"code\":\"EMER\"}", "|EMER", true},
        {"{\"coding\":[{\"code\":\"a\"},{\"code\":\"b\"}]}", "b", true},
        {"[{\"coding\":[{\"code\":\"a\"}]},{\"coding\":[{\"code\":\"c\"}]}]", "c", true},
        {"[{\"coding\":[{\"code\":\"a\"}]}]", "c", false},
        {"[]", "c", false},
    };
    for (unsigned i = 0; i < PN_ARRAY_COUNT(rows); i++) {
        cJSON *element = cJSON_Parse(rows[i].element);
        if (pn_token_param_fits(element, pn_slice_str(rows[i].token)) != rows[i].fits) {
            fail_msg("%s against %s", rows[i].token, rows[i].element);
        }
        cJSON_Delete(element);
    }
    assert_false(pn_token_param_fits(NULL, pn_slice_str("c")));
}

static void page_sizes_are_bounded(void **state)
{
    (void)state;
    unsigned size = 0;
    assert_true(pn_page_size_parse((struct pn_slice){0}, 200, &size));
    assert_int_equal(size, PN_QUERY_COUNT_DEFAULT);
    assert_true(pn_page_size_parse(pn_slice_str("7"), 200, &size));
    assert_int_equal(size, 7);
    assert_true(pn_page_size_parse(pn_slice_str("99999"), 200, &size));
    assert_int_equal(size, 200);
    assert_false(pn_page_size_parse(pn_slice_str("0"), 200, &size));
    assert_false(pn_page_size_parse(pn_slice_str("-1"), 200, &size));
    assert_false(pn_page_size_parse(pn_slice_str("many"), 200, &size));
}

static void filters_are_all_needed(void **state)
{
    (void)state;
    const struct pn_api_type *type = pn_api_type_find(pn_slice_str("Encounter"));
    struct pn_query query = {.type = type, .filter_count = 2};
    query.filters[0].param = pn_search_param_find(type, pn_slice_str("status"));
    query.filters[0].value = pn_slice_str("planned,finished");
    query.filters[1].param = pn_search_param_find(type, pn_slice_str("date"));
    assert_true(pn_date_param_parse(pn_slice_str("ge2026"), &query.filters[1].prefix,
                                    &query.filters[1].range));
    cJSON *good = cJSON_Parse("{\"status\":\"finished\",\"period\":{\"start\":\"2026-01-02\"}}");
    cJSON *early = cJSON_Parse("{\"status\":\"finished\",\"period\":{\"end\":\"2025-01-02\"}}");
    cJSON *other = cJSON_Parse("{\"status\":\"arrived\",\"period\":{\"start\":\"2026-01-02\"}}");
    cJSON *bare = cJSON_Parse("{\"status\":\"finished\"}");
    assert_true(pn_query_fits(&query, good, 0));
    assert_false(pn_query_fits(&query, early, 0));
    assert_false(pn_query_fits(&query, other, 0));
    assert_false(pn_query_fits(&query, bare, 0));
    cJSON_Delete(good);
    cJSON_Delete(early);
    cJSON_Delete(other);
    cJSON_Delete(bare);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates_fit_as_fhir_says),
        cmocka_unit_test(wrong_dates_are_refused),
        cmocka_unit_test(tokens_fit_codes_codings_and_concepts),
        cmocka_unit_test(page_sizes_are_bounded),
        cmocka_unit_test(filters_are_all_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
