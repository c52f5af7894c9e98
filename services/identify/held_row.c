// SPDX-License-Identifier: Apache-2.0
#include "services/identify/held_row.h"

#include <stddef.h>
#include <string.h>

// A head is written and read as it stands in memory: little-endian, without holes.
_Static_assert(offsetof(struct pn_fact_entry, codes) == PN_ROW_HEAD_BYTES, "a stored fact's head");
_Static_assert(sizeof(struct pn_fact_entry) + 1 == PN_ROW_FACT_BYTES_MAX, "no holes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the stored form of a fact");

struct first_form {
    uint8_t id[PN_FACT_ID_BYTES];
    int64_t start_ms, revision;
    uint32_t service, profession, contact, status;
    uint8_t resource_type, kind, sector, data_class, urgency, flags, spare[2];
};
_Static_assert(sizeof(struct first_form) == 56, "the first stored form of a fact");

// The same as a head, with one code among its fields.
enum { ONE_CODE_BYTES = 80, ONE_CODE_AT = 40 };
enum { HALF_BITS = 4, MOST_OF_HALF = (1 << HALF_BITS) - 1 }; // of the byte with two numbers

// --- One fact ------------------------------------------------------------------------------------

static uint8_t set_of_one(uint8_t data_class)
{
    return data_class < PN_CLASS_COUNT
               ? pn_fact_pack_classes(pn_class_bit((enum pn_data_class)data_class))
               : UINT8_MAX;
}

// Each reads one fact, and tells how many bytes it is; 0: the row ends within it.
static size_t read_first(struct pn_slice left, struct pn_fact_entry *ret_fact)
{
    struct first_form old;
    if (left.len < sizeof old) {
        return 0;
    }
    memcpy(&old, left.ptr, sizeof old);
    *ret_fact = (struct pn_fact_entry){.start_ms = old.start_ms,
                                       .end_ms = old.start_ms,
                                       .revision = old.revision,
                                       .service = old.service,
                                       .profession = old.profession,
                                       .contact = old.contact,
                                       .status = old.status,
                                       .resource_type = old.resource_type,
                                       .kind = old.kind,
                                       .sector = old.sector,
                                       .classes = set_of_one(old.data_class),
                                       .urgency = old.urgency,
                                       .flags = old.flags};
    memcpy(ret_fact->id, old.id, sizeof old.id);
    return sizeof old;
}

static size_t read_one_code(struct pn_slice left, struct pn_fact_entry *ret_fact)
{
    if (left.len < ONE_CODE_BYTES) {
        return 0;
    }
    const char *after = left.ptr + ONE_CODE_AT + sizeof ret_fact->codes[0];
    *ret_fact = (struct pn_fact_entry){.codes = {0}};
    memcpy(ret_fact, left.ptr, ONE_CODE_AT);
    memcpy(ret_fact->codes, left.ptr + ONE_CODE_AT, sizeof ret_fact->codes[0]);
    memcpy((char *)ret_fact + ONE_CODE_AT, after, PN_ROW_HEAD_BYTES - ONE_CODE_AT);
    ret_fact->classes = set_of_one(ret_fact->classes);
    return ONE_CODE_BYTES;
}

static size_t read_newest(struct pn_slice left, struct pn_fact_entry *ret_fact)
{
    const size_t head = PN_ROW_HEAD_BYTES + 1;
    const unsigned counts = left.len < head ? 0 : (unsigned char)left.ptr[PN_ROW_HEAD_BYTES];
    const size_t codes = (counts & MOST_OF_HALF) * sizeof ret_fact->codes[0];
    const size_t professions = (counts >> HALF_BITS) * sizeof ret_fact->more_professions[0];
    if (left.len < head + codes + professions || codes > sizeof ret_fact->codes ||
        professions > sizeof ret_fact->more_professions) {
        return 0;
    }
    memcpy(ret_fact, left.ptr, PN_ROW_HEAD_BYTES);
    memset((char *)ret_fact + PN_ROW_HEAD_BYTES, 0, sizeof *ret_fact - PN_ROW_HEAD_BYTES);
    memcpy(ret_fact->codes, left.ptr + head, codes);
    memcpy(ret_fact->more_professions, left.ptr + head + codes, professions);
    return head + codes + professions;
}

static size_t read_one_class(struct pn_slice left, struct pn_fact_entry *ret_fact)
{
    const size_t bytes = read_newest(left, ret_fact);
    if (bytes > 0) {
        ret_fact->classes = set_of_one(ret_fact->classes);
    }
    return bytes;
}

static size_t (*const readers[])(struct pn_slice left, struct pn_fact_entry *ret_fact) = {
    [PN_ROW_FIRST] = read_first,         [PN_ROW_ONE_CODE] = read_one_code,
    [PN_ROW_ONE_CLASS] = read_one_class, [PN_ROW_ONE_PROFESSION] = read_newest,
    [PN_ROW_FORM] = read_newest,
};

// --- Rows ----------------------------------------------------------------------------------------

bool pn_held_row_count(int64_t form, struct pn_slice row, unsigned *ret_count)
{
    if (form < PN_ROW_FIRST || form > PN_ROW_FORM) {
        return false;
    }
    struct pn_fact_entry fact;
    unsigned count = 0;
    size_t at = 0;
    while (at < row.len) {
        size_t bytes = readers[form](pn_slice_of(row.ptr + at, row.len - at), &fact);
        if (bytes == 0) {
            return false;
        }
        at += bytes;
        count++;
    }
    *ret_count = count;
    return true;
}

void pn_held_row_read(int64_t form, struct pn_slice row, struct pn_fact_entry *ret_facts)
{
    for (size_t at = 0; at < row.len; ret_facts++) {
        at += readers[form](pn_slice_of(row.ptr + at, row.len - at), ret_facts);
    }
}

size_t pn_held_row_write(const struct pn_fact_entry *facts, unsigned count, char *ret_row)
{
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct pn_fact_entry *fact = &facts[i];
        unsigned codes = 0, more = 0;
        while (codes < PN_CODES_MAX && fact->codes[codes] != 0) {
            codes++;
        }
        while (more + 1 < PN_PROFESSIONS_MAX && fact->more_professions[more] != 0) {
            more++;
        }
        memcpy(ret_row + at, fact, PN_ROW_HEAD_BYTES);
        at += PN_ROW_HEAD_BYTES;
        ret_row[at++] = (char)(codes | more << HALF_BITS);
        memcpy(ret_row + at, fact->codes, codes * sizeof fact->codes[0]);
        at += codes * sizeof fact->codes[0];
        memcpy(ret_row + at, fact->more_professions, more * sizeof fact->more_professions[0]);
        at += more * sizeof fact->more_professions[0];
    }
    return at;
}
