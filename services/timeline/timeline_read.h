// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the timeline and the client index from another process (the API, deliver).
 *
 * Every call reads what the timeline service has committed. Whatever is returned lives in the arena
 * given, or in the struct itself. Clients are named by any of their keys: a key that was merged
 * into another, or belongs to a temporary identifier, finds the client it is today.
 *
 * Nothing here decides who may see what: ask privacy/access.h first, and write the audit record.
 */
#ifndef PN_TIMELINE_READ_H
#define PN_TIMELINE_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "conf/config.h"
#include "event/vocabulary.h"
#include "privacy/access.h"
#include "privacy/privacy.h"

struct pn_timeline;

// PN_UNAVAILABLE until the timeline service has made its store.
PN_MUST_USE enum pn_code pn_timeline_open(const struct pn_config *config,
                                          struct pn_timeline **ret_timeline, struct pn_err *err);
void pn_timeline_close(struct pn_timeline *timeline); // takes NULL

// --- Clients -------------------------------------------------------------------------------------

enum { PN_CLIENT_KEYS_MAX = 64, PN_GENDER_BYTES = 16 };

struct pn_client {
    char key[PN_CLIENT_KEY_TEXT_BYTES]; // what the client is called today: Patient.id
    int birth_year;                     // 0 when not known
    char gender[PN_GENDER_BYTES];       // FHIR code, "" when not known
    bool is_protected;                  // turvakielto: no address or unit may show
    int64_t recorded_ms;                // when the newest identity was recorded
    // All keys that mean this client, the canonical one first.
    unsigned key_count;
    char keys[PN_CLIENT_KEYS_MAX][PN_CLIENT_KEY_TEXT_BYTES];
};

// PN_NOT_FOUND when no event has named that key.
PN_MUST_USE enum pn_code pn_timeline_client(struct pn_timeline *timeline, struct pn_slice key,
                                            struct pn_client *ret_client, struct pn_err *err);
// The first of `keys` that is known (a search by several identifiers).
PN_MUST_USE enum pn_code pn_timeline_find(struct pn_timeline *timeline, const struct pn_slice *keys,
                                          unsigned key_count, struct pn_client *ret_client,
                                          struct pn_err *err);

// The identity as JSON (a Patient with name, identifier, address …), the newest that any of the
// client's keys has. Only after an access decision for PN_ACTION_IDENTITY. `out` is secret.
PN_MUST_USE enum pn_code pn_timeline_identity(struct pn_timeline *timeline,
                                              const struct pn_privacy *privacy, struct pn_slice key,
                                              struct pn_buf *out, struct pn_err *err);

// Identifiers that could not be linked: one local key stated for two different identity codes.
struct pn_client_conflict {
    struct pn_slice local_key, kept_key, refused_key;
    struct pn_slice source;
    int64_t recorded_ms;
};
PN_MUST_USE enum pn_code pn_timeline_conflicts(struct pn_timeline *timeline, struct pn_arena *arena,
                                               struct pn_client_conflict *ret_conflicts,
                                               unsigned conflict_max, unsigned *ret_count,
                                               struct pn_err *err);

// --- Entries -------------------------------------------------------------------------------------

// One resource, its newest revision.
struct pn_entry {
    const char *resource_type; // "Encounter"; a constant
    struct pn_slice id;        // Resource.id
    enum pn_entry_kind kind;
    enum pn_sector sector;
    uint32_t classes;           // of protection, as in struct pn_facts; 0: ordinary
    int64_t start_ms, end_ms;   // end_ms 0 when open or not known
    int64_t recorded_ms;        // of this revision
    bool is_withdrawn;          // cancelled, deleted, entered in error: shown only as such
    struct pn_slice status;     // the resource's own status code
    struct pn_slice type;       // type of the event that gave this revision
    struct pn_slice source;     // its source: /adapter/<system>/<unit>
    struct pn_slice event_id;   // its id: the link back to the message, and on to triggers
    struct pn_slice unit;       // service unit, as the source names it; may be empty
    struct pn_slice service;    // service or specialty code; may be empty
    struct pn_slice profession; // profession code; may be empty
    struct pn_slice subject;    // the key the source's event named (before any merge)
    struct pn_slice data;       // the FHIR resource as it came, subject as the event named it
};

