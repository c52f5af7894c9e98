// SPDX-License-Identifier: Apache-2.0
#include "store/store_backend.h"

static enum pn_code postgres_open(const struct pn_config *config,
                                  const struct pn_store_options *options,
                                  struct pn_store **ret_store, struct pn_err *err)
{
    (void)config;
    (void)ret_store;
    return pn_err_set(err, PN_UNSUPPORTED, options->name, "this build has no PostgreSQL");
}

const struct pn_store_backend pn_store_postgres = {.open = postgres_open};
