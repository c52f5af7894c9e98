// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "services/identify/backtest/backtest_report.h"
#include "services/identify/evaluate/calendar.h"
#include "services/identify/feedback/feedback_figures.h"

enum { SHOWN_ALL = PN_SHEET_ROWS_MAX, SHOWN_PEOPLE = 200, DATE_BYTES = 11, ROWS_FIRST = 64 };
#define SLACK_MS (7 * PN_MS_PER_DAY) // of where the period may begin before the events

struct writer {
    struct pn_arena *arena;
    const struct pn_backtest_report_input *report;
    const struct pn_backtest_figures *figures;
    const struct pn_backtest_plan *plan;
    struct pn_sheet *sheet;
    bool is_full; // the arena
};

// --- Rows ----------------------------------------------------------------------------------------

// The next row's cells, zeroed; NULL when the arena is full.
static const char **add_row(struct writer *writer)
{
    struct pn_sheet *sheet = writer->sheet;
    if (sheet->row_count == sheet->row_capacity) {
        size_t capacity = sheet->row_capacity == 0 ? ROWS_FIRST : sheet->row_capacity * 2;
        const char **grown =
            capacity > PN_SHEET_ROWS_MAX
                ? NULL
                : pn_arena_alloc_array(writer->arena, capacity * sheet->column_count,
                                       sizeof *grown);
        if (grown == NULL) {
            writer->is_full = true;
            return NULL;
        }
        if (sheet->row_count > 0) {
            memcpy(grown, sheet->cells, sheet->row_count * sheet->column_count * sizeof *grown);
        }
        sheet->cells = grown;
        sheet->row_capacity = capacity;
    }
    return &sheet->cells[sheet->row_count++ * sheet->column_count];
}

static const char *number(struct writer *writer, int64_t value)
{
    return pn_arena_printf(writer->arena, "%" PRId64, value);
}

// One cell per format letter: s text, d int64_t.
static void row(struct writer *writer, const char *format, ...)
{
    const char **cells = add_row(writer);
    va_list rest;
    va_start(rest, format);
    for (unsigned i = 0; cells != NULL && format[i] != '\0'; i++) {
        cells[i] =
            format[i] == 's' ? va_arg(rest, const char *) : number(writer, va_arg(rest, int64_t));
        writer->is_full = writer->is_full || cells[i] == NULL;
        cells[i] = cells[i] == NULL ? "" : cells[i];
    }
    va_end(rest);
}

static const char *word(const struct writer *writer, enum pn_report_text text)
{
    return pn_report_text(text, writer->report->language);
}

// The day in Finland on which the moment is.
static const char *date(struct writer *writer, int64_t moment_ms)
{
    int year = 0, month = 0, day = 0;
    struct pn_civil civil = {0};
    int64_t begins_ms = 0, days = moment_ms / PN_MS_PER_DAY + 1;
    do {
        pn_civil_from_days(days, &year, &month, &day);
        civil = (struct pn_civil){.year = year, .month = month, .day = day};
        days--;
    } while (pn_civil_to_ms(&civil, "Europe/Helsinki", &begins_ms) && begins_ms > moment_ms);
    return pn_arena_printf(writer->arena, "%04d-%02d-%02d", year, month, day);
}

// --- Warnings ------------------------------------------------------------------------------------

// The words, with each {} filled in.
static const char *filled(struct writer *writer, enum pn_report_text text, const char *first,
                          const char *second)
{
    const char *words = word(writer, text);
    const char *const parts[] = {first, second};
    struct pn_buf out;
    pn_buf_init(&out, 4096);
    for (unsigned i = 0; i <= PN_ARRAY_COUNT(parts); i++) {
        const char *place = i < PN_ARRAY_COUNT(parts) ? strstr(words, "{}") : NULL;
        if (place == NULL) {
            pn_buf_add_str(&out, words);
            break;
        }
        pn_buf_add(&out, words, (size_t)(place - words));
        pn_buf_add_str(&out, parts[i]);
        words = place + 2;
    }
    const char *kept = pn_buf_ok(&out) ? pn_arena_copy(writer->arena, pn_buf_slice(&out)) : NULL;
    pn_buf_release(&out);
    return kept;
}

