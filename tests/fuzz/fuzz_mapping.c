// SPDX-License-Identifier: Apache-2.0
// The text of a mapping file through the compiler: whatever it says, it is compiled or refused with
// a place and a reason. The first byte chooses: a file of in/ or of out/.
#include <stdint.h>
#include <stdlib.h>

#include "map/compile.h"

#define BOOT_BYTES_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *boot;
    if (boot == NULL) {
        boot = pn_arena_new(BOOT_BYTES_MAX);
    }
    if (size == 0 || boot == NULL) {
        return 0;
    }
    pn_arena_reset(boot);
    struct pn_err err = {0};
    struct pn_adapter *adapter = pn_arena_alloc(boot, sizeof *adapter);
    struct pn_map_compiler *compiler = pn_arena_alloc(boot, sizeof *compiler);
    struct pn_map_place *places = pn_arena_alloc_array(boot, PN_MAP_ROWS_MAX, sizeof *places);
    const struct pn_yaml *root = NULL;
    if (adapter == NULL || compiler == NULL || places == NULL) {
        abort();
    }
    adapter->info.name = "oberon";
    *compiler = (struct pn_map_compiler){.boot = boot,
                                         .adapter = adapter,
                                         .folder = PN_SOURCE_DIR "/adapters/oberon",
                                         .file = "in/fuzz.yaml",
                                         .err = &err,
                                         .target_prefix = "",
                                         .places = places};
    struct pn_slice text = pn_slice_of((const char *)data + 1, size - 1);
    enum pn_code code = pn_yaml_parse(boot, "in/fuzz.yaml", text, &root, &err);
    if (code == PN_OK) {
        struct pn_map_in in;
        code = data[0] % 2 == 0 ? pn_map_load_in(compiler, root, &in)
                                : pn_map_load_out(compiler, root);
    }
    if (code != PN_OK && (err.code != code || err.text[0] == '\0')) {
        abort();
    }
    return 0;
}
