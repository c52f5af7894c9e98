// SPDX-License-Identifier: Apache-2.0
// punos adapter encode: what a records system gets of a plan.
#include <stdio.h>

#include "base/file.h"
#include "base/limits.h"
#include "fhir/json.h"
#include "run/command.h"
#include "services/tool/adapter_text.h"

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

const struct pn_command pn_command_adapter_encode = {
    .name = "adapter encode",
    .operands = "NAME PLAN.json",
    .summary = "show what a records system gets of a plan",
    .description =
        "Prints the documents that the adapter NAME makes of a plan or case. PLAN.json is a "
        "CarePlan or Flag (then a made-up person's), or an object with plan or case, patient, "
        "previous, clientships, withdrawn and system (the name that the configuration gives it). "
        "Clock and document id are fixed, so the same plan gives the same text.",
    .operand_min = 2,
    .operand_max = 2,
    .run = run,
};