static void fill_warnings(struct writer *writer)
{
    const int64_t behind = writer->report->input->behind, from = writer->figures->known_from;
    if (behind > 0) {
        row(writer, "ss", "behind", filled(writer, PN_TEXT_BEHIND, number(writer, behind), ""));
    }
    const int64_t crowded = writer->report->input->result->totals.crowded;
    if (crowded > 0) {
        row(writer, "ss", "crowded", filled(writer, PN_TEXT_CROWDED, number(writer, crowded), ""));
    }
    if (from == INT64_MAX) {
        row(writer, "ss", "nothing", word(writer, PN_TEXT_NOTHING));
    } else if (from != INT64_MIN) {
        const int64_t from_ms = pn_local_midnight(from);
        const char *day = date(writer, from_ms);
        bool is_in_period = from_ms >= writer->plan->from_ms + SLACK_MS;
        row(writer, "ss", is_in_period ? "begins" : "windows",
            is_in_period
                ? filled(writer, PN_TEXT_BEGINS, day, "")
                : filled(writer, PN_TEXT_WINDOWS, number(writer, writer->plan->months_back), day));
    }
}

// --- Figures, weeks, units -----------------------------------------------------------------------

static const char *decimal(struct writer *writer, double value)
{
    return pn_arena_printf(writer->arena, "%.1f", value);
}

static void two(struct writer *writer, enum pn_report_text what, const int64_t values[static 2])
{
    row(writer, "sdd", word(writer, what), values[PN_BACKTEST_NEW], values[PN_BACKTEST_TODAY]);
}

static void one(struct writer *writer, enum pn_report_text what, const char *value)
{
    row(writer, "sss", word(writer, what), value, "");
}

static void fill_figures(struct writer *writer)
{
    const struct pn_backtest_figures *figures = writer->figures;
    const struct pn_backtest_totals *totals = &writer->report->input->result->totals;
    const double weeks = writer->plan->week_count;
    one(writer, PN_TEXT_FILE, writer->report->file);
    one(writer, PN_TEXT_FINGERPRINT, writer->report->fingerprint);
    one(writer, PN_TEXT_PERIOD,
        pn_arena_printf(writer->arena, "%s – %s", date(writer, writer->plan->from_ms),
                        date(writer, writer->plan->to_ms)));
    one(writer, PN_TEXT_TODAYS_SET, number(writer, writer->plan->rules[PN_BACKTEST_TODAY]->number));
    one(writer, PN_TEXT_EVENTS, number(writer, totals->events));
    one(writer, PN_TEXT_CLIENTS, number(writer, totals->clients));
    two(writer, PN_TEXT_FLAGGED, figures->flagged);
    two(writer, PN_TEXT_AT_END, figures->at_end);
    const char *came[PN_BACKTEST_SIDES], *county[PN_BACKTEST_SIDES];
    for (unsigned side = 0; side < PN_BACKTEST_SIDES; side++) {
        came[side] = decimal(writer, (double)figures->came[side] / weeks);
        county[side] = decimal(writer, (double)figures->came[side] / weeks * figures->scale);
    }
    row(writer, "sss", word(writer, PN_TEXT_CAME_A_WEEK), came[0], came[1]);
    if (writer->report->input->county_size > 0) {
        row(writer, "sss", word(writer, PN_TEXT_COUNTY), county[0], county[1]);
    }
    one(writer, PN_TEXT_COMES, number(writer, figures->comes));
    one(writer, PN_TEXT_GOES, number(writer, figures->goes));
}

static void fill_weeks(struct writer *writer)
{
    for (unsigned w = 0; w < writer->plan->week_count; w++) {
        const int64_t *came = writer->figures->weeks[w];
        row(writer, "sdd", date(writer, writer->plan->weeks[w]), came[0], came[1]);
    }
}

static const char *unit_name(const struct writer *writer, const struct pn_backtest_unit_row *unit)
{
    return unit->code[0] == '\0' ? word(writer, PN_TEXT_NO_UNIT) : unit->code;
}

static void fill_units(struct writer *writer)
{
    for (unsigned u = 0; u < writer->figures->unit_count; u++) {
        const struct pn_backtest_unit_row *unit = &writer->figures->units[u];
        row(writer, "ssdd", unit_name(writer, unit), unit->team.name[writer->report->language],
            unit->came[0], unit->came[1]);
    }
}

static void fill_unit_weeks(struct writer *writer)
{
    for (unsigned w = 0; w < writer->plan->week_count; w++) {
        const char *begins = date(writer, writer->plan->weeks[w]);
        for (unsigned u = 0; u < writer->figures->unit_count; u++) {
            const struct pn_backtest_unit_row *unit = &writer->figures->units[u];
            const int64_t *came = writer->figures->unit_weeks[u * writer->plan->week_count + w];
            if (came[0] + came[1] > 0) {
                row(writer, "sssdd", begins, unit_name(writer, unit), unit->team.id, came[0],
                    came[1]);
            }
        }
    }
}

