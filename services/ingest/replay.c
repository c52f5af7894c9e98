// SPDX-License-Identifier: Apache-2.0
/*
 * punos replay: quarantined messages once more through the adapters as they are now.
 *
 * It does not need the running service: it decodes, appends and closes the entry by itself. A
 * message that is still refused stays, with its new reason.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "run/command.h"
#include "services/ingest/quarantine.h"
#include "services/ingest/tool.h"

enum { PAGE = 200, BOOT_BYTES_MAX = 256 * 1024 * 1024, OUTGOING_BYTES_MAX = 64 * 1024 * 1024 };

enum replay_option { REPLAY_ALL, REPLAY_SYSTEM };

static const struct pn_option options[] = {
    [REPLAY_ALL] = {"all", PN_OPTION_FLAG, NULL, "every open message"},
    [REPLAY_SYSTEM] = {"system", PN_OPTION_TEXT, "NAME", "only messages of this system"},
};

struct replay {
    struct pn_ingest_tool tool;
    struct pn_arena *boot;
    struct pn_ingest_systems systems;
    struct pn_stream *stream;
    struct pn_identity_memory *memory;
    struct pn_envelope *envelope;
    struct pn_outgoing outgoing;
    unsigned through_count;
    unsigned refused_count;
};

static enum pn_code open_replay(struct replay *replay, const struct pn_config *config,
                                struct pn_err *err)
{
    enum pn_code code = pn_ingest_tool_open(&replay->tool, config, true, err);
    if (code != PN_OK) {
        return code;
    }
    replay->boot = pn_arena_new(BOOT_BYTES_MAX);
    replay->outgoing.arena = pn_arena_new(OUTGOING_BYTES_MAX);
    replay->memory = pn_identity_memory_new();
    if (replay->boot == NULL || replay->outgoing.arena == NULL || replay->memory == NULL) {
        return pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted");
    }
    code = pn_ingest_systems_load(replay->boot, config, &replay->systems, err);
    code = code == PN_OK ? pn_stream_open(config, &replay->stream, err) : code;
    return code == PN_OK ? pn_envelope_new(replay->tool.privacy, replay->tool.store, replay->memory,
                                           &replay->envelope, err)
                         : code;
}

static void close_replay(struct replay *replay)
{
    pn_envelope_free(replay->envelope);
    pn_identity_memory_free(replay->memory);
    pn_outgoing_release(&replay->outgoing);
    pn_stream_close(replay->stream);
    pn_arena_free(replay->boot);
    pn_ingest_tool_close(&replay->tool);
}

struct entry_change {
    struct replay *replay;
    const char *id;                              // closing
    const struct pn_quarantine_message *message; // keeping
};

static enum pn_code close_in_store(void *context, struct pn_err *err)
{
    const struct entry_change *change = context;
    struct pn_store *store = change->replay->tool.store;
    enum pn_code code = pn_quarantine_close(store, change->id, pn_clock_now_ms(), err);
    return code == PN_OK ? pn_identity_save(change->replay->memory, store, err) : code;
}

// Closes the entry, together with what was published of whom.
static enum pn_code close_entry(struct replay *replay, const char *id, struct pn_err *err)
{
    struct entry_change change = {.replay = replay, .id = id};
    pn_identity_settle(replay->memory, true);
    enum pn_code code = pn_store_transact(replay->tool.store, close_in_store, &change, err);
    if (code == PN_OK) {
        pn_identity_saved(replay->memory);
    }
    return code;
}

static enum pn_code keep_in_store(void *context, struct pn_err *err)
{
    const struct entry_change *change = context;
    const struct pn_ingest_tool *tool = &change->replay->tool;
    return pn_quarantine_put(tool->store, tool->privacy, change->message, err);
}

static enum pn_code keep_reason(struct replay *replay, const struct pn_quarantine_message *message,
                                struct pn_err *err)
{
    struct entry_change change = {.replay = replay, .message = message};
    return pn_store_transact(replay->tool.store, keep_in_store, &change, err);
}

// Is it the message that is at fault, or something that may pass?
static bool stays_refused(enum pn_code code)
{
    return code == PN_INVALID || code == PN_UNSUPPORTED || code == PN_LIMIT;
}

// Some of what is on its way, when it is much.
static enum pn_code append_some(struct replay *replay, struct pn_err *err)
{
    if (replay->outgoing.count < PN_BATCH_EVENTS_MAX) {
        return PN_OK;
    }
    enum pn_code code = pn_outgoing_append(&replay->outgoing, replay->stream, err);
    if (code == PN_OK) {
        pn_outgoing_clear(&replay->outgoing);
    }
    return code;
}

// One record of a file that was refused as a whole. Refused alone it becomes an entry of its own.
static enum pn_code send_record(struct replay *replay, const struct pn_ingest_system *system,
                                const struct pn_message_in *record, struct pn_err *err)
{
    struct pn_err why = {0};
    enum pn_code code = pn_envelope_add(replay->envelope, system, record, &replay->outgoing, &why);
    if (stays_refused(code)) {
        const struct pn_quarantine_message refused = {.system = system->conf->name,
                                                      .sector = system->info->sector,
                                                      .message = record,
                                                      .why = &why};
        printf("refused alone: %s: %s\n", why.where, why.text);
        replay->refused_count++;
        return keep_reason(replay, &refused, err);
    }
    *err = why;
    return code == PN_OK ? append_some(replay, err) : code;
}

// The records of a file that is a list; *ret_count is how many. It counts only, without `system`.
static enum pn_code send_records(struct replay *replay, const struct pn_adapter *adapter,
                                 const struct pn_ingest_system *system,
                                 const struct pn_message_in *file, unsigned *ret_count,
                                 struct pn_err *err)
{
    struct pn_split *split = NULL;
    struct pn_split_record record;
    bool has = true;
    unsigned count = 0;
    enum pn_code code = pn_adapter_split(adapter, file, &split, err);
    while (code == PN_OK && split != NULL && has) {
        code = pn_split_next(split, &record, &has, err);
        if (code != PN_OK || !has) {
            break;
        }
        count++;
        if (system != NULL) {
            struct pn_message_in message = *file;
            message.bytes = record.bytes;
            message.line = record.line;
            code = send_record(replay, system, &message, err);
        }
    }
    pn_split_close(split);
    *ret_count = count;
    return code;
}

// The line that the refused record stood at, as its place says.
static unsigned line_of(struct pn_slice place)
{
    int64_t line = 0;
    struct pn_slice rest = {0};
    if (!pn_slice_starts_with(place, "line ")) {
        return 0;
    }
    place = pn_slice_of(place.ptr + 5, place.len - 5);
    bool is_line = pn_slice_to_i64(pn_slice_split(place, ' ', &rest), &line);
    return is_line && line > 0 && line < UINT32_MAX ? (unsigned)line : 0;
}

static enum pn_code send_message(struct replay *replay, const struct pn_ingest_system *system,
                                 const struct pn_message_in *message, struct pn_err *err)
{
    unsigned count = 1;
    bool is_list = pn_adapter_splits(system->adapter, message);
    enum pn_code code =
        is_list ? send_records(replay, system->adapter, NULL, message, &count, err) : PN_OK;
    if (code != PN_OK || count != 1) {
        return code != PN_OK ? code
                             : send_records(replay, system->adapter, system, message, &count, err);
    }
    return pn_envelope_add(replay->envelope, system, message, &replay->outgoing, err);
}

static enum pn_code send_through(struct replay *replay, const struct pn_ingest_system *system,
                                 struct pn_message_in *message, const char *id, struct pn_err *err)
{
    struct pn_message_in again = pn_ingest_message_in(system, message->bytes, message->transport);
    again.content_type = message->content_type;
    again.file_name = message->file_name;
    again.line = message->line;
    enum pn_code code = send_message(replay, system, &again, err);
    if (stays_refused(code)) {
        const struct pn_quarantine_message refused = {.system = system->conf->name,
                                                      .sector = system->info->sector,
                                                      .message = &again,
                                                      .why = err};
        printf("%s  still refused: %s: %s\n", id, err->where, err->text);
        replay->refused_count++;
        return keep_reason(replay, &refused, err);
    }
    code = code == PN_OK ? pn_quarantine_replayed_event(id, system->conf->name, again.received_ms,
                                                        &replay->outgoing, err)
                         : code;
    code = code == PN_OK ? pn_outgoing_append(&replay->outgoing, replay->stream, err) : code;
    code = code == PN_OK ? close_entry(replay, id, err) : code;
    if (code == PN_OK) {
        printf("%s  got through\n", id);
        replay->through_count++;
    }
    return code;
}

static enum pn_code replay_one(struct replay *replay, const char *id, struct pn_err *err)
{
    struct pn_ingest_tool *tool = &replay->tool;
    struct pn_quarantine_entry entry;
    struct pn_message_in message;
    pn_arena_reset(tool->arena);
    pn_outgoing_clear(&replay->outgoing);
    enum pn_code code = pn_quarantine_get(tool->store, tool->arena, id, &entry, err);
    if (code != PN_OK) {
        return code;
    }
    struct pn_ingest_system *system = pn_ingest_system_find(&replay->systems, entry.system);
    if (system == NULL) {
        return pn_err_set(err, PN_NOT_FOUND, "systems",
                          "the message's system is not in the configuration any more");
    }
    char what[PN_UUID_TEXT_BYTES + 32];
    (void)snprintf(what, sizeof what, "quarantined message %.*s", PN_SLICE_FMT(entry.id));
    code = pn_ingest_tool_record(tool, PN_ACTION_QUARANTINE_REPLAY, what, system->conf->name, err);
    code = code == PN_OK
               ? pn_quarantine_open(tool->store, tool->privacy, tool->arena, id, &message, err)
               : code;
    message.line = line_of(entry.place);
    return code == PN_OK ? send_through(replay, system, &message, id, err) : code;
}

// One page of open entries after the last one seen.
static enum pn_code replay_page(struct replay *replay, struct pn_quarantine_filter *filter,
                                char last_id[static PN_UUID_TEXT_BYTES], unsigned *ret_count,
                                struct pn_err *err)
{
    struct pn_quarantine_entry entries[PAGE];
    char ids[PAGE][PN_UUID_TEXT_BYTES];
    struct pn_ingest_tool *tool = &replay->tool;
    unsigned count = 0;
    enum pn_code code =
        pn_quarantine_list(tool->store, tool->arena, filter, entries, PAGE, &count, err);
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%.*s", PN_SLICE_FMT(entries[i].id));
    }
    int64_t last_ms = count > 0 ? entries[count - 1].first_ms : 0;
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        code = replay_one(replay, ids[i], err);
    }
    if (count > 0) {
        memcpy(last_id, ids[count - 1], PN_UUID_TEXT_BYTES);
        filter->after_id = last_id;
        filter->after_ms = last_ms;
    }
    *ret_count = count;
    return code;
}

static enum pn_code replay_all(struct replay *replay, const char *system, struct pn_err *err)
{
    struct pn_quarantine_filter filter = {.system = system};
    char last_id[PN_UUID_TEXT_BYTES] = "";
    unsigned count = PAGE;
    enum pn_code code = PN_OK;
    while (code == PN_OK && count == PAGE) {
        code = replay_page(replay, &filter, last_id, &count, err);
    }
    return code;
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    bool takes_all =
        arguments->values[REPLAY_ALL] != NULL || arguments->values[REPLAY_SYSTEM] != NULL;
    if (takes_all == (arguments->operand_count > 0)) {
        fprintf(stderr, "punos: replay: name the messages, or say --all or --system\n");
        return PN_EXIT_USE;
    }
    struct replay replay = {.through_count = 0};
    struct pn_err err = {0};
    enum pn_code code = open_replay(&replay, config, &err);
    if (code == PN_OK && takes_all) {
        code = replay_all(&replay, arguments->values[REPLAY_SYSTEM], &err);
    }
    for (unsigned i = 0; code == PN_OK && i < arguments->operand_count; i++) {
        code = replay_one(&replay, arguments->operands[i], &err);
    }
    close_replay(&replay);
    if (code != PN_OK) {
        return pn_ingest_tool_fail(&err);
    }
    printf("%u got through, %u still refused\n", replay.through_count, replay.refused_count);
    return replay.refused_count == 0 ? PN_EXIT_DONE : PN_EXIT_NO;
}

const struct pn_command pn_command_replay = {
    .name = "replay",
    .operands = "[ID…]",
    .summary = "sends quarantined messages through again",
    .description =
        "Takes the messages out of quarantine and sends them through the adapters as they are "
        "now,\n"
        "after a mapping has been corrected. An entry is closed only when its message got "
        "through.\n"
        "Exit status 1 when some are still refused. Each replay is written into the access trail.",
    .options = options,
    .option_count = PN_ARRAY_COUNT(options),
    .operand_min = 0,
    .operand_max = PN_COMMAND_OPERANDS_MAX,
    .run = run,
};