struct pn_entry_filter {
    int64_t from_ms, until_ms; // start_ms in [from, until); 0 and 0: all
    uint32_t sectors;          // 1 << enum pn_sector; 0: all
    uint32_t kinds;            // 1 << enum pn_entry_kind; 0: all
    const char *resource_type; // NULL: all
    bool with_withdrawn;       // also cancelled and mistaken entries
    bool without_data;         // leave `data` empty (quicker)
    struct pn_slice after;     // cursor of the page before; empty: the newest
};

enum { PN_TIMELINE_PAGE_MAX = 500, PN_CURSOR_BYTES = 64 };

// A page of a client's entries, newest first by (start_ms, id). *ret_next is the next page's
// cursor,
// "" after the last. PN_INVALID when the cursor is not one of ours.
PN_MUST_USE enum pn_code
pn_timeline_page(struct pn_timeline *timeline, struct pn_arena *arena, struct pn_slice client_key,
                 const struct pn_entry_filter *filter, struct pn_entry *ret_entries,
                 unsigned entry_max, unsigned *ret_count, char ret_next[static PN_CURSOR_BYTES],
                 struct pn_err *err);

// One resource of whichever client. PN_NOT_FOUND when there is none.
PN_MUST_USE enum pn_code pn_timeline_entry(struct pn_timeline *timeline, struct pn_arena *arena,
                                           const char *resource_type, struct pn_slice id,
                                           struct pn_entry *ret_entry, struct pn_err *err);

// The entry that an event became (the receipt chain). `subject` is the event's own subject.
// PN_NOT_FOUND also when a later event has revised the entry: ask the resource then.
PN_MUST_USE enum pn_code pn_timeline_by_event(struct pn_timeline *timeline, struct pn_arena *arena,
                                              struct pn_slice subject, struct pn_slice event_id,
                                              struct pn_entry *ret_entry, struct pn_err *err);

struct pn_entry_counts {
    int64_t all, withdrawn;
    int64_t by_sector[PN_SECTOR_COUNT]; // without the withdrawn ones
    int64_t by_kind[PN_KIND_COUNT];
    // An entry under several classes counts in each, so these may be more than there are entries;
    // by_class[PN_CLASS_ORDINARY] + special is all without the withdrawn ones.
    int64_t by_class[PN_CLASS_COUNT];
    int64_t special;           // under any class but the ordinary one, each once
    int64_t first_ms, last_ms; // 0 when there is none
};
PN_MUST_USE enum pn_code pn_timeline_counts(struct pn_timeline *timeline,
                                            struct pn_slice client_key,
                                            struct pn_entry_counts *ret_counts, struct pn_err *err);

// --- Completeness --------------------------------------------------------------------------------

// What has come from each source, so that a silent feed does not look like a well client.
struct pn_feed {
    struct pn_slice source; // /adapter/<system>
    enum pn_sector sector;
    int64_t last_received_ms; // when the timeline last took an event of it
    int64_t last_recorded_ms; // the newest recorded time among its events
    int64_t event_count;
};
// Sources that send nothing for longer than is usual for them: systems, and units of systems that
// are heard otherwise.
struct pn_silence {
    struct pn_slice source; // /adapter/<system>, /adapter/<system>/<unit>
    int64_t since_ms;       // its last message
};
PN_MUST_USE enum pn_code pn_timeline_silences(struct pn_timeline *timeline, struct pn_arena *arena,
                                              struct pn_silence *ret_silences, unsigned silence_max,
                                              unsigned *ret_count, struct pn_err *err);
enum { PN_FEEDS_MAX = 256 };
PN_MUST_USE enum pn_code pn_timeline_feeds(struct pn_timeline *timeline, struct pn_arena *arena,
                                           struct pn_feed *ret_feeds, unsigned feed_max,
                                           unsigned *ret_count, struct pn_err *err);

#endif
