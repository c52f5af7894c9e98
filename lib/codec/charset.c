// SPDX-License-Identifier: Apache-2.0
#include "codec/charset.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

#define NO_CHARACTER UINT32_C(0xFFFD)

struct charset_name {
    const char *name;
    enum pn_charset charset;
};

static const struct charset_name names[] = {
    {"ISO-8859-1", PN_CHARSET_LATIN1},
    {"8859/1", PN_CHARSET_LATIN1},
    {"UTF-8", PN_CHARSET_UTF8},
    {"UNICODE UTF-8", PN_CHARSET_UTF8},
    {"UNICODE", PN_CHARSET_UTF8},
    {"ASCII", PN_CHARSET_ASCII},
    {"US-ASCII", PN_CHARSET_ASCII},
    {"8859/15", PN_CHARSET_LATIN9},
    {"ISO-8859-15", PN_CHARSET_LATIN9},
    {"windows-1252", PN_CHARSET_WINDOWS},
    {"ISO8859-1", PN_CHARSET_LATIN1},
    {"ISO 8859-1", PN_CHARSET_LATIN1},
    {"ISO_8859-1", PN_CHARSET_LATIN1},
    {"ISO IR-100", PN_CHARSET_LATIN1},
    {"ISO-IR-100", PN_CHARSET_LATIN1},
    {"latin1", PN_CHARSET_LATIN1},
    {"8859-1", PN_CHARSET_LATIN1},
    {"ISO8859-15", PN_CHARSET_LATIN9},
    {"ISO 8859-15", PN_CHARSET_LATIN9},
    {"8859-15", PN_CHARSET_LATIN9},
    {"latin9", PN_CHARSET_LATIN9},
    {"cp1252", PN_CHARSET_WINDOWS},
    {"UTF8", PN_CHARSET_UTF8},
    {"UNICODE UTF8", PN_CHARSET_UTF8},
    {"UTF-16LE", PN_CHARSET_UTF16LE},
    {"UTF-16BE", PN_CHARSET_UTF16BE},
    {"UNICODE UTF-16", PN_CHARSET_UTF16BE},
};

// Where windows-1252 and ISO 8859-15 are not ISO 8859-1.
static const uint16_t windows_high[32] = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178,
};
static const struct {
    uint8_t byte;
    uint16_t character;
} latin9_differs[] = {
    {0xA4, 0x20AC}, {0xA6, 0x0160}, {0xA8, 0x0161}, {0xB4, 0x017D},
    {0xB8, 0x017E}, {0xBC, 0x0152}, {0xBD, 0x0153}, {0xBE, 0x0178},
};

// What stands in for a character that a set lacks.
static const struct {
    uint16_t character;
    const char *twin;
} twins[] = {
    {0x2010, "-"},  {0x2011, "-"},  {0x2012, "-"}, {0x2013, "-"}, {0x2014, "-"},   {0x2015, "-"},
    {0x2212, "-"},  {0x2018, "'"},  {0x2019, "'"}, {0x201A, "'"}, {0x201C, "\""},  {0x201D, "\""},
    {0x201E, "\""}, {0x2022, "*"},  {0x2039, "<"}, {0x203A, ">"}, {0x2026, "..."}, {0x20AC, "EUR"},
    {0x0160, "S"},  {0x0161, "s"},  {0x017D, "Z"}, {0x017E, "z"}, {0x0152, "OE"},  {0x0153, "oe"},
    {0x2002, " "},  {0x2003, " "},  {0x2009, " "}, {0x202F, " "}, {0x00A0, " "},   {0x2264, "<="},
    {0x2265, ">="}, {0x2028, "\n"},
};

enum pn_charset pn_charset_find(struct pn_slice name)
{
    struct pn_slice trimmed = pn_slice_trim(name);
    for (size_t i = 0; i < PN_ARRAY_COUNT(names); i++) {
        if (pn_slice_is_nocase(trimmed, names[i].name)) {
            return names[i].charset;
        }
    }
    return PN_CHARSET_UNKNOWN;
}

const char *pn_charset_name(enum pn_charset charset)
{
    static const char *const iana[] = {
        [PN_CHARSET_UNKNOWN] = "unknown",    [PN_CHARSET_ASCII] = "US-ASCII",
        [PN_CHARSET_UTF8] = "UTF-8",         [PN_CHARSET_LATIN1] = "ISO-8859-1",
        [PN_CHARSET_LATIN9] = "ISO-8859-15", [PN_CHARSET_WINDOWS] = "windows-1252",
        [PN_CHARSET_UTF16LE] = "UTF-16LE",   [PN_CHARSET_UTF16BE] = "UTF-16BE",
    };
    assert((unsigned)charset < PN_ARRAY_COUNT(iana));
    return iana[charset];
}

bool pn_text_is_ascii(struct pn_slice text)
{
    size_t i = 0;
    uint64_t seen = 0;
    for (; i + sizeof seen <= text.len; i += sizeof seen) {
        uint64_t eight = 0;
        memcpy(&eight, text.ptr + i, sizeof eight);
        seen |= eight;
    }
    for (; i < text.len; i++) {
        seen |= (uint8_t)text.ptr[i];
    }
    return (seen & UINT64_C(0x8080808080808080)) == 0;
}

static bool fits(enum pn_charset charset, struct pn_slice bytes)
{
    if (charset == PN_CHARSET_ASCII) {
        return pn_text_is_ascii(bytes);
    }
    return charset == PN_CHARSET_UTF8 ? pn_utf8_is_valid(bytes) : charset != PN_CHARSET_UNKNOWN;
}

