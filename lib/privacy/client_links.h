// SPDX-License-Identifier: Apache-2.0
/*
 * The links of the client index: what statements make of them. Used by client_index.c only.
 */
#ifndef PN_PRIVACY_CLIENT_LINKS_H
#define PN_PRIVACY_CLIENT_LINKS_H

#include "privacy/client_index.h"

struct pn_links {
    struct pn_store *store;
    const struct pn_event *event;
    enum pn_code (*resolve)(struct pn_client_index *index, struct pn_slice key,
                            int64_t *ret_subject, int64_t *ret_client, struct pn_err *err);
    struct pn_client_index *resolve_context;
    enum pn_code (*moved)(void *context, int64_t subject, int64_t before, int64_t now,
                          struct pn_err *err);
    void *moved_context;
};

PN_MUST_USE enum pn_code pn_links_handle(struct pn_links *links, const cJSON *patient,
                                         struct pn_err *err);

#endif
