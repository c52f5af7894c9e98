// SPDX-License-Identifier: Apache-2.0
#include "services/identify/worklist/worklist_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fhir/json.h"
#include "privacy/client_index.h"
#include "services/identify/worklist/flag.h"
#include "services/identify/triggers/rank.h"
#include "services/identify/identify_store.h"
#include "services/identify/triggers/trigger.h"

enum {
    BOOT_BYTES_MAX = 16 * 1024 * 1024,
    FACTS_BYTES_MAX = 64 * 1024 * 1024,
    FLAG_BYTES_MAX = 4096
};

// --- Opening -------------------------------------------------------------------------------------

enum pn_code pn_worklist_open(const struct pn_config *config, struct pn_worklist **ret_worklist,
                              struct pn_err *err)
{
    struct pn_worklist *worklist = calloc(1, sizeof *worklist);
    if (worklist == NULL) {
        return pn_err_set(err, PN_MEMORY, "identify", "no memory");
    }
    const struct pn_store_options options = {.name = PN_IDENTIFY_STORE,
                                             .migrations = pn_identify_migrations,
                                             .migration_count = pn_identify_migration_count,
                                             .read_only = true};
    worklist->boot = pn_arena_new(BOOT_BYTES_MAX);
    worklist->facts = pn_arena_new(FACTS_BYTES_MAX);
    enum pn_code code = worklist->boot == NULL || worklist->facts == NULL
                            ? pn_err_set(err, PN_MEMORY, "identify", "no memory")
                            : pn_store_open(config, &options, &worklist->store, err);
    code = code == PN_OK ? pn_evaluator_new(&worklist->evaluator, err) : code;
    if (code != PN_OK) {
        pn_worklist_close(worklist);
        return code;
    }
    pn_worklist_open_rules(worklist, config->rules_file);
    *ret_worklist = worklist;
    return PN_OK;
}

void pn_worklist_close(struct pn_worklist *worklist)
{
    if (worklist != NULL) {
        pn_evaluator_free(worklist->evaluator);
        pn_rules_follower_close(worklist->follower);
        pn_store_close(worklist->store);
        pn_arena_free(worklist->boot);
        pn_arena_free(worklist->facts);
        free(worklist);
    }
}

static enum pn_code full(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "identify", "the arena is full");
}

static bool keep(struct pn_arena *arena, struct pn_slice *text)
{
    char *copy = pn_arena_copy(arena, *text);
    *text = pn_slice_of(copy, copy == NULL ? 0 : text->len);
    return copy != NULL;
}

// --- Triggers ------------------------------------------------------------------------------------

#define TRIGGER_COLUMNS                                                                            \
    "rule, id, version, state, counted, threshold, raised_ms, changed_ms, lapses_ms, classes,"     \
    " data, client, evaluated_ms, sectors"

static enum pn_code read_trigger(struct pn_arena *arena, const struct pn_rows *rows,
                                 struct pn_trigger *ret_trigger, struct pn_err *err)
{
    struct pn_trigger trigger = {.rule_id = pn_rows_text(rows, 0),
                                 .id = pn_rows_text(rows, 1),
                                 .rule_version = pn_rows_int(rows, 2),
                                 .state = (enum pn_trigger_state)pn_rows_int(rows, 3),
                                 .count = pn_rows_int(rows, 4),
                                 .threshold = pn_rows_int(rows, 5),
                                 .raised_ms = pn_rows_int(rows, 6),
                                 .changed_ms = pn_rows_int(rows, 7),
                                 .lapses_ms = pn_rows_int(rows, 8),
                                 .classes = (uint32_t)pn_rows_int(rows, 9),
                                 .sectors = (uint32_t)pn_rows_int(rows, 13),
                                 .data = pn_rows_text(rows, 10)};
    if (!keep(arena, &trigger.rule_id) || !keep(arena, &trigger.id) ||
        !keep(arena, &trigger.data)) {
        return full(err);
    }
    *ret_trigger = trigger;
    return PN_OK;
}

