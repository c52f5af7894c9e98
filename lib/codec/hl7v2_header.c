// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "codec/hl7v2_parts.h"

// How far into broken bytes an MSH is looked for, and how long it may be.
enum { PEEK_BYTES_MAX = 16 * 1024, HEADER_FIELDS = 19 };

static struct pn_slice skip(struct pn_slice text, size_t count)
{
    return pn_slice_of(text.ptr + count, text.len - count);
}

static struct pn_slice segment_at(struct pn_slice bytes)
{
    size_t len = 0;
    while (len < bytes.len && bytes.ptr[len] != '\r' && bytes.ptr[len] != '\n') {
        len++;
    }
    return pn_slice_of(bytes.ptr, len);
}

struct pn_slice pn_hl7v2_msh(struct pn_slice bytes)
{
    if (pn_slice_starts_with(bytes, "\xEF\xBB\xBF")) {
        bytes = skip(bytes, 3);
    }
    while (bytes.len > 0 && (bytes.ptr[0] == ' ' || bytes.ptr[0] == '\t' || bytes.ptr[0] == '\r' ||
                             bytes.ptr[0] == '\n' || bytes.ptr[0] == '\v')) {
        bytes = skip(bytes, 1);
    }
    return pn_slice_starts_with(bytes, "MSH") ? segment_at(bytes) : pn_slice_of(NULL, 0);
}

static bool may_delimit(char c)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return c > ' ' && c < 0x7F && !is_letter && c != '"';
}

const char *pn_hl7v2_delimiters(struct pn_slice msh, struct pn_hl7v2_delimiters *ret_delimiters)
{
    if (msh.len < 5) {
        return "the message ends before its encoding characters";
    }
    char field = msh.ptr[3];
    // A tab as the field separator has been seen; elsewhere white space would be text.
    if (!may_delimit(field) && field != '\t') {
        return "the field separator is not ASCII punctuation";
    }
    struct pn_slice rest;
    struct pn_slice encoding = pn_slice_split(skip(msh, 4), field, &rest);
    char found[4] = {0};
    if (encoding.len == 0 || encoding.len > 5) {
        return "there must be one to five encoding characters";
    }
    for (size_t i = 0; i < encoding.len; i++) {
        char c = encoding.ptr[i];
        if (!may_delimit(c) || memchr(encoding.ptr, c, i) != NULL) {
            return "the encoding characters are not distinct ASCII punctuation";
        }
        if (i < sizeof found) {
            found[i] = c; // the fifth, for truncation (2.7), delimits nothing
        }
    }
    *ret_delimiters = (struct pn_hl7v2_delimiters){.field = field,
                                                   .component = found[0],
                                                   .repeat = found[1],
                                                   .escape = found[2],
                                                   .subcomponent = found[3]};
    return NULL;
}

// By their numbers: MSH-1 is the separator itself, what stands before the second one is MSH-2.
static void split_header(struct pn_slice msh, char separator, struct pn_slice *ret_fields)
{
    struct pn_slice rest = msh;
    (void)pn_slice_split(msh, separator, &rest);
    for (unsigned number = 2; number < HEADER_FIELDS && rest.len > 0; number++) {
        ret_fields[number] = pn_slice_trim(pn_slice_split(rest, separator, &rest));
    }
}

// In a broken message the MSH may stand anywhere.
static struct pn_slice find_msh(struct pn_slice bytes)
{
    struct pn_slice msh = pn_hl7v2_msh(bytes);
    bytes.len = bytes.len > PEEK_BYTES_MAX ? PEEK_BYTES_MAX : bytes.len;
    if (msh.len == 0) {
        const char *at = bytes.len == 0 ? NULL : memmem(bytes.ptr, bytes.len, "MSH", 3);
        msh = at == NULL ? msh : segment_at(skip(bytes, (size_t)(at - bytes.ptr)));
    }
    msh.len = msh.len > PEEK_BYTES_MAX ? PEEK_BYTES_MAX : msh.len;
    return msh;
}

bool pn_hl7v2_peek(struct pn_slice bytes, struct pn_hl7v2_header *ret_header)
{
    struct pn_slice msh = find_msh(bytes);
    if (msh.len < 4) {
        return false;
    }
    struct pn_hl7v2_header header = {0};
    if (pn_hl7v2_delimiters(msh, &header.delimiters) != NULL) {
        // What cannot be trusted is not used: the usual ones, with what seems to separate the
        // fields.
        char seen = msh.ptr[3];
        char field = may_delimit(seen) && strchr("^~\\&", seen) == NULL ? seen : '|';
        header.delimiters = (struct pn_hl7v2_delimiters){field, '^', '~', '\\', '&'};
    }
    struct pn_slice fields[HEADER_FIELDS] = {0};
    split_header(msh, header.delimiters.field, fields);
    char component = header.delimiters.component;
    struct pn_slice rest;
    header.sending_application = fields[3];
    header.sending_facility = fields[4];
    header.receiving_application = fields[5];
    header.receiving_facility = fields[6];
    header.type = pn_slice_split(fields[9], component, &rest);
    header.trigger = pn_slice_split(rest, component, &rest);
    header.control_id = fields[10];
    header.processing_id = fields[11];
    header.version = pn_slice_split(fields[12], component, &rest);
    header.accept_ack = fields[15];
    header.application_ack = fields[16];
    header.charset = fields[18];
    *ret_header = header;
    return true;
}
