// SPDX-License-Identifier: Apache-2.0
/*
 * Reading YAML by tables of fields, for rules.c. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_RULES_FIELDS_H
#define PN_IDENTIFY_RULES_FIELDS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/yaml.h"
#include "services/identify/rules/match.h"

enum { PN_NAMES_MAX = 64 }; // code groups, filters and price lists of a file, of each

// A code group, a filter or a price list, by its name.
struct pn_named {
    struct pn_slice name;
    const void *value;
};
struct pn_names {
    struct pn_named names[PN_NAMES_MAX];
    unsigned count;
};

// A file while it is read.
struct pn_rules_reader {
    struct pn_arena *arena;
    const char *name;
    struct pn_names groups, filters, prices;
    struct pn_match *match;
    struct pn_err *err;
};

// One field of a map: how its value is read, and where it goes.
struct pn_rules_field {
    const char *key;
    enum pn_code (*read)(struct pn_rules_reader *reader, const struct pn_yaml *node,
                         const struct pn_rules_field *field, void *ret_place);
    size_t offset;
    int64_t min, max; // numbers
    const char *const *words;
    bool is_required;
};
// The table ends with a row without a key.
PN_MUST_USE enum pn_code pn_rules_fields(struct pn_rules_reader *reader, const struct pn_yaml *map,
                                         const struct pn_rules_field *fields, void *ret_struct);

#define PN_RULES_READER(name)                                                                      \
    PN_MUST_USE enum pn_code name(struct pn_rules_reader *reader, const struct pn_yaml *node,      \
                                  const struct pn_rules_field *field, void *ret_place)
PN_RULES_READER(pn_rules_text);       // const char *
PN_RULES_READER(pn_rules_id);         // const char *
PN_RULES_READER(pn_rules_number);     // int64_t
PN_RULES_READER(pn_rules_hundredths); // int64_t: 1.5 is 150; at most two decimals
PN_RULES_READER(pn_rules_bool);       // bool
PN_RULES_READER(pn_rules_word);       // an enum: the word's place
PN_RULES_READER(pn_rules_set);        // uint32_t: bits of the words' places
PN_RULES_READER(pn_rules_codes);      // struct pn_rule_codes
// Of rules_texts.c: const char *[PN_LANGUAGE_COUNT]
PN_RULES_READER(pn_rules_titles);
PN_RULES_READER(pn_rules_texts); // with places that a trigger fills
// Of rules_tree.c
PN_RULES_READER(pn_rules_where);   // const struct pn_filter *: a name, or its fields
PN_RULES_READER(pn_rules_groups);  // code_groups, into the reader
PN_RULES_READER(pn_rules_filters); // filters, into the reader
PN_RULES_READER(pn_rules_prices);  // prices, into the reader
// The tree below `node`; ret_nodes has room for PN_RULE_NODES_MAX, *count of them are taken.
PN_MUST_USE enum pn_code pn_rules_tree(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                       struct pn_node *ret_nodes, unsigned *count);

// The filter's bit among the file's.
PN_MUST_USE enum pn_code pn_rules_bit(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                      const struct pn_filter *filter, uint16_t *ret_bit);

// What is said of a number, true, false or null where a text belongs: others read it as no text.
extern const char pn_rules_no_text[];
enum pn_code pn_rules_fault(struct pn_rules_reader *reader, const struct pn_yaml *node,
                            const char *text);
// PN_INVALID: no field has this key; `near` was offered those that there are.
struct pn_near;
enum pn_code pn_rules_no_field(struct pn_rules_reader *reader, const struct pn_yaml *node,
                               const struct pn_near *near);
enum pn_code pn_rules_no_memory(struct pn_rules_reader *reader);
PN_MUST_USE enum pn_code pn_rules_check_list(struct pn_rules_reader *reader,
                                             const struct pn_yaml *node, unsigned max);
// PN_INVALID names the word that was perhaps meant.
PN_MUST_USE enum pn_code pn_rules_find_word(struct pn_rules_reader *reader,
                                            const struct pn_yaml *node, struct pn_slice word,
                                            const char *const *words, unsigned *ret_place);

#endif
