// SPDX-License-Identifier: Apache-2.0
// punos adapter check: loads adapters, runs their samples, names rows that no sample reaches.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "run/command.h"
#include "services/tool/adapter_samples.h"

enum { OPTION_UPDATE, FOLDERS_MAX = 256, LIBRARY_ROWS_MAX = 4096 };

#define BOOT_BYTES_MAX ((size_t)256 * 1024 * 1024)

// A library's row, and whether any adapter's sample has reached it.
struct library_row {
    const char *file; // ../_hl7v2/in/visit.yaml
    unsigned line;
    bool is_reached;
};

struct check {
    struct pn_arena *boot;
    struct pn_arena *arena; // of one sample
    bool update;
    unsigned faults;
    struct library_row *library_rows; // when all adapters are checked; NULL: nobody asks
    unsigned library_row_count;
};

static void complain(struct check *check, const char *adapter, const struct pn_err *err)
{
    fprintf(stderr, "%s: %s: %s\n", adapter, err->where, err->text);
    check->faults++;
}

// One line for each file: its rows that nothing reaches.
static void complain_row(struct check *check, const char *name, const char **file,
                         const struct pn_adapter_row *row)
{
    if (*file == NULL || strcmp(*file, row->file) != 0) {
        fprintf(stderr, "%s%s: %s: no sample reaches the rows at line", *file == NULL ? "" : "\n",
                name, row->file);
        *file = row->file;
    }
    fprintf(stderr, " %u", row->line);
    check->faults++;
}

static void note_library_row(struct check *check, const struct pn_adapter_row *row, bool is_reached)
{
    for (unsigned i = 0; i < check->library_row_count; i++) {
        struct library_row *known = &check->library_rows[i];
        if (known->line == row->line && strcmp(known->file, row->file) == 0) {
            known->is_reached = known->is_reached || is_reached;
            return;
        }
    }
    if (check->library_rows != NULL && check->library_row_count < LIBRARY_ROWS_MAX) {
        check->library_rows[check->library_row_count++] =
            (struct library_row){row->file, row->line, is_reached};
    }
}

// Returns how many rows are the adapter's own.
static unsigned check_rows(struct check *check, const struct pn_adapter *adapter, const char *name,
                           const unsigned char *hits)
{
    const char *file = NULL;
    unsigned own = 0;
    for (unsigned i = 0; i < pn_adapter_row_count(adapter); i++) {
        struct pn_adapter_row row = pn_adapter_row(adapter, i);
        own += row.is_library ? 0 : 1;
        if (row.is_library) {
            note_library_row(check, &row, hits[i] != 0);
        } else if (hits[i] == 0) {
            complain_row(check, name, &file, &row);
        }
    }
    if (file != NULL) {
        fputc('\n', stderr);
    }
    return own;
}

