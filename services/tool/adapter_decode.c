// SPDX-License-Identifier: Apache-2.0
// punos adapter decode: what a message becomes on the stream, one CloudEvent a line.
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "event/event.h"
#include "run/command.h"
#include "services/ingest/envelope.h"
#include "services/ingest/quarantine.h"

#define BOOT_BYTES_MAX ((size_t)256 * 1024 * 1024)

enum { SCRATCH_BYTES = 64, OPEN_FOLDERS_MAX = 8 };

struct decoding {
    struct pn_arena *boot;
    struct pn_privacy *privacy;
    struct pn_store *store;
    struct pn_identity_memory *memory;
    struct pn_envelope *envelope;
    struct pn_outgoing outgoing;
    char scratch[SCRATCH_BYTES]; // a folder of its own, removed at the end
};

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static void release(struct decoding *decoding)
{
    pn_envelope_free(decoding->envelope);
    if (decoding->outgoing.arena != NULL) {
        pn_outgoing_release(&decoding->outgoing);
    }
    if (decoding->memory != NULL) {
        pn_identity_memory_free(decoding->memory);
    }
    if (decoding->store != NULL) {
        pn_store_close(decoding->store);
    }
    if (decoding->privacy != NULL) {
        pn_privacy_close(decoding->privacy);
    }
    if (decoding->scratch[0] != '\0') {
        nftw(decoding->scratch, remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS);
    }
    pn_arena_free(decoding->boot);
}

// Client keys are those of the installation when there is one, else of a secret made for the
// moment.
static enum pn_code open_privacy(struct decoding *decoding, const struct pn_config *config,
                                 struct pn_err *err)
{
    const char *secret = pn_arena_printf(decoding->boot, "%s/secrets/hub.key", config->data_dir);
    if (secret == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "no memory");
    }
    const char *folder = access(secret, R_OK) == 0 ? config->data_dir : decoding->scratch;
    return pn_privacy_open(folder, &decoding->privacy, err);
}

static enum pn_code open_all(struct decoding *decoding, const struct pn_config *config,
                             struct pn_err *err)
{
    const struct pn_store_options options = {.name = "decode",
                                             .migrations = pn_ingest_migrations,
                                             .migration_count = pn_ingest_migration_count};
    struct pn_config own = *config;
    decoding->boot = pn_arena_new(BOOT_BYTES_MAX);
    decoding->memory = pn_identity_memory_new();
    decoding->outgoing.arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    snprintf(decoding->scratch, sizeof decoding->scratch, "/tmp/punos-decode-XXXXXX");
    if (decoding->boot == NULL || decoding->memory == NULL || decoding->outgoing.arena == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "no memory");
    }
    if (mkdtemp(decoding->scratch) == NULL) {
        decoding->scratch[0] = '\0';
        return pn_err_set(err, PN_IO, "/tmp", "no folder can be made there");
    }
    own.data_dir = decoding->scratch;
    own.store.kind = PN_STORE_EMBEDDED;
    enum pn_code code = open_privacy(decoding, config, err);
    if (code == PN_OK) {
        code = pn_store_open(&own, &options, &decoding->store, err);
    }
    return code != PN_OK ? code
                         : pn_envelope_new(decoding->privacy, decoding->store, decoding->memory,
                                           &decoding->envelope, err);
}

static enum pn_code print_events(const struct decoding *decoding, struct pn_err *err)
{
    struct pn_buf line;
    enum pn_code code = PN_OK;
    pn_buf_init(&line, 4 * (size_t)PN_EVENT_BYTES_MAX);
    for (size_t i = 0; code == PN_OK && i < decoding->outgoing.count; i++) {
        pn_buf_clear(&line);
        code = pn_event_write_json(&decoding->outgoing.records[i].event, &line, err);
        if (code == PN_OK) {
            puts(line.data);
        }
    }
    pn_buf_release(&line);
    return code;
}

