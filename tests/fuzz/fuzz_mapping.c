// SPDX-License-Identifier: Apache-2.0
// The text of a mapping file through the compiler: whatever it says, it is compiled or refused with
// a place and a reason. The first byte chooses: a file of in/ or of out/; an adapter has
// the library of HL7 v2 for the one, that of the plan for the other.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "map/compile.h"

#define BOOT_BYTES_MAX ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const national[] = {PN_SOURCE_DIR "/config/codes", NULL};

static void *take(struct pn_arena *arena, size_t bytes)
{
    void *memory = pn_arena_alloc(arena, bytes);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static struct pn_map_compiler *compiler_new(struct pn_arena *arena, bool is_out,
                                            struct pn_err *err)
{
    struct pn_map_compiler *compiler = take(arena, sizeof *compiler);
    struct pn_adapter *adapter = take(arena, sizeof *adapter);
    memset(adapter, 0, sizeof *adapter);
    adapter->info.name = "oberon";
    adapter->libraries[0] = is_out ? "plan" : "hl7v2";
    adapter->library_count = 1;
    *compiler = (struct pn_map_compiler){.boot = arena,
                                         .adapter = adapter,
                                         .folder = PN_SOURCE_DIR "/adapters/oberon",
                                         .national = national,
                                         .file = "in/fuzz.yaml",
                                         .err = err,
                                         .target_prefix = ""};
    return compiler;
}

// The libraries' files are read once.
static const struct pn_map_compiler *libraries(bool is_out)
{
    static struct pn_map_compiler *read[2];
    if (read[is_out] == NULL) {
        struct pn_err err = {0};
        struct pn_map_compiler *compiler =
            compiler_new(pn_arena_new(BOOT_BYTES_MAX), is_out, &err);
        if (pn_map_load_shared(compiler, is_out ? "out" : "in", NULL, 0) != PN_OK ||
            compiler->shared_count == 0) {
            abort();
        }
        read[is_out] = compiler;
    }
    return read[is_out];
}

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
    bool is_out = data[0] % 2 == 1;
    const struct pn_map_compiler *shared = libraries(is_out);
    struct pn_err err = {0};
    struct pn_map_compiler *compiler = compiler_new(boot, is_out, &err);
    compiler->places = take(boot, PN_MAP_ROWS_MAX * sizeof *compiler->places);
    memcpy(compiler->shared, shared->shared, sizeof compiler->shared);
    compiler->shared_count = shared->shared_count;
    const struct pn_yaml *root = NULL;
    struct pn_slice text = pn_slice_of((const char *)data + 1, size - 1);
    enum pn_code code = pn_yaml_parse(boot, "in/fuzz.yaml", text, &root, &err);
    if (code == PN_OK) {
        struct pn_map_in in;
        code = is_out ? pn_map_load_out(compiler, root) : pn_map_load_in(compiler, root, &in);
    }
    if (code != PN_OK && (err.code != code || err.text[0] == '\0')) {
        abort();
    }
    return 0;
}
