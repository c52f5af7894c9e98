// SPDX-License-Identifier: Apache-2.0
// punos adapter trace: what each field of a message became, and which fields no row reads.
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "fhir/json.h"
#include "run/command.h"
#include "services/tool/adapter_text.h"
#include "services/tool/trace.h"

enum { OPTION_UNREAD, OPTION_JSON, OPTION_COUNT, PLAIN_COLUMNS = 100 };

#define BOOT_BYTES_MAX ((size_t)1024 * 1024 * 1024)

static const struct pn_system_conf *find(const struct pn_config *config, const char *name)
{
    for (unsigned i = 0; i < config->system_count; i++) {
        if (strcmp(config->systems[i].name, name) == 0) {
            return &config->systems[i];
        }
    }
    return NULL;
}

static unsigned terminal_columns(void)
{
    struct winsize size = {0};
    if (isatty(STDOUT_FILENO) == 0) {
        return 0;
    }
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
                                                                           : PLAIN_COLUMNS;
}

static enum pn_code print(struct pn_arena *arena, const struct pn_arguments *arguments,
                          const struct pn_trace *trace, struct pn_err *err)
{
    bool only_unread = arguments->values[OPTION_UNREAD] != NULL;
    if (arguments->values[OPTION_JSON] == NULL) {
        pn_trace_print(trace, only_unread, terminal_columns(), stdout);
        return PN_OK;
    }
    pn_json_use_arena(arena);
    const cJSON *json = pn_trace_json(arena, trace, only_unread);
    const char *text = json == NULL ? NULL : pn_adapter_pretty(arena, json);
    pn_json_use_arena(NULL);
    if (text == NULL) {
        return pn_err_set(err, PN_LIMIT, "message", "is too large to be traced");
    }
    fputs(text, stdout);
    return PN_OK;
}

static enum pn_code trace(struct pn_arena *arena, struct pn_adapter_reads *reads,
                          const struct pn_arguments *arguments, const struct pn_config *config,
                          struct pn_err *err)
{
    const char *name = arguments->operands[0], *file = arguments->operands[1];
    const struct pn_system_conf *conf = find(config, name);
    struct pn_adapter *adapter = NULL;
    struct pn_mapped mapped = {0};
    struct pn_trace made = {0};
    struct pn_message_in message = {.received_ms = pn_clock_now_ms(),
                                    .transport = PN_TRANSPORT_NONE,
                                    .content_type = "",
                                    .file_name =
                                        strrchr(file, '/') == NULL ? file : strrchr(file, '/') + 1,
                                    .zone = conf == NULL ? NULL : conf->zone,
                                    .charset = conf == NULL ? NULL : conf->charset};
    enum pn_code code =
        pn_adapter_open(arena, config, conf == NULL ? name : conf->adapter, &adapter, err);
    if (code == PN_OK) {
        code = pn_file_read(arena, file, PN_MESSAGE_BYTES_MAX, &message.bytes, err);
    }
    if (code != PN_OK) {
        return code;
    }
    struct pn_err refusal = {0};
    pn_adapter_watch_reads(adapter, reads);
    enum pn_code decoded = pn_adapter_decode(adapter, arena, &message, &mapped, &refusal);
    pn_adapter_watch_reads(adapter, NULL);
    pn_json_use_arena(NULL);
    code = pn_trace_make(arena, reads, &made, err);
    if (code != PN_OK) {
        return code;
    }
    made.message_type = mapped.message_type;
    made.is_refused = decoded != PN_OK;
    made.refusal = refusal;
    code = print(arena, arguments, &made, err);
    if (code == PN_OK && decoded != PN_OK) {
        *err = refusal;
        code = decoded;
    }
    return code;
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_err err = {0};
    struct pn_arena *arena = pn_arena_new(BOOT_BYTES_MAX);
    struct pn_adapter_reads *reads = pn_adapter_reads_new();
    enum pn_code code = arena == NULL || reads == NULL
                            ? pn_err_set(&err, PN_MEMORY, "", "no memory")
                            : trace(arena, reads, arguments, config, &err);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s: %s\n", arguments->operands[1], err.where, err.text);
    }
    pn_adapter_reads_free(reads);
    pn_arena_free(arena);
    return pn_command_exit(code);
}

static const struct pn_option options[OPTION_COUNT] = {
    [OPTION_UNREAD] = {"unread", PN_OPTION_FLAG, NULL, "only the fields that no row reads"},
    [OPTION_JSON] = {"json", PN_OPTION_FLAG, NULL, "as JSON, for tools"},
};

const struct pn_command pn_command_adapter_trace = {
    .name = "adapter trace",
    .operands = "NAME FILE",
    .summary = "show what each field of a message became, and which fields no row reads",
    .description =
        "Decodes FILE as the system NAME (or the adapter of that name) sends it and prints each of "
        "its fields in order: what it holds, what it became, and the mapping row, with file and "
        "line. At the end stand the fields that no row reads. Of a refused message it shows what "
        "was read up to the refusal, and the refusal; the exit status is then 1. It prints the "
        "contents of the message, the person's data with them: FILE is your own, and so is the "
        "care for what is printed. In a pipe there is a tab between the columns.",
    .options = options,
    .option_count = OPTION_COUNT,
    .operand_min = 2,
    .operand_max = 2,
    .run = run,
};
