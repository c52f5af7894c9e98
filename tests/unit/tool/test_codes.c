// SPDX-License-Identifier: Apache-2.0
// A national code list read over today's table: what changes, what is kept, what is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "services/tool/codes_list.h"
#include "tests/unit/map/folder.h"

#define HEADER                                                                                     \
    "CodeId;Abbreviation;ShortName;LongName;ParentId;BeginningDate;ExpiringDate;OID;A:Extra\n"

static const int64_t now_ms = 1795262400000; // 2026-11-21

struct place {
    struct folder folder;
    struct pn_config config;
    char codes[96], data[96], file[96];
    struct pn_codes_place at;
    struct pn_codes today;
    struct pn_err err;
};

static void find(struct place *place)
{
    assert_int_equal(
        pn_codes_place(place->folder.arena, &place->config, "way", &place->at, &place->err), PN_OK);
    assert_int_equal(pn_codes_read(place->folder.arena, &place->at, &place->today, &place->err),
                     PN_OK);
}

static void make(struct place *place, const char *shipped)
{
    place->folder = folder_new("json", "none");
    snprintf(place->codes, sizeof place->codes, "%s/national", place->folder.path);
    snprintf(place->data, sizeof place->data, "%s/data", place->folder.path);
    snprintf(place->file, sizeof place->file, "%s/list.txt", place->folder.path);
    assert_int_equal(mkdir(place->codes, 0700), 0);
    assert_int_equal(mkdir(place->data, 0700), 0);
    place->config = (struct pn_config){.data_dir = place->data, .codes_dir = place->codes};
    folder_write(&place->folder, "national/way.csv", shipped);
    find(place);
}

static enum pn_code read_list(struct place *place, const char *text, const char *map,
                              struct pn_codes_news *news)
{
    struct pn_codes_list_options options = {
        .bytes = pn_slice_str(text), .file = place->file, .map = map, .now_ms = now_ms};
    return pn_codes_list_read(place->folder.arena, &options, &place->today, news, &place->err);
}

static const struct pn_codes_row *row(const struct pn_codes *codes, const char *from)
{
    const struct pn_codes_row *found = pn_codes_find(codes, pn_slice_str(from));
    assert_non_null(found);
    return found;
}

static bool is(struct pn_slice text, const char *wanted)
{
    return pn_slice_is(text, wanted);
}

static void changes_are_told_and_meanings_kept(void **state)
{
    (void)state;
    struct place place;
    struct pn_codes_news news;
    make(&place, "from,to,system,display,note,source\n"
                 "R10,R10,urn:oid:1.2.9,vanha nimi,kept note,FINLAND.md 4.1\n"
                 "R20,R20,urn:oid:1.2.9,kotik\xc3\xa4ynti,,FINLAND.md 4.1\n"
                 "R99,R99,urn:oid:1.2.9,poistuva,,FINLAND.md 4.1\n");
    // ISO 8859-1, as the code server writes; R30 had two times of validity.
    assert_int_equal(read_list(&place,
                               HEADER "R20;;;kotik\xe4ynti;;01.01.2000;31.12.2030;1.2.9.2;x\n"
                                      "R10;;;uusi nimi;;01.01.2000;31.12.2030;1.2.9.1;\n"
                                      "R30;;;toinen;;01.01.2010;31.12.2030;1.2.9.3;\n"
                                      "R30;;;ensin;;01.01.2000;31.12.2009;1.2.9.3;\n"
                                      "R40;;lyh;;;01.01.2000;31.12.2009;1.2.9.4;\n"
                                      "R50;;nimi;;;01.01.2027;;1.2.9.5;\n",
                               NULL, &news),
                     PN_OK);
    assert_int_equal(news.codes.count, 5);
    assert_int_equal(news.counts[PN_CODES_ADDED], 3);
    assert_int_equal(news.counts[PN_CODES_REMOVED], 1);
    assert_int_equal(news.counts[PN_CODES_RENAMED], 1);
    assert_int_equal(news.same, 1);
    assert_int_equal(news.expired, 1);
    assert_int_equal(news.unexplained, 0);
    assert_true(is(row(&news.codes, "R10")->display, "uusi nimi"));
    assert_true(is(row(&news.codes, "R10")->note, "kept note"));
    assert_true(is(row(&news.codes, "R10")->system, "urn:oid:1.2.9"));
    assert_true(is(row(&news.codes, "R10")->source, "list.txt, loaded 2026-11-21"));
    assert_true(is(row(&news.codes, "R20")->display, "kotik\xc3\xa4ynti"));
    assert_true(is(row(&news.codes, "R30")->display, "toinen"));
    assert_true(is(row(&news.codes, "R40")->note, "expired 2009-12-31"));
    assert_true(is(row(&news.codes, "R50")->note, "from 2027-01-01"));
    folder_free(&place.folder);
}

static void a_translation_waits_for_its_new_meanings(void **state)
{
    (void)state;
    struct place place;
    struct pn_codes_news news;
    make(&place, "from,to,system,display,note,source\n9,noshow,urn:x,Saapumatta,,FINLAND.md\n");
    assert_int_equal(read_list(&place, "Koodi;Nimi\n9;Saapumatta\n11;Uusi\n", NULL, &news), PN_OK);
    assert_true(is(row(&news.codes, "9")->to, "noshow"));
    assert_int_equal(row(&news.codes, "11")->to.len, 0);
    assert_int_equal(news.unexplained, 1);
    folder_free(&place.folder);
}