static int compare_library_rows(const void *a, const void *b)
{
    const struct library_row *left = a, *right = b;
    int order = strcmp(left->file, right->file);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

// A library has no samples of its own: its rows are reached by those of the adapters that use it.
static void check_library_rows(struct check *check)
{
    const char *file = NULL;
    unsigned faults = check->faults;
    qsort(check->library_rows, check->library_row_count, sizeof *check->library_rows,
          compare_library_rows);
    for (unsigned i = 0; i < check->library_row_count; i++) {
        const struct library_row *row = &check->library_rows[i];
        const struct pn_adapter_row place = {.file = row->file, .line = row->line};
        if (!row->is_reached) {
            complain_row(check, "libraries", &file, &place);
        }
    }
    if (file != NULL) {
        fputc('\n', stderr);
    }
    if (faults == check->faults && check->library_row_count > 0) {
        printf("libraries: good; %u rows, every row is reached by some adapter's sample\n",
               check->library_row_count);
    }
}

static void check_samples(struct check *check, struct pn_adapter *adapter, const char *folder,
                          const char *name)
{
    const char *names[PN_SAMPLES_MAX];
    unsigned count = 0, faults = check->faults;
    struct pn_err err = {0};
    unsigned char *hits = pn_arena_alloc(check->boot, pn_adapter_row_count(adapter) + 1);
    if (hits == NULL || pn_adapter_samples(check->boot, folder, names, &count, &err) != PN_OK) {
        complain(check, name, &err);
        return;
    }
    pn_adapter_watch(adapter, hits);
    for (unsigned i = 0; i < count; i++) {
        pn_arena_reset(check->arena);
        if (pn_adapter_sample_run(adapter, check->arena, folder, names[i], check->update, &err) !=
            PN_OK) {
            complain(check, name, &err);
        }
    }
    pn_adapter_watch(adapter, NULL);
    unsigned own = check_rows(check, adapter, name, hits);
    if (faults == check->faults) {
        unsigned shared = pn_adapter_row_count(adapter) - own;
        printf("%s: good; %u rows, %u samples, every row is reached", name, own, count);
        if (shared > 0) {
            printf("; %u rows of libraries", shared);
        }
        putchar('\n');
    }
}

static void check_one(struct check *check, const struct pn_config *config, const char *name)
{
    struct pn_adapter *adapter = NULL;
    struct pn_err err = {0};
    const char *folder = pn_arena_printf(check->boot, "%s/%s", config->adapters_dir, name);
    if (folder == NULL || pn_adapter_open(check->boot, config, name, &adapter, &err) != PN_OK) {
        complain(check, name, &err);
        return;
    }
    if (strcmp(pn_adapter_info(adapter)->name, name) != 0) {
        pn_err_set(&err, PN_INVALID, "adapter.yaml name", "is the folder's name: %s", name);
        complain(check, name, &err);
        return;
    }
    check_samples(check, adapter, folder, name);
}

// A folder without adapter.yaml whose name begins with _ is a library.
static bool is_library(struct check *check, const char *adapters_dir, const char *name)
{
    const char *path = pn_arena_printf(check->boot, "%s/%s/adapter.yaml", adapters_dir, name);
    return name[0] == '_' && path != NULL && access(path, F_OK) != 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check_all(struct check *check, const struct pn_config *config)
{
    const char *names[FOLDERS_MAX];
    unsigned count = 0;
    DIR *directory = opendir(config->adapters_dir);
    struct dirent *entry;
    if (directory == NULL) {
        fprintf(stderr, "punos: no adapters in %s\n", config->adapters_dir);
        return PN_EXIT_BROKEN;
    }
    while ((entry = readdir(directory)) != NULL && count < FOLDERS_MAX) {
        if (entry->d_name[0] != '.' && entry->d_type != DT_REG &&
            !is_library(check, config->adapters_dir, entry->d_name)) {
            names[count] = pn_arena_copy(check->boot, pn_slice_str(entry->d_name));
            count += names[count] != NULL ? 1 : 0;
        }
    }
    closedir(directory);
    qsort(names, count, sizeof *names, compare_names);
    for (unsigned i = 0; i < count; i++) {
        check_one(check, config, names[i]);
    }
    check_library_rows(check);
    return PN_EXIT_DONE;
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct check check = {.boot = pn_arena_new(BOOT_BYTES_MAX),
                          .arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX),
                          .update = arguments->values[OPTION_UPDATE] != NULL};
    int result = check.boot == NULL || check.arena == NULL ? PN_EXIT_BROKEN : PN_EXIT_DONE;
    if (result == PN_EXIT_DONE && arguments->operand_count == 0) {
        check.library_rows =
            pn_arena_alloc_array(check.boot, LIBRARY_ROWS_MAX, sizeof *check.library_rows);
        result = check.library_rows == NULL ? PN_EXIT_BROKEN : check_all(&check, config);
    }
    for (unsigned i = 0; result == PN_EXIT_DONE && i < arguments->operand_count; i++) {
        check_one(&check, config, arguments->operands[i]);
    }
    pn_arena_free(check.boot);
    pn_arena_free(check.arena);
    return result == PN_EXIT_DONE && check.faults > 0 ? PN_EXIT_NO : result;
}

static const struct pn_option options[] = {
    [OPTION_UPDATE] = {"update", PN_OPTION_FLAG, NULL,
                       "write what the samples give as the expected results"},
};

const struct pn_command pn_command_adapter_check = {
    .name = "adapter check",
    .operands = "[NAME…]",
    .summary = "check adapters: their files, their samples, and rows that no sample reaches",
    .description =
        "Loads each adapter as the hub does, runs every file of its samples/ and compares "
        "with the expected result beside it, and names every mapping row that no sample "
        "reaches, with file and line. Without NAME all adapters are checked, and then the "
        "rows of the libraries that they share. The exit status is 1 when anything is wrong.",
    .options = options,
    .option_count = 1,
    .operand_min = 0,
    .operand_max = 64,
    .run = run,
};
