// SPDX-License-Identifier: Apache-2.0
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/finid.h"
#include "net/tls_parts.h"

enum { FINGERPRINT_SHOWN_BYTES = 8, NAMES_PER_CERTIFICATE_MAX = 64 };

// The text of an ASN.1 string; empty when a NUL stands inside, which would cut it for others.
static struct pn_slice text_of(const ASN1_STRING *string)
{
    struct pn_slice text = pn_slice_of((const char *)ASN1_STRING_get0_data(string),
                                       (size_t)ASN1_STRING_length(string));
    return text.len > 0 && memchr(text.ptr, '\0', text.len) == NULL ? text : pn_slice_of(NULL, 0);
}

// Calls `take` for each DNS name, URI and CN until it returns true.
static bool each_name(const X509 *certificate,
                      bool (*take)(struct pn_slice name, bool is_uri, void *context), void *context)
{
    bool is_taken = false;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
    for (int i = 0; i < count && i < NAMES_PER_CERTIFICATE_MAX && !is_taken; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS || name->type == GEN_URI) {
            is_taken = take(text_of(name->d.ia5), name->type == GEN_URI, context);
        }
    }
    GENERAL_NAMES_free(names);
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    for (int i = 0; at >= 0 && i < NAMES_PER_CERTIFICATE_MAX && !is_taken; i++) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
        is_taken = take(text_of(X509_NAME_ENTRY_get_data(entry)), false, context);
        at = X509_NAME_get_index_by_NID(subject, NID_commonName, at);
    }
    return is_taken;
}

// Names of machines differ not by case, URIs do (RFC 3986 section 6.2.2.1, but for their hosts).
static bool is_one_of(struct pn_slice name, bool is_uri, void *context)
{
    const struct pn_conf_names *names = context;
    for (unsigned i = 0; i < names->count && name.len > 0; i++) {
        if (is_uri ? pn_slice_is(name, names->items[i])
                   : pn_slice_is_nocase(name, names->items[i])) {
            return true;
        }
    }
    return false;
}

bool pn_tls_certificate_has_name(const X509 *certificate, const struct pn_conf_names *names)
{
    return each_name(certificate, is_one_of, (void *)(uintptr_t)names);
}

// Letters, digits and the marks of host names and URIs, at least one of the marks, no identity
// code.
static bool is_machine_name(struct pn_slice name)
{
    bool has_mark = false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_mark = c == '.' || c == '-' || c == ':' || c == '/' || c == '_';
        bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!is_mark && !is_plain) {
            return false;
        }
        has_mark = has_mark || is_mark;
    }
    return has_mark && name.len < PN_TLS_NAME_BYTES && !pn_hetu_is_inside(name);
}

static bool take_machine_name(struct pn_slice name, bool is_uri, void *context)
{
    (void)is_uri;
    if (!is_machine_name(name)) {
        return false;
    }
    (void)snprintf(context, PN_TLS_NAME_BYTES, "%.*s", PN_SLICE_FMT(name));
    return true;
}

// A person's card names its holder.
static bool is_of_a_person(const X509 *certificate)
{
    static const int attributes[] = {NID_givenName, NID_surname, NID_serialNumber};
    for (size_t i = 0; i < PN_ARRAY_COUNT(attributes); i++) {
        if (X509_NAME_get_index_by_NID(X509_get_subject_name(certificate), attributes[i], -1) >=
            0) {
            return true;
        }
    }
    return false;
}

void pn_tls_certificate_name(const X509 *certificate, char ret_name[static PN_TLS_NAME_BYTES])
{
    if (!is_of_a_person(certificate) && each_name(certificate, take_machine_name, ret_name)) {
        return;
    }
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes = 0;
    int len = snprintf(ret_name, PN_TLS_NAME_BYTES, "sha256:");
    if (X509_digest(certificate, EVP_sha256(), digest, &digest_bytes) != 1) {
        return;
    }
    for (unsigned i = 0; i < FINGERPRINT_SHOWN_BYTES; i++) {
        len += snprintf(ret_name + len, (size_t)(PN_TLS_NAME_BYTES - len), "%02x", digest[i]);
    }
}
