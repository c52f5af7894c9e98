// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/identify/engine_bench.h"

// --- Random streams ------------------------------------------------------------------------------

enum { STREAM = 300, RESOURCES = 120, CLIENTS = 3 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*seed >> 33) % below;
}

static void draw_stream(uint64_t *seed, struct made *made)
{
    static const char *const clients[CLIENTS] = {CLIENT_A, CLIENT_B,
                                                 "c0000000000000000000000000000003"};
    static const struct {
        const char *happening, *status, *encounter_class;
    } kinds[] = {{"visit.finished", "finished", "EMER"}, {"visit.finished", "finished", "AMB"},
                 {"contact.recorded", "finished", "VR"}, {"visit.cancelled", "cancelled", "AMB"},
                 {"appointment.noshow", "noshow", ""},   {"appointment.cancelled", "cancelled", ""},
                 {"concern.raised", "active", ""}};
    for (unsigned i = 0; i < STREAM; i++) {
        unsigned kind = draw(seed, PN_ARRAY_COUNT(kinds));
        // A resource keeps its type: what is an appointment stays one.
        unsigned group = kind < 4 ? 0 : kind < 6 ? 1 : 2;
        const struct spec spec = {.happening = kinds[kind].happening,
                                  .subject = clients[draw(seed, draw(seed, 10) == 0 ? CLIENTS : 1)],
                                  .number = draw(seed, RESOURCES) * 3 + group,
                                  .start_ms = at(2025, 6, 2) + (int64_t)draw(seed, 360) * DAY,
                                  .recorded_ms = at(2026, 1, 1) + i, // each its own
                                  .status = kinds[kind].status,
                                  .encounter_class = kinds[kind].encounter_class,
                                  .profession = draw(seed, 8)};
        make(&made[i], i, &spec);
    }
}

// What holds at the end, as the work list shows it.
static void print_holding(struct bench *bench, struct pn_buf *out)
{
    static const char *const clients[] = {CLIENT_A, CLIENT_B, "c0000000000000000000000000000003"};
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct pn_case found;
        pn_arena_reset(bench->arena);
        if (pn_worklist_case(bench->worklist, bench->arena, pn_slice_str(clients[i]), &found,
                             &err) != PN_OK) {
            assert_int_equal(err.code, PN_NOT_FOUND);
            continue;
        }
        for (unsigned k = 0; k < found.trigger_count; k++) {
            const struct pn_trigger *trigger = &found.triggers[k];
            if (trigger->state == PN_TRIGGER_RAISED) {
                pn_buf_printf(out, "%u %.*s %lld %lld %d\n", i, PN_SLICE_FMT(trigger->rule_id),
                              (long long)trigger->count, (long long)trigger->lapses_ms,
                              (int)trigger->classes);
            }
        }
    }
}

static void any_order_comes_to_the_same(void **state)
{
    (void)state;
    uint64_t seed = 61;
    static struct made in_order[STREAM], other[2 * STREAM];
    for (unsigned round = 0; round < 8; round++) {
        struct pn_buf expected, found;
        pn_buf_init(&expected, 1024 * 1024);
        pn_buf_init(&found, 1024 * 1024);
        draw_stream(&seed, in_order);
        struct bench *bench = bench_new();
        take_batch(bench, in_order, STREAM);
        print_holding(bench, &expected);
        bench_free(bench);
        assert_true(expected.len > 0);

        // Each twice, in any order, cut anywhere into batches.
        for (unsigned i = 0; i < 2 * STREAM; i++) {
            other[i] = in_order[i % STREAM];
        }
        for (unsigned i = 2 * STREAM - 1; i > 0; i--) {
            unsigned k = draw(&seed, i + 1);
            struct made kept = other[i];
            other[i] = other[k];
            other[k] = kept;
        }
        bench = bench_new();
        for (unsigned i = 0; i < 2 * STREAM; i++) {
            other[i].event.id = pn_slice_str(other[i].id);
            other[i].event.type = pn_slice_str(other[i].type);
            other[i].event.data = pn_slice_str(other[i].data);
        }
        for (unsigned i = 0; i < 2 * STREAM;) {
            unsigned size = 1 + draw(&seed, 40);
            size = size > 2 * STREAM - i ? 2 * STREAM - i : size;
            take_batch(bench, other + i, size);
            i += size;
        }
        print_holding(bench, &found);
        bench_free(bench);
        assert_string_equal(found.data, expected.data);
        pn_buf_release(&expected);
        pn_buf_release(&found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order_comes_to_the_same, open_bench, close_bench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
