// SPDX-License-Identifier: Apache-2.0
/*
 * The classes of protection of the timeline's entries.
 */
#include "timeline_bench.h"

#define LABEL(code) "{\"system\":\"" PN_DATA_CLASS_SYSTEM "\",\"code\":\"" code "\"}"
#define LABELS(codes) ",\"meta\":{\"security\":[" codes "]}"
#define SUBSTANCE_AND_GENETICS LABELS(LABEL("substance") "," LABEL("genetics"))

static void put_labelled(struct bench *bench, const char *id, const char *labels)
{
    put(bench, (struct spec){.type = "fi.punos.visit.finished.v1",
                             .subject = OFFICIAL_A,
                             .id = id,
                             .status = "finished",
                             .start_ms = DAY,
                             .recorded_ms = DAY,
                             .extra = labels});
}

static void every_class_of_an_entry_is_kept(void **state)
{
    struct bench *bench = *state;
    const uint32_t substance = pn_class_bit(PN_CLASS_SUBSTANCE);
    const uint32_t both = substance | pn_class_bit(PN_CLASS_GENETICS);
    put_labelled(bench, "v", LABELS(LABEL("substance")));
    put_labelled(bench, "w", SUBSTANCE_AND_GENETICS);
    put_visit(bench, OFFICIAL_A, "x", 1);
    assert_int_equal(entry_of(bench, "v").classes, substance);
    assert_int_equal(entry_of(bench, "w").classes, both);
    assert_int_equal(entry_of(bench, "x").classes, 0);
    struct pn_entry entries[4];
    unsigned count = 0;
    char next[PN_CURSOR_BYTES];
    const struct pn_entry_filter filter = {.without_data = true};
    assert_int_equal(pn_timeline_page(bench->reader, bench->arena, pn_slice_str(OFFICIAL_A),
                                      &filter, entries, 4, &count, next, &err),
                     PN_OK);
    assert_int_equal(count, 3);
    assert_int_equal(entries[0].classes | entries[1].classes | entries[2].classes, both);
    struct pn_entry_counts counts;
    assert_int_equal(pn_timeline_counts(bench->reader, pn_slice_str(OFFICIAL_A), &counts, &err),
                     PN_OK);
    assert_int_equal(counts.all, 3);
    assert_int_equal(counts.special, 2);
    assert_int_equal(counts.by_class[PN_CLASS_ORDINARY], 1);
    assert_int_equal(counts.by_class[PN_CLASS_SUBSTANCE], 2);
    assert_int_equal(counts.by_class[PN_CLASS_GENETICS], 1);
}

static void run_sql(struct bench *bench, const char *sql)
{
    assert_int_equal(pn_store_run(bench->store, sql, NULL, 0, &err), PN_OK);
}

// As the version before migration 4 left a store: of two classes it kept the one further on.
static void a_store_with_one_class_of_an_entry_is_read(void **state)
{
    struct bench *bench = *state;
    const uint32_t genetics = pn_class_bit(PN_CLASS_GENETICS);
    put_labelled(bench, "v", SUBSTANCE_AND_GENETICS);
    put_visit(bench, OFFICIAL_A, "x", 1);
    assert_int_equal(pn_store_begin(bench->store, &err), PN_OK);
    run_sql(bench, "UPDATE entries SET classes = 5 WHERE classes > 0");
    run_sql(bench, "ALTER TABLE entries RENAME COLUMN classes TO class");
    run_sql(bench, "DELETE FROM punos_migrations WHERE version >= 4");
    assert_int_equal(pn_store_commit(bench->store, &err), PN_OK);
    close_stores(bench);
    open_stores(bench);

    struct pn_entry_counts counts;
    assert_int_equal(pn_timeline_counts(bench->reader, pn_slice_str(OFFICIAL_A), &counts, &err),
                     PN_OK);
    assert_int_equal(counts.special, 1);
    assert_int_equal(counts.by_class[PN_CLASS_ORDINARY], 1);
    assert_int_equal(counts.by_class[PN_CLASS_GENETICS], 1);
    // The other class stands in the entry's data, and is read from there.
    assert_int_equal(entry_of(bench, "v").classes, genetics | pn_class_bit(PN_CLASS_SUBSTANCE));
    assert_int_equal(entry_of(bench, "x").classes, 0);
    put_labelled(bench, "w", SUBSTANCE_AND_GENETICS);
    assert_int_equal(entry_of(bench, "w").classes, entry_of(bench, "v").classes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_class_of_an_entry_is_kept, open_bench, close_bench),
        cmocka_unit_test_setup_teardown(a_store_with_one_class_of_an_entry_is_read, open_bench,
                                        close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
