// SPDX-License-Identifier: Apache-2.0
/*
 * How a document reaches a records system: MLLP, HTTP or a folder. One handle per system.
 *
 * MLLP and HTTP answer at once, through `answered`. A folder's receipt comes when it comes, so its
 * `send` only says that the file lies there; `scan` finds receipts later.
 */
#ifndef PN_DELIVER_TRANSPORT_H
#define PN_DELIVER_TRANSPORT_H

#include <event2/event.h>
#include <stdbool.h>

#include "base/err.h"
#include "conf/config.h"
#include "map/adapter.h"

struct pn_delivery_transport;

enum pn_transport_outcome {
    PN_TRANSPORT_ANSWERED, // `answer` is what the system said
    PN_TRANSPORT_LEFT,     // the file lies in the folder; its receipt comes later
    PN_TRANSPORT_AWAY      // nobody there, cut off or timed out; `reason` says which
};

struct pn_transport_result {
    enum pn_transport_outcome outcome;
    struct pn_answer answer;
    const char *reason; // a constant text, without any data
};

enum pn_receipt_fate {
    PN_RECEIPT_RECORDED,   // written down: the file is taken away
    PN_RECEIPT_ODD,        // about nothing that waits: the file is kept aside
    PN_RECEIPT_UNREADABLE, // perhaps half written; when it stays so, the file is kept aside
    PN_RECEIPT_WAITS       // not now: it is shown again
};

struct pn_transport_callbacks {
    void *context;
    const char *receipt_ending; // how receipt files end after the document's name; NULL: the usual
    // Exactly once for each send. Return true to go on waiting: the answer was another message's.
    bool (*result)(const struct pn_transport_result *result, void *context);
    // An answer came while nothing was under way: to something that was sent earlier.
    void (*late)(const struct pn_answer *answer, void *context);
    // A receipt file was found for what was sent under `name`.
    enum pn_receipt_fate (*receipt)(struct pn_slice name, struct pn_slice bytes, void *context);
};

struct pn_transport_ops {
    enum pn_code (*open)(struct event_base *base, const struct pn_system_conf *conf,
                         const struct pn_transport_callbacks *callbacks,
                         struct pn_delivery_transport **ret_transport, struct pn_err *err);
    // The document is copied as far as needed. PN_OK: `result` will be called (perhaps already
    // was).
    enum pn_code (*send)(struct pn_delivery_transport *transport,
                         const struct pn_document_out *document, struct pn_err *err);
    // Looks for receipts; NULL when answers come at once.
    void (*scan)(struct pn_delivery_transport *transport);
    void (*close)(struct pn_delivery_transport *transport); // takes NULL
};

extern const struct pn_transport_ops pn_transport_mllp;
extern const struct pn_transport_ops pn_transport_http;
extern const struct pn_transport_ops pn_transport_drop;

// The one for an adapter's way out; NULL for PN_TRANSPORT_NONE.
const struct pn_transport_ops *pn_transport_ops_of(enum pn_transport transport);

#endif
