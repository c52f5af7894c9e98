// SPDX-License-Identifier: Apache-2.0
/*
 * An adapter: one folder of data that says how a records system speaks, compiled to flat tables.
 *
 * Decoding is pure: bytes in, FHIR resources out, no I/O and no clock but the one in the input.
 * Resources come out with the person's identity kept apart from everything else: an event's
 * resource holds no identity, it names a person by number; ingest puts the client key there.
 */
#ifndef PN_MAP_ADAPTER_H
#define PN_MAP_ADAPTER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/split.h"
#include "codec/tree.h"
#include "conf/config.h"

struct pn_adapter;

enum { PN_RECEIPT_ENDING_BYTES_MAX = 40 };

enum pn_transport {
    PN_TRANSPORT_NONE,
    PN_TRANSPORT_MLLP,
    PN_TRANSPORT_HTTP,
    PN_TRANSPORT_DROP,
    PN_TRANSPORT_POLL // the hub asks the system's FHIR server; in only
};

enum { PN_ADAPTER_POLL_RESOURCES_MAX = 32 };

struct pn_adapter_poll {
    const char *resources[PN_ADAPTER_POLL_RESOURCES_MAX]; // asked for in this order
    unsigned resource_count;                              // 0: the adapter does not poll
    int64_t page_size;
    int64_t every_s;
    int64_t overlap_s; // how far before the last known moment each round begins
};

// What adapter.yaml says of the system.
struct pn_adapter_info {
    const char *name;
    const char *sector;  // primary | specialist | social | national
    const char *zone;    // Europe/Helsinki
    const char *charset; // when a message does not say
    enum pn_transport in[3];
    unsigned in_count;
    struct pn_adapter_poll poll;
    bool has_entries_alone; // HTTP: entries of a batch, collection or history Bundle stand alone
    const char *receipt_ending; // of receipt files, after the document's name; NULL: the usual one
    enum pn_transport out;      // PN_TRANSPORT_NONE: takes no plan
    struct pn_conf_names peer; // names of certificates that may send as this system; none: not said
};

// Reads and compiles the adapter of that name as this installation has it: from its folder of
// adapters, with the national code tables that it has loaded (DATA/codes) before those of
// config/codes. PN_INVALID names file, line and field. Everything lives in `boot`.
PN_MUST_USE enum pn_code pn_adapter_open(struct pn_arena *boot, const struct pn_config *config,
                                         const char *name, struct pn_adapter **ret_adapter,
                                         struct pn_err *err);
// Likewise from a folder, whatever the installation: with the tables of ../../config/codes.
PN_MUST_USE enum pn_code pn_adapter_load(struct pn_arena *boot, const char *folder,
                                         struct pn_adapter **ret_adapter, struct pn_err *err);
const struct pn_adapter_info *pn_adapter_info(const struct pn_adapter *adapter);

// --- In ------------------------------------------------------------------------------------------

struct pn_message_in {
    struct pn_slice bytes;
    enum pn_transport transport;
    int64_t received_ms;
    const char *content_type; // HTTP; "" otherwise
    const char *file_name;    // file drop; "" otherwise
    const char *zone;         // the installation's override, NULL for the adapter's
    const char *charset;      // likewise
    unsigned line; // where it begins in the file that it was taken out of; 0: it is a whole one
};

// A dropped file that is a list of messages, as adapter.yaml's `split` says: each record is a
// message of its own, with the file's name and its line. *ret_split is NULL when such a file is one
// message. Refuses the file as a whole; message->bytes must live as long as the split.
bool pn_adapter_splits(const struct pn_adapter *adapter, const struct pn_message_in *message);
PN_MUST_USE enum pn_code pn_adapter_split(const struct pn_adapter *adapter,
                                          const struct pn_message_in *message,
                                          struct pn_split **ret_split, struct pn_err *err);

struct pn_mapped_person {
    cJSON *patient;  // FHIR Patient with identifiers, name, address: identity, to be sealed
    cJSON *previous; // a merge (HL7 A40): the Patient whose identifiers now mean `patient`; or NULL
};

enum { PN_NO_PERSON = -1 };

// The one type that is about no person: an answer to something that was delivered.
#define PN_EVENT_ANSWERED "fi.punos.delivery.answered.v1"

struct pn_mapped_event {
    const char *type; // fi.punos.visit.finished.v1
    int person;       // index into persons; PN_NO_PERSON where the type carries none
    cJSON *resource;  // no identity inside; subject not yet set; id derived from the business key
    int64_t time_ms;
    int64_t recorded_ms;
    const char *sector; // NULL: the adapter's
};