static void fill_teams(struct writer *writer)
{
    const double weeks = writer->plan->week_count, scale = writer->figures->scale;
    for (unsigned i = 0; i < writer->figures->team_count; i++) {
        const struct pn_backtest_team_row *team = &writer->figures->teams[i];
        const int64_t budget = team->team.new_names_a_week;
        row(writer, "ssssdd", team->team.name[writer->report->language],
            budget < 0 ? word(writer, PN_TEXT_NO_BUDGET) : number(writer, budget),
            decimal(writer, (double)team->came[0] / weeks * scale),
            decimal(writer, (double)team->came[1] / weeks * scale), team->weeks_over[0],
            team->weeks_over[1]);
    }
}

// --- Overlap, verdicts, thresholds, people -------------------------------------------------------

static void fill_overlap(struct writer *writer)
{
    const struct pn_backtest_figures *figures = writer->figures;
    row(writer, "sddddd", "*", figures->flagged[0], figures->flagged[1],
        figures->fates[PN_FATE_BOTH], figures->fates[PN_FATE_NEW_ONLY],
        figures->fates[PN_FATE_TODAY_ONLY]);
    for (unsigned i = 0; i < figures->rule_count; i++) {
        const struct pn_backtest_rule_row *rule = &figures->rules[i];
        const struct pn_rule *any = rule->rule[PN_BACKTEST_NEW] != NULL
                                        ? rule->rule[PN_BACKTEST_NEW]
                                        : rule->rule[PN_BACKTEST_TODAY];
        row(writer, "sddddd", any->id, rule->clients[0], rule->clients[1], rule->both,
            rule->clients[0] - rule->both, rule->clients[1] - rule->both);
    }
}

static bool is_accepted(unsigned state)
{
    return state == PN_CASE_IN_DISCUSSION || state == PN_CASE_CONSENTS ||
           state == PN_CASE_THINKING || state == PN_CASE_HAS_WORKER || state == PN_CASE_REFUSES;
}

static const char *share_of(struct writer *writer, unsigned first, unsigned second)
{
    struct pn_interval interval;
    int64_t hits = 0, misses = 0;
    for (unsigned state = 0; state < PN_CASE_STATE_COUNT; state++) {
        int64_t count = writer->figures->verdicts[state][first] +
                        (second < PN_FATE_COUNT ? writer->figures->verdicts[state][second] : 0);
        hits += is_accepted(state) ? count : 0;
        misses += state == PN_CASE_NOT_RELEVANT ? count : 0;
    }
    return pn_interval_share(hits, hits + misses, &interval)
               ? pn_arena_printf(writer->arena, "%.0f %% (%.0f–%.0f %%)", interval.value * 100,
                                 interval.low * 100, interval.high * 100)
               : "–";
}

static void fill_verdicts(struct writer *writer)
{
    for (unsigned state = 0; state < PN_CASE_STATE_COUNT; state++) {
        const int64_t *counts = writer->figures->verdicts[state];
        if (is_accepted(state) || state == PN_CASE_NOT_RELEVANT) {
            row(writer, "sddddd", word(writer, PN_TEXT_STATE_FIRST + state),
                counts[PN_FATE_BOTH] + counts[PN_FATE_NEW_ONLY],
                counts[PN_FATE_BOTH] + counts[PN_FATE_TODAY_ONLY], counts[PN_FATE_BOTH],
                counts[PN_FATE_NEW_ONLY], counts[PN_FATE_TODAY_ONLY]);
        }
    }
    row(writer, "ssssss", word(writer, PN_TEXT_VALUE),
        share_of(writer, PN_FATE_BOTH, PN_FATE_NEW_ONLY),
        share_of(writer, PN_FATE_BOTH, PN_FATE_TODAY_ONLY),
        share_of(writer, PN_FATE_BOTH, PN_FATE_COUNT),
        share_of(writer, PN_FATE_NEW_ONLY, PN_FATE_COUNT),
        share_of(writer, PN_FATE_TODAY_ONLY, PN_FATE_COUNT));
}

