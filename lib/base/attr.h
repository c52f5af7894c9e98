// SPDX-License-Identifier: Apache-2.0
/*
 * Function attributes that the rest of the tree uses, and nothing else.
 */
#ifndef PN_BASE_ATTR_H
#define PN_BASE_ATTR_H

#define PN_MUST_USE __attribute__((warn_unused_result))
#define PN_PRINTF(format_index, first_index)                                                       \
    __attribute__((format(printf, format_index, first_index)))

#define PN_ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