static enum pn_code add_titles(const struct pn_worklist *worklist, struct pn_arena *arena,
                               struct pn_trigger *trigger, struct pn_err *err)
{
    const struct pn_rule *rule =
        worklist->rules == NULL ? NULL : pn_rules_find(worklist->rules, trigger->rule_id);
    trigger->title_fi = trigger->title_sv = trigger->title_en = trigger->rule_id;
    if (rule != NULL) {
        trigger->title_fi = pn_slice_str(rule->title[PN_LANGUAGE_FI]);
        trigger->title_sv = pn_slice_str(rule->title[PN_LANGUAGE_SV]);
        trigger->title_en = pn_slice_str(rule->title[PN_LANGUAGE_EN]);
        trigger->is_support = rule->is_support;
    }
    return keep(arena, &trigger->title_fi) && keep(arena, &trigger->title_sv) &&
                   keep(arena, &trigger->title_en)
               ? PN_OK
               : full(err);
}

// Counts anew: what is kept is as it was told last.
static enum pn_code refresh_one(struct pn_worklist *worklist, struct pn_arena *arena,
                                const char *key, int birth_year, struct pn_trigger *trigger,
                                struct pn_err *err)
{
    const struct pn_rule *rule =
        worklist->rules == NULL ? NULL : pn_rules_find(worklist->rules, trigger->rule_id);
    if (trigger->state != PN_TRIGGER_RAISED || rule == NULL ||
        rule->version != trigger->rule_version) {
        return PN_OK;
    }
    const struct pn_finding *finding = &worklist->finding;
    const struct pn_evaluation evaluation = {
        .rule = rule, .moment_ms = pn_clock_now_ms(), .birth_year = birth_year};
    pn_evaluate(worklist->evaluator, &evaluation, &worklist->finding);
    const struct pn_trigger_view view = {.id = pn_arena_copy(arena, trigger->id),
                                         .client_key = key,
                                         .rule = rule,
                                         .finding = finding,
                                         .facts = worklist->gathered,
                                         .sources = &worklist->sources,
                                         .classes = finding->classes,
                                         .state = PN_TRIGGER_RAISED,
                                         .raised_ms = trigger->raised_ms,
                                         .moment_ms = evaluation.moment_ms};
    if (!finding->holds || view.id == NULL) {
        return PN_OK; // its end is about to be told
    }
    trigger->count = finding->count;
    trigger->lapses_ms = finding->lapses_ms;
    trigger->classes = finding->classes;
    trigger->sectors = pn_rank_share_of(finding, worklist->gathered, rule->weight).sectors;
    struct pn_buf text;
    pn_buf_init(&text, PN_EVENT_BYTES_MAX);
    pn_trigger_print(&view, &text);
    enum pn_code code = PN_OK;
    if (pn_buf_ok(&text)) {
        trigger->data = pn_buf_slice(&text);
        code = keep(arena, &trigger->data) ? PN_OK : full(err);
    }
    pn_buf_release(&text);
    return code;
}

enum pn_code pn_worklist_gather(struct pn_worklist *worklist, int64_t client, int *ret_birth_year,
                                struct pn_err *err)
{
    struct pn_held_client *held = NULL;
    pn_arena_reset(worklist->facts);
    enum pn_code code = pn_held_load(worklist->store, worklist->facts, client, &held, err);
    if (code == PN_OK) {
        pn_evaluator_take(worklist->evaluator, worklist->gathered,
                          pn_held_gather(held, worklist->gathered));
        code = pn_held_birth_year(worklist->store, client, ret_birth_year, err);
    }
    return code == PN_OK
               ? pn_sources_refresh(&worklist->sources, worklist->store, pn_clock_now_ms(), err)
               : code;
}

static enum pn_code refresh(struct pn_worklist *worklist, struct pn_arena *arena, const char *key,
                            struct pn_trigger *triggers, unsigned count, struct pn_err *err)
{
    int64_t client = 0;
    int birth_year = 0;
    if (count == 0 || !pn_client_number(pn_slice_str(key), &client)) {
        return PN_OK;
    }
    enum pn_code code = pn_worklist_gather(worklist, client, &birth_year, err);
    for (unsigned i = 0; i < count && code == PN_OK; i++) {
        code = refresh_one(worklist, arena, key, birth_year, &triggers[i], err);
    }
    return code;
}

