// SPDX-License-Identifier: Apache-2.0
// punos adapter encode: what a records system gets of a plan.
#include <stdio.h>

#include "base/file.h"
#include "base/limits.h"
#include "fhir/json.h"
#include "run/command.h"
#include "services/tool/adapter_text.h"
#include "services/tool/loss_text.h"

enum { OPTION_LOSS, OPTION_LOSS_JSON, OPTION_COUNT };

#define BOOT_BYTES_MAX ((size_t)256 * 1024 * 1024)

static void print_documents(const struct pn_document_out *document)
{
    for (; document != NULL; document = document->next) {
        fwrite(document->bytes.ptr, 1, document->bytes.len, stdout);
        if (document->bytes.len > 0 && document->bytes.ptr[document->bytes.len - 1] != '\n') {
            putchar('\n');
        }
    }
}

static enum pn_code print_loss(struct pn_arena *boot, struct pn_adapter *adapter,
                               struct pn_slice bytes, bool is_json, struct pn_err *err)
{
    struct pn_plan_out plan;
    struct pn_loss_report report;
    enum pn_code code = pn_adapter_sample_plan(adapter, boot, bytes, &plan, err);
    if (code == PN_OK) {
        code = pn_plan_loss_find(boot, adapter, &plan, &report, err);
    }
    if (code != PN_OK) {
        return code;
    }
    if (!is_json) {
        pn_loss_print(boot, &report, stdout);
        return PN_OK;
    }
    const cJSON *json = pn_loss_json(boot, &report);
    const char *text = json == NULL ? NULL : pn_adapter_pretty(boot, json);
    if (text == NULL) {
        return pn_err_set(err, PN_MEMORY, "", "no memory");
    }
    fputs(text, stdout);
    return PN_OK;
}

static enum pn_code encode(struct pn_arena *boot, const struct pn_arguments *arguments,
                           const struct pn_config *config, struct pn_err *err)
{
    struct pn_adapter *adapter = NULL;
    struct pn_slice bytes;
    const struct pn_document_out *document = NULL;
    enum pn_code code = pn_adapter_open(boot, config, arguments->operands[0], &adapter, err);
    if (code == PN_OK) {
        code = pn_file_read(boot, arguments->operands[1], PN_MESSAGE_BYTES_MAX, &bytes, err);
    }
    bool is_json = arguments->values[OPTION_LOSS_JSON] != NULL;
    if (code == PN_OK && (is_json || arguments->values[OPTION_LOSS] != NULL)) {
        return print_loss(boot, adapter, bytes, is_json, err);
    }
    if (code == PN_OK) {
        code = pn_adapter_sample_encode(adapter, boot, bytes, &document, err);
    }
    if (code == PN_OK) {
        print_documents(document);
    }
    return code;
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    struct pn_err err = {0};
    struct pn_arena *boot = pn_arena_new(BOOT_BYTES_MAX);
    if (boot == NULL) {
        fputs("punos: no memory\n", stderr);
        return PN_EXIT_BROKEN;
    }
    enum pn_code code = encode(boot, arguments, config, &err);
    if (code != PN_OK) {
        fprintf(stderr, "%s: %s: %s\n", arguments->operands[1], err.where, err.text);
    }
    pn_json_use_arena(NULL);
    pn_arena_free(boot);
    return pn_command_exit(code);
}

static const struct pn_option options[OPTION_COUNT] = {
    [OPTION_LOSS] = {"loss", PN_OPTION_FLAG, NULL,
                     "instead of the documents: what of the plan they do not hold"},
    [OPTION_LOSS_JSON] = {"loss-json", PN_OPTION_FLAG, NULL, "the same as JSON"},
};

const struct pn_command pn_command_adapter_encode = {
    .name = "adapter encode",
    .operands = "NAME PLAN.json",
    .summary = "show what a records system gets of a plan",
    .description =
        "Prints the documents that the adapter NAME makes of a plan or case. PLAN.json is a "
        "CarePlan or Flag (then a made-up person's), or an object with plan or case, patient, "
        "previous, clientships, withdrawn and system (the name that the configuration gives it). "
        "Clock and document id are fixed, so the same plan gives the same text.",
    .options = options,
    .option_count = OPTION_COUNT,
    .operand_min = 2,
    .operand_max = 2,
    .run = run,
};
