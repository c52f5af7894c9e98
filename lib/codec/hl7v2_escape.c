// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "base/text.h"
#include "codec/hl7v2_parts.h"

// Longest text between two escape characters that is looked at as an escape; \X…\ may be longer.
enum { ESCAPE_BYTES_MAX = 32 };

// What an escape stands for: a text so many times, or nothing.
static const struct escape {
    const char *name;
    const char *text;
    bool takes_count; // \.sp3\; without a number once
} escapes[] = {
    {"P", "#", false},    {".br", "\n", false}, {".sp", "\n", true}, {".sk", " ", true},
    {".ce", "\n", false}, {"H", "", false},     {"N", "", false},    {".fi", "", false},
    {".nf", "", false},   {".in", "", true},    {".ti", "", true},
};

struct writer {
    char *at;
    const struct pn_hl7v2_delimiters *delimiters;
    enum pn_charset charset;
    struct pn_arena *arena;
};

static void put(struct writer *writer, const char *bytes, size_t len)
{
    memcpy(writer->at, bytes, len);
    writer->at += len;
}

static bool put_delimiter(struct writer *writer, char name)
{
    const struct pn_hl7v2_delimiters *d = writer->delimiters;
    const struct {
        char name, delimiter;
    } table[] = {
        {'F', d->field},  {'S', d->component}, {'T', d->subcomponent},
        {'R', d->repeat}, {'E', d->escape},
    };
    for (size_t i = 0; i < PN_ARRAY_COUNT(table); i++) {
        if (table[i].name == name && table[i].delimiter != '\0') {
            put(writer, &table[i].delimiter, 1);
            return true;
        }
    }
    return false;
}

// \Xdd..\: bytes of the message's character set. Not taken when one is NUL or no hex.
static bool put_hex(struct writer *writer, struct pn_slice digits)
{
    if (digits.len == 0 || digits.len % 2 != 0) {
        return false;
    }
    char *bytes = pn_arena_alloc(writer->arena, digits.len / 2);
    if (bytes == NULL) {
        return false;
    }
    for (size_t i = 0; i < digits.len; i += 2) {
        int high = pn_hex_value(digits.ptr[i]);
        int low = pn_hex_value(digits.ptr[i + 1]);
        if (high < 0 || low < 0 || (high == 0 && low == 0)) {
            return false;
        }
        bytes[i / 2] = (char)(high << 4 | low);
    }
    enum pn_charset charset = writer->charset;
    if (charset == PN_CHARSET_UTF16LE || charset == PN_CHARSET_UTF16BE) {
        charset = PN_CHARSET_UTF8;
    }
    struct pn_slice raw = pn_slice_of(bytes, digits.len / 2);
    struct pn_slice text = pn_charset_to_utf8(writer->arena, charset, raw);
    if (text.ptr == NULL) {
        return false;
    }
    put(writer, text.ptr, text.len);
    return true;
}

// The number after a name such as `.sp`; at most 9, so that a text never more than doubles.
static bool read_count(struct pn_slice text, unsigned *ret_count)
{
    struct pn_slice digits = text;
    if (digits.len > 0 && (digits.ptr[0] == '+' || digits.ptr[0] == '-')) {
        digits = pn_slice_of(digits.ptr + 1, digits.len - 1);
    }
    int64_t count = 1;
    if (digits.len > 0 && (digits.ptr[0] == '-' || !pn_slice_to_i64(digits, &count))) {
        return false;
    }
    *ret_count = count > 9 ? 9 : (unsigned)count;
    return true;
}

static bool put_named(struct writer *writer, struct pn_slice body)
{
    for (size_t i = 0; i < PN_ARRAY_COUNT(escapes); i++) {
        size_t len = strlen(escapes[i].name);
        if (!pn_slice_starts_with(body, escapes[i].name)) {
            continue;
        }
        struct pn_slice rest = pn_slice_of(body.ptr + len, body.len - len);
        unsigned count = 1;
        if (escapes[i].takes_count ? !read_count(rest, &count) : rest.len > 0) {
            return false;
        }
        for (unsigned n = 0; n < count; n++) {
            put(writer, escapes[i].text, strlen(escapes[i].text));
        }
        return true;
    }
    return false;
}

static bool put_escape(struct writer *writer, struct pn_slice body)
{
    if (body.len == 1 && put_delimiter(writer, body.ptr[0])) {
        return true;
    }
    if (body.ptr[0] == 'X') {
        return put_hex(writer, pn_slice_of(body.ptr + 1, body.len - 1));
    }
    return put_named(writer, body);
}

// Only what looks like an escape takes part in pairing, so that `C:\temp` stays and what follows it
// is still read.
static bool looks_like_escape(struct pn_slice body)
{
    if (body.len == 0 || (body.len > ESCAPE_BYTES_MAX && body.ptr[0] != 'X')) {
        return false;
    }
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && (c < '0' || c > '9') && c != '.' && c != '+' && c != '-') {
            return false;
        }
    }
    return true;
}

struct pn_slice pn_hl7v2_unescape(struct pn_arena *arena, struct pn_slice raw,
                                  const struct pn_hl7v2_delimiters *delimiters,
                                  enum pn_charset charset)
{
    char escape = delimiters->escape;
    if (escape == '\0' || memchr(raw.ptr, escape, raw.len) == NULL) {
        return raw;
    }
    char *out = pn_arena_alloc(arena, raw.len * 2);
    if (out == NULL) {
        return pn_slice_of(NULL, 0);
    }
    struct writer writer = {
        .at = out, .delimiters = delimiters, .charset = charset, .arena = arena};
    size_t i = 0;
    while (i < raw.len) {
        const char *start = memchr(raw.ptr + i, escape, raw.len - i);
        size_t plain = start == NULL ? raw.len - i : (size_t)(start - raw.ptr) - i;
        put(&writer, raw.ptr + i, plain);
        i += plain;
        if (start == NULL) {
            break;
        }
        const char *end = memchr(start + 1, escape, raw.len - i - 1);
        struct pn_slice body =
            end == NULL ? pn_slice_of(NULL, 0) : pn_slice_of(start + 1, (size_t)(end - start) - 1);
        if (!looks_like_escape(body)) {
            put(&writer, start, 1);
            i++;
            continue;
        }
        if (!put_escape(&writer, body)) {
            put(&writer, start, body.len + 2);
        }
        i += body.len + 2;
    }
    return pn_slice_of(out, (size_t)(writer.at - out));
}

void pn_hl7v2_add_escaped(struct pn_buf *out, struct pn_slice text, enum pn_charset charset)
{
    static const char delimiters[] = "|^&~\\";
    static const char letters[] = "FSTRE";
    while (text.len > 0) {
        uint32_t c = pn_utf8_take(&text);
        const char *found = c > 0 && c < 0x80 ? strchr(delimiters, (int)c) : NULL;
        if (found != NULL) {
            pn_buf_printf(out, "\\%c\\", letters[found - delimiters]);
        } else if (c == '\n' || c == '\r') {
            pn_buf_add_str(out, "\\.br\\");
            bool is_crlf = c == '\r' && text.len > 0 && text.ptr[0] == '\n';
            text = is_crlf ? pn_slice_of(text.ptr + 1, text.len - 1) : text;
        } else if (c < 0x20 || c == 0x7F) {
            if (c != 0) {
                pn_buf_printf(out, "\\X%02X\\", (unsigned)c);
            }
        } else {
            pn_charset_add(out, charset, c);
        }
    }
}
