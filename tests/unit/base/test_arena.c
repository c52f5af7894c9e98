// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static void gives_zeroed_aligned_memory(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    for (size_t bytes = 0; bytes < 200; bytes++) {
        unsigned char *found = pn_arena_alloc(arena, bytes);
        assert_non_null(found);
        assert_int_equal((uintptr_t)found % 16, 0);
        for (size_t i = 0; i < bytes; i++) {
            assert_int_equal(found[i], 0);
        }
        memset(found, 0xAA, bytes);
    }
    pn_arena_free(arena);
}

static void stops_at_its_ceiling(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(100 * 1024);
    assert_non_null(pn_arena_alloc(arena, 60 * 1024));
    assert_null(pn_arena_alloc(arena, 60 * 1024));
    assert_null(pn_arena_alloc_array(arena, SIZE_MAX / 2, 4));
    pn_arena_reset(arena);
    assert_int_equal(pn_arena_used_bytes(arena), 0);
    assert_non_null(pn_arena_alloc(arena, 60 * 1024));
    pn_arena_free(arena);
}

static void copies_and_prints(void **state)
{
    (void)state;
    struct pn_arena *arena = pn_arena_new(1024 * 1024);
    assert_string_equal(pn_arena_copy(arena, pn_slice_str("punos")), "punos");
    assert_string_equal(pn_arena_copy(arena, pn_slice_of(NULL, 0)), "");
    assert_string_equal(pn_arena_printf(arena, "%s-%d", "PID", 3), "PID-3");
    pn_arena_free(arena);
    pn_arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_zeroed_aligned_memory),
        cmocka_unit_test(stops_at_its_ceiling),
        cmocka_unit_test(copies_and_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
