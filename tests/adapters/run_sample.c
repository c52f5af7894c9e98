// SPDX-License-Identifier: Apache-2.0
// One sample of one adapter: run_sample ADAPTER_FOLDER SAMPLE. Exit status 1 says what differs.
#include <stdio.h>

#include "base/limits.h"
#include "services/tool/adapter_samples.h"

#define BOOT_BYTES_MAX ((size_t)256 * 1024 * 1024)

static enum pn_code run(struct pn_arena *boot, struct pn_arena *arena, char **argv,
                        struct pn_err *err)
{
    struct pn_adapter *adapter = NULL;
    enum pn_code code = pn_adapter_load(boot, argv[1], &adapter, err);
    return code != PN_OK ? code
                         : pn_adapter_sample_run(adapter, arena, argv[1], argv[2], false, err);
}

int main(int argc, char **argv)
{
    struct pn_err err = {0};
    struct pn_arena *boot = pn_arena_new(BOOT_BYTES_MAX);
    struct pn_arena *arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    if (argc != 3 || boot == NULL || arena == NULL) {
        fputs("run_sample ADAPTER_FOLDER SAMPLE\n", stderr);
        return 2;
    }
    enum pn_code code = run(boot, arena, argv, &err);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    pn_arena_free(arena);
    pn_arena_free(boot);
    return code == PN_OK ? 0 : 1;
}
