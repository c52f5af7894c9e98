// SPDX-License-Identifier: Apache-2.0
#include "privacy/privacy.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "privacy/secret.h"

enum {
    KEY_BYTES = 32,
    MAC_BYTES = 32,
    CLIENT_KEY_BYTES = 16,
    NONCE_BYTES = 12,
    TAG_BYTES = 16,
    SEAL_VERSION = 1,
    SEAL_HEAD_BYTES = 1 + NONCE_BYTES,
    SEAL_PLAIN_BYTES_MAX = 64 * 1024 * 1024,
    PURPOSE_BYTES_MAX = 64,
    DERIVED_MAX = 16, // purposes whose keys are kept; more are derived anew each time
    PATH_BYTES = 4096
};

struct derived {
    char info[PURPOSE_BYTES_MAX + 16];
    unsigned char key[KEY_BYTES];
};

// What changes while a handle is used, behind the const of the public functions: contexts are
// scratch.
struct scratch {
    EVP_MAC_CTX *client; // keyed once; each use begins it again
    EVP_MAC_CTX *mac;    // keyed for mac_purpose
    char mac_purpose[PURPOSE_BYTES_MAX];
    EVP_CIPHER_CTX *seal;
    struct derived derived[DERIVED_MAX];
    unsigned derived_count;
};

struct pn_privacy {
    unsigned char root[KEY_BYTES];
    EVP_MAC *hmac;
    EVP_CIPHER *aead;
    EVP_KDF *hkdf;
    struct scratch *scratch;
};

static enum pn_code crypto_fault(struct pn_err *err)
{
    return pn_err_set(err, PN_INTERNAL, "openssl", "a cryptographic operation failed");
}

// --- The secret ----------------------------------------------------------------------------------

static enum pn_code load_root(const char *data_dir, unsigned char ret_root[static KEY_BYTES],
                              struct pn_err *err)
{
    char folder[PATH_BYTES];
    enum pn_code code = pn_secret_folder(data_dir, folder, sizeof folder, err);
    if (code != PN_OK) {
        return code;
    }
    size_t len = 0;
    unsigned char root[KEY_BYTES];
    code = pn_secret_read(folder, "hub.key", root, sizeof root, &len, err);
    if (code == PN_NOT_FOUND) {
        if (RAND_priv_bytes(root, sizeof root) != 1) {
            return crypto_fault(err);
        }
        code = pn_secret_write_new(folder, "hub.key", root, sizeof root, err);
        if (code != PN_OK && code != PN_CONFLICT) {
            OPENSSL_cleanse(root, sizeof root);
            return code;
        }
        code = pn_secret_read(folder, "hub.key", root, sizeof root, &len, err);
    }
    if (code == PN_OK && len != KEY_BYTES) {
        code =
            pn_err_set(err, PN_INVALID, "hub.key", "not %d bytes: damaged, restore it", KEY_BYTES);
    }
    if (code == PN_OK) {
        memcpy(ret_root, root, KEY_BYTES);
    }
    OPENSSL_cleanse(root, sizeof root);
    return code;
}

// --- Derived keys --------------------------------------------------------------------------------

// HKDF-SHA-256 (RFC 5869): the hub key is the input, the purpose is the info.
static bool derive(const struct pn_privacy *privacy, const char *info,
                   unsigned char ret_key[static KEY_BYTES])
{
    EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(privacy->hkdf);
    if (kdf == NULL) {
        return false;
    }
    char digest[] = "SHA256";
    char salt[] = "punos";
    unsigned char root[KEY_BYTES];
    memcpy(root, privacy->root, KEY_BYTES);
    char bound[PURPOSE_BYTES_MAX + 16];
    int len = snprintf(bound, sizeof bound, "%s", info);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, root, sizeof root),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, sizeof salt - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, bound, (size_t)len),
        OSSL_PARAM_construct_end(),
    };
    bool is_good = EVP_KDF_derive(kdf, ret_key, KEY_BYTES, params) == 1;
    EVP_KDF_CTX_free(kdf);
    OPENSSL_cleanse(root, sizeof root);
    return is_good;
}

