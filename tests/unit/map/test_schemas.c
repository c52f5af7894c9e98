// SPDX-License-Identifier: Apache-2.0
// The schemas that editors use know the same keys as the loader.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/yaml.h"
#include "tests/unit/map/folder.h"

// Where the schema's properties stand, and a file in which one of these keys is put at %s.
static const struct {
    const char *schema;
    const char *definition; // of $defs; NULL: the top
    const char *file;
    const char *text;
} places[] = {
    {"schemas/adapter.schema.yaml", NULL, "adapter.yaml", "%s: \"\"\n"},
    {"schemas/mapping.schema.yaml", "in", "in/a.yaml", "%s: \"\"\n"},
    {"schemas/mapping.schema.yaml", "shared", "in/_a.yaml", "%s: \"\"\n"},
    {"schemas/mapping.schema.yaml", "out", "out/a.yaml", "%s: \"\"\n"},
    {"schemas/mapping.schema.yaml", "opened", "in/a.yaml",
     "format: hl7v2\nparts:\n  - { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "person", "in/a.yaml",
     "format: hl7v2\npersons:\n  - { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "event", "in/a.yaml",
     "format: hl7v2\nevents:\n  - { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "included", "in/a.yaml",
     "format: hl7v2\nevents:\n  - { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "row", "in/a.yaml",
     "format: hl7v2\nchecks:\n  - { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "made", "out/a.yaml", "parts:\n  - { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "document", "out/a.yaml", "documents:\n  - { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "receipt", "out/a.yaml", "receipt: { %s: \"\" }\n"},
    {"schemas/mapping.schema.yaml", "loss", "out/a.yaml", "losses:\n  - { %s: \"\" }\n"},
};

// `pattern` with its %s replaced.
static void write_key(char *text, size_t bytes, const char *pattern, const char *key)
{
    const char *gap = strstr(pattern, "%s");
    snprintf(text, bytes, "%.*s%s%s", (int)(gap - pattern), pattern, key, gap + 2);
}

// True when the loader's complaint is that there is no such key.
static bool is_unknown(size_t place, const char *key)
{
    struct folder folder = folder_new("hl7v2", "none");
    char text[256];
    write_key(text, sizeof text, places[place].text, key);
    folder_write(&folder, places[place].file, text);
    (void)(folder_load(&folder) == PN_OK);
    bool unknown = strstr(folder.err.text, "no such key") != NULL;
    folder_free(&folder);
    return unknown;
}

static void every_key_of_the_schemas_is_known(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(16 * 1024 * 1024);
    for (size_t i = 0; i < PN_ARRAY_COUNT(places); i++) {
        const struct pn_yaml *root = NULL;
        struct pn_err err;
        assert_int_equal(pn_yaml_read_file(arena, places[i].schema, &root, &err), PN_OK);
        const struct pn_yaml *at =
            places[i].definition == NULL
                ? root
                : pn_yaml_get(pn_yaml_get(root, "$defs"), places[i].definition);
        const struct pn_yaml *properties = pn_yaml_get(at, "properties");
        assert_non_null(properties);
        const struct pn_yaml *key = properties->first_child;
        for (; key != NULL; key = key->next) {
            char name[64];
            snprintf(name, sizeof name, "%.*s", PN_SLICE_FMT(key->key));
            if (is_unknown(i, name)) {
                fail_msg("%s %s: the loader knows no %s", places[i].schema, places[i].definition,
                         name);
            }
        }
        assert_true(is_unknown(i, "nonsense"));
    }
    pn_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_the_schemas_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
