// SPDX-License-Identifier: Apache-2.0
/*
 * The live event feed: what the API has taken from the stream, numbered, kept for a while in its
 * own store, and sent on to whoever listens (server-sent events, WHATWG HTML 9.2).
 *
 * A listener that was away resumes by Last-Event-ID; when what it missed is no longer kept it is
 * told so by an event of the type `gap`. Sealed identities and plan contents are cut out of the
 * events.
 */
#ifndef PN_SERVICES_API_FEED_H
#define PN_SERVICES_API_FEED_H

#include "services/api/api.h"

enum { PN_FEED_KEPT_MAX = 100000, PN_FEED_LISTENERS_MAX = 256 };

extern const char pn_feed_sql[], pn_feed_classes_sql[]; // for the API's migrations

PN_MUST_USE enum pn_code pn_feed_open(struct pn_api *api, struct pn_err *err);
void pn_feed_close(struct pn_api *api);

// In the transaction of the batch.
PN_MUST_USE enum pn_code pn_feed_add(struct pn_api *api, const struct pn_event *event,
                                     struct pn_err *err);
PN_MUST_USE enum pn_code pn_feed_trim(struct pn_api *api, struct pn_err *err);
// After the commit: to the listeners.
void pn_feed_pump(struct pn_api *api);

#endif
