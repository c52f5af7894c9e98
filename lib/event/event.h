// SPDX-License-Identifier: Apache-2.0
/*
 * The common event: a CloudEvents 1.0 envelope around one FHIR R4 resource.
 *
 * CloudEvents core attributes keep their names; `sector`, `recordedtime` and `causationid` are
 * extension attributes (lower-case letters and digits, CloudEvents 1.0 section 3.1). On Kafka they
 * travel as `ce_` headers (Kafka protocol binding, binary content mode), elsewhere as structured
 * JSON. schemas/event-types.yaml lists the types and which resource each one carries.
 *
 * All slices point into memory that somebody else owns: the arena or buffer the event was read
 * from.
 */
#ifndef PN_EVENT_EVENT_H
#define PN_EVENT_EVENT_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

struct pn_event {
    struct pn_slice id;           // UUIDv5, derived from the cause
    struct pn_slice source;       // "/adapter/<system>/<sending unit>" or "/service/<station>"
    struct pn_slice type;         // fi.punos.visit.finished.v1
    struct pn_slice subject;      // client key, 32 hex digits; the partition key
    struct pn_slice traceparent;  // W3C Trace Context; may be empty
    struct pn_slice sector;       // primary | specialist | social | national; may be empty
    struct pn_slice causation_id; // id of the event or message that caused this one; may be empty
    int64_t time_ms;              // when it happened, as the source tells it
    int64_t recorded_ms;          // when the source recorded it: later wins over earlier
    struct pn_slice data;         // the FHIR resource, JSON text
};

// For whoever publishes: the type is known, every attribute that must be there is there, well
// formed and within its bound. The subject is a client key; on the quarantine topic it may be
// another word, and of fi.punos.delivery.answered.v1 it is the name of the system that answers.
PN_MUST_USE enum pn_code pn_event_check(const struct pn_event *event, struct pn_err *err);

// One line of structured JSON (CloudEvents JSON format), without a line end.
PN_MUST_USE enum pn_code pn_event_write_json(const struct pn_event *event, struct pn_buf *out,
                                             struct pn_err *err);
// Slices point into `text`, or into the arena where the text had escapes. Attributes that are not
// known are skipped; a type need not be known (it may be of a later version).
PN_MUST_USE enum pn_code pn_event_read_json(struct pn_arena *arena, struct pn_slice text,
                                            struct pn_event *ret_event, struct pn_err *err);

// The envelope as name and value pairs, `ce_` prefix included, for the Kafka binding.
enum { PN_EVENT_HEADERS_MAX = 16 };
struct pn_event_header {
    const char *name;
    struct pn_slice value;
};
// Values that are not slices of the event are made in the arena. Returns the number of headers, 0
// when the arena is full. Besides `ce_…` there is `content-type`, which is how the binding maps
// datacontenttype.
unsigned pn_event_to_headers(const struct pn_event *event, struct pn_arena *arena,
                             struct pn_event_header ret_headers[static PN_EVENT_HEADERS_MAX]);
PN_MUST_USE enum pn_code pn_event_from_headers(const struct pn_event_header *headers,
                                               unsigned header_count, struct pn_slice data,
                                               struct pn_event *ret_event, struct pn_err *err);

#define PN_EVENT_FEED_SILENT "fi.punos.feed.silent.v1"
#define PN_EVENT_FEED_RESUMED "fi.punos.feed.resumed.v1"

// The types, from schemas/event-types.yaml: what each carries.
struct pn_event_type {
    const char *name;     // fi.punos.visit.finished.v1
    const char *topic;    // punos.event.v1
    const char *resource; // Encounter
};
// NULL when the type is not known.
const struct pn_event_type *pn_event_type_find(struct pn_slice name);
// All of them, by name.
const struct pn_event_type *pn_event_types(size_t *ret_count);

#endif
