// SPDX-License-Identifier: Apache-2.0
#include "base/ids.h"

#include <assert.h>
#include <string.h>
#include <uuid/uuid.h>

#include "base/buf.h"
#include "base/limits.h"

// Parts come out of messages: a message may be one of them, and no message may stop the process.
enum { NAME_BYTES_MAX = 16 * PN_MESSAGE_BYTES_MAX };

// The namespace of every derived id; chosen at random once and never to be changed.
static const uuid_t punos_namespace = {0x5d, 0x0f, 0x3c, 0x1e, 0x8b, 0x7a, 0x4e, 0x52,
                                       0x9c, 0x41, 0x27, 0xe6, 0x0d, 0x93, 0xb8, 0x64};

// "|12:"; once per part of every event's id, so without printf.
static void add_length(struct pn_buf *name, size_t length)
{
    char text[24];
    size_t at = sizeof text;
    text[--at] = ':';
    do {
        text[--at] = (char)('0' + length % 10);
        length /= 10;
    } while (length > 0);
    text[--at] = '|';
    pn_buf_add(name, text + at, sizeof text - at);
}

void pn_uuid5(const char *kind, const struct pn_slice *parts, size_t part_count,
              char ret_text[static PN_UUID_TEXT_BYTES])
{
    struct pn_buf name;
    pn_buf_init(&name, NAME_BYTES_MAX);
    pn_buf_add_str(&name, kind);
    for (size_t i = 0; i < part_count; i++) {
        // The length before each part keeps ("ab", "c") and ("a", "bc") apart.
        add_length(&name, parts[i].len);
        pn_buf_add_slice(&name, parts[i]);
    }
    assert(pn_buf_ok(&name));
    uuid_t id;
    uuid_generate_sha1(id, punos_namespace, name.data, name.len);
    uuid_unparse_lower(id, ret_text);
    pn_buf_release(&name);
}

void pn_uuid4(char ret_text[static PN_UUID_TEXT_BYTES])
{
    uuid_t id;
    uuid_generate_random(id);
    uuid_unparse_lower(id, ret_text);
}

bool pn_uuid_parse(struct pn_slice text, uint8_t ret_bytes[static 16])
{
    uuid_t id;
    if (text.len != PN_UUID_TEXT_BYTES - 1 ||
        uuid_parse_range(text.ptr, text.ptr + text.len, id) != 0) {
        return false;
    }
    memcpy(ret_bytes, id, sizeof id);
    return true;
}

void pn_uuid_print(const uint8_t bytes[static 16], char ret_text[static PN_UUID_TEXT_BYTES])
{
    uuid_unparse_lower(bytes, ret_text);
}
