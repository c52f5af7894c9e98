// SPDX-License-Identifier: Apache-2.0
#include "services/identify/backtest/backtest_heap.h"

#include <stdlib.h>
#include <string.h>

#include "privacy/client_index.h"

enum { FIRST = 1024, KEY_DIGITS = 32, NONE = UINT32_MAX };

static enum pn_code no_memory(struct pn_err *err)
{
    return pn_err_set(err, PN_MEMORY, "backtest", "the facts take too much memory");
}

void pn_heap_release(struct pn_heap *heap)
{
    free(heap->subjects);
    free(heap->by_number);
    free(heap->facts);
    free(heap->owners);
    free(heap->by_id);
    free(heap->order);
    free(heap->people);
}

// --- Tables --------------------------------------------------------------------------------------

static uint64_t mix(uint64_t key)
{
    key *= UINT64_C(0x9E3779B97F4A7C15);
    return key ^ key >> 32;
}

static uint64_t id_key(const struct pn_fact_entry *fact)
{
    uint64_t key = 0;
    memcpy(&key, fact->id + 8, sizeof key);
    uint64_t other = 0;
    memcpy(&other, fact->id, sizeof other);
    return mix(key ^ other);
}

// The place of the number's row, or the free one where it belongs.
static uint32_t *number_row(const struct pn_heap *heap, int64_t number)
{
    uint32_t at = (uint32_t)mix((uint64_t)number) & (heap->by_number_size - 1);
    while (heap->by_number[at] != 0 && heap->subjects[heap->by_number[at] - 1].number != number) {
        at = (at + 1) & (heap->by_number_size - 1);
    }
    return &heap->by_number[at];
}

static uint32_t *id_row(const struct pn_heap *heap, const struct pn_fact_entry *fact)
{
    uint32_t at = (uint32_t)id_key(fact) & (heap->by_id_size - 1);
    while (heap->by_id[at] != 0 &&
           memcmp(heap->facts[heap->by_id[at] - 1].id, fact->id, PN_FACT_ID_BYTES) != 0) {
        at = (at + 1) & (heap->by_id_size - 1);
    }
    return &heap->by_id[at];
}

static bool grow(void **rows, uint32_t capacity, size_t row_bytes)
{
    void *grown = reallocarray(*rows, capacity, row_bytes);
    *rows = grown == NULL ? *rows : grown;
    return grown != NULL;
}

// A table twice the size of what it leads to: it is never more than half full.
static bool renew(uint32_t **table, uint32_t *size, uint32_t capacity)
{
    uint32_t *fresh = calloc((size_t)capacity * 2, sizeof *fresh);
    if (fresh != NULL) {
        free(*table);
        *table = fresh;
        *size = capacity * 2;
    }
    return fresh != NULL;
}

static bool room_for_subject(struct pn_heap *heap)
{
    if (heap->subject_count < heap->subject_capacity) {
        return true;
    }
    uint32_t capacity = heap->subject_capacity == 0 ? FIRST : heap->subject_capacity * 2;
    if (!grow((void **)&heap->subjects, capacity, sizeof *heap->subjects) ||
        !renew(&heap->by_number, &heap->by_number_size, capacity)) {
        return false;
    }
    heap->subject_capacity = capacity;
    for (uint32_t i = 0; i < heap->subject_count; i++) {
        *number_row(heap, heap->subjects[i].number) = i + 1;
    }
    return true;
}

static bool room_for_fact(struct pn_heap *heap)
{
    if (heap->fact_count < heap->fact_capacity) {
        return true;
    }
    uint32_t capacity = heap->fact_capacity == 0 ? FIRST : heap->fact_capacity * 2;
    if (capacity > PN_HEAP_FACTS_MAX ||
        !grow((void **)&heap->facts, capacity, sizeof *heap->facts) ||
        !grow((void **)&heap->owners, capacity, sizeof *heap->owners) ||
        !renew(&heap->by_id, &heap->by_id_size, capacity)) {
        return false;
    }
    heap->fact_capacity = capacity;
    for (uint32_t i = 0; i < heap->fact_count; i++) {
        *id_row(heap, &heap->facts[i]) = i + 1;
    }
    return true;
}

