// SPDX-License-Identifier: Apache-2.0
// What all of the compiling stands on: complaints, lists of texts.
#include "map/compile.h"

#include <stdarg.h>
#include <string.h>

#include "base/near.h"
#include "base/words.h"

enum pn_code pn_map_fault(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                          const char *text, ...)
{
    char words[PN_ERR_TEXT_BYTES];
    va_list args;
    va_start(args, text);
    vsnprintf(words, sizeof words, text, args);
    va_end(args);
    return pn_yaml_fault(compiler->err, compiler->file, node, "%s", words);
}

enum pn_code pn_map_no_memory(struct pn_map_compiler *compiler)
{
    return pn_err_set(compiler->err, PN_MEMORY, compiler->file,
                      "the adapter needs more memory than a process gives it at start");
}

enum pn_code pn_map_check_keys(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                               const char *const *known)
{
    if (node == NULL || node->kind != PN_YAML_MAP) {
        return pn_map_fault(compiler, node, "`name: value` pairs are expected here");
    }
    for (const struct pn_yaml *child = node->first_child; child != NULL; child = child->next) {
        struct pn_near near;
        pn_near_init(&near, child->key);
        for (size_t i = 0; known[i] != NULL; i++) {
            pn_near_offer(&near, known[i]);
        }
        if (!pn_words_hold(known, child->key)) {
            return pn_map_fault(compiler, child, "no such key here%s%s%s",
                                near.best == NULL ? "" : "; did you mean `",
                                near.best == NULL ? "" : near.best, near.best == NULL ? "" : "`?");
        }
    }
    return PN_OK;
}

enum pn_code pn_map_texts(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                          unsigned max, const struct pn_slice **ret_texts, unsigned *ret_count)
{
    *ret_texts = NULL;
    *ret_count = 0;
    if (node == NULL) {
        return PN_OK;
    }
    bool is_list = node->kind == PN_YAML_LIST;
    unsigned count = is_list ? node->child_count : 1;
    if (node->kind == PN_YAML_MAP || count == 0 || count > max) {
        return pn_map_fault(compiler, node, "one text, or a list of 1 to %u", max);
    }
    struct pn_slice *texts = pn_arena_alloc_array(compiler->boot, count, sizeof *texts);
    if (texts == NULL) {
        return pn_map_no_memory(compiler);
    }
    const struct pn_yaml *item = is_list ? node->first_child : node;
    for (unsigned i = 0; i < count; i++, item = item->next) {
        if (item->kind != PN_YAML_SCALAR || item->scalar.len == 0) {
            return pn_map_fault(compiler, item, "a text is expected here");
        }
        texts[i] = item->scalar;
    }
    *ret_texts = texts;
    *ret_count = count;
    return PN_OK;
}

const char *const pn_map_formats[] = {[PN_FORMAT_HL7V2] = "hl7v2",
                                      [PN_FORMAT_XML] = "xml",
                                      [PN_FORMAT_JSON] = "json",
                                      [PN_FORMAT_CSV] = "csv"};

enum pn_code pn_map_compile_format(struct pn_map_compiler *compiler, const struct pn_yaml *node,
                                   enum pn_format *ret_format)
{
    const unsigned count = PN_ARRAY_COUNT(pn_map_formats);
    unsigned found = pn_words_find(pn_map_formats, count, pn_yaml_text(node, ""));
    if (found == count) {
        return pn_map_fault(compiler, node, "one of hl7v2, xml, json, csv");
    }
    *ret_format = (enum pn_format)found;
    return PN_OK;
}
