// SPDX-License-Identifier: Apache-2.0
/*
 * A FHIR search by `_lastUpdated` (FHIR R4 3.1.1): how it is asked, and what a page of its answer
 * tells of where to go on. Pure.
 *
 * Links are followed only where the server cannot be asked by time: when it says in its own `self`
 * link that it sorts, and the page proves it, the next question is the same one from the page's
 * last moment on. So nothing slips between two pages when resources change meanwhile, and a link
 * that has grown old does not matter. A server that does not sort, or takes no notice of the
 * moment, is walked through by its links, and only the end of the walk moves the cursor.
 */
#ifndef PN_SERVICES_INGEST_POLL_SEARCH_H
#define PN_SERVICES_INGEST_POLL_SEARCH_H

#include "fhir/entries.h"

enum { PN_POLL_URL_BYTES_MAX = 8192, PN_POLL_PAGES_MAX = 10000 };

struct pn_poll_question {
    const char *base;
    const char *resource_type;
    int64_t from_ms;
    int64_t page_size;
    bool with_patients; // _include
};
// Into `ret_url`, which is cleared first.
void pn_poll_search_url(const struct pn_poll_question *question, struct pn_buf *ret_url);

// One walk through a resource type.
struct pn_poll_walk {
    int64_t from_ms;     // the moment of the last question
    int64_t newest_ms;   // of all pages; -1: none
    int64_t proven_ms;   // everything until here has been seen; -1: nothing can be said
    bool is_ordered;     // so far
    uint64_t last_page;  // hash of its versions
    bool was_asked_anew; // the last page came by a question and not by a link
    unsigned page_count;
    uint64_t seen_urls[PN_POLL_PAGES_MAX]; // hashes
    unsigned url_count;
};
void pn_poll_walk_start(struct pn_poll_walk *walk, int64_t from_ms);

enum pn_poll_next {
    PN_POLL_END,   // the walk is at its end
    PN_POLL_ASK,   // ask again from walk->from_ms on
    PN_POLL_FOLLOW // the `next` link
};
// What the page means; call it when all of it is durable. `server_ms` (0: not known) bounds the
// moments that are believed. PN_INVALID when the pages go round in a circle, PN_LIMIT when they do
// not end.
PN_MUST_USE enum pn_code pn_poll_walk_page(struct pn_poll_walk *walk, const struct pn_entries *page,
                                           const char *resource_type, int64_t server_ms,
                                           enum pn_poll_next *ret_next, struct pn_err *err);
// False when this URL was followed before in this walk.
PN_MUST_USE bool pn_poll_walk_visit(struct pn_poll_walk *walk, struct pn_slice url);
// Whether an entry is a find of the search, and not context or a word about the search.
bool pn_poll_is_match(const struct pn_entry *entry, const char *resource_type);

#endif
