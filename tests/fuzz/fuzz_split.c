// SPDX-License-Identifier: Apache-2.0
/*
 * A list taken apart into its records: whatever the bytes, it ends; each record stands for itself,
 * as one row or one document that is read or refused with a place, in the order of the file; and
 * nothing of the file goes to standard error. The first byte chooses: CSV or XML.
 */
#include <assert.h>
#include <libxml/xmlerror.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "codec/csv.h"
#include "codec/split.h"
#include "codec/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const columns[] = {"nro", "nimi"};
static const char *const common[] = {"Lahettaja"};
static const struct pn_split_options lists[] = {
    {.format = PN_FORMAT_CSV, .charset_default = "UTF-8,windows-1252"},
    {.format = PN_FORMAT_XML,
     .charset_default = "UTF-8,windows-1252",
     .common = common,
     .common_count = 1},
    {.format = PN_FORMAT_CSV,
     .charset_default = "UTF-8,ISO-8859-1",
     .columns = columns,
     .column_count = 2},
    {.format = PN_FORMAT_XML,
     .charset_default = "UTF-8,ISO-8859-1",
     .root = "Aineisto",
     .common = common,
     .common_count = 1},
};

// What libxml2 tells the thread would be printed, with the document's bytes.
static void complain(void *context, xmlErrorPtr error)
{
    (void)context;
    (void)error;
    abort();
}

static void read_record(struct pn_arena *arena, enum pn_format format, struct pn_slice bytes)
{
    const struct pn_codec_input input = {bytes, "UTF-8"};
    const struct pn_csv_options plain = {.has_plain_names = true};
    const struct pn_node *root = NULL;
    struct pn_err err = {0};
    pn_arena_reset(arena);
    enum pn_code code = format == PN_FORMAT_CSV ? pn_csv_read(arena, &input, &plain, &root, &err)
                                                : pn_xml_read(arena, &input, &root, &err);
    if (code != PN_OK) {
        assert(err.where[0] != '\0' && err.text[0] != '\0');
        return;
    }
    assert(format == PN_FORMAT_XML || root->first_child == NULL || root->first_child->next == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct pn_arena *arena;
    struct pn_split *split = NULL;
    struct pn_split_record record;
    struct pn_err err = {0};
    bool has = true;
    if (size == 0) {
        return 0;
    }
    arena = arena == NULL ? pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX) : arena;
    xmlSetStructuredErrorFunc(NULL, complain);
    const struct pn_split_options *options = &lists[data[0] % 4];
    enum pn_code code =
        pn_split_open(options, pn_slice_of((const char *)data + 1, size - 1), &split, &err);
    unsigned line = 0;
    for (size_t records = 0; code == PN_OK && has; records++) {
        assert(records <= size);
        code = pn_split_next(split, &record, &has, &err);
        if (code == PN_OK && has) {
            assert(record.line > line || options->format == PN_FORMAT_XML);
            line = record.line;
            read_record(arena, options->format, record.bytes);
        }
    }
    assert(code == PN_OK || (err.where[0] != '\0' && err.text[0] != '\0'));
    pn_split_close(split);
    return 0;
}
