// SPDX-License-Identifier: Apache-2.0
/*
 * The sources that feed the hub, each system and each of its sending units: when it sent last, its
 * usual rhythm (rhythm.h), and one event at the start of a silence and one at its end.
 *
 * Every message counts as life: taken, ignored, repeated, refused or turned away. What the hub was
 * down does not count at all. A unit's silence is told only while its system speaks and has other
 * units too: one trouble, one alarm.
 *
 * Kept in ingest's store, SAVE_MS at most behind; what was told is kept in the transaction that
 * puts the event into the outbox, so that it is told once.
 */
#ifndef PN_SERVICES_INGEST_FEEDS_H
#define PN_SERVICES_INGEST_FEEDS_H

#include "services/ingest/rhythm.h"
#include "services/ingest/systems.h"
#include "store/store.h"

enum { PN_INGEST_FEEDS_MAX = 512, PN_FEED_SOURCE_BYTES = 128 };

#define PN_FEED_URL "https://punos.fi/fhir/StructureDefinition/feed"

extern const char pn_feeds_sql[]; // of the migration

struct pn_feeds;

PN_MUST_USE enum pn_code pn_feeds_open(struct pn_store *store, const struct pn_config *config,
                                       const struct pn_ingest_systems *systems,
                                       struct pn_feeds **ret_feeds, struct pn_err *err);
void pn_feeds_close(struct pn_feeds *feeds); // takes NULL

// A message came. `source` is "/adapter/<system>/<unit>", empty when the unit is not known. Units
// over PN_INGEST_FEEDS_MAX are left out. `feeds` may be NULL.
void pn_feeds_seen(struct pn_feeds *feeds, const struct pn_ingest_system *system,
                   struct pn_slice source, int64_t time_ms);
// About every second, in a transaction: lets time pass, tells what has changed, saves.
PN_MUST_USE enum pn_code pn_feeds_tick(struct pn_feeds *feeds, int64_t now_ms, struct pn_err *err);
void pn_feeds_committed(struct pn_feeds *feeds); // after that transaction's commit
// The metrics punos_feed_silent and punos_feed_last_message_age_seconds, by system.
void pn_feeds_report(const struct pn_feeds *feeds, int64_t now_ms);

struct pn_feed_state {
    struct pn_slice source; // /adapter/<system>, /adapter/<system>/<unit>
    struct pn_rhythm rhythm;
};
// As it was saved last, ordered by source; texts live in the arena.
PN_MUST_USE enum pn_code pn_feeds_read(struct pn_store *store, struct pn_arena *arena,
                                       struct pn_feed_state *ret_states, unsigned state_max,
                                       unsigned *ret_count, struct pn_err *err);
struct pn_rhythm_options pn_feeds_options(const struct pn_config *config,
                                          const struct pn_system_conf *system);

#endif
