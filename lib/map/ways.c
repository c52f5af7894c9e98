// SPDX-License-Identifier: Apache-2.0
// By which way a message came in, and what is done with files that are lists.
#include <string.h>

#include "map/run.h"

static bool ends_with(const char *text, const char *suffix)
{
    size_t length = strlen(text), end = strlen(suffix);
    return length >= end && strcmp(text + length - end, suffix) == 0;
}

// A way in that takes this message. A sample comes by no way: then its file's name tells the format
// when several are read.
static bool is_way_of(const struct pn_map_intake *intake, const struct pn_message_in *message,
                      bool by_name)
{
    static const char *const endings[] = {[PN_FORMAT_HL7V2] = ".hl7",
                                          [PN_FORMAT_XML] = ".xml",
                                          [PN_FORMAT_JSON] = ".json",
                                          [PN_FORMAT_CSV] = ".csv"};
    const char *name = message->file_name == NULL ? "" : message->file_name;
    bool is_file =
        intake->file_suffix[0] == '\0' || name[0] == '\0' || ends_with(name, intake->file_suffix);
    if (message->transport != PN_TRANSPORT_NONE) {
        return message->transport == intake->transport && is_file;
    }
    return is_file && (!by_name || ends_with(name, endings[intake->format]));
}

enum pn_code pn_map_find_intake(const struct pn_adapter *adapter,
                                const struct pn_message_in *message,
                                const struct pn_map_intake **ret_intake, struct pn_err *err)
{
    for (int pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < adapter->info.in_count; i++) {
            if (is_way_of(&adapter->intakes[i], message, pass == 0)) {
                *ret_intake = &adapter->intakes[i];
                return PN_OK;
            }
        }
    }
    return pn_err_set(err, PN_UNSUPPORTED, "adapter.yaml in",
                      "this system sends nothing by this transport");
}

bool pn_adapter_splits(const struct pn_adapter *adapter, const struct pn_message_in *message)
{
    const struct pn_map_intake *intake = NULL;
    struct pn_err ignored = {0};
    return pn_map_find_intake(adapter, message, &intake, &ignored) == PN_OK && intake->is_split;
}

enum pn_code pn_adapter_split(const struct pn_adapter *adapter, const struct pn_message_in *message,
                              struct pn_split **ret_split, struct pn_err *err)
{
    const struct pn_map_intake *intake = NULL;
    enum pn_code code = pn_map_find_intake(adapter, message, &intake, err);
    if (code != PN_OK || !intake->is_split) {
        *ret_split = NULL;
        return code;
    }
    struct pn_split_options options = intake->split;
    options.charset_default = message->charset != NULL && message->charset[0] != '\0'
                                  ? message->charset
                                  : adapter->info.charset;
    return pn_split_open(&options, message->bytes, ret_split, err);
}
