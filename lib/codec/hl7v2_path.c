// SPDX-License-Identifier: Apache-2.0
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "codec/hl7v2_parts.h"

// "000001002…999", made by the preprocessor.
#define ONES(hundreds_tens)                                                                        \
    hundreds_tens "0" hundreds_tens "1" hundreds_tens "2" hundreds_tens "3" hundreds_tens          \
                  "4" hundreds_tens "5" hundreds_tens "6" hundreds_tens "7" hundreds_tens          \
                  "8" hundreds_tens "9"
#define TENS(hundreds)                                                                             \
    ONES(hundreds "0")                                                                             \
    ONES(hundreds "1")                                                                             \
    ONES(hundreds "2")                                                                             \
    ONES(hundreds "3")                                                                             \
    ONES(hundreds "4")                                                                             \
    ONES(hundreds "5") ONES(hundreds "6") ONES(hundreds "7") ONES(hundreds "8") ONES(hundreds "9")
static const char numbers[] = TENS("0") TENS("1") TENS("2") TENS("3") TENS("4") TENS("5") TENS("6")
    TENS("7") TENS("8") TENS("9");

struct pn_slice pn_hl7v2_number(unsigned number)
{
    assert(number <= PN_HL7V2_FIELDS_MAX);
    size_t digits = number >= 100 ? 3 : number >= 10 ? 2 : 1;
    return pn_slice_of(numbers + (size_t)number * 3 + 3 - digits, digits);
}

static bool take_char(struct pn_slice *text, char c)
{
    if (text->len == 0 || text->ptr[0] != c) {
        return false;
    }
    *text = pn_slice_of(text->ptr + 1, text->len - 1);
    return true;
}

static bool take_number(struct pn_slice *text, unsigned max, uint16_t *ret_number)
{
    unsigned value = 0;
    size_t i = 0;
    while (i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9' && value <= max) {
        value = value * 10 + (unsigned)(text->ptr[i] - '0');
        i++;
    }
    if (i == 0 || value == 0 || value > max) {
        return false;
    }
    *ret_number = (uint16_t)value;
    *text = pn_slice_of(text->ptr + i, text->len - i);
    return true;
}

// `[2]`, or nothing.
static bool take_repeat(struct pn_slice *text, unsigned max, uint16_t *ret_repeat)
{
    return !take_char(text, '[') || (take_number(text, max, ret_repeat) && take_char(text, ']'));
}

static bool take_path(struct pn_slice text, struct pn_hl7v2_path *path)
{
    if (text.len < 3) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        bool is_letter = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z';
        bool is_digit = i > 0 && text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!is_letter && !is_digit) {
            return false;
        }
        path->segment[i] = text.ptr[i];
    }
    text = pn_slice_of(text.ptr + 3, text.len - 3);
    if (!take_repeat(&text, PN_HL7V2_SEGMENTS_MAX, &path->segment_repeat)) {
        return false;
    }
    if (take_char(&text, '-')) {
        if (!take_number(&text, PN_HL7V2_FIELDS_MAX, &path->field) ||
            !take_repeat(&text, PN_HL7V2_REPEATS_MAX, &path->repeat) ||
            (take_char(&text, '.') && !take_number(&text, PN_HL7V2_FIELDS_MAX, &path->component)) ||
            (path->component != 0 && take_char(&text, '.') &&
             !take_number(&text, PN_HL7V2_FIELDS_MAX, &path->subcomponent))) {
            return false;
        }
    }
    return text.len == 0;
}

enum pn_code pn_hl7v2_path_compile(struct pn_slice text, struct pn_hl7v2_path *ret_path,
                                   struct pn_err *err)
{
    struct pn_hl7v2_path path = {0};
    if (!take_path(text, &path)) {
        return pn_err_set(err, PN_INVALID, "path",
                          "is not of the form PID-3, PID-3.1, PID-3[2].4.2 or OBX[2]-5");
    }
    *ret_path = path;
    return PN_OK;
}

static const struct pn_node *find_field(const struct pn_node *segment,
                                        const struct pn_hl7v2_path *path)
{
    struct pn_slice name = pn_hl7v2_number(path->field);
    const struct pn_node *field = pn_node_child(segment, name);
    while (field != NULL && path->repeat != 0 && field->repeat != path->repeat) {
        field = pn_node_next_same(field);
    }
    return field;
}

const struct pn_node *pn_hl7v2_find_in(const struct pn_node *segment,
                                       const struct pn_hl7v2_path *path)
{
    const struct pn_node *node = segment;
    if (node == NULL || path->field == 0) {
        return node;
    }
    node = find_field(node, path);
    if (path->component != 0) {
        node = pn_node_child(node, pn_hl7v2_number(path->component));
    }
    if (path->subcomponent != 0) {
        node = pn_node_child(node, pn_hl7v2_number(path->subcomponent));
    }
    return node;
}

const struct pn_node *pn_hl7v2_find(const struct pn_node *root, const struct pn_hl7v2_path *path)
{
    const struct pn_node *segment = pn_node_child(root, pn_slice_of(path->segment, 3));
    for (unsigned i = 1; i < path->segment_repeat && segment != NULL; i++) {
        segment = pn_node_next_same(segment);
    }
    return pn_hl7v2_find_in(segment, path);
}