enum pn_charset pn_charset_choose(const char *list, struct pn_slice bytes)
{
    struct pn_slice rest = pn_slice_str(list == NULL || list[0] == '\0' ? "UTF-8" : list);
    while (rest.len > 0) {
        enum pn_charset charset = pn_charset_find(pn_slice_split(rest, ',', &rest));
        if (fits(charset, bytes)) {
            return charset;
        }
    }
    return PN_CHARSET_LATIN1;
}

static uint32_t latin9_character(uint8_t byte)
{
    for (size_t i = 0; i < PN_ARRAY_COUNT(latin9_differs); i++) {
        if (latin9_differs[i].byte == byte) {
            return latin9_differs[i].character;
        }
    }
    return byte;
}

static uint32_t character_of(enum pn_charset charset, uint8_t byte)
{
    if (charset == PN_CHARSET_LATIN9) {
        return latin9_character(byte);
    }
    if (charset == PN_CHARSET_WINDOWS && byte >= 0x80 && byte < 0xA0) {
        return windows_high[byte - 0x80];
    }
    return charset == PN_CHARSET_ASCII && byte >= 0x80 ? NO_CHARACTER : byte;
}

static struct pn_slice bytes_to_utf8(struct pn_arena *arena, enum pn_charset charset,
                                     struct pn_slice bytes)
{
    size_t high = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        high += (uint8_t)bytes.ptr[i] >> 7;
    }
    char *out = pn_arena_alloc(arena, bytes.len + 2 * high + 1); // 3 bytes at most for each of them
    if (out == NULL) {
        return pn_slice_of(NULL, 0);
    }
    size_t len = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        len += pn_utf8_put(out + len, character_of(charset, (uint8_t)bytes.ptr[i]));
    }
    return pn_slice_of(out, len);
}

static uint32_t utf16_unit(enum pn_charset charset, const char *at)
{
    uint32_t first = (uint8_t)at[0];
    uint32_t second = (uint8_t)at[1];
    return charset == PN_CHARSET_UTF16LE ? second << 8 | first : first << 8 | second;
}

static struct pn_slice utf16_to_utf8(struct pn_arena *arena, enum pn_charset charset,
                                     struct pn_slice bytes)
{
    char *out = pn_arena_alloc(arena, bytes.len / 2 * 3 + 1);
    if (out == NULL) {
        return pn_slice_of(NULL, 0);
    }
    size_t len = 0;
    for (size_t i = 0; i + 2 <= bytes.len; i += 2) {
        uint32_t c = utf16_unit(charset, bytes.ptr + i);
        bool is_high = c >= 0xD800 && c < 0xDC00;
        uint32_t low = is_high && i + 4 <= bytes.len ? utf16_unit(charset, bytes.ptr + i + 2) : 0;
        if (low >= 0xDC00 && low < 0xE000) {
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        } else if (c >= 0xD800 && c < 0xE000) {
            c = NO_CHARACTER;
        }
        len += pn_utf8_put(out + len, c);
    }
    return pn_slice_of(out, len);
}

struct pn_slice pn_charset_to_utf8(struct pn_arena *arena, enum pn_charset charset,
                                   struct pn_slice bytes)
{
    if (charset == PN_CHARSET_UTF16LE || charset == PN_CHARSET_UTF16BE) {
        return utf16_to_utf8(arena, charset, bytes);
    }
    if (pn_text_is_ascii(bytes) || (charset == PN_CHARSET_UTF8 && pn_utf8_is_valid(bytes))) {
        return bytes;
    }
    return bytes_to_utf8(arena, charset == PN_CHARSET_UTF8 ? PN_CHARSET_LATIN1 : charset, bytes);
}

uint32_t pn_utf8_take(struct pn_slice *text)
{
    if (text->len == 0) {
        return 0;
    }
    uint8_t first = (uint8_t)text->ptr[0];
    size_t length = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t c = first & masks[length];
    length = length > text->len ? text->len : length;
    for (size_t i = 1; i < length; i++) {
        c = c << 6 | ((uint8_t)text->ptr[i] & 0x3F);
    }
    *text = pn_slice_of(text->ptr + length, text->len - length);
    return c;
}

void pn_utf8_add(struct pn_buf *out, uint32_t character)
{
    char bytes[4];
    bool is_one = character < 0xD800 || (character >= 0xE000 && character < 0x110000);
    pn_buf_add(out, bytes, pn_utf8_put(bytes, is_one ? character : NO_CHARACTER));
}

// The byte of a character in a set of one byte a character, 0 when the set lacks it.
static uint8_t byte_of(enum pn_charset charset, uint32_t character)
{
    if (character < 0x80) {
        return (uint8_t)character;
    }
    for (unsigned byte = 0x80; charset != PN_CHARSET_ASCII && byte < 0x100; byte++) {
        if (character_of(charset, (uint8_t)byte) == character) {
            return (uint8_t)byte;
        }
    }
    return 0;
}

bool pn_charset_add(struct pn_buf *out, enum pn_charset charset, uint32_t character)
{
    if (charset == PN_CHARSET_UTF8) {
        pn_utf8_add(out, character);
        return true;
    }
    uint8_t byte = byte_of(charset, character);
    if (byte != 0 || character == 0) {
        pn_buf_add_char(out, (char)byte);
        return true;
    }
    const char *twin = "?";
    for (size_t i = 0; i < PN_ARRAY_COUNT(twins); i++) {
        twin = twins[i].character == character ? twins[i].twin : twin;
    }
    pn_buf_add_str(out, twin);
    return false;
}
