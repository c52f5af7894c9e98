// SPDX-License-Identifier: Apache-2.0
/*
 * punos codes list, codes show NAME, codes load FILE --table NAME, codes restore NAME.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "run/command.h"
#include "services/tool/codes_list.h"

enum { SHOWN_CHANGES_MAX = 50 };
#define ARENA_BYTES_MAX ((size_t)1024 * 1024 * 1024)

static int finish(struct pn_arena *arena, enum pn_code code, const struct pn_err *err)
{
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s\n", err->where, err->text);
    }
    pn_arena_free(arena);
    return pn_command_exit(code);
}

static enum pn_code new_arena(struct pn_arena **ret_arena, struct pn_err *err)
{
    *ret_arena = pn_arena_new(ARENA_BYTES_MAX);
    return *ret_arena != NULL ? PN_OK : pn_err_set(err, PN_MEMORY, "punos", "no memory");
}

static enum pn_code read_table(struct pn_arena *arena, const struct pn_config *config,
                               const char *name, struct pn_codes_place *place,
                               struct pn_codes *codes, struct pn_err *err)
{
    enum pn_code code = pn_codes_place(arena, config, name, place, err);
    return code != PN_OK ? code : pn_codes_read(arena, place, codes, err);
}

// --- list, show ----------------------------------------------------------------------------------

static int list(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)arguments;
    struct pn_arena *arena = NULL;
    struct pn_err err = {0};
    const char *names[PN_CODES_TABLES_MAX];
    unsigned count = 0;
    enum pn_code code = new_arena(&arena, &err);
    code = code == PN_OK ? pn_codes_names(arena, config, names, &count, &err) : code;
    for (unsigned i = 0; code == PN_OK && i < count; i++) {
        struct pn_codes_place place;
        struct pn_codes codes;
        code = read_table(arena, config, names[i], &place, &codes, &err);
        if (code == PN_OK) {
            struct pn_slice system = codes.count == 0 ? (struct pn_slice){0} : codes.rows[0].system;
            printf("national/%-22s %6u codes  %-7s  %.*s\n", names[i], codes.count,
                   place.is_loaded ? "loaded" : "shipped", PN_SLICE_FMT(system));
        }
    }
    return finish(arena, code, &err);
}

static int show(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_arena *arena = NULL;
    struct pn_err err = {0};
    struct pn_codes_place place;
    struct pn_codes codes = {0};
    enum pn_code code = new_arena(&arena, &err);
    if (code == PN_OK) {
        code = read_table(arena, config, arguments->operands[0], &place, &codes, &err);
    }
    if (code == PN_OK && !place.is_loaded && !place.is_shipped) {
        code = pn_err_set(&err, PN_NOT_FOUND, place.name,
                          "no such national table; see punos codes list");
    }
    for (unsigned i = 0; code == PN_OK && i < codes.count; i++) {
        const struct pn_codes_row *row = &codes.rows[i];
        printf("%.*s\t%.*s\t%.*s\t%.*s\t%.*s\n", PN_SLICE_FMT(row->from), PN_SLICE_FMT(row->to),
               PN_SLICE_FMT(row->display), PN_SLICE_FMT(row->note), PN_SLICE_FMT(row->source));
    }
    return finish(arena, code, &err);
}

// --- load, restore -------------------------------------------------------------------------------

enum { OPTION_TABLE, OPTION_MAP, OPTION_CHARSET, OPTION_SYSTEM, OPTION_DRY_RUN, OPTION_FORCE };

static void print_change(const struct pn_codes_change *change)
{
    static const char signs[PN_CODES_CHANGES] = {'+', '-', '~'};
    printf("%c %-10.*s ", signs[change->kind], PN_SLICE_FMT(change->code));
    if (change->kind == PN_CODES_RENAMED) {
        printf("%.*s → %.*s\n", PN_SLICE_FMT(change->was), PN_SLICE_FMT(change->is));
    } else {
        struct pn_slice name = change->kind == PN_CODES_ADDED ? change->is : change->was;
        printf("%.*s\n", PN_SLICE_FMT(name));
    }
}

static void print_news(const struct pn_codes_news *news)
{
    for (unsigned i = 0; i < news->change_count && i < SHOWN_CHANGES_MAX; i++) {
        print_change(&news->changes[i]);
    }
    if (news->change_count > SHOWN_CHANGES_MAX) {
        printf("… and %u changes more\n", news->change_count - SHOWN_CHANGES_MAX);
    }
    printf("%u codes: %u added, %u removed, %u renamed, %u the same; %u no longer in use\n",
           news->codes.count, news->counts[PN_CODES_ADDED], news->counts[PN_CODES_REMOVED],
           news->counts[PN_CODES_RENAMED], news->same, news->expired);
    if (news->unexplained > 0) {
        printf("%u added codes have no meaning yet: fill in the column `to`\n", news->unexplained);
    }
}

// A list that lacks most of today's codes is most likely another table's.
static enum pn_code check_fits(const struct pn_codes *today, const struct pn_codes_news *news,
                               bool is_forced, struct pn_err *err)
{
    unsigned removed = news->counts[PN_CODES_REMOVED];
    return 2 * removed <= today->count || is_forced
               ? PN_OK
               : pn_err_set(err, PN_INVALID, "--table",
                            "the list lacks %u of this table's %u codes: is it the right one? "
                            "--force loads it all the same",
                            removed, today->count);
}

static enum pn_code load_list(struct pn_arena *arena, const struct pn_arguments *arguments,
                              const struct pn_config *config, struct pn_err *err)
{
    const char *const *values = arguments->values;
    struct pn_codes_list_options options = {.file = arguments->operands[0],
                                            .map = values[OPTION_MAP],
                                            .charset = values[OPTION_CHARSET],
                                            .system = values[OPTION_SYSTEM],
                                            .now_ms = pn_clock_now_ms()};
    struct pn_codes_place place;
    struct pn_codes today;
    struct pn_codes_news news;
    enum pn_code code = read_table(arena, config, values[OPTION_TABLE], &place, &today, err);
    if (code == PN_OK) {
        code = pn_file_read(arena, options.file, PN_CODES_LIST_BYTES_MAX, &options.bytes, err);
    }
    code = code == PN_OK ? pn_codes_list_read(arena, &options, &today, &news, err) : code;
    if (code != PN_OK) {
        return code;
    }
    print_news(&news);
    code = check_fits(&today, &news, values[OPTION_FORCE] != NULL, err);
    if (code != PN_OK || values[OPTION_DRY_RUN] != NULL) {
        return code;
    }
    code = pn_codes_write(&place, &news.codes, err);
    if (code == PN_OK) {
        printf("%s: written. Adapters read tables when they start: restart the hub.\n"
               "To go back: punos codes restore %s\n",
               place.loaded, place.name);
    }
    return code;
}

static int load(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_arena *arena = NULL;
    struct pn_err err = {0};
    if (arguments->values[OPTION_TABLE] == NULL) {
        fprintf(stderr, "punos codes load: --table NAME says which table; see punos codes list\n");
        return PN_EXIT_USE;
    }
    enum pn_code code = new_arena(&arena, &err);
    code = code == PN_OK ? load_list(arena, arguments, config, &err) : code;
    return finish(arena, code, &err);
}

static int restore(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_arena *arena = NULL;
    struct pn_err err = {0};
    struct pn_codes_place place;
    enum pn_code code = new_arena(&arena, &err);
    if (code == PN_OK) {
        code = pn_codes_place(arena, config, arguments->operands[0], &place, &err);
    }
    code = code == PN_OK ? pn_codes_restore(&place, &err) : code;
    if (code == PN_OK) {
        printf("%s: %s. Restart the hub.\n", place.name,
               place.has_previous ? "the table before the last load is back"
                                  : "the table that came with Punos is back");
    }
    return finish(arena, code, &err);
}

static const struct pn_option load_options[] = {
    [OPTION_TABLE] = {"table", PN_OPTION_TEXT, "NAME", "the table that the list is loaded over"},
    [OPTION_MAP] = {"map", PN_OPTION_TEXT, "COLUMNS",
                    "columns of the file, as code=Id,name=Nimi; also short, begin, end, oid"},
    [OPTION_CHARSET] = {"charset", PN_OPTION_TEXT, "NAME",
                        "of the file; without it UTF-8, else ISO-8859-1"},
    [OPTION_SYSTEM] = {"system", PN_OPTION_TEXT, "URI",
                       "the code system; without it today's, else what the column OID tells"},
    [OPTION_DRY_RUN] = {"dry-run", PN_OPTION_FLAG, NULL, "only show what would change"},
    [OPTION_FORCE] = {"force", PN_OPTION_FLAG, NULL,
                      "also when the list lacks most of today's codes"},
};

const struct pn_command pn_command_codes_list = {
    .name = "codes list",
    .operands = "",
    .summary = "list the national code tables",
    .description = "One line per table: its name in a mapping, how many codes it has, whether it "
                   "came with Punos or was loaded here, and its code system.",
    .run = list,
};

const struct pn_command pn_command_codes_show = {
    .name = "codes show",
    .operands = "NAME",
    .summary = "show a national code table",
    .description = "One line per code, separated by tabs: the code, what it becomes, its name, a "
                   "note, and where the row is from.",
    .operand_min = 1,
    .operand_max = 1,
    .run = show,
};

const struct pn_command pn_command_codes_load = {
    .name = "codes load",
    .operands = "FILE",
    .summary = "load a national code list over a table",
    .description =
        "Reads a list as the national code server gives it for download (columns CodeId, LongName, "
        "BeginningDate, ExpiringDate, OID; separated by semicolons, ISO 8859-1), shows what it "
        "changes, and writes it to codes/NAME.csv in the data folder, which goes before the table "
        "that came with Punos. Codes that both have keep their meaning and note; expired ones "
        "stay, since old entries have them. A fault is named with file, line and column, and then "
        "nothing changes. The hub reads it when it is restarted.",
    .options = load_options,
    .option_count = PN_ARRAY_COUNT(load_options),
    .operand_min = 1,
    .operand_max = 1,
    .run = load,
};

const struct pn_command pn_command_codes_restore = {
    .name = "codes restore",
    .operands = "NAME",
    .summary = "take back the last codes load of a table",
    .description = "The table is again what it was before the last load: the one loaded before it, "
                   "else the one that came with Punos.",
    .operand_min = 1,
    .operand_max = 1,
    .run = restore,
};
