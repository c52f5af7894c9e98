// SPDX-License-Identifier: Apache-2.0
/*
 * For tests of ingest: an installation in a temporary folder, with a store and a stream.
 */
#ifndef PN_TESTS_INGEST_FIXTURE_H
#define PN_TESTS_INGEST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "privacy/privacy.h"
#include "services/ingest/quarantine.h"
#include "services/ingest/systems.h"
#include "store/store.h"
#include "stream/stream.h"

struct installation {
    char folder[64];
    struct pn_config config;
    struct pn_arena *boot;
    struct pn_privacy *privacy;
    struct pn_store *store;
    struct pn_stream *stream;
    struct pn_ingest_systems systems;
    struct pn_err err;
};

static inline int install(void **state)
{
    struct installation *here = calloc(1, sizeof *here);
    snprintf(here->folder, sizeof here->folder, "/tmp/punos-unit-XXXXXX");
    assert_non_null(mkdtemp(here->folder));
    pn_config_defaults(&here->config);
    here->config.data_dir = here->folder;
    here->config.adapters_dir = PN_SOURCE_DIR "/adapters";
    here->config.systems[0] = (struct pn_system_conf){.name = "hospital",
                                                      .adapter = "oberon",
                                                      .listen = "",
                                                      .drop_folder = "",
                                                      .deliver = "",
                                                      .zone = "",
                                                      .charset = ""};
    here->config.system_count = 1;
    here->boot = pn_arena_new(64 * 1024 * 1024);
    const struct pn_store_options options = {.name = "ingest",
                                             .migrations = pn_ingest_migrations,
                                             .migration_count = pn_ingest_migration_count};
    assert_int_equal(pn_privacy_open(here->folder, &here->privacy, &here->err), PN_OK);
    assert_int_equal(pn_store_open(&here->config, &options, &here->store, &here->err), PN_OK);
    assert_int_equal(pn_stream_open(&here->config, &here->stream, &here->err), PN_OK);
    assert_int_equal(pn_stream_create_topics(here->stream, &here->err), PN_OK);
    assert_int_equal(pn_ingest_systems_load(here->boot, &here->config, &here->systems, &here->err),
                     PN_OK);
    *state = here;
    return 0;
}

static inline int uninstall(void **state)
{
    struct installation *here = *state;
    pn_stream_close(here->stream);
    pn_store_close(here->store);
    pn_privacy_close(here->privacy);
    pn_arena_free(here->boot);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", here->folder);
    assert_int_equal(system(command), 0);
    free(here);
    return 0;
}

#define INSTALLED(test) cmocka_unit_test_setup_teardown(test, install, uninstall)

#endif
