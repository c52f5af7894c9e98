// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum pn_code pn_err_set(struct pn_err *err, enum pn_code code, const char *where, const char *text,
                        ...)
{
    assert(err != NULL);
    assert(code != PN_OK);
    // Formatted aside first: an argument may point into err itself.
    struct pn_err filled = {.code = code};
    snprintf(filled.where, sizeof filled.where, "%s", where == NULL ? "" : where);
    va_list args;
    va_start(args, text);
    vsnprintf(filled.text, sizeof filled.text, text, args);
    va_end(args);
    *err = filled;
    return code;
}

enum pn_code pn_err_within(struct pn_err *err, const char *prefix)
{
    assert(err != NULL);
    char inner[PN_ERR_WHERE_BYTES];
    memcpy(inner, err->where, sizeof inner);
    const char *separator = inner[0] == '\0' ? "" : " ";
    snprintf(err->where, sizeof err->where, "%.60s%s%.60s", prefix, separator, inner);
    return err->code;
}

bool pn_code_is_retriable(enum pn_code code)
{
    return code == PN_UNAVAILABLE || code == PN_IO || code == PN_CONFLICT;
}

const char *pn_code_name(enum pn_code code)
{
    static const char *const names[] = {
        [PN_OK] = "ok",         [PN_INVALID] = "invalid",         [PN_UNSUPPORTED] = "unsupported",
        [PN_LIMIT] = "limit",   [PN_NOT_FOUND] = "not-found",     [PN_CONFLICT] = "conflict",
        [PN_DENIED] = "denied", [PN_UNAVAILABLE] = "unavailable", [PN_IO] = "io",
        [PN_MEMORY] = "memory", [PN_INTERNAL] = "internal",
    };
    assert((unsigned)code < PN_ARRAY_COUNT(names));
    return names[code];
}
