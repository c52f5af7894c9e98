// SPDX-License-Identifier: Apache-2.0
// Code tables: looking up.
#include <string.h>

#include "map/run.h"
#include "map/table.h"

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

int pn_map_compare_nocase(struct pn_slice a, struct pn_slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        int difference = lower(a.ptr[i]) - lower(b.ptr[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

// The first code that is not before `from`.
static unsigned lower_bound(const struct pn_map_table *table, struct pn_slice from)
{
    unsigned low = 0, high = table->code_count;
    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (pn_map_compare_nocase(table->codes[middle].from, from) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

const struct pn_map_code *pn_map_table_find(const struct pn_map_table *table, struct pn_slice from)
{
    unsigned first = lower_bound(table, from);
    const struct pn_map_code *same_letters = NULL;
    for (unsigned i = first; i < table->code_count; i++) {
        if (pn_map_compare_nocase(table->codes[i].from, from) != 0) {
            break;
        }
        if (pn_slice_eq(table->codes[i].from, from)) {
            return &table->codes[i];
        }
        same_letters = same_letters == NULL ? &table->codes[i] : same_letters;
    }
    return same_letters != NULL ? same_letters : table->others;
}
