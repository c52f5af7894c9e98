// SPDX-License-Identifier: Apache-2.0
/*
 * JSON (RFC 8259): bytes → tree. Strict: UTF-8 only, no trailing bytes, no duplicate members, depth
 * at most PN_TREE_DEPTH_MAX, at most PN_JSON_MEMBERS_MAX members in one object.
 */
#ifndef PN_CODEC_JSON_TREE_H
#define PN_CODEC_JSON_TREE_H

#include "codec/tree.h"

enum { PN_JSON_MEMBERS_MAX = 1024 };

// A BOM is skipped; charset_default is not used. err->where is the path of member names.
PN_MUST_USE enum pn_code pn_json_tree_read(struct pn_arena *arena,
                                           const struct pn_codec_input *input,
                                           const struct pn_node **ret_root, struct pn_err *err);

#endif
