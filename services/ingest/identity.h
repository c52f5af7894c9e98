// SPDX-License-Identifier: Apache-2.0
/*
 * Who an event is about: client keys, the sealed identity, and what of it was published last.
 *
 * A person's every identifier with a system has a client key; the primary one is that of the
 * identity code, else of the first identifier. `fi.punos.client.identified.v1` goes out only when
 * the identity differs from the last one that the same system told of that client. What was
 * published last is remembered as a MAC, in memory and (a little later) in the store: forgetting it
 * costs one event too many, never one too few.
 */
#ifndef PN_SERVICES_INGEST_IDENTITY_H
#define PN_SERVICES_INGEST_IDENTITY_H

#include <cjson/cJSON.h>

#include "base/arena.h"
#include "privacy/privacy.h"
#include "store/store.h"

enum { PN_IDENTIFIERS_MAX = 16, PN_IDENTITY_HASH_BYTES = 33 };

#define PN_CLIENT_KEY_SYSTEM "urn:punos:client-key"
#define PN_LANGUAGE_GROUP_SYSTEM "https://punos.fi/fhir/CodeSystem/language-group"
// On Patient.communication, valueBoolean: the language is the mother tongue.
#define PN_MOTHER_TONGUE_URL "https://punos.fi/fhir/StructureDefinition/mother-tongue"
#define PN_SEALED_IDENTITY_URL "https://punos.fi/fhir/StructureDefinition/sealed-identity"

struct pn_client_keys {
    char keys[PN_IDENTIFIERS_MAX][PN_CLIENT_KEY_TEXT_BYTES]; // the primary one first, none twice
    bool is_official[PN_IDENTIFIERS_MAX]; // made of an identity code, not of a local identifier
    unsigned count;
};

// PN_INVALID when the Patient has no identifier with a system and a value.
PN_MUST_USE enum pn_code pn_client_keys_of(const struct pn_privacy *privacy, const cJSON *patient,
                                           struct pn_client_keys *ret_keys, struct pn_err *err);

// The MAC of an identity, which tells whether it has changed.
void pn_identity_hash(const struct pn_privacy *privacy, struct pn_slice identity,
                      char ret_hash[static PN_IDENTITY_HASH_BYTES]);

// The Patient that goes on the stream: keys, gender, year of birth, language (the mother tongue
// when one is told as such, else the preferred, else the first) as a group (fi, sv, other),
// security labels. Made, as all JSON here, in cJSON's current arena.
PN_MUST_USE enum pn_code pn_identity_public(const struct pn_client_keys *keys, const cJSON *patient,
                                            cJSON **ret_public, struct pn_err *err);
// Adds the whole identity (the Patient's JSON text), sealed, to what pn_identity_public made.
PN_MUST_USE enum pn_code pn_identity_seal_into(const struct pn_privacy *privacy, cJSON *patient,
                                               struct pn_slice identity, struct pn_err *err);
// The merge: `keys` now also stands for the previous ones. NULL in *ret_patient when nothing is
// merged (all previous keys are among the keys).
PN_MUST_USE enum pn_code pn_identity_merge(const struct pn_client_keys *keys,
                                           const struct pn_client_keys *previous,
                                           cJSON **ret_patient, struct pn_err *err);

// --- What was published last ---------------------------------------------------------------------

struct pn_identity_memory;

struct pn_identity_mark {
    const char *system;
    const char *client_key;
    const char *hash;
};

struct pn_identity_memory *pn_identity_memory_new(void);
void pn_identity_memory_free(struct pn_identity_memory *memory); // takes NULL
bool pn_identity_is_published(struct pn_identity_memory *memory, struct pn_store *store,
                              const struct pn_identity_mark *mark);
// Remembered for now; pn_identity_settle says whether it became durable.
void pn_identity_remember(struct pn_identity_memory *memory, const struct pn_identity_mark *mark);
void pn_identity_settle(struct pn_identity_memory *memory, bool is_durable);
// What was remembered since that place is forgotten again: its message was refused.
unsigned pn_identity_place(const struct pn_identity_memory *memory);
void pn_identity_forget_since(struct pn_identity_memory *memory, unsigned place);
// Writes what is settled, inside the open transaction; then pn_identity_saved or nothing.
PN_MUST_USE enum pn_code pn_identity_save(struct pn_identity_memory *memory, struct pn_store *store,
                                          struct pn_err *err);
void pn_identity_saved(struct pn_identity_memory *memory);

#endif
