// SPDX-License-Identifier: Apache-2.0
// Texts in three languages, and the places in them that a trigger fills (trigger_text.h).
#include <stdio.h>
#include <string.h>

#include "services/identify/rules/rules_fields.h"

static const char *const places[] = {"count",  "threshold", "not_with", "since",
                                     "lapses", "factor",    NULL};
enum { FIRST_ALONE = 3 }; // no whole numbers: words do not follow them

// What stands between { and }: a place, and of a number perhaps the words for one and for more.
static enum pn_code check_place(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                struct pn_slice inside)
{
    struct pn_slice words = {0}, many = {0};
    struct pn_slice name = pn_slice_split(inside, '|', &words);
    unsigned place = 0;
    const bool has_words = name.len < inside.len;
    if (pn_rules_find_word(reader, node, name, places, &place) != PN_OK) {
        const char *said = strstr(reader->err->text, "did you mean");
        char hint[64] = "";
        (void)snprintf(hint, sizeof hint, "%s%s", said == NULL ? "" : "; ",
                       said == NULL ? "" : said);
        return pn_yaml_fault(
            reader->err, reader->name, node, "there is no such place in a text as {%.*s}%s",
            PN_SLICE_FMT(pn_slice_of(name.ptr, name.len < 32 ? name.len : 32)), hint);
    }
    if (!has_words) {
        return PN_OK;
    }
    if (place >= FIRST_ALONE) {
        return pn_rules_fault(reader, node, "no words follow {since}, {lapses} and {factor}");
    }
    (void)pn_slice_split(words, '|', &many);
    return many.len > 0
               ? PN_OK
               : pn_rules_fault(reader, node, "two words are expected: {count|one visit|visits}");
}

static enum pn_code read_filled(struct pn_rules_reader *reader, const struct pn_yaml *node,
                                const struct pn_rules_field *field, void *ret_place)
{
    enum pn_code code = pn_rules_text(reader, node, field, ret_place);
    const char *at = code == PN_OK ? strchr(*(const char **)ret_place, '{') : NULL;
    for (; at != NULL && code == PN_OK; at = strchr(at + 1, '{')) {
        size_t len = strcspn(at + 1, "}");
        code = at[1 + len] == '}'
                   ? check_place(reader, node, pn_slice_of(at + 1, len))
                   : pn_rules_fault(reader, node, "there is no such place in a text: } is missing");
    }
    return code;
}

static enum pn_code read_plain(struct pn_rules_reader *reader, const struct pn_yaml *node,
                               const struct pn_rules_field *field, void *ret_place)
{
    enum pn_code code = pn_rules_text(reader, node, field, ret_place);
    return code == PN_OK && strchr(*(const char **)ret_place, '{') != NULL
               ? pn_rules_fault(reader, node, "a title has no places to be filled")
               : code;
}

enum pn_code pn_rules_titles(struct pn_rules_reader *reader, const struct pn_yaml *node,
                             const struct pn_rules_field *field, void *ret_place)
{
    (void)field;
    static const struct pn_rules_field languages[] = {
        {"fi", read_plain, PN_LANGUAGE_FI * sizeof(char *), 0, 0, NULL, true},
        {"sv", read_plain, PN_LANGUAGE_SV * sizeof(char *), 0, 0, NULL, true},
        {"en", read_plain, PN_LANGUAGE_EN * sizeof(char *), 0, 0, NULL, true},
        {NULL, NULL, 0, 0, 0, NULL, false},
    };
    return pn_rules_fields(reader, node, languages, ret_place);
}

enum pn_code pn_rules_texts(struct pn_rules_reader *reader, const struct pn_yaml *node,
                            const struct pn_rules_field *field, void *ret_place)
{
    (void)field;
    static const struct pn_rules_field languages[] = {
        {"fi", read_filled, PN_LANGUAGE_FI * sizeof(char *), 0, 0, NULL, true},
        {"sv", read_filled, PN_LANGUAGE_SV * sizeof(char *), 0, 0, NULL, true},
        {"en", read_filled, PN_LANGUAGE_EN * sizeof(char *), 0, 0, NULL, true},
        {NULL, NULL, 0, 0, 0, NULL, false},
    };
    return pn_rules_fields(reader, node, languages, ret_place);
}
