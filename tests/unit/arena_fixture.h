// SPDX-License-Identifier: Apache-2.0
/*
 * What tests of readers share: a fresh arena for each test, and where an error goes.
 */
#ifndef TEST_ARENA_FIXTURE_H
#define TEST_ARENA_FIXTURE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

static struct pn_arena *arena;
static struct pn_err err;

static inline int set_up(void **state)
{
    (void)state;
    arena = pn_arena_new(PN_MESSAGE_ARENA_BYTES_MAX);
    return arena == NULL;
}

static inline int tear_down(void **state)
{
    (void)state;
    pn_arena_free(arena);
    return 0;
}

#endif