static enum pn_code load_triggers(struct pn_worklist *worklist, struct pn_arena *arena,
                                  int64_t client, bool with_past, struct pn_case *found,
                                  struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    const struct pn_value values[] = {PN_INT(client),
                                      PN_INT(with_past ? PN_TRIGGER_RETRACTED : PN_TRIGGER_RAISED)};
    struct pn_trigger *triggers = pn_arena_alloc_array(arena, PN_TRIGGERS_MAX, sizeof *triggers);
    if (triggers == NULL) {
        return full(err);
    }
    enum pn_code code =
        pn_store_ask(worklist->store,
                     "SELECT " TRIGGER_COLUMNS " FROM triggers WHERE client = ?1 AND state <= ?2"
                     " ORDER BY state, weight DESC, rule",
                     values, 2, &rows, err);
    unsigned count = 0;
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row && count < PN_TRIGGERS_MAX) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row) {
            code = read_trigger(arena, rows, &triggers[count], err);
            code = code == PN_OK ? add_titles(worklist, arena, &triggers[count], err) : code;
            count += code == PN_OK ? 1 : 0;
        }
    }
    pn_rows_close(rows);
    code = code == PN_OK ? refresh(worklist, arena, found->client, triggers, count, err) : code;
    if (code == PN_OK) {
        found->triggers = triggers;
        found->trigger_count = count;
    }
    return code;
}

enum pn_code pn_worklist_trigger(struct pn_worklist *worklist, struct pn_arena *arena,
                                 struct pn_slice id, struct pn_trigger *ret_trigger,
                                 char ret_client[static PN_CLIENT_KEY_TEXT_BYTES],
                                 struct pn_err *err)
{
    struct pn_rows *rows = NULL;
    bool has_row = false;
    struct pn_trigger trigger;
    int64_t client = 0;
    char key[PN_CLIENT_KEY_TEXT_BYTES] = "";
    const struct pn_value values[] = {PN_TEXT(id)};
    pn_worklist_follow_rules(worklist);
    enum pn_code code =
        pn_store_ask(worklist->store, "SELECT " TRIGGER_COLUMNS " FROM triggers WHERE id = ?1",
                     values, 1, &rows, err);
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "DetectedIssue", "there is no such trigger");
    }
    code = code == PN_OK ? read_trigger(arena, rows, &trigger, err) : code;
    client = code == PN_OK ? pn_rows_int(rows, 11) : 0;
    pn_rows_close(rows);
    code = code == PN_OK ? pn_client_key_of(worklist->store, client, key, err) : code;
    code = code == PN_OK ? add_titles(worklist, arena, &trigger, err) : code;
    if (code == PN_OK) {
        code = refresh(worklist, arena, key, &trigger, 1, err);
    }
    if (code == PN_OK) {
        *ret_trigger = trigger;
        memcpy(ret_client, key, sizeof key);
    }
    return code;
}

// --- Cases ---------------------------------------------------------------------------------------

#define CASE_COLUMNS                                                                               \
    "client, state, version, rank, first_ms, changed_ms, set_by, unit, team, reason, again_ms,"    \
    " shown_ms, trigger_count, ended_ms, in_error"

static enum pn_code read_case(struct pn_arena *arena, const struct pn_rows *rows,
                              struct pn_case *ret_case, struct pn_err *err)
{
    *ret_case = (struct pn_case){.state = (enum pn_case_state)pn_rows_int(rows, 1),
                                 .version = pn_rows_int(rows, 2),
                                 .rank = pn_rows_int(rows, 3),
                                 .first_ms = pn_rows_int(rows, 4),
                                 .changed_ms = pn_rows_int(rows, 5),
                                 .set_by = pn_rows_text(rows, 6),
                                 .unit = pn_rows_text(rows, 7),
                                 .team = pn_rows_text(rows, 8),
                                 .reason = pn_rows_text(rows, 9),
                                 .again_ms = pn_rows_int(rows, 10),
                                 .has_grounds = pn_rows_int(rows, 12) > 0,
                                 .ended_ms = pn_rows_int(rows, 13),
                                 .is_in_error = pn_rows_int(rows, 14) != 0};
    ret_case->is_held = ret_case->state == PN_CASE_NEW && pn_rows_int(rows, 11) == 0;
    return keep(arena, &ret_case->set_by) && keep(arena, &ret_case->unit) &&
                   keep(arena, &ret_case->team) && keep(arena, &ret_case->reason)
               ? PN_OK
               : full(err);
}

static bool parse_cursor(struct pn_slice text, int64_t ret_place[static 2])
{
    struct pn_slice rest = text;
    for (unsigned i = 0; i < 2; i++) {
        struct pn_slice part = pn_slice_split(rest, '.', &rest);
        bool is_negative = part.len > 1 && part.ptr[0] == '-';
        part = is_negative ? pn_slice_of(part.ptr + 1, part.len - 1) : part;
        if (!pn_slice_to_i64(part, &ret_place[i])) {
            return false;
        }
        ret_place[i] = is_negative ? -ret_place[i] : ret_place[i];
    }
    return rest.len == 0;
}

