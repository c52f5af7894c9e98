// SPDX-License-Identifier: Apache-2.0
/*
 * punos rules backtest FILE --from DATE --to DATE
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "privacy/client_index.h"
#include "run/command.h"
#include "services/identify/backtest/backtest_report.h"
#include "services/identify/backtest/backtest_store.h"
#include "services/identify/rules/rules_tool.h"
#include "services/identify/worklist/teams.h"

enum {
    REPORT_BYTES_MAX = 256 * 1024 * 1024,
    ARENA_BYTES_MAX = 1024 * 1024 * 1024,
    FOLDER_BYTES = 512
};

enum option { FROM, TO, OUT, LANGUAGE, COUNTY_SIZE };
static const struct pn_option options[] = {
    [FROM] = {"from", PN_OPTION_TEXT, "DATE", "the first day, in Finland: 2026-01-01"},
    [TO] = {"to", PN_OPTION_TEXT, "DATE", "the day after the last one"},
    [OUT] = {"out", PN_OPTION_TEXT, "DIR", "the report goes there (default: backtest-FINGERPRINT)"},
    [LANGUAGE] = {"language", PN_OPTION_TEXT, "CODE", "fi, sv or en (default: fi)"},
    [COUNTY_SIZE] = {"county-size", PN_OPTION_TEXT, "CLIENTS",
                     "tell new names as if the county had so many clients"},
};

struct session {
    struct pn_rules_tool tool;
    struct pn_arena *arena;
    const char *path;
    char folder[FOLDER_BYTES];
    struct pn_rules_file file;
    struct pn_backtest_plan plan;
    struct pn_backtest_input input;
    struct pn_backtest_result result;
    enum pn_language language;
};

// --- Arguments -----------------------------------------------------------------------------------

static enum pn_code read_date(const char *option, const char *text, int64_t *ret_ms,
                              struct pn_err *err)
{
    struct pn_civil civil = {0};
    char rest = 0;
    bool is_date = text != NULL && strlen(text) == 10 &&
                   sscanf(text, "%4d-%2d-%2d%c", &civil.year, &civil.month, &civil.day, &rest) == 3;
    return is_date && pn_civil_is_valid(&civil) && pn_civil_to_ms(&civil, "Europe/Helsinki", ret_ms)
               ? PN_OK
               : pn_err_set(err, PN_INVALID, option, "a date is expected: 2026-01-31");
}

static enum pn_code read_arguments(struct session *session, const struct pn_arguments *arguments,
                                   struct pn_err *err)
{
    const char *const *values = arguments->values;
    struct pn_backtest_plan *plan = &session->plan;
    session->path = arguments->operands[0];
    enum pn_code code = read_date("--from", values[FROM], &plan->from_ms, err);
    code = code == PN_OK ? read_date("--to", values[TO], &plan->to_ms, err) : code;
    if (code == PN_OK && plan->to_ms <= plan->from_ms) {
        return pn_err_set(err, PN_INVALID, "--to", "it is not after --from");
    }
    plan->to_ms -= 1; // the last moment of the day before
    if (code == PN_OK && values[LANGUAGE] != NULL &&
        !pn_language_parse(pn_slice_str(values[LANGUAGE]), &session->language)) {
        return pn_err_set(err, PN_INVALID, "--language", "fi, sv or en is expected");
    }
    int64_t size = 0;
    if (code == PN_OK && values[COUNTY_SIZE] != NULL &&
        (!pn_slice_to_i64(pn_slice_str(values[COUNTY_SIZE]), &size) || size < 1)) {
        return pn_err_set(err, PN_INVALID, "--county-size", "a number of clients is expected");
    }
    session->input.county_size = size;
    return code == PN_OK ? pn_backtest_plan_weeks(plan, err) : code;
}

// --- From the store ------------------------------------------------------------------------------

static struct pn_backtest_team team_of(const void *context, struct pn_slice unit)
{
    const struct pn_team *team = pn_teams_of_unit(context, unit);
    struct pn_backtest_team found = {.id = "", .name = {"–", "–", "–"}, .new_names_a_week = -1};
    if (team != NULL) {
        found.id = team->id;
        found.new_names_a_week = team->new_names_a_week;
        for (unsigned i = 0; i < PN_LANGUAGE_COUNT; i++) {
            found.name[i] = team->name[i];
        }
    }
    return found;
}

static enum pn_code read_teams(struct session *session, struct pn_err *err)
{
    struct pn_teams *teams = pn_arena_alloc(session->arena, sizeof *teams);
    enum pn_code code =
        teams == NULL ? pn_err_set(err, PN_MEMORY, "memory", "the heap is exhausted")
                      : pn_teams_read(session->arena, session->plan.config->teams_file, teams, err);
    session->input.team_of = team_of;
    session->input.team_context = teams;
    return code;
}

static enum pn_code prepare(struct session *session, struct pn_err *err)
{
    enum pn_code code = pn_rules_file_read(session->arena, session->path, &session->file, err);
    if (code != PN_OK) {
        return code;
    }
    session->plan.rules[PN_BACKTEST_NEW] = session->file.rules;
    code = read_teams(session, err);
    code =
        code == PN_OK ? pn_rules_tool_open(&session->tool, session->plan.config, true, err) : code;
    struct pn_store *store = session->tool.store;
    code =
        code == PN_OK ? pn_backtest_read_rules(store, session->arena, &session->plan, err) : code;
    code =
        code == PN_OK ? pn_backtest_read_aliases(store, session->arena, &session->plan, err) : code;
    pn_rules_tool_close(&session->tool); // processes are started after this
    return code == PN_OK ? pn_backtest_plan_variants(&session->plan, session->arena, err) : code;
}

// --- The report ----------------------------------------------------------------------------------

static enum pn_code write_file(int folder, const char *name, const struct pn_buf *text,
                               struct pn_err *err)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_good = fd >= 0 && fchmod(fd, 0600) == 0;
    for (size_t done = 0; is_good && done < text->len;) {
        ssize_t put = write(fd, text->data + done, text->len - done);
        is_good = put > 0;
        done += put > 0 ? (size_t)put : 0;
    }
    int fault = errno;
    is_good = fd >= 0 && close(fd) == 0 && is_good;
    return is_good ? PN_OK : pn_err_set(err, PN_IO, name, "cannot be written: %s", strerror(fault));
}

static enum pn_code write_sheets(int folder, const struct pn_backtest_report_input *report,
                                 const struct pn_sheet *sheets, struct pn_err *err)
{
    struct pn_buf text;
    enum pn_code code = PN_OK;
    pn_buf_init(&text, REPORT_BYTES_MAX);
    for (unsigned i = 0; i <= PN_SHEET_COUNT && code == PN_OK; i++) {
        char name[64];
        pn_buf_clear(&text);
        if (i < PN_SHEET_COUNT) {
            (void)snprintf(name, sizeof name, "%s.csv", sheets[i].file);
            pn_sheet_csv(&sheets[i], &text);
        } else {
            (void)snprintf(name, sizeof name, "report.html");
            pn_backtest_html(report, sheets, &text);
        }
        code = pn_buf_ok(&text) ? write_file(folder, name, &text, err)
                                : pn_err_set(err, PN_LIMIT, name, "the report is too long");
    }
    pn_buf_release(&text);
    return code;
}

static const char *key_of(void *context, int64_t number)
{
    struct session *session = context;
    char key[PN_CLIENT_KEY_TEXT_BYTES];
    struct pn_err ignored;
    const char *kept = NULL;
    if (pn_client_key_of(session->tool.store, number, key, &ignored) == PN_OK) {
        kept = pn_arena_copy(session->arena, pn_slice_str(key));
    }
    return kept == NULL ? "" : kept;
}

static void print_sheets(const struct session *session, const struct pn_sheet *sheets)
{
    static const enum pn_sheet_kind printed[] = {PN_SHEET_WARNINGS, PN_SHEET_FIGURES,
                                                 PN_SHEET_TEAMS,    PN_SHEET_OVERLAP,
                                                 PN_SHEET_VERDICTS, PN_SHEET_THRESHOLDS};
    struct pn_buf text;
    pn_buf_init(&text, REPORT_BYTES_MAX);
    for (unsigned i = 0; i < PN_ARRAY_COUNT(printed); i++) {
        if (printed[i] != PN_SHEET_WARNINGS || sheets[printed[i]].row_count > 0) {
            pn_sheet_text(&sheets[printed[i]], session->language, &text);
        }
    }
    if (pn_buf_ok(&text)) {
        (void)fwrite(text.data, 1, text.len, stdout);
    }
    pn_buf_release(&text);
}

static enum pn_code write_report(struct session *session, const struct pn_backtest_figures *figures,
                                 struct pn_err *err)
{
    const struct pn_backtest_report_input report = {.input = &session->input,
                                                    .figures = figures,
                                                    .file = session->path,
                                                    .fingerprint = session->file.fingerprint,
                                                    .language = session->language,
                                                    .key_of = key_of,
                                                    .context = session};
    struct pn_sheet sheets[PN_SHEET_COUNT];
    enum pn_code code = pn_backtest_sheets(session->arena, &report, sheets, err);
    if (code != PN_OK) {
        return code;
    }
    if (mkdir(session->folder, 0700) != 0 && errno != EEXIST) {
        return pn_err_set(err, PN_IO, session->folder, "cannot be made: %s", strerror(errno));
    }
    int folder = open(session->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return pn_err_set(err, PN_IO, session->folder, "cannot be opened: %s", strerror(errno));
    }
    code = write_sheets(folder, &report, sheets, err);
    close(folder);
    if (code == PN_OK) {
        print_sheets(session, sheets);
        printf("%s/report.html\n", session->folder);
    }
    return code;
}

struct recording {
    struct session *session;
    struct pn_slice figures;
};

static enum pn_code record_once(void *context, struct pn_err *err)
{
    const struct recording *recording = context;
    struct session *session = recording->session;
    char user[128], what[256];
    pn_rules_tool_user(user);
    (void)snprintf(what, sizeof what, "backtest of rules, fingerprint %.12s, %" PRId64 " clients",
                   session->file.fingerprint, session->result.totals.clients);
    const struct pn_backtest backtest = {.fingerprint = pn_slice_str(session->file.fingerprint),
                                         .made_by = pn_slice_str(user),
                                         .figures = recording->figures,
                                         .from_ms = session->plan.from_ms,
                                         .to_ms = session->plan.to_ms,
                                         .at_ms = pn_clock_now_ms()};
    enum pn_code code = pn_backtest_add(session->tool.store, &backtest, err);
    return code == PN_OK ? pn_rules_tool_record(&session->tool, "rules-backtest", what, err) : code;
}

static enum pn_code record(struct session *session, const struct pn_backtest_figures *figures,
                           struct pn_err *err)
{
    struct pn_buf text;
    pn_buf_init(&text, REPORT_BYTES_MAX);
    enum pn_code code = pn_backtest_figures_print(&session->input, figures, &text)
                            ? PN_OK
                            : pn_err_set(err, PN_MEMORY, "figures", "no memory");
    struct recording recording = {.session = session, .figures = pn_buf_slice(&text)};
    if (code == PN_OK) {
        code = pn_store_transact(session->tool.store, record_once, &recording, err);
    }
    pn_buf_release(&text);
    return code;
}

// --- The command ---------------------------------------------------------------------------------

static void show_progress(void *context, const char *what, int64_t done, int64_t all)
{
    (void)context;
    int64_t share = all <= 0 ? 0 : 100 * done / all;
    fprintf(stderr, "\r%-10s %3" PRId64 " %%  %" PRId64 "/%" PRId64 "\033[K", what,
            share > 100 ? 100 : share, done, all);
}

// After the run: a service that keeps up has handled by now what was read.
static enum pn_code look_again(struct session *session, struct pn_err *err)
{
    session->input.plan = &session->plan;
    session->input.result = &session->result;
    enum pn_code code = pn_rules_tool_open(&session->tool, session->plan.config, true, err);
    code = code == PN_OK ? pn_backtest_read_behind(session->tool.store, &session->result.totals,
                                                   &session->input.behind, err)
                         : code;
    return code == PN_OK
               ? pn_backtest_read_verdicts(&session->plan, session->arena, &session->input, err)
               : code;
}

static enum pn_code run_session(struct session *session, struct pn_err *err)
{
    struct pn_backtest_figures *figures = NULL;
    enum pn_code code = prepare(session, err);
    if (code == PN_OK && session->folder[0] == '\0') {
        (void)snprintf(session->folder, sizeof session->folder, "backtest-%.12s",
                       session->file.fingerprint);
    }
    code = code == PN_OK ? pn_backtest_run(&session->plan, &session->result, err) : code;
    if (session->plan.progress != NULL) {
        fputs("\r\033[K", stderr);
    }
    code = code == PN_OK ? look_again(session, err) : code;
    code = code == PN_OK ? pn_backtest_figures_make(session->arena, &session->input, &figures, err)
                         : code;
    code = code == PN_OK ? write_report(session, figures, err) : code;
    return code == PN_OK ? record(session, figures, err) : code;
}

static int run_backtest(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_err err = {0};
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL || (session->arena = pn_arena_new(ARENA_BYTES_MAX)) == NULL) {
        free(session);
        fputs("punos: memory: the heap is exhausted\n", stderr);
        return PN_EXIT_BROKEN;
    }
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    session->plan.config = config;
    session->plan.worker_count = processors < 1                         ? 1
                                 : processors > PN_BACKTEST_WORKERS_MAX ? PN_BACKTEST_WORKERS_MAX
                                                                        : (unsigned)processors;
    session->plan.progress = isatty(STDERR_FILENO) != 0 ? show_progress : NULL;
    const char *folder = arguments->values[OUT];
    (void)snprintf(session->folder, sizeof session->folder, "%s", folder == NULL ? "" : folder);
    enum pn_code code = read_arguments(session, arguments, &err);
    code = code == PN_OK ? run_session(session, &err) : code;
    int status = pn_rules_tool_end(&session->tool, code, &err);
    pn_backtest_result_release(&session->result);
    pn_arena_free(session->arena);
    free(session);
    return status;
}

const struct pn_command pn_command_rules_backtest = {
    .name = "rules backtest",
    .operands = "FILE",
    .summary = "runs new rules over the stored stream, beside today's",
    .description =
        "Prints and writes (report.html and CSV files, mode 0600) how many names would have come "
        "to\n"
        "each unit and team a week, whom both sets flag and who would come and go (client keys\n"
        "only), what professionals have said of them, and what other thresholds would do. Needs a\n"
        "hub that has been started; it may run meanwhile. The result is put on record: punos "
        "rules\n"
        "promote asks for one of exactly the same file. Written into the access trail.",
    .options = options,
    .option_count = PN_ARRAY_COUNT(options),
    .operand_min = 1,
    .operand_max = 1,
    .run = run_backtest,
};
