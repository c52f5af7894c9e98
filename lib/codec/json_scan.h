// SPDX-License-Identifier: Apache-2.0
/*
 * A pull scanner of JSON (RFC 8259) over a slice: for the tree, and for readers that want one
 * member's own text untouched. Nothing is allocated but strings that hold escapes.
 */
#ifndef PN_CODEC_JSON_SCAN_H
#define PN_CODEC_JSON_SCAN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

enum pn_json_kind {
    PN_JSON_OBJECT,
    PN_JSON_ARRAY,
    PN_JSON_STRING,
    PN_JSON_NUMBER,
    PN_JSON_TRUE,
    PN_JSON_FALSE,
    PN_JSON_NULL,
    PN_JSON_WRONG
};

struct pn_json_scan {
    struct pn_arena *arena;
    const char *at, *end;
    unsigned depth;
    const char *fault; // what is wrong, once something is; a constant text
    bool is_memory;    // the arena is full
};

// The text must be valid UTF-8 (checked here).
void pn_json_scan_init(struct pn_json_scan *scan, struct pn_arena *arena, struct pn_slice text);
// What the next value is; it is not taken.
enum pn_json_kind pn_json_scan_kind(struct pn_json_scan *scan);
// False when the next value is not that, or is malformed: `fault` is set.
PN_MUST_USE bool pn_json_scan_string(struct pn_json_scan *scan, struct pn_slice *ret_text);
PN_MUST_USE bool pn_json_scan_number(struct pn_json_scan *scan, struct pn_slice *ret_text);
PN_MUST_USE bool pn_json_scan_word(struct pn_json_scan *scan); // true, false or null
// Any value, checked whole, as its own text.
PN_MUST_USE bool pn_json_scan_raw(struct pn_json_scan *scan, struct pn_slice *ret_text);
// Takes `{` or `[`. Then ask for members or items until there are no more (false; look at fault).
PN_MUST_USE bool pn_json_scan_enter(struct pn_json_scan *scan);
PN_MUST_USE bool pn_json_scan_member(struct pn_json_scan *scan, bool *is_first,
                                     struct pn_slice *ret_name);
PN_MUST_USE bool pn_json_scan_item(struct pn_json_scan *scan, bool *is_first);
// Only white space may be left.
PN_MUST_USE bool pn_json_scan_end(struct pn_json_scan *scan);
// The fault as an error.
enum pn_code pn_json_scan_err(const struct pn_json_scan *scan, const char *where,
                              struct pn_err *err);

#endif
