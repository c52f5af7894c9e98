// SPDX-License-Identifier: Apache-2.0
#include "services/ingest/tool.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "privacy/audit.h"
#include "run/command.h"
#include "services/ingest/quarantine.h"

enum { ARENA_BYTES_MAX = 512 * 1024 * 1024 };

enum pn_code pn_ingest_tool_open(struct pn_ingest_tool *tool, const struct pn_config *config,
                                 bool writes, struct pn_err *err)
{
    *tool = (struct pn_ingest_tool){.config = config, .arena = pn_arena_new(ARENA_BYTES_MAX)};
    if (tool->arena == NULL) {
        return pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted");
    }
    const struct pn_store_options options = {
        .name = "ingest",
        .migrations = writes ? pn_ingest_migrations : NULL,
        .migration_count = writes ? pn_ingest_migration_count : 0,
        .read_only = !writes,
    };
    enum pn_code code = pn_privacy_open(config->data_dir, &tool->privacy, err);
    return code == PN_OK ? pn_store_open(config, &options, &tool->store, err) : code;
}

void pn_ingest_tool_close(struct pn_ingest_tool *tool)
{
    pn_store_close(tool->store);
    pn_privacy_close(tool->privacy);
    pn_arena_free(tool->arena);
    *tool = (struct pn_ingest_tool){0};
}

int pn_ingest_tool_fail(const struct pn_err *err)
{
    fprintf(stderr, "punos: %s: %s\n", err->where, err->text);
    return pn_command_exit(err->code);
}

// Whoever may read the hub's secrets is its administrator.
enum pn_code pn_ingest_tool_record(struct pn_ingest_tool *tool, enum pn_action action,
                                   const char *what, const char *system, struct pn_err *err)
{
    const struct pn_access_request request = {.roles = PN_ROLE_ADMIN, .action = action};
    struct pn_access access;
    pn_access_decide(&request, &access);
    char user[128];
    const struct passwd *entry = getpwuid(getuid());
    (void)snprintf(user, sizeof user, "shell:%.100s", entry == NULL ? "" : entry->pw_name);
    const struct pn_audit_record record = {
        .user = pn_slice_str(user),
        .role = pn_slice_str(pn_role_name(PN_ROLE_ADMIN)),
        .action = pn_slice_str(pn_action_name(action)),
        .purpose = pn_slice_str("maintenance"),
        .what = pn_slice_str(what),
        .provider = pn_slice_str(system),
        .rule = pn_slice_str(access.rule),
        .is_allowed = access.is_allowed,
    };
    enum pn_code code = pn_audit_write(tool->store, tool->privacy, &record, err);
    if (code != PN_OK) {
        return code;
    }
    return access.is_allowed ? PN_OK : pn_err_set(err, PN_DENIED, "access", "%s", access.reason);
}
