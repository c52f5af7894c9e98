// SPDX-License-Identifier: Apache-2.0
/*
 * The rows behind config.h: every key with its type, default, bounds and help.
 */
#ifndef PN_CONF_CONFIG_ROWS_H
#define PN_CONF_CONFIG_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum pn_conf_type {
    PN_CONF_TEXT,
    PN_CONF_NAME,   // small letters, digits and hyphens, not empty
    PN_CONF_LISTEN, // host:port, or empty
    PN_CONF_INT,
    PN_CONF_BOOL,
    PN_CONF_CHOICE, // an enum whose values are 0, 1, … in the order of `choices`
    PN_CONF_WORD,   // a text that is one of `choices`
    PN_CONF_NAMES   // a text or a list of texts, into struct pn_conf_names
};

enum { PN_CONF_CHOICES_MAX = 4, PN_CONF_TEXT_BYTES_MAX = 4096 };

struct pn_conf_row {
    const char *key; // with its section: "stream.kind"
    enum pn_conf_type type;
    size_t offset;
    const char *otherwise; // the default, as it would stand in the file
    int64_t min, max;      // PN_CONF_INT
    const char *choices[PN_CONF_CHOICES_MAX + 1];
    const char *help;
};

struct pn_conf_table {
    const struct pn_conf_row *rows;
    size_t count;
};

extern const struct pn_conf_table pn_conf_hub;    // of struct pn_config
extern const struct pn_conf_table pn_conf_system; // of one struct pn_system_conf

#endif