// --- Putting in ----------------------------------------------------------------------------------

static int by_subject(const void *key, const void *row)
{
    int64_t number = *(const int64_t *)key;
    int64_t subject = ((const struct pn_backtest_alias *)row)->subject;
    return number < subject ? -1 : number > subject;
}

static void add_subject(struct pn_heap *heap, int64_t number, uint64_t rest)
{
    const struct pn_backtest_alias *alias =
        heap->alias_count == 0
            ? NULL
            : bsearch(&number, heap->aliases, heap->alias_count, sizeof *heap->aliases, by_subject);
    heap->subjects[heap->subject_count++] =
        (struct pn_heap_subject){.number = number,
                                 .client = alias == NULL ? number : alias->client,
                                 .is_alias = alias != NULL,
                                 .rest = rest,
                                 .recorded_ms = INT64_MIN};
}

static enum pn_code subject_of(struct pn_heap *heap, int64_t number, uint64_t rest,
                               uint32_t *ret_subject, struct pn_err *err)
{
    if (!room_for_subject(heap)) {
        return no_memory(err);
    }
    uint32_t *row = number_row(heap, number);
    if (*row == 0) {
        add_subject(heap, number, rest);
        *row = heap->subject_count;
    }
    *ret_subject = *row - 1;
    return PN_OK;
}

enum pn_code pn_heap_subject(struct pn_heap *heap, struct pn_slice key, uint32_t *ret_subject,
                             struct pn_err *err)
{
    int64_t number = 0, rest = 0;
    char swapped[KEY_DIGITS];
    bool is_key = key.len == KEY_DIGITS && pn_client_number(key, &number);
    if (is_key) {
        memcpy(swapped, key.ptr + KEY_DIGITS / 2, KEY_DIGITS / 2);
        memcpy(swapped + KEY_DIGITS / 2, key.ptr, KEY_DIGITS / 2);
        is_key = pn_client_number(pn_slice_of(swapped, KEY_DIGITS), &rest);
    }
    return is_key ? subject_of(heap, number, (uint64_t)rest, ret_subject, err)
                  : pn_err_set(err, PN_INVALID, "subject", "32 hex digits are expected");
}

