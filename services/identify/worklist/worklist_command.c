// SPDX-License-Identifier: Apache-2.0
/*
 * punos worklist export --month YYYY-MM --dir DIR [--team T] [--names --token-file FILE]
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "fhir/fhir.h"
#include "fhir/json.h"
#include "privacy/audit.h"
#include "privacy/token.h"
#include "run/command.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/rules/rules_tool.h"
#include "services/identify/worklist/worklist_export.h"
#include "services/timeline/timeline_read.h"

enum {
    ARENA_BYTES_MAX = 64 * 1024 * 1024,
    TEXT_BYTES_MAX = 32 * 1024 * 1024,
    UNITS_MAX = 1000,
    TOKEN_FILE_BYTES_MAX = 256,
    PATH_BYTES = 4096
};

enum option { MONTH, DIR, TEAM, LANGUAGE, NAMES, TOKEN_FILE };
static const struct pn_option options[] = {
    [MONTH] = {"month", PN_OPTION_TEXT, "YYYY-MM", "the month in Finland; the one before this"},
    [DIR] = {"dir", PN_OPTION_TEXT, "DIR", "where the files go; it must be there"},
    [TEAM] = {"team", PN_OPTION_TEXT, "TEAM", "only units of these teams, ids with commas between"},
    [LANGUAGE] = {"language", PN_OPTION_TEXT, "fi|sv|en", "of the files; fi"},
    [NAMES] = {"names", PN_OPTION_FLAG, NULL,
               "with clients' names; needs --token-file, and each client is recorded"},
    [TOKEN_FILE] = {"token-file", PN_OPTION_TEXT, "FILE",
                    "a file with the bearer token of the person who is to have the names"},
};

struct work {
    const struct pn_config *config;
    struct pn_export_query query;
    const char *folder;
    struct pn_arena *boot, *arena;
    struct pn_rules_tool tool;
    struct pn_rules_follower *rules;
    struct pn_tokens *tokens;
    struct pn_timeline *timeline; // NULL: without names
    struct pn_caller caller;
    struct pn_buf text, figures;
};

// --- What is asked for ---------------------------------------------------------------------------

static enum pn_code month_start(int year, int month, int64_t *ret_ms, struct pn_err *err)
{
    const struct pn_civil first = {
        .year = year + (month - 1) / 12, .month = (month - 1) % 12 + 1, .day = 1};
    return pn_civil_to_ms(&first, "Europe/Helsinki", ret_ms)
               ? PN_OK
               : pn_err_set(err, PN_INVALID, "--month", "must be a month, 2026-11");
}

static enum pn_code read_month(struct work *work, const char *text, struct pn_err *err)
{
    static char month_text[16];
    int year = 0, month = 0, day = 0;
    int64_t at_ms = 0;
    if (text == NULL) {
        pn_civil_from_days(pn_local_day(pn_clock_now_ms()), &year, &month, &day);
        year -= month == 1 ? 1 : 0;
        month = month == 1 ? 12 : month - 1;
    } else if (strlen(text) == 7 && pn_time_parse(pn_slice_str(text), &at_ms)) {
        pn_civil_from_days(at_ms / PN_MS_PER_DAY, &year, &month, &day);
    } else {
        return pn_err_set(err, PN_INVALID, "--month", "must be a month, 2026-11");
    }
    (void)snprintf(month_text, sizeof month_text, "%04d-%02d", year, month);
    work->query.month = month_text;
    enum pn_code code = month_start(year, month, &work->query.from_ms, err);
    return code == PN_OK ? month_start(year, month + 1, &work->query.to_ms, err) : code;
}

static enum pn_code read_query(struct work *work, const struct pn_arguments *arguments,
                               struct pn_err *err)
{
    const char *language = arguments->values[LANGUAGE];
    const char *team = arguments->values[TEAM];
    work->query.language = PN_LANGUAGE_FI;
    if (language != NULL && !pn_language_parse(pn_slice_str(language), &work->query.language)) {
        return pn_err_set(err, PN_INVALID, "--language", "must be fi, sv or en");
    }
    if (arguments->values[DIR] == NULL) {
        return pn_err_set(err, PN_INVALID, "--dir", "a folder is expected");
    }
    if ((arguments->values[NAMES] != NULL) != (arguments->values[TOKEN_FILE] != NULL)) {
        return pn_err_set(err, PN_INVALID, "--names",
                          "names need --token-file, and only names need it");
    }
    work->query.teams = pn_slice_str(team == NULL ? "" : team);
    work->folder = arguments->values[DIR];
    return read_month(work, arguments->values[MONTH], err);
}

// --- Names ---------------------------------------------------------------------------------------

static enum pn_code open_names(struct work *work, const char *token_file, struct pn_err *err)
{
    struct pn_slice token;
    const char *data = work->config->data_dir;
    enum pn_code code = pn_file_read(work->boot, token_file, TOKEN_FILE_BYTES_MAX, &token, err);
    code =
        code == PN_OK ? pn_tokens_open(data, work->tool.privacy, &work->tokens, NULL, err) : code;
    code = code == PN_OK ? pn_tokens_check(work->tokens, pn_slice_trim(token), &work->caller, err)
                         : code;
    if (code == PN_OK && work->caller.teams[0] != '\0' && work->query.teams.len == 0) {
        work->query.teams = pn_slice_str(work->caller.teams);
    } else if (code == PN_OK && work->caller.teams[0] != '\0' &&
               !pn_slice_is(work->query.teams, work->caller.teams)) {
        code = pn_err_set(err, PN_DENIED, "--team", "the token is for the lists of: %s",
                          work->caller.teams);
    }
    return code == PN_OK ? pn_timeline_open(work->config, &work->timeline, err) : code;
}

// Without names too: keys and triggers are data of clients.
static enum pn_code record_list(struct work *work, struct pn_err *err)
{
    char user[128] = "", what[PN_AUDIT_FIELD_BYTES_MAX];
    pn_rules_tool_user(user);
    (void)snprintf(what, sizeof what, "monthly lists of %s%s%.*s, %s names", work->query.month,
                   work->query.teams.len > 0 ? ", " : "", PN_SLICE_FMT(work->query.teams),
                   work->timeline == NULL ? "without" : "with");
    const struct pn_audit_record row = {
        .user = pn_slice_str(work->timeline == NULL ? user : work->caller.name),
        .role = pn_slice_str("worklist export"),
        .action = pn_slice_str(pn_action_name(PN_ACTION_WORKLIST)),
        .purpose = pn_slice_str("identification"),
        .what = pn_slice_str(what),
        .rule = pn_slice_str("worklist-export"),
        .is_allowed = true};
    return pn_audit_write(work->tool.store, work->tool.privacy, &row, err);
}

// The record first: nothing is shown that is not written down.
static enum pn_code record_name(struct work *work, const char *client, struct pn_err *err)
{
    const struct pn_access_request request = {.roles = work->caller.roles,
                                              .action = PN_ACTION_IDENTITY};
    struct pn_access access;
    pn_access_decide(&request, &access);
    const struct pn_audit_record row = {.user = pn_slice_str(work->caller.name),
                                        .role = pn_slice_str("worklist export"),
                                        .action = pn_slice_str(pn_action_name(PN_ACTION_IDENTITY)),
                                        .purpose = pn_slice_str("identification"),
                                        .client = pn_slice_str(client),
                                        .what = pn_slice_str("name on the monthly list"),
                                        .rule = pn_slice_str(access.rule),
                                        .is_allowed = access.is_allowed};
    enum pn_code code = pn_audit_write(work->tool.store, work->tool.privacy, &row, err);
    if (code != PN_OK) {
        return code;
    }
    return access.is_allowed ? PN_OK : pn_err_set(err, PN_DENIED, "identity", "%s", access.reason);
}

static enum pn_code add_name(struct work *work, struct pn_export_row *row, struct pn_err *err)
{
    enum pn_code code = record_name(work, row->client, err);
    struct pn_buf text;
    struct pn_err unknown;
    cJSON *patient = NULL;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    // A client whose identity nobody has told has a key only.
    if (code == PN_OK &&
        pn_timeline_identity(work->timeline, work->tool.privacy, pn_slice_str(row->client), &text,
                             &unknown) == PN_OK &&
        pn_json_parse(pn_buf_slice(&text), &patient, &unknown) == PN_OK) {
        (void)snprintf(row->name, sizeof row->name, "%.*s %.*s",
                       PN_SLICE_FMT(pn_fhir_get(patient, "name[0].given[0]")),
                       PN_SLICE_FMT(pn_fhir_get(patient, "name[0].family")));
    }
    cJSON_Delete(patient);
    if (text.data != NULL) {
        OPENSSL_cleanse(text.data, text.capacity);
    }
    pn_buf_release(&text);
    return code;
}

// --- Files ---------------------------------------------------------------------------------------

static enum pn_code write_file(const struct work *work, const char *name, const struct pn_buf *text,
                               struct pn_err *err)
{
    char path[PATH_BYTES];
    int made = snprintf(path, sizeof path, "%s/%s", work->folder, name);
    if (!pn_buf_ok(text) || made < 0 || (size_t)made >= sizeof path) {
        return pn_err_set(err, PN_LIMIT, name, "the list or its path is too long");
    }
    (void)unlink(path); // an older one may be readable by others
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t written = 0;
    while (file >= 0 && written < text->len) {
        ssize_t count = write(file, text->data + written, text->len - written);
        if (count <= 0) {
            break;
        }
        written += (size_t)count;
    }
    bool is_good = file >= 0 && written == text->len;
    if (file >= 0 && close(file) != 0) {
        is_good = false;
    }
    return is_good ? PN_OK : pn_err_set(err, PN_IO, path, "%s", strerror(errno));
}

// "2026-11-Asema-1-1a2b3c4d.csv": the hash tells units apart whose names are much alike.
static void file_name(const struct work *work, struct pn_slice unit, const char *ending,
                      char ret_name[static PN_EXPORT_NAME_BYTES])
{
    char plain[64] = "";
    for (size_t i = 0; i < unit.len && i + 1 < sizeof plain; i++) {
        const char c = unit.ptr[i];
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        plain[i] = '-';
        plain[i] = is_plain ? c : plain[i];
    }
    (void)snprintf(ret_name, PN_EXPORT_NAME_BYTES, "%s-%s-%08x.%s", work->query.month,
                   unit.len > 0 ? plain : "none", pn_fact_code(unit), ending);
}

static enum pn_code write_unit(struct work *work, struct pn_slice unit, struct pn_err *err)
{
    struct pn_export_row *rows = NULL;
    struct pn_export_figures figures;
    struct pn_export_list list = {.query = &work->query,
                                  .unit = unit,
                                  .figures = &figures,
                                  .with_names = work->timeline != NULL};
    char name[PN_EXPORT_NAME_BYTES];
    pn_arena_reset(work->arena);
    enum pn_code code = pn_export_unit(work->tool.store, work->arena, &work->query, unit, &rows,
                                       &list.count, &figures, err);
    for (unsigned i = 0; i < list.count && code == PN_OK && list.with_names; i++) {
        code = add_name(work, &rows[i], err);
    }
    list.rows = rows;
    if (code == PN_OK) {
        pn_export_figures_line(&list, &work->figures);
        pn_buf_clear(&work->text);
        pn_export_csv(&list, &work->text);
        file_name(work, unit, "csv", name);
        code = write_file(work, name, &work->text, err);
    }
    if (code == PN_OK) {
        pn_buf_clear(&work->text);
        pn_export_html(&list, &work->text);
        file_name(work, unit, "html", name);
        code = write_file(work, name, &work->text, err);
    }
    if (list.with_names && work->text.data != NULL) {
        OPENSSL_cleanse(work->text.data, work->text.capacity);
    }
    return code;
}

static enum pn_code write_all(struct work *work, struct pn_err *err)
{
    struct pn_slice units[UNITS_MAX];
    unsigned count = 0;
    char name[PN_EXPORT_NAME_BYTES];
    enum pn_code code =
        pn_export_units(work->tool.store, work->boot, &work->query, units, UNITS_MAX, &count, err);
    pn_export_figures_head(work->query.language, &work->figures);
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        code = write_unit(work, units[i], err);
    }
    (void)snprintf(name, sizeof name, "%s-figures.csv", work->query.month);
    code = code == PN_OK ? write_file(work, name, &work->figures, err) : code;
    if (code == PN_OK) {
        printf("%s: %u %s\n", work->query.month, count, count == 1 ? "unit" : "units");
    }
    return code;
}

// --- The command ---------------------------------------------------------------------------------

static enum pn_code open_work(struct work *work, const struct pn_arguments *arguments,
                              struct pn_err *err)
{
    pn_buf_init(&work->text, TEXT_BYTES_MAX);
    pn_buf_init(&work->figures, TEXT_BYTES_MAX);
    work->boot = pn_arena_new(ARENA_BYTES_MAX);
    work->arena = pn_arena_new(ARENA_BYTES_MAX);
    enum pn_code code = work->boot == NULL || work->arena == NULL
                            ? pn_err_set(err, PN_MEMORY, "worklist", "no memory")
                            : read_query(work, arguments, err);
    code = code == PN_OK ? pn_rules_tool_open(&work->tool, work->config, true, err) : code;
    if (code == PN_OK && arguments->values[NAMES] != NULL) {
        code = open_names(work, arguments->values[TOKEN_FILE], err);
    }
    const struct pn_rules_follower_options rules = {.store = work->tool.store,
                                                    .rules_file = work->config->rules_file};
    struct pn_err unread; // rules' ids are shown in the place of their titles then
    if (code == PN_OK && pn_rules_follower_open(&rules, &work->rules, &unread) == PN_OK) {
        work->query.rules = pn_rules_followed(work->rules);
    }
    return code;
}

static void close_work(struct work *work)
{
    pn_rules_follower_close(work->rules);
    pn_timeline_close(work->timeline);
    pn_tokens_close(work->tokens);
    pn_rules_tool_close(&work->tool);
    pn_buf_release(&work->text);
    pn_buf_release(&work->figures);
    pn_arena_free(work->arena);
    pn_arena_free(work->boot);
}

static int export_lists(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct work work = {.config = config};
    struct pn_err err = {0};
    enum pn_code code = open_work(&work, arguments, &err);
    code = code == PN_OK ? record_list(&work, &err) : code;
    code = code == PN_OK ? write_all(&work, &err) : code;
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err.where, err.text);
    }
    close_work(&work);
    return pn_command_exit(code);
}

const struct pn_command pn_command_worklist_export = {
    .name = "worklist export",
    .operands = "",
    .summary = "write each unit's monthly list as files",
    .description =
        "Writes for each unit a CSV file (UTF-8 with byte order mark, semicolons) and an HTML file "
        "for printing: who stands on the list at the month's end, why, and how many were "
        "identified and looked into; and one CSV file of the figures of all units. Files are "
        "readable by their owner only. Without --names they name clients by their keys.",
    .options = options,
    .option_count = PN_ARRAY_COUNT(options),
    .run = export_lists,
};
