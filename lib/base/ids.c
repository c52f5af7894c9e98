// SPDX-License-Identifier: Apache-2.0
#include "base/ids.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>
#include <uuid/uuid.h>

#include "base/text.h"

// The namespace of every derived id; chosen at random once and never to be changed.
static const uuid_t punos_namespace = {0x5d, 0x0f, 0x3c, 0x1e, 0x8b, 0x7a, 0x4e, 0x52,
                                       0x9c, 0x41, 0x27, 0xe6, 0x0d, 0x93, 0xb8, 0x64};

// "|12:"; once per part of every event's id, so without printf.
static int add_length(EVP_MD_CTX *hash, size_t length)
{
    char text[24];
    size_t at = sizeof text;
    text[--at] = ':';
    do {
        text[--at] = (char)('0' + length % 10);
        length /= 10;
    } while (length > 0);
    text[--at] = '|';
    return EVP_DigestUpdate(hash, text + at, sizeof text - at);
}

// Version and variant as RFC 4122, 4.3 sets them.
static void stamp(unsigned char bytes[static 16])
{
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x50);
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
}

void pn_uuid5(const char *kind, const struct pn_slice *parts, size_t part_count,
              char ret_text[static PN_UUID_TEXT_BYTES])
{
    // Several ids are made for each message: what SHA-1 needs is looked up once.
    static EVP_MD *sha1;
    static EVP_MD_CTX *hash;
    if (hash == NULL) {
        sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
        hash = EVP_MD_CTX_new();
    }
    int good = sha1 != NULL && hash != NULL && EVP_DigestInit_ex2(hash, sha1, NULL) == 1 &&
               EVP_DigestUpdate(hash, punos_namespace, sizeof punos_namespace) == 1 &&
               EVP_DigestUpdate(hash, kind, strlen(kind)) == 1;
    for (size_t i = 0; good == 1 && i < part_count; i++) {
        // The length before each part keeps ("ab", "c") and ("a", "bc") apart.
        good = add_length(hash, parts[i].len) == 1 &&
               (parts[i].len == 0 || EVP_DigestUpdate(hash, parts[i].ptr, parts[i].len) == 1);
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    good = good == 1 && EVP_DigestFinal_ex(hash, digest, NULL) == 1;
    assert(good == 1); // no id, no event: only without memory for the first one
    (void)good;
    stamp(digest);
    pn_uuid_print(digest, ret_text);
}

void pn_uuid4(char ret_text[static PN_UUID_TEXT_BYTES])
{
    uuid_t id;
    uuid_generate_random(id);
    uuid_unparse_lower(id, ret_text);
}

static bool has_hyphen_at(size_t at)
{
    return at == 8 || at == 13 || at == 18 || at == 23;
}

bool pn_uuid_parse(struct pn_slice text, uint8_t ret_bytes[static 16])
{
    uint8_t bytes[16];
    size_t count = 0;
    if (text.len != PN_UUID_TEXT_BYTES - 1) {
        return false;
    }
    for (size_t at = 0; at < text.len;) {
        if (has_hyphen_at(at)) {
            if (text.ptr[at++] != '-') {
                return false;
            }
            continue;
        }
        int high = pn_hex_value(text.ptr[at]), low = pn_hex_value(text.ptr[at + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[count++] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    memcpy(ret_bytes, bytes, sizeof bytes);
    return true;
}

void pn_uuid_print(const uint8_t bytes[static 16], char ret_text[static PN_UUID_TEXT_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (has_hyphen_at(at)) {
            ret_text[at++] = '-';
        }
        ret_text[at++] = digits[bytes[i] >> 4];
        ret_text[at++] = digits[bytes[i] & 15];
    }
    ret_text[at] = '\0';
}
