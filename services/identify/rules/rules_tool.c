// SPDX-License-Identifier: Apache-2.0
#include "services/identify/rules/rules_tool.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "privacy/access.h"
#include "privacy/audit.h"
#include "run/command.h"
#include "services/identify/identify_store.h"

enum { ARENA_BYTES_MAX = 256 * 1024 * 1024 };

enum pn_code pn_rules_tool_open(struct pn_rules_tool *tool, const struct pn_config *config,
                                bool writes, struct pn_err *err)
{
    *tool = (struct pn_rules_tool){.config = config, .arena = pn_arena_new(ARENA_BYTES_MAX)};
    if (tool->arena == NULL) {
        return pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted");
    }
    const struct pn_store_options options = {.name = PN_IDENTIFY_STORE,
                                             .migrations = pn_identify_migrations,
                                             .migration_count = pn_identify_migration_count,
                                             .read_only = true};
    // Looked at first: only a store of this version may be written to.
    enum pn_code code = pn_store_open(config, &options, &tool->store, err);
    if (code != PN_OK || !writes) {
        return code;
    }
    pn_store_close(tool->store);
    tool->store = NULL;
    const struct pn_store_options guest = {.name = PN_IDENTIFY_STORE};
    code = pn_privacy_open(config->data_dir, &tool->privacy, err);
    return code == PN_OK ? pn_store_open(config, &guest, &tool->store, err) : code;
}

void pn_rules_tool_close(struct pn_rules_tool *tool)
{
    pn_store_close(tool->store);
    pn_privacy_close(tool->privacy);
    pn_arena_free(tool->arena);
    *tool = (struct pn_rules_tool){0};
}

int pn_rules_tool_end(struct pn_rules_tool *tool, enum pn_code code, const struct pn_err *err)
{
    pn_rules_tool_close(tool);
    if (code != PN_OK) {
        fprintf(stderr, "punos: %s: %s\n", err->where, err->text);
    }
    return pn_command_exit(code);
}

enum pn_code pn_rules_file_read(struct pn_arena *arena, const char *path,
                                struct pn_rules_file *ret_file, struct pn_err *err)
{
    struct pn_rules_file file = {.rules = pn_arena_alloc(arena, sizeof *file.rules)};
    if (file.rules == NULL) {
        return pn_err_set(err, PN_MEMORY, path, "no memory");
    }
    enum pn_code code = pn_file_read(arena, path, PN_RULES_FILE_BYTES_MAX, &file.text, err);
    code = code == PN_OK ? pn_rules_parse(arena, path, file.text, file.rules, err) : code;
    if (code == PN_OK) {
        pn_rules_fingerprint(file.text, file.fingerprint);
        *ret_file = file;
    }
    return code;
}

void pn_rules_tool_user(char ret_user[static 128])
{
    const struct passwd *entry = getpwuid(getuid());
    (void)snprintf(ret_user, 128, "shell:%.100s", entry == NULL ? "" : entry->pw_name);
}

enum pn_code pn_rules_tool_record(struct pn_rules_tool *tool, const char *action, const char *what,
                                  struct pn_err *err)
{
    char user[128];
    pn_rules_tool_user(user);
    const struct pn_audit_record record = {
        .user = pn_slice_str(user),
        .role = pn_slice_str(pn_role_name(PN_ROLE_ADMIN)),
        .action = pn_slice_str(action),
        .purpose = pn_slice_str("identification"),
        .what = pn_slice_str(what),
        .rule = pn_slice_str(action),
        .is_allowed = true,
    };
    return pn_audit_add(tool->store, tool->privacy, &record, err);
}
