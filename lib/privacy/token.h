// SPDX-License-Identifier: Apache-2.0
/*
 * Bearer tokens (RFC 6750) of the API and of HTTP intake.
 *
 * A token is 32 random bytes in URL-safe Base64. DATA/secrets/tokens.yaml keeps its name, roles and
 * a MAC of it, never the token. At first start one token is made with the roles admin, coordinator
 * and integration, and written to DATA/secrets/api-token (0600) for the person who installs.
 */
#ifndef PN_PRIVACY_TOKEN_H
#define PN_PRIVACY_TOKEN_H

#include <stdbool.h>

#include "base/err.h"
#include "base/slice.h"
#include "privacy/privacy.h"

struct pn_tokens;

enum {
    PN_TOKENS_MAX = 256,
    PN_TOKEN_NAME_BYTES = 64,
    PN_TOKEN_TEXT_BYTES = 44, // 43 characters and the NUL
    PN_TOKEN_TEAMS_BYTES = 256
};

struct pn_caller {
    char name[PN_TOKEN_NAME_BYTES]; // for the audit trail
    unsigned roles;                 // enum pn_role together
    // Ids of the teams whose work lists it sees, a comma between; empty: all.
    char teams[PN_TOKEN_TEAMS_BYTES];
};

// Makes the first token when there is no tokens.yaml; *ret_made (may be NULL) tells that it did.
PN_MUST_USE enum pn_code pn_tokens_open(const char *data_dir, const struct pn_privacy *privacy,
                                        struct pn_tokens **ret_tokens, bool *ret_made,
                                        struct pn_err *err);
void pn_tokens_close(struct pn_tokens *tokens); // takes NULL

// Reads tokens.yaml again when it has changed (a token was added or taken away by a command).
PN_MUST_USE enum pn_code pn_tokens_refresh(struct pn_tokens *tokens, struct pn_err *err);

// PN_DENIED when no token is like that. Takes the same time whichever tokens there are.
PN_MUST_USE enum pn_code pn_tokens_check(const struct pn_tokens *tokens, struct pn_slice bearer,
                                         struct pn_caller *ret_caller, struct pn_err *err);

// Adds a token and gives its text, this once. PN_CONFLICT when the name is taken.
PN_MUST_USE enum pn_code pn_tokens_add(struct pn_tokens *tokens, const struct pn_caller *caller,
                                       char ret_text[static PN_TOKEN_TEXT_BYTES],
                                       struct pn_err *err);
PN_MUST_USE enum pn_code pn_tokens_remove(struct pn_tokens *tokens, const char *name,
                                          struct pn_err *err);
// The n-th token's name and roles; false past the last.
bool pn_tokens_get(const struct pn_tokens *tokens, unsigned index, struct pn_caller *ret_caller);

#endif