// `kind` keeps a seal's key from ever being a MAC's key.
static bool key_for(const struct pn_privacy *privacy, const char *kind, const char *purpose,
                    unsigned char ret_key[static KEY_BYTES])
{
    struct derived made;
    int len = snprintf(made.info, sizeof made.info, "%s:%s", kind, purpose);
    if (len < 0 || (size_t)len >= sizeof made.info) {
        return false;
    }
    struct scratch *scratch = privacy->scratch;
    for (unsigned i = 0; i < scratch->derived_count; i++) {
        if (strcmp(scratch->derived[i].info, made.info) == 0) {
            memcpy(ret_key, scratch->derived[i].key, KEY_BYTES);
            return true;
        }
    }
    if (!derive(privacy, made.info, made.key)) {
        return false;
    }
    if (scratch->derived_count < DERIVED_MAX) {
        scratch->derived[scratch->derived_count++] = made;
    }
    memcpy(ret_key, made.key, KEY_BYTES);
    OPENSSL_cleanse(&made, sizeof made);
    return true;
}

// --- Opening and closing -------------------------------------------------------------------------

static bool init_mac(EVP_MAC_CTX *mac, const unsigned char key[static KEY_BYTES])
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_init(mac, key, KEY_BYTES, params) == 1;
}

static bool fetch(struct pn_privacy *privacy)
{
    privacy->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    privacy->aead = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    privacy->hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    privacy->scratch = calloc(1, sizeof *privacy->scratch);
    if (privacy->hmac == NULL || privacy->aead == NULL || privacy->hkdf == NULL ||
        privacy->scratch == NULL) {
        return false;
    }
    struct scratch *scratch = privacy->scratch;
    scratch->client = EVP_MAC_CTX_new(privacy->hmac);
    scratch->mac = EVP_MAC_CTX_new(privacy->hmac);
    scratch->seal = EVP_CIPHER_CTX_new();
    unsigned char key[KEY_BYTES];
    bool is_good = scratch->client != NULL && scratch->mac != NULL && scratch->seal != NULL &&
                   key_for(privacy, "client", "key", key) && init_mac(scratch->client, key);
    OPENSSL_cleanse(key, sizeof key);
    return is_good;
}

enum pn_code pn_privacy_open(const char *data_dir, struct pn_privacy **ret_privacy,
                             struct pn_err *err)
{
    struct pn_privacy *privacy = calloc(1, sizeof *privacy);
    if (privacy == NULL) {
        return pn_err_set(err, PN_MEMORY, "privacy", "no memory");
    }
    enum pn_code code = load_root(data_dir, privacy->root, err);
    if (code == PN_OK && !fetch(privacy)) {
        code = crypto_fault(err);
    }
    if (code != PN_OK) {
        pn_privacy_close(privacy);
        return code;
    }
    *ret_privacy = privacy;
    return PN_OK;
}

void pn_privacy_close(struct pn_privacy *privacy)
{
    if (privacy == NULL) {
        return;
    }
    if (privacy->scratch != NULL) {
        EVP_MAC_CTX_free(privacy->scratch->client);
        EVP_MAC_CTX_free(privacy->scratch->mac);
        EVP_CIPHER_CTX_free(privacy->scratch->seal);
        OPENSSL_cleanse(privacy->scratch, sizeof *privacy->scratch);
        free(privacy->scratch);
    }
    EVP_MAC_free(privacy->hmac);
    EVP_CIPHER_free(privacy->aead);
    EVP_KDF_free(privacy->hkdf);
    OPENSSL_cleanse(privacy, sizeof *privacy);
    free(privacy);
}

// --- Client keys and MACs ------------------------------------------------------------------------

static void hex(const unsigned char *bytes, size_t len, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * len] = '\0';
}

static bool mac_update(EVP_MAC_CTX *mac, struct pn_slice part)
{
    return part.len == 0 || EVP_MAC_update(mac, (const unsigned char *)part.ptr, part.len) == 1;
}

// There is no other answer than the right one: a wrong key would mix two persons.
static void must(bool is_good)
{
    if (!is_good) {
        abort();
    }
}

