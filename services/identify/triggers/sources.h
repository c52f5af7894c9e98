// SPDX-License-Identifier: Apache-2.0
/*
 * The systems that facts come from: what each feeds, and which are silent (lib/event:
 * fi.punos.feed.silent.v1). A rule that counts what a silent system feeds counts "at least".
 *
 * What a system feeds is learned from its events. A silence changes no trigger and tells none
 * again: what is told or read next has it. Inside services/identify only.
 */
#ifndef PN_IDENTIFY_SOURCES_H
#define PN_IDENTIFY_SOURCES_H

#include "base/err.h"
#include "event/event.h"
#include "services/identify/rules/rule.h"
#include "store/store.h"

enum { PN_SOURCES_MAX = 256, PN_SOURCE_BYTES = 128 };

struct pn_source {
    char name[PN_SOURCE_BYTES]; // /adapter/<system>; of a silent unit /adapter/<system>/<unit>
    uint32_t kinds, sectors;    // 1 << enum, of the facts that it has sent; 0: not known
    int64_t silent_since_ms;    // its last message; 0: it is heard
};

struct pn_sources {
    struct pn_source items[PN_SOURCES_MAX]; // by name
    unsigned count;
    unsigned last;   // the place that was asked for last
    int64_t read_ms; // 0: to be read again
};

// Reads them anew when `sources` is older than a second.
PN_MUST_USE enum pn_code pn_sources_refresh(struct pn_sources *sources, struct pn_store *store,
                                            int64_t now_ms, struct pn_err *err);
// A fact came: a kind or a sector that its system has not fed before is written.
PN_MUST_USE enum pn_code pn_sources_heard(struct pn_sources *sources, struct pn_store *store,
                                          const struct pn_event *event,
                                          const struct pn_fact_entry *fact, struct pn_err *err);
// fi.punos.feed.silent.v1 or fi.punos.feed.resumed.v1: the newest word on a source counts.
PN_MUST_USE enum pn_code pn_sources_take_feed(struct pn_sources *sources, struct pn_store *store,
                                              const struct pn_event *event, struct pn_err *err);

// Whether the rule may count what the source feeds; of a silent one also when it is not known what
// that is.
bool pn_source_feeds(const struct pn_sources *sources, unsigned place, const struct pn_rule *rule);

#endif
