// SPDX-License-Identifier: Apache-2.0
/*
 * What a mapping file cannot say: pure C functions of one adapter, called by name from its rows.
 *
 * A function turns one text into another (`as: hook:NAME` in a row). It may not keep state, do I/O
 * or look at a clock. Write one only after asking whether the mapping language should say it
 * instead.
 */
#ifndef PN_MAP_HOOK_H
#define PN_MAP_HOOK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct pn_adapter_hook_function {
    const char *name;
    enum pn_code (*convert)(struct pn_arena *arena, struct pn_slice text, struct pn_slice *ret_text,
                            struct pn_err *err);
};

struct pn_adapter_hook {
    const struct pn_adapter_hook_function *functions; // ends with a NULL name
};

struct pn_adapter_hook_row {
    const char *adapter;
    const struct pn_adapter_hook *hook;
};

// All hooks in the build; made by cmake/AdapterHooks.cmake. Ends with a NULL adapter.
extern const struct pn_adapter_hook_row pn_adapter_hooks[];

#endif