struct page {
    struct pn_arena *arena;
    struct pn_case *cases;
    unsigned max, count;
    int64_t clients[PN_WORKLIST_PAGE_MAX];
    char *next;
};

static enum pn_code read_page(struct page *page, struct pn_rows *rows, struct pn_err *err)
{
    enum pn_code code = PN_OK;
    bool has_row = true;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code != PN_OK || !has_row) {
            break;
        }
        if (page->count == page->max) {
            return PN_OK; // `next` names the last one shown
        }
        struct pn_case *found = &page->cases[page->count];
        code = read_case(page->arena, rows, found, err);
        page->clients[page->count++] = pn_rows_int(rows, 0);
        (void)snprintf(page->next, PN_WORKLIST_CURSOR_BYTES, "%" PRId64 ".%" PRId64, found->rank,
                       pn_rows_int(rows, 0));
    }
    page->next[0] = '\0';
    return code;
}

static enum pn_code ask_page(struct pn_worklist *worklist, const struct pn_worklist_filter *filter,
                             unsigned max, struct pn_rows **ret_rows, struct pn_err *err)
{
    const uint32_t over = 1U << PN_CASE_LAPSED | 1U << PN_CASE_NOT_RELEVANT;
    int64_t place[2] = {INT64_MAX, INT64_MIN};
    if (filter->after.len > 0 && !parse_cursor(filter->after, place)) {
        return pn_err_set(err, PN_INVALID, "cursor", "not a cursor that this page gave");
    }
    const struct pn_value values[] = {
        PN_INT(filter->states == 0 ? ((1U << PN_CASE_STATE_COUNT) - 1) & ~over : filter->states),
        PN_INT(place[0]),
        PN_INT(place[1]),
        PN_INT(max + 1),
        PN_STR(filter->rule_id == NULL ? "" : filter->rule_id),
        PN_STR(filter->unit == NULL ? "" : filter->unit),
        PN_STR(filter->teams == NULL ? "" : filter->teams),
        PN_INT(filter->held_only ? 1 : 0),
        PN_INT(filter->states == 0 ? pn_clock_now_ms() : INT64_MAX),
        PN_INT(PN_CASE_REFUSES)};
    return pn_store_ask(
        worklist->store,
        "SELECT " CASE_COLUMNS " FROM cases WHERE merged_into = 0"
        " AND ((CAST(?1 AS BIGINT) >> CAST(state AS INTEGER)) & 1) = 1"
        " AND rank <= ?2 AND (rank < ?2 OR client > ?3)"
        " AND (CAST(?5 AS TEXT) = '' OR EXISTS (SELECT 1 FROM triggers t"
        " WHERE t.client = cases.client AND t.rule = ?5 AND t.state = 0))"
        " AND (CAST(?6 AS TEXT) = '' OR unit = ?6) AND (CAST(?7 AS TEXT) = ''"
        " OR (',' || ?7 || ',') LIKE ('%,' || team || ',%'))"
        " AND CASE WHEN state = 0 AND shown_ms = 0 THEN 1 ELSE 0 END = ?8"
        " AND again_ms <= ?9 AND (again_ms > 0 OR state <> ?10 OR ?9 = 9223372036854775807)"
        " ORDER BY rank DESC, client LIMIT ?4",
        values, PN_ARRAY_COUNT(values), ret_rows, err);
}

enum pn_code pn_worklist_page(struct pn_worklist *worklist, struct pn_arena *arena,
                              const struct pn_worklist_filter *filter, struct pn_case *ret_cases,
                              unsigned case_max, unsigned *ret_count,
                              char ret_next[static PN_WORKLIST_CURSOR_BYTES], struct pn_err *err)
{
    char next[PN_WORKLIST_CURSOR_BYTES] = "";
    struct page page = {.arena = arena,
                        .cases = ret_cases,
                        .max = case_max < PN_WORKLIST_PAGE_MAX ? case_max : PN_WORKLIST_PAGE_MAX,
                        .next = next};
    struct pn_rows *rows = NULL;
    pn_worklist_follow_rules(worklist);
    enum pn_code code = ask_page(worklist, filter, page.max, &rows, err);
    code = code == PN_OK ? read_page(&page, rows, err) : code;
    pn_rows_close(rows);
    for (unsigned i = 0; i < page.count && code == PN_OK; i++) {
        code = pn_client_key_of(worklist->store, page.clients[i], ret_cases[i].client, err);
        code = code == PN_OK
                   ? load_triggers(worklist, arena, page.clients[i], false, &ret_cases[i], err)
                   : code;
    }
    if (code == PN_OK) {
        *ret_count = page.count;
        memcpy(ret_next, next, sizeof next);
    }
    return code;
}