static void fill_thresholds(struct writer *writer)
{
    const struct pn_backtest_totals *totals = &writer->report->input->result->totals;
    for (unsigned i = 0; i < writer->plan->variant_count; i++) {
        const struct pn_backtest_variant *variant = &writer->plan->variants[i];
        row(writer, "ssssdd", variant->rule.id,
            pn_arena_printf(writer->arena, "%u %s", variant->node + 1,
                            pn_node_kind_name(variant->rule.nodes[variant->node].kind)),
            number(writer, variant->threshold),
            variant->step == 0 ? word(writer, PN_TEXT_IN_FILE) : "", totals->variant_rule[i],
            totals->variant_set[i]);
    }
}

static const char *rules_of(struct writer *writer, const struct pn_ruleset *rules, uint64_t held)
{
    struct pn_buf text;
    pn_buf_init(&text, 64 * 1024);
    for (unsigned r = 0; r < rules->count; r++) {
        if ((held >> r & 1) != 0) {
            pn_buf_printf(&text, "%s%s", text.len > 0 ? " " : "", rules->rules[r].id);
        }
    }
    const char *kept = pn_buf_ok(&text) ? pn_arena_copy(writer->arena, pn_buf_slice(&text)) : NULL;
    pn_buf_release(&text);
    return kept;
}

static const char *key_of(struct writer *writer, const struct pn_backtest_client *client)
{
    const struct pn_backtest_report_input *report = writer->report;
    return client->rest != 0 || report->key_of == NULL
               ? pn_arena_printf(writer->arena, "%016" PRIx64 "%016" PRIx64,
                                 (uint64_t)client->number, client->rest)
               : report->key_of(report->context, client->number);
}

static void fill_people(struct writer *writer)
{
    const struct pn_backtest_result *result = writer->report->input->result;
    for (size_t i = 0; i < result->client_count && !writer->is_full; i++) {
        const struct pn_backtest_client *client = &result->clients[i];
        const bool *at_end = client->is_flagged_at_end;
        bool comes = at_end[PN_BACKTEST_NEW] && !at_end[PN_BACKTEST_TODAY];
        bool goes = !at_end[PN_BACKTEST_NEW] && at_end[PN_BACKTEST_TODAY];
        if (comes || goes) {
            unsigned side = comes ? PN_BACKTEST_NEW : PN_BACKTEST_TODAY;
            row(writer, "sss", key_of(writer, client),
                word(writer, comes ? PN_TEXT_COMES : PN_TEXT_GOES),
                rules_of(writer, writer->plan->rules[side], client->at_end[side]));
        }
    }
}

// --- The table of sheets -------------------------------------------------------------------------

#define NEW_AND_TODAY                                                                              \
    {"new", PN_TEXT_NEW_RULES, true},                                                              \
    {                                                                                              \
        "today", PN_TEXT_TODAYS_RULES, true                                                        \
    }
#define FATES                                                                                      \
    NEW_AND_TODAY, {"both", PN_TEXT_BOTH, true}, {"only_new", PN_TEXT_ONLY_NEW, true},             \
    {                                                                                              \
        "only_today", PN_TEXT_ONLY_TODAY, true                                                     \
    }

