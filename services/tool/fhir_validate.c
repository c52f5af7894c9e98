// SPDX-License-Identifier: Apache-2.0
// punos fhir validate: one OperationOutcome per file, a line each, in the order of the files.
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "fhir/fhir.h"
#include "services/commands.h"

enum { EXIT_GOOD = 0, EXIT_NO = 1, EXIT_BROKEN = 3, READ_BYTES = 64 * 1024 };

// A tool for people: it takes larger files than the hub takes messages.
#define FILE_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define FILE_ARENA_BYTES_MAX ((size_t)2 * 1024 * 1024 * 1024)

static enum pn_code read_stream(FILE *file, const char *name, struct pn_buf *text,
                                struct pn_err *err)
{
    char bytes[READ_BYTES];
    size_t count = 0;
    while ((count = fread(bytes, 1, sizeof bytes, file)) > 0 && pn_buf_ok(text)) {
        pn_buf_add(text, bytes, count);
    }
    if (ferror(file)) {
        return pn_err_set(err, PN_IO, name, "the file cannot be read");
    }
    return pn_buf_ok(text) ? PN_OK
                           : pn_err_set(err, PN_LIMIT, name, "the file is larger than %zu bytes",
                                        FILE_BYTES_MAX);
}

static enum pn_code read_file(const char *name, struct pn_buf *text, struct pn_err *err)
{
    if (pn_slice_is(pn_slice_str(name), "-")) {
        return read_stream(stdin, name, text, err);
    }
    FILE *file = fopen(name, "rbe");
    if (file == NULL) {
        return pn_err_set(err, PN_IO, name, "the file cannot be opened");
    }
    enum pn_code code = read_stream(file, name, text, err);
    fclose(file);
    return code;
}

static int print_outcome(const cJSON *outcome, bool is_good)
{
    struct pn_buf line;
    struct pn_err err;
    pn_buf_init(&line, PN_MESSAGE_BYTES_MAX);
    bool done = outcome != NULL && pn_json_print(outcome, &line, &err) == PN_OK;
    if (done) {
        puts(line.data);
    } else {
        fputs("punos fhir validate: memory is exhausted\n", stderr);
    }
    pn_buf_release(&line);
    if (!done) {
        return EXIT_BROKEN;
    }
    return is_good ? EXIT_GOOD : EXIT_NO;
}

static int validate_text(struct pn_slice text, struct pn_fhir_report *report)
{
    cJSON *resource = NULL;
    struct pn_err err;
    if (pn_json_parse(text, &resource, &err) != PN_OK) {
        return print_outcome(pn_fhir_error_outcome(&err), false);
    }
    bool is_good = pn_fhir_validate(resource, report);
    return print_outcome(pn_fhir_report_outcome(report), is_good);
}

static int validate_file(const char *name, struct pn_fhir_report *report)
{
    struct pn_buf text;
    struct pn_err err;
    pn_buf_init(&text, FILE_BYTES_MAX);
    enum pn_code code = read_file(name, &text, &err);
    int status = 0;
    if (code == PN_OK) {
        status = validate_text(pn_buf_slice(&text), report);
    } else {
        fprintf(stderr, "punos fhir validate: %s: %s\n", err.where, err.text);
        status = print_outcome(pn_fhir_error_outcome(&err), false);
        status = code == PN_IO ? EXIT_BROKEN : status;
    }
    pn_buf_release(&text);
    return status;
}

static int run(const struct pn_arguments *arguments, const struct pn_config *config)
{
    (void)config;
    struct pn_arena *arena = pn_arena_new(FILE_ARENA_BYTES_MAX);
    struct pn_fhir_report *report = calloc(1, sizeof *report);
    int worst = arena == NULL || report == NULL ? EXIT_BROKEN : EXIT_GOOD;
    for (unsigned i = 0; worst != EXIT_BROKEN && i < arguments->operand_count; i++) {
        pn_json_use_arena(arena);
        int status = validate_file(arguments->operands[i], report);
        worst = status > worst ? status : worst;
        pn_arena_reset(arena);
    }
    pn_json_use_arena(NULL);
    free(report);
    pn_arena_free(arena);
    return worst;
}

const struct pn_command pn_command_fhir_validate = {
    .name = "fhir validate",
    .operands = "FILE…",
    .summary = "check FHIR R4 resources against HL7's definitions",
    .description =
        "Reads one FHIR R4 resource in JSON from each FILE (- is standard input) and prints one "
        "OperationOutcome per file, a line each, in the order of the files. Checked are "
        "cardinality, unknown elements, types, the form of primitives, choices, required code "
        "bindings, references, contained resources, the entries of Bundles and the invariants of "
        "the types that Punos handles. A warning does not make a file invalid. Exit status: 0 all "
        "are valid, 1 one is not, 3 a file cannot be read.",
    .operand_min = 1,
    .operand_max = PN_COMMAND_OPERANDS_MAX,
    .run = run,
};
