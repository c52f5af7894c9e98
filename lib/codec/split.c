// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdlib.h>

#include "codec/split_parts.h"

struct pn_split {
    struct pn_csv_split *csv;
    struct pn_xml_split *xml;
};

enum pn_code pn_split_open(const struct pn_split_options *options, struct pn_slice bytes,
                           struct pn_split **ret_split, struct pn_err *err)
{
    assert(options->format == PN_FORMAT_CSV || options->format == PN_FORMAT_XML);
    struct pn_split *split = calloc(1, sizeof *split);
    if (split == NULL) {
        return pn_err_set(err, PN_MEMORY, "file", "the heap is exhausted");
    }
    enum pn_code code = options->format == PN_FORMAT_CSV
                            ? pn_csv_split_open(options, bytes, &split->csv, err)
                            : pn_xml_split_open(options, bytes, &split->xml, err);
    if (code != PN_OK) {
        free(split);
        return code;
    }
    *ret_split = split;
    return PN_OK;
}

enum pn_code pn_split_next(struct pn_split *split, struct pn_split_record *ret_record,
                           bool *ret_has, struct pn_err *err)
{
    return split->csv != NULL ? pn_csv_split_next(split->csv, ret_record, ret_has, err)
                              : pn_xml_split_next(split->xml, ret_record, ret_has, err);
}

void pn_split_close(struct pn_split *split)
{
    if (split == NULL) {
        return;
    }
    pn_csv_split_close(split->csv);
    pn_xml_split_close(split->xml);
    free(split);
}
