// SPDX-License-Identifier: Apache-2.0
/*
 * What keeps identity apart from events: client keys and seals.
 *
 * The installation's secret is DATA/secrets/hub.key (32 random bytes, file mode 0600, made at first
 * start). From it HKDF-SHA-256 (RFC 5869) derives one key per purpose: the client-key HMAC, the
 * seals. Secrets are wiped from memory when the handle is freed.
 */
#ifndef PN_PRIVACY_PRIVACY_H
#define PN_PRIVACY_PRIVACY_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

struct pn_privacy;

// Makes the secret when there is none. PN_DENIED when the file's mode lets others read it.
PN_MUST_USE enum pn_code pn_privacy_open(const char *data_dir, struct pn_privacy **ret_privacy,
                                         struct pn_err *err);
void pn_privacy_close(struct pn_privacy *privacy); // takes NULL

// The client key: HMAC-SHA-256 over the identifier's OID and value, its first 128 bits in hex.
// `system` is "urn:oid:…" or the bare OID (the same key). An identity code's separator counts.
void pn_client_key(const struct pn_privacy *privacy, struct pn_slice system, struct pn_slice value,
                   char ret_key[static PN_CLIENT_KEY_TEXT_BYTES]);

// AES-256-GCM. `purpose` names what is sealed ("identity", "plan", "quarantine") and `bound_to`
// what it belongs to (client key, record id): both are authenticated, so a seal can't be moved. The
// seal is: version byte, 12-byte nonce, ciphertext, 16-byte tag.
PN_MUST_USE enum pn_code pn_seal(const struct pn_privacy *privacy, const char *purpose,
                                 struct pn_slice bound_to, struct pn_slice plain,
                                 struct pn_buf *out, struct pn_err *err);
PN_MUST_USE enum pn_code pn_unseal(const struct pn_privacy *privacy, const char *purpose,
                                   struct pn_slice bound_to, struct pn_slice sealed,
                                   struct pn_buf *out, struct pn_err *err);

// HMAC-SHA-256 in hex under a key of its own purpose; for tokens and audit chains.
enum { PN_MAC_TEXT_BYTES = 65 };
void pn_privacy_mac(const struct pn_privacy *privacy, const char *purpose, struct pn_slice text,
                    char ret_mac[static PN_MAC_TEXT_BYTES]);

#endif