static const struct template
{
    struct pn_sheet sheet;
    void (*fill)(struct writer * writer);
}
templates[PN_SHEET_COUNT] = {
    [PN_SHEET_WARNINGS] = {{.file = "warnings",
                            .title = PN_TEXT_WARNINGS,
                            .note = PN_TEXT_COUNT,
                            .shown = SHOWN_ALL,
                            .is_list = true,
                            .column_count = 2,
                            .columns = {{"what", PN_TEXT_WHAT, false},
                                        {"warning", PN_TEXT_WARNING, false}}},
                           fill_warnings},
    [PN_SHEET_FIGURES] = {{.file = "figures",
                           .title = PN_TEXT_NUMBERS,
                           .note = PN_TEXT_NOTE,
                           .shown = SHOWN_ALL,
                           .column_count = 3,
                           .columns = {{"what", PN_TEXT_NUMBERS, false}, NEW_AND_TODAY}},
                          fill_figures},
    [PN_SHEET_WEEKS] = {{.file = "weeks",
                         .title = PN_TEXT_WEEKS,
                         .note = PN_TEXT_WEEKS_NOTE,
                         .shown = SHOWN_ALL,
                         .column_count = 3,
                         .columns = {{"week_begins", PN_TEXT_WEEK, false}, NEW_AND_TODAY}},
                        fill_weeks},
    [PN_SHEET_TEAMS] = {{.file = "teams",
                         .title = PN_TEXT_TEAMS,
                         .note = PN_TEXT_COUNT,
                         .shown = SHOWN_ALL,
                         .column_count = 6,
                         .columns = {{"team", PN_TEXT_TEAM, false},
                                     {"budget", PN_TEXT_BUDGET, true},
                                     NEW_AND_TODAY,
                                     {"weeks_over_new", PN_TEXT_WEEKS_OVER_NEW, true},
                                     {"weeks_over_today", PN_TEXT_WEEKS_OVER_TODAY, true}}},
                        fill_teams},
    [PN_SHEET_UNITS] =
        {{.file = "units",
          .title = PN_TEXT_UNITS,
          .note = PN_TEXT_COUNT,
          .shown = SHOWN_ALL,
          .column_count = 4,
          .columns = {{"unit", PN_TEXT_UNIT, false}, {"team", PN_TEXT_TEAM, false}, NEW_AND_TODAY}},
         fill_units},
    [PN_SHEET_UNIT_WEEKS] = {{.file = "unit-weeks",
                              .title = PN_TEXT_UNITS,
                              .note = PN_TEXT_COUNT,
                              .shown = 0,
                              .column_count = 5,
                              .columns = {{"week_begins", PN_TEXT_WEEK, false},
                                          {"unit", PN_TEXT_UNIT, false},
                                          {"team", PN_TEXT_TEAM, false},
                                          NEW_AND_TODAY}},
                             fill_unit_weeks},
    [PN_SHEET_OVERLAP] = {{.file = "overlap",
                           .title = PN_TEXT_OVERLAP,
                           .note = PN_TEXT_COUNT,
                           .shown = SHOWN_ALL,
                           .column_count = 6,
                           .columns = {{"rule", PN_TEXT_RULE, false}, FATES}},
                          fill_overlap},
    [PN_SHEET_VERDICTS] = {{.file = "verdicts",
                            .title = PN_TEXT_VERDICTS,
                            .note = PN_TEXT_VERDICTS_NOTE,
                            .shown = SHOWN_ALL,
                            .column_count = 6,
                            .columns = {{"verdict", PN_TEXT_VERDICT, false}, FATES}},
                           fill_verdicts},
    [PN_SHEET_THRESHOLDS] = {{.file = "thresholds",
                              .title = PN_TEXT_THRESHOLDS,
                              .note = PN_TEXT_THRESHOLDS_NOTE,
                              .shown = SHOWN_ALL,
                              .column_count = 6,
                              .columns = {{"rule", PN_TEXT_RULE, false},
                                          {"condition", PN_TEXT_CONDITION, false},
                                          {"threshold", PN_TEXT_THRESHOLD, true},
                                          {"in_file", PN_TEXT_FILE, false},
                                          {"clients_of_rule", PN_TEXT_BY_RULE, true},
                                          {"clients_of_all", PN_TEXT_BY_ALL, true}}},
                             fill_thresholds},
    [PN_SHEET_PEOPLE] = {{.file = "clients",
                          .title = PN_TEXT_PEOPLE,
                          .note = PN_TEXT_PEOPLE_NOTE,
                          .shown = SHOWN_PEOPLE,
                          .column_count = 3,
                          .columns = {{"client", PN_TEXT_CLIENT, false},
                                      {"what", PN_TEXT_WHAT, false},
                                      {"rules", PN_TEXT_RULES, false}}},
                         fill_people},
};

enum pn_code pn_backtest_sheets(struct pn_arena *arena,
                                const struct pn_backtest_report_input *report,
                                struct pn_sheet ret_sheets[static PN_SHEET_COUNT],
                                struct pn_err *err)
{
    struct writer writer = {
        .arena = arena, .report = report, .figures = report->figures, .plan = report->input->plan};
    struct pn_sheet sheets[PN_SHEET_COUNT];
    for (unsigned i = 0; i < PN_SHEET_COUNT; i++) {
        sheets[i] = templates[i].sheet;
        writer.sheet = &sheets[i];
        templates[i].fill(&writer);
        sheets[i].shown =
            sheets[i].shown < sheets[i].row_count ? sheets[i].shown : sheets[i].row_count;
    }
    if (writer.is_full) {
        return pn_err_set(err, PN_MEMORY, "backtest", "the report takes too much memory");
    }
    memcpy(ret_sheets, sheets, sizeof sheets);
    return PN_OK;
}
