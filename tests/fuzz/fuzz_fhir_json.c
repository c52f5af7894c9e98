// SPDX-License-Identifier: Apache-2.0
/*
 * FHIR JSON: parse, validate, print; what was printed parses again and prints the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/limits.h"
#include "fhir/fhir.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void print_again(const struct pn_buf *first)
{
    struct pn_buf second;
    struct pn_err err;
    cJSON *again = NULL;
    pn_buf_init(&second, PN_MESSAGE_BYTES_MAX);
    if (pn_json_parse(pn_buf_slice(first), &again, &err) != PN_OK ||
        pn_json_print(again, &second, &err) != PN_OK ||
        !pn_slice_eq(pn_buf_slice(first), pn_buf_slice(&second))) {
        abort();
    }
    pn_buf_release(&second);
}

static void check_outcome(const struct pn_fhir_report *report)
{
    static struct pn_fhir_report own;
    const cJSON *outcome = pn_fhir_report_outcome(report);
    if (outcome == NULL || !pn_fhir_validate(outcome, &own)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    static struct pn_fhir_report report;
    if (arena == NULL) {
        arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    }
    pn_arena_reset(arena);
    pn_json_use_arena(arena);
    cJSON *json = NULL;
    struct pn_err err;
    if (pn_json_parse(pn_slice_of((const char *)data, size), &json, &err) != PN_OK) {
        return 0;
    }
    (void)pn_fhir_validate(json, &report);
    check_outcome(&report);
    struct pn_buf out;
    pn_buf_init(&out, PN_MESSAGE_BYTES_MAX);
    if (pn_json_print(json, &out, &err) == PN_OK) {
        print_again(&out);
    }
    pn_buf_release(&out);
    return 0;
}
