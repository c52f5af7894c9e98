// SPDX-License-Identifier: Apache-2.0
/*
 * punos audit list [--client KEY] [--user NAME] [--from DAY] [--to DAY], punos audit verify: the
 * access trail, of whichever service's store it stands in.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "privacy/audit.h"
#include "run/command.h"

enum { PAGE = 500, ARENA_BYTES_MAX = 64 * 1024 * 1024 };

// Those that write a trail.
static const char *const stores[] = {"api", "identify", "deliver", "ingest"};

enum option { CLIENT, USER, FROM, TO };
static const struct pn_option list_options[] = {
    [CLIENT] = {"client", PN_OPTION_TEXT, "KEY", "only of this client, by the key at that time"},
    [USER] = {"user", PN_OPTION_TEXT, "NAME", "only of this user"},
    [FROM] = {"from", PN_OPTION_TEXT, "DAY", "from that day on"},
    [TO] = {"to", PN_OPTION_TEXT, "DAY", "before that day"},
};

static enum pn_code open_store(const struct pn_config *config, const char *name,
                               struct pn_store **ret_store, struct pn_err *err)
{
    const struct pn_store_options look = {.name = name, .read_only = true};
    enum pn_code code = pn_store_open(config, &look, ret_store, err);
    if (code == PN_UNAVAILABLE) {
        *ret_store = NULL; // the service has not run here
        return PN_OK;
    }
    return code;
}

static int end(enum pn_code code, const struct pn_err *err)
{
    if (code != PN_OK) {
        fprintf(stderr, "punos: %s: %s\n", err->where, err->text);
    }
    return pn_command_exit(code);
}

// --- List ----------------------------------------------------------------------------------------

// One line a row, whatever a name holds.
static void print_field(struct pn_slice text, char after)
{
    for (size_t i = 0; i < text.len; i++) {
        putchar((unsigned char)text.ptr[i] < ' ' ? ' ' : text.ptr[i]);
    }
    putchar(after);
}

static void print_record(const char *store, const struct pn_audit_record *record)
{
    char time[PN_TIME_TEXT_BYTES];
    pn_time_format(record->time_ms, time);
    printf("%s\t%s\t%" PRId64 "\t", time, store, record->number);
    print_field(record->user, '\t');
    print_field(record->role, '\t');
    print_field(record->action, '\t');
    print_field(record->purpose, '\t');
    print_field(record->client, '\t');
    print_field(record->what, '\t');
    print_field(record->recipient, '\t');
    print_field(record->rule, '\t');
    puts(record->is_allowed ? "yes" : "no");
}

static enum pn_code list_store(const struct pn_config *config, const char *name,
                               struct pn_audit_filter filter, struct pn_err *err)
{
    static struct pn_audit_record records[PAGE];
    struct pn_store *store = NULL;
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    enum pn_code code = arena == NULL
                            ? pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted")
                            : open_store(config, name, &store, err);
    unsigned count = PAGE;
    while (code == PN_OK && store != NULL && count == PAGE) {
        pn_arena_reset(arena);
        code = pn_audit_read(store, arena, &filter, records, PAGE, &count, err);
        for (unsigned i = 0; code == PN_OK && i < count; i++) {
            print_record(name, &records[i]);
            filter.before_number = records[i].number;
        }
    }
    pn_store_close(store);
    pn_arena_free(arena);
    return code;
}

static enum pn_code read_day(const char *text, const char *option, int64_t *time_ms,
                             struct pn_err *err)
{
    return text == NULL || pn_time_parse(pn_slice_str(text), time_ms)
               ? PN_OK
               : pn_err_set(err, PN_INVALID, option, "must be a day, 2026-11-30");
}

static int run_list(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_err err = {0};
    struct pn_audit_filter filter = {.client = pn_slice_str(arguments->values[CLIENT]),
                                     .user = pn_slice_str(arguments->values[USER])};
    enum pn_code code = read_day(arguments->values[FROM], "--from", &filter.from_ms, &err);
    code = code == PN_OK ? read_day(arguments->values[TO], "--to", &filter.until_ms, &err) : code;
    if (code == PN_OK) {
        puts("time\tstore\tnumber\tuser\trole\taction\tpurpose\tclient\twhat\trecipient\trule"
             "\tallowed");
    }
    for (unsigned i = 0; i < PN_ARRAY_COUNT(stores) && code == PN_OK; i++) {
        code = list_store(config, stores[i], filter, &err);
    }
    return end(code, &err);
}

const struct pn_command pn_command_audit_list = {
    .name = "audit list",
    .operands = "",
    .summary = "lists the access trail: who did what with whose data",
    .description =
        "Tab-separated, a header line first; each store's newest first. For the data protection"
        " officer.\nA client is named by key; POST /fhir/Patient/_search tells the key of an"
        " identity code.",
    .options = list_options,
    .option_count = PN_ARRAY_COUNT(list_options),
    .run = run_list,
};

// --- Verify --------------------------------------------------------------------------------------

static enum pn_code verify_store(const struct pn_config *config, const struct pn_privacy *privacy,
                                 const char *name, struct pn_err *err)
{
    struct pn_store *store = NULL;
    struct pn_audit_head head = {0};
    enum pn_code code = open_store(config, name, &store, err);
    if (code != PN_OK || store == NULL) {
        return code;
    }
    code = pn_audit_verify(store, privacy, &head, err);
    pn_store_close(store);
    if (code == PN_OK) {
        printf("%s: %" PRId64 " rows, all as they were written; head %s\n", name, head.number,
               head.mac);
    } else {
        printf("%s: %s: %s\n", name, err->where, err->text);
    }
    return code;
}

static int run_verify(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)arguments;
    struct pn_err err = {0};
    struct pn_privacy *privacy = NULL;
    enum pn_code code = pn_privacy_open(config->data_dir, &privacy, &err), first = code;
    for (unsigned i = 0; i < PN_ARRAY_COUNT(stores) && code == PN_OK; i++) {
        enum pn_code one = verify_store(config, privacy, stores[i], &err);
        first = first == PN_OK ? one : first;
    }
    pn_privacy_close(privacy);
    return code == PN_OK ? pn_command_exit(first) : end(code, &err);
}

const struct pn_command pn_command_audit_verify = {
    .name = "audit verify",
    .operands = "",
    .summary = "checks that nobody has changed the access trail",
    .description = "Each row carries a MAC over itself and the row before. Note the heads"
                   " elsewhere: a tail that was cut off\nshows only when a head noted earlier is"
                   " gone. Exit status 1 when a trail is broken.",
    .run = run_verify,
};