static void the_system_comes_from_the_list_when_today_has_none(void **state)
{
    (void)state;
    struct place place;
    struct pn_codes_news news;
    make(&place, "from,to\n");
    assert_int_equal(
        read_list(&place, HEADER "A;;;aa;;;;1.2.246.537.6.31.2007.1384;\n", NULL, &news), PN_OK);
    assert_true(is(row(&news.codes, "A")->system, "urn:oid:1.2.246.537.6.31.2007"));
    folder_free(&place.folder);
}

static void faults_name_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *map, *where, *why;
    } faults[] = {
        {HEADER ";;;nimi;;;;;x\nB;;;b;;;;;\n", NULL, "list.txt:2 CodeId", "no code"},
        {HEADER "A;;;nimi;;;;;\n;;;nimi;;;;;\n", NULL, "list.txt:3 CodeId", "no code"},
        {HEADER "A;;;nimi;;2000-13-01;;;\n", NULL, "list.txt:2 BeginningDate", "no date"},
        {HEADER "A;;;nimi;;01.01.2020;31.12.2019;;\n", NULL, "list.txt:2 ExpiringDate", "before"},
        {HEADER "A;;;nimi;;;;;\nB;;;b;;;;;\nA;;;toinen;;;;;\n", NULL, "CodeId", "twice"},
        {HEADER "A;x;;nimi;;;;;\nB;;;;;;;;y\n", NULL, "list.txt:3 LongName", "no name"},
        {HEADER "*;;;nimi;;;;;\n", NULL, "list.txt:2 CodeId", "every other"},
        {HEADER "A;;;nimi;;;;;;;;;z\n", NULL, "list.txt", "more columns"},
        {HEADER, NULL, "list.txt", "no codes"},
        {"tunnus;nimike\n1;a\n", NULL, "list.txt", "--map code=COLUMN"},
        {"tunnus;nimike\n1;a\n", "kode=tunnus", "--map", "did you mean code"},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(faults); i++) {
        struct place place;
        struct pn_codes_news news;
        make(&place, "from,to\n");
        assert_int_equal(read_list(&place, faults[i].text, faults[i].map, &news), PN_INVALID);
        if (strstr(place.err.where, faults[i].where) == NULL ||
            strstr(place.err.text, faults[i].why) == NULL) {
            fail_msg("%zu gave '%s': %s", i, place.err.where, place.err.text);
        }
        folder_free(&place.folder);
    }
}

static void other_columns_can_be_named(void **state)
{
    (void)state;
    struct place place;
    struct pn_codes_news news;
    make(&place, "from,to\n");
    assert_int_equal(read_list(&place, "tunnus;nimike\n1;a\n", "code=tunnus, name=nimike", &news),
                     PN_OK);
    assert_true(is(row(&news.codes, "1")->display, "a"));
    folder_free(&place.folder);
}

static void load_one(struct place *place, const char *name)
{
    char text[128];
    struct pn_codes_news news;
    snprintf(text, sizeof text, "Id;Name\n1;\"%s, \"\"a\"\"\"\n", name);
    assert_int_equal(read_list(place, text, NULL, &news), PN_OK);
    assert_int_equal(pn_codes_write(&place->at, &news.codes, &place->err), PN_OK);
    find(place);
}

static void what_was_loaded_can_be_put_back(void **state)
{
    (void)state;
    struct place place;
    make(&place, "from,to,display\n1,1,shipped\n");
    load_one(&place, "first");
    assert_true(place.at.is_loaded && !place.at.has_previous);
    assert_true(is(row(&place.today, "1")->display, "first, \"a\""));
    load_one(&place, "second");
    assert_true(is(row(&place.today, "1")->display, "second, \"a\""));
    assert_int_equal(pn_codes_restore(&place.at, &place.err), PN_OK);
    find(&place);
    assert_true(is(row(&place.today, "1")->display, "first, \"a\""));
    assert_int_equal(pn_codes_restore(&place.at, &place.err), PN_OK);
    find(&place);
    assert_true(is(row(&place.today, "1")->display, "shipped"));
    assert_int_equal(pn_codes_restore(&place.at, &place.err), PN_NOT_FOUND);
    folder_free(&place.folder);
}

// Every shipped row says where it is from, and no table has a code twice.
static void the_shipped_tables_are_whole(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(64 * 1024 * 1024);
    struct pn_config config = {.data_dir = "/nonexistent",
                               .codes_dir = PN_SOURCE_DIR "/config/codes"};
    const char *names[PN_CODES_TABLES_MAX];
    unsigned count = 0;
    struct pn_err err;
    assert_int_equal(pn_codes_names(arena, &config, names, &count, &err), PN_OK);
    assert_true(count >= 20);
    for (unsigned i = 0; i < count; i++) {
        struct pn_codes_place at;
        struct pn_codes codes;
        assert_int_equal(pn_codes_place(arena, &config, names[i], &at, &err), PN_OK);
        assert_int_equal(pn_codes_read(arena, &at, &codes, &err), PN_OK);
        assert_true(codes.count > 0);
        for (unsigned k = 0; k < codes.count; k++) {
            if (codes.rows[k].source.len == 0 ||
                (k > 0 && pn_slice_eq(codes.rows[k].from, codes.rows[k - 1].from))) {
                fail_msg("%s.csv:%u", names[i], codes.rows[k].line);
            }
        }
    }
    pn_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_are_told_and_meanings_kept),
        cmocka_unit_test(a_translation_waits_for_its_new_meanings),
        cmocka_unit_test(the_system_comes_from_the_list_when_today_has_none),
        cmocka_unit_test(faults_name_line_and_column),
        cmocka_unit_test(other_columns_can_be_named),
        cmocka_unit_test(what_was_loaded_can_be_put_back),
        cmocka_unit_test(the_shipped_tables_are_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