enum pn_code pn_heap_put(struct pn_heap *heap, uint32_t subject, const struct pn_fact_entry *fact,
                         struct pn_err *err)
{
    if (!room_for_fact(heap)) {
        return no_memory(err);
    }
    uint32_t *row = id_row(heap, fact);
    if (*row == 0) {
        if (heap->seen != NULL) {
            uint64_t bit = id_key(fact) >> 20 & (PN_HEAP_SEEN_BITS - 1);
            heap->seen[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
        heap->facts[heap->fact_count] = *fact;
        heap->owners[heap->fact_count] = subject;
        *row = ++heap->fact_count;
        return PN_OK;
    }
    uint32_t at = *row - 1;
    if (fact->revision >= heap->facts[at].revision) {
        heap->facts[at] = *fact;
        heap->owners[at] = subject;
    }
    return PN_OK;
}

void pn_heap_person(struct pn_heap *heap, uint32_t subject, int birth_year, int64_t recorded_ms)
{
    struct pn_heap_subject *of = &heap->subjects[subject];
    if (recorded_ms >= of->recorded_ms) {
        of->birth_year = birth_year;
        of->recorded_ms = recorded_ms;
    }
}

// --- Between heaps -------------------------------------------------------------------------------

struct claim {
    uint8_t id[PN_FACT_ID_BYTES];
    int64_t revision, subject;
};

bool pn_heap_write_claims(const struct pn_heap *heap, const uint64_t *seen, FILE *out)
{
    for (uint32_t i = 0; i < heap->fact_count; i++) {
        const struct pn_fact_entry *fact = &heap->facts[i];
        uint64_t bit = id_key(fact) >> 20 & (PN_HEAP_SEEN_BITS - 1);
        if ((seen[bit / 64] >> (bit % 64) & 1) == 0) {
            continue;
        }
        struct claim claim = {.revision = fact->revision,
                              .subject = heap->subjects[heap->owners[i]].number};
        memcpy(claim.id, fact->id, sizeof claim.id);
        if (fwrite(&claim, sizeof claim, 1, out) != 1) {
            return false;
        }
    }
    return true;
}

bool pn_heap_take_claims(struct pn_heap *heap, struct pn_slice claims)
{
    struct claim claim;
    for (size_t at = 0; at + sizeof claim <= claims.len && heap->fact_count > 0;
         at += sizeof claim) {
        memcpy(&claim, claims.ptr + at, sizeof claim);
        struct pn_fact_entry like;
        memcpy(like.id, claim.id, sizeof like.id);
        uint32_t place = *id_row(heap, &like);
        if (place == 0 || heap->owners[place - 1] == PN_HEAP_GONE) {
            continue;
        }
        const struct pn_fact_entry *own = &heap->facts[place - 1];
        int64_t number = heap->subjects[heap->owners[place - 1]].number;
        // Told at the very same time: both sides come to the same.
        bool is_newer = claim.revision > own->revision ||
                        (claim.revision == own->revision && claim.subject > number);
        if (is_newer) {
            heap->owners[place - 1] = PN_HEAP_GONE;
        }
    }
    return claims.len % sizeof claim == 0;
}

struct moved {
    struct pn_heap_subject subject;
    bool has_fact;
    struct pn_fact_entry fact;
};

static bool goes_to(const struct pn_heap_subject *subject, unsigned to, unsigned count)
{
    return subject->is_alias && mix((uint64_t)subject->client) % count == to;
}

bool pn_heap_write_moved(struct pn_heap *heap, unsigned to, unsigned count, FILE *out)
{
    struct moved moved;
    bool is_good = true;
    memset(&moved, 0, sizeof moved);
    for (uint32_t i = 0; i < heap->subject_count && is_good; i++) {
        if (goes_to(&heap->subjects[i], to, count)) {
            moved.subject = heap->subjects[i];
            is_good = fwrite(&moved, sizeof moved, 1, out) == 1;
        }
    }
    moved.has_fact = true;
    for (uint32_t i = 0; i < heap->fact_count && is_good; i++) {
        if (heap->owners[i] != PN_HEAP_GONE &&
            goes_to(&heap->subjects[heap->owners[i]], to, count)) {
            moved.subject = heap->subjects[heap->owners[i]];
            moved.fact = heap->facts[i];
            is_good = fwrite(&moved, sizeof moved, 1, out) == 1;
            heap->owners[i] = PN_HEAP_GONE;
        }
    }
    return is_good;
}

enum pn_code pn_heap_take_moved(struct pn_heap *heap, struct pn_slice bytes, struct pn_err *err)
{
    struct moved moved;
    enum pn_code code = bytes.len % sizeof moved == 0
                            ? PN_OK
                            : pn_err_set(err, PN_INTERNAL, "backtest", "moved facts are damaged");
    for (size_t at = 0; at < bytes.len && code == PN_OK; at += sizeof moved) {
        uint32_t subject = 0;
        memcpy(&moved, bytes.ptr + at, sizeof moved);
        code = subject_of(heap, moved.subject.number, moved.subject.rest, &subject, err);
        if (code == PN_OK && moved.has_fact) {
            // It may be here, let go: it is this one's alone now.
            code = pn_heap_put(heap, subject, &moved.fact, err);
        } else if (code == PN_OK) {
            pn_heap_person(heap, subject, moved.subject.birth_year, moved.subject.recorded_ms);
        }
    }
    return code;
}

// --- Client by client ----------------------------------------------------------------------------

static int by_client(const void *a, const void *b, void *context)
{
    const struct pn_heap_subject *subjects = context;
    const struct pn_heap_subject *one = &subjects[*(const uint32_t *)a];
    const struct pn_heap_subject *two = &subjects[*(const uint32_t *)b];
    if (one->client != two->client) {
        return one->client < two->client ? -1 : 1;
    }
    return one->number < two->number ? -1 : one->number > two->number;
}

// Facts in the order of their subjects' places, by counting.
static void sort_facts(struct pn_heap *heap, const uint32_t *place_of, uint32_t *starts)
{
    for (uint32_t i = 0; i < heap->fact_count; i++) {
        if (heap->owners[i] != PN_HEAP_GONE) {
            starts[place_of[heap->owners[i]] + 1]++;
        }
    }
    for (uint32_t i = 0; i < heap->subject_count; i++) {
        starts[i + 1] += starts[i];
    }
    for (uint32_t i = 0; i < heap->fact_count; i++) {
        if (heap->owners[i] != PN_HEAP_GONE) {
            heap->order[starts[place_of[heap->owners[i]]]++] = i;
        }
    }
    uint32_t all = starts[heap->subject_count];
    if (all < heap->fact_count) {
        heap->order[all] = NONE; // the end
    }
}

enum pn_code pn_heap_group(struct pn_heap *heap, struct pn_err *err)
{
    free(heap->by_id); // nothing is looked up any more
    heap->by_id = NULL;
    uint32_t *place_of = calloc((size_t)heap->subject_count + 1, sizeof *place_of);
    uint32_t *starts = calloc((size_t)heap->subject_count + 2, sizeof *starts);
    heap->order = calloc((size_t)heap->fact_count + 1, sizeof *heap->order);
    heap->people = calloc((size_t)heap->subject_count + 1, sizeof *heap->people);
    bool is_good =
        place_of != NULL && starts != NULL && heap->order != NULL && heap->people != NULL;
    if (is_good) {
        for (uint32_t i = 0; i < heap->subject_count; i++) {
            heap->people[i] = i;
        }
        qsort_r(heap->people, heap->subject_count, sizeof *heap->people, by_client, heap->subjects);
        for (uint32_t i = 0; i < heap->subject_count; i++) {
            place_of[heap->people[i]] = i;
        }
        heap->order[heap->fact_count] = NONE;
        sort_facts(heap, place_of, starts);
    }
    free(place_of);
    free(starts);
    return is_good ? PN_OK : no_memory(err);
}

// As the service does (pn_held_gather): what ended longest ago makes room.
static void replace_oldest(struct pn_fact_entry *facts, const struct pn_fact_entry *fact)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < PN_CLIENT_FACTS_MAX; i++) {
        oldest = facts[i].end_ms < facts[oldest].end_ms ? i : oldest;
    }
    if (fact->end_ms > facts[oldest].end_ms) {
        facts[oldest] = *fact;
    }
}