struct pn_mapped {
    struct pn_slice control_id; // MSH-10, document OID and version, bundle id: makes the event ids
    struct pn_slice message_type; // "ADT^A01", "15020", "Bundle": for logs and metrics
    struct pn_slice sender;       // sending unit, for the event source
    const char *ignored;          // why nothing shall come of it; NULL: something does
    struct pn_mapped_person *persons;
    unsigned person_count;
    struct pn_mapped_event *events;
    unsigned event_count;
};

// PN_INVALID: cannot be understood (AE); PN_UNSUPPORTED: no mapping for this kind of message (AR).
// err->where is the segment, field or element. *ret_mapped lives in `arena`; so does its JSON.
PN_MUST_USE enum pn_code pn_adapter_decode(const struct pn_adapter *adapter, struct pn_arena *arena,
                                           const struct pn_message_in *message,
                                           struct pn_mapped *ret_mapped, struct pn_err *err);

// --- Out -----------------------------------------------------------------------------------------

// What a file of out/ is about: the shared plan, or the client's being a shared client at all.
enum pn_out_of { PN_OUT_PLAN, PN_OUT_CASE, PN_OUT_OF_COUNT };
bool pn_adapter_takes(const struct pn_adapter *adapter, enum pn_out_of of);

// What the system calls a document that it took earlier (HTTP: of its Location and ETag).
struct pn_remote {
    unsigned slot;
    struct pn_slice id;
    struct pn_slice version;
};

struct pn_plan_out {
    enum pn_out_of of;
    const cJSON *plan;      // the CarePlan with its contained resources, as `plan` publishes it
    const cJSON *case_flag; // of a case: its Flag, and no plan
    const cJSON *patient;   // the Patient with identity, from the vault
    const cJSON *previous;  // the version that this system has now; NULL when it has none
    // A list of the EpisodeOfCare that this system has told of the client, open and ended; NULL:
    // none
    const cJSON *clientships;
    const struct pn_remote *remotes; // of the version that the system has
    unsigned remote_count;
    struct pn_slice document_id; // the same for every try of this version to this system
    struct pn_slice system_config_name;
    int64_t now_ms;
    bool withdrawn; // the plan or case ends: say so in the system's own way
};

struct pn_document_out {
    enum pn_out_of of;
    unsigned slot; // which of the adapter's documents, and of which item: the same in each version
    struct pn_slice bytes;
    struct pn_slice content_type;       // HTTP
    struct pn_slice path;               // HTTP: after the base URL; file drop: the file's name
    struct pn_slice method;             // HTTP: POST or PUT
    struct pn_slice if_match;           // HTTP: the version that it replaces; may be empty
    struct pn_slice receipt_id;         // what the receipt will refer to: MSH-10, document id
    const struct pn_document_out *next; // one plan may be several documents, sent in this order
};

PN_MUST_USE enum pn_code pn_adapter_encode(const struct pn_adapter *adapter, struct pn_arena *arena,
                                           const struct pn_plan_out *plan,
                                           const struct pn_document_out **ret_document,
                                           struct pn_err *err);

// What the system's answer means for what was sent.
enum pn_receipt {
    PN_RECEIPT_ACCEPTED,
    PN_RECEIPT_REJECTED,
    PN_RECEIPT_TRY_AGAIN,
    PN_RECEIPT_COMMITTED // it holds it safely, and says later whether it accepts it
};
struct pn_answer {
    int http_status;          // HTTP
    struct pn_slice location; // HTTP: where the system put it
    struct pn_slice etag;     // HTTP
    struct pn_slice bytes;    // the acknowledgement message, body or receipt file
};
struct pn_receipt_read {
    enum pn_receipt receipt;
    bool is_others;        // it answers another message (a late one): `match` says which
    struct pn_slice match; // the receipt_id that it names; empty when the adapter reads none
    struct pn_slice words; // the system's own
    struct pn_slice remote_id, remote_version; // what the system calls it; may be empty
};
// Texts live in the arena, or are the answer's.
PN_MUST_USE enum pn_code
pn_adapter_read_receipt(const struct pn_adapter *adapter, struct pn_arena *arena,
                        const struct pn_document_out *sent, const struct pn_answer *answer,
                        struct pn_receipt_read *ret_read, struct pn_err *err);

// --- For `adapter check` -------------------------------------------------------------------------

// Rows of the mapping files; an included row counts once.
struct pn_adapter_row {
    const char *file; // in/adt-visit.yaml; ../_hl7v2/in/visit.yaml
    unsigned line;
    bool is_library; // not the adapter's own
};
unsigned pn_adapter_row_count(const struct pn_adapter *adapter);
struct pn_adapter_row pn_adapter_row(const struct pn_adapter *adapter, unsigned number);
// From now on decoding and encoding set hits[row] for each row that did something. `hits` has room
// for every row and belongs to the caller; NULL ends it.
void pn_adapter_watch(struct pn_adapter *adapter, unsigned char *hits);

#endif