// The system as it is configured, or as it would be with nothing said but its adapter.
static const struct pn_system_conf *find_system(const struct pn_config *config, const char *name,
                                                struct pn_system_conf *bare)
{
    for (unsigned i = 0; i < config->system_count; i++) {
        if (strcmp(config->systems[i].name, name) == 0) {
            return &config->systems[i];
        }
    }
    *bare = (struct pn_system_conf){.name = name, .adapter = name};
    return bare;
}

// Each record of a list; one that is refused is named, and the next one follows.
static enum pn_code decode_list(struct decoding *decoding, const struct pn_ingest_system *system,
                                const struct pn_message_in *file, struct pn_err *err)
{
    struct pn_split *split = NULL;
    struct pn_split_record record;
    unsigned refused = 0;
    bool has = true;
    enum pn_code code = pn_adapter_split(system->adapter, file, &split, err);
    while (code == PN_OK && has) {
        code = pn_split_next(split, &record, &has, err);
        if (code != PN_OK || !has) {
            break;
        }
        struct pn_message_in message = *file;
        struct pn_err own = {0};
        message.bytes = record.bytes;
        message.line = record.line;
        pn_outgoing_clear(&decoding->outgoing);
        if (pn_envelope_add(decoding->envelope, system, &message, &decoding->outgoing, &own) !=
            PN_OK) {
            fprintf(stderr, "%s: %s: %s\n", file->file_name, own.where, own.text);
            refused++;
            continue;
        }
        code = print_events(decoding, err);
    }
    pn_split_close(split);
    return code == PN_OK && refused > 0
               ? pn_err_set(err, PN_INVALID, "file", "%u records are refused", refused)
               : code;
}

static enum pn_code decode(struct decoding *decoding, const struct pn_arguments *arguments,
                           const struct pn_config *config, struct pn_err *err)
{
    struct pn_system_conf bare;
    const struct pn_system_conf *conf = find_system(config, arguments->operands[0], &bare);
    const char *file = arguments->operands[1];
    struct pn_adapter *adapter = NULL;
    struct pn_message_in message = {.received_ms = pn_clock_now_ms(),
                                    .transport = PN_TRANSPORT_NONE,
                                    .content_type = "",
                                    .file_name =
                                        strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1,
                                    .zone = conf->zone,
                                    .charset = conf->charset};
    enum pn_code code = open_all(decoding, config, err);
    if (code != PN_OK) {
        return code;
    }
    code = pn_adapter_open(decoding->boot, config, conf->adapter, &adapter, err);
    if (code == PN_OK) {
        code = pn_file_read(decoding->boot, file, PN_MESSAGE_BYTES_MAX, &message.bytes, err);
    }
    if (code != PN_OK) {
        return code;
    }
    struct pn_ingest_system system = {
        .conf = conf, .adapter = adapter, .info = pn_adapter_info(adapter)};
    if (pn_adapter_splits(adapter, &message)) {
        return decode_list(decoding, &system, &message, err);
    }
    code = pn_envelope_add(decoding->envelope, &system, &message, &decoding->outgoing, err);
    if (code == PN_OK && pn_envelope_ignored(decoding->envelope) != NULL) {
        fprintf(stderr, "%s: ignored: %s\n", file, pn_envelope_ignored(decoding->envelope));
    }
    return code != PN_OK ? code : print_events(decoding, err);
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct decoding decoding = {0};
    struct pn_err err = {0};
    enum pn_code code = decode(&decoding, arguments, config, &err);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s: %s\n", arguments->operands[1], err.where, err.text);
    }
    release(&decoding);
    return pn_command_exit(code);
}

const struct pn_command pn_command_adapter_decode = {
    .name = "adapter decode",
    .operands = "NAME FILE",
    .summary = "show what a message becomes on the stream",
    .description =
        "Decodes FILE as the system NAME (or the adapter of that name) sends it and prints "
        "one CloudEvent in structured JSON per line. On failure the place and the reason "
        "stand on standard error, and the exit status is 1. Client keys are those of the "
        "installation in --data when there is one.",
    .operand_min = 2,
    .operand_max = 2,
    .run = run,
};
