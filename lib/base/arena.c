// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define PN_ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PN_ARENA_ASAN 1
#endif
#endif
#ifdef PN_ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(ptr, bytes) ASAN_POISON_MEMORY_REGION(ptr, bytes)
#define UNPOISON(ptr, bytes) ASAN_UNPOISON_MEMORY_REGION(ptr, bytes)
#else
#define POISON(ptr, bytes) ((void)(ptr), (void)(bytes))
#define UNPOISON(ptr, bytes) ((void)(ptr), (void)(bytes))
#endif

enum { BLOCK_BYTES = 64 * 1024, ALIGNMENT = 16 };

struct block {
    struct block *next;
    size_t capacity;
    size_t used;
    size_t padding; // keeps data aligned
    char data[];
};

struct pn_arena {
    struct block *first;
    struct block *current;
    size_t ceiling_bytes;
    size_t held_bytes;
    size_t used_bytes;
};

static struct block *block_new(struct pn_arena *arena, size_t capacity)
{
    if (capacity > arena->ceiling_bytes - arena->held_bytes) {
        return NULL;
    }
    struct block *block = malloc(sizeof *block + capacity);
    if (block == NULL) {
        return NULL;
    }
    *block = (struct block){.capacity = capacity};
    arena->held_bytes += capacity;
    POISON(block->data, capacity);
    return block;
}

struct pn_arena *pn_arena_new(size_t ceiling_bytes)
{
    struct pn_arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL) {
        return NULL;
    }
    arena->ceiling_bytes = ceiling_bytes;
    return arena;
}

static void free_blocks(struct block *block)
{
    while (block != NULL) {
        struct block *next = block->next;
        UNPOISON(block->data, block->capacity);
        free(block);
        block = next;
    }
}

void pn_arena_free(struct pn_arena *arena)
{
    if (arena == NULL) {
        return;
    }
    free_blocks(arena->first);
    free(arena);
}

void pn_arena_reset(struct pn_arena *arena)
{
    struct block *first = arena->first;
    arena->used_bytes = 0;
    if (first == NULL) {
        return;
    }
    free_blocks(first->next);
    first->next = NULL;
    first->used = 0;
    arena->current = first;
    arena->held_bytes = first->capacity;
    POISON(first->data, first->capacity);
}

static struct block *block_with_room(struct pn_arena *arena, size_t bytes)
{
    struct block *current = arena->current;
    if (current != NULL && current->capacity - current->used >= bytes) {
        return current;
    }
    size_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
    if (capacity > arena->ceiling_bytes - arena->held_bytes) {
        capacity = bytes; // the last block before the ceiling may be small
    }
    struct block *block = block_new(arena, capacity);
    if (block == NULL) {
        return NULL;
    }
    if (current == NULL) {
        arena->first = block;
    } else {
        block->next = current->next;
        current->next = block;
    }
    arena->current = block;
    return block;
}

void *pn_arena_alloc(struct pn_arena *arena, size_t bytes)
{
    assert(arena != NULL);
    if (bytes > SIZE_MAX - ALIGNMENT) {
        return NULL;
    }
    size_t rounded = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded == 0) {
        rounded = ALIGNMENT;
    }
    struct block *block = block_with_room(arena, rounded);
    if (block == NULL) {
        return NULL;
    }
    char *found = block->data + block->used;
    block->used += rounded;
    arena->used_bytes += rounded;
    UNPOISON(found, bytes);
    memset(found, 0, bytes);
    return found;
}

void *pn_arena_alloc_array(struct pn_arena *arena, size_t count, size_t each_bytes)
{
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, each_bytes, &bytes)) {
        return NULL;
    }
    return pn_arena_alloc(arena, bytes);
}

char *pn_arena_copy(struct pn_arena *arena, struct pn_slice text)
{
    char *copy = pn_arena_alloc(arena, text.len + 1);
    if (copy != NULL && text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    return copy;
}

char *pn_arena_printf(struct pn_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : pn_arena_alloc(arena, (size_t)length + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}

size_t pn_arena_used_bytes(const struct pn_arena *arena)
{
    return arena->used_bytes;
}