void pn_client_key(const struct pn_privacy *privacy, struct pn_slice system, struct pn_slice value,
                   char ret_key[static PN_CLIENT_KEY_TEXT_BYTES])
{
    static const char prefix[] = "urn:oid:";
    if (pn_slice_starts_with(system, prefix)) {
        system = pn_slice_of(system.ptr + sizeof prefix - 1, system.len - (sizeof prefix - 1));
    }
    unsigned char mac[MAC_BYTES];
    size_t len = 0;
    EVP_MAC_CTX *client = privacy->scratch->client;
    // The separator can't stand in an OID or URI, so two pairs never give the same bytes.
    must(EVP_MAC_init(client, NULL, 0, NULL) == 1 && mac_update(client, system) &&
         mac_update(client, pn_slice_of("\0", 1)) && mac_update(client, value) &&
         EVP_MAC_final(client, mac, &len, sizeof mac) == 1 && len == MAC_BYTES);
    hex(mac, CLIENT_KEY_BYTES, ret_key);
    OPENSSL_cleanse(mac, sizeof mac);
}

// One purpose is asked for many times in a row: its key stays in.
static bool begin_mac(const struct pn_privacy *privacy, const char *purpose)
{
    struct scratch *scratch = privacy->scratch;
    if (purpose[0] != '\0' && strcmp(scratch->mac_purpose, purpose) == 0) {
        return EVP_MAC_init(scratch->mac, NULL, 0, NULL) == 1;
    }
    unsigned char key[KEY_BYTES];
    scratch->mac_purpose[0] = '\0';
    bool is_good = key_for(privacy, "mac", purpose, key) && init_mac(scratch->mac, key);
    if (is_good && strlen(purpose) < sizeof scratch->mac_purpose) {
        memcpy(scratch->mac_purpose, purpose, strlen(purpose) + 1);
    }
    OPENSSL_cleanse(key, sizeof key);
    return is_good;
}

void pn_privacy_mac(const struct pn_privacy *privacy, const char *purpose, struct pn_slice text,
                    char ret_mac[static PN_MAC_TEXT_BYTES])
{
    unsigned char mac[MAC_BYTES];
    size_t len = 0;
    EVP_MAC_CTX *context = privacy->scratch->mac;
    must(begin_mac(privacy, purpose) && mac_update(context, text) &&
         EVP_MAC_final(context, mac, &len, sizeof mac) == 1 && len == MAC_BYTES);
    hex(mac, MAC_BYTES, ret_mac);
}

// --- Seals ---------------------------------------------------------------------------------------

// Purpose and owner are authenticated with the seal; the length keeps them apart.
static bool add_bound(EVP_CIPHER_CTX *seal, const char *purpose, struct pn_slice bound_to)
{
    int out = 0;
    size_t purpose_len = strlen(purpose) + 1; // its NUL is the border
    return EVP_CipherUpdate(seal, NULL, &out, (const unsigned char *)purpose, (int)purpose_len) ==
               1 &&
           (bound_to.len == 0 ||
            EVP_CipherUpdate(seal, NULL, &out, (const unsigned char *)bound_to.ptr,
                             (int)bound_to.len) == 1);
}

static bool begin_seal(const struct pn_privacy *privacy, const char *purpose,
                       const unsigned char nonce[static NONCE_BYTES], int encrypt)
{
    unsigned char key[KEY_BYTES];
    bool is_good =
        key_for(privacy, "seal", purpose, key) &&
        EVP_CipherInit_ex2(privacy->scratch->seal, privacy->aead, key, nonce, encrypt, NULL) == 1;
    OPENSSL_cleanse(key, sizeof key);
    return is_good;
}

static enum pn_code check_lengths(const char *purpose, struct pn_slice bound_to,
                                  struct pn_slice bytes, struct pn_err *err)
{
    if (strlen(purpose) >= PURPOSE_BYTES_MAX || bound_to.len > PURPOSE_BYTES_MAX * 16 ||
        bytes.len > SEAL_PLAIN_BYTES_MAX) {
        return pn_err_set(err, PN_LIMIT, "seal", "too long to seal");
    }
    return PN_OK;
}

