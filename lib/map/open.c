// SPDX-License-Identifier: Apache-2.0
// Which folder an adapter stands in, and where the national code tables are.
#include "map/compile.h"

enum pn_code pn_adapter_load(struct pn_arena *boot, const char *folder,
                             struct pn_adapter **ret_adapter, struct pn_err *err)
{
    const char *const national[] = {pn_arena_printf(boot, "%s/../../config/codes", folder), NULL};
    return pn_map_adapter_load(boot, folder, national, ret_adapter, err);
}

enum pn_code pn_adapter_open(struct pn_arena *boot, const struct pn_config *config,
                             const char *name, struct pn_adapter **ret_adapter, struct pn_err *err)
{
    const char *folder = pn_arena_printf(boot, "%s/%s", config->adapters_dir, name);
    const char *const national[] = {pn_arena_printf(boot, "%s/codes", config->data_dir),
                                    config->codes_dir, NULL};
    if (folder == NULL || national[0] == NULL) {
        return pn_err_set(err, PN_MEMORY, name, "no memory for the adapter");
    }
    return pn_map_adapter_load(boot, folder, national, ret_adapter, err);
}
