// SPDX-License-Identifier: Apache-2.0
/*
 * The readers over messages that this project did not write, where their folder is present beside
 * the tree (`../shared/samples`, or $PUNOS_SAMPLES).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "codec/hl7v2.h"
#include "codec/json_tree.h"
#include "codec/xml.h"

enum { FILE_BYTES_MAX = 4 * 1024 * 1024 };

static struct pn_arena *arena;
static struct pn_err err;

static const char *samples_folder(void)
{
    const char *folder = getenv("PUNOS_SAMPLES");
    return folder == NULL ? "../shared/samples" : folder;
}

static bool ends_with(const char *name, const char *end)
{
    size_t len = strlen(name);
    return len >= strlen(end) && strcmp(name + len - strlen(end), end) == 0;
}

static struct pn_slice read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = pn_arena_alloc(arena, FILE_BYTES_MAX);
    assert_non_null(bytes);
    size_t len = fread(bytes, 1, FILE_BYTES_MAX, file);
    fclose(file);
    assert_true(len < FILE_BYTES_MAX);
    return pn_slice_of(bytes, len);
}

// Calls `check` on each file of a folder; skips the test when there is no such folder.
static void each_file(const char *folder, const char *end,
                      void (*check)(const char *path, struct pn_slice bytes))
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", samples_folder(), folder);
    DIR *found = opendir(path);
    if (found == NULL) {
        skip();
    }
    unsigned count = 0;
    for (const struct dirent *entry = readdir(found); entry != NULL; entry = readdir(found)) {
        if (!ends_with(entry->d_name, end)) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s/%s", samples_folder(), folder, entry->d_name);
        arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
        check(path, read_file(path));
        pn_arena_free(arena);
        count++;
    }
    closedir(found);
    assert_true(count > 0);
}

static struct pn_slice at(const struct pn_node *root, const char *path)
{
    struct pn_hl7v2_path compiled;
    assert_int_equal(pn_hl7v2_path_compile(pn_slice_str(path), &compiled, &err), PN_OK);
    const struct pn_node *node = pn_hl7v2_find(root, &compiled);
    return node == NULL ? pn_slice_of(NULL, 0) : node->value;
}

static void check_hl7v2(const char *path, struct pn_slice bytes)
{
    struct pn_codec_input input = {bytes, "ISO-8859-1"};
    struct pn_hl7v2 message;
    if (pn_hl7v2_read(arena, &input, &message, &err) != PN_OK) {
        fail_msg("%s: %s: %s", path, err.where, err.text);
    }
    if (at(message.root, "MSH-9.1").len != 3 || at(message.root, "MSH-9.2").len != 3 ||
        at(message.root, "MSH-10").len == 0 ||
        !pn_slice_starts_with(at(message.root, "MSH-12"), "2.")) {
        fail_msg("%s: its header is not as expected", path);
    }
    assert_true(at(message.root, "PID-5.1").len > 0);
}

static void check_cda(const char *path, struct pn_slice bytes)
{
    struct pn_codec_input input = {bytes, NULL};
    const struct pn_node *root = NULL;
    if (pn_xml_read(arena, &input, &root, &err) != PN_OK) {
        fail_msg("%s: %s: %s", path, err.where, err.text);
    }
    assert_true(pn_slice_is(root->name, "ClinicalDocument"));
    const struct pn_node *id = pn_node_child(root, pn_slice_str("id"));
    assert_true(pn_slice_starts_with(pn_node_text(id, "@root"), "1.2.246"));
    const struct pn_node *realm = pn_node_child(root, pn_slice_str("realmCode"));
    assert_true(pn_slice_is(pn_node_text(realm, "@code"), "FI"));
    const struct pn_node *target = pn_node_child(root, pn_slice_str("recordTarget"));
    assert_non_null(pn_node_child(target, pn_slice_str("patientRole")));
}

static void check_json(const char *path, struct pn_slice bytes)
{
    struct pn_codec_input input = {bytes, NULL};
    const struct pn_node *root = NULL;
    if (pn_json_tree_read(arena, &input, &root, &err) != PN_OK) {
        fail_msg("%s: %s: %s", path, err.where, err.text);
    }
    assert_non_null(root->first_child);
}

static void reads_hl7v2(void **state)
{
    (void)state;
    each_file("hl7v2", ".hl7", check_hl7v2);
}

static void reads_finnish_cda(void **state)
{
    (void)state;
    each_file("cda-fi", ".xml", check_cda);
}

static void reads_sosmeta(void **state)
{
    (void)state;
    each_file("sosmeta", ".json", check_json);
}

static void reads_synthea(void **state)
{
    (void)state;
    each_file("synthea", ".json", check_json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_hl7v2),
        cmocka_unit_test(reads_finnish_cda),
        cmocka_unit_test(reads_sosmeta),
        cmocka_unit_test(reads_synthea),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