enum pn_code pn_seal(const struct pn_privacy *privacy, const char *purpose,
                     struct pn_slice bound_to, struct pn_slice plain, struct pn_buf *out,
                     struct pn_err *err)
{
    enum pn_code code = check_lengths(purpose, bound_to, plain, err);
    if (code != PN_OK) {
        return code;
    }
    EVP_CIPHER_CTX *seal = privacy->scratch->seal;
    size_t total = SEAL_HEAD_BYTES + plain.len + TAG_BYTES;
    unsigned char *made = malloc(total);
    if (made == NULL) {
        return pn_err_set(err, PN_MEMORY, "seal", "no memory");
    }
    made[0] = SEAL_VERSION;
    int len = 0;
    bool is_good = RAND_bytes(made + 1, NONCE_BYTES) == 1 &&
                   begin_seal(privacy, purpose, made + 1, 1) &&
                   add_bound(seal, purpose, bound_to) &&
                   (plain.len == 0 ||
                    EVP_CipherUpdate(seal, made + SEAL_HEAD_BYTES, &len,
                                     (const unsigned char *)plain.ptr, (int)plain.len) == 1) &&
                   EVP_CipherFinal_ex(seal, made + SEAL_HEAD_BYTES + plain.len, &len) == 1 &&
                   EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES,
                                       made + SEAL_HEAD_BYTES + plain.len) == 1;
    if (is_good) {
        pn_buf_add(out, made, total);
    }
    free(made);
    if (!is_good) {
        return crypto_fault(err);
    }
    return pn_buf_ok(out) ? PN_OK : pn_err_set(err, PN_LIMIT, "seal", "the output buffer is full");
}

static bool open_seal(const struct pn_privacy *privacy, const char *purpose,
                      struct pn_slice bound_to, struct pn_slice sealed, unsigned char *ret_plain)
{
    EVP_CIPHER_CTX *seal = privacy->scratch->seal;
    const unsigned char *bytes = (const unsigned char *)sealed.ptr;
    size_t plain_len = sealed.len - SEAL_HEAD_BYTES - TAG_BYTES;
    unsigned char tag[TAG_BYTES];
    memcpy(tag, bytes + SEAL_HEAD_BYTES + plain_len, TAG_BYTES);
    int len = 0;
    return begin_seal(privacy, purpose, bytes + 1, 0) && add_bound(seal, purpose, bound_to) &&
           (plain_len == 0 || EVP_CipherUpdate(seal, ret_plain, &len, bytes + SEAL_HEAD_BYTES,
                                               (int)plain_len) == 1) &&
           EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, tag) == 1 &&
           EVP_CipherFinal_ex(seal, ret_plain + plain_len, &len) == 1;
}

enum pn_code pn_unseal(const struct pn_privacy *privacy, const char *purpose,
                       struct pn_slice bound_to, struct pn_slice sealed, struct pn_buf *out,
                       struct pn_err *err)
{
    struct pn_slice body = sealed;
    body.len =
        sealed.len > SEAL_HEAD_BYTES + TAG_BYTES ? sealed.len - SEAL_HEAD_BYTES - TAG_BYTES : 0;
    enum pn_code code = check_lengths(purpose, bound_to, body, err);
    if (code != PN_OK) {
        return code;
    }
    if (sealed.len < SEAL_HEAD_BYTES + TAG_BYTES || sealed.ptr[0] != SEAL_VERSION) {
        return pn_err_set(err, PN_INVALID, "seal", "not a seal of this version");
    }
    unsigned char *plain = malloc(body.len + 1);
    if (plain == NULL) {
        return pn_err_set(err, PN_MEMORY, "seal", "no memory");
    }
    bool is_good = open_seal(privacy, purpose, bound_to, sealed, plain);
    if (is_good) {
        pn_buf_add(out, plain, body.len);
    }
    OPENSSL_clear_free(plain, body.len + 1);
    if (!is_good) {
        return pn_err_set(err, PN_INVALID, "seal",
                          "it was not sealed here for this purpose and owner, or it is damaged");
    }
    return pn_buf_ok(out) ? PN_OK : pn_err_set(err, PN_LIMIT, "seal", "the output buffer is full");
}