enum pn_code pn_worklist_case(struct pn_worklist *worklist, struct pn_arena *arena,
                              struct pn_slice client, struct pn_case *ret_case, struct pn_err *err)
{
    int64_t number = 0;
    struct pn_rows *rows = NULL;
    bool has_row = false;
    struct pn_case found;
    pn_worklist_follow_rules(worklist);
    enum pn_code code = pn_client_find(worklist->store, client, &number, err);
    const struct pn_value values[] = {PN_INT(number)};
    code = code == PN_OK ? pn_store_ask(worklist->store,
                                        "SELECT " CASE_COLUMNS " FROM cases WHERE client = ?1",
                                        values, 1, &rows, err)
                         : code;
    code = code == PN_OK ? pn_rows_next(rows, &has_row, err) : code;
    if (code == PN_OK && !has_row) {
        code = pn_err_set(err, PN_NOT_FOUND, "client", "never on the work list");
    }
    code = code == PN_OK ? read_case(arena, rows, &found, err) : code;
    pn_rows_close(rows);
    code = code == PN_OK ? pn_client_key_of(worklist->store, number, found.client, err) : code;
    code = code == PN_OK ? load_triggers(worklist, arena, number, true, &found, err) : code;
    if (code == PN_OK) {
        *ret_case = found;
    }
    return code;
}

enum pn_code pn_worklist_triggers(struct pn_worklist *worklist, struct pn_arena *arena,
                                  struct pn_slice client, struct pn_case *ret_case,
                                  struct pn_err *err)
{
    int64_t number = 0;
    struct pn_case found = {.trigger_count = 0};
    pn_worklist_follow_rules(worklist);
    enum pn_code code = pn_client_find(worklist->store, client, &number, err);
    code = code == PN_OK ? pn_client_key_of(worklist->store, number, found.client, err) : code;
    code = code == PN_OK ? load_triggers(worklist, arena, number, true, &found, err) : code;
    if (code == PN_OK) {
        *ret_case = found;
    }
    return code;
}

enum pn_code pn_worklist_counts(struct pn_worklist *worklist,
                                int64_t ret_by_state[static PN_CASE_STATE_COUNT],
                                struct pn_err *err)
{
    int64_t counts[PN_CASE_STATE_COUNT] = {0};
    struct pn_rows *rows = NULL;
    enum pn_code code = pn_store_ask(
        worklist->store, "SELECT state, count(*) FROM cases WHERE merged_into = 0 GROUP BY state",
        NULL, 0, &rows, err);
    bool has_row = code == PN_OK;
    while (code == PN_OK && has_row) {
        code = pn_rows_next(rows, &has_row, err);
        if (code == PN_OK && has_row && pn_rows_int(rows, 0) >= 0 &&
            pn_rows_int(rows, 0) < PN_CASE_STATE_COUNT) {
            counts[pn_rows_int(rows, 0)] = pn_rows_int(rows, 1);
        }
    }
    pn_rows_close(rows);
    if (code == PN_OK) {
        memcpy(ret_by_state, counts, sizeof counts);
    }
    return code;
}

// --- The Flag ------------------------------------------------------------------------------------

cJSON *pn_worklist_flag(const struct pn_case *found)
{
    const struct pn_flag_view view = {.client_key = found->client,
                                      .first_ms = found->first_ms,
                                      .rank = found->rank,
                                      .is_active = found->has_grounds,
                                      .is_in_error = found->is_in_error,
                                      .ended_ms = found->ended_ms};
    struct pn_buf text;
    struct pn_err ignored;
    cJSON *flag = NULL;
    pn_buf_init(&text, FLAG_BYTES_MAX);
    pn_flag_print(&view, &text);
    bool is_made = pn_buf_ok(&text) && pn_json_parse(pn_buf_slice(&text), &flag, &ignored) == PN_OK;
    pn_buf_release(&text);
    return is_made ? flag : NULL;
}