static void take_facts(struct pn_heap *heap, int64_t client, struct pn_heap_client *found,
                       struct pn_fact_entry *facts)
{
    uint32_t at = heap->order[heap->next_fact];
    for (; at != NONE && heap->subjects[heap->owners[at]].client == client;
         at = heap->order[++heap->next_fact]) {
        if (heap->facts[at].start_ms > heap->to_ms) {
            continue;
        }
        if (found->fact_count < PN_CLIENT_FACTS_MAX) {
            facts[found->fact_count++] = heap->facts[at];
        } else {
            found->is_crowded = true;
            replace_oldest(facts, &heap->facts[at]);
        }
    }
}

bool pn_heap_next(struct pn_heap *heap, struct pn_heap_client *ret_client,
                  struct pn_fact_entry ret_facts[static PN_CLIENT_FACTS_MAX])
{
    while (heap->next_person < heap->subject_count) {
        int64_t client = heap->subjects[heap->people[heap->next_person]].client;
        int64_t recorded_ms = INT64_MIN;
        struct pn_heap_client found = {.number = client};
        while (heap->next_person < heap->subject_count) {
            const struct pn_heap_subject *of = &heap->subjects[heap->people[heap->next_person]];
            if (of->client != client) {
                break;
            }
            found.rest = of->number == client ? of->rest : found.rest;
            if (of->birth_year > 0 && of->recorded_ms > recorded_ms) {
                found.birth_year = of->birth_year;
                recorded_ms = of->recorded_ms;
            }
            heap->next_person++;
        }
        take_facts(heap, client, &found, ret_facts);
        if (found.fact_count > 0) {
            *ret_client = found;
            return true;
        }
    }
    return false;
}
