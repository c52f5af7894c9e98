// SPDX-License-Identifier: Apache-2.0
#include "services/tool/adapter_samples.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "fhir/json.h"
#include "services/tool/adapter_text.h"
#include "services/tool/loss_text.h"

static const char plan_ending[] = ".plan.json";
static const char case_ending[] = ".case.json";
static const char expected_ending[] = ".expected.json";
static const char loss_ending[] = ".loss.json";

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), end = strlen(ending);
    return length > end && strcmp(text + length - end, ending) == 0;
}

// A sample of what goes out: a plan or a case.
static bool is_out(const char *name)
{
    _Static_assert(sizeof plan_ending == sizeof case_ending, "cut off alike");
    return ends_with(name, plan_ending) || ends_with(name, case_ending);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum pn_code pn_adapter_samples(struct pn_arena *arena, const char *folder, const char **ret_names,
                                unsigned *ret_count, struct pn_err *err)
{
    const char *path = pn_arena_printf(arena, "%s/samples", folder);
    DIR *directory = path == NULL ? NULL : opendir(path);
    unsigned count = 0;
    struct dirent *entry;
    enum pn_code code = PN_OK;
    while (directory != NULL && code == PN_OK && (entry = readdir(directory)) != NULL) {
        const char *name = entry->d_name;
        if (name[0] == '.' || ends_with(name, expected_ending) || ends_with(name, loss_ending) ||
            ends_with(name, ".md")) {
            continue;
        }
        ret_names[count] = pn_arena_copy(arena, pn_slice_str(name));
        if (ret_names[count] == NULL || ++count == PN_SAMPLES_MAX) {
            code = pn_err_set(err, PN_LIMIT, "samples", "over %d files", PN_SAMPLES_MAX);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (code == PN_OK) {
        qsort(ret_names, count, sizeof *ret_names, compare_names);
        *ret_count = count;
    }
    return code;
}

static enum pn_code write_file(const char *path, const char *text, struct pn_err *err)
{
    FILE *file = fopen(path, "we");
    bool is_written = file != NULL && fputs(text, file) >= 0;
    if (file != NULL && fclose(file) != 0) {
        is_written = false;
    }
    return is_written ? PN_OK : pn_err_set(err, PN_IO, path, "cannot be written");
}

// "samples/a01.hl7" → "samples/a01.expected.json"
static const char *beside(struct pn_arena *arena, const char *name, const char *ending)
{
    size_t length = strlen(name);
    if (is_out(name)) {
        length -= strlen(plan_ending); // both endings are as long
    } else {
        const char *dot = strrchr(name, '.');
        length = dot == NULL ? length : (size_t)(dot - name);
    }
    return pn_arena_printf(arena, "%.*s%s", (int)length, name, ending);
}

static enum pn_code compare(struct pn_arena *arena, const char *path, const char *name,
                            const cJSON *made, struct pn_err *err)
{
    struct pn_slice text;
    cJSON *expected = NULL;
    enum pn_code code = pn_file_read(arena, path, PN_MESSAGE_BYTES_MAX, &text, err);
    if (code != PN_OK) {
        return pn_err_set(err, PN_INVALID, name,
                          "has no %s beside it: `punos adapter check --update` writes one; read it "
                          "before you keep it",
                          strrchr(path, '/') + 1);
    }
    code = pn_json_parse(text, &expected, err);
    if (code != PN_OK) {
        return pn_err_within(err, strrchr(path, '/') + 1);
    }
    const char *difference = pn_adapter_difference(arena, made, expected);
    return difference == NULL ? PN_OK
                              : pn_err_set(err, PN_INVALID, name, "is not as expected at %s",
                                           difference[0] == '\0' ? "its length" : difference);
}

// What of a plan in force the adapter's documents do not hold. A plan that the adapter refuses has
// no such file.
static enum pn_code run_loss(struct pn_adapter *adapter, struct pn_arena *arena, const char *path,
                             struct pn_slice bytes, bool update, struct pn_err *err)
{
    struct pn_plan_out plan;
    struct pn_loss_report report;
    struct pn_err refusal;
    const char *name = strrchr(path, '/') + 1;
    const char *kept = beside(arena, path, loss_ending);
    enum pn_code code = pn_adapter_sample_plan(adapter, arena, bytes, &plan, err);
    if (code != PN_OK || kept == NULL || plan.of != PN_OUT_PLAN || plan.withdrawn ||
        pn_plan_loss_find(arena, adapter, &plan, &report, &refusal) != PN_OK) {
        return code;
    }
    const cJSON *made = pn_loss_json(arena, &report);
    const char *text = made == NULL ? NULL : pn_adapter_pretty(arena, made);
    if (text == NULL) {
        return pn_err_set(err, PN_MEMORY, name, "no memory");
    }
    return update ? write_file(kept, text, err) : compare(arena, kept, name, made, err);
}

enum pn_code pn_adapter_sample_run(struct pn_adapter *adapter, struct pn_arena *arena,
                                   const char *folder, const char *name, bool update,
                                   struct pn_err *err)
{
    const char *path = pn_arena_printf(arena, "%s/samples/%s", folder, name);
    const char *expected = path == NULL ? NULL : beside(arena, path, expected_ending);
    struct pn_slice bytes;
    if (expected == NULL) {
        return pn_err_set(err, PN_MEMORY, name, "no memory");
    }
    enum pn_code code = pn_file_read(arena, path, PN_MESSAGE_BYTES_MAX, &bytes, err);
    if (code != PN_OK) {
        return code;
    }
    pn_json_use_arena(arena);
    const char *fault = NULL;
    const cJSON *made = is_out(name) ? pn_adapter_sample_out(adapter, arena, bytes)
                                     : pn_adapter_sample_in(adapter, arena, name, bytes, &fault);
    const char *text = made == NULL ? NULL : pn_adapter_pretty(arena, made);
    if (text == NULL) {
        code = pn_err_set(err, PN_MEMORY, name, "no memory");
    } else if (update) {
        code = write_file(expected, text, err);
    } else {
        code = compare(arena, expected, name, made, err);
    }
    if (code == PN_OK && ends_with(name, plan_ending)) {
        code = run_loss(adapter, arena, path, bytes, update, err);
    }
    if (code == PN_OK && fault != NULL) {
        code = pn_err_set(err, PN_INVALID, name, "is no valid FHIR: %s", fault);
    }
    pn_json_use_arena(NULL);
    return code;
}
